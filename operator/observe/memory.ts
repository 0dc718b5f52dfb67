/**
 * What one look cannot see: since when something holds, where a node id last was, what was tried and how it went.
 * Lost with the program, and nothing depends on it for safety: a successor waits a little longer, and tries again.
 */
import { BACKOFF_FIRST_MS, BACKOFF_MAX_MS, type Setback } from '../model/index.ts';

/** Node ids remembered; beyond, the oldest goes. Far above what one cluster has in its time. */
const MAX_PLACES = 4096;
/** Outcomes of jobs remembered, so that each failed job counts once. */
const MAX_JOBS = 4096;

export class Memory {
  /** Whether a first look is over. Jobs that had ended before it are history. */
  primed = false;
  readonly #since = new Map<string, number>();
  readonly #places = new Map<string, string>();
  readonly #setbacks = new Map<string, Setback>();
  readonly #judgedJobs = new Set<string>();
  readonly #configured = new Map<string, string>();
  readonly #restarted = new Map<string, string>();

  /** Since when a fact holds: the first look in which it did, without a look since in which it did not. */
  since(fact: string, holds: boolean, nowMs: number): number | null {
    if (!holds) {
      this.#since.delete(fact);
      return null;
    }
    const known = this.#since.get(fact);
    if (known !== undefined) return known;
    this.#since.set(fact, nowMs);
    return nowMs;
  }

  /** Node `nodeId` was seen at the place of this name. */
  sawAt(nodeId: string, name: string): void {
    this.#places.delete(nodeId);
    this.#places.set(nodeId, name);
    if (this.#places.size > MAX_PLACES) this.#places.delete(this.#places.keys().next().value!);
  }

  placeOf(nodeId: string): string | undefined {
    return this.#places.get(nodeId);
  }

  /** An undertaking failed: it rests, twice as long as the last time. */
  failed(key: string, error: string, nowMs: number): Setback {
    const attempts = (this.#setbacks.get(key)?.attempts ?? 0) + 1;
    const delayMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (attempts - 1));
    const setback = { key, error, attempts, untilMs: nowMs + delayMs };
    this.#setbacks.set(key, setback);
    return setback;
  }

  /** An undertaking was accepted, and its effect may take `settleMs` to show: it is not begun again before that. */
  settling(key: string, settleMs: number, nowMs: number): void {
    this.#setbacks.set(key, { key, error: '', attempts: 0, untilMs: nowMs + settleMs });
  }

  /** A job's end counts once: whether this is the first time that it is told. */
  firstTold(jobName: string): boolean {
    if (this.#judgedJobs.has(jobName)) return false;
    this.#judgedJobs.add(jobName);
    if (this.#judgedJobs.size > MAX_JOBS) this.#judgedJobs.delete(this.#judgedJobs.values().next().value!);
    return true;
  }

  succeeded(key: string): void {
    this.#setbacks.delete(key);
  }

  /** Setbacks that still count. One that is long over is forgotten, and with it how often it failed. */
  setbacks(nowMs: number): readonly Setback[] {
    for (const [key, setback] of this.#setbacks)
      if (nowMs - setback.untilMs > BACKOFF_MAX_MS) this.#setbacks.delete(key);
    return [...this.#setbacks.values()];
  }

  setConfigured(uid: string, hash: string): void {
    this.#configured.set(uid, hash);
    if (this.#configured.size > MAX_PLACES) this.#configured.delete(this.#configured.keys().next().value!);
  }

  /** The node of this name was restarted for the spec.config of this hash: once is enough. */
  setRestarted(name: string, configHash: string): void {
    this.#restarted.set(name, configHash);
    if (this.#restarted.size > MAX_PLACES) this.#restarted.delete(this.#restarted.keys().next().value!);
  }

  restartedFor(name: string): string | null {
    return this.#restarted.get(name) ?? null;
  }

  configured(uid: string): string | null {
    return this.#configured.get(uid) ?? null;
  }
}
