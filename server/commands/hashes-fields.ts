/**
 * What commands on the time to live of hashes' fields share: the words of FIELDS, times, and what a change to fields is to replicas.
 * Source: Valkey 9.1 t_hash.c, and the replies, events and replication stream of a 9.1.2.
 */
import { LATEST_FIELD_EXPIRY, NO_FIELD_EXPIRY } from '../keyspace/field-expiry.ts';
import { Arguments } from '../protocol/arguments.ts';
import { ERR_FIELD_COUNT, ERR_INVALID_EXPIRE_NAME } from '../protocol/errors.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { finishRemoval } from './hashes-common.ts';

/** Valkey takes times of 64 bits. Those beyond LATEST_FIELD_EXPIRY, some 285,000 years away, are kept as that. */
const LATEST_TIME = 2 ** 63;
/** 0 would be no time. */
const FIRST_TIME = 1;

/** Where FIELDS stands from argument `from` on; the number of arguments when it does not. It is never the last. */
export function fieldsIndex(call: Call, from: number): number {
  for (let i = from; i < call.count - 1; i++) if (call.is(i, 'FIELDS')) return i;
  return call.count;
}

/** Checks the number after FIELDS at `index` against the arguments that follow, `width` a field; false after an error was answered. */
export function checkFields(call: Call, index: number, width: number, problem: string = ERR_FIELD_COUNT): boolean {
  const fields = index + 1 < call.count ? call.integer(index + 1) : 0;
  if (call.failed) return false;
  if (fields >= 1 && fields * width === call.count - index - 2) return true;
  call.fail(problem);
  return false;
}

/** The absolute time that argument i says; answers the error otherwise. */
export function expiryOf(call: Call, index: number, unitMs: number, relative: boolean): number {
  const value = call.integer(index);
  if (call.failed) return 0;
  const at = value * unitMs + (relative ? call.nowMs : 0);
  if (value < 0 || at > LATEST_TIME) call.fail(ERR_INVALID_EXPIRE_NAME(call.entry.fullName));
  return Math.min(Math.max(at, FIRST_TIME), LATEST_FIELD_EXPIRY);
}

export function hasPassed(call: Call, atMs: number): boolean {
  return atMs <= call.nowMs && call.keyspace.deletesExpired;
}

/** Fields that a change befell, for its form in the replication stream. */
export class Befallen {
  readonly fields: Uint8Array[] = [];
  private readonly call: Call;

  constructor(call: Call) {
    this.call = call;
  }

  add(index: number): void {
    this.fields.push(this.call.copy(index));
  }

  get count(): number {
    return this.fields.length;
  }
}

/** Ends a command that found its time in the past: the fields are deleted, to replicas by name. */
export function endExpired(types: Types, call: Call, gone: Befallen): void {
  call.keyspace.expiredFields += gone.count;
  finishRemoval(types, call, 'hexpired');
  call.changed(gone.count);
  call.propagateAs(Arguments.of('HDEL', call.copy(1), ...gone.fields));
}

/** Takes the expiry from the field that was found; false when it has none. */
export function persistField(types: Types, call: Call, index: number, first: boolean): boolean {
  const { hashes } = types;
  if (hashes.expireAtMs === NO_FIELD_EXPIRY) return false;
  if (first) call.database.beginChange();
  hashes.setExpiry(call.bytes, call.starts[index]!, call.ends[index]!, NO_FIELD_EXPIRY);
  return true;
}
