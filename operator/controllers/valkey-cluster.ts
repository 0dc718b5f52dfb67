/**
 * The controller of one ValkeyCluster: look, decide, act, tell. Both programs use it, the operator in Kubernetes and the
 * reconciler on a laptop; they differ in the Platform they hand in. It keeps no state that a successor would miss.
 */

import { Outdated, perform, SETTLE_MS } from '../act/index.ts';
import type { ValkeyClusterStatus } from '../api/index.ts';
import {
  type Admin,
  ATTEMPTS_BEFORE_DEGRADED,
  BUSY_LOOK_MS,
  describeStep,
  hashOf,
  IDLE_LOOK_MS,
  isAct,
  MAX_STEPS_PER_PASS,
  STUCK_AFTER_MS,
  type Step,
  stepKey,
  stepKeyOfMigration,
  type View,
} from '../model/index.ts';
import { Memory, observe } from '../observe/index.ts';
import { plan } from '../plan/index.ts';
import type { Platform, PlatformEvent } from '../platform/platform.ts';
import { Publication } from './publication.ts';
import { reasonOf, statusOf } from './status.ts';

export interface Clock {
  /** Wall time: it stands in status. */
  nowMs(): number;
}

/** What the controller logs with; pino fits. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface ReconcilerOptions {
  readonly platform: Platform;
  readonly admin: Admin;
  readonly clock: Clock;
  readonly log: Log;
  /** Asked before every single act; false (the lease is lost) ends the pass without it. */
  readonly mayAct?: () => boolean;
}

export interface Pass {
  /** When to look again, at the latest. Null: the resource is gone, and there is nothing to look at. */
  readonly nextLookMs: number | null;
  readonly status: ValkeyClusterStatus | null;
  readonly view: View | null;
  readonly steps: readonly Step[];
}

export class ClusterReconciler {
  readonly #options: ReconcilerOptions;
  readonly #memory = new Memory();
  readonly #publication = new Publication();
  /** Warnings that stand: each is told once while it holds. */
  #standing = new Set<string>();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  /** One pass. Throws only when the platform itself does not answer; passes must not overlap. */
  async reconcileOnce(): Promise<Pass> {
    const { platform, admin, clock } = this.#options;
    const seen = await observe({ platform, admin, memory: this.#memory, nowMs: () => clock.nowMs() });
    if (seen === null) return { nextLookMs: null, status: null, view: null, steps: [] };
    const view = { ...seen, previous: this.#publication.last(seen.previous) };
    const steps = plan(view);
    const endpoint = await platform.endpoint();
    const stuck = this.#isStuck(steps, view.nowMs);
    const status = statusOf(view, steps, { endpoint, selector: platform.selector(), stuck });
    await this.#publish(status, seen.previous);
    await this.#warn(steps, stuck);
    await Promise.all(
      steps
        .filter(isAct)
        .slice(0, MAX_STEPS_PER_PASS)
        .map((step) => this.#perform(step, view)),
    );
    return { nextLookMs: nextLook(view, steps), status, view, steps };
  }

  async #publish(status: ValkeyClusterStatus, found: ValkeyClusterStatus | null): Promise<void> {
    const { platform, clock } = this.#options;
    if (!this.#publication.isDue(status, found, clock.nowMs())) return;
    await platform.publishStatus(status);
    this.#publication.written(status, clock.nowMs());
  }

  /** A deed, its event, and what to remember of it. */
  async #perform(step: Step, view: View): Promise<void> {
    const { platform, admin, clock, log, mayAct } = this.#options;
    if (mayAct !== undefined && !mayAct()) return;
    const key = stepKey(step);
    const fields = { cluster: view.desired.metadata.name, step: step.kind };
    try {
      await perform(step, { platform, admin, clusterUid: view.clusterUid });
      if (SETTLE_MS[step.kind] > 0) this.#memory.settling(key, SETTLE_MS[step.kind], clock.nowMs());
      else if (step.kind !== 'migrate-slots') this.#memory.succeeded(key);
      if (step.kind === 'restart-node' && step.configHash !== null)
        this.#memory.setRestarted(step.at.name, step.configHash);
      if (step.kind === 'configure') this.#rememberConfigured(step.at.name, view);
      log.info({ ...fields, because: step.because }, describeStep(step));
      await this.#tell({ type: 'Normal', reason: reasonOf(step), message: `${describeStep(step)}: ${step.because}` });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (error instanceof Outdated)
        return log.info({ ...fields, outdated: message }, `not done: ${describeStep(step)}`);
      const { attempts } = this.#memory.failed(key, message, clock.nowMs());
      log.warn({ ...fields, attempts, error: message }, `failed: ${describeStep(step)}`);
      if (attempts === 1 || attempts === ATTEMPTS_BEFORE_DEGRADED)
        await this.#tell({
          type: 'Warning',
          reason: `${reasonOf(step)}Failed`,
          message: `${describeStep(step)}: ${message} (attempt ${attempts})`,
        });
    }
  }

  #rememberConfigured(name: string, view: View): void {
    const node = view.shards.flatMap((shard) => shard.nodes).find((candidate) => candidate.place.name === name);
    if (node !== undefined) this.#memory.setConfigured(node.place.uid, hashOf(view.desired.spec.config));
  }

  /** The same wait, for longer than anything should take. */
  #isStuck(steps: readonly Step[], nowMs: number): boolean {
    const first = steps.find((step) => step.kind === 'wait');
    const onlyWaits = steps.length > 0 && !steps.some(isAct) && first !== undefined;
    const sinceMs = this.#memory.since('waiting', onlyWaits, nowMs);
    return sinceMs !== null && nowMs - sinceMs >= STUCK_AFTER_MS;
  }

  /** Holds, failed jobs and stuck waits are Warning events: once when they begin. */
  async #warn(steps: readonly Step[], stuck: boolean): Promise<void> {
    const firstWait = steps.find((step) => step.kind === 'wait');
    const warnings = steps.flatMap((step) => warningOf(step, stuck && step === firstWait));
    for (const { reason, message } of warnings.filter((warning) => !this.#standing.has(warning.reason))) {
      this.#options.log.warn({ reason }, message);
      await this.#tell({ type: 'Warning', reason, message });
    }
    this.#standing = new Set(warnings.map((warning) => warning.reason));
  }

  /** Events are for people: one that cannot be written stops nothing. */
  async #tell(event: PlatformEvent): Promise<void> {
    try {
      await this.#options.platform.publishEvent({ ...event, message: event.message.slice(0, 1024) });
    } catch (error) {
      this.#options.log.warn({ reason: event.reason, error: String(error) }, 'an event was not written');
    }
  }
}

/** What a step that changes nothing is worth saying aloud. A deed that failed said so when it failed; a migration job fails later, at the node. */
function warningOf(step: Step, stuck: boolean): { readonly reason: string; readonly message: string }[] {
  if (step.kind === 'hold') return step.reason === 'Paused' ? [] : [{ reason: step.reason, message: step.because }];
  if (step.kind !== 'wait') return [];
  if (step.retries?.startsWith(stepKeyOfMigration(''))) return [{ reason: 'MigrationFailed', message: step.because }];
  return stuck ? [{ reason: step.reason, message: step.because }] : [];
}

/** After an act soon, during a wait when it ends, otherwise at leisure. */
function nextLook(view: View, steps: readonly Step[]): number {
  if (steps.some(isAct)) return BUSY_LOOK_MS;
  const waits = steps.filter((step) => step.kind === 'wait').map((step) => step.untilMs - view.nowMs);
  return Math.max(BUSY_LOOK_MS, Math.min(IDLE_LOOK_MS, ...waits));
}
