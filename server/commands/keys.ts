/**
 * Generic commands on keys of any type: existence, expiry, renaming, scanning. Hot file where it serves EXISTS, DEL, EXPIRE, TTL.
 * Source: Valkey 9.1 db.c, expire.c, object.c.
 */
import { globMatch } from '../config/glob.ts';
import { type Database, NO_EXPIRY } from '../keyspace/database.ts';
import { EntryView, HASH, LIST, SET, STREAM, STRING, ZSET } from '../keyspace/entry.ts';
import { slotOf } from '../keyspace/slot.ts';
import { NONE } from '../memory/arena.ts';
import { Arguments } from '../protocol/arguments.ts';
import { ERR_CURSOR, ERR_INVALID_EXPIRE_NAME, ERR_NO_KEY, ERR_SYNTAX } from '../protocol/errors.ts';
import { encodingName } from '../types/encoding-name.ts';
import type { Call } from './call.ts';
import { ALL_KEYS, type Command, DANGEROUS, FAST, NO_KEYS, ONE_KEY, READONLY, TWO_KEYS, WRITE } from './command.ts';
import { MAX_EXPIRE_AT_MS } from './expire-time.ts';

function del(call: Call): void {
  let removed = 0;
  for (let i = 1; i < call.count; i++) {
    if (call.findForWrite(i) === NONE) continue;
    call.database.remove();
    removed++;
  }
  if (removed > 0) call.changed(removed);
  call.reply.integer(removed);
}

function exists(call: Call): void {
  let found = 0;
  for (let i = 1; i < call.count; i++) {
    if (call.database.findWithoutAccess(call.bytes, call.starts[i]!, call.ends[i]!) !== NONE) found++;
  }
  call.reply.integer(found);
}

const NX = 1;
const XX = 2;
const GT = 4;
const LT = 8;

/** EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT. */
function expire(call: Call, unitMs: number, relative: boolean): void {
  let options = 0;
  for (let i = 3; i < call.count; i++) {
    if (call.is(i, 'NX')) options |= NX;
    else if (call.is(i, 'XX')) options |= XX;
    else if (call.is(i, 'GT')) options |= GT;
    else if (call.is(i, 'LT')) options |= LT;
    else {
      call.fail(`ERR Unsupported option ${call.text(i)}`);
      return;
    }
  }
  if ((options & NX) !== 0 && options !== NX) {
    call.fail('ERR NX and XX, GT or LT options at the same time are not compatible');
    return;
  }
  if ((options & (GT | LT)) === (GT | LT)) {
    call.fail('ERR GT and LT options at the same time are not compatible');
    return;
  }
  const value = call.integer(2);
  if (call.failed) return;
  const at = value * unitMs + (relative ? call.nowMs : 0);
  if (Math.abs(value) * unitMs > Number.MAX_SAFE_INTEGER || at > MAX_EXPIRE_AT_MS) {
    call.fail(ERR_INVALID_EXPIRE_NAME(call.entry.fullName));
    return;
  }
  const { database } = call;
  if (call.findForWrite(1) === NONE || !allows(options, database.view.expireAtMs(), at)) {
    call.reply.integer(0);
    return;
  }
  if (at <= call.nowMs && call.keyspace.deletesExpired) {
    database.remove();
    call.propagateAs(Arguments.of('DEL', call.copy(1)));
  } else {
    database.setExpiry(Math.max(1, at));
    call.propagateAs(Arguments.of('PEXPIREAT', call.copy(1), at));
  }
  call.changed();
  call.reply.integer(1);
}

/** A key without expiry lives for ever: greater than any time. */
function allows(options: number, current: number, next: number): boolean {
  if ((options & NX) !== 0) return current === 0;
  if ((options & XX) !== 0 && current === 0) return false;
  if ((options & GT) !== 0 && (current === 0 || next <= current)) return false;
  return (options & LT) === 0 || current === 0 || next < current;
}

/** TTL, PTTL, EXPIRETIME, PEXPIRETIME: -2 without a key, -1 without an expiry. */
function ttl(call: Call, unitMs: number, absolute: boolean): void {
  const { database } = call;
  if (database.findWithoutAccess(call.bytes, call.starts[1]!, call.ends[1]!) === NONE) {
    call.reply.integer(-2);
    return;
  }
  const at = database.view.expireAtMs();
  if (at === 0) {
    call.reply.integer(-1);
    return;
  }
  const value = absolute ? at : Math.max(0, at - call.nowMs);
  call.reply.integer(unitMs === 1 ? value : absolute ? Math.floor(value / 1000) : Math.floor((value + 500) / 1000));
}

function persist(call: Call): void {
  if (call.findForWrite(1) === NONE || !call.database.view.expires) {
    call.reply.integer(0);
    return;
  }
  call.database.setExpiry(NO_EXPIRY);
  call.changed();
  call.reply.integer(1);
}

/** Names of types as TYPE, SCAN TYPE and OBJECT give them. */
const TYPE_NAMES: Readonly<Record<number, string>> = {
  [STRING]: 'string',
  [LIST]: 'list',
  [SET]: 'set',
  [ZSET]: 'zset',
  [HASH]: 'hash',
  [STREAM]: 'stream',
};

function type(call: Call): void {
  const { database } = call;
  const found = database.findWithoutAccess(call.bytes, call.starts[1]!, call.ends[1]!);
  call.reply.simple(found === NONE ? 'none' : TYPE_NAMES[database.view.type]!);
}

function rename(call: Call, onlyIfAbsent: boolean): void {
  const { database, keyspace } = call;
  if (call.findForWrite(1) === NONE) {
    call.fail(ERR_NO_KEY);
    return;
  }
  const same = call.length(1) === call.length(2) && call.text(1) === call.text(2);
  if (same) {
    if (onlyIfAbsent) call.reply.integer(0);
    else call.reply.ok();
    return;
  }
  if (call.findForWrite(2) !== NONE) {
    if (onlyIfAbsent) {
      call.reply.integer(0);
      return;
    }
    database.remove();
  }
  call.findForWrite(1);
  moveValue(call, database, database, 2);
  keyspace.slot = keyspace.slots > 1 ? slotOf(call.bytes, call.starts[1]!, call.ends[1]!) : 0;
  call.changed();
  if (onlyIfAbsent) call.reply.integer(1);
  else call.reply.ok();
}

/** Takes the value of the key found in `from` to the key of argument `index` in `to`, where it must be absent. */
function moveValue(call: Call, from: Database, to: Database, index: number): void {
  const { view } = from;
  const expireAtMs = view.expireAtMs();
  if (view.type === STRING) {
    const at = from.openString();
    const value = from.valueSegment.slice(at, at + view.stringLength());
    from.remove();
    to.findForWrite(call.bytes, call.starts[index]!, call.ends[index]!);
    to.putString(call.bytes, call.starts[index]!, call.ends[index]!, value, 0, value.length, expireAtMs);
    return;
  }
  const { type: valueType, encoding } = view;
  const root = view.root();
  const shell = from.unlink();
  to.findForWrite(call.bytes, call.starts[index]!, call.ends[index]!);
  to.putCollection(call.bytes, call.starts[index]!, call.ends[index]!, valueType, encoding, root, expireAtMs);
  from.freeShell(shell);
}

function move(call: Call): void {
  const index = call.integer(2, 'ERR value is not an integer or out of range');
  if (call.failed) return;
  const target = call.keyspace.databases[index];
  if (target === undefined) {
    call.fail('ERR DB index is out of range');
    return;
  }
  if (target === call.database) {
    call.fail('ERR source and destination objects are the same');
    return;
  }
  if (call.findForWrite(1) === NONE || target.findForWrite(call.bytes, call.starts[1]!, call.ends[1]!) !== NONE) {
    call.reply.integer(0);
    return;
  }
  moveValue(call, call.database, target, 1);
  call.changed();
  call.reply.integer(1);
}

/** Counts as an access even for a client that asked for CLIENT NO-TOUCH. */
function touch(call: Call): void {
  call.keyspace.recordsAccess = true;
  let found = 0;
  for (let i = 1; i < call.count; i++) if (call.find(i) !== NONE) found++;
  call.reply.integer(found);
}

function randomkey(call: Call): void {
  const { database, keyspace } = call;
  const view = new EntryView(keyspace.arena);
  // Empty buckets and expired keys are drawn again; the bound is for a database where every key has expired.
  for (let tries = 0; tries < 1000 && database.size > 0; tries++) {
    const slot = database.counts.slotOfRank(call.rooms.host.random() % database.size);
    if (!database.open(slot)) continue;
    const entry = database.table.sample(call.rooms.host.random() | 0);
    if (entry === NONE) continue;
    view.open(keyspace.arena, entry);
    if (view.expires && keyspace.isExpired(view.expireAtMs()) && tries < 999) continue;
    call.reply.bulk(view.segment, view.keyAt, view.keyEnd);
    return;
  }
  call.reply.nil();
}

/** Buckets that one SCAN call visits at most for each element asked for. */
const SCAN_BUCKETS_PER_COUNT = 10;

/** The largest bucket chain that SCAN copies at once; grown when a chain is longer. */
const INITIAL_SCAN_ENTRIES = 256;

interface ScanFilter {
  readonly pattern: Uint8Array | null;
  readonly type: number;
}

function scan(call: Call): void {
  const cursor = cursorOf(call, 1);
  if (cursor === null) {
    call.fail(ERR_CURSOR);
    return;
  }
  let count = 10;
  let pattern: Uint8Array | null = null;
  let wantedType = -1;
  for (let i = 2; i < call.count; i += 2) {
    if (i + 1 >= call.count) {
      call.fail(ERR_SYNTAX);
      return;
    }
    if (call.is(i, 'COUNT')) {
      count = call.integer(i + 1);
      if (call.failed) return;
      if (count < 1) {
        call.fail(ERR_SYNTAX);
        return;
      }
    } else if (call.is(i, 'MATCH')) pattern = call.copy(i + 1);
    else if (call.is(i, 'TYPE')) {
      const name = call.text(i + 1).toLowerCase();
      const found = Object.entries(TYPE_NAMES).find(([, known]) => known === name);
      if (found === undefined) {
        call.fail(`ERR unknown type name '${call.text(i + 1)}'`);
        return;
      }
      wantedType = Number(found[0]);
    } else {
      call.fail(ERR_SYNTAX);
      return;
    }
  }
  replyScan(call, cursor, count, { pattern, type: wantedType });
}

/** A cursor is slot × 2^32 + hash prefix; 0 begins and ends. */
function cursorOf(call: Call, index: number): number | null {
  const text = call.text(index);
  if (!/^\d{1,20}$/.test(text)) return null;
  return Number(text);
}

function replyScan(call: Call, start: number, count: number, filter: ScanFilter): void {
  const { database, reply, keyspace } = call;
  const keys: Uint8Array[] = [];
  const view = new EntryView(keyspace.arena);
  let entries = new Int32Array(INITIAL_SCAN_ENTRIES);
  let slot = Math.floor(start / 2 ** 32);
  let prefix = start % 2 ** 32;
  let visited = 0;
  let seen = 0;
  let next = 0;
  while (slot < keyspace.slots && seen < count && visited < count * SCAN_BUCKETS_PER_COUNT) {
    if (!database.openVisible(slot)) {
      slot = nextSlotWithKeys(database, slot);
      prefix = 0;
      continue;
    }
    const bucket = database.table.bucketOf(prefix | 0);
    const length = database.table.chainLength(bucket);
    if (length > entries.length) entries = new Int32Array(length * 2);
    database.table.entriesOf(bucket, entries);
    for (let i = 0; i < length; i++) {
      view.open(keyspace.arena, entries[i]!);
      seen++;
      if (wanted(view, filter, keyspace.isExpired(view.expireAtMs() || Number.MAX_SAFE_INTEGER))) {
        keys.push(view.segment.slice(view.keyAt, view.keyEnd));
      }
    }
    visited++;
    prefix = database.table.nextCursor(prefix);
    if (prefix === 2 ** 32) {
      slot = nextSlotWithKeys(database, slot);
      prefix = 0;
    }
  }
  if (slot < keyspace.slots) next = slot * 2 ** 32 + prefix;
  reply.array(2);
  reply.bulkText(String(next));
  reply.array(keys.length);
  for (const key of keys) reply.bulk(key, 0, key.length);
}

function wanted(view: EntryView, filter: ScanFilter, expired: boolean): boolean {
  if (expired) return false;
  if (filter.type >= 0 && view.type !== filter.type) return false;
  return (
    filter.pattern === null ||
    globMatch(filter.pattern, 0, filter.pattern.length, view.segment, view.keyAt, view.keyEnd)
  );
}

/** The first slot after `slot` that has keys, or the number of slots. */
function nextSlotWithKeys(database: Database, slot: number): number {
  const { keyspace } = database;
  for (let next = slot + 1; next < keyspace.slots; next++) if (database.countInSlot(next) > 0) return next;
  return keyspace.slots;
}

function keys(call: Call): void {
  const { database, keyspace, reply } = call;
  const pattern = call.copy(1);
  const found: Uint8Array[] = [];
  const view = new EntryView(keyspace.arena);
  for (let slot = 0; slot < keyspace.slots; slot++) {
    if (!database.openVisible(slot)) continue;
    for (const entry of database.table.entries()) {
      view.open(keyspace.arena, entry);
      if (view.expires && keyspace.isExpired(view.expireAtMs())) continue;
      if (globMatch(pattern, 0, pattern.length, view.segment, view.keyAt, view.keyEnd))
        found.push(view.segment.slice(view.keyAt, view.keyEnd));
    }
  }
  reply.array(found.length);
  for (const key of found) reply.bulk(key, 0, key.length);
}

function dbsize(call: Call): void {
  call.reply.integer(call.database.size);
}

function flush(call: Call, everything: boolean): void {
  if (call.count > 2 || (call.count === 2 && !call.is(1, 'ASYNC') && !call.is(1, 'SYNC'))) {
    call.fail(ERR_SYNTAX);
    return;
  }
  const databases = everything ? call.keyspace.databases : [call.database];
  for (const database of databases) database.clear();
  call.rooms.flushed();
  const flushed = new Set(databases.map((database) => String(database.index)));
  call.rooms.watches.touchAll((key) => flushed.has(key.slice(0, key.indexOf(':'))));
  call.changed();
  call.reply.ok();
}

function object(call: Call, answer: (database: Database) => void): void {
  const { database } = call;
  if (database.findWithoutAccess(call.bytes, call.starts[2]!, call.ends[2]!) === NONE) {
    call.reply.nil();
    return;
  }
  answer(database);
}

const OBJECT_KEY = { first: 2, last: 2, step: 1 };

function idleSeconds(call: Call): number {
  const { view } = call.database;
  const header = call.keyspace.arena.words[view.address >>> 23]![(view.address & 0x7fffff) << 1]!;
  return (call.keyspace.accessClock - (header >>> 8)) & 0xffffff;
}

export const keyCommands: readonly Command[] = [
  {
    name: 'del',
    arity: -2,
    group: 'generic',
    since: '1.0.0',
    flags: WRITE,
    keys: ALL_KEYS,
    summary: 'Deletes one or more keys.',
    run: del,
  },
  {
    name: 'unlink',
    arity: -2,
    group: 'generic',
    since: '4.0.0',
    flags: WRITE | FAST,
    keys: ALL_KEYS,
    summary: 'Asynchronously deletes one or more keys.',
    run: del,
  },
  {
    name: 'exists',
    arity: -2,
    group: 'generic',
    since: '1.0.0',
    flags: READONLY | FAST,
    keys: ALL_KEYS,
    summary: 'Determines whether one or more keys exist.',
    run: exists,
  },
  {
    name: 'touch',
    arity: -2,
    group: 'generic',
    since: '3.2.1',
    flags: READONLY | FAST,
    keys: ALL_KEYS,
    summary:
      'Returns the number of existing keys out of those specified after updating the time they were last accessed.',
    run: touch,
  },
  {
    name: 'expire',
    arity: -3,
    group: 'generic',
    since: '1.0.0',
    flags: WRITE | FAST,
    keys: ONE_KEY,
    summary: 'Sets the expiration time of a key in seconds.',
    run: (call) => expire(call, 1000, true),
  },
  {
    name: 'pexpire',
    arity: -3,
    group: 'generic',
    since: '2.6.0',
    flags: WRITE | FAST,
    keys: ONE_KEY,
    summary: 'Sets the expiration time of a key in milliseconds.',
    run: (call) => expire(call, 1, true),
  },
  {
    name: 'expireat',
    arity: -3,
    group: 'generic',
    since: '1.2.0',
    flags: WRITE | FAST,
    keys: ONE_KEY,
    summary: 'Sets the expiration time of a key to a Unix timestamp.',
    run: (call) => expire(call, 1000, false),
  },
  {
    name: 'pexpireat',
    arity: -3,
    group: 'generic',
    since: '2.6.0',
    flags: WRITE | FAST,
    keys: ONE_KEY,
    summary: 'Sets the expiration time of a key to a Unix milliseconds timestamp.',
    run: (call) => expire(call, 1, false),
  },
  {
    name: 'ttl',
    arity: 2,
    group: 'generic',
    since: '1.0.0',
    flags: READONLY | FAST,
    keys: ONE_KEY,
    summary: 'Returns the expiration time in seconds of a key.',
    run: (call) => ttl(call, 1000, false),
  },
  {
    name: 'pttl',
    arity: 2,
    group: 'generic',
    since: '2.6.0',
    flags: READONLY | FAST,
    keys: ONE_KEY,
    summary: 'Returns the expiration time in milliseconds of a key.',
    run: (call) => ttl(call, 1, false),
  },
  {
    name: 'expiretime',
    arity: 2,
    group: 'generic',
    since: '7.0.0',
    flags: READONLY | FAST,
    keys: ONE_KEY,
    summary: 'Returns the expiration time of a key as a Unix timestamp.',
    run: (call) => ttl(call, 1000, true),
  },
  {
    name: 'pexpiretime',
    arity: 2,
    group: 'generic',
    since: '7.0.0',
    flags: READONLY | FAST,
    keys: ONE_KEY,
    summary: 'Returns the expiration time of a key as a Unix milliseconds timestamp.',
    run: (call) => ttl(call, 1, true),
  },
  {
    name: 'persist',
    arity: 2,
    group: 'generic',
    since: '2.2.0',
    flags: WRITE | FAST,
    keys: ONE_KEY,
    summary: 'Removes the expiration time of a key.',
    run: persist,
  },
  {
    name: 'type',
    arity: 2,
    group: 'generic',
    since: '1.0.0',
    flags: READONLY | FAST,
    keys: ONE_KEY,
    summary: 'Determines the type of value stored at a key.',
    run: type,
  },
  {
    name: 'rename',
    arity: 3,
    group: 'generic',
    since: '1.0.0',
    flags: WRITE,
    keys: TWO_KEYS,
    summary: 'Renames a key and overwrites the destination.',
    run: (call) => rename(call, false),
  },
  {
    name: 'renamenx',
    arity: 3,
    group: 'generic',
    since: '1.0.0',
    flags: WRITE | FAST,
    keys: TWO_KEYS,
    summary: "Renames a key only when the target key name doesn't exist.",
    run: (call) => rename(call, true),
  },
  {
    name: 'move',
    arity: 3,
    group: 'generic',
    since: '1.0.0',
    flags: WRITE | FAST,
    keys: ONE_KEY,
    summary: 'Moves a key to another database.',
    run: move,
  },
  {
    name: 'randomkey',
    arity: 1,
    group: 'generic',
    since: '1.0.0',
    flags: READONLY,
    keys: NO_KEYS,
    summary: 'Returns a random key name from the database.',
    run: randomkey,
  },
  {
    name: 'scan',
    arity: -2,
    group: 'generic',
    since: '2.8.0',
    flags: READONLY,
    keys: NO_KEYS,
    summary: 'Iterates over the key names in the database.',
    run: scan,
  },
  {
    name: 'keys',
    arity: 2,
    group: 'generic',
    since: '1.0.0',
    flags: READONLY | DANGEROUS,
    keys: NO_KEYS,
    summary: 'Returns all key names that match a pattern.',
    run: keys,
  },
  {
    name: 'dbsize',
    arity: 1,
    group: 'server',
    since: '1.0.0',
    flags: READONLY | FAST,
    keys: NO_KEYS,
    summary: 'Returns the number of keys in the database.',
    run: dbsize,
  },
  {
    name: 'flushdb',
    arity: -1,
    group: 'server',
    since: '1.0.0',
    flags: WRITE | DANGEROUS,
    keys: NO_KEYS,
    summary: 'Removes all keys from the current database.',
    run: (call) => flush(call, false),
  },
  {
    name: 'flushall',
    arity: -1,
    group: 'server',
    since: '1.0.0',
    flags: WRITE | DANGEROUS,
    keys: NO_KEYS,
    summary: 'Removes all keys from all databases.',
    run: (call) => flush(call, true),
  },
  {
    name: 'object',
    arity: -2,
    group: 'generic',
    since: '2.2.3',
    flags: 0,
    keys: NO_KEYS,
    summary: 'A container for object introspection commands.',
    run: (call) => call.fail("ERR wrong number of arguments for 'object' command"),
    subcommands: [
      {
        name: 'encoding',
        arity: 3,
        group: 'generic',
        since: '2.2.3',
        flags: READONLY,
        keys: OBJECT_KEY,
        summary: 'Returns the internal encoding of an object.',
        run: (call) => object(call, (database) => call.reply.bulkText(encodingName(database))),
      },
      {
        name: 'idletime',
        arity: 3,
        group: 'generic',
        since: '2.2.3',
        flags: READONLY,
        keys: OBJECT_KEY,
        summary: 'Returns the time since the last access to an object.',
        run: (call) => object(call, () => call.reply.integer(idleSeconds(call))),
      },
      {
        name: 'refcount',
        arity: 3,
        group: 'generic',
        since: '2.2.3',
        flags: READONLY,
        keys: OBJECT_KEY,
        summary: 'Returns the reference count of a value of a key.',
        run: (call) => object(call, () => call.reply.integer(1)),
      },
      {
        name: 'help',
        arity: 2,
        group: 'generic',
        since: '6.2.0',
        flags: 0,
        keys: NO_KEYS,
        summary: 'Returns helpful text about the different subcommands.',
        run: (call) =>
          call.help([
            'ENCODING <key>',
            '    Return the kind of internal representation used in order to store the value',
            '    associated with a <key>.',
            'IDLETIME <key>',
            '    Return the idle time of the <key>, that is the approximated number of',
            '    seconds elapsed since the last access to the key.',
            'REFCOUNT <key>',
            '    Return the number of references of the value associated with the specified',
            '    <key>.',
          ]),
      },
    ],
  },
];
