/**
 * The order of SORT: indexes sorted by a number each, and by bytes where the numbers are equal. Hot file: no allocation per comparison.
 * Bytes are compared by a number too as far as it reaches: the first six of them, and their length when there are fewer.
 * A merge sort over typed arrays: O(n log n) whatever the input.
 */
import { compareBytes } from '../types/sorted-sets.ts';

/** Bytes that a key holds exactly beside a length of three bits. */
const PREFIX_BYTES = 6;

/** Byte strings by number: those of a list's items, or the values to sort by. */
export class ByteStrings {
  readonly segments: Uint8Array[] = [];
  readonly bounds: number[] = [];

  push(segment: Uint8Array, from: number, to: number): void {
    this.segments.push(segment);
    this.bounds.push(from, to);
  }

  get count(): number {
    return this.segments.length;
  }

  compare(i: number, j: number): number {
    const { segments, bounds } = this;
    return compareBytes(
      segments[i]!,
      bounds[2 * i]!,
      bounds[2 * i + 1]!,
      segments[j]!,
      bounds[2 * j]!,
      bounds[2 * j + 1]!,
    );
  }

  /** How many bytes all begin with in common; those that end before their beginning do not count. */
  commonBytes(): number {
    const { segments, bounds, count } = this;
    let first = -1;
    let common = 0;
    for (let i = 0; i < count; i++) {
      const from = bounds[2 * i]!;
      const length = bounds[2 * i + 1]! - from;
      if (length < 0) continue;
      if (first < 0) {
        first = i;
        common = length;
        continue;
      }
      common = Math.min(common, length);
      const a = segments[first]!;
      const b = segments[i]!;
      const start = bounds[2 * first]!;
      for (let k = 0; k < common; k++) if (a[start + k] !== b[from + k]) common = k;
      if (common === 0) return 0;
    }
    return common;
  }

  /** A number that orders as the bytes from `skipped` on do, equal only when the next six are. */
  prefixOf(i: number, skipped: number): number {
    const segment = this.segments[i]!;
    const from = this.bounds[2 * i]! + skipped;
    const length = Math.min(PREFIX_BYTES, this.bounds[2 * i + 1]! - from);
    let key = 0;
    for (let k = 0; k < PREFIX_BYTES; k++) key = key * 256 + (k < length ? segment[from + k]! : 0);
    return key * 8 + length;
  }
}

/** The numbers 0 … keys.length - 1 in order of their keys; `ties` decides where keys are equal. What is equal stays as it came. */
export function sortedIndexes(keys: Float64Array, ties: ByteStrings, descending: boolean): Int32Array {
  const count = keys.length;
  let from = Int32Array.from({ length: count }, (_, index) => index);
  let to = new Int32Array(count);
  for (let width = 1; width < count; width *= 2) {
    for (let left = 0; left < count; left += 2 * width) {
      merge(from, to, left, Math.min(left + width, count), Math.min(left + 2 * width, count), keys, ties, descending);
    }
    const next = to;
    to = from;
    from = next;
  }
  return from;
}

function merge(
  from: Int32Array,
  to: Int32Array,
  left: number,
  middle: number,
  end: number,
  keys: Float64Array,
  ties: ByteStrings,
  descending: boolean,
): void {
  let a = left;
  let b = middle;
  for (let at = left; at < end; at++) {
    let takesLeft = b >= end;
    if (a < middle && b < end) {
      const i = from[a]!;
      const j = from[b]!;
      const first = keys[i]!;
      const second = keys[j]!;
      if (first === second) {
        const order = ties.compare(i, j);
        takesLeft = descending ? order >= 0 : order <= 0;
      } else takesLeft = first < second !== descending;
    }
    to[at] = takesLeft ? from[a++]! : from[b++]!;
  }
}
