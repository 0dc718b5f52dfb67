/**
 * How many bytes strings and integers would take in Valkey's listpack: a stream's nodes are divided where Valkey divides them,
 * which its approximate trimming and XINFO show, and a list is packed up to the size that Valkey packs it up to.
 * Hot file: no allocation.
 * Source: Valkey 9.1 listpack.c.
 */

/** Header and terminator. */
export const LISTPACK_FRAME_BYTES = 7;
const INT64_BYTES = 10;
const MAX_INTEGER_CHARACTERS = 20;
const MAX_DIGITS = 19;
const LARGEST = '9223372036854775807';

export function integerSize(value: number): number {
  if (value >= 0 && value <= 127) return 2;
  if (value >= -4096 && value <= 4095) return 3;
  if (value >= -32768 && value <= 32767) return 4;
  if (value >= -8388608 && value <= 8388607) return 5;
  if (value >= -2147483648 && value <= 2147483647) return 6;
  return INT64_BYTES;
}

export function longIntegerSize(): number {
  return INT64_BYTES;
}

/** A string as it is stored: one that is the canonical form of a 64-bit integer is stored as that. */
export function elementSize(bytes: Uint8Array, from: number, to: number): number {
  const length = to - from;
  if (length === 0 || length > MAX_INTEGER_CHARACTERS) return stringSize(length);
  const negative = bytes[from] === 45;
  const first = negative ? from + 1 : from;
  const digits = to - first;
  if (digits === 0 || digits > MAX_DIGITS || (bytes[first] === 48 && length > 1)) return stringSize(length);
  let value = 0;
  for (let at = first; at < to; at++) {
    const digit = bytes[at]! - 48;
    if (digit < 0 || digit > 9) return stringSize(length);
    value = value * 10 + digit;
  }
  if (digits === MAX_DIGITS && isBeyond(bytes, first, negative)) return stringSize(length);
  return integerSize(negative ? -value : value);
}

/** True for nineteen digits above 2^63 - 1, or 2^63 for a negative number. */
function isBeyond(bytes: Uint8Array, first: number, negative: boolean): boolean {
  for (let i = 0; i < MAX_DIGITS; i++) {
    const bound = i === MAX_DIGITS - 1 && negative ? 56 : LARGEST.charCodeAt(i);
    if (bytes[first + i] !== bound) return bytes[first + i]! > bound;
  }
  return false;
}

/** A string that is no integer. */
export function stringSize(length: number): number {
  const own = length < 64 ? 1 + length : length < 4096 ? 2 + length : 5 + length;
  return own + backLengthBytes(own);
}

/** Bytes that repeat an entry's length behind it, seven bits a byte. The bounds are Valkey's, off by one as they are. */
export function backLengthBytes(sizeBytes: number): number {
  if (sizeBytes <= 127) return 1;
  if (sizeBytes < 16383) return 2;
  if (sizeBytes < 2097151) return 3;
  if (sizeBytes < 268435455) return 4;
  return 5;
}
