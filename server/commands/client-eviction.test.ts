import { expect, test } from 'vitest';
import { TestNode } from '../testing/test-node.ts';

test('with a limit of their own clients go before keys do', () => {
  const node = new TestNode({ 'maxmemory-policy': 'allkeys-lru', 'maxmemory-clients': '500kb' });
  const [greedy, other] = [node.client(), node.client()];
  for (let i = 0; i < 10; i++) other.send('SET', `key:${i}`, 'v'.repeat(10_000));
  greedy.raw(new TextEncoder().encode('*2\r\n$3\r\nGET\r\n$9000000\r\n'));
  for (let i = 0; i < 10; i++) greedy.raw(new Uint8Array(64 * 1024));
  other.send('CONFIG', 'SET', 'maxmemory', '600kb');
  other.send('INFO', 'memory'); // adds up what clients hold, as a tick does
  expect(other.send('GET', 'key:0')).toContain('v');
  expect(greedy.destroyed).toBe(true);
  expect(node.node.clients.evicted).toBe(1);
  expect(node.node.keyspace.evicted).toBe(0);
});

test('what a client held is free when it has gone', () => {
  const node = new TestNode({ 'maxmemory-policy': 'allkeys-lru', maxmemory: '600kb' });
  const [greedy, other] = [node.client(), node.client()];
  greedy.raw(new TextEncoder().encode('*2\r\n$3\r\nGET\r\n$9000000\r\n'));
  for (let i = 0; i < 10; i++) greedy.raw(new Uint8Array(64 * 1024));
  other.send('INFO', 'memory'); // adds up what clients hold, as a tick does
  node.node.clients.kill(greedy.client, 'test');
  for (let i = 0; i < 10; i++) other.send('SET', `key:${i}`, 'v'.repeat(10_000));
  expect(node.node.keyspace.evicted).toBe(0);
});
