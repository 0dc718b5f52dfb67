/**
 * The writes to slots, read from the write log: its side ring says which commands are in which slot and database.
 * Commands keep their order; a SELECT precedes the first and each change of database; MULTI and EXEC are the log's own and
 * are not entries, so none leaves.
 */

import type { LogReader, ReaderOwner, WriteLog } from '../../replication/write-log.ts';
import { SLOTS } from '../limits.ts';
import type { SlotRange } from '../slot-map.ts';
import { covers } from './job.ts';
import { command } from './messages.ts';
import type { SlotWriteSource, SlotWrites } from './ports.ts';

export class LogSlotWriteSource implements SlotWriteSource {
  private readonly log: WriteLog;

  constructor(log: WriteLog) {
    this.log = log;
  }

  /** `ready` is not needed: a migration that streams is run by its connection's drains and by the tick. */
  follow(ranges: readonly SlotRange[], limitBytes: number): SlotWrites {
    return new LogSlotWrites(this.log, ranges, limitBytes);
  }
}

/** Collects copied commands; grows by doubling. */
class Piece {
  private room = new Uint8Array(64 * 1024);
  length = 0;

  bytes(source: Uint8Array, from: number, to: number): void {
    const needed = this.length + to - from;
    if (needed > this.room.length) {
      const larger = new Uint8Array(Math.max(needed, this.room.length * 2));
      larger.set(this.room.subarray(0, this.length));
      this.room = larger;
    }
    this.room.set(source.subarray(from, to), this.length);
    this.length = needed;
  }

  taken(): Uint8Array {
    return this.room.subarray(0, this.length);
  }
}

class LogSlotWrites implements SlotWrites, ReaderOwner {
  failure = '';
  private readonly log: WriteLog;
  private readonly reader: LogReader;
  /** A byte per slot: one look-up per command. */
  private readonly wanted = new Uint8Array(SLOTS);
  private database = -1;

  constructor(log: WriteLog, ranges: readonly SlotRange[], limitBytes: number) {
    this.log = log;
    for (let slot = 0; slot < SLOTS; slot++) if (covers(ranges, slot)) this.wanted[slot] = 1;
    this.reader = log.attachAtEnd('slot migration', this, true, limitBytes);
  }

  logReaderDropped(reason: string): void {
    this.failure = reason;
  }

  get pendingBytes(): number {
    return this.reader.attached ? this.log.pendingBytes(this.reader) : 0;
  }

  take(maxBytes: number): Uint8Array | null {
    if (!this.reader.attached) return null;
    let piece: Piece | null = null;
    while ((piece === null || piece.length < maxBytes) && this.log.nextCommand(this.reader)) {
      const { slot, database } = this.reader;
      if (slot < 0 || this.wanted[slot] === 0) continue;
      piece ??= new Piece();
      if (database !== this.database) {
        this.database = database;
        const select = command(['SELECT', `${database}`]);
        piece.bytes(select, 0, select.length);
      }
      this.log.copyCommand(this.reader, piece);
    }
    return piece === null ? null : piece.taken();
  }

  close(): void {
    this.log.detach(this.reader);
  }
}
