/**
 * A failover that somebody asks for. The replica asks its primary to pause (MFSTART); the primary holds writes and pings
 * with PAUSED and its offset; the replica starts its election when it has reached that offset, with FORCEACK.
 * Source: Valkey 9.1.
 */
import { MFSTART, PING } from './bus-codec.ts';
import { bumpEpoch } from './epochs.ts';
import { sendPing } from './gossip.ts';
import { PAUSE_FACTOR } from './limits.ts';
import { FAIL, NOFAILOVER, PFAIL } from './node-flags.ts';
import type { ClusterNode, Link } from './node-table.ts';
import { replacePrimary } from './roles.ts';
import { type ClusterState, called, HANDLE_FAILOVER, HANDLE_MANUAL_FAILOVER } from './state.ts';

export type FailoverMode = 'agreed' | 'force' | 'takeover';

/** CLUSTER FAILOVER on this replica. Returns the error to reply, or null. */
export function startManualFailover(state: ClusterState, mode: FailoverMode): string | null {
  const { myself, manualFailover } = state;
  if (myself.isPrimary) return 'ERR You should send CLUSTER FAILOVER to a replica';
  const primary = myself.replicaOf;
  if (primary === null) return "ERR I'm a replica but my master is unknown to me";
  if (mode === 'agreed' && (primary.isFailed || primary.link === null))
    return 'ERR Master is down or failed, please use CLUSTER FAILOVER FORCE';

  resetManualFailover(state);
  manualFailover.endMs = state.nowMs + state.settings.manualFailoverTimeoutMs;
  if (mode === 'takeover') {
    state.log('notice', 'Taking over the primary (user request).');
    bumpEpoch(state);
    replacePrimary(state);
  } else if (mode === 'force') {
    state.log('notice', 'Forced failover user request accepted.');
    allowStart(state);
    state.later(HANDLE_MANUAL_FAILOVER);
  } else {
    state.log('notice', 'Manual failover user request accepted.');
    state.sendBare(primary.link, MFSTART, false);
  }
  return null;
}

/** A replica of this primary wants to take over: hold writes and tell it where they end. */
export function onFailoverWanted(state: ClusterState, replica: ClusterNode, link: Link): void {
  if (replica.replicaOf !== state.myself) return;
  resetManualFailover(state);
  const { manualFailoverTimeoutMs } = state.settings;
  state.manualFailover.endMs = state.nowMs + manualFailoverTimeoutMs;
  state.manualFailover.replica = replica;
  state.effects.pauseWrites('failover', state.nowMs + manualFailoverTimeoutMs * PAUSE_FACTOR);
  state.log('notice', `Manual failover requested by replica ${called(replica)}.`);
  sendPing(state, link, PING);
}

/** The paused primary's offset is known: nothing will be written after it. */
export function onPausedOffset(state: ClusterState, offset: number): void {
  state.manualFailover.primaryOffset = offset;
  state.later(HANDLE_MANUAL_FAILOVER);
  state.log('notice', `Received replication offset for paused primary manual failover: ${offset}`);
}

/** Called whenever this replica's offset may have moved, and each tick. */
export function advanceManualFailover(state: ClusterState): void {
  const { manualFailover } = state;
  if (manualFailover.endMs === 0 || manualFailover.canStart || manualFailover.primaryOffset === -1) return;
  // What may follow the pause (an expiry, a ping of the stream) is nothing that a client wrote.
  if (state.replication.offset() < manualFailover.primaryOffset) return;
  allowStart(state);
  state.log('notice', 'All primary replication stream processed, manual failover can start.');
  state.later(HANDLE_FAILOVER);
}

function allowStart(state: ClusterState): void {
  // An election left over from an earlier attempt would make this one wait for its retry time.
  state.election.startMs = 0;
  state.manualFailover.canStart = true;
}

export function resetManualFailover(state: ClusterState): void {
  const { manualFailover } = state;
  if (manualFailover.replica !== null) state.effects.resumeWrites('failover');
  manualFailover.endMs = 0;
  manualFailover.replica = null;
  manualFailover.primaryOffset = -1;
  manualFailover.canStart = false;
}

export function abortManualFailoverIfLate(state: ClusterState): void {
  const { endMs } = state.manualFailover;
  if (endMs === 0 || endMs >= state.nowMs) return;
  state.log('warning', 'Manual failover timed out.');
  resetManualFailover(state);
}

/**
 * This primary is about to end: which command of the replication stream makes a replica take over, or null when none can.
 * Writes are held from now on, so the command is the last of the stream and the replica has everything when it reads it.
 * The failover is done when this node has become a replica.
 */
export function beginHandOver(state: ClusterState): readonly string[] | null {
  const { myself, settings, nowMs } = state;
  if (!myself.isPrimary || myself.slotCount === 0 || state.silent) return null;
  const able = myself.replicas.filter(
    (replica) => !replica.has(FAIL | PFAIL | NOFAILOVER) && replica.link !== null && replica.offset > 0,
  );
  const [best] = able.sort((a, b) => b.offset - a.offset);
  if (best === undefined) return null;
  state.effects.pauseWrites('failover', nowMs + settings.manualFailoverTimeoutMs);
  state.log('notice', `Handing over to replica ${called(best)} before the end.`);
  return ['CLUSTER', 'FAILOVER', 'FORCE', 'REPLICAID', best.name];
}
