/**
 * Active expiry: walks the buckets marked as holding expiring keys in slices, and deletes what has run out, so that memory comes back
 * though nobody asks for the key. Work is counted in buckets; the caller gives the budget and the time.
 * An unmarked bucket costs one read; a bucket whose expiring keys are gone loses its mark.
 */
import { EntryView } from './entry.ts';
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
      if (database.expiring === 0 || !database.openVisible(this.slot)) {
        this.nextTable(database.expiring === 0);
        if (++skipped > keyspace.databases.length + keyspace.slots) return deleted;
        continue;
      }
      const { table } = database;
      const bucket = table.bucketOf(this.cursor | 0);
      visited++;
      if (table.isMarked(bucket)) deleted += this.expireBucket();
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
      if (!view.expires) continue;
      if (!keyspace.isExpired(view.expireAtMs())) {
        expiring = true;
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

  private nextTable(wholeDatabase: boolean): void {
    this.cursor = 0;
    this.slot++;
    if (!wholeDatabase && this.slot < this.keyspace.slots) return;
    this.slot = 0;
    this.databaseIndex = (this.databaseIndex + 1) % this.keyspace.databases.length;
  }
}
