/**
 * Commands that take the lowest or highest members out of a sorted set. Hot file: ZPOPMIN and ZPOPMAX allocate nothing.
 * Source: Valkey 9.1 t_zset.c genericZpopCommand, zmpopGenericCommand.
 */
import { ZSET } from '../keyspace/entry.ts';
import { EVENT_ZSET } from '../keyspace/events.ts';
import { NONE } from '../memory/arena.ts';
import { Arguments } from '../protocol/arguments.ts';
import { ERR_SYNTAX } from '../protocol/errors.ts';
import type { ReplyWriter } from '../protocol/reply.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { popCount } from './collections.ts';
import { BLOCKING, type Command, FAST, type KeySpec, MOVABLE_KEYS, NO_KEYS, ONE_KEY, WRITE } from './command.ts';
import { endRemovals, numberedKeys } from './sorted-sets-common.ts';

/** The last argument is a time-out. */
const ALL_BUT_LAST: KeySpec = { first: 1, last: -2, step: 1 };

const ERR_NUMKEYS = 'ERR numkeys should be greater than 0';
const ERR_COUNT = 'ERR count should be greater than 0';

/** Takes members out of the sorted set at argument `index`, which was found, and answers them: flat, or as pairs. */
function popFound(types: Types, call: Call, index: number, highest: boolean, count: number, pairs: boolean): void {
  const { sortedSets } = types;
  const { reply } = call;
  const size = sortedSets.count;
  sortedSets.seekRank(highest ? size - 1 : 0);
  for (let i = 0; i < count; i++) {
    if (pairs) reply.array(2);
    reply.bulk(sortedSets.segment, sortedSets.from, sortedSets.to);
    reply.double(sortedSets.score);
    if (highest) sortedSets.previous();
    else sortedSets.next();
  }
  call.database.beginChange();
  sortedSets.removeRanks(highest ? size - count : 0, highest ? size : count);
  call.notify(EVENT_ZSET, highest ? 'zpopmax' : 'zpopmin', index);
  endRemovals(types, call, index, count);
}

/** ZPOPMIN and ZPOPMAX. */
function zpop(types: Types, call: Call, highest: boolean): void {
  if (call.count > 3) {
    call.fail(ERR_SYNTAX);
    return;
  }
  let count = popCount(call);
  if (call.failed) return;
  const found = call.findTypedForWrite(1, ZSET);
  if (call.failed) return;
  const { reply } = call;
  if (found === NONE || count === 0) {
    reply.array(0);
    return;
  }
  count = Math.min(count, types.sortedSets.openFound(call.database).count);
  const pairs = call.count === 3 && reply.protocol === 3;
  reply.array(pairs ? count : count * 2);
  popFound(types, call, 1, highest, count, pairs);
}

/** What ZMPOP and BZMPOP were asked for, from the number of keys at `countAt` on. */
interface PopRequest {
  readonly firstKey: number;
  readonly lastKey: number;
  readonly highest: boolean;
  readonly count: number;
}

function readPop(call: Call, countAt: number): PopRequest | null {
  const keys = call.integer(countAt, ERR_NUMKEYS);
  if (call.failed) return null;
  if (keys < 1) {
    call.fail(ERR_NUMKEYS);
    return null;
  }
  const where = countAt + keys + 1;
  const highest = where < call.count && call.is(where, 'MAX');
  if (where >= call.count || (!highest && !call.is(where, 'MIN'))) {
    call.fail(ERR_SYNTAX);
    return null;
  }
  let count = 0;
  for (let i = where + 1; i < call.count; i++) {
    if (count !== 0 || !call.is(i, 'COUNT') || i + 1 === call.count) {
      call.fail(ERR_SYNTAX);
      return null;
    }
    count = call.integer(++i, ERR_COUNT);
    if (call.failed) return null;
    if (count < 1) {
      call.fail(ERR_COUNT);
      return null;
    }
  }
  return { firstKey: countAt + 1, lastKey: where - 1, highest, count: count === 0 ? 1 : count };
}

/** The first key of arguments first to last that holds a sorted set, opened; 0 for none of them or after an error. */
function firstSortedSet(types: Types, call: Call, first: number, last: number): number {
  for (let i = first; i <= last; i++) {
    if (call.findTypedForWrite(i, ZSET) === NONE) continue;
    if (call.failed) return 0;
    types.sortedSets.openFound(call.database);
    return i;
  }
  return 0;
}

/** Answers the key and pairs, as ZMPOP does. Replicas are told of a ZPOPMIN or ZPOPMAX of that key. */
function popSeveral(types: Types, call: Call, index: number, highest: boolean, count: number): void {
  const { reply } = call;
  const popped = Math.min(count, types.sortedSets.count);
  reply.array(2);
  call.replyArgument(index);
  reply.array(popped);
  popFound(types, call, index, highest, popped, true);
  call.propagateAs(Arguments.of(highest ? 'ZPOPMAX' : 'ZPOPMIN', call.copy(index), popped));
}

function zmpop(types: Types, call: Call): void {
  const request = readPop(call, 1);
  if (request === null) return;
  const index = firstSortedSet(types, call, request.firstKey, request.lastKey);
  if (call.failed) return;
  if (index === 0) call.reply.nilArray();
  else popSeveral(types, call, index, request.highest, request.count);
}

function bzmpop(types: Types, call: Call): void {
  const request = readPop(call, 2);
  if (request === null) return;
  const timeoutMs = call.timeout(1);
  if (call.failed) return;
  const { firstKey, lastKey } = request;
  const index = firstSortedSet(types, call, firstKey, lastKey);
  if (call.failed) return;
  if (index === 0) call.waitForKeys(firstKey, lastKey, ZSET, timeoutMs, answerNilArray);
  else popSeveral(types, call, index, request.highest, request.count);
}

/** BZPOPMIN and BZPOPMAX. */
function bzpop(types: Types, call: Call, highest: boolean): void {
  const last = call.count - 1;
  const timeoutMs = call.timeout(last);
  if (call.failed) return;
  const index = firstSortedSet(types, call, 1, last - 1);
  if (call.failed) return;
  if (index === 0) {
    call.waitForKeys(1, last - 1, ZSET, timeoutMs, answerNilArray);
    return;
  }
  call.reply.array(3);
  call.replyArgument(index);
  popFound(types, call, index, highest, 1, false);
  call.propagateAs(Arguments.of(highest ? 'ZPOPMAX' : 'ZPOPMIN', call.copy(index)));
}

function answerNilArray(reply: ReplyWriter): void {
  reply.nilArray();
}

export function sortedSetPopCommands(types: Types): readonly Command[] {
  const row = { group: 'sorted-set', keys: ONE_KEY } as const;
  return [
    {
      ...row,
      name: 'zpopmin',
      arity: -2,
      since: '5.0.0',
      flags: WRITE | FAST,
      summary:
        'Returns the lowest-scoring members from a sorted set after removing them. Deletes the sorted set if the last member was popped.',
      run: (call) => zpop(types, call, false),
    },
    {
      ...row,
      name: 'zpopmax',
      arity: -2,
      since: '5.0.0',
      flags: WRITE | FAST,
      summary:
        'Returns the highest-scoring members from a sorted set after removing them. Deletes the sorted set if the last member was popped.',
      run: (call) => zpop(types, call, true),
    },
    {
      ...row,
      name: 'zmpop',
      arity: -4,
      since: '7.0.0',
      flags: WRITE | MOVABLE_KEYS,
      keys: NO_KEYS,
      keysOf: numberedKeys(1, false),
      summary:
        'Returns the highest- or lowest-scoring members from one or more sorted sets after removing them. Deletes the sorted set if the last member was popped.',
      run: (call) => zmpop(types, call),
    },
    {
      ...row,
      name: 'bzpopmin',
      arity: -3,
      since: '5.0.0',
      flags: WRITE | BLOCKING | FAST,
      keys: ALL_BUT_LAST,
      summary:
        'Removes and returns the member with the lowest score from one or more sorted sets. Blocks until a member is available otherwise. Deletes the sorted set if the last element was popped.',
      run: (call) => bzpop(types, call, false),
    },
    {
      ...row,
      name: 'bzpopmax',
      arity: -3,
      since: '5.0.0',
      flags: WRITE | BLOCKING | FAST,
      keys: ALL_BUT_LAST,
      summary:
        'Removes and returns the member with the highest score from one or more sorted sets. Blocks until a member is available otherwise. Deletes the sorted set if the last element was popped.',
      run: (call) => bzpop(types, call, true),
    },
    {
      ...row,
      name: 'bzmpop',
      arity: -5,
      since: '7.0.0',
      flags: WRITE | BLOCKING | MOVABLE_KEYS,
      keys: NO_KEYS,
      keysOf: numberedKeys(2, false),
      summary:
        'Removes and returns a member by score from one or more sorted sets. Blocks until a member is available otherwise. Deletes the sorted set if the last element was popped.',
      run: (call) => bzmpop(types, call),
    },
  ];
}
