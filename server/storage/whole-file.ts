/**
 * Small files that are written whole: beside the old one, and renamed over it, so that a crash leaves the old one or the new one.
 * Their text is latin-1 text of their bytes.
 */
import { closeSync, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Returns the problem or null. */
export function replaceFile(name: string, text: string): string | null {
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
  ENOTDIR: 'Not a directory',
};

/** The system's words for a failed call. */
export function reasonOf(problem: unknown): string {
  const code = problem instanceof Error && 'code' in problem ? String(problem.code) : '';
  return REASONS[code] ?? (problem instanceof Error ? problem.message : String(problem));
}
