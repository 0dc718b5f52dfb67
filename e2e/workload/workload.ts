/**
 * The run: writes at a steady rate, judges every value that comes back, reads everything back at the end.
 *
 * The schedule is open: write number i is due at start + i/rate whether or not earlier ones were answered, and its latency counts
 * from then, so a stall shows in full. A due write waits in its shard's queue for one of the shard's lanes; each lane has one write
 * under way, so a dead shard holds up its own lanes only. The queue is bounded: what comes in while it is full is never sent.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ANSWER_TIMEOUT_MS, reasonOf } from './cluster-writer.ts';
import type { CheckedKey, KeyGroup } from './keys.ts';
import { makeKeys, valueOf, versionIn } from './keys.ts';
import { Latencies } from './latency.ts';
import type { Finding, Report } from './report.ts';
import type { Shard } from './slots.ts';
import type { Writer } from './writer.ts';

/** Writes of one shard that wait for a lane: 20 s of an outage, after which more waiting tells nothing new. */
const MAX_QUEUED_SECONDS = 20;
const TICK_MS = 2;
/** After the last write is due: time for those that wait to be sent and answered. */
const DRAIN_TIMEOUT_MS = 10_000;
/** And for those under way to be answered or given up by the writer, whose own time-outs are shorter. */
const SETTLE_TIMEOUT_MS = ANSWER_TIMEOUT_MS + 5_000;
/** Reading all keys back, retries included; a key not read by then is reported as unread. Removing them has the same time. */
const READ_BACK_TIMEOUT_MS = 30_000;
const READ_BACK_LANES = 32;
const READ_RETRY_DELAY_MS = 100;
/** Kept for the report: enough to see a pattern. */
const MAX_FINDINGS = 20;
const MAX_DISTINCT_ERRORS = 20;

export interface WorkloadOptions {
  readonly runId: string;
  readonly shards: readonly Shard[];
  readonly keys: number;
  readonly ratePerSecond: number;
  readonly seconds: number;
  /** Writes under way at once, for each shard. */
  readonly clients: number;
  /** What WAIT was asked for; 0 when writes are not confirmed. */
  readonly waitReplicas: number;
  readonly keepKeys: boolean;
  /** Ends the sending early; what was due by then is still answered and everything is read back. */
  readonly stop: AbortSignal;
}

interface Lane {
  readonly group: KeyGroup;
  /** When each waiting write was due. */
  readonly dueMs: number[];
  active: number;
  nextKey: number;
  due: number;
  acknowledged: number;
  lastAcknowledgedMs: number;
  longestGapMs: number;
  longestGapStartMs: number;
}

export class Workload {
  readonly #writer: Writer;
  readonly #options: WorkloadOptions;
  readonly #lanes: Lane[];
  readonly #laneOf = new Map<KeyGroup, Lane>();
  readonly #keys: readonly CheckedKey[];
  readonly #latencies = new Latencies();
  readonly #errors = new Map<string, number>();
  readonly #findings: Finding[] = [];
  readonly #count = {
    confirmed: 0,
    lost: 0,
    lostConfirmed: 0,
    wrong: 0,
    refused: 0,
    indeterminate: 0,
    unsent: 0,
    unread: 0,
  };
  #startMs = 0;
  #sending = false;

  constructor(writer: Writer, options: WorkloadOptions) {
    this.#writer = writer;
    this.#options = options;
    const groups = makeKeys(options.runId, options.keys, options.shards);
    this.#lanes = groups.map((group) => ({
      group,
      dueMs: [],
      active: 0,
      nextKey: 0,
      due: 0,
      acknowledged: 0,
      lastAcknowledgedMs: 0,
      longestGapMs: 0,
      longestGapStartMs: 0,
    }));
    for (const lane of this.#lanes) this.#laneOf.set(lane.group, lane);
    // In the order of the names, so that the shards take turns as their shares of the slots have it.
    this.#keys = groups.flatMap((group) => group.keys).sort((a, b) => indexOf(a) - indexOf(b));
  }

  get acknowledged(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.acknowledged, 0);
  }

  async run(): Promise<Report> {
    const startedAt = new Date().toISOString();
    this.#startMs = performance.now();
    this.#sending = true;
    for (const lane of this.#lanes) lane.lastAcknowledgedMs = this.#startMs;
    const intended = await this.#send();
    const sentSeconds = (performance.now() - this.#startMs) / 1000;
    for (const lane of this.#lanes) this.#closeGap(lane, performance.now());
    this.#sending = false;
    await this.#drain();
    // A client that lost every node at once may answer nothing any more; then its writes say so, and the data is read all the same.
    await this.#writer.reopen().catch((error: unknown) => this.#fail('unread', `reopening: ${reasonOf(error)}`));
    await this.#readBack();
    if (!this.#options.keepKeys) await this.#removeKeys();
    return this.#report(startedAt, sentSeconds, intended);
  }

  async #send(): Promise<number> {
    const { ratePerSecond, seconds, stop } = this.#options;
    const total = Math.round(ratePerSecond * seconds);
    const maxQueued = Math.ceil(MAX_QUEUED_SECONDS * ratePerSecond);
    let due = 0;
    while (due < total && !stop.aborted) {
      const elapsedMs = performance.now() - this.#startMs;
      const dueByNow = Math.min(total, Math.floor((elapsedMs * ratePerSecond) / 1000) + 1);
      for (; due < dueByNow; due++) {
        const key = this.#keys[due % this.#keys.length];
        const lane = key === undefined ? undefined : this.#laneOf.get(key.group);
        if (lane === undefined) throw new Error('a key without a lane');
        lane.due++;
        if (lane.dueMs.length >= maxQueued) this.#fail('unsent', 'the queue of its shard was full');
        else lane.dueMs.push(this.#startMs + (due * 1000) / ratePerSecond);
        this.#fillLane(lane);
      }
      await sleep(TICK_MS);
    }
    return due;
  }

  #fillLane(lane: Lane): void {
    const most = Math.min(this.#options.clients, lane.group.keys.length);
    while (lane.active < most && lane.dueMs.length > 0) {
      const key = nextFreeKey(lane);
      const dueMs = lane.dueMs.shift();
      if (key === undefined || dueMs === undefined) return;
      lane.active++;
      void this.#overwrite(lane, key, dueMs).finally(() => {
        lane.active--;
        this.#fillLane(lane);
      });
    }
  }

  async #overwrite(lane: Lane, key: CheckedKey, dueMs: number): Promise<void> {
    const version = key.history.issue();
    const outcome = await this.#writer.overwrite(key.name, key.slot, valueOf(key, version));
    if (outcome.kind === 'acknowledged') {
      this.#judge(key, outcome.previous, 'overwrite');
      key.history.acknowledge(outcome.confirmed);
      lane.acknowledged++;
      if (outcome.confirmed) this.#count.confirmed++;
      this.#latencies.add(outcome.acknowledgedAtMs - dueMs);
      this.#closeGap(lane, outcome.acknowledgedAtMs);
    } else if (outcome.kind === 'refused') {
      key.history.refuse();
      this.#fail('refused', outcome.reason);
    } else {
      key.history.leaveIndeterminate();
      this.#fail('indeterminate', outcome.reason);
    }
  }

  #closeGap(lane: Lane, nowMs: number): void {
    const gapMs = nowMs - lane.lastAcknowledgedMs;
    if (this.#sending && gapMs > lane.longestGapMs) {
      lane.longestGapMs = gapMs;
      lane.longestGapStartMs = lane.lastAcknowledgedMs - this.#startMs;
    }
    lane.lastAcknowledgedMs = Math.max(nowMs, lane.lastAcknowledgedMs);
  }

  #judge(key: CheckedKey, value: string | null, by: Finding['by']): void {
    const acknowledged = key.history.lastAcknowledged;
    const confirmed = key.history.lastConfirmed;
    const verdict = key.history.observe(value === null ? null : versionIn(key, value));
    if (verdict === 'right') return;
    if (verdict === 'wrong') this.#count.wrong++;
    else this.#count.lost++;
    if (verdict === 'lost-confirmed') this.#count.lostConfirmed++;
    if (this.#findings.length < MAX_FINDINGS) {
      this.#findings.push({
        verdict,
        key: key.name,
        slot: key.slot,
        shard: key.group.number,
        seen: value,
        acknowledged,
        confirmed,
        by,
        atSeconds: (performance.now() - this.#startMs) / 1000,
      });
    }
  }

  async #drain(): Promise<void> {
    const queuesEmpty = (): boolean => this.#lanes.every((lane) => lane.dueMs.length === 0);
    const lanesIdle = (): boolean => this.#lanes.every((lane) => lane.active === 0);
    await until(queuesEmpty, DRAIN_TIMEOUT_MS);
    for (const lane of this.#lanes) {
      for (const _ of lane.dueMs.splice(0)) this.#fail('unsent', 'still waiting for a lane at the end');
    }
    await until(lanesIdle, SETTLE_TIMEOUT_MS);
  }

  async #readBack(): Promise<void> {
    const deadlineMs = performance.now() + READ_BACK_TIMEOUT_MS;
    await this.#onEveryKey(async (key) => {
      // A read beside a write under way says nothing: either value is right, and the write's own answer would be judged against it.
      if (key.history.isInFlight) return this.#fail('unread', 'its last write never settled');
      for (let reason = 'the time for reading back was over'; ; ) {
        if (performance.now() >= deadlineMs) return this.#fail('unread', reason);
        try {
          this.#judge(key, await this.#writer.read(key.name, key.slot), 'read-back');
          return;
        } catch (error) {
          reason = reasonOf(error);
          await sleep(READ_RETRY_DELAY_MS);
        }
      }
    });
  }

  async #removeKeys(): Promise<void> {
    // What cannot be removed stays: the run's findings are what counts.
    const deadlineMs = performance.now() + READ_BACK_TIMEOUT_MS;
    await this.#onEveryKey(async (key) => {
      if (performance.now() < deadlineMs) await this.#writer.remove(key.name, key.slot).catch(() => {});
    });
  }

  async #onEveryKey(run: (key: CheckedKey) => Promise<void>): Promise<void> {
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let key = this.#keys[next++]; key !== undefined; key = this.#keys[next++]) await run(key);
    };
    await Promise.all(Array.from({ length: READ_BACK_LANES }, lane));
  }

  #fail(kind: 'refused' | 'indeterminate' | 'unsent' | 'unread', reason: string): void {
    this.#count[kind]++;
    const text = `${kind}: ${reason.replace(/\b\d{1,5} (?=\d+\.)/, 'N ')}`; // MOVED of many slots is one reason.
    const entry = this.#errors.has(text) || this.#errors.size < MAX_DISTINCT_ERRORS ? text : `${kind}: other reasons`;
    this.#errors.set(entry, (this.#errors.get(entry) ?? 0) + 1);
  }

  #report(startedAt: string, seconds: number, intended: number): Report {
    const count = this.#count;
    const percentile = (fraction: number): number => round(this.#latencies.percentileMs(fraction));
    return {
      startedAt,
      seconds: round(seconds),
      ratePerSecond: this.#options.ratePerSecond,
      keys: this.#keys.length,
      waitReplicas: this.#options.waitReplicas,
      intended,
      acknowledged: this.acknowledged,
      confirmed: count.confirmed,
      lost: count.lost,
      lostConfirmed: count.lostConfirmed,
      wrong: count.wrong,
      errors: {
        refused: count.refused,
        indeterminate: count.indeterminate,
        unsent: count.unsent,
        unread: count.unread,
      },
      shards: this.#lanes.map((lane) => ({
        shard: lane.group.number,
        primaryAtStart: lane.group.address,
        slotsAtStart: lane.group.slots,
        keys: lane.group.keys.length,
        intended: lane.due,
        acknowledged: lane.acknowledged,
        longestGapMs: round(lane.longestGapMs),
        longestGapAtSeconds: round(lane.longestGapStartMs / 1000),
      })),
      latencyMs: {
        p50: percentile(0.5),
        p99: percentile(0.99),
        p999: percentile(0.999),
        max: round(this.#latencies.maxMs),
      },
      errorReasons: [...this.#errors].map(([reason, times]) => ({ reason, times })).sort((a, b) => b.times - a.times),
      findings: this.#findings,
    };
  }
}

async function until(holds: () => boolean, timeoutMs: number): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!holds() && performance.now() < deadlineMs) await sleep(TICK_MS);
}

/** The next key of the group with no write under way; there are more keys than lanes. */
function nextFreeKey(lane: Lane): CheckedKey | undefined {
  const { keys } = lane.group;
  for (let tried = 0; tried < keys.length; tried++) {
    const key = keys[lane.nextKey++ % keys.length];
    if (key !== undefined && !key.history.isInFlight) return key;
  }
  return undefined;
}

function indexOf(key: CheckedKey): number {
  return Number(key.name.slice(key.name.lastIndexOf(':') + 1));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
