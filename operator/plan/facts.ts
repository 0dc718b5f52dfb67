/**
 * Questions that several rules ask of a view. Pure, and free of policy: what follows from an answer is the rules' business.
 */
import {
  countSlots,
  type Member,
  type NodeRef,
  type NodeReport,
  type NodeView,
  type ShardView,
  type ShardWorkload,
  SLOT_COUNT,
  shardWorkload,
  type View,
} from '../model/index.ts';

/** A node that answered in this look. */
export interface HeardNode extends NodeView {
  readonly report: NodeReport;
  readonly silence: null;
}

export function heardOf(nodes: readonly NodeView[]): HeardNode[] {
  return nodes.filter((node): node is HeardNode => node.report !== null && node.place.address !== undefined);
}

export function heardNodes(view: View): HeardNode[] {
  return view.shards.flatMap((shard) => heardOf(shard.nodes));
}

export function refOf(node: HeardNode): NodeRef {
  return { name: node.place.name, nodeId: node.report.nodeId, address: node.place.address! };
}

export function nodesWanted(view: View): number {
  return 1 + view.desired.spec.replicas;
}

export function isLeavingShard(view: View, shard: ShardView): boolean {
  return shard.index >= view.desired.spec.shards;
}

export function stayingShards(view: View): ShardView[] {
  return view.shards.filter((shard) => !isLeavingShard(view, shard));
}

export function leavingShards(view: View): ShardView[] {
  return view.shards.filter((shard) => isLeavingShard(view, shard));
}

/** Whether the node's ordinal is one that its shard is to have. */
export function isStaying(view: View, node: NodeView): boolean {
  return node.shardIndex < view.desired.spec.shards && node.place.ordinal < nodesWanted(view);
}

export function workloadFor(view: View, shardIndex: number): ShardWorkload {
  return shardWorkload(view.desired, shardIndex, view.image);
}

/** Some primary owns slots: there is a cluster. */
export function isFormed(view: View): boolean {
  return view.agreed.voters.length > 0;
}

/** A node that knows nobody, owns nothing and holds nothing. */
export function isBlank(report: NodeReport): boolean {
  return (
    report.role === 'primary' &&
    report.slots.length === 0 &&
    report.keys === 0 &&
    !report.loading &&
    report.table.every((entry) => entry.myself)
  );
}

export function memberOf(view: View, nodeId: string): Member | undefined {
  return view.agreed.members.find((member) => member.nodeId === nodeId);
}

/** Slots that a majority says the node owns. */
export function agreedSlotCount(view: View, nodeId: string): number {
  return countSlots(memberOf(view, nodeId)?.slots ?? []);
}

export function knows(report: NodeReport, nodeId: string): boolean {
  return report.table.some((entry) => entry.nodeId === nodeId && !entry.handshake);
}

/** The node is part of the cluster in both directions: it knows every voter, and every voter heard knows it. */
export function isJoined(view: View, node: HeardNode): boolean {
  const { voters, heard } = view.agreed;
  const { nodeId } = node.report;
  return (
    voters.every((voter) => voter === nodeId || knows(node.report, voter)) &&
    heardNodes(view).every(
      ({ report }) => !heard.includes(report.nodeId) || report.nodeId === nodeId || knows(report, nodeId),
    )
  );
}

/**
 * Who holds the primary role in a shard, as far as it was heard: the owner of slots; without one, the primary that others
 * follow; without followers, the lowest ordinal. Null while nobody who could answers.
 */
export function primaryOf(view: View, shard: ShardView): HeardNode | null {
  const heard = heardOf(shard.nodes);
  const primaries = heard.filter((node) => node.report.role === 'primary');
  const owners = primaries
    .filter((node) => agreedSlotCount(view, node.report.nodeId) > 0)
    .sort((a, b) => b.report.configEpoch - a.report.configEpoch);
  if (owners.length > 0) return owners[0]!;
  // An owner that does not answer keeps its role until somebody takes it over.
  if (absentOwner(view, shard) !== null) return null;
  const followed = primaries.find((node) => heard.some((other) => other.report.primaryId === node.report.nodeId));
  return followed ?? primaries.find((node) => isStaying(view, node)) ?? primaries[0] ?? null;
}

/** The owner of slots whom this shard's replicas follow and who does not answer. */
export function absentOwner(view: View, shard: ShardView): Member | null {
  for (const node of heardOf(shard.nodes)) {
    const member = node.report.primaryId === null ? undefined : memberOf(view, node.report.primaryId);
    if (member !== undefined && member.slots.length > 0 && member.presence !== 'present') return member;
  }
  return null;
}

export function replicasOf(primary: HeardNode, shard: ShardView): HeardNode[] {
  return heardOf(shard.nodes).filter(
    (node) => node.report.role === 'replica' && node.report.primaryId === primary.report.nodeId,
  );
}

/** Follows the primary, with its link up and nothing left to load. */
export function isSynced(replica: HeardNode): boolean {
  return replica.report.linkUp && !replica.report.loading;
}

/** The replicas that the spec wants are there and in sync: the shard may be given slots. */
export function isReplicated(view: View, shard: ShardView, primary: HeardNode): boolean {
  return (
    replicasOf(primary, shard).filter((replica) => isSynced(replica) && isStaying(view, replica)).length >=
    Math.min(view.desired.spec.replicas, nodesWanted(view) - 1)
  );
}

/** All slots have an agreed owner, and every owner answers from a place that stays: what is elsewhere holds nothing that is not held here. */
export function allSlotsAreHeldByStayers(view: View): boolean {
  const stayers = heardNodes(view).filter((node) => isStaying(view, node) && node.report.role === 'primary');
  return (
    view.agreed.majority &&
    stayers.reduce((sum, node) => sum + agreedSlotCount(view, node.report.nodeId), 0) === SLOT_COUNT
  );
}

/** "1 key", "2 keys". */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
