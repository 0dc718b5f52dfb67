/**
 * Consumer groups of a stream: groups and consumers by name, and what was delivered and is not acknowledged yet.
 * Hot file: no allocation per call.
 *
 * Group, 40 bytes and its name: [last delivered id: 4 words][entries read: f64, -1 unknown][pending entries: tree, 3 words]
 * [consumers' names: address]. Its pending entries: id → [delivered at, ms: f64][deliveries: u32][consumer: address].
 * Consumer, 28 bytes and its name: [seen at, ms: f64][active at, ms: f64, -1 never][its pending ids: tree, 3 words].
 * An entry is pending in its group, and its id in the consumer that has it; so 48 bytes an entry and the trees' nodes.
 * Groups and consumers never move: their addresses are good until they are deleted.
 * Source: Valkey 9.1 t_stream.c. Deliveries beyond 2^32 - 1 count as so many.
 */
import type { Address, Arena } from '../memory/arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { IdTree } from '../memory/id-tree.ts';
import { Names } from '../memory/names.ts';
import { StreamId } from '../memory/stream-id.ts';
import { STREAM_GROUPS_WORD } from './streams.ts';

const GROUP_READ_DOUBLE = 2;
const GROUP_PENDING_WORD = 6;
const GROUP_CONSUMERS_WORD = 9;
const GROUP_NAME_AT = 40;
const CONSUMER_SEEN_DOUBLE = 0;
const CONSUMER_ACTIVE_DOUBLE = 1;
const CONSUMER_PENDING_WORD = 4;
const CONSUMER_NAME_AT = 28;

const DELIVERED_AT = 0;
const DELIVERIES = 2;
const CONSUMER = 3;
const PENDING_WORDS = 4;
const MAX_DELIVERIES = 0xffffffff;

/** Not known how many entries a group has read. */
export const UNKNOWN_ENTRIES_READ = -1;
export const NEVER_ACTIVE = -1;

export class StreamGroups {
  readonly arena: Arena;
  readonly groups: Names;
  readonly consumers: Names;
  /** The open group, NONE while there is none. */
  group: Address = NONE;
  readonly lastId = new StreamId();
  entriesRead = UNKNOWN_ENTRIES_READ;
  /** Pending entries of the open group, and ids of the consumer that `openOwn` opened. */
  readonly pending: IdTree;
  readonly own: IdTree;
  private readonly id = new StreamId();

  constructor(arena: Arena) {
    this.arena = arena;
    this.groups = new Names(arena, GROUP_NAME_AT);
    this.consumers = new Names(arena, CONSUMER_NAME_AT);
    this.pending = new IdTree(arena, PENDING_WORDS);
    this.own = new IdTree(arena, 0);
  }

  /** Opens the groups of a stream, and none of them. */
  open(stream: Address): this {
    this.groups.open(stream, STREAM_GROUPS_WORD);
    this.group = NONE;
    return this;
  }

  // --- Groups --------------------------------------------------------------------------------------------------------

  /** Opens the group of this name; false when there is none. */
  find(name: Uint8Array, from: number, to: number): boolean {
    const group = this.groups.find(name, from, to);
    this.group = NONE;
    if (group === NONE) return false;
    this.openGroup(group);
    return true;
  }

  openGroup(group: Address): void {
    this.group = group;
    this.lastId.load(this.wordsOf(group), wordAt(group));
    this.entriesRead = this.doublesOf(group)[(group & OFFSET_MASK) + GROUP_READ_DOUBLE]!;
    this.pending.open(group, GROUP_PENDING_WORD);
    this.consumers.open(group, GROUP_CONSUMERS_WORD);
  }

  /** Makes a group, whose name `find` did not find, and opens it. */
  create(name: Uint8Array, from: number, to: number, lastId: StreamId, entriesRead: number): void {
    const group = this.groups.make(name, from, to);
    this.wordsOf(group).fill(0, wordAt(group), wordAt(group) + GROUP_NAME_AT / 4);
    this.groups.insert(group);
    this.group = group;
    this.lastId.set(lastId);
    this.entriesRead = entriesRead;
    this.saveGroup();
    this.openGroup(group);
  }

  /** Writes the open group's last id and count of entries read back. */
  saveGroup(): void {
    const { group } = this;
    this.lastId.store(this.wordsOf(group), wordAt(group));
    this.doublesOf(group)[(group & OFFSET_MASK) + GROUP_READ_DOUBLE] = this.entriesRead;
  }

  /** Removes the group that `find` opened, with all it has. */
  destroy(): void {
    this.groups.remove();
    this.freeGroup(Number.POSITIVE_INFINITY);
    this.group = NONE;
  }

  /** Frees the groups of the open stream, whose root is freed next, up to about so many pending entries; true when none is left. */
  freeSome(budget: number): boolean {
    while (budget > 0 && this.groups.count > 0) {
      const last = this.groups.count - 1;
      this.openGroup(this.groups.at(last));
      const size = this.pending.count + this.consumers.count + 1;
      if (!this.freeGroup(budget)) return false;
      budget -= size;
      this.groups.index = last;
      this.groups.remove();
    }
    return this.groups.count === 0;
  }

  /** Frees the open group, up to so many pending entries; false when more is left. */
  private freeGroup(budget: number): boolean {
    const { pending, consumers, own } = this;
    while (pending.first()) {
      if (budget <= 0) return false;
      budget -= pending.leafEntries;
      pending.dropFirstLeaf();
    }
    for (let i = consumers.count - 1; i >= 0; i--) {
      const consumer = consumers.at(i);
      own.open(consumer, CONSUMER_PENDING_WORD);
      while (own.dropFirstLeaf());
      this.arena.free(consumer);
    }
    consumers.free();
    this.arena.free(this.group);
    return true;
  }

  /** Bytes of all that the open stream's groups have. */
  bytes(): number {
    let bytes = this.groups.bytes();
    for (let i = 0; i < this.groups.count; i++) {
      this.openGroup(this.groups.at(i));
      bytes += this.pending.nodeBytes() + this.consumers.bytes();
      for (let j = 0; j < this.consumers.count; j++) bytes += this.openOwn(this.consumers.at(j)).nodeBytes();
    }
    return bytes;
  }

  // --- Consumers -----------------------------------------------------------------------------------------------------

  /** The open group's consumer of this name, NONE when there is none. */
  findConsumer(name: Uint8Array, from: number, to: number): Address {
    return this.consumers.find(name, from, to);
  }

  /** Makes a consumer, whose name `findConsumer` did not find. */
  createConsumer(name: Uint8Array, from: number, to: number, nowMs: number): Address {
    const consumer = this.consumers.make(name, from, to);
    this.wordsOf(consumer).fill(0, wordAt(consumer), wordAt(consumer) + CONSUMER_NAME_AT / 4);
    this.setSeen(consumer, nowMs);
    this.setActive(consumer, NEVER_ACTIVE);
    this.consumers.insert(consumer);
    return consumer;
  }

  /** Deletes the consumer that `findConsumer` found with its pending entries; returns how many those were. */
  deleteConsumer(consumer: Address): number {
    const { own, pending, id } = this;
    this.openOwn(consumer);
    const { count } = own;
    for (let more = own.first(); more; more = own.next()) {
      if (pending.seek(own.readId(id))) pending.remove();
    }
    while (own.dropFirstLeaf());
    this.consumers.remove();
    this.arena.free(consumer);
    return count;
  }

  seenMs(consumer: Address): number {
    return this.doublesOf(consumer)[(consumer & OFFSET_MASK) + CONSUMER_SEEN_DOUBLE]!;
  }

  setSeen(consumer: Address, nowMs: number): void {
    this.doublesOf(consumer)[(consumer & OFFSET_MASK) + CONSUMER_SEEN_DOUBLE] = nowMs;
  }

  activeMs(consumer: Address): number {
    return this.doublesOf(consumer)[(consumer & OFFSET_MASK) + CONSUMER_ACTIVE_DOUBLE]!;
  }

  setActive(consumer: Address, nowMs: number): void {
    this.doublesOf(consumer)[(consumer & OFFSET_MASK) + CONSUMER_ACTIVE_DOUBLE] = nowMs;
  }

  pendingOf(consumer: Address): number {
    return this.wordsOf(consumer)[wordAt(consumer) + CONSUMER_PENDING_WORD + 2]!;
  }

  /** Opens the ids that a consumer has pending, in `own`. */
  openOwn(consumer: Address): IdTree {
    return this.own.open(consumer, CONSUMER_PENDING_WORD);
  }

  // --- Pending entries -----------------------------------------------------------------------------------------------

  /** Of the entry at which `pending` stands. */
  get deliveredAtMs(): number {
    return this.pending.payloadDouble(DELIVERED_AT);
  }

  get deliveries(): number {
    return this.pending.payload(DELIVERIES) >>> 0;
  }

  get consumer(): Address {
    return this.pending.payload(CONSUMER);
  }

  setDelivery(deliveredAtMs: number, deliveries: number): void {
    this.pending.setPayloadDouble(DELIVERED_AT, deliveredAtMs);
    this.pending.setPayload(DELIVERIES, Math.min(deliveries, MAX_DELIVERIES));
  }

  /** Adds an entry that is not pending; `consumer` is NONE for an entry that `assign` gives its consumer next. */
  addPending(id: StreamId, consumer: Address, deliveredAtMs: number, deliveries: number): void {
    this.pending.insert(id);
    this.setDelivery(deliveredAtMs, deliveries);
    this.pending.setPayload(CONSUMER, consumer);
    if (consumer !== NONE) this.openOwn(consumer).insert(id);
  }

  /** Gives the entry at which `pending` stands to another consumer, or its first one. */
  assign(consumer: Address): void {
    const before = this.consumer;
    if (before === consumer) return;
    this.pending.readId(this.id);
    if (before !== NONE && this.openOwn(before).seek(this.id)) this.own.remove();
    this.openOwn(consumer).insert(this.id);
    this.pending.setPayload(CONSUMER, consumer);
  }

  /** Removes the entry at which `pending` stands, which then stands nowhere. */
  removePending(): void {
    this.pending.readId(this.id);
    const { consumer } = this;
    if (consumer !== NONE && this.openOwn(consumer).seek(this.id)) this.own.remove();
    this.pending.remove();
  }

  private wordsOf(address: Address): Int32Array {
    return this.arena.words[address >>> SEGMENT_OF_SHIFT]!;
  }

  private doublesOf(address: Address): Float64Array {
    return this.arena.doubles[address >>> SEGMENT_OF_SHIFT]!;
  }
}

function wordAt(address: Address): number {
  return (address & OFFSET_MASK) << 1;
}
