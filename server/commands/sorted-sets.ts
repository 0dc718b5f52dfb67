/**
 * Commands on single members of a sorted set, and the family's table. Hot file: ZADD, ZREM and ZSCORE allocate nothing.
 * Source: Valkey 9.1 t_zset.c.
 */
import { ZSET } from '../keyspace/entry.ts';
import { EVENT_ZSET } from '../keyspace/events.ts';
import { NONE } from '../memory/arena.ts';
import { ERR_ARITY, ERR_NOT_FLOAT, ERR_OUT_OF_RANGE, ERR_SYNTAX } from '../protocol/errors.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { negatableCount, replyRandom, scanCollection } from './collections.ts';
import { type Command, DENYOOM, FAST, ONE_KEY, READONLY, WRITE } from './command.ts';
import { parseScore } from './sorted-set-range.ts';
import { sortedSetAlgebraCommands } from './sorted-sets-algebra.ts';
import { endRemovals, openSortedSet } from './sorted-sets-common.ts';
import { sortedSetPopCommands } from './sorted-sets-pop.ts';
import { sortedSetRangeCommands } from './sorted-sets-ranges.ts';

export const NX = 1;
export const XX = 2;
const GT = 4;
const LT = 8;
export const CH = 16;
const INCR = 32;

const ERR_NAN_SCORE = 'ERR resulting score is not a number (NaN)';
/** ZRANDMEMBER with scores: twice the count must fit in a C long. */
const MAX_PAIRS = 2 ** 62;
/** So many members of a new sorted set are sorted at once, instead of one by one. */
const MEMBERS_AT_ONCE = 512;
/** Room for more scores than that is not kept. */
const MAX_KEPT_SCORES = 16384;

function find(types: Types, call: Call, index: number): boolean {
  return types.sortedSets.find(call.bytes, call.starts[index]!, call.ends[index]!);
}

/** NX, XX, GT, LT, CH or INCR in argument i; 0 for none of them. */
function addOption(call: Call, index: number): number {
  const length = call.length(index);
  if (length === 2) {
    if (call.is(index, 'NX')) return NX;
    if (call.is(index, 'XX')) return XX;
    if (call.is(index, 'GT')) return GT;
    if (call.is(index, 'LT')) return LT;
    if (call.is(index, 'CH')) return CH;
  }
  return length === 4 && call.is(index, 'INCR') ? INCR : 0;
}

function zadd(types: Types, call: Call, scores: ScoreList): void {
  let options = 0;
  let first = 2;
  for (; first < call.count; first++) {
    const option = addOption(call, first);
    if (option === 0) break;
    options |= option;
  }
  if (first === call.count || ((call.count - first) & 1) === 1) {
    call.fail(ERR_SYNTAX);
    return;
  }
  if ((options & NX) !== 0 && (options & XX) !== 0) {
    call.fail('ERR XX and NX options at the same time are not compatible');
    return;
  }
  const comparing = (options & GT ? 1 : 0) + (options & LT ? 1 : 0) + (options & NX ? 1 : 0);
  if (comparing > 1) {
    call.fail('ERR GT, LT, and/or NX options at the same time are not compatible');
    return;
  }
  if ((options & INCR) !== 0 && call.count - first > 2) {
    call.fail('ERR INCR option supports a single increment-element pair');
    return;
  }
  add(types, call, options, first, scores);
}

/** The scores that a command brings, read before its first change. One instance serves every call of a node. */
export class ScoreList {
  values: Float64Array = new Float64Array(64);

  /** Makes room for so many; a room that was made for many is given up. */
  ensure(count: number): void {
    if (count > this.values.length || this.values.length > Math.max(count, MAX_KEPT_SCORES)) {
      this.values = new Float64Array(Math.max(count, 64));
    }
  }
}

/** ZADD and ZINCRBY: pairs of score and member from argument `first` on. */
function add(types: Types, call: Call, options: number, first: number, scores: ScoreList): void {
  const members = (call.count - first) >> 1;
  scores.ensure(members);
  for (let i = 0; i < members; i++) {
    const score = parseScore(call.bytes, call.starts[first + 2 * i]!, call.ends[first + 2 * i]!);
    if (Number.isNaN(score)) {
      call.fail(ERR_NOT_FLOAT);
      return;
    }
    scores.values[i] = score;
  }
  addMembers(types, call, options, members, first + 1, 2, scores);
}

/** Adds so many members: arguments `first`, `first + step`, …, with a score each in `scores`. */
export function addMembers(
  types: Types,
  call: Call,
  options: number,
  members: number,
  first: number,
  step: number,
  scores: ScoreList,
): void {
  const found = call.findTypedForWrite(1, ZSET);
  if (call.failed) return;
  const { sortedSets } = types;
  const { database, bytes, starts, ends, reply } = call;
  if (found !== NONE) sortedSets.openFound(database);
  else if ((options & XX) !== 0) {
    if ((options & INCR) !== 0) reply.nil();
    else reply.integer(0);
    return;
  } else if (members >= MEMBERS_AT_ONCE) sortedSets.createUnordered();
  else sortedSets.create();
  expectMembers(types, call, members, first, step);
  let added = 0;
  let updated = 0;
  let score = 0;
  let processed = false;
  for (let n = 0; n < members; n++) {
    const i = first + n * step;
    score = scores.values[n]!;
    if (!find(types, call, i)) {
      if ((options & XX) !== 0) continue;
      if (found !== NONE && added + updated === 0) database.beginChange();
      sortedSets.insert(bytes, starts[i]!, ends[i]!, score);
      added++;
      processed = true;
      continue;
    }
    if ((options & NX) !== 0) continue;
    const old = sortedSets.score;
    if ((options & INCR) !== 0) {
      score += old;
      if (Number.isNaN(score)) {
        sortedSets.saveTo(database);
        call.fail(ERR_NAN_SCORE);
        return;
      }
    }
    if (((options & LT) !== 0 && score >= old) || ((options & GT) !== 0 && score <= old)) continue;
    processed = true;
    if (score === old) continue;
    if (found !== NONE && added + updated === 0) database.beginChange();
    sortedSets.setScore(score);
    updated++;
  }
  if (found === NONE && members >= MEMBERS_AT_ONCE) sortedSets.order();
  if (found === NONE) database.putCollection(bytes, starts[1]!, ends[1]!, ZSET, sortedSets.encoding, sortedSets.root);
  else sortedSets.saveTo(database);
  if ((options & INCR) === 0) reply.integer((options & CH) !== 0 ? added + updated : added);
  else if (processed) reply.double(score);
  else reply.nil();
  if (added + updated === 0) return;
  call.notify(EVENT_ZSET, (options & INCR) !== 0 ? 'zincr' : 'zadd');
  call.changed(added + updated);
}

/** Converts the open sorted set beforehand when these members would not do packed, whether they are added or not. */
function expectMembers(types: Types, call: Call, members: number, first: number, step: number): void {
  let longest = 0;
  for (let n = 0, i = first; n < members; n++, i += step) if (call.length(i) > longest) longest = call.length(i);
  types.sortedSets.expect(members, longest);
}

function zrem(types: Types, call: Call): void {
  const found = call.findTypedForWrite(1, ZSET);
  if (call.failed) return;
  let removed = 0;
  if (found !== NONE) {
    const { sortedSets } = types;
    sortedSets.openFound(call.database);
    for (let i = 2; i < call.count; i++) {
      if (!find(types, call, i)) continue;
      if (removed++ === 0) call.database.beginChange();
      sortedSets.remove();
    }
    if (removed > 0) {
      call.notify(EVENT_ZSET, 'zrem');
      endRemovals(types, call, 1, removed);
    }
  }
  call.reply.integer(removed);
}

function zscore(types: Types, call: Call): void {
  if (openSortedSet(types, call, 1) && find(types, call, 2)) call.reply.double(types.sortedSets.score);
  else if (!call.failed) call.reply.nil();
}

function zmscore(types: Types, call: Call): void {
  const exists = openSortedSet(types, call, 1);
  if (call.failed) return;
  call.reply.array(call.count - 2);
  for (let i = 2; i < call.count; i++) {
    if (exists && find(types, call, i)) call.reply.double(types.sortedSets.score);
    else call.reply.nil();
  }
}

function zcard(types: Types, call: Call): void {
  if (openSortedSet(types, call, 1)) call.reply.integer(types.sortedSets.count);
  else if (!call.failed) call.reply.integer(0);
}

function zrank(types: Types, call: Call, reverse: boolean): void {
  if (call.count > 4) {
    call.fail(ERR_ARITY(call.entry.fullName));
    return;
  }
  const withScore = call.count === 4;
  if (withScore && !call.is(3, 'WITHSCORE')) {
    call.fail(ERR_SYNTAX);
    return;
  }
  const { reply } = call;
  const { sortedSets } = types;
  if (!openSortedSet(types, call, 1) || !find(types, call, 2)) {
    if (call.failed) return;
    if (withScore) reply.nilArray();
    else reply.nil();
    return;
  }
  const { score } = sortedSets;
  const rank = sortedSets.rankOfFound();
  if (withScore) reply.array(2);
  reply.integer(reverse ? sortedSets.count - 1 - rank : rank);
  if (withScore) reply.double(score);
}

function zrandmember(types: Types, call: Call): void {
  let count = 1;
  let scores = false;
  if (call.count > 2) {
    count = negatableCount(call, 2);
    if (call.failed) return;
    if (call.count > 4 || (call.count === 4 && !call.is(3, 'WITHSCORES'))) {
      call.fail(ERR_SYNTAX);
      return;
    }
    scores = call.count === 4;
    if (scores && Math.abs(count) >= MAX_PAIRS) {
      call.fail(ERR_OUT_OF_RANGE);
      return;
    }
  }
  replyRandom(call, types, ZSET, count, scores);
}

export function sortedSetCommands(types: Types): readonly Command[] {
  const row = { group: 'sorted-set', keys: ONE_KEY } as const;
  const scores = new ScoreList();
  return [
    {
      ...row,
      name: 'zadd',
      arity: -4,
      since: '1.2.0',
      flags: WRITE | DENYOOM | FAST,
      summary:
        "Adds one or more members to a sorted set, or updates their scores. Creates the key if it doesn't exist.",
      run: (call) => zadd(types, call, scores),
    },
    {
      ...row,
      name: 'zincrby',
      arity: 4,
      since: '1.2.0',
      flags: WRITE | DENYOOM | FAST,
      summary: 'Increments the score of a member in a sorted set.',
      run: (call) => add(types, call, INCR, 2, scores),
    },
    {
      ...row,
      name: 'zrem',
      arity: -3,
      since: '1.2.0',
      flags: WRITE | FAST,
      summary: 'Removes one or more members from a sorted set. Deletes the sorted set if all members were removed.',
      run: (call) => zrem(types, call),
    },
    {
      ...row,
      name: 'zscore',
      arity: 3,
      since: '1.2.0',
      flags: READONLY | FAST,
      summary: 'Returns the score of a member in a sorted set.',
      run: (call) => zscore(types, call),
    },
    {
      ...row,
      name: 'zmscore',
      arity: -3,
      since: '6.2.0',
      flags: READONLY | FAST,
      summary: 'Returns the score of one or more members in a sorted set.',
      run: (call) => zmscore(types, call),
    },
    {
      ...row,
      name: 'zcard',
      arity: 2,
      since: '1.2.0',
      flags: READONLY | FAST,
      summary: 'Returns the number of members in a sorted set.',
      run: (call) => zcard(types, call),
    },
    {
      ...row,
      name: 'zrank',
      arity: -3,
      since: '2.0.0',
      flags: READONLY | FAST,
      summary: 'Returns the index of a member in a sorted set ordered by ascending scores.',
      run: (call) => zrank(types, call, false),
    },
    {
      ...row,
      name: 'zrevrank',
      arity: -3,
      since: '2.0.0',
      flags: READONLY | FAST,
      summary: 'Returns the index of a member in a sorted set ordered by descending scores.',
      run: (call) => zrank(types, call, true),
    },
    {
      ...row,
      name: 'zrandmember',
      arity: -2,
      since: '6.2.0',
      flags: READONLY,
      summary: 'Returns one or more random members from a sorted set.',
      run: (call) => zrandmember(types, call),
    },
    {
      ...row,
      name: 'zscan',
      arity: -3,
      since: '2.8.0',
      flags: READONLY,
      summary: 'Iterates over members and scores of a sorted set.',
      run: (call) => scanCollection(call, types, ZSET),
    },
    ...sortedSetRangeCommands(types),
    ...sortedSetPopCommands(types),
    ...sortedSetAlgebraCommands(types),
  ];
}
