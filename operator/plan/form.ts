/**
 * From blank nodes to a cluster: everyone is introduced to one seed, gossip makes everyone known to everyone, and the first
 * node of each shard is given its share of the slots. It happens once in a cluster's life, and never over data.
 */
import {
  countSlots,
  SLOT_COUNT,
  type SlotRange,
  type Step,
  showRange,
  slotsOf,
  toRanges,
  type View,
} from '../model/index.ts';
import { sameAddress } from './addresses.ts';
import {
  type HeardNode,
  heardNodes,
  isFormed,
  isJoined,
  isStaying,
  knows,
  nodesWanted,
  plural,
  primaryOf,
  refOf,
  stayingShards,
} from './facts.ts';
import { hold, type Rule, wait } from './rule.ts';

/** Slots of shard `index` among `shards` in a new cluster: contiguous, and equal but for one. */
export function initialRange(index: number, shards: number): SlotRange {
  return { start: Math.floor((index * SLOT_COUNT) / shards), end: Math.floor(((index + 1) * SLOT_COUNT) / shards) - 1 };
}

/** Nodes that nobody made a cluster of yet become one, when all of them answer and none holds a key. */
export const formCluster: Rule = (view): readonly Step[] => {
  if (isFormed(view)) return [];
  const unheard = missingNodes(view);
  if (unheard.length > 0)
    return [
      wait(
        view,
        'NodesStarting',
        `a cluster is formed once all nodes answer; missing: ${unheard.slice(0, 4).join(', ')}${unheard.length > 4 ? ` and ${unheard.length - 4} more` : ''}`,
      ),
    ];
  const holder = heardNodes(view).find((node) => node.report.keys > 0);
  if (holder !== undefined) return [dataWithoutCluster(view, holder)];
  const nodes = heardNodes(view).filter((node) => isStaying(view, node));
  const meetings = introduce(view, nodes[0]!, nodes.slice(1));
  if (meetings.length > 0) return meetings;
  if (nodes.some((node) => nodes.some((other) => other !== node && !knows(node.report, other.report.nodeId))))
    return [wait(view, 'GossipSpreading', 'the nodes are getting to know each other')];
  const assignments = initialAssignments(view);
  return assignments.length > 0
    ? assignments
    : [wait(view, 'GossipSpreading', 'the slots are assigned and the nodes are telling each other')];
};

/** Nodes that must answer before a cluster is made: all that are wanted, and any other that runs, for it might hold data. */
function missingNodes(view: View): string[] {
  const missing: string[] = [];
  for (const shard of view.shards) {
    for (const node of shard.nodes)
      if (node.report === null) missing.push(`${node.place.name} (${node.silence?.error ?? 'no address'})`);
  }
  for (const shard of stayingShards(view)) {
    const expected = Math.max(nodesWanted(view) - shard.nodes.length, 0);
    if (expected > 0) missing.push(`${plural(expected, 'node')} of shard ${shard.index}`);
  }
  return missing;
}

function dataWithoutCluster(view: View, holder: HeardNode): Step {
  const claimed = heardNodes(view).some((node) => node.report.slots.length > 0);
  const because = `${holder.place.name} holds ${plural(holder.report.keys, 'key')} and no majority says who owns which slots; a cluster is never formed over data`;
  return claimed
    ? wait(view, 'SlotsDisputed', because)
    : hold('DataWithoutCluster', `${because}: restore its nodes.conf, or remove its volume if the data is not wanted`);
}

/** Introductions at `seed` of those it neither knows nor is just greeting. */
export function introduce(view: View, seed: HeardNode, others: readonly HeardNode[]): Step[] {
  return others
    .filter((node) => !knows(seed.report, node.report.nodeId) && !isGreeting(seed, node))
    .map((node) => ({
      kind: 'meet',
      at: refOf(seed),
      target: refOf(node),
      cluster: view.clusterUid,
      because: `${node.place.name} is new to the cluster`,
    }));
}

function isGreeting(seed: HeardNode, node: HeardNode): boolean {
  return seed.report.table.some((entry) => entry.handshake && sameAddress(entry.address, node.place.address!));
}

function initialAssignments(view: View): Step[] {
  const claimed = new Set(heardNodes(view).flatMap((node) => [...slotsOf(node.report.slots)]));
  return assignShares(view, (slot) => !claimed.has(slot));
}

/** Slots that a majority says nobody owns, and that nobody claims, go to the shard in whose share they lie. */
export const assignUnownedSlots: Rule = (view) => {
  const { unassigned, majority, disputed } = view.agreed;
  if (!majority || unassigned.length === 0 || disputed.length > 0) return [];
  const claimed = new Set(heardNodes(view).flatMap((node) => [...slotsOf(node.report.slots)]));
  const free = new Set([...slotsOf(unassigned)].filter((slot) => !claimed.has(slot)));
  return assignShares(view, (slot) => free.has(slot));
};

function assignShares(view: View, isFree: (slot: number) => boolean): Step[] {
  const shards = stayingShards(view);
  return shards.flatMap((shard, index): Step[] => {
    const ranges = toRanges([...slotsOf([initialRange(index, shards.length)])].filter(isFree));
    const primary = primaryOf(view, shard);
    if (ranges.length === 0 || primary === null || (isFormed(view) && !isJoined(view, primary))) return [];
    return [
      {
        kind: 'assign-slots',
        at: refOf(primary),
        ranges,
        because: `nobody owns ${plural(countSlots(ranges), 'slot')} (${ranges.slice(0, 3).map(showRange).join(' ')}${ranges.length > 3 ? ' …' : ''}) of shard ${shard.index}'s share`,
      },
    ];
  });
}
