import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PackedScore } from './packed-score.ts';

function sizeOf(score: number): number {
  return new PackedScore().write(score);
}

test('every score reads back as it was, but for the sign of zero', () => {
  const scores = fc.oneof(
    fc.double({ noNaN: true }),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.tuple(fc.integer(), fc.integer({ min: 0, max: 7 })).map(([value, decimals]) => value / 10 ** decimals),
    fc.constantFrom(
      0,
      -0,
      Infinity,
      -Infinity,
      2 ** 47,
      -(2 ** 47),
      2 ** 47 - 1,
      2 ** 31,
      -(2 ** 31),
      0.1,
      1e300,
      5e-324,
    ),
  );
  const packed = new PackedScore();
  fc.assert(
    fc.property(scores, fc.nat(3), (score, offset) => {
      const into = new Uint8Array(16).fill(0xaa);
      const length = packed.write(score);
      into.set(packed.bytes.subarray(0, length), offset);
      packed.write(1.23456789);
      expect(packed.read(into, offset, offset + length)).toBe(score === 0 ? 0 : score);
    }),
  );
});

test('a score takes no more bytes than its text or integer would in a listpack', () => {
  for (const [score, bytes] of [
    [0, 0],
    [1, 1],
    [-128, 1],
    [1000, 2],
    [-40000, 3],
    [1e9, 4],
    [3e9, 6],
    [0.5, 5],
    [-12.34, 5],
    [123456789.25, 7],
    [1 / 3, 8],
    [Infinity, 8],
  ] as const) {
    expect([score, sizeOf(score)]).toEqual([score, bytes]);
  }
});
