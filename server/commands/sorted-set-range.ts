/**
 * Ranges of sorted sets as commands give them: by rank, by score, by member. Hot file: no allocation per call.
 * Source: Valkey 9.1 t_zset.c zslParseRange, zslParseLexRange.
 */
import { latin1, parseDouble } from '../protocol/numbers.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { startIndex } from './collections.ts';

const ERR_NOT_A_SCORE = 'ERR min or max is not a float';
const ERR_NOT_A_MEMBER = 'ERR min or max not valid string range item';

/** A whole number of so many decimal digits is a double, and so is a power of ten up to 10^22. */
const EXACT_DIGITS = 15;
const POWERS_OF_TEN: readonly number[] = Array.from({ length: EXACT_DIGITS + 1 }, (_, power) => 10 ** power);
/** A number without an exponent that is not longer can be neither too large nor too small for a double. */
const MAX_PLAIN_BYTES = 256;

export const BY_RANK = 0;
export const BY_SCORE = 1;
export const BY_LEX = 2;

/** A range as a command gave it, then the ranks [first, end) that it is in the open sorted set. One instance serves every call of a node. */
export class Range {
  kind = BY_RANK;
  minimum = 0;
  maximum = 0;
  minimumExclusive = false;
  maximumExclusive = false;
  /** Of BY_LEX: the arguments, or -1 for `-` and 1 for `+`. */
  minimumEdge = 0;
  maximumEdge = 0;
  minimumAt = 0;
  maximumAt = 0;
  first = 0;
  end = 0;

  /** Reads both bounds; false when an error was answered. */
  parse(call: Call, kind: number, minimumAt: number, maximumAt: number): boolean {
    this.kind = kind;
    this.minimumAt = minimumAt;
    this.maximumAt = maximumAt;
    if (kind === BY_RANK) {
      this.minimum = call.integer(minimumAt);
      if (!call.failed) this.maximum = call.integer(maximumAt);
      return !call.failed;
    }
    if (kind === BY_SCORE) {
      this.minimumExclusive = isExclusive(call, minimumAt);
      this.maximumExclusive = isExclusive(call, maximumAt);
      this.minimum = scoreBound(call, minimumAt, this.minimumExclusive);
      this.maximum = scoreBound(call, maximumAt, this.maximumExclusive);
      if (Number.isNaN(this.minimum) || Number.isNaN(this.maximum)) call.fail(ERR_NOT_A_SCORE);
      return !call.failed;
    }
    this.minimumEdge = edgeOf(call, minimumAt);
    this.maximumEdge = edgeOf(call, maximumAt);
    this.minimumExclusive = isExclusive(call, minimumAt);
    this.maximumExclusive = isExclusive(call, maximumAt);
    if (Number.isNaN(this.minimumEdge) || Number.isNaN(this.maximumEdge)) call.fail(ERR_NOT_A_MEMBER);
    return !call.failed;
  }

  /** Turns the bounds into ranks of the open sorted set; `reverse` counts ranks from the other end. */
  locate(types: Types, call: Call, reverse: boolean): void {
    const { sortedSets } = types;
    const { count } = sortedSets;
    if (this.kind === BY_RANK) {
      const start = startIndex(this.minimum, count);
      let stop = this.maximum < 0 ? this.maximum + count : this.maximum;
      if (stop >= count) stop = count - 1;
      if (start > stop || start >= count) this.empty();
      else {
        this.first = reverse ? count - 1 - stop : start;
        this.end = (reverse ? count - 1 - start : stop) + 1;
      }
    } else if (this.kind === BY_SCORE) {
      this.first = sortedSets.rankOfScore(this.minimum, this.minimumExclusive);
      this.end = sortedSets.rankOfScore(this.maximum, !this.maximumExclusive);
    } else {
      this.first = this.rankOfEdge(types, call, this.minimumEdge, this.minimumAt, this.minimumExclusive);
      this.end = this.rankOfEdge(types, call, this.maximumEdge, this.maximumAt, !this.maximumExclusive);
    }
    if (this.first >= this.end) this.empty();
  }

  private rankOfEdge(types: Types, call: Call, edge: number, index: number, through: boolean): number {
    if (edge < 0) return 0;
    if (edge > 0) return types.sortedSets.count;
    return types.sortedSets.rankOfMember(call.bytes, call.starts[index]! + 1, call.ends[index]!, through);
  }

  private empty(): void {
    this.first = 0;
    this.end = 0;
  }
}

function isExclusive(call: Call, index: number): boolean {
  return call.length(index) > 0 && call.bytes[call.starts[index]!] === 40;
}

/** A score bound; NaN for what is none. An empty one is 0, as in Valkey. */
function scoreBound(call: Call, index: number, exclusive: boolean): number {
  const from = call.starts[index]! + (exclusive ? 1 : 0);
  const to = call.ends[index]!;
  if (from === to) return 0;
  return hasLetterX(call.bytes, from, to) ? Number.NaN : parseDouble(call.bytes, from, to);
}

/**
 * A score; NaN for what is none. Unlike other numbers a score is decimal, of any length, and refused when it is too large or too
 * small for a double. Source: Valkey 9.1 object.c getDoubleFromObject.
 */
export function parseScore(bytes: Uint8Array, from: number, to: number): number {
  const negative = bytes[from] === 45;
  let mantissa = 0;
  let decimals = -1;
  let digits = 0;
  for (let i = negative || bytes[from] === 43 ? from + 1 : from; i < to; i++) {
    const byte = bytes[i]!;
    if (byte >= 48 && byte <= 57) {
      mantissa = mantissa * 10 + (byte - 48);
      digits++;
      if (decimals >= 0) decimals++;
    } else if (byte === 46 && decimals < 0) decimals = 0;
    else return parseOddScore(bytes, from, to);
  }
  if (digits === 0) return Number.NaN;
  // Both numbers are exact, so their quotient is the nearest double.
  if (digits <= EXACT_DIGITS) {
    const value = decimals > 0 ? mantissa / POWERS_OF_TEN[decimals]! : mantissa;
    return negative ? -value : value;
  }
  return to - from > MAX_PLAIN_BYTES ? parseOddScore(bytes, from, to) : Number(latin1(bytes, from, to));
}

/** A score with an exponent, a word, or very many digits. */
function parseOddScore(bytes: Uint8Array, from: number, to: number): number {
  const text = latin1(bytes, from, to);
  const word = /^([+-]?)inf(inity)?$/i.exec(text);
  if (word !== null) return word[1] === '-' ? -Infinity : Infinity;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number.NaN;
  const score = Number(text);
  const tooSmall = score === 0 && /^[^eE]*[1-9]/.test(text);
  return tooSmall || !Number.isFinite(score) ? Number.NaN : score;
}

function hasLetterX(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if ((bytes[i]! | 32) === 120) return true;
  return false;
}

/** -1 for `-`, 1 for `+`, 0 for `[member` and `(member`; NaN for anything else. */
function edgeOf(call: Call, index: number): number {
  const length = call.length(index);
  if (length === 0) return Number.NaN;
  const first = call.bytes[call.starts[index]!];
  if (length === 1 && first === 45) return -1;
  if (length === 1 && first === 43) return 1;
  return first === 91 || first === 40 ? 0 : Number.NaN;
}
