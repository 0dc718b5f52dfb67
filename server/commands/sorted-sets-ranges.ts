/**
 * Commands on ranges of one sorted set: by rank, by score, by member. Hot file: the range commands allocate nothing but ZRANGESTORE's result.
 * Source: Valkey 9.1 t_zset.c zrangeGenericCommand, zremrangeGenericCommand.
 */
import { LARGE, ZSET } from '../keyspace/entry.ts';
import { EVENT_ZSET } from '../keyspace/events.ts';
import { NONE } from '../memory/arena.ts';
import { ERR_SYNTAX } from '../protocol/errors.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { type Command, DENYOOM, FAST, ONE_KEY, READONLY, TWO_KEYS, WRITE } from './command.ts';
import { BY_LEX, BY_RANK, BY_SCORE, Range } from './sorted-set-range.ts';
import { endRemovals, openSortedSet, storeResult } from './sorted-sets-common.ts';

/** What the name of a range command leaves open. */
interface RangeForm {
  /** Kind and direction are given by BYSCORE, BYLEX and REV. */
  readonly open: boolean;
  readonly kind: number;
  readonly reverse: boolean;
}

const GIVEN_BY_OPTIONS: RangeForm = { open: true, kind: BY_RANK, reverse: false };

/** A range request once its arguments are read. One instance serves every call of a node. */
class RangeRequest {
  readonly range: Range = new Range();
  reverse = false;
  withScores = false;
  offset = 0;
  /** Below 0: without a limit. */
  limit = -1;
  /** Where the walk begins, and how many members it takes: set by `locate`. */
  rank = 0;
  count = 0;

  /** Reads the arguments from the source key at `source` on; false when an error was answered. */
  read(call: Call, form: RangeForm, source: number, store: boolean): boolean {
    let { kind } = form;
    this.reverse = form.reverse;
    this.withScores = false;
    this.offset = 0;
    this.limit = -1;
    for (let i = source + 3; i < call.count; i++) {
      if (!store && call.is(i, 'WITHSCORES')) this.withScores = true;
      else if (call.is(i, 'LIMIT') && i + 2 < call.count) {
        this.offset = call.integer(i + 1);
        if (call.failed) return false;
        this.limit = call.integer(i + 2);
        if (call.failed) return false;
        i += 2;
      } else if (form.open && !this.reverse && call.is(i, 'REV')) this.reverse = true;
      else if (form.open && kind === BY_RANK && call.is(i, 'BYSCORE')) kind = BY_SCORE;
      else if (form.open && kind === BY_RANK && call.is(i, 'BYLEX')) kind = BY_LEX;
      else {
        call.fail(ERR_SYNTAX);
        return false;
      }
    }
    if (this.limit !== -1 && kind === BY_RANK) {
      call.fail('ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX');
      return false;
    }
    if (this.withScores && kind === BY_LEX) {
      call.fail('ERR syntax error, WITHSCORES not supported in combination with BYLEX');
      return false;
    }
    const swapped = this.reverse && kind !== BY_RANK;
    return this.range.parse(call, kind, source + (swapped ? 2 : 1), source + (swapped ? 1 : 2));
  }

  /** Finds the range in the open sorted set. */
  locate(types: Types, call: Call): void {
    const { range, offset, limit } = this;
    range.locate(types, call, this.reverse);
    const { first, end } = range;
    this.count = 0;
    // Of a large set an offset below 0 counts from the range's other end, of a packed one it is past the end.
    if (offset < 0 && types.sortedSets.encoding !== LARGE) return;
    const rank = this.reverse
      ? offset < 0
        ? first - 1 - offset
        : end - 1 - offset
      : offset < 0
        ? end + offset
        : first + offset;
    if (rank < first || rank >= end) return;
    const left = this.reverse ? rank - first + 1 : end - rank;
    this.rank = rank;
    this.count = limit >= 0 && limit < left ? limit : left;
  }
}

function zrange(types: Types, call: Call, form: RangeForm, request: RangeRequest): void {
  if (!request.read(call, form, 1, false)) return;
  const exists = openSortedSet(types, call, 1);
  if (call.failed) return;
  const { reply } = call;
  if (!exists) {
    reply.array(0);
    return;
  }
  request.locate(types, call);
  const { sortedSets } = types;
  const { count, reverse, withScores } = request;
  const pairs = withScores && reply.protocol === 3;
  reply.array(withScores && !pairs ? count * 2 : count);
  if (count === 0) return;
  sortedSets.seekRank(request.rank);
  for (let i = 0; i < count; i++) {
    if (pairs) reply.array(2);
    reply.bulk(sortedSets.segment, sortedSets.from, sortedSets.to);
    if (withScores) reply.double(sortedSets.score);
    if (reverse) sortedSets.previous();
    else sortedSets.next();
  }
}

function zrangestore(types: Types, call: Call, request: RangeRequest): void {
  if (!request.read(call, GIVEN_BY_OPTIONS, 2, true)) return;
  const exists = openSortedSet(types, call, 2);
  if (call.failed) return;
  const { sortedSets, newSortedSets } = types;
  newSortedSets.createUnordered();
  if (exists) {
    request.locate(types, call);
    if (request.count > 0) sortedSets.seekRank(request.rank);
    for (let i = 0; i < request.count; i++) {
      newSortedSets.find(sortedSets.segment, sortedSets.from, sortedSets.to);
      newSortedSets.insert(sortedSets.segment, sortedSets.from, sortedSets.to, sortedSets.score);
      if (request.reverse) sortedSets.previous();
      else sortedSets.next();
    }
  }
  newSortedSets.order();
  const { count } = newSortedSets;
  storeResult(types, call, 1, 'zrangestore', 1);
  call.reply.integer(count);
}

/** ZCOUNT and ZLEXCOUNT. */
function zcount(types: Types, call: Call, kind: number, range: Range): void {
  if (!range.parse(call, kind, 2, 3)) return;
  if (!openSortedSet(types, call, 1)) {
    if (!call.failed) call.reply.integer(0);
    return;
  }
  range.locate(types, call, false);
  call.reply.integer(range.end - range.first);
}

function zremrange(types: Types, call: Call, kind: number, event: string, range: Range): void {
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
    call.notify(EVENT_ZSET, event);
    endRemovals(types, call, 1, removed);
  }
  call.reply.integer(removed);
}

export function sortedSetRangeCommands(types: Types): readonly Command[] {
  const row = { group: 'sorted-set', keys: ONE_KEY } as const;
  const request = new RangeRequest();
  const { range } = request;
  const ranges = (form: RangeForm) => (call: Call) => zrange(types, call, form, request);
  return [
    {
      ...row,
      name: 'zrange',
      arity: -4,
      since: '1.2.0',
      flags: READONLY,
      summary: 'Returns members in a sorted set within a range of indexes.',
      run: ranges(GIVEN_BY_OPTIONS),
    },
    {
      ...row,
      name: 'zrangestore',
      arity: -5,
      since: '6.2.0',
      flags: WRITE | DENYOOM,
      keys: TWO_KEYS,
      summary: 'Stores a range of members from sorted set in a key.',
      run: (call) => zrangestore(types, call, request),
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
      name: 'zremrangebyrank',
      arity: 4,
      since: '2.0.0',
      flags: WRITE,
      summary:
        'Removes members in a sorted set within a range of indexes. Deletes the sorted set if all members were removed.',
      run: (call) => zremrange(types, call, BY_RANK, 'zremrangebyrank', range),
    },
    {
      ...row,
      name: 'zremrangebyscore',
      arity: 4,
      since: '1.2.0',
      flags: WRITE,
      summary:
        'Removes members in a sorted set within a range of scores. Deletes the sorted set if all members were removed.',
      run: (call) => zremrange(types, call, BY_SCORE, 'zremrangebyscore', range),
    },
    {
      ...row,
      name: 'zremrangebylex',
      arity: 4,
      since: '2.8.9',
      flags: WRITE,
      summary:
        'Removes members in a sorted set within a lexicographical range. Deletes the sorted set if all members were removed.',
      run: (call) => zremrange(types, call, BY_LEX, 'zremrangebylex', range),
    },
  ];
}
