/**
 * statusOf: what the resource's status says, out of a view and its plan. Pure.
 * It tells coarse health; offsets and rates are for metrics. publication.ts decides when it is written.
 */
import type {
  ClusterState,
  Condition,
  ConditionType,
  MigrationStatus,
  ShardHealth,
  ShardStatus,
  ValkeyClusterStatus,
} from '../api/index.ts';
import { CONDITION_TYPES, LIMITS } from '../api/index.ts';
import {
  ATTEMPTS_BEFORE_DEGRADED,
  countSlots,
  describeStep,
  isAct,
  type Setback,
  type ShardView,
  type Step,
  showRange,
  stepKey,
  stepKeyOfMigration,
  type View,
} from '../model/index.ts';
import {
  absentOwner,
  applyConfig,
  differences,
  heardNodes,
  isFormed,
  isLeavingShard,
  isReplicated,
  isStaying,
  memberOf,
  outstanding,
  primaryOf,
  replicasOf,
  runningExports,
} from '../plan/index.ts';

export interface Surroundings {
  readonly endpoint: string;
  readonly selector: string;
  /** Something is waited for longer than it should take. */
  readonly stuck: boolean;
}

/** Waits that mean that keys are not served, or not as safely as the spec says. */
const ALARMING: ReadonlySet<string> = new Set([
  'NoMajority',
  'ElectionPending',
  'NoPrimary',
  'SlotsUnserved',
  'ClusterDown',
  'OwnerLost',
  'OwnersUnheard',
  'SlotsDisputed',
]);
/** Holds after which nothing works until a person acts. */
const FATAL: ReadonlySet<string> = new Set(['DataWithoutCluster']);

export function statusOf(view: View, steps: readonly Step[], surroundings: Surroundings): ValkeyClusterStatus {
  const { state, reason, message } = verdict(view, steps, surroundings.stuck);
  const shardStatuses = view.shards
    .filter((shard) => shard.workload !== null)
    .slice(0, LIMITS.shards)
    .map((shard) => shardStatus(view, shard));
  const migration = migrationOf(view);
  const generation = view.desired.metadata.generation;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    state,
    reason,
    message,
    shards: shardStatuses.length,
    readyShards: shardStatuses.filter((shard) => shard.health === 'Healthy').length,
    selector: surroundings.selector,
    image: view.image,
    endpoint: surroundings.endpoint,
    shardStatuses,
    ...(migration === null ? {} : { migration }),
    conditions: conditions(view, steps, state, reason, message),
    plan: planLines(steps),
  };
}

function planLines(steps: readonly Step[]): string[] {
  return steps
    .slice(0, LIMITS.planEntries)
    .map((step) => clip(isAct(step) ? `${describeStep(step)}: ${step.because}` : step.because));
}

interface Verdict {
  readonly state: ClusterState;
  readonly reason: string;
  readonly message: string;
}

function verdict(view: View, steps: readonly Step[], stuck: boolean): Verdict {
  const holds = steps.filter((step) => step.kind === 'hold');
  const paused = holds.find((step) => step.reason === 'Paused');
  if (paused !== undefined) return { state: 'Paused', reason: 'Paused', message: paused.because };
  const held = holds[0];
  if (held !== undefined)
    return { state: FATAL.has(held.reason) ? 'Failed' : 'Degraded', reason: held.reason, message: clip(held.because) };
  if (steps.length === 0)
    return {
      state: 'Ready',
      reason: 'AsSpecified',
      message: 'every node sees all slots served and every replica in sync',
    };
  const failing = failingUndertaking(view, steps);
  if (failing !== undefined)
    return {
      state: 'Degraded',
      reason: 'StepFailing',
      message: clip(`${failing.error} (attempt ${failing.attempts})`),
    };
  const first = steps[0]!;
  const message = clip(isAct(first) ? `${describeStep(first)}: ${first.because}` : first.because);
  if (!isFormed(view))
    return { state: wasFormed(view) ? 'Degraded' : 'Initializing', reason: reasonOf(first), message };
  const alarm = steps.find((step) => step.kind === 'takeover' || (step.kind === 'wait' && ALARMING.has(step.reason)));
  if (alarm !== undefined) return { state: 'Degraded', reason: reasonOf(alarm), message: clip(alarm.because) };
  return { state: stuck ? 'Degraded' : 'Reconciling', reason: reasonOf(first), message };
}

/** Something that was tried often enough to be called failing, and is still wanted. */
function failingUndertaking(view: View, steps: readonly Step[]): Setback | undefined {
  const wanted = new Set(steps.map((step) => (step.kind === 'wait' ? step.retries : stepKey(step))));
  return view.setbacks.find((setback) => setback.attempts >= ATTEMPTS_BEFORE_DEGRADED && wanted.has(setback.key));
}

function wasFormed(view: View): boolean {
  return (
    view.previous?.conditions.some((condition) => condition.type === 'ClusterFormed' && condition.status !== 'False') ??
    false
  );
}

/** A step's reason as one CamelCase word. */
export function reasonOf(step: Step): string {
  if (step.kind === 'wait' || step.kind === 'hold') return step.reason;
  return step.kind
    .split('-')
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join('');
}

function shardStatus(view: View, shard: ShardView): ShardStatus {
  const primary = primaryOf(view, shard);
  const slots = primary === null ? [] : (memberOf(view, primary.report.nodeId)?.slots ?? []);
  return {
    index: shard.index,
    primary: primary?.place.name ?? '',
    primaryNodeId: primary?.report.nodeId ?? '',
    replicas:
      primary === null
        ? []
        : replicasOf(primary, shard).map((node) => ({ pod: node.place.name, linkUp: node.report.linkUp })),
    slotRanges: slots.slice(0, LIMITS.slotRanges).map(showRange),
    slotCount: countSlots(slots),
    health: healthOf(view, shard),
  };
}

function healthOf(view: View, shard: ShardView): ShardHealth {
  if (isLeavingShard(view, shard)) return 'Leaving';
  const primary = primaryOf(view, shard);
  if (primary === null) return absentOwner(view, shard) !== null ? 'Down' : 'Creating';
  if (memberOf(view, primary.report.nodeId)?.failed) return 'Down';
  if ((memberOf(view, primary.report.nodeId)?.slots.length ?? 0) === 0) return 'Creating';
  const complete =
    shard.nodes.filter((node) => isStaying(view, node) && node.report !== null).length >=
    1 + view.desired.spec.replicas;
  return complete && isReplicated(view, shard, primary) ? 'Healthy' : 'Degraded';
}

function migrationOf(view: View): MigrationStatus | null {
  if (!isFormed(view) || !view.agreed.majority) return view.previous?.migration ?? null;
  const running = heardNodes(view).flatMap((node) => runningExports(node).map((job) => ({ node, job })));
  const due = outstanding(view);
  const slotsRemaining =
    due.reduce((sum, transfer) => sum + transfer.slots, 0) +
    running.reduce((sum, { job }) => sum + countSlots(job.ranges), 0);
  if (slotsRemaining === 0) return null;
  const before = view.previous?.migration;
  const target = running[0] === undefined ? due[0]!.target : shardOf(view, running[0].job.targetId);
  const lastError = view.setbacks.find(
    (setback) => setback.attempts > 0 && setback.key.startsWith(stepKeyOfMigration('')),
  )?.error;
  return {
    source: String(running[0]?.node.shardIndex ?? due[0]!.source),
    target: String(target),
    slotsRemaining,
    slotsTotal: Math.max(before?.slotsTotal ?? 0, slotsRemaining),
    startedAt: before?.startedAt ?? new Date(view.nowMs).toISOString(),
    ...(lastError === undefined ? {} : { lastError: clip(lastError) }),
  };
}

function shardOf(view: View, nodeId: string): number | string {
  return heardNodes(view).find((node) => node.report.nodeId === nodeId)?.shardIndex ?? nodeId.slice(0, 8);
}

type Judged = readonly [status: Condition['status'], reason: string, message: string];

function conditions(
  view: View,
  steps: readonly Step[],
  state: ClusterState,
  reason: string,
  message: string,
): Condition[] {
  const judged: Readonly<Record<ConditionType, Judged>> = {
    Ready: [state === 'Ready' ? 'True' : 'False', reason, message],
    Progressing: [state === 'Reconciling' || state === 'Initializing' ? 'True' : 'False', reason, message],
    Degraded: [state === 'Degraded' || state === 'Failed' ? 'True' : 'False', reason, message],
    ClusterFormed: isFormed(view)
      ? ['True', 'Formed', 'the nodes are one cluster']
      : [wasFormed(view) ? 'Unknown' : 'False', reason, message],
    SlotsAssigned: slotsAssigned(view),
    ConfigApplied: configApplied(view, steps),
  };
  return CONDITION_TYPES.map((type) => condition(view, type, judged[type]));
}

function slotsAssigned(view: View): Judged {
  if (!view.agreed.majority) return ['Unknown', 'NoMajority', 'too few primaries answer to say'];
  const open = countSlots(view.agreed.unassigned);
  return open === 0
    ? ['True', 'Assigned', 'every slot has an owner']
    : ['False', 'Unassigned', `${open} slots have no owner`];
}

function configApplied(view: View, steps: readonly Step[]): Judged {
  const refused = steps.find((step) => step.kind === 'hold' && step.reason === 'UnknownDirective');
  if (refused !== undefined) return ['False', 'Refused', clip(refused.because)];
  const failing = view.setbacks.find(
    (setback) =>
      setback.attempts > 0 &&
      steps.some(
        (step) =>
          (step.kind === 'wait' ? step.retries : stepKey(step)) === setback.key && setback.key.startsWith('configure '),
      ),
  );
  if (failing !== undefined) return ['False', 'Refused', clip(failing.error)];
  const different = heardNodes(view)
    .filter((node) => isStaying(view, node))
    .flatMap((node) => differences(view, node).map(([name]) => name));
  if (different.length === 0) return ['True', 'Applied', 'every node that answers runs with spec.config'];
  return applyConfig(view).length > 0
    ? ['False', 'Applying', 'directives are being set']
    : ['False', 'NeedsRestart', clip(`${[...new Set(different)].join(', ')}: set when the nodes start again`)];
}

function condition(view: View, type: ConditionType, [status, reason, message]: Judged): Condition {
  const before = view.previous?.conditions.find((candidate) => candidate.type === type);
  const lastTransitionTime = before?.status === status ? before.lastTransitionTime : new Date(view.nowMs).toISOString();
  const generation = view.desired.metadata.generation;
  return {
    type,
    status,
    reason,
    message,
    lastTransitionTime,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
}

function clip(text: string): string {
  return text.length <= LIMITS.messageLength ? text : `${text.slice(0, LIMITS.messageLength - 1)}…`;
}
