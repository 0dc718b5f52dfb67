/**
 * The point-in-time iterator: tells the dataset as it was when a snapshot was opened, in slices, while it goes on changing.
 * It stands in for fork. Hot in two places: the guard that a write calls, and the slices; neither allocates per key or element.
 *
 * Every bucket of a table carries a version. A snapshot has an epoch, newer than all versions at its start. It walks the
 * buckets; a bucket whose version is below the epoch has not been told: its entries are told and it is stamped. A write
 * to such a bucket tells it first (`beforeChange`), so each key is told once, as it was.
 *
 * The same rule holds inside large hashes, sets and sorted sets, which are tables themselves. When the bucket of such a key
 * is told, only its head is noted (with the count of that moment) and the collection becomes *pending*: its elements are
 * told when its turn comes, which is after the keys where not too many are pending, and those about to change before that are kept in a buffer of its own. Keys that must be told
 * while a collection is half told wait in a side buffer. A pending collection that is deleted is retained until it is told.
 * Large lists and streams keep their order: they are told node by node, and a node about to change before that is copied
 * (list-teller.ts, stream-nodes.ts).
 * Large streams are told at once, whole.
 *
 * Several snapshots may be open. A bucket told for one is told, in the same state, for the older ones that lack it.
 * A database or slot that is emptied meanwhile keeps what it held in a detached table (keyspace/detached.ts): it is told, and freed,
 * at the end of the walk.
 * Limit: what is kept back or not yet taken beyond `queueLimitBytes` fails the snapshot.
 */
import assert from 'node:assert';
import type { Database } from '../keyspace/database.ts';
import type { DetachedReader } from '../keyspace/detached.ts';
import { EntryView, LARGE, STRING as STRING_ENTRY } from '../keyspace/entry.ts';
import { hasExpiringFields } from '../keyspace/field-expiry.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Address } from '../memory/arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import type { BucketGuard } from '../memory/table.ts';
import { Table } from '../memory/table.ts';
import { END_OF_TABLE } from '../memory/table-walk.ts';
import type { ElementWalk, Types } from '../types/index.ts';
import type { ListGuard } from '../types/lists.ts';
import { ChunkWriter, SMALL_CHUNK_BYTES } from './chunks.ts';
import type { ValueType } from './dataset.ts';
import { entryTypeOf, HASH, HASH_WITH_TTL, KeyHead, LIST, NO_EXPIRY, SET, STREAM, ZSET } from './dataset.ts';
import { ListTeller } from './list-teller.ts';
import type { NodeTeller } from './node-teller.ts';
import type { SnapshotConsumer } from './snapshot-consumer.ts';
import { StreamNodes } from './stream-nodes.ts';
import { StreamTeller } from './stream-teller.ts';
import { tellField } from './whole-dataset.ts';

/** Collections of at most so many elements are told whole with their key: a fraction of a millisecond. */
const WHOLE_ELEMENTS = 1024;
/** While so many collections are pending the keys go on first: less waits at a time in side buffers. */
const MAX_PENDING = 16;
/** A slice stops while so many bytes wait to be taken: the consumer sets the pace. */
export const FULL_OUTPUT_BYTES = 1024 * 1024;
/** Work units (about a microsecond each): looking at a bucket, telling a key, telling this many bytes. */
const BUCKET_UNITS = 0.25;
const KEY_UNITS = 1;
const UNIT_BYTES = 2048;
const ELEMENT_UNITS = 0.5;
const SLOT_UNITS = 0.05;

export interface SnapshotOptions {
  /** One byte a slot, 1 for those wanted; null for all. */
  readonly slots: Uint8Array | null;
  readonly queueLimitBytes: number;
}

/** A large collection whose key was told or noted and whose elements are not all told yet. */
class Pending {
  readonly type: ValueType;
  /** NONE when the collection lives on under another root. */
  root: Address;
  /** Its table, or its nodes when it is a list or a stream. */
  readonly table: Address;
  readonly list: NodeTeller | null;
  readonly key: Uint8Array;
  readonly database: number;
  readonly expireAtMs: number;
  readonly count: number;
  /** What its head says: elements, or nodes of a stream. */
  headCount: number;
  /** Elements told before its turn. */
  side: ChunkWriter | null = null;
  told = 0;
  cursor = 0;

  constructor(
    type: ValueType,
    root: Address,
    table: Address,
    list: NodeTeller | null,
    key: Uint8Array,
    database: number,
    expireAtMs: number,
    count: number,
  ) {
    this.type = type;
    this.root = root;
    this.table = table;
    this.list = list;
    this.key = key;
    this.database = database;
    this.expireAtMs = expireAtMs;
    this.count = count;
    this.headCount = count;
  }
}

export class Snapshot {
  readonly consumer: SnapshotConsumer;
  readonly epoch: number;
  readonly options: SnapshotOptions;
  /** Everything was told; bytes may still wait in the consumer. */
  done = false;
  /** Not empty: it cannot be completed, and why. */
  failure = '';
  keysTold = 0;

  /** Of each database at the snapshot's time: where its keys are now, after SWAPDB. */
  readonly places: Int32Array;
  /** Where the walk stands. */
  databaseIndex = 0;
  slot = 0;
  cursor = 0;
  /** The collection whose elements are being told. */
  open: Pending | null = null;
  readonly pending: Pending[] = [];
  readonly byTable: Map<Address, Pending> = new Map();
  /** The lists and streams among the pending and open collections. */
  readonly lists: Set<Pending> = new Set();
  /** Bytes in the buffers of pending collections. */
  pendingBytes = 0;
  /** Whole keys told while a collection is open. Once it is told they move to `out`, a slice at a time, and keys told meanwhile queue up behind. */
  readonly side: ChunkWriter = new ChunkWriter();
  draining = false;
  /** The database told last to `out`, and to `side`. */
  mainDatabase = -1;
  sideDatabase = -1;

  constructor(consumer: SnapshotConsumer, epoch: number, options: SnapshotOptions, databases = 1) {
    this.consumer = consumer;
    this.epoch = epoch;
    this.options = options;
    this.places = Int32Array.from({ length: databases }, (_, index) => index);
  }

  get active(): boolean {
    return !this.done && this.failure === '';
  }

  /** A slice does nothing before bytes are taken. */
  get full(): boolean {
    return this.consumer.out.queuedBytes >= FULL_OUTPUT_BYTES;
  }

  /** What is told now must wait in `side`. */
  get sidelined(): boolean {
    return this.open !== null || this.draining;
  }

  readonly wants = (slot: number): boolean => this.options.slots === null || this.options.slots[slot] === 1;

  /** Bytes kept back, and bytes that nobody has taken. */
  queuedBytes(): number {
    return this.consumer.out.queuedBytes + this.side.queuedBytes + this.pendingBytes;
  }
}

export class Snapshots implements BucketGuard, DetachedReader, ListGuard {
  private readonly keyspace: Keyspace;
  private readonly types: Types;
  private readonly walk: ElementWalk;
  private readonly streams: StreamTeller;
  private readonly view: EntryView;
  /** A cursor over collections' tables. It only walks: its key offset and hash key do not matter. */
  private readonly inner: Table;
  private readonly head = new KeyHead();
  private entries: Int32Array = new Int32Array(64);
  /** In order of epoch. */
  private readonly snapshots: Snapshot[] = [];
  private lastEpoch = 0;
  /** Collections deleted while pending, by root: their types. */
  private readonly retained: Map<Address, number> = new Map();

  constructor(keyspace: Keyspace, types: Types) {
    this.keyspace = keyspace;
    this.types = types;
    this.walk = types.newWalk();
    this.streams = new StreamTeller(types);
    this.view = new EntryView(keyspace.arena);
    this.inner = new Table(keyspace.arena, 0, 0, 0);
  }

  get openCount(): number {
    return this.snapshots.length;
  }

  /** Opens a snapshot of the dataset as it is now. Call `slice` until it is `done` or has a `failure`, then `close`. */
  /** Snapshots begun so far. */
  get opened(): number {
    return this.lastEpoch;
  }

  open(consumer: SnapshotConsumer, options: SnapshotOptions): Snapshot {
    const snapshot = new Snapshot(consumer, ++this.lastEpoch, options, this.keyspace.databases.length);
    this.snapshots.push(snapshot);
    this.keyspace.setGuard(snapshot.epoch, this);
    this.keyspace.retainer = this.retain;
    this.keyspace.detached.reader = this;
    return snapshot;
  }

  close(snapshot: Snapshot): void {
    const index = this.snapshots.indexOf(snapshot);
    if (index < 0) return;
    this.snapshots.splice(index, 1);
    snapshot.byTable.clear();
    snapshot.pending.length = 0;
    snapshot.open = null;
    snapshot.lists.clear();
    this.guardLists();
    this.freeRetained();
    if (this.snapshots.length > 0) return;
    this.keyspace.setGuard(0, null);
    this.keyspace.retainer = null;
    this.keyspace.detached.reader = null;
  }

  /** Goes on telling for about `units` microseconds' worth of work. Call between commands. */
  slice(snapshot: Snapshot, units: number): void {
    const { consumer } = snapshot;
    while (units > 0 && snapshot.active && consumer.out.queuedBytes < FULL_OUTPUT_BYTES) {
      if (snapshot.open !== null) units -= this.tellOpen(snapshot, units);
      else if (snapshot.draining) units -= this.drainSide(snapshot);
      else if (snapshot.pending.length > (this.hasWalked(snapshot) ? 0 : MAX_PENDING)) this.openNext(snapshot);
      else units -= this.tellNextBucket(snapshot);
      this.checkLimit(snapshot);
    }
  }

  /** A write is about to change this bucket: whoever has not told it does so now. */
  beforeChange(table: Table, bucket: Address): void {
    const version = table.versionOf(bucket);
    const database = this.databaseOf(table);
    if (database !== null) this.tellBucket(database, this.keyspace.slot, table, bucket, version, this.lastEpoch);
    else this.tellElements(table, bucket, version, this.lastEpoch);
  }

  needs(epoch: number, slot: number): boolean {
    for (const snapshot of this.snapshots) {
      if (snapshot.epoch <= epoch && snapshot.active && snapshot.wants(slot)) return true;
    }
    return false;
  }

  /** A bucket of a table that was detached at an epoch is about to be freed. */
  tell(databaseIndex: number, slot: number, table: Table, bucket: Address, epoch: number): number {
    const version = table.versionOf(bucket);
    if (version >= epoch) return 0;
    const work = this.tellBucket(this.keyspace.databases[databaseIndex]!, slot, table, bucket, version, epoch);
    table.stamp(bucket, epoch);
    return work;
  }

  /** SWAPDB: the keys of two databases changed places. */
  swapped(first: number, second: number): void {
    for (const { places } of this.snapshots) {
      for (let i = 0; i < places.length; i++) {
        if (places[i] === first) places[i] = second;
        else if (places[i] === second) places[i] = first;
      }
    }
  }

  /** A collection is about to be freed: true when a snapshot still needs it, which frees it later. */
  private readonly retain = (type: number, root: Address): boolean => {
    if (!this.isPending(root)) return false;
    this.retained.set(root, type);
    return true;
  };

  private isPending(root: Address): boolean {
    for (const snapshot of this.snapshots) {
      if (snapshot.open?.root === root) return true;
      for (const pending of snapshot.pending) if (pending.root === root) return true;
    }
    return false;
  }

  private freeRetained(): void {
    for (const [root, type] of this.retained) {
      if (this.isPending(root)) continue;
      this.retained.delete(root);
      this.types.free(type, LARGE, root);
    }
  }

  // --- The walk over keys --------------------------------------------------------------------------------------------

  private hasWalked(snapshot: Snapshot): boolean {
    return snapshot.databaseIndex >= this.keyspace.databases.length;
  }

  private tellNextBucket(snapshot: Snapshot): number {
    const { keyspace } = this;
    const database = keyspace.databases[snapshot.places[snapshot.databaseIndex]!];
    if (database === undefined) {
      const work = keyspace.detached.tellNext(snapshot.epoch, snapshot.wants);
      if (work > 0) return work;
      // What was told last may have left collections whose elements are still to be told.
      if (snapshot.pending.length > 0) return 0;
      snapshot.consumer.end();
      snapshot.done = true;
      return 0;
    }
    if (!snapshot.wants(snapshot.slot) || snapshot.cursor >= END_OF_TABLE || !database.open(snapshot.slot)) {
      nextTable(snapshot, keyspace.slots);
      return SLOT_UNITS;
    }
    const { table } = database;
    const bucket = table.bucketOf(snapshot.cursor | 0);
    const version = table.versionOf(bucket);
    let units = BUCKET_UNITS;
    if (version < snapshot.epoch) {
      units += this.tellBucket(database, snapshot.slot, table, bucket, version, snapshot.epoch);
      table.stamp(bucket, snapshot.epoch);
    }
    snapshot.cursor = table.nextCursor(snapshot.cursor);
    return units;
  }

  /** Tells a bucket's keys to every snapshot of an epoch in (version, newest]. Returns the work it was. */
  private tellBucket(
    database: Database,
    slot: number,
    table: Table,
    bucket: Address,
    version: number,
    newest: number,
  ): number {
    const length = table.chainLength(bucket);
    if (length === 0) return 0;
    if (length > this.entries.length) this.entries = new Int32Array(length * 2);
    table.entriesOf(bucket, this.entries);
    let units = 0;
    for (const snapshot of this.snapshots) {
      if (snapshot.epoch <= version || snapshot.epoch > newest || !snapshot.active || !snapshot.wants(slot)) continue;
      const { sidelined } = snapshot;
      if (sidelined) snapshot.consumer.divert(snapshot.side);
      for (let i = 0; i < length; i++) units += this.tellKey(snapshot, database, this.entries[i]!);
      if (sidelined) snapshot.consumer.restore();
      this.checkLimit(snapshot);
    }
    return units;
  }

  /** Tells a key, or notes it when its value is large. The consumer is diverted if it has to be. */
  private tellKey(snapshot: Snapshot, database: Database, entry: Address): number {
    const { head, types, keyspace } = this;
    const view = this.view.open(keyspace.arena, entry);
    const { consumer } = snapshot;
    head.type = view.type as ValueType;
    head.bytes = view.segment;
    head.from = view.keyAt;
    head.to = view.keyEnd;
    head.expireAtMs = view.expires ? view.expireAtMs() : NO_EXPIRY;
    snapshot.keysTold++;
    if (view.type === STRING_ENTRY) {
      head.count = 1;
      this.tellDatabase(snapshot, database);
      consumer.beginKey(head);
      const length = view.stringLength();
      const at = this.valueAt(view, length);
      consumer.stringValue(this.valueSegment, at, at + length);
      consumer.endKey();
      return KEY_UNITS + length / UNIT_BYTES;
    }
    const root = view.root();
    if (hasExpiringFields(this.keyspace.arena, view.type, view.encoding, root)) head.type = HASH_WITH_TTL;
    const count = types.count(view.type, view.encoding, root);
    if (view.type === STREAM) {
      if (count > WHOLE_ELEMENTS) return this.noteStream(snapshot, database, root, count);
      return this.tellStream(snapshot, database, root, count);
    }
    if (view.encoding === LARGE && count > WHOLE_ELEMENTS) {
      const list = view.type === LIST ? new ListTeller(keyspace.arena, root) : null;
      const table = list === null ? types.innerTable(view.type, view.encoding, root) : NONE;
      const key = view.segment.slice(view.keyAt, view.keyEnd);
      const place = snapshot.places.indexOf(database.index);
      const pending = new Pending(head.type, root, table, list, key, place, head.expireAtMs, count);
      snapshot.pending.push(pending);
      if (list === null) snapshot.byTable.set(table, pending);
      else {
        snapshot.lists.add(pending);
        this.guardLists();
      }
      return KEY_UNITS;
    }
    head.count = count;
    this.tellDatabase(snapshot, database);
    consumer.beginKey(head);
    const { walk } = this;
    walk.open(view.type, view.encoding, root);
    while (walk.next()) this.tellElement(consumer, view.type as ValueType);
    consumer.endKey();
    return KEY_UNITS + count * ELEMENT_UNITS;
  }

  private tellStream(snapshot: Snapshot, database: Database, root: Address, entries: number): number {
    const { head, streams } = this;
    const { consumer } = snapshot;
    head.count = streams.nodes(root);
    this.tellDatabase(snapshot, database);
    consumer.beginKey(head);
    streams.tell(root, consumer.stream);
    consumer.endKey();
    return KEY_UNITS + entries * ELEMENT_UNITS;
  }

  /** A large stream waits for its turn; what stands behind its nodes is told to a buffer now. */
  private noteStream(snapshot: Snapshot, database: Database, root: Address, entries: number): number {
    const { view, head } = this;
    const { consumer } = snapshot;
    const key = view.segment.slice(view.keyAt, view.keyEnd);
    const nodes = new StreamNodes(this.types.newStreams(), root);
    const place = snapshot.places.indexOf(database.index);
    const pending = new Pending(head.type, root, NONE, nodes, key, place, head.expireAtMs, entries);
    pending.headCount = nodes.headCount;
    snapshot.pending.push(pending);
    snapshot.lists.add(pending);
    this.guardLists();
    consumer.divert(nodes.tail);
    consumer.continueKey(pending.type, key, head.expireAtMs);
    this.streams.tellBehindNodes(root, consumer.stream);
    // As tellBucket had it.
    if (snapshot.sidelined) consumer.divert(snapshot.side);
    else consumer.restore();
    nodes.copiedBytes = nodes.tail.written;
    snapshot.pendingBytes += nodes.copiedBytes;
    return KEY_UNITS + nodes.headCount * BUCKET_UNITS + nodes.tail.written / UNIT_BYTES;
  }

  private valueSegment: Uint8Array = new Uint8Array(0);

  /** Where a string's bytes begin in `valueSegment`. */
  private valueAt(view: EntryView, length: number): number {
    if (view.encoding === LARGE) {
      const blob = view.root();
      this.valueSegment = this.keyspace.arena.bytes[blob >>> SEGMENT_OF_SHIFT]!;
      return (blob & OFFSET_MASK) << 3;
    }
    this.valueSegment = view.segment;
    let at = view.valueAt + 1;
    for (let rest = length >>> 7; rest > 0; rest >>>= 7) at++;
    return at;
  }

  private tellDatabase(snapshot: Snapshot, database: Database): void {
    const index = snapshot.places.indexOf(database.index);
    if (snapshot.sidelined) {
      if (snapshot.sideDatabase === index) return;
      snapshot.sideDatabase = index;
      snapshot.consumer.database(index);
      return;
    }
    if (snapshot.mainDatabase === index) return;
    snapshot.mainDatabase = index;
    snapshot.consumer.database(index);
    if (snapshot.options.slots === null) snapshot.consumer.sizeHint(database.size, database.expiring);
  }

  private tellElement(consumer: SnapshotConsumer, type: ValueType): void {
    const { walk } = this;
    switch (type) {
      case HASH:
      case HASH_WITH_TTL:
        tellField(walk, consumer);
        return;
      case SET:
        consumer.setMember(walk.segment, walk.from, walk.to);
        return;
      case ZSET:
        consumer.zsetMember(walk.segment, walk.from, walk.to, walk.score);
        return;
      case LIST:
        consumer.listItem(walk.segment, walk.from, walk.to);
        return;
      default:
        throw new Error(`snapshot: elements of the type ${type} cannot be told`);
    }
  }

  // --- Large collections ---------------------------------------------------------------------------------------------

  private openNext(snapshot: Snapshot): void {
    const pending = snapshot.pending.shift()!;
    const { head, keyspace } = this;
    const { consumer } = snapshot;
    this.tellDatabase(snapshot, keyspace.databases[snapshot.places[pending.database]!]!);
    snapshot.open = pending;
    snapshot.sideDatabase = -1;
    head.type = pending.type;
    head.bytes = pending.key;
    head.from = 0;
    head.to = pending.key.length;
    head.expireAtMs = pending.expireAtMs;
    head.count = pending.headCount;
    consumer.beginKey(head);
  }

  private tellOpen(snapshot: Snapshot, budget: number): number {
    const pending = snapshot.open!;
    if (pending.side !== null) return this.drainPending(snapshot, pending, pending.side);
    if (pending.list !== null) return this.tellNodes(snapshot, pending, pending.list, budget);
    const table = this.inner.open(pending.table);
    let units = 0;
    while (units < budget && pending.cursor < END_OF_TABLE) {
      if (snapshot.consumer.out.queuedBytes >= FULL_OUTPUT_BYTES) return units;
      const bucket = table.bucketOf(pending.cursor | 0);
      const version = table.versionOf(bucket);
      units += BUCKET_UNITS;
      if (version < snapshot.epoch) {
        units += this.tellElements(table, bucket, version, snapshot.epoch);
        table.stamp(bucket, snapshot.epoch);
      }
      pending.cursor = table.nextCursor(pending.cursor);
    }
    if (pending.cursor >= END_OF_TABLE) this.closeOpen(snapshot, pending);
    return units;
  }

  private tellNodes(snapshot: Snapshot, pending: Pending, list: NodeTeller, budget: number): number {
    const { consumer } = snapshot;
    let units = 0;
    consumer.continueKey(pending.type, pending.key, pending.expireAtMs);
    while (units < budget && !list.isDone) {
      if (consumer.out.queuedBytes >= FULL_OUTPUT_BYTES) return units;
      const copiedBefore = list.copiedBytes;
      const items = list.tellNode(consumer);
      snapshot.pendingBytes += list.copiedBytes - copiedBefore;
      pending.told += items;
      units += BUCKET_UNITS + items * ELEMENT_UNITS;
    }
    if (list.isDone) {
      snapshot.lists.delete(pending);
      this.guardLists();
      this.closeOpen(snapshot, pending);
    }
    return units;
  }

  /** A node of a large list or stream is about to change or to be freed: whoever still has to tell it keeps a copy. */
  beforeNodeChange(node: Address): void {
    for (const snapshot of this.snapshots) {
      if (!snapshot.active) continue;
      for (const pending of snapshot.lists) snapshot.pendingBytes += pending.list!.beforeNodeChange(node);
      this.checkLimit(snapshot);
    }
  }

  /** A large list becomes a packed one: its root may become that of anything. */
  beforeRootGoes(root: Address): void {
    for (const { lists } of this.snapshots) {
      for (const pending of lists) if (pending.root === root) pending.root = NONE;
    }
  }

  /** Lists and streams tell of their changes while one is to be told. */
  private guardLists(): void {
    this.types.guardLists(this.snapshots.some(({ lists }) => lists.size > 0) ? this : null);
  }

  private closeOpen(snapshot: Snapshot, pending: Pending): void {
    assert(pending.told === pending.count, 'a collection is told with as many elements as its head said');
    // Other keys may have been told since its last element.
    snapshot.consumer.continueKey(pending.type, pending.key, pending.expireAtMs);
    snapshot.consumer.endKey();
    snapshot.open = null;
    snapshot.byTable.delete(pending.table);
    snapshot.draining = true;
    if (this.retained.size > 0) this.freeRetained();
  }

  /** The elements that were told early follow the head of their collection. */
  private drainPending(snapshot: Snapshot, pending: Pending, side: ChunkWriter): number {
    const bytes = moveChunk(side, snapshot.consumer.out);
    snapshot.pendingBytes -= bytes;
    if (bytes === 0) pending.side = null;
    return bytes / UNIT_BYTES;
  }

  private drainSide(snapshot: Snapshot): number {
    const bytes = moveChunk(snapshot.side, snapshot.consumer.out);
    if (bytes === 0) {
      snapshot.draining = false;
      snapshot.mainDatabase = -1;
    }
    return bytes / UNIT_BYTES;
  }

  /** Tells the elements in a bucket of a collection's table to every snapshot in (version, newest] that waits for them. */
  private tellElements(table: Table, bucket: Address, version: number, newest: number): number {
    let units = 0;
    for (const snapshot of this.snapshots) {
      if (snapshot.epoch <= version || snapshot.epoch > newest || !snapshot.active) continue;
      const pending = snapshot.byTable.get(table.root);
      if (pending === undefined) continue;
      const length = table.chainLength(bucket);
      if (length > this.entries.length) this.entries = new Int32Array(length * 2);
      table.entriesOf(bucket, this.entries);
      const { consumer } = snapshot;
      const early = pending !== snapshot.open || pending.side !== null;
      const keptBefore = pending.side === null ? 0 : pending.side.written;
      if (early) {
        if (pending.side === null) pending.side = new ChunkWriter(null, SMALL_CHUNK_BYTES);
        consumer.divert(pending.side);
      }
      consumer.continueKey(pending.type, pending.key, pending.expireAtMs);
      for (let i = 0; i < length; i++) {
        this.walk.readEntry(entryTypeOf(pending.type), this.entries[i]!);
        this.tellElement(consumer, pending.type);
      }
      pending.told += length;
      if (early) {
        consumer.restore();
        snapshot.pendingBytes += pending.side!.written - keptBefore;
      }
      units += length * ELEMENT_UNITS;
      this.checkLimit(snapshot);
    }
    return units;
  }

  private checkLimit(snapshot: Snapshot): void {
    const total = snapshot.queuedBytes();
    if (total <= snapshot.options.queueLimitBytes || !snapshot.active) return;
    snapshot.failure = `${total} bytes wait to be saved, more than the limit of ${snapshot.options.queueLimitBytes}: writes outran it`;
  }

  private databaseOf(table: Table): Database | null {
    for (const database of this.keyspace.databases) if (database.table === table) return database;
    return null;
  }
}

function nextTable(snapshot: Snapshot, slots: number): void {
  snapshot.cursor = 0;
  snapshot.slot++;
  if (snapshot.slot < slots) return;
  snapshot.slot = 0;
  snapshot.databaseIndex++;
}

/** Moves a chunk of a side buffer to the end of another; returns how many bytes it was, 0 when nothing is left. */
function moveChunk(from: ChunkWriter, to: ChunkWriter): number {
  const chunk = from.take(true);
  if (chunk === null) return 0;
  const { length } = chunk;
  to.bytes(chunk.bytes, 0, length);
  from.release(chunk);
  return length;
}
