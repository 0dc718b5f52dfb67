/**
 * Deletes fields past their time from one large hash after the other, in slices: what active expiry does inside a hash.
 * A walk goes over the hash's marked buckets and learns the earliest expiry of what stays; until then nothing in the hash is looked at again.
 * A hash costs no index for it: the mark of a bucket says that a field in it may expire, and the root's owner words
 * (keyspace/field-expiry.ts) when the next one does. The walk's mark in the root is 0 between walks; a walk that was given up is begun anew.
 */
import type { Database } from '../keyspace/database.ts';
import { HASH, LARGE } from '../keyspace/entry.ts';
import {
  earliestExpiry,
  LATEST_FIELD_EXPIRY,
  NO_FIELD_EXPIRY,
  setEarliestExpiry,
  setWalkMark,
  walkMark,
} from '../keyspace/field-expiry.ts';
import type { FieldExpiry, Keyspace } from '../keyspace/keyspace.ts';
import type { Address } from '../memory/arena.ts';
import { NONE } from '../memory/arena.ts';
import { END_OF_TABLE } from '../memory/table-walk.ts';
import { ElementWalk } from './element-walk.ts';
import { Hashes } from './hashes.ts';
import type { InnerTables } from './inner-tables.ts';
import type { CollectionLimits } from './limits.ts';

/** Fields that one deletion in the replication stream names at most. Source: Valkey 9.1, which tells of 80 at a time. */
const FIELDS_AT_ONCE = 80;

/** Deleting a field takes as long as looking at so many buckets. */
const BUCKETS_PER_DELETION = 2;

export class HashExpiry implements FieldExpiry {
  deleted = 0;
  finished = true;
  private readonly keyspace: Keyspace;
  private readonly hashes: Hashes;
  private readonly element: ElementWalk;
  private entries: Int32Array = new Int32Array(64);
  /** The walk under way. */
  private root: Address = NONE;
  private cursor = 0;
  private earliest = LATEST_FIELD_EXPIRY;
  private mark = 0;
  private readonly due: Uint8Array[] = [];

  constructor(inner: InnerTables, limits: CollectionLimits) {
    this.keyspace = inner.keyspace;
    this.hashes = new Hashes(inner, limits);
    this.element = new ElementWalk(inner.keyspace.arena, inner);
  }

  expireFound(database: Database, buckets: number): number {
    const { arena } = this.keyspace;
    const hashes = this.hashes.openFound(database);
    this.deleted = 0;
    if (this.root !== hashes.root || walkMark(arena, hashes.root) !== this.mark) this.beginWalk(hashes.root);
    let visited = 0;
    while (this.cursor < END_OF_TABLE && visited < buckets && this.due.length < FIELDS_AT_ONCE) {
      visited++;
      this.lookAt(hashes.table.bucketOf(this.cursor | 0));
      this.cursor = hashes.table.nextCursor(this.cursor);
    }
    this.finished = this.cursor >= END_OF_TABLE;
    if (this.finished) this.endWalk();
    if (this.due.length > 0) this.deleteDue(database);
    return Math.max(1, visited) + this.deleted * BUCKETS_PER_DELETION;
  }

  /** Deletes the due fields of a large hash that is at no key yet. One that all fields of are due stays as it is: a hash has fields. */
  dropExpired(root: Address): void {
    const { hashes, due } = this;
    const { table } = hashes.open(LARGE, root);
    for (let cursor = 0; cursor < END_OF_TABLE; cursor = table.nextCursor(cursor)) {
      this.lookAt(table.bucketOf(cursor | 0));
    }
    if (due.length < hashes.count) for (const field of due) hashes.deleteExpired(field, 0, field.length);
    due.length = 0;
  }

  private beginWalk(root: Address): void {
    const { arena } = this.keyspace;
    this.mark = (this.mark % 0x7fffffff) + 1;
    this.root = root;
    this.cursor = 0;
    this.earliest = LATEST_FIELD_EXPIRY;
    setWalkMark(arena, root, this.mark);
    // Fields that get an expiry while the walk is under way say so here.
    setEarliestExpiry(arena, root, LATEST_FIELD_EXPIRY);
  }

  private endWalk(): void {
    const { arena } = this.keyspace;
    setEarliestExpiry(arena, this.root, Math.min(this.earliest, earliestExpiry(arena, this.root)));
    setWalkMark(arena, this.root, 0);
    this.root = NONE;
  }

  /** Notes the due fields of a bucket, and the earliest expiry of the others. */
  private lookAt(bucket: Address): void {
    const { element } = this;
    const { table } = this.hashes;
    if (!table.isMarked(bucket)) return;
    const length = table.chainLength(bucket);
    if (length > this.entries.length) this.entries = new Int32Array(length * 2);
    table.entriesOf(bucket, this.entries);
    let expiring = false;
    for (let i = 0; i < length; i++) {
      element.readEntry(HASH, this.entries[i]!);
      if (element.expireAtMs === NO_FIELD_EXPIRY) continue;
      expiring = true;
      if (this.keyspace.isExpired(element.expireAtMs)) this.due.push(element.segment.slice(element.from, element.to));
      else if (element.expireAtMs < this.earliest) this.earliest = element.expireAtMs;
    }
    if (!expiring) table.unmark(bucket);
  }

  private deleteDue(database: Database): void {
    const { keyspace, hashes, due } = this;
    const { view } = database;
    const key = view.segment.slice(view.keyAt, view.keyEnd);
    database.beginChange();
    for (const field of due) hashes.deleteExpired(field, 0, field.length);
    this.deleted = due.length;
    keyspace.expiredFields += due.length;
    hashes.saveTo(database);
    const emptied = hashes.count === 0;
    if (emptied) database.remove();
    keyspace.listener?.fieldsExpired(database, keyspace.slot, key, due, emptied);
    due.length = 0;
  }
}
