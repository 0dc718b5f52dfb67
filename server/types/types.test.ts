import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HASH, LARGE, LIST, SET, ZSET } from '../keyspace/entry.ts';
import { Keyspace } from '../keyspace/keyspace.ts';
import { Arena, NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { ListNode } from '../memory/list-node.ts';
import { elementSize } from '../memory/listpack-size.ts';
import { type CollectionLimits, defaultLimits, type ElementWalk, Types } from './index.ts';
import type { Lists } from './lists.ts';

const encoder = new TextEncoder();
const bytesOf = (text: string): Uint8Array => encoder.encode(text);
const textOf = (bytes: Uint8Array, from: number, to: number): string =>
  new TextDecoder().decode(bytes.subarray(from, to));

/** Limits so small that a few elements make a collection large. */
const small: CollectionLimits = {
  ...defaultLimits(),
  hashEntries: 8,
  setEntries: 8,
  setIntegers: 8,
  zsetEntries: 8,
  listNodeSize: 6,
};

function typesOf(limits: CollectionLimits = small): { types: Types; arena: Arena; keyspace: Keyspace; live: number } {
  const arena = new Arena({ checked: true });
  const keyspace = new Keyspace({ databases: 1, cluster: false, seed: [1, 2], arena });
  const types = new Types(keyspace, limits);
  return { types, arena, keyspace, live: arena.assertAllLive() };
}

function elements(walk: ElementWalk): string[] {
  const found: string[] = [];
  while (walk.next()) {
    const own = textOf(walk.segment, walk.from, walk.to);
    if (walk.type === HASH) found.push(`${own}=${textOf(walk.segment, walk.valueFrom, walk.valueTo)}`);
    else if (walk.type === ZSET) found.push(`${own}=${walk.score}`);
    else found.push(own);
  }
  return found;
}

const name = fc.oneof(
  fc.integer({ min: 0, max: 40 }).map((n) => `n${n}`),
  fc.integer({ min: 0, max: 40 }).map(String),
);
const value = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.integer({ min: 60, max: 3000 }).map((length) => 'v'.repeat(length)),
);

test('a hash is a map, packed or large, and gives its memory back', () => {
  const operation = fc.tuple(fc.boolean(), name, value);
  fc.assert(
    fc.property(fc.array(operation, { minLength: 1, maxLength: 150 }), (operations) => {
      const { types, arena, live } = typesOf();
      const hash = types.hashes.create();
      const model = new Map<string, string>();
      for (const [sets, field, content] of operations) {
        const key = bytesOf(field);
        const bytes = bytesOf(content);
        hash.open(hash.encoding, hash.root);
        if (sets) expect(hash.set(key, 0, key.length, bytes, 0, bytes.length)).toBe(!model.has(field));
        else expect(hash.delete(key, 0, key.length)).toBe(model.has(field));
        if (sets) model.set(field, content);
        else model.delete(field);
        expect(hash.count).toBe(model.size);
      }
      for (const [field, content] of model) {
        const key = bytesOf(field);
        expect(hash.get(key, 0, key.length)).toBe(true);
        expect(textOf(hash.segment, hash.from, hash.to)).toBe(content);
      }
      const found = elements(types.walk.open(HASH, hash.encoding, hash.root));
      expect(found.sort()).toEqual([...model].map(([field, content]) => `${field}=${content}`).sort());
      types.free(HASH, hash.encoding, hash.root);
      expect(arena.assertAllLive()).toBe(live);
    }),
    { numRuns: 60 },
  );
});

test('a set is a set, packed or large, and gives its memory back', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), name), { minLength: 1, maxLength: 150 }), (operations) => {
      const { types, arena, live } = typesOf();
      const set = types.sets.create();
      const model = new Set<string>();
      for (const [adds, member] of operations) {
        const bytes = bytesOf(member);
        if (adds) expect(set.add(bytes, 0, bytes.length)).toBe(!model.has(member));
        else expect(set.remove(bytes, 0, bytes.length)).toBe(model.has(member));
        if (adds) model.add(member);
        else model.delete(member);
        expect(set.count).toBe(model.size);
      }
      expect(elements(types.walk.open(SET, set.encoding, set.root)).sort()).toEqual([...model].sort());
      types.free(SET, set.encoding, set.root);
      expect(arena.assertAllLive()).toBe(live);
    }),
    { numRuns: 60 },
  );
});

test('a sorted set is a sorted array of members, packed or large, and gives its memory back', () => {
  const operation = fc.tuple(fc.constantFrom('put', 'put', 'remove', 'range'), name, fc.integer({ min: -3, max: 3 }));
  fc.assert(
    fc.property(fc.array(operation, { minLength: 1, maxLength: 150 }), (operations) => {
      const { types, arena, live } = typesOf();
      const zset = types.sortedSets.create();
      const model = new Map<string, number>();
      const sorted = (): [string, number][] =>
        [...model].sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
      for (const [what, member, score] of operations) {
        const bytes = bytesOf(member);
        if (what === 'range') {
          const first = Math.min(model.size, Math.abs(score));
          const end = Math.min(model.size, first + 2);
          for (const [gone] of sorted().slice(first, end)) model.delete(gone);
          zset.removeRanks(first, end);
          continue;
        }
        const found = zset.find(bytes, 0, bytes.length);
        expect(found).toBe(model.has(member));
        if (what === 'put') {
          if (found) zset.setScore(score);
          else zset.insert(bytes, 0, bytes.length, score);
          model.set(member, score);
        } else if (found) {
          zset.remove();
          model.delete(member);
        }
      }
      const expected = sorted();
      expect(zset.count).toBe(expected.length);
      for (const [rank, [member, score]] of expected.entries()) {
        const bytes = bytesOf(member);
        expect(zset.find(bytes, 0, bytes.length)).toBe(true);
        expect(zset.score).toBe(score);
        expect(zset.rankOfFound()).toBe(rank);
        expect(zset.seekRank(rank)).toBe(true);
        expect(textOf(zset.segment, zset.from, zset.to)).toBe(member);
      }
      for (let score = -4; score <= 4; score++) {
        expect(zset.rankOfScore(score, false)).toBe(expected.filter((one) => one[1] < score).length);
        expect(zset.rankOfScore(score, true)).toBe(expected.filter((one) => one[1] <= score).length);
      }
      types.free(ZSET, zset.encoding, zset.root);
      expect(arena.assertAllLive()).toBe(live);
    }),
    { numRuns: 60 },
  );
});

test('a list is an array, packed or large, and gives its memory back', () => {
  const operation = fc.tuple(
    fc.constantFrom(
      'front',
      'back',
      'front',
      'back',
      'popFront',
      'popBack',
      'insert',
      'replace',
      'remove',
      'dropFront',
      'dropBack',
    ),
    fc.nat({ max: 60 }),
    value,
  );
  const run = (limits: CollectionLimits) => (operations: [string, number, string][]) => {
    const { types, arena, live } = typesOf(limits);
    const list = types.lists.create();
    const model: string[] = [];
    for (const [what, number, content] of operations) {
      const bytes = bytesOf(content);
      list.open(list.encoding, list.root);
      if (what === 'front') {
        list.expect(1, bytes.length);
        list.pushFront(bytes, 0, bytes.length);
        model.unshift(content);
      } else if (what === 'back') {
        list.expect(1, bytes.length);
        list.pushBack(bytes, 0, bytes.length);
        model.push(content);
      } else if (model.length > 1) {
        // The last item stays: an empty list has no key to be kept at.
        const index = number % model.length;
        if (what === 'popFront') {
          list.popFront();
          model.shift();
        } else if (what === 'popBack') {
          list.popBack();
          model.pop();
        } else if (what === 'dropFront') {
          list.dropFront(index);
          model.splice(0, index);
        } else if (what === 'dropBack') {
          list.dropBack(index);
          model.splice(model.length - index, index);
        } else {
          expect(list.seek(index)).toBe(true);
          if (what === 'insert') {
            list.expect(1, bytes.length);
            list.insertBefore(bytes, 0, bytes.length);
            model.splice(index, 0, content);
          } else if (what === 'replace') {
            list.expect(1, bytes.length);
            list.replaceCurrent(bytes, 0, bytes.length);
            model[index] = content;
          } else {
            list.removeCurrent();
            model.splice(index, 1);
          }
        }
        list.settle();
      }
      expect(list.count).toBe(model.length);
      expect(elements(types.walk.open(LIST, list.encoding, list.root))).toEqual(model);
      expect(packedBytes(arena, list)).toBe(model.reduce((sum, item) => sum + entryBytes(item), 0));
    }
    for (const [index, content] of model.entries()) {
      list.seek(index);
      expect(textOf(list.segment, list.from, list.to)).toBe(content);
    }
    const reversed: string[] = [];
    for (let at = list.last(); at; at = list.previous()) reversed.push(textOf(list.segment, list.from, list.to));
    expect(reversed).toEqual([...model].reverse());
    types.free(LIST, list.encoding, list.root);
    expect(arena.assertAllLive()).toBe(live);
  };
  const operations = fc.array(operation, { minLength: 1, maxLength: 80 });
  fc.assert(fc.property(operations, run(small)), { numRuns: 80 });
  fc.assert(fc.property(operations, run({ ...small, listNodeSize: -1 })), { numRuns: 80 });
});

/** What an item takes in Valkey's listpack, and what the nodes of a list say that theirs take. */
function entryBytes(item: string): number {
  return elementSize(bytesOf(item), 0, bytesOf(item).length);
}

function packedBytes(arena: Arena, list: Lists): number {
  const node = new ListNode(arena);
  if (list.encoding !== LARGE) return node.open(list.root).packed;
  let sum = 0;
  for (let at = arena.words[list.root >>> SEGMENT_OF_SHIFT]![(list.root & OFFSET_MASK) << 1]!; at !== NONE; ) {
    sum += node.open(at).packed;
    at = node.next;
  }
  return sum;
}

test('a list is packed up to the size of the listpack it would be, and again at half of it', () => {
  const { types } = typesOf(defaultLimits());
  const list = types.lists.create();
  const push = (item: string): void => {
    list.expect(1, item.length);
    list.pushBack(bytesOf(item), 0, item.length);
  };
  // 7 bytes of frame and 2 for each 7: 4092 items, where as strings of one byte they would be 2728.
  for (let i = 0; i < 4092; i++) push('7');
  expect(list.encoding).not.toBe(LARGE);
  push('7');
  push('7');
  expect(list.encoding).toBe(LARGE);
  while (list.count > 2044) {
    list.popBack();
    list.settle();
    expect(list.encoding === LARGE).toBe(list.count > 2044);
  }
});

test('a walk over a list can remove items as it goes, in both directions', () => {
  const { types } = typesOf();
  for (const backwards of [false, true]) {
    const list = types.lists.create();
    for (let i = 0; i < 50; i++) list.append(bytesOf(String(i)), 0, String(i).length);
    let at = backwards ? list.last() : list.first();
    while (at) {
      if (Number(textOf(list.segment, list.from, list.to)) % 3 === 0) {
        list.removeCurrent();
        at = backwards ? list.resumeBackward() : list.resumeForward();
      } else at = backwards ? list.previous() : list.next();
    }
    const kept = Array.from({ length: 50 }, (_, i) => i).filter((i) => i % 3 !== 0);
    expect(elements(types.walk.open(LIST, list.encoding, list.root))).toEqual(kept.map(String));
    types.free(LIST, list.encoding, list.root);
  }
});

test('a builder builds each type, and large ones are freed in slices', () => {
  const { types, arena, live } = typesOf(defaultLimits());
  const builder = types.newBuilder();
  for (const type of [HASH, LIST, SET, ZSET]) {
    const count = type === LIST ? 20_000 : 3000;
    builder.begin(type, 0);
    for (let i = 0; i < count; i++) {
      const bytes = bytesOf(`element:${i}`);
      if (type === HASH) builder.field(bytes, 0, bytes.length, bytes, 0, bytes.length);
      else if (type === LIST) builder.item(bytes, 0, bytes.length);
      else if (type === SET) builder.member(bytes, 0, bytes.length);
      else builder.scoredMember(bytes, 0, bytes.length, i);
    }
    const { encoding, root } = builder;
    expect(encoding).toBe(LARGE);
    expect(types.count(type, encoding, root)).toBe(count);
    expect(elements(types.walk.open(type, encoding, root))).toHaveLength(count);
    types.free(type, encoding, root);
    expect(types.reclaimer.waiting).toBe(1);
    let slices = 1;
    while (types.reclaim(type === LIST ? 10 : 100)) slices++;
    expect(slices).toBeGreaterThan(2);
    expect(arena.assertAllLive()).toBe(live);
  }
});

test('the guard sees a bucket of a large collection before it changes, and only once', () => {
  const { types, keyspace } = typesOf();
  const hash = types.hashes.create();
  for (let i = 0; i < 100; i++) hash.set(bytesOf(`f${i}`), 0, `f${i}`.length, bytesOf('old'), 0, 3);
  const shown = new Map<string, number>();
  const walk = types.newWalk();
  keyspace.setGuard(1, {
    beforeChange(table, bucket) {
      const entries = new Int32Array(64);
      for (let i = 0; i < table.entriesOf(bucket, entries); i++) {
        walk.readEntry(HASH, entries[i]!);
        const field = textOf(walk.segment, walk.from, walk.to);
        expect(textOf(walk.segment, walk.valueFrom, walk.valueTo)).toBe('old');
        shown.set(field, (shown.get(field) ?? 0) + 1);
      }
    },
  });
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 100; i++) hash.set(bytesOf(`f${i}`), 0, `f${i}`.length, bytesOf(`new${round}`), 0, 4);
  }
  expect([...shown.values()].every((times) => times === 1)).toBe(true);
  expect(shown.size).toBe(100);
});

test('a random element of a large collection is any of them, about as often as any other', () => {
  const { types } = typesOf();
  const set = types.sets.create();
  for (let i = 0; i < 1000; i++) set.add(bytesOf(`m${i}`), 0, `m${i}`.length);
  let state = 12345;
  const source = {
    random: (): number => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return state >>> 0;
    },
  };
  const drawn = new Map<string, number>();
  for (let i = 0; i < 50_000; i++) {
    types.walk.open(SET, set.encoding, set.root).draw(set.root, source);
    const member = textOf(types.walk.segment, types.walk.from, types.walk.to);
    drawn.set(member, (drawn.get(member) ?? 0) + 1);
  }
  expect(drawn.size).toBe(1000);
  // 50 each are expected, with a deviation of 7.
  expect(Math.max(...drawn.values())).toBeLessThan(100);
  expect(Math.min(...drawn.values())).toBeGreaterThan(15);
});
