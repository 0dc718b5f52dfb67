/** The workload checker as a Job in the cluster: begin it, wait until it writes, and read what it found. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Broken, type Kubectl, until } from './kubectl.ts';
import type { Report } from './workload/report.ts';

export type CheckerReport = Report & { readonly passed: boolean; readonly failures: readonly string[] };

export interface CheckerOptions {
  readonly rate?: number;
  readonly wait?: number;
  /** Leave the keys in place afterwards. */
  readonly keepKeys?: boolean;
  /** Percentage of the intended writes below which the run fails. */
  readonly atLeast?: number;
}

const START_LIMIT_MS = 60_000;
/** A checker is ended when its scenario is over; one that is forgotten ends by itself. */
const LONGEST_SECONDS = 300;
/** Writing goes on for a while after the mischief, so that what it left behind shows. */
const CALM_MS = 3_000;
/** Reading back, on a machine that is busy. */
const END_LIMIT_MS = 120_000;
const DEFAULT_RATE = 200;

export class Checker {
  readonly #kubectl: Kubectl;
  readonly #name: string;

  private constructor(kubectl: Kubectl, name: string) {
    this.#kubectl = kubectl;
    this.#name = name;
  }

  /** Resolves once writes are acknowledged, so that what happens next happens under load. */
  static async start(
    kubectl: Kubectl,
    name: string,
    image: string,
    target: string,
    options: CheckerOptions,
  ): Promise<Checker> {
    const { rate = DEFAULT_RATE, wait = 0, atLeast = 80, keepKeys = false } = options;
    const args = [
      '--target',
      target,
      '--seconds',
      String(LONGEST_SECONDS),
      '--rate',
      String(rate),
      '--at-least',
      String(atLeast),
      '--start-timeout',
      '60',
      '--json',
    ];
    if (wait > 0) args.push('--wait', String(wait));
    if (keepKeys) args.push('--keep-keys');
    await kubectl.run(['delete', 'job', name, '--ignore-not-found', '--wait']);
    await kubectl.apply(
      JSON.stringify({
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name },
        spec: {
          backoffLimit: 0,
          template: {
            metadata: { labels: { 'keyherd.dev/checker': name } },
            spec: {
              restartPolicy: 'Never',
              automountServiceAccountToken: false,
              securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
              containers: [
                {
                  name: 'checker',
                  image,
                  imagePullPolicy: 'IfNotPresent',
                  args,
                  resources: { requests: { cpu: '50m', memory: '128Mi' } },
                  securityContext: {
                    allowPrivilegeEscalation: false,
                    readOnlyRootFilesystem: true,
                    capabilities: { drop: ['ALL'] },
                  },
                },
              ],
            },
          },
        },
      }),
    );
    const checker = new Checker(kubectl, name);
    await until(`checker ${name} writes`, START_LIMIT_MS, async () => {
      const log = await checker.#log();
      if (/^workload:/m.test(log)) throw new Broken(log.trim().split('\n').at(-1) ?? '');
      return /^writing/m.test(log) ? true : undefined;
    });
    return checker;
  }

  /** Ends the writing; the checker then reads everything back and reports. */
  async report(): Promise<CheckerReport> {
    await sleep(CALM_MS);
    await this.#kubectl.run(['exec', `job/${this.#name}`, '--', 'bash', '-c', 'kill -TERM 1']);
    const line = await until(`checker ${this.#name} ends`, END_LIMIT_MS, async () => {
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
