/**
 * Nodes and shards that leave. What leaves is made blank first, so that a volume or an address that is used again
 * cannot bring back an old member; and nothing leaves while a slot is anywhere but at an owner that stays.
 */
import type { ShardView, Step, View } from '../model/index.ts';
import {
  agreedSlotCount,
  allSlotsAreHeldByStayers,
  type HeardNode,
  heardNodes,
  heardOf,
  isBlank,
  isFormed,
  isReplicated,
  isStaying,
  isSynced,
  leavingShards,
  nodesWanted,
  plural,
  primaryOf,
  refOf,
  replicasOf,
  stayingShards,
} from './facts.ts';
import { runningExports } from './move-slots.ts';
import { type Rule, wait } from './rule.ts';

/** Replicas beyond the spec's number leave; if one of them is primary, it first hands over to one that stays. */
export const removeSurplusReplicas: Rule = (view) => {
  if (!isFormed(view) || !view.agreed.majority) return [];
  return stayingShards(view)
    .filter((shard) => shard.workload !== null && !shard.workload.deleting && shard.workload.nodes > nodesWanted(view))
    .flatMap((shard) => shrink(view, shard));
};

function shrink(view: View, shard: ShardView): readonly Step[] {
  const primary = primaryOf(view, shard);
  if (primary === null) return [];
  if (!isStaying(view, primary)) return handOver(view, shard, primary);
  if (!isReplicated(view, shard, primary))
    return [wait(view, 'ReplicasNotInSync', `shard ${shard.index} gives up replicas once those that stay are in sync`)];
  const leaving = heardOf(shard.nodes).filter((node) => !isStaying(view, node) && node.place.phase !== 'Terminating');
  const owner = leaving.find((node) => node.report.slots.length > 0 || agreedSlotCount(view, node.report.nodeId) > 0);
  if (owner !== undefined)
    return [wait(view, 'OwnershipSpreading', `${owner.place.name} is to leave and still claims slots`)];
  const resets = resetsOf(leaving, 'the spec has fewer replicas');
  if (resets.length > 0) return resets;
  if (!allSlotsAreHeldByStayers(view))
    return [wait(view, 'OwnersUnheard', 'no node is removed while an owner of slots does not answer')];
  const workload = shard.workload!;
  return [
    {
      kind: 'scale-shard',
      shardIndex: shard.index,
      name: workload.name,
      uid: workload.uid,
      from: workload.nodes,
      nodes: nodesWanted(view),
      because: `the spec has ${plural(view.desired.spec.replicas, 'replica')} a shard`,
    },
  ];
}

function handOver(view: View, shard: ShardView, primary: HeardNode): readonly Step[] {
  if (involvedInMigration(view, shard))
    return [wait(view, 'MovingSlots', `shard ${shard.index} hands over once its slot migrations end`)];
  const successor = replicasOf(primary, shard)
    .filter((node) => isStaying(view, node) && isSynced(node))
    .sort((a, b) => b.report.offset - a.report.offset || a.place.ordinal - b.place.ordinal)[0];
  if (successor === undefined)
    return [
      wait(
        view,
        'ReplicasNotInSync',
        `${primary.place.name} is to leave and no replica that stays is in sync to take its role`,
      ),
    ];
  return [
    {
      kind: 'failover',
      replica: refOf(successor),
      primaryId: primary.report.nodeId,
      because: `${primary.place.name} is primary and is to leave`,
    },
  ];
}

/** Shards beyond the spec's number that own nothing are made blank and deleted with their volumes. */
export const removeEmptyShards: Rule = (view) => {
  const shards = leavingShards(view).filter((shard) => shard.workload !== null && !shard.workload.deleting);
  if (shards.length === 0 || !isFormed(view) || view.agreed.disputed.length > 0) return [];
  if (!allSlotsAreHeldByStayers(view)) return [];
  return shards.flatMap((shard) => removeShard(view, shard));
};

function removeShard(view: View, shard: ShardView): readonly Step[] {
  if (involvedInMigration(view, shard)) return [];
  const heard = heardOf(shard.nodes);
  if (heard.some((node) => node.report.slots.length > 0))
    return [wait(view, 'OwnershipSpreading', `shard ${shard.index} is empty and does not know it yet`)];
  const replicas = heard.filter((node) => node.report.role === 'replica');
  // Replicas first: a primary that others follow is not taken from under them.
  const resets = resetsOf(
    replicas.length > 0 ? replicas : heard,
    `the spec has ${plural(view.desired.spec.shards, 'shard')}, and shard ${shard.index} owns no slots any more`,
  );
  if (resets.length > 0) return resets;
  const workload = shard.workload!;
  return [
    {
      kind: 'delete-shard',
      shardIndex: shard.index,
      name: workload.name,
      uid: workload.uid,
      because: `the spec has ${plural(view.desired.spec.shards, 'shard')}, and shard ${shard.index} is empty`,
    },
  ];
}

function resetsOf(nodes: readonly HeardNode[], because: string): Step[] {
  return nodes
    .filter((node) => !isBlank(node.report) && !node.report.loading)
    .map((node) => ({ kind: 'reset', at: refOf(node), role: node.report.role, because }));
}

function involvedInMigration(view: View, shard: ShardView): boolean {
  const ids = new Set(heardOf(shard.nodes).map((node) => node.report.nodeId));
  return heardNodes(view).some((node) =>
    runningExports(node).some((job) => ids.has(job.sourceId) || ids.has(job.targetId)),
  );
}
