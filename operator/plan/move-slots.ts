/**
 * Slots on their way between shards: out to new shards, back from leaving ones. Atomic migration does the work
 * (CLUSTER MIGRATESLOTS); the plan says which slots, in small jobs, one at a time from each source.
 * What runs counts as done in the balance, so a change of mind in mid-flight needs no memory: the next look balances anew.
 */
import {
  countSlots,
  MAX_SLOTS_PER_JOB,
  MIGRATION_LOOK_MS,
  type Migration,
  type ShardView,
  SLOT_COUNT,
  type Step,
  takeSlots,
  type View,
} from '../model/index.ts';
import { type Holding, type Transfer, transfers } from './balance.ts';
import {
  agreedSlotCount,
  type HeardNode,
  heardNodes,
  isFormed,
  isJoined,
  isLeavingShard,
  isReplicated,
  memberOf,
  plural,
  primaryOf,
  refOf,
} from './facts.ts';
import { drainRefusal } from './refuse.ts';
import { type Rule, wait } from './rule.ts';

/** Shards with more than their share give to those with less. */
export const moveSlots: Rule = (view) => move(view, (source) => !isLeavingShard(view, source));

/** Shards that leave give everything they own, unless the rest has no room for it. */
export const drainLeavingShards: Rule = (view) =>
  drainRefusal(view) !== null ? [] : move(view, (source) => isLeavingShard(view, source));

/** A migration towards a shard that leaves is called off: its slots stay where they are. */
export const cancelStrayMigrations: Rule = (view) =>
  heardNodes(view).flatMap((node): Step[] => {
    const stray = runningExports(node).find((job) =>
      view.shards.some(
        (shard) => isLeavingShard(view, shard) && shard.nodes.some((other) => other.report?.nodeId === job.targetId),
      ),
    );
    return stray === undefined
      ? []
      : [
          {
            kind: 'cancel-migrations',
            source: refOf(node),
            because: `${plural(countSlots(stray.ranges), 'slot')} are on their way to a shard that leaves`,
          },
        ];
  });

function move(view: View, isSource: (shard: ShardView) => boolean): readonly Step[] {
  if (!isFormed(view) || !view.agreed.majority) return [];
  const due = outstanding(view).filter((transfer) => isSource(shardAt(view, transfer.source)));
  const running = view.shards
    .filter(isSource)
    .map((shard) => primaryOf(view, shard))
    .filter((node) => node !== null)
    .flatMap(runningExports);
  if (due.length === 0 && running.length === 0) return [];
  if (view.agreed.disputed.length > 0)
    return [
      wait(
        view,
        'OwnershipSpreading',
        'the primaries do not agree yet on the owners of slots that just moved',
        MIGRATION_LOOK_MS,
      ),
    ];
  const steps: Step[] = [];
  const busy = new Set<number>();
  for (const transfer of due) {
    if (busy.has(transfer.source)) continue;
    const step = start(view, transfer);
    if (step === null) continue;
    steps.push(step);
    if (step.kind === 'migrate-slots') busy.add(transfer.source);
  }
  if (steps.every((step) => step.kind === 'wait') && running.length > 0)
    steps.push(
      wait(
        view,
        'MovingSlots',
        `${plural(running.length, 'job')} under way: ${running.map((job) => `${countSlots(job.ranges)} slots ${job.state}`).join(', ')}`,
        MIGRATION_LOOK_MS,
      ),
    );
  return steps;
}

/** The transfers that are still to be begun. None while an owner's shard is not known: the balance would be of the rest only. */
export function outstanding(view: View): Transfer[] {
  const holdings = view.shards.map((shard) => holdingOf(view, shard));
  return holdings.reduce((sum, holding) => sum + holding.slots, 0) === SLOT_COUNT ? transfers(holdings) : [];
}

function holdingOf(view: View, shard: ShardView): Holding {
  const owned = ownersIn(view, shard).reduce((sum, nodeId) => sum + agreedSlotCount(view, nodeId), 0);
  const leaving = heardNodes(view).flatMap((node) => (node.shardIndex === shard.index ? runningExports(node) : []));
  const coming = heardNodes(view)
    .flatMap((node) => runningExports(node))
    .filter((job) => shard.nodes.some((node) => node.report?.nodeId === job.targetId));
  const slots =
    owned -
    leaving.reduce((sum, job) => sum + stillOwned(view, job), 0) +
    coming.reduce((sum, job) => sum + stillOwned(view, job), 0);
  return { shard: shard.index, slots, staying: !isLeavingShard(view, shard) };
}

/** Ids of the shard's owners, also of one that does not answer at this moment but that the shard's replicas follow. */
function ownersIn(view: View, shard: ShardView): string[] {
  const ids = new Set<string>();
  for (const { report } of shard.nodes) {
    if (report === null) continue;
    ids.add(report.nodeId);
    if (report.primaryId !== null) ids.add(report.primaryId);
  }
  const last = view.previous?.shardStatuses.find((status) => status.index === shard.index);
  if (last !== undefined && last.primaryNodeId !== '') ids.add(last.primaryNodeId);
  return [...ids];
}

/** Slots of a running job that a majority still sees at its source: a job that just ended has none. */
function stillOwned(view: View, job: Migration): number {
  const owned = memberOf(view, job.sourceId)?.slots ?? [];
  return job.ranges.reduce(
    (sum, range) =>
      sum +
      owned.reduce(
        (inner, own) => inner + Math.max(0, Math.min(range.end, own.end) - Math.max(range.start, own.start) + 1),
        0,
      ),
    0,
  );
}

function start(view: View, transfer: Transfer): Step | null {
  const source = primaryOf(view, shardAt(view, transfer.source));
  const targetShard = shardAt(view, transfer.target);
  const target = primaryOf(view, targetShard);
  if (
    source === null ||
    target === null ||
    source.report.loading ||
    target.report.loading ||
    !isJoined(view, target) ||
    runningExports(source).length > 0
  )
    return null;
  if (!isReplicated(view, targetShard, target))
    return wait(
      view,
      'ReplicasNotInSync',
      `no slots move to shard ${transfer.target} before its ${plural(view.desired.spec.replicas, 'replica')} are in sync`,
    );
  if (!agreesWithItself(view, source) || !agreesWithItself(view, target))
    return wait(view, 'OwnershipSpreading', 'slots that just moved are not known everywhere yet', MIGRATION_LOOK_MS);
  const slots = Math.min(transfer.slots, MAX_SLOTS_PER_JOB);
  const because = isLeavingShard(view, shardAt(view, transfer.source))
    ? `shard ${transfer.source} leaves and still owns ${plural(agreedSlotCount(view, source.report.nodeId), 'slot')}`
    : `shard ${transfer.source} owns ${plural(agreedSlotCount(view, source.report.nodeId), 'slot')} and shard ${transfer.target} ${agreedSlotCount(view, target.report.nodeId)}`;
  return {
    kind: 'migrate-slots',
    source: refOf(source),
    moves: [{ ranges: takeSlots(source.report.slots, slots), target: refOf(target) }],
    because,
  };
}

/** The node's own claim is what the majority says: nothing of it is still spreading. */
function agreesWithItself(view: View, node: HeardNode): boolean {
  return countSlots(node.report.slots) === agreedSlotCount(view, node.report.nodeId);
}

export function runningExports(node: HeardNode): Migration[] {
  return node.report.migrations.filter((job) => job.operation === 'export' && job.outcome === 'running');
}

function shardAt(view: View, index: number): ShardView {
  return view.shards.find((shard) => shard.index === index)!;
}
