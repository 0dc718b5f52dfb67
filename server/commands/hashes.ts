/**
 * Commands on hashes. Hot file: HSET, HGET and HDEL allocate nothing. Those on fields' time to live have a file of their own.
 * Source: Valkey 9.1 t_hash.c.
 */
import { HASH } from '../keyspace/entry.ts';
import { NO_FIELD_EXPIRY } from '../keyspace/field-expiry.ts';
import { NONE } from '../memory/arena.ts';
import { Arguments } from '../protocol/arguments.ts';
import {
  ERR_ARITY,
  ERR_FIELD_COUNT,
  ERR_NAN_RESULT,
  ERR_OUT_OF_RANGE,
  ERR_OVERFLOW,
  ERR_SYNTAX,
} from '../protocol/errors.ts';
import { addLongDoubles, formatLongDouble, parseLongDouble } from '../protocol/long-double.ts';
import { latin1, parseBigInteger, parseInteger } from '../protocol/numbers.ts';
import { writeDecimal } from '../protocol/reply.ts';
import { KEEP_FIELD_EXPIRY } from '../types/hashes.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { negatableCount, replyRandom, scanCollection } from './collections.ts';
import { type Command, DENYOOM, FAST, ONE_KEY, READONLY, WRITE } from './command.ts';
import {
  begin,
  beginFound,
  deleteField,
  finish,
  finishRemoval,
  getField,
  open,
  replyValue,
  setField,
} from './hashes-common.ts';

const FIELDS_AND_VALUES = 0;
const FIELDS = 1;
const VALUES = 2;
/** HRANDFIELD with values: twice the count must fit in a C long. */
const MAX_PAIRS = 2 ** 62;

function hset(types: Types, call: Call, isHmset: boolean): void {
  if ((call.count & 1) === 1) {
    call.fail(ERR_ARITY(isHmset ? 'hmset' : 'hset'));
    return;
  }
  if (!begin(types, call)) return;
  const pairs = (call.count - 2) >> 1;
  types.hashes.expect(pairs);
  let added = 0;
  for (let i = 2; i < call.count; i += 2) if (setField(types, call, i)) added++;
  finish(types, call, 'hset');
  call.changed(pairs);
  if (isHmset) call.reply.ok();
  else call.reply.integer(added);
}

function hsetnx(types: Types, call: Call): void {
  const found = call.findTypedForWrite(1, HASH) !== NONE;
  if (call.failed) return;
  if (found) {
    types.hashes.openFound(call.database);
    if (getField(types, call, 2)) {
      call.reply.integer(0);
      return;
    }
  }
  beginFound(types, call, found);
  const expiring = types.hashes.expiring > 0;
  setField(types, call, 2);
  finish(types, call, 'hset');
  if (expiring) call.propagateAs(Arguments.of('HSET', call.copy(1), call.copy(2), call.copy(3)));
  call.changed();
  call.reply.integer(1);
}

function hget(types: Types, call: Call): void {
  if (open(types, call) && getField(types, call, 2)) replyValue(types, call);
  else if (!call.failed) call.reply.nil();
}

function hmget(types: Types, call: Call): void {
  const exists = open(types, call);
  if (call.failed) return;
  call.reply.array(call.count - 2);
  for (let i = 2; i < call.count; i++) {
    if (exists && getField(types, call, i)) replyValue(types, call);
    else call.reply.nil();
  }
}

function hgetall(types: Types, call: Call, what: number): void {
  const found = call.findTyped(1, HASH);
  if (call.failed) return;
  const { reply, database } = call;
  const { walk } = types;
  const count = found === NONE ? 0 : types.visibleCount(HASH, database.view.encoding, database.view.root());
  if (what === FIELDS_AND_VALUES) reply.map(count);
  else reply.array(count);
  if (count === 0) return;
  walk.open(HASH, database.view.encoding, database.view.root());
  while (walk.next()) {
    if (what !== VALUES) reply.bulk(walk.segment, walk.from, walk.to);
    if (what !== FIELDS) reply.bulk(walk.segment, walk.valueFrom, walk.valueTo);
  }
}

function hdel(types: Types, call: Call): void {
  const found = call.findTypedForWrite(1, HASH);
  if (call.failed) return;
  let deleted = 0;
  if (found !== NONE) {
    const { hashes } = types;
    hashes.openFound(call.database);
    for (let i = 2; i < call.count; i++) if (deleteField(types, call, i, deleted === 0)) deleted++;
    if (deleted > 0) finishRemoval(types, call, 'hdel');
    call.changed(deleted);
  }
  call.reply.integer(deleted);
}

/** HGETDEL key FIELDS numfields field … */
function hgetdel(types: Types, call: Call): void {
  if (!call.is(2, 'FIELDS')) {
    call.fail(ERR_SYNTAX);
    return;
  }
  const fields = call.integer(3);
  if (call.failed) return;
  if (fields < 1 || fields !== call.count - 4) {
    call.fail(ERR_FIELD_COUNT);
    return;
  }
  const found = call.findTypedForWrite(1, HASH) !== NONE;
  if (call.failed) return;
  if (found) types.hashes.openFound(call.database);
  call.reply.array(fields);
  let deleted = 0;
  for (let i = 4; i < call.count; i++) {
    if (!found || !getField(types, call, i)) {
      call.reply.nil();
      continue;
    }
    replyValue(types, call);
    if (deleteField(types, call, i, deleted === 0)) deleted++;
  }
  if (deleted > 0) finishRemoval(types, call, 'hdel');
  call.changed(deleted);
}

function hlen(types: Types, call: Call): void {
  if (open(types, call)) call.reply.integer(types.hashes.count);
  else if (!call.failed) call.reply.integer(0);
}

function hexists(types: Types, call: Call): void {
  const exists = open(types, call) && getField(types, call, 2);
  if (!call.failed) call.reply.integer(exists ? 1 : 0);
}

function hstrlen(types: Types, call: Call): void {
  const exists = open(types, call) && getField(types, call, 2);
  if (!call.failed) call.reply.integer(exists ? types.hashes.to - types.hashes.from : 0);
}

/**
 * Sets the field of argument 2 to text[0, end) in the hash looked up for writing, which may be absent. The field keeps its expiry.
 * What replicas are told does not depend on their having met the same fields past their time.
 */
function setNumber(types: Types, call: Call, text: Uint8Array, end: number, event: string): void {
  const { hashes } = types;
  beginFound(types, call, call.database.entry !== NONE);
  const expiring = hashes.expiring > 0;
  hashes.put(call.bytes, call.starts[2]!, call.ends[2]!, text, 0, end, KEEP_FIELD_EXPIRY);
  finish(types, call, event);
  call.changed();
  if (!expiring && event === 'hincrby') return;
  const value = text.slice(0, end);
  const at = getField(types, call, 2) ? hashes.expireAtMs : NO_FIELD_EXPIRY;
  call.propagateAs(
    at === NO_FIELD_EXPIRY
      ? Arguments.of('HSET', call.copy(1), call.copy(2), value)
      : Arguments.of('HSETEX', call.copy(1), 'PXAT', at, 'FIELDS', 1, call.copy(2), value),
  );
}

const SCRATCH_DIGITS: Uint8Array = new Uint8Array(24); // written and read within one call

function hincrby(types: Types, call: Call): void {
  const by = call.integer(3);
  if (call.failed) return;
  const found = call.findTypedForWrite(1, HASH);
  if (call.failed) return;
  const { hashes } = types;
  let value = 0;
  const exists = found !== NONE && getField(types, openFound(types, call), 2);
  if (exists) {
    value = parseInteger(hashes.segment, hashes.from, hashes.to);
    if (Number.isNaN(value)) {
      call.fail('ERR hash value is not an integer');
      return;
    }
  }
  const sum = value + by;
  if (Number.isSafeInteger(value) && Number.isSafeInteger(by) && Number.isSafeInteger(sum)) {
    setNumber(types, call, SCRATCH_DIGITS, writeDecimal(SCRATCH_DIGITS, 0, sum), 'hincrby');
    call.reply.integer(sum);
    return;
  }
  const exact = (exists ? parseBigInteger(hashes.segment, hashes.from, hashes.to)! : 0n) + call.bigInteger(3);
  if (exact !== BigInt.asIntN(64, exact)) {
    call.fail(ERR_OVERFLOW);
    return;
  }
  const text = new TextEncoder().encode(String(exact));
  setNumber(types, call, text, text.length, 'hincrby');
  call.reply.bigInteger(exact);
}

function openFound(types: Types, call: Call): Call {
  types.hashes.openFound(call.database);
  return call;
}

function hincrbyfloat(types: Types, call: Call): void {
  const by = call.double(3);
  if (call.failed) return;
  if (!Number.isFinite(by)) {
    call.fail('ERR value is NaN or Infinity');
    return;
  }
  const found = call.findTypedForWrite(1, HASH);
  if (call.failed) return;
  const { hashes } = types;
  let value = parseLongDouble('0');
  if (found !== NONE && getField(types, openFound(types, call), 2)) {
    value = parseLongDouble(latin1(hashes.segment, hashes.from, hashes.to));
    if (value === null) {
      call.fail('ERR hash value is not a float');
      return;
    }
  }
  const added = parseLongDouble(latin1(call.bytes, call.starts[3]!, call.ends[3]!));
  const sum =
    value === null || value === 'infinite' || added === null || added === 'infinite'
      ? null
      : addLongDoubles(value, added);
  if (sum === null) {
    call.fail(ERR_NAN_RESULT);
    return;
  }
  const text = new TextEncoder().encode(formatLongDouble(sum));
  setNumber(types, call, text, text.length, 'hincrbyfloat');
  call.reply.bulk(text, 0, text.length);
}

function hrandfield(types: Types, call: Call): void {
  let count = 1;
  let values = false;
  if (call.count > 2) {
    count = negatableCount(call, 2);
    if (call.failed) return;
    if (call.count > 4 || (call.count === 4 && !call.is(3, 'WITHVALUES'))) {
      call.fail(ERR_SYNTAX);
      return;
    }
    values = call.count === 4;
    if (values && Math.abs(count) >= MAX_PAIRS) {
      call.fail(ERR_OUT_OF_RANGE);
      return;
    }
  }
  replyRandom(call, types, HASH, count, values);
}

export function hashCommands(types: Types): readonly Command[] {
  const row = { group: 'hash', keys: ONE_KEY } as const;
  return [
    {
      ...row,
      name: 'hset',
      arity: -4,
      since: '2.0.0',
      flags: WRITE | DENYOOM | FAST,
      summary: 'Creates or modifies the value of a field in a hash.',
      run: (call) => hset(types, call, false),
    },
    {
      ...row,
      name: 'hsetnx',
      arity: 4,
      since: '2.0.0',
      flags: WRITE | DENYOOM | FAST,
      summary: "Sets the value of a field in a hash only when the field doesn't exist.",
      run: (call) => hsetnx(types, call),
    },
    {
      ...row,
      name: 'hget',
      arity: 3,
      since: '2.0.0',
      flags: READONLY | FAST,
      summary: 'Returns the value of a field in a hash.',
      run: (call) => hget(types, call),
    },
    {
      ...row,
      name: 'hmset',
      arity: -4,
      since: '2.0.0',
      flags: WRITE | DENYOOM | FAST,
      summary: 'Sets the values of multiple fields.',
      run: (call) => hset(types, call, true),
    },
    {
      ...row,
      name: 'hmget',
      arity: -3,
      since: '2.0.0',
      flags: READONLY | FAST,
      summary: 'Returns the values of all fields in a hash.',
      run: (call) => hmget(types, call),
    },
    {
      ...row,
      name: 'hgetall',
      arity: 2,
      since: '2.0.0',
      flags: READONLY,
      summary: 'Returns all fields and values in a hash.',
      run: (call) => hgetall(types, call, FIELDS_AND_VALUES),
    },
    {
      ...row,
      name: 'hkeys',
      arity: 2,
      since: '2.0.0',
      flags: READONLY,
      summary: 'Returns all fields in a hash.',
      run: (call) => hgetall(types, call, FIELDS),
    },
    {
      ...row,
      name: 'hvals',
      arity: 2,
      since: '2.0.0',
      flags: READONLY,
      summary: 'Returns all values in a hash.',
      run: (call) => hgetall(types, call, VALUES),
    },
    {
      ...row,
      name: 'hdel',
      arity: -3,
      since: '2.0.0',
      flags: WRITE | FAST,
      summary: 'Deletes one or more fields and their values from a hash. Deletes the hash if no fields remain.',
      run: (call) => hdel(types, call),
    },
    {
      ...row,
      name: 'hgetdel',
      arity: -5,
      since: '9.1.0',
      flags: WRITE | FAST,
      summary: 'Returns the values of one or more fields and deletes them from a hash.',
      run: (call) => hgetdel(types, call),
    },
    {
      ...row,
      name: 'hlen',
      arity: 2,
      since: '2.0.0',
      flags: READONLY | FAST,
      summary: 'Returns the number of fields in a hash.',
      run: (call) => hlen(types, call),
    },
    {
      ...row,
      name: 'hexists',
      arity: 3,
      since: '2.0.0',
      flags: READONLY | FAST,
      summary: 'Determines whether a field exists in a hash.',
      run: (call) => hexists(types, call),
    },
    {
      ...row,
      name: 'hstrlen',
      arity: 3,
      since: '3.2.0',
      flags: READONLY | FAST,
      summary: 'Returns the length of the value of a field.',
      run: (call) => hstrlen(types, call),
    },
    {
      ...row,
      name: 'hincrby',
      arity: 4,
      since: '2.0.0',
      flags: WRITE | DENYOOM | FAST,
      summary:
        "Increments the integer value of a field in a hash by a number. Uses 0 as initial value if the field doesn't exist.",
      run: (call) => hincrby(types, call),
    },
    {
      ...row,
      name: 'hincrbyfloat',
      arity: 4,
      since: '2.6.0',
      flags: WRITE | DENYOOM | FAST,
      summary:
        "Increments the floating point value of a field by a number. Uses 0 as initial value if the field doesn't exist.",
      run: (call) => hincrbyfloat(types, call),
    },
    {
      ...row,
      name: 'hrandfield',
      arity: -2,
      since: '6.2.0',
      flags: READONLY,
      summary: 'Returns one or more random fields from a hash.',
      run: (call) => hrandfield(types, call),
    },
    {
      ...row,
      name: 'hscan',
      arity: -3,
      since: '2.8.0',
      flags: READONLY,
      summary: 'Iterates over fields and values of a hash.',
      run: (call) => scanCollection(call, types, HASH),
    },
  ];
}
