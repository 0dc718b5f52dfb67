/**
 * LCS: the longest common subsequence of two strings, by the table of the lengths for all pairs of prefixes.
 * Cost: O(n × m) time, and 4 bytes of memory for each pair, limited by proto-max-bulk-len as in Valkey.
 * Source: Valkey 9.1 t_string.c lcsCommand.
 */
import { STRING } from '../keyspace/entry.ts';
import { NONE } from '../memory/arena.ts';
import { ERR_SYNTAX } from '../protocol/errors.ts';
import type { Call } from './call.ts';

const ERR_LCS_TYPE = 'ERR The specified keys must contain string values';
const ERR_LCS_BOTH = 'ERR If you want both the length and indexes, please just use IDX.';
const ERR_LCS_MEMORY = 'ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len';

const EMPTY = new Uint8Array(0); // constant

interface LcsOptions {
  readonly lengthOnly: boolean;
  readonly ranges: boolean;
  readonly shortest: number;
  readonly matchLengths: boolean;
}

export function lcs(call: Call): void {
  const a = valueOf(call, 1);
  const b = valueOf(call, 2);
  if (a === null || b === null) {
    call.fail(ERR_LCS_TYPE);
    return;
  }
  const options = optionsOf(call);
  if (options === null) return;
  if ((a.length + 1) * (b.length + 1) * 4 > call.rooms.settings.integer('proto-max-bulk-len')) {
    call.fail(ERR_LCS_MEMORY);
    return;
  }
  const lengths = lengthsOf(a, b);
  const length = lengths[lengths.length - 1]!;
  if (options.ranges) replyRanges(call, a, b, lengths, options);
  else if (options.lengthOnly) call.reply.integer(length);
  else {
    const text = new Uint8Array(length);
    let left = length;
    walkBack(a, b, lengths, (i) => {
      text[--left] = a[i]!;
    });
    call.reply.bulk(text, 0, length);
  }
}

/** The string at a key, empty when there is none; null when it holds another type. */
function valueOf(call: Call, index: number): Uint8Array | null {
  const { database } = call;
  if (call.find(index) === NONE) return EMPTY;
  if (database.view.type !== STRING) return null;
  const at = database.openString();
  return database.valueSegment.slice(at, at + database.view.stringLength());
}

function optionsOf(call: Call): LcsOptions | null {
  let lengthOnly = false;
  let ranges = false;
  let shortest = 0;
  let matchLengths = false;
  for (let i = 3; i < call.count; i++) {
    if (call.is(i, 'IDX')) ranges = true;
    else if (call.is(i, 'LEN')) lengthOnly = true;
    else if (call.is(i, 'WITHMATCHLEN')) matchLengths = true;
    else if (call.is(i, 'MINMATCHLEN') && i + 1 < call.count) {
      shortest = Math.max(0, call.integer(++i));
      if (call.failed) return null;
    } else {
      call.fail(ERR_SYNTAX);
      return null;
    }
  }
  if (lengthOnly && ranges) {
    call.fail(ERR_LCS_BOTH);
    return null;
  }
  return { lengthOnly, ranges, shortest, matchLengths };
}

/** Row i, column j: the length for the first i bytes of a and the first j of b. */
function lengthsOf(a: Uint8Array, b: Uint8Array): Int32Array {
  const width = b.length + 1;
  const lengths = new Int32Array((a.length + 1) * width);
  for (let i = 1; i <= a.length; i++) {
    const byte = a[i - 1]!;
    const row = i * width;
    for (let j = 1; j < width; j++) {
      if (byte === b[j - 1]) lengths[row + j] = lengths[row - width + j - 1]! + 1;
      else {
        const above = lengths[row - width + j]!;
        const before = lengths[row + j - 1]!;
        lengths[row + j] = Math.max(above, before);
      }
    }
  }
  return lengths;
}

/** Tells the positions of one longest common subsequence from its end to its beginning. */
function walkBack(a: Uint8Array, b: Uint8Array, lengths: Int32Array, found: (i: number, j: number) => void): void {
  const width = b.length + 1;
  let i = a.length;
  let j = b.length;
  while (i > 0 && j > 0) {
    if (a[i - 1] === b[j - 1]) found(--i, --j);
    else if (lengths[(i - 1) * width + j]! > lengths[i * width + j - 1]!) i--;
    else j--;
  }
}

interface Match {
  a: number;
  b: number;
  length: number;
}

function replyRanges(call: Call, a: Uint8Array, b: Uint8Array, lengths: Int32Array, options: LcsOptions): void {
  const matches: Match[] = [];
  walkBack(a, b, lengths, (i, j) => {
    const last = matches.at(-1);
    if (last !== undefined && last.a === i + 1 && last.b === j + 1) {
      last.a = i;
      last.b = j;
      last.length++;
    } else matches.push({ a: i, b: j, length: 1 });
  });
  const shown = matches.filter(({ length }) => length >= options.shortest);
  const { reply } = call;
  reply.map(2);
  reply.bulkText('matches');
  reply.array(shown.length);
  for (const match of shown) {
    reply.array(options.matchLengths ? 3 : 2);
    for (const from of [match.a, match.b]) {
      reply.array(2);
      reply.integer(from);
      reply.integer(from + match.length - 1);
    }
    if (options.matchLengths) reply.integer(match.length);
  }
  reply.bulkText('len');
  reply.integer(lengths[lengths.length - 1]!);
}
