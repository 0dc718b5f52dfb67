import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Arena } from './arena.ts';
import { Packed } from './packed.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function contents(packed: Packed): string[] {
  const found: string[] = [];
  for (let offset = packed.first; offset < packed.used; ) {
    offset = packed.read(offset);
    found.push(new TextDecoder().decode(packed.segment.subarray(packed.from, packed.to)));
  }
  return found;
}

const texts = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.integer({ min: 100, max: 400 }).map((length) => 'x'.repeat(length)),
);

test('a packed sequence holds what an array holds, through any order of inserts, replacements and removals', () => {
  const operation = fc.tuple(fc.constantFrom('insert', 'replace', 'remove'), fc.nat(), texts);
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
      const arena = new Arena({ checked: true });
      const packed = new Packed(arena);
      packed.create(7);
      const model: string[] = [];
      for (const [what, place, text] of operations) {
        const bytes = bytesOf(text);
        if (what === 'insert') {
          const index = place % (model.length + 1);
          const at = index === model.length ? packed.used : packed.seekIndex(index);
          packed.insert(at, bytes, 0, bytes.length);
          model.splice(index, 0, text);
        } else if (model.length > 0) {
          const index = place % model.length;
          const at = packed.seekIndex(index);
          if (what === 'replace') packed.replace(bytes, 0, bytes.length);
          else packed.remove(at, 1);
          model.splice(index, 1, ...(what === 'replace' ? [text] : []));
        }
        packed.open(packed.address);
        expect(packed.count).toBe(model.length);
        expect(packed.mark).toBe(7);
      }
      expect(contents(packed)).toEqual(model);
      for (const [index, text] of model.entries()) {
        const bytes = bytesOf(text);
        expect(packed.seek(bytes, 0, bytes.length, 1)).toBe(true);
        expect(packed.at).toBe(new Packed(arena).open(packed.address).seekIndex(model.indexOf(text)));
        expect(index).toBeLessThan(packed.count);
      }
      packed.free();
      expect(arena.assertAllLive()).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test('a search with a stride of 2 finds fields and never values', () => {
  const packed = new Packed(new Arena({ checked: true }));
  packed.create();
  for (const text of ['field', 'value', 'x'.repeat(200), 'field', 'other', 'y'.repeat(300)]) {
    packed.insert(packed.used, bytesOf(text), 0, text.length);
  }
  expect(packed.seek(bytesOf('value'), 0, 5, 2)).toBe(false);
  expect(packed.seek(bytesOf('other'), 0, 5, 2)).toBe(true);
  packed.remove(packed.at, 2);
  expect(contents(packed)).toEqual(['field', 'value', 'x'.repeat(200), 'field']);
});
