/** Reads what a source file imports. */
import { posix } from 'node:path';

/**
 * What a file imports or re-exports, types included: paths from the root for its own files, names for the rest.
 * The formatter puts every import at the start of a line, so that no parser is needed to find one.
 */
export function importsOf(path: string, text: string): string[] {
  const pattern =
    /^(?:import|export)\s(?:type\s)?[\w$\s,{}*]*\bfrom\s+'([^']+)'|^import\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm;
  const targets: string[] = [];
  for (const match of text.matchAll(pattern)) {
    const target = match[1] ?? match[2] ?? match[3] ?? '';
    targets.push(target.startsWith('.') ? posix.join(posix.dirname(path), target) : target);
  }
  return targets;
}

/** The text without imports and exports that vanish when types are stripped. */
export function withoutTypes(text: string): string {
  return text.replace(/^(?:import|export)\stype\s[\w$\s,{}*]*\bfrom\s+'[^']+';/gm, '');
}
