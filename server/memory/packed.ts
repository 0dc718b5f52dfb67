/**
 * A packed sequence of byte strings in one allocation: what small hashes, sets and sorted sets are.
 * Hot file: no allocation per operation.
 *
 * Layout: [bytes used, header included: u32][strings: 24 bits, mark: 8 bits] then per string [length: varint][bytes].
 * Callers that keep pairs (field and value, member and score) store them as neighbours and walk by a stride of 2.
 * The mark is a byte of the owner's.
 * Cost: lookup is linear; inserting and removing move what stands behind. Callers convert to a table beyond their limits.
 * It knows the arena and nothing above it.
 */
import type { Address, Arena } from './arena.ts';
import { OFFSET_MASK, SEGMENT_OF_SHIFT } from './arena.ts';
import { readVarint, varintBytes, writeVarint } from './varint.ts';

export const PACKED_HEADER_BYTES = 8;
const COUNT_MASK = 0xffffff;
const MARK_SHIFT = 24;
/** Longest loop copy; longer ones go through TypedArray.prototype.set. */
const LOOP_COPY_BYTES = 192;

export class Packed {
  readonly arena: Arena;
  address: Address = 0;
  segment: Uint8Array;
  /** Byte position of the allocation in `segment`. */
  base = 0;
  /** Bytes in use, header included. */
  used = 0;
  /** Strings, not pairs. */
  count = 0;
  mark = 0;
  /** The string that `read` or `seek` stopped at: its bytes are segment[from, to); it begins, with its length, at offset `at`. */
  at = 0;
  from = 0;
  to = 0;

  constructor(arena: Arena) {
    this.arena = arena;
    this.segment = arena.bytes[0]!;
  }

  /** Makes an empty sequence and opens it. */
  create(mark = 0): Address {
    const address = this.arena.allocate(PACKED_HEADER_BYTES);
    this.address = address;
    this.segment = this.arena.bytes[address >>> SEGMENT_OF_SHIFT]!;
    this.base = (address & OFFSET_MASK) << 3;
    this.used = PACKED_HEADER_BYTES;
    this.count = 0;
    this.mark = mark;
    this.save();
    return address;
  }

  open(address: Address): this {
    const words = this.arena.words[address >>> SEGMENT_OF_SHIFT]!;
    const at = (address & OFFSET_MASK) << 1;
    this.address = address;
    this.segment = this.arena.bytes[address >>> SEGMENT_OF_SHIFT]!;
    this.base = (address & OFFSET_MASK) << 3;
    this.used = words[at]!;
    const meta = words[at + 1]!;
    this.count = meta & COUNT_MASK;
    this.mark = meta >>> MARK_SHIFT;
    return this;
  }

  /** Offset of the first string. */
  get first(): number {
    return PACKED_HEADER_BYTES;
  }

  /** Reads the string at an offset below `used`; returns the offset of the next one. */
  read(offset: number): number {
    const position = this.base + offset;
    const segment = this.segment;
    const length = segment[position]!;
    this.at = offset;
    if (length < 0x80) {
      this.from = position + 1;
      this.to = position + 1 + length;
    } else {
      const long = readVarint(segment, position);
      this.from = position + varintBytes(long);
      this.to = this.from + long;
    }
    return this.to - this.base;
  }

  /** Stops at the string equal to bytes[start, end) among every `stride`-th one; false when there is none. */
  seek(bytes: Uint8Array, start: number, end: number, stride: number): boolean {
    const { segment } = this;
    const wanted = end - start;
    const stop = this.base + this.used;
    let position = this.base + PACKED_HEADER_BYTES;
    while (position < stop) {
      const begin = position;
      let length = segment[position]!;
      let from = position + 1;
      if (length >= 0x80) {
        length = readVarint(segment, position);
        from = position + varintBytes(length);
      }
      if (length === wanted) {
        let i = 0;
        while (i < length && segment[from + i] === bytes[start + i]) i++;
        if (i === length) {
          this.at = begin - this.base;
          this.from = from;
          this.to = from + length;
          return true;
        }
      }
      position = from + length;
      if (stride === 2) {
        length = segment[position]!;
        position =
          length < 0x80
            ? position + 1 + length
            : position + varintBytes(readVarint(segment, position)) + readVarint(segment, position);
      }
    }
    return false;
  }

  /** Offset of the string of this index (0 … count - 1), which is then read. */
  seekIndex(index: number): number {
    let offset = PACKED_HEADER_BYTES;
    for (let i = 0; i < index; i++) offset = this.read(offset);
    this.read(offset);
    return offset;
  }

  /** Inserts a copy of bytes[start, end) before offset `at` (`used` appends). The allocation may move: `address` says where it is. */
  insert(at: number, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    const size = varintBytes(length) + length;
    this.makeRoom(at, size);
    copy(bytes, start, end, this.segment, writeVarint(this.segment, this.base + at, length));
    this.count++;
    this.save();
  }

  /** Gives the string last read or sought another content; the one after it stays the one after it. */
  replace(bytes: Uint8Array, start: number, end: number): void {
    const { at } = this;
    const length = end - start;
    const oldSize = this.to - this.base - at;
    const size = varintBytes(length) + length;
    if (size > oldSize) this.makeRoom(at, size - oldSize);
    else if (size < oldSize) this.closeGap(at, oldSize - size);
    this.from = writeVarint(this.segment, this.base + at, length);
    this.to = this.from + length;
    copy(bytes, start, end, this.segment, this.from);
    this.save();
  }

  /** Removes `strings` strings that begin at offset `at`. */
  remove(at: number, strings: number): void {
    let end = at;
    for (let i = 0; i < strings; i++) end = this.read(end);
    this.closeGap(at, end - at);
    this.count -= strings;
    this.save();
  }

  setMark(mark: number): void {
    this.mark = mark;
    this.save();
  }

  free(): void {
    this.arena.free(this.address);
  }

  private makeRoom(at: number, size: number): void {
    const { used } = this;
    this.resize(used, used + size);
    if (at < used) {
      const position = this.base + at;
      this.segment.copyWithin(position + size, position, this.base + used);
    }
    this.used = used + size;
  }

  private closeGap(at: number, size: number): void {
    const position = this.base + at;
    const { used } = this;
    if (at + size < used) this.segment.copyWithin(position, position + size, this.base + used);
    this.used = used - size;
    this.resize(this.used, this.used);
  }

  private resize(keep: number, size: number): void {
    const address = this.arena.resize(this.address, keep, size);
    this.address = address;
    this.segment = this.arena.bytes[address >>> SEGMENT_OF_SHIFT]!;
    this.base = (address & OFFSET_MASK) << 3;
  }

  private save(): void {
    const words = this.arena.words[this.address >>> SEGMENT_OF_SHIFT]!;
    const at = this.base >>> 2;
    words[at] = this.used;
    words[at + 1] = this.count | (this.mark << MARK_SHIFT);
  }
}

function copy(source: Uint8Array, from: number, to: number, target: Uint8Array, at: number): void {
  if (to - from > LOOP_COPY_BYTES) {
    target.set(source.subarray(from, to), at);
    return;
  }
  for (let i = from; i < to; i++) target[at++] = source[i]!;
}
