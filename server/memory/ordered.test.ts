import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Address, Arena, NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from './arena.ts';
import { Ordered } from './ordered.ts';
import { writeVarint } from './varint.ts';

interface Scored {
  readonly score: number;
  readonly member: string;
  readonly entry: Address;
}

function entryOf(arena: Arena, score: number, member: string): Address {
  const bytes = new TextEncoder().encode(member);
  const entry = arena.allocate(8 + bytes.length + 5);
  arena.doubles[entry >>> SEGMENT_OF_SHIFT]![entry & OFFSET_MASK] = score;
  const segment = arena.bytes[entry >>> SEGMENT_OF_SHIFT]!;
  segment.set(bytes, writeVarint(segment, ((entry & OFFSET_MASK) << 3) + 8, bytes.length));
  return entry;
}

const byScore = (a: Scored, b: Scored): number =>
  a.score - b.score || (a.member < b.member ? -1 : a.member > b.member ? 1 : 0);

function entries(ordered: Ordered): Address[] {
  const found: Address[] = [];
  ordered.seekRank(0);
  for (let entry = ordered.entry; entry !== NONE; entry = ordered.next()) found.push(entry);
  return found;
}

function backwards(ordered: Ordered, count: number): Address[] {
  const found: Address[] = [];
  ordered.seekRank(count - 1);
  for (let entry = ordered.entry; entry !== NONE; entry = ordered.previous()) found.push(entry);
  return found;
}

test('an ordered index is a sorted array, through any order of inserts, removals and new scores', () => {
  const operation = fc.tuple(
    fc.constantFrom('add', 'add', 'add', 'remove', 'move'),
    fc.nat(),
    fc.integer({ min: -5, max: 5 }),
  );
  fc.assert(
    fc.property(fc.array(operation, { minLength: 1, maxLength: 1500 }), (operations) => {
      const arena = new Arena({ checked: true });
      const ordered = new Ordered(arena);
      const record = ordered.create();
      let model: Scored[] = [];
      for (const [what, number, score] of operations) {
        if (what === 'add') {
          const member = `m${number % 5000}`;
          if (model.some((one) => one.member === member)) continue;
          const one = { score, member, entry: entryOf(arena, score, member) };
          ordered.insert(one.entry);
          model.push(one);
        } else if (model.length > 0) {
          const one = model[number % model.length]!;
          model = model.filter((other) => other !== one);
          if (what === 'remove') {
            ordered.remove(one.entry);
            arena.free(one.entry);
            continue;
          }
          const doubles = arena.doubles[one.entry >>> SEGMENT_OF_SHIFT]!;
          if (ordered.keepsPlace(one.entry, score)) doubles[one.entry & OFFSET_MASK] = score;
          else {
            ordered.remove(one.entry);
            doubles[one.entry & OFFSET_MASK] = score;
            ordered.insert(one.entry);
          }
          model.push({ ...one, score });
        }
      }
      ordered.open(record);
      model.sort(byScore);
      const expected = model.map((one) => one.entry);
      expect(entries(ordered)).toEqual(expected);
      expect(backwards(ordered, expected.length)).toEqual([...expected].reverse());
      for (const [rank, one] of model.entries()) {
        ordered.seekEntry(one.entry);
        expect(ordered.entry).toBe(one.entry);
        expect(ordered.rank()).toBe(rank);
        ordered.seekRank(rank);
        expect(ordered.entry).toBe(one.entry);
      }
      for (let score = -6; score <= 6; score++) {
        ordered.seekScore(score, false);
        expect(ordered.rank()).toBe(model.filter((one) => one.score < score).length);
        ordered.seekScore(score, true);
        expect(ordered.rank()).toBe(model.filter((one) => one.score <= score).length);
      }
      for (const one of model) {
        ordered.remove(one.entry);
        arena.free(one.entry);
      }
      expect(entries(ordered)).toEqual([]);
      ordered.destroy();
      expect(arena.assertAllLive()).toBe(0);
    }),
    { numRuns: 40 },
  );
});

test('members of one score are found by their bytes', () => {
  const arena = new Arena({ checked: true });
  const ordered = new Ordered(arena);
  ordered.create();
  const members = Array.from({ length: 3000 }, (_, i) => `member:${(i * 7919) % 3000}`);
  for (const member of members) ordered.insert(entryOf(arena, 0, member));
  const sorted = [...members].sort();
  for (const bound of ['member:1500', 'member:15005', 'a', 'z', '', 'member:']) {
    const bytes = new TextEncoder().encode(bound);
    ordered.seekMember(bytes, 0, bytes.length, false);
    expect(ordered.rank()).toBe(sorted.filter((member) => member < bound).length);
    ordered.seekMember(bytes, 0, bytes.length, true);
    expect(ordered.rank()).toBe(sorted.filter((member) => member <= bound).length);
  }
});

test('ascending inserts fill their leaves, and a hundred thousand random ones cost about seven bytes each', () => {
  const arena = new Arena();
  const ascending = new Ordered(arena);
  ascending.create();
  for (let i = 0; i < 100_000; i++) ascending.insert(entryOf(arena, i, 'm'));
  expect(ascending.overheadBytes() / 100_000).toBeLessThan(5);
  const random = new Ordered(arena);
  random.create();
  for (let i = 0; i < 100_000; i++) random.insert(entryOf(arena, (i * 7919) % 100_003, 'm'));
  expect(random.overheadBytes() / 100_000).toBeLessThan(7.5);
});

test('ranges taken out leaf by leaf leave what a sorted array is left with', () => {
  const ranges = fc.array(fc.tuple(fc.nat(999), fc.nat(700)), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6000 }), ranges, (count, taken) => {
      const arena = new Arena({ checked: true });
      const live = arena.assertAllLive();
      const ordered = new Ordered(arena);
      ordered.create();
      const model: Address[] = [];
      for (let i = 0; i < count; i++) {
        const entry = entryOf(arena, i, `m${i}`);
        ordered.insert(entry);
        model.push(entry);
      }
      for (const [start, length] of taken) {
        const first = Math.floor((start / 1000) * model.length);
        for (let left = Math.min(length, model.length - first); left > 0; ) {
          ordered.seekRank(first);
          const inLeaf = Math.min(left, ordered.restOfLeaf);
          const there = Array.from({ length: inLeaf }, (_, i) => ordered.restAt(i));
          expect(there).toEqual(model.slice(first, first + inLeaf));
          for (const entry of there) arena.free(entry);
          expect(ordered.removeHere(inLeaf)).toBe(inLeaf);
          model.splice(first, inLeaf);
          left -= inLeaf;
        }
        expect(entries(ordered)).toEqual(model);
      }
      for (const [rank, entry] of model.entries()) {
        ordered.seekEntry(entry);
        expect(ordered.rank()).toBe(rank);
      }
      for (const entry of model) arena.free(entry);
      ordered.destroy();
      expect(arena.assertAllLive()).toBe(live);
    }),
    { numRuns: 60 },
  );
});
