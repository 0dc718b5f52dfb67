import fc from 'fast-check';
import { expect, test } from 'vitest';
import { transfers } from './balance.ts';

const SLOTS = 16384;

function holdings(counts: readonly number[], staying = counts.length) {
  return counts.map((slots, shard) => ({ shard, slots, staying: shard < staying }));
}

function total(moves: ReturnType<typeof transfers>): number {
  return moves.reduce((sum, move) => sum + move.slots, 0);
}

test('three to four shards moves exactly 4096 slots, a share from each', () => {
  const moves = transfers(holdings([5461, 5461, 5462, 0]));
  expect(moves).toEqual([
    { source: 0, target: 3, slots: 1365 },
    { source: 1, target: 3, slots: 1365 },
    { source: 2, target: 3, slots: 1366 },
  ]);
});

test('four to three shards moves exactly the 4096 slots of the one that leaves', () => {
  expect(total(transfers(holdings([4096, 4096, 4096, 4096], 3)))).toBe(4096);
});

test('a balanced cluster moves nothing, wherever the odd slot lies', () => {
  expect(transfers(holdings([5461, 5462, 5461]))).toEqual([]);
  expect(transfers(holdings([5462, 5461, 5461]))).toEqual([]);
});

test('whatever the counts, shards end equal but for one slot, and no slot moves that need not', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { minLength: 1, maxLength: 8 }), fc.nat(7), (weights, leavingCount) => {
      const sum = weights.reduce((a, b) => a + b, 0) || 1;
      const counts = weights.map((weight) => Math.floor((weight * SLOTS) / sum));
      counts[0] = counts[0]! + SLOTS - counts.reduce((a, b) => a + b, 0);
      const staying = Math.max(1, counts.length - leavingCount);
      const moves = transfers(holdings(counts, staying));
      const after = [...counts];
      for (const { source, target, slots } of moves) {
        after[source]! -= slots;
        after[target]! += slots;
      }
      const kept = after.slice(0, staying);
      expect(Math.max(...kept) - Math.min(...kept)).toBeLessThanOrEqual(1);
      expect(after.slice(staying).every((slots) => slots === 0)).toBe(true);
      const sources = new Set(moves.map((move) => move.source));
      expect(moves.every((move) => !sources.has(move.target))).toBe(true);
    }),
  );
});
