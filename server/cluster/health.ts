/**
 * Whether this node may call the cluster ok: every slot served by a node that has not failed, a majority of voters in
 * reach, and the waits after a restart and after a partition over.
 * Source: Valkey 9.1 `cluster_state`.
 */
import { MAX_REJOIN_DELAY_MS, MIN_REJOIN_DELAY_MS, SLOTS, WRITABLE_DELAY_MS } from './limits.ts';
import { FAIL, PFAIL } from './node-flags.ts';
import { CLUSTER_FAIL, CLUSTER_OK, type ClusterState } from './state.ts';

const NOT_COVERED =
  "At least one hash slot is not served by any available node. Please check the 'cluster-require-full-coverage' configuration.";
const MINORITY = 'I am part of a minority partition.';

export function updateHealth(state: ClusterState): void {
  const { myself, nowMs, settings } = state;
  if (state.firstHealthCheckMs === 0) state.firstHealthCheckMs = nowMs;
  let reachable = 0;
  state.size = 0;
  for (const node of state.nodes.all()) {
    if (!node.isVoter) continue;
    state.size++;
    if (!node.has(FAIL | PFAIL)) reachable++;
  }

  // A primary that restarts gives the others time to tell it that it was replaced.
  state.safeToVote = !(
    myself.isPrimary &&
    state.health === CLUSTER_FAIL &&
    nowMs - state.firstHealthCheckMs < WRITABLE_DELAY_MS
  );
  if (!state.safeToVote || state.silent) return;

  let reason = settings.requireFullCoverage && !isCovered(state) ? NOT_COVERED : '';
  if (reachable < state.quorum) {
    reason = MINORITY;
    state.minorityMs = nowMs;
  }

  const health = reason === '' ? CLUSTER_OK : CLUSTER_FAIL;
  if (health !== state.health) {
    const rejoinDelayMs = Math.min(Math.max(settings.nodeTimeoutMs, MIN_REJOIN_DELAY_MS), MAX_REJOIN_DELAY_MS);
    if (health === CLUSTER_OK && myself.isPrimary && nowMs - state.minorityMs < rejoinDelayMs) return;
    state.health = health;
    state.log(
      health === CLUSTER_OK ? 'notice' : 'warning',
      `Cluster state changed: ${health === CLUSTER_OK ? 'ok' : 'fail'}`,
    );
  }
  if (reason !== '' && reason !== state.failReason) state.log('warning', `Cluster is currently down: ${reason}`);
  state.failReason = reason;
}

function isCovered(state: ClusterState): boolean {
  for (let slot = 0; slot < SLOTS; slot++) {
    const owner = state.ownerOf(slot);
    if (owner === null || owner.isFailed) return false;
  }
  return true;
}
