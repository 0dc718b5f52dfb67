/**
 * Config epochs: the version of a primary's claim to its slots. The higher one wins.
 * Source: Valkey 9.1.
 */
import type { ClusterNode } from './node-table.ts';
import { BROADCAST_PONG, type ClusterState, called, SAVE_DURABLY } from './state.ts';

export function greatestEpoch(state: ClusterState): number {
  let greatest = state.currentEpoch;
  for (const node of state.nodes.all()) if (node.configEpoch > greatest) greatest = node.configEpoch;
  return greatest;
}

/** Takes a new epoch without asking anybody. False when this node has the greatest one already. */
export function bumpEpoch(state: ClusterState): boolean {
  const { myself } = state;
  if (myself.configEpoch !== 0 && myself.configEpoch === greatestEpoch(state)) return false;
  takeNextEpoch(state);
  state.log('notice', `New configEpoch set to ${myself.configEpoch}`);
  return true;
}

/** Two primaries with one epoch: the one with the smaller name moves on, so that in the end all differ. */
export function resolveCollision(state: ClusterState, other: ClusterNode): void {
  const { myself } = state;
  if (other.configEpoch !== myself.configEpoch || !other.isPrimary || !myself.isPrimary) return;
  if (other.name <= myself.name) return;
  takeNextEpoch(state);
  state.log('notice', `configEpoch collision with node ${called(other)}. configEpoch set to ${myself.configEpoch}`);
}

function takeNextEpoch(state: ClusterState): void {
  state.currentEpoch++;
  state.myself.configEpoch = state.currentEpoch;
  state.later(SAVE_DURABLY | BROADCAST_PONG);
}
