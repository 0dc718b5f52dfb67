/**
 * Which of the 16384 hash slots a key belongs to. Hot file: no allocation.
 * Source: the cluster specification: CRC16 (XMODEM) of the key, or of what stands between its first `{` and the next `}`
 * when that is not empty, modulo 16384.
 */
export const SLOT_COUNT = 16384;

const crc16Table: Uint16Array = crc16TableOf(0x1021); // constant

function crc16TableOf(polynomial: number): Uint16Array {
  const table = new Uint16Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ polynomial : crc << 1;
    table[byte] = crc & 0xffff;
  }
  return table;
}

function crc16(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0;
  for (let i = start; i < end; i++) crc = ((crc << 8) & 0xffff) ^ crc16Table[(crc >> 8) ^ bytes[i]!]!;
  return crc;
}

export function slotOf(bytes: Uint8Array, start: number, end: number): number {
  for (let open = start; open < end; open++) {
    if (bytes[open] !== 123) continue;
    for (let close = open + 1; close < end; close++) {
      if (bytes[close] !== 125) continue;
      if (close === open + 1) break;
      return crc16(bytes, open + 1, close) & (SLOT_COUNT - 1);
    }
    break;
  }
  return crc16(bytes, start, end) & (SLOT_COUNT - 1);
}
