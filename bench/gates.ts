/**
 * What the measurements have to reach for a change to land with `npm run bench -- --gate`: ratios ours / Valkey,
 * and the start time in absolute terms.
 */
import type { Figure } from './measurements.ts';
import { workloadGate } from './workloads.ts';

export type Gate = { readonly says: string; readonly holds: boolean };

/** Bytes per key at most this many times Valkey's. */
const MEMORY_RATIO = 1;
const START_MS = 300;
/** Deliveries of published messages at least this many times Valkey's. */
const FAN_OUT = 0.9;
const MIGRATED_KEYS_PER_SECOND = 300_000;

/** Null for a figure that has no gate. */
export function gateOf(figure: Figure): Gate | null {
  const ratio = figure.ours / figure.valkey;
  if (figure.name === 'memory per key') return { says: `≤ ${MEMORY_RATIO.toFixed(2)}`, holds: ratio <= MEMORY_RATIO };
  if (figure.name === 'start time') return { says: `< ${START_MS} ms`, holds: figure.ours < START_MS };
  if (figure.name === 'slot migration')
    return { says: `≥ ${MIGRATED_KEYS_PER_SECOND / 1000} k/s`, holds: figure.ours >= MIGRATED_KEYS_PER_SECOND };
  const [command = '', , pipeline = ''] = figure.name.split(' ');
  if (figure.name.startsWith('bytes a ')) return { says: `≤ ${MEMORY_RATIO.toFixed(2)}`, holds: ratio <= MEMORY_RATIO };
  const least = figure.name.startsWith('PUBLISH') ? FAN_OUT : workloadGate(command, Number(pipeline));
  return least === null ? null : { says: `≥ ${least.toFixed(2)}`, holds: ratio >= least };
}
