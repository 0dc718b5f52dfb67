/**
 * Nodes that a change of the spec reaches only through a restart: another image, other resources, a directive that is taken at start.
 * One node at a time, and the next only when the cluster is whole again: replicas first, and a primary hands over before.
 */
import { hashOf, type ShardView, type Step, type View } from '../model/index.ts';
import { applyConfig, differences } from './configure.ts';
import { explainWaiting } from './explain.ts';
import {
  type HeardNode,
  heardNodes,
  heardOf,
  isFormed,
  isStaying,
  isSynced,
  primaryOf,
  refOf,
  replicasOf,
  stayingShards,
  workloadFor,
} from './facts.ts';
import { outstanding, runningExports } from './move-slots.ts';
import { hold, type Rule } from './rule.ts';

/** The first node, in the order of shards and with the primary last, that runs with something older than the spec. */
export const rollOnePod: Rule = (view) => {
  if (!isFormed(view) || !view.agreed.majority || !isCalm(view)) return [];
  for (const shard of stayingShards(view)) {
    const steps = rollShard(view, shard);
    if (steps.length > 0) return steps;
  }
  return [];
};

/** Nothing moves, nothing is waited for, and the workloads are the present ones: a restart would bring the present form. */
function isCalm(view: View): boolean {
  return (
    stayingShards(view).every((shard) => shard.workload?.hash === workloadFor(view, shard.index).hash) &&
    heardNodes(view).every((node) => runningExports(node).length === 0) &&
    outstanding(view).length === 0 &&
    explainWaiting(view).length === 0
  );
}

function rollShard(view: View, shard: ShardView): Step[] {
  const primary = primaryOf(view, shard);
  if (primary === null) return [];
  const reasons = new Map(
    heardOf(shard.nodes)
      .filter((node) => isStaying(view, node))
      .map((node) => [node, reasonToRestart(view, node)]),
  );
  const replica = replicasOf(primary, shard)
    .filter((node) => reasons.get(node))
    .sort((a, b) => b.place.ordinal - a.place.ordinal)[0];
  if (replica !== undefined) return [restart(view, replica, reasons.get(replica)!)];
  const reason = reasons.get(primary);
  if (!reason) return [];
  const successor = replicasOf(primary, shard)
    .filter((node) => isStaying(view, node) && isSynced(node))
    .sort((a, b) => b.report.offset - a.report.offset || a.place.ordinal - b.place.ordinal)[0];
  if (successor !== undefined)
    return [
      {
        kind: 'failover',
        replica: refOf(successor),
        primaryId: primary.report.nodeId,
        because: `${primary.place.name} is primary and is to be restarted: ${reason}`,
      },
    ];
  if (view.desired.spec.persistence.mode === 'None')
    return [
      hold(
        'RestartHeld',
        `${primary.place.name} is to be restarted (${reason}) and would lose its keys: it has neither a replica nor a volume; add a replica`,
      ),
    ];
  return [restart(view, primary, reason)];
}

/** Why the node must be restarted; empty when it need not be. */
function reasonToRestart(view: View, node: HeardNode): string {
  if (node.place.outdated) return 'image, resources or scheduling changed';
  const configHash = hashOf(view.desired.spec.config);
  if (node.restartedFor === configHash || applyConfig(view).length > 0) return '';
  const names = differences(view, node).map(([name]) => name);
  return names.length === 0 ? '' : `${names.join(', ')}: taken at start only`;
}

function restart(view: View, node: HeardNode, because: string): Step {
  return {
    kind: 'restart-node',
    at: refOf(node),
    shardIndex: node.shardIndex,
    uid: node.place.uid,
    role: node.report.role,
    configHash: node.place.outdated ? null : hashOf(view.desired.spec.config),
    because,
  };
}
