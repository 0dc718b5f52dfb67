/**
 * The world of a simulation: one clock, one source of chance, one queue of what will happen.
 * Everything that happens, happens in the order of its time and then of its scheduling, so a seed replays a run exactly.
 */

/** A small generator with a seed (mulberry32). */
export class SeededRandom {
  private seed: number;

  constructor(seed: number) {
    this.seed = seed | 0;
  }

  uint32(): number {
    this.seed = (this.seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.seed ^ (this.seed >>> 15), 1 | this.seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** From `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + (this.uint32() % (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.uint32() < probability * 2 ** 32;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.uint32() % items.length]!;
  }
}

interface Happening {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class World {
  readonly random: SeededRandom;
  /** Unix milliseconds. */
  nowMs: number;
  /** Called after everything that happened: invariants. */
  afterEach: () => void = () => {};
  private order = 0;
  /** A heap by time and order. */
  private readonly queue: Happening[] = [];

  constructor(seed: number, startMs = 1_700_000_000_000) {
    this.random = new SeededRandom(seed);
    this.nowMs = startMs;
  }

  after(delayMs: number, run: () => void): void {
    const { queue } = this;
    queue.push({ atMs: this.nowMs + Math.max(0, delayMs), order: this.order++, run });
    for (let at = queue.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!isBefore(queue[at]!, queue[parent]!)) return;
      [queue[at], queue[parent]] = [queue[parent]!, queue[at]!];
      at = parent;
    }
  }

  /** Lets this much time pass. */
  run(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    while (this.queue.length > 0 && this.queue[0]!.atMs <= endMs) this.step();
    this.nowMs = endMs;
  }

  /** Until the condition holds; returns how long it took. Throws when it does not within the limit. */
  runUntil(what: string, limitMs: number, condition: () => boolean): number {
    const startMs = this.nowMs;
    while (!condition()) {
      if (this.queue.length === 0 || this.queue[0]!.atMs > startMs + limitMs)
        throw new Error(`not within ${limitMs} ms of virtual time: ${what}`);
      this.step();
    }
    return this.nowMs - startMs;
  }

  private step(): void {
    const next = this.pop();
    this.nowMs = Math.max(this.nowMs, next.atMs);
    next.run();
    this.afterEach();
  }

  private pop(): Happening {
    const { queue } = this;
    const first = queue[0]!;
    const last = queue.pop()!;
    if (queue.length === 0) return first;
    queue[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      if (left >= queue.length) return first;
      const right = left + 1;
      const child = right < queue.length && isBefore(queue[right]!, queue[left]!) ? right : left;
      if (!isBefore(queue[child]!, queue[at]!)) return first;
      [queue[at], queue[child]] = [queue[child]!, queue[at]!];
      at = child;
    }
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
