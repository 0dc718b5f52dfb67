import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteStrings, sortedIndexes } from './sort-order.ts';

function stringsOf(items: readonly Uint8Array[]): ByteStrings {
  const strings = new ByteStrings();
  // Not at the beginning of their segment, as in the arena.
  for (const item of items) strings.push(Uint8Array.from([7, ...item, 7]), 1, 1 + item.length);
  return strings;
}

function compare(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

const items = fc.array(
  fc
    .tuple(fc.constantFrom('', 'prefix:', 'prefix:a'), fc.uint8Array({ maxLength: 9 }))
    .map(([prefix, rest]) => Uint8Array.from([...new TextEncoder().encode(prefix), ...rest])),
  { maxLength: 200 },
);

test('byte strings come in the order of their bytes, whatever they have in common', () => {
  fc.assert(
    fc.property(items, fc.boolean(), (given, descending) => {
      const strings = stringsOf(given);
      const common = strings.commonBytes();
      const keys = Float64Array.from(given, (_, i) => strings.prefixOf(i, common));
      const order = [...sortedIndexes(keys, strings, descending)];
      const expected = [...given.keys()].sort((i, j) => compare(given[i]!, given[j]!) * (descending ? -1 : 1));
      // Equal strings keep their places among each other in both.
      expect(order).toEqual(expected);
    }),
  );
});

test('numbers come first, bytes decide between equal ones, and infinities are at the ends', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(-Infinity, -1, 0, 1, 2.5, Infinity), fc.uint8Array({ maxLength: 3 }))),
      fc.boolean(),
      (given, descending) => {
        const sign = descending ? -1 : 1;
        const order = [
          ...sortedIndexes(
            Float64Array.from(given, ([key]) => key),
            stringsOf(given.map(([, bytes]) => bytes)),
            descending,
          ),
        ];
        const expected = [...given.keys()].sort((i, j) => {
          const [a, aBytes] = given[i]!;
          const [b, bBytes] = given[j]!;
          return sign * (a === b ? compare(aBytes, bBytes) : a < b ? -1 : 1);
        });
        expect(order).toEqual(expected);
      },
    ),
  );
});
