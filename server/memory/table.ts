/**
 * The one table structure: a linear-hashing table of entries in the arena. The keyspace, and every large hash, set and
 * sorted set index, is one. Hot file: no allocation per operation.
 *
 * Entries are arena allocations whose key is `[length: varint][bytes]` at a fixed `keyOffset`; the table holds their addresses.
 * Bucket, 64 bytes: [version: u32][overflow: Address][count: 4 bits, marked: 1 bit, 3 free][11 tags: u8][11 addresses: i32].
 * A bucket is chosen by the top bits of the hash, its tag is the low byte. Buckets are numbered by hash prefix: splitting bucket
 * i of n gives 2i and 2i+1, done downwards in place one bucket at a time as the table grows, so that order by hash prefix
 * survives resizing, a cursor is a hash prefix, and no operation rehashes more than one bucket.
 * Root, 32 bytes: [count][level: log2 n][split: buckets below it are not yet split][block or directory][4 words of the owner's].
 * Below PAGED_LEVEL the buckets are one block, doubled at once; above it pages of 64 buckets behind a directory.
 * Cost: 9 to 12 bytes an entry, its directory included; find reads one bucket and one entry in the common case.
 * It knows the arena and nothing above it.
 */
import type { Address, Arena } from './arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from './arena.ts';
import { hashBytes } from './hash.ts';
import { readVarint, varintBytes } from './varint.ts';
import { equalWords, ViewCache } from './words.ts';

export const BUCKET_BYTES = 64;
const BUCKET_UNITS = BUCKET_BYTES / 8;
export const BUCKET_SLOTS = 11;
const ROOT_BYTES = 32;
/** From 64 buckets on, buckets live in pages of 64. */
const PAGED_LEVEL = 6;
const PAGE_BUCKETS = 64;
const PAGE_BUCKETS_SHIFT = 6;
/** Entries per bucket, times ten, above which one more bucket is split. */
const GROW_TENTHS = 85;
/** Entries per bucket below which two buckets are merged. */
const SHRINK_LOAD = 2;
const MAX_LEVEL = 27;

const COUNT_MASK = 15;
const MARKED = 16;
const ONES = 0x01010101;
const HIGHS = 0x80808080 | 0;

const CACHE_LINE_BYTES = 64;

const VERSION = 0;
const OVERFLOW = 1;
const META = 2;
const SLOTS = 5;

const ROOT_COUNT = 0;
const ROOT_LEVEL = 1;
const ROOT_SPLIT = 2;
const ROOT_BLOCK = 3;
/** The first of the four words of a root that are the owner's; a new table has 0 in them. */
export const ROOT_OWNER_WORDS = 4;

/**
 * Told before the first change to a bucket that an open snapshot has not passed. The bucket's entries are still as they were;
 * afterwards the table stamps the bucket with the newest epoch.
 */
export interface BucketGuard {
  beforeChange(table: Table, bucket: Address): void;
}

export class Table {
  readonly arena: Arena;
  readonly keyOffset: number;
  private readonly key0: number;
  private readonly key1: number;

  /** The open table's root. */
  root: Address = NONE;
  count = 0;
  private level = 0;
  private split = 0;
  private block: Address = NONE;

  /** Of the last find, walk or insert: the hash, the bucket it belongs to, and where in its chain the entry stands. */
  hash = 0;
  bucket: Address = NONE;
  private chained: Address = NONE;
  private slot = 0;

  /** Epoch of the newest open snapshot; 0 when none is open. Buckets with an older version are shown to `guard` before they change. */
  epoch = 0;
  guard: BucketGuard | null = null;

  private readonly keys = new ViewCache();
  /** Keeps the loads of `warm` from being dropped as useless. */
  private warmed = 0;
  private moved: Int32Array = new Int32Array(64);

  /** @param seed two words of the hash's key; tables that exchange cursors share it. */
  constructor(arena: Arena, keyOffset: number, key0: number, key1: number) {
    this.arena = arena;
    this.keyOffset = keyOffset;
    this.key0 = key0;
    this.key1 = key1;
  }

  /** Makes an empty table, opens it and returns its root. */
  create(): Address {
    const root = this.arena.allocate(ROOT_BYTES);
    const block = this.arena.allocate(BUCKET_BYTES);
    const words = this.arena.words[root >>> SEGMENT_OF_SHIFT]!;
    const at = (root & OFFSET_MASK) << 1;
    words.fill(0, at, at + ROOT_BYTES / 4);
    words[at + ROOT_SPLIT] = 1;
    words[at + ROOT_BLOCK] = block;
    this.open(root);
    this.clearBucket(block, this.epoch);
    return root;
  }

  /** Points this cursor at a table. */
  open(root: Address): this {
    const words = this.arena.words[root >>> SEGMENT_OF_SHIFT]!;
    const at = (root & OFFSET_MASK) << 1;
    this.root = root;
    this.count = words[at + ROOT_COUNT]!;
    this.level = words[at + ROOT_LEVEL]!;
    this.split = words[at + ROOT_SPLIT]!;
    this.block = words[at + ROOT_BLOCK]!;
    return this;
  }

  hashOf(bytes: Uint8Array, start: number, end: number): number {
    return hashBytes(this.keys.of(bytes), start, end, this.key0, this.key1);
  }

  /** The entry whose key equals bytes[start, end), or NONE. Remembers the place for insert, replace and remove. */
  find(bytes: Uint8Array, start: number, end: number): Address {
    const key = this.keys.of(bytes);
    const hash = hashBytes(key, start, end, this.key0, this.key1);
    this.hash = hash;
    let bucket = this.bucketOf(hash);
    this.bucket = bucket;
    const pattern = Math.imul(hash & 0xff, ONES);
    const segments = this.arena.words;
    do {
      const words = segments[bucket >>> SEGMENT_OF_SHIFT]!;
      const at = (bucket & OFFSET_MASK) << 1;
      const meta = words[at + META]!;
      const count = meta & COUNT_MASK;
      let difference = meta ^ pattern;
      let matches = (difference - ONES) & ~difference & HIGHS & ~0xff;
      for (let group = 0; ; ) {
        while (matches !== 0) {
          const slot = (group << 2) + ((31 - Math.clz32(matches & -matches)) >> 3) - 1;
          if (slot < count) {
            const entry = words[at + SLOTS + slot]!;
            if (this.keyEquals(entry, key, start, end - start)) {
              this.chained = bucket;
              this.slot = slot;
              return entry;
            }
          }
          matches &= matches - 1;
        }
        if (++group === 3 || (group << 2) - 1 >= count) break;
        difference = words[at + META + group]! ^ pattern;
        matches = (difference - ONES) & ~difference & HIGHS;
      }
      bucket = words[at + OVERFLOW]!;
    } while (bucket !== NONE);
    return NONE;
  }

  /**
   * Reads, for each i below `count`, what a find of a key with hashes[i] in the table roots[i] (NONE for none) will read, so that it lies
   * in the processor's cache by then. Each pass is a short loop of loads that do not depend on each other: the processor waits for
   * them together, where finds one after the other wait for each in turn. `places` is the caller's scratch, as long as the others.
   * Changes nothing, but leaves this cursor on the last of the tables.
   */
  warm(roots: Int32Array, hashes: Int32Array, places: Int32Array, count: number): void {
    const segments = this.arena.words;
    let seen = 0;
    for (let i = 0; i < count; i++) {
      const root = roots[i]!;
      if (root === NONE) {
        places[i] = NONE;
        continue;
      }
      if (root !== this.root) this.open(root);
      places[i] = this.bucketOf(hashes[i]!);
    }
    for (let i = 0; i < count; i++) {
      const bucket = places[i]!;
      seen ^= segments[bucket >>> SEGMENT_OF_SHIFT]![((bucket & OFFSET_MASK) << 1) + META]!;
    }
    for (let i = 0; i < count; i++) if (places[i] !== NONE) places[i] = this.candidate(places[i]!, hashes[i]!);
    for (let i = 0; i < count; i++) {
      const entry = places[i]!;
      const words = segments[entry >>> SEGMENT_OF_SHIFT]!;
      const at = (entry & OFFSET_MASK) << 1;
      seen ^= words[at]! ^ words[Math.min(at + CACHE_LINE_BYTES / 4, words.length - 1)]!;
    }
    this.warmed ^= seen;
  }

  /** The first entry of a bucket whose tag fits the hash; NONE when none does. */
  private candidate(bucket: Address, hash: number): Address {
    const words = this.arena.words[bucket >>> SEGMENT_OF_SHIFT]!;
    const at = (bucket & OFFSET_MASK) << 1;
    const pattern = Math.imul(hash & 0xff, ONES);
    for (let group = 0; group < 3; group++) {
      const difference = words[at + META + group]! ^ pattern;
      const matches = (difference - ONES) & ~difference & (group === 0 ? HIGHS & ~0xff : HIGHS);
      if (matches === 0) continue;
      const slot = (group << 2) + ((31 - Math.clz32(matches & -matches)) >> 3) - 1;
      // Slots beyond the count hold whatever was there before.
      return slot < (words[at + META]! & COUNT_MASK) ? words[at + SLOTS + slot]! : NONE;
    }
    return NONE;
  }

  private keyEquals(entry: Address, key: DataView, start: number, length: number): boolean {
    const segment = this.arena.views[entry >>> SEGMENT_OF_SHIFT]!;
    let at = ((entry & OFFSET_MASK) << 3) + this.keyOffset;
    const first = segment.getUint8(at++);
    if (first < 0x80) {
      if (first !== length) return false;
    } else {
      if (readVarint(this.arena.bytes[entry >>> SEGMENT_OF_SHIFT]!, at - 1) !== length) return false;
      at += varintBytes(length) - 1;
    }
    return equalWords(segment, at, key, start, length);
  }

  /** Called by the owner before it changes an entry in place, and by the table before it changes a bucket. */
  beforeChange(): void {
    if (this.epoch !== 0) this.guardBucket(this.bucket);
  }

  private guardBucket(bucket: Address): void {
    const words = this.arena.words[bucket >>> SEGMENT_OF_SHIFT]!;
    const at = (bucket & OFFSET_MASK) << 1;
    if (words[at + VERSION]! >>> 0 >= this.epoch) return;
    if (this.guard !== null) this.guard.beforeChange(this, bucket);
    words[at + VERSION] = this.epoch;
  }

  /** Adds an entry whose key the last `find` did not find. */
  insert(entry: Address): void {
    this.beforeChange();
    this.place(this.bucket, this.hash & 0xff, entry);
    this.count++;
    this.saveCount();
    if (this.count * 10 <= this.bucketCount() * GROW_TENTHS) return;
    this.growStep();
    this.remember(entry);
  }

  /** After growing: where the entry that was inserted last stands now, so that it can be replaced or removed as after a find. */
  private remember(entry: Address): void {
    this.bucket = this.bucketOf(this.hash);
    for (let b = this.bucket; b !== NONE; b = this.overflowOf(b)) {
      const words = this.arena.words[b >>> SEGMENT_OF_SHIFT]!;
      const at = (b & OFFSET_MASK) << 1;
      const count = words[at + META]! & COUNT_MASK;
      for (let slot = 0; slot < count; slot++) {
        if (words[at + SLOTS + slot] !== entry) continue;
        this.chained = b;
        this.slot = slot;
        return;
      }
    }
    throw new Error('table: an entry is lost while the table grew');
  }

  /** Puts another entry of the same key in the place of the last one found. */
  replace(entry: Address): void {
    this.beforeChange();
    this.arena.words[this.chained >>> SEGMENT_OF_SHIFT]![((this.chained & OFFSET_MASK) << 1) + SLOTS + this.slot] =
      entry;
  }

  /** Removes the last entry found from the table; the entry itself stays the caller's. */
  remove(): void {
    this.beforeChange();
    const segments = this.arena.words;
    // The last entry of the chain fills the hole, so that slots below `count` are always taken.
    let before: Address = NONE;
    let last = this.chained;
    for (;;) {
      const next = segments[last >>> SEGMENT_OF_SHIFT]![((last & OFFSET_MASK) << 1) + OVERFLOW]!;
      if (next === NONE) break;
      before = last;
      last = next;
    }
    const lastWords = segments[last >>> SEGMENT_OF_SHIFT]!;
    const lastAt = (last & OFFSET_MASK) << 1;
    const lastSlot = (lastWords[lastAt + META]! & COUNT_MASK) - 1;
    if (last !== this.chained || lastSlot !== this.slot) {
      const words = segments[this.chained >>> SEGMENT_OF_SHIFT]!;
      const at = (this.chained & OFFSET_MASK) << 1;
      words[at + SLOTS + this.slot] = lastWords[lastAt + SLOTS + lastSlot]!;
      this.setTag(this.chained, this.slot, this.tagAt(last, lastSlot));
    }
    lastWords[lastAt + META]!--;
    if (lastSlot === 0 && last !== this.bucket) {
      if (before === NONE) before = this.predecessor(last);
      segments[before >>> SEGMENT_OF_SHIFT]![((before & OFFSET_MASK) << 1) + OVERFLOW] = NONE;
      this.arena.free(last);
    }
    this.count--;
    this.saveCount();
    if (this.epoch === 0 && this.level > 0 && this.count < this.bucketCount() * SHRINK_LOAD) this.shrinkStep();
  }

  private predecessor(bucket: Address): Address {
    let at = this.bucket;
    for (;;) {
      const next = this.overflowOf(at);
      if (next === bucket) return at;
      if (next === NONE) throw new Error('table: a chained bucket has no predecessor');
      at = next;
    }
  }

  /** Frees the table's buckets and root. The entries are the caller's, to be visited and freed before. */
  destroy(): void {
    const positions = this.level >= PAGED_LEVEL ? 2 << this.level : 1 << this.level;
    for (let position = 0; position < positions; position++) {
      if (position >= this.split && position < this.split * 2) continue;
      this.freeChain(this.overflowOf(this.bucketAt(position)));
    }
    this.destroyEmptied();
  }

  /** Empties a bucket of a table that is about to be destroyed by `destroyEmptied`. Its entries are the caller's. */
  dropChain(bucket: Address): void {
    this.freeChain(this.overflowOf(bucket));
    this.clearBucket(bucket, this.versionOf(bucket));
  }

  /** As `destroy`, when `dropChain` was called for every bucket: one step for each page of buckets. */
  destroyEmptied(): void {
    if (this.level >= PAGED_LEVEL) {
      const words = this.arena.words[this.block >>> SEGMENT_OF_SHIFT]!;
      const at = (this.block & OFFSET_MASK) << 1;
      for (let page = 0; page < (2 << this.level) >> PAGE_BUCKETS_SHIFT; page++) {
        if (words[at + page] !== NONE) this.arena.free(words[at + page]!);
      }
    }
    this.arena.free(this.block);
    this.arena.free(this.root);
    this.root = NONE;
    this.count = 0;
  }

  /**
   * Makes a table of the open one's shape, whose entries are what `copyEntry` makes of its entries; opens it and returns its root.
   * The keys must stay the same: nothing is hashed.
   */
  copy(copyEntry: (entry: Address) => Address): Address {
    const { arena, level, split } = this;
    const root = this.copyAllocation(this.root, ROOT_BYTES);
    let block: Address;
    if (level < PAGED_LEVEL) block = this.copyAllocation(this.block, (1 << level) * BUCKET_BYTES);
    else {
      const pages = (2 << level) >> PAGE_BUCKETS_SHIFT;
      block = this.copyAllocation(this.block, Math.max(8, pages * 4));
      const words = arena.words[block >>> SEGMENT_OF_SHIFT]!;
      const at = (block & OFFSET_MASK) << 1;
      for (let page = 0; page < pages; page++) {
        if (words[at + page] === NONE) continue;
        words[at + page] = this.copyAllocation(words[at + page]!, PAGE_BUCKETS * BUCKET_BYTES);
      }
    }
    this.root = root;
    this.block = block;
    this.saveShape();
    const positions = level >= PAGED_LEVEL ? 2 << level : 1 << level;
    for (let position = 0; position < positions; position++) {
      if (level >= PAGED_LEVEL && position >= split && position < split * 2) continue;
      this.copyChain(this.bucketAt(position), copyEntry);
    }
    return root;
  }

  /** Replaces the entries of a copied bucket by copies, and the buckets chained to it. */
  private copyChain(bucket: Address, copyEntry: (entry: Address) => Address): void {
    for (let b = bucket; b !== NONE; b = this.overflowOf(b)) {
      const words = this.arena.words[b >>> SEGMENT_OF_SHIFT]!;
      const at = (b & OFFSET_MASK) << 1;
      words[at + VERSION] = this.epoch;
      const count = words[at + META]! & COUNT_MASK;
      for (let slot = 0; slot < count; slot++) words[at + SLOTS + slot] = copyEntry(words[at + SLOTS + slot]!);
      if (words[at + OVERFLOW] !== NONE)
        words[at + OVERFLOW] = this.copyAllocation(words[at + OVERFLOW]!, BUCKET_BYTES);
    }
  }

  private copyAllocation(address: Address, sizeBytes: number): Address {
    const copy = this.arena.allocate(sizeBytes);
    this.arena.copy(address, 0, copy, 0, sizeBytes);
    return copy;
  }

  // --- Walking -------------------------------------------------------------------------------------------------------

  /** Buckets in use, without chained ones. */
  bucketCount(): number {
    return this.level >= PAGED_LEVEL ? (2 << this.level) - this.split : 1 << this.level;
  }

  /** The bucket that holds hashes beginning with the prefix of `hash`. */
  bucketOf(hash: number): Address {
    return this.bucketAt(this.positionOf(hash));
  }

  private positionOf(hash: number): number {
    const level = this.level;
    if (level === 0) return 0;
    const position = hash >>> (32 - level);
    return position >= this.split ? hash >>> (31 - level) : position;
  }

  private bucketAt(position: number): Address {
    if (this.level < PAGED_LEVEL) return this.block + position * BUCKET_UNITS;
    const page =
      this.arena.words[this.block >>> SEGMENT_OF_SHIFT]![
        ((this.block & OFFSET_MASK) << 1) + (position >> PAGE_BUCKETS_SHIFT)
      ]!;
    return page + (position & (PAGE_BUCKETS - 1)) * BUCKET_UNITS;
  }

  /**
   * Where the bucket of `cursor` ends: the first hash after it, as a number in (cursor, 2^32]. 2^32 means that the walk is over.
   * A full walk: `for (let c = 0; c < 2 ** 32; c = table.nextCursor(c)) visit(table.bucketOf(c | 0))`. Resizing between steps
   * may show an entry twice, never hide one.
   */
  nextCursor(cursor: number): number {
    const hash = cursor | 0;
    const level = this.level;
    if (level === 0) return 2 ** 32;
    const position = hash >>> (32 - level);
    if (position < this.split) return (position + 1) * 2 ** (32 - level);
    return ((hash >>> (31 - level)) + 1) * 2 ** (31 - level);
  }

  /** How many hashes the bucket of `hash` stands for: one that is not yet split stands for twice as many as one that is. */
  spanOf(hash: number): number {
    if (this.level === 0) return 2 ** 32;
    return 2 ** (hash >>> (32 - this.level) >= this.split ? 31 - this.level : 32 - this.level);
  }

  /**
   * Copies the entries of a bucket and its chain to `into`, from index `first` on (room for them is the caller's duty: see `chainLength`);
   * returns the index after the last.
   */
  entriesOf(bucket: Address, into: Int32Array, first = 0): number {
    let found = first;
    for (let b = bucket; b !== NONE; ) {
      const words = this.arena.words[b >>> SEGMENT_OF_SHIFT]!;
      const at = (b & OFFSET_MASK) << 1;
      const count = words[at + META]! & COUNT_MASK;
      for (let slot = 0; slot < count; slot++) into[found++] = words[at + SLOTS + slot]!;
      b = words[at + OVERFLOW]!;
    }
    return found;
  }

  /** Entries in a bucket and its chain. */
  chainLength(bucket: Address): number {
    let found = 0;
    for (let b = bucket; b !== NONE; b = this.overflowOf(b)) {
      found += this.arena.words[b >>> SEGMENT_OF_SHIFT]![((b & OFFSET_MASK) << 1) + META]! & COUNT_MASK;
    }
    return found;
  }

  /** Every entry, in order of hash prefix. Nothing may be inserted or removed meanwhile. Not for the hot path. */
  *entries(): Generator<Address> {
    for (let cursor = 0; cursor < 2 ** 32; cursor = this.nextCursor(cursor)) {
      for (let b = this.bucketOf(cursor | 0); b !== NONE; b = this.overflowOf(b)) {
        const count = this.arena.words[b >>> SEGMENT_OF_SHIFT]![((b & OFFSET_MASK) << 1) + META]! & COUNT_MASK;
        for (let slot = 0; slot < count; slot++) {
          yield this.arena.words[b >>> SEGMENT_OF_SHIFT]![((b & OFFSET_MASK) << 1) + SLOTS + slot]!;
        }
      }
    }
  }

  /** An entry of the bucket of `hash`, chosen by `hash` too; NONE when that bucket is empty. For sampling. */
  sample(hash: number): Address {
    const bucket = this.bucketOf(hash);
    const length = this.chainLength(bucket);
    if (length === 0) return NONE;
    let index = ((hash & 0xffff) * length) >>> 16;
    for (let b = bucket; b !== NONE; b = this.overflowOf(b)) {
      const words = this.arena.words[b >>> SEGMENT_OF_SHIFT]!;
      const at = (b & OFFSET_MASK) << 1;
      const count = words[at + META]! & COUNT_MASK;
      if (index < count) return words[at + SLOTS + index]!;
      index -= count;
    }
    return NONE;
  }

  versionOf(bucket: Address): number {
    return this.arena.words[bucket >>> SEGMENT_OF_SHIFT]![((bucket & OFFSET_MASK) << 1) + VERSION]! >>> 0;
  }

  stamp(bucket: Address, version: number): void {
    this.arena.words[bucket >>> SEGMENT_OF_SHIFT]![((bucket & OFFSET_MASK) << 1) + VERSION] = version;
  }

  /** A hint the owner may leave on a bucket (the keyspace: some entry here expires). Kept on splits and merges, never on entries. */
  mark(bucket: Address): void {
    this.arena.words[bucket >>> SEGMENT_OF_SHIFT]![((bucket & OFFSET_MASK) << 1) + META]! |= MARKED;
  }

  unmark(bucket: Address): void {
    this.arena.words[bucket >>> SEGMENT_OF_SHIFT]![((bucket & OFFSET_MASK) << 1) + META]! &= ~MARKED;
  }

  isMarked(bucket: Address): boolean {
    return (this.arena.words[bucket >>> SEGMENT_OF_SHIFT]![((bucket & OFFSET_MASK) << 1) + META]! & MARKED) !== 0;
  }

  /** Bytes of the table itself, entries excluded. */
  overheadBytes(): number {
    const { arena } = this;
    let sizeBytes = arena.capacity(this.root) + arena.capacity(this.block);
    if (this.level >= PAGED_LEVEL) {
      const words = arena.words[this.block >>> SEGMENT_OF_SHIFT]!;
      const at = (this.block & OFFSET_MASK) << 1;
      for (let page = 0; page < (2 << this.level) >> PAGE_BUCKETS_SHIFT; page++) {
        if (words[at + page] !== NONE) sizeBytes += arena.capacity(words[at + page]!);
      }
    }
    for (let cursor = 0; cursor < 2 ** 32; cursor = this.nextCursor(cursor)) {
      for (let b = this.overflowOf(this.bucketOf(cursor | 0)); b !== NONE; b = this.overflowOf(b)) {
        sizeBytes += arena.capacity(b);
      }
    }
    return sizeBytes;
  }

  // --- Growing and shrinking -----------------------------------------------------------------------------------------

  private growStep(): void {
    if (this.level < PAGED_LEVEL) {
      this.doubleBlock();
      return;
    }
    if (this.split === 0) {
      if (this.level === MAX_LEVEL) return;
      this.level++;
      this.split = 1 << this.level;
      this.resizeDirectory(this.split >> PAGE_BUCKETS_SHIFT, (2 * this.split) >> PAGE_BUCKETS_SHIFT);
    }
    const position = this.split - 1;
    const source = this.bucketAt(position);
    const count = this.collect(source);
    const version = this.versionOf(source);
    const marked = this.isMarked(source);
    this.freeChain(this.overflowOf(source));
    this.ensurePage(2 * position + 1);
    this.split = position;
    this.clearBucket(this.bucketAt(2 * position), version);
    this.clearBucket(this.bucketAt(2 * position + 1), version);
    if (marked) {
      this.mark(this.bucketAt(2 * position));
      this.mark(this.bucketAt(2 * position + 1));
    }
    this.placeCollected(count);
    this.saveShape();
  }

  /** Below PAGED_LEVEL: twice as many buckets at once, at most 64 of them. */
  private doubleBlock(): void {
    this.rebuildBlock(this.level + 1);
  }

  /** Rebuilds a table of at most one page of buckets with 2^level buckets. Versions: the oldest wins, so that no snapshot misses a bucket. */
  private rebuildBlock(level: number): void {
    const oldPositions = 1 << Math.min(this.level, PAGED_LEVEL);
    const old: Address[] = [];
    for (let position = 0; position < oldPositions; position++) old.push(this.bucketAt(position));
    const oldBlock = this.block;
    const oldLevel = this.level;
    const oldPage = oldLevel >= PAGED_LEVEL ? old[0]! : NONE;
    const buckets = 1 << level;
    const block = this.arena.allocate(buckets * BUCKET_BYTES);
    this.level = level;
    this.split = buckets;
    this.block = block;
    if (level >= PAGED_LEVEL) {
      this.block = this.arena.allocate(8);
      const words = this.arena.words[this.block >>> SEGMENT_OF_SHIFT]!;
      const at = (this.block & OFFSET_MASK) << 1;
      words[at] = block;
      words[at + 1] = NONE;
    }
    const ratio = buckets / oldPositions;
    for (let position = 0; position < buckets; position++) {
      const first = ratio >= 1 ? old[(position / ratio) | 0]! : old[position / ratio]!;
      let version = this.versionOf(first);
      let marked = this.isMarked(first);
      for (let i = 1; i < 1 / ratio; i++) {
        const other = old[position / ratio + i]!;
        if (this.versionOf(other) < version) version = this.versionOf(other);
        if (this.isMarked(other)) marked = true;
      }
      const bucket = block + position * BUCKET_UNITS;
      this.clearBucket(bucket, version);
      if (marked) this.mark(bucket);
    }
    for (const bucket of old) {
      const count = this.collect(bucket);
      this.freeChain(this.overflowOf(bucket));
      this.placeCollected(count);
    }
    this.arena.free(oldBlock);
    if (oldPage !== NONE) this.arena.free(oldPage);
    this.saveShape();
  }

  private shrinkStep(): void {
    if (this.level < PAGED_LEVEL) {
      this.rebuildBlock(this.level - 1);
      return;
    }
    if (this.split === 1 << this.level) {
      if (this.level === PAGED_LEVEL) {
        this.rebuildBlock(PAGED_LEVEL - 1);
        return;
      }
      this.level--;
      this.split = 0;
      this.resizeDirectory((2 << this.level) >> PAGE_BUCKETS_SHIFT, (2 << this.level) >> PAGE_BUCKETS_SHIFT);
    }
    const position = this.split;
    const left = this.bucketAt(2 * position);
    const right = this.bucketAt(2 * position + 1);
    let count = this.collect(left);
    count += this.collect(right, count);
    const version = Math.min(this.versionOf(left), this.versionOf(right));
    const marked = this.isMarked(left) || this.isMarked(right);
    this.freeChain(this.overflowOf(left));
    this.freeChain(this.overflowOf(right));
    this.split = position + 1;
    const target = this.bucketAt(position);
    this.clearBucket(target, version);
    if (marked) this.mark(target);
    this.placeCollected(count);
    this.dropPageBelow(2 * this.split);
    this.saveShape();
  }

  /** After merging, the page that ends at `position` lies in the gap and is freed when no unsplit bucket will need it. */
  private dropPageBelow(position: number): void {
    if (position % PAGE_BUCKETS !== 0 || position <= 1 << this.level) return;
    const page = (position >> PAGE_BUCKETS_SHIFT) - 1;
    const words = this.arena.words[this.block >>> SEGMENT_OF_SHIFT]!;
    const at = ((this.block & OFFSET_MASK) << 1) + page;
    if (page << PAGE_BUCKETS_SHIFT < 1 << this.level || words[at] === NONE) return;
    this.arena.free(words[at]!);
    words[at] = NONE;
  }

  private ensurePage(position: number): void {
    const page = position >> PAGE_BUCKETS_SHIFT;
    const at = ((this.block & OFFSET_MASK) << 1) + page;
    if (this.arena.words[this.block >>> SEGMENT_OF_SHIFT]![at] !== NONE) return;
    const address = this.arena.allocate(PAGE_BUCKETS * BUCKET_BYTES);
    this.arena.words[this.block >>> SEGMENT_OF_SHIFT]![at] = address;
  }

  private resizeDirectory(keepPages: number, pages: number): void {
    const directory = this.arena.allocate(Math.max(8, pages * 4));
    this.arena.copy(this.block, 0, directory, 0, keepPages * 4);
    const words = this.arena.words[directory >>> SEGMENT_OF_SHIFT]!;
    const at = (directory & OFFSET_MASK) << 1;
    words.fill(0, at + keepPages, at + Math.max(2, pages));
    this.arena.free(this.block);
    this.block = directory;
  }

  /** Gathers a chain's entries in `moved` from index `from` on. */
  private collect(bucket: Address, from = 0): number {
    const length = this.chainLength(bucket);
    if (from + length > this.moved.length) {
      const larger = new Int32Array(Math.max(from + length, this.moved.length * 2));
      larger.set(this.moved);
      this.moved = larger;
    }
    return this.entriesOf(bucket, from === 0 ? this.moved : this.moved.subarray(from));
  }

  private placeCollected(count: number): void {
    for (let i = 0; i < count; i++) {
      const entry = this.moved[i]!;
      const hash = this.hashOfEntry(entry);
      this.place(this.bucketAt(this.positionOf(hash)), hash & 0xff, entry);
    }
  }

  private hashOfEntry(entry: Address): number {
    const segment = this.arena.bytes[entry >>> SEGMENT_OF_SHIFT]!;
    const at = ((entry & OFFSET_MASK) << 3) + this.keyOffset;
    const length = readVarint(segment, at);
    const start = at + varintBytes(length);
    return hashBytes(this.arena.views[entry >>> SEGMENT_OF_SHIFT]!, start, start + length, this.key0, this.key1);
  }

  private place(bucket: Address, tag: number, entry: Address): void {
    let target = bucket;
    let words = this.arena.words[target >>> SEGMENT_OF_SHIFT]!;
    let at = (target & OFFSET_MASK) << 1;
    while ((words[at + META]! & COUNT_MASK) === BUCKET_SLOTS) {
      let next = words[at + OVERFLOW]!;
      if (next === NONE) {
        next = this.arena.allocate(BUCKET_BYTES);
        this.clearBucket(next, 0);
        words[at + OVERFLOW] = next;
      }
      target = next;
      words = this.arena.words[target >>> SEGMENT_OF_SHIFT]!;
      at = (target & OFFSET_MASK) << 1;
    }
    const slot = words[at + META]! & COUNT_MASK;
    words[at + SLOTS + slot] = entry;
    words[at + META]!++;
    this.setTag(target, slot, tag);
    this.chained = target;
    this.slot = slot;
  }

  private tagAt(bucket: Address, slot: number): number {
    return this.arena.bytes[bucket >>> SEGMENT_OF_SHIFT]![((bucket & OFFSET_MASK) << 3) + 9 + slot]!;
  }

  private setTag(bucket: Address, slot: number, tag: number): void {
    this.arena.bytes[bucket >>> SEGMENT_OF_SHIFT]![((bucket & OFFSET_MASK) << 3) + 9 + slot] = tag;
  }

  private overflowOf(bucket: Address): Address {
    return this.arena.words[bucket >>> SEGMENT_OF_SHIFT]![((bucket & OFFSET_MASK) << 1) + OVERFLOW]!;
  }

  private clearBucket(bucket: Address, version: number): void {
    const words = this.arena.words[bucket >>> SEGMENT_OF_SHIFT]!;
    const at = (bucket & OFFSET_MASK) << 1;
    words[at + VERSION] = version;
    words[at + OVERFLOW] = NONE;
    words[at + META] = 0;
  }

  private freeChain(bucket: Address): void {
    while (bucket !== NONE) {
      const next = this.overflowOf(bucket);
      this.arena.free(bucket);
      bucket = next;
    }
  }

  private saveCount(): void {
    this.arena.words[this.root >>> SEGMENT_OF_SHIFT]![(this.root & OFFSET_MASK) << 1] = this.count;
  }

  private saveShape(): void {
    const words = this.arena.words[this.root >>> SEGMENT_OF_SHIFT]!;
    const at = (this.root & OFFSET_MASK) << 1;
    words[at + ROOT_COUNT] = this.count;
    words[at + ROOT_LEVEL] = this.level;
    words[at + ROOT_SPLIT] = this.split;
    words[at + ROOT_BLOCK] = this.block;
  }
}
