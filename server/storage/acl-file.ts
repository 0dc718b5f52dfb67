/** The file that `aclfile` names. */
import { readFileSync } from 'node:fs';
import { reasonOf, replaceFile } from './whole-file.ts';

/** The users' lines, as latin-1 text of their bytes. */
export function readAclFile(name: string): { readonly text: string } | { readonly problem: string } {
  try {
    return { text: readFileSync(name, 'latin1') };
  } catch (problem) {
    return { problem: `Error loading ACLs, opening file '${name}': ${reasonOf(problem)}` };
  }
}

/** Returns the problem or null. */
export const writeAclFile = replaceFile;
