/** The workload checker beside a scenario: started before the mischief, stopped after it, and its report judged. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Report } from '../workload/report.ts';
import { eventually } from './local-cluster.ts';

const RATE_PER_SECOND = 300;
/** The scenario ends it long before. */
const MOST_SECONDS = 600;
const START_TIMEOUT_MS = 20_000;
/** Draining, reading back and its retries. */
const END_TIMEOUT_MS = 60_000;

type Verdict = Report & { readonly passed: boolean; readonly failures: readonly string[] };

export interface Bounds {
  /** No shard may be without an acknowledged write for longer. */
  readonly longestGapMs?: number;
}

export class Checker {
  readonly #child: ChildProcess;
  #out = '';
  #err = '';

  private constructor(ports: readonly number[], extra: readonly string[]) {
    const target = ports.map((port) => `127.0.0.1:${port}`).join(',');
    this.#child = spawn(
      process.execPath,
      [
        join(import.meta.dirname, '..', 'workload', 'main.ts'),
        '--target',
        target,
        '--seconds',
        String(MOST_SECONDS),
        '--rate',
        String(RATE_PER_SECOND),
        '--json',
        ...extra,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#out += text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#err += text));
  }

  /** Settles when the first write is acknowledged. */
  static async start(ports: readonly number[], ...extra: string[]): Promise<Checker> {
    const checker = new Checker(ports, extra);
    await eventually('the workload checker to write', START_TIMEOUT_MS, async () => {
      if (checker.#ended) throw new Error(`the workload checker ended: ${checker.#err.trim()}`);
      return checker.#err.includes('writing to') ? true : undefined;
    });
    return checker;
  }

  get #ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Stops the writing and reads everything back. Throws what is wrong; otherwise the figures. */
  async finish(bounds: Bounds = {}): Promise<string> {
    this.#child.kill('SIGINT');
    const verdict = await eventually('the workload checker to end', END_TIMEOUT_MS, async () =>
      this.#ended ? this.#verdict() : undefined,
    );
    const gapMs = Math.max(...verdict.shards.map((shard) => shard.longestGapMs));
    const wrong = [...verdict.failures];
    if (bounds.longestGapMs !== undefined && gapMs > bounds.longestGapMs)
      wrong.push(`a shard took no write for ${gapMs} ms, more than ${bounds.longestGapMs} ms`);
    const confirmed =
      verdict.waitReplicas > 0 ? `${verdict.confirmed} confirmed (lost ${verdict.lostConfirmed}), ` : '';
    const figures = `${verdict.acknowledged}/${verdict.intended} writes, ${confirmed}lost ${verdict.lost}, wrong ${verdict.wrong}, longest gap ${Math.round(gapMs)} ms, p99 ${verdict.latencyMs.p99} ms`;
    if (wrong.length === 0) return figures;
    const details = [
      ...verdict.errorReasons.map(({ reason, times }) => `${times} × ${reason}`),
      ...verdict.findings.slice(0, 5).map((finding) => JSON.stringify(finding)),
    ];
    throw new Error([`the workload checker: ${wrong.join('; ')} (${figures})`, ...details].join('\n    '));
  }

  /** For when the scenario failed already. */
  abandon(): void {
    this.#child.kill('SIGKILL');
  }

  #verdict(): Verdict {
    if (this.#out === '') throw new Error(`the workload checker gave no report: ${this.#err.trim()}`);
    return JSON.parse(this.#out) as Verdict;
  }
}
