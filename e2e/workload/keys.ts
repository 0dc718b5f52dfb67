/** The checker's keys, grouped by the shard that owned their slot at the start, and the values they carry. */
import { KeyHistory } from './history.ts';
import type { Shard } from './slots.ts';
import { formatRanges, SLOT_COUNT, slotOf } from './slots.ts';

export interface CheckedKey {
  readonly name: string;
  readonly slot: number;
  readonly group: KeyGroup;
  readonly history: KeyHistory;
}

/**
 * The keys of one shard as it was at the start. The group keeps its keys wherever their slots go, so that the longest gap of
 * "shard 2" is the longest time in which no key of the slots that shard 2 once owned could be written, whoever owned them then.
 */
export interface KeyGroup {
  readonly number: number;
  readonly address: string;
  readonly slots: string;
  readonly keys: CheckedKey[];
}

/** Names are unlike those of any other run, so that a run starts from absent keys and leaves nobody else's alone. */
export function makeKeys(runId: string, count: number, shards: readonly Shard[]): KeyGroup[] {
  const groups: KeyGroup[] = shards.map((shard, index) => ({
    number: index + 1,
    address: `${shard.host}:${shard.port}`,
    slots: formatRanges(shard.ranges),
    keys: [],
  }));
  const groupOfSlot: (KeyGroup | undefined)[] = new Array(SLOT_COUNT);
  shards.forEach((shard, index) => {
    for (const { start, end } of shard.ranges) groupOfSlot.fill(groups[index], start, end + 1);
  });
  for (let index = 0; index < count; index++) {
    const name = `keyherd:workload:${runId}:${index}`;
    const slot = slotOf(name);
    const group = groupOfSlot[slot];
    if (group === undefined) throw new Error(`slot ${slot} has no owner`);
    group.keys.push({ name, slot, group, history: new KeyHistory() });
  }
  return groups;
}

/** A value names its key, so that a value which strayed from another key is told. */
export function valueOf(key: CheckedKey, version: number): string {
  return `${key.name}=${version}`;
}

/** The version in a value of this key, or NaN for a value that was never written to it. */
export function versionIn(key: CheckedKey, value: string): number {
  const prefix = `${key.name}=`;
  const digits = value.startsWith(prefix) ? value.slice(prefix.length) : '';
  return /^[1-9][0-9]{0,15}$/.test(digits) ? Number(digits) : Number.NaN;
}
