/**
 * Commands that go over the keys of a database: SCAN, KEYS, RANDOMKEY, DBSIZE.
 * Source: Valkey 9.1 db.c.
 */
import { globMatch } from '../config/glob.ts';
import type { Database } from '../keyspace/database.ts';
import { EntryView } from '../keyspace/entry.ts';
import { SLOT_COUNT, slotOf } from '../keyspace/slot.ts';
import { NONE } from '../memory/arena.ts';
import { TableWalk } from '../memory/table-walk.ts';
import { ERR_CURSOR, ERR_SYNTAX } from '../protocol/errors.ts';
import type { Call } from './call.ts';
import { type Command, DANGEROUS, FAST, NO_KEYS, READONLY, TOUCHES_ARBITRARY_KEYS } from './command.ts';
import { TYPE_NAMES } from './keys.ts';

function randomkey(call: Call): void {
  const { database, keyspace } = call;
  const view = new EntryView(keyspace.arena);
  // Empty buckets are drawn again, and so are expired keys, which go; where they may not, the last one drawn is the answer.
  for (let tries = 0; tries < RANDOM_KEY_TRIES && database.size > 0; tries++) {
    const slot = database.counts.slotOfRank(call.rooms.host.random() % database.size);
    if (!database.open(slot)) continue;
    const entry = database.table.sample(call.rooms.host.random() | 0);
    if (entry === NONE) continue;
    view.open(keyspace.arena, entry);
    if (view.expires && keyspace.isExpired(view.expireAtMs())) {
      const key = view.segment.slice(view.keyAt, view.keyEnd);
      keyspace.slot = slot;
      database.findWithoutAccess(key, 0, key.length);
      if (keyspace.deletesExpired || tries < RANDOM_KEY_TRIES - 1) continue;
    }
    call.reply.bulk(view.segment, view.keyAt, view.keyEnd);
    return;
  }
  call.reply.nil();
}

const RANDOM_KEY_TRIES = 1000;

/** Buckets that one SCAN call visits at most for each element asked for. */
const SCAN_BUCKETS_PER_COUNT = 10;

/** The largest bucket chain that SCAN copies at once; grown when a chain is longer. */
const INITIAL_SCAN_ENTRIES = 256;

const ERR_SLOT = 'ERR Invalid or out of range slot';

/** Cursors are 64 bits to clients. */
const MAX_CURSOR = 2n ** 64n;

/** What SCAN and CLUSTERSCAN take besides their cursor. */
export interface ScanOptions {
  readonly pattern: Uint8Array | null;
  /** -1 for any. */
  readonly type: number;
  readonly count: number;
  /** CLUSTERSCAN: -1 for any. */
  readonly slot: number;
}

/** Where a scan stands: a slot and a hash prefix in it. */
export interface ScanPlace {
  readonly slot: number;
  readonly prefix: number;
}

function scan(call: Call): void {
  const cursor = cursorOf(call, 1);
  if (cursor === null) {
    call.fail(ERR_CURSOR);
    return;
  }
  const options = scanOptions(call, false);
  if (options === null) return;
  const { keyspace, reply } = call;
  /** All matching keys are in this slot, when the pattern says so. */
  const onlySlot = keyspace.slots > 1 && options.pattern !== null ? patternSlot(options.pattern) : -1;
  let place: ScanPlace = { slot: Math.floor(cursor / 2 ** 32), prefix: cursor % 2 ** 32 };
  if (onlySlot >= 0 && place.slot !== onlySlot) {
    place = { slot: place.slot < onlySlot ? onlySlot : keyspace.slots, prefix: 0 };
  }
  const found = scanKeys(call, place, options, (slot) =>
    onlySlot >= 0 ? keyspace.slots : nextSlotWithKeys(call.database, slot),
  );
  reply.array(2);
  reply.bulkText(String(found.slot < keyspace.slots ? found.slot * 2 ** 32 + found.prefix : 0));
  replyKeys(call, found.keys);
}

export function replyKeys({ reply }: Call, keys: readonly Uint8Array[]): void {
  reply.array(keys.length);
  for (const key of keys) reply.bulk(key, 0, key.length);
}

/** The options from argument 2 on; null after the error was answered. */
export function scanOptions(call: Call, withSlot: boolean): ScanOptions | null {
  let count = 10;
  let pattern: Uint8Array | null = null;
  let type = -1;
  let slot = -1;
  for (let i = 2; i < call.count; i += 2) {
    const more = i + 1 < call.count;
    if (call.is(i, 'COUNT') && more) {
      count = call.integer(i + 1);
      if (call.failed) return null;
      if (count < 1) return fail(call, ERR_SYNTAX);
    } else if (call.is(i, 'MATCH') && more) pattern = call.copy(i + 1);
    else if (call.is(i, 'TYPE') && more) {
      const name = call.text(i + 1).toLowerCase();
      const found = Object.entries(TYPE_NAMES).find(([, known]) => known === name);
      if (found === undefined) return fail(call, `ERR unknown type name '${call.text(i + 1)}'`);
      type = Number(found[0]);
    } else if (withSlot && call.is(i, 'SLOT') && more) {
      slot = call.integer(i + 1, ERR_SLOT);
      if (call.failed) return null;
      if (slot < 0 || slot >= SLOT_COUNT) return fail(call, ERR_SLOT);
    } else if (call.is(i, 'NOVALUES')) return fail(call, 'ERR NOVALUES option can only be used in HSCAN');
    else if (call.is(i, 'NOSCORES')) return fail(call, 'ERR NOSCORES option can only be used in ZSCAN');
    else return fail(call, ERR_SYNTAX);
  }
  return { pattern, type, count, slot };
}

function fail(call: Call, error: string): null {
  call.fail(error);
  return null;
}

/** A cursor is slot × 2^32 + hash prefix; 0 begins and ends. */
function cursorOf(call: Call, index: number): number | null {
  const text = call.text(index);
  if (!/^\d{1,20}$/.test(text) || BigInt(text) >= MAX_CURSOR) return null;
  return Number(text);
}

/**
 * Collects keys from a place on, slot after slot as `nextSlot` says, until about `options.count` were seen; says where it stopped
 * (a slot that is none: at the end).
 */
export function scanKeys(
  call: Call,
  from: ScanPlace,
  options: ScanOptions,
  nextSlot: (slot: number) => number,
): ScanPlace & { readonly keys: readonly Uint8Array[] } {
  const { database, keyspace } = call;
  const keys: Uint8Array[] = [];
  const expired: Uint8Array[] = [];
  const view = new EntryView(keyspace.arena);
  let entries = new Int32Array(INITIAL_SCAN_ENTRIES);
  let { slot, prefix } = from;
  let visited = 0;
  let seen = 0;
  while (slot < keyspace.slots && seen < options.count && visited < options.count * SCAN_BUCKETS_PER_COUNT) {
    if (!database.openVisible(slot)) {
      slot = nextSlot(slot);
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
      if (!wanted(view, options)) continue;
      const key = view.segment.slice(view.keyAt, view.keyEnd);
      if (view.expires && keyspace.isExpired(view.expireAtMs())) expired.push(key);
      else keys.push(key);
    }
    visited++;
    prefix = database.table.nextCursor(prefix);
    if (prefix === 2 ** 32) {
      slot = nextSlot(slot);
      prefix = 0;
    }
  }
  for (const key of expired) {
    if (keyspace.slots > 1) keyspace.slot = slotOf(key, 0, key.length);
    database.findWithoutAccess(key, 0, key.length);
  }
  return { slot, prefix, keys };
}

function wanted(view: EntryView, filter: ScanOptions): boolean {
  if (filter.type >= 0 && view.type !== filter.type) return false;
  return (
    filter.pattern === null ||
    globMatch(filter.pattern, 0, filter.pattern.length, view.segment, view.keyAt, view.keyEnd)
  );
}

/** The slot of every key that a pattern can match, -1 when they may be in several. Source: Valkey 9.1 cluster.c patternHashSlot. */
export function patternSlot(pattern: Uint8Array): number {
  let open = -1;
  for (let i = 0; i < pattern.length; i++) {
    const byte = pattern[i]!;
    if (byte === 42 || byte === 63 || byte === 91 || byte === 92) return -1;
    if (open < 0 && byte === 123) open = i;
    else if (open >= 0 && byte === 125 && i !== open + 1) return slotOf(pattern, open, i + 1);
  }
  return slotOf(pattern, 0, pattern.length);
}

/** The first slot after `slot` that has keys, or the number of slots. */
export function nextSlotWithKeys(database: Database, slot: number): number {
  const { keyspace } = database;
  for (let next = slot + 1; next < keyspace.slots; next++) if (database.countInSlot(next) > 0) return next;
  return keyspace.slots;
}

function keys(call: Call): void {
  const { database, keyspace, reply } = call;
  const pattern = call.copy(1);
  const every = pattern.length === 1 && pattern[0] === 42;
  const onlySlot = keyspace.slots > 1 && !every ? patternSlot(pattern) : -1;
  const { arena } = keyspace;
  const view = new EntryView(arena);
  const walk = new TableWalk(database.table);
  const mark = reply.arrayLater();
  let found = 0;
  for (let slot = Math.max(0, onlySlot); slot < keyspace.slots; slot++) {
    if (database.openVisible(slot)) {
      walk.open(database.table.root);
      for (let entry = walk.next(); entry !== NONE; entry = walk.next()) {
        view.open(arena, entry);
        if (!every && !globMatch(pattern, 0, pattern.length, view.segment, view.keyAt, view.keyEnd)) continue;
        if (view.expires && keyspace.isExpired(view.expireAtMs())) continue;
        reply.bulk(view.segment, view.keyAt, view.keyEnd);
        found++;
      }
    }
    if (onlySlot >= 0) break;
  }
  reply.arrayWas(mark, found);
}

function dbsize(call: Call): void {
  call.reply.integer(call.database.size);
}

export const scanCommands: readonly Command[] = [
  {
    name: 'randomkey',
    arity: 1,
    group: 'generic',
    since: '1.0.0',
    flags: READONLY | TOUCHES_ARBITRARY_KEYS,
    keys: NO_KEYS,
    summary: 'Returns a random key name from the database.',
    run: randomkey,
  },
  {
    name: 'scan',
    arity: -2,
    group: 'generic',
    since: '2.8.0',
    flags: READONLY | TOUCHES_ARBITRARY_KEYS,
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
];
