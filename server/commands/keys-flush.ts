/**
 * Commands on whole databases: FLUSHDB, FLUSHALL, SWAPDB.
 * Source: Valkey 9.1 db.c.
 */
import type { Database } from '../keyspace/database.ts';
import { slotOf } from '../keyspace/slot.ts';
import { NONE } from '../memory/arena.ts';
import { ERR_DB_INDEX, ERR_SYNTAX } from '../protocol/errors.ts';
import type { Call } from './call.ts';
import { type Command, DANGEROUS, FAST, NO_KEYS, WRITE } from './command.ts';

function flush(call: Call, everything: boolean): void {
  if (call.count > 2 || (call.count === 2 && !call.is(1, 'ASYNC') && !call.is(1, 'SYNC'))) {
    call.fail(ERR_SYNTAX);
    return;
  }
  const databases = everything ? call.keyspace.databases : [call.database];
  touchWatched(call, databases);
  let removed = 0;
  for (const database of databases) removed += database.clear();
  call.rooms.flushed();
  // It goes to replicas even when there was nothing.
  call.changed(Math.max(1, removed));
  if (everything) saveEmptied(call);
  call.reply.ok();
}

/** Where the dataset is saved by itself, what FLUSHALL left is saved at once: a running save of what was is pointless. */
function saveEmptied(call: Call): void {
  const { persistence, settings } = call.rooms;
  if (persistence === undefined || settings.text('save') === '') return;
  persistence.cancelSave();
  if (persistence.saveInBackground(true).endsWith('scheduled')) call.keyspace.dirty = 0;
}

/** Transactions that watch a key in one of these databases fail where the key is in one of them: it goes, or it comes. */
function touchWatched(call: Call, databases: readonly Database[], swapped = false): void {
  const { watches } = call.rooms;
  if (watches.count === 0) return;
  watches.touchAll((key) => {
    const colon = key.indexOf(':');
    const index = Number(key.slice(0, colon));
    if (!databases.some((database) => database.index === index)) return false;
    const bytes = Uint8Array.from(key.slice(colon + 1), (character) => character.charCodeAt(0));
    if (call.keyspace.slots > 1) call.keyspace.slot = slotOf(bytes, 0, bytes.length);
    const places = swapped ? databases : databases.filter((database) => database.index === index);
    return places.some((database) => database.findWithoutAccess(bytes, 0, bytes.length) !== NONE);
  });
}

function swapdb(call: Call): void {
  if (call.keyspace.slots > 1) {
    call.fail('ERR SWAPDB is not allowed in cluster mode');
    return;
  }
  const first = call.integer(1, 'ERR invalid first DB index');
  if (call.failed) return;
  const second = call.integer(2, 'ERR invalid second DB index');
  if (call.failed) return;
  const { databases } = call.keyspace;
  if (databases[first] === undefined || databases[second] === undefined) {
    call.fail(ERR_DB_INDEX);
    return;
  }
  if (first !== second) {
    touchWatched(call, [databases[first], databases[second]], true);
    call.keyspace.swap(first, second);
  }
  call.changed();
  call.reply.ok();
}

export const flushCommands: readonly Command[] = [
  {
    name: 'flushdb',
    arity: -1,
    group: 'server',
    since: '1.0.0',
    flags: WRITE | DANGEROUS,
    keys: NO_KEYS,
    summary: 'Removes all keys from the current database.',
    run: (call) => flush(call, false),
  },
  {
    name: 'flushall',
    arity: -1,
    group: 'server',
    since: '1.0.0',
    flags: WRITE | DANGEROUS,
    keys: NO_KEYS,
    summary: 'Removes all keys from all databases.',
    run: (call) => flush(call, true),
  },
  {
    name: 'swapdb',
    arity: 3,
    group: 'server',
    since: '4.0.0',
    flags: WRITE | FAST | DANGEROUS,
    keys: NO_KEYS,
    summary: 'Swaps two databases.',
    run: swapdb,
  },
];
