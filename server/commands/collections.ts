/**
 * What commands on collections share: HSCAN, SSCAN and ZSCAN, counts, and choices by chance.
 * Source: Valkey 9.1 db.c scanGenericCommand, t_hash.c hrandfieldWithCountCommand.
 */
import { globMatch } from '../config/glob.ts';
import { HASH, PACKED, SET, ZSET } from '../keyspace/entry.ts';
import type { Address } from '../memory/arena.ts';
import { NONE } from '../memory/arena.ts';
import { END_OF_TABLE } from '../memory/table-walk.ts';
import { ERR_CURSOR, ERR_NOT_POSITIVE, ERR_SYNTAX } from '../protocol/errors.ts';
import { latin1, parseInteger } from '../protocol/numbers.ts';
import { formatDouble } from '../protocol/reply.ts';
import { below, type ElementWalk, type RandomSource, type Types } from '../types/index.ts';
import type { Call } from './call.ts';

const DEFAULT_SCAN_COUNT = 10;
/** A scan looks at so many buckets for each element it was asked for, so that an almost empty table does not hold anybody up. */
const BUCKETS_PER_COUNT = 10;
/** Up to this part of a collection, distinct elements are drawn one by one; beyond it the collection is walked. */
const DRAWN_PART = 1 / 8;

/** Errors of a range that C's `long` cannot be negated in. */
export const ERR_NEGATABLE =
  'ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807';

/** A count that may be negative, as HRANDFIELD, SRANDMEMBER and ZRANDMEMBER take; NaN after an error. */
export function negatableCount(call: Call, index: number): number {
  const count = call.integer(index);
  if (!call.failed && isMinimum(call, index)) call.fail(ERR_NEGATABLE);
  return call.failed ? Number.NaN : count;
}

/** How many LPOP, SPOP, ZPOPMIN and their kin are to take: their optional third word, else 1. Answers the error and sets `failed` otherwise. */
export function popCount(call: Call): number {
  if (call.count < 3) return 1;
  const count = call.integer(2, ERR_NOT_POSITIVE);
  if (count < 0) call.fail(ERR_NOT_POSITIVE);
  return count;
}

/** Argument i is the smallest 64-bit integer: doubles cannot tell it from its neighbours. */
export function isMinimum(call: Call, index: number): boolean {
  return latin1(call.bytes, call.starts[index]!, call.ends[index]!) === '-9223372036854775808';
}

/** An index as LRANGE and ZRANGE take it, counted from the end when negative; NaN after an error. */
export function startIndex(index: number, count: number): number {
  return index < 0 ? Math.max(0, index + count) : index;
}

/** HSCAN, SSCAN, ZSCAN: argument 1 is the key, 2 the cursor. */
export function scanCollection(call: Call, types: Types, type: number): void {
  const { reply, database } = call;
  const cursor = cursorOf(call, 2);
  if (cursor < 0) {
    call.fail(ERR_CURSOR);
    return;
  }
  const found = call.findTyped(1, type);
  if (call.failed) return;
  if (found === NONE) {
    reply.array(2);
    reply.bulkText('0');
    reply.array(0);
    return;
  }
  let count = DEFAULT_SCAN_COUNT;
  let pattern: Uint8Array | null = null;
  let values = true;
  for (let i = 3; i < call.count; i++) {
    if (call.is(i, 'COUNT') && i + 1 < call.count) {
      count = call.integer(++i);
      if (call.failed) return;
      if (count < 1) {
        call.fail(ERR_SYNTAX);
        return;
      }
    } else if (call.is(i, 'MATCH') && i + 1 < call.count) pattern = call.copy(++i);
    else if (call.is(i, 'NOVALUES')) {
      if (type !== HASH) {
        call.fail('ERR NOVALUES option can only be used in HSCAN');
        return;
      }
      values = false;
    } else if (call.is(i, 'NOSCORES')) {
      if (type !== ZSET) {
        call.fail('ERR NOSCORES option can only be used in ZSCAN');
        return;
      }
      values = false;
    } else {
      call.fail(ERR_SYNTAX);
      return;
    }
  }
  const { view } = database;
  const root = view.root();
  const { walk } = types;
  walk.open(type, view.encoding, root);
  const kept = new KeptElements();
  let next = 0;
  if (view.encoding === PACKED) {
    while (walk.next()) keep(walk, pattern, kept);
  } else {
    // A cursor past the table's end is none that a scan of it gave: it ends the scan.
    walk.seek(Math.min(cursor, END_OF_TABLE));
    let seen = 0;
    for (let buckets = 0; seen < count && buckets < count * BUCKETS_PER_COUNT; buckets++) {
      const entries = walk.nextBucket();
      if (entries < 0) break;
      for (let i = 0; i < entries; i++) {
        walk.read(i);
        if (!walk.isHidden) keep(walk, pattern, kept);
      }
      seen += entries;
    }
    if (walk.cursor < END_OF_TABLE) next = walk.cursor;
  }
  reply.array(2);
  reply.bulkText(String(next));
  reply.array(kept.segments.length * (type !== SET && values ? 2 : 1));
  for (const [i, segment] of kept.segments.entries()) {
    const at = i * KEPT_WORDS;
    reply.bulk(segment, kept.numbers[at]!, kept.numbers[at + 1]!);
    if (!values) continue;
    if (type === HASH) reply.bulk(segment, kept.numbers[at + 2]!, kept.numbers[at + 3]!);
    else if (type === ZSET) reply.bulkText(formatDouble(kept.numbers[at + 4]!));
  }
}

/** Where the element and its value begin and end in their segment, and its score. */
const KEPT_WORDS = 5;

class KeptElements {
  readonly segments: Uint8Array[] = [];
  readonly numbers: number[] = [];
}

function keep(walk: ElementWalk, pattern: Uint8Array | null, kept: KeptElements): void {
  if (pattern !== null && !globMatch(pattern, 0, pattern.length, walk.segment, walk.from, walk.to)) return;
  kept.segments.push(walk.segment);
  kept.numbers.push(walk.from, walk.to, walk.valueFrom, walk.valueTo, walk.score);
}

/** The cursor in argument i, -1 for what is none. */
function cursorOf(call: Call, index: number): number {
  const cursor = parseInteger(call.bytes, call.starts[index]!, call.ends[index]!);
  if (!Number.isNaN(cursor)) return cursor >= 0 ? cursor : -1;
  return /^\d{1,20}$/.test(call.text(index)) ? END_OF_TABLE : -1;
}

/**
 * Visits `count` (at most as many as there are) distinct elements chosen by chance; `visit` reads `walk` and changes nothing.
 */
export function visitDistinct(
  call: Call,
  walk: ElementWalk,
  type: number,
  encoding: number,
  root: Address,
  size: number,
  count: number,
  visit: () => void,
): void {
  const random: RandomSource = call.rooms.host;
  walk.open(type, encoding, root);
  if (encoding !== PACKED && count < size * DRAWN_PART) {
    const drawn = new Set<Address>();
    while (drawn.size < count) {
      walk.draw(root, random);
      if (drawn.has(walk.entry)) continue;
      drawn.add(walk.entry);
      visit();
    }
    return;
  }
  let needed = Math.min(count, size);
  for (let left = size; needed > 0 && walk.next(); left--) {
    if (below(random, left) >= needed) continue;
    needed--;
    visit();
  }
}

/**
 * HRANDFIELD, SRANDMEMBER, ZRANDMEMBER once their arguments are read: one element without a count, distinct ones for a count above 0,
 * any for one below. `paired` adds each field's value or each member's score.
 */
export function replyRandom(call: Call, types: Types, type: number, count: number, paired: boolean): void {
  const found = call.findTyped(1, type);
  if (call.failed) return;
  const { reply } = call;
  const { view } = call.database;
  const { walk } = types;
  if (call.count === 2) {
    if (found === NONE) {
      reply.nil();
      return;
    }
    if (walk.open(type, view.encoding, view.root()).draw(view.root(), call.rooms.host)) {
      reply.bulk(walk.segment, walk.from, walk.to);
    } else reply.nil();
    return;
  }
  if (found === NONE || count === 0) {
    reply.array(0);
    return;
  }
  const root = view.root();
  const size = types.visibleCount(type, view.encoding, root);
  if (size === 0) {
    reply.array(0);
    return;
  }
  const visit = (): void => {
    if (paired && reply.protocol === 3) reply.array(2);
    reply.bulk(walk.segment, walk.from, walk.to);
    if (!paired) return;
    if (type === ZSET) reply.double(walk.score);
    else reply.bulk(walk.segment, walk.valueFrom, walk.valueTo);
  };
  const answers = count < 0 ? -count : Math.min(count, size);
  reply.array(paired && reply.protocol !== 3 ? answers * 2 : answers);
  if (count > 0) {
    visitDistinct(call, walk, type, view.encoding, root, size, answers, visit);
    return;
  }
  for (let i = 0; i < answers && !reply.overflowed; i++) {
    walk.open(type, view.encoding, root).draw(root, call.rooms.host);
    visit();
  }
}
