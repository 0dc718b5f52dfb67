/**
 * What a packet changes: one function per kind of message, called by cluster.ts with a decoded message.
 * Source: Valkey 9.1 cluster bus.
 */
import { AUTH_ACK, AUTH_REQUEST, type BusHeader, type BusMessage, MEET, PING, PONG } from './bus-codec.ts';
import { onNewerEpoch, onVote, onVoteRequest } from './election.ts';
import { resolveCollision } from './epochs.ts';
import { markFailing, onAlive, sendFail } from './failure-detection.ts';
import { processExtensions, processGossip, sendPing, updateAddress, updateShard } from './gossip.ts';
import { handshakeTimeoutMs } from './links.ts';
import { onFailoverWanted, onPausedOffset } from './manual-failover.ts';
import {
  EXTENSIONS,
  FAIL,
  HANDSHAKE,
  LIGHT_MODULE,
  LIGHT_PUBLISH,
  MEET_PENDING,
  MIGRATE_TO,
  MY_PRIMARY_FAIL,
  MYSELF,
  NOADDR,
  NOFAILOVER,
  PRIMARY,
  REPLICA,
} from './node-flags.ts';
import type { ClusterNode, Link } from './node-table.ts';
import { followPrimary, setAsPrimary } from './roles.ts';
import { applyClaim, correctOldClaim, moveAllSlots, releaseAllSlots } from './slot-claims.ts';
import { sameBits } from './slot-map.ts';
import { BROADCAST_PONG, type ClusterState, called, SAVE, SAVE_DURABLY, UPDATE_STATE } from './state.ts';

type Ping = Extract<BusMessage, { kind: 'ping' }>;

/** Returns the known sender; null when the packet came from nobody we know, or its link was closed. */
export function receive(state: ClusterState, link: Link, message: BusMessage): ClusterNode | null {
  if (message.header === null) return receiveLight(state, link, message);
  const { header } = message;
  const sender = senderOf(state, link, header);
  if (header.extensionData) link.extensions = true;
  if (sender !== null) noteSender(state, sender, link, header);
  if (message.kind === 'ping') return receivePing(state, link, message, sender);
  if (sender === null) {
    if (message.kind === 'fail')
      state.log('notice', `Ignoring FAIL message from unknown node ${header.sender} about ${message.failing}`);
    return null;
  }
  switch (message.kind) {
    case 'fail':
      receiveFail(state, sender, message.failing);
      break;
    case 'publish':
      state.effects.publish(message.channel, message.message, message.type !== 4);
      break;
    case 'bare':
      if (message.type === AUTH_REQUEST) onVoteRequest(state, sender, header);
      else if (message.type === AUTH_ACK) onVote(state, sender, header.currentEpoch);
      else onFailoverWanted(state, sender, link);
      break;
    case 'update':
      receiveUpdate(state, sender, message);
      break;
    case 'module':
      // No module of this server uses the bus.
      break;
  }
  return sender;
}

function receiveLight(state: ClusterState, link: Link, message: BusMessage): ClusterNode | null {
  if (link.node === null || link.node.inHandshake) {
    state.log('notice', 'Closing link of a node that sent a lightweight message as its first message on the link');
    state.closeLink(link);
    return null;
  }
  link.node.dataReceivedMs = state.nowMs;
  if (message.kind === 'publish') state.effects.publish(message.channel, message.message, message.type !== 4);
  return link.node;
}

/** The node of the link; of a link that has none yet, the node that the packet names. */
function senderOf(state: ClusterState, link: Link, header: BusHeader): ClusterNode | null {
  if (link.node !== null && !link.node.inHandshake) return link.node;
  const sender = state.nodes.find(header.sender);
  if (sender !== null && link.node === null) bindInbound(state, sender, link);
  return sender;
}

/** A node has one inbound link: an older one is a leftover of a lost connection. */
function bindInbound(state: ClusterState, node: ClusterNode, link: Link): void {
  if (node.inboundLink !== null) state.closeLink(node.inboundLink);
  node.inboundLink = link;
  link.node = node;
}

const ANNOUNCED = LIGHT_PUBLISH | LIGHT_MODULE | MY_PRIMARY_FAIL;

function noteSender(state: ClusterState, sender: ClusterNode, link: Link, header: BusHeader): void {
  if (link.extensions) sender.flags |= EXTENSIONS;
  sender.flags = (sender.flags & ~ANNOUNCED) | (header.flags & ANNOUNCED);
  sender.dataReceivedMs = state.nowMs;
  if (sender.inHandshake || sender.isMyself) return;

  if (header.currentEpoch > state.currentEpoch) state.currentEpoch = header.currentEpoch;
  if (header.replicaOf === '' && header.configEpoch > sender.configEpoch) {
    sender.configEpoch = header.configEpoch;
    state.later(SAVE_DURABLY);
    onNewerEpoch(state, sender);
  }
  sender.offset = header.offset;
  const { manualFailover, myself } = state;
  if (
    manualFailover.endMs !== 0 &&
    myself.replicaOf === sender &&
    header.paused &&
    manualFailover.primaryOffset === -1
  ) {
    onPausedOffset(state, header.offset);
  }
}

function receivePing(state: ClusterState, link: Link, message: Ping, sender: ClusterNode | null): ClusterNode | null {
  const { header, type } = message;
  if (type === PING || type === MEET) {
    learnOwnAddress(state, link, type);
    if (type === MEET) receiveMeet(state, link, message, sender);
    sendPing(state, link, PONG, type === MEET && sender === null);
  }

  if (sender?.has(MEET_PENDING)) {
    sender.flags &= ~MEET_PENDING;
    state.log('notice', `Successfully completed handshake with ${called(sender)}`);
  }
  if (!link.inbound && !confirmPeer(state, link, header, sender)) return null;

  if (sender !== null) {
    if ((sender.flags & NOFAILOVER) !== (header.flags & NOFAILOVER)) {
      sender.flags ^= NOFAILOVER;
      state.later(SAVE);
    }
    if (
      (type === PING || (type === MEET && state.silent)) &&
      !sender.inHandshake &&
      updateAddress(state, sender, link, header)
    )
      state.later(SAVE | UPDATE_STATE);
  }
  if (!link.inbound && type === PONG && link.node !== null) {
    link.node.pongReceivedMs = state.nowMs;
    link.node.pingSentMs = 0;
    onAlive(state, link.node);
  }
  // A handshake ends here: who the peer is, is known; what it says comes with its next packet.
  if (sender === null || sender.isMyself) return null;
  learnConfiguration(state, sender, message);
  return sender;
}

/** Peers reach this node at the address they dialled. */
function learnOwnAddress(state: ClusterState, link: Link, type: number): void {
  const { myself } = state;
  if (state.settings.announceIp !== '' || (type !== MEET && myself.ip !== '')) return;
  if (link.localIp === '' || link.localIp === myself.ip) return;
  myself.ip = link.localIp;
  state.log('notice', `IP address for this node updated to ${myself.ip}`);
  state.later(SAVE);
}

function receiveMeet(state: ClusterState, link: Link, message: Ping, sender: ClusterNode | null): void {
  const { header } = message;
  if (sender !== null) {
    // It thinks that we do not know it: a new connection of ours will show it that we do.
    if (sender.link !== null && sender.link !== link && state.nowMs - sender.createdMs > handshakeTimeoutMs(state))
      state.closeLink(sender.link);
    return;
  }
  if (link.node === null) {
    const ip = header.ip || link.peerIp;
    if (ip === '' || state.nodes.isFull) return;
    const node = state.newNode(state.randomName(), HANDSHAKE | (link.extensions ? EXTENSIONS : 0));
    node.ip = ip;
    node.port = header.port;
    node.tlsPort = header.tlsPort;
    node.busPort = header.busPort;
    state.nodes.add(node);
    bindInbound(state, node, link);
    state.later(SAVE);
  }
  processGossip(state, null, message.gossip);
}

/** The answer on a link that we dialled: is it the node that we wanted? Returns false when the link is closed. */
function confirmPeer(state: ClusterState, link: Link, header: BusHeader, sender: ClusterNode | null): boolean {
  const node = link.node!;
  if (node.inHandshake) {
    if (sender !== null) {
      if (updateAddress(state, sender, link, header)) state.later(SAVE | UPDATE_STATE);
      state.removeNode(node);
      return false;
    }
    state.nodes.rename(node, header.sender);
    state.nodes.addToShard(node);
    node.flags = (node.flags & ~HANDSHAKE) | (header.flags & (PRIMARY | REPLICA));
    state.later(SAVE);
    return true;
  }
  if (node.name === header.sender) return true;

  // Another node has this address now; ours is nowhere to be found.
  state.log(
    'notice',
    `PONG contains mismatching sender ID. About node ${called(node)} in shard ${node.shardId}, having flags ${node.flags}`,
  );
  node.flags |= NOADDR;
  node.ip = '';
  node.port = 0;
  node.tlsPort = 0;
  node.busPort = 0;
  state.closeLink(link);
  if (!node.isFailed) {
    markFailing(state, node);
    sendFail(state, node);
  }
  state.later(SAVE | UPDATE_STATE);
  return false;
}

/** What a known sender says of itself: its role, its slots, its epoch; then its news about others. */
function learnConfiguration(state: ClusterState, sender: ClusterNode, message: Ping): void {
  const { header } = message;
  const wasReplica = sender.isReplica;
  if (header.replicaOf === '') setAsPrimary(state, sender);
  else if (!learnReplica(state, sender, header)) return;

  if (header.replicaOf === '' && sender.isPrimary && (wasReplica || !sameBits(sender.slots, header.slots))) {
    applyClaim(state, sender, header.configEpoch, header.slots);
    correctOldClaim(state, sender, header.configEpoch, header.slots);
  }
  if (state.myself.isPrimary && sender.isPrimary && header.configEpoch === state.myself.configEpoch)
    resolveCollision(state, sender);
  processGossip(state, sender, message.gossip);
  processExtensions(state, sender, message.extensions);
}

/** Returns false for a stale message. */
function learnReplica(state: ClusterState, sender: ClusterNode, header: BusHeader): boolean {
  const primary = state.nodes.find(header.replicaOf);
  if (!sender.isReplica) {
    if (primary?.inShardOf(sender)) {
      if (sender.shardEpoch > header.configEpoch || primary.shardEpoch > header.configEpoch) {
        state.log(
          'notice',
          `Ignore stale message from ${called(sender)} in shard ${sender.shardId}; gossip config epoch: ${header.configEpoch}, current config epoch: ${Math.max(sender.shardEpoch, primary.shardEpoch)}`,
        );
        return false;
      }
      if (primary.isReplica) {
        const moved = moveAllSlots(state, sender, primary);
        setAsPrimary(state, primary);
        primary.configEpoch = header.configEpoch;
        state.log(
          'notice',
          `A failover occurred in shard ${sender.shardId}; node ${called(sender)} lost ${moved} slot(s) and failed over to node ${called(primary)} with a config epoch of ${primary.configEpoch}`,
        );
      }
    } else {
      // It went to another shard; its slots stay behind without an owner until somebody claims them.
      const released = releaseAllSlots(state, sender);
      if (released > 0)
        state.log(
          'notice',
          `Node ${called(sender)} is no longer primary of shard ${sender.shardId}; removed all ${released} slot(s) it used to own`,
        );
    }
    sender.flags &= ~MIGRATE_TO;
    state.setReplicaRole(sender);
    state.later(SAVE_DURABLY | UPDATE_STATE);
  }
  if (primary === null || sender.replicaOf === primary || primary === sender) return true;
  if (sender.replicaOf !== null) state.nodes.removeReplica(sender.replicaOf, sender);
  state.log('notice', `Node ${called(sender)} is now a replica of node ${called(primary)} in shard ${primary.shardId}`);
  sender.replicaOf = primary;
  state.nodes.addReplica(primary, sender);
  avoidChain(state);
  updateShard(state, sender, primary.shardId);
  state.later(SAVE);
  return true;
}

/** This node's primary became a replica itself: follow its primary instead. */
function avoidChain(state: ClusterState): void {
  const { myself } = state;
  const next = myself.replicaOf?.replicaOf ?? null;
  if (next === null || next === myself) return;
  state.log(
    'notice',
    `I'm a sub-replica! Reconfiguring myself as a replica of ${next.name} from ${myself.replicaOf!.name}`,
  );
  followPrimary(state, next, { closeSlots: true, fullSync: !next.inShardOf(myself) });
  state.later(SAVE_DURABLY | UPDATE_STATE | BROADCAST_PONG);
}

function receiveFail(state: ClusterState, sender: ClusterNode, failing: string): void {
  const node = state.nodes.find(failing);
  if (node === null || node.has(FAIL | MYSELF)) return;
  state.log('notice', `FAIL message received from ${called(sender)} about ${called(node)}`);
  markFailing(state, node);
}

function receiveUpdate(
  state: ClusterState,
  sender: ClusterNode,
  message: Extract<BusMessage, { kind: 'update' }>,
): void {
  const node = state.nodes.find(message.about);
  if (node === null || node.configEpoch >= message.configEpoch) return;
  state.log(
    'notice',
    `Processing UPDATE message received from ${called(sender)} about node ${called(node)}. old configEpoch ${node.configEpoch}, new configEpoch ${message.configEpoch}`,
  );
  if (!node.isMyself) setAsPrimary(state, node);
  node.configEpoch = message.configEpoch;
  state.later(SAVE_DURABLY);
  applyClaim(state, node, message.configEpoch, message.slots);
}
