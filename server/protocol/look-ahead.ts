/**
 * Looks ahead in a buffer of pipelined requests for the keys they name, so that the database can bring what they need into the
 * processor's cache together. Hot file: no allocation; it only reads, and where it is unsure it stops.
 *
 * Argument 1 is taken for a key: true of nearly every command that has one, and harmless where it is not.
 */

/** Keys looked at together: enough to overlap the waits for memory, few enough to stay in the cache until used. */
export const LOOK_AHEAD_KEYS = 16;
/** Requests with more arguments are left to themselves. */
const MAX_ARGUMENTS = 64;

export class LookAhead {
  readonly starts: Int32Array = new Int32Array(LOOK_AHEAD_KEYS);
  readonly ends: Int32Array = new Int32Array(LOOK_AHEAD_KEYS);
  count = 0;
  private length = 0;

  /** Fills `starts`, `ends` and `count` from the whole requests in bytes[from, end); returns the position after the last of them. */
  scan(bytes: Uint8Array, from: number, end: number): number {
    this.count = 0;
    let at = from;
    let count = 0;
    while (count < LOOK_AHEAD_KEYS) {
      let position = this.number(bytes, at, end, 42);
      if (position < 0) break;
      const parts = this.length;
      if (parts === 0 || parts > MAX_ARGUMENTS) break;
      for (let part = 0; part < parts; part++) {
        position = this.number(bytes, position, end, 36);
        if (position < 0) break;
        const next = position + this.length + 2;
        if (next > end) {
          position = -1;
          break;
        }
        if (part === 1) {
          this.starts[count] = position;
          this.ends[count] = next - 2;
        }
        position = next;
      }
      if (position < 0) break;
      at = position;
      if (parts > 1) count++;
    }
    this.count = count;
    return at;
  }

  /** `type`, digits, CR, LF: sets `length` and returns the position after them; -1 for anything else. */
  private number(bytes: Uint8Array, at: number, end: number, type: number): number {
    if (at + 3 >= end || bytes[at] !== type) return -1;
    let value = bytes[at + 1]! - 48;
    if (value < 0 || value > 9) return -1;
    for (at += 2; at < end; at++) {
      const digit = bytes[at]! - 48;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
      if (value > 0xffffff) return -1;
    }
    this.length = value;
    return at + 1 < end && bytes[at] === 13 ? at + 2 : -1;
  }
}
