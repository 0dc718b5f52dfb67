/**
 * Eviction by approximate LRU: of a few sampled keys the one longest not accessed goes, until memory fits.
 * Hot file while memory is full: no allocation per key but the name handed to listeners.
 * Source of the policy: Valkey's evict.c; the sample is drawn anew each time, without a pool.
 */
import { type Address, NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import type { Database } from './database.ts';
import { ACCESS_MASK, EntryView } from './entry.ts';
import type { Keyspace } from './keyspace.ts';

/** Draws that hit an empty bucket before a sample is given up. */
const MAX_EMPTY_DRAWS = 64;
/** Keys evicted for one request at most; what is still over is refused. */
const MAX_EVICTIONS_PER_CALL = 1000;

export interface EvictionHost {
  random(): number;
  usedMemoryBytes(): number;
}

export class Eviction {
  maxMemoryBytes = 0;
  evicts = false;
  samples = 5;
  private readonly keyspace: Keyspace;
  private readonly host: EvictionHost;
  private readonly view: EntryView;

  constructor(keyspace: Keyspace, host: EvictionHost) {
    this.keyspace = keyspace;
    this.host = host;
    this.view = new EntryView(keyspace.arena);
  }

  get limited(): boolean {
    return this.maxMemoryBytes > 0;
  }

  /** Evicts until memory fits; false when it does not. */
  makeRoom(): boolean {
    if (this.host.usedMemoryBytes() <= this.maxMemoryBytes) return true;
    if (!this.evicts) return false;
    for (let evicted = 0; evicted < MAX_EVICTIONS_PER_CALL; evicted++) {
      if (!this.evictOne()) return false;
      if (this.host.usedMemoryBytes() <= this.maxMemoryBytes) return true;
    }
    return false;
  }

  private evictOne(): boolean {
    const { keyspace, host } = this;
    let total = keyspace.keyCount();
    if (total === 0) return false;
    let rank = host.random() % total;
    let database: Database | null = null;
    for (const candidate of keyspace.databases) {
      if (rank < candidate.size) {
        database = candidate;
        break;
      }
      rank -= candidate.size;
    }
    if (database === null) return false;
    total = database.size;
    let best: Address = NONE;
    let bestSlot = 0;
    let bestIdle = -1;
    for (let draw = 0, found = 0; draw < MAX_EMPTY_DRAWS && found < this.samples; draw++) {
      const slot = keyspace.slots > 1 ? database.counts.slotOfRank(host.random() % total) : 0;
      if (!database.open(slot)) continue;
      const entry = database.table.sample(host.random() | 0);
      if (entry === NONE) continue;
      found++;
      const header = keyspace.arena.words[entry >>> SEGMENT_OF_SHIFT]![(entry & OFFSET_MASK) << 1]!;
      const idle = (keyspace.accessClock - (header >>> 8)) & ACCESS_MASK;
      if (idle <= bestIdle) continue;
      best = entry;
      bestSlot = slot;
      bestIdle = idle;
    }
    if (best === NONE) return false;
    this.evict(database, bestSlot, best);
    return true;
  }

  private evict(database: Database, slot: number, entry: Address): void {
    const { keyspace } = this;
    const view = this.view.open(keyspace.arena, entry);
    const key = view.segment.slice(view.keyAt, view.keyEnd);
    const before = keyspace.slot;
    keyspace.slot = slot;
    if (database.findWithoutAccess(key, 0, key.length) !== NONE) {
      keyspace.evicted++;
      keyspace.listener?.evicted(database, slot, key, 0, key.length);
      database.remove();
    }
    keyspace.slot = before;
  }
}
