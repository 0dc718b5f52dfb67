/** MULTI, EXEC, DISCARD, WATCH, UNWATCH. Source: Valkey 9.1 multi.c. */
import { OBSERVED_BY_WATCH } from '../keyspace/keyspace.ts';
import {
  ERR_DISCARD_WITHOUT_MULTI,
  ERR_EXEC_ABORT,
  ERR_EXEC_WITHOUT_MULTI,
  ERR_NESTED_MULTI,
  ERR_WATCH_INSIDE_MULTI,
} from '../protocol/errors.ts';
import { watchKey } from '../transactions/watches.ts';
import type { Call } from './call.ts';
import {
  ALL_KEYS,
  ALLOW_BUSY,
  type Command,
  DENYOOM,
  FAST,
  LOADING,
  MAY_REPLICATE,
  NO_KEYS,
  NO_MULTI,
  NOSCRIPT,
  NOT_QUEUED,
  SKIP_COMMANDLOG,
  STALE,
  WRITE,
} from './command.ts';

function multi(call: Call): void {
  if (call.client.inTransaction) {
    call.fail(ERR_NESTED_MULTI);
    return;
  }
  call.client.inTransaction = true;
  call.client.hadTransaction = true;
  call.reply.ok();
}

/** What one queued command needs EXEC needs; what one does not allow EXEC does not. */
function flagsOfQueued(call: Call): number {
  let flags = call.entry.flags;
  for (const queued of call.client.queued) flags = (flags | (queued.flags & NEEDS)) & (queued.flags | ~ALLOWANCES);
  return flags;
}

function exec(call: Call): void {
  const { client } = call;
  if (!client.inTransaction) {
    call.fail(ERR_EXEC_WITHOUT_MULTI);
    return;
  }
  const failed = client.transactionFailed;
  const broken = client.watchBroken || watchedKeyExpired(call);
  unwatch(call);
  if (failed || broken) {
    client.discardTransaction();
    if (failed) call.fail(ERR_EXEC_ABORT);
    else call.reply.nilArray();
    return;
  }
  call.rooms.runQueued(client);
}

/** A watched key that was there at WATCH and has run out since counts as changed, although nobody deleted it yet. */
function watchedKeyExpired(call: Call): boolean {
  if (!call.client.watching) return false;
  for (const key of call.rooms.watches.keysOf(call.client)) {
    const colon = key.indexOf(':');
    const bytes = Uint8Array.from(key.slice(colon + 1), (character) => character.charCodeAt(0));
    call.keyspace.databases[Number(key.slice(0, colon))]!.findWithoutAccess(bytes, 0, bytes.length);
  }
  // Looking at an expired key deleted it, which told its watchers.
  return call.client.watchBroken;
}

function discard(call: Call): void {
  if (!call.client.inTransaction) {
    call.fail(ERR_DISCARD_WITHOUT_MULTI);
    return;
  }
  call.client.discardTransaction();
  unwatch(call);
  call.reply.ok();
}

function watch(call: Call): void {
  if (call.client.inTransaction) {
    call.fail(ERR_WATCH_INSIDE_MULTI);
    return;
  }
  call.client.hadTransaction = true;
  for (let i = 1; i < call.count; i++) {
    // An expired key is deleted now, so that its end is not taken for a change later.
    call.database.findWithoutAccess(call.bytes, call.starts[i]!, call.ends[i]!);
    call.rooms.watches.add(
      call.client,
      watchKey(call.client.databaseIndex, call.bytes, call.starts[i]!, call.ends[i]!),
    );
  }
  call.keyspace.observe(OBSERVED_BY_WATCH, call.rooms.watches.count > 0);
  call.reply.ok();
}

function unwatch(call: Call): void {
  call.rooms.watches.drop(call.client);
  call.keyspace.observe(OBSERVED_BY_WATCH, call.rooms.watches.count > 0);
}

const NEEDS = WRITE | DENYOOM | MAY_REPLICATE;
const ALLOWANCES = STALE | LOADING;
const GROUP = { group: 'transactions' } as const;
const FLAGS = NOSCRIPT | LOADING | STALE;

export const transactionCommands: readonly Command[] = [
  {
    ...GROUP,
    name: 'multi',
    arity: 1,
    since: '1.2.0',
    flags: FLAGS | FAST | ALLOW_BUSY | NOT_QUEUED | NO_MULTI,
    keys: NO_KEYS,
    summary: 'Starts a transaction.',
    run: multi,
  },
  {
    ...GROUP,
    name: 'exec',
    arity: 1,
    since: '1.2.0',
    flags: FLAGS | SKIP_COMMANDLOG | NOT_QUEUED,
    keys: NO_KEYS,
    summary: 'Executes all commands in a transaction.',
    flagsOf: flagsOfQueued,
    run: exec,
  },
  {
    ...GROUP,
    name: 'discard',
    arity: 1,
    since: '2.0.0',
    flags: FLAGS | FAST | ALLOW_BUSY | NOT_QUEUED,
    keys: NO_KEYS,
    summary: 'Discards a transaction.',
    run: discard,
  },
  {
    ...GROUP,
    name: 'watch',
    arity: -2,
    since: '2.2.0',
    flags: FLAGS | FAST | ALLOW_BUSY | NOT_QUEUED | NO_MULTI,
    keys: ALL_KEYS,
    summary: 'Monitors changes to keys to determine the execution of a transaction.',
    run: watch,
  },
  {
    ...GROUP,
    name: 'unwatch',
    arity: 1,
    since: '2.2.0',
    flags: FLAGS | FAST | ALLOW_BUSY,
    keys: NO_KEYS,
    summary: 'Forgets about watched keys of a transaction.',
    run(call) {
      unwatch(call);
      call.reply.ok();
    },
  },
];
