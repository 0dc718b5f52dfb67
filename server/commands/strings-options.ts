/**
 * The options of SET, GETEX and MSETEX, in any order and case. Rare enough to be an object of its own.
 * Source: Valkey 9.1 t_string.c parseExtendedStringArgumentsOrReply.
 */
import { NO_EXPIRY } from '../keyspace/database.ts';
import { Arguments } from '../protocol/arguments.ts';
import { ERR_SYNTAX } from '../protocol/errors.ts';
import type { Call } from './call.ts';
import { expireTimeOf } from './expire-time.ts';

export const SET_NX = 1;
export const SET_XX = 2;
export const SET_IFEQ = 4;
export const SET_GET = 8;
export const SET_KEEPTTL = 16;
export const SET_EXPIRES = 32;
export const SET_PERSIST = 64;
const CONDITIONS = SET_NX | SET_XX | SET_IFEQ;

/** What a command takes, as the flags that may be set. */
export const FOR_SET: number = CONDITIONS | SET_GET | SET_KEEPTTL | SET_EXPIRES;
export const FOR_GET: number = SET_EXPIRES | SET_PERSIST;
export const FOR_MSET: number = SET_NX | SET_XX | SET_KEEPTTL | SET_EXPIRES;

export interface StringOptions {
  readonly flags: number;
  readonly expireAtMs: number;
  /** The argument after IFEQ. */
  readonly compareIndex: number;
  /** EX, PX, EXAT or PXAT, the last of them; 0 without one. */
  readonly expireIndex: number;
  /** The time was given as replicas must have it (PXAT): the command goes to them as it came. */
  readonly isAbsolute: boolean;
}

const EXPIRE_OPTIONS = ['EX', 'PX', 'EXAT', 'PXAT'] as const;

/** The options from argument `first` on; null when an error was answered. A time is read once all options are known to be right. */
export function parseStringOptions(call: Call, first: number, allowed: number): StringOptions | null {
  let flags = 0;
  let compareIndex = 0;
  let expireIndex = 0;
  let expireOption = '';
  for (let i = first; i < call.count; i++) {
    const more = i + 1 < call.count;
    const free = (mask: number): boolean => (flags & mask) === 0;
    const option = EXPIRE_OPTIONS.find((word) => call.is(i, word));
    if (call.is(i, 'NX') && (allowed & SET_NX) !== 0 && free(SET_XX | SET_IFEQ)) flags |= SET_NX;
    else if (call.is(i, 'XX') && (allowed & SET_XX) !== 0 && free(SET_NX | SET_IFEQ)) flags |= SET_XX;
    else if (call.is(i, 'IFEQ') && (allowed & SET_IFEQ) !== 0 && more && free(CONDITIONS)) {
      flags |= SET_IFEQ;
      compareIndex = ++i;
    } else if (call.is(i, 'GET') && (allowed & SET_GET) !== 0) flags |= SET_GET;
    else if (call.is(i, 'KEEPTTL') && (allowed & SET_KEEPTTL) !== 0 && free(SET_EXPIRES)) flags |= SET_KEEPTTL;
    else if (call.is(i, 'PERSIST') && (allowed & SET_PERSIST) !== 0 && free(SET_EXPIRES)) flags |= SET_PERSIST;
    else if (
      option !== undefined &&
      more &&
      free(SET_KEEPTTL | SET_PERSIST) &&
      (expireOption === '' || expireOption === option)
    ) {
      flags |= SET_EXPIRES;
      expireOption = option;
      expireIndex = i++;
    } else {
      call.fail(ERR_SYNTAX);
      return null;
    }
  }
  const expireAtMs = expireIndex === 0 ? NO_EXPIRY : expireTimeOf(call, expireIndex, expireIndex + 1);
  return call.failed ? null : { flags, expireAtMs, compareIndex, expireIndex, isAbsolute: expireOption === 'PXAT' };
}

/** The command with its time absolute, as replicas must have it. */
export function absoluteForm(call: Call, options: StringOptions): Arguments {
  const words: (Uint8Array | string | number)[] = [];
  for (let i = 0; i < call.count; i++) {
    if (i === options.expireIndex) words.push('PXAT');
    else if (i === options.expireIndex + 1) words.push(options.expireAtMs);
    else words.push(call.copy(i));
  }
  return Arguments.of(...words);
}
