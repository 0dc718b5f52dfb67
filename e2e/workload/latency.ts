/**
 * Latencies in bounded memory: counts in buckets whose bounds grow by 2%, from 1 µs to about 18 minutes.
 * A percentile is the upper bound of its bucket, so at most 2% too high and never too low.
 */

const GROWTH = 1.02;
const BUCKETS = 1_050;
const LOG_GROWTH = Math.log(GROWTH);

export class Latencies {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;
  #maxMs = 0;

  add(latencyMs: number): void {
    const us = Math.max(1, latencyMs * 1000);
    const bucket = Math.min(BUCKETS - 1, Math.ceil(Math.log(us) / LOG_GROWTH));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total++;
    if (latencyMs > this.#maxMs) this.#maxMs = latencyMs;
  }

  get count(): number {
    return this.#total;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  /** The latency that `fraction` of the writes did not exceed, or 0 when there were none. */
  percentileMs(fraction: number): number {
    const rank = Math.ceil(this.#total * fraction);
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] ?? 0;
      if (seen >= rank && seen > 0) return Math.min(this.#maxMs, GROWTH ** bucket / 1000);
    }
    return 0;
  }
}
