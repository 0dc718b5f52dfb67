/**
 * A score inside a packed sorted set: as few bytes as say it exactly. Hot file: no allocation per call.
 *
 * The length says the form: 0 bytes are 0; 1, 2, 3, 4 and 6 a little-endian integer; 5 and 7 `[decimals: u8][integer: 4 or 6 bytes]`,
 * the integer divided by ten so many times; 8 a double. So a whole score costs no more than in Valkey's listpack, which packs
 * integers of these widths and everything else as text. Like that text, it does not keep the sign of -0.
 */
/** The longest form: a double. */
const PACKED_SCORE_BYTES = 8;

const INT48_LIMIT = 2 ** 47;
const INT32_LIMIT = 2 ** 31;
/** Decimals up to here are tried before a double is written. */
const POWERS_OF_TEN: readonly number[] = [1, 10, 100, 1000, 1e4];

/** Reads and writes scores; an instance has a scratch that each call overwrites. */
export class PackedScore {
  /** What `write` wrote, from 0 on. */
  readonly bytes: Uint8Array;
  private readonly double = new Float64Array(1);

  constructor() {
    this.bytes = new Uint8Array(this.double.buffer);
  }

  /** Writes a score into `bytes`; returns how many bytes it takes. */
  write(score: number): number {
    const { bytes } = this;
    if (score === 0) return 0;
    if (score === Math.floor(score) && score >= -INT48_LIMIT && score < INT48_LIMIT) {
      const length = integerBytes(score);
      writeInteger(score, bytes, 0, length);
      return length;
    }
    for (let decimals = 1; decimals < POWERS_OF_TEN.length; decimals++) {
      const scaled = Math.round(score * POWERS_OF_TEN[decimals]!);
      if (!(scaled >= -INT48_LIMIT && scaled < INT48_LIMIT)) break;
      if (scaled / POWERS_OF_TEN[decimals]! !== score) continue;
      const length = scaled >= -INT32_LIMIT && scaled < INT32_LIMIT ? 4 : 6;
      bytes[0] = decimals;
      writeInteger(scaled, bytes, 1, length);
      return length + 1;
    }
    this.double[0] = score;
    return PACKED_SCORE_BYTES;
  }

  /** The score in bytes[from, to). */
  read(bytes: Uint8Array, from: number, to: number): number {
    const length = to - from;
    switch (length) {
      case 0:
        return 0;
      case 1:
        return (bytes[from]! << 24) >> 24;
      case 2:
        return ((bytes[from]! | (bytes[from + 1]! << 8)) << 16) >> 16;
      case 3:
        return ((bytes[from]! | (bytes[from + 1]! << 8) | (bytes[from + 2]! << 16)) << 8) >> 8;
      case 4:
      case 6:
        return readInteger(bytes, from, length);
      case 5:
      case 7:
        return readInteger(bytes, from + 1, length - 1) / POWERS_OF_TEN[bytes[from]!]!;
      default:
        for (let i = 0; i < PACKED_SCORE_BYTES; i++) this.bytes[i] = bytes[from + i]!;
        return this.double[0]!;
    }
  }
}

function integerBytes(value: number): number {
  if (value >= -0x80 && value < 0x80) return 1;
  if (value >= -0x8000 && value < 0x8000) return 2;
  if (value >= -0x800000 && value < 0x800000) return 3;
  return value >= -INT32_LIMIT && value < INT32_LIMIT ? 4 : 6;
}

function writeInteger(value: number, into: Uint8Array, at: number, length: number): void {
  const low = value | 0;
  for (let i = 0; i < length && i < 4; i++) into[at + i] = low >> (i << 3);
  if (length <= 4) return;
  const high = Math.floor(value / 2 ** 32);
  into[at + 4] = high;
  into[at + 5] = high >> 8;
}

/** Of 4 or 6 bytes. */
function readInteger(bytes: Uint8Array, at: number, length: number): number {
  const low = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  if (length === 4) return low;
  const high = ((bytes[at + 4]! | (bytes[at + 5]! << 8)) << 16) >> 16;
  return high * 2 ** 32 + (low >>> 0);
}
