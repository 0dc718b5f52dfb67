import { expect, test } from 'vitest';
import type { ValkeyClusterStatus } from '../api/index.ts';
import { readOptions, UsageError } from './options.ts';
import type { NodeCell, Snapshot } from './snapshot.ts';
import { migrationBar, tableOf } from './table.ts';

const node = (name: string, pid: number, port: number, state: string): NodeCell => ({ name, pid, port, state });

const snapshot: Snapshot = {
  served: true,
  slotsServed: 16384,
  shards: [
    {
      index: 0,
      primary: node('a-0-0', 11, 7000, 'ok'),
      replicas: [node('a-0-1', 12, 7001, 'in sync')],
      others: [],
      slots: 16384,
      keys: 120,
      opsPerSecond: 7,
    },
    {
      index: 1,
      primary: null,
      replicas: [],
      others: [node('a-1-0', 0, 7002, 'pending')],
      slots: 0,
      keys: 0,
      opsPerSecond: 0,
    },
  ],
  migrations: [],
};

const status = {
  state: 'Reconciling',
  message: 'slots are moving',
  migration: { source: 'a-0-0', target: 'a-1-0', slotsRemaining: 1024, slotsTotal: 4096, startedAt: '' },
} as unknown as ValkeyClusterStatus;

test('the table shows who is primary, who follows, and what they hold, in columns', () => {
  expect(tableOf({ clusterName: 'a', endpoint: '127.0.0.1:7000', status: null, snapshot })).toEqual([
    'a  127.0.0.1:7000  starting',
    '',
    'shard  primary             replicas                    slots  keys  ops/s',
    '0      a-0-0 :7000 pid 11  a-0-1 :7001 pid 12 in sync  16384   120      7',
    '1      -                   a-1-0 pending                   0     0      0',
  ]);
});

test('a migration is a bar as full as the part of its slots that have moved', () => {
  const bar = migrationBar(status, snapshot) ?? '';
  expect(bar).toMatch(/^a-0-0 → a-1-0 {2}█+░+ {2}3072\/4096 slots$/);
  expect([...bar].filter((char) => char === '█')).toHaveLength(23);
});

test('without a migration there is no bar', () => {
  expect(migrationBar(null, snapshot)).toBeNull();
});

test('the command line takes a manifest and a port, and says what is wrong with others', () => {
  expect(readOptions(['my.yaml', '--port', '8000'])).toEqual({
    manifestPath: 'my.yaml',
    firstPort: 8000,
    plain: false,
  });
  expect(readOptions([])?.manifestPath).toMatch(/examples\/local\.yaml$/);
  expect(readOptions(['--help'])).toBeNull();
  expect(() => readOptions(['--port', '60000'])).toThrow(UsageError);
  expect(() => readOptions(['a.yaml', 'b.yaml'])).toThrow('one manifest is enough');
  expect(() => readOptions(['--prot', '1'])).toThrow('--prot');
});
