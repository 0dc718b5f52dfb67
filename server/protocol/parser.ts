/**
 * The request parser: RESP multibulk and inline requests, in place. Hot file: no allocation per request.
 * Source: the RESP specification and Valkey 9.1 networking.c (limits, error texts).
 *
 * `parse` looks at bytes[from, end) and either fills `request` and returns the position after it, or returns INCOMPLETE (with
 * `neededBytes`, how many bytes from `from` on are needed before it is worth to look again), or INVALID (with `problem`).
 * It knows bytes alone: any split of an input over calls yields the same requests.
 */

import { Arguments } from './arguments.ts';
import { splitWords } from './split-words.ts';

export const INCOMPLETE = -1;
export const INVALID = -2;

/** Longest inline request, and longest line that gives a length. */
export const MAX_INLINE_BYTES = 64 * 1024;
const INVALID_CRLF = 'Protocol error: invalid CRLF in request';
/** An argument from this size on is awaited by itself, as CLIENT LIST tells. */
const BIG_ARGUMENT_BYTES = 32 * 1024;
export const MAX_ARGUMENTS = 2 ** 31 - 1;
/** What a client may send before it has authenticated. */
const UNAUTHENTICATED_ARGUMENTS = 10;
const UNAUTHENTICATED_BULK_BYTES = 16 * 1024;
/** The shortest argument: `$0`, two line ends. */
const MIN_ARGUMENT_BYTES = 6;
/** Of a request with very many arguments, those beyond so many are awaited together, so that it is not parsed anew for each packet. */
const AWAITED_SINGLY = 64;

export interface ParserLimits {
  /** proto-max-bulk-len */
  maxBulkBytes: number;
}

export class RequestParser {
  readonly request: Arguments = new Arguments();
  neededBytes = 0;
  /** Of an incomplete request: what stands before the large argument that is awaited; 0 when none is. */
  headBytes = 0;
  problem = '';
  private readonly limits: ParserLimits;

  constructor(limits: ParserLimits) {
    this.limits = limits;
  }

  parse(bytes: Uint8Array, from: number, end: number, authenticated: boolean): number {
    this.headBytes = 0;
    if (from >= end) return this.incomplete(1);
    if (bytes[from] !== 42) return this.parseInline(bytes, from, end);
    const request = this.request;
    let at = from + 1;
    let count = 0;
    let negative = false;
    let digits = 0;
    if (at < end && bytes[at] === 45) {
      negative = true;
      at++;
    }
    for (; at < end; at++) {
      const digit = bytes[at]! - 48;
      if (digit < 0 || digit > 9) break;
      count = count * 10 + digit;
      if (++digits > 10) return this.invalid('Protocol error: invalid multibulk length');
    }
    if (at + 1 >= end) {
      if (end - from > MAX_INLINE_BYTES) return this.invalid('Protocol error: too big mbulk count string');
      if (at < end && bytes[at] !== 13) return this.invalid('Protocol error: invalid multibulk length');
      return this.incomplete(end - from + 1);
    }
    if (bytes[at] !== 13 || digits === 0) return this.invalid('Protocol error: invalid multibulk length');
    if (bytes[at + 1] !== 10) return this.invalid(INVALID_CRLF);
    at += 2;
    if (negative || count === 0) {
      request.count = 0;
      return at;
    }
    if (count > MAX_ARGUMENTS) return this.invalid('Protocol error: invalid multibulk length');
    if (!authenticated && count > UNAUTHENTICATED_ARGUMENTS)
      return this.invalid('Protocol error: unauthenticated multibulk length');
    let { starts, ends } = request;
    for (let index = 0; index < count; index++) {
      if (at >= end) return this.incomplete(at - from + 1 + restBytes(count - index));
      if (bytes[at] !== 36) return this.invalid(`Protocol error: expected '$', got '${printable(bytes[at]!)}'`);
      at++;
      let length = 0;
      digits = 0;
      for (; at < end; at++) {
        const digit = bytes[at]! - 48;
        if (digit < 0 || digit > 9) break;
        length = length * 10 + digit;
        if (++digits > 10) return this.invalid('Protocol error: invalid bulk length');
      }
      if (at + 1 >= end) {
        if (at < end && bytes[at] !== 13) return this.invalid('Protocol error: invalid bulk length');
        return this.incomplete(end - from + 1 + restBytes(count - index - 1));
      }
      if (bytes[at] !== 13 || digits === 0) return this.invalid('Protocol error: invalid bulk length');
      if (bytes[at + 1] !== 10) return this.invalid(INVALID_CRLF);
      if (length > this.limits.maxBulkBytes) return this.invalid('Protocol error: invalid bulk length');
      if (!authenticated && length > UNAUTHENTICATED_BULK_BYTES)
        return this.invalid('Protocol error: unauthenticated bulk length');
      at += 2;
      if (at + length + 2 > end) {
        if (length >= BIG_ARGUMENT_BYTES) this.headBytes = at - from;
        return this.incomplete(at - from + length + 2 + restBytes(count - index - 1));
      }
      if (index >= starts.length) {
        request.ensure(index + 1);
        starts = request.starts;
        ends = request.ends;
      }
      starts[index] = at;
      at += length;
      ends[index] = at;
      if (bytes[at] !== 13 || bytes[at + 1] !== 10) return this.invalid(INVALID_CRLF);
      at += 2;
    }
    request.bytes = bytes;
    request.count = count;
    return at;
  }

  private incomplete(neededBytes: number): number {
    this.neededBytes = neededBytes;
    return INCOMPLETE;
  }

  private invalid(problem: string): number {
    this.problem = problem;
    return INVALID;
  }

  /** A line of words, with the quoting of Valkey's sdssplitargs. Not a hot path: people type it. */
  private parseInline(bytes: Uint8Array, from: number, end: number): number {
    let newline = from;
    while (newline < end && bytes[newline] !== 10) newline++;
    if (newline === end) {
      if (end - from > MAX_INLINE_BYTES) return this.invalid('Protocol error: too big inline request');
      return this.incomplete(end - from + 1);
    }
    const lineEnd = newline > from && bytes[newline - 1] === 13 ? newline - 1 : newline;
    const words = splitWords(bytes, from, lineEnd);
    if (words === null) return this.invalid('Protocol error: unbalanced quotes in request');
    const size = words.reduce((sum, word) => sum + word.length, 0);
    const copy = new Uint8Array(size);
    this.request.ensure(words.length);
    let at = 0;
    for (const [index, word] of words.entries()) {
      copy.set(word, at);
      this.request.starts[index] = at;
      at += word.length;
      this.request.ends[index] = at;
    }
    this.request.bytes = copy;
    this.request.count = words.length;
    return newline + 1;
  }
}

/** Bytes that so many further arguments take at least, without the last few: a mistake in those is told as soon as it is there. */
function restBytes(count: number): number {
  return count > AWAITED_SINGLY ? (count - AWAITED_SINGLY) * MIN_ARGUMENT_BYTES : 0;
}

function printable(byte: number): string {
  return byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
}

export { splitWords };

/** The words of a line of text, read as an inline request is; null when a quote is not closed. */
export function wordsOfLine(line: string): readonly string[] | null {
  const bytes = new TextEncoder().encode(line);
  const decoder = new TextDecoder();
  return splitWords(bytes, 0, bytes.length)?.map((word) => decoder.decode(word)) ?? null;
}
