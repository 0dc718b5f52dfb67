/**
 * Bytes four at a time, through DataView, which reads unaligned words in one instruction. Hot file: no allocation.
 */

/** Copies source[from, to) to target at `at`; the ranges do not overlap. Returns the position after the copy. */
export function copyWords(source: DataView, from: number, to: number, target: DataView, at: number): number {
  const lastWord = to - 4;
  let i = from;
  for (; i <= lastWord; i += 4) {
    target.setInt32(at, source.getInt32(i, true), true);
    at += 4;
  }
  for (; i < to; i++) target.setUint8(at++, source.getUint8(i));
  return at;
}

/** Whether `length` bytes at `a` in `first` equal those at `b` in `second`. */
export function equalWords(first: DataView, a: number, second: DataView, b: number, length: number): boolean {
  const end = a + length;
  const lastWord = end - 4;
  for (; a <= lastWord; a += 4) {
    if (first.getInt32(a, true) !== second.getInt32(b, true)) return false;
    b += 4;
  }
  for (; a < end; a++) if (first.getUint8(a) !== second.getUint8(b++)) return false;
  return true;
}

/** The view of the bytes asked for last: requests come in one buffer after another, so making one is rare. */
export class ViewCache {
  private bytes: Uint8Array = NO_BYTES;
  private view: DataView = new DataView(NO_BYTES.buffer);

  of(bytes: Uint8Array): DataView {
    if (bytes === this.bytes) return this.view;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return this.view;
  }
}

const NO_BYTES: Uint8Array = new Uint8Array(0);
