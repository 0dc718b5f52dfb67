/**
 * HGETEX and HSETEX: get and set fields of a hash together with their time to live.
 * Source: Valkey 9.1 t_hash.c, and the replies, events and replication stream of a 9.1.2.
 */
import { HASH } from '../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_HASH } from '../keyspace/events.ts';
import { NO_FIELD_EXPIRY } from '../keyspace/field-expiry.ts';
import { NONE } from '../memory/arena.ts';
import { Arguments } from '../protocol/arguments.ts';
import { ERR_FIELD_COUNT, ERR_SYNTAX } from '../protocol/errors.ts';
import { KEEP_FIELD_EXPIRY } from '../types/hashes.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { type Command, DENYOOM, FAST, ONE_KEY, WRITE } from './command.ts';
import { beginFound, deleteField, finish, finishRemoval, getField, replyValue } from './hashes-common.ts';
import { Befallen, checkFields, endExpired, expiryOf, fieldsIndex, hasPassed, persistField } from './hashes-fields.ts';

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

export function hashOptionCommands(types: Types): readonly Command[] {
  const row = { group: 'hash', keys: ONE_KEY, since: '9.0.0' } as const;
  return [
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
