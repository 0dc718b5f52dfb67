/**
 * Deletes the keys of slots that this node lost, a little at a time: a slot range of a million keys must not stop the node.
 * Nobody can reach those keys meanwhile, for their slots are served elsewhere. A slot that comes back is emptied at once first.
 */
import type { ClusterState } from './state.ts';

/** Keys deleted in one turn of the event loop, at least one slot's: a few milliseconds. */
const KEYS_A_TURN = 2000;

export class Purge {
  private readonly state: ClusterState;
  private readonly slots = new Set<number>();

  constructor(state: ClusterState) {
    this.state = state;
  }

  get isEmpty(): boolean {
    return this.slots.size === 0;
  }

  has(slot: number): boolean {
    return this.slots.has(slot);
  }

  add(slot: number): void {
    if (this.state.keyspace.keysInSlot(slot) === 0) return;
    this.slots.add(slot);
    this.state.effects.runSoon();
  }

  /** The slot's keys must be gone now. */
  finish(slot: number): void {
    if (this.slots.delete(slot)) this.state.effects.flushSlotKeys(slot);
  }

  /** The dataset is another one: nothing of it is to be deleted. */
  forget(): void {
    this.slots.clear();
  }

  run(): void {
    let deleted = 0;
    for (const slot of this.slots) {
      if (deleted >= KEYS_A_TURN) {
        this.state.effects.runSoon();
        return;
      }
      deleted += this.state.keyspace.keysInSlot(slot);
      this.finish(slot);
    }
  }
}
