/**
 * A line's words, as inline requests, configuration files and the first lines of scripts have them. Source: Valkey 9.1 sds.c sdssplitargs.
 */

function isSpace(byte: number): boolean {
  return byte === 32 || (byte >= 9 && byte <= 13) || byte === 0;
}

/** Splits a line into words, of which parts may be in "double quotes" with escapes or 'single quotes'; null when a quote stays open. */
export function splitWords(bytes: Uint8Array, from: number, end: number): Uint8Array[] | null {
  const words: Uint8Array[] = [];
  let at = from;
  for (;;) {
    while (at < end && isSpace(bytes[at]!)) at++;
    if (at >= end) return words;
    const word: number[] = [];
    let quote = 0;
    for (; ; at++) {
      if (at >= end) {
        if (quote !== 0) return null;
        break;
      }
      const byte = bytes[at]!;
      if (quote === 34) {
        if (byte === 92 && bytes[at + 1] === 120 && hexPair(bytes, at + 2, end) >= 0) {
          word.push(hexPair(bytes, at + 2, end));
          at += 3;
        } else if (byte === 92 && at + 1 < end) {
          at++;
          word.push(unescaped(bytes[at]!));
        } else if (byte === 34) quote = 0;
        else word.push(byte);
      } else if (quote === 39) {
        if (byte === 92 && bytes[at + 1] === 39) {
          at++;
          word.push(39);
        } else if (byte === 39) quote = 0;
        else word.push(byte);
      } else if (isSpace(byte)) break;
      else if (byte === 34 || byte === 39) quote = byte;
      else word.push(byte);
    }
    words.push(Uint8Array.from(word));
  }
}

function unescaped(byte: number): number {
  switch (byte) {
    case 110:
      return 10;
    case 114:
      return 13;
    case 116:
      return 9;
    case 98:
      return 8;
    case 97:
      return 7;
    default:
      return byte;
  }
}

function hexPair(bytes: Uint8Array, at: number, end: number): number {
  if (at + 1 >= end) return -1;
  const text = String.fromCharCode(bytes[at]!, bytes[at + 1]!);
  return /^[0-9a-fA-F]{2}$/.test(text) ? Number.parseInt(text, 16) : -1;
}
