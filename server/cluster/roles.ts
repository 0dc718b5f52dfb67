/**
 * Who is primary and who is replica: promoting a node in this node's view, promoting itself, following another primary.
 * Source: Valkey 9.1.
 */
import assert from 'node:assert';
import { updateShard } from './gossip.ts';
import { updateHealth } from './health.ts';
import { SLOTS } from './limits.ts';
import { resetManualFailover } from './manual-failover.ts';
import { MIGRATE_TO, MY_PRIMARY_FAIL, PRIMARY, REPLICA } from './node-flags.ts';
import type { ClusterNode } from './node-table.ts';
import { BROADCAST_PONG, type ClusterState, called, SAVE, SAVE_DURABLY, UPDATE_STATE } from './state.ts';

/** The node acts as a primary from now on. */
export function setAsPrimary(state: ClusterState, node: ClusterNode): void {
  if (node.isPrimary) return;
  state.log('notice', `Reconfiguring node ${called(node)} as primary for shard ${node.shardId}`);
  if (node.replicaOf !== null) {
    state.nodes.removeReplica(node.replicaOf, node);
    if (!node.isMyself) node.flags |= MIGRATE_TO;
  }
  node.flags = (node.flags & ~(REPLICA | MY_PRIMARY_FAIL)) | PRIMARY;
  node.replicaOf = null;
  if (node.isMyself) state.effects.becomePrimary();
  state.later(SAVE | UPDATE_STATE);
}

/** Makes this node a replica of another. It owns no slots by now. */
export function followPrimary(
  state: ClusterState,
  primary: ClusterNode,
  options: { closeSlots: boolean; fullSync: boolean },
): void {
  const { myself } = state;
  assert(primary !== myself, 'a node cannot replicate itself');
  assert(myself.slotCount === 0, `this node still owns ${myself.slotCount} slots and cannot become a replica`);
  if (myself.isPrimary) {
    myself.flags &= ~MIGRATE_TO;
    state.setReplicaRole(myself);
  } else if (myself.replicaOf !== null) state.nodes.removeReplica(myself.replicaOf, myself);
  myself.flags &= ~MY_PRIMARY_FAIL;
  // From now on the primary's stream says which keys there are.
  state.purge.forget();
  if (options.closeSlots) state.slots.closeAll();
  myself.replicaOf = primary;
  updateShard(state, myself, primary.shardId);
  state.nodes.addReplica(primary, myself);
  state.effects.becomeReplicaOf(primary.ip, primary.port, options.fullSync);
  for (let slot = 0; slot < SLOTS; slot++)
    if (state.slots.ownerOf(slot) !== primary.index) state.effects.dropShardChannels(slot);
  resetManualFailover(state);
  state.migrations?.onExportedSlotsChanged();
  state.migrations?.onImportedSlotsChanged();
  state.election.startMs = 0;
}

/** The last step of a failover: this replica takes the place and the slots of its primary. Its epoch is set already. */
export function replacePrimary(state: ClusterState): void {
  const { myself } = state;
  const old = myself.replicaOf;
  if (myself.isPrimary || old === null) return;
  state.log(
    'notice',
    `Setting myself to primary in shard ${myself.shardId} after failover; my old primary is ${called(old)}`,
  );
  setAsPrimary(state, myself);
  for (let slot = 0; slot < SLOTS; slot++) if (state.slots.ownerOf(slot) === old.index) state.moveSlot(slot, myself);
  updateHealth(state);
  state.later(SAVE_DURABLY | BROADCAST_PONG);
  resetManualFailover(state);
  onPromoted(state);
  state.election.startMs = 0;
}

/** A new primary cleans up what its predecessor was importing, and keys of slots that are not its own. */
export function onPromoted(state: ClusterState): void {
  state.migrations?.onPromotion();
  flushForeignSlots(state);
}

/** Keys and slot map must agree on a primary: unowned slots with keys are taken, foreign ones emptied. */
export function flushForeignSlots(state: ClusterState): void {
  const { myself, slots, keyspace } = state;
  if (myself.isReplica) return;
  for (let slot = 0; slot < SLOTS; slot++) {
    if (slots.myselfOwns(slot) || slots.importingFrom(slot) !== null || keyspace.keysInSlot(slot) === 0) continue;
    if (state.ownerOf(slot) === null) {
      state.log('notice', `I have keys for unassigned slot ${slot}. Taking responsibility for it.`);
      state.moveSlot(slot, myself);
    } else {
      state.log(
        'notice',
        `I have keys for slot ${slot}, but the slot is assigned to another node. Deleting keys in the slot.`,
      );
      state.purge.add(slot);
    }
    state.later(SAVE_DURABLY);
  }
}
