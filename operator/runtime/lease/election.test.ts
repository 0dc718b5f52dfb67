/** The election under a virtual clock: several electors on one Lease, with slow, failing and conflicting writes. */

import { expect, test } from 'vitest';
import { ApiError } from '../../platform/kubernetes/api/client.ts';
import type { RawObject } from '../../platform/kubernetes/api/objects.ts';
import { LEASE_TIMES, mayAct, newElection, nextAction, onRead, onWritten } from './election.ts';
import { Elector } from './elector.ts';

/** Virtual time: sleepers are woken in order as the clock is advanced. */
class Clock {
  nowMs = 0;
  #sleepers: { atMs: number; wake: () => void }[] = [];
  sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      this.#sleepers.push({ atMs: this.nowMs + ms, wake: resolve });
      signal?.addEventListener('abort', () => resolve());
    });
  async advance(ms: number): Promise<void> {
    const endMs = this.nowMs + ms;
    for (;;) {
      await settle();
      this.#sleepers.sort((a, b) => a.atMs - b.atMs);
      const next = this.#sleepers[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#sleepers.shift();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.wake();
    }
    this.nowMs = endMs;
    await settle();
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

/** One Lease with optimistic concurrency, whose requests can be made slow or made to fail for one identity. */
class LeaseServer {
  lease: RawObject | undefined;
  readonly unreachable = new Set<string>();
  readonly delayMs = new Map<string, number>();
  #version = 0;
  readonly #clock: Clock;
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  clientOf(identity: string) {
    const gate = async () => {
      await this.#clock.sleep(this.delayMs.get(identity) ?? 1);
      if (this.unreachable.has(identity)) throw new ApiError('lease', 0, '', 'unreachable');
    };
    const store = (object: object): RawObject => {
      this.#version += 1;
      const raw = object as { metadata: object; spec: object };
      this.lease = { ...raw, metadata: { ...raw.metadata, resourceVersion: String(this.#version) } };
      return this.lease;
    };
    return {
      get: async () => {
        await gate();
        return this.lease;
      },
      create: async (_resource: unknown, _namespace: string, object: object) => {
        await gate();
        if (this.lease !== undefined) throw new ApiError('create', 409, 'AlreadyExists', '');
        return store(object);
      },
      update: async (_resource: unknown, _namespace: string, _name: string, object: object) => {
        await gate();
        const sent = (object as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
        if (this.lease?.metadata?.['resourceVersion'] !== sent) throw new ApiError('update', 409, 'Conflict', '');
        return store(object);
      },
    };
  }

  get holder(): string {
    return (this.lease?.spec as { holderIdentity: string } | undefined)?.holderIdentity ?? '';
  }
}

function stage(...names: string[]) {
  const clock = new Clock();
  const server = new LeaseServer(clock);
  const log: string[] = [];
  const electors = names.map(
    (identity) =>
      new Elector({
        client: server.clientOf(identity),
        namespace: 'keyherd',
        name: 'keyherd',
        identity,
        times: LEASE_TIMES,
        now: () => clock.nowMs,
        wallClock: () => new Date(clock.nowMs),
        sleep: clock.sleep,
        onLeading: () => log.push(`${identity} leads`),
        onLost: (reason) => log.push(`${identity} lost: ${reason}`),
        onError: () => {},
      }),
  );
  return { clock, server, log, electors: electors as [Elector, ...Elector[]] };
}

test('the first to create the Lease leads, and keeps leading by renewing it', async () => {
  const {
    clock,
    server,
    log,
    electors: [a],
  } = stage('a');
  a.start();
  await clock.advance(60_000);
  expect(log).toEqual(['a leads']);
  expect(a.mayAct()).toBe(true);
  expect(server.holder).toBe('a');
});

test('of two that start together exactly one leads', async () => {
  const { clock, log, electors } = stage('a', 'b');
  for (const elector of electors) elector.start();
  await clock.advance(60_000);
  expect(log).toHaveLength(1);
  expect(electors.filter((elector) => elector.mayAct())).toHaveLength(1);
});

test('a leader that cannot reach the API server stops before another begins, and only the other leads then', async () => {
  const { clock, server, log, electors } = stage('a', 'b');
  const [a, b] = electors as [Elector, Elector];
  a.start();
  await clock.advance(5_000);
  b.start();
  await clock.advance(5_000);
  server.unreachable.add('a');
  let bothMs = 0;
  for (let step = 0; step < 400; step += 1) {
    await clock.advance(100);
    if (a.mayAct() && b.mayAct()) bothMs += 100;
  }
  expect(bothMs).toBe(0);
  expect(b.mayAct()).toBe(true);
  expect(log).toEqual(['a leads', 'a lost: the Lease was not renewed for 10000 ms', 'b leads']);
});

test('a renewal whose answer is slow counts from when it was sent', async () => {
  const {
    clock,
    server,
    electors: [a],
  } = stage('a');
  a.start();
  await clock.advance(1_000);
  server.delayMs.set('a', 9_000);
  await clock.advance(10_900);
  // Sent at about 2 s and answered at about 11 s: it extends the deadline to 12 s, not to 21 s.
  expect(a.mayAct()).toBe(true);
  await clock.advance(1_200);
  expect(a.mayAct()).toBe(false);
});

test('a released Lease is taken at the next look, without waiting for it to run out', async () => {
  const { clock, log, electors } = stage('a', 'b');
  const [a, b] = electors as [Elector, Elector];
  a.start();
  await clock.advance(3_000);
  b.start();
  await clock.advance(3_000);
  const released = a.release();
  await clock.advance(3_000);
  await released;
  expect(a.mayAct()).toBe(false);
  expect(b.mayAct()).toBe(true);
  expect(log).toEqual(['a leads', 'b leads']);
});

test('a Lease that another took while we led ends our leadership at the next conflict', () => {
  const lease = {
    holder: 'a',
    durationMs: 15_000,
    renewTime: '',
    acquireTime: 't',
    transitions: 0,
    resourceVersion: '1',
  };
  let election = onWritten(onRead(newElection('a'), undefined, 0), lease, 0, 1);
  expect(mayAct(election, 5)).toBe(true);
  expect(nextAction(election, 'conflict', 5)).toEqual({ do: 'read' });
  election = onRead(election, { ...lease, holder: 'b', resourceVersion: '2' }, 6);
  expect(mayAct(election, 6)).toBe(false);
  expect(nextAction(election, 'read', 6)).toEqual({ do: 'exit', reason: 'the Lease is held by "b"' });
});

test('a candidate waits the whole duration since it saw the Lease change, whatever its timestamps say', () => {
  const lease = {
    holder: 'b',
    durationMs: 15_000,
    renewTime: '1970-01-01T00:00:00.000000Z',
    acquireTime: '',
    transitions: 3,
    resourceVersion: '7',
  };
  let election = onRead(newElection('a'), lease, 1_000);
  election = onRead(election, lease, 15_999);
  expect(nextAction(election, 'read', 15_999)).toEqual({ do: 'wait', ms: LEASE_TIMES.retryMs });
  election = onRead(election, { ...lease, resourceVersion: '8' }, 16_000);
  expect(nextAction(election, 'read', 16_000).do).toBe('wait');
  expect(nextAction(election, 'read', 31_000)).toMatchObject({ do: 'write', transitions: 4, resourceVersion: '8' });
});

test('times under which two could lead at once are refused', () => {
  expect(() => newElection('a', { durationMs: 10_000, renewDeadlineMs: 10_000, retryMs: 2_000 })).toThrow(
    'shorter than the Lease lasts',
  );
});
