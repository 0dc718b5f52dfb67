/**
 * RDB files on disk: written beside their name and put in its place in one step, read in pieces.
 * The only files of persistence, and asynchronous: between the awaits the node takes its turns.
 */
import { rmSync } from 'node:fs';
import { type FileHandle, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** One read: a millisecond or two of loading. */
const READ_BYTES = 128 * 1024;

/** A file that replaces another when it is complete; until `commit` the old one stands. */
export class ReplacementFile {
  readonly path: string;
  private readonly temporary: string;
  private readonly handle: FileHandle;

  private constructor(path: string, temporary: string, handle: FileHandle) {
    this.path = path;
    this.temporary = temporary;
    this.handle = handle;
  }

  /** `writer` tells apart the temporary files of processes that share a folder. */
  static async create(path: string, writer: string): Promise<ReplacementFile> {
    const temporary = temporaryOf(path, writer);
    return new ReplacementFile(path, temporary, await open(temporary, 'w', 0o644));
  }

  async write(bytes: Uint8Array, from: number, to: number): Promise<void> {
    while (from < to) {
      const { bytesWritten } = await this.handle.write(bytes, from, to - from);
      from += bytesWritten;
    }
  }

  /** After this the new content stands under the name, whatever happens to the machine. */
  async commit(): Promise<void> {
    await this.handle.sync();
    await this.handle.close();
    await rename(this.temporary, this.path);
    const folder = await open(dirname(this.path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  /** Removes what was written. For use after a failure: failures of its own are of no interest. */
  async abandon(): Promise<void> {
    await this.handle.close().catch(() => {});
    await unlink(this.temporary).catch(() => {});
  }
}

function temporaryOf(path: string, writer: string): string {
  return join(dirname(path), `temp-${writer}.rdb`);
}

/** At once: for a process that ends in the middle of a save. */
export function removeTemporary(path: string, writer: string): void {
  rmSync(temporaryOf(path, writer), { force: true });
}

/** Null when there is no such file. */
export async function fileSize(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (problem) {
    if (problem instanceof Error && 'code' in problem && problem.code === 'ENOENT') return null;
    throw problem;
  }
}

/** Gives a file's bytes piece by piece; `take` returning false ends the reading. */
export async function readPieces(path: string, take: (bytes: Uint8Array, length: number) => boolean): Promise<void> {
  const handle = await open(path, 'r');
  const buffer = new Uint8Array(READ_BYTES);
  try {
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, READ_BYTES);
      if (bytesRead === 0 || !take(buffer, bytesRead)) return;
    }
  } finally {
    await handle.close();
  }
}
