/**
 * Nodes that come to a cluster that exists: of a new shard, a new replica, or in the place of one that lost its volume.
 */
import type { NodeReport, Step, View } from '../model/index.ts';
import {
  type HeardNode,
  heardNodes,
  isFormed,
  isJoined,
  isStaying,
  knows,
  memberOf,
  plural,
  primaryOf,
  refOf,
  stayingShards,
} from './facts.ts';
import { introduce } from './form.ts';
import { hold, type Rule, wait } from './rule.ts';

/** A node that the cluster does not know is introduced to it: to a primary that owns slots, and gossip carries the rest. */
export const meetNewNodes: Rule = (view) => {
  const hub = heardNodes(view).find((node) => view.agreed.heard.includes(node.report.nodeId));
  if (hub === undefined || !view.agreed.majority) return [];
  const newcomers = heardNodes(view).filter(
    (node) => isStaying(view, node) && !node.report.loading && !knows(hub.report, node.report.nodeId),
  );
  return newcomers.flatMap((node): Step[] => {
    if (node.report.slots.length > 0)
      return [
        hold(
          'StrangeNode',
          `${node.place.name} claims ${plural(node.report.slots.length, 'range')} of slots and the cluster does not know it: it may hold data that the cluster lacks; look at it, then remove its volume`,
        ),
      ];
    if (!keepsCompany(view, hub.report, node.report)) return [resetStranger(node)];
    return introduce(view, hub, [node]);
  });
};

/** Everyone it knows is known to the cluster or is one of its nodes: to introduce it brings in nobody else. */
function keepsCompany(view: View, hub: NodeReport, newcomer: NodeReport): boolean {
  const ours = new Set([
    ...hub.table.map((entry) => entry.nodeId),
    ...heardNodes(view).map((node) => node.report.nodeId),
  ]);
  return newcomer.table.every((entry) => entry.myself || entry.handshake || ours.has(entry.nodeId));
}

function resetStranger(node: HeardNode): Step {
  return {
    kind: 'reset',
    at: refOf(node),
    role: node.report.role,
    because: `${node.place.name} remembers nodes that the cluster does not know, and owns no slots`,
  };
}

/** Every node of a shard but its primary follows the primary. */
export const attachReplicas: Rule = (view) => {
  if (!isFormed(view) || !view.agreed.majority) return [];
  return stayingShards(view).flatMap((shard): Step[] => {
    const primary = primaryOf(view, shard);
    if (primary === null || primary.report.loading || !isJoined(view, primary)) return [];
    return shard.nodes
      .filter((node): node is HeardNode => node.report !== null && node !== primary && isStaying(view, node))
      .flatMap((node) => attach(view, node, primary));
  });
};

function attach(view: View, node: HeardNode, primary: HeardNode): Step[] {
  const { report, place } = node;
  if (!isJoined(view, node) || !knows(report, primary.report.nodeId) || report.loading) return [];
  const step: Step = {
    kind: 'replicate',
    at: refOf(node),
    primary: refOf(primary),
    because: `${place.name} is of shard ${node.shardIndex}, whose primary is ${primary.place.name}`,
  };
  if (report.role === 'replica')
    return report.primaryId === primary.report.nodeId || isLastHope(view, report) ? [] : [step];
  // An owner of slots that was voted out learns it from the others, and then follows by itself.
  if (report.slots.length > 0 || (memberOf(view, report.nodeId)?.slots.length ?? 0) > 0) return [];
  if (report.keys > 0)
    return [
      wait(
        view,
        'LeftoverKeys',
        `${place.name} still deletes ${plural(report.keys, 'key')} of slots that it gave away`,
      ),
    ];
  return [step];
}

/** It follows an owner of slots that does not answer: it may hold the only copy of that owner's data. */
function isLastHope(view: View, report: NodeReport): boolean {
  const followed = report.primaryId === null ? undefined : memberOf(view, report.primaryId);
  return followed !== undefined && followed.slots.length > 0 && followed.presence !== 'present';
}
