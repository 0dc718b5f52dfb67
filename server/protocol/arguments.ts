/**
 * One request's arguments as ranges of a byte buffer: what the parser fills and commands read. Hot file: no allocation per request.
 */
const INITIAL_ARGUMENTS = 64;

export class Arguments {
  bytes: Uint8Array = NO_BYTES;
  starts: Int32Array = new Int32Array(INITIAL_ARGUMENTS);
  ends: Int32Array = new Int32Array(INITIAL_ARGUMENTS);
  count = 0;

  ensure(count: number): void {
    if (count <= this.starts.length) return;
    let size = this.starts.length * 2;
    while (size < count) size *= 2;
    const starts = new Int32Array(size);
    starts.set(this.starts);
    this.starts = starts;
    const ends = new Int32Array(size);
    ends.set(this.ends);
    this.ends = ends;
  }

  /** The arguments from one on as a request of their own, over the same bytes. */
  from(first: number): Arguments {
    const rest = new Arguments();
    rest.ensure(this.count - first);
    rest.bytes = this.bytes;
    rest.count = this.count - first;
    for (let i = 0; i < rest.count; i++) {
      rest.starts[i] = this.starts[first + i]!;
      rest.ends[i] = this.ends[first + i]!;
    }
    return rest;
  }

  /** A copy that outlives the buffer: queued in MULTI, kept by a blocked client. */
  copy(): Arguments {
    const copy = new Arguments();
    copy.ensure(this.count);
    let size = 0;
    for (let i = 0; i < this.count; i++) size += this.ends[i]! - this.starts[i]!;
    const bytes = new Uint8Array(size);
    let at = 0;
    for (let i = 0; i < this.count; i++) {
      const from = this.starts[i]!;
      const to = this.ends[i]!;
      bytes.set(this.bytes.subarray(from, to), at);
      copy.starts[i] = at;
      at += to - from;
      copy.ends[i] = at;
    }
    copy.bytes = bytes;
    copy.count = this.count;
    return copy;
  }

  /** Arguments made of texts and byte strings, for commands that the node gives itself or writes to the log. */
  static of(...parts: readonly (string | Uint8Array | number)[]): Arguments {
    const encoded = parts.map((part) => (part instanceof Uint8Array ? part : new TextEncoder().encode(String(part))));
    const made = new Arguments();
    made.ensure(encoded.length);
    made.bytes = new Uint8Array(encoded.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const [index, part] of encoded.entries()) {
      made.bytes.set(part, at);
      made.starts[index] = at;
      at += part.length;
      made.ends[index] = at;
    }
    made.count = encoded.length;
    return made;
  }
}

const NO_BYTES: Uint8Array = new Uint8Array(0); // constant
