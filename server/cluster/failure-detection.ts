/**
 * Which nodes are down: suspected by this node alone (PFAIL), agreed upon by a majority of the voters (FAIL), and back again.
 * Source: Valkey 9.1 cluster bus.
 */
import { encodeFail, FAIL_MESSAGE } from './bus-codec.ts';
import { FAIL_UNDO_TIMEOUTS, FAILURE_REPORT_VALIDITY } from './limits.ts';
import { FAIL, MY_PRIMARY_FAIL, PFAIL } from './node-flags.ts';
import type { ClusterNode } from './node-table.ts';
import { type ClusterState, called, HANDLE_FAILOVER, SAVE, UPDATE_STATE } from './state.ts';

/** Returns true for a report that is new. */
export function addFailureReport(state: ClusterState, failing: ClusterNode, reporter: ClusterNode): boolean {
  if (failing.isFailed) return false;
  const isNew = !failing.failureReports.has(reporter);
  failing.failureReports.set(reporter, state.nowMs);
  return isNew;
}

/** How many others call the node failing; old reports count no more. */
export function failureReports(state: ClusterState, node: ClusterNode): number {
  const oldestMs = state.nowMs - state.settings.nodeTimeoutMs * FAILURE_REPORT_VALIDITY;
  for (const [reporter, reportedMs] of node.failureReports)
    if (reportedMs < oldestMs) node.failureReports.delete(reporter);
  return node.failureReports.size;
}

/** Suspects a node that has been silent for the node timeout although a ping waits for its pong. */
export function suspectIfSilent(state: ClusterState, node: ClusterNode): void {
  if (node.pingSentMs === 0 || node.has(PFAIL | FAIL)) return;
  const pingDelayMs = state.nowMs - node.pingSentMs;
  const dataDelayMs = state.nowMs - node.dataReceivedMs;
  if (Math.min(pingDelayMs, dataDelayMs) <= state.settings.nodeTimeoutMs) return;
  node.flags |= PFAIL;
  state.possiblyFailing++;
  state.later(UPDATE_STATE);
  if (state.myself.isVoter) markFailingIfAgreed(state, node);
  else state.log('notice', `NODE ${called(node)} possibly failing.`);
}

/** Suspected here, and by a majority of the voters: it has failed, and everybody is told. */
export function markFailingIfAgreed(state: ClusterState, node: ClusterNode): void {
  if (!node.has(PFAIL) || node.isFailed) return;
  const agreed = failureReports(state, node) + (state.myself.isVoter ? 1 : 0);
  if (agreed < state.quorum) return;
  state.log('notice', `Marking node ${called(node)} as failing (quorum reached).`);
  markFailing(state, node);
  sendFail(state, node);
}

export function sendFail(state: ClusterState, node: ClusterNode): void {
  state.broadcast(encodeFail(state.header(), node.name), FAIL_MESSAGE);
}

export function markFailing(state: ClusterState, node: ClusterNode): void {
  node.flags = (node.flags | FAIL) & ~PFAIL;
  node.failedMs = state.nowMs;
  const { myself } = state;
  if (myself.isReplica && myself.replicaOf === node) {
    myself.flags |= MY_PRIMARY_FAIL;
    state.later(HANDLE_FAILOVER);
  }
  state.later(SAVE | UPDATE_STATE);
}

/** A pong came from a node that was suspected or had failed. */
export function onAlive(state: ClusterState, node: ClusterNode): void {
  if (node.has(PFAIL)) {
    node.flags &= ~PFAIL;
    state.later(SAVE | UPDATE_STATE);
  } else if (node.isFailed) clearFailureIfSafe(state, node);
}

/** An owner of slots stays failed for a while, so that its replica can be elected; the others are back at once. */
function clearFailureIfSafe(state: ClusterState, node: ClusterNode): void {
  if (node.isVoter && state.nowMs - node.failedMs <= state.settings.nodeTimeoutMs * FAIL_UNDO_TIMEOUTS) return;
  const who = node.isVoter
    ? 'nobody is serving its slots after some time'
    : node.isReplica
      ? 'replica'
      : 'primary without slots';
  state.log('notice', `Clear FAIL state for node ${called(node)}: is reachable again (${who}).`);
  node.flags &= ~FAIL;
  const { myself } = state;
  if (myself.isReplica && myself.replicaOf === node) myself.flags &= ~MY_PRIMARY_FAIL;
  state.later(UPDATE_STATE | SAVE);
}
