/**
 * Commands on the time to live of hashes' fields: the HEXPIRE and HTTL families, HPERSIST, HGETEX and HSETEX.
 * Source: Valkey 9.1 t_hash.c, and the replies, events and replication stream of a 9.1.2.
 */
import { HASH } from '../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_HASH } from '../keyspace/events.ts';
import { LATEST_FIELD_EXPIRY, NO_FIELD_EXPIRY } from '../keyspace/field-expiry.ts';
import { NONE } from '../memory/arena.ts';
import { Arguments } from '../protocol/arguments.ts';
import { ERR_FIELD_COUNT, ERR_INVALID_EXPIRE_NAME, ERR_SYNTAX } from '../protocol/errors.ts';
import { KEEP_FIELD_EXPIRY } from '../types/hashes.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { type Command, DENYOOM, FAST, ONE_KEY, READONLY, WRITE } from './command.ts';
import { beginFound, deleteField, finish, finishRemoval, getField, replyValue } from './hashes-common.ts';

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

/** Valkey takes times of 64 bits. Those beyond LATEST_FIELD_EXPIRY, some 8900 years away, are kept as that. */
const LATEST_TIME = 2 ** 63;
/** 0 would be no time. */
const FIRST_TIME = 1;

/** Where FIELDS stands from argument `from` on; the number of arguments when it does not. It is never the last. */
function fieldsIndex(call: Call, from: number): number {
  for (let i = from; i < call.count - 1; i++) if (call.is(i, 'FIELDS')) return i;
  return call.count;
}

/** Checks the number after FIELDS at `index` against the arguments that follow, `width` a field; false after an error was answered. */
function checkFields(call: Call, index: number, width: number, problem: string = ERR_FIELD_COUNT): boolean {
  const fields = index + 1 < call.count ? call.integer(index + 1) : 0;
  if (call.failed) return false;
  if (fields >= 1 && fields * width === call.count - index - 2) return true;
  call.fail(problem);
  return false;
}

/** The absolute time that argument i says; answers the error otherwise. */
function expiryOf(call: Call, index: number, unitMs: number, relative: boolean): number {
  const value = call.integer(index);
  if (call.failed) return 0;
  const at = value * unitMs + (relative ? call.nowMs : 0);
  if (value < 0 || at > LATEST_TIME) call.fail(ERR_INVALID_EXPIRE_NAME(call.entry.fullName));
  return Math.min(Math.max(at, FIRST_TIME), LATEST_FIELD_EXPIRY);
}

function hasPassed(call: Call, atMs: number): boolean {
  return atMs <= call.nowMs && call.keyspace.deletesExpired;
}

/** Fields that a change befell, for its form in the replication stream. */
class Befallen {
  readonly fields: Uint8Array[] = [];
  private readonly call: Call;

  constructor(call: Call) {
    this.call = call;
  }

  add(index: number): void {
    this.fields.push(this.call.copy(index));
  }

  get count(): number {
    return this.fields.length;
  }
}

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

/** Ends a command that found its time in the past: the fields are deleted, to replicas by name. */
function endExpired(types: Types, call: Call, gone: Befallen): void {
  call.keyspace.expiredFields += gone.count;
  finishRemoval(types, call, 'hexpired');
  call.changed(gone.count);
  call.propagateAs(Arguments.of('HDEL', call.copy(1), ...gone.fields));
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

/** Takes the expiry from the field that was found; false when it has none. */
function persistField(types: Types, call: Call, index: number, first: boolean): boolean {
  const { hashes } = types;
  if (hashes.expireAtMs === NO_FIELD_EXPIRY) return false;
  if (first) call.database.beginChange();
  hashes.setExpiry(call.bytes, call.starts[index]!, call.ends[index]!, NO_FIELD_EXPIRY);
  return true;
}

// Options of HGETEX and HSETEX.
const KEY_ABSENT = 1;
const KEY_PRESENT = 2;
const FIELDS_ABSENT = 4;
const FIELDS_PRESENT = 8;
const KEEPS = 16;
const PERSISTS = 32;
const EXPIRES = 64;

interface FieldOptions {
  readonly flags: number;
  /** Where the time of EX, PX, EXAT or PXAT stands. */
  readonly timeIndex: number;
  readonly unitMs: number;
  readonly relative: boolean;
}

const TIMES: readonly (readonly [string, number, boolean])[] = [
  ['EX', 1000, true],
  ['PX', 1, true],
  ['EXAT', 1000, false],
  ['PXAT', 1, false],
];

/** The options before FIELDS; null after an error was answered. */
function optionsOf(call: Call, end: number, sets: boolean): FieldOptions | null {
  let flags = 0;
  let timeIndex = 0;
  let time = TIMES[0]!;
  for (let i = 2; i < end; i++) {
    const given = TIMES.find(([word]) => call.is(i, word));
    if (sets && call.is(i, 'NX') && (flags & KEY_PRESENT) === 0) flags |= KEY_ABSENT;
    else if (sets && call.is(i, 'XX') && (flags & KEY_ABSENT) === 0) flags |= KEY_PRESENT;
    else if (sets && call.is(i, 'FNX') && (flags & FIELDS_PRESENT) === 0) flags |= FIELDS_ABSENT;
    else if (sets && call.is(i, 'FXX') && (flags & FIELDS_ABSENT) === 0) flags |= FIELDS_PRESENT;
    else if (sets && call.is(i, 'KEEPTTL') && (flags & EXPIRES) === 0) flags |= KEEPS;
    else if (!sets && call.is(i, 'PERSIST') && (flags & EXPIRES) === 0) flags |= PERSISTS;
    else if (
      given !== undefined &&
      i + 1 < end &&
      (flags & (KEEPS | PERSISTS)) === 0 &&
      ((flags & EXPIRES) === 0 || given === time)
    ) {
      flags |= EXPIRES;
      time = given;
      timeIndex = ++i;
    } else {
      call.fail(ERR_SYNTAX);
      return null;
    }
  }
  return { flags, timeIndex, unitMs: time[1], relative: time[2] };
}

/** HGETEX key [EX s|PX ms|EXAT s|PXAT ms|PERSIST] FIELDS numfields field … */
function hgetex(types: Types, call: Call): void {
  const index = fieldsIndex(call, 1);
  const options = index === call.count ? null : optionsOf(call, index, false);
  if (call.failed) return;
  if (options === null) {
    call.fail(ERR_FIELD_COUNT);
    return;
  }
  if (!checkFields(call, index, 1)) return;
  const found = call.findTypedForWrite(1, HASH) !== NONE;
  if (call.failed) return;
  const expires = (options.flags & EXPIRES) !== 0;
  const persists = (options.flags & PERSISTS) !== 0;
  const at = expires ? expiryOf(call, options.timeIndex, options.unitMs, options.relative) : NO_FIELD_EXPIRY;
  if (call.failed) return;
  const passed = expires && hasPassed(call, at);
  const { hashes } = types;
  if (found) hashes.openFound(call.database);
  const befallen = new Befallen(call);
  call.reply.array(call.count - index - 2);
  for (let i = index + 2; i < call.count; i++) {
    if (!found || !getField(types, call, i)) {
      call.reply.nil();
      continue;
    }
    replyValue(types, call);
    const first = befallen.count === 0;
    if (passed) deleteField(types, call, i, first);
    else if (expires) {
      if (first) call.database.beginChange();
      hashes.setExpiry(call.bytes, call.starts[i]!, call.ends[i]!, at);
    } else if (!persists || !persistField(types, call, i, first)) continue;
    befallen.add(i);
  }
  if (befallen.count === 0) return;
  if (passed) {
    endExpired(types, call, befallen);
    return;
  }
  hashes.saveTo(call.database);
  call.notify(EVENT_HASH, expires ? 'hexpire' : 'hpersist', 1);
  call.changed(befallen.count);
  const fields = ['FIELDS', befallen.count, ...befallen.fields];
  call.propagateAs(
    expires
      ? Arguments.of('HPEXPIREAT', call.copy(1), at, ...fields)
      : Arguments.of('HPERSIST', call.copy(1), ...fields),
  );
}

/** HSETEX key [NX|XX] [FNX|FXX] [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL] FIELDS numfields field value … */
function hsetex(types: Types, call: Call): void {
  const index = fieldsIndex(call, 1);
  const options = index === call.count ? null : optionsOf(call, index, true);
  if (call.failed) return;
  if (options === null) {
    call.fail(ERR_FIELD_COUNT);
    return;
  }
  if (!checkFields(call, index, 2)) return;
  const { flags } = options;
  const found = call.findTypedForWrite(1, HASH) !== NONE;
  if (call.failed) return;
  if (((flags & KEY_ABSENT) !== 0 && found) || ((flags & KEY_PRESENT) !== 0 && !found)) {
    call.reply.integer(0);
    return;
  }
  const expires = (flags & EXPIRES) !== 0;
  const at = expires ? expiryOf(call, options.timeIndex, options.unitMs, options.relative) : NO_FIELD_EXPIRY;
  if (call.failed) return;
  if (found) types.hashes.openFound(call.database);
  if (!fieldsFit(types, call, flags, index + 2, found)) {
    call.reply.integer(0);
    return;
  }
  call.reply.integer(1);
  if (expires && hasPassed(call, at)) setExpired(types, call, index + 2, found);
  else setAll(types, call, options, index, found, at);
}

/** FNX: none of the fields is there. FXX: all are. */
function fieldsFit(types: Types, call: Call, flags: number, first: number, found: boolean): boolean {
  if ((flags & (FIELDS_ABSENT | FIELDS_PRESENT)) === 0) return true;
  const wanted = (flags & FIELDS_PRESENT) !== 0;
  if (!found) return !wanted;
  for (let i = first; i < call.count; i += 2) if (getField(types, call, i) !== wanted) return false;
  return true;
}

/** Set with a time that has passed: Valkey tells that fields were set and expired, and replicas delete those that were there. */
function setExpired(types: Types, call: Call, first: number, found: boolean): void {
  const { hashes } = types;
  const gone = new Befallen(call);
  if (found) call.database.beginChange();
  for (let i = first; found && i < call.count; i += 2) {
    const from = call.starts[i]!;
    const to = call.ends[i]!;
    if (hashes.delete(call.bytes, from, to) || hashes.deleteExpired(call.bytes, from, to)) gone.add(i);
  }
  call.notify(EVENT_HASH, 'hset', 1);
  call.notify(EVENT_HASH, 'hexpire', 1);
  call.keyspace.expiredFields += (call.count - first) / 2;
  if (found) finishRemoval(types, call, 'hexpired');
  else {
    call.notify(EVENT_HASH, 'hexpired', 1);
    call.notify(EVENT_GENERIC, 'del', 1);
  }
  if (gone.count === 0) return;
  call.changed(gone.count);
  call.propagateAs(Arguments.of('HDEL', call.copy(1), ...gone.fields));
}

function setAll(types: Types, call: Call, options: FieldOptions, index: number, found: boolean, at: number): void {
  const { hashes } = types;
  const { bytes, starts, ends } = call;
  const { flags, timeIndex } = options;
  const expires = (flags & EXPIRES) !== 0;
  const keeps = (flags & KEEPS) !== 0;
  beginFound(types, call, found);
  hashes.expect((call.count - index - 2) / 2);
  const expired = new Befallen(call);
  for (let i = index + 2; i < call.count; i += 2) {
    const before = hashes.overwrittenExpired;
    const expiry = keeps ? KEEP_FIELD_EXPIRY : at;
    hashes.put(bytes, starts[i]!, ends[i]!, bytes, starts[i + 1]!, ends[i + 1]!, expiry);
    if (hashes.overwrittenExpired > before) expired.add(i);
  }
  finish(types, call, 'hset');
  if (expires) call.notify(EVENT_HASH, 'hexpire', 1);
  call.changed((call.count - index - 2) / 2);
  const words: (Uint8Array | string | number)[] = [];
  for (let i = 0; i < call.count; i++) {
    const condition = i > 1 && i < index && i !== timeIndex && CONDITIONS.some((word) => call.is(i, word));
    if (condition) continue;
    if (i === timeIndex - 1 && (options.relative || options.unitMs !== 1)) {
      words.push('PXAT', at);
      i++;
    } else words.push(call.copy(i));
  }
  const form = Arguments.of(...words);
  // To a replica a field past its time is still there, and would keep that time.
  if (keeps && expired.count > 0) call.propagateAs(Arguments.of('HDEL', call.copy(1), ...expired.fields), form);
  else if (expires || (flags & ~KEEPS) !== 0) call.propagateAs(form);
}

const CONDITIONS: readonly string[] = ['NX', 'XX', 'FNX', 'FXX'];

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
    {
      ...row,
      name: 'hgetex',
      arity: -5,
      flags: WRITE | FAST,
      summary:
        'Gets the value of one or more fields of a given hash key, and optionally sets their expiration time or time-to-live (TTL).',
      run: (call) => hgetex(types, call),
    },
    {
      ...row,
      name: 'hsetex',
      arity: -6,
      flags: WRITE | DENYOOM | FAST,
      summary: 'Sets the value of one or more fields of a given hash key, and optionally sets their expiration time.',
      run: (call) => hsetex(types, call),
    },
  ];
}
