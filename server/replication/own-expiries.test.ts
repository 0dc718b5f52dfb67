import { expect, test } from 'vitest';
import type { WriteGate } from '../commands/executor.ts';
import { EXPIRY_HIDES } from '../keyspace/keyspace.ts';
import { TestNode } from '../testing/test-node.ts';
import { OwnExpiries } from './own-expiries.ts';

const NOW_MS = 1_700_000_000_000;

/** A replica that takes writes: nothing is logged, and what has expired is only hidden. */
function writableReplica(directives: Readonly<Record<string, string>> = {}) {
  const test = new TestNode(directives).at(NOW_MS);
  const { keyspace, executor } = test.node;
  const own = new OwnExpiries(keyspace);
  const logged: string[] = [];
  const gate: WriteGate = {
    active: false,
    ownKeys: own,
    refusal: () => null,
    staleRefusal: () => null,
    append: () => logged.push('a command'),
    beginTransaction: () => logged.push('MULTI'),
    endTransaction: () => logged.push('EXEC'),
  };
  executor.writes = gate;
  keyspace.expiryMode = EXPIRY_HIDES;
  return { test, own, keyspace, logged, client: test.client() };
}

test('what clients of a writable replica gave a time to live is deleted when it is over, and nothing is logged', () => {
  const { test, own, keyspace, logged, client } = writableReplica();
  client.send('SET', 'a', '1', 'PX', '100');
  client.send('SET', 'b', '1');
  client.send('PEXPIRE', 'b', '200');
  client.send('EVAL', "redis.call('SET', KEYS[1], '1', 'PX', '300')", '1', 'c');
  client.send('SET', 'stays', '1');
  client.send('SELECT', '3');
  client.send('SET', 'a', '1', 'PX', '100');
  expect(own.count).toBe(4);
  own.expire();
  expect(keyspace.keyCount()).toBe(5);
  test.at(NOW_MS + 250);
  own.expire();
  expect(keyspace.databases[3]!.size).toBe(0);
  expect(client.send('SELECT', '0')).toBe('+OK\r\n');
  expect(client.send('EXISTS', 'a', 'b')).toBe(':0\r\n');
  expect(client.send('EXISTS', 'c', 'stays')).toBe(':2\r\n');
  expect(keyspace.expired).toBe(3);
  expect(keyspace.expiryMode).toBe(EXPIRY_HIDES);
  expect(logged).toEqual([]);
});

test('a key that lost its time to live, or is gone, is forgotten and stays as it is', () => {
  const { test, own, client } = writableReplica();
  client.send('SET', 'kept', '1', 'PX', '100');
  client.send('SET', 'gone', '1', 'PX', '100');
  client.send('PERSIST', 'kept');
  client.send('DEL', 'gone');
  test.at(NOW_MS + 1000);
  own.expire();
  expect(own.count).toBe(0);
  expect(client.send('GET', 'kept')).toBe('$1\r\n1\r\n');
});

test('in a cluster a key is looked for in its own slot', () => {
  const { test, own, keyspace, client } = writableReplica({ 'cluster-enabled': 'yes' });
  for (const key of ['a', 'b', 'c']) client.send('SET', key, '1', 'PX', '100');
  expect(own.count).toBe(3);
  test.at(NOW_MS + 101);
  own.expire();
  expect(keyspace.keyCount()).toBe(0);
});
