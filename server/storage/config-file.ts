/** The configuration file that the node was started with, for CONFIG REWRITE. */
import { existsSync, readFileSync } from 'node:fs';
import { reasonOf, replaceFile } from './whole-file.ts';

/** A file that is gone is made again. Returns the problem or null. */
export function rewriteConfigFile(name: string, rewrite: (before: string) => string): string | null {
  let before: string;
  try {
    before = existsSync(name) ? readFileSync(name, 'latin1') : '';
  } catch (problem) {
    return `${name}: ${reasonOf(problem)}`;
  }
  return replaceFile(name, rewrite(before));
}
