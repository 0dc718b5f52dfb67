/**
 * What clients and operators read of the cluster: SLOTS, SHARDS, NODES, INFO, LINKS, REPLICAS, MYID, MYSHARDID.
 */
import type { ClusterNode, Link } from '../cluster/node-table.ts';
import { clientIp, clientPort, preferredEndpoint } from '../cluster/routing.ts';
import { rangesOf } from '../cluster/slot-map.ts';
import type { ClusterState } from '../cluster/state.ts';
import { infoText, nodeLine, nodesText } from '../cluster/views.ts';
import type { Call } from './call.ts';
import { clusterOf, isOverIpv6 } from './cluster-room.ts';

export function clusterNodes(call: Call): void {
  const room = clusterOf(call);
  if (room !== null) call.reply.verbatim(nodesText(room.cluster.state, isOverIpv6(call.client)));
}

export function clusterInfo(call: Call): void {
  const room = clusterOf(call);
  if (room !== null) call.reply.verbatim(infoText(room.cluster.state));
}

export function clusterMyId(call: Call): void {
  const room = clusterOf(call);
  if (room !== null) call.reply.bulkText(room.cluster.myself.name);
}

export function clusterMyShardId(call: Call): void {
  const room = clusterOf(call);
  if (room !== null) call.reply.bulkText(room.cluster.myself.shardId);
}

export function clusterReplicas(call: Call): void {
  const room = clusterOf(call);
  if (room === null) return;
  const { state } = room.cluster;
  const node = state.nodes.find(call.text(2));
  if (node === null) return call.fail(`ERR Unknown node ${call.text(2)}`);
  if (node.isReplica) return call.fail('ERR The specified node is not a master');
  call.reply.array(node.replicas.length);
  for (const replica of node.replicas) call.reply.bulkText(nodeLine(state, replica, isOverIpv6(call.client)));
}

/** Runs of slots with one owner, and who serves them: the primary, then the replicas that can be read. */
export function clusterSlots(call: Call): void {
  const room = clusterOf(call);
  if (room === null) return;
  const { state } = room.cluster;
  const runs = state.nodes
    .all()
    .filter((node) => node.slotCount > 0)
    .flatMap((node) => rangesOf(node.slots).map(({ start, end }) => ({ node, start, end })))
    .sort((a, b) => a.start - b.start);
  call.reply.array(runs.length);
  for (const { node, start, end } of runs) {
    const replicas = node.replicas.filter((replica) => !replica.isFailed && state.offsetOf(replica) !== 0);
    call.reply.array(3 + replicas.length);
    call.reply.integer(start);
    call.reply.integer(end);
    replyEndpoint(call, state, node);
    for (const replica of replicas) replyEndpoint(call, state, replica);
  }
}

function replyEndpoint(call: Call, state: ClusterState, node: ClusterNode): void {
  const { reply } = call;
  const overIpv6 = isOverIpv6(call.client);
  const endpoint = preferredEndpoint(state, node, overIpv6);
  reply.array(4);
  if (endpoint === null) reply.nil();
  else reply.bulkText(endpoint);
  reply.integer(clientPort(node));
  reply.bulkText(node.name);
  const kind = state.settings.preferredEndpoint;
  const extra: [string, string][] = [];
  if (kind !== 'ip') extra.push(['ip', clientIp(node, overIpv6)]);
  if (kind !== 'hostname' && node.hostname !== '') extra.push(['hostname', node.hostname]);
  if (node.availabilityZone !== '') extra.push(['availability-zone', node.availabilityZone]);
  reply.map(extra.length);
  for (const [field, value] of extra) {
    reply.bulkText(field);
    reply.bulkText(value);
  }
}

export function clusterShards(call: Call): void {
  const room = clusterOf(call);
  if (room === null) return;
  const { state } = room.cluster;
  const { reply } = call;
  const shards = [...state.nodes.shardEntries()];
  reply.array(shards.length);
  for (const [id, members] of shards) {
    const owner = members.find((node) => node.slotCount > 0);
    const ranges = owner === undefined ? [] : rangesOf(owner.slots);
    reply.map(3);
    reply.bulkText('slots');
    reply.array(ranges.length * 2);
    for (const { start, end } of ranges) {
      reply.integer(start);
      reply.integer(end);
    }
    reply.bulkText('nodes');
    reply.array(members.length);
    for (const node of members) replyShardNode(call, state, node);
    reply.bulkText('id');
    reply.bulkText(id);
  }
}

function replyShardNode(call: Call, state: ClusterState, node: ClusterNode): void {
  const overIpv6 = isOverIpv6(call.client);
  const offset = state.offsetOf(node);
  const health = node.isFailed ? 'fail' : node.isReplica && offset === 0 ? 'loading' : 'online';
  const fields: [string, string | number][] = [['id', node.name]];
  if (node.port !== 0) fields.push(['port', clientPort(node)]);
  if (node.tlsPort !== 0) fields.push(['tls-port', node.clientTlsPort || node.tlsPort]);
  fields.push(['ip', clientIp(node, overIpv6)], ['endpoint', preferredEndpoint(state, node, overIpv6) ?? '']);
  if (node.hostname !== '') fields.push(['hostname', node.hostname]);
  fields.push(['role', node.isReplica ? 'replica' : 'master'], ['replication-offset', offset], ['health', health]);
  if (node.availabilityZone !== '') fields.push(['availability-zone', node.availabilityZone]);
  replyFields(call, fields);
}

export function replyFields(call: Call, fields: readonly (readonly [string, string | number])[]): void {
  call.reply.map(fields.length);
  for (const [field, value] of fields) {
    call.reply.bulkText(field);
    if (typeof value === 'number') call.reply.integer(value);
    else call.reply.bulkText(value);
  }
}

export function clusterLinks(call: Call): void {
  const room = clusterOf(call);
  if (room === null) return;
  const { state } = room.cluster;
  const links: Link[] = [];
  for (const node of state.nodes.all()) {
    if (node.link !== null) links.push(node.link);
    if (node.inboundLink !== null) links.push(node.inboundLink);
  }
  call.reply.array(links.length);
  for (const link of links) {
    const queued = state.effects.queuedBytes(link.id);
    replyFields(call, [
      ['direction', link.inbound ? 'from' : 'to'],
      ['node', link.node!.name],
      ['create-time', link.createdMs],
      ['events', queued > 0 ? 'rw' : 'r'],
      ['send-buffer-allocated', queued],
      ['send-buffer-used', queued],
    ]);
  }
}
