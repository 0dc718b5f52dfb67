import { describe, expect, test } from 'vitest';
import { type TestClient, TestNode } from '../testing/test-node.ts';

/** A command that makes a value of `elements` elements at a key. */
const makers: Readonly<Record<string, (client: TestClient, key: string, elements: number) => void>> = {
  string: (client, key, elements) => void client.send('SET', key, 'x'.repeat(elements * 8)),
  list: (client, key, elements) => each(elements, (i) => void client.send('RPUSH', key, `item ${i}`)),
  set: (client, key, elements) => each(elements, (i) => void client.send('SADD', key, `member ${i}`)),
  'set of integers': (client, key, elements) => each(elements, (i) => void client.send('SADD', key, String(i * 7))),
  zset: (client, key, elements) => each(elements, (i) => void client.send('ZADD', key, String(i / 3), `member ${i}`)),
  hash: (client, key, elements) => each(elements, (i) => void client.send('HSET', key, `field ${i}`, `value ${i}`)),
  stream: (client, key, elements) =>
    each(elements, (i) => void client.send('XADD', key, `${i + 1}-1`, 'field', `${i}`)),
};

function each(count: number, make: (i: number) => void): void {
  for (let i = 0; i < count; i++) make(i);
}

/** What a value is made of, whatever order it keeps it in. */
function contents(client: TestClient, kind: string, key: string): string {
  if (kind === 'string') return client.send('GET', key);
  if (kind === 'list') return client.send('LRANGE', key, '0', '-1');
  if (kind === 'zset') return client.send('ZRANGE', key, '0', '-1', 'WITHSCORES');
  if (kind === 'stream') return client.send('XRANGE', key, '-', '+');
  return client
    .send(kind === 'hash' ? 'HGETALL' : 'SMEMBERS', key)
    .split('\r\n')
    .sort()
    .join('\r\n');
}

function reclaimed({ node }: TestNode): number {
  while (node.keyspace.detached.reclaim(1000) || node.types.reclaim(1000));
  return node.keyspace.arena.usedBytes;
}

describe('COPY', () => {
  const kinds = Object.keys(makers).flatMap((kind) => [10, 3000].map((elements) => [kind, elements] as const));

  test.each(kinds)('makes another %s of %i elements that lives on its own, and frees whole', (kind, elements) => {
    const test = new TestNode();
    // Streams are copied by way of their payload, which only a whole node has.
    if (kind === 'stream' && test.node.rooms.dumps === undefined) return;
    const client = test.client();
    const empty = reclaimed(test);
    makers[kind]!(client, 'from', elements);
    client.send('EXPIRE', 'from', '100');
    const before = contents(client, kind, 'from');
    expect(client.send('COPY', 'from', 'to')).toBe(':1\r\n');
    expect(client.send('COPY', 'from', 'to')).toBe(':0\r\n');
    expect(client.send('COPY', 'from', 'to', 'DB', '3', 'REPLACE')).toBe(':1\r\n');
    expect(contents(client, kind, 'to')).toBe(before);
    expect(client.send('OBJECT', 'ENCODING', 'to')).toBe(client.send('OBJECT', 'ENCODING', 'from'));
    expect(client.send('TTL', 'to')).toBe(':100\r\n');
    // A change of one is none of the other.
    makers[kind]!(client, 'from', elements + 5);
    expect(contents(client, kind, 'to')).toBe(before);
    client.send('DEL', 'from');
    reclaimed(test);
    expect(contents(client, kind, 'to')).toBe(before);
    client.send('SELECT', '3');
    expect(contents(client, kind, 'to')).toBe(before);
    client.send('FLUSHALL');
    expect(reclaimed(test)).toBe(empty);
  });
});

describe('FLUSHALL', () => {
  test('leaves nothing to be seen at once and no memory behind in the end', () => {
    for (const cluster of ['no', 'yes']) {
      const test = new TestNode({ 'cluster-enabled': cluster });
      const { keyspace } = test.node;
      const database = keyspace.databases[0]!;
      const empty = reclaimed(test);
      for (let i = 0; i < 5000; i++) {
        const key = new TextEncoder().encode(`key:${i}`);
        if (cluster === 'yes') keyspace.slot = i % 16384;
        database.findForWrite(key, 0, key.length);
        database.putString(key, 0, key.length, key, 0, key.length, i % 3 === 0 ? keyspace.nowMs + 1_000_000 : 0);
      }
      expect(database.size).toBe(5000);
      expect(database.expiring).toBe(1667);
      expect(test.client().send('FLUSHALL')).toBe('+OK\r\n');
      expect(database.size).toBe(0);
      expect(database.expiring).toBe(0);
      expect(keyspace.lazyPending).toBe(5000);
      expect(keyspace.detached.reclaim(100)).toBe(true);
      expect(keyspace.lazyPending).toBeGreaterThan(4000);
      expect(reclaimed(test)).toBe(empty);
      expect(keyspace.lazyPending).toBe(0);
      expect(keyspace.lazyFreed).toBe(5000);
    }
  });
});

describe('SWAPDB', () => {
  test('shows each database what was in the other, and fails transactions that watch what changed', () => {
    const test = new TestNode();
    const client = test.client();
    const other = test.client();
    client.send('SET', 'a', 'zero');
    client.send('EXPIRE', 'a', '100');
    other.send('SELECT', '1');
    other.send('SET', 'b', 'one');
    client.send('WATCH', 'b');
    client.send('MULTI');
    client.send('PING');
    expect(other.send('SWAPDB', '0', '1')).toBe('+OK\r\n');
    expect(client.send('EXEC')).toBe('*-1\r\n');
    expect(client.send('GET', 'b')).toBe('$3\r\none\r\n');
    expect(other.send('TTL', 'a')).toBe(':100\r\n');
    expect(client.send('DBSIZE')).toBe(':1\r\n');
  });
});

describe('a new key that is changed at once', () => {
  test('stays the one that changes while the table grows under it', () => {
    const test = new TestNode();
    const client = test.client();
    for (let i = 0; i < 2000; i++) expect(client.send('SETRANGE', `key:${i}`, '100', String(i))).toContain(':10');
    for (let i = 0; i < 2000; i++) expect(client.send('GETRANGE', `key:${i}`, '100', '-1')).toContain(`\r\n${i}\r\n`);
    expect(client.send('DBSIZE')).toBe(':2000\r\n');
    expect(client.send('KEYS', '*').split('\r\n').length).toBe(2 * 2000 + 2);
  });
});
