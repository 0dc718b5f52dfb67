/**
 * Commands that read and set whole string values. Hot file: GET and SET allocate nothing.
 * Source: Valkey 9.1 t_string.c.
 */
import { KEEP_EXPIRY, NO_EXPIRY } from '../keyspace/database.ts';
import { STRING } from '../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_STRING } from '../keyspace/events.ts';
import { NONE } from '../memory/arena.ts';
import { Arguments } from '../protocol/arguments.ts';
import { ERR_ARITY, ERR_INVALID_EXPIRE_NAME, ERR_SYNTAX, ERR_WRONG_TYPE } from '../protocol/errors.ts';
import { parseInteger } from '../protocol/numbers.ts';
import type { Call } from './call.ts';
import {
  ALL_KEYS,
  type Command,
  DENYOOM,
  FAST,
  KEY_VALUE_PAIRS,
  MOVABLE_KEYS,
  NO_KEYS,
  ONE_KEY,
  READONLY,
  WRITE,
} from './command.ts';
import { absoluteTime, expireFound } from './expire-time.ts';
import {
  absoluteForm,
  FOR_GET,
  FOR_MSET,
  FOR_SET,
  parseStringOptions,
  SET_EXPIRES,
  SET_GET,
  SET_IFEQ,
  SET_KEEPTTL,
  SET_NX,
  SET_PERSIST,
  SET_XX,
} from './strings-options.ts';

/** Writes the found string value, or nil. */
export function replyFound(call: Call): void {
  const { database } = call;
  if (database.entry === NONE) {
    call.reply.nil();
    return;
  }
  const at = database.openString();
  call.reply.bulk(database.valueSegment, at, at + database.view.stringLength());
}

function get(call: Call): void {
  const { database } = call;
  if (database.find(call.bytes, call.starts[1]!, call.ends[1]!) === NONE) {
    call.reply.nil();
    return;
  }
  if (database.view.type !== STRING) {
    call.fail(ERR_WRONG_TYPE);
    return;
  }
  const at = database.openString();
  call.reply.bulkView(database.valueSegment, database.valueView, at, at + database.view.stringLength());
}

/** Puts argument `valueIndex` at argument `keyIndex`, which was looked up for writing. */
function put(call: Call, keyIndex: number, valueIndex: number, expireAtMs: number): void {
  call.database.putString(
    call.bytes,
    call.starts[keyIndex]!,
    call.ends[keyIndex]!,
    call.bytes,
    call.starts[valueIndex]!,
    call.ends[valueIndex]!,
    expireAtMs,
  );
  call.changed();
  call.notify(EVENT_STRING, 'set', keyIndex);
}

/** The found string equals argument `index`. */
function foundEquals(call: Call, index: number): boolean {
  const { database } = call;
  const length = database.view.stringLength();
  if (length !== call.length(index)) return false;
  const at = database.openString();
  const from = call.starts[index]!;
  for (let i = 0; i < length; i++) if (database.valueSegment[at + i] !== call.bytes[from + i]) return false;
  return true;
}

function set(call: Call): void {
  if (call.count === 3) {
    call.findForWrite(1);
    put(call, 1, 2, NO_EXPIRY);
    call.reply.ok();
    return;
  }
  setWithOptions(call);
}

function setWithOptions(call: Call): void {
  const options = parseStringOptions(call, 3, FOR_SET);
  if (options === null) return;
  const { flags, expireAtMs } = options;
  const found = call.findForWrite(1) !== NONE;
  const { reply, database } = call;
  if (found && database.view.type !== STRING && (flags & (SET_GET | SET_IFEQ)) !== 0) {
    call.fail(ERR_WRONG_TYPE);
    return;
  }
  if ((flags & SET_GET) !== 0) replyFound(call);
  const refused =
    ((flags & SET_NX) !== 0 && found) ||
    ((flags & SET_XX) !== 0 && !found) ||
    ((flags & SET_IFEQ) !== 0 && !(found && foundEquals(call, options.compareIndex)));
  if (refused) {
    if ((flags & SET_GET) === 0) reply.nil();
    return;
  }
  if ((flags & SET_EXPIRES) === 0) {
    put(call, 1, 2, (flags & SET_KEEPTTL) !== 0 ? KEEP_EXPIRY : NO_EXPIRY);
    if ((flags & SET_GET) !== 0) call.propagateAs(withoutGet(call));
  } else if (expireAtMs <= call.nowMs && call.keyspace.deletesExpired) {
    // A time that has passed: the key is set and gone at once.
    if (found) expireFound(call);
  } else putExpiring(call, 2, expireAtMs, options.isAbsolute);
  if ((flags & SET_GET) === 0) reply.ok();
}

/** SET as it goes to replicas: the old value is nothing to them. */
function withoutGet(call: Call): Arguments {
  const kept: Uint8Array[] = [];
  for (let i = 0; i < call.count; i++) if (i < 3 || !call.is(i, 'GET')) kept.push(call.copy(i));
  return Arguments.of(...kept);
}

/** Puts argument `valueIndex` at the key of argument 1 with an expiry. */
function putExpiring(call: Call, valueIndex: number, expireAtMs: number, isAbsolute = false): void {
  put(call, 1, valueIndex, expireAtMs);
  call.notify(EVENT_GENERIC, 'expire', 1);
  if (!isAbsolute) call.propagateAs(Arguments.of('SET', call.copy(1), call.copy(valueIndex), 'PXAT', expireAtMs));
}

function setnx(call: Call): void {
  if (call.findForWrite(1) !== NONE) {
    call.reply.integer(0);
    return;
  }
  put(call, 1, 2, NO_EXPIRY);
  call.reply.integer(1);
}

function setWithExpiry(call: Call, unitMs: number): void {
  const time = call.integer(2);
  if (call.failed) return;
  if (time <= 0) {
    call.fail(ERR_INVALID_EXPIRE_NAME(call.entry.fullName));
    return;
  }
  const expireAtMs = absoluteTime(call, 2, time, unitMs, call.nowMs);
  if (call.failed) return;
  call.findForWrite(1);
  putExpiring(call, 3, expireAtMs);
  call.reply.ok();
}

function getset(call: Call): void {
  call.findTypedForWrite(1, STRING);
  if (call.failed) return;
  replyFound(call);
  put(call, 1, 2, NO_EXPIRY);
  call.propagateAs(Arguments.of('SET', call.copy(1), call.copy(2)));
}

function getdel(call: Call): void {
  call.findTypedForWrite(1, STRING);
  if (call.failed) return;
  replyFound(call);
  if (call.database.entry === NONE) return;
  call.database.remove();
  call.changed();
  call.notify(EVENT_GENERIC, 'del');
  call.propagateAs(Arguments.of('DEL', call.copy(1)));
}

function getex(call: Call): void {
  const options = parseStringOptions(call, 2, FOR_GET);
  if (options === null) return;
  call.findTypedForWrite(1, STRING);
  if (call.failed) return;
  replyFound(call);
  const { database } = call;
  const { flags, expireAtMs } = options;
  if (database.entry === NONE || flags === 0) return;
  if (flags === SET_PERSIST) {
    if (!database.view.expires) return;
    database.setExpiry(NO_EXPIRY);
    call.changed();
    call.notify(EVENT_GENERIC, 'persist');
    call.propagateAs(Arguments.of('PERSIST', call.copy(1)));
  } else if (expireAtMs <= call.nowMs && call.keyspace.deletesExpired) expireFound(call);
  else {
    database.setExpiry(expireAtMs);
    call.changed();
    call.notify(EVENT_GENERIC, 'expire');
    call.propagateAs(Arguments.of('PEXPIREAT', call.copy(1), expireAtMs));
  }
}

function delifeq(call: Call): void {
  call.findTypedForWrite(1, STRING);
  if (call.failed) return;
  if (call.database.entry === NONE || !foundEquals(call, 2)) {
    call.reply.integer(0);
    return;
  }
  call.database.remove();
  call.changed();
  call.notify(EVENT_GENERIC, 'del');
  call.propagateAs(Arguments.of('DEL', call.copy(1)));
  call.reply.integer(1);
}

function mget(call: Call): void {
  call.reply.array(call.count - 1);
  for (let i = 1; i < call.count; i++) {
    if (call.find(i) === NONE || call.database.view.type !== STRING) call.reply.nil();
    else replyFound(call);
  }
}

function mset(call: Call): void {
  if (call.count % 2 === 0) {
    call.fail(ERR_ARITY('mset'));
    return;
  }
  for (let i = 1; i < call.count; i += 2) {
    call.findForWrite(i);
    put(call, i, i + 1, NO_EXPIRY);
  }
  call.reply.ok();
}

function msetnx(call: Call): void {
  if (call.count % 2 === 0) {
    call.fail(ERR_ARITY('msetnx'));
    return;
  }
  for (let i = 1; i < call.count; i += 2) {
    if (call.findForWrite(i) === NONE) continue;
    call.reply.integer(0);
    return;
  }
  for (let i = 1; i < call.count; i += 2) {
    call.findForWrite(i);
    put(call, i, i + 1, NO_EXPIRY);
  }
  call.reply.integer(1);
}

const ERR_MSETEX_NUMKEYS = 'ERR invalid numkeys value or out of range';
/** Valkey counts the keys in a C int. */
const MAX_KEYS = 2 ** 31 - 1;

/** MSETEX count key value … [NX|XX] [EX|PX|EXAT|PXAT time|KEEPTTL]: a time that has passed is set as any other. */
function msetex(call: Call): void {
  const keys = call.integer(1, ERR_MSETEX_NUMKEYS);
  if (call.failed) return;
  if (keys < 1 || keys > MAX_KEYS) {
    call.fail(ERR_MSETEX_NUMKEYS);
    return;
  }
  const end = 2 + 2 * keys;
  if (end > call.count) {
    call.fail(ERR_SYNTAX);
    return;
  }
  const options = parseStringOptions(call, end, FOR_MSET);
  if (options === null) return;
  const { flags, expireAtMs } = options;
  if ((flags & (SET_NX | SET_XX)) !== 0) {
    for (let i = 2; i < end; i += 2) {
      if ((call.findForWrite(i) !== NONE) === ((flags & SET_XX) !== 0)) continue;
      call.reply.integer(0);
      return;
    }
  }
  for (let i = 2; i < end; i += 2) {
    call.findForWrite(i);
    put(call, i, i + 1, (flags & SET_KEEPTTL) !== 0 ? KEEP_EXPIRY : expireAtMs);
    if ((flags & SET_EXPIRES) !== 0) call.notify(EVENT_GENERIC, 'expire', i);
  }
  if ((flags & SET_EXPIRES) !== 0 && !options.isAbsolute) call.propagateAs(absoluteForm(call, options));
  call.reply.integer(1);
}

function msetexKeys(call: Call, found: (index: number) => void): void {
  const keys = parseInteger(call.bytes, call.starts[1]!, call.ends[1]!);
  if (!(keys >= 1 && 2 + 2 * keys <= call.count)) return;
  for (let i = 2; i < 2 + 2 * keys; i += 2) found(i);
}

export const stringCommands: readonly Command[] = [
  {
    name: 'get',
    arity: 2,
    group: 'string',
    since: '1.0.0',
    flags: READONLY | FAST,
    keys: ONE_KEY,
    summary: 'Returns the string value of a key.',
    run: get,
  },
  {
    name: 'set',
    arity: -3,
    group: 'string',
    since: '1.0.0',
    flags: WRITE | DENYOOM,
    keys: ONE_KEY,
    summary: "Sets the string value of a key, ignoring its type. The key is created if it doesn't exist.",
    run: set,
  },
  {
    name: 'setnx',
    arity: 3,
    group: 'string',
    since: '1.0.0',
    flags: WRITE | DENYOOM | FAST,
    keys: ONE_KEY,
    summary: "Sets the string value of a key only when the key doesn't exist.",
    run: setnx,
  },
  {
    name: 'setex',
    arity: 4,
    group: 'string',
    since: '2.0.0',
    flags: WRITE | DENYOOM,
    keys: ONE_KEY,
    summary: "Sets the string value and expiration time of a key. Creates the key if it doesn't exist.",
    run: (call) => setWithExpiry(call, 1000),
  },
  {
    name: 'psetex',
    arity: 4,
    group: 'string',
    since: '2.6.0',
    flags: WRITE | DENYOOM,
    keys: ONE_KEY,
    summary:
      "Sets both string value and expiration time in milliseconds of a key. The key is created if it doesn't exist.",
    run: (call) => setWithExpiry(call, 1),
  },
  {
    name: 'getset',
    arity: 3,
    group: 'string',
    since: '1.0.0',
    flags: WRITE | DENYOOM | FAST,
    keys: ONE_KEY,
    summary: 'Returns the previous string value of a key after setting it to a new value.',
    run: getset,
  },
  {
    name: 'getdel',
    arity: 2,
    group: 'string',
    since: '6.2.0',
    flags: WRITE | FAST,
    keys: ONE_KEY,
    summary: 'Returns the string value of a key after deleting the key.',
    run: getdel,
  },
  {
    name: 'getex',
    arity: -2,
    group: 'string',
    since: '6.2.0',
    flags: WRITE | FAST,
    keys: ONE_KEY,
    summary: 'Returns the string value of a key after setting its expiration time.',
    run: getex,
  },
  {
    name: 'delifeq',
    arity: 3,
    group: 'string',
    since: '9.0.0',
    flags: WRITE | FAST,
    keys: ONE_KEY,
    summary: 'Delete key if value matches string.',
    run: delifeq,
  },
  {
    name: 'mget',
    arity: -2,
    group: 'string',
    since: '1.0.0',
    flags: READONLY | FAST,
    keys: ALL_KEYS,
    summary: 'Atomically returns the string values of one or more keys.',
    run: mget,
  },
  {
    name: 'mset',
    arity: -3,
    group: 'string',
    since: '1.0.1',
    flags: WRITE | DENYOOM,
    keys: KEY_VALUE_PAIRS,
    summary: 'Atomically creates or modifies the string values of one or more keys.',
    run: mset,
  },
  {
    name: 'msetnx',
    arity: -3,
    group: 'string',
    since: '1.0.1',
    flags: WRITE | DENYOOM,
    keys: KEY_VALUE_PAIRS,
    summary: "Atomically modifies the string values of one or more keys only when all keys don't exist.",
    run: msetnx,
  },
  {
    name: 'msetex',
    arity: -4,
    group: 'string',
    since: '9.1.0',
    flags: WRITE | DENYOOM | MOVABLE_KEYS,
    keys: NO_KEYS,
    keysOf: msetexKeys,
    summary:
      'Atomically creates or modifies the string values of one or more keys, and optionally set their expiration.',
    run: msetex,
  },
];
