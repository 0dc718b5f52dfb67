import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CHANGED, CORRUPT, DENSE_BYTES, HyperLogLog, REGISTERS, UNCHANGED } from './hyperloglog.ts';

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function add(hll: HyperLogLog, element: string): number {
  const bytes = bytesOf(element);
  hll.hash(bytes, 0, bytes.length);
  return hll.raise(hll.register, hll.run);
}

function empty(): HyperLogLog {
  const hll = new HyperLogLog();
  hll.create();
  return hll;
}

/** Element, register and run, as a valkey-server 9.1.2 sets them (PFADD, PFDEBUG DECODE). */
const KNOWN: readonly (readonly [string, number, number])[] = [
  ['', 5938, 2],
  ['a', 12711, 2],
  ['foo', 7348, 5],
  ['12345678', 10579, 3],
  ['123456789', 9293, 2],
  ['hello world', 9399, 4],
  ['0123456789abcdef', 5949, 1],
  ['\u00ff', 1851, 3],
];

test('an element raises the register that it raises in Valkey', () => {
  const hll = empty();
  for (const [element, register, run] of KNOWN) {
    const bytes = bytesOf(element);
    hll.hash(bytes, 0, bytes.length);
    expect([element, hll.register, hll.run]).toEqual([element, register, run]);
  }
});

test('a sparse and a dense value hold the same registers and give the same estimate', () => {
  const raise = fc.tuple(fc.nat({ max: REGISTERS - 1 }), fc.integer({ min: 1, max: 32 }));
  const near = fc.tuple(fc.nat({ max: 20 }), fc.integer({ min: 1, max: 3 }));
  fc.assert(
    fc.property(fc.array(fc.oneof(raise, near), { maxLength: 300 }), (raises) => {
      const sparse = empty();
      sparse.sparseMaxBytes = 1_000_000;
      const dense = empty();
      dense.toDense();
      const model = new Map<number, number>();
      for (const [register, value] of raises) {
        const expected = value > (model.get(register) ?? 0) ? CHANGED : UNCHANGED;
        expect(sparse.wouldRaise(register, value)).toBe(expected === CHANGED);
        expect(sparse.raise(register, value)).toBe(expected);
        expect(dense.raise(register, value)).toBe(expected);
        if (expected === CHANGED) model.set(register, value);
      }
      expect(sparse.isDense).toBe(false);
      expect(sparse.count()).toBe(dense.count());
      const shown = new Map<number, number>();
      expect(
        sparse.eachRun((first, length, value) => {
          for (let i = first; value > 0 && i < first + length; i++) shown.set(i, value);
          return true;
        }),
      ).toBe(true);
      expect([...shown].sort()).toEqual([...model].sort());
      sparse.toDense();
      for (const [register, value] of model) expect(sparse.registerAt(register)).toBe(value);
      expect(sparse.length).toBe(DENSE_BYTES);
    }),
  );
});

test('the estimate is within five per cent of the number of elements', () => {
  const hll = empty();
  let added = 0;
  for (const size of [1, 10, 100, 1000, 10_000, 100_000]) {
    while (added < size) add(hll, `element:${added++}`);
    expect(Math.abs(Number(hll.count()) - size)).toBeLessThanOrEqual(size * 0.05);
  }
  expect(hll.isDense).toBe(true);
});

test('a value larger than the limit, or a register above 32, makes it dense', () => {
  const hll = empty();
  hll.sparseMaxBytes = 40;
  for (let i = 0; !hll.isDense; i++) add(hll, `element:${i}`);
  expect(hll.length).toBe(DENSE_BYTES);
  const other = empty();
  expect(other.raise(7, 33)).toBe(CHANGED);
  expect(other.isDense).toBe(true);
  expect(other.registerAt(7)).toBe(33);
});

test('whatever the bytes are, a value is counted, merged, changed or called damaged', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: REGISTERS - 1 }), (content, register) => {
      const value = Uint8Array.from([72, 89, 76, 76, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...content]);
      const hll = new HyperLogLog();
      expect(hll.open(value, 0, value.length)).toBe(true);
      hll.clearMerged();
      const counted = hll.count() !== null;
      const merged = hll.merge();
      if (counted) expect(merged).toBe(true);
      hll.own();
      expect([CHANGED, UNCHANGED, CORRUPT]).toContain(hll.raise(register, 5));
    }),
  );
});
