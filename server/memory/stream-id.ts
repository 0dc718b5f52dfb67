/**
 * Ids of stream entries: two unsigned 64-bit numbers, milliseconds and a sequence, ordered by the first, then the second.
 * Hot file: no allocation per call, but for numbers in decimal beyond 2^53.
 *
 * In the arena an id is four words: ms high, ms low, sequence high, sequence low. Here each is an unsigned 32-bit number.
 * Source of what is an id in text: Valkey 9.1 t_stream.c streamGenericParseIDOrReply, util.c string2ull.
 */

export const ID_WORDS = 4;
/** `18446744073709551615-18446744073709551615` */
export const MAX_ID_TEXT_BYTES = 41;
const TWO_32 = 2 ** 32;
const MAX_WORD = 0xffffffff;
const BILLION = 1e9;
const BILLION_DIGITS = 9;
const MAX_64 = 2n ** 64n - 1n;
const MAX_EXACT = Number.MAX_SAFE_INTEGER;
/** Numbers of more digits are read exactly by other means. */
const MAX_EXACT_DIGITS = 15;
/** Valkey copies an id's text to a buffer of this size, its terminator included. */
const MAX_PARSED_BYTES = 127;
const DASH = 45;
const PLUS = 43;
const STAR = 42;

/** The sequence was given as `*`: it is the next one of its millisecond. */
export const SEQUENCE_OPEN = 2;
export const PARSED = 1;
export const NOT_AN_ID = 0;

export class StreamId {
  msHigh = 0;
  msLow = 0;
  seqHigh = 0;
  seqLow = 0;

  set(other: StreamId): this {
    this.msHigh = other.msHigh;
    this.msLow = other.msLow;
    this.seqHigh = other.seqHigh;
    this.seqLow = other.seqLow;
    return this;
  }

  setZero(): this {
    this.msHigh = 0;
    this.msLow = 0;
    this.seqHigh = 0;
    this.seqLow = 0;
    return this;
  }

  setMaximum(): this {
    this.msHigh = MAX_WORD;
    this.msLow = MAX_WORD;
    this.seqHigh = MAX_WORD;
    this.seqLow = MAX_WORD;
    return this;
  }

  /** Milliseconds up to 2^53 and a sequence up to 2^53. */
  setNumbers(ms: number, seq: number): this {
    this.msHigh = Math.floor(ms / TWO_32);
    this.msLow = ms >>> 0;
    this.seqHigh = Math.floor(seq / TWO_32);
    this.seqLow = seq >>> 0;
    return this;
  }

  load(words: Int32Array, at: number): this {
    this.msHigh = words[at]! >>> 0;
    this.msLow = words[at + 1]! >>> 0;
    this.seqHigh = words[at + 2]! >>> 0;
    this.seqLow = words[at + 3]! >>> 0;
    return this;
  }

  store(words: Int32Array, at: number): void {
    words[at] = this.msHigh;
    words[at + 1] = this.msLow;
    words[at + 2] = this.seqHigh;
    words[at + 3] = this.seqLow;
  }

  /** From sixteen bytes in big endian, as RDB files have ids. */
  loadBytes(bytes: Uint8Array, at: number): this {
    this.msHigh = bigEndian(bytes, at);
    this.msLow = bigEndian(bytes, at + 4);
    this.seqHigh = bigEndian(bytes, at + 8);
    this.seqLow = bigEndian(bytes, at + 12);
    return this;
  }

  storeBytes(bytes: Uint8Array, at: number): void {
    storeBigEndian(bytes, at, this.msHigh);
    storeBigEndian(bytes, at + 4, this.msLow);
    storeBigEndian(bytes, at + 8, this.seqHigh);
    storeBigEndian(bytes, at + 12, this.seqLow);
  }

  get isZero(): boolean {
    return this.msHigh === 0 && this.msLow === 0 && this.seqHigh === 0 && this.seqLow === 0;
  }

  get isMaximum(): boolean {
    return this.hasLastSequence && this.msHigh === MAX_WORD && this.msLow === MAX_WORD;
  }

  get hasLastSequence(): boolean {
    return this.seqHigh === MAX_WORD && this.seqLow === MAX_WORD;
  }

  /** Below 0: this one comes first. */
  compare(other: StreamId): number {
    if (this.msHigh !== other.msHigh) return this.msHigh - other.msHigh;
    if (this.msLow !== other.msLow) return this.msLow - other.msLow;
    if (this.seqHigh !== other.seqHigh) return this.seqHigh - other.seqHigh;
    return this.seqLow - other.seqLow;
  }

  sameMs(other: StreamId): boolean {
    return this.msHigh === other.msHigh && this.msLow === other.msLow;
  }

  /** The next id; false (and 0-0) after the last one. */
  increment(): boolean {
    if (this.seqLow !== MAX_WORD) {
      this.seqLow++;
      return true;
    }
    this.seqLow = 0;
    if (this.seqHigh !== MAX_WORD) {
      this.seqHigh++;
      return true;
    }
    this.seqHigh = 0;
    if (this.msLow !== MAX_WORD) {
      this.msLow++;
      return true;
    }
    this.msLow = 0;
    if (this.msHigh !== MAX_WORD) {
      this.msHigh++;
      return true;
    }
    this.msHigh = 0;
    return false;
  }

  /** The id before; false (and the last id) before 0-0. */
  decrement(): boolean {
    if (this.seqLow !== 0) {
      this.seqLow--;
      return true;
    }
    this.seqLow = MAX_WORD;
    if (this.seqHigh !== 0) {
      this.seqHigh--;
      return true;
    }
    this.seqHigh = MAX_WORD;
    if (this.msLow !== 0) {
      this.msLow--;
      return true;
    }
    this.msLow = MAX_WORD;
    if (this.msHigh !== 0) {
      this.msHigh--;
      return true;
    }
    this.msHigh = MAX_WORD;
    return false;
  }

  /** Writes `ms-sequence` (or another byte between) at `at`, where MAX_ID_TEXT_BYTES have room; returns the position after it. */
  write(bytes: Uint8Array, at: number, between: number = DASH): number {
    at = writeUnsigned64(bytes, at, this.msHigh, this.msLow);
    bytes[at++] = between;
    return writeUnsigned64(bytes, at, this.seqHigh, this.seqLow);
  }

  /**
   * Takes an id from text. `strict` refuses `-` and `+`, which otherwise are the first and the last id; `open` allows `ms-*`.
   * What is given as milliseconds alone has the sequence 0, or the last one with `last`.
   */
  parse(bytes: Uint8Array, from: number, to: number, strict: boolean, last = false, open = false): number {
    const length = to - from;
    if (length > MAX_PARSED_BYTES) return NOT_AN_ID;
    if (length === 1 && (bytes[from] === DASH || bytes[from] === PLUS)) {
      if (strict) return NOT_AN_ID;
      if (bytes[from] === DASH) this.setZero();
      else this.setMaximum();
      return PARSED;
    }
    let dash = from;
    while (dash < to && bytes[dash] !== DASH) dash++;
    const ms = unsignedOf(bytes, from, dash);
    if (ms < 0) return NOT_AN_ID;
    this.msHigh = ms <= MAX_EXACT ? Math.floor(ms / TWO_32) : highOf(bytes, from, dash);
    this.msLow = ms <= MAX_EXACT ? ms >>> 0 : lowOf(bytes, from, dash);
    if (dash === to) {
      this.seqHigh = last ? MAX_WORD : 0;
      this.seqLow = last ? MAX_WORD : 0;
      return PARSED;
    }
    if (open && to - dash === 2 && bytes[dash + 1] === STAR) {
      this.seqHigh = 0;
      this.seqLow = 0;
      return SEQUENCE_OPEN;
    }
    const seq = unsignedOf(bytes, dash + 1, to);
    if (seq < 0) return NOT_AN_ID;
    this.seqHigh = seq <= MAX_EXACT ? Math.floor(seq / TWO_32) : highOf(bytes, dash + 1, to);
    this.seqLow = seq <= MAX_EXACT ? seq >>> 0 : lowOf(bytes, dash + 1, to);
    return PARSED;
  }
}

/** The number in these digits; beyond 2^53 its nearest double; -1 for what is none of 64 bits. */
function unsignedOf(bytes: Uint8Array, from: number, to: number): number {
  const length = to - from;
  if (length === 0) return -1;
  if (length > MAX_EXACT_DIGITS || bytes[from] === PLUS || bytes[from] === DASH) {
    const exact = bigOf(bytes, from, to);
    return exact === null ? -1 : Number(exact);
  }
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = bytes[i]! - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function highOf(bytes: Uint8Array, from: number, to: number): number {
  return Number(bigOf(bytes, from, to)! >> 32n);
}

function lowOf(bytes: Uint8Array, from: number, to: number): number {
  return Number(bigOf(bytes, from, to)! & 0xffffffffn);
}

/** As C's strtoull reads it, signs included, but that a negative number in its plain form is none. */
function bigOf(bytes: Uint8Array, from: number, to: number): bigint | null {
  let text = '';
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i]!);
  if (!/^[+-]?[0-9]+$/.test(text) || /^-[1-9]/.test(text)) return null;
  const digits = BigInt(text.replace(/^[+-]/, ''));
  if (digits > MAX_64) return null;
  return text[0] === '-' ? BigInt.asUintN(64, -digits) : digits;
}

function bigEndian(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function storeBigEndian(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24;
  bytes[at + 1] = word >>> 16;
  bytes[at + 2] = word >>> 8;
  bytes[at + 3] = word;
}

/** Writes an unsigned 64-bit number in decimal; returns the position after it. */
export function writeUnsigned64(bytes: Uint8Array, at: number, high: number, low: number): number {
  if (high >= 0x200000) {
    const text = ((BigInt(high) << 32n) | BigInt(low)).toString();
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    return at;
  }
  const value = high * TWO_32 + low;
  if (value < BILLION) return writeDigits(bytes, at, value, 1);
  // In two parts of which each is a small integer: a division of those is a multiplication.
  const upper = Math.floor(value / BILLION);
  return writeDigits(bytes, writeDigits(bytes, at, upper, 1), value - upper * BILLION, BILLION_DIGITS);
}

/** Writes a number below a billion in at least so many digits. */
function writeDigits(bytes: Uint8Array, at: number, value: number, least: number): number {
  let rest = value | 0;
  let digits = least;
  if (least === 1) for (let limit = 10; rest >= limit && digits < BILLION_DIGITS; limit *= 10) digits++;
  const end = at + digits;
  for (let i = end - 1; i >= at; i--) {
    const next = (rest / 10) | 0;
    bytes[i] = 48 + (rest - next * 10);
    rest = next;
  }
  return end;
}
