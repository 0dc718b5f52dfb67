/**
 * The manifest of the append-only file: which files hold the dataset, in the order in which they are read.
 *
 *   file appendonly.aof.2.base.rdb seq 2 type b
 *   file appendonly.aof.3.incr.aof seq 3 type i
 *
 * Type b: the base, a snapshot (RDB, or commands); i: commands since, by sequence; h: history, which may be deleted.
 * Source: Valkey 9.1 aof.c, "AOF manifest".
 */

export interface AofFile {
  readonly name: string;
  readonly sequence: number;
}

export interface AofManifest {
  readonly base: AofFile | null;
  /** By sequence. */
  readonly increments: readonly AofFile[];
}

export const EMPTY_MANIFEST: AofManifest = { base: null, increments: [] };

const LINE = /^file (?:"((?:[^"\\]|\\.)*)"|(\S+)) seq (\d+) type ([bih])(?: .*)?$/;

/** Throws with the line that is wrong: a manifest that is not understood must not be written over. */
export function parseManifest(text: string, name: string): AofManifest {
  let base: AofFile | null = null;
  const increments: AofFile[] = [];
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const parts = LINE.exec(line);
    if (parts === null) throw new Error(`${name}:${index + 1}: not a line of a manifest: ${line}`);
    const file: AofFile = { name: (parts[1] ?? parts[2]!).replace(/\\(.)/g, '$1'), sequence: Number(parts[3]) };
    if (file.name.includes('/')) throw new Error(`${name}:${index + 1}: ${file.name} is not in this folder`);
    if (parts[4] === 'b') {
      if (base !== null) throw new Error(`${name}:${index + 1}: a second base`);
      base = file;
    } else if (parts[4] === 'i') {
      if ((increments.at(-1)?.sequence ?? 0) >= file.sequence)
        throw new Error(`${name}:${index + 1}: sequence ${file.sequence} does not follow`);
      increments.push(file);
    }
  }
  return { base, increments };
}

export function formatManifest({ base, increments }: AofManifest): string {
  const line = ({ name, sequence }: AofFile, type: string): string =>
    `file ${/[\s"\\]/.test(name) ? `"${name.replace(/["\\]/g, '\\$&')}"` : name} seq ${sequence} type ${type}\n`;
  return [...(base === null ? [] : [line(base, 'b')]), ...increments.map((file) => line(file, 'i'))].join('');
}

/** The files of `before` that `after` has no more. */
export function dropped(before: AofManifest, after: AofManifest): readonly AofFile[] {
  const kept = new Set([after.base?.name, ...after.increments.map(({ name }) => name)]);
  return [...(before.base === null ? [] : [before.base]), ...before.increments].filter(({ name }) => !kept.has(name));
}

export function nextIncrement({ base, increments }: AofManifest, prefix: string): AofFile {
  const sequence = (increments.at(-1)?.sequence ?? base?.sequence ?? 0) + 1;
  return { name: `${prefix}.${sequence}.incr.aof`, sequence };
}

export function nextBase({ base }: AofManifest, prefix: string): AofFile {
  const sequence = (base?.sequence ?? 0) + 1;
  return { name: `${prefix}.${sequence}.base.rdb`, sequence };
}
