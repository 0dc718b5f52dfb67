/**
 * The links to the other nodes, tick by tick: dialling lost ones, pinging, dropping those that hang, MEET until known.
 * Source: Valkey 9.1 (the cluster's cron).
 */
import { MEET, PING } from './bus-codec.ts';
import { suspectIfSilent } from './failure-detection.ts';
import { sendPing } from './gossip.ts';
import { MIN_HANDSHAKE_MS, RANDOM_PING_CANDIDATES, RECONNECTS_PER_HALF_TIMEOUT, TICK_MS } from './limits.ts';
import { HANDSHAKE, LIGHT_MODULE, MEET_PENDING, MYSELF, NOADDR, PFAIL } from './node-flags.ts';
import { type ClusterNode, Link } from './node-table.ts';
import { randomBelow } from './ports.ts';
import { type ClusterState, called } from './state.ts';

export function handshakeTimeoutMs(state: ClusterState): number {
  return Math.max(state.settings.nodeTimeoutMs, MIN_HANDSHAKE_MS);
}

/** Dials what is not connected, and drops handshakes that take too long. */
export function maintainLinks(state: ClusterState): void {
  const { nodes, settings } = state;
  state.possiblyFailing = 0;
  // So many dials a tick, over those that are due anyway, that each node is tried often enough within half a timeout.
  let extraDials =
    Math.floor((nodes.size * TICK_MS) / Math.max(1, settings.nodeTimeoutMs / 2)) * RECONNECTS_PER_HALF_TIMEOUT;
  for (const node of nodes.all()) {
    dropOverLimit(state, node.link);
    dropOverLimit(state, node.inboundLink);
    if (node.has(MYSELF | NOADDR)) continue;
    if (node.has(PFAIL)) state.possiblyFailing++;
    if (node.inHandshake && state.nowMs - node.createdMs > handshakeTimeoutMs(state)) {
      state.log('warning', `Clusterbus handshake timeout ${node.ip}:${node.busPort}`);
      state.removeNode(node);
      continue;
    }
    meetAgainIfUnknown(state, node);
    if (node.link !== null || (state.silent && !node.has(HANDSHAKE | MEET_PENDING))) continue;
    const tooSoon = state.nowMs - node.dialledMs < settings.nodeTimeoutMs / 2 / RECONNECTS_PER_HALF_TIMEOUT;
    if (node.inboundLink === null && tooSoon && extraDials <= 0) continue;
    extraDials--;
    dial(state, node);
  }
}

export function dial(state: ClusterState, node: ClusterNode): void {
  node.dialledMs = state.nowMs;
  const link = new Link(state.effects.connect(node.ip, node.busPort), node, state.nowMs);
  node.link = link;
  state.links.set(link.id, link);
}

/** The first packet on a new link; the time of a ping that the lost link left unanswered goes on. */
export function greet(state: ClusterState, link: Link): void {
  const node = link.node!;
  const waitingSinceMs = node.pingSentMs;
  if (node.has(MEET_PENDING)) sendPing(state, link, MEET, true);
  else sendPing(state, link, PING, state.silentGreetings.delete(node));
  if (waitingSinceMs !== 0) node.pingSentMs = waitingSinceMs;
}

/** It never dialled back: it probably does not know us. */
function meetAgainIfUnknown(state: ClusterState, node: ClusterNode): void {
  const patienceMs = handshakeTimeoutMs(state);
  if (!node.isReachable || node.link === null || node.inboundLink !== null || !node.has(LIGHT_MODULE)) return;
  if (state.nowMs - node.inboundFreedMs <= patienceMs || state.nowMs - node.meetSentMs <= patienceMs) return;
  node.flags |= MEET_PENDING;
  state.log('notice', `Sending MEET packet to node ${called(node)} because there is no inbound link for it`);
  sendPing(state, node.link, MEET);
}

function dropOverLimit(state: ClusterState, link: Link | null): void {
  const limit = state.settings.linkSendBufferLimitBytes;
  if (link === null || limit === 0) return;
  const queued = state.effects.queuedBytes(link.id);
  if (queued <= limit) return;
  state.log(
    'warning',
    `Freeing cluster link(${link.inbound ? 'from' : 'to'} node ${link.node?.name ?? '<unknown>'}, used memory: ${queued}) due to exceeding send buffer memory limit.`,
  );
  state.closeLink(link);
  state.linksOverLimit++;
}

/** Once a second: of a few random nodes the one that was heard least recently. */
export function pingSomebody(state: ClusterState): void {
  const all = state.nodes.all();
  let oldest: ClusterNode | null = null;
  for (let i = 0; i < RANDOM_PING_CANDIDATES; i++) {
    const node = all[randomBelow(state.random, all.length)]!;
    if (node.link === null || node.pingSentMs !== 0 || node.has(MYSELF | HANDSHAKE)) continue;
    if (oldest === null || node.pongReceivedMs < oldest.pongReceivedMs) oldest = node;
  }
  if (oldest?.link) sendPing(state, oldest.link, PING);
}

/** Every tick: who must be pinged, whose link hangs, who is silent for too long. `judge` false after a stall of ours. */
export function watchNodes(state: ClusterState, judge: boolean): void {
  const { nowMs, settings, manualFailover, myself } = state;
  if (state.silent) return;
  const halfTimeoutMs = settings.nodeTimeoutMs / 2;
  const pingIntervalMs = settings.pingIntervalMs || halfTimeoutMs;
  for (const node of state.nodes.all()) {
    if (node.has(MYSELF | NOADDR | HANDSHAKE)) continue;
    const { link } = node;
    const pingDelayMs = nowMs - node.pingSentMs;
    const dataDelayMs = nowMs - node.dataReceivedMs;
    if (
      judge &&
      link !== null &&
      node.pingSentMs !== 0 &&
      nowMs - link.createdMs > settings.nodeTimeoutMs &&
      pingDelayMs > halfTimeoutMs &&
      dataDelayMs > halfTimeoutMs
    ) {
      state.closeLink(link);
    }
    if (node.link !== null && node.pingSentMs === 0 && nowMs - node.pongReceivedMs > pingIntervalMs) {
      sendPing(state, node.link, PING);
      continue;
    }
    if (node.link !== null && manualFailover.endMs !== 0 && myself.isPrimary && manualFailover.replica === node) {
      sendPing(state, node.link, PING);
      continue;
    }
    if (judge) suspectIfSilent(state, node);
  }
}
