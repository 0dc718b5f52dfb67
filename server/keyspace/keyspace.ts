/**
 * All databases of a node over one arena, and what they share: time, the open slot, statistics, snapshots' epochs and listeners.
 * Time is given: `nowMs` is set by whoever runs a command or a tick.
 */
import type { Address } from '../memory/arena.ts';
import { Arena } from '../memory/arena.ts';
import type { BucketGuard, Table } from '../memory/table.ts';
import { Database } from './database.ts';
import { DetachedTables } from './detached.ts';
import { ACCESS_MASK } from './entry.ts';
import type { Frequencies } from './frequency.ts';
import { SLOT_COUNT } from './slot.ts';

/** Told of changes that no command asked for, and of touched keys while somebody watches. Byte ranges are valid during the call. */
export interface KeyspaceListener {
  expired(database: Database, slot: number, bytes: Uint8Array, start: number, end: number): void;
  evicted(database: Database, slot: number, bytes: Uint8Array, start: number, end: number): void;
  /** Somebody observes the keyspace: this key changes. Told before the change of a key that is there, after it of a new one. */
  touched(database: Database, bytes: Uint8Array, start: number, end: number): void;
  /** Fields of the hash at a key were deleted as expired, and the key too when it was left empty. */
  fieldsExpired(
    database: Database,
    slot: number,
    key: Uint8Array,
    fields: readonly Uint8Array[],
    emptied: boolean,
  ): void;
  /** A slot (or the database, out of cluster mode) is about to be emptied; its table is open. */
  clearing(database: Database, slot: number): void;
  /** Two databases' keys have changed places. */
  swapped(first: number, second: number): void;
  /** An event of a kind that `events` selects. */
  event(database: Database, name: string, bytes: Uint8Array, start: number, end: number): void;
}

/** Who observes changes of keys, for `observe`. */
export const OBSERVED_BY_WATCH = 1;
export const OBSERVED_BY_BLOCKED = 2;
export const OBSERVED_BY_TRACKING = 4;

/** Deletes due fields inside a hash: given by the types. */
export interface FieldExpiry {
  /** Of the last call: fields deleted, and whether the whole hash was looked at. */
  readonly deleted: number;
  readonly finished: boolean;
  /** Goes on looking through the hash that `database` found, at up to so many buckets; returns what that cost in looks at buckets, at least 1. */
  expireFound(database: Database, buckets: number): number;
}

/** Frees a collection's structure: given by the types, indexed by the entry's type. */
export type CollectionFree = (encoding: number, root: Address) => void;

/** What happens to a key past its time: primaries delete, replicas hide and wait, the stream from a primary sees it still. */
export const EXPIRY_DELETES = 0;
export const EXPIRY_HIDES = 1;
export const EXPIRY_IGNORED = 2;

export interface KeyspaceOptions {
  readonly databases: number;
  readonly cluster: boolean;
  /** Two random words that key the hash. */
  readonly seed: readonly [number, number];
  readonly arena?: Arena;
}

export class Keyspace {
  readonly arena: Arena;
  readonly databases: readonly Database[];
  readonly slots: number;
  readonly seed: readonly [number, number];
  /** The cursors through which collections' own tables change: registered by the types, guarded with the databases' tables. */
  readonly innerTables: Table[] = [];
  /** Time of the command or tick that runs, ms since 1970. */
  nowMs = 0;
  /** The same in whole seconds. */
  nowSeconds = 0;
  /** Access bits of a key that is used now: seconds modulo 2^24, or under an LFU policy those of a new key. */
  accessClock = 0;
  /** Set while the eviction policy counts accesses (LFU). */
  frequencies: Frequencies | null = null;
  /** False while a client runs that asked for CLIENT NO-TOUCH: looking at keys does not keep them. */
  recordsAccess = true;
  /** import-mode: whoever copies a dataset here decides what is gone; nothing is deleted as expired meanwhile. */
  importing = false;
  /** The running command is the importer's (CLIENT IMPORT-SOURCE): it sees expired keys. */
  seesExpired = false;
  /** The slot of the keys that the running command works on; 0 out of cluster mode. */
  slot = 0;
  expiryMode = EXPIRY_DELETES;
  hits = 0;
  misses = 0;
  expired = 0;
  /** Fields of hashes that expired. */
  expiredFields = 0;
  evicted = 0;
  /** Large values freed after the command that deleted them was over: those that wait, and those that are gone. */
  lazyPending = 0;
  lazyFreed = 0;
  /** Changes since the last save (Valkey's dirty counter). */
  dirty = 0;
  /** Who wants to be told of touched keys, by bits; 0 keeps `touched` off the hot path. */
  observers = 0;
  /** The kinds of events that `notify-keyspace-events` selects; 0 keeps `event` off the hot path. */
  events = 0;
  listener: KeyspaceListener | null = null;
  fieldExpiry: FieldExpiry | null = null;
  /** Set while snapshots are open: takes over a collection that is about to be freed (true) and frees it later. */
  retainer: ((type: number, root: Address) => boolean) | null = null;
  /** Emptied databases and slots that wait to be freed. */
  readonly detached: DetachedTables;
  private readonly frees: (CollectionFree | undefined)[] = [];

  constructor(options: KeyspaceOptions) {
    this.arena = options.arena ?? new Arena();
    this.slots = options.cluster ? SLOT_COUNT : 1;
    this.seed = options.seed;
    const databases: Database[] = [];
    for (let index = 0; index < options.databases; index++) {
      databases.push(new Database(this, index, this.slots, options.seed[0], options.seed[1]));
    }
    this.databases = databases;
    this.detached = new DetachedTables(this);
  }

  setNow(nowMs: number): void {
    this.nowMs = nowMs;
    this.nowSeconds = Math.floor(nowMs / 1000);
    const { frequencies } = this;
    if (frequencies === null) this.accessClock = this.nowSeconds & ACCESS_MASK;
    else {
      frequencies.setNow(this.nowSeconds);
      this.accessClock = frequencies.initial;
    }
  }

  /** Says whether an observer has somebody to tell. */
  observe(observer: number, present: boolean): void {
    this.observers = present ? this.observers | observer : this.observers & ~observer;
  }

  /** Tells of an event, when its kind is selected. */
  notify(kind: number, name: string, database: Database, bytes: Uint8Array, start: number, end: number): void {
    if ((this.events & kind) !== 0) this.listener?.event(database, name, bytes, start, end);
  }

  /** In the millisecond that it expires in, a key or field is still there. Source: Valkey 9.1 expire.c timestampIsExpired. */
  isExpired(expireAtMs: number): boolean {
    return expireAtMs < this.nowMs && this.expiryMode !== EXPIRY_IGNORED && !(this.seesExpired && this.importing);
  }

  get deletesExpired(): boolean {
    return this.expiryMode === EXPIRY_DELETES && !this.importing;
  }

  /** Says how values of a type are freed. Once a type, at composition. */
  onFree(type: number, free: CollectionFree): void {
    if (this.frees[type] !== undefined) throw new Error(`keyspace: type ${type} already has its free function`);
    this.frees[type] = free;
  }

  freeCollection(type: number, encoding: number, root: Address): void {
    if (this.retainer?.(type, root)) return;
    const free = this.frees[type];
    if (free === undefined) throw new Error(`keyspace: no free function for type ${type}`);
    free(encoding, root);
  }

  /** Opens (epoch > 0) or closes (0) the guard of all tables: see BucketGuard. */
  setGuard(epoch: number, guard: BucketGuard | null): void {
    for (const database of this.databases) {
      database.table.epoch = epoch;
      database.table.guard = guard;
    }
    for (const table of this.innerTables) {
      table.epoch = epoch;
      table.guard = guard;
    }
  }

  keyCount(): number {
    let keys = 0;
    for (const database of this.databases) keys += database.size;
    return keys;
  }

  /** SWAPDB: both databases' keys change places. */
  swap(first: number, second: number): void {
    this.databases[first]!.swapContents(this.databases[second]!);
    this.detached.swapped(first, second);
    this.listener?.swapped(first, second);
  }

  clear(): number {
    let removed = 0;
    for (const database of this.databases) removed += database.clear();
    return removed;
  }
}
