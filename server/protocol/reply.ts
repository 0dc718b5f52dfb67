/**
 * Writes replies in RESP2 or RESP3 into the output region of the client it is attached to.
 * Hot file: no allocation per reply; a region grows by doubling and is handed back after the flush.
 * Source: RESP2 and RESP3 specifications, Valkey 9.1 networking.c (`addReply*`).
 *
 * The writer knows bytes and the protocol version, nothing of sockets or commands. One writer serves many
 * outputs in turn: `attach` before the first reply, `detach` when done. Lengths are byte counts.
 */

import { copyWords } from '../memory/words.ts';
import { INITIAL_REGION_BYTES, RegionPool } from './regions.ts';

/** Where one client's replies collect until they are flushed. `bytes` is null while nothing waits. */
export class Output {
  bytes: Uint8Array | null = null;
  /** The same memory for writing words. */
  view: DataView = NO_VIEW;
  /** Bytes of `bytes` that hold replies. */
  length = 0;
  /** 2 or 3: the RESP version the client asked for by HELLO. */
  protocol = 2;
  /** Hard limit in bytes, 0 for none: past it replies are dropped and `overflowed` is set. */
  limitBytes = 0;
  overflowed = false;
  /** Replies are computed and thrown away (CLIENT REPLY OFF, a target of SYNCSLOTS, a replica's primary link). */
  muted = false;
}

/** Below this a byte loop beats the call into TypedArray.prototype.set with its subarray object. */
const LOOP_COPY_BYTES = 192;

const NO_VIEW: DataView = new DataView(new ArrayBuffer(0));

/** The longest head of an array: its type, digits and line end. */
const HEADER_ROOM = 24;

const CR = 13;
const LF = 10;

export class ReplyWriter {
  bytes: Uint8Array;
  private view: DataView;
  at = 0;
  protocol = 2;
  /** Error replies written since the start (the executor compares before and after a command). */
  errors = 0;
  lastError = '';
  private output: Output | null = null;
  private readonly scratch: Uint8Array = new Uint8Array(INITIAL_REGION_BYTES);
  private readonly scratchView: DataView = new DataView(this.scratch.buffer);
  private readonly pool: RegionPool = new RegionPool();

  constructor() {
    this.bytes = this.scratch;
    this.view = this.scratchView;
  }

  attach(output: Output): void {
    this.output = output;
    this.protocol = output.protocol;
    if (output.bytes === null) {
      output.bytes = this.pool.take(INITIAL_REGION_BYTES);
      output.view = this.pool.view;
      output.length = 0;
    }
    this.bytes = output.bytes;
    this.view = output.view;
    this.at = output.length;
  }

  /** Writes back what the attached output now holds. Called before anybody else looks at the output. */
  detach(): void {
    const output = this.output;
    if (output === null) return;
    output.bytes = this.bytes;
    output.view = this.view;
    output.length = this.at;
    this.output = null;
    this.bytes = this.scratch;
    this.view = this.scratchView;
    this.at = 0;
  }

  /** Hands a flushed region back for reuse. */
  release(output: Output): void {
    const region = output.bytes;
    output.bytes = null;
    output.length = 0;
    if (region !== null) this.pool.give(region, output.view);
  }

  /** What is written runs over the client's limit: nobody will read it, and a long reply may end here. */
  get overflowed(): boolean {
    return this.output?.overflowed === true;
  }

  /** Position to return to with `rewind`: EXEC's nested errors, muted clients and dry runs use it. */
  mark(): number {
    return this.at;
  }

  rewind(mark: number): void {
    this.at = mark;
  }

  /** Makes room for `sizeBytes` more. Past the output's hard limit what was written so far is dropped. */
  reserve(sizeBytes: number): void {
    const needed = this.at + sizeBytes;
    if (needed > this.bytes.length) this.grow(needed);
  }

  private grow(needed: number): void {
    const output = this.output;
    if (output !== null && output.limitBytes > 0 && needed > output.limitBytes) {
      output.overflowed = true;
      this.at = 0;
      if (needed - this.at <= this.bytes.length) return;
    }
    const larger = this.pool.take(Math.max(needed, this.bytes.length * 2));
    larger.set(this.bytes.subarray(0, this.at));
    if (output !== null) this.pool.give(this.bytes, this.view);
    this.bytes = larger;
    this.view = this.pool.view;
  }

  /** `+text`. The text is a constant in ASCII without line breaks. */
  simple(text: string): void {
    this.reserve(text.length + 3);
    this.bytes[this.at++] = 43;
    this.ascii(text);
    this.crlf();
  }

  ok(): void {
    this.simple('OK');
  }

  /** `-text`. The text starts with its code: `ERR …`, `WRONGTYPE …`. Line breaks become spaces. */
  error(text: string): void {
    this.errors++;
    this.lastError = text;
    this.reserve(text.length * 3 + 3);
    this.bytes[this.at++] = 45;
    this.utf8(text.replace(/[\r\n]/g, ' '));
    this.crlf();
  }

  /**
   * An error whose characters are bytes, up to the first zero: what a script made up. `counted`: it is the error of a command
   * that was counted already.
   */
  errorBytes(text: string, counted = false): void {
    const line = text.replace(/\0.*$/s, '').replace(/[\r\n]/g, ' ');
    this.errors++;
    this.lastError = counted ? '' : line;
    this.reserve(line.length + 3);
    this.bytes[this.at++] = 45;
    this.ascii(line);
    this.crlf();
  }

  integer(value: number): void {
    this.reserve(26);
    this.bytes[this.at++] = 58;
    this.decimal(value);
    this.crlf();
  }

  bigInteger(value: bigint): void {
    const text = value.toString();
    this.reserve(text.length + 3);
    this.bytes[this.at++] = 58;
    this.ascii(text);
    this.crlf();
  }

  /** A bulk string of source[from, to). */
  bulk(source: Uint8Array, from: number, to: number): void {
    const length = to - from;
    this.reserve(length + 32);
    this.bytes[this.at++] = 36;
    this.decimal(length);
    this.crlf();
    this.copy(source, from, to);
    this.crlf();
  }

  /** A bulk string of source[from, to), where a view of the source is at hand: the hot path of GET. */
  bulkView(source: Uint8Array, view: DataView, from: number, to: number): void {
    const length = to - from;
    if (length > LOOP_COPY_BYTES) {
      this.bulk(source, from, to);
      return;
    }
    this.reserve(length + 32);
    this.bytes[this.at++] = 36;
    this.decimal(length);
    this.crlf();
    this.at = copyWords(view, from, to, this.view, this.at);
    this.crlf();
  }

  /** Starts a bulk string of a known length; the caller then writes exactly that many bytes by `copy`, and calls `bulkEnd`. */
  bulkStart(length: number): void {
    this.reserve(length + 32);
    this.bytes[this.at++] = 36;
    this.decimal(length);
    this.crlf();
  }

  bulkEnd(): void {
    this.reserve(2);
    this.crlf();
  }

  bulkEmpty(): void {
    this.reserve(6);
    const { bytes } = this;
    let { at } = this;
    bytes[at++] = 36;
    bytes[at++] = 48;
    bytes[at++] = CR;
    bytes[at++] = LF;
    bytes[at++] = CR;
    bytes[at++] = LF;
    this.at = at;
  }

  /** A bulk string of text as UTF-8. Not for the hot path. */
  bulkText(text: string): void {
    const sizeBytes = utf8Length(text);
    this.reserve(sizeBytes + 32);
    this.bytes[this.at++] = 36;
    this.decimal(sizeBytes);
    this.crlf();
    this.utf8(text);
    this.crlf();
  }

  /** A bulk string of text whose characters are bytes. Not for the hot path. */
  bulkLatin1(text: string): void {
    this.bulkStart(text.length);
    this.ascii(text);
    this.bulkEnd();
  }

  /** An integer as a bulk string, as INCRBYFLOAT-like and CONFIG GET replies need. */
  bulkInteger(value: number): void {
    this.reserve(48);
    const digits = decimalDigits(value);
    this.bytes[this.at++] = 36;
    this.decimal(digits);
    this.crlf();
    this.decimal(value);
    this.crlf();
  }

  /** Text in RESP3's verbatim form (`txt`), a bulk string in RESP2: INFO, CLIENT LIST, CLUSTER NODES. */
  verbatim(text: string): void {
    if (this.protocol === 2) {
      this.bulkText(text);
      return;
    }
    const sizeBytes = utf8Length(text) + 4;
    this.reserve(sizeBytes + 32);
    this.bytes[this.at++] = 61;
    this.decimal(sizeBytes);
    this.crlf();
    this.ascii('txt:');
    this.utf8(text);
    this.crlf();
  }

  /** A double: RESP3 `,`, RESP2 a bulk string. `text` is the shortest form that reads back equal (`inf`, `-inf`, `nan` for those). */
  double(value: number): void {
    const plain = value < 0 ? -value : value;
    if (plain >= 0.001 && plain < 1e21 && plain !== Math.floor(plain)) {
      this.fraction(value);
      return;
    }
    if (value !== (value | 0) || (value === 0 && Object.is(value, -0))) {
      this.doubleText(formatDouble(value));
      return;
    }
    if (this.protocol === 2) {
      this.bulkInteger(value);
      return;
    }
    this.reserve(26);
    this.bytes[this.at++] = 44;
    this.decimal(value);
    this.crlf();
  }

  /** A double with decimals and of ordinary size, as shortestDouble has it: String's digits, with an exponent where there are many. */
  private fraction(value: number): void {
    const text = String(value);
    const point = text.indexOf('.');
    const first = value < 0 ? 1 : 0;
    const exponent = point - first - 1;
    const isPlain = text.length - point < 8 || exponent < 4;
    this.reserve(64);
    if (this.protocol === 2) {
      this.bytes[this.at++] = 36;
      this.decimal(isPlain ? text.length : text.length + (exponent < 10 ? 3 : 4));
      this.crlf();
    } else this.bytes[this.at++] = 44;
    if (isPlain) {
      this.ascii(text);
      this.crlf();
      return;
    }
    const { bytes } = this;
    let { at } = this;
    for (let i = 0; i < text.length; i++) {
      if (i !== point) bytes[at++] = text.charCodeAt(i);
      if (i === first) bytes[at++] = 46;
    }
    bytes[at++] = 101;
    bytes[at++] = 43;
    this.at = at;
    this.decimal(exponent);
    this.crlf();
  }

  /** A double given as text in ASCII. */
  doubleText(text: string): void {
    this.reserve(text.length + 32);
    if (this.protocol === 2) {
      this.bytes[this.at++] = 36;
      this.decimal(text.length);
      this.crlf();
    } else this.bytes[this.at++] = 44;
    this.ascii(text);
    this.crlf();
  }

  /** RESP3 `#t`/`#f`, RESP2 `:1`/`:0`. */
  boolean(value: boolean): void {
    if (this.protocol === 2) {
      this.integer(value ? 1 : 0);
      return;
    }
    this.reserve(4);
    this.bytes[this.at++] = 35;
    this.bytes[this.at++] = value ? 116 : 102;
    this.crlf();
  }

  /** No value: RESP3 `_`, RESP2 the null bulk string `$-1`. */
  nil(): void {
    this.reserve(5);
    if (this.protocol === 3) {
      this.bytes[this.at++] = 95;
      this.crlf();
      return;
    }
    this.bytes[this.at++] = 36;
    this.bytes[this.at++] = 45;
    this.bytes[this.at++] = 49;
    this.crlf();
  }

  /** No array: RESP3 `_`, RESP2 the null array `*-1`. */
  nilArray(): void {
    this.reserve(5);
    if (this.protocol === 3) {
      this.bytes[this.at++] = 95;
      this.crlf();
      return;
    }
    this.bytes[this.at++] = 42;
    this.bytes[this.at++] = 45;
    this.bytes[this.at++] = 49;
    this.crlf();
  }

  array(length: number): void {
    this.aggregate(42, length);
  }

  /** Puts the head of an array before what was written since `mark`: for who counts while writing. */
  arrayFrom(mark: number, length: number): void {
    this.headFrom(mark, 42, length);
  }

  /** As `arrayFrom`, with the head of a map of `pairs` pairs. */
  mapFrom(mark: number, pairs: number): void {
    if (this.protocol === 3) this.headFrom(mark, 37, pairs);
    else this.headFrom(mark, 42, pairs * 2);
  }

  /** Moves what was written since `from` before what was written since `mark`. */
  moveBefore(mark: number, from: number): void {
    // What was written is dropped when the output ran over its limit.
    if (from > this.at || mark > from) return;
    const moved = this.bytes.slice(from, this.at);
    this.bytes.copyWithin(mark + moved.length, mark, from);
    this.bytes.set(moved, mark);
  }

  private headFrom(mark: number, type: number, length: number): void {
    const sizeBytes = decimalDigits(length) + 3;
    this.reserve(sizeBytes);
    // What was written is dropped when the output ran over its limit.
    if (mark > this.at) return;
    const end = this.at + sizeBytes;
    this.bytes.copyWithin(mark + sizeBytes, mark, this.at);
    this.at = mark;
    this.aggregate(type, length);
    this.at = end;
  }

  /**
   * Begins an array whose length is not known yet. Its elements follow, then `arrayWas` with what this returned and their number.
   * Costs moving the elements by a few bytes once.
   */
  arrayLater(): number {
    this.reserve(HEADER_ROOM);
    const mark = this.at;
    this.at += HEADER_ROOM;
    return mark;
  }

  arrayWas(mark: number, length: number): void {
    // The output's limit was passed meanwhile: what was written is gone.
    if (this.at < mark + HEADER_ROOM) return;
    const { bytes } = this;
    const end = this.at;
    bytes[mark] = 42;
    this.at = writeDecimal(bytes, mark + 1, length);
    this.crlf();
    bytes.copyWithin(this.at, mark + HEADER_ROOM, end);
    this.at += end - mark - HEADER_ROOM;
  }

  /** A map of `pairs` pairs: RESP3 `%`, RESP2 a flat array of twice as many. */
  map(pairs: number): void {
    if (this.protocol === 3) this.aggregate(37, pairs);
    else this.aggregate(42, pairs * 2);
  }

  /** RESP3 `~`, RESP2 an array. */
  set(length: number): void {
    this.aggregate(this.protocol === 3 ? 126 : 42, length);
  }

  /** Out-of-band data: RESP3 `>`, RESP2 an array. */
  push(length: number): void {
    this.aggregate(this.protocol === 3 ? 62 : 42, length);
  }

  /** Raw protocol bytes, already in RESP (the replication stream, a reply built elsewhere). */
  raw(source: Uint8Array, from: number, to: number): void {
    this.reserve(to - from);
    this.copy(source, from, to);
  }

  private aggregate(type: number, length: number): void {
    this.reserve(26);
    this.bytes[this.at++] = type;
    this.decimal(length);
    this.crlf();
  }

  /** Copies source[from, to) to the region; room was reserved. */
  copy(source: Uint8Array, from: number, to: number): void {
    const { bytes } = this;
    let { at } = this;
    if (to - from > LOOP_COPY_BYTES) {
      bytes.set(source.subarray(from, to), at);
      this.at = at + (to - from);
      return;
    }
    for (let i = from; i < to; i++) bytes[at++] = source[i]!;
    this.at = at;
  }

  private crlf(): void {
    const { at } = this;
    this.bytes[at] = CR;
    this.bytes[at + 1] = LF;
    this.at = at + 2;
  }

  private ascii(text: string): void {
    const { bytes } = this;
    let { at } = this;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.at = at;
  }

  private utf8(text: string): void {
    this.at += encodeUtf8(text, this.bytes, this.at);
  }

  private decimal(value: number): void {
    this.at = writeDecimal(this.bytes, this.at, value);
  }
}

/** Writes an integer (|value| ≤ 2^53) in decimal at `at`; returns the position after it. Room for 20 bytes is the caller's duty. */
export function writeDecimal(bytes: Uint8Array, at: number, value: number): number {
  if (value >= 0 && value < 10) {
    bytes[at] = 48 + value;
    return at + 1;
  }
  if (value < 0) {
    bytes[at++] = 45;
    value = -value;
  }
  const digits = decimalDigits(value);
  let to = at + digits;
  const end = to;
  if (value <= 0x7fffffff) {
    let rest = value | 0;
    while (to > at) {
      const next = (rest / 10) | 0;
      bytes[--to] = 48 + (rest - next * 10);
      rest = next;
    }
    return end;
  }
  while (to > at) {
    const next = Math.floor(value / 10);
    bytes[--to] = 48 + (value - next * 10);
    value = next;
  }
  return end;
}

/** Characters of an integer in decimal, the sign included. */
export function decimalDigits(value: number): number {
  let digits = 1;
  if (value < 0) {
    digits = 2;
    value = -value;
  }
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  return digits;
}

/** Integers up to here are printed in all their digits. Source: Valkey 9.1 util.c double2ll. */
const MAX_PLAIN_INTEGER = 2 ** 62;

/** A double as Valkey prints it in replies: integers in all their digits, others as `shortestDouble`. */
export function formatDouble(value: number): string {
  if (Number.isInteger(value) && value <= MAX_PLAIN_INTEGER && value >= -MAX_PLAIN_INTEGER) {
    if (Number.isSafeInteger(value)) return Object.is(value, -0) ? '-0' : String(value);
    return BigInt(value).toString();
  }
  return shortestDouble(value);
}

/**
 * The shortest digits that read back equal, plain while that stays short, else `1.5e+21`.
 * JavaScript writes the same digits, but changes to an exponent at other sizes. Source: Valkey 9.1 deps/fpconv.
 */
export function shortestDouble(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (value === Infinity) return 'inf';
  if (value === -Infinity) return '-inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const plain = value < 0 ? -value : value;
  // Where both agree for certain: integers of at most eight digits.
  if (plain < 1e8 && Number.isInteger(value)) return String(value);
  const sign = value < 0 ? '-' : '';
  if (plain >= 0.001 && plain < 1) return sign + String(plain);
  if (plain >= 1 && plain < 1e21) {
    // The same digits with a point, in most cases: fewer than seven decimals, or fewer than four digits more than one before it.
    const text = String(plain);
    const point = text.indexOf('.');
    if (point > 0) {
      if (text.length - point < 8 || point < 5) return sign + text;
      return `${sign}${text[0]}.${text.slice(1, point)}${text.slice(point + 1)}e+${point - 1}`;
    }
  }
  const [mantissa, exponentText] = plain.toExponential().split('e') as [string, string];
  const digits = mantissa.replace('.', '');
  const exponent = Number(exponentText);
  /** The power of ten of the last digit. */
  const scale = exponent - digits.length + 1;
  const size = Math.abs(exponent);
  if (scale >= 0 && size < digits.length + 7) return sign + digits + '0'.repeat(scale);
  if (scale < 0 && (scale > -7 || size < 4)) {
    const whole = digits.length + scale;
    if (whole <= 0) return `${sign}0.${'0'.repeat(-whole)}${digits}`;
    return `${sign}${digits.slice(0, whole)}.${digits.slice(whole)}`;
  }
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
  return `${sign}${digits[0]}${fraction}e${exponent < 0 ? '-' : '+'}${size}`;
}

function utf8Length(text: string): number {
  let sizeBytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) sizeBytes += 1;
    else if (unit < 0x800) sizeBytes += 2;
    else if (unit >= 0xd800 && unit < 0xdc00 && i + 1 < text.length) {
      sizeBytes += 4;
      i++;
    } else sizeBytes += 3;
  }
  return sizeBytes;
}

/** Writes text as UTF-8 and returns the bytes written. */
export function encodeUtf8(text: string, into: Uint8Array, at: number): number {
  const start = at;
  for (let i = 0; i < text.length; i++) {
    let unit = text.charCodeAt(i);
    if (unit < 0x80) {
      into[at++] = unit;
      continue;
    }
    if (unit < 0x800) {
      into[at++] = 0xc0 | (unit >> 6);
    } else {
      if (unit >= 0xd800 && unit < 0xdc00 && i + 1 < text.length) {
        unit = 0x10000 + ((unit - 0xd800) << 10) + (text.charCodeAt(++i) - 0xdc00);
        into[at++] = 0xf0 | (unit >> 18);
        into[at++] = 0x80 | ((unit >> 12) & 63);
      } else into[at++] = 0xe0 | (unit >> 12);
      into[at++] = 0x80 | ((unit >> 6) & 63);
    }
    into[at++] = 0x80 | (unit & 63);
  }
  return at - start;
}
