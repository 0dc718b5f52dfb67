/**
 * How long the calls of one command took: counters by power of two, each in four parts. Hot file: `add` allocates nothing.
 * A power of two is one of 1024 ns, as in Valkey's LATENCY HISTOGRAM; 512 bytes a histogram; an error of at most an eighth.
 */
const PARTS = 4;
const POWERS = 32;
const MICROS_PER_UNIT = 1.024;

export class LatencyHistogram {
  private readonly counts: Uint32Array = new Uint32Array(POWERS * PARTS);
  calls = 0;

  add(micros: number): void {
    const units = (micros / MICROS_PER_UNIT) | 0;
    const power = 32 - Math.clz32(units);
    const part = power < 3 ? 0 : (units >>> (power - 3)) & (PARTS - 1);
    this.counts[power * PARTS + part]!++;
    this.calls++;
  }

  /** Pairs of an upper bound in microseconds and the calls up to it, for every power at which the sum grew. */
  distribution(): readonly (readonly [boundMicros: number, calls: number])[] {
    const pairs: [number, number][] = [];
    let sum = 0;
    for (let power = 0; power < POWERS; power++) {
      let calls = 0;
      for (let part = 0; part < PARTS; part++) calls += this.counts[power * PARTS + part]!;
      if (calls === 0) continue;
      sum += calls;
      pairs.push([Math.floor(2 ** power * MICROS_PER_UNIT), sum]);
    }
    return pairs;
  }

  /** The time in microseconds that so many percent of the calls did not exceed; 0 without calls. */
  percentile(percent: number): number {
    const wanted = Math.ceil((percent / 100) * this.calls);
    let sum = 0;
    for (let at = 0; at < this.counts.length; at++) {
      sum += this.counts[at]!;
      if (sum >= wanted && sum > 0) return upperBound(at);
    }
    return 0;
  }
}

/** The end of a counter's range, in microseconds. */
function upperBound(at: number): number {
  const power = Math.floor(at / PARTS);
  if (power < 3) return 2 ** power * MICROS_PER_UNIT;
  return (2 ** (power - 1) + (2 ** (power - 1) / PARTS) * ((at % PARTS) + 1)) * MICROS_PER_UNIT;
}
