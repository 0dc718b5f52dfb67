/**
 * What nodes tell each other all the time: pings and pongs with news about some other nodes and about the sender itself.
 * Source: Valkey 9.1 cluster bus: which nodes are gossiped, when news is believed.
 */

import type { BusHeader } from './bus-codec.ts';
import { encodePing, type GossipEntry, MEET, PING, type PingExtensions, PONG } from './bus-codec.ts';
import { addFailureReport, failureReports, markFailingIfAgreed } from './failure-detection.ts';
import { GOSSIP_CLOCK_TOLERANCE_MS, GOSSIP_PERCENT, MIN_GOSSIP_ENTRIES, SECOND_MS } from './limits.ts';
import { FAIL, HANDSHAKE, NOADDR, PFAIL } from './node-flags.ts';
import type { ClusterNode, Link } from './node-table.ts';
import { type ClusterState, called, SAVE, SAVE_DURABLY, UPDATE_STATE } from './state.ts';

/** `evenSilent`: also while a restarted owner has to be silent (restart-rule.ts). */
export function sendPing(state: ClusterState, link: Link, type: 0 | 1 | 2, evenSilent = false): void {
  if (state.silent && !evenSilent) return;
  const receiver = link.node;
  if (receiver !== null && !link.inbound) {
    if (type === PING) receiver.pingSentMs = state.nowMs;
    else if (type === MEET) receiver.meetSentMs = state.nowMs;
  }
  const gossip = gossipFor(state, receiver).map(entryOf);
  const extended = link.extensions || receiver?.supportsExtensions === true;
  state.send(link, encodePing(type, state.header(), gossip, extended ? extensionsOf(state) : null), type, evenSilent);
}

/** Some nodes at random, and all that may be failing, so that agreement about them is quick. */
function gossipFor(state: ClusterState, receiver: ClusterNode | null): ClusterNode[] {
  const { nodes, random } = state;
  const wanted = Math.min(
    Math.max(MIN_GOSSIP_ENTRIES, Math.floor((nodes.size * GOSSIP_PERCENT) / 100)),
    nodes.size - 2,
  );
  const chosen: ClusterNode[] = [];
  if (wanted > 0) {
    for (const node of nodes.some(wanted + 2, random.uint32())) {
      if (chosen.length >= wanted) break;
      if (node.isMyself || node === receiver || node.has(PFAIL | HANDSHAKE | NOADDR)) continue;
      if (node.link === null && node.slotCount === 0) continue;
      chosen.push(node);
    }
  }
  if (state.possiblyFailing > 0) {
    for (const node of nodes.all()) if (node.has(PFAIL) && !node.has(HANDSHAKE | NOADDR)) chosen.push(node);
  }
  return chosen;
}

function entryOf(node: ClusterNode): GossipEntry {
  return {
    name: node.name,
    pingSentSeconds: Math.floor(node.pingSentMs / SECOND_MS),
    pongReceivedSeconds: Math.floor(node.pongReceivedMs / SECOND_MS),
    ip: node.ip,
    port: node.port,
    tlsPort: node.tlsPort,
    busPort: node.busPort,
    flags: node.flags,
  };
}

function extensionsOf(state: ClusterState): PingExtensions {
  const { myself, nowMs } = state;
  const forgotten = [...state.forgotten]
    .filter(([, untilMs]) => untilMs >= nowMs)
    .map(([name, untilMs]) => ({ name, ttlSeconds: Math.floor((untilMs - nowMs) / SECOND_MS) }));
  return {
    hostname: myself.hostname,
    humanNodename: myself.humanNodename,
    clientIpv4: myself.clientIpv4,
    clientIpv6: myself.clientIpv6,
    clientPort: myself.clientPort,
    clientTlsPort: myself.clientTlsPort,
    availabilityZone: myself.availabilityZone,
    forgotten,
    shardId: myself.shardId,
  };
}

/** Tells everybody at once: a new configuration should not wait for the next ping. */
export function broadcastPong(state: ClusterState): void {
  for (const node of state.nodes.all()) {
    if (node.link !== null && !node.isMyself && !node.inHandshake) sendPing(state, node.link, PONG);
  }
}

/** Tells the other replicas of this node's primary, so that they know its offset before an election. */
export function pongToSiblings(state: ClusterState): void {
  const { myself } = state;
  for (const node of state.nodes.all()) {
    if (node.link === null || node.isMyself || !node.isReplica || node.replicaOf === null) continue;
    if (node.replicaOf === myself || node.replicaOf === myself.replicaOf) sendPing(state, node.link, PONG);
  }
}

/** News about other nodes. `sender` null: it is unknown, only its MEET makes us listen. */
export function processGossip(state: ClusterState, sender: ClusterNode | null, gossip: readonly GossipEntry[]): void {
  for (const entry of gossip) {
    const node = state.nodes.find(entry.name);
    if (node === null) learnNode(state, sender, entry);
    else if (!node.isMyself) processNews(state, sender, node, entry);
  }
}

function processNews(state: ClusterState, sender: ClusterNode | null, node: ClusterNode, entry: GossipEntry): void {
  const saidFailing = (entry.flags & (FAIL | PFAIL)) !== 0;
  if (sender !== null) {
    if (saidFailing) {
      if (sender.isVoter && addFailureReport(state, node, sender)) {
        state.log('verbose', `Node ${called(sender)} reported node ${called(node)} as not reachable.`);
      }
      markFailingIfAgreed(state, node);
    } else if (node.failureReports.delete(sender)) {
      state.log('verbose', `Node ${called(sender)} reported node ${called(node)} is back online.`);
    }
  }

  if (!saidFailing && node.isReachable && node.pingSentMs === 0 && failureReports(state, node) === 0) {
    const pongMs = entry.pongReceivedSeconds * SECOND_MS;
    if (pongMs <= state.nowMs + GOSSIP_CLOCK_TOLERANCE_MS && pongMs > node.pongReceivedMs) node.pongReceivedMs = pongMs;
  }

  // We cannot reach it, the sender can, at another address: it moved. A silent owner judges nobody, but needs addresses.
  const unreachable = node.has(FAIL | PFAIL) || (state.silent && node.link === null && node.inboundLink === null);
  const moved =
    node.ip.toLowerCase() !== entry.ip.toLowerCase() ||
    node.port !== entry.port ||
    node.tlsPort !== entry.tlsPort ||
    node.busPort !== entry.busPort;
  if (unreachable && !saidFailing && (entry.flags & NOADDR) === 0 && moved) {
    setAddress(state, node, entry.ip, entry.port, entry.tlsPort, entry.busPort);
  }
}

function learnNode(state: ClusterState, sender: ClusterNode | null, entry: GossipEntry): void {
  // Only known nodes may introduce others: an unknown one might be of another cluster.
  if (sender === null || (entry.flags & NOADDR) !== 0 || state.isForgotten(entry.name)) return;
  if (state.nodes.isFull) {
    state.log(
      'warning',
      `Node ${entry.name} at ${entry.ip}:${entry.port} is not taken up: ${state.nodes.size} nodes are known, the limit.`,
    );
    return;
  }
  const node = state.newNode(entry.name, entry.flags);
  node.ip = entry.ip;
  node.port = entry.port;
  node.tlsPort = entry.tlsPort;
  node.busPort = entry.busPort;
  state.nodes.add(node);
  state.nodes.addToShard(node);
}

function setAddress(
  state: ClusterState,
  node: ClusterNode,
  ip: string,
  port: number,
  tlsPort: number,
  busPort: number,
): void {
  if (node.link !== null) state.closeLink(node.link);
  node.ip = ip;
  node.port = port;
  node.tlsPort = tlsPort;
  node.busPort = busPort;
  node.flags &= ~NOADDR;
  state.log('notice', `Address updated for node ${called(node)}, now ${ip}:${port}`);
  if (state.myself.replicaOf === node) state.effects.becomeReplicaOf(node.ip, node.port, false);
}

/** A packet on any link but our own to the node shows where it is now. Returns whether that changed. */
export function updateAddress(state: ClusterState, node: ClusterNode, link: Link, header: BusHeader): boolean {
  if (link === node.link) return false;
  const ip = header.ip || link.peerIp;
  if (ip === '') return false;
  if (node.ip === ip && node.port === header.port && node.tlsPort === header.tlsPort && node.busPort === header.busPort)
    return false;
  setAddress(state, node, ip, header.port, header.tlsPort, header.busPort);
  return true;
}

/** What a node says of itself beyond its header. */
export function processExtensions(state: ClusterState, sender: ClusterNode, extensions: PingExtensions): void {
  for (const { name, ttlSeconds } of extensions.forgotten) {
    const node = state.nodes.find(name);
    if (node === null || node.isMyself || state.myself.replicaOf === node) continue;
    state.forgetFor(name, ttlSeconds * SECOND_MS);
    state.removeNode(node);
    state.later(UPDATE_STATE | SAVE);
    if (node === sender) return;
  }
  const changed =
    sender.hostname !== extensions.hostname ||
    sender.humanNodename !== extensions.humanNodename ||
    sender.clientIpv4 !== extensions.clientIpv4 ||
    sender.clientIpv6 !== extensions.clientIpv6 ||
    sender.clientPort !== extensions.clientPort ||
    sender.clientTlsPort !== extensions.clientTlsPort ||
    sender.availabilityZone !== extensions.availabilityZone;
  if (changed) {
    sender.hostname = extensions.hostname;
    sender.humanNodename = extensions.humanNodename;
    sender.clientIpv4 = extensions.clientIpv4;
    sender.clientIpv6 = extensions.clientIpv6;
    sender.clientPort = extensions.clientPort;
    sender.clientTlsPort = extensions.clientTlsPort;
    sender.availabilityZone = extensions.availabilityZone;
    state.later(SAVE);
  }
  updateShard(state, sender, extensions.shardId || sender.shardPrimary.shardId);
}

/** A replica is in the shard of its primary, whatever is said: otherwise the two could differ on disk after a crash. */
export function updateShard(state: ClusterState, node: ClusterNode, shardId: string): void {
  if (node.isReplica && node.shardPrimary.shardId !== shardId) {
    state.log(
      'notice',
      `Shard id ${shardId} update request for node id ${node.name} diverges from existing primary shard id ${node.shardPrimary.shardId}, rejecting!`,
    );
    return;
  }
  if (node.shardId !== shardId) {
    state.nodes.setShard(node, shardId);
    state.later(SAVE);
  }
  const { myself } = state;
  if (node !== myself && myself.replicaOf === node && myself.shardId !== shardId) {
    state.nodes.setShard(myself, shardId);
    state.later(SAVE_DURABLY);
  }
}
