/**
 * Addresses of things with names, in the order of the names' bytes: a stream's groups, a group's consumers.
 * Hot file: no allocation per call.
 *
 * Layout: [names][capacity] then the addresses. A thing has its name at a fixed byte of its allocation: [length: varint][bytes].
 * The list's own address stands in a word of its owner, NONE while it is empty.
 * Cost: found by O(log n) comparisons; adding and removing move the addresses behind.
 */
import type { Address, Arena } from './arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from './arena.ts';
import { readVarint, varintBytes, writeVarint } from './varint.ts';

const HEADER = 2;

export class Names {
  readonly arena: Arena;
  private readonly nameAt: number;
  private owner: Address = NONE;
  private ownerWord = 0;
  private list: Address = NONE;
  count = 0;
  /** Where the last `find` stopped: the name, or the place where it would be. */
  index = 0;
  /** The name that `readName` read: segment[from, to). */
  segment: Uint8Array;
  from = 0;
  to = 0;

  /** `nameAt`: the byte of a thing's allocation where its name begins. */
  constructor(arena: Arena, nameAt: number) {
    this.arena = arena;
    this.nameAt = nameAt;
    this.segment = arena.bytes[0]!;
  }

  /** Opens the list whose address stands at a word of its owner. */
  open(owner: Address, word: number): this {
    this.owner = owner;
    this.ownerWord = word;
    this.list = this.wordsOf(owner)[wordAt(owner) + word]!;
    this.count = this.list === NONE ? 0 : this.wordsOf(this.list)[wordAt(this.list)]!;
    return this;
  }

  at(index: number): Address {
    return this.wordsOf(this.list)[wordAt(this.list) + HEADER + index]!;
  }

  /** The thing of this name, NONE when there is none. */
  find(bytes: Uint8Array, from: number, to: number): Address {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >> 1;
      const order = this.compare(this.at(middle), bytes, from, to);
      if (order === 0) {
        this.index = middle;
        return this.at(middle);
      }
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    this.index = low;
    return NONE;
  }

  /** Makes a thing with a name; the bytes before it are the caller's to write. It is not in the list yet. */
  make(bytes: Uint8Array, from: number, to: number): Address {
    const length = to - from;
    const thing = this.arena.allocate(this.nameAt + varintBytes(length) + length);
    const segment = this.arena.bytes[thing >>> SEGMENT_OF_SHIFT]!;
    const at = writeVarint(segment, ((thing & OFFSET_MASK) << 3) + this.nameAt, length);
    for (let i = 0; i < length; i++) segment[at + i] = bytes[from + i]!;
    return thing;
  }

  /** Adds a thing where `find` of its name stopped. */
  insert(thing: Address): void {
    const { count, index } = this;
    this.makeRoom();
    const words = this.wordsOf(this.list);
    const at = wordAt(this.list) + HEADER;
    if (index < count) words.copyWithin(at + index + 1, at + index, at + count);
    words[at + index] = thing;
    this.count = count + 1;
    words[wordAt(this.list)] = this.count;
  }

  /** Takes the thing that `find` found out of the list; it is the caller's to free. */
  remove(): void {
    const { index } = this;
    const words = this.wordsOf(this.list);
    const at = wordAt(this.list) + HEADER;
    words.copyWithin(at + index, at + index + 1, at + this.count);
    this.count--;
    words[wordAt(this.list)] = this.count;
    if (this.count === 0) this.free();
  }

  /** Frees the list, not the things. */
  free(): void {
    if (this.list !== NONE) this.arena.free(this.list);
    this.setList(NONE);
    this.count = 0;
  }

  /** Bytes of the list and of the things in it. */
  bytes(): number {
    let bytes = this.list === NONE ? 0 : this.arena.capacity(this.list);
    for (let i = 0; i < this.count; i++) bytes += this.arena.capacity(this.at(i));
    return bytes;
  }

  /** Reads a thing's name. */
  readName(thing: Address): void {
    this.segment = this.arena.bytes[thing >>> SEGMENT_OF_SHIFT]!;
    const at = ((thing & OFFSET_MASK) << 3) + this.nameAt;
    const length = readVarint(this.segment, at);
    this.from = at + varintBytes(length);
    this.to = this.from + length;
  }

  private makeRoom(): void {
    const { count } = this;
    if (this.list === NONE) {
      this.setList(this.arena.allocate((HEADER + 1) * 4));
      this.wordsOf(this.list)[wordAt(this.list) + 1] = 1;
      return;
    }
    const capacity = this.wordsOf(this.list)[wordAt(this.list) + 1]!;
    if (count < capacity) return;
    const wanted = capacity + (capacity >> 1) + 1;
    this.setList(this.arena.resize(this.list, (HEADER + count) * 4, (HEADER + wanted) * 4));
    this.wordsOf(this.list)[wordAt(this.list) + 1] = wanted;
  }

  private setList(list: Address): void {
    this.list = list;
    this.wordsOf(this.owner)[wordAt(this.owner) + this.ownerWord] = list;
  }

  /** Below 0: the thing's name comes first. */
  private compare(thing: Address, bytes: Uint8Array, from: number, to: number): number {
    this.readName(thing);
    const length = this.to - this.from;
    const other = to - from;
    const shared = Math.min(length, other);
    for (let i = 0; i < shared; i++) {
      const difference = this.segment[this.from + i]! - bytes[from + i]!;
      if (difference !== 0) return difference;
    }
    return length - other;
  }

  private wordsOf(address: Address): Int32Array {
    return this.arena.words[address >>> SEGMENT_OF_SHIFT]!;
  }
}

function wordAt(address: Address): number {
  return (address & OFFSET_MASK) << 1;
}
