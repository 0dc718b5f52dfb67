/**
 * Lengths as LEB128 varints: one byte below 128, at most five. Hot file: no allocation.
 */

export function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x200000) return 3;
  if (value < 0x10000000) return 4;
  return 5;
}

/** Writes `value` (below 2^32) at `at`; returns the position after it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  while (value >= 0x80) {
    bytes[at++] = (value & 0x7f) | 0x80;
    value = value >>> 7;
  }
  bytes[at] = value;
  return at + 1;
}

/** The value at `at`. Its size is `varintBytes(value)`. */
export function readVarint(bytes: Uint8Array, at: number): number {
  let byte = bytes[at]!;
  if (byte < 0x80) return byte;
  let value = byte & 0x7f;
  let shift = 7;
  do {
    byte = bytes[++at]!;
    value |= (byte & 0x7f) << shift;
    shift += 7;
  } while (byte >= 0x80);
  return value >>> 0;
}
