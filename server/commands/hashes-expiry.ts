/**
 * Commands on the time to live of hashes' fields: the HEXPIRE and HTTL families and HPERSIST.
 * Source: Valkey 9.1 t_hash.c, and the replies, events and replication stream of a 9.1.2.
 */
import { HASH } from '../keyspace/entry.ts';
import { EVENT_HASH } from '../keyspace/events.ts';
import { NO_FIELD_EXPIRY } from '../keyspace/field-expiry.ts';
import { NONE } from '../memory/arena.ts';
import { Arguments } from '../protocol/arguments.ts';
import { ERR_FIELD_COUNT, ERR_SYNTAX } from '../protocol/errors.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { type Command, FAST, ONE_KEY, READONLY, WRITE } from './command.ts';
import { getField } from './hashes-common.ts';
import { Befallen, checkFields, endExpired, expiryOf, fieldsIndex, hasPassed, persistField } from './hashes-fields.ts';

// Replies for a field.
const NO_FIELD = -2;
const NO_EXPIRY = -1;
const CONDITION_FAILED = 0;
const DONE = 1;
const GONE_AT_ONCE = 2;

const NX = 1;
const XX = 2;
const GT = 4;
const LT = 8;

/** HEXPIRE, HPEXPIRE, HEXPIREAT and HPEXPIREAT key time [NX|XX|GT|LT] FIELDS numfields field … */
function hexpire(types: Types, call: Call, unitMs: number, relative: boolean): void {
  const index = fieldsIndex(call, 3);
  const conditions = conditionsOf(call, Math.min(index, call.count));
  if (call.failed) return;
  if (index === call.count) {
    call.fail(ERR_FIELD_COUNT);
    return;
  }
  if (!checkFields(call, index, 1)) return;
  const at = expiryOf(call, 2, unitMs, relative);
  if (call.failed) return;
  const found = call.findTypedForWrite(1, HASH) !== NONE;
  if (call.failed) return;
  const { hashes } = types;
  if (found) hashes.openFound(call.database);
  const passed = hasPassed(call, at);
  const gone = new Befallen(call);
  let changed = 0;
  call.reply.array(call.count - index - 2);
  for (let i = index + 2; i < call.count; i++) {
    if (!found || !getField(types, call, i)) {
      call.reply.integer(NO_FIELD);
      continue;
    }
    if (!allows(conditions, hashes.expireAtMs, at)) {
      call.reply.integer(CONDITION_FAILED);
      continue;
    }
    if (changed === 0) call.database.beginChange();
    changed++;
    if (passed) {
      hashes.delete(call.bytes, call.starts[i]!, call.ends[i]!);
      gone.add(i);
    } else hashes.setExpiry(call.bytes, call.starts[i]!, call.ends[i]!, at);
    call.reply.integer(passed ? GONE_AT_ONCE : DONE);
  }
  if (changed === 0) return;
  if (passed) {
    endExpired(types, call, gone);
    return;
  }
  hashes.saveTo(call.database);
  call.notify(EVENT_HASH, 'hexpire', 1);
  call.changed(changed);
  if (!relative && unitMs === 1) return;
  const rest: Uint8Array[] = [];
  for (let i = 3; i < call.count; i++) rest.push(call.copy(i));
  call.propagateAs(Arguments.of('HPEXPIREAT', call.copy(1), at, ...rest));
}

function conditionsOf(call: Call, end: number): number {
  let conditions = 0;
  const until = end === call.count ? 3 : end;
  for (let i = 3; i < until; i++) {
    if (call.is(i, 'NX')) conditions |= NX;
    else if (call.is(i, 'XX')) conditions |= XX;
    else if (call.is(i, 'GT')) conditions |= GT;
    else if (call.is(i, 'LT')) conditions |= LT;
    else {
      call.fail(`ERR Unsupported option ${call.text(i)}`);
      return 0;
    }
  }
  if ((conditions & NX) !== 0 && conditions !== NX) {
    call.fail('ERR NX and XX, GT or LT options at the same time are not compatible');
  } else if ((conditions & (GT | LT)) === (GT | LT)) {
    call.fail('ERR GT and LT options at the same time are not compatible');
  }
  return conditions;
}

/** A field without expiry lives for ever: no time is greater. */
function allows(conditions: number, current: number, next: number): boolean {
  const never = current === NO_FIELD_EXPIRY;
  if ((conditions & NX) !== 0 && !never) return false;
  if ((conditions & XX) !== 0 && never) return false;
  if ((conditions & GT) !== 0 && (never || next <= current)) return false;
  return (conditions & LT) === 0 || never || next < current;
}

/** HTTL, HPTTL, HEXPIRETIME and HPEXPIRETIME key FIELDS numfields field … */
function httl(types: Types, call: Call, unitMs: number, relative: boolean): void {
  if (!call.is(2, 'FIELDS')) {
    call.fail(ERR_SYNTAX);
    return;
  }
  if (!checkFields(call, 2, 1, ERR_SYNTAX)) return;
  const found = call.findTyped(1, HASH) !== NONE;
  if (call.failed) return;
  const { hashes } = types;
  if (found) hashes.openFound(call.database);
  call.reply.array(call.count - 4);
  for (let i = 4; i < call.count; i++) {
    if (!found || !getField(types, call, i)) call.reply.integer(NO_FIELD);
    else if (hashes.expireAtMs === NO_FIELD_EXPIRY) call.reply.integer(NO_EXPIRY);
    else {
      const value = Math.max(0, hashes.expireAtMs - (relative ? call.nowMs : 0));
      call.reply.integer(unitMs === 1 ? value : Math.floor((value + 500) / 1000));
    }
  }
}

/** HPERSIST key FIELDS numfields field … */
function hpersist(types: Types, call: Call): void {
  if (!call.is(2, 'FIELDS')) {
    call.fail(ERR_SYNTAX);
    return;
  }
  if (!checkFields(call, 2, 1)) return;
  const found = call.findTypedForWrite(1, HASH) !== NONE;
  if (call.failed) return;
  if (found) types.hashes.openFound(call.database);
  call.reply.array(call.count - 4);
  let changed = 0;
  for (let i = 4; i < call.count; i++) {
    if (!found || !getField(types, call, i)) call.reply.integer(NO_FIELD);
    else if (persistField(types, call, i, changed === 0)) {
      changed++;
      call.reply.integer(DONE);
    } else call.reply.integer(NO_EXPIRY);
  }
  if (changed === 0) return;
  types.hashes.saveTo(call.database);
  call.notify(EVENT_HASH, 'hpersist', 1);
  call.changed(changed);
}

export function hashExpiryCommands(types: Types): readonly Command[] {
  const row = { group: 'hash', keys: ONE_KEY, since: '9.0.0' } as const;
  return [
    {
      ...row,
      name: 'hexpire',
      arity: -6,
      flags: WRITE | FAST,
      summary: 'Sets expiry time on hash fields.',
      run: (call) => hexpire(types, call, 1000, true),
    },
    {
      ...row,
      name: 'hpexpire',
      arity: -6,
      flags: WRITE | FAST,
      summary: 'Sets expiry time on hash object.',
      run: (call) => hexpire(types, call, 1, true),
    },
    {
      ...row,
      name: 'hexpireat',
      arity: -6,
      flags: WRITE | FAST,
      summary: 'Sets expiry time on hash fields.',
      run: (call) => hexpire(types, call, 1000, false),
    },
    {
      ...row,
      name: 'hpexpireat',
      arity: -6,
      flags: WRITE | FAST,
      summary: 'Sets expiration time on hash field.',
      run: (call) => hexpire(types, call, 1, false),
    },
    {
      ...row,
      name: 'httl',
      arity: -5,
      flags: READONLY | FAST,
      summary:
        "Returns the remaining time to live (in seconds) of a hash key's field(s) that have an associated expiration.",
      run: (call) => httl(types, call, 1000, true),
    },
    {
      ...row,
      name: 'hpttl',
      arity: -5,
      flags: READONLY | FAST,
      summary:
        "Returns the remaining time to live in milliseconds of a hash key's field(s) that have an associated expiration.",
      run: (call) => httl(types, call, 1, true),
    },
    {
      ...row,
      name: 'hexpiretime',
      arity: -5,
      flags: READONLY | FAST,
      summary: "Returns Unix timestamps in seconds since the epoch at which the given key's field(s) will expire.",
      run: (call) => httl(types, call, 1000, false),
    },
    {
      ...row,
      name: 'hpexpiretime',
      arity: -5,
      flags: READONLY | FAST,
      summary:
        "Returns the Unix timestamp in milliseconds since Unix epoch at which the given key's field(s) will expire.",
      run: (call) => httl(types, call, 1, false),
    },
    {
      ...row,
      name: 'hpersist',
      arity: -5,
      flags: WRITE | FAST,
      summary: "Remove the existing expiration on a hash key's field(s).",
      run: (call) => hpersist(types, call),
    },
  ];
}
