/**
 * DUMP, RESTORE and RESTORE-ASKING: a key's value as bytes, and back. Source of options, their order and every error: Valkey 9.1 cluster.c.
 * FREQ is checked and has no effect, as in Valkey under a policy without LFU: this server has none.
 */
import { ACCESS_MASK } from '../keyspace/entry.ts';
import { EVENT_GENERIC } from '../keyspace/events.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { Arguments } from '../protocol/arguments.ts';
import { ERR_BUSY_KEY, ERR_SYNTAX } from '../protocol/errors.ts';
import type { Call } from './call.ts';
import { ASKING, type Command, DANGEROUS, DENYOOM, ONE_KEY, READONLY, WRITE } from './command.ts';
import { MAX_EXPIRE_AT_MS } from './expire-time.ts';
import type { DumpRoom } from './replication-room.ts';

/** The longest idle time an entry can hold. */
const MAX_IDLE_SECONDS = ACCESS_MASK;
const MAX_FREQUENCY = 255;
const UNSET = -1;

export const dumpCommands: readonly Command[] = [
  {
    name: 'dump',
    arity: 2,
    group: 'generic',
    since: '2.6.0',
    summary: 'Returns a serialized representation of the value stored at a key.',
    flags: READONLY,
    keys: ONE_KEY,
    run: dump,
  },
  {
    name: 'restore',
    arity: -4,
    group: 'generic',
    since: '2.6.0',
    summary: 'Creates a key from the serialized representation of a value.',
    flags: WRITE | DENYOOM | DANGEROUS,
    keys: ONE_KEY,
    run: restore,
  },
  {
    name: 'restore-asking',
    arity: -4,
    group: 'server',
    since: '3.0.0',
    summary: 'An internal command for migrating keys in a cluster.',
    flags: WRITE | DENYOOM | ASKING | DANGEROUS,
    keys: ONE_KEY,
    run: restore,
  },
];

export function dumpsOf(call: Call): DumpRoom {
  const { dumps } = call.rooms;
  if (dumps === undefined) throw new Error('commands: the node was composed without DUMP');
  return dumps;
}

function dump(call: Call): void {
  const entry = call.find(1);
  if (entry === NONE) {
    call.reply.nil();
    return;
  }
  const payload = dumpsOf(call).dump(entry);
  call.reply.bulk(payload, 0, payload.length);
}

interface Options {
  readonly replace: boolean;
  readonly absolute: boolean;
  readonly idleSeconds: number;
  readonly frequency: number;
}

/** Null after the error was answered. */
function optionsOf(call: Call): Options | null {
  let replace = false;
  let absolute = false;
  let idleSeconds = UNSET;
  let frequency = UNSET;
  for (let i = 4; i < call.count; i++) {
    const more = i + 1 < call.count;
    if (call.is(i, 'REPLACE')) replace = true;
    else if (call.is(i, 'ABSTTL')) absolute = true;
    else if (call.is(i, 'IDLETIME') && more && frequency === UNSET) {
      idleSeconds = call.integer(++i);
      if (!call.failed && idleSeconds < 0) call.fail('ERR Invalid IDLETIME value, must be >= 0');
    } else if (call.is(i, 'FREQ') && more && idleSeconds === UNSET) {
      frequency = call.integer(++i);
      if (!call.failed && (frequency < 0 || frequency > MAX_FREQUENCY))
        call.fail('ERR Invalid FREQ value, must be >= 0 and <= 255');
    } else call.fail(ERR_SYNTAX);
    if (call.failed) return null;
  }
  return { replace, absolute, idleSeconds, frequency };
}

function restore(call: Call): void {
  const { database, bytes, starts, ends } = call;
  const options = optionsOf(call);
  if (options === null) return;
  if (!options.replace && call.findForWrite(1) !== NONE) return call.fail(ERR_BUSY_KEY);
  const ttl = call.integer(2);
  if (call.failed) return;
  if (ttl < 0) return call.fail('ERR Invalid TTL value, must be >= 0');
  const expireAtMs = Math.min(ttl === 0 || options.absolute ? ttl : ttl + call.nowMs, MAX_EXPIRE_AT_MS);
  const dumps = dumpsOf(call);
  const from = starts[3]!;
  const to = ends[3]!;
  if (!dumps.isIntact(bytes, from, to)) return call.fail('ERR DUMP payload version or checksum are wrong');
  if (!dumps.read(bytes, from, to)) return call.fail('ERR Bad data format');
  const replaced = call.findForWrite(1) !== NONE;
  if (replaced) database.remove();
  if (expireAtMs !== 0 && expireAtMs <= call.nowMs && call.keyspace.deletesExpired) {
    dumps.drop();
    if (replaced) {
      const name = call.rooms.settings.flag('lazyfree-lazy-server-del') ? 'UNLINK' : 'DEL';
      call.propagateAs(Arguments.of(name, call.copy(1)));
      call.changed();
      call.notify(EVENT_GENERIC, 'del');
    }
    call.reply.ok();
    return;
  }
  call.findForWrite(1);
  dumps.put(database, bytes, starts[1]!, ends[1]!, expireAtMs);
  setAccess(call, options);
  if (ttl !== 0 && !options.absolute) call.propagateAs(absoluteForm(call, expireAtMs));
  call.changed();
  call.notify(EVENT_GENERIC, 'restore');
  call.reply.ok();
}

/** The command with its time absolute. */
function absoluteForm(call: Call, expireAtMs: number): Arguments {
  const words: (Uint8Array | string | number)[] = [];
  for (let i = 0; i < call.count; i++) words.push(i === 2 ? expireAtMs : call.copy(i));
  return Arguments.of(...words, 'ABSTTL');
}

/** As if the key had been used last so long ago, or so often: what the eviction policy goes by, the other is nothing to it. */
function setAccess(call: Call, { idleSeconds, frequency }: Options): void {
  const { database, keyspace } = call;
  const { frequencies, arena } = keyspace;
  if ((frequencies === null ? idleSeconds : frequency) === UNSET) return;
  const entry = database.findWithoutAccess(call.bytes, call.starts[1]!, call.ends[1]!);
  if (entry === NONE) return;
  const access =
    frequencies === null
      ? (keyspace.accessClock - Math.min(idleSeconds, MAX_IDLE_SECONDS)) & ACCESS_MASK
      : (frequencies.initial & ~MAX_FREQUENCY) | frequency;
  const words = arena.words[entry >>> SEGMENT_OF_SHIFT]!;
  const at = (entry & OFFSET_MASK) << 1;
  words[at] = (words[at]! & 0xff) | (access << 8);
}
