/**
 * How many bytes strings and integers would take in Valkey's listpack: a stream's nodes are divided where Valkey divides them,
 * which its approximate trimming and XINFO show. Hot file: no allocation.
 * Source: Valkey 9.1 listpack.c.
 */

/** Header and terminator. */
export const LISTPACK_FRAME_BYTES = 7;
const INT64_BYTES = 10;

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
