/**
 * Bytes on their way from a producer that writes in small pieces to a consumer that takes large ones (a file, a socket).
 * Hot file: full chunks queue up and are handed out in order; taken chunks come back by `release` and are used again.
 *
 * Nothing here is bounded by itself: a producer asks `queuedBytes` before each slice and waits while it is too much.
 */

/** One write to a file or a socket: large enough that the call's cost vanishes, small enough for a turn. */
export const CHUNK_BYTES = 64 * 1024;
/** Chunks kept for reuse. */
const POOLED_CHUNKS = 16;
/** Below this a byte loop beats the call into TypedArray.prototype.set with its subarray object. */
const LOOP_COPY_BYTES = 64;

/** For buffers of which there may be many at a time. */
export const SMALL_CHUNK_BYTES = 4 * 1024;

export class Chunk {
  readonly bytes: Uint8Array;
  length = 0;

  constructor(sizeBytes: number) {
    this.bytes = new Uint8Array(sizeBytes);
  }
}

/** Told of every chunk when it is full, before anybody can take it: a checksum. */
export interface ChunkObserver {
  update(bytes: Uint8Array, from: number, to: number): void;
}

export class ChunkWriter {
  /** Bytes written since the start. */
  written = 0;
  private chunk: Chunk;
  private readonly chunkBytes: number;
  /** Bytes of the open chunk that the observer has seen. */
  private observed = 0;
  private readonly queue: Chunk[] = [];
  private queueHead = 0;
  private readonly pool: Chunk[] = [];
  private readonly observer: ChunkObserver | null;

  constructor(observer: ChunkObserver | null = null, chunkBytes = CHUNK_BYTES) {
    this.observer = observer;
    this.chunkBytes = chunkBytes;
    this.chunk = new Chunk(chunkBytes);
  }

  /** Bytes written and not yet taken. */
  get queuedBytes(): number {
    return (this.queue.length - this.queueHead) * this.chunkBytes + this.chunk.length;
  }

  byte(value: number): void {
    if (this.chunk.length === this.chunkBytes) this.seal();
    const { chunk } = this;
    chunk.bytes[chunk.length++] = value;
    this.written++;
  }

  bytes(source: Uint8Array, from: number, to: number): void {
    this.written += to - from;
    while (from < to) {
      if (this.chunk.length === this.chunkBytes) this.seal();
      const { chunk } = this;
      const part = Math.min(to - from, this.chunkBytes - chunk.length);
      if (part <= LOOP_COPY_BYTES) {
        const { bytes } = chunk;
        let { length } = chunk;
        for (let i = from; i < from + part; i++) bytes[length++] = source[i]!;
      } else {
        chunk.bytes.set(source.subarray(from, from + part), chunk.length);
      }
      chunk.length += part;
      from += part;
    }
  }

  ascii(text: string): void {
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i));
  }

  /** The observer has seen everything written so far. */
  observe(): void {
    if (this.observer === null) return;
    this.observer.update(this.chunk.bytes, this.observed, this.chunk.length);
    this.observed = this.chunk.length;
  }

  /** The next full chunk, or with `flush` also the open one; null when there is none. */
  take(flush: boolean): Chunk | null {
    if (this.queueHead < this.queue.length) {
      const chunk = this.queue[this.queueHead]!;
      this.queueHead++;
      if (this.queueHead === this.queue.length) {
        this.queue.length = 0;
        this.queueHead = 0;
      }
      return chunk;
    }
    if (!flush || this.chunk.length === 0) return null;
    this.seal();
    return this.take(false);
  }

  /** Gives a taken chunk back once its bytes are no longer needed. */
  release(chunk: Chunk): void {
    chunk.length = 0;
    if (this.pool.length < POOLED_CHUNKS) this.pool.push(chunk);
  }

  private seal(): void {
    this.observe();
    this.observed = 0;
    this.queue.push(this.chunk);
    const spare = this.pool.pop();
    this.chunk = spare === undefined ? new Chunk(this.chunkBytes) : spare;
  }
}
