import { expect, test } from 'vitest';
import { TestNode } from '../testing/test-node.ts';
import { DatasetModel } from './dataset-model.ts';
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
