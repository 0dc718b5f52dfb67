/**
 * The input of the RDB reader: buffers what has arrived and reads the format's primitives from it.
 * Hot file while loading: no allocation beyond the buffer's growth.
 *
 * A primitive that meets the end of what has arrived sets `short`, and its result means nothing: the reader then goes
 * back to its mark and takes the whole step again when more is there. Damage is thrown, and caught by the reader.
 */
import { Crc64 } from './crc64.ts';
import * as format from './format.ts';
import { LZF_MAX_RATIO, lzfDecompress } from './lzf.ts';

/** Longest string accepted: Valkey's own default of proto-max-bulk-len bounds what a real file can hold. */
export const MAX_STRING_BYTES = 512 * 1024 * 1024;
const INITIAL_BUFFER_BYTES = 256 * 1024;
/** A decompression area larger than this is given back after use. */
const KEPT_SCRATCH_BYTES = 1024 * 1024;
const INTEGER_TEXT_BYTES = 24;

/** A string that was read: where its bytes lie until the next read into the same slice. */
export class Slice {
  bytes: Uint8Array = new Uint8Array(0);
  from = 0;
  to = 0;
  scratch: Uint8Array = new Uint8Array(INTEGER_TEXT_BYTES);
}

/** Carries a refusal out of a step; never leaves the reader. */
export class Damage extends Error {}

export class RdbInput {
  readonly source: string;
  buffer: Uint8Array = new Uint8Array(INITIAL_BUFFER_BYTES);
  at = 0;
  end = 0;
  /** The current step ran out of input. */
  short = false;
  readonly checksum = new Crc64();
  /** Off once the content has ended: the checksum itself is not summed up. */
  summing: boolean;
  /** Bytes of the input before the buffer's first. */
  private base = 0;
  private checksummed = 0;
  /** Set by `lengthOrEncoding`: the encoding's kind when the length was no length, else -1. */
  private encoding = -1;
  /** What `wideLength` read. */
  wideHigh = 0;
  wideLow = 0;
  private readonly doubles = new DataView(new ArrayBuffer(8));

  constructor(source: string, summing: boolean) {
    this.source = source;
    this.summing = summing;
  }

  /** Bytes that have arrived so far. */
  get arrived(): number {
    return this.base + this.end;
  }

  append(bytes: Uint8Array, from: number, to: number): void {
    const needed = this.end + (to - from);
    if (needed > this.buffer.length) {
      let size = this.buffer.length * 2;
      while (size < needed) size *= 2;
      const larger = new Uint8Array(size);
      larger.set(this.buffer.subarray(0, this.end));
      this.buffer = larger;
    }
    this.buffer.set(bytes.subarray(from, to), this.end);
    this.end = needed;
  }

  /** Forgets what was read. */
  compact(): void {
    this.addToChecksum();
    this.buffer.copyWithin(0, this.at, this.end);
    this.base += this.at;
    this.end -= this.at;
    this.at = 0;
    this.checksummed = 0;
    if (this.buffer.length > INITIAL_BUFFER_BYTES * 4 && this.end < INITIAL_BUFFER_BYTES) {
      const smaller = new Uint8Array(INITIAL_BUFFER_BYTES);
      smaller.set(this.buffer.subarray(0, this.end));
      this.buffer = smaller;
    }
  }

  /** Sums up to where the reading stands. */
  addToChecksum(): void {
    if (this.summing) this.checksum.update(this.buffer, this.checksummed, this.at);
    this.checksummed = this.at;
  }

  has(sizeBytes: number): boolean {
    if (this.at + sizeBytes <= this.end) return true;
    this.short = true;
    return false;
  }

  byte(): number {
    if (this.short || !this.has(1)) return 0;
    return this.buffer[this.at++]!;
  }

  int32(): number {
    if (this.short || !this.has(4)) return 0;
    const value = u32(this.buffer, this.at) | 0;
    this.at += 4;
    return value;
  }

  /** A signed 64-bit time. Beyond 2^53 it is no time that anything could have written. */
  int64(): number {
    if (this.short || !this.has(8)) return 0;
    const low = u32(this.buffer, this.at);
    const high = u32(this.buffer, this.at + 4) | 0;
    this.at += 8;
    const value = high * 0x1_0000_0000 + low;
    if (!Number.isSafeInteger(value)) throw this.damage('a time is out of range');
    return value;
  }

  double(): number {
    if (this.short || !this.has(8)) return 0;
    for (let i = 0; i < 8; i++) this.doubles.setUint8(i, this.buffer[this.at + i]!);
    this.at += 8;
    return this.doubles.getFloat64(0, true);
  }

  /** The scores of RDB type 3: a length byte and digits; 253 nan, 254 inf, 255 -inf. */
  textDouble(): number {
    const length = this.byte();
    if (this.short) return 0;
    if (length === 253) return Number.NaN;
    if (length === 254) return Infinity;
    if (length === 255) return -Infinity;
    if (!this.has(length)) return 0;
    this.at += length;
    return parseDouble(this.buffer, this.at - length, this.at);
  }

  /** A length, which must not be an encoding. */
  length(): number {
    const value = this.lengthOrEncoding();
    if (!this.short && this.encoding >= 0) throw this.damage('a length is missing');
    return value;
  }

  /** A length of up to 64 bits, in `wideHigh` and `wideLow`. */
  wideLength(): void {
    if (this.short || !this.has(1)) return;
    if (this.buffer[this.at] === format.LENGTH_64_BITS) {
      if (!this.has(9)) return;
      this.wideHigh = bigEndian32(this.buffer, this.at + 1);
      this.wideLow = bigEndian32(this.buffer, this.at + 5);
      this.at += 9;
      return;
    }
    const value = this.length();
    this.wideHigh = 0;
    this.wideLow = value;
  }

  private lengthOrEncoding(): number {
    this.encoding = -1;
    const first = this.byte();
    if (this.short) return 0;
    switch (first >>> 6) {
      case format.LENGTH_6_BITS:
        return first & 63;
      case format.LENGTH_14_BITS:
        return ((first & 63) << 8) | this.byte();
      case format.LENGTH_ENCODED:
        this.encoding = first & 63;
        return 0;
      default: {
        if (first !== format.LENGTH_32_BITS && first !== format.LENGTH_64_BITS) {
          throw this.damage(`a length starts with the unknown byte ${first}`);
        }
        const sizeBytes = first === format.LENGTH_32_BITS ? 4 : 8;
        if (!this.has(sizeBytes)) return 0;
        let value = 0;
        for (let i = 0; i < sizeBytes; i++) value = value * 256 + this.buffer[this.at + i]!;
        this.at += sizeBytes;
        if (!Number.isSafeInteger(value)) throw this.damage('a length is out of range');
        return value;
      }
    }
  }

  /** A module's id is a 64-bit length whose bits are its name; it may exceed what `length` accepts. */
  moduleId(): string {
    if (this.short || !this.has(1)) return '';
    if (this.buffer[this.at] !== format.LENGTH_64_BITS) {
      this.length();
      return '(unknown)';
    }
    if (!this.has(9)) return '';
    const at = this.at + 1;
    this.at += 9;
    return format.moduleName(bigEndian32(this.buffer, at), bigEndian32(this.buffer, at + 4));
  }

  string(into: Slice): void {
    if (this.short) return;
    const length = this.lengthOrEncoding();
    if (this.short) return;
    switch (this.encoding) {
      case -1:
        if (length > MAX_STRING_BYTES)
          throw this.damage(`a string of ${length} bytes is longer than ${MAX_STRING_BYTES}`);
        if (!this.has(length)) return;
        into.bytes = this.buffer;
        into.from = this.at;
        into.to = this.at + length;
        this.at += length;
        return;
      case format.ENCODED_INT8: {
        const value = (this.byte() << 24) >> 24;
        if (!this.short) digits(into, value);
        return;
      }
      case format.ENCODED_INT16: {
        if (!this.has(2)) return;
        const value = ((this.buffer[this.at]! | (this.buffer[this.at + 1]! << 8)) << 16) >> 16;
        this.at += 2;
        digits(into, value);
        return;
      }
      case format.ENCODED_INT32: {
        const value = this.int32();
        if (!this.short) digits(into, value);
        return;
      }
      case format.ENCODED_LZF:
        return this.compressed(into);
      default:
        throw this.damage(`a string has the unknown encoding ${this.encoding}`);
    }
  }

  private compressed(into: Slice): void {
    const compressedBytes = this.length();
    const plainBytes = this.length();
    if (this.short) return;
    if (plainBytes > MAX_STRING_BYTES)
      throw this.damage(`a string of ${plainBytes} bytes is longer than ${MAX_STRING_BYTES}`);
    if (compressedBytes > plainBytes || plainBytes > compressedBytes * LZF_MAX_RATIO) {
      throw this.damage(`a compressed string claims to grow from ${compressedBytes} to ${plainBytes} bytes`);
    }
    if (!this.has(compressedBytes)) return;
    if (into.scratch.length < plainBytes || into.scratch.length > Math.max(KEPT_SCRATCH_BYTES, plainBytes)) {
      into.scratch = new Uint8Array(Math.max(plainBytes, INTEGER_TEXT_BYTES));
    }
    const written = lzfDecompress(this.buffer, this.at, this.at + compressedBytes, into.scratch, plainBytes);
    if (written !== plainBytes) throw this.damage('a compressed string is damaged');
    this.at += compressedBytes;
    into.bytes = into.scratch;
    into.from = 0;
    into.to = plainBytes;
  }

  damage(problem: string): Damage {
    return new Damage(`${this.source}: byte ${this.base + this.at}: ${problem}; ${this.advice()}`);
  }

  unreadable(what: string): Damage {
    return new Damage(
      `${this.source}: byte ${this.base + this.at}: holds ${what}, which this release cannot hold: ` +
        `remove it at the source and save again`,
    );
  }

  advice(): string {
    return 'it is damaged: restore it from a backup or a replica, or move it away to start empty';
  }
}

function digits(into: Slice, value: number): void {
  const decimal = String(value);
  for (let i = 0; i < decimal.length; i++) into.scratch[i] = decimal.charCodeAt(i);
  into.bytes = into.scratch;
  into.from = 0;
  into.to = decimal.length;
}

/** A decimal number as C's strtod reads it; NaN when it is none. */
export function parseDouble(bytes: Uint8Array, from: number, to: number): number {
  let decimal = '';
  for (let i = from; i < to; i++) decimal += String.fromCharCode(bytes[i]!);
  if (decimal === 'inf') return Infinity;
  if (decimal === '-inf') return -Infinity;
  return decimal === '' ? Number.NaN : Number(decimal);
}

export function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

function bigEndian32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
