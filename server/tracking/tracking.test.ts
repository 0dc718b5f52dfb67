import { expect, test } from 'vitest';
import { type TestClient, TestNode } from '../testing/test-node.ts';

function invalidate(...keys: string[]): string {
  return `>2\r\n$10\r\ninvalidate\r\n*${keys.length}\r\n${keys.map((key) => `$${key.length}\r\n${key}\r\n`).join('')}`;
}

function tracker(node: TestNode, ...options: string[]): TestClient {
  const client = node.client();
  client.send('hello', '3');
  expect(client.send('client', 'tracking', 'on', ...options)).toBe('+OK\r\n');
  return client;
}

/** The end of a turn, when what was broadcast goes out. */
function endTurn(node: TestNode): void {
  node.node.endTurn();
}

test('a client is told once of a key that it read', () => {
  const node = new TestNode();
  const reader = tracker(node);
  const writer = node.client();
  reader.send('get', 'k');
  writer.send('set', 'k', '1');
  expect(reader.drain()).toBe(invalidate('k'));
  writer.send('set', 'k', '2');
  expect(reader.drain()).toBe('');
});

test('what a client changes itself it hears of after the reply, and not at all with NOLOOP', () => {
  const node = new TestNode();
  const reader = tracker(node);
  reader.send('get', 'k');
  expect(reader.send('set', 'k', '1')).toBe(`+OK\r\n${invalidate('k')}`);
  const quiet = tracker(node, 'noloop');
  quiet.send('get', 'k');
  expect(quiet.send('set', 'k', '2')).toBe('+OK\r\n');
});

test('a key past its time counts as changed', () => {
  const node = new TestNode().at(1000);
  const reader = tracker(node);
  const writer = node.client();
  writer.send('set', 'k', 'v', 'px', '100');
  reader.send('get', 'k');
  node.at(2000);
  writer.send('get', 'k');
  expect(reader.drain()).toBe(invalidate('k'));
});

test('broadcasts of a turn come together, each key once', () => {
  const node = new TestNode();
  const reader = tracker(node, 'bcast', 'prefix', 'a', 'prefix', 'b');
  const writer = node.client();
  writer.send('mset', 'a2', '1', 'a1', '1', 'c', '1', 'b', '1');
  writer.send('set', 'a1', '2');
  endTurn(node);
  expect(reader.drain()).toBe(invalidate('a1', 'a2') + invalidate('b'));
  endTurn(node);
  expect(reader.drain()).toBe('');
});

test('beyond its limit the table gives up the oldest keys, and says so', () => {
  const node = new TestNode({ 'tracking-table-max-keys': '2' });
  const reader = tracker(node);
  for (const key of ['a', 'b', 'c']) reader.send('get', key);
  expect(node.node.tracking.keyCount).toBe(3);
  expect(reader.send('ping')).toBe(`${invalidate('a')}+PONG\r\n`);
  expect(node.node.tracking.keyCount).toBe(2);
  node.client().send('mset', 'a', '1', 'b', '1', 'c', '1');
  expect(reader.drain()).toBe(invalidate('b') + invalidate('c'));
});

test('nobody watches the keyspace when nobody tracks', () => {
  const node = new TestNode();
  const reader = tracker(node);
  reader.send('get', 'k');
  expect(node.node.keyspace.observers).not.toBe(0);
  reader.send('client', 'tracking', 'off');
  expect(node.node.keyspace.observers).toBe(0);
  expect(node.node.tracking.itemCount).toBe(0);
});

test('a broken redirection is told to the client that asked for it', () => {
  const node = new TestNode();
  const target = node.client();
  const id = String(target.client.id);
  const reader = tracker(node, 'redirect', id);
  reader.send('get', 'k');
  node.node.clients.remove(target.client);
  node.client().send('set', 'k', '1');
  expect(reader.drain()).toBe(`>2\r\n$21\r\ntracking-redir-broken\r\n:${id}\r\n`);
  expect(reader.send('client', 'trackinginfo')).toContain('broken_redirect');
});
