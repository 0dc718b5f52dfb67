/**
 * Elections: a replica of a failed primary asks the voters, each of which has one vote per epoch.
 * The most advanced replica asks first; failed primaries of several shards take turns.
 * Source: Valkey 9.1 for delays, ranks and conditions.
 */
import { AUTH_ACK, AUTH_REQUEST, type BusHeader, encodeBare } from './bus-codec.ts';
import { pongToSiblings } from './gossip.ts';
import { EMPTY_REPLICA_DELAY_MS, MAX_ELECTION_DELAY_MS, OPERATION_TIMEOUT_MS } from './limits.ts';
import { MY_PRIMARY_FAIL, NOFAILOVER } from './node-flags.ts';
import type { ClusterNode } from './node-table.ts';
import { randomBelow } from './ports.ts';
import { replacePrimary } from './roles.ts';
import { newerOwner, sendUpdate } from './slot-claims.ts';
import { BROADCAST_PONG, type ClusterState, called, HANDLE_FAILOVER, SAVE_DURABLY, UPDATE_STATE } from './state.ts';

/** A replica's step towards replacing its primary: called each tick and whenever something it waits for happens. */
export function advanceElection(state: ClusterState): void {
  const { myself, election, settings, nowMs } = state;
  const primary = myself.replicaOf;
  const manual = state.manualFailover.endMs !== 0 && state.manualFailover.canStart;
  if (myself.isPrimary || primary === null) return;
  if (!manual && (!primary.isFailed || settings.replicaNoFailover)) return;
  if (!manual && isDataTooOld(state)) return;

  const timeoutMs = Math.max(settings.nodeTimeoutMs * 2, OPERATION_TIMEOUT_MS);
  let ageMs = nowMs - election.startMs;
  if (ageMs > timeoutMs * 2) {
    schedule(state, manual);
    if (election.startMs > nowMs) return;
    ageMs = 0;
  }
  if (!election.requested && !manual && election.startMs > nowMs) reconsider(state);
  if (election.startMs > nowMs || ageMs > timeoutMs) return;
  if (!election.requested) request(state);
  else if (election.votes >= state.quorum) win(state);
}

/** A replica that was cut off for long would bring back old data. */
function isDataTooOld(state: ClusterState): boolean {
  const { settings } = state;
  let ageMs = state.replication.dataAgeMs(state.nowMs);
  // A replica that never had its primary's dataset has nothing to take over with, unless there is nothing.
  if (ageMs === Number.POSITIVE_INFINITY && (state.myself.replicaOf?.offset ?? 0) > 0) return true;
  if (settings.replicaValidityFactor === 0) return false;
  if (ageMs > settings.nodeTimeoutMs) ageMs -= settings.nodeTimeoutMs;
  return ageMs > settings.replicationPingPeriodMs + settings.nodeTimeoutMs * settings.replicaValidityFactor;
}

function delayUnitMs(state: ClusterState): number {
  return Math.min(Math.floor(state.settings.nodeTimeoutMs / 30), MAX_ELECTION_DELAY_MS);
}

function schedule(state: ClusterState, manual: boolean): void {
  const { election, nowMs } = state;
  election.votes = 0;
  election.requested = false;
  if (manual) {
    election.rank = 0;
    election.failedPrimaryRank = 0;
    election.startMs = nowMs;
  } else {
    const unitMs = delayUnitMs(state);
    election.rank = replicaRank(state);
    election.failedPrimaryRank = failedPrimaryRank(state);
    election.startMs = nowMs + unitMs + (unitMs > 0 ? randomBelow(state.random, unitMs) : 0);
    election.startMs += election.rank * unitMs * 2 + election.failedPrimaryRank * unitMs;
    if (state.replication.offset() === 0) election.startMs += EMPTY_REPLICA_DELAY_MS;
    if (isBestRanked(state)) election.startMs = nowMs;
  }
  state.log(
    'notice',
    `Start of election delayed for ${election.startMs - nowMs} milliseconds (rank #${election.rank}, primary rank #${election.failedPrimaryRank}, offset ${state.replication.offset()}).`,
  );
  pongToSiblings(state);
}

/** News may have come since the election was scheduled: other replicas' offsets, other shards' recovery. */
function reconsider(state: ClusterState): void {
  const { election } = state;
  const unitMs = delayUnitMs(state);
  const rank = replicaRank(state);
  election.startMs += (rank - election.rank) * unitMs * 2;
  election.rank = rank;
  const primaryRank = failedPrimaryRank(state);
  election.startMs += (primaryRank - election.failedPrimaryRank) * unitMs;
  election.failedPrimaryRank = primaryRank;
  if (isBestRanked(state)) election.startMs = state.nowMs;
}

function request(state: ClusterState): void {
  const { election, myself } = state;
  state.currentEpoch++;
  election.epoch = state.currentEpoch;
  election.requested = true;
  state.log(
    'notice',
    `Starting a failover election for epoch ${election.epoch}, node config epoch is ${myself.shardEpoch}`,
  );
  const forceAck = state.manualFailover.endMs !== 0 || isBestRanked(state);
  state.later(SAVE_DURABLY | UPDATE_STATE);
  state.broadcast(encodeBare(AUTH_REQUEST, { ...state.header(), forceAck }), AUTH_REQUEST);
}

function win(state: ClusterState): void {
  const { election, myself } = state;
  state.log('notice', "Failover election won: I'm the new primary.");
  if (myself.configEpoch < election.epoch) {
    myself.configEpoch = election.epoch;
    state.later(SAVE_DURABLY | BROADCAST_PONG);
    state.log('notice', `configEpoch set to ${election.epoch} after successful failover`);
  }
  replacePrimary(state);
}

/** How many replicas of this primary are ahead, by offset and then by name. */
export function replicaRank(state: ClusterState): number {
  const { myself } = state;
  const own = state.replication.offset();
  let rank = 0;
  for (const other of myself.replicaOf?.replicas ?? []) {
    if (other === myself || other.has(NOFAILOVER)) continue;
    if (other.offset > own || (other.offset === own && other.name < myself.name)) rank++;
  }
  return rank;
}

/** How many other failed primaries, still worth an election, come first. */
function failedPrimaryRank(state: ClusterState): number {
  const { settings, myself, nowMs } = state;
  const oldestMs =
    settings.replicaValidityFactor === 0 ? 0 : nowMs - settings.nodeTimeoutMs * settings.replicaValidityFactor;
  return state.nodes
    .all()
    .filter(
      (node) =>
        node.isFailed &&
        node.isVoter &&
        node.replicas.length > 0 &&
        node.failedMs >= oldestMs &&
        node.shardId < myself.shardId,
    ).length;
}

/** First in every order, and all replicas of the shard see the failure, so their offsets are final: no delay is needed. */
function isBestRanked(state: ClusterState): boolean {
  const { election, myself } = state;
  if (election.rank !== 0 || election.failedPrimaryRank !== 0) return false;
  return (myself.replicaOf?.replicas ?? []).every((replica) => replica.has(MY_PRIMARY_FAIL));
}

export function onVote(state: ClusterState, voter: ClusterNode, voterEpoch: number): void {
  if (!voter.isVoter || voterEpoch < state.election.epoch) return;
  state.election.votes++;
  state.later(HANDLE_FAILOVER);
}

/** Somebody claims an epoch that this node's running election cannot beat: begin anew. */
export function onNewerEpoch(state: ClusterState, claimant: ClusterNode): void {
  const { election } = state;
  if (election.startMs === 0 || !election.requested || claimant.configEpoch < election.epoch) return;
  election.startMs = 0;
  state.log(
    'warning',
    `Failover election in progress for epoch ${election.epoch}, but received a claim from node ${called(claimant)} with an equal or higher epoch ${claimant.configEpoch}. Resetting the election since we cannot win an election in the past.`,
  );
  state.later(HANDLE_FAILOVER);
}

/** A replica asks for this node's vote. */
export function onVoteRequest(state: ClusterState, candidate: ClusterNode, request: BusHeader): void {
  const { myself } = state;
  if (!myself.isVoter) return;
  const refusal = refusalOf(state, candidate, request);
  if (refusal !== '') {
    state.log('warning', `Failover auth denied to ${called(candidate)} for epoch ${request.currentEpoch}: ${refusal}`);
    return;
  }
  const owner = newerOwner(state, request.configEpoch, request.slots, null);
  if (owner !== null) {
    state.log(
      'warning',
      `Failover auth denied to ${called(candidate)}: a claimed slot belongs to ${called(owner)} with epoch ${owner.configEpoch} > reqConfigEpoch (${request.configEpoch})`,
    );
    sendUpdate(state, candidate, owner);
    return;
  }
  state.lastVoteEpoch = state.currentEpoch;
  state.later(SAVE_DURABLY);
  state.sendBare(candidate.link, AUTH_ACK, false);
  state.log('notice', `Failover auth granted to ${called(candidate)} for epoch ${state.currentEpoch}`);
}

function refusalOf(state: ClusterState, candidate: ClusterNode, request: BusHeader): string {
  const primary = candidate.replicaOf;
  if (!state.safeToVote) return 'it is not safe to vote in this moment';
  if (request.currentEpoch < state.currentEpoch)
    return `reqEpoch (${request.currentEpoch}) < curEpoch(${state.currentEpoch})`;
  if (state.lastVoteEpoch === state.currentEpoch) return 'already voted in this epoch';
  if (candidate.isPrimary) return 'it is a primary node';
  if (primary === null) return "I don't know its primary";
  if (!primary.isFailed && !request.forceAck) return 'its primary is up';
  return '';
}
