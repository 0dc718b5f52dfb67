/** Who owns which slot, to count what moved. */
import { type Shard, SLOT_COUNT } from '../workload/slots.ts';

export type SlotOwners = readonly (string | undefined)[];

export function ownersOf(shards: readonly Shard[]): SlotOwners {
  const owners: (string | undefined)[] = new Array(SLOT_COUNT);
  for (const { nodeId, ranges } of shards) for (const { start, end } of ranges) owners.fill(nodeId, start, end + 1);
  return owners;
}

export function movedBetween(before: SlotOwners, after: SlotOwners): number {
  let moved = 0;
  for (let slot = 0; slot < SLOT_COUNT; slot++) if (before[slot] !== after[slot]) moved++;
  return moved;
}

/** Slots of each owner, fewest first. */
export function shares(owners: SlotOwners): number[] {
  const counts = new Map<string, number>();
  for (const owner of owners) if (owner !== undefined) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return [...counts.values()].sort((a, b) => a - b);
}
