/**
 * Active expiry: walks the buckets marked as holding expiring keys, or hashes with expiring fields, in slices, and deletes what has run out,
 * so that memory comes back though nobody asks for the key. Work is counted in buckets; the caller gives the budget and the time.
 * An unmarked bucket costs one read; a bucket whose expiring keys are gone loses its mark.
 */
import type { Address } from '../memory/arena.ts';
import { NONE } from '../memory/arena.ts';
import type { Database } from './database.ts';
import { EntryView, HASH } from './entry.ts';
import { earliestExpiry, hasExpiringFields, walkMark } from './field-expiry.ts';
import type { Keyspace } from './keyspace.ts';

/** Longest chain looked at in one step; the rest of a longer one comes with the next round. */
const MAX_CHAIN = 1024;

export class ActiveExpiry {
  private readonly keyspace: Keyspace;
  private readonly view: EntryView;
  private readonly entries: Int32Array = new Int32Array(MAX_CHAIN);
  private databaseIndex = 0;
  private slot = 0;
  private cursor = 0;
  /** What is left of a slice for the insides of hashes. */
  private fieldBuckets = 0;
  /** The hash looked at last was not looked through to its end. */
  private unfinished = false;

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace;
    this.view = new EntryView(keyspace.arena);
  }

  /** Visits up to `buckets` buckets; returns the keys deleted. */
  slice(buckets: number): number {
    const { keyspace } = this;
    let deleted = 0;
    let skipped = 0;
    for (let visited = 0; visited < buckets; ) {
      const database = keyspace.databases[this.databaseIndex]!;
      const idle = database.expiring === 0 && database.expiringHashes === 0;
      if (idle || !database.openVisible(this.slot)) {
        this.nextTable(idle);
        if (++skipped > keyspace.databases.length + keyspace.slots) return deleted;
        continue;
      }
      const { table } = database;
      const bucket = table.bucketOf(this.cursor | 0);
      visited++;
      if (table.isMarked(bucket)) {
        const left = Math.max(1, buckets - visited);
        this.fieldBuckets = left;
        this.unfinished = false;
        deleted += this.expireBucket();
        visited += left - this.fieldBuckets;
        // The rest of a hash comes with the next slice.
        if (this.unfinished) return deleted;
      }
      // Deleting may have merged buckets or dropped the table: look again before stepping on.
      if (!database.open(this.slot)) {
        this.nextTable(false);
        continue;
      }
      this.cursor = database.table.nextCursor(this.cursor);
      if (this.cursor === 2 ** 32) this.nextTable(false);
    }
    return deleted;
  }

  private expireBucket(): number {
    const { keyspace, view, entries } = this;
    const database = keyspace.databases[this.databaseIndex]!;
    const { table } = database;
    const bucket = table.bucketOf(this.cursor | 0);
    if (table.chainLength(bucket) > MAX_CHAIN) return 0;
    const length = table.entriesOf(bucket, entries);
    const before = keyspace.slot;
    keyspace.slot = this.slot;
    let deleted = 0;
    let expiring = false;
    for (let i = 0; i < length; i++) {
      view.open(keyspace.arena, entries[i]!);
      const hash = view.type === HASH && hasExpiringFields(keyspace.arena, HASH, view.encoding, view.root());
      if (!view.expires && !hash) continue;
      if (!view.expires || !keyspace.isExpired(view.expireAtMs())) {
        expiring = true;
        if (hash && this.isDue(view.root())) deleted += this.expireFields(database);
        continue;
      }
      const key = view.segment.slice(view.keyAt, view.keyEnd);
      database.findWithoutAccess(key, 0, key.length);
      deleted++;
    }
    if (!expiring && deleted === 0) table.unmark(bucket);
    keyspace.slot = before;
    return deleted;
  }

  private isDue(root: Address): boolean {
    const { arena } = this.keyspace;
    return walkMark(arena, root) !== 0 || this.keyspace.isExpired(earliestExpiry(arena, root));
  }

  /** Looks through the hash that `view` is on, as far as the slice's budget goes. */
  private expireFields(database: Database): number {
    const { view, keyspace } = this;
    const { fieldExpiry } = keyspace;
    const key = view.segment.slice(view.keyAt, view.keyEnd);
    let deleted = 0;
    while (fieldExpiry !== null && this.fieldBuckets > 0) {
      this.unfinished = false;
      if (database.findWithoutAccess(key, 0, key.length) === NONE) break;
      this.fieldBuckets -= fieldExpiry.expireFound(database, this.fieldBuckets);
      deleted += fieldExpiry.deleted;
      this.unfinished = !fieldExpiry.finished;
      if (fieldExpiry.finished) break;
    }
    return deleted;
  }

  private nextTable(wholeDatabase: boolean): void {
    this.cursor = 0;
    this.slot++;
    if (!wholeDatabase && this.slot < this.keyspace.slots) return;
    this.slot = 0;
    this.databaseIndex = (this.databaseIndex + 1) % this.keyspace.databases.length;
  }
}
