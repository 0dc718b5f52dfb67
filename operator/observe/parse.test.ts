import { expect, test } from 'vitest';
import { countKeys, parseClusterNodes, parseInfo, parseMigrations, UnreadableReply } from './parse.ts';

const ID = 'b82392613f06e0dc371c42b2694877d585fe0858';
const OTHER = '2dac1bf7bf56e8a1db737e6396a78a37c270b2f8';

test.each([
  [
    `${ID} 127.0.0.1:17000@27000 myself,master - 0 0 7 connected 401-599 701-999 16383`,
    {
      role: 'primary',
      myself: true,
      configEpoch: 7,
      linkConnected: true,
      slots: [
        { start: 401, end: 599 },
        { start: 701, end: 999 },
        { start: 16383, end: 16383 },
      ],
    },
  ],
  [
    `${ID} 127.0.0.1:17000@27000 slave ${OTHER} 0 1 1 connected`,
    { role: 'replica', primaryId: OTHER, myself: false, slots: [] },
  ],
  [
    `${ID} 10.0.0.1:6379@16379,host.example master,fail? - 1 2 3 disconnected 0-1`,
    { suspected: true, failed: false, linkConnected: false, address: { host: '10.0.0.1', port: 6379, busPort: 16379 } },
  ],
  [`${ID} 10.0.0.1:6379@16379 slave,fail ${OTHER} 1 2 3 disconnected`, { suspected: false, failed: true }],
  [`${ID} :0@0 master,noaddr - 1 2 3 disconnected`, { noAddress: true, address: { host: '', port: 0, busPort: 0 } }],
  [`${ID} 10.0.0.1:6379@16379 handshake - 1 0 0 disconnected`, { handshake: true }],
  [`${ID} fd00::17:6379@16379 master - 0 1 1 connected`, { address: { host: 'fd00::17', port: 6379, busPort: 16379 } }],
  [
    `${ID} 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-5 [6->-${OTHER}] [7-<-${OTHER}]`,
    { slots: [{ start: 0, end: 5 }] },
  ],
])('CLUSTER NODES: %s', (line, expected) => {
  expect(parseClusterNodes(`${line}\n`)).toMatchObject([{ nodeId: ID, ...expected }]);
});

test('a line that is no node is said to be unreadable', () => {
  expect(() => parseClusterNodes('ERR what')).toThrow(UnreadableReply);
});

test('INFO is its fields, and its keys are counted over all databases', () => {
  const info = parseInfo(
    '# Replication\r\nrole:master\r\n# Keyspace\r\ndb0:keys=12,expires=0,avg_ttl=0\r\ndb7:keys=30,expires=1\r\n',
  );
  expect(info.get('role')).toBe('master');
  expect(countKeys(info)).toBe(42);
});

test.each([
  ['success', 'success'],
  ['failed', 'failed'],
  ['cancelled', 'cancelled'],
  ['snapshotting', 'running'],
  ['cleaning-up', 'running'],
  ['failover-granted', 'running'],
] as const)('a migration job in state %s is %s', (state, outcome) => {
  const [job] = parseMigrations([
    {
      name: 'n',
      operation: 'EXPORT',
      slot_ranges: '0-400 600 700-701',
      source_node: ID,
      target_node: OTHER,
      create_time: 1795581196,
      last_update_time: 1795581197,
      state,
      message: '',
    },
  ]);
  expect(job).toMatchObject({
    operation: 'export',
    outcome,
    sourceId: ID,
    targetId: OTHER,
    createdAtMs: 1795581196000,
    ranges: [
      { start: 0, end: 400 },
      { start: 600, end: 600 },
      { start: 700, end: 701 },
    ],
  });
});
