import fc from 'fast-check';
import { expect, test } from 'vitest';
import { STREAM } from '../keyspace/entry.ts';
import { Keyspace } from '../keyspace/keyspace.ts';
import { Arena } from '../memory/arena.ts';
import { StreamId } from '../memory/stream-id.ts';
import { type CollectionLimits, defaultLimits, TRIM_BY_ID, TRIM_BY_LENGTH, Types } from './index.ts';

const encoder = new TextEncoder();
const textOf = (bytes: Uint8Array, from: number, to: number): string =>
  new TextDecoder().decode(bytes.subarray(from, to));

function typesOf(limits: Partial<CollectionLimits>): { types: Types; arena: Arena; live: number } {
  const arena = new Arena({ checked: true });
  const keyspace = new Keyspace({ databases: 1, cluster: false, seed: [1, 2], arena });
  const types = new Types(keyspace, { ...defaultLimits(), ...limits });
  return { types, arena, live: arena.assertAllLive() };
}

/** An id in units that cross 32 bits: 1 is 1-0, 1.5 is 1 and half of all sequences. */
function idOf(ms: number, seq: number): StreamId {
  const id = new StreamId();
  const text = encoder.encode(`${BigInt(ms) << 30n}-${BigInt(seq) << 62n}`);
  id.parse(text, 0, text.length, true);
  return id;
}

function append(types: Types, id: StreamId, strings: readonly string[]): void {
  const bytes = strings.map((one) => encoder.encode(one));
  const joined = Uint8Array.from(bytes.flatMap((one) => [...one]));
  const starts = new Int32Array(strings.length);
  const ends = new Int32Array(strings.length);
  let at = 0;
  for (const [i, one] of bytes.entries()) {
    starts[i] = at;
    at += one.length;
    ends[i] = at;
  }
  types.streams.append(id, joined, starts, ends, 0, strings.length / 2);
}

/** The entries from one id to another, as texts. */
function entries(types: Types, from: StreamId, to: StreamId, backwards: boolean): string[] {
  const found: string[] = [];
  const { streams } = types;
  const { node } = streams;
  const out = new Uint8Array(64);
  streams.range(from, to, backwards);
  while (streams.next()) {
    const words = [textOf(out, 0, node.id.write(out, 0))];
    node.beginFields();
    for (let i = 0; i < node.fields; i++) {
      node.nextField();
      words.push(textOf(node.name.bytes, node.name.from, node.name.to));
      words.push(textOf(node.value.bytes, node.value.from, node.value.to));
    }
    found.push(words.join(' '));
  }
  return found;
}

const value = fc.oneof(
  fc.integer().map(String),
  fc.string({ maxLength: 6 }),
  fc.integer({ min: 100, max: 400 }).map((n) => 'v'.repeat(n)),
);
const fields = fc.oneof(
  fc.tuple(value, value).map(([a, b]) => ['name', a, 'age', b]),
  fc.tuple(value, value).map(([a, b]) => ['name', a, 'other', b]),
  value.map((a) => ['5', a]),
);
const place = fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 3 }));
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ what: fc.constant('add' as const), place, fields }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('remove' as const), place }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('shorten' as const), length: fc.nat({ max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('trim' as const), place }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('range' as const), place, to: place }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function run(limits: Partial<CollectionLimits>, steps: readonly Step[]): void {
  const { types, arena, live } = typesOf(limits);
  const { streams } = types;
  const stream = streams.create().root;
  /** Ids in order, with the entry's text. */
  let model: { id: StreamId; text: string }[] = [];
  let last = new StreamId();
  let added = 0;
  const out = new Uint8Array(64);
  for (const one of steps) {
    streams.open(stream);
    if (one.what === 'add') {
      const id = idOf(one.place[0], one.place[1]);
      if (id.compare(last) <= 0) continue;
      append(types, id, one.fields);
      last = id;
      added++;
      model.push({ id, text: [textOf(out, 0, id.write(out, 0)), ...one.fields].join(' ') });
    } else if (one.what === 'remove') {
      const id = idOf(one.place[0], one.place[1]);
      const there = model.some((entry) => entry.id.compare(id) === 0);
      expect(streams.has(id)).toBe(there);
      expect(streams.remove(id)).toBe(there);
      model = model.filter((entry) => entry.id.compare(id) !== 0);
      streams.refreshFirstId();
    } else if (one.what === 'shorten') {
      const gone = Math.max(0, model.length - one.length);
      expect(streams.trim(TRIM_BY_LENGTH, one.length, last, false, 0)).toBe(gone);
      model = model.slice(gone);
    } else if (one.what === 'trim') {
      const id = idOf(one.place[0], one.place[1]);
      const kept = model.filter((entry) => entry.id.compare(id) >= 0);
      expect(streams.trim(TRIM_BY_ID, 0, id, false, 0)).toBe(model.length - kept.length);
      model = kept;
    } else {
      const from = idOf(one.place[0], one.place[1]);
      const to = idOf(one.to[0], one.to[1]);
      const expected = model.filter(({ id }) => id.compare(from) >= 0 && id.compare(to) <= 0).map(({ text }) => text);
      expect(entries(types, from, to, false)).toEqual(expected);
      expect(entries(types, from, to, true)).toEqual(expected.reverse());
    }
    expect(streams.length).toBe(model.length);
    expect(streams.entriesAdded).toBe(added);
  }
  streams.open(stream);
  expect(streams.lastId.compare(last)).toBe(0);
  if (model.length > 0) expect(streams.firstId.compare(model[0]!.id)).toBe(0);
  const all = [new StreamId(), new StreamId().setMaximum()] as const;
  expect(entries(types, all[0], all[1], false)).toEqual(model.map(({ text }) => text));
  types.free(STREAM, 0, stream);
  while (types.reclaim(1));
  expect(arena.assertAllLive()).toBe(live);
}

test('a stream is a list of entries in order, and gives its memory back', () => {
  const steps = fc.array(step, { minLength: 1, maxLength: 150 });
  fc.assert(
    fc.property(steps, (list) => run({}, list)),
    { numRuns: 30 },
  );
  fc.assert(
    fc.property(steps, (list) => run({ streamNodeEntries: 3 }, list)),
    { numRuns: 30 },
  );
  fc.assert(
    fc.property(steps, (list) => run({ streamNodeBytes: 500, streamNodeEntries: 0 }, list)),
    { numRuns: 30 },
  );
});

test('approximate trimming removes whole nodes, up to its limit', () => {
  const { types } = typesOf({ streamNodeEntries: 10 });
  const { streams } = types;
  streams.create();
  for (let i = 1; i <= 100; i++) append(types, idOf(i, 0), ['f', String(i)]);
  expect(streams.trim(TRIM_BY_LENGTH, 55, streams.lastId, true, 0)).toBe(40);
  expect(streams.length).toBe(60);
  expect(streams.trim(TRIM_BY_LENGTH, 0, streams.lastId, true, 25)).toBe(20);
  expect(streams.trim(TRIM_BY_ID, 0, idOf(75, 0), true, 0)).toBe(10);
  expect(streams.firstId.compare(idOf(71, 0))).toBe(0);
});

test('a group is a map of pending entries that consumers share, and gives its memory back', () => {
  const names = ['alice', 'bob', 'carol', 'a name that is somewhat longer than the others'];
  const change = fc.record({
    what: fc.constantFrom('deliver', 'deliver', 'deliver', 'claim', 'acknowledge', 'leave', 'destroy'),
    group: fc.nat({ max: 2 }),
    consumer: fc.nat({ max: names.length - 1 }),
    id: fc.nat({ max: 60 }),
  });
  const bytesOf = (text: string): Uint8Array => encoder.encode(text);
  const consumerOf = (types: Types, name: string): number => {
    const { groups } = types;
    const bytes = bytesOf(name);
    const found = groups.findConsumer(bytes, 0, bytes.length);
    return found !== 0 ? found : groups.createConsumer(bytes, 0, bytes.length, 5);
  };
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 300 }), (changes) => {
      const { types, arena, live } = typesOf({});
      const { groups } = types;
      const stream = types.streams.create().root;
      const model = new Map<string, Map<number, string>>();
      const out = new Uint8Array(64);
      for (const { what, group, consumer, id: number } of changes) {
        const name = bytesOf(`group ${group}`);
        groups.open(stream);
        let pending = model.get(`group ${group}`);
        expect(groups.find(name, 0, name.length)).toBe(pending !== undefined);
        if (pending === undefined) {
          groups.create(name, 0, name.length, idOf(group, 0), group);
          pending = new Map();
          model.set(`group ${group}`, pending);
        }
        expect(groups.entriesRead).toBe(group);
        const owner = names[consumer]!;
        const id = idOf(number, 1);
        const there = groups.pending.seek(id);
        expect(there).toBe(pending.has(number));
        if (what === 'deliver' || what === 'claim') {
          const address = consumerOf(types, owner);
          if (groups.pending.seek(id)) groups.assign(address);
          else groups.addPending(id, address, number, 1);
          pending.set(number, owner);
        } else if (what === 'acknowledge' && there) {
          groups.removePending();
          pending.delete(number);
        } else if (what === 'leave') {
          const address = consumerOf(types, owner);
          const own = [...pending].filter(([, one]) => one === owner);
          expect(groups.deleteConsumer(address)).toBe(own.length);
          for (const [gone] of own) pending.delete(gone);
        } else if (what === 'destroy') {
          groups.destroy();
          model.delete(`group ${group}`);
        }
      }
      groups.open(stream);
      const listed: string[] = [];
      for (let i = 0; i < groups.groups.count; i++) {
        groups.openGroup(groups.groups.at(i));
        groups.groups.readName(groups.groups.at(i));
        const name = textOf(groups.groups.segment, groups.groups.from, groups.groups.to);
        listed.push(name);
        const found: string[] = [];
        const id = new StreamId();
        for (let more = groups.pending.first(); more; more = groups.pending.next()) {
          groups.consumers.readName(groups.consumer);
          const owner = textOf(groups.consumers.segment, groups.consumers.from, groups.consumers.to);
          expect(groups.openOwn(groups.consumer).seek(groups.pending.readId(id))).toBe(true);
          found.push(`${textOf(out, 0, id.write(out, 0))} ${owner}`);
        }
        const expected = [...model.get(name)!].sort((a, b) => a[0] - b[0]);
        expect(found).toEqual(expected.map(([id, one]) => `${textOf(out, 0, idOf(id, 1).write(out, 0))} ${one}`));
      }
      expect(listed).toEqual([...model.keys()].sort());
      types.free(STREAM, 0, stream);
      while (types.reclaim(1));
      expect(arena.assertAllLive()).toBe(live);
    }),
    { numRuns: 80 },
  );
});

test('what a stream takes in the arena is what MEMORY USAGE tells', () => {
  const { types, arena } = typesOf({ streamNodeEntries: 5 });
  const { streams, groups } = types;
  const before = arena.usedBytes;
  const stream = streams.create().root;
  const name = encoder.encode('g');
  for (let i = 1; i <= 700; i++) append(types, idOf(i, 0), ['field', `value:${i}`]);
  groups.open(stream).create(name, 0, 1, new StreamId(), 0);
  for (const one of ['a', 'b', 'c']) {
    const bytes = encoder.encode(one);
    groups.findConsumer(bytes, 0, 1);
    const consumer = groups.createConsumer(bytes, 0, 1, 0);
    for (let i = 1; i <= 150; i++) groups.addPending(idOf(one.charCodeAt(0) + i * 3, 0), consumer, 0, 1);
  }
  const told = types.memoryUsage.of(STREAM, 0, stream, 0);
  // A checked arena tells no more than was asked for, and guards what lies behind.
  expect(told).toBeLessThanOrEqual(arena.usedBytes - before);
  expect(told).toBeGreaterThan((arena.usedBytes - before) * 0.8);
});

test('large streams are freed in slices', () => {
  const { types, arena, live } = typesOf({ streamNodeEntries: 1 });
  const { streams, groups } = types;
  const stream = streams.create().root;
  const name = encoder.encode('g');
  groups.open(stream).create(name, 0, 1, new StreamId(), 0);
  const consumer = groups.createConsumer(name, 0, 1, 0);
  for (let i = 1; i <= 9000; i++) {
    append(types, idOf(i, 0), ['f', 'v']);
    groups.addPending(idOf(i, 0), consumer, 0, 1);
  }
  types.free(STREAM, 0, stream);
  expect(types.reclaimer.waiting).toBe(1);
  let slices = 1;
  while (types.reclaim(1000)) slices++;
  expect(slices).toBeGreaterThan(5);
  expect(arena.assertAllLive()).toBe(live);
});

test('entries take no more memory than in the listpacks that Valkey keeps them in', () => {
  // Its allocator has four sizes a doubling; a node's id and address are a leaf of a radix tree.
  const LEAF_BYTES = 32;
  const allocated = (sizeBytes: number): number => {
    const step = 2 ** (Math.floor(Math.log2(sizeBytes - 1)) - 2);
    return Math.ceil(sizeBytes / step) * step;
  };
  const shapes: readonly (readonly string[])[] = [
    ['sensor', '1234', 'temperature', '19.8'],
    ['payload', 'x'.repeat(200), 'n', '7'],
    ['message', 'a short text of some words'],
    ['t', '1700000000000', 'level', 'info', 'count', '123456'],
  ];
  for (const shape of shapes) {
    const { types, arena } = typesOf({});
    const { streams } = types;
    const before = arena.usedBytes;
    streams.create();
    for (let i = 1; i <= 1000; i++) append(types, new StreamId().setNumbers(1_700_000_000_000 + i * 3, 0), shape);
    let listpackBytes = 0;
    for (let more = streams.firstNode(); more; more = streams.nextNode())
      listpackBytes += allocated(streams.node.listpackBytes) + LEAF_BYTES;
    // The last one has room ahead.
    listpackBytes += 4096 - allocated(streams.node.listpackBytes);
    expect(arena.usedBytes - before).toBeLessThan(listpackBytes);
  }
});
