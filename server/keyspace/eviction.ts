/**
 * Eviction: while memory is over its limit, keys go by the policy. Of a few sampled keys of every database the best candidates collect
 * in a pool, and the best of the pool goes; so the choice comes near to the true order at the cost of a few looks.
 * Hot file while memory is full: no allocation per key but the names in the pool.
 *
 * A call works for a bounded time (`maxmemory-eviction-tenacity`); while keys are left to evict, the request goes on although memory is
 * still over, and the owner calls again between requests. What was deleted before and is not freed yet is freed first.
 * Source: Valkey 9.1 evict.c.
 */
import { type Address, NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import type { Database } from './database.ts';
import { ACCESS_MASK, EntryView } from './entry.ts';
import type { EvictionPolicy } from './eviction-policy.ts';
import type { Keyspace } from './keyspace.ts';

/** Candidates kept between evictions. */
const POOL_SIZE = 16;
/** Draws that hit nothing usable before a sample is given up. */
const MAX_EMPTY_DRAWS = 64;
/** Where few keys expire, a draw goes on along the buckets marked for such, so far. */
const MAX_WALKED_BUCKETS = 4096;
/** Rounds of sampling for one eviction. A key that could go may stay unfound in all of them: that is no reason to refuse. */
const MAX_ROUNDS = 4;
/** Keys evicted between two looks at the clock. */
const KEYS_PER_CLOCK = 16;
/** Elements freed between two looks at the clock. */
const FREED_PER_CLOCK = 2000;

/** What came of a call. */
export const EVICTION_FITS = 0;
export const EVICTION_GOES_ON = 1;
export const EVICTION_FAILS = 2;

export interface EvictionHost {
  random(): number;
  usedMemoryBytes(): number;
  nowMicros(): number;
  /** False while nothing may be evicted: on a replica, while loading, while writes are paused. */
  mayEvict(): boolean;
  /** Memory is over its limit: what `usedMemoryBytes` adds up now and then is added up anew, unless it just was. */
  refresh(): void;
  /** Frees some of what was deleted before; true when more is left. */
  reclaim(elements: number): boolean;
}

interface Candidate {
  readonly key: Uint8Array;
  readonly databaseIndex: number;
  readonly slot: number;
  /** The higher, the sooner it goes. */
  readonly score: number;
}

export class Eviction {
  maxMemoryBytes = 0;
  policy: EvictionPolicy | null = null;
  samples = 5;
  /** 0 to 100: how long a call may take. */
  tenacity = 10;
  private readonly keyspace: Keyspace;
  private readonly host: EvictionHost;
  private readonly view: EntryView;
  /** In order of score, the best candidate last. */
  private readonly pool: Candidate[] = [];
  private nextDatabase = 0;

  constructor(keyspace: Keyspace, host: EvictionHost) {
    this.keyspace = keyspace;
    this.host = host;
    this.view = new EntryView(keyspace.arena);
  }

  get limited(): boolean {
    return this.maxMemoryBytes > 0;
  }

  get isOver(): boolean {
    return this.host.usedMemoryBytes() > this.maxMemoryBytes;
  }

  /** Makes room as far as the time allows; false when memory is over its limit and nothing can go. */
  makeRoom(): boolean {
    return !this.isOver || this.evict() !== EVICTION_FAILS;
  }

  /** Another policy orders by something else. */
  setPolicy(policy: EvictionPolicy | null): void {
    this.policy = policy;
    this.pool.length = 0;
  }

  evict(): number {
    const { host, policy } = this;
    if (!this.limited || !host.mayEvict() || !this.isOver) return EVICTION_FITS;
    host.refresh();
    if (!this.isOver) return EVICTION_FITS;
    const untilMicros = host.nowMicros() + timeLimitMicros(this.tenacity);
    while (host.reclaim(FREED_PER_CLOCK)) {
      if (!this.isOver) return EVICTION_FITS;
      if (host.nowMicros() > untilMicros) return EVICTION_GOES_ON;
    }
    if (!this.isOver) return EVICTION_FITS;
    if (policy === null || this.keyspace.importing) return EVICTION_FAILS;
    for (let evicted = 1; this.hasCandidates(policy); evicted++) {
      this.evictOne(policy);
      if (!this.isOver) return EVICTION_FITS;
      if (evicted % KEYS_PER_CLOCK === 0) {
        host.reclaim(FREED_PER_CLOCK);
        if (host.nowMicros() > untilMicros) return EVICTION_GOES_ON;
      }
    }
    return EVICTION_FAILS;
  }

  private hasCandidates(policy: EvictionPolicy): boolean {
    for (const database of this.keyspace.databases) if (candidatesIn(database, policy) > 0) return true;
    return false;
  }

  private evictOne(policy: EvictionPolicy): void {
    if (policy.order === 'random') {
      const { databases } = this.keyspace;
      for (let i = 0; i < databases.length; i++) {
        this.nextDatabase = (this.nextDatabase + 1) % databases.length;
        const database = databases[this.nextDatabase]!;
        if (candidatesIn(database, policy) === 0) continue;
        const entry = this.draw(database, policy);
        if (entry === NONE) continue;
        const view = this.view.open(this.keyspace.arena, entry);
        this.remove(database, this.drawnSlot, view.segment.slice(view.keyAt, view.keyEnd), policy);
        return;
      }
      return;
    }
    for (let round = 0; round < MAX_ROUNDS; round++) {
      for (const database of this.keyspace.databases) this.sample(database, policy);
      for (let best = this.pool.pop(); best !== undefined; best = this.pool.pop()) {
        if (this.remove(this.keyspace.databases[best.databaseIndex]!, best.slot, best.key, policy)) return;
      }
    }
  }

  private sample(database: Database, policy: EvictionPolicy): void {
    if (candidatesIn(database, policy) === 0) return;
    for (let i = 0; i < this.samples; i++) {
      const entry = this.draw(database, policy);
      if (entry === NONE) return;
      this.offer(database.index, this.drawnSlot, entry, policy);
    }
  }

  /** The slot of the last key that `draw` gave. */
  private drawnSlot = 0;

  /** An entry that may go, chosen by chance; NONE when none was found. */
  private draw(database: Database, policy: EvictionPolicy): Address {
    const { keyspace, host, view } = this;
    const { expires, counts } = database;
    const chosen = policy.volatile ? expires : counts;
    for (let tries = 0; tries < MAX_EMPTY_DRAWS; tries++) {
      const slot = keyspace.slots > 1 ? chosen.slotOfRank(host.random() % chosen.total) : 0;
      if (!database.openVisible(slot)) continue;
      const entry = database.table.sample(host.random() | 0);
      if (entry === NONE || (policy.volatile && !view.open(keyspace.arena, entry).expires)) continue;
      this.drawnSlot = slot;
      return entry;
    }
    return policy.volatile ? this.drawMarked(database) : NONE;
  }

  /** Few keys expire: the first one from a place chosen by chance on. */
  private drawMarked(database: Database): Address {
    const { keyspace, host, view } = this;
    const slot = keyspace.slots > 1 ? database.expires.slotOfRank(host.random() % database.expires.total) : 0;
    if (!database.openVisible(slot)) return NONE;
    const { table } = database;
    let cursor = host.random();
    for (let buckets = 0; buckets < MAX_WALKED_BUCKETS; buckets++) {
      const bucket = table.bucketOf(cursor | 0);
      if (table.isMarked(bucket)) {
        const entries = new Int32Array(table.chainLength(bucket));
        table.entriesOf(bucket, entries);
        for (const entry of entries) {
          if (!view.open(keyspace.arena, entry).expires) continue;
          this.drawnSlot = slot;
          return entry;
        }
      }
      cursor = table.nextCursor(cursor) % 2 ** 32;
    }
    return NONE;
  }

  /** Takes a key into the pool when it is a better candidate than the worst there. */
  private offer(databaseIndex: number, slot: number, entry: Address, policy: EvictionPolicy): void {
    const { pool } = this;
    const score = this.scoreOf(entry, policy);
    if (pool.length === POOL_SIZE) {
      if (score <= pool[0]!.score) return;
      pool.shift();
    }
    const view = this.view.open(this.keyspace.arena, entry);
    const key = view.segment.slice(view.keyAt, view.keyEnd);
    let place = pool.length;
    while (place > 0 && pool[place - 1]!.score > score) place--;
    pool.splice(place, 0, { key, databaseIndex, slot, score });
  }

  private scoreOf(entry: Address, policy: EvictionPolicy): number {
    const { keyspace } = this;
    const access = keyspace.arena.words[entry >>> SEGMENT_OF_SHIFT]![(entry & OFFSET_MASK) << 1]! >>> 8;
    if (policy.order === 'ttl') return -this.view.open(keyspace.arena, entry).expireAtMs();
    if (policy.order === 'lfu') return -(keyspace.frequencies?.counterOf(access) ?? 0);
    return (keyspace.accessClock - access) & ACCESS_MASK;
  }

  /** False when the key has gone in the meantime, or may not go any more. */
  private remove(database: Database, slot: number, key: Uint8Array, policy: EvictionPolicy): boolean {
    const { keyspace } = this;
    const before = keyspace.slot;
    keyspace.slot = slot;
    const found = database.findWithoutAccess(key, 0, key.length) !== NONE;
    const gone = found && (!policy.volatile || database.view.expires);
    if (gone) {
      keyspace.evicted++;
      keyspace.listener?.evicted(database, slot, key, 0, key.length);
      database.remove();
    }
    keyspace.slot = before;
    return gone;
  }
}

function candidatesIn(database: Database, policy: EvictionPolicy): number {
  return policy.volatile ? Math.min(database.expires.total, database.size) : database.size;
}

/** As Valkey has it: 50 µs a step up to 10, then 15% more a step, without a limit at 100. */
function timeLimitMicros(tenacity: number): number {
  if (tenacity <= 10) return 50 * tenacity;
  return tenacity < 100 ? 500 * 1.15 ** (tenacity - 10) : Number.POSITIVE_INFINITY;
}
