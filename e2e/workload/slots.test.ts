import { expect, test } from 'vitest';
import { Latencies } from './latency.ts';
import { formatRanges, shardsOf, slotOf } from './slots.ts';

test('slots are those that CLUSTER KEYSLOT answers', () => {
  expect(slotOf('foo')).toBe(12182);
  expect(slotOf('{user1000}.following')).toBe(slotOf('{user1000}.followers'));
  expect(slotOf('foo{}{bar}')).toBe(8363);
  expect(slotOf('foo{{bar}}zap')).toBe(slotOf('{bar'));
});

test('CLUSTER SLOTS becomes shards in the order of their slots, the ranges of a primary together', () => {
  const shards = shardsOf(
    [
      [200, 300, ['10.0.0.2', 7001, 'b', []]],
      [301, 400, ['', 7000, 'a', []], ['10.0.0.3', 7002, 'c', []]],
      [0, 100, ['', 7000, 'a', []]],
    ],
    '127.0.0.1',
  );
  expect(shards.map((shard) => [shard.host, shard.port, formatRanges(shard.ranges)])).toEqual([
    ['127.0.0.1', 7000, '0-100,301-400'],
    ['10.0.0.2', 7001, '200-300'],
  ]);
});

test('a percentile is within 2% above the true value', () => {
  const latencies = new Latencies();
  for (let ms = 1; ms <= 1000; ms++) latencies.add(ms);
  for (const [fraction, trueMs] of [
    [0.5, 500],
    [0.99, 990],
    [0.999, 999],
  ] as const) {
    expect(latencies.percentileMs(fraction)).toBeGreaterThanOrEqual(trueMs * 0.999);
    expect(latencies.percentileMs(fraction)).toBeLessThanOrEqual(trueMs * 1.021);
  }
  expect(new Latencies().percentileMs(0.5)).toBe(0);
});
