/**
 * Commands that take items from the ends of lists, waiting for them or not, and those that push them to the end of another.
 * Hot file: what does not block allocates nothing but LMOVE's item.
 * Source: Valkey 9.1 t_list.c.
 */
import { LIST } from '../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_LIST } from '../keyspace/events.ts';
import { NONE } from '../memory/arena.ts';
import { Arguments } from '../protocol/arguments.ts';
import { ERR_ARITY, ERR_NUMKEYS, ERR_SYNTAX, ERR_WRONG_TYPE } from '../protocol/errors.ts';
import { parseInteger } from '../protocol/numbers.ts';
import type { ReplyWriter } from '../protocol/reply.ts';
import type { Types } from '../types/index.ts';
import type { Lists } from '../types/lists.ts';
import type { Call } from './call.ts';
import { popCount } from './collections.ts';
import { BLOCKING, type Command, DENYOOM, FAST, MOVABLE_KEYS, NO_KEYS, ONE_KEY, TWO_KEYS, WRITE } from './command.ts';

export const LEFT = 0;
export const RIGHT = 1;
const ERR_COUNT = 'ERR count should be greater than 0';

const PUSHED: readonly string[] = ['lpush', 'rpush']; // constant
const POPPED: readonly string[] = ['lpop', 'rpop']; // constant

/** What a list at argument `key` is told to be after items were removed from it: its new place, or that it is gone. */
export function finishRemoval(lists: Lists, call: Call, event: string, key: number): void {
  const { count } = lists;
  if (count > 0) lists.settle();
  lists.saveTo(call.database);
  if (count === 0) call.database.remove();
  call.notify(EVENT_LIST, event, key);
  if (count === 0) call.notify(EVENT_GENERIC, 'del', key);
}

/** LEFT or RIGHT in argument i; -1 after the error. */
function sideOf(call: Call, index: number): number {
  if (call.is(index, 'LEFT')) return LEFT;
  if (call.is(index, 'RIGHT')) return RIGHT;
  call.fail(ERR_SYNTAX);
  return -1;
}

/** Opens the list at argument i for a change; false when there is none or an error was answered. */
function open(types: Types, call: Call, key: number): boolean {
  if (call.findTypedForWrite(key, LIST) === NONE || call.failed) return false;
  types.lists.openFound(call.database);
  return true;
}

/** Answers `count` items from an end of the open list, one bulk each, and removes them. */
function take(lists: Lists, call: Call, key: number, side: number, count: number): void {
  const { reply } = call;
  call.database.beginChange();
  for (let i = 0; i < count; i++) {
    if (side === LEFT) lists.first();
    else lists.last();
    reply.bulk(lists.segment, lists.from, lists.to);
    lists.removeCurrent();
  }
  finishRemoval(lists, call, POPPED[side]!, key);
  call.changed(count);
}

function pop(types: Types, call: Call, side: number): void {
  if (call.count > 3) {
    call.fail(ERR_ARITY(call.entry.fullName));
    return;
  }
  let count = popCount(call);
  if (call.failed) return;
  const { reply } = call;
  const { lists } = types;
  if (!open(types, call, 1)) {
    if (call.failed) return;
    if (call.count === 3) reply.nilArray();
    else reply.nil();
    return;
  }
  if (call.count === 3) {
    count = Math.min(count, lists.count);
    reply.array(count);
    if (count === 0) return;
  }
  take(lists, call, 1, side, count);
}

/** BLPOP, BRPOP: one item of the first list that is there. */
function blockingPop(types: Types, call: Call, side: number): void {
  const last = call.count - 1;
  const timeoutMs = call.timeout(last);
  if (call.failed) return;
  for (let key = 1; key < last; key++) {
    if (!open(types, call, key)) {
      if (call.failed) return;
      continue;
    }
    call.reply.array(2);
    call.replyArgument(key);
    take(types.lists, call, key, side, 1);
    call.propagateAs(Arguments.of(side === LEFT ? 'LPOP' : 'RPOP', call.copy(key)));
    return;
  }
  call.waitForKeys(1, last - 1, LIST, timeoutMs, answerNilArray);
}

/** LMPOP, BLMPOP: so many items of the first list that is there. `numbered`: the argument that counts the keys. */
function multiplePop(types: Types, call: Call, numbered: number, blocks: boolean): void {
  const keys = positive(call, numbered, ERR_NUMKEYS);
  if (call.failed) return;
  const sideAt = numbered + keys + 1;
  if (sideAt >= call.count) {
    call.fail(ERR_SYNTAX);
    return;
  }
  const side = sideOf(call, sideAt);
  if (call.failed) return;
  let count = 1;
  if (call.count > sideAt + 1) {
    if (!call.is(sideAt + 1, 'COUNT') || call.count === sideAt + 2) call.fail(ERR_SYNTAX);
    else count = positive(call, sideAt + 2, ERR_COUNT);
    if (!call.failed && call.count > sideAt + 3) call.fail(ERR_SYNTAX);
    if (call.failed) return;
  }
  const timeoutMs = blocks ? call.timeout(1) : 0;
  if (call.failed) return;
  for (let key = numbered + 1; key < sideAt; key++) {
    if (!open(types, call, key)) {
      if (call.failed) return;
      continue;
    }
    count = Math.min(count, types.lists.count);
    call.reply.array(2);
    call.replyArgument(key);
    call.reply.array(count);
    take(types.lists, call, key, side, count);
    call.propagateAs(Arguments.of(side === LEFT ? 'LPOP' : 'RPOP', call.copy(key), count));
    return;
  }
  if (blocks) call.waitForKeys(numbered + 1, sideAt - 1, LIST, timeoutMs, answerNilArray);
  else call.reply.nilArray();
}

/** An integer above 0 in argument i; otherwise this error. */
function positive(call: Call, index: number, problem: string): number {
  const value = call.integer(index, problem);
  if (!call.failed && value <= 0) call.fail(problem);
  return value;
}

function answerNilArray(reply: ReplyWriter): void {
  reply.nilArray();
}

/** Finds the keys that argument `numbered` counts. */
function countedKeys(numbered: number): (call: Call, found: (index: number) => void) => void {
  return (call, found) => {
    if (call.count <= numbered) return;
    const keys = parseInteger(call.bytes, call.starts[numbered]!, call.ends[numbered]!);
    if (!(keys > 0 && numbered + keys < call.count)) return;
    for (let key = numbered + 1; key <= numbered + keys; key++) found(key);
  };
}

function lmove(types: Types, call: Call, from: number, to: number): void {
  const { database, reply, bytes, starts, ends } = call;
  if (call.findTypedForWrite(1, LIST) === NONE) {
    reply.nil();
    return;
  }
  if (call.failed) return;
  const { lists } = types;
  if (call.findForWrite(2) !== NONE && database.view.type !== LIST) {
    call.fail(ERR_WRONG_TYPE);
    return;
  }
  const rotates = sameArgument(call, 1, 2);
  call.findForWrite(1);
  database.beginChange();
  lists.openFound(database);
  if (from === LEFT) lists.first();
  else lists.last();
  const item = lists.segment.slice(lists.from, lists.to);
  lists.removeCurrent();
  const left = lists.count;
  if (rotates) {
    pushItem(lists, item, to);
    lists.settle();
    lists.saveTo(database);
  } else {
    if (left > 0) lists.settle();
    lists.saveTo(database);
    if (left === 0) database.remove();
    const found = call.findForWrite(2);
    if (found === NONE) lists.create();
    else {
      database.beginChange();
      lists.openFound(database);
    }
    pushItem(lists, item, to);
    if (found === NONE) database.putCollection(bytes, starts[2]!, ends[2]!, LIST, lists.encoding, lists.root);
    else lists.saveTo(database);
  }
  call.notify(EVENT_LIST, PUSHED[to]!, 2);
  call.notify(EVENT_LIST, POPPED[from]!, 1);
  if (left === 0 && !rotates) call.notify(EVENT_GENERIC, 'del', 1);
  call.changed();
  reply.bulk(item, 0, item.length);
}

function pushItem(lists: Lists, item: Uint8Array, side: number): void {
  lists.expect(1, item.length);
  if (side === LEFT) lists.pushFront(item, 0, item.length);
  else lists.pushBack(item, 0, item.length);
}

function sameArgument(call: Call, a: number, b: number): boolean {
  const length = call.length(a);
  if (length !== call.length(b)) return false;
  for (let i = 0; i < length; i++)
    if (call.bytes[call.starts[a]! + i] !== call.bytes[call.starts[b]! + i]) return false;
  return true;
}

/** BLMOVE, BRPOPLPUSH: as LMOVE once the source is there. */
function blockingMove(types: Types, call: Call, from: number, to: number, timeoutAt: number): void {
  const timeoutMs = call.timeout(timeoutAt);
  if (call.failed) return;
  if (call.findTypedForWrite(1, LIST) === NONE) {
    // Where it may not wait it answers as LMOVE does, and not as a wait that has ended.
    if (call.mayBlock) call.waitForKeys(1, 1, LIST, timeoutMs, answerNilArray);
    else call.reply.nil();
    return;
  }
  if (call.failed) return;
  lmove(types, call, from, to);
  if (call.failed) return;
  if (timeoutAt === 3) call.propagateAs(Arguments.of('RPOPLPUSH', call.copy(1), call.copy(2)));
  else call.propagateAs(Arguments.of('LMOVE', call.copy(1), call.copy(2), call.copy(3), call.copy(4)));
}

/** LMOVE, BLMOVE: the ends stand in arguments 3 and 4. `timeoutAt` 0: it does not wait. */
function namedMove(types: Types, call: Call, timeoutAt: number): void {
  const from = sideOf(call, 3);
  if (call.failed) return;
  const to = sideOf(call, 4);
  if (call.failed) return;
  if (timeoutAt === 0) lmove(types, call, from, to);
  else blockingMove(types, call, from, to, timeoutAt);
}

const ALL_BUT_LAST = { first: 1, last: -2, step: 1 } as const;

export function listEndCommands(types: Types): readonly Command[] {
  const row = { group: 'list', keys: ONE_KEY } as const;
  return [
    {
      ...row,
      name: 'lpop',
      arity: -2,
      since: '1.0.0',
      flags: WRITE | FAST,
      summary:
        'Returns and removes one or more elements from the beginning of a list. Deletes the list if the last element was popped.',
      run: (call) => pop(types, call, LEFT),
    },
    {
      ...row,
      name: 'rpop',
      arity: -2,
      since: '1.0.0',
      flags: WRITE | FAST,
      summary:
        'Returns and removes one or more elements from the end of a list. Deletes the list if the last element was popped.',
      run: (call) => pop(types, call, RIGHT),
    },
    {
      ...row,
      name: 'lmpop',
      arity: -4,
      since: '7.0.0',
      flags: WRITE | MOVABLE_KEYS,
      keys: NO_KEYS,
      keysOf: countedKeys(1),
      summary:
        'Returns multiple elements from a list after removing them. Deletes the list if the last element was popped.',
      run: (call) => multiplePop(types, call, 1, false),
    },
    {
      ...row,
      name: 'blpop',
      arity: -3,
      since: '2.0.0',
      flags: WRITE | BLOCKING,
      keys: ALL_BUT_LAST,
      summary:
        'Removes and returns the first element in a list. Blocks until an element is available otherwise. Deletes the list if the last element was popped.',
      run: (call) => blockingPop(types, call, LEFT),
    },
    {
      ...row,
      name: 'brpop',
      arity: -3,
      since: '2.0.0',
      flags: WRITE | BLOCKING,
      keys: ALL_BUT_LAST,
      summary:
        'Removes and returns the last element in a list. Blocks until an element is available otherwise. Deletes the list if the last element was popped.',
      run: (call) => blockingPop(types, call, RIGHT),
    },
    {
      ...row,
      name: 'blmpop',
      arity: -5,
      since: '7.0.0',
      flags: WRITE | BLOCKING | MOVABLE_KEYS,
      keys: NO_KEYS,
      keysOf: countedKeys(2),
      summary:
        'Pops the first element from one of multiple lists. Blocks until an element is available otherwise. Deletes the list if the last element was popped.',
      run: (call) => multiplePop(types, call, 2, true),
    },
    {
      ...row,
      name: 'lmove',
      arity: 5,
      since: '6.2.0',
      flags: WRITE | DENYOOM,
      keys: TWO_KEYS,
      summary:
        'Returns an element after popping it from one list and pushing it to another. Deletes the list if the last element was moved.',
      run: (call) => namedMove(types, call, 0),
    },
    {
      ...row,
      name: 'rpoplpush',
      arity: 3,
      since: '1.2.0',
      flags: WRITE | DENYOOM,
      keys: TWO_KEYS,
      summary:
        'Returns the last element of a list after removing and pushing it to another list. Deletes the list if the last element was popped.',
      run: (call) => lmove(types, call, RIGHT, LEFT),
    },
    {
      ...row,
      name: 'blmove',
      arity: 6,
      since: '6.2.0',
      flags: WRITE | DENYOOM | BLOCKING,
      keys: TWO_KEYS,
      summary:
        'Pops an element from a list, pushes it to another list and returns it. Blocks until an element is available otherwise. Deletes the list if the last element was moved.',
      run: (call) => namedMove(types, call, 5),
    },
    {
      ...row,
      name: 'brpoplpush',
      arity: 4,
      since: '2.2.0',
      flags: WRITE | DENYOOM | BLOCKING,
      keys: TWO_KEYS,
      summary:
        'Pops an element from a list, pushes it to another list and returns it. Blocks until an element is available otherwise. Deletes the list if the last element was popped.',
      run: (call) => blockingMove(types, call, RIGHT, LEFT, 3),
    },
  ];
}
