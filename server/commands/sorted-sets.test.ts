import { expect, test } from 'vitest';
import { TestNode } from '../testing/test-node.ts';

test('BZPOPMIN waits for the first of its keys that becomes a sorted set, and takes one member', () => {
  const node = new TestNode();
  const waiting = node.client();
  const other = node.client();
  expect(waiting.send('bzpopmin', 'a', 'b', '0')).toBe('');
  other.send('rpush', 'a', 'x');
  expect(waiting.drain()).toBe('');
  other.send('del', 'a');
  other.send('zadd', 'b', '2', 'two', '1', 'one');
  expect(waiting.drain()).toBe('*3\r\n$1\r\nb\r\n$3\r\none\r\n$1\r\n1\r\n');
  expect(other.send('zcard', 'b')).toBe(':1\r\n');
});

test('who waits for a sorted set is served in order of arrival, each by what is left', () => {
  const node = new TestNode();
  const [first, second, third] = [node.client(), node.client(), node.client()];
  first.send('bzpopmax', 'z', '0');
  second.send('bzmpop', '0', '1', 'z', 'min', 'count', '2');
  third.send('bzpopmin', 'z', '0');
  node.client().send('zadd', 'z', '1', 'a', '2', 'b', '3', 'c');
  expect(first.drain()).toBe('*3\r\n$1\r\nz\r\n$1\r\nc\r\n$1\r\n3\r\n');
  expect(second.drain()).toBe('*2\r\n$1\r\nz\r\n*2\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n');
  expect(third.drain()).toBe('');
});

test('a result that is stored wakes who waits for its key', () => {
  const node = new TestNode();
  const client = node.client();
  client.send('sadd', 's', 'member');
  client.send('geoadd', 'g', '1', '1', 'here');
  for (const command of [
    ['zunionstore', 'out', '1', 's'],
    ['zinterstore', 'out', '1', 's'],
    ['zdiffstore', 'out', '1', 's'],
    ['zrangestore', 'out', 'g', '0', '-1'],
    ['geosearchstore', 'out', 'g', 'fromlonlat', '1', '1', 'byradius', '1', 'km'],
    ['georadius', 'g', '1', '1', '1', 'km', 'store', 'out'],
  ]) {
    const waiting = node.client();
    waiting.send('bzpopmin', 'out', '0');
    expect(client.send(...command)).toBe(':1\r\n');
    expect([command[0], waiting.drain().slice(0, 9)]).toEqual([command[0], '*3\r\n$3\r\no']);
    expect(client.send('exists', 'out')).toBe(':0\r\n');
  }
});

test('in a transaction a blocking pop that finds nothing answers at once', () => {
  const client = new TestNode().client();
  client.send('multi');
  client.send('bzpopmin', 'z', '0');
  client.send('bzmpop', '0', '1', 'z', 'max');
  expect(client.send('exec')).toBe('*2\r\n*-1\r\n*-1\r\n');
});

test('ZINCRBY that makes no number leaves the sorted set as it was', () => {
  const node = new TestNode();
  const client = node.client();
  client.send('zadd', 'z', 'inf', 'a', '1', 'x'.repeat(60));
  client.send('config', 'set', 'zset-max-listpack-value', '10');
  expect(client.send('zincrby', 'z', '-inf', 'a')).toBe('-ERR resulting score is not a number (NaN)\r\n');
  expect(client.send('zincrby', 'z', '5', 'x'.repeat(60))).toBe('$1\r\n6\r\n');
  expect(client.send('zcard', 'z')).toBe(':2\r\n');
});

test('unions and stored ranges of large sorted sets are in order, and give their memory back', () => {
  const node = new TestNode();
  const client = node.client();
  client.send('set', 'first', 'x');
  client.send('del', 'first');
  const { arena } = node.node.keyspace;
  const before = arena.usedBytes;
  for (let i = 0; i < 3000; i++) {
    client.send('zadd', 'a', String((i * 7919) % 1000), `member:${i}`);
    client.send('sadd', 'b', `member:${i + 1500}`);
  }
  expect(client.send('zunionstore', 'out', '2', 'a', 'b', 'weights', '1', '10000')).toBe(':4500\r\n');
  const scores = [...client.send('zrange', 'out', '0', '-1', 'withscores').matchAll(/\r\n(\d+)\r\n(?=\$|$)/g)].map(
    (match) => Number(match[1]),
  );
  expect(scores).toHaveLength(4500);
  expect(scores).toEqual([...scores].sort((x, y) => x - y));
  const rank = client.send('zrank', 'out', 'member:4499').slice(1, -2);
  expect(client.send('zrange', 'out', rank, rank)).toBe('*1\r\n$11\r\nmember:4499\r\n');
  client.send('zrangestore', 'part', 'out', '100', '4000', 'rev');
  expect(client.send('zcard', 'part')).toBe(':3901\r\n');
  client.send('zremrangebyrank', 'part', '10', '3800');
  expect(client.send('zcard', 'part')).toBe(':110\r\n');
  client.send('zunion', '2', 'a', 'b');
  client.send('del', 'a', 'b', 'out', 'part');
  while (node.node.types.reclaim(500));
  expect(arena.usedBytes).toBe(before);
});

test('a sorted set that one ZADD makes of many members is in order, whichever options it has', () => {
  for (const options of [[], ['ch'], ['gt'], ['lt', 'ch'], ['nx']]) {
    const client = new TestNode().client();
    const words: string[] = [];
    const model = new Map<string, number>();
    for (let i = 0; i < 2000; i++) {
      const member = `m${(i * 31) % 1500}`;
      const score = (i * 7919) % 997;
      const old = model.get(member);
      words.push(String(score), member);
      if (old !== undefined && options.includes('nx')) continue;
      if (old !== undefined && options.includes('gt') && score <= old) continue;
      if (old !== undefined && options.includes('lt') && score >= old) continue;
      model.set(member, score);
    }
    client.send('zadd', 'z', ...options, ...words);
    const expected = [...model].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1)).map(([member]) => member);
    const members = [...client.send('zrange', 'z', '0', '-1').matchAll(/(m\d+)/g)].map((match) => match[1]);
    expect(members).toEqual(expected);
    expect(client.send('zadd', 'z', '-1', 'first')).toBe(':1\r\n');
    expect(client.send('zrank', 'z', 'first')).toBe(':0\r\n');
  }
});
