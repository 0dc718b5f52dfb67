import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Arena, OFFSET_MASK, SEGMENT_OF_SHIFT } from './arena.ts';
import { Table } from './table.ts';
import { writeVarint } from './varint.ts';

const encoder = new TextEncoder();

function entryOf(arena: Arena, key: Uint8Array): number {
  const entry = arena.allocate(key.length + 5);
  const bytes = arena.bytes[entry >>> SEGMENT_OF_SHIFT]!;
  bytes.set(key, writeVarint(bytes, (entry & OFFSET_MASK) << 3, key.length));
  return entry;
}

function keyOf(arena: Arena, entry: number): string {
  const bytes = arena.bytes[entry >>> SEGMENT_OF_SHIFT]!;
  const at = (entry & OFFSET_MASK) << 3;
  return new TextDecoder().decode(bytes.subarray(at + 1, at + 1 + bytes[at]!));
}

function put(table: Table, key: string): void {
  const bytes = encoder.encode(key);
  if (table.find(bytes, 0, bytes.length) === 0) table.insert(entryOf(table.arena, bytes));
}

function drop(table: Table, key: string): void {
  const bytes = encoder.encode(key);
  const entry = table.find(bytes, 0, bytes.length);
  if (entry === 0) return;
  table.remove();
  table.arena.free(entry);
}

test('a table holds what a set of strings holds, through any order of inserts and removals', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 400 })), { maxLength: 2000 }),
      fc.integer(),
      (operations, seed) => {
        const arena = new Arena({ checked: true });
        const before = arena.assertAllLive();
        const table = new Table(arena, 0, seed, 7);
        table.create();
        const model = new Set<string>();
        for (const [add, number] of operations) {
          const key = `key:${number}`;
          if (add) put(table, key);
          else drop(table, key);
          if (add) model.add(key);
          else model.delete(key);
        }
        expect(table.count).toBe(model.size);
        expect(new Set([...table.entries()].map((entry) => keyOf(arena, entry)))).toEqual(model);
        for (const key of model) drop(table, key);
        expect(table.count).toBe(0);
        table.destroy();
        expect(arena.assertAllLive()).toBe(before);
      },
    ),
    { numRuns: 60 },
  );
});

test('growing to a hundred thousand entries and back loses none and gives the memory back', () => {
  const arena = new Arena();
  const table = new Table(arena, 0, 1, 2);
  const used = arena.usedBytes;
  const root = table.create();
  for (let i = 0; i < 100_000; i++) put(table, `key:${i}`);
  expect(table.count).toBe(100_000);
  expect(table.overheadBytes() / table.count).toBeLessThan(12);
  table.open(root);
  for (let i = 0; i < 100_000; i++) {
    const key = encoder.encode(`key:${i}`);
    expect(table.find(key, 0, key.length)).not.toBe(0);
  }
  for (let i = 0; i < 100_000; i++) drop(table, `key:${i}`);
  expect(table.count).toBe(0);
  expect(table.bucketCount()).toBe(1);
  table.destroy();
  expect(arena.usedBytes).toBe(used);
});

test('a walk by cursor shows every entry that stays, while the table grows and shrinks under it', () => {
  const arena = new Arena();
  const table = new Table(arena, 0, 3, 4);
  table.create();
  for (let i = 0; i < 5000; i++) put(table, `stay:${i}`);
  const seen = new Set<string>();
  const entries = new Int32Array(4096);
  let step = 0;
  for (let cursor = 0; cursor < 2 ** 32; ) {
    const found = table.entriesOf(table.bucketOf(cursor | 0), entries);
    for (let i = 0; i < found; i++) seen.add(keyOf(arena, entries[i]!));
    cursor = table.nextCursor(cursor);
    step++;
    for (let i = 0; i < 20; i++) {
      if (step < 300) put(table, `come:${step}:${i}`);
      else drop(table, `come:${step - 300}:${i}`);
    }
  }
  for (let i = 0; i < 5000; i++) expect(seen.has(`stay:${i}`)).toBe(true);
});

test('warming the cache changes nothing, whatever the tables hold and whether the keys are there', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3000 }), fc.array(fc.nat(6000), { maxLength: 16 }), (size, wanted) => {
      const arena = new Arena({ checked: true });
      const table = new Table(arena, 0, 5, 7);
      const root = table.create();
      for (let i = 0; i < size; i++) put(table, `key:${i}`);
      const names = wanted.map((number) => encoder.encode(`key:${number}`));
      const roots = Int32Array.from(wanted, (number) => (number % 7 === 0 ? 0 : root));
      const hashes = Int32Array.from(names, (name) => table.hashOf(name, 0, name.length));
      table.warm(roots, hashes, new Int32Array(16), names.length);
      expect(table.count).toBe(size);
      for (const [i, name] of names.entries()) {
        const entry = table.find(name, 0, name.length);
        expect(entry === 0 ? null : keyOf(arena, entry)).toBe(wanted[i]! < size ? `key:${wanted[i]}` : null);
      }
    }),
    { numRuns: 30 },
  );
});

test('warming the cache reads no slot that nothing was put in, whatever bytes were there before', () => {
  // The checked arena fills new allocations with a pattern that, as an address, is in no segment.
  const table = new Table(new Arena({ checked: true }), 0, 5, 7);
  const root = table.create();
  put(table, 'key');
  for (let tag = 0; tag < 256; tag++) table.warm(Int32Array.of(root), Int32Array.of(tag), new Int32Array(1), 1);
  expect(table.count).toBe(1);
});
