/**
 * A walk over every entry of a table, without a generator. Hot file: no allocation per step.
 * Nothing may be inserted into or removed from the table meanwhile, entries may be changed in place.
 * `seek` starts at a cursor (a hash prefix), so a walk can stop and go on, even after the table was resized.
 */
import type { Address } from './arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from './arena.ts';
import type { Table } from './table.ts';

/** A full walk ends at this cursor. */
export const END_OF_TABLE: number = 2 ** 32;

/** Entries read ahead by `next`: their memory is asked for together, where one after the other would be waited for in turn. */
const READ_AHEAD = 64;

export class TableWalk {
  readonly table: Table;
  /** Where the next bucket begins; END_OF_TABLE when there is none. */
  cursor: number = END_OF_TABLE;
  private entries: Int32Array = new Int32Array(64);
  private found = 0;
  private index = 0;
  /** Keeps the loads of `readAhead` from being dropped as useless. */
  private warmed = 0;

  constructor(table: Table) {
    this.table = table;
  }

  open(root: Address): this {
    return this.seek(root, 0);
  }

  seek(root: Address, cursor: number): this {
    this.table.open(root);
    this.cursor = cursor;
    this.found = 0;
    this.index = 0;
    return this;
  }

  /** The next entry, or NONE at the end. */
  next(): Address {
    if (this.index === this.found && !this.readAhead()) return NONE;
    return this.entries[this.index++]!;
  }

  /** Reads some buckets and touches their entries; false at the end. `cursor` is then beyond what `next` has given. */
  private readAhead(): boolean {
    const { table } = this;
    let found = 0;
    while (found < READ_AHEAD && this.cursor < END_OF_TABLE) {
      const bucket = table.bucketOf(this.cursor | 0);
      const length = table.chainLength(bucket);
      if (found + length > this.entries.length) {
        const larger = new Int32Array((found + length) * 2);
        larger.set(this.entries);
        this.entries = larger;
      }
      found = table.entriesOf(bucket, this.entries, found);
      this.cursor = table.nextCursor(this.cursor);
    }
    const { entries } = this;
    const segments = table.arena.words;
    let seen = 0;
    for (let i = 0; i < found; i++) {
      const entry = entries[i]!;
      seen ^= segments[entry >>> SEGMENT_OF_SHIFT]![(entry & OFFSET_MASK) << 1]!;
    }
    this.warmed ^= seen;
    this.found = found;
    this.index = 0;
    return found > 0;
  }

  /** Reads one bucket and leaves its entries to `entryAt`: how many, or -1 at the end. */
  nextBucket(): number {
    if (this.cursor >= END_OF_TABLE) return -1;
    const bucket = this.table.bucketOf(this.cursor | 0);
    const length = this.table.chainLength(bucket);
    if (length > this.entries.length) this.entries = new Int32Array(length * 2);
    this.found = this.table.entriesOf(bucket, this.entries);
    this.index = 0;
    this.cursor = this.table.nextCursor(this.cursor);
    return this.found;
  }

  entryAt(index: number): Address {
    return this.entries[index]!;
  }
}
