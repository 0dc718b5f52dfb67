/**
 * What the checker knows of one key: enough to say of any value read back whether it is right, lost or wrong.
 *
 * A key is overwritten with versions 1, 2, 3 … by one writer, one write at a time. A write ends in one of three ways:
 * acknowledged (the node said OK), refused (the node said it did not do it), or indeterminate (no answer: it may have happened).
 * A value read back is then
 *   right  when it is the last acknowledged version, or one issued after it (all of those are indeterminate or in flight);
 *   lost   when it is older than the last acknowledged version, or absent after one was acknowledged;
 *   wrong  when it is a version that was never sent, or was sent and refused.
 * A loss is against the acknowledged version and, when older than the last confirmed one too, against the confirmed version.
 *
 * Memory: four numbers a key, however long an outage lasts. For that a refused version is given out again
 * (nothing happened under it), so that the indeterminate versions are always the whole range above the last acknowledged.
 */

export type Verdict = 'right' | 'lost' | 'lost-confirmed' | 'wrong';

export class KeyHistory {
  #acknowledged = 0;
  #confirmed = 0;
  #issued = 0;
  #inFlight = 0;

  get lastAcknowledged(): number {
    return this.#acknowledged;
  }

  get lastConfirmed(): number {
    return this.#confirmed;
  }

  get isInFlight(): boolean {
    return this.#inFlight !== 0;
  }

  /** The version of the next write, which is then in flight until it is acknowledged, refused or indeterminate. */
  issue(): number {
    if (this.isInFlight) throw new Error(`version ${this.#inFlight} is still in flight`);
    this.#inFlight = ++this.#issued;
    return this.#inFlight;
  }

  /** The node said OK; `confirmed` when WAIT counted enough replicas on the same connection. */
  acknowledge(confirmed: boolean): void {
    this.#acknowledged = this.#endFlight();
    if (confirmed) this.#confirmed = this.#acknowledged;
  }

  /** The node answered that it did not do it. */
  refuse(): void {
    this.#issued = this.#endFlight() - 1;
  }

  /** No answer came: it may have happened. */
  leaveIndeterminate(): void {
    this.#endFlight();
  }

  /**
   * Judges a value seen at the node: by a read-back, or as the previous value that an overwrite returned (then the
   * overwrite's own version is right too, for a client may have sent it twice). Call it before the write is settled.
   * What was seen is the new base, so that one loss counts once.
   */
  observe(version: number | null): Verdict {
    const seen = version ?? 0;
    if (!(seen <= this.#issued)) return 'wrong'; // NaN, a value of another kind, is wrong too.
    const verdict = seen >= this.#acknowledged ? 'right' : seen >= this.#confirmed ? 'lost' : 'lost-confirmed';
    this.#acknowledged = seen;
    this.#confirmed = Math.min(this.#confirmed, seen);
    return verdict;
  }

  #endFlight(): number {
    const version = this.#inFlight;
    if (version === 0) throw new Error('no write is in flight');
    this.#inFlight = 0;
    return version;
  }
}
