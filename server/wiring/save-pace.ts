/**
 * How fast a save goes on between the node's turns: a slice of a turn's time, or as slow as rdb-key-save-delay asks. One for each save.
 * Source of the delay: Valkey 9.1 rdb.c (the child sleeps so long after each key).
 */
import type { Node } from '../node.ts';
import type { Snapshot } from '../persistence/snapshot.ts';
import type { SaveTurns } from '../storage/saving.ts';

/** A save's share of a turn. Looked at after every SLICE_UNITS of work (about a microsecond each). */
const SLICE_MS = 2;
const SLICE_UNITS = 250;
/** A save that is slowed down looks so often whether it shall end. */
const DELAY_STEP_MS = 20;

export class SavePace implements SaveTurns {
  /** Why the save shall end; empty while it shall not. */
  readonly cancelled: () => string;
  private readonly node: Node;
  /** rdb-key-save-delay: of so many keys, and when the next one is due. */
  private delayed = { keys: 0, untilMs: 0 };

  constructor(node: Node, cancelled: () => string) {
    this.node = node;
    this.cancelled = cancelled;
  }

  slice(snapshot: Snapshot): void {
    const { node } = this;
    node.turn();
    const until = performance.now() + SLICE_MS;
    const delayMs = microsOf(node.settings.integer('rdb-key-save-delay')) / 1000;
    do {
      if (delayMs > 0 && !this.keyIsDue(snapshot, delayMs)) return;
      node.snapshots.slice(snapshot, delayMs > 0 ? 1 : SLICE_UNITS);
    } while (snapshot.active && !snapshot.full && performance.now() < until);
  }

  /** Whether the key after those that were told may follow yet. */
  private keyIsDue(snapshot: Snapshot, delayMs: number): boolean {
    const now = performance.now();
    if (snapshot.keysTold > this.delayed.keys) {
      const added = snapshot.keysTold - this.delayed.keys;
      this.delayed = {
        keys: snapshot.keysTold,
        untilMs: Math.max(this.delayed.untilMs, now - delayMs) + added * delayMs,
      };
    }
    return now >= this.delayed.untilMs;
  }

  nextTurn(): Promise<void> {
    // A delay that was taken back meanwhile counts no more.
    if (this.node.settings.integer('rdb-key-save-delay') === 0) this.delayed.untilMs = 0;
    const waitMs = Math.min(DELAY_STEP_MS, this.delayed.untilMs - performance.now());
    return new Promise((resolve) => (waitMs > 1 ? setTimeout(resolve, waitMs) : setImmediate(resolve)));
  }
}

/** The delays that tests ask for: microseconds a key, or of -n one for n keys. */
export function microsOf(delay: number): number {
  return delay < 0 ? 1 / -delay : delay;
}
