/**
 * The passes over one cluster, one after the other: soon after a change, at the time that the last pass asked for, and
 * with a growing pause after a pass that failed. Passes never overlap, and changes that come during one lead to one more.
 */

export interface LoopOptions {
  /** One pass; resolves with the time until the next look, or null when there is nothing left to look at. */
  readonly pass: () => Promise<number | null>;
  readonly onError: (error: unknown, pauseMs: number) => void;
  /** The cluster is gone and the loop has ended. */
  readonly onGone: () => void;
  /** Monotonic. */
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Changes come in flocks (a pod's start is five events): after a pass, the next begins no sooner than this. */
export const LEAST_PAUSE_MS = 100;
export const FIRST_ERROR_PAUSE_MS = 1_000;
export const LONGEST_ERROR_PAUSE_MS = 30_000;

export class ClusterLoop {
  readonly #options: LoopOptions;
  readonly #stop = new AbortController();
  #wake = new AbortController();
  #running: Promise<void> | undefined;
  #passBeganAtMs: number | undefined;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Something changed: look soon. */
  poke(): void {
    this.#wake.abort();
  }

  /** Ends the loop after the pass that is under way. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake.abort();
    await this.#running;
  }

  /** How long the pass that is under way has lasted; 0 when none is. */
  passLastsMs(): number {
    return this.#passBeganAtMs === undefined ? 0 : this.#options.now() - this.#passBeganAtMs;
  }

  async #run(): Promise<void> {
    const { now, onError, onGone, pass, sleep } = this.#options;
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      // Pokes from here on are about what this pass may not have seen.
      this.#wake = new AbortController();
      let pauseMs: number;
      let wake: AbortSignal = this.#wake.signal;
      this.#passBeganAtMs = now();
      try {
        const nextLookMs = await pass();
        if (nextLookMs === null) return onGone();
        failures = 0;
        pauseMs = nextLookMs;
      } catch (error) {
        pauseMs = Math.min(FIRST_ERROR_PAUSE_MS * 2 ** failures, LONGEST_ERROR_PAUSE_MS);
        failures += 1;
        onError(error, pauseMs);
        // Whatever fails must not be tried at the pace of the changes that it may itself cause.
        wake = this.#stop.signal;
      } finally {
        this.#passBeganAtMs = undefined;
      }
      await sleep(LEAST_PAUSE_MS, this.#stop.signal);
      if (!wake.aborted) await sleep(Math.max(0, pauseMs - LEAST_PAUSE_MS), wake);
    }
  }
}
