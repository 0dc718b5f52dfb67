/**
 * The layout of a keyspace entry: one arena allocation that holds a key, its expiry and its value or the value's address.
 * Hot file: no allocation per call.
 *
 *   [type: 3 bits, encoding: 2, expires: 1, edited: 1, free: 1][last access: u24][key length: varint][key][expiry ms: u48, if it expires][value]
 *
 * Value of a string: INLINE `[length: varint][bytes]`, or EXTERNAL `[length: u32][Address of the bytes]`.
 * Value of a collection: `[Address of its root]`; what the root is, the type says by the encoding.
 */
import type { Address, Arena } from '../memory/arena.ts';
import { OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { readVarint, varintBytes } from '../memory/varint.ts';

export const STRING = 0;
export const LIST = 1;
export const SET = 2;
export const ZSET = 3;
export const HASH = 4;
export const STREAM = 6;

/** Encodings of a string. */
export const INLINE = 0;
export const EXTERNAL = 1;
/** Encodings of a collection: one packed allocation, or the structure for large ones. */
export const PACKED = 0;
export const LARGE = 1;

export const ENTRY_KEY_OFFSET = 4;
export const EXPIRES = 32;
/** A string that was changed in part (APPEND, SETRANGE) since it was set: OBJECT ENCODING calls it raw. */
export const EDITED = 64;
/** A number that INCRBYFLOAT wrote: OBJECT ENCODING does not call it an integer, though it reads as one. */
export const WRITTEN_AS_TEXT = 128;
/** How a string was written, which OBJECT ENCODING tells and nothing else. */
export const HOW_WRITTEN = EDITED | WRITTEN_AS_TEXT;
const TYPE_MASK = 7;
const ENCODING_SHIFT = 3;
const ENCODING_MASK = 3;
export const EXPIRY_BYTES = 6;
/** Last access is counted in seconds, modulo 2^24 (194 days). */
export const ACCESS_MASK = 0xffffff;

/** Where the parts of one entry stand. One instance serves many entries in turn; it is valid until the entry moves. */
export class EntryView {
  address: Address = 0;
  segment: Uint8Array;
  type = 0;
  encoding = 0;
  expires = false;
  /** Byte positions in `segment`. */
  keyAt = 0;
  keyEnd = 0;
  valueAt = 0;

  constructor(arena: Arena) {
    this.segment = arena.bytes[0]!;
  }

  open(arena: Arena, address: Address): this {
    const segment = arena.bytes[address >>> SEGMENT_OF_SHIFT]!;
    const at = (address & OFFSET_MASK) << 3;
    const header = segment[at]!;
    this.address = address;
    this.segment = segment;
    this.type = header & TYPE_MASK;
    this.encoding = (header >> ENCODING_SHIFT) & ENCODING_MASK;
    this.expires = (header & EXPIRES) !== 0;
    const length = readVarint(segment, at + ENTRY_KEY_OFFSET);
    this.keyAt = at + ENTRY_KEY_OFFSET + varintBytes(length);
    this.keyEnd = this.keyAt + length;
    this.valueAt = this.expires ? this.keyEnd + EXPIRY_BYTES : this.keyEnd;
    return this;
  }

  /** When the key expires, in ms since 1970; 0 when it does not. */
  expireAtMs(): number {
    return this.expires ? readExpiry(this.segment, this.keyEnd) : 0;
  }

  /** Of a string: its length in bytes. */
  stringLength(): number {
    return this.encoding === INLINE
      ? readVarint(this.segment, this.valueAt)
      : readWord(this.segment, this.valueAt) >>> 0;
  }

  /** Of a collection or an EXTERNAL string: the address its value holds. */
  root(): Address {
    return readWord(this.segment, this.type === STRING ? this.valueAt + 4 : this.valueAt);
  }
}

export function headerOf(type: number, encoding: number, expires: boolean): number {
  return type | (encoding << ENCODING_SHIFT) | (expires ? EXPIRES : 0);
}

/** An unaligned little-endian int32. */
export function readWord(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

export function writeWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >> 8;
  bytes[at + 2] = value >> 16;
  bytes[at + 3] = value >> 24;
}

export function readExpiry(bytes: Uint8Array, at: number): number {
  return (readWord(bytes, at) >>> 0) + (bytes[at + 4]! | (bytes[at + 5]! << 8)) * 2 ** 32;
}

export function writeExpiry(bytes: Uint8Array, at: number, expireAtMs: number): void {
  writeWord(bytes, at, expireAtMs | 0);
  const high = Math.floor(expireAtMs / 2 ** 32);
  bytes[at + 4] = high;
  bytes[at + 5] = high >> 8;
}
