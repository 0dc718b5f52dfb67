/**
 * What EXEC or a script writes to the log as one unit: in MULTI and EXEC when it is more than one command, by itself when it is one.
 * The first command is held back until that is known. Hot file: the buffer it is held in is reused.
 * Source: Valkey 9.1 server.c propagatePendingCommands.
 */
import { Arguments } from '../protocol/arguments.ts';
import type { WriteGate } from './executor.ts';

/** A larger buffer is not kept. */
const MAX_KEPT_BYTES = 1024 * 1024;

export class WriteUnit {
  /** Units that stand inside each other (a script inside EXEC) are one. */
  private depth = 0;
  private begun = false;
  private holds = false;
  private database = 0;
  private slot = 0;
  private readonly held: Arguments = new Arguments();
  private buffer: Uint8Array = new Uint8Array(1024);

  begin(): void {
    this.depth++;
  }

  end(writes: WriteGate | null): void {
    if (--this.depth > 0) return;
    if (this.holds) writes?.append(this.database, this.slot, this.held);
    if (this.begun) writes?.endTransaction();
    this.holds = false;
    this.begun = false;
    if (this.buffer.length > MAX_KEPT_BYTES) this.buffer = new Uint8Array(1024);
  }

  append(writes: WriteGate, database: number, slot: number, args: Arguments): void {
    if (this.depth > 0 && !this.begun) {
      if (!this.holds) {
        this.hold(database, slot, args);
        return;
      }
      this.begun = true;
      this.holds = false;
      writes.beginTransaction();
      writes.append(this.database, this.slot, this.held);
    }
    writes.append(database, slot, args);
  }

  private hold(database: number, slot: number, args: Arguments): void {
    const { held } = this;
    const { bytes, starts, ends, count } = args;
    let sizeBytes = 0;
    for (let i = 0; i < count; i++) sizeBytes += ends[i]! - starts[i]!;
    if (sizeBytes > this.buffer.length) this.buffer = new Uint8Array(Math.max(sizeBytes, this.buffer.length * 2));
    held.ensure(count);
    held.bytes = this.buffer;
    let at = 0;
    for (let i = 0; i < count; i++) {
      held.starts[i] = at;
      for (let from = starts[i]!; from < ends[i]!; from++) this.buffer[at++] = bytes[from]!;
      held.ends[i] = at;
    }
    held.count = count;
    this.database = database;
    this.slot = slot;
    this.holds = true;
  }
}
