/**
 * Runs the controller in the simulated world, in virtual time.
 */
import { ClusterReconciler, type Pass } from '../valkey-cluster.ts';
import { NeverEvent, type World } from './world.ts';

/** Passes after which a cluster that is left alone must be as specified: some ten minutes. */
const MAX_PASSES = 1500;

export class Operator {
  readonly world: World;
  #reconciler: ClusterReconciler;

  constructor(world: World) {
    this.world = world;
    this.#reconciler = this.#begin();
  }

  /** A new process: what the last one remembered is gone. */
  restart(): void {
    this.#reconciler = this.#begin();
  }

  /** One pass, and the time until the next. */
  async pass(): Promise<Pass> {
    const pass = await this.#reconciler.reconcileOnce();
    if (this.world.nevers.length > 0) throw new NeverEvent(this.world.nevers.join('; '));
    this.world.advance(pass.nextLookMs!);
    return pass;
  }

  async runFor(ms: number): Promise<void> {
    for (const end = this.world.nowMs + ms; this.world.nowMs < end; ) await this.pass();
  }

  /** Until nothing is left to do, and stays so. Throws with the last plan when that does not happen. */
  async settle(): Promise<Pass> {
    let pass = await this.pass();
    for (let passes = 0, calm = 0; passes < MAX_PASSES; passes++) {
      calm = pass.steps.length === 0 ? calm + 1 : 0;
      if (calm >= 3) return pass;
      pass = await this.pass();
    }
    throw new Error(`not settled: ${JSON.stringify(pass.steps.map((step) => [step.kind, step.because]))}`);
  }

  #begin(): ClusterReconciler {
    return new ClusterReconciler({
      platform: this.world,
      admin: this.world,
      clock: this.world.clock,
      log: { info: () => {}, warn: () => {} },
    });
  }
}
