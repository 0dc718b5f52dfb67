/**
 * Tables that were taken out of their databases as a whole (FLUSHALL, FLUSHDB, a slot that left, a full synchronisation), and are freed
 * in slices between requests. Emptying a database so takes the same short time whatever it held.
 *
 * A snapshot that was opened before still has to tell what it had not reached: freeing a bucket is a change like any other, of which
 * `tell` hears first. While such a snapshot is open only it goes on here, at the end of its walk and at its own pace.
 * Hot file while it frees: no allocation per key.
 */
import type { Address } from '../memory/arena.ts';
import { Table } from '../memory/table.ts';
import { ENTRY_KEY_OFFSET, EntryView, EXTERNAL, STRING } from './entry.ts';
import type { Keyspace } from './keyspace.ts';

const INITIAL_ENTRIES = 64;
const END_OF_TABLE = 2 ** 32;

/** One table on its way out. */
interface Part {
  /** The database that it was in; SWAPDB renames it. */
  databaseIndex: number;
  readonly slot: number;
  readonly root: Address;
  readonly keys: number;
  /** The newest epoch of a snapshot when it was detached: later ones have nothing to do with it. */
  readonly epoch: number;
  cursor: number;
}

/** What snapshots do about detached tables. */
export interface DetachedReader {
  /** True while an open snapshot of this epoch or before may have to tell the slot's keys. */
  needs(epoch: number, slot: number): boolean;
  /** A bucket is about to be freed: whoever of this epoch or before has not told it does so now. Returns the work it was. */
  tell(databaseIndex: number, slot: number, table: Table, bucket: Address, epoch: number): number;
}

export class DetachedTables {
  /** Set by the snapshots. */
  reader: DetachedReader | null = null;
  /** Keys that wait to be freed. */
  waiting = 0;
  private readonly keyspace: Keyspace;
  private readonly table: Table;
  private readonly view: EntryView;
  private readonly parts: Part[] = [];
  private entries: Int32Array = new Int32Array(INITIAL_ENTRIES);

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace;
    this.table = new Table(keyspace.arena, ENTRY_KEY_OFFSET, keyspace.seed[0], keyspace.seed[1]);
    this.view = new EntryView(keyspace.arena);
  }

  add(databaseIndex: number, slot: number, root: Address, keys: number, epoch: number): void {
    this.parts.push({ databaseIndex, slot, root, keys, epoch, cursor: 0 });
    this.waiting += keys;
    this.keyspace.lazyPending += keys;
  }

  swapped(first: number, second: number): void {
    for (const part of this.parts) {
      if (part.databaseIndex === first) part.databaseIndex = second;
      else if (part.databaseIndex === second) part.databaseIndex = first;
    }
  }

  /** Frees about so many keys that no snapshot needs; true when more of those are left. */
  reclaim(keys: number): boolean {
    for (let i = this.parts.length - 1; i >= 0; i--) {
      const part = this.parts[i]!;
      if (part.epoch > 0 && this.reader?.needs(part.epoch, part.slot) === true) continue;
      while (keys > 0) {
        keys -= this.freeBucket(part);
        if (part.cursor < END_OF_TABLE) continue;
        this.parts.splice(i, 1);
        break;
      }
      if (keys <= 0) return this.parts.length > 0;
    }
    return false;
  }

  /** For a snapshot at the end of its walk: tells and frees one bucket that it needs. Returns the work it was, 0 when there is none. */
  tellNext(epoch: number, wants: (slot: number) => boolean): number {
    const index = this.parts.findIndex((part) => part.epoch >= epoch && wants(part.slot));
    if (index < 0) return 0;
    const part = this.parts[index]!;
    const work = this.freeBucket(part);
    if (part.cursor >= END_OF_TABLE) this.parts.splice(index, 1);
    return work;
  }

  /** Frees the next bucket of a table with its entries, and the table after its last one. Returns the work it was. */
  private freeBucket(part: Part): number {
    const { table, keyspace, view } = this;
    const { arena } = keyspace;
    table.open(part.root);
    const bucket = table.bucketOf(part.cursor | 0);
    let work = 1;
    if (part.epoch > 0 && this.reader?.needs(part.epoch, part.slot) === true)
      work += this.reader.tell(part.databaseIndex, part.slot, table, bucket, part.epoch);
    const length = table.chainLength(bucket);
    if (length > this.entries.length) this.entries = new Int32Array(length * 2);
    table.entriesOf(bucket, this.entries);
    for (let i = 0; i < length; i++) {
      const entry = this.entries[i]!;
      view.open(arena, entry);
      if (view.type !== STRING) keyspace.freeCollection(view.type, view.encoding, view.root());
      else if (view.encoding === EXTERNAL) arena.free(view.root());
      arena.free(entry);
    }
    table.dropChain(bucket);
    this.waiting -= length;
    keyspace.lazyPending -= length;
    keyspace.lazyFreed += length;
    part.cursor = table.nextCursor(part.cursor);
    if (part.cursor >= END_OF_TABLE) table.destroyEmptied();
    return work + length;
  }
}
