/**
 * Commands on sorted sets, but for the blocking ones and those over several sets. Hot file: ZADD, ZREM and ZSCORE allocate nothing.
 * Source: Valkey 9.1 t_zset.c.
 */
import { ZSET } from '../keyspace/entry.ts';
import { NONE } from '../memory/arena.ts';
import { ERR_ARITY, ERR_NOT_FLOAT, ERR_NOT_POSITIVE, ERR_OUT_OF_RANGE, ERR_SYNTAX } from '../protocol/errors.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { negatableCount, replyRandom, scanCollection } from './collections.ts';
import { type Command, DENYOOM, FAST, ONE_KEY, READONLY, WRITE } from './command.ts';
import { BY_LEX, BY_RANK, BY_SCORE, parseScore, Range } from './sorted-set-range.ts';

const NX = 1;
const XX = 2;
const GT = 4;
const LT = 8;
const CH = 16;
const INCR = 32;

const ERR_NAN_SCORE = 'ERR resulting score is not a number (NaN)';
/** ZRANDMEMBER with scores: twice the count must fit in a C long. */
const MAX_PAIRS = 2 ** 62;

/** Opens the sorted set at argument 1 for reading; false when there is none or an error was answered. */
function open(types: Types, call: Call): boolean {
  if (call.findTyped(1, ZSET) === NONE || call.failed) return false;
  types.sortedSets.openFound(call.database);
  return true;
}

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

function zadd(types: Types, call: Call): void {
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
  add(types, call, options, first);
}

/** ZADD and ZINCRBY: pairs of score and member from argument `first` on. */
function add(types: Types, call: Call, options: number, first: number): void {
  // Every score is read before the first change.
  for (let i = first; i < call.count; i += 2) {
    const score = parseScore(call.bytes, call.starts[i]!, call.ends[i]!);
    if (!Number.isNaN(score)) continue;
    call.fail(ERR_NOT_FLOAT);
    return;
  }
  const found = call.findTypedForWrite(1, ZSET);
  if (call.failed) return;
  const { sortedSets } = types;
  const { database, bytes, starts, ends, reply } = call;
  if (found !== NONE) sortedSets.openFound(database);
  else if ((options & XX) !== 0) {
    if ((options & INCR) !== 0) reply.nil();
    else reply.integer(0);
    return;
  } else sortedSets.create();
  expectPairs(types, call, first);
  let added = 0;
  let updated = 0;
  let score = 0;
  let processed = false;
  for (let i = first; i < call.count; i += 2) {
    score = parseScore(bytes, starts[i]!, ends[i]!);
    if (!find(types, call, i + 1)) {
      if ((options & XX) !== 0) continue;
      if (found !== NONE && added + updated === 0) database.beginChange();
      sortedSets.insert(bytes, starts[i + 1]!, ends[i + 1]!, score);
      added++;
      processed = true;
      continue;
    }
    if ((options & NX) !== 0) continue;
    const old = sortedSets.score;
    if ((options & INCR) !== 0) {
      score += old;
      if (Number.isNaN(score)) {
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
  if (found === NONE) database.putCollection(bytes, starts[1]!, ends[1]!, ZSET, sortedSets.encoding, sortedSets.root);
  else sortedSets.saveTo(database);
  if (added + updated > 0) call.changed(added + updated);
  if ((options & INCR) === 0) reply.integer((options & CH) !== 0 ? added + updated : added);
  else if (processed) reply.double(score);
  else reply.nil();
}

/** Converts the open sorted set beforehand when the pairs from argument `first` on would not do packed, whether they are added or not. */
function expectPairs(types: Types, call: Call, first: number): void {
  let longest = 0;
  for (let i = first + 1; i < call.count; i += 2) if (call.length(i) > longest) longest = call.length(i);
  types.sortedSets.expect((call.count - first) >> 1, longest);
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
    if (removed > 0) endRemovals(types, call, removed);
  }
  call.reply.integer(removed);
}

function endRemovals(types: Types, call: Call, removed: number): void {
  types.sortedSets.saveTo(call.database);
  if (types.sortedSets.count === 0) call.database.remove();
  call.changed(removed);
}

function zscore(types: Types, call: Call): void {
  if (open(types, call) && find(types, call, 2)) call.reply.double(types.sortedSets.score);
  else if (!call.failed) call.reply.nil();
}

function zmscore(types: Types, call: Call): void {
  const exists = open(types, call);
  if (call.failed) return;
  call.reply.array(call.count - 2);
  for (let i = 2; i < call.count; i++) {
    if (exists && find(types, call, i)) call.reply.double(types.sortedSets.score);
    else call.reply.nil();
  }
}

function zcard(types: Types, call: Call): void {
  if (open(types, call)) call.reply.integer(types.sortedSets.count);
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
  if (!open(types, call) || !find(types, call, 2)) {
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

// --- Ranges ------------------------------------------------------------------------------------------------------------

/** What the name of a range command leaves open. */
interface RangeForm {
  /** Kind and direction are given by BYSCORE, BYLEX and REV. */
  readonly open: boolean;
  readonly kind: number;
  readonly reverse: boolean;
}

function zrange(types: Types, call: Call, form: RangeForm, range: Range): void {
  let { kind, reverse } = form;
  let withScores = false;
  let offset = 0;
  let limit = -1;
  for (let i = 4; i < call.count; i++) {
    if (call.is(i, 'WITHSCORES')) withScores = true;
    else if (call.is(i, 'LIMIT') && i + 2 < call.count) {
      offset = call.integer(i + 1);
      if (call.failed) return;
      limit = call.integer(i + 2);
      if (call.failed) return;
      i += 2;
    } else if (form.open && call.is(i, 'REV')) reverse = true;
    else if (form.open && call.is(i, 'BYSCORE')) kind = BY_SCORE;
    else if (form.open && call.is(i, 'BYLEX')) kind = BY_LEX;
    else {
      call.fail(ERR_SYNTAX);
      return;
    }
  }
  if (limit !== -1 && kind === BY_RANK) {
    call.fail('ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX');
    return;
  }
  if (withScores && kind === BY_LEX) {
    call.fail('ERR syntax error, WITHSCORES not supported in combination with BYLEX');
    return;
  }
  const swapped = reverse && kind !== BY_RANK;
  if (!range.parse(call, kind, swapped ? 3 : 2, swapped ? 2 : 3)) return;
  const exists = open(types, call);
  if (call.failed) return;
  const { reply } = call;
  const { sortedSets } = types;
  if (exists) range.locate(types, call, reverse);
  let count = exists ? range.end - range.first - offset : 0;
  if (offset < 0 || count < 0) count = 0;
  if (limit >= 0 && limit < count) count = limit;
  const pairs = withScores && reply.protocol === 3;
  reply.array(withScores && !pairs ? count * 2 : count);
  if (count === 0) return;
  sortedSets.seekRank(reverse ? range.end - 1 - offset : range.first + offset);
  for (let i = 0; i < count; i++) {
    if (pairs) reply.array(2);
    reply.bulk(sortedSets.segment, sortedSets.from, sortedSets.to);
    if (withScores) reply.double(sortedSets.score);
    if (reverse) sortedSets.previous();
    else sortedSets.next();
  }
}

/** ZCOUNT and ZLEXCOUNT. */
function zcount(types: Types, call: Call, kind: number, range: Range): void {
  if (!range.parse(call, kind, 2, 3)) return;
  if (!open(types, call)) {
    if (!call.failed) call.reply.integer(0);
    return;
  }
  range.locate(types, call, false);
  call.reply.integer(range.end - range.first);
}

function zremrange(types: Types, call: Call, kind: number, range: Range): void {
  if (!range.parse(call, kind, 2, 3)) return;
  if (call.findTypedForWrite(1, ZSET) === NONE) {
    call.reply.integer(0);
    return;
  }
  if (call.failed) return;
  const { sortedSets } = types;
  sortedSets.openFound(call.database);
  range.locate(types, call, false);
  const removed = range.end - range.first;
  if (removed > 0) {
    call.database.beginChange();
    sortedSets.removeRanks(range.first, range.end);
    endRemovals(types, call, removed);
  }
  call.reply.integer(removed);
}

function zpop(types: Types, call: Call, highest: boolean): void {
  if (call.count > 3) {
    call.fail(ERR_SYNTAX);
    return;
  }
  let count = 1;
  if (call.count === 3) {
    count = call.integer(2, ERR_NOT_POSITIVE);
    if (call.failed) return;
    if (count < 0) {
      call.fail(ERR_NOT_POSITIVE);
      return;
    }
  }
  const found = call.findTypedForWrite(1, ZSET);
  if (call.failed) return;
  const { reply } = call;
  if (found === NONE || count === 0) {
    reply.array(0);
    return;
  }
  const { sortedSets } = types;
  sortedSets.openFound(call.database);
  const size = sortedSets.count;
  if (count > size) count = size;
  const pairs = call.count === 3 && reply.protocol === 3;
  reply.array(pairs ? count : count * 2);
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
  endRemovals(types, call, count);
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
  const range = new Range();
  const ranges = (form: RangeForm) => (call: Call) => zrange(types, call, form, range);
  return [
    {
      ...row,
      name: 'zadd',
      arity: -4,
      since: '1.2.0',
      flags: WRITE | DENYOOM | FAST,
      summary:
        "Adds one or more members to a sorted set, or updates their scores. Creates the key if it doesn't exist.",
      run: (call) => zadd(types, call),
    },
    {
      ...row,
      name: 'zincrby',
      arity: 4,
      since: '1.2.0',
      flags: WRITE | DENYOOM | FAST,
      summary: 'Increments the score of a member in a sorted set.',
      run: (call) => add(types, call, INCR, 2),
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
      name: 'zrange',
      arity: -4,
      since: '1.2.0',
      flags: READONLY,
      summary: 'Returns members in a sorted set within a range of indexes.',
      run: ranges({ open: true, kind: BY_RANK, reverse: false }),
    },
    {
      ...row,
      name: 'zrevrange',
      arity: -4,
      since: '1.2.0',
      flags: READONLY,
      summary: 'Returns members in a sorted set within a range of indexes in reverse order.',
      run: ranges({ open: false, kind: BY_RANK, reverse: true }),
    },
    {
      ...row,
      name: 'zrangebyscore',
      arity: -4,
      since: '1.0.5',
      flags: READONLY,
      summary: 'Returns members in a sorted set within a range of scores.',
      run: ranges({ open: false, kind: BY_SCORE, reverse: false }),
    },
    {
      ...row,
      name: 'zrevrangebyscore',
      arity: -4,
      since: '2.2.0',
      flags: READONLY,
      summary: 'Returns members in a sorted set within a range of scores in reverse order.',
      run: ranges({ open: false, kind: BY_SCORE, reverse: true }),
    },
    {
      ...row,
      name: 'zrangebylex',
      arity: -4,
      since: '2.8.9',
      flags: READONLY,
      summary: 'Returns members in a sorted set within a lexicographical range.',
      run: ranges({ open: false, kind: BY_LEX, reverse: false }),
    },
    {
      ...row,
      name: 'zrevrangebylex',
      arity: -4,
      since: '2.8.9',
      flags: READONLY,
      summary: 'Returns members in a sorted set within a lexicographical range in reverse order.',
      run: ranges({ open: false, kind: BY_LEX, reverse: true }),
    },
    {
      ...row,
      name: 'zcount',
      arity: 4,
      since: '2.0.0',
      flags: READONLY | FAST,
      summary: 'Returns the count of members in a sorted set that have scores within a range.',
      run: (call) => zcount(types, call, BY_SCORE, range),
    },
    {
      ...row,
      name: 'zlexcount',
      arity: 4,
      since: '2.8.9',
      flags: READONLY | FAST,
      summary: 'Returns the number of members in a sorted set within a lexicographical range.',
      run: (call) => zcount(types, call, BY_LEX, range),
    },
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
      name: 'zremrangebyrank',
      arity: 4,
      since: '2.0.0',
      flags: WRITE,
      summary:
        'Removes members in a sorted set within a range of indexes. Deletes the sorted set if all members were removed.',
      run: (call) => zremrange(types, call, BY_RANK, range),
    },
    {
      ...row,
      name: 'zremrangebyscore',
      arity: 4,
      since: '1.2.0',
      flags: WRITE,
      summary:
        'Removes members in a sorted set within a range of scores. Deletes the sorted set if all members were removed.',
      run: (call) => zremrange(types, call, BY_SCORE, range),
    },
    {
      ...row,
      name: 'zremrangebylex',
      arity: 4,
      since: '2.8.9',
      flags: WRITE,
      summary:
        'Removes members in a sorted set within a lexicographical range. Deletes the sorted set if all members were removed.',
      run: (call) => zremrange(types, call, BY_LEX, range),
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
  ];
}
