import { expect, test } from 'vitest';
import { TestNode } from '../testing/test-node.ts';

/** The bulk strings of a reply. */
function bulks(reply: string): string[] {
  return [...reply.matchAll(/\$\d+\r\n([^\r]*)\r\n/g)].map((match) => match[1]!);
}

function nodeWith(command: string, key: string, count: number): TestNode {
  const node = new TestNode();
  const client = node.client();
  for (let i = 0; i < count; i++) {
    if (command === 'sadd') client.send(command, key, `member:${i}`);
    else if (command === 'hset') client.send(command, key, `member:${i}`, `value:${i}`);
    else client.send(command, key, String(i), `member:${i}`);
  }
  return node;
}

test('SPOP takes distinct members out, from small sets and large ones, until the key is gone', () => {
  for (const count of [50, 2000]) {
    const client = nodeWith('sadd', 's', count).client();
    const popped = bulks(client.send('spop', 's', '20'));
    for (let i = 0; i < 10; i++) popped.push(...bulks(client.send('spop', 's')));
    expect(new Set(popped).size).toBe(30);
    expect(client.send('scard', 's')).toBe(`:${count - 30}\r\n`);
    popped.push(...bulks(client.send('spop', 's', String(count))));
    expect(new Set(popped).size).toBe(count);
    expect(client.send('exists', 's')).toBe(':0\r\n');
  }
});

test('SRANDMEMBER, HRANDFIELD and ZRANDMEMBER give distinct elements for a count, and repeat them for a negative one', () => {
  for (const [fill, choose] of [
    ['sadd', 'srandmember'],
    ['hset', 'hrandfield'],
    ['zadd', 'zrandmember'],
  ] as const) {
    for (const count of [50, 2000]) {
      const client = nodeWith(fill, 'k', count).client();
      for (const wanted of [1, 10, count - 1, count, count + 5]) {
        const chosen = bulks(client.send(choose, 'k', String(wanted)));
        expect(chosen).toHaveLength(Math.min(wanted, count));
        expect(new Set(chosen).size).toBe(chosen.length);
      }
      expect(bulks(client.send(choose, 'k', String(-2 * count)))).toHaveLength(2 * count);
      expect(bulks(client.send(choose, 'k'))[0]).toMatch(/^member:\d+$/);
    }
  }
});

test('HRANDFIELD and ZRANDMEMBER give each element its own value', () => {
  const fields = bulks(nodeWith('hset', 'h', 1000).client().send('hrandfield', 'h', '40', 'withvalues'));
  for (let i = 0; i < fields.length; i += 2) expect(fields[i + 1]).toBe(fields[i]!.replace('member', 'value'));
  const members = bulks(nodeWith('zadd', 'z', 1000).client().send('zrandmember', 'z', '40', 'withscores'));
  for (let i = 0; i < members.length; i += 2) expect(`member:${members[i + 1]}`).toBe(members[i]);
});

test('a scan in steps shows every element that stays, while others come and go', () => {
  for (const [fill, scan] of [
    ['sadd', 'sscan'],
    ['hset', 'hscan'],
    ['zadd', 'zscan'],
  ] as const) {
    const client = nodeWith(fill, 'k', 1500).client();
    const remove = { sadd: 'srem', hset: 'hdel', zadd: 'zrem' }[fill];
    const seen = new Set<string>();
    let cursor = '0';
    let steps = 0;
    do {
      const [next, ...found] = bulks(client.send(scan, 'k', cursor, 'count', '20'));
      cursor = next!;
      for (const element of found) seen.add(element);
      for (let i = 0; i < 10; i++) {
        const name = `new:${steps}:${i}`;
        client.send(fill, 'k', ...(fill === 'sadd' ? [name] : fill === 'hset' ? [name, 'v'] : ['1', name]));
        if (steps > 5) client.send(remove, 'k', `new:${steps - 5}:${i}`);
      }
      steps++;
    } while (cursor !== '0');
    expect(steps).toBeGreaterThan(10);
    for (let i = 0; i < 1500; i++) expect(seen.has(`member:${i}`)).toBe(true);
  }
});

test('a command that changes nothing does not break WATCH, one that changes something does', () => {
  const node = new TestNode();
  const client = node.client();
  const other = node.client();
  client.send('sadd', 's', 'a');
  client.send('zadd', 'z', '1', 'a');
  client.send('hset', 'h', 'a', '1');
  client.send('rpush', 'l', 'a');
  const outcome = (...command: string[]): string => {
    client.send('watch', 's', 'z', 'h', 'l');
    other.send(...command);
    client.send('multi');
    client.send('ping');
    return client.send('exec').startsWith('*1') ? 'kept' : 'broken';
  };
  for (const command of [
    'sadd s a',
    'srem s b',
    'zadd z 1 a',
    'zadd z nx 5 a',
    'zrem z b',
    'hdel h b',
    'hsetnx h a 2',
    'lrem l 0 b',
    'smove s t b',
  ]) {
    expect([command, outcome(...command.split(' '))]).toEqual([command, 'kept']);
  }
  for (const command of [
    'sadd s b',
    'zadd z 2 a',
    'hset h a 1',
    'rpush l b',
    'lset l 0 c',
    'lpop l',
    'spop s',
    'hincrby h a 1',
    'zpopmin z',
    'hdel h a',
  ]) {
    expect([command, outcome(...command.split(' '))]).toEqual([command, 'broken']);
  }
});

test('collections give all their memory back when their keys are deleted, small or large', () => {
  for (const count of [20, 3000]) {
    const node = new TestNode();
    const client = node.client();
    client.send('set', 'first', 'x');
    client.send('del', 'first');
    const { arena } = node.node.keyspace;
    const before = arena.usedBytes;
    for (let i = 0; i < count; i++) {
      client.send('hset', 'h', `f${i}`, 'v'.repeat(i % 90));
      client.send('sadd', 's', `m${i}`);
      client.send('zadd', 'z', String(i % 7), `m${i}`);
      client.send(i % 2 === 0 ? 'rpush' : 'lpush', 'l', `item ${i}`);
    }
    client.send('sunionstore', 's', 's', 'nothing');
    client.send('del', 'h', 's', 'z', 'l');
    while (node.node.types.reclaim(500));
    expect(arena.usedBytes).toBe(before);
  }
});
