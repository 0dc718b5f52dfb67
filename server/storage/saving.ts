/** One save: a snapshot's bytes to a file, in slices between the node's turns. */
import type { Snapshot } from '../persistence/snapshot.ts';
import { ReplacementFile } from './rdb-file.ts';

export interface SaveTurns {
  /** Goes on telling the snapshot for the time of a slice. */
  slice(snapshot: Snapshot): void;
  /** Resolves after the event loop went around once. */
  nextTurn(): Promise<void>;
  /** Why the save shall end; empty while it shall not. */
  cancelled(): string;
}

/** Writes a snapshot and returns the file's size. Rejects with the reason when the file cannot be written, the snapshot failed, or it was cancelled. */
export async function saveSnapshot(
  snapshot: Snapshot,
  path: string,
  writer: string,
  turns: SaveTurns,
): Promise<number> {
  const file = await ReplacementFile.create(path, writer);
  const { out } = snapshot.consumer;
  try {
    for (;;) {
      if (snapshot.active) turns.slice(snapshot);
      for (let chunk = out.take(snapshot.done); chunk !== null; chunk = out.take(snapshot.done)) {
        await file.write(chunk.bytes, 0, chunk.length);
        out.release(chunk);
        if (snapshot.failure !== '' || turns.cancelled() !== '') break;
      }
      if (turns.cancelled() !== '') throw new Error(turns.cancelled());
      if (snapshot.failure !== '') throw new Error(snapshot.failure);
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
