/**
 * A file that grows at its end, written before the replies of a turn leave: synchronous, as far as the page cache.
 * What was written is on disk once `sync` returned or `syncSoon` resolved.
 */
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  unlinkSync,
  writeSync,
} from 'node:fs';

export class AppendFile {
  readonly path: string;
  /** Bytes that the file holds. */
  sizeBytes: number;
  private descriptor: number;

  /** Opens the file, or makes it. Throws Node's error. */
  constructor(path: string) {
    this.path = path;
    this.descriptor = openSync(path, 'a', 0o644);
    this.sizeBytes = fstatSync(this.descriptor).size;
  }

  /** Appends bytes[from, to) or nothing of it. Throws Node's error. */
  append(bytes: Uint8Array, from: number, to: number): void {
    const before = this.sizeBytes;
    try {
      while (from < to) {
        const written = writeSync(this.descriptor, bytes, from, to - from);
        from += written;
        this.sizeBytes += written;
      }
    } catch (problem) {
      // Half a command would be followed by a whole one.
      if (this.sizeBytes > before) this.truncate(before);
      throw problem;
    }
  }

  truncate(sizeBytes: number): void {
    ftruncateSync(this.descriptor, sizeBytes);
    this.sizeBytes = sizeBytes;
  }

  sync(): void {
    fdatasyncSync(this.descriptor);
  }

  syncSoon(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.descriptor, (problem) => (problem === null ? resolve() : reject(problem)));
    });
  }

  close(): void {
    closeSync(this.descriptor);
    this.descriptor = -1;
  }
}

/** Makes the folder, where it is missing, and what was created or renamed in it lasting. */
export function syncFolder(path: string): void {
  mkdirSync(path, { recursive: true });
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** A file that nothing refers to any more. Returns the problem or null. */
export function removeFile(path: string): string | null {
  try {
    unlinkSync(path);
    return null;
  } catch (problem) {
    return problem instanceof Error ? problem.message : String(problem);
  }
}
