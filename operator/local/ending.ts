/** The end of a cluster on processes: its nodes stop, replicas first, and nothing is left on disk. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  findByCommandLine,
  isRunning,
  type ProcessId,
  type StateDirectory,
  signal,
} from '../platform/process/index.ts';

/** A replica has nothing to hand over; a primary may save, and looks in vain for a replica to hand over to. */
const REPLICA_GRACE_MS = 2_000;
const PRIMARY_GRACE_MS = 5_000;
const LOOK_INTERVAL_MS = 20;

/**
 * Stops every node on record: first those in `replicas` (by name), so that no primary hands over to a node that is about to go,
 * then the rest. What outlives its grace, or is in a hurry, is killed.
 */
export async function stopNodes(
  state: StateDirectory,
  replicas: ReadonlySet<string>,
  hurry: AbortSignal,
): Promise<void> {
  const nodes = state
    .allNodes()
    .flatMap(({ record }) => (record.process === null ? [] : [{ name: record.name, id: record.process }]));
  const first = nodes.filter(({ name }) => replicas.has(name)).map(({ id }) => id);
  const then = nodes.filter(({ name }) => !replicas.has(name)).map(({ id }) => id);
  await stopAll(first, REPLICA_GRACE_MS, hurry);
  await stopAll(then, PRIMARY_GRACE_MS, hurry);
  // One that was started and not put on record, because the reconciler died in between.
  for (const id of findByCommandLine(state.shardsPath)) signal(id, 'SIGKILL');
}

async function stopAll(ids: readonly ProcessId[], graceMs: number, hurry: AbortSignal): Promise<void> {
  for (const id of ids) signal(id, 'SIGTERM');
  const deadlineMs = performance.now() + graceMs;
  while (ids.some(isRunning) && performance.now() < deadlineMs && !hurry.aborted) await sleep(LOOK_INTERVAL_MS);
  for (const id of ids) signal(id, 'SIGKILL');
  while (ids.some(isRunning)) await sleep(LOOK_INTERVAL_MS);
}
