/**
 * A node of a stream: consecutive entries packed in one allocation, their ids as differences from the node's first, their field
 * names left out where they are those of the first entry. Hot file: no allocation per operation.
 *
 * Layout: [bytes used: u32][entries: u32][deleted entries: u32][size as Valkey's listpack: u32], the first entry's fields
 * [fields: varint] then [name]…, then per entry
 * [flags: u8][ms - first ms: varint][sequence - first sequence: zigzag varint], unless it has the first entry's fields
 * [fields: varint], then per field [name, unless …][value], and the entry's size so far: varint, its bytes in reverse.
 * Names and values are compact strings (compact-string.ts). A deleted entry stays, marked, until its node goes.
 * The node's first id is kept by its owner and handed in by `open`.
 * It knows the arena and nothing above it.
 */
import type { Address, Arena } from './arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from './arena.ts';
import {
  CompactReader,
  isLongInteger,
  MAX_COMPACT_OVERHEAD_BYTES,
  shortInteger,
  skipCompact,
  writeCompact,
} from './compact-string.ts';
import { integerSize, LISTPACK_FRAME_BYTES, longIntegerSize, stringSize } from './listpack-size.ts';
import { StreamId } from './stream-id.ts';
import { readVarint, varintBytes, writeVarint } from './varint.ts';

const USED = 0;
const ENTRIES = 1;
const GONE = 2;
const LISTPACK = 3;
const HEADER_BYTES = 16;
/** Flags, two differences of ten bytes, count and size of five each: what an entry takes besides its strings, at most. */
const MAX_ENTRY_OVERHEAD_BYTES = 31;

export const ENTRY_DELETED = 1;
export const ENTRY_SAME_FIELDS = 2;

export class StreamNode {
  readonly arena: Arena;
  address: Address = NONE;
  segment: Uint8Array;
  private words: Int32Array;
  private word = 0;
  /** Byte position of the node in `segment`. */
  private base = 0;
  private used = 0;
  /** Entries that are not deleted, and those that are. */
  entries = 0;
  deleted = 0;
  /** Bytes that Valkey's listpack would have, without the two counts that change. */
  private packBytes = 0;
  /** Id of the entry that the node was begun with. */
  readonly first = new StreamId();
  /** Fields of the entry that the node was begun with, and where they and the entries begin. */
  firstFields = 0;
  private namesAt = 0;
  private entriesAt = 0;

  /** The entry read last: it takes [at, end); its strings begin at `stringsAt`. */
  readonly id = new StreamId();
  flags = 0;
  fields = 0;
  private at = 0;
  private end = 0;
  private stringsAt = 0;
  /** Where `nextField` goes on. */
  private nameCursor = 0;
  private valueCursor = 0;
  /** The field read last. */
  readonly name = new CompactReader();
  readonly value = new CompactReader();

  private readonly msDifference = new Uint32Array(2);
  private readonly seqDifference = new Uint32Array(2);
  private varintHigh = 0;
  private varintLow = 0;

  constructor(arena: Arena) {
    this.arena = arena;
    this.segment = arena.bytes[0]!;
    this.words = arena.words[0]!;
  }

  /** Opens a node, of which nothing is read yet: `rewind` or `rewindToEnd` next. */
  open(address: Address): this {
    this.point(address);
    const { words, word } = this;
    this.used = words[word + USED]!;
    this.entries = words[word + ENTRIES]!;
    this.deleted = words[word + GONE]!;
    this.packBytes = words[word + LISTPACK]! >>> 0;
    this.firstFields = readVarint(this.segment, this.base + HEADER_BYTES);
    this.namesAt = HEADER_BYTES + varintBytes(this.firstFields);
    this.entriesAt = -1;
    return this;
  }

  private point(address: Address): void {
    this.address = address;
    this.segment = this.arena.bytes[address >>> SEGMENT_OF_SHIFT]!;
    this.words = this.arena.words[address >>> SEGMENT_OF_SHIFT]!;
    this.word = (address & OFFSET_MASK) << 1;
    this.base = (address & OFFSET_MASK) << 3;
  }

  private save(): void {
    const { words, word } = this;
    words[word + USED] = this.used;
    words[word + ENTRIES] = this.entries;
    words[word + GONE] = this.deleted;
    words[word + LISTPACK] = this.packBytes;
  }

  /** Bytes that Valkey's listpack of this node has. */
  get listpackBytes(): number {
    return this.packBytes + integerSize(this.entries) + integerSize(this.deleted);
  }

  /** What the size as a listpack is known to be, where another one made it. */
  setListpackBytes(sizeBytes: number): void {
    this.packBytes = sizeBytes - integerSize(this.entries) - integerSize(this.deleted);
    this.save();
  }

  // --- Making --------------------------------------------------------------------------------------------------------

  /**
   * Makes a node without entries whose first fields are `fields` names among the strings [starts[i], ends[i]) of `bytes`: those of
   * index `from`, `from + step`, …
   */
  create(
    first: StreamId,
    bytes: Uint8Array,
    starts: Int32Array,
    ends: Int32Array,
    from: number,
    step: number,
    fields: number,
  ): Address {
    let room = HEADER_BYTES + varintBytes(fields);
    for (let i = 0; i < fields; i++) {
      const index = from + i * step;
      room += ends[index]! - starts[index]! + MAX_COMPACT_OVERHEAD_BYTES;
    }
    this.point(this.arena.allocate(room));
    this.first.set(first);
    this.entries = 0;
    this.deleted = 0;
    this.firstFields = fields;
    // The count of fields and the zero that ends the first entry's fields.
    this.packBytes = LISTPACK_FRAME_BYTES + integerSize(fields) + integerSize(0);
    const { segment } = this;
    let at = writeVarint(segment, this.base + HEADER_BYTES, fields);
    this.namesAt = at - this.base;
    for (let i = 0; i < fields; i++) {
      const index = from + i * step;
      at = this.writeString(at, bytes, starts[index]!, ends[index]!);
    }
    this.used = at - this.base;
    this.entriesAt = this.used;
    this.save();
    return this.address;
  }

  /**
   * Adds an entry at the end: `fields` pairs among the strings [starts[i], ends[i]) of `bytes`, from the one of index `from` on.
   * The node may move; `growTo` is what it may take ahead.
   */
  append(
    id: StreamId,
    flags: number,
    bytes: Uint8Array,
    starts: Int32Array,
    ends: Int32Array,
    from: number,
    fields: number,
    growTo: number,
  ): void {
    const end = from + fields * 2;
    let room = MAX_ENTRY_OVERHEAD_BYTES;
    for (let i = from; i < end; i++) room += ends[i]! - starts[i]! + MAX_COMPACT_OVERHEAD_BYTES;
    this.makeRoom(this.used + room, growTo);
    const same = this.hasFirstFields(bytes, starts, ends, from, fields);
    const { segment } = this;
    const begin = this.base + this.used;
    let at = begin;
    segment[at++] = (flags & ENTRY_DELETED) | (same ? ENTRY_SAME_FIELDS : 0);
    at = this.writeDifferences(at, id);
    // Flags, and the number of elements at the end of an entry.
    let pack = integerSize(0) + this.differenceSize(this.msDifference) + this.differenceSize(this.seqDifference);
    pack += integerSize(same ? fields + 3 : fields * 2 + 4);
    this.packBytes += pack;
    if (!same) {
      at = writeVarint(segment, at, fields);
      this.packBytes += integerSize(fields);
    }
    for (let i = from; i < end; i++) {
      if (same && ((i - from) & 1) === 0) continue;
      at = this.writeString(at, bytes, starts[i]!, ends[i]!);
    }
    at = writeBackwards(segment, at, at - begin);
    this.used = at - this.base;
    if ((flags & ENTRY_DELETED) !== 0) this.deleted++;
    else this.entries++;
    this.save();
  }

  /** Writes a string and counts it as an element of a listpack. */
  private writeString(at: number, bytes: Uint8Array, from: number, to: number): number {
    const integer = shortInteger(bytes, from, to);
    if (!Number.isNaN(integer)) this.packBytes += integerSize(integer);
    else if (isLongInteger(bytes, from, to)) this.packBytes += longIntegerSize();
    else this.packBytes += stringSize(to - from);
    return writeCompact(this.segment, at, bytes, from, to, integer);
  }

  private hasFirstFields(
    bytes: Uint8Array,
    starts: Int32Array,
    ends: Int32Array,
    from: number,
    fields: number,
  ): boolean {
    if (fields !== this.firstFields) return false;
    const { name } = this;
    let cursor = this.base + this.namesAt;
    for (let i = 0; i < fields; i++) {
      cursor = name.read(this.segment, cursor);
      const start = starts[from + i * 2]!;
      const length = ends[from + i * 2]! - start;
      if (name.to - name.from !== length) return false;
      for (let j = 0; j < length; j++) if (name.bytes[name.from + j] !== bytes[start + j]) return false;
    }
    return true;
  }

  /** Gives back what the allocation has beyond its entries. The node may move. */
  shrink(): void {
    this.point(this.arena.resize(this.address, this.used, this.used));
  }

  private makeRoom(needed: number, growTo: number): void {
    const capacity = this.arena.capacity(this.address);
    if (needed <= capacity) return;
    const wanted = Math.max(needed, Math.min(growTo, capacity + (capacity >>> 1)));
    const address = this.arena.resize(this.address, this.used, wanted);
    // A node uses its cell to the end: the resize moves nothing, it only tells a checked arena.
    this.point(this.arena.resize(address, this.used, this.arena.capacity(address)));
  }

  // --- Reading -------------------------------------------------------------------------------------------------------

  /** Stands before the first entry; `next` reads it. */
  rewind(): void {
    if (this.entriesAt < 0) {
      let at = this.base + this.namesAt;
      for (let i = 0; i < this.firstFields; i++) at = skipCompact(this.segment, at);
      this.entriesAt = at - this.base;
    }
    this.end = this.entriesAt;
  }

  /** Stands after the last entry; `previous` reads it. */
  rewindToEnd(): void {
    this.rewind();
    this.at = this.used;
  }

  /** Reads the entry that follows, deleted or not; false at the end. */
  next(): boolean {
    if (this.end >= this.used) return false;
    this.readEntry(this.end);
    let at = this.base + this.stringsAt;
    const strings = (this.flags & ENTRY_SAME_FIELDS) !== 0 ? this.fields : this.fields * 2;
    for (let i = 0; i < strings; i++) at = skipCompact(this.segment, at);
    const size = at - this.base - this.at;
    this.end = this.at + size + varintBytes(size);
    return true;
  }

  /** Reads the entry before, deleted or not; false at the start. */
  previous(): boolean {
    if (this.at <= this.entriesAt) return false;
    const end = this.at;
    const size = readBackwards(this.segment, this.base + end);
    this.readEntry(end - varintBytes(size) - size);
    this.end = end;
    return true;
  }

  private readEntry(offset: number): void {
    const { segment, id, first } = this;
    let at = this.base + offset;
    this.at = offset;
    this.flags = segment[at++]!;
    at = this.readVarint64(at);
    let low = first.msLow + this.varintLow;
    id.msLow = low >>> 0;
    id.msHigh = (first.msHigh + this.varintHigh + (low > 0xffffffff ? 1 : 0)) >>> 0;
    at = this.readVarint64(at);
    const half = ((this.varintLow >>> 1) | (this.varintHigh << 31)) >>> 0;
    if ((this.varintLow & 1) === 0) {
      low = first.seqLow + half;
      id.seqLow = low >>> 0;
      id.seqHigh = (first.seqHigh + (this.varintHigh >>> 1) + (low > 0xffffffff ? 1 : 0)) >>> 0;
    } else {
      // Below the first one's: the number is -(half + 1), so half and one are taken away.
      low = first.seqLow - half - 1;
      id.seqLow = low >>> 0;
      id.seqHigh = (first.seqHigh - (this.varintHigh >>> 1) - (low < 0 ? 1 : 0)) >>> 0;
    }
    if ((this.flags & ENTRY_SAME_FIELDS) !== 0) this.fields = this.firstFields;
    else {
      this.fields = readVarint(segment, at);
      at += varintBytes(this.fields);
    }
    this.stringsAt = at - this.base;
    this.beginFields();
  }

  /** Goes back to the entry's first field. */
  beginFields(): void {
    this.nameCursor = this.base + this.namesAt;
    this.valueCursor = this.base + this.stringsAt;
  }

  /** Reads the next field of the entry into `name` and `value`; call it `fields` times. */
  nextField(): void {
    if ((this.flags & ENTRY_SAME_FIELDS) !== 0) this.nameCursor = this.name.read(this.segment, this.nameCursor);
    else this.valueCursor = this.name.read(this.segment, this.valueCursor);
    this.valueCursor = this.value.read(this.segment, this.valueCursor);
  }

  /** Reads the first fields' names into `name`, one a call, after `beginFields`. */
  nextFirstName(): void {
    this.nameCursor = this.name.read(this.segment, this.nameCursor);
  }

  /** Marks the entry as deleted; it stays where it is. */
  markDeleted(): void {
    this.flags |= ENTRY_DELETED;
    this.segment[this.base + this.at] = this.flags;
    this.entries--;
    this.deleted++;
    this.save();
  }

  // --- Differences of ids --------------------------------------------------------------------------------------------

  private writeDifferences(at: number, id: StreamId): number {
    const { first, msDifference, seqDifference } = this;
    let low = id.msLow - first.msLow;
    msDifference[0] = id.msHigh - first.msHigh - (low < 0 ? 1 : 0);
    msDifference[1] = low;
    at = writeVarint64(this.segment, at, msDifference[0]!, msDifference[1]!);
    low = id.seqLow - first.seqLow;
    seqDifference[0] = id.seqHigh - first.seqHigh - (low < 0 ? 1 : 0);
    seqDifference[1] = low;
    const sign = seqDifference[0]! >= 0x80000000 ? 0xffffffff : 0;
    const high = (seqDifference[0]! ^ sign) >>> 0;
    const rest = (seqDifference[1]! ^ sign) >>> 0;
    return writeVarint64(this.segment, at, ((high << 1) | (rest >>> 31)) >>> 0, ((rest << 1) | (sign & 1)) >>> 0);
  }

  /** Size in a listpack, where it is a signed number of 64 bits. */
  private differenceSize(difference: Uint32Array): number {
    return integerSize((difference[0]! | 0) * 2 ** 32 + difference[1]!);
  }

  private readVarint64(at: number): number {
    const { segment } = this;
    let byte = segment[at++]!;
    this.varintHigh = 0;
    if (byte < 0x80) {
      this.varintLow = byte;
      return at;
    }
    let low = byte & 0x7f;
    let high = 0;
    let shift = 7;
    do {
      byte = segment[at++]!;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      shift += 7;
    } while (byte >= 0x80);
    this.varintLow = low >>> 0;
    this.varintHigh = high >>> 0;
    return at;
  }
}

function writeVarint64(bytes: Uint8Array, at: number, high: number, low: number): number {
  while (high !== 0 || low >= 0x80) {
    bytes[at++] = (low & 0x7f) | 0x80;
    low = ((low >>> 7) | (high << 25)) >>> 0;
    high >>>= 7;
  }
  bytes[at] = low;
  return at + 1;
}

/** Writes a varint with its bytes in reverse, to be read from behind. */
function writeBackwards(bytes: Uint8Array, at: number, value: number): number {
  const end = writeVarint(bytes, at, value);
  for (let low = at, high = end - 1; low < high; low++, high--) {
    const byte = bytes[low]!;
    bytes[low] = bytes[high]!;
    bytes[high] = byte;
  }
  return end;
}

/** The varint that was written in reverse before `end`. */
function readBackwards(bytes: Uint8Array, end: number): number {
  let byte = bytes[--end]!;
  let value = byte & 0x7f;
  for (let shift = 7; byte >= 0x80; shift += 7) {
    byte = bytes[--end]!;
    value |= (byte & 0x7f) << shift;
  }
  return value >>> 0;
}
