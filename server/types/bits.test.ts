import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AND,
  BitCombiner,
  countBits,
  findBit,
  NOT,
  OR,
  readBigBits,
  readBits,
  writeBigBits,
  writeBits,
  XOR,
} from './bits.ts';

const bytes = fc.uint8Array({ maxLength: 400 });

/** The bytes somewhere inside a longer buffer, so that every alignment comes. */
function placed(content: Uint8Array, at: number): Uint8Array {
  const buffer = new Uint8Array(((at + content.length + 8) >> 2) * 4 + 8).fill(0xa5);
  buffer.set(content, at);
  return buffer;
}

function bitsOf(content: Uint8Array): string {
  return [...content].map((byte) => byte.toString(2).padStart(8, '0')).join('');
}

describe('bits of a byte string', () => {
  test('are counted whatever its length and place', () => {
    fc.assert(
      fc.property(bytes, fc.nat({ max: 9 }), (content, at) => {
        const ones = bitsOf(content).replaceAll('0', '').length;
        expect(countBits(placed(content, at), at, at + content.length)).toBe(ones);
      }),
    );
    const large = new Uint8Array(1 << 20).fill(0xff);
    expect(countBits(large, 3, large.length - 5)).toBe((large.length - 8) * 8);
  });

  test('are found, set or clear', () => {
    const runs = fc
      .tuple(fc.constantFrom(0, 0xff), fc.nat({ max: 300 }), bytes)
      .map(([fill, length, rest]) => Uint8Array.from([...new Uint8Array(length).fill(fill), ...rest]));
    fc.assert(
      fc.property(runs, fc.nat({ max: 9 }), fc.boolean(), (content, at, set) => {
        const wanted = bitsOf(content).indexOf(set ? '1' : '0');
        expect(findBit(placed(content, at), at, at + content.length, set)).toBe(wanted);
      }),
    );
  });

  test('hold integers of any width at any place', () => {
    fc.assert(
      fc.property(
        bytes,
        fc.nat({ max: 64 }),
        fc.integer({ min: 1, max: 64 }),
        fc.bigInt(),
        (content, offset, width, value) => {
          const target = placed(content, 0);
          const end = target.length;
          const before = bitsOf(target);
          expect(readBigBits(target, 0, end, offset, width)).toBe(
            BigInt(`0b${before.padEnd(offset + width, '0').slice(offset, offset + width)}`),
          );
          if (offset + width > end * 8) return;
          const written = BigInt.asUintN(width, value);
          writeBigBits(target, 0, offset, width, value);
          expect(bitsOf(target)).toBe(
            before.slice(0, offset) + written.toString(2).padStart(width, '0') + before.slice(offset + width),
          );
          if (width > 48) return;
          expect(readBits(target, 0, end, offset, width)).toBe(Number(written));
          writeBits(target, 0, offset, width, 0);
          expect(readBits(target, 0, end, offset, width)).toBe(0);
        },
      ),
    );
  });

  test('are combined with those of others, the target being one of them or not', () => {
    const combiner = new BitCombiner();
    const sources = fc.array(fc.tuple(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 6 })), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(fc.constantFrom(AND, OR, XOR, NOT), sources, fc.boolean(), (operation, given, inPlace) => {
        const used = operation === NOT ? given.slice(0, 1) : given;
        const length = Math.max(...used.map(([content]) => content.length));
        const expected = new Uint8Array(length);
        for (let i = 0; i < length; i++) {
          const column = used.map(([content]) => content[i] ?? 0);
          expected[i] =
            operation === NOT
              ? ~column[0]!
              : column.reduce((a, b) => (operation === AND ? a & b : operation === OR ? a | b : a ^ b));
        }
        const target = new Uint8Array(length + 8);
        const parts = used.map(([content, at]) => ({ bytes: placed(content, at), from: at, length: content.length }));
        if (inPlace) {
          target.set(used[0]![0], 4);
          parts[0] = { bytes: target, from: 4, length: used[0]![0].length };
        }
        combiner.combine(operation, parts, target, 4, length);
        expect(target.subarray(4, 4 + length)).toEqual(expected);
      }),
    );
  });
});
