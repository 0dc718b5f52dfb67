/**
 * One save: a snapshot's bytes to a file, in slices between the node's turns.
 */
import type { Snapshot } from '../persistence/snapshot.ts';
import { ReplacementFile } from './rdb-file.ts';

/** Work of one slice, about microseconds: a turn of the node stays well under 10 ms. */
const SLICE_UNITS = 1500;
/** Slices between the node's turns while nothing is to be written yet. */
export interface SaveTurns {
  /** Does about so much of the snapshot's work. */
  slice(snapshot: Snapshot, units: number): void;
  /** Resolves after the event loop went around once. */
  nextTurn(): Promise<void>;
  /** True when the save was cancelled. */
  cancelled(): boolean;
}

/** Writes a snapshot. Rejects with the reason when the file cannot be written, the snapshot failed, or it was cancelled. */
export async function saveSnapshot(snapshot: Snapshot, path: string, id: string, turns: SaveTurns): Promise<number> {
  const file = await ReplacementFile.create(path, id);
  const { out } = snapshot.consumer;
  try {
    for (;;) {
      if (snapshot.active) turns.slice(snapshot, SLICE_UNITS);
      if (snapshot.failure !== '') throw new Error(snapshot.failure);
      if (turns.cancelled()) throw new Error('it was cancelled');
      for (let chunk = out.take(snapshot.done); chunk !== null; chunk = out.take(snapshot.done)) {
        await file.write(chunk.bytes, 0, chunk.length);
        out.release(chunk);
      }
      if (snapshot.done) break;
      await turns.nextTurn();
    }
    await file.commit();
    return out.written;
  } catch (problem) {
    await file.abandon();
    throw problem;
  }
}
