/**
 * What a node does about its memory between requests: deletes keys past their time, frees what was deleted as a whole, evicts, and
 * closes clients that hold too much. Each in slices of a few milliseconds; while one has more to do, the next slice comes after a pause
 * as long as the slice, so that requests get half of the time at least.
 */

import { NORMAL_CLIENT, PUBSUB_CLIENT } from '../commands/client.ts';
import { PAUSE_NONE } from '../commands/clients.ts';
import { parseMemory } from '../config/directives.ts';
import { ActiveExpiry } from '../keyspace/active-expiry.ts';
import { EVICTION_GOES_ON, Eviction } from '../keyspace/eviction.ts';
import { evictionPolicy } from '../keyspace/eviction-policy.ts';
import { Frequencies } from '../keyspace/frequency.ts';
import type { Node } from '../node.ts';
import { INITIAL_REGION_BYTES } from '../protocol/regions.ts';

/** Buckets that active expiry visits in a tick, times active-expire-effort: some 2 ms at 1. */
const EXPIRY_BUCKETS = 4096;
/** Deleted in a slice: more than this, and expiry goes on soon. */
const BUSY_EXPIRED = 256;
/** Keys or elements freed in a slice: one to two milliseconds. */
const RECLAIMED_ELEMENTS = 10_000;
const SLICE_PAUSE_MS = 2;
/** Ticks from one look at the clients' memory to the next while no limit depends on it. */
const IDLE_TICKS = 10;
/** A sum of the clients' memory is good for so long. */
const FRESH_MS = 5;

export class Upkeep {
  /** What clients held at the last look: counted by maxmemory. */
  clientBytes = 0;
  /** DEBUG SET-ACTIVE-EXPIRE. */
  activeExpiry = true;
  readonly eviction: Eviction;
  private readonly node: Node;
  private readonly expiry: ActiveExpiry;
  private readonly frequencies: Frequencies;
  private timer: NodeJS.Timeout | null = null;
  private ticks = 0;
  private summedAtMs = 0;
  /** What was summed of clients that are killed since is free, or about to be. */
  private killsAtSum = 0;

  constructor(node: Node) {
    const { keyspace, settings } = node;
    this.node = node;
    this.expiry = new ActiveExpiry(keyspace);
    this.frequencies = new Frequencies(() => node.random());
    const eviction = new Eviction(keyspace, {
      random: () => node.random(),
      usedMemoryBytes: () => node.usedMemoryBytes() - node.uncountedBytes(),
      nowMicros: () => performance.now() * 1000,
      mayEvict: () => this.mayChange,
      reclaim: (elements) => this.reclaim(elements),
      refresh: () => this.refresh(),
    });
    this.eviction = eviction;
    // What a client held is free when it has gone: the next look shall not be at a sum with it.
    node.clients.onGone(() => {
      this.summedAtMs = 0;
    });
    settings.watch('maxmemory', (value) => {
      eviction.maxMemoryBytes = Number(value);
      this.limitClients();
      if (Number(value) > 0) this.soon();
    });
    settings.watch('maxmemory-policy', (value) => {
      const policy = evictionPolicy(value);
      eviction.setPolicy(policy);
      keyspace.frequencies = policy?.order === 'lfu' ? this.frequencies : null;
      keyspace.setNow(keyspace.nowMs);
    });
    settings.watch('import-mode', (value) => {
      keyspace.importing = value === 'yes';
    });
    settings.watch('maxmemory-samples', (value) => {
      eviction.samples = Number(value);
    });
    settings.watch('maxmemory-eviction-tenacity', (value) => {
      eviction.tenacity = Number(value);
    });
    settings.watch('lfu-log-factor', (value) => {
      this.frequencies.logFactor = Number(value);
    });
    settings.watch('lfu-decay-time', (value) => {
      this.frequencies.decayMinutes = Number(value);
    });
    settings.watch('maxmemory-clients', () => {
      this.limitClients();
    });
  }

  tick(nowMs: number): void {
    // Nobody acts on the sum but INFO while there is no limit: once in a while will do.
    if (this.eviction.limited || this.ticks % IDLE_TICKS === 0) this.sumClients();
    this.ticks++;
    if (this.slice(nowMs)) this.soon();
  }

  /** Clients that hold too much go before keys do. */
  private refresh(): void {
    const { clients, keyspace } = this.node;
    const isOld = keyspace.nowMs - this.summedAtMs >= FRESH_MS;
    if (isOld || clients.kills !== this.killsAtSum) this.sumClients();
    if (!clients.eviction.isOver) return;
    clients.eviction.evict();
    this.sumClients();
  }

  sumClients(): void {
    const { clients } = this.node;
    let total = 0;
    for (const client of clients.all()) {
      if (client.killed) continue;
      if (client.kind === NORMAL_CLIENT || client.kind === PUBSUB_CLIENT) total += clients.memoryOf(client).total;
      // A region to reply in is lent to whose command runs: the sum shall not depend on when it is taken.
      if (client === clients.current) total -= INITIAL_REGION_BYTES;
      if (clients.eviction.limitBytes > 0) clients.eviction.account(client);
    }
    this.killsAtSum = clients.kills;
    this.clientBytes = total;
    this.summedAtMs = this.node.keyspace.nowMs;
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
  }

  /** This node itself decides what is in the dataset, and nothing holds changes back. */
  private get mayChange(): boolean {
    const { node } = this;
    return node.role() === 'primary' && !node.executor.loading && node.clients.pauseKind === PAUSE_NONE;
  }

  /** One slice of each work; true when there is more. */
  private slice(nowMs: number): boolean {
    const { eviction } = this;
    const beganMs = performance.now();
    const expired = this.expire();
    const expiredMs = performance.now();
    let more = expired > BUSY_EXPIRED;
    if (this.reclaim(RECLAIMED_ELEMENTS)) more = true;
    // Unless it is to be freed in the background, what expired is freed at the cost of the cycle that found it.
    const lazy = this.node.settings.flag('lazyfree-lazy-expire');
    const endedMs = expired === 0 || lazy ? expiredMs : performance.now();
    this.node.accounting.latency.sample('expire-cycle', endedMs - beganMs, nowMs);
    if (eviction.limited && eviction.evict() === EVICTION_GOES_ON) more = true;
    return more;
  }

  /** Returns how many keys it deleted. */
  private expire(): number {
    const { node } = this;
    if (!node.keyspace.deletesExpired || !this.activeExpiry || node.executor.loading) return 0;
    return this.expiry.slice(EXPIRY_BUCKETS * node.settings.integer('active-expire-effort'));
  }

  private reclaim(elements: number): boolean {
    // Tables first: the collections that they held follow.
    const tables = this.node.keyspace.detached.reclaim(elements);
    return this.node.types.reclaim(elements) || tables;
  }

  private soon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.node.turn();
      if (this.slice(this.node.keyspace.nowMs)) this.soon();
      this.node.endTurn();
    }, SLICE_PAUSE_MS);
  }

  /** maxmemory-clients: bytes, or a share of maxmemory. */
  private limitClients(): void {
    const value = this.node.settings.text('maxmemory-clients');
    const share = value.endsWith('%') ? Number(value.slice(0, -1)) / 100 : 0;
    const bytes = share > 0 ? Math.floor(share * this.eviction.maxMemoryBytes) : (parseMemory(value) ?? 0);
    this.node.clients.eviction.setLimit(bytes);
  }
}
