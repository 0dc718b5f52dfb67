/**
 * Byte strings in a stream's nodes: what looks like an integer takes the bytes of the integer. Hot file: no allocation per
 * string, but for integers of 16 digits and more.
 *
 * Layout: [length: 0 to 239][bytes], or [239 + n][n bytes, the integer in little endian, n from 1 to 8], or
 * [248][length: varint][bytes].
 */
import { readVarint, varintBytes, writeVarint } from './varint.ts';

const MAX_SHORT_BYTES = 239;
const INTEGER = 239;
const LONG = 248;
/** Beyond so many digits an integer is handled as a BigInt. */
const MAX_EXACT_DIGITS = 15;
const MAX_DIGITS = 19;
/** `-9223372036854775808` */
const MAX_INTEGER_TEXT_BYTES = 20;
/** No string takes more bytes than itself and so many. */
export const MAX_COMPACT_OVERHEAD_BYTES = 6;

/** The integer whose one decimal form these bytes are, of up to 15 digits; NaN for all else. */
export function shortInteger(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  const negative = bytes[at] === 45;
  if (negative) at++;
  const digits = to - at;
  if (digits < 1 || digits > MAX_EXACT_DIGITS) return Number.NaN;
  let value = bytes[at]! - 48;
  if (value < 0 || value > 9) return Number.NaN;
  if (value === 0) return digits === 1 && !negative ? 0 : Number.NaN;
  for (at++; at < to; at++) {
    const digit = bytes[at]! - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

/** Whether these are the one decimal form of an integer of 64 bits with more digits than `shortInteger` takes. */
export function isLongInteger(bytes: Uint8Array, from: number, to: number): boolean {
  const length = to - from;
  if (length <= MAX_EXACT_DIGITS || length > MAX_INTEGER_TEXT_BYTES) return false;
  const negative = bytes[from] === 45;
  const first = negative ? from + 1 : from;
  if (to - first <= MAX_EXACT_DIGITS || to - first > MAX_DIGITS || bytes[first] === 48) return false;
  for (let i = first; i < to; i++) if (bytes[i]! < 48 || bytes[i]! > 57) return false;
  if (to - first < MAX_DIGITS) return true;
  const value = bigOf(bytes, from, to);
  return BigInt.asIntN(64, value) === value;
}

function bigOf(bytes: Uint8Array, from: number, to: number): bigint {
  let text = '';
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i]!);
  return BigInt(text);
}

/** Writes source[from, to) at `at`, where the string and MAX_COMPACT_OVERHEAD_BYTES have room; returns the position after it. */
export function writeCompact(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  from: number,
  to: number,
  integer: number,
): number {
  const length = to - from;
  if (!Number.isNaN(integer) && length > 2) return writeInteger(target, at, integer);
  if (length > MAX_EXACT_DIGITS && isLongInteger(source, from, to)) {
    let rest = bigOf(source, from, to);
    target[at++] = INTEGER + 8;
    for (let i = 0; i < 8; i++) {
      target[at++] = Number(rest & 255n);
      rest >>= 8n;
    }
    return at;
  }
  if (length <= MAX_SHORT_BYTES) target[at++] = length;
  else {
    target[at++] = LONG;
    at = writeVarint(target, at, length);
  }
  if (length > 64) {
    target.set(source.subarray(from, to), at);
    return at + length;
  }
  for (let i = from; i < to; i++) target[at++] = source[i]!;
  return at;
}

function writeInteger(target: Uint8Array, at: number, value: number): number {
  const size = value < 0 ? -value - 1 : value;
  let count = 1;
  for (let limit = 128; size >= limit; limit *= 256) count++;
  target[at++] = INTEGER + count;
  let low = value | 0;
  let high = Math.floor(value / 2 ** 32) | 0;
  for (let i = 0; i < count; i++) {
    target[at++] = low & 255;
    low = i === 3 ? high : low >> 8;
    if (i === 3) high = 0;
  }
  return at;
}

/** The position after the string at `at`. */
export function skipCompact(bytes: Uint8Array, at: number): number {
  const head = bytes[at]!;
  if (head <= MAX_SHORT_BYTES) return at + 1 + head;
  if (head < LONG) return at + 1 + head - INTEGER;
  const length = readVarint(bytes, at + 1);
  return at + 1 + varintBytes(length) + length;
}

/** Reads strings one after another; an integer's digits lie in an area of its own, valid until its next read. */
export class CompactReader {
  bytes: Uint8Array = new Uint8Array(0);
  from = 0;
  to = 0;
  private readonly digits: Uint8Array = new Uint8Array(MAX_INTEGER_TEXT_BYTES);

  /** Reads the string at `at`; returns the position after it. */
  read(source: Uint8Array, at: number): number {
    const head = source[at]!;
    if (head <= MAX_SHORT_BYTES) {
      this.bytes = source;
      this.from = at + 1;
      this.to = at + 1 + head;
      return this.to;
    }
    if (head === LONG) {
      const length = readVarint(source, at + 1);
      this.bytes = source;
      this.from = at + 1 + varintBytes(length);
      this.to = this.from + length;
      return this.to;
    }
    const count = head - INTEGER;
    this.bytes = this.digits;
    this.from = 0;
    if (count === 8) this.readLong(source, at + 1);
    else this.readInteger(source, at + 1, count);
    return at + 1 + count;
  }

  private readInteger(source: Uint8Array, at: number, count: number): void {
    let value = (source[at + count - 1]! << 24) >> 24;
    for (let i = count - 2; i >= 0; i--) value = value * 256 + source[at + i]!;
    const { digits } = this;
    let to = 0;
    if (value < 0) {
      digits[to++] = 45;
      value = -value;
    }
    let places = 1;
    for (let limit = 10; value >= limit; limit *= 10) places++;
    this.to = to + places;
    for (let i = this.to - 1; i >= to; i--) {
      const rest = Math.floor(value / 10);
      digits[i] = 48 + (value - rest * 10);
      value = rest;
    }
  }

  private readLong(source: Uint8Array, at: number): void {
    let value = 0n;
    for (let i = 7; i >= 0; i--) value = (value << 8n) | BigInt(source[at + i]!);
    const text = BigInt.asIntN(64, value).toString();
    for (let i = 0; i < text.length; i++) this.digits[i] = text.charCodeAt(i);
    this.to = text.length;
  }
}
