/**
 * Commands of persistence: SAVE, BGSAVE, LASTSAVE, and of DEBUG what compares and reloads datasets.
 * Source of arity, flags and replies: Valkey 9.1 rdb.c, debug.c and commands/*.json.
 */
import { ERR_SYNTAX } from '../protocol/errors.ts';
import type { Call } from './call.ts';
import type { Command } from './command.ts';
import * as flag from './command.ts';
import type { PersistenceRoom } from './replication-room.ts';

const DEBUG_FLAGS = flag.ADMIN | flag.NOSCRIPT | flag.LOADING | flag.STALE;

export const persistenceCommands: readonly Command[] = [
  {
    name: 'save',
    arity: 1,
    group: 'server',
    since: '1.0.0',
    summary: 'Synchronously saves the database(s) to disk.',
    flags: flag.ADMIN | flag.NOSCRIPT | flag.NO_ASYNC_LOADING | flag.NO_MULTI,
    keys: flag.NO_KEYS,
    run(call) {
      answer(call, roomOf(call).save(call.client));
    },
  },
  {
    name: 'bgsave',
    arity: -1,
    group: 'server',
    since: '1.0.0',
    summary: 'Asynchronously saves the database(s) to disk.',
    flags: flag.ADMIN | flag.NOSCRIPT | flag.NO_ASYNC_LOADING,
    keys: flag.NO_KEYS,
    run(call) {
      const room = roomOf(call);
      let status: string;
      if (call.count === 1) status = room.saveInBackground(false);
      else if (call.count === 2 && call.is(1, 'SCHEDULE')) status = room.saveInBackground(true);
      else if (call.count === 2 && call.is(1, 'CANCEL')) status = room.cancelSave();
      else status = ERR_SYNTAX;
      if (status.startsWith('ERR ')) call.reply.error(status);
      else call.reply.simple(status);
    },
  },
  {
    name: 'lastsave',
    arity: 1,
    group: 'server',
    since: '1.0.0',
    summary: 'Returns the Unix timestamp of the last successful save to disk.',
    flags: flag.LOADING | flag.STALE | flag.FAST | flag.ADMIN,
    keys: flag.NO_KEYS,
    run(call) {
      call.reply.integer(roomOf(call).lastSaveSeconds());
    },
  },
  {
    name: 'debug',
    arity: -2,
    group: 'server',
    since: '1.0.0',
    summary: 'A container for debugging commands.',
    flags: DEBUG_FLAGS,
    keys: flag.NO_KEYS,
    run(call) {
      call.reply.error(ERR_SYNTAX);
    },
    subcommands: [
      {
        name: 'digest',
        arity: 2,
        group: 'server',
        since: '1.0.0',
        summary: 'Returns a digest of the whole dataset, which depends on nothing but its content.',
        flags: DEBUG_FLAGS,
        keys: flag.NO_KEYS,
        run(call) {
          call.reply.simple(roomOf(call).digest());
        },
      },
      {
        name: 'digest-value',
        arity: -3,
        group: 'server',
        since: '4.0.0',
        summary: 'Returns a digest of the value of each key.',
        flags: DEBUG_FLAGS,
        keys: flag.NO_KEYS,
        run(call) {
          const digests: string[] = [];
          for (let i = 2; i < call.count; i++) digests.push(roomOf(call).digestOfKey(call.database.index, call.copy(i)));
          call.reply.array(digests.length);
          for (const digest of digests) call.reply.simple(digest);
        },
      },
      {
        name: 'reload',
        arity: 2,
        group: 'server',
        since: '1.0.0',
        summary: 'Saves the dataset, empties the keyspace and loads it again.',
        flags: DEBUG_FLAGS,
        keys: flag.NO_KEYS,
        run(call) {
          answer(call, roomOf(call).reload(call.client));
        },
      },
    ],
  },
];

function roomOf(call: Call): PersistenceRoom {
  const room = call.rooms.persistence;
  if (room === undefined) throw new Error('commands: the node was composed without persistence');
  return room;
}

/** A command that blocks is answered by whoever ends its wait. */
function answer(call: Call, problem: string | null): void {
  if (problem !== null) call.reply.error(problem);
}
