/**
 * What is not as it should be and nobody here can change: it takes its time elsewhere. These waits keep the operator
 * looking, and are what a person reads when a cluster is not Ready. A cluster in which they find nothing is Ready:
 * every node of the spec answers, sees all slots served and every replica in sync.
 */
import { countSlots, ELECTION_BOUND_MS, type ShardView, SLOT_COUNT, type Step, type View } from '../model/index.ts';
import {
  absentOwner,
  heardNodes,
  isFormed,
  isJoined,
  isStaying,
  nodesWanted,
  plural,
  primaryOf,
  stayingShards,
} from './facts.ts';
import { type Rule, wait } from './rule.ts';

/** Without the views of more than half of the primaries nothing is a fact, and nothing that rests on facts is done. */
export const waitForMajority: Rule = (view) => {
  const { voters, heard, gone, majority } = view.agreed;
  if (!isFormed(view) || majority) return [];
  return [
    wait(
      view,
      'NoMajority',
      `${heard.length} of ${voters.length} primaries answer${gone.length > 0 ? ` and ${gone.length} certainly run nowhere` : ''}: nothing is decided without more than half of them`,
    ),
  ];
};

export const explainWaiting: Rule = (view) =>
  isFormed(view) ? [...missingNodes(view), ...wrongRoles(view), ...incompleteViews(view)] : [];

function missingNodes(view: View): Step[] {
  return stayingShards(view).flatMap((shard): Step[] => {
    const wanted = nodesWanted(view);
    if (shard.workload?.deleting)
      return [wait(view, 'ShardDeleting', `shard ${shard.index} is still being deleted and is then made again`)];
    const absent = wanted - shard.nodes.filter((node) => node.place.ordinal < wanted).length;
    const silent = shard.nodes.filter((node) => isStaying(view, node) && node.report === null);
    return [
      ...(absent > 0
        ? [wait(view, 'NodesStarting', `${plural(absent, 'node')} of shard ${shard.index} not there yet`)]
        : []),
      ...silent.map((node) =>
        wait(view, 'NodeSilent', `${node.place.name}: ${node.silence?.error ?? 'no address yet'}`),
      ),
    ];
  });
}

function wrongRoles(view: View): Step[] {
  return stayingShards(view).flatMap((shard): Step[] => {
    const primary = primaryOf(view, shard);
    if (primary === null)
      return ownedSlots(view, shard)
        ? [wait(view, 'NoPrimary', `shard ${shard.index} has no primary that answers`)]
        : [];
    return heardNodes(view)
      .filter((node) => node.shardIndex === shard.index && isStaying(view, node))
      .flatMap((node): Step[] => {
        if (node.report.loading) return [wait(view, 'NodeLoading', `${node.place.name} loads its dataset`)];
        if (!isJoined(view, node))
          return [
            wait(
              view,
              'GossipSpreading',
              `${node.place.name} is not known to every primary yet, or does not know them`,
            ),
          ];
        if (node === primary) return [];
        if (node.report.primaryId !== primary.report.nodeId)
          return [wait(view, 'ReplicaNotAttached', `${node.place.name} does not follow ${primary.place.name} yet`)];
        return node.report.linkUp
          ? []
          : [wait(view, 'ReplicasNotInSync', `${node.place.name} is not in sync with ${primary.place.name}`)];
      });
  });
}

/** It has slots to serve, as its replicas or the last status say: a shard that only starts alarms nobody. */
function ownedSlots(view: View, shard: ShardView): boolean {
  return (
    absentOwner(view, shard) !== null ||
    (view.previous?.shardStatuses.some((status) => status.index === shard.index && status.slotCount > 0) ?? false)
  );
}

/** Ready is what every node sees, not what the operator concludes. */
function incompleteViews(view: View): Step[] {
  const { members, majority } = view.agreed;
  // What one node does not see yet while a majority does is news on its way, and no alarm.
  const allServed =
    majority &&
    members.filter((member) => !member.failed).reduce((sum, member) => sum + countSlots(member.slots), 0) ===
      SLOT_COUNT;
  return heardNodes(view)
    .filter((node) => isStaying(view, node))
    .flatMap(({ place, report }): Step[] => {
      const served = report.table
        .filter((entry) => !entry.failed && !entry.suspected)
        .reduce((sum, entry) => sum + countSlots(entry.slots), 0);
      if (served < SLOT_COUNT)
        return [
          wait(
            view,
            allServed ? 'GossipSpreading' : 'SlotsUnserved',
            `${place.name} sees ${plural(SLOT_COUNT - served, 'slot')} without an owner that works`,
          ),
        ];
      if (!report.clusterOk)
        return [wait(view, allServed ? 'GossipSpreading' : 'ClusterDown', `${place.name} sees the cluster down`)];
      const lost = report.table.find(
        (entry) => !entry.myself && (entry.failed || entry.suspected || entry.noAddress) && !entry.handshake,
      );
      return lost === undefined
        ? []
        : [
            wait(
              view,
              'NodeFailed',
              `${place.name} does not reach node ${lost.nodeId.slice(0, 8)}; it is given ${ELECTION_BOUND_MS / 1000} s to be replaced or forgotten`,
            ),
          ];
    });
}
