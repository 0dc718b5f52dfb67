/**
 * Which byte strings are the canonical decimal form of a 64-bit integer. Hot file: no allocation.
 */
const MAX_DIGITS = 19;
const LARGEST: readonly number[] = [...'9223372036854775807'].map(Number); // constant

export function isInteger64(bytes: Uint8Array, from: number, to: number): boolean {
  let at = from;
  if (at === to) return false;
  const negative = bytes[at] === 45;
  if (negative && ++at === to) return false;
  const digits = to - at;
  if (digits > MAX_DIGITS) return false;
  if (bytes[at] === 48) return digits === 1 && !negative;
  for (let i = at; i < to; i++) {
    const digit = bytes[i]!;
    if (digit < 48 || digit > 57) return false;
  }
  if (digits < MAX_DIGITS) return true;
  for (let i = 0; i < MAX_DIGITS; i++) {
    const difference = bytes[at + i]! - 48 - LARGEST[i]!;
    if (difference !== 0) return difference < 0 || (negative && i === MAX_DIGITS - 1 && difference === 1);
  }
  return true;
}
