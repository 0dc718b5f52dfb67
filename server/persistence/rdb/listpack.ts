/**
 * Walks a listpack, Valkey's packed sequence of strings and integers, as RDB files embed it.
 *
 * Layout: [total bytes: u32 LE][count: u16 LE, 65535 unknown] entries [0xff].
 * An entry is an encoding byte, its data, and its own length once more (for walking backwards), which we skip.
 * Reads only; every length is checked against the range, so a damaged listpack ends in `damaged`, never outside of it.
 */

const HEADER_BYTES = 6;
const END = 0xff;
const UNKNOWN_COUNT = 65535;
/** Room for the decimal digits of a 64-bit integer with its sign. */
const INTEGER_TEXT_BYTES = 24;

export class ListpackCursor {
  /** The current entry: an integer's decimal digits lie in a scratch area, valid until the entry after the next. */
  bytes: Uint8Array = new Uint8Array(0);
  from = 0;
  to = 0;
  damaged = false;
  /** Entries that the header promises; -1 when it does not say. */
  count = 0;

  private pack: Uint8Array = new Uint8Array(0);
  private at = 0;
  private end = 0;
  private seen = 0;
  private readonly scratch: Uint8Array = new Uint8Array(2 * INTEGER_TEXT_BYTES);
  private scratchFrom = 0;

  /** The listpack is bytes[from, to). */
  open(bytes: Uint8Array, from: number, to: number): void {
    this.pack = bytes;
    this.at = from + HEADER_BYTES;
    this.end = to - 1;
    this.seen = 0;
    this.damaged = false;
    const sizeBytes = to - from;
    if (sizeBytes < HEADER_BYTES + 1 || u32(bytes, from) !== sizeBytes || bytes[to - 1] !== END) {
      this.damaged = true;
      return;
    }
    const count = bytes[from + 4]! | (bytes[from + 5]! << 8);
    this.count = count === UNKNOWN_COUNT ? -1 : count;
  }

  /** Moves to the next entry. False at the end, or when `damaged`. */
  next(): boolean {
    const { pack, at, end } = this;
    if (this.damaged) return false;
    if (at >= end) {
      this.damaged = at > end || (this.count >= 0 && this.seen !== this.count);
      return false;
    }
    this.seen++;
    const control = pack[at]!;
    let sizeBytes: number;
    if (control < 0x80) {
      sizeBytes = 1;
      this.integer(control);
    } else if (control < 0xc0) {
      sizeBytes = this.text(1, control & 0x3f);
    } else if (control < 0xe0) {
      sizeBytes = 2;
      if (this.fits(2)) this.integer(((((control & 0x1f) << 8) | pack[at + 1]!) << 19) >> 19);
    } else if (control < 0xf0) {
      sizeBytes = 2;
      if (this.fits(2)) sizeBytes = this.text(2, ((control & 0x0f) << 8) | pack[at + 1]!);
    } else if (control === 0xf0) {
      sizeBytes = 5;
      if (this.fits(5)) sizeBytes = this.text(5, u32(pack, at + 1));
    } else if (control === 0xf1) {
      sizeBytes = 3;
      if (this.fits(3)) this.integer(((pack[at + 1]! | (pack[at + 2]! << 8)) << 16) >> 16);
    } else if (control === 0xf2) {
      sizeBytes = 4;
      if (this.fits(4)) this.integer(((pack[at + 1]! | (pack[at + 2]! << 8) | (pack[at + 3]! << 16)) << 8) >> 8);
    } else if (control === 0xf3) {
      sizeBytes = 5;
      if (this.fits(5)) this.integer(u32(pack, at + 1) | 0);
    } else if (control === 0xf4) {
      sizeBytes = 9;
      if (this.fits(9)) this.integer64(u32(pack, at + 1), u32(pack, at + 5) | 0);
    } else {
      this.damaged = true;
      return false;
    }
    this.at = at + sizeBytes + backLengthBytes(sizeBytes);
    if (this.at > end) this.damaged = true;
    return !this.damaged;
  }

  private fits(sizeBytes: number): boolean {
    if (this.at + sizeBytes <= this.end) return true;
    this.damaged = true;
    return false;
  }

  private text(headBytes: number, length: number): number {
    if (!this.fits(headBytes + length)) return headBytes;
    this.bytes = this.pack;
    this.from = this.at + headBytes;
    this.to = this.from + length;
    return headBytes + length;
  }

  private integer(value: number): void {
    this.digits(String(value));
  }

  private integer64(low: number, high: number): void {
    this.digits(((BigInt(high) << 32n) | BigInt(low)).toString());
  }

  private digits(text: string): void {
    // Two areas in turn: a pair (field and value, member and score) may be two integers.
    const from = this.scratchFrom;
    this.scratchFrom = INTEGER_TEXT_BYTES - from;
    for (let i = 0; i < text.length; i++) this.scratch[from + i] = text.charCodeAt(i);
    this.bytes = this.scratch;
    this.from = from;
    this.to = from + text.length;
  }
}

/** Bytes that repeat an entry's length behind it, seven bits a byte. The bounds are Valkey's, off by one as they are. */
function backLengthBytes(sizeBytes: number): number {
  if (sizeBytes < 128) return 1;
  if (sizeBytes < 16383) return 2;
  if (sizeBytes < 2097151) return 3;
  if (sizeBytes < 268435455) return 4;
  return 5;
}

function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}
