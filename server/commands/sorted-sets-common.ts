/**
 * What the files of sorted set commands share: opening one, ending removals, storing a result. Hot file: no allocation per call.
 * Source: Valkey 9.1 t_zset.c.
 */
import { ZSET } from '../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_ZSET } from '../keyspace/events.ts';
import { NONE } from '../memory/arena.ts';
import { parseInteger } from '../protocol/numbers.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';

/** Opens the sorted set at argument `index` for reading; false when there is none or an error was answered. */
export function openSortedSet(types: Types, call: Call, index: number): boolean {
  if (call.findTyped(index, ZSET) === NONE || call.failed) return false;
  types.sortedSets.openFound(call.database);
  return true;
}

/** After members were removed from the open sorted set, found at argument `index`, and their event was told. */
export function endRemovals(types: Types, call: Call, index: number, removed: number): void {
  types.sortedSets.saveTo(call.database);
  if (types.sortedSets.count === 0) {
    call.database.remove();
    call.notify(EVENT_GENERIC, 'del', index);
  }
  call.changed(removed);
}

/**
 * Puts the ordered result, open in `types.newSortedSets`, at the key of argument `index` in place of what is there; an empty one
 * removes the key. `changes` are the dirty counts of a result that is stored.
 */
export function storeResult(types: Types, call: Call, index: number, event: string, changes: number): void {
  const { count, encoding, root } = types.newSortedSets;
  const { database } = call;
  const found = call.findForWrite(index);
  if (count > 0) {
    database.putCollection(call.bytes, call.starts[index]!, call.ends[index]!, ZSET, encoding, root);
    call.notify(EVENT_ZSET, event, index);
    call.changed(changes);
    return;
  }
  types.free(ZSET, encoding, root);
  if (found === NONE) return;
  database.remove();
  call.notify(EVENT_GENERIC, 'del', index);
  call.changed();
}

/** The keys of a command whose argument `countAt` says how many follow it; with the result's key at argument 1, `stored`. */
export function numberedKeys(countAt: number, stored: boolean): (call: Call, found: (index: number) => void) => void {
  return (call, found) => {
    if (call.count <= countAt) return;
    const keys = parseInteger(call.bytes, call.starts[countAt]!, call.ends[countAt]!);
    if (!(keys >= 1 && keys <= call.count - countAt - 1)) return;
    if (stored) found(1);
    for (let i = countAt + 1; i <= countAt + keys; i++) found(i);
  };
}
