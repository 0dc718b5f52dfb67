/**
 * Commands of persistence: SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE.
 * Source of arity, flags and replies: Valkey 9.1 rdb.c, aof.c and commands/*.json.
 */
import { ERR_SYNTAX } from '../protocol/errors.ts';
import type { Call } from './call.ts';
import { ADMIN, type Command, FAST, LOADING, NO_ASYNC_LOADING, NO_KEYS, NO_MULTI, NOSCRIPT, STALE } from './command.ts';
import type { PersistenceRoom } from './replication-room.ts';

export const persistenceCommands: readonly Command[] = [
  {
    name: 'save',
    arity: 1,
    group: 'server',
    since: '1.0.0',
    summary: 'Synchronously saves the database(s) to disk.',
    flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING | NO_MULTI,
    keys: NO_KEYS,
    run(call) {
      const problem = persistenceOf(call).save(call.client);
      if (problem !== null) call.fail(problem);
    },
  },
  {
    name: 'bgsave',
    arity: -1,
    group: 'server',
    since: '1.0.0',
    summary: 'Asynchronously saves the database(s) to disk.',
    flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING,
    keys: NO_KEYS,
    run: bgsave,
  },
  {
    name: 'bgrewriteaof',
    arity: 1,
    group: 'server',
    since: '1.0.0',
    summary: 'Asynchronously rewrites the append-only file to disk.',
    flags: ADMIN | NOSCRIPT | NO_ASYNC_LOADING,
    keys: NO_KEYS,
    run(call) {
      const room = call.rooms.appendOnly;
      if (room === undefined) throw new Error('commands: the node was composed without an append-only file');
      // Within a transaction the snapshot would hold its first half, and the increment the second.
      const status = room.rewriteInBackground(call.inExec);
      if (status.startsWith('ERR ')) call.fail(status);
      else call.reply.simple(status);
    },
  },
  {
    name: 'lastsave',
    arity: 1,
    group: 'server',
    since: '1.0.0',
    summary: 'Returns the Unix timestamp of the last successful save to disk.',
    flags: LOADING | STALE | FAST,
    keys: NO_KEYS,
    run(call) {
      call.reply.integer(persistenceOf(call).lastSaveSeconds());
    },
  },
];

function bgsave(call: Call): void {
  const cancels = call.count === 2 && call.is(1, 'CANCEL');
  if (call.count > 1 && !cancels && !(call.count === 2 && call.is(1, 'SCHEDULE'))) return call.fail(ERR_SYNTAX);
  const room = persistenceOf(call);
  // Within a transaction its first half would be saved without the second.
  const status = cancels ? room.cancelSave() : room.saveInBackground(call.inExec);
  if (status.startsWith('ERR ')) call.fail(status);
  else call.reply.simple(status);
}

export function persistenceOf(call: Call): PersistenceRoom {
  const room = call.rooms.persistence;
  if (room === undefined) throw new Error('commands: the node was composed without persistence');
  return room;
}
