/**
 * CRC-64 as RDB files carry it: Jones' polynomial 0xad93d23594c935a9, reflected, initial value 0, no final inversion.
 * The CRC of "123456789" is 0xe9c6d914c4b8d9ca. Eight bytes a step from eight tables of 256 entries.
 * Hot file: 64 bits are two int32 halves, since a BigInt would allocate for every byte.
 */

const REFLECTED_POLYNOMIAL_LOW = 0xac4bc9b5 | 0;
const REFLECTED_POLYNOMIAL_HIGH = 0x95ac9329 | 0;

/** Entry 256 * k + b: what byte b contributes when k more bytes follow it in the same step. */
const TABLE_LOW: Int32Array = new Int32Array(8 * 256);
const TABLE_HIGH: Int32Array = new Int32Array(8 * 256);
fillTables(TABLE_LOW, TABLE_HIGH);

export class Crc64 {
  low = 0;
  high = 0;

  reset(): void {
    this.low = 0;
    this.high = 0;
  }

  update(bytes: Uint8Array, from: number, to: number): void {
    let low = this.low;
    let high = this.high;
    let at = from;
    for (const lastStep = to - 8; at <= lastStep; at += 8) {
      const a = low ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
      const b = high ^ (bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24));
      const i0 = 1792 + (a & 255);
      const i1 = 1536 + ((a >>> 8) & 255);
      const i2 = 1280 + ((a >>> 16) & 255);
      const i3 = 1024 + (a >>> 24);
      const i4 = 768 + (b & 255);
      const i5 = 512 + ((b >>> 8) & 255);
      const i6 = 256 + ((b >>> 16) & 255);
      const i7 = b >>> 24;
      low =
        TABLE_LOW[i0]! ^
        TABLE_LOW[i1]! ^
        TABLE_LOW[i2]! ^
        TABLE_LOW[i3]! ^
        TABLE_LOW[i4]! ^
        TABLE_LOW[i5]! ^
        TABLE_LOW[i6]! ^
        TABLE_LOW[i7]!;
      high =
        TABLE_HIGH[i0]! ^
        TABLE_HIGH[i1]! ^
        TABLE_HIGH[i2]! ^
        TABLE_HIGH[i3]! ^
        TABLE_HIGH[i4]! ^
        TABLE_HIGH[i5]! ^
        TABLE_HIGH[i6]! ^
        TABLE_HIGH[i7]!;
    }
    for (; at < to; at++) {
      const index = (low ^ bytes[at]!) & 255;
      low = ((low >>> 8) | (high << 24)) ^ TABLE_LOW[index]!;
      high = (high >>> 8) ^ TABLE_HIGH[index]!;
    }
    this.low = low;
    this.high = high;
  }

  /** Sixteen hexadecimal digits, for messages and tests. */
  hex(): string {
    return hex32(this.high) + hex32(this.low);
  }
}

function hex32(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}

function fillTables(tableLow: Int32Array, tableHigh: Int32Array): void {
  for (let byte = 0; byte < 256; byte++) {
    let low = byte;
    let high = 0;
    for (let bit = 0; bit < 8; bit++) {
      const carry = low & 1;
      low = (low >>> 1) | (high << 31);
      high >>>= 1;
      if (carry === 1) {
        low ^= REFLECTED_POLYNOMIAL_LOW;
        high ^= REFLECTED_POLYNOMIAL_HIGH;
      }
    }
    tableLow[byte] = low;
    tableHigh[byte] = high;
  }
  for (let index = 256; index < 8 * 256; index++) {
    const low = tableLow[index - 256]!;
    const high = tableHigh[index - 256]!;
    tableLow[index] = ((low >>> 8) | (high << 24)) ^ tableLow[low & 255]!;
    tableHigh[index] = (high >>> 8) ^ tableHigh[low & 255]!;
  }
}
