import { expect, test } from 'vitest';
import type { Report } from './report.ts';
import { failures } from './report.ts';
import { Workload } from './workload.ts';
import type { WriteOutcome, Writer } from './writer.ts';

/** A store in memory whose answers a test can bend. */
class Store implements Writer {
  readonly values = new Map<string, string>();
  #writes = 0;
  readonly #tamper: (store: Store, write: number, key: string, value: string) => WriteOutcome | undefined;

  constructor(
    tamper: (store: Store, write: number, key: string, value: string) => WriteOutcome | undefined = () => undefined,
  ) {
    this.#tamper = tamper;
  }

  async open(): Promise<void> {}

  async overwrite(key: string, _slot: number, value: string): Promise<WriteOutcome> {
    const bent = this.#tamper(this, ++this.#writes, key, value);
    if (bent !== undefined) return bent;
    const previous = this.values.get(key) ?? null;
    this.values.set(key, value);
    return { kind: 'acknowledged', previous, acknowledgedAtMs: performance.now(), confirmed: true };
  }

  async read(key: string): Promise<string | null> {
    return this.values.get(key) ?? null;
  }

  async remove(key: string): Promise<void> {
    this.values.delete(key);
  }

  async reopen(): Promise<void> {}
  close(): void {}
}

const oneShard = [{ nodeId: 'a', host: '127.0.0.1', port: 7000, ranges: [{ start: 0, end: 16383 }] }];

function run(writer: Writer, writes = 600): Promise<Report> {
  return new Workload(writer, {
    runId: 'test',
    shards: oneShard,
    keys: 100,
    ratePerSecond: 6000,
    seconds: writes / 6000,
    clients: 4,
    waitReplicas: 1,
    keepKeys: false,
    stop: new AbortController().signal,
  }).run();
}

test('a run against a store that keeps its word passes and leaves no key behind', async () => {
  const store = new Store();
  const report = await run(store);
  expect(report).toMatchObject({ intended: 600, acknowledged: 600, confirmed: 600, lost: 0, wrong: 0 });
  expect(failures(report, 'acknowledged', 80)).toEqual([]);
  expect(store.values.size).toBe(0);
});

test('a write that vanishes is found though a later write covers it', async () => {
  const report = await run(
    new Store((store, write, key) => {
      if (write === 350) store.values.delete(key); // the key was written three times by then
      return undefined;
    }),
  );
  expect(report).toMatchObject({ lost: 1, lostConfirmed: 1, wrong: 0 });
  expect(failures(report, 'confirmed', 80)).toEqual(['1 confirmed writes were lost']);
  expect(report.findings[0]).toMatchObject({ verdict: 'lost-confirmed', by: 'overwrite', seen: null });
});

test('a write lost after the last overwrite is found by reading back', async () => {
  const report = await run(
    new Store((store, write, key, value) => {
      if (write < 580) return undefined;
      const previous = store.values.get(key) ?? null; // acknowledged, and forgotten at once
      return value === ''
        ? undefined
        : { kind: 'acknowledged', previous, acknowledgedAtMs: performance.now(), confirmed: false };
    }),
  );
  expect(report.lost).toBe(21);
  expect(report.lostConfirmed).toBe(0);
  expect(report.findings.every((finding) => finding.by === 'read-back')).toBe(true);
  expect(failures(report, 'acknowledged', 80)).toEqual(['21 acknowledged writes were lost']);
  expect(failures(report, 'confirmed', 80)).toEqual([]);
});

test('a value that belongs to another key, or is torn, is wrong', async () => {
  const report = await run(
    new Store((store, write, key) => {
      if (write === 250) store.values.set(key, 'keyherd:workload:test:0=1x');
      if (write === 251) store.values.set(key, `${key}=99999`);
      return undefined;
    }),
  );
  expect(report.wrong).toBe(2);
  expect(failures(report, 'acknowledged', 80)).toEqual(['2 values were wrong']);
});

test('answers that never come are no loss, but too many of them fail the run', async () => {
  const report = await run(
    new Store((store, write, key, value) => {
      if (write % 2 === 0) return undefined;
      if (write % 4 === 1) store.values.set(key, value);
      return { kind: 'indeterminate', reason: 'Connection is closed.' };
    }),
  );
  expect(report).toMatchObject({ lost: 0, wrong: 0, acknowledged: 300 });
  expect(report.errors.indeterminate).toBe(300);
  expect(failures(report, 'acknowledged', 80)).toEqual(['300 of 600 intended writes were acknowledged, below 80%']);
});

test('a client that lost every node is opened anew before the data is read back', async () => {
  const store = new Store((_, write) =>
    write > 300 ? { kind: 'indeterminate', reason: 'no answer within 20 s' } : undefined,
  );
  const read = store.read.bind(store);
  let isStuck = true;
  store.read = (key) => (isStuck ? Promise.reject(new Error('no answer within 20 s')) : read(key));
  store.reopen = async () => {
    isStuck = false;
  };
  const report = await run(store);
  expect(report).toMatchObject({ acknowledged: 300, lost: 0, wrong: 0 });
  expect(report.errors).toMatchObject({ indeterminate: 300, unread: 0 });
});
