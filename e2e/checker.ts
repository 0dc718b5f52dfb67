/** The workload checker as a Job in the cluster: begin it, wait until it writes, and read what it found. */

import type { Report } from './workload/report.ts';
import { Broken, type Kubectl, until } from './kubectl.ts';

export type CheckerReport = Report & { readonly passed: boolean; readonly failures: readonly string[] };

export interface CheckerOptions {
  readonly seconds: number;
  readonly rate?: number;
  readonly wait?: number;
  /** Percentage of the intended writes below which the run fails. */
  readonly atLeast?: number;
}

const START_LIMIT_MS = 60_000;
/** Reading back and the pod's own beginning and end, on a machine that is busy. */
const END_ALLOWANCE_MS = 90_000;
const DEFAULT_RATE = 200;

export class Checker {
  readonly #kubectl: Kubectl;
  readonly #name: string;
  readonly #endsAtMs: number;

  private constructor(kubectl: Kubectl, name: string, seconds: number) {
    this.#kubectl = kubectl;
    this.#name = name;
    this.#endsAtMs = performance.now() + seconds * 1000 + END_ALLOWANCE_MS;
  }

  /** Resolves once writes are acknowledged, so that what happens next happens under load. */
  static async start(kubectl: Kubectl, name: string, image: string, target: string, options: CheckerOptions): Promise<Checker> {
    const { seconds, rate = DEFAULT_RATE, wait = 0, atLeast = 80 } = options;
    const args = ['--target', target, '--seconds', String(seconds), '--rate', String(rate), '--at-least', String(atLeast), '--start-timeout', '60', '--json'];
    if (wait > 0) args.push('--wait', String(wait));
    await kubectl.run(['delete', 'job', name, '--ignore-not-found', '--wait']);
    await kubectl.apply(JSON.stringify({
      apiVersion: 'batch/v1', kind: 'Job', metadata: { name },
      spec: {
        backoffLimit: 0,
        template: {
          metadata: { labels: { 'keyherd.dev/checker': name } },
          spec: {
            restartPolicy: 'Never',
            automountServiceAccountToken: false,
            securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
            containers: [{
              name: 'checker', image, imagePullPolicy: 'IfNotPresent', args,
              resources: { requests: { cpu: '50m', memory: '128Mi' } },
              securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
            }],
          },
        },
      },
    }));
    const checker = new Checker(kubectl, name, seconds);
    await until(`checker ${name} writes`, START_LIMIT_MS, async () => {
      const log = await checker.#log();
      if (/^workload:/m.test(log)) throw new Broken(log.trim().split('\n').at(-1) ?? '');
      return /^writing/m.test(log) ? true : undefined;
    });
    return checker;
  }

  async report(): Promise<CheckerReport> {
    const line = await until(`checker ${this.#name} ends`, Math.max(1000, this.#endsAtMs - performance.now()), async () => {
      const log = await this.#log();
      if (/^workload:/m.test(log)) throw new Broken(log.trim().split('\n').at(-1) ?? '');
      return log.split('\n').find((candidate) => candidate.startsWith('{'));
    });
    return JSON.parse(line) as CheckerReport;
  }

  async #log(): Promise<string> {
    return (await this.#kubectl.attempt(['logs', `job/${this.#name}`])).stdout;
  }
}
