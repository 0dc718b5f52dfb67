/**
 * Numbers as clients send them: strict decimal integers of 64 bits, and doubles. Hot file: no allocation for what fits in 2^53.
 * Source: Valkey 9.1 util.c string2ll, object.c getLongDoubleFromObject.
 */

/** Returned for what is no integer, or one outside 64 bits. */
export const NOT_AN_INTEGER: number = Number.NaN;

/**
 * The integer written in bytes[from, to), by Valkey's rules: no sign but `-`, no leading zero, no space.
 * Beyond ±2^53 the nearest double is returned: exact arithmetic uses `parseBigInteger`.
 */
export function parseInteger(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  const length = to - from;
  if (length === 0 || length > 20) return NOT_AN_INTEGER;
  const negative = bytes[at] === 45;
  if (negative && ++at === to) return NOT_AN_INTEGER;
  const first = bytes[at]!;
  if (first === 48) return length === 1 ? 0 : NOT_AN_INTEGER;
  if (first < 49 || first > 57) return NOT_AN_INTEGER;
  if (to - at > 15) {
    const exact = parseBigInteger(bytes, from, to);
    return exact === null ? NOT_AN_INTEGER : Number(exact);
  }
  let value = 0;
  for (; at < to; at++) {
    const digit = bytes[at]! - 48;
    if (digit < 0 || digit > 9) return NOT_AN_INTEGER;
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

/** As parseInteger, exact in all 64 bits; null for what is none. */
export function parseBigInteger(bytes: Uint8Array, from: number, to: number): bigint | null {
  if (to - from === 0 || to - from > 20) return null;
  const text = latin1(bytes, from, to);
  if (!/^(0|-?[1-9][0-9]*)$/.test(text)) return null;
  const value = BigInt(text);
  return value >= -(2n ** 63n) && value < 2n ** 63n ? value : null;
}

/** The double written in bytes[from, to); NaN for what is none (and for `nan`, which Valkey refuses as well). */
export function parseDouble(bytes: Uint8Array, from: number, to: number): number {
  if (to - from === 0 || to - from > 128) return Number.NaN;
  const short = to - from < 16 ? parseInteger(bytes, from, to) : Number.NaN;
  if (!Number.isNaN(short)) return short;
  const text = latin1(bytes, from, to);
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text);
  if (/^[+-]?(inf|infinity)$/i.test(text)) return text[0] === '-' ? -Infinity : Infinity;
  if (/^[+-]?0x[0-9a-f]+$/i.test(text))
    return text[0] === '-' ? -Number(text.slice(1)) : Number(text.replace(/^\+/, ''));
  return Number.NaN;
}

export function latin1(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
