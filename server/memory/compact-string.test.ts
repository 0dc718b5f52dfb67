import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  CompactReader,
  MAX_COMPACT_OVERHEAD_BYTES,
  shortInteger,
  skipCompact,
  writeCompact,
} from './compact-string.ts';

const text = fc.oneof(
  fc.string({ maxLength: 10 }),
  fc.integer({ min: 200, max: 300 }).map((length) => 'x'.repeat(length)),
  fc.bigInt({ min: -(2n ** 63n) - 5n, max: 2n ** 63n + 5n }).map(String),
  fc.integer().map(String),
  fc.constantFrom(
    '-0',
    '007',
    '-',
    '',
    '-128',
    '128',
    '32767',
    '-32769',
    '9223372036854775807',
    '-9223372036854775808',
  ),
);

test('a string comes back as it was written, and an integer takes few bytes', () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 20 }), (texts) => {
      const encoded = texts.map((one) => new TextEncoder().encode(one));
      const size = encoded.reduce((sum, one) => sum + one.length + MAX_COMPACT_OVERHEAD_BYTES, 0);
      const target = new Uint8Array(size);
      let at = 0;
      for (const one of encoded) at = writeCompact(target, at, one, 0, one.length, shortInteger(one, 0, one.length));
      const reader = new CompactReader();
      let read = 0;
      for (const one of texts) {
        expect(skipCompact(target, read)).toBe(reader.read(target, read));
        read = reader.read(target, read);
        expect(new TextDecoder().decode(reader.bytes.subarray(reader.from, reader.to))).toBe(one);
      }
      expect(read).toBe(at);
    }),
  );
  const target = new Uint8Array(32);
  const bytes = new TextEncoder().encode('1700000000000');
  expect(writeCompact(target, 0, bytes, 0, bytes.length, shortInteger(bytes, 0, bytes.length))).toBe(7);
});
