/**
 * The cluster as text: CLUSTER NODES, CLUSTER INFO, CLUSTER REPLICAS.
 * Source: Valkey 9.1.
 */
import { TYPE_NAMES } from './bus-codec.ts';
import { PFAIL } from './node-flags.ts';
import type { ClusterNode } from './node-table.ts';
import { describeNode } from './nodes-conf.ts';
import { clientIp, clientPort } from './routing.ts';
import type { ClusterState } from './state.ts';

export function nodeLine(state: ClusterState, node: ClusterNode, overIpv6: boolean): string {
  const hostname = node.hostname === '' ? '' : `,${node.hostname}`;
  return describeNode(state, node, `${clientIp(node, overIpv6)}:${clientPort(node)}@${node.busPort}${hostname}`);
}

export function nodesText(state: ClusterState, overIpv6: boolean): string {
  return state.nodes
    .all()
    .map((node) => `${nodeLine(state, node, overIpv6)}\n`)
    .join('');
}

export function infoText(state: ClusterState): string {
  const slots = { assigned: 0, ok: 0, pfail: 0, fail: 0 };
  const nodes = { pfail: 0, fail: 0, votingPfail: 0, votingFail: 0 };
  for (const node of state.nodes.all()) {
    const kind = node.isFailed ? 'fail' : node.has(PFAIL) ? 'pfail' : 'ok';
    slots.assigned += node.slotCount;
    slots[kind] += node.slotCount;
    if (kind === 'ok') continue;
    nodes[kind]++;
    if (node.isVoter) nodes[kind === 'pfail' ? 'votingPfail' : 'votingFail']++;
  }
  const lines = [
    `cluster_state:${state.isOk ? 'ok' : 'fail'}`,
    `cluster_slots_assigned:${slots.assigned}`,
    `cluster_slots_ok:${slots.ok}`,
    `cluster_slots_pfail:${slots.pfail}`,
    `cluster_slots_fail:${slots.fail}`,
    `cluster_nodes_pfail:${nodes.pfail}`,
    `cluster_nodes_fail:${nodes.fail}`,
    `cluster_voting_nodes_pfail:${nodes.votingPfail}`,
    `cluster_voting_nodes_fail:${nodes.votingFail}`,
    `cluster_known_nodes:${state.nodes.size}`,
    `cluster_size:${state.size}`,
    `cluster_current_epoch:${state.currentEpoch}`,
    `cluster_my_epoch:${state.myself.shardEpoch}`,
    ...messageCounts(state.sentByType, 'sent'),
    ...messageCounts(state.receivedByType, 'received'),
    `cluster_stats_bytes_sent:${state.bytesSent}`,
    `cluster_stats_bytes_received:${state.bytesReceived}`,
    `cluster_stats_pubsub_bytes_sent:${state.pubsubBytesSent}`,
    `cluster_stats_pubsub_bytes_received:${state.pubsubBytesReceived}`,
    `cluster_stats_module_bytes_sent:${state.moduleBytesSent}`,
    `cluster_stats_module_bytes_received:${state.moduleBytesReceived}`,
    `total_cluster_links_buffer_limit_exceeded:${state.linksOverLimit}`,
  ];
  return lines.map((line) => `${line}\r\n`).join('');
}

function messageCounts(counts: Float64Array, direction: 'sent' | 'received'): string[] {
  const lines: string[] = [];
  let total = 0;
  for (const [type, count] of counts.entries()) {
    if (count === 0) continue;
    total += count;
    lines.push(`cluster_stats_messages_${TYPE_NAMES[type]}_${direction}:${count}`);
  }
  lines.push(`cluster_stats_messages_${direction}:${total}`);
  return lines;
}
