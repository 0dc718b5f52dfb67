/**
 * Cuts the snapshot out of a primary's bytes: `$<length>\r\n` and so many bytes, or `$EOF:<40>\r\n`, bytes, and the same
 * forty again. In the second form the last forty bytes are held back until they are known not to be the mark.
 */

const MARK_BYTES = 40;
/** Longest first line: `$EOF:`, the mark, and a line end. */
const MAX_LINE_BYTES = 64;

export interface TransferSink {
  snapshotBytes(bytes: Uint8Array, from: number, to: number): void;
}

export class SnapshotTransfer {
  done = false;
  /** Not empty: these bytes are no snapshot. */
  failure = '';
  received = 0;
  private line = '';
  private inLine = true;
  private remaining = -1;
  private mark: Uint8Array | null = null;
  private readonly held: Uint8Array = new Uint8Array(2 * MARK_BYTES);
  private heldLength = 0;

  /** Takes bytes[from, to); returns how many belonged to the transfer: what follows is the stream. */
  push(bytes: Uint8Array, from: number, to: number, sink: TransferSink): number {
    let at = from;
    while (at < to && this.inLine && this.failure === '') at = this.pushLine(bytes, at, to);
    if (this.inLine || this.failure !== '' || at === to) return at - from;
    return this.mark === null
      ? at - from + this.pushCounted(bytes, at, to, sink)
      : at - from + this.pushMarked(bytes, at, to, sink);
  }

  private pushLine(bytes: Uint8Array, from: number, to: number): number {
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!;
      if (byte !== 10) {
        if (byte !== 13) this.line += String.fromCharCode(byte);
        if (this.line.length > MAX_LINE_BYTES)
          this.failure = `expected the length of a snapshot, got ${JSON.stringify(this.line)}`;
        continue;
      }
      // An empty line is the primary's sign of life while it prepares.
      if (this.line !== '') this.readLine();
      return at + 1;
    }
    return to;
  }

  private readLine(): void {
    this.inLine = false;
    if (/^\$EOF:[\x21-\x7e]{40}$/.test(this.line)) {
      this.mark = Uint8Array.from(this.line.slice(5), (character) => character.charCodeAt(0));
    } else if (/^\$\d{1,15}$/.test(this.line)) {
      this.remaining = Number(this.line.slice(1));
      this.done = this.remaining === 0;
    } else {
      this.failure = `expected the length of a snapshot, got ${JSON.stringify(this.line)}`;
    }
  }

  private pushCounted(bytes: Uint8Array, from: number, to: number, sink: TransferSink): number {
    const part = Math.min(to - from, this.remaining);
    sink.snapshotBytes(bytes, from, from + part);
    this.received += part;
    this.remaining -= part;
    this.done = this.remaining === 0;
    return part;
  }

  private pushMarked(bytes: Uint8Array, from: number, to: number, sink: TransferSink): number {
    const end = this.endOfMark(bytes, from, to);
    const stop = end < 0 ? to : end;
    // All but the last forty bytes seen so far are the snapshot's for certain.
    const total = this.heldLength + (stop - from);
    const release = Math.max(0, total - MARK_BYTES);
    const fromHeld = Math.min(release, this.heldLength);
    if (fromHeld > 0) {
      sink.snapshotBytes(this.held, 0, fromHeld);
      this.held.copyWithin(0, fromHeld, this.heldLength);
      this.heldLength -= fromHeld;
    }
    const direct = release - fromHeld;
    if (direct > 0) sink.snapshotBytes(bytes, from, from + direct);
    for (let i = from + direct; i < stop; i++) this.held[this.heldLength++] = bytes[i]!;
    this.received += release;
    if (end >= 0) this.done = true;
    return stop - from;
  }

  /** Where the mark ends in these bytes (it may have begun in the held ones), or -1. */
  private endOfMark(bytes: Uint8Array, from: number, to: number): number {
    const mark = this.mark!;
    const { held, heldLength } = this;
    const last = mark[MARK_BYTES - 1]!;
    const first = from + Math.max(0, MARK_BYTES - heldLength) - 1;
    for (let at = Math.max(from, first); at < to; at++) {
      if (bytes[at] !== last) continue;
      let i = 0;
      while (i < MARK_BYTES) {
        const place = at - i;
        const byte = place >= from ? bytes[place]! : held[heldLength - (from - place)]!;
        if (byte !== mark[MARK_BYTES - 1 - i]) break;
        i++;
      }
      if (i === MARK_BYTES) return at + 1;
    }
    return -1;
  }
}
