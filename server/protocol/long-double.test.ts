import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addLongDoubles, formatLongDouble, type LongDouble, parseLongDouble } from './long-double.ts';

function number(text: string): LongDouble {
  const parsed = parseLongDouble(text);
  if (parsed === null || parsed === 'infinite') throw new Error(`${text} is no finite number`);
  return parsed;
}

function sum(a: string, b: string): string | null {
  const added = addLongDoubles(number(a), number(b));
  return added === null ? null : formatLongDouble(added);
}

test.each([
  ['0.1', '0.2', '0.3'],
  ['10.5', '0.1', '10.6'],
  ['3.0e3', '200', '3200'],
  ['0', '17179869184.000000001', '17179869184.00000000186264515'],
  ['17179869184.00000000186264515', '1234567890123456.123', '1234585069992640.123046875'],
  ['-1.1', '0.00000001', '-1.09999999'],
  ['-1.09999999', '1e-17', '-1.09999998999999999'],
  ['0', '1e-18', '0'],
  ['1e15', '1e22', '10000001000000000000000'],
])('%s + %s is printed as a valkey-server prints it: %s', (a, b, printed) => {
  expect(sum(a, b)).toBe(printed);
});

test.each(['', ' 1', '1 ', 'abc', 'nan', '1.2.3', '--1', 'e5', '1e', '1e5000', '1e-6000'])(
  'what strtold or Valkey does not take is no number: "%s"',
  (text) => {
    expect(parseLongDouble(text)).toBeNull();
  },
);

test('infinities are known, and a sum beyond the largest number is none', () => {
  expect(parseLongDouble('-inf')).toBe('infinite');
  expect(parseLongDouble('Infinity')).toBe('infinite');
  expect(sum('1e4932', '1e4932')).toBeNull();
});

test('sums of integers of 63 bits are exact', () => {
  fc.assert(
    fc.property(fc.bigInt(-(2n ** 62n), 2n ** 62n), fc.bigInt(-(2n ** 62n), 2n ** 62n), (a, b) => {
      expect(sum(String(a), String(b))).toBe(String(a + b));
    }),
  );
});

test('sums of decimals of 15 digits are exact to 15 digits', () => {
  const decimal = fc.tuple(fc.integer({ min: -9999, max: 9999 }), fc.nat(9999));
  fc.assert(
    fc.property(decimal, decimal, ([a, aFraction], [b, bFraction]) => {
      const text = (whole: number, fraction: number): string => `${whole}.${String(fraction).padStart(4, '0')}`;
      const exact = BigInt(text(a, aFraction).replace('.', '')) + BigInt(text(b, bFraction).replace('.', ''));
      const printed = sum(text(a, aFraction), text(b, bFraction))!;
      expect(Math.round(Number(printed) * 10000)).toBe(Number(exact));
    }),
  );
});
