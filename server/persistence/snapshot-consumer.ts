/**
 * What the point-in-time iterator tells its dataset to: a visitor whose bytes can be set aside and added later.
 *
 * The iterator may have to keep a value before its turn (it is about to change) while another value is half told.
 * It diverts the consumer to a side buffer for that, and appends the buffer's bytes to `out` when their turn has come.
 */
import type { ChunkWriter } from './chunks.ts';
import type { DatasetVisitor, ValueType } from './dataset.ts';

export interface SnapshotConsumer extends DatasetVisitor {
  /** Bytes for the file or the socket. */
  readonly out: ChunkWriter;
  /** Until `restore` what is told goes to this buffer. */
  divert(side: ChunkWriter): void;
  restore(): void;
  /** The next elements, or the end, belong to this key (in the database told last), whose head is told earlier or later. */
  continueKey(type: ValueType, key: Uint8Array, expireAtMs: number): void;
}
