/**
 * A node of a list: byte strings in one allocation that can be read from both ends and grow at both ends.
 * Hot file: no allocation per operation.
 *
 * Layout: [previous][next][start: u32][end: u32][count: u32][packed: u32], then from byte `start` to byte `end` per item
 * [length: varint][bytes][length: varint, its bytes in reverse order]. Room may be free on both sides of the items, so that
 * pushing and popping at either end moves nothing.
 * A small list is one node without neighbours; a large one a chain of them, kept by its type.
 * `packed` is what the items would take in Valkey's listpack, which its limits of size are about.
 * It knows the arena and nothing above it.
 */
import type { Address, Arena } from './arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from './arena.ts';
import { elementSize } from './listpack-size.ts';
import { readVarint, varintBytes, writeVarint } from './varint.ts';

export const NODE_HEADER_BYTES = 24;
const PREVIOUS = 0;
const NEXT = 1;
const START = 2;
const END = 3;
const COUNT = 4;
const PACKED = 5;

/** Bytes that an item of this length takes in a node. */
export function itemBytes(length: number): number {
  return length + 2 * varintBytes(length);
}

export class ListNode {
  readonly arena: Arena;
  address: Address = NONE;
  segment: Uint8Array;
  view: DataView;
  private words: Int32Array;
  private word = 0;
  /** Byte position of the node in `segment`. */
  base = 0;
  /** Offsets of the items' bytes from `base`. */
  start = 0;
  end = 0;
  count = 0;
  packed = 0;
  /** Bytes of the item last read: segment[from, to). */
  from = 0;
  to = 0;

  constructor(arena: Arena) {
    this.arena = arena;
    this.segment = arena.bytes[0]!;
    this.view = arena.views[0]!;
    this.words = arena.words[0]!;
  }

  /** Makes an empty node of `sizeBytes` at least and opens it; `atEnd`: its items will be pushed to the front. */
  create(sizeBytes: number, atEnd: boolean): Address {
    const { arena } = this;
    const allocated = arena.allocate(sizeBytes);
    // A node uses its cell to the end: the resize moves nothing, it only tells a checked arena.
    const address = arena.resize(allocated, 0, arena.capacity(allocated));
    this.point(address);
    this.words[this.word + PREVIOUS] = NONE;
    this.words[this.word + NEXT] = NONE;
    this.start = atEnd ? this.arena.capacity(address) : NODE_HEADER_BYTES;
    this.end = this.start;
    this.count = 0;
    this.packed = 0;
    this.save();
    return address;
  }

  open(address: Address): this {
    this.point(address);
    const { words, word } = this;
    this.start = words[word + START]!;
    this.end = words[word + END]!;
    this.count = words[word + COUNT]!;
    this.packed = words[word + PACKED]!;
    return this;
  }

  private point(address: Address): void {
    this.address = address;
    this.segment = this.arena.bytes[address >>> SEGMENT_OF_SHIFT]!;
    this.view = this.arena.views[address >>> SEGMENT_OF_SHIFT]!;
    this.words = this.arena.words[address >>> SEGMENT_OF_SHIFT]!;
    this.word = (address & OFFSET_MASK) << 1;
    this.base = (address & OFFSET_MASK) << 3;
  }

  get previous(): Address {
    return this.words[this.word + PREVIOUS]!;
  }

  get next(): Address {
    return this.words[this.word + NEXT]!;
  }

  setPrevious(address: Address): void {
    this.words[this.word + PREVIOUS] = address;
  }

  setNext(address: Address): void {
    this.words[this.word + NEXT] = address;
  }

  /** Bytes of the items. */
  get used(): number {
    return this.end - this.start;
  }

  /** Reads the item that begins at `offset`; returns the offset after it. */
  readForward(offset: number): number {
    const position = this.base + offset;
    const length = this.segment[position]!;
    if (length < 0x80) {
      this.from = position + 1;
      this.to = position + 1 + length;
      return offset + length + 2;
    }
    const long = readVarint(this.segment, position);
    this.from = position + varintBytes(long);
    this.to = this.from + long;
    return offset + itemBytes(long);
  }

  /** The bytes of all items, for `readCopied`. */
  copyItems(): Uint8Array {
    return this.segment.slice(this.base + this.start, this.base + this.end);
  }

  /** Reads the item that begins at `at` among copied items: it is bytes[from, to). Returns where the next begins. */
  readCopied(bytes: Uint8Array, at: number): number {
    const length = readVarint(bytes, at);
    this.from = at + varintBytes(length);
    this.to = this.from + length;
    return at + itemBytes(length);
  }

  /** Reads the item that ends at `offset`; returns the offset where it begins. */
  readBackward(offset: number): number {
    let position = this.base + offset - 1;
    let byte = this.segment[position]!;
    let length = byte & 0x7f;
    for (let shift = 7; byte >= 0x80; shift += 7) {
      byte = this.segment[--position]!;
      length |= (byte & 0x7f) << shift;
    }
    this.to = position;
    this.from = position - length;
    return offset - itemBytes(length);
  }

  /** Offset of the item of this index (0 … count - 1; count gives `end`), walking from the nearer side. */
  offsetOf(index: number): number {
    if (index <= this.count >> 1) {
      let offset = this.start;
      for (let i = 0; i < index; i++) offset = this.readForward(offset);
      return offset;
    }
    let offset = this.end;
    for (let i = this.count; i > index; i--) offset = this.readBackward(offset);
    return offset;
  }

  /**
   * Adds an item at the end. The allocation grows when it has to, to `growTo` bytes if that is more than needed:
   * then `address` has changed, and neighbours must be told.
   */
  pushBack(bytes: Uint8Array, from: number, to: number, growTo: number): void {
    const size = itemBytes(to - from);
    if (this.end + size > this.arena.capacity(this.address)) this.makeRoom(size, growTo, false);
    this.writeItem(this.end, bytes, from, to);
    this.end += size;
    this.added(bytes, from, to);
  }

  pushFront(bytes: Uint8Array, from: number, to: number, growTo: number): void {
    const size = itemBytes(to - from);
    if (this.start - size < NODE_HEADER_BYTES) this.makeRoom(size, growTo, true);
    this.start -= size;
    this.writeItem(this.start, bytes, from, to);
    this.added(bytes, from, to);
  }

  /** Adds an item before the one that begins at `offset`. */
  insert(offset: number, bytes: Uint8Array, from: number, to: number, growTo: number): void {
    const size = itemBytes(to - from);
    if (this.end + size > this.arena.capacity(this.address)) {
      const before = offset - this.start;
      this.makeRoom(size, growTo, false);
      offset = this.start + before;
    }
    if (offset < this.end) this.segment.copyWithin(this.base + offset + size, this.base + offset, this.base + this.end);
    this.writeItem(offset, bytes, from, to);
    this.end += size;
    this.added(bytes, from, to);
  }

  private added(bytes: Uint8Array, from: number, to: number): void {
    this.count++;
    this.packed += elementSize(bytes, from, to);
    this.save();
  }

  /** Gives the item that begins at `offset` another content. The allocation grows as for `insert`. */
  replace(offset: number, bytes: Uint8Array, from: number, to: number, growTo: number): void {
    this.readForward(offset);
    if (this.to - this.from !== to - from) {
      const before = offset - this.start;
      this.insert(offset, bytes, from, to, growTo);
      this.remove(this.readForward(this.start + before));
      return;
    }
    this.packed += elementSize(bytes, from, to) - elementSize(this.segment, this.from, this.to);
    this.segment.set(bytes.subarray(from, to), this.from);
    this.save();
  }

  /** Removes the item that begins at `offset`. */
  remove(offset: number): void {
    const after = this.readForward(offset);
    this.packed -= elementSize(this.segment, this.from, this.to);
    this.removeRange(offset, after, 1);
  }

  /** Removes the first `count` items. */
  removeFront(count: number): void {
    let to = this.start;
    for (let i = 0; i < count; i++) {
      to = this.readForward(to);
      this.packed -= elementSize(this.segment, this.from, this.to);
    }
    this.removeRange(this.start, to, count);
  }

  /** Removes the last `count` items. */
  removeBack(count: number): void {
    let from = this.end;
    for (let i = 0; i < count; i++) {
      from = this.readBackward(from);
      this.packed -= elementSize(this.segment, this.from, this.to);
    }
    this.removeRange(from, this.end, count);
  }

  private removeRange(from: number, to: number, count: number): void {
    if (from === this.start) this.start = to;
    else {
      if (to < this.end) this.segment.copyWithin(this.base + from, this.base + to, this.base + this.end);
      this.end -= to - from;
    }
    this.count -= count;
    this.save();
  }

  /** Copies the items from `offset` on to the end of another node, which has the room, and removes them here. */
  moveTail(offset: number, to: ListNode): void {
    const size = this.end - offset;
    let count = 0;
    let packed = 0;
    for (let at = offset; at < this.end; count++) {
      at = this.readForward(at);
      packed += elementSize(this.segment, this.from, this.to);
    }
    this.arena.copy(this.address, offset, to.address, to.end, size);
    to.end += size;
    to.count += count;
    to.packed += packed;
    to.save();
    this.end = offset;
    this.count -= count;
    this.packed -= packed;
    this.save();
  }

  /** Gives back what the allocation has beyond its items, when that is worth a move. The address may change. */
  shrink(): void {
    const size = NODE_HEADER_BYTES + this.used;
    if (this.arena.capacity(this.address) - size > size >>> 2) this.relocate(size, false);
  }

  /** Makes sure that the allocation has `size` bytes more at one side. */
  private makeRoom(size: number, growTo: number, atFront: boolean): void {
    const needed = NODE_HEADER_BYTES + this.used + size;
    const capacity = this.arena.capacity(this.address);
    // Free room on the other side is used up only when it is a good part of the node: each such shift pays for many pushes.
    if (needed <= capacity && (capacity - needed >= capacity >>> 2 || growTo <= capacity)) {
      // Half of the room stays on the other side, so that pushing at both ends in turn does not shift each time.
      const free = capacity - NODE_HEADER_BYTES - this.used;
      const start = NODE_HEADER_BYTES + (atFront ? Math.max(size, free >>> 1) : Math.min(free - size, free >>> 1));
      this.segment.copyWithin(this.base + start, this.base + this.start, this.base + this.end);
      this.end = start + this.used;
      this.start = start;
      this.save();
      return;
    }
    this.relocate(Math.max(needed, growTo), atFront);
  }

  private relocate(size: number, atEnd: boolean): void {
    const old = this.address;
    const oldStart = this.start;
    const { used, count, packed } = this;
    const previous = this.previous;
    const next = this.next;
    this.create(size, atEnd);
    if (atEnd) this.start -= used;
    else this.end += used;
    this.arena.copy(old, oldStart, this.address, this.start, used);
    this.count = count;
    this.packed = packed;
    this.setPrevious(previous);
    this.setNext(next);
    this.save();
    this.arena.free(old);
  }

  private writeItem(offset: number, bytes: Uint8Array, from: number, to: number): void {
    const length = to - from;
    const { segment } = this;
    let at = this.base + offset;
    if (length < 0x80) {
      segment[at++] = length;
      for (let i = from; i < to; i++) segment[at++] = bytes[i]!;
      segment[at] = length;
      return;
    }
    at = writeVarint(segment, at, length);
    if (length <= 192) for (let i = 0; i < length; i++) segment[at + i] = bytes[from + i]!;
    else segment.set(bytes.subarray(from, to), at);
    at += length;
    const size = varintBytes(length);
    writeVarint(segment, at, length);
    for (let low = at, high = at + size - 1; low < high; low++, high--) {
      const byte = segment[low]!;
      segment[low] = segment[high]!;
      segment[high] = byte;
    }
  }

  private save(): void {
    const { words, word } = this;
    words[word + START] = this.start;
    words[word + END] = this.end;
    words[word + COUNT] = this.count;
    words[word + PACKED] = this.packed;
  }
}
