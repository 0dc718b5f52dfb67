/**
 * Access frequencies for the LFU policies: the 24 access bits of an entry as [minutes: u16][counter: u8]. The counter grows by the
 * logarithm of the accesses and falls with time. Hot file while such a policy is set: no allocation per access.
 * Source: Valkey 9.1 evict.c, object.c lfu functions.
 */

/** New keys do not begin at 0, so that they have a time to be used in. */
const INITIAL_COUNTER = 5;
const MAX_COUNTER = 255;

export class Frequencies {
  /** lfu-log-factor: how many accesses a step of the counter takes. */
  logFactor = 10;
  /** lfu-decay-time: minutes after which the counter falls by one; 0 for never. */
  decayMinutes = 1;
  private minutes = 0;
  private readonly random: () => number;

  /** @param random gives integers in [0, 2^32). */
  constructor(random: () => number) {
    this.random = random;
  }

  setNow(nowSeconds: number): void {
    this.minutes = Math.floor(nowSeconds / 60) & 0xffff;
  }

  /** Access bits of a new key. */
  get initial(): number {
    return (this.minutes << 8) | INITIAL_COUNTER;
  }

  /** Access bits after one more access. */
  touched(access: number): number {
    let counter = this.counterOf(access);
    if (counter < MAX_COUNTER) {
      const steps = Math.max(0, counter - INITIAL_COUNTER);
      if (this.random() / 2 ** 32 < 1 / (steps * this.logFactor + 1)) counter++;
    }
    return (this.minutes << 8) | counter;
  }

  /** The counter as it is now: fallen by the time since the last access. */
  counterOf(access: number): number {
    const counter = access & 0xff;
    if (this.decayMinutes === 0) return counter;
    const elapsed = (this.minutes - (access >>> 8)) & 0xffff;
    return Math.max(0, counter - Math.floor(elapsed / this.decayMinutes));
  }
}
