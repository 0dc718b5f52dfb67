import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NO_EXPIRY as NO_KEY_EXPIRY } from '../keyspace/database.ts';
import { HASH, LIST, SET, ZSET } from '../keyspace/entry.ts';
import { Keyspace } from '../keyspace/keyspace.ts';
import { slotOf } from '../keyspace/slot.ts';
import { Arena, NONE } from '../memory/arena.ts';
import { defaultLimits, Types } from '../types/index.ts';
import { CommandWriter } from './command-writer.ts';
import { bytesOf, DatasetModel } from './dataset-model.ts';
import { KeyspaceLoader } from './keyspace-loader.ts';
import { RdbReader } from './rdb/rdb-reader.ts';
import { RdbWriter } from './rdb/rdb-writer.ts';
import type { Snapshot } from './snapshot.ts';
import { Snapshots } from './snapshot.ts';

const QUEUE_LIMIT_BYTES = 64 * 1024 * 1024;
const origin = { version: 80, serverVersion: '9.1.2', createdAtSeconds: 1, usedMemoryBytes: 2, replication: null };

/** A dataset that is changed as commands change it. */
class Node {
  readonly keyspace: Keyspace;
  readonly types: Types;
  readonly snapshots: Snapshots;

  constructor(cluster = false) {
    this.keyspace = new Keyspace({ databases: 2, cluster, seed: [1, 2], arena: new Arena() });
    this.types = new Types(this.keyspace, defaultLimits());
    this.snapshots = new Snapshots(this.keyspace, this.types);
    this.keyspace.listener = {
      expired: () => {},
      evicted: () => {},
      touched: () => {},
      fieldsExpired: () => {},
      clearing: () => {},
      swapped: (first, second) => this.snapshots.swapped(first, second),
      event: () => {},
    };
  }

  find(index: number, key: string): boolean {
    const bytes = bytesOf(key);
    if (this.keyspace.slots > 1) this.keyspace.slot = slotOf(bytes, 0, bytes.length);
    return this.keyspace.databases[index]!.findForWrite(bytes, 0, bytes.length) !== NONE;
  }

  set(index: number, key: string, value: string, expireAtMs: number = NO_KEY_EXPIRY): void {
    this.find(index, key);
    this.keyspace.databases[index]!.putString(bytesOf(key), 0, key.length, bytesOf(value), 0, value.length, expireAtMs);
  }

  delete(index: number, key: string): void {
    if (this.find(index, key)) this.keyspace.databases[index]!.remove();
  }

  expire(index: number, key: string, expireAtMs: number): void {
    if (this.find(index, key)) this.keyspace.databases[index]!.setExpiry(expireAtMs);
  }

  /** Changes the collection at a key, made when it is missing; a key of another type is replaced. */
  change(index: number, key: string, type: number, change: () => void): void {
    const database = this.keyspace.databases[index]!;
    const cursor = {
      [HASH]: this.types.hashes,
      [SET]: this.types.sets,
      [ZSET]: this.types.sortedSets,
      [LIST]: this.types.lists,
    }[type]!;
    if (this.find(index, key) && database.view.type !== type) {
      database.remove();
      this.find(index, key);
    }
    if (database.entry === NONE) {
      cursor.create();
      change();
      if (cursor.count === 0) {
        this.types.free(type, cursor.encoding, cursor.root);
        return;
      }
      database.putCollection(bytesOf(key), 0, key.length, type, cursor.encoding, cursor.root);
      return;
    }
    database.beginChange();
    cursor.openFound(database);
    change();
    cursor.saveTo(database);
    if (cursor.count === 0) database.remove();
  }

  hset(index: number, key: string, field: string, value: string): void {
    this.change(index, key, HASH, () =>
      this.types.hashes.set(bytesOf(field), 0, field.length, bytesOf(value), 0, value.length),
    );
  }

  hdel(index: number, key: string, field: string): void {
    if (this.find(index, key))
      this.change(index, key, HASH, () => this.types.hashes.delete(bytesOf(field), 0, field.length));
  }

  sadd(index: number, key: string, member: string): void {
    this.change(index, key, SET, () => this.types.sets.add(bytesOf(member), 0, member.length));
  }

  srem(index: number, key: string, member: string): void {
    if (this.find(index, key))
      this.change(index, key, SET, () => this.types.sets.remove(bytesOf(member), 0, member.length));
  }

  zadd(index: number, key: string, member: string, score: number): void {
    this.change(index, key, ZSET, () => {
      const { sortedSets } = this.types;
      if (sortedSets.find(bytesOf(member), 0, member.length)) sortedSets.setScore(score);
      else sortedSets.insert(bytesOf(member), 0, member.length, score);
    });
  }

  rpush(index: number, key: string, item: string): void {
    this.change(index, key, LIST, () => this.types.lists.append(bytesOf(item), 0, item.length));
  }

  /** Changes a list somewhere, as the commands on lists do. */
  changeList(index: number, key: string, kind: number, at: number, item: string): void {
    if (!this.find(index, key) || this.keyspace.databases[index]!.view.type !== LIST) return;
    const { lists } = this.types;
    const bytes = bytesOf(item);
    this.change(index, key, LIST, () => {
      const place = at % lists.count;
      lists.expect(1, bytes.length);
      if (kind === 0) lists.pushFront(bytes, 0, bytes.length);
      else if (kind === 1) lists.pushBack(bytes, 0, bytes.length);
      else if (kind === 2) lists.popFront();
      else if (kind === 3) lists.popBack();
      else if (kind === 4) lists.dropFront(place);
      else if (kind === 5) lists.dropBack(place);
      else {
        lists.seek(place);
        if (kind === 6) lists.insertBefore(bytes, 0, bytes.length);
        else if (kind === 7) lists.insertAfter(bytes, 0, bytes.length);
        else if (kind === 8) lists.replaceCurrent(bytes, 0, bytes.length);
        else lists.removeCurrent();
      }
      if (lists.count > 0) lists.settle();
    });
  }

  openRdb(): Snapshot {
    return this.snapshots.open(new RdbWriter(origin), { slots: null, queueLimitBytes: QUEUE_LIMIT_BYTES });
  }

  /** The dataset as it is now. */
  now(): DatasetModel {
    const snapshot = this.openRdb();
    const reader = new Reader(snapshot);
    this.finish(snapshot, reader);
    return reader.model;
  }

  finish(snapshot: Snapshot, reader: Reader): void {
    while (snapshot.active) {
      this.snapshots.slice(snapshot, 1000);
      reader.take(false);
    }
    reader.take(true);
    this.snapshots.close(snapshot);
  }
}

class Reader {
  readonly model = new DatasetModel();
  private readonly reader = new RdbReader(this.model, 'snapshot');
  private readonly snapshot: Snapshot;

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot;
  }

  take(flush: boolean): void {
    const { out } = this.snapshot.consumer;
    for (let chunk = out.take(flush); chunk !== null; chunk = out.take(flush)) {
      this.reader.push(chunk.bytes, 0, chunk.length);
      out.release(chunk);
    }
    if (flush) this.reader.finish();
    expect(this.reader.error).toBeNull();
  }
}

/** More than are left pending until the keys were told. */
const LARGE_HASHES = 20;
const LARGE_FIELDS = 1100;

function manyLargeHashes(node: Node): void {
  for (let n = 0; n < LARGE_HASHES; n++) {
    for (let i = 0; i < LARGE_FIELDS; i++) node.hset(0, `large hash ${n}`, `field ${i}`, 'value');
  }
}

/** The rest of a snapshot that is told as commands. */
function commandsOf(node: Node, snapshot: Snapshot): string {
  const { out } = snapshot.consumer;
  let text = '';
  while (snapshot.active || out.queuedBytes > 0) {
    if (snapshot.active) node.snapshots.slice(snapshot, 100);
    for (let chunk = out.take(snapshot.done); chunk !== null; chunk = out.take(snapshot.done)) {
      text += new TextDecoder().decode(chunk.bytes.subarray(0, chunk.length));
      out.release(chunk);
    }
  }
  node.snapshots.close(snapshot);
  return text;
}

function sorted(model: DatasetModel): unknown {
  return [...model.databases]
    .filter(([, keys]) => keys.size > 0)
    .sort(([a], [b]) => a - b)
    .map(([index, keys]) => [
      index,
      [...keys].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, value]),
    ]);
}

function expectSame(left: DatasetModel, right: DatasetModel): void {
  expect(sorted(left)).toEqual(sorted(right));
}

function populate(node: Node, keys: number, large: number): void {
  for (let i = 0; i < keys; i++) node.set(i % 2, `key:${i}`, `value ${i}`, i % 7 === 0 ? 2 ** 41 + i : NO_KEY_EXPIRY);
  for (let i = 0; i < large; i++) {
    node.hset(0, 'large hash', `field ${i}`, `value ${i}`);
    node.hset(1, 'other large hash', `field ${i}`, `value ${i}`);
    node.sadd(0, 'large set', `member ${i}`);
    node.zadd(1, 'large zset', `member ${i}`, i / 3);
    node.rpush(0, 'large list', `item ${i} ${'x'.repeat(50)}`);
    node.rpush(1, 'list of small items', String(i));
  }
}

type Operation = (node: Node) => void;
const number = fc.nat(2500);
const index = fc.nat(1);
const large = fc.constantFrom(
  'large hash',
  'other large hash',
  'large set',
  'large zset',
  'large list',
  'list of small items',
);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.tuple(index, fc.nat(5)).map(
      ([db, slices]): Operation =>
        (node) => {
          if (slices < 3) node.keyspace.databases[db]!.clear();
          else if (slices === 3) node.keyspace.swap(0, 1);
          else node.keyspace.detached.reclaim(100);
        },
    ),
  },
  {
    weight: 6,
    arbitrary: fc.tuple(index, number).map(
      ([db, n]): Operation =>
        (node) =>
          node.set(db, `key:${n}`, `changed ${n}`),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(index, number).map(
      ([db, n]): Operation =>
        (node) =>
          node.set(db, `key:${n}`, 'x'.repeat(3000)),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(index, number).map(
      ([db, n]): Operation =>
        (node) =>
          node.delete(db, `key:${n}`),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(index, number).map(
      ([db, n]): Operation =>
        (node) =>
          node.expire(db, `key:${n}`, 2 ** 42),
    ),
  },
  {
    weight: 6,
    arbitrary: fc.tuple(index, number).map(
      ([db, n]): Operation =>
        (node) =>
          node.hset(db, db === 0 ? 'large hash' : 'other large hash', `field ${n}`, 'new'),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(index, number).map(
      ([db, n]): Operation =>
        (node) =>
          node.hdel(db, db === 0 ? 'large hash' : 'other large hash', `field ${n}`),
    ),
  },
  {
    weight: 4,
    arbitrary: number.map(
      (n): Operation =>
        (node) =>
          node.sadd(0, 'large set', `new ${n}`),
    ),
  },
  {
    weight: 4,
    arbitrary: number.map(
      (n): Operation =>
        (node) =>
          node.srem(0, 'large set', `member ${n}`),
    ),
  },
  {
    weight: 4,
    arbitrary: number.map(
      (n): Operation =>
        (node) =>
          node.zadd(1, 'large zset', `member ${n}`, n * 2),
    ),
  },
  {
    weight: 2,
    arbitrary: number.map(
      (n): Operation =>
        (node) =>
          node.rpush(0, 'large list', `new ${n}`),
    ),
  },
  {
    weight: 12,
    arbitrary: fc.tuple(fc.nat(9), number, fc.constantFrom(1, 60, 4000)).map(
      ([kind, n, sizeBytes]): Operation =>
        (node) => {
          node.changeList(0, 'large list', kind, n, `${n}`.padEnd(sizeBytes, '.'));
          node.changeList(1, 'list of small items', kind, n * 7, `${n}`);
        },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(index, number).map(
      ([db, n]): Operation =>
        (node) =>
          node.hset(db, `small ${n % 50}`, `field ${n}`, 'v'),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(index, large).map(
      ([db, key]): Operation =>
        (node) =>
          node.delete(db, key),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(index, large).map(
      ([db, key]): Operation =>
        (node) =>
          node.set(db, key, 'now a string'),
    ),
  },
);

describe('a snapshot', () => {
  test('of a dataset at rest is that dataset', () => {
    const node = new Node();
    const model = new DatasetModel();
    node.set(0, 'string', 'value');
    node.set(1, 'number', '12', 5000);
    node.set(0, 'long', 'y'.repeat(5000));
    node.hset(0, 'hash', 'f', 'v');
    node.rpush(1, 'list', 'a');
    node.rpush(1, 'list', 'b');
    node.zadd(0, 'zset', 'm', 1.5);
    node.sadd(0, 'set', 'm');
    model
      .set(0, 'string', { type: 0, value: 'value' })
      .set(1, 'number', { type: 0, value: '12' }, 5000)
      .set(0, 'long', { type: 0, value: 'y'.repeat(5000) })
      .set(0, 'hash', { type: 4, fields: new Map([['f', 'v']]) })
      .set(1, 'list', { type: 1, items: ['a', 'b'] })
      .set(0, 'zset', { type: 3, scores: new Map([['m', 1.5]]) })
      .set(0, 'set', { type: 2, members: new Set(['m']) });
    for (let i = 0; i < 3000; i++) node.hset(1, 'large', `f${i}`, `v${i}`);
    model.set(1, 'large', { type: 4, fields: new Map(Array.from({ length: 3000 }, (_, i) => [`f${i}`, `v${i}`])) });
    expectSame(node.now(), model);
  });

  test.each([false, true])(
    'is the dataset as it was when it was opened, whatever is written meanwhile (cluster: %s)',
    (cluster) => {
      fc.assert(
        fc.property(
          fc.array(fc.tuple(operation, fc.nat(30)), { minLength: 1, maxLength: 300 }),
          fc.constantFrom(0, 50, 2000),
          fc.constantFrom(0, 600, 2000),
          (operations, keys, largeElements) => {
            const node = new Node(cluster);
            populate(node, keys, largeElements);
            const before = node.now();
            const snapshot = node.openRdb();
            const reader = new Reader(snapshot);
            for (const [operate, units] of operations) {
              operate(node);
              if (snapshot.active) node.snapshots.slice(snapshot, units);
              reader.take(false);
            }
            const after = node.now();
            node.finish(snapshot, reader);
            expect(snapshot.failure).toBe('');
            expectSame(reader.model, before);
            expectSame(node.now(), after);
          },
        ),
        { numRuns: 12 },
      );
    },
  );

  test('is right for each of several that overlap', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(operation, fc.nat(2), fc.nat(60)), { minLength: 50, maxLength: 300 }),
        (operations) => {
          const node = new Node();
          populate(node, 500, 1500);
          const open: { snapshot: Snapshot; reader: Reader; before: DatasetModel }[] = [];
          for (const [position, [operate, turn, units]] of operations.entries()) {
            if (position % 20 === 0 && open.length < 3) {
              const before = node.now();
              const snapshot = node.openRdb();
              open.push({ snapshot, reader: new Reader(snapshot), before });
            }
            operate(node);
            const one = open[turn % open.length]!;
            if (one.snapshot.active) node.snapshots.slice(one.snapshot, units);
            one.reader.take(false);
          }
          for (const { snapshot, reader, before } of open.reverse()) {
            node.finish(snapshot, reader);
            expectSame(reader.model, before);
          }
          expect(node.snapshots.openCount).toBe(0);
        },
      ),
      { numRuns: 6 },
    );
  });

  for (const cluster of [false, true]) {
    test(`keeps what databases held that are emptied or swapped meanwhile${cluster ? ', in cluster mode' : ''}`, () => {
      const node = new Node(cluster);
      populate(node, 3000, 1500);
      const before = node.now();
      const snapshot = node.openRdb();
      const reader = new Reader(snapshot);
      node.snapshots.slice(snapshot, 200);
      if (!cluster) node.keyspace.swap(0, 1);
      node.set(0, 'key:1', 'after the swap');
      node.keyspace.databases[0]!.clear();
      node.set(0, 'key:2', 'after the flush');
      // What the snapshot has not told stays; a later snapshot has nothing to do with it.
      expect(node.keyspace.detached.reclaim(1_000_000)).toBe(false);
      expect(node.keyspace.detached.waiting).toBeGreaterThan(0);
      const later = node.now();
      const other = node.openRdb();
      const otherReader = new Reader(other);
      if (!cluster) node.keyspace.swap(0, 1);
      node.keyspace.databases[1]!.clear();
      node.set(1, 'key:3', 'after all');
      node.finish(snapshot, reader);
      expectSame(reader.model, before);
      node.finish(other, otherReader);
      expectSame(otherReader.model, later);
      node.keyspace.detached.reclaim(1_000_000);
      expect(node.keyspace.detached.waiting).toBe(0);
    });
  }

  test('fails when what it keeps back exceeds its limit', () => {
    const node = new Node();
    populate(node, 2000, 0);
    const snapshot = node.snapshots.open(new RdbWriter(origin), { slots: null, queueLimitBytes: 10_000 });
    for (let i = 0; i < 2000; i++) node.set(i % 2, `key:${i}`, 'changed');
    expect(snapshot.failure).toContain('more than the limit of 10000');
    node.snapshots.close(snapshot);
  });

  test('of some slots has the keys of those slots in every database, as commands', () => {
    const node = new Node(true);
    populate(node, 500, 1500);
    const wanted = slotOf(bytesOf('key:1'), 0, 5);
    const slots = new Uint8Array(16384);
    slots[wanted] = 1;
    slots[slotOf(bytesOf('large hash'), 0, 10)] = 1;
    const snapshot = node.snapshots.open(new CommandWriter(), { slots, queueLimitBytes: QUEUE_LIMIT_BYTES });
    node.hset(0, 'large hash', 'field 7', 'changed');
    node.set(1, 'key:1', 'changed');
    node.set(0, 'key:2', 'changed');
    const text = commandsOf(node, snapshot);
    expect(text).toContain('$6\r\nSELECT\r\n$1\r\n1\r\n*3\r\n$3\r\nSET\r\n$5\r\nkey:1\r\n$7\r\nvalue 1\r\n');
    expect(text).toContain('*4\r\n$4\r\nHSET\r\n$10\r\nlarge hash\r\n$7\r\nfield 7\r\n$7\r\nvalue 7\r\n');
    expect(text.match(/HSET/g)!.length).toBe(1500);
    expect(text).not.toContain('changed');
    expect(text).not.toContain('key:2');
  });

  test('as commands gives a large collection its own expiry, whatever is told beside it', () => {
    const node = new Node();
    manyLargeHashes(node);
    for (let n = 0; n < LARGE_HASHES; n++) node.expire(0, `large hash ${n}`, 4_000_000_000_000);
    node.hset(1, 'small hash', 'field', 'value');
    node.expire(1, 'small hash', 5_000_000_000_000);
    const snapshot = node.snapshots.open(new CommandWriter(), { slots: null, queueLimitBytes: QUEUE_LIMIT_BYTES });
    while (snapshot.open === null) node.snapshots.slice(snapshot, 10);
    for (let n = 0; n < LARGE_HASHES; n++) {
      for (let i = 0; i < LARGE_FIELDS; i++) node.hset(0, `large hash ${n}`, `field ${i}`, 'changed');
    }
    node.hset(1, 'small hash', 'field', 'changed');
    const text = commandsOf(node, snapshot);
    for (let n = 0; n < LARGE_HASHES; n++) {
      const key = `large hash ${n}`;
      expect(text).toContain(`PEXPIREAT\r\n$${key.length}\r\n${key}\r\n$13\r\n4000000000000\r\n`);
    }
    expect(text).toContain('PEXPIREAT\r\n$10\r\nsmall hash\r\n$13\r\n5000000000000\r\n');
    expect(text.match(/PEXPIREAT/g)!.length).toBe(LARGE_HASHES + 1);
    expect(text.match(/HSET/g)!.length).toBe(LARGE_HASHES * LARGE_FIELDS + 1);
    expect(text).not.toContain('changed');
  });

  test('tells a large list in slices, in its order, however it is changed and emptied meanwhile', () => {
    const node = new Node();
    for (let i = 0; i < 50_000; i++) node.rpush(0, 'list', `item ${i}`);
    for (let i = 0; i < 50_000; i++) node.rpush(0, 'other list', `item ${i}`);
    const before = node.now();
    const live = node.keyspace.arena.usedBytes;
    const snapshot = node.openRdb();
    const reader = new Reader(snapshot);
    while (snapshot.open === null) node.snapshots.slice(snapshot, 10);
    const told = (): number => snapshot.consumer.out.queuedBytes;
    const atStart = told();
    node.snapshots.slice(snapshot, 500);
    expect(told() - atStart).toBeLessThan(50_000);
    expect(snapshot.pending.length).toBe(1);
    for (let i = 0; i < 40_000; i++) {
      for (const key of ['list', 'other list']) node.changeList(0, key, i % 2 === 0 ? 2 : 3, 0, '');
      if (i % 1000 === 0) node.snapshots.slice(snapshot, 100);
      reader.take(false);
    }
    expect(snapshot.active).toBe(true);
    node.delete(0, 'list');
    node.delete(0, 'other list');
    node.finish(snapshot, reader);
    expect(snapshot.failure).toBe('');
    expectSame(reader.model, before);
    // What was kept for the snapshot is freed with it.
    while (node.types.reclaim(1_000_000));
    expect(node.keyspace.arena.usedBytes).toBeLessThan(live / 10);
  });

  test('moves what waited for a large collection in slices, and keys that are told meanwhile queue up behind', () => {
    const node = new Node();
    manyLargeHashes(node);
    const value = 'x'.repeat(10_000);
    for (let i = 0; i < 200; i++) node.set(1, `key:${i}`, value);
    const before = node.now();
    const snapshot = node.openRdb();
    const reader = new Reader(snapshot);
    while (snapshot.open === null) node.snapshots.slice(snapshot, 10);
    for (let i = 0; i < 150; i++) node.set(1, `key:${i}`, 'changed');
    const waiting = snapshot.side.queuedBytes;
    expect(waiting).toBeGreaterThan(1_000_000);
    while (!snapshot.draining) node.snapshots.slice(snapshot, 10);
    node.snapshots.slice(snapshot, 10);
    expect(snapshot.side.queuedBytes).toBeGreaterThan(waiting - 200_000);
    for (let i = 150; i < 200; i++) node.set(1, `key:${i}`, 'changed');
    node.finish(snapshot, reader);
    expectSame(reader.model, before);
  });
});

test('what is loaded from an RDB file is the dataset that was saved', () => {
  const node = new Node();
  populate(node, 500, 2000);
  const copy = new Node();
  const loader = new KeyspaceLoader(copy.keyspace, copy.types, copy.types.newBuilder(), { dropExpiredBeforeMs: 0 });
  const reader = new RdbReader(loader, 'dump.rdb');
  const snapshot = node.openRdb();
  const { out } = snapshot.consumer;
  while (snapshot.active) {
    node.snapshots.slice(snapshot, 1000);
    for (let chunk = out.take(snapshot.done); chunk !== null; chunk = out.take(snapshot.done)) {
      reader.push(chunk.bytes, 0, chunk.length);
      out.release(chunk);
    }
  }
  node.snapshots.close(snapshot);
  expect(reader.error).toBeNull();
  expect(reader.done).toBe(true);
  expect(loader.loaded).toBe(506);
  expectSame(copy.now(), node.now());
});

test('a key that expired is dropped by a primary that loads, and kept by a replica', () => {
  const node = new Node();
  node.set(0, 'old', 'v', 1000);
  node.set(0, 'new', 'v', 3000);
  const snapshot = node.openRdb();
  while (snapshot.active) node.snapshots.slice(snapshot, 1000);
  const chunk = snapshot.consumer.out.take(true)!;
  for (const [dropExpiredBeforeMs, loaded] of [
    [2000, 1],
    [0, 2],
  ] as const) {
    const copy = new Node();
    const loader = new KeyspaceLoader(copy.keyspace, copy.types, copy.types.newBuilder(), { dropExpiredBeforeMs });
    new RdbReader(loader, 'dump.rdb').push(chunk.bytes, 0, chunk.length);
    expect(loader.loaded).toBe(loaded);
    expect(copy.keyspace.keyCount()).toBe(loaded);
  }
});
