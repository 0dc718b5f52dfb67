/**
 * Puts entries `[score: f64][member length: varint][member]` in the order of sorted sets: by score, then by the member's bytes.
 * For what is built at once (ZUNIONSTORE, GEOSEARCHSTORE): n log n comparisons of numbers that lie side by side, where inserting
 * one by one reads entries all over the memory.
 *
 * Entries are merge-sorted by score; runs of equal scores then by six bytes of their members at a time, taken as one number, after
 * what all members of the run begin with. Scratch: 24 bytes an entry, given back when it was much.
 * It knows the arena and nothing above it.
 */
import type { Address, Arena } from './arena.ts';
import { OFFSET_MASK, SEGMENT_OF_SHIFT } from './arena.ts';
import { readVarint, varintBytes } from './varint.ts';

const SCORE_BYTES = 8;
/** Bytes of a member that make one key: 257^6 is below 2^53, the 257th digit being the end of the member. */
const CHUNK_BYTES = 6;
const DIGITS = 257;
/** Up to this many are sorted by insertion. */
const INSERTION_RUN = 12;
/** Scratch for more entries is not kept. */
const MAX_KEPT_SCRATCH = 16384;

export class EntrySort {
  private readonly arena: Arena;
  private readonly sorter = new KeySort();
  private keys: Float64Array = new Float64Array(64);
  /** Runs that are still to be ordered: first, end, and how many bytes their members share at least. */
  private readonly runs: number[] = [];

  constructor(arena: Arena) {
    this.arena = arena;
  }

  /** Sorts entries[0, count). */
  sort(entries: Int32Array, count: number): void {
    if (count > this.keys.length) this.keys = new Float64Array(Math.max(count, this.keys.length * 2));
    const { keys, arena } = this;
    for (let i = 0; i < count; i++) {
      const entry = entries[i]!;
      // Adding 0 turns -0 into 0, which it equals as a score.
      keys[i] = arena.doubles[entry >>> SEGMENT_OF_SHIFT]![entry & OFFSET_MASK]! + 0;
    }
    this.sorter.sort(keys, entries, 0, count);
    this.collectRuns(0, count, 0);
    while (this.runs.length > 0) {
      const depth = this.runs.pop()!;
      const end = this.runs.pop()!;
      const first = this.runs.pop()!;
      this.sortRun(entries, first, end, depth);
    }
    if (this.keys.length > MAX_KEPT_SCRATCH) this.keys = new Float64Array(64);
    this.sorter.trim(MAX_KEPT_SCRATCH);
  }

  /** Notes the runs of equal keys in [first, end). */
  private collectRuns(first: number, end: number, depth: number): void {
    const { keys } = this;
    for (let i = first; i < end; ) {
      const start = i;
      const key = keys[start];
      while (++i < end && keys[i] === key);
      if (i - start > 1) this.runs.push(start, i, depth);
    }
  }

  /** Orders entries of one score whose members share their first `depth` bytes. */
  private sortRun(entries: Int32Array, first: number, end: number, depth: number): void {
    const shared = this.sharedBytes(entries, first, end, depth);
    for (let i = first; i < end; i++) this.keys[i] = this.chunk(entries[i]!, shared);
    this.sorter.sort(this.keys, entries, first, end);
    this.collectRuns(first, end, shared + CHUNK_BYTES);
  }

  /** How many bytes all members of a run begin with; `depth` of them are known. */
  private sharedBytes(entries: Int32Array, first: number, end: number, depth: number): number {
    const model = this.arena.bytes[entries[first]! >>> SEGMENT_OF_SHIFT]!;
    const modelAt = this.memberAt(entries[first]!);
    let shared = this.memberLength(entries[first]!);
    for (let i = first + 1; i < end && shared > depth; i++) {
      const entry = entries[i]!;
      const bytes = this.arena.bytes[entry >>> SEGMENT_OF_SHIFT]!;
      const at = this.memberAt(entry);
      const length = Math.min(shared, this.memberLength(entry));
      let equal = depth;
      while (equal < length && bytes[at + equal] === model[modelAt + equal]) equal++;
      shared = equal;
    }
    return shared;
  }

  private memberLength(entry: Address): number {
    return readVarint(this.arena.bytes[entry >>> SEGMENT_OF_SHIFT]!, ((entry & OFFSET_MASK) << 3) + SCORE_BYTES);
  }

  private memberAt(entry: Address): number {
    return ((entry & OFFSET_MASK) << 3) + SCORE_BYTES + varintBytes(this.memberLength(entry));
  }

  /** The bytes of a member from `offset` on as a number that orders as they do. */
  private chunk(entry: Address, offset: number): number {
    const bytes = this.arena.bytes[entry >>> SEGMENT_OF_SHIFT]!;
    const at = ((entry & OFFSET_MASK) << 3) + SCORE_BYTES;
    const length = readVarint(bytes, at);
    const from = at + varintBytes(length);
    let key = 0;
    for (let i = offset; i < offset + CHUNK_BYTES; i++) key = key * DIGITS + (i < length ? bytes[from + i]! + 1 : 0);
    return key;
  }
}

/** A stable merge sort of numbers, each with an integer that goes along. */
export class KeySort {
  private otherKeys: Float64Array = new Float64Array(64);
  private otherItems: Int32Array = new Int32Array(64);

  /** Sorts keys[first, end), none of them NaN, upwards, and items[first, end) with them. */
  sort(keys: Float64Array, items: Int32Array, first: number, end: number): void {
    const count = end - first;
    for (let start = first; start < end; start += INSERTION_RUN) {
      insertionSort(keys, items, start, Math.min(end, start + INSERTION_RUN));
    }
    if (count <= INSERTION_RUN) return;
    if (count > this.otherKeys.length) {
      const size = Math.max(count, this.otherKeys.length * 2);
      this.otherKeys = new Float64Array(size);
      this.otherItems = new Int32Array(size);
    }
    for (let width = INSERTION_RUN; width < count; width *= 2) {
      for (let start = first; start + width < end; start += 2 * width) {
        this.merge(keys, items, start, start + width, Math.min(end, start + 2 * width));
      }
    }
  }

  /** Gives scratch for more than `kept` items back. */
  trim(kept: number): void {
    if (this.otherKeys.length <= kept) return;
    this.otherKeys = new Float64Array(64);
    this.otherItems = new Int32Array(64);
  }

  /** Merges two sorted neighbours; the left one is moved aside first. */
  private merge(keys: Float64Array, items: Int32Array, start: number, middle: number, end: number): void {
    if (keys[middle - 1]! <= keys[middle]!) return;
    const { otherKeys, otherItems } = this;
    const left = middle - start;
    for (let i = 0; i < left; i++) {
      otherKeys[i] = keys[start + i]!;
      otherItems[i] = items[start + i]!;
    }
    let at = start;
    let i = 0;
    let j = middle;
    while (i < left && j < end) {
      if (keys[j]! < otherKeys[i]!) {
        keys[at] = keys[j]!;
        items[at++] = items[j++]!;
      } else {
        keys[at] = otherKeys[i]!;
        items[at++] = otherItems[i++]!;
      }
    }
    while (i < left) {
      keys[at] = otherKeys[i]!;
      items[at++] = otherItems[i++]!;
    }
  }
}

function insertionSort(keys: Float64Array, items: Int32Array, first: number, end: number): void {
  for (let i = first + 1; i < end; i++) {
    const key = keys[i]!;
    const item = items[i]!;
    let j = i - 1;
    for (; j >= first && keys[j]! > key; j--) {
      keys[j + 1] = keys[j]!;
      items[j + 1] = items[j]!;
    }
    keys[j + 1] = key;
    items[j + 1] = item;
  }
}
