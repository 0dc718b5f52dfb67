/**
 * Commands on string values. Hot file: GET, SET, INCR allocate nothing.
 * Source: Valkey 9.1 t_string.c.
 */
import { KEEP_EXPIRY, NO_EXPIRY } from '../keyspace/database.ts';
import { STRING } from '../keyspace/entry.ts';
import { NONE } from '../memory/arena.ts';
import { Arguments } from '../protocol/arguments.ts';
import {
  ERR_DECREMENT,
  ERR_INVALID_EXPIRE_NAME,
  ERR_NAN_RESULT,
  ERR_NOT_FLOAT,
  ERR_NOT_INTEGER,
  ERR_OFFSET,
  ERR_OVERFLOW,
  ERR_STRING_TOO_LONG,
  ERR_SYNTAX,
  ERR_WRONG_TYPE,
} from '../protocol/errors.ts';
import { parseBigInteger, parseDouble, parseInteger } from '../protocol/numbers.ts';
import { writeDecimal } from '../protocol/reply.ts';
import type { Call } from './call.ts';
import { ALL_KEYS, type Command, DENYOOM, FAST, KEY_VALUE_PAIRS, ONE_KEY, READONLY, WRITE } from './command.ts';
import { expireTimeOf } from './expire-time.ts';

const SET_NX = 1;
const SET_XX = 2;
const SET_IFEQ = 4;
const SET_GET = 8;
const SET_KEEPTTL = 16;
const SET_EXPIRES = 32;
const SET_PERSIST = 64;

/** Writes the found string value, or nil. */
function replyFound(call: Call): void {
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
  let options = 0;
  let expireAtMs = NO_EXPIRY;
  let compareIndex = 0;
  for (let i = 3; i < call.count; i++) {
    const more = i + 1 < call.count;
    if (call.is(i, 'NX') && (options & (SET_XX | SET_IFEQ)) === 0) options |= SET_NX;
    else if (call.is(i, 'XX') && (options & (SET_NX | SET_IFEQ)) === 0) options |= SET_XX;
    else if (call.is(i, 'IFEQ') && more && (options & (SET_NX | SET_XX | SET_IFEQ)) === 0) {
      options |= SET_IFEQ;
      compareIndex = ++i;
    } else if (call.is(i, 'GET')) options |= SET_GET;
    else if (call.is(i, 'KEEPTTL') && (options & (SET_EXPIRES | SET_KEEPTTL)) === 0) options |= SET_KEEPTTL;
    else if (more && (options & (SET_EXPIRES | SET_KEEPTTL)) === 0 && isExpireOption(call, i)) {
      options |= SET_EXPIRES;
      expireAtMs = expireTimeOf(call, i, i + 1);
      if (call.failed) return;
      i++;
    } else {
      call.fail(ERR_SYNTAX);
      return;
    }
  }
  const found = call.findForWrite(1) !== NONE;
  const { reply, database } = call;
  if (found && database.view.type !== STRING && (options & (SET_GET | SET_IFEQ)) !== 0) {
    call.fail(ERR_WRONG_TYPE);
    return;
  }
  const mark = reply.mark();
  if ((options & SET_GET) !== 0) replyFound(call);
  const refused =
    ((options & SET_NX) !== 0 && found) ||
    ((options & SET_XX) !== 0 && !found) ||
    ((options & SET_IFEQ) !== 0 && !(found && foundEquals(call, compareIndex)));
  if (refused) {
    if ((options & SET_GET) === 0) reply.nil();
    return;
  }
  if ((options & SET_EXPIRES) !== 0 && expireAtMs <= call.nowMs && call.keyspace.deletesExpired) {
    // A time that has passed: the key is set and gone at once.
    if (found) {
      database.remove();
      call.changed();
      call.propagateAs(Arguments.of('DEL', call.copy(1)));
    }
  } else {
    put(call, 1, 2, (options & SET_KEEPTTL) !== 0 ? KEEP_EXPIRY : expireAtMs);
    if ((options & SET_EXPIRES) !== 0) {
      call.propagateAs(Arguments.of('SET', call.copy(1), call.copy(2), 'PXAT', expireAtMs));
    } else if ((options & (SET_NX | SET_XX | SET_IFEQ | SET_GET)) !== 0) {
      const keep = (options & SET_KEEPTTL) !== 0 ? ['KEEPTTL'] : [];
      call.propagateAs(Arguments.of('SET', call.copy(1), call.copy(2), ...keep));
    }
  }
  if ((options & SET_GET) === 0) {
    reply.rewind(mark);
    reply.ok();
  }
}

function isExpireOption(call: Call, index: number): boolean {
  return call.is(index, 'EX') || call.is(index, 'PX') || call.is(index, 'EXAT') || call.is(index, 'PXAT');
}

function setnx(call: Call): void {
  if (call.findForWrite(1) !== NONE) {
    call.reply.integer(0);
    return;
  }
  put(call, 1, 2, NO_EXPIRY);
  call.reply.integer(1);
}

function setWithExpiry(call: Call, unitMs: number, name: string): void {
  const time = call.integer(2);
  if (call.failed) return;
  if (time <= 0 || time * unitMs > Number.MAX_SAFE_INTEGER - call.nowMs) {
    call.fail(ERR_INVALID_EXPIRE_NAME(name));
    return;
  }
  const expireAtMs = call.nowMs + time * unitMs;
  call.findForWrite(1);
  put(call, 1, 3, expireAtMs);
  call.propagateAs(Arguments.of('SET', call.copy(1), call.copy(3), 'PXAT', expireAtMs));
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
  call.propagateAs(Arguments.of('DEL', call.copy(1)));
}

function getex(call: Call): void {
  let options = 0;
  let expireAtMs = NO_EXPIRY;
  for (let i = 2; i < call.count; i++) {
    if (options !== 0) {
      call.fail(ERR_SYNTAX);
      return;
    }
    if (call.is(i, 'PERSIST')) options = SET_PERSIST;
    else if (i + 1 < call.count && isExpireOption(call, i)) {
      options = SET_EXPIRES;
      expireAtMs = expireTimeOf(call, i, i + 1);
      if (call.failed) return;
      i++;
    } else {
      call.fail(ERR_SYNTAX);
      return;
    }
  }
  call.findTypedForWrite(1, STRING);
  if (call.failed) return;
  replyFound(call);
  const { database } = call;
  if (database.entry === NONE || options === 0) return;
  if (options === SET_PERSIST) {
    if (!database.view.expires) return;
    database.setExpiry(NO_EXPIRY);
    call.changed();
    call.propagateAs(Arguments.of('PERSIST', call.copy(1)));
  } else if (expireAtMs <= call.nowMs && call.keyspace.deletesExpired) {
    database.remove();
    call.changed();
    call.propagateAs(Arguments.of('DEL', call.copy(1)));
  } else {
    database.setExpiry(expireAtMs);
    call.changed();
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
    call.fail("ERR wrong number of arguments for 'mset' command");
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
    call.fail("ERR wrong number of arguments for 'msetnx' command");
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

function strlen(call: Call): void {
  const found = call.findTyped(1, STRING);
  if (call.failed) return;
  call.reply.integer(found === NONE ? 0 : call.database.view.stringLength());
}

function append(call: Call): void {
  const found = call.findTypedForWrite(1, STRING);
  if (call.failed) return;
  const added = call.length(2);
  if (found === NONE) {
    put(call, 1, 2, NO_EXPIRY);
    call.reply.integer(added);
    return;
  }
  const { database } = call;
  const length = database.view.stringLength();
  if (length + added > maxStringBytes(call)) {
    call.fail(ERR_STRING_TOO_LONG);
    return;
  }
  if (added > 0) {
    const at = database.resizeString(length + added);
    database.valueSegment.set(call.bytes.subarray(call.starts[2]!, call.ends[2]!), at + length);
  }
  call.changed();
  call.reply.integer(length + added);
}

function maxStringBytes(call: Call): number {
  return call.rooms.settings.integer('proto-max-bulk-len');
}

function setrange(call: Call): void {
  const offset = call.integer(2);
  if (call.failed) return;
  if (offset < 0) {
    call.fail(ERR_OFFSET);
    return;
  }
  const found = call.findTypedForWrite(1, STRING);
  if (call.failed) return;
  const { database } = call;
  const added = call.length(3);
  const before = found === NONE ? 0 : database.view.stringLength();
  if (added === 0) {
    call.reply.integer(before);
    return;
  }
  if (offset + added > maxStringBytes(call)) {
    call.fail(ERR_STRING_TOO_LONG);
    return;
  }
  if (found === NONE) database.putString(call.bytes, call.starts[1]!, call.ends[1]!, call.bytes, 0, 0, NO_EXPIRY);
  const length = Math.max(before, offset + added);
  const at = database.resizeString(length);
  database.valueSegment.set(call.bytes.subarray(call.starts[3]!, call.ends[3]!), at + offset);
  call.changed();
  call.reply.integer(length);
}

function getrange(call: Call): void {
  let from = call.integer(2);
  let to = call.failed ? 0 : call.integer(3);
  if (call.failed) return;
  const found = call.findTyped(1, STRING);
  if (call.failed) return;
  const length = found === NONE ? 0 : call.database.view.stringLength();
  if (from < 0) from = Math.max(0, length + from);
  if (to < 0) to = Math.max(0, length + to);
  if (to >= length) to = length - 1;
  if (from > to || length === 0) {
    call.reply.bulkEmpty();
    return;
  }
  const at = call.database.openString();
  call.reply.bulk(call.database.valueSegment, at + from, at + to + 1);
}

/** INCR and its kin: adds `by`, exact in 64 bits. */
function incrementBy(call: Call, by: number): void {
  const { database } = call;
  const found = database.findForWrite(call.bytes, call.starts[1]!, call.ends[1]!);
  let value = 0;
  if (found !== NONE) {
    if (database.view.type !== STRING) {
      call.fail(ERR_WRONG_TYPE);
      return;
    }
    const at = database.openString();
    value = parseInteger(database.valueSegment, at, at + database.view.stringLength());
    if (Number.isNaN(value)) {
      call.fail(ERR_NOT_INTEGER);
      return;
    }
  }
  const sum = value + by;
  if (!Number.isSafeInteger(sum) || !Number.isSafeInteger(value) || !Number.isSafeInteger(by)) {
    incrementByBig(call, BigInt(by));
    return;
  }
  const end = writeDecimal(call.scratch, 0, sum);
  database.putString(call.bytes, call.starts[1]!, call.ends[1]!, call.scratch, 0, end, KEEP_EXPIRY);
  call.changed();
  call.reply.integer(sum);
}

/** Beyond 2^53; the key has been looked up and holds an integer or nothing. */
function incrementByBig(call: Call, by: bigint): void {
  const { database } = call;
  let value = 0n;
  if (database.entry !== NONE) {
    const at = database.openString();
    value = parseBigInteger(database.valueSegment, at, at + database.view.stringLength())!;
  }
  const sum = value + by;
  if (sum >= 2n ** 63n || sum < -(2n ** 63n)) {
    call.fail(ERR_OVERFLOW);
    return;
  }
  const text = new TextEncoder().encode(sum.toString());
  database.putString(call.bytes, call.starts[1]!, call.ends[1]!, text, 0, text.length, KEEP_EXPIRY);
  call.changed();
  call.reply.bigInteger(sum);
}

function incrby(call: Call, sign: 1 | -1): void {
  const by = call.integer(2);
  if (call.failed) return;
  if (Number.isSafeInteger(by)) {
    incrementBy(call, sign * by);
    return;
  }
  const exact = call.bigInteger(2);
  if (sign === -1 && exact === -(2n ** 63n)) {
    call.fail(ERR_DECREMENT);
    return;
  }
  const found = call.findTypedForWrite(1, STRING);
  if (call.failed) return;
  if (found !== NONE) {
    const at = call.database.openString();
    if (parseBigInteger(call.database.valueSegment, at, at + call.database.view.stringLength()) === null) {
      call.fail(ERR_NOT_INTEGER);
      return;
    }
  }
  incrementByBig(call, BigInt(sign) * exact);
}

function incrbyfloat(call: Call): void {
  const found = call.findTypedForWrite(1, STRING);
  if (call.failed) return;
  const { database } = call;
  let value = 0;
  if (found !== NONE) {
    const at = database.openString();
    value = parseDouble(database.valueSegment, at, at + database.view.stringLength());
    if (Number.isNaN(value)) {
      call.fail(ERR_NOT_FLOAT);
      return;
    }
  }
  const by = call.double(2);
  if (call.failed) return;
  const sum = value + by;
  if (!Number.isFinite(sum)) {
    call.fail(ERR_NAN_RESULT);
    return;
  }
  const text = new TextEncoder().encode(humanDouble(sum));
  database.putString(call.bytes, call.starts[1]!, call.ends[1]!, text, 0, text.length, KEEP_EXPIRY);
  call.changed();
  call.propagateAs(Arguments.of('SET', call.copy(1), text, 'KEEPTTL'));
  call.reply.bulk(text, 0, text.length);
}

/** As Valkey prints a sum for people: 17 decimals of a long double, trailing zeros cut, never an exponent. */
export function humanDouble(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) return String(value);
  const shortest = String(value);
  if (!shortest.includes('e')) return shortest;
  return value.toFixed(17).replace(/\.?0+$/, '');
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
    run: (call) => setWithExpiry(call, 1000, 'setex'),
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
    run: (call) => setWithExpiry(call, 1, 'psetex'),
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
    name: 'strlen',
    arity: 2,
    group: 'string',
    since: '2.2.0',
    flags: READONLY | FAST,
    keys: ONE_KEY,
    summary: 'Returns the length of a string value.',
    run: strlen,
  },
  {
    name: 'append',
    arity: 3,
    group: 'string',
    since: '2.0.0',
    flags: WRITE | DENYOOM | FAST,
    keys: ONE_KEY,
    summary: "Appends a string to the value of a key. Creates the key if it doesn't exist.",
    run: append,
  },
  {
    name: 'setrange',
    arity: 4,
    group: 'string',
    since: '2.2.0',
    flags: WRITE | DENYOOM,
    keys: ONE_KEY,
    summary: "Overwrites a part of a string value with another by an offset. Creates the key if it doesn't exist.",
    run: setrange,
  },
  {
    name: 'getrange',
    arity: 4,
    group: 'string',
    since: '2.4.0',
    flags: READONLY,
    keys: ONE_KEY,
    summary: 'Returns a substring of the string stored at a key.',
    run: getrange,
  },
  {
    name: 'substr',
    arity: 4,
    group: 'string',
    since: '1.0.0',
    flags: READONLY,
    keys: ONE_KEY,
    summary: 'Returns a substring from a string value.',
    run: getrange,
  },
  {
    name: 'incr',
    arity: 2,
    group: 'string',
    since: '1.0.0',
    flags: WRITE | DENYOOM | FAST,
    keys: ONE_KEY,
    summary: "Increments the integer value of a key by one. Uses 0 as initial value if the key doesn't exist.",
    run: (call) => incrementBy(call, 1),
  },
  {
    name: 'decr',
    arity: 2,
    group: 'string',
    since: '1.0.0',
    flags: WRITE | DENYOOM | FAST,
    keys: ONE_KEY,
    summary: "Decrements the integer value of a key by one. Uses 0 as initial value if the key doesn't exist.",
    run: (call) => incrementBy(call, -1),
  },
  {
    name: 'incrby',
    arity: 3,
    group: 'string',
    since: '1.0.0',
    flags: WRITE | DENYOOM | FAST,
    keys: ONE_KEY,
    summary: "Increments the integer value of a key by a number. Uses 0 as initial value if the key doesn't exist.",
    run: (call) => incrby(call, 1),
  },
  {
    name: 'decrby',
    arity: 3,
    group: 'string',
    since: '1.0.0',
    flags: WRITE | DENYOOM | FAST,
    keys: ONE_KEY,
    summary: "Decrements a number from the integer value of a key. Uses 0 as initial value if the key doesn't exist.",
    run: (call) => incrby(call, -1),
  },
  {
    name: 'incrbyfloat',
    arity: 3,
    group: 'string',
    since: '2.6.0',
    flags: WRITE | DENYOOM | FAST,
    keys: ONE_KEY,
    summary:
      "Increment the floating point value of a key by a number. Uses 0 as initial value if the key doesn't exist.",
    run: incrbyfloat,
  },
];
