/**
 * What operators change: MEET, FORGET, REPLICATE, slots, RESET, epochs. Each returns the error to reply, or null when done.
 * Source: Valkey 9.1 (conditions and the texts of its errors).
 */
import { bumpEpoch } from './epochs.ts';
import { updateShard } from './gossip.ts';
import { SECOND_MS, SLOTS } from './limits.ts';
import { resetManualFailover } from './manual-failover.ts';
import { HANDSHAKE, MEET_PENDING } from './node-flags.ts';
import type { ClusterNode } from './node-table.ts';
import { flushForeignSlots, followPrimary, setAsPrimary } from './roles.ts';
import { releaseAllSlots } from './slot-claims.ts';
import { BROADCAST_PONG, type ClusterState, called, SAVE, SAVE_DURABLY, UPDATE_STATE } from './state.ts';

/** Begins a handshake. `ip` is checked by the caller. */
export function meet(state: ClusterState, ip: string, port: number, busPort: number): string | null {
  const known = state.nodes
    .all()
    .some((node) => node.inHandshake && node.ip === ip && node.port === port && node.busPort === busPort);
  if (known) return null;
  if (state.nodes.isFull) return `ERR No more nodes can be met: ${state.nodes.size} are known, the limit`;
  const node = state.newNode(state.randomName(), HANDSHAKE | MEET_PENDING);
  node.ip = ip;
  node.port = port;
  node.busPort = busPort;
  state.nodes.add(node);
  state.log('notice', `Cluster meet ${ip}:${port} (user request).`);
  return null;
}

export function forget(state: ClusterState, name: string): string | null {
  const node = state.nodes.find(name);
  if (node === null) return state.isForgotten(name) ? null : `ERR Unknown node ${name}`;
  if (node.isMyself) return "ERR I tried hard but I can't forget myself...";
  if (state.myself.replicaOf === node) return "ERR Can't forget my master!";
  state.log('notice', `Cluster forget ${name} (user request).`);
  state.forgetFor(name, state.settings.blacklistTtlSeconds * SECOND_MS);
  state.removeNode(node);
  state.later(UPDATE_STATE | SAVE);
  return null;
}

export function replicate(state: ClusterState, name: string): string | null {
  const { myself } = state;
  const node = state.nodes.find(name);
  if (node === null) return `ERR Unknown node ${name}`;
  if (node === myself) return "ERR Can't replicate myself";
  if (node.isReplica) return 'ERR I can only replicate a master, not a replica.';
  if (myself.isPrimary && (myself.slotCount !== 0 || !state.keyspace.isEmpty())) {
    return 'ERR To set a master the node must be empty and without assigned slots.';
  }
  if (myself.replicaOf === node) return null;
  followPrimary(state, node, { closeSlots: true, fullSync: true });
  state.later(UPDATE_STATE | SAVE_DURABLY | BROADCAST_PONG);
  return null;
}

/** CLUSTER REPLICATE NO ONE: an empty primary in a shard of its own. */
export function replicateNoOne(state: ClusterState): void {
  const { myself } = state;
  if (myself.isPrimary) return;
  state.log('notice', 'Stop replication and turning myself into empty primary (user request).');
  setAsPrimary(state, myself);
  state.effects.flushAllKeys();
  state.migrations?.onPromotion();
  flushForeignSlots(state);
  state.slots.closeAll();
  resetManualFailover(state);
  updateShard(state, myself, state.randomName());
  state.log('notice', `Moving myself to a new shard ${myself.shardId}.`);
  state.later(UPDATE_STATE | SAVE_DURABLY | BROADCAST_PONG);
}

/** `slots` as they were given; nothing is changed unless all can be. */
export function addSlots(state: ClusterState, slots: readonly number[]): string | null {
  const seen = new Set<number>();
  for (const slot of slots) {
    if (state.ownerOf(slot) !== null) return `ERR Slot ${slot} is already busy`;
    if (seen.has(slot)) return `ERR Slot ${slot} specified multiple times`;
    seen.add(slot);
  }
  for (const slot of slots) {
    state.slots.setImporting(slot, null);
    state.moveSlot(slot, state.myself);
  }
  state.later(UPDATE_STATE | SAVE);
  return null;
}

export function deleteSlots(state: ClusterState, slots: readonly number[]): string | null {
  const seen = new Set<number>();
  for (const slot of slots) {
    if (state.ownerOf(slot) === null) return `ERR Slot ${slot} is already unassigned`;
    if (seen.has(slot)) return `ERR Slot ${slot} specified multiple times`;
    seen.add(slot);
  }
  for (const slot of slots) {
    state.slots.setImporting(slot, null);
    state.moveSlot(slot, null);
  }
  state.later(UPDATE_STATE | SAVE);
  return null;
}

/** CLUSTER FLUSHSLOTS. */
export function dropOwnSlots(state: ClusterState): string | null {
  if (!state.keyspace.isEmpty()) return 'ERR DB must be empty to perform CLUSTER FLUSHSLOTS.';
  releaseAllSlots(state, state.myself);
  state.later(UPDATE_STATE | SAVE);
  return null;
}

export type SetSlotAction = 'migrating' | 'importing' | 'stable' | 'node';

/** Checks CLUSTER SETSLOT; `fromPrimary`: it came over the replication stream. */
export function checkSetSlot(state: ClusterState, slot: number, action: SetSlotAction, name: string): string | null {
  const { myself } = state;
  if (action === 'stable') return null;
  const node = state.nodes.find(name);
  if (action === 'migrating' && myself.isPrimary && !state.slots.myselfOwns(slot))
    return `ERR I'm not the owner of hash slot ${slot}`;
  if (action === 'importing' && state.slots.myselfOwns(slot)) return `ERR I'm already the owner of hash slot ${slot}`;
  if (node === null) return action === 'node' ? `ERR Unknown node ${name}` : `ERR I don't know about node ${name}`;
  if (node === myself && action !== 'node') return 'ERR Target node is myself';
  if (node.isReplica) return 'ERR Target node is not a master';
  if (action === 'node' && state.slots.myselfOwns(slot) && node !== myself && state.keyspace.keysInSlot(slot) !== 0) {
    return `ERR Can't assign hashslot ${slot} to a different node while I still hold keys for this hash slot.`;
  }
  return null;
}

/** Carries out a checked CLUSTER SETSLOT. */
export function setSlot(state: ClusterState, slot: number, action: SetSlotAction, name: string): void {
  const node = action === 'stable' ? null : state.nodes.find(name)!;
  if (action === 'migrating') state.slots.setMigrating(slot, node);
  else if (action === 'importing') {
    state.purge.finish(slot);
    state.slots.setImporting(slot, node);
  } else if (action === 'stable') {
    state.slots.setImporting(slot, null);
    state.slots.setMigrating(slot, null);
  } else assignSlot(state, slot, node!);
  state.later(SAVE | UPDATE_STATE);
}

function assignSlot(state: ClusterState, slot: number, node: ClusterNode): void {
  const { myself, slots } = state;
  state.log('notice', `Assigning slot ${slot} to node ${called(node)} in shard ${node.shardId}`);
  if (state.keyspace.keysInSlot(slot) === 0) slots.setMigrating(slot, null);
  const primary = myself.shardPrimary;
  const wasOurs = slots.ownerOf(slot) === primary.index;
  state.moveSlot(slot, node);
  if (wasOurs && primary.slotCount === 0) {
    if (state.settings.allowReplicaMigration) {
      state.log(
        'notice',
        `Lost my last slot during slot migration. Reconfiguring myself as a replica of ${called(node)} in shard ${node.shardId}`,
      );
      followPrimary(state, node, { closeSlots: true, fullSync: true });
      state.later(SAVE_DURABLY | UPDATE_STATE | BROADCAST_PONG);
    } else if (myself.isPrimary) {
      state.log(
        'notice',
        `My last slot was migrated to node ${called(node)} in shard ${node.shardId}. I am now an empty primary.`,
      );
    }
  }
  if (slots.importingFrom(slot) === null || (node !== myself && node !== myself.replicaOf)) return;
  slots.setImporting(slot, null);
  if (node !== myself) return;
  bumpEpoch(state);
  state.later(BROADCAST_PONG);
}

export function setConfigEpoch(state: ClusterState, epoch: number): string | null {
  const { myself } = state;
  if (epoch < 0) return `ERR Invalid config epoch specified: ${epoch}`;
  if (state.nodes.size > 1)
    return 'ERR The user can assign a config epoch only when the node does not know any other node.';
  if (myself.configEpoch !== 0) return 'ERR Node config epoch is already non-zero';
  myself.configEpoch = epoch;
  if (state.currentEpoch < epoch) state.currentEpoch = epoch;
  state.log('notice', `configEpoch set to ${epoch} via CLUSTER SET-CONFIG-EPOCH`);
  state.later(UPDATE_STATE | SAVE);
  return null;
}

export function reset(state: ClusterState, hard: boolean): string | null {
  const { myself } = state;
  if (myself.isPrimary && !state.keyspace.isEmpty())
    return "ERR CLUSTER RESET can't be called with master nodes containing keys";
  state.slots.closeAll();
  resetManualFailover(state);
  for (let slot = 0; slot < SLOTS; slot++) state.moveSlot(slot, null);
  const wasReplica = myself.isReplica;
  if (wasReplica) setAsPrimary(state, myself);
  for (const node of state.nodes.all()) if (!node.isMyself) state.removeNode(node);
  state.forgotten.clear();
  state.migrations?.onExportedSlotsChanged();
  state.migrations?.onImportedSlotsChanged();
  if (hard) {
    state.currentEpoch = 0;
    state.lastVoteEpoch = 0;
    myself.configEpoch = 0;
    state.nodes.rename(myself, state.randomName());
    state.log('notice', `Node hard reset, now I'm ${myself.name}`);
  }
  state.nodes.setShard(myself, state.randomName());
  if (wasReplica) state.effects.flushAllKeys();
  state.later(SAVE_DURABLY | UPDATE_STATE);
  return null;
}
