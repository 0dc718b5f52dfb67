/**
 * Times that keys expire at: the numbers of EX, PX, EXAT, PXAT and of the EXPIRE family as absolute milliseconds, with the bounds of
 * 64-bit arithmetic that Valkey has. Source: Valkey 9.1 expire.c, t_string.c getExpireMillisecondsOrReply.
 */
import { ERR_INVALID_EXPIRE_NAME } from '../protocol/errors.ts';
import type { Call } from './call.ts';

/** Latest time an entry can hold, 48 bits of milliseconds (the year 10889): what Valkey takes beyond it becomes it. */
export const MAX_EXPIRE_AT_MS: number = 2 ** 48 - 1;

const MAX_64 = 2n ** 63n - 1n;
const MIN_64 = -(2n ** 63n);

/** The absolute time of option `optionIndex` (EX, PX, EXAT or PXAT) with its number; answers the error and fails the call otherwise. */
export function expireTimeOf(call: Call, optionIndex: number, numberIndex: number): number {
  const value = call.integer(numberIndex);
  if (call.failed) return 0;
  if (value <= 0) {
    call.fail(ERR_INVALID_EXPIRE_NAME(call.entry.fullName));
    return 0;
  }
  const seconds = call.is(optionIndex, 'EX') || call.is(optionIndex, 'EXAT');
  const relative = call.is(optionIndex, 'EX') || call.is(optionIndex, 'PX');
  return absoluteTime(call, numberIndex, value, seconds ? 1000 : 1, relative ? call.nowMs : 0);
}

/** `value`, which is argument `index`, in ms since 1970; answers the error and fails the call when 64 bits do not hold it. */
export function absoluteTime(call: Call, index: number, value: number, unitMs: number, baseMs: number): number {
  const at = value * unitMs + baseMs;
  if (Number.isSafeInteger(at)) return Math.min(at, MAX_EXPIRE_AT_MS);
  const exact = call.bigInteger(index) * BigInt(unitMs);
  if (exact > MAX_64 - BigInt(baseMs) || exact < MIN_64) {
    call.fail(ERR_INVALID_EXPIRE_NAME(call.entry.fullName));
    return 0;
  }
  return exact < 0n ? Number(exact) : MAX_EXPIRE_AT_MS;
}

/** Deletes the found key because its time has passed, instead of changing it: replicas are told by the keyspace. */
export function expireFound(call: Call): void {
  call.database.expire();
  call.changed();
  call.propagateNothing();
}
