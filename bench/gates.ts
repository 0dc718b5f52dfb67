/**
 * What the measurements have to reach for a change to land with `npm run bench -- --gate`: ratios ours / Valkey,
 * and the start time in absolute terms.
 */
import type { Figure } from './measurements.ts';

export type Gate = { readonly says: string; readonly holds: boolean };

/** Throughput at least this many times Valkey's, by pipeline depth. */
const THROUGHPUT: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  SET: { 1: 0.9, 16: 0.85, 64: 0.85 },
  GET: { 1: 0.9, 16: 0.75, 64: 0.75 },
  INCR: { 1: 0.9, 16: 0.7, 64: 0.7 },
  HSET: { 1: 0.9, 16: 0.7, 64: 0.7 },
  LPUSH: { 1: 0.9, 16: 0.7, 64: 0.7 },
  SADD: { 1: 0.9, 16: 0.7, 64: 0.7 },
  ZADD: { 1: 0.9, 16: 0.7, 64: 0.7 },
};
/** Bytes per key at most this many times Valkey's. */
const MEMORY_RATIO = 1;
const START_MS = 300;
const MIGRATED_KEYS_PER_SECOND = 300_000;

/** Null for a figure that has no gate. */
export function gateOf(figure: Figure): Gate | null {
  const ratio = figure.ours / figure.valkey;
  if (figure.name === 'memory per key') return { says: `≤ ${MEMORY_RATIO.toFixed(2)}`, holds: ratio <= MEMORY_RATIO };
  if (figure.name === 'start time') return { says: `< ${START_MS} ms`, holds: figure.ours < START_MS };
  if (figure.name === 'slot migration')
    return { says: `≥ ${MIGRATED_KEYS_PER_SECOND / 1000} k/s`, holds: figure.ours >= MIGRATED_KEYS_PER_SECOND };
  const [command = '', , pipeline = ''] = figure.name.split(' ');
  const least = THROUGHPUT[command]?.[pipeline];
  return least === undefined ? null : { says: `≥ ${least.toFixed(2)}`, holds: ratio >= least };
}
