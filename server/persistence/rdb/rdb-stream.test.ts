import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { Keyspace } from '../../keyspace/keyspace.ts';
import { Arena } from '../../memory/arena.ts';
import { TestNode } from '../../testing/test-node.ts';
import { defaultLimits, Types } from '../../types/index.ts';
import { DatasetModel } from '../dataset-model.ts';
import { DigestVisitor, digestHex } from '../digest.ts';
import { KeyspaceLoader } from '../keyspace-loader.ts';
import type { StreamEvent } from '../stream-model.ts';
import { WholeDataset } from '../whole-dataset.ts';
import { RdbReader } from './rdb-reader.ts';
import { RdbWriter } from './rdb-writer.ts';

const origin = { version: 80, serverVersion: '9.1.2', createdAtSeconds: 1, usedMemoryBytes: 1, replication: null };

/** A node with a stream of several nodes, deleted entries, ids at the ends of their range, two groups and three consumers. */
function filled(): TestNode {
  const node = new TestNode({ 'stream-node-max-entries': '4' });
  node.at(1_700_000_000_000);
  const client = node.client();
  for (let i = 1; i <= 30; i++) client.send('xadd', 's', `${i}-${i * 7}`, 'name', `n${i}`, 'age', String(i * i * 1000));
  client.send('xadd', 's', '9007199254740993-1', 'big', '123456789012345678');
  client.send('xadd', 's', '18446744073709551615-18446744073709551614', 'last', 'x'.repeat(5000));
  client.send('xdel', 's', '6-42', '9-63');
  client.send('xgroup', 'create', 's', 'first', '0');
  client.send('xreadgroup', 'group', 'first', 'alice', 'count', '9', 'streams', 's', '>');
  node.at(1_700_000_001_000);
  client.send('xreadgroup', 'group', 'first', 'bob', 'count', '5', 'streams', 's', '>');
  client.send('xreadgroup', 'group', 'first', 'bob', 'streams', 's', '0');
  client.send('xgroup', 'createconsumer', 's', 'first', 'idle');
  client.send('xgroup', 'create', 's', 'second', '18446744073709551615-18446744073709551614');
  client.send('xadd', 'empty', '5-5', 'a', 'b');
  client.send('xtrim', 'empty', 'maxlen', '0');
  return node;
}

function digestOf(node: TestNode): string {
  const digest = new DigestVisitor();
  new WholeDataset(node.node.keyspace, node.node.types).tell(digest);
  return digestHex(digest.total);
}

function fileOf(node: TestNode): Uint8Array {
  const writer = new RdbWriter(origin);
  new WholeDataset(node.node.keyspace, node.node.types).tell(writer);
  const parts: Uint8Array[] = [];
  for (let chunk = writer.out.take(true); chunk !== null; chunk = writer.out.take(true))
    parts.push(chunk.bytes.slice(0, chunk.length));
  return Uint8Array.from(Buffer.concat(parts));
}

function modelOf(node: TestNode): DatasetModel {
  const model = new DatasetModel();
  new WholeDataset(node.node.keyspace, node.node.types).tell(model);
  return model;
}

describe('a stream in an RDB file', () => {
  let node: TestNode;
  let file: Uint8Array;
  beforeAll(() => {
    node = filled();
    file = fileOf(node);
  });

  test('is read back to the last pending entry, however the file is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 40 }), (sizes) => {
        const other = new TestNode({ 'stream-node-max-entries': '4' });
        const loader = new KeyspaceLoader(other.node.keyspace, other.node.types, other.node.types.newBuilder(), {
          dropExpiredBeforeMs: 0,
        });
        const reader = new RdbReader(loader, 'test');
        for (let at = 0, i = 0; at < file.length; i++) {
          const end = Math.min(file.length, at + sizes[i % sizes.length]!);
          reader.push(file, at, end);
          at = end;
        }
        expect(reader.error).toBeNull();
        expect(reader.done).toBe(true);
        expect(digestOf(other)).toBe(digestOf(node));
        expect(modelOf(other).databases).toEqual(modelOf(node).databases);
      }),
      { numRuns: 20 },
    );
  });

  test('is told and told again alike', () => {
    const model = modelOf(node);
    const writer = new RdbWriter(origin);
    model.tell(writer);
    const again = new DatasetModel();
    const reader = new RdbReader(again, 'test');
    for (let chunk = writer.out.take(true); chunk !== null; chunk = writer.out.take(true))
      reader.push(chunk.bytes, 0, chunk.length);
    expect(reader.error).toBeNull();
    expect(again.databases).toEqual(model.databases);
  });

  test('that is damaged is refused, and what was half built is given back', () => {
    const arena = new Arena({ checked: true });
    const keyspace = new Keyspace({ databases: 1, cluster: false, seed: [1, 2], arena });
    const types = new Types(keyspace, defaultLimits());
    fc.assert(
      fc.property(fc.nat({ max: file.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const live = arena.assertAllLive();
        const damaged = file.slice();
        damaged[at] = damaged[at]! ^ change;
        const loader = new KeyspaceLoader(keyspace, types, types.newBuilder(), { dropExpiredBeforeMs: 0 });
        const reader = new RdbReader(loader, 'test', false);
        reader.push(damaged, 0, damaged.length);
        loader.abandon();
        keyspace.clear();
        while (keyspace.detached.reclaim(10_000));
        while (types.reclaim(10_000));
        expect(arena.assertAllLive()).toBe(live);
      }),
      { numRuns: 1500 },
    );
  });
});

/** Numbers below 64 are one byte, and so are the lengths of short strings. */
const text = (value: string): number[] => [value.length, ...[...value].map((one) => one.charCodeAt(0))];
const id = (ms: number, seq: number): number[] => [...Array(7).fill(0), ms, ...Array(7).fill(0), seq];
const time = (ms: number): number[] => [ms, 0, 0, 0, 0, 0, 0, 0];

/** One node: an entry 1-1 with a=b, and one 1-2 that is deleted. */
const LISTPACK_ELEMENTS: readonly (number | string)[] = [1, 1, 1, 'a', 0, 2, 0, 0, 'b', 4, 3, 0, 1, 'c', 4];
function listpack(): number[] {
  const elements = LISTPACK_ELEMENTS.flatMap((one) =>
    typeof one === 'number' ? [one, 1] : [0x80 | one.length, one.charCodeAt(0), 2],
  );
  return [elements.length + 7, 0, 0, 0, LISTPACK_ELEMENTS.length, 0, ...elements, 255];
}

/** A stream of two entries, one deleted, with a group `g` that has 1-1 pending for `c`; as the three types have it. */
function oldStream(rdbType: number, owned = true): Uint8Array {
  const pack = listpack();
  const later = rdbType !== 15;
  const body = [
    ...text('s'),
    ...[1, 16, ...id(1, 1), pack.length, ...pack],
    // Entries; the last id, and in later types the first one, the largest deleted one and how many were added.
    ...[1, 1, 2, ...(later ? [1, 1, 1, 2, 2] : [])],
    ...[1, ...text('g'), 1, 1, ...(later ? [1] : [])],
    ...[1, ...id(1, 1), ...time(99), 3],
    ...[1, ...text('c'), ...time(88), ...(rdbType === 21 ? time(77) : []), ...(owned ? [1, ...id(1, 1)] : [0])],
  ];
  return Uint8Array.from([
    ...[...'REDIS0011'].map((one) => one.charCodeAt(0)),
    254,
    0,
    rdbType,
    ...body,
    255,
    ...Array(8).fill(0),
  ]);
}

test('the older formats of streams are read, and what they lack follows from the entries', () => {
  const eventsOf = (rdbType: number): readonly StreamEvent[] => {
    const node = new TestNode();
    const loader = new KeyspaceLoader(node.node.keyspace, node.node.types, node.node.types.newBuilder(), {
      dropExpiredBeforeMs: 0,
    });
    const reader = new RdbReader(loader, 'test');
    const file = oldStream(rdbType);
    reader.push(file, 0, file.length);
    expect(reader.error).toBeNull();
    const value = modelOf(node).databases.get(0)!.get('s')!.value as { readonly events: StreamEvent[] };
    return value.events.slice(1);
  };
  const rest = (read: number, activeMs: number): StreamEvent[] => [
    ['group', 'g', '1-1', read, 1],
    ['pending', '1-1', 99, 3],
    ['consumers', 1],
    ['consumer', 'c', 88, activeMs, 1],
    ['consumerPending', '1-1'],
  ];
  expect(eventsOf(21)).toEqual([['facts', 1, '1-2', '1-1', '1-2', 2, 1], ...rest(1, 77)]);
  expect(eventsOf(19)).toEqual([['facts', 1, '1-2', '1-1', '1-2', 2, 1], ...rest(1, 88)]);
  expect(eventsOf(15)).toEqual([['facts', 1, '1-2', '1-1', '0-0', 1, 1], ...rest(1, 88)]);
});

test('a stream with a pending entry that no consumer has is refused', () => {
  const node = new TestNode();
  const loader = new KeyspaceLoader(node.node.keyspace, node.node.types, node.node.types.newBuilder(), {
    dropExpiredBeforeMs: 0,
  });
  const reader = new RdbReader(loader, 'test');
  const file = oldStream(21, false);
  reader.push(file, 0, file.length);
  expect(reader.error).toContain('a pending entry has no consumer');
});
