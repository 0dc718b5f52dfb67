/** Expiry options of SET, GETEX and the EXPIRE family: EX, PX, EXAT, PXAT to an absolute time. Source: Valkey 9.1 expire.c. */
import { ERR_INVALID_EXPIRE_NAME } from '../protocol/errors.ts';
import type { Call } from './call.ts';

/** Latest time a key can expire: 48 bits of milliseconds. */
export const MAX_EXPIRE_AT_MS: number = 2 ** 48 - 1;

/** The absolute time of option `optionIndex` (EX, PX, EXAT or PXAT) with its number; answers the error and fails the call otherwise. */
export function expireTimeOf(call: Call, optionIndex: number, numberIndex: number): number {
  const value = call.integer(numberIndex);
  if (call.failed) return 0;
  const seconds = call.is(optionIndex, 'EX') || call.is(optionIndex, 'EXAT');
  const relative = call.is(optionIndex, 'EX') || call.is(optionIndex, 'PX');
  return absoluteTime(call, value, seconds ? 1000 : 1, relative ? call.nowMs : 0);
}

function absoluteTime(call: Call, value: number, unitMs: number, baseMs: number): number {
  const at = value * unitMs + baseMs;
  if (value <= 0 || at > MAX_EXPIRE_AT_MS) {
    call.fail(ERR_INVALID_EXPIRE_NAME(call.entry.fullName));
    return 0;
  }
  return at;
}
