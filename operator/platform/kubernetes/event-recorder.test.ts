import { expect, test } from 'vitest';
import { BURST, EventRecorder, REFILL_MS, REPEAT_AFTER_MS } from './event-recorder.ts';

function stage() {
  let nowMs = 0;
  const written: Record<string, unknown>[] = [];
  const dropped: unknown[] = [];
  let fails = false;
  const recorder = new EventRecorder({
    client: {
      create: async (_resource, _namespace, object) => {
        if (fails) throw new Error('refused');
        written.push(object as Record<string, unknown>);
        return {};
      },
    },
    identity: 'operator-1',
    now: () => nowMs,
    wallClock: () => new Date(nowMs),
    uuid: () => `id${written.length}`,
    onDropped: (reason) => dropped.push(reason),
  });
  const record = (message: string) =>
    recorder.record({ namespace: 'n', name: 'c', uid: 'u' }, { type: 'Warning', reason: 'Slow', message });
  return {
    record,
    written,
    dropped,
    advance: (ms: number) => {
      nowMs += ms;
    },
    fail: (on: boolean) => {
      fails = on;
    },
  };
}

test('an event says what it is about, who wrote it and when', async () => {
  const { record, written } = stage();
  await record('a pod is missing');
  expect(written).toEqual([
    {
      metadata: { name: 'c.id0', namespace: 'n' },
      eventTime: '1970-01-01T00:00:00.000000Z',
      type: 'Warning',
      reason: 'Slow',
      action: 'Slow',
      note: 'a pod is missing',
      regarding: { apiVersion: 'keyherd.dev/v1alpha1', kind: 'ValkeyCluster', namespace: 'n', name: 'c', uid: 'u' },
      reportingController: 'keyherd.dev/operator',
      reportingInstance: 'operator-1',
    },
  ]);
});

test('the same event is written again only after a while', async () => {
  const { record, written, advance } = stage();
  await record('same');
  await record('same');
  await record('other');
  expect(written).toHaveLength(2);
  advance(REPEAT_AFTER_MS);
  await record('same');
  expect(written).toHaveLength(3);
});

test('a storm is cut off and counted, and ends by itself', async () => {
  const { record, written, dropped, advance } = stage();
  for (let index = 0; index < BURST + 5; index += 1) await record(String(index));
  expect(written).toHaveLength(BURST);
  expect(dropped).toHaveLength(5);
  advance(REFILL_MS);
  await record('later');
  expect(written).toHaveLength(BURST + 1);
});

test('an event that could not be written is tried again when it recurs', async () => {
  const { record, written, dropped, fail } = stage();
  fail(true);
  await record('one');
  fail(false);
  await record('one');
  expect(dropped).toHaveLength(1);
  expect(written).toHaveLength(1);
});
