import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Address, Arena, NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from './arena.ts';
import { EntrySort } from './entry-sort.ts';
import { Ordered } from './ordered.ts';
import { writeVarint } from './varint.ts';

interface Scored {
  readonly score: number;
  readonly member: string;
}

function entryOf(arena: Arena, { score, member }: Scored): Address {
  const entry = arena.allocate(8 + member.length + 5);
  arena.doubles[entry >>> SEGMENT_OF_SHIFT]![entry & OFFSET_MASK] = score;
  const segment = arena.bytes[entry >>> SEGMENT_OF_SHIFT]!;
  let at = writeVarint(segment, ((entry & OFFSET_MASK) << 3) + 8, member.length);
  for (let i = 0; i < member.length; i++) segment[at++] = member.charCodeAt(i);
  return entry;
}

const inOrder = (a: Scored, b: Scored): number =>
  a.score === b.score ? (a.member < b.member ? -1 : 1) : a.score < b.score ? -1 : 1;

function sorted(members: readonly Scored[]): Scored[] {
  const arena = new Arena({ checked: true });
  const known = new Map(members.map((one) => [entryOf(arena, one), one]));
  const entries = Int32Array.from(known.keys());
  new EntrySort(arena).sort(entries, entries.length);
  return Array.from(entries, (entry) => known.get(entry)!);
}

const score = fc.oneof(
  fc.constantFrom(0, -0, 1, 1, 1, Infinity, -Infinity),
  fc.double({ noNaN: true }),
  fc.integer({ min: -3, max: 3 }),
);
const member = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', '\0', '\xff'), maxLength: 30 }),
  fc.nat(999).map((number) => `common beginning of members:${number}`),
  fc.string({ unit: 'binary-ascii', maxLength: 200 }),
);

test('entries come by score, then by the bytes of their members, shorter ones first', () => {
  const members = fc.uniqueArray(fc.record({ score, member }), { selector: (one) => one.member, maxLength: 400 });
  fc.assert(
    fc.property(members, (all) => {
      expect(sorted(all)).toEqual([...all].sort(inOrder));
    }),
  );
});

test('members that differ only far behind are ordered too, however many share a score', () => {
  const all = Array.from({ length: 3000 }, (_, i) => ({
    score: 5,
    member: `${'x'.repeat(i % 60)}${(i * 7919) % 3000}`,
  }));
  expect(sorted(all)).toEqual([...all].sort(inOrder));
});

test('each member may begin with the one before it', () => {
  const all = Array.from({ length: 1200 }, (_, i) => ({ score: 1, member: 'a'.repeat((i * 611) % 1201) }));
  expect(sorted(all)).toEqual([...all].sort(inOrder));
});

test('a loaded tree is the tree that inserting one by one makes, and goes on like it', () => {
  for (const count of [0, 1, 54, 55, 200, 54 * 36, 54 * 36 + 1, 5000]) {
    const arena = new Arena({ checked: true });
    const live = arena.assertAllLive();
    const made = Array.from({ length: count }, (_, i) => entryOf(arena, { score: i, member: String(i) }));
    const ordered = new Ordered(arena);
    const record = ordered.create();
    ordered.load(Int32Array.from(made), count);
    ordered.open(record);
    const walked: Address[] = [];
    ordered.seekRank(0);
    for (let entry = ordered.entry; entry !== NONE; entry = ordered.next()) walked.push(entry);
    expect(walked).toEqual(made);
    for (const [rank, entry] of made.entries()) {
      ordered.seekEntry(entry);
      expect(ordered.rank()).toBe(rank);
    }
    const between = made.map((_, i) => entryOf(arena, { score: i + 0.5, member: 'x' }));
    for (const entry of between) ordered.insert(entry);
    for (const entry of made) ordered.remove(entry);
    ordered.seekRank(count - 1);
    expect(ordered.entry).toBe(count === 0 ? NONE : between[count - 1]);
    for (const entry of [...made, ...between]) arena.free(entry);
    ordered.destroy();
    expect(arena.assertAllLive()).toBe(live);
  }
});
