/**
 * A stream's node as Valkey's listpack, read and written. Hot file while saving and loading: no allocation per entry.
 *
 * Elements: [entries][deleted entries][fields of the first entry][their names…][0], then per entry
 * [flags: 1 deleted, 2 same fields][ms - first ms][sequence - first sequence], unless same fields [fields], then names (unless same
 * fields) and values in turn, and the number of the entry's elements.
 * Source: Valkey 9.1 t_stream.c, listpack.c.
 */
import { isLongInteger, shortInteger } from '../../memory/compact-string.ts';
import { backLengthBytes, LISTPACK_FRAME_BYTES } from '../../memory/listpack-size.ts';
import { StreamId } from '../../memory/stream-id.ts';
import { ENTRY_DELETED, ENTRY_SAME_FIELDS, type StreamNode } from '../../memory/stream-node.ts';
import { latin1 } from '../../protocol/numbers.ts';
import { ListpackCursor } from './listpack.ts';

const HEADER_BYTES = 6;
const UNKNOWN_COUNT = 65535;
const END = 0xff;
const INITIAL_BYTES = 8192;
const INITIAL_STRINGS = 64;
const TWO_32 = 2 ** 32;
/** Encoding byte, length or integer, and the length behind. */
const MAX_ELEMENT_OVERHEAD_BYTES = 14;

/** Strings one after another: string i is bytes[starts[i], ends[i]). */
export class Strings {
  bytes: Uint8Array = new Uint8Array(INITIAL_BYTES);
  starts: Int32Array = new Int32Array(INITIAL_STRINGS);
  ends: Int32Array = new Int32Array(INITIAL_STRINGS);
  count = 0;

  get used(): number {
    return this.count === 0 ? 0 : this.ends[this.count - 1]!;
  }

  /** Keeps the first so many. */
  cut(count: number): void {
    this.count = count;
  }

  add(source: Uint8Array, from: number, to: number): void {
    const { used, count } = this;
    const end = used + to - from;
    if (end > this.bytes.length) {
      const larger = new Uint8Array(end * 2);
      larger.set(this.bytes.subarray(0, used));
      this.bytes = larger;
    }
    if (count === this.starts.length) {
      const starts = new Int32Array(count * 2);
      starts.set(this.starts);
      this.starts = starts;
      const ends = new Int32Array(count * 2);
      ends.set(this.ends);
      this.ends = ends;
    }
    this.bytes.set(source.subarray(from, to), used);
    this.starts[count] = used;
    this.ends[count] = end;
    this.count = count + 1;
  }
}

export class StreamListpackReader {
  damaged = false;
  entries = 0;
  deleted = 0;
  /** Names of the first entry's fields. */
  readonly names = new Strings();
  /** The entry that `next` read: name and value in turn. */
  readonly strings = new Strings();
  readonly id = new StreamId();
  flags = 0;

  private readonly cursor = new ListpackCursor();
  private readonly first = new StreamId();
  private left = 0;

  get fields(): number {
    return this.strings.count >> 1;
  }

  /** Reads the head of the node whose first id is `first`; then `next` for each of its entries, deleted or not. */
  open(first: StreamId, bytes: Uint8Array, from: number, to: number): void {
    const { cursor, names } = this;
    this.first.set(first);
    cursor.open(bytes, from, to);
    this.damaged = cursor.damaged;
    this.entries = this.count();
    this.deleted = this.count();
    const fields = this.count();
    names.cut(0);
    for (let i = 0; i < fields && this.element(); i++) names.add(cursor.bytes, cursor.from, cursor.to);
    if (this.count() !== 0) this.damaged = true;
    this.left = this.entries + this.deleted;
  }

  /** Moves to the next entry; false at the end, or when `damaged`. */
  next(): boolean {
    const { cursor, strings, names } = this;
    if (this.damaged) return false;
    if (this.left-- === 0) {
      if (cursor.next() || cursor.damaged) this.damaged = true;
      return false;
    }
    this.flags = this.count();
    this.readId();
    const same = (this.flags & ENTRY_SAME_FIELDS) !== 0;
    const fields = same ? names.count : this.count();
    strings.cut(0);
    for (let i = 0; i < fields && !this.damaged; i++) {
      if (same) strings.add(names.bytes, names.starts[i]!, names.ends[i]!);
      else if (this.element()) strings.add(cursor.bytes, cursor.from, cursor.to);
      if (this.element()) strings.add(cursor.bytes, cursor.from, cursor.to);
    }
    if (this.count() !== (same ? fields + 3 : fields * 2 + 4)) this.damaged = true;
    return !this.damaged;
  }

  private element(): boolean {
    if (!this.damaged && !this.cursor.next()) this.damaged = true;
    return !this.damaged;
  }

  /** An element that is a number and not below 0. */
  private count(): number {
    if (!this.element()) return 0;
    const value = shortInteger(this.cursor.bytes, this.cursor.from, this.cursor.to);
    if (value >= 0) return value;
    this.damaged = true;
    return 0;
  }

  private readId(): void {
    const { id, first, cursor } = this;
    if (!this.element()) return;
    this.difference();
    let low = first.msLow + this.low;
    id.msLow = low >>> 0;
    id.msHigh = (first.msHigh + this.high + (low >= TWO_32 ? 1 : 0)) >>> 0;
    if (!this.element()) return;
    this.difference();
    low = first.seqLow + this.low;
    id.seqLow = low >>> 0;
    id.seqHigh = (first.seqHigh + this.high + (low >= TWO_32 ? 1 : 0)) >>> 0;
    if (cursor.damaged) this.damaged = true;
  }

  /** The element's number as two words. */
  private difference(): void {
    const { bytes, from, to } = this.cursor;
    const value = shortInteger(bytes, from, to);
    if (!Number.isNaN(value)) {
      this.high = Math.floor(value / TWO_32) >>> 0;
      this.low = value >>> 0;
      return;
    }
    if (!isLongInteger(bytes, from, to)) {
      this.damaged = true;
      return;
    }
    const exact = BigInt(latin1(bytes, from, to));
    this.high = Number(BigInt.asUintN(32, exact >> 32n));
    this.low = Number(BigInt.asUintN(32, exact));
  }

  private high = 0;
  private low = 0;
}

export class StreamListpackWriter {
  /** The listpack written last: bytes[0, length). */
  bytes: Uint8Array = new Uint8Array(INITIAL_BYTES);
  length = 0;
  private elements = 0;

  /** Writes the node that a cursor has open; the cursor reads through it. */
  write(node: StreamNode): void {
    this.length = HEADER_BYTES;
    this.elements = 0;
    const { first } = node;
    this.integer(node.entries);
    this.integer(node.deleted);
    this.integer(node.firstFields);
    node.rewind();
    // The names are read before any entry: the cursor for them is set by reading the first entry.
    if (node.next()) {
      node.beginFields();
      for (let i = 0; i < node.firstFields; i++) {
        node.nextFirstName();
        this.string(node.name.bytes, node.name.from, node.name.to);
      }
    }
    this.integer(0);
    node.rewind();
    while (node.next()) {
      const same = (node.flags & ENTRY_SAME_FIELDS) !== 0;
      this.integer(node.flags & (ENTRY_DELETED | ENTRY_SAME_FIELDS));
      this.difference(node.id.msHigh, node.id.msLow, first.msHigh, first.msLow);
      this.difference(node.id.seqHigh, node.id.seqLow, first.seqHigh, first.seqLow);
      const { fields } = node;
      if (!same) this.integer(fields);
      node.beginFields();
      for (let i = 0; i < fields; i++) {
        node.nextField();
        if (!same) this.string(node.name.bytes, node.name.from, node.name.to);
        this.string(node.value.bytes, node.value.from, node.value.to);
      }
      this.integer(same ? fields + 3 : fields * 2 + 4);
    }
    this.finish();
  }

  private finish(): void {
    this.room(LISTPACK_FRAME_BYTES);
    const { bytes } = this;
    bytes[this.length++] = END;
    const { length } = this;
    bytes[0] = length;
    bytes[1] = length >>> 8;
    bytes[2] = length >>> 16;
    bytes[3] = length >>> 24;
    const count = Math.min(this.elements, UNKNOWN_COUNT);
    bytes[4] = count;
    bytes[5] = count >>> 8;
  }

  private room(sizeBytes: number): void {
    const needed = this.length + sizeBytes;
    if (needed <= this.bytes.length) return;
    const larger = new Uint8Array(needed * 2);
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }

  private difference(high: number, low: number, firstHigh: number, firstLow: number): void {
    const rest = low - firstLow;
    const whole = high - firstHigh - (rest < 0 ? 1 : 0);
    const upper = whole | 0;
    if (upper < 2 ** 20 && upper >= -(2 ** 20)) {
      this.integer(upper * TWO_32 + (rest >>> 0));
      return;
    }
    this.integer64(rest, upper);
  }

  private integer64(low: number, high: number): void {
    this.room(MAX_ELEMENT_OVERHEAD_BYTES);
    const begin = this.length;
    this.bytes[this.length++] = 0xf4;
    this.little(low, 4);
    this.little(high, 4);
    this.behind(begin);
  }

  private little(value: number, count: number): void {
    for (let i = 0; i < count; i++) this.bytes[this.length++] = value >>> (i * 8);
  }

  /** An integer within ±2^53. */
  private integer(value: number): void {
    if (value < -2147483648 || value > 2147483647) {
      this.integer64(value | 0, Math.floor(value / TWO_32) | 0);
      return;
    }
    this.room(MAX_ELEMENT_OVERHEAD_BYTES);
    const { bytes } = this;
    const begin = this.length;
    if (value >= 0 && value <= 127) bytes[this.length++] = value;
    else if (value >= -4096 && value <= 4095) {
      bytes[this.length++] = 0xc0 | ((value >> 8) & 0x1f);
      bytes[this.length++] = value;
    } else if (value >= -32768 && value <= 32767) {
      bytes[this.length++] = 0xf1;
      this.little(value, 2);
    } else if (value >= -8388608 && value <= 8388607) {
      bytes[this.length++] = 0xf2;
      this.little(value, 3);
    } else {
      bytes[this.length++] = 0xf3;
      this.little(value, 4);
    }
    this.behind(begin);
  }

  private string(source: Uint8Array, from: number, to: number): void {
    const integer = shortInteger(source, from, to);
    if (!Number.isNaN(integer)) {
      this.integer(integer);
      return;
    }
    if (isLongInteger(source, from, to)) {
      const exact = BigInt(latin1(source, from, to));
      this.integer64(Number(BigInt.asIntN(32, exact)), Number(BigInt.asIntN(32, exact >> 32n)));
      return;
    }
    const length = to - from;
    this.room(length + MAX_ELEMENT_OVERHEAD_BYTES);
    const { bytes } = this;
    const begin = this.length;
    if (length < 64) bytes[this.length++] = 0x80 | length;
    else if (length < 4096) {
      bytes[this.length++] = 0xe0 | (length >> 8);
      bytes[this.length++] = length;
    } else {
      bytes[this.length++] = 0xf0;
      this.little(length, 4);
    }
    bytes.set(source.subarray(from, to), this.length);
    this.length += length;
    this.behind(begin);
  }

  /** Writes the length of the element that began at `begin` behind it, its highest seven bits first. */
  private behind(begin: number): void {
    const size = this.length - begin;
    const count = backLengthBytes(size);
    for (let i = count - 1; i >= 0; i--) {
      const bits = Math.floor(size / 128 ** i) & 127;
      this.bytes[this.length++] = i === count - 1 ? bits : bits | 128;
    }
    this.elements++;
  }
}
