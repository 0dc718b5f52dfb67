/**
 * What commands on hashes share: opening the hash at argument 1, putting it back, and telling what happened to it.
 * Hot file: nothing here allocates.
 * Source of the order of events: Valkey 9.1 t_hash.c, and what a 9.1.2 sends.
 */
import { HASH } from '../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_HASH } from '../keyspace/events.ts';
import { NONE } from '../memory/arena.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';

/** Opens the hash at argument 1 for a change, or a new one; false when an error was answered. `finish` ends what this begins. */
export function begin(types: Types, call: Call): boolean {
  const found = call.findTypedForWrite(1, HASH);
  if (call.failed) return false;
  beginFound(types, call, found !== NONE);
  return true;
}

/** As `begin`, once the key was looked up for writing. */
export function beginFound(types: Types, call: Call, found: boolean): void {
  if (!found) {
    types.hashes.create();
    return;
  }
  call.database.beginChange();
  types.hashes.openFound(call.database);
}

/** Puts the changed hash back and tells of the change, and before it of fields past their time that were overwritten. */
export function finish(types: Types, call: Call, event: string): void {
  const { hashes } = types;
  const { database } = call;
  if (database.entry === NONE) {
    database.putCollection(call.bytes, call.starts[1]!, call.ends[1]!, HASH, hashes.encoding, hashes.root);
  } else hashes.saveTo(database);
  if (hashes.overwrittenExpired > 0) {
    call.keyspace.expiredFields += hashes.overwrittenExpired;
    call.notify(EVENT_HASH, 'hexpired', 1);
  }
  call.notify(EVENT_HASH, event, 1);
}

/** Puts back a hash that fields were taken from, tells of it, and deletes the key when none are left. */
export function finishRemoval(types: Types, call: Call, event: string): void {
  const { hashes } = types;
  hashes.saveTo(call.database);
  call.notify(EVENT_HASH, event, 1);
  if (hashes.count > 0) return;
  call.database.remove();
  call.notify(EVENT_GENERIC, 'del', 1);
}

/** Opens the hash at argument 1 for reading; false when there is none or an error was answered. */
export function open(types: Types, call: Call): boolean {
  if (call.findTyped(1, HASH) === NONE || call.failed) return false;
  types.hashes.openFound(call.database);
  return true;
}

/** Sets the field of argument i to argument i + 1; true when it is new. */
export function setField(types: Types, call: Call, index: number): boolean {
  const { bytes, starts, ends } = call;
  return types.hashes.set(bytes, starts[index]!, ends[index]!, bytes, starts[index + 1]!, ends[index + 1]!);
}

export function getField(types: Types, call: Call, index: number): boolean {
  return types.hashes.get(call.bytes, call.starts[index]!, call.ends[index]!);
}

export function replyValue(types: Types, call: Call): void {
  const { hashes } = types;
  call.reply.bulk(hashes.segment, hashes.from, hashes.to);
}

/** Deletes the field of an argument; the first deletion of a command begins the change. */
export function deleteField(types: Types, call: Call, index: number, first: boolean): boolean {
  if (!getField(types, call, index)) return false;
  if (first) call.database.beginChange();
  return types.hashes.delete(call.bytes, call.starts[index]!, call.ends[index]!);
}
