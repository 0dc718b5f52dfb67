/**
 * Sorted sets: members with scores, ordered by score, then by the member's bytes. Hot file: no allocation per call.
 *
 * PACKED: a packed sequence of member, score (packed-score.ts), member, score … in order.
 * LARGE: root `[table root][ordered record]`, 8 bytes, over a table of entries `[score: f64][member length: varint][member]`
 * and an ordered index of the same entries.
 * One instance is a cursor over the set it has open; see hashes.ts for `encoding`, `root` and `saveTo`.
 * Ranges are ranges of ranks: `rankOfScore` and `rankOfMember` turn bounds into ranks, `seekRank`, `next` and `previous` walk.
 * A set that is made as a whole begins with `createUnordered` and ends with `order`: its members are sorted once, not one by one.
 */
import type { Database } from '../keyspace/database.ts';
import { copyBytes } from '../keyspace/database.ts';
import { LARGE, PACKED } from '../keyspace/entry.ts';
import type { Address, Arena } from '../memory/arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { EntrySort } from '../memory/entry-sort.ts';
import { Ordered, SCORE_BYTES } from '../memory/ordered.ts';
import { Packed } from '../memory/packed.ts';
import type { Table } from '../memory/table.ts';
import { readVarint, varintBytes, writeVarint } from '../memory/varint.ts';
import type { CollectionLimits } from './limits.ts';
import { PackedScore } from './packed-score.ts';

export const ZSET_KEY_OFFSET = SCORE_BYTES;

export class SortedSets {
  encoding = PACKED;
  root: Address = NONE;
  /** The member that the last find, seek or step stopped at, and its score. */
  segment: Uint8Array;
  from = 0;
  to = 0;
  score = 0;
  readonly table: Table;
  private readonly ordered: Ordered;
  private readonly packed: Packed;
  private readonly arena: Arena;
  private readonly limits: CollectionLimits;
  private entry: Address = NONE;
  /** Of PACKED: offsets of members by rank, and the rank where the walk stands. */
  private offsets: Int32Array = new Int32Array(128);
  private rank = 0;
  private readonly packedScore = new PackedScore();
  /** Of a set between `createUnordered` and `order`: its entries, once it is LARGE, as they came. */
  private unordered = false;
  private pending: Int32Array = NO_ENTRIES;
  private pendingCount = 0;
  private readonly entrySort: EntrySort;
  /** The member that a new score moves within a packed set. */
  private moved: Uint8Array = new Uint8Array(64);

  constructor(arena: Arena, table: Table, limits: CollectionLimits) {
    this.arena = arena;
    this.table = table;
    this.limits = limits;
    this.packed = new Packed(arena);
    this.ordered = new Ordered(arena);
    this.entrySort = new EntrySort(arena);
    this.segment = arena.bytes[0]!;
  }

  open(encoding: number, root: Address): this {
    this.encoding = encoding;
    this.root = root;
    this.unordered = false;
    if (encoding === PACKED) this.packed.open(root);
    else {
      const words = this.arena.words[root >>> SEGMENT_OF_SHIFT]!;
      const at = (root & OFFSET_MASK) << 1;
      this.table.open(words[at]!);
      this.ordered.open(words[at + 1]!);
    }
    return this;
  }

  openFound(database: Database): this {
    return this.open(database.view.encoding, database.view.root());
  }

  create(): this {
    this.encoding = PACKED;
    this.root = this.packed.create();
    this.unordered = false;
    return this;
  }

  /** As `create`. Until `order` only `find`, `insert`, `setScore` and `count` may be used. */
  createUnordered(): this {
    this.create();
    this.unordered = true;
    this.pendingCount = 0;
    return this;
  }

  /** Brings the members of a set that began with `createUnordered` in order. */
  order(): void {
    if (this.encoding === LARGE) {
      this.entrySort.sort(this.pending, this.pendingCount);
      const record = this.ordered.create();
      this.ordered.load(this.pending, this.pendingCount);
      this.arena.words[this.root >>> SEGMENT_OF_SHIFT]![((this.root & OFFSET_MASK) << 1) + 1] = record;
    }
    this.unordered = false;
    this.pending = NO_ENTRIES;
  }

  saveTo(database: Database): void {
    const { view } = database;
    if (view.encoding !== this.encoding || view.root() !== this.root) database.setRoot(this.encoding, this.root);
  }

  get count(): number {
    return this.encoding === PACKED ? this.packed.count >> 1 : this.table.count;
  }

  /** Converts beforehand when so many members, the longest of so many bytes, are about to come that a packed set would not do. */
  expect(members: number, longestBytes: number): void {
    if (this.encoding !== PACKED) return;
    if (members > this.limits.zsetEntries || longestBytes > this.limits.zsetValueBytes) this.convert();
  }

  /** Looks a member up; its score is then `score`. */
  find(member: Uint8Array, from: number, to: number): boolean {
    if (this.encoding === PACKED) {
      const { packed } = this;
      if (!packed.seek(member, from, to, 2)) return false;
      this.takePacked(packed.at);
      return true;
    }
    const entry = this.table.find(member, from, to);
    if (entry === NONE) return false;
    this.takeEntry(entry);
    return true;
  }

  /** Adds a member that the last `find` did not find. */
  insert(member: Uint8Array, from: number, to: number, score: number): void {
    if (this.encoding === PACKED) {
      const { packed, limits } = this;
      if (packed.count >> 1 < limits.zsetEntries && to - from <= limits.zsetValueBytes) {
        this.insertPacked(member, from, to, score);
        return;
      }
      this.convert();
      this.table.find(member, from, to);
    }
    this.insertLarge(member, from, to, score);
  }

  /** Gives the member that `find` found another score. */
  setScore(score: number): void {
    if (this.encoding === PACKED) {
      this.setPackedScore(score);
      return;
    }
    const { entry, table, ordered } = this;
    const doubles = this.arena.doubles[entry >>> SEGMENT_OF_SHIFT]!;
    table.beforeChange();
    if (this.unordered || ordered.keepsPlace(entry, score)) doubles[entry & OFFSET_MASK] = score;
    else {
      ordered.remove(entry);
      doubles[entry & OFFSET_MASK] = score;
      ordered.insert(entry);
    }
    this.score = score;
  }

  private setPackedScore(score: number): void {
    const { packed } = this;
    const { at } = packed;
    const { segment, from, to } = this;
    const place = this.placeOf(segment, from, to, score, at);
    const scoreAt = packed.read(at);
    if (place === packed.read(scoreAt)) {
      const length = this.packedScore.write(score);
      packed.replace(this.packedScore.bytes, 0, length);
      this.root = packed.address;
      this.score = score;
      return;
    }
    const length = to - from;
    if (length > this.moved.length) this.moved = new Uint8Array(length * 2);
    copyBytes(segment, from, to, this.moved, 0);
    packed.remove(at, 2);
    this.insertPacked(this.moved, 0, length, score);
  }

  /** Removes the member that `find` found. */
  remove(): void {
    if (this.encoding === PACKED) {
      this.packed.remove(this.packed.at, 2);
      this.root = this.packed.address;
      return;
    }
    this.ordered.remove(this.entry);
    this.table.remove();
    this.arena.free(this.entry);
    this.entry = NONE;
  }

  /** Removes the members of ranks [first, end). */
  removeRanks(first: number, end: number): void {
    if (this.encoding === PACKED) {
      const { packed } = this;
      if (end > first) {
        packed.seekIndex(first * 2);
        packed.remove(packed.at, (end - first) * 2);
      }
      this.root = packed.address;
      return;
    }
    const { ordered, table } = this;
    for (let left = end - first; left > 0; ) {
      // A leaf at a time: its entries leave the table first, then all of them the leaf.
      ordered.seekRank(first);
      const inLeaf = Math.min(left, ordered.restOfLeaf);
      for (let i = 0; i < inLeaf; i++) {
        this.takeEntry(ordered.restAt(i));
        table.find(this.segment, this.from, this.to);
        table.remove();
        this.arena.free(this.entry);
      }
      ordered.removeHere(inLeaf);
      left -= inLeaf;
    }
    this.entry = NONE;
  }

  // --- Ranks ---------------------------------------------------------------------------------------------------------

  /** Rank of the member that `find` found. */
  rankOfFound(): number {
    if (this.encoding === PACKED) {
      const { packed } = this;
      const { at } = packed;
      let rank = 0;
      for (let offset = packed.first; offset < at; rank++) offset = packed.read(packed.read(offset));
      return rank;
    }
    this.ordered.seekEntry(this.entry);
    return this.ordered.rank();
  }

  /** How many members have a score below (or, `through`, of at most) `score`. */
  rankOfScore(score: number, through: boolean): number {
    if (this.encoding === LARGE) {
      this.ordered.seekScore(score, through);
      return this.ordered.rank();
    }
    const { packed } = this;
    let rank = 0;
    for (let offset = packed.first; offset < packed.used; rank++) {
      offset = packed.read(packed.read(offset));
      const own = this.packedScore.read(packed.segment, packed.from, packed.to);
      if (through ? own > score : own >= score) break;
    }
    return rank;
  }

  /** How many members, all of one score, come before (or, `through`, up to) bytes[from, to). */
  rankOfMember(bytes: Uint8Array, from: number, to: number, through: boolean): number {
    if (this.encoding === LARGE) {
      this.ordered.seekMember(bytes, from, to, through);
      return this.ordered.rank();
    }
    const { packed } = this;
    let rank = 0;
    for (let offset = packed.first; offset < packed.used; rank++) {
      offset = packed.read(offset);
      const order = compareBytes(packed.segment, packed.from, packed.to, bytes, from, to);
      if (through ? order > 0 : order >= 0) break;
      offset = packed.read(offset);
    }
    return rank;
  }

  /** Moves to the first member with a score of at least (or, exclusive, above) `score`; false when there is none. */
  seekScore(score: number, exclusive: boolean): boolean {
    if (this.encoding === PACKED) return this.seekRank(this.rankOfScore(score, exclusive));
    this.ordered.seekScore(score, exclusive);
    return this.takeOrdered();
  }

  /** Moves to the member of this rank; false past the end. */
  seekRank(rank: number): boolean {
    if (this.encoding === PACKED) {
      const { packed } = this;
      const count = packed.count >> 1;
      if (count > this.offsets.length) this.offsets = new Int32Array(count * 2);
      let offset = packed.first;
      for (let i = 0; i < count; i++) {
        this.offsets[i] = offset;
        offset = packed.read(packed.read(offset));
      }
      this.rank = rank;
      return this.takeRank();
    }
    this.ordered.seekRank(rank);
    return this.takeOrdered();
  }

  next(): boolean {
    if (this.encoding === PACKED) {
      this.rank++;
      return this.takeRank();
    }
    this.ordered.next();
    return this.takeOrdered();
  }

  previous(): boolean {
    if (this.encoding === PACKED) {
      this.rank--;
      return this.takeRank();
    }
    this.ordered.previous();
    return this.takeOrdered();
  }

  private takeRank(): boolean {
    if (this.rank < 0 || this.rank >= this.packed.count >> 1) return false;
    this.takePacked(this.offsets[this.rank]!);
    return true;
  }

  private takeOrdered(): boolean {
    const { entry } = this.ordered;
    if (entry === NONE) return false;
    this.takeEntry(entry);
    return true;
  }

  private takeEntry(entry: Address): void {
    const segment = this.arena.bytes[entry >>> SEGMENT_OF_SHIFT]!;
    const at = ((entry & OFFSET_MASK) << 3) + ZSET_KEY_OFFSET;
    const length = readVarint(segment, at);
    this.entry = entry;
    this.segment = segment;
    this.from = at + varintBytes(length);
    this.to = this.from + length;
    this.score = this.arena.doubles[entry >>> SEGMENT_OF_SHIFT]![entry & OFFSET_MASK]!;
  }

  private takePacked(offset: number): void {
    const { packed } = this;
    const scoreAt = packed.read(offset);
    this.segment = packed.segment;
    this.from = packed.from;
    this.to = packed.to;
    packed.read(scoreAt);
    this.score = this.packedScore.read(packed.segment, packed.from, packed.to);
    packed.read(offset);
  }

  private insertPacked(member: Uint8Array, from: number, to: number, score: number): void {
    const { packed, packedScore } = this;
    const at = this.placeOf(member, from, to, score, -1);
    const length = packedScore.write(score);
    packed.insert(at, packedScore.bytes, 0, length);
    packed.insert(at, member, from, to);
    this.root = packed.address;
    this.score = score;
  }

  /** Of PACKED: the offset of the first member, but for the one at `skipped`, that comes after this member with this score. */
  private placeOf(member: Uint8Array, from: number, to: number, score: number, skipped: number): number {
    const { packed } = this;
    let at = packed.first;
    while (at < packed.used) {
      const scoreAt = packed.read(at);
      const memberFrom = packed.from;
      const memberTo = packed.to;
      const next = packed.read(scoreAt);
      if (at !== skipped) {
        const own = this.packedScore.read(packed.segment, packed.from, packed.to);
        if (own > score || (own === score && compareBytes(packed.segment, memberFrom, memberTo, member, from, to) > 0))
          return at;
      }
      at = next;
    }
    return at;
  }

  private insertLarge(member: Uint8Array, from: number, to: number, score: number): void {
    const { arena } = this;
    const length = to - from;
    const entry = arena.allocate(ZSET_KEY_OFFSET + varintBytes(length) + length);
    const segment = arena.bytes[entry >>> SEGMENT_OF_SHIFT]!;
    const base = (entry & OFFSET_MASK) << 3;
    arena.doubles[entry >>> SEGMENT_OF_SHIFT]![entry & OFFSET_MASK] = score;
    copyBytes(member, from, to, segment, writeVarint(segment, base + ZSET_KEY_OFFSET, length));
    this.table.insert(entry);
    if (this.unordered) this.addPending(entry);
    else this.ordered.insert(entry);
    this.entry = entry;
    this.score = score;
  }

  private addPending(entry: Address): void {
    if (this.pendingCount === this.pending.length) {
      const larger = new Int32Array(Math.max(1024, this.pendingCount * 2));
      larger.set(this.pending);
      this.pending = larger;
    }
    this.pending[this.pendingCount++] = entry;
  }

  private convert(): void {
    const { packed, table, arena } = this;
    const { used, address } = packed;
    const root = arena.allocate(8);
    const words = arena.words[root >>> SEGMENT_OF_SHIFT]!;
    words[(root & OFFSET_MASK) << 1] = table.create();
    words[((root & OFFSET_MASK) << 1) + 1] = this.unordered ? NONE : this.ordered.create();
    this.encoding = LARGE;
    this.root = root;
    for (let offset = packed.first; offset < used; ) {
      const scoreAt = packed.read(offset);
      const { from, to } = packed;
      offset = packed.read(scoreAt);
      const score = this.packedScore.read(packed.segment, packed.from, packed.to);
      table.find(packed.segment, from, to);
      this.insertLarge(packed.segment, from, to, score);
    }
    arena.free(address);
  }
}

const NO_ENTRIES: Int32Array = new Int32Array(0); // constant

/** Below, above or at 0 as a[aFrom, aTo) comes before, after or with b[bFrom, bTo) by bytes, then by length. */
export function compareBytes(
  a: Uint8Array,
  aFrom: number,
  aTo: number,
  b: Uint8Array,
  bFrom: number,
  bTo: number,
): number {
  const shared = Math.min(aTo - aFrom, bTo - bFrom);
  for (let i = 0; i < shared; i++) {
    const difference = a[aFrom + i]! - b[bFrom + i]!;
    if (difference !== 0) return difference;
  }
  return aTo - aFrom - (bTo - bFrom);
}
