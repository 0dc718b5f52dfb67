/**
 * SHA-1, as DEBUG DIGEST needs it: not for secrets. Plain and allocation-free; about 1 µs for a short input.
 * Source: FIPS 180-4.
 */

export const SHA1_BYTES = 20;
const BLOCK_BYTES = 64;

export class Sha1 {
  private readonly block: Uint8Array = new Uint8Array(BLOCK_BYTES);
  private readonly schedule: Int32Array = new Int32Array(80);
  private readonly state: Int32Array = new Int32Array(5);

  /** Writes the digest of bytes[from, to) into output[at, at + 20). Output may be the input. */
  digest(bytes: Uint8Array, from: number, to: number, output: Uint8Array, at: number): void {
    const { block, state } = this;
    state[0] = 0x67452301;
    state[1] = 0xefcdab89 | 0;
    state[2] = 0x98badcfe | 0;
    state[3] = 0x10325476;
    state[4] = 0xc3d2e1f0 | 0;
    const length = to - from;
    let next = from;
    for (; to - next >= BLOCK_BYTES; next += BLOCK_BYTES) this.compress(bytes, next);
    let filled = 0;
    while (next < to) block[filled++] = bytes[next++]!;
    block[filled++] = 0x80;
    if (filled > BLOCK_BYTES - 8) {
      block.fill(0, filled);
      this.compress(block, 0);
      filled = 0;
    }
    block.fill(0, filled);
    bigEndian(block, BLOCK_BYTES - 8, Math.floor(length / 0x2000_0000));
    bigEndian(block, BLOCK_BYTES - 4, (length << 3) | 0);
    this.compress(block, 0);
    for (let i = 0; i < 5; i++) bigEndian(output, at + i * 4, state[i]!);
  }

  private compress(bytes: Uint8Array, from: number): void {
    const { schedule, state } = this;
    for (let i = 0, at = from; i < 16; i++, at += 4) {
      schedule[i] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    }
    for (let i = 16; i < 80; i++) {
      const mixed = schedule[i - 3]! ^ schedule[i - 8]! ^ schedule[i - 14]! ^ schedule[i - 16]!;
      schedule[i] = (mixed << 1) | (mixed >>> 31);
    }
    let a = state[0]!;
    let b = state[1]!;
    let c = state[2]!;
    let d = state[3]!;
    let e = state[4]!;
    for (let i = 0; i < 80; i++) {
      let mixed: number;
      if (i < 20) mixed = ((b & c) | (~b & d)) + 0x5a827999;
      else if (i < 40) mixed = (b ^ c ^ d) + 0x6ed9eba1;
      else if (i < 60) mixed = ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
      else mixed = (b ^ c ^ d) + 0xca62c1d6;
      const next = (((a << 5) | (a >>> 27)) + mixed + e + schedule[i]!) | 0;
      e = d;
      d = c;
      c = (b << 30) | (b >>> 2);
      b = a;
      a = next;
    }
    state[0] = (state[0]! + a) | 0;
    state[1] = (state[1]! + b) | 0;
    state[2] = (state[2]! + c) | 0;
    state[3] = (state[3]! + d) | 0;
    state[4] = (state[4]! + e) | 0;
  }
}

function bigEndian(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24;
  bytes[at + 1] = (word >>> 16) & 255;
  bytes[at + 2] = (word >>> 8) & 255;
  bytes[at + 3] = word & 255;
}
