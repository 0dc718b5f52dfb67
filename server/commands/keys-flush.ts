/**
 * Commands on whole databases: FLUSHDB, FLUSHALL, SWAPDB.
 * Source: Valkey 9.1 db.c.
 */
import { ERR_DB_INDEX, ERR_SYNTAX } from '../protocol/errors.ts';
import type { Call } from './call.ts';
import { type Command, DANGEROUS, FAST, NO_KEYS, WRITE } from './command.ts';

function flush(call: Call, everything: boolean): void {
  if (call.count > 2 || (call.count === 2 && !call.is(1, 'ASYNC') && !call.is(1, 'SYNC'))) {
    call.fail(ERR_SYNTAX);
    return;
  }
  const databases = everything ? call.keyspace.databases : [call.database];
  for (const database of databases) database.clear();
  call.rooms.flushed();
  touchWatched(call, new Set(databases.map(({ index }) => index)));
  call.changed();
  call.reply.ok();
}

/** Transactions that watch a key of these databases fail. */
function touchWatched(call: Call, databases: ReadonlySet<number>): void {
  call.rooms.watches.touchAll((key) => databases.has(Number(key.slice(0, key.indexOf(':')))));
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
    touchWatched(call, new Set([first, second]));
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
