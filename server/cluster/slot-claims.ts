/**
 * What a primary's claim to slots changes here: the slot map, open slots, and sometimes this node's own role.
 * Source: Valkey 9.1 (configuration updates by PING, PONG and UPDATE).
 */
import assert from 'node:assert';
import { encodeUpdate, UPDATE } from './bus-codec.ts';
import { bumpEpoch } from './epochs.ts';
import { SLOT_BITMAP_BYTES, SLOTS } from './limits.ts';
import type { ClusterNode } from './node-table.ts';
import { followPrimary } from './roles.ts';
import { clearBit, setBit, testBit } from './slot-map.ts';
import { BROADCAST_PONG, type ClusterState, called, SAVE_DURABLY, UPDATE_STATE } from './state.ts';

/** `claimant` claims `claimed` with `epoch`; told by itself or by an UPDATE about it. */
export function applyClaim(state: ClusterState, claimant: ClusterNode, epoch: number, claimed: Uint8Array): void {
  const { myself, slots } = state;
  if (claimant === myself) {
    state.log('notice', 'Discarding UPDATE message about myself.');
    return;
  }
  const primary = myself.isPrimary ? myself : myself.replicaOf;
  const sameShard = claimant.inShardOf(myself);
  const taken = { fromUs: 0, dirty: [] as number[], exported: false, imported: false, claimed: 0 };

  for (let slot = 0; slot < SLOTS; slot++) {
    if (!testBit(claimed, slot)) {
      notClaimed(state, claimant, epoch, slot);
      continue;
    }
    taken.claimed++;
    const owner = state.ownerOf(slot);
    if (owner === claimant) {
      clearBit(slots.unclaimed, slot);
      continue;
    }
    const wins =
      owner === null ||
      testBit(slots.unclaimed, slot) ||
      owner.configEpoch < epoch ||
      state.migrations?.isGranted(slot) === true;
    if (!wins) continue;
    if (owner === myself && state.keyspace.keysInSlot(slot) > 0) taken.dirty.push(slot);
    if (state.migrations?.isExporting(slot)) taken.exported = true;
    if (state.migrations?.isImporting(slot)) taken.imported = true;
    if (primary !== null && owner === primary) taken.fromUs++;
    updateOpenSlot(state, claimant, slot, sameShard);
    state.moveSlot(slot, claimant);
    state.later(SAVE_DURABLY | UPDATE_STATE);
  }

  let newPrimary = taken.fromUs > 0;
  // Both without slots in one shard: the higher epoch leads.
  if (
    !newPrimary &&
    myself.replicaOf !== claimant &&
    taken.claimed === 0 &&
    myself.slotCount === 0 &&
    myself.shardEpoch < epoch &&
    sameShard
  )
    newPrimary = true;

  let flushDirty = false;
  if (newPrimary && primary !== null && primary.slotCount === 0) {
    if (state.settings.allowReplicaMigration || sameShard) {
      state.log(
        'notice',
        `Configuration change detected. Reconfiguring myself as a replica of node ${called(claimant)} in shard ${claimant.shardId}`,
      );
      followPrimary(state, claimant, { closeSlots: !sameShard, fullSync: !sameShard });
      state.later(SAVE_DURABLY | UPDATE_STATE | BROADCAST_PONG);
    } else if (myself.isPrimary && taken.claimed >= taken.fromUs) {
      state.log(
        'notice',
        `My last slot was migrated to node ${called(claimant)} in shard ${claimant.shardId}. I am now an empty primary.`,
      );
      flushDirty = true;
    }
  } else flushDirty = taken.dirty.length > 0;

  if (taken.exported) state.migrations?.onExportedSlotsChanged();
  if (taken.imported) state.migrations?.onImportedSlotsChanged();
  if (!flushDirty) return;
  for (const slot of taken.dirty) {
    state.log('notice', `Deleting keys in dirty slot ${slot} on node ${called(myself)} in shard ${myself.shardId}`);
    state.purge.add(slot);
  }
}

/** A slot that is being moved by SETSLOT changes hands: by a failover (go on with the new node) or by somebody's decision (stop). */
function updateOpenSlot(state: ClusterState, claimant: ClusterNode, slot: number, sameShard: boolean): void {
  const { slots } = state;
  const target = slots.migratingTo(slot);
  if (target !== null && !sameShard) {
    state.log(
      'notice',
      `Slot ${slot} is no longer being migrated to node ${called(target)} in shard ${target.shardId}.`,
    );
    slots.setMigrating(slot, null);
  }
  const source = slots.importingFrom(slot);
  if (source === null || source === claimant) return;
  if (claimant.inShardOf(source)) slots.setImporting(slot, claimant);
  else {
    state.log(
      'notice',
      `Slot ${slot} is no longer being imported from node ${called(source)} in shard ${source.shardId}.`,
    );
    slots.setImporting(slot, null);
  }
}

function notClaimed(state: ClusterState, claimant: ClusterNode, epoch: number, slot: number): void {
  const { slots, myself } = state;
  // It stays bound to the owner that gave it up, so that clients see redirections and not errors; but nobody is told so.
  if (slots.ownerOf(slot) === claimant.index) setBit(slots.unclaimed, slot);

  const target = slots.migratingTo(slot);
  if (
    target !== null &&
    target !== claimant &&
    (target.configEpoch < epoch || target.isReplica) &&
    target.inShardOf(claimant)
  ) {
    slots.setMigrating(slot, claimant);
    state.later(SAVE_DURABLY | UPDATE_STATE);
  }

  // The source gave the slot up while this primary was importing it: the last step was missed, take it now.
  if (!myself.isPrimary || slots.importingFrom(slot) !== claimant) return;
  state.log(
    'notice',
    `Slot ${slot} is no longer being imported from node ${called(claimant)} in shard ${claimant.shardId}; Clear my importing source for the slot.`,
  );
  slots.setImporting(slot, null);
  if (!slots.myselfOwns(slot)) {
    state.moveSlot(slot, myself);
    bumpEpoch(state);
    state.later(SAVE_DURABLY | UPDATE_STATE);
  }
}

/** A failover inside a shard, seen from outside: all of the old primary's slots are the new one's. */
export function moveAllSlots(state: ClusterState, from: ClusterNode, to: ClusterNode): number {
  assert(from.inShardOf(to), `${from.name} and ${to.name} are not in one shard`);
  let moved = 0;
  for (let slot = 0; slot < SLOTS; slot++) {
    if (state.slots.ownerOf(slot) === from.index) {
      state.moveSlot(slot, to);
      moved++;
    }
    if (state.slots.importingFrom(slot) === from) state.slots.setImporting(slot, to);
    if (state.slots.migratingTo(slot) === from) state.slots.setMigrating(slot, to);
  }
  return moved;
}

export function releaseAllSlots(state: ClusterState, node: ClusterNode): number {
  let released = 0;
  for (let slot = 0; slot < SLOTS; slot++) {
    if (state.slots.ownerOf(slot) !== node.index) continue;
    state.moveSlot(slot, null);
    released++;
  }
  return released;
}

/** Tells the sender of an old claim about one newer owner; the next message about another. */
export function correctOldClaim(state: ClusterState, sender: ClusterNode, epoch: number, claimed: Uint8Array): void {
  const owner = newerOwner(state, epoch, claimed, sender);
  if (owner === null) return;
  state.log(
    'verbose',
    `Node ${called(sender)} has old slots configuration, sending an UPDATE message about ${called(owner)}`,
  );
  sendUpdate(state, sender, owner);
}

/** An owner, other than `except`, of a claimed slot whose epoch is greater than the claim's. */
export function newerOwner(
  state: ClusterState,
  epoch: number,
  claimed: Uint8Array,
  except: ClusterNode | null,
): ClusterNode | null {
  for (let slot = 0; slot < SLOTS; slot++) {
    if (!testBit(claimed, slot) || testBit(state.slots.unclaimed, slot)) continue;
    const owner = state.ownerOf(slot);
    if (owner !== null && owner !== except && owner.configEpoch > epoch) return owner;
  }
  return null;
}

export function sendUpdate(state: ClusterState, to: ClusterNode, about: ClusterNode): void {
  const claimed = about.slots.slice();
  for (let i = 0; i < SLOT_BITMAP_BYTES; i++) claimed[i]! &= ~state.slots.unclaimed[i]!;
  state.send(to.link, encodeUpdate(state.header(), about.name, about.configEpoch, claimed), UPDATE);
}
