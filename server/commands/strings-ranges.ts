/**
 * Commands on parts of string values. Hot file: APPEND, SETRANGE, GETRANGE and STRLEN allocate nothing.
 * Source: Valkey 9.1 t_string.c.
 */
import { NO_EXPIRY } from '../keyspace/database.ts';
import { STRING } from '../keyspace/entry.ts';
import { EVENT_STRING } from '../keyspace/events.ts';
import { NONE } from '../memory/arena.ts';
import { ERR_OFFSET, ERR_STRING_TOO_LONG } from '../protocol/errors.ts';
import type { Call } from './call.ts';
import { type Command, DENYOOM, FAST, ONE_KEY, READONLY, TWO_KEYS, WRITE } from './command.ts';
import { lcs } from './strings-lcs.ts';

function strlen(call: Call): void {
  const found = call.findTyped(1, STRING);
  if (call.failed) return;
  call.reply.integer(found === NONE ? 0 : call.database.view.stringLength());
}

function append(call: Call): void {
  const found = call.findTypedForWrite(1, STRING);
  if (call.failed) return;
  const { database, bytes } = call;
  const from = call.starts[2]!;
  const to = call.ends[2]!;
  let length = to - from;
  if (found === NONE) database.putString(bytes, call.starts[1]!, call.ends[1]!, bytes, from, to, NO_EXPIRY);
  else {
    const before = database.view.stringLength();
    length += before;
    if (length > maxStringBytes(call)) {
      call.fail(ERR_STRING_TOO_LONG);
      return;
    }
    if (to > from) {
      const at = database.resizeString(length);
      database.valueSegment.set(bytes.subarray(from, to), at + before);
    }
  }
  call.changed();
  call.notify(EVENT_STRING, 'append');
  call.reply.integer(length);
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
  call.notify(EVENT_STRING, 'setrange');
  call.reply.integer(length);
}

function getrange(call: Call): void {
  let from = call.integer(2);
  let to = call.failed ? 0 : call.integer(3);
  if (call.failed) return;
  const found = call.findTyped(1, STRING);
  if (call.failed) return;
  const length = found === NONE ? 0 : call.database.view.stringLength();
  if (from < 0 && to < 0 && from > to) {
    call.reply.bulkEmpty();
    return;
  }
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

export const stringRangeCommands: readonly Command[] = [
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
    name: 'lcs',
    arity: -3,
    group: 'string',
    since: '7.0.0',
    flags: READONLY,
    keys: TWO_KEYS,
    summary: 'Finds the longest common substring.',
    run: lcs,
  },
];
