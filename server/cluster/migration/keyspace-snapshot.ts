/**
 * The keys of slots at one moment as commands, from the point-in-time iterator. It works when it is asked: each `take` walks
 * for a few milliseconds at most, so the pace is the connection's.
 */
import { CommandWriter } from '../../persistence/command-writer.ts';
import type { Snapshot, Snapshots } from '../../persistence/snapshot.ts';
import { SLOTS } from '../limits.ts';
import type { SlotRange } from '../slot-map.ts';
import { covers } from './job.ts';
import type { SlotSnapshot, SlotSnapshotSource } from './ports.ts';

/** One look at the iterator, in its units of about a microsecond. */
const SLICE_UNITS = 500;
/** Looks for one piece: empty slots cost little, and a turn must end. */
const SLICES_A_TAKE = 8;
/** Values kept back because they are about to change, or not taken, beyond this fail the migration. */
const QUEUE_LIMIT_BYTES = 256 * 1024 * 1024;

export class KeyspaceSlotSnapshots implements SlotSnapshotSource {
  private readonly snapshots: Snapshots;

  constructor(snapshots: Snapshots) {
    this.snapshots = snapshots;
  }

  begin(ranges: readonly SlotRange[], ready: () => void): SlotSnapshot {
    const slots = new Uint8Array(SLOTS);
    for (let slot = 0; slot < SLOTS; slot++) if (covers(ranges, slot)) slots[slot] = 1;
    return new KeyspaceSlotSnapshot(this.snapshots, slots, ready);
  }
}

class KeyspaceSlotSnapshot implements SlotSnapshot {
  private readonly snapshots: Snapshots;
  private readonly writer = new CommandWriter();
  private readonly snapshot: Snapshot;
  private readonly ready: () => void;
  private isEmpty = false;

  constructor(snapshots: Snapshots, slots: Uint8Array, ready: () => void) {
    this.snapshots = snapshots;
    this.ready = ready;
    this.snapshot = snapshots.open(this.writer, { slots, queueLimitBytes: QUEUE_LIMIT_BYTES });
  }

  get done(): boolean {
    return this.snapshot.done && this.isEmpty;
  }

  get failure(): string {
    return this.snapshot.failure;
  }

  take(): Uint8Array | null {
    const { snapshot, snapshots, writer } = this;
    for (let slices = 0; snapshot.failure === ''; slices++) {
      const chunk = writer.out.take(snapshot.done);
      if (chunk !== null) {
        const bytes = chunk.bytes.slice(0, chunk.length);
        writer.out.release(chunk);
        return bytes;
      }
      this.isEmpty = snapshot.done;
      if (snapshot.done) return null;
      if (slices === SLICES_A_TAKE) {
        this.ready();
        return null;
      }
      snapshots.slice(snapshot, SLICE_UNITS);
    }
    return null;
  }

  close(): void {
    this.snapshots.close(this.snapshot);
  }
}
