/**
 * The plan: a pure function from what is seen to what is done next. All policy is here; nothing here does I/O.
 *  refuse.ts      paused, and changes that are not made
 *  promote.ts     a primary that the cluster could not replace by itself
 *  addresses.ts   nodes that moved
 *  workloads.ts   shards and nodes that are missing
 *  form.ts        the first cluster, and slots that nobody owns
 *  join.ts        new nodes and replicas
 *  forget.ts      node ids that never come back
 *  balance.ts     how many slots go where
 *  move-slots.ts  which, and when
 *  remove.ts      replicas and shards that leave
 *  configure.ts   spec.config on running nodes
 *  roll.ts        what a restart alone brings to a node
 *  explain.ts     what is being waited for
 *  facts.ts       questions that several rules ask;  rule.ts  what a rule is
 */
import { isAct, type Setback, type Step, stepKey, type View } from '../model/index.ts';
import { healAddresses } from './addresses.ts';
import { applyConfig } from './configure.ts';
import { explainWaiting, waitForMajority } from './explain.ts';
import { forgetLostNodes, giveUpLostSlots } from './forget.ts';
import { assignUnownedSlots, formCluster } from './form.ts';
import { attachReplicas, meetNewNodes } from './join.ts';
import { cancelStrayMigrations, drainLeavingShards, moveSlots } from './move-slots.ts';
import { promoteForLostPrimary } from './promote.ts';
import { holdWhenPaused, refuseUnsafeChange } from './refuse.ts';
import { removeEmptyShards, removeSurplusReplicas } from './remove.ts';
import { rollOnePod } from './roll.ts';
import type { Rule } from './rule.ts';
import { wait } from './rule.ts';
import { createMissingShards } from './workloads.ts';

/**
 * In order of urgency: the first rule with something to do decides, and what follows waits for the next look. A rule that
 * can only wait or refuse says so and lets the others work: each guards what it needs by itself, so none can block another.
 */
export const rules: readonly Rule[] = [
  promoteForLostPrimary,
  healAddresses,
  refuseUnsafeChange,
  createMissingShards,
  formCluster,
  waitForMajority,
  giveUpLostSlots,
  forgetLostNodes,
  meetNewNodes,
  assignUnownedSlots,
  attachReplicas,
  cancelStrayMigrations,
  moveSlots,
  drainLeavingShards,
  removeSurplusReplicas,
  removeEmptyShards,
  applyConfig,
  rollOnePod,
  explainWaiting,
];

/** The next few steps. Nothing at all: the cluster is as the spec has it, in every node's own view. */
export function plan(view: View): readonly Step[] {
  const paused = holdWhenPaused(view);
  if (paused.length > 0) return paused;
  const remarks: Step[] = [];
  for (const rule of rules) {
    const steps = rule(view);
    const acts = steps.filter((step) => isAct(step) && setbackOf(view, step) === undefined);
    remarks.push(...steps.filter((step) => !isAct(step)), ...steps.flatMap((step) => restOf(view, step)));
    if (acts.length > 0) return [...acts, ...remarks];
  }
  return remarks;
}

function setbackOf(view: View, step: Step): Setback | undefined {
  return view.setbacks.find((setback) => setback.key === stepKey(step) && setback.untilMs > view.nowMs);
}

/** A step that rests for a while, as a wait: because it failed, or because its effect is still to show. */
function restOf(view: View, step: Step): Step[] {
  const setback = isAct(step) ? setbackOf(view, step) : undefined;
  if (setback === undefined) return [];
  const restMs = setback.untilMs - view.nowMs;
  return setback.attempts === 0
    ? [wait(view, 'EffectPending', step.because, restMs)]
    : [
        {
          ...wait(view, 'RetryPending', `${setback.error} (attempt ${setback.attempts}); ${step.because}`, restMs),
          retries: setback.key,
        },
      ];
}

export { applyConfig, differences } from './configure.ts';
export * from './facts.ts';
export { outstanding, runningExports } from './move-slots.ts';
