/**
 * A walk over the elements of any collection, in its own order: one instance serves many collections in turn.
 * Hot file: no allocation per element. Nothing may be added to or removed from the collection meanwhile.
 * Walks need tables of their own, so that one can walk a set while members of others are looked up.
 */
import { HASH, LIST, PACKED, SET, STREAM, ZSET } from '../keyspace/entry.ts';
import { hasExpiringFields, NO_FIELD_EXPIRY, readFieldExpiry } from '../keyspace/field-expiry.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Address, Arena } from '../memory/arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { ListNode } from '../memory/list-node.ts';
import { Packed } from '../memory/packed.ts';
import { TableWalk } from '../memory/table-walk.ts';
import { readVarint, varintBytes } from '../memory/varint.ts';
import { FIELD_EXPIRES } from './hashes.ts';
import type { InnerTables } from './inner-tables.ts';
import { PackedScore } from './packed-score.ts';
import { STREAM_LENGTH_DOUBLE } from './streams.ts';

/** Draws of a slot in a bucket: more than chains are long, so that every element has the same chance. */
const DRAWN_SLOTS = 24;
/** Of a sparse table few draws hit; then the element is counted out. */
const MAX_DRAWS = 200;

export class ElementWalk {
  type = SET;
  /** The member, field or item: segment[from, to). */
  segment: Uint8Array;
  from = 0;
  to = 0;
  /** Of a hash: the field's value, in the same segment. */
  valueFrom = 0;
  valueTo = 0;
  /** Of a hash's field: when it expires, NO_FIELD_EXPIRY when it does not. */
  expireAtMs: number = NO_FIELD_EXPIRY;
  /** Passes over fields that have expired, as commands do; whoever copies or saves hashes sees them. */
  hidesExpired = false;
  /** Of a sorted set. */
  score = 0;
  /** Of LARGE: the address of the entry last read. */
  entry: Address = NONE;
  private encoding = PACKED;
  private readonly arena: Arena;
  private readonly keyspace: Keyspace;
  private readonly packed: Packed;
  private readonly node: ListNode;
  private readonly tables: readonly (TableWalk | null)[];
  private walk: TableWalk;
  private offset = 0;
  private readonly packedScore = new PackedScore();

  constructor(arena: Arena, inner: InnerTables) {
    this.arena = arena;
    this.keyspace = inner.keyspace;
    this.segment = arena.bytes[0]!;
    this.packed = new Packed(arena);
    this.node = new ListNode(arena);
    const tables: (TableWalk | null)[] = [];
    for (let type = 0; type <= HASH; type++) {
      tables[type] = type === SET || type === ZSET || type === HASH ? new TableWalk(inner.table(type)) : null;
    }
    this.tables = tables;
    this.walk = tables[SET]!;
  }

  open(type: number, encoding: number, root: Address): this {
    this.type = type;
    this.encoding = encoding;
    if (type === LIST) {
      this.node.open(encoding === PACKED ? root : this.wordOf(root, 0));
      this.offset = this.node.start;
      return this;
    }
    this.expireAtMs = NO_FIELD_EXPIRY;
    if (encoding === PACKED) {
      this.packed.open(root);
      this.offset = this.packed.first;
      return this;
    }
    this.walk = this.tables[type]!;
    this.walk.open(innerTableRoot(this.arena, type, encoding, root));
    return this;
  }

  /** Of a LARGE hash, set or sorted set: goes on at a cursor that `cursor` gave. */
  seek(cursor: number): void {
    this.walk.seek(this.walk.table.root, cursor);
  }

  /** Of a LARGE hash, set or sorted set: reads one bucket and returns how many elements `read` can read of it; -1 at the end. */
  nextBucket(): number {
    return this.walk.nextBucket();
  }

  /** Where the next bucket begins, END_OF_TABLE at the end. */
  get cursor(): number {
    return this.walk.cursor;
  }

  read(index: number): void {
    this.readEntry(this.type, this.walk.entryAt(index));
  }

  /** Moves to the next element; false at the end. */
  next(): boolean {
    if (this.type === LIST) return this.nextItem();
    if (this.encoding === PACKED) return this.nextPacked();
    do {
      const entry = this.walk.next();
      if (entry === NONE) return false;
      this.readEntry(this.type, entry);
    } while (this.isHidden);
    return true;
  }

  /** The element last read is a field that has expired, and this walk hides those: `next` passes over it, `read` does not. */
  get isHidden(): boolean {
    return this.expireAtMs !== NO_FIELD_EXPIRY && this.hidesExpired && this.keyspace.isExpired(this.expireAtMs);
  }

  /** Reads one element, each with the same chance; not for lists, nor empty collections. False when there is none but hidden ones. */
  draw(root: Address, random: RandomSource): boolean {
    let count = elementCount(this.arena, this.type, this.encoding, root);
    if (this.encoding !== PACKED) {
      const { table } = this.walk;
      const largestSpan = table.spanOf(0);
      for (let i = 0; i < MAX_DRAWS; i++) {
        const hash = random.random();
        const slots = table.spanOf(hash | 0) === largestSpan ? DRAWN_SLOTS * 2 : DRAWN_SLOTS;
        const slot = below(random, slots);
        this.walk.seek(table.root, hash);
        if (slot >= this.walk.nextBucket()) continue;
        this.read(slot);
        if (!this.isHidden) return true;
      }
    }
    if (hasExpiringFields(this.arena, this.type, this.encoding, root)) {
      count = 0;
      for (this.open(this.type, this.encoding, root); this.next(); ) count++;
      if (count === 0) return false;
    }
    this.open(this.type, this.encoding, root);
    for (let i = below(random, count); i >= 0; i--) this.next();
    return true;
  }

  /** Reads an entry of an inner table, as a guard or a bucket shows it. */
  readEntry(type: number, entry: Address): void {
    const segment = this.arena.bytes[entry >>> SEGMENT_OF_SHIFT]!;
    let at = (entry & OFFSET_MASK) << 3;
    this.segment = segment;
    this.entry = entry;
    if (type === ZSET) {
      this.score = this.arena.doubles[entry >>> SEGMENT_OF_SHIFT]![entry & OFFSET_MASK]!;
      at += 8;
    }
    let flags = 0;
    if (type === HASH) flags = segment[at++]!;
    const length = readVarint(segment, at);
    this.from = at + varintBytes(length);
    this.to = this.from + length;
    this.expireAtMs = NO_FIELD_EXPIRY;
    if (type !== HASH) return;
    const valueLength = readVarint(segment, this.to);
    this.valueFrom = this.to + varintBytes(valueLength);
    this.valueTo = this.valueFrom + valueLength;
    if ((flags & FIELD_EXPIRES) !== 0) this.expireAtMs = readFieldExpiry(segment, this.valueTo);
  }

  private nextPacked(): boolean {
    const { packed } = this;
    if (this.offset >= packed.used) return false;
    this.offset = packed.read(this.offset);
    this.segment = packed.segment;
    this.from = packed.from;
    this.to = packed.to;
    if (this.type === SET) return true;
    this.offset = packed.read(this.offset);
    if (this.type === HASH) {
      this.valueFrom = packed.from;
      this.valueTo = packed.to;
      return true;
    }
    this.score = this.packedScore.read(packed.segment, packed.from, packed.to);
    return true;
  }

  private nextItem(): boolean {
    const { node } = this;
    while (this.offset >= node.end) {
      if (node.next === NONE) return false;
      node.open(node.next);
      this.offset = node.start;
    }
    this.offset = node.readForward(this.offset);
    this.segment = node.segment;
    this.from = node.from;
    this.to = node.to;
    return true;
  }

  private wordOf(address: Address, index: number): number {
    return this.arena.words[address >>> SEGMENT_OF_SHIFT]![((address & OFFSET_MASK) << 1) + index]!;
  }
}

/** Gives random integers in [0, 2^32). */
export interface RandomSource {
  random(): number;
}

/** A random integer in [0, limit). */
export function below(random: RandomSource, limit: number): number {
  return Math.floor((random.random() / 2 ** 32) * limit);
}

/** The root of the table inside a LARGE hash, set or sorted set; NONE for what has none. */
export function innerTableRoot(arena: Arena, type: number, encoding: number, root: Address): Address {
  if (encoding === PACKED || type === LIST || type === STREAM) return NONE;
  return type === ZSET ? arena.words[root >>> SEGMENT_OF_SHIFT]![(root & OFFSET_MASK) << 1]! : root;
}

/** Elements of a collection: fields, members or items. */
export function elementCount(arena: Arena, type: number, encoding: number, root: Address): number {
  const words = arena.words[root >>> SEGMENT_OF_SHIFT]!;
  const at = (root & OFFSET_MASK) << 1;
  if (type === LIST) return encoding === PACKED ? words[at + 4]! : words[at + 2]!;
  if (type === STREAM) return arena.doubles[root >>> SEGMENT_OF_SHIFT]![(root & OFFSET_MASK) + STREAM_LENGTH_DOUBLE]!;
  if (encoding === PACKED) {
    const strings = words[at + 1]! & 0xffffff;
    return type === SET ? strings : strings >> 1;
  }
  const table = innerTableRoot(arena, type, encoding, root);
  return arena.words[table >>> SEGMENT_OF_SHIFT]![(table & OFFSET_MASK) << 1]!;
}
