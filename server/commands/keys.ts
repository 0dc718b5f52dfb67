/**
 * Generic commands on keys of any type: existence, type, renaming, moving. Hot file where it serves EXISTS and DEL.
 * Their siblings: keys-expiry, keys-scan, keys-flush, keys-object, keys-copy.
 * Source: Valkey 9.1 db.c.
 */
import type { Database } from '../keyspace/database.ts';
import { HASH, LIST, SET, STREAM, STRING, ZSET } from '../keyspace/entry.ts';
import { EVENT_GENERIC } from '../keyspace/events.ts';
import { NONE } from '../memory/arena.ts';
import { ERR_DB_INDEX, ERR_NO_KEY, ERR_SAME_OBJECT } from '../protocol/errors.ts';
import type { Call } from './call.ts';
import { ALL_KEYS, type Command, FAST, ONE_KEY, READONLY, TWO_KEYS, WRITE } from './command.ts';

function del(call: Call): void {
  let removed = 0;
  for (let i = 1; i < call.count; i++) {
    if (call.findForWrite(i) === NONE) continue;
    call.database.remove();
    call.notify(EVENT_GENERIC, 'del', i);
    removed++;
  }
  if (removed > 0) call.changed(removed);
  call.reply.integer(removed);
}

function exists(call: Call): void {
  let found = 0;
  for (let i = 1; i < call.count; i++) {
    if (call.database.findWithoutAccess(call.bytes, call.starts[i]!, call.ends[i]!) !== NONE) found++;
  }
  call.reply.integer(found);
}

/** Names of types as TYPE, SCAN TYPE and OBJECT give them. */
export const TYPE_NAMES: Readonly<Record<number, string>> = {
  [STRING]: 'string',
  [LIST]: 'list',
  [SET]: 'set',
  [ZSET]: 'zset',
  [HASH]: 'hash',
  [STREAM]: 'stream',
};

function type(call: Call): void {
  const { database } = call;
  const found = database.findWithoutAccess(call.bytes, call.starts[1]!, call.ends[1]!);
  call.reply.simple(found === NONE ? 'none' : TYPE_NAMES[database.view.type]!);
}

function rename(call: Call, onlyIfAbsent: boolean): void {
  const { database } = call;
  if (call.findForWrite(1) === NONE) {
    call.fail(ERR_NO_KEY);
    return;
  }
  if (sameArguments(call, 1, 2)) {
    if (onlyIfAbsent) call.reply.integer(0);
    else call.reply.ok();
    return;
  }
  if (call.findForWrite(2) !== NONE) {
    if (onlyIfAbsent) {
      call.reply.integer(0);
      return;
    }
    database.remove();
  }
  call.findForWrite(1);
  moveValue(call, database, database, 2);
  call.changed();
  call.notify(EVENT_GENERIC, 'rename_from', 1);
  call.notify(EVENT_GENERIC, 'rename_to', 2);
  if (onlyIfAbsent) call.reply.integer(1);
  else call.reply.ok();
}

/** Arguments i and j are the same bytes. */
export function sameArguments(call: Call, i: number, j: number): boolean {
  const length = call.length(i);
  if (length !== call.length(j)) return false;
  const a = call.starts[i]!;
  const b = call.starts[j]!;
  for (let k = 0; k < length; k++) if (call.bytes[a + k] !== call.bytes[b + k]) return false;
  return true;
}

/** Takes the value of the key found in `from` to the key of argument `index` in `to`, where it must be absent. */
function moveValue(call: Call, from: Database, to: Database, index: number): void {
  const { view } = from;
  const expireAtMs = view.expireAtMs();
  if (view.type === STRING) {
    const written = from.howWritten();
    const at = from.openString();
    const value = from.valueSegment.slice(at, at + view.stringLength());
    from.remove();
    to.findForWrite(call.bytes, call.starts[index]!, call.ends[index]!);
    to.putString(call.bytes, call.starts[index]!, call.ends[index]!, value, 0, value.length, expireAtMs);
    to.markWritten(written);
    return;
  }
  const { type: valueType, encoding } = view;
  const root = view.root();
  const shell = from.unlink();
  to.findForWrite(call.bytes, call.starts[index]!, call.ends[index]!);
  to.putCollection(call.bytes, call.starts[index]!, call.ends[index]!, valueType, encoding, root, expireAtMs);
  from.freeShell(shell);
}

function move(call: Call): void {
  const index = call.integer(2);
  if (call.failed) return;
  const target = call.keyspace.databases[index];
  if (target === undefined) {
    call.fail(ERR_DB_INDEX);
    return;
  }
  if (target === call.database) {
    call.fail(ERR_SAME_OBJECT);
    return;
  }
  if (call.findForWrite(1) === NONE || target.findForWrite(call.bytes, call.starts[1]!, call.ends[1]!) !== NONE) {
    call.reply.integer(0);
    return;
  }
  moveValue(call, call.database, target, 1);
  call.changed();
  call.notify(EVENT_GENERIC, 'move_from');
  call.keyspace.notify(EVENT_GENERIC, 'move_to', target, call.bytes, call.starts[1]!, call.ends[1]!);
  call.reply.integer(1);
}

/** Counts as an access even for a client that asked for CLIENT NO-TOUCH. */
function touch(call: Call): void {
  call.keyspace.recordsAccess = true;
  let found = 0;
  for (let i = 1; i < call.count; i++) if (call.find(i) !== NONE) found++;
  call.reply.integer(found);
}

export const keyCommands: readonly Command[] = [
  {
    name: 'del',
    arity: -2,
    group: 'generic',
    since: '1.0.0',
    flags: WRITE,
    keys: ALL_KEYS,
    summary: 'Deletes one or more keys.',
    run: del,
  },
  {
    name: 'unlink',
    arity: -2,
    group: 'generic',
    since: '4.0.0',
    flags: WRITE | FAST,
    keys: ALL_KEYS,
    summary: 'Asynchronously deletes one or more keys.',
    run: del,
  },
  {
    name: 'exists',
    arity: -2,
    group: 'generic',
    since: '1.0.0',
    flags: READONLY | FAST,
    keys: ALL_KEYS,
    summary: 'Determines whether one or more keys exist.',
    run: exists,
  },
  {
    name: 'touch',
    arity: -2,
    group: 'generic',
    since: '3.2.1',
    flags: READONLY | FAST,
    keys: ALL_KEYS,
    summary:
      'Returns the number of existing keys out of those specified after updating the time they were last accessed.',
    run: touch,
  },
  {
    name: 'type',
    arity: 2,
    group: 'generic',
    since: '1.0.0',
    flags: READONLY | FAST,
    keys: ONE_KEY,
    summary: 'Determines the type of value stored at a key.',
    run: type,
  },
  {
    name: 'rename',
    arity: 3,
    group: 'generic',
    since: '1.0.0',
    flags: WRITE,
    keys: TWO_KEYS,
    summary: 'Renames a key and overwrites the destination.',
    run: (call) => rename(call, false),
  },
  {
    name: 'renamenx',
    arity: 3,
    group: 'generic',
    since: '1.0.0',
    flags: WRITE | FAST,
    keys: TWO_KEYS,
    summary: "Renames a key only when the target key name doesn't exist.",
    run: (call) => rename(call, true),
  },
  {
    name: 'move',
    arity: 3,
    group: 'generic',
    since: '1.0.0',
    flags: WRITE | FAST,
    keys: ONE_KEY,
    summary: 'Moves a key to another database.',
    run: move,
  },
];
