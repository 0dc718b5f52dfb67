/**
 * Commands on lists, but for those that take items from their ends (lists-ends.ts). Hot file: pushes allocate nothing.
 * Source: Valkey 9.1 t_list.c.
 */
import { LIST } from '../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_LIST } from '../keyspace/events.ts';
import { NONE } from '../memory/arena.ts';
import { ERR_INDEX, ERR_NO_KEY, ERR_SYNTAX } from '../protocol/errors.ts';
import type { Types } from '../types/index.ts';
import type { Lists } from '../types/lists.ts';
import type { Call } from './call.ts';
import { ERR_NEGATABLE, isMinimum, startIndex } from './collections.ts';
import { type Command, DENYOOM, FAST, ONE_KEY, READONLY, WRITE } from './command.ts';
import { finishRemoval, LEFT, listEndCommands, RIGHT } from './lists-ends.ts';

/** Opens the list at argument 1 for reading; false when there is none or an error was answered. */
function open(types: Types, call: Call): boolean {
  if (call.findTyped(1, LIST) === NONE || call.failed) return false;
  types.lists.openFound(call.database);
  return true;
}

function openForWrite(types: Types, call: Call): boolean {
  if (call.findTypedForWrite(1, LIST) === NONE || call.failed) return false;
  types.lists.openFound(call.database);
  return true;
}

function itemEquals(lists: Lists, call: Call, index: number): boolean {
  const { segment, from } = lists;
  const start = call.starts[index]!;
  const length = call.ends[index]! - start;
  if (lists.to - from !== length) return false;
  for (let i = 0; i < length; i++) if (segment[from + i] !== call.bytes[start + i]) return false;
  return true;
}

function push(types: Types, call: Call, side: number, onlyExisting: boolean): void {
  const found = call.findTypedForWrite(1, LIST);
  if (call.failed) return;
  const { lists } = types;
  const { database, bytes, starts, ends } = call;
  if (found === NONE) {
    if (onlyExisting) {
      call.reply.integer(0);
      return;
    }
    lists.create();
  } else {
    database.beginChange();
    lists.openFound(database);
  }
  let size = 0;
  for (let i = 2; i < call.count; i++) size += call.length(i);
  lists.expect(call.count - 2, size);
  for (let i = 2; i < call.count; i++) {
    if (side === LEFT) lists.pushFront(bytes, starts[i]!, ends[i]!);
    else lists.pushBack(bytes, starts[i]!, ends[i]!);
  }
  if (found === NONE) database.putCollection(bytes, starts[1]!, ends[1]!, LIST, lists.encoding, lists.root);
  else lists.saveTo(database);
  call.notify(EVENT_LIST, side === LEFT ? 'lpush' : 'rpush');
  call.changed(call.count - 2);
  call.reply.integer(lists.count);
}

function lrange(types: Types, call: Call): void {
  let start = call.integer(2);
  if (call.failed) return;
  let end = call.integer(3);
  if (call.failed) return;
  const exists = open(types, call);
  if (call.failed) return;
  const { lists } = types;
  const count = exists ? lists.count : 0;
  start = startIndex(start, count);
  if (end < 0) end += count;
  if (end >= count) end = count - 1;
  if (start > end || start >= count) {
    call.reply.array(0);
    return;
  }
  call.reply.array(end - start + 1);
  lists.seek(start);
  for (let i = start; ; i++) {
    call.reply.bulkView(lists.segment, lists.view, lists.from, lists.to);
    if (i === end) break;
    lists.next();
  }
}

function llen(types: Types, call: Call): void {
  if (open(types, call)) call.reply.integer(types.lists.count);
  else if (!call.failed) call.reply.integer(0);
}

function lindex(types: Types, call: Call): void {
  if (!open(types, call)) {
    if (!call.failed) call.reply.nil();
    return;
  }
  const { lists } = types;
  const index = call.integer(2);
  if (call.failed) return;
  if (lists.seek(index < 0 ? index + lists.count : index)) call.reply.bulk(lists.segment, lists.from, lists.to);
  else call.reply.nil();
}

function lset(types: Types, call: Call): void {
  if (!openForWrite(types, call)) {
    if (!call.failed) call.fail(ERR_NO_KEY);
    return;
  }
  const { lists } = types;
  const index = call.integer(2);
  if (call.failed) return;
  if (!lists.seek(index < 0 ? index + lists.count : index)) {
    call.fail(ERR_INDEX);
    return;
  }
  call.database.beginChange();
  lists.expect(1, call.length(3));
  lists.replaceCurrent(call.bytes, call.starts[3]!, call.ends[3]!);
  lists.settle();
  lists.saveTo(call.database);
  call.notify(EVENT_LIST, 'lset');
  call.changed();
  call.reply.ok();
}

function linsert(types: Types, call: Call): void {
  const before = call.is(2, 'BEFORE');
  if (!before && !call.is(2, 'AFTER')) {
    call.fail(ERR_SYNTAX);
    return;
  }
  if (!openForWrite(types, call)) {
    if (!call.failed) call.reply.integer(0);
    return;
  }
  const { lists } = types;
  let at = lists.first();
  while (at && !itemEquals(lists, call, 3)) at = lists.next();
  if (!at) {
    call.reply.integer(-1);
    return;
  }
  call.database.beginChange();
  lists.expect(1, call.length(4));
  if (before) lists.insertBefore(call.bytes, call.starts[4]!, call.ends[4]!);
  else lists.insertAfter(call.bytes, call.starts[4]!, call.ends[4]!);
  lists.saveTo(call.database);
  call.notify(EVENT_LIST, 'linsert');
  call.changed();
  call.reply.integer(lists.count);
}

function lrem(types: Types, call: Call): void {
  const count = call.integer(2);
  if (call.failed) return;
  if (!openForWrite(types, call)) {
    if (!call.failed) call.reply.integer(0);
    return;
  }
  const { lists } = types;
  const limit = count === 0 ? Number.MAX_SAFE_INTEGER : Math.abs(count);
  let removed = 0;
  let at = count < 0 ? lists.last() : lists.first();
  while (at && removed < limit) {
    if (itemEquals(lists, call, 3)) {
      if (removed++ === 0) call.database.beginChange();
      lists.removeCurrent();
      at = count < 0 ? lists.resumeBackward() : lists.resumeForward();
    } else at = count < 0 ? lists.previous() : lists.next();
  }
  if (removed > 0) {
    finishRemoval(lists, call, 'lrem', 1);
    call.changed(removed);
  }
  call.reply.integer(removed);
}

function ltrim(types: Types, call: Call): void {
  let start = call.integer(2);
  if (call.failed) return;
  let end = call.integer(3);
  if (call.failed) return;
  if (!openForWrite(types, call)) {
    if (!call.failed) call.reply.ok();
    return;
  }
  const { lists } = types;
  const { count } = lists;
  start = startIndex(start, count);
  if (end < 0) end += count;
  if (end >= count) end = count - 1;
  call.database.beginChange();
  if (start > end || start >= count) {
    call.database.remove();
    call.notify(EVENT_LIST, 'ltrim');
    call.notify(EVENT_GENERIC, 'del');
    call.changed(count);
  } else {
    const back = count - 1 - end;
    if (start > 0) lists.dropFront(start);
    if (back > 0) lists.dropBack(back);
    finishRemoval(lists, call, 'ltrim', 1);
    if (start + back > 0) call.changed(start + back);
  }
  call.reply.ok();
}

function lpos(types: Types, call: Call): void {
  let rank = 1;
  let count = -1;
  let maximum = 0;
  for (let i = 3; i < call.count; i += 2) {
    const more = i + 1 < call.count;
    if (more && call.is(i, 'RANK')) {
      rank = call.integer(i + 1);
      if (call.failed) return;
      if (isMinimum(call, i + 1)) call.fail(ERR_NEGATABLE);
      else if (rank === 0) {
        call.fail(
          "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list",
        );
      }
    } else if (more && call.is(i, 'COUNT')) {
      count = call.integer(i + 1, "ERR COUNT can't be negative");
      if (!call.failed && count < 0) call.fail("ERR COUNT can't be negative");
    } else if (more && call.is(i, 'MAXLEN')) {
      maximum = call.integer(i + 1, "ERR MAXLEN can't be negative");
      if (!call.failed && maximum < 0) call.fail("ERR MAXLEN can't be negative");
    } else call.fail(ERR_SYNTAX);
    if (call.failed) return;
  }
  const exists = open(types, call);
  if (call.failed) return;
  const matches = exists ? positions(types.lists, call, rank, count < 0 ? 1 : count, maximum) : [];
  if (count >= 0) {
    call.reply.array(matches.length);
    for (const position of matches) call.reply.integer(position);
  } else if (matches.length > 0) call.reply.integer(matches[0]!);
  else call.reply.nil();
}

/** Indices of items equal to argument 2, from the `rank`-th one on; `count` of them, 0 for all; at most `maximum` items are compared, 0 for all. */
function positions(lists: Lists, call: Call, rank: number, count: number, maximum: number): number[] {
  const backwards = rank < 0;
  const found: number[] = [];
  let skip = Math.abs(rank) - 1;
  let at = backwards ? lists.last() : lists.first();
  for (let i = 0; at && (maximum === 0 || i < maximum); i++) {
    if (itemEquals(lists, call, 2) && skip-- <= 0) {
      found.push(backwards ? lists.count - 1 - i : i);
      if (found.length === count) break;
    }
    at = backwards ? lists.previous() : lists.next();
  }
  return found;
}

export function listCommands(types: Types): readonly Command[] {
  const row = { group: 'list', keys: ONE_KEY } as const;
  return [
    ...listEndCommands(types),
    {
      ...row,
      name: 'lpush',
      arity: -3,
      since: '1.0.0',
      flags: WRITE | DENYOOM | FAST,
      summary: "Prepends one or more elements to a list. Creates the key if it doesn't exist.",
      run: (call) => push(types, call, LEFT, false),
    },
    {
      ...row,
      name: 'rpush',
      arity: -3,
      since: '1.0.0',
      flags: WRITE | DENYOOM | FAST,
      summary: "Appends one or more elements to a list. Creates the key if it doesn't exist.",
      run: (call) => push(types, call, RIGHT, false),
    },
    {
      ...row,
      name: 'lpushx',
      arity: -3,
      since: '2.2.0',
      flags: WRITE | DENYOOM | FAST,
      summary: 'Prepends one or more elements to a list only when the list exists.',
      run: (call) => push(types, call, LEFT, true),
    },
    {
      ...row,
      name: 'rpushx',
      arity: -3,
      since: '2.2.0',
      flags: WRITE | DENYOOM | FAST,
      summary: 'Appends one or more elements to a list only when the list exists.',
      run: (call) => push(types, call, RIGHT, true),
    },
    {
      ...row,
      name: 'lrange',
      arity: 4,
      since: '1.0.0',
      flags: READONLY,
      summary: 'Returns a range of elements from a list.',
      run: (call) => lrange(types, call),
    },
    {
      ...row,
      name: 'llen',
      arity: 2,
      since: '1.0.0',
      flags: READONLY | FAST,
      summary: 'Returns the length of a list.',
      run: (call) => llen(types, call),
    },
    {
      ...row,
      name: 'lindex',
      arity: 3,
      since: '1.0.0',
      flags: READONLY,
      summary: 'Returns an element from a list by its index.',
      run: (call) => lindex(types, call),
    },
    {
      ...row,
      name: 'lset',
      arity: 4,
      since: '1.0.0',
      flags: WRITE | DENYOOM,
      summary: 'Sets the value of an element in a list by its index.',
      run: (call) => lset(types, call),
    },
    {
      ...row,
      name: 'linsert',
      arity: 5,
      since: '2.2.0',
      flags: WRITE | DENYOOM,
      summary: 'Inserts an element before or after another element in a list.',
      run: (call) => linsert(types, call),
    },
    {
      ...row,
      name: 'lrem',
      arity: 4,
      since: '1.0.0',
      flags: WRITE,
      summary: 'Removes elements from a list. Deletes the list if the last element was removed.',
      run: (call) => lrem(types, call),
    },
    {
      ...row,
      name: 'ltrim',
      arity: 4,
      since: '1.0.0',
      flags: WRITE,
      summary: 'Removes elements from both ends of a list. Deletes the list if all elements were trimmed.',
      run: (call) => ltrim(types, call),
    },
    {
      ...row,
      name: 'lpos',
      arity: -3,
      since: '6.0.6',
      flags: READONLY,
      summary: 'Returns the index of matching elements in a list.',
      run: (call) => lpos(types, call),
    },
  ];
}
