import { expect, test } from 'vitest';
import { TestNode } from '../testing/test-node.ts';
import { CommandWriter } from './command-writer.ts';
import { DatasetModel } from './dataset-model.ts';
import { DigestVisitor, digestHex } from './digest.ts';
import { RdbReader } from './rdb/rdb-reader.ts';
import { RdbWriter } from './rdb/rdb-writer.ts';
import { WholeDataset } from './whole-dataset.ts';

const origin = { version: 80, serverVersion: '9.1.2', createdAtSeconds: 1, usedMemoryBytes: 1, replication: null };
const STREAMS = 40;

function modelOf(node: TestNode): DatasetModel {
  const model = new DatasetModel();
  new WholeDataset(node.node.keyspace, node.node.types).tell(model);
  return model;
}

test('a snapshot has streams and their groups as they were when it was opened, whatever happens to them meanwhile', () => {
  const node = new TestNode({ 'stream-node-max-entries': '7' }).at(1_700_000_000_000);
  const client = node.client();
  for (let i = 0; i < STREAMS; i++) {
    for (let entry = 1; entry <= 20 + i; entry++)
      client.send('xadd', `s:${i}`, `${entry}-1`, 'field', `value:${entry}`);
    client.send('xgroup', 'create', `s:${i}`, 'g', '0');
    client.send('xreadgroup', 'group', 'g', 'c', 'count', '9', 'streams', `s:${i}`, '>');
  }
  const before = modelOf(node);
  const writer = new RdbWriter(origin);
  const snapshot = node.node.snapshots.open(writer, { slots: null, queueLimitBytes: 64 * 1024 * 1024 });
  const changes: readonly (readonly string[])[] = [
    ['xadd', 'KEY', '*', 'new', 'entry'],
    ['xdel', 'KEY', '3-1'],
    ['xack', 'KEY', 'g', '1-1', '2-1'],
    ['xreadgroup', 'group', 'g', 'other', 'streams', 'KEY', '>'],
    ['xclaim', 'KEY', 'g', 'third', '0', '4-1'],
    ['xautoclaim', 'KEY', 'g', 'third', '0', '0'],
    ['xgroup', 'destroy', 'KEY', 'g'],
    ['xgroup', 'create', 'KEY', 'more', '0'],
    ['xgroup', 'delconsumer', 'KEY', 'g', 'c'],
    ['xgroup', 'setid', 'KEY', 'g', '$'],
    ['xtrim', 'KEY', 'maxlen', '2'],
    ['xsetid', 'KEY', '99-9'],
    ['del', 'KEY'],
  ];
  node.at(1_700_000_009_000);
  for (let i = 0; i < STREAMS; i++) {
    for (const change of [changes[i % changes.length]!, changes[(i * 5 + 3) % changes.length]!])
      client.send(...change.map((word) => (word === 'KEY' ? `s:${(i * 7) % STREAMS}` : word)));
    node.node.snapshots.slice(snapshot, 2);
  }
  while (!snapshot.done) node.node.snapshots.slice(snapshot, 100);
  node.node.snapshots.close(snapshot);
  const told = new DatasetModel();
  const reader = new RdbReader(told, 'test');
  for (let chunk = writer.out.take(true); chunk !== null; chunk = writer.out.take(true))
    reader.push(chunk.bytes, 0, chunk.length);
  expect(reader.error).toBeNull();
  expect(told.databases.get(0)!.size).toBe(STREAMS);
  for (const [key, value] of before.databases.get(0)!) expect(told.databases.get(0)!.get(key)).toEqual(value);
  expect(modelOf(node).databases).not.toEqual(before.databases);
});

const LARGE_STREAMS = 8;
const LARGE_ENTRIES = 1500;

function withLargeStreams(): TestNode {
  const node = new TestNode().at(1_700_000_000_000);
  const client = node.client();
  for (let i = 0; i < LARGE_STREAMS; i++) {
    for (let entry = 1; entry <= LARGE_ENTRIES; entry++) client.send('xadd', `s:${i}`, `${entry}-1`, 'f', `v${entry}`);
    client.send('xdel', `s:${i}`, '7-1', '1499-1');
    client.send('xgroup', 'create', `s:${i}`, 'g', '0');
    client.send('xreadgroup', 'group', 'g', 'c', 'count', '40', 'streams', `s:${i}`, '>');
    client.send('set', `text:${i}`, String(i));
  }
  return node;
}

const disturbances: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'entries are added and removed': [
    ['xadd', 'KEY', '*', 'new', 'entry'],
    ['xdel', 'KEY', '3-1', '700-1', '1500-1'],
    ['xtrim', 'KEY', 'maxlen', '1444'],
    ['xadd', 'KEY', 'maxlen', '~', '500', '*', 'new', 'entry'],
  ],
  'groups change': [
    ['xack', 'KEY', 'g', '1-1', '2-1'],
    ['xreadgroup', 'group', 'g', 'other', 'streams', 'KEY', '>'],
    ['xgroup', 'destroy', 'KEY', 'g'],
  ],
  'keys go': [
    ['xtrim', 'KEY', 'maxlen', '0'],
    ['del', 'KEY'],
    ['xadd', 'KEY', '*', 'another', 'stream'],
  ],
  'keys move': [
    ['rename', 'KEY', 'elsewhere'],
    ['xadd', 'elsewhere', '*', 'new', 'entry'],
    ['xtrim', 'elsewhere', 'maxlen', '3'],
  ],
  'all is emptied': [['xadd', 'KEY', '*', 'new', 'entry'], ['flushall'], ['xadd', 'KEY', '*', 'another', 'stream']],
};

for (const [name, changes] of Object.entries(disturbances)) {
  test(`a snapshot tells large streams in slices as they were while ${name}`, () => {
    const node = withLargeStreams();
    const client = node.client();
    const before = modelOf(node);
    const writer = new RdbWriter(origin);
    const snapshot = node.node.snapshots.open(writer, { slots: null, queueLimitBytes: 64 * 1024 * 1024 });
    node.at(1_700_000_009_000);
    const told = new DatasetModel();
    const reader = new RdbReader(told, 'test');
    let slices = 0;
    let at = 0;
    for (; !snapshot.done; slices++) {
      expect(snapshot.failure).toBe('');
      node.node.snapshots.slice(snapshot, 20);
      if (slices % 4 === 2 && at < changes.length * LARGE_STREAMS) {
        const change = changes[Math.floor(at / LARGE_STREAMS)]!;
        client.send(...change.map((word) => (word === 'KEY' ? `s:${(at * 3) % LARGE_STREAMS}` : word)));
        at++;
      }
      for (let chunk = writer.out.take(false); chunk !== null; chunk = writer.out.take(false)) {
        reader.push(chunk.bytes, 0, chunk.length);
        writer.out.release(chunk);
      }
    }
    node.node.snapshots.close(snapshot);
    for (let chunk = writer.out.take(true); chunk !== null; chunk = writer.out.take(true))
      reader.push(chunk.bytes, 0, chunk.length);
    expect(reader.error).toBeNull();
    expect(slices).toBeGreaterThan(100);
    expect(at).toBeGreaterThan(LARGE_STREAMS);
    expect([...told.databases.get(0)!.keys()].sort()).toEqual([...before.databases.get(0)!.keys()].sort());
    for (const [key, value] of before.databases.get(0)!) expect(told.databases.get(0)!.get(key)).toEqual(value);
  });
}

test('what is told as commands makes the same streams elsewhere', () => {
  const node = withLargeStreams();
  const client = node.client();
  const before = digestOf(node);
  const writer = new CommandWriter();
  const snapshot = node.node.snapshots.open(writer, { slots: null, queueLimitBytes: 64 * 1024 * 1024 });
  const other = new TestNode().at(1_700_000_000_000);
  const target = other.client();
  for (let i = 0; !snapshot.done; i++) {
    node.node.snapshots.slice(snapshot, 20);
    client.send('xadd', `s:${i % LARGE_STREAMS}`, '*', 'new', 'entry');
    client.send('xtrim', `s:${(i * 3) % LARGE_STREAMS}`, 'maxlen', String(1200 - i * 8));
    for (let chunk = writer.out.take(false); chunk !== null; chunk = writer.out.take(false)) {
      expect(target.raw(chunk.bytes.slice(0, chunk.length))).not.toMatch(/^-/m);
      writer.out.release(chunk);
    }
  }
  for (let chunk = writer.out.take(true); chunk !== null; chunk = writer.out.take(true))
    expect(target.raw(chunk.bytes.slice(0, chunk.length))).not.toMatch(/^-/m);
  node.node.snapshots.close(snapshot);
  expect(digestOf(other)).toBe(before);
  for (let i = 0; i < LARGE_STREAMS; i++)
    expect(target.send('xpending', `s:${i}`, 'g')).toBe(
      '*4\r\n:40\r\n$3\r\n1-1\r\n$4\r\n41-1\r\n*1\r\n*2\r\n$1\r\nc\r\n$2\r\n40\r\n',
    );
});

function digestOf(node: TestNode): string {
  const digest = new DigestVisitor();
  new WholeDataset(node.node.keyspace, node.node.types).tell(digest);
  return digestHex(digest.total);
}
