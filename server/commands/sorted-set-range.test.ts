import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseScore } from './sorted-set-range.ts';

function score(text: string): number {
  const bytes = new TextEncoder().encode(`x${text}x`);
  return parseScore(bytes, 1, bytes.length - 1);
}

test('a score is read as the nearest double, however it is written', () => {
  const written = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.integer().map(String),
    fc
      .tuple(fc.maxSafeNat(), fc.nat(20))
      .map(([digits, decimals]) => `-${digits}.${String(digits).slice(0, decimals)}`),
    fc.tuple(fc.nat(), fc.nat(99)).map(([whole, part]) => `+${whole}.${part}`),
  );
  fc.assert(
    fc.property(written, (text) => {
      expect(score(text)).toBe(Number(text));
    }),
  );
});

test('what Valkey takes for a score is one, and nothing else', () => {
  for (const [text, value] of [
    ['1.', 1],
    ['.5', 0.5],
    ['+1', 1],
    ['-.5e-3', -0.0005],
    ['1e-320', 1e-320],
    ['0e-400', 0],
    ['-0', -0],
    ['INF', Infinity],
    ['-Infinity', -Infinity],
    ['1'.repeat(300), Number('1'.repeat(300))],
    [`${'0'.repeat(300)}1`, 1],
    [`0.${'0'.repeat(300)}1`, 1e-301],
  ] as const) {
    expect([text, score(text)]).toEqual([text, value]);
  }
  for (const text of [
    '',
    '-',
    '.',
    '+.e1',
    '1e',
    '0x10',
    ' 1',
    '1 ',
    'nan',
    'infx',
    '1e400',
    '-1e400',
    '1e-400',
    '1.2.3',
  ]) {
    expect([text, score(text)]).toEqual([text, Number.NaN]);
  }
  expect(score('9'.repeat(400))).toBeNaN();
  expect(score(`0.${'0'.repeat(400)}1`)).toBeNaN();
});
