/**
 * Commands that count in string values. Hot file: INCR and its kin allocate nothing within 2^53.
 * Source: Valkey 9.1 t_string.c.
 */
import { KEEP_EXPIRY } from '../keyspace/database.ts';
import { STRING, WRITTEN_AS_TEXT } from '../keyspace/entry.ts';
import { EVENT_STRING } from '../keyspace/events.ts';
import { NONE } from '../memory/arena.ts';
import { Arguments } from '../protocol/arguments.ts';
import {
  ERR_DECREMENT,
  ERR_NAN_RESULT,
  ERR_NOT_FLOAT,
  ERR_NOT_INTEGER,
  ERR_OVERFLOW,
  ERR_WRONG_TYPE,
} from '../protocol/errors.ts';
import { addLongDoubles, formatLongDouble, parseLongDouble } from '../protocol/long-double.ts';
import { latin1, parseBigInteger, parseInteger } from '../protocol/numbers.ts';
import { writeDecimal } from '../protocol/reply.ts';
import type { Call } from './call.ts';
import { type Command, DENYOOM, FAST, ONE_KEY, WRITE } from './command.ts';

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
  call.notify(EVENT_STRING, 'incrby');
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
  call.notify(EVENT_STRING, 'incrby');
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
  let value: ReturnType<typeof parseLongDouble> = { mantissa: 0n, exponent: 0 };
  if (found !== NONE) {
    const at = database.openString();
    value = parseLongDouble(latin1(database.valueSegment, at, at + database.view.stringLength()));
  }
  const by = parseLongDouble(latin1(call.bytes, call.starts[2]!, call.ends[2]!));
  if (value === null || by === null) {
    call.fail(ERR_NOT_FLOAT);
    return;
  }
  const sum = value === 'infinite' || by === 'infinite' ? null : addLongDoubles(value, by);
  if (sum === null) {
    call.fail(ERR_NAN_RESULT);
    return;
  }
  const text = new TextEncoder().encode(formatLongDouble(sum));
  database.putString(call.bytes, call.starts[1]!, call.ends[1]!, text, 0, text.length, KEEP_EXPIRY);
  database.markWritten(WRITTEN_AS_TEXT);
  call.changed();
  call.notify(EVENT_STRING, 'incrbyfloat');
  call.propagateAs(Arguments.of('SET', call.copy(1), text, 'KEEPTTL'));
  call.reply.bulk(text, 0, text.length);
}

export const counterCommands: readonly Command[] = [
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
    summary: "Decrements the integer value of a key by a number. Uses 0 as initial value if the key doesn't exist.",
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
      "Increments the floating point value of a key by a number. Uses 0 as initial value if the key doesn't exist.",
    run: incrbyfloat,
  },
];
