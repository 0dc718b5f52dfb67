/** The file that `aclfile` names. Written whole beside it and renamed over it: a crash leaves the old one or the new one. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** The users' lines, as latin-1 text of their bytes. */
export function readAclFile(name: string): { readonly text: string } | { readonly problem: string } {
  try {
    return { text: readFileSync(name, 'latin1') };
  } catch (problem) {
    return { problem: `Error loading ACLs, opening file '${name}': ${reasonOf(problem)}` };
  }
}

/** Returns the problem or null. */
export function writeAclFile(name: string, text: string): string | null {
  const temporary = `${name}.tmp-${process.pid}`;
  try {
    const file = openSync(temporary, 'w', 0o644);
    try {
      writeSync(file, text, null, 'latin1');
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, name);
    const folder = openSync(dirname(name), 'r');
    fsyncSync(folder);
    closeSync(folder);
    return null;
  } catch (problem) {
    try {
      unlinkSync(temporary);
    } catch {
      // It was renamed, or never made.
    }
    return `${name}: ${reasonOf(problem)}`;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  EISDIR: 'Is a directory',
};

function reasonOf(problem: unknown): string {
  const code = problem instanceof Error && 'code' in problem ? String(problem.code) : '';
  return REASONS[code] ?? (problem instanceof Error ? problem.message : String(problem));
}
