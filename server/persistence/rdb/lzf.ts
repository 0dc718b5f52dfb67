/**
 * Decompresses LZF, the compression of strings in RDB files. (Writing them uncompressed is valid, and what we do.)
 *
 * A control byte below 32 starts a run of control+1 literal bytes. Otherwise its three high bits are a length
 * (7: one more length byte follows), its five low bits and the next byte a distance back; length+2 bytes repeat from there.
 */

/** Three input bytes give at most 264 output bytes: a claim beyond this ratio is damage, seen before memory is reserved. */
export const LZF_MAX_RATIO = 88;

/** Decompresses input[from, to) into output from 0 on; returns the bytes written, or -1 when the input is damaged or does not fit. */
export function lzfDecompress(input: Uint8Array, from: number, to: number, output: Uint8Array, limit: number): number {
  let at = from;
  let out = 0;
  while (at < to) {
    const control = input[at++]!;
    if (control < 32) {
      const run = control + 1;
      if (at + run > to || out + run > limit) return -1;
      for (let i = 0; i < run; i++) output[out++] = input[at++]!;
      continue;
    }
    let length = control >>> 5;
    if (length === 7) {
      if (at >= to) return -1;
      length += input[at++]!;
    }
    if (at >= to) return -1;
    let source = out - ((control & 31) << 8) - input[at++]! - 1;
    length += 2;
    if (source < 0 || out + length > limit) return -1;
    // Byte by byte: source and destination overlap when a short pattern repeats.
    for (let i = 0; i < length; i++) output[out++] = output[source++]!;
  }
  return out;
}
