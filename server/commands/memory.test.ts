import { expect, test } from 'vitest';
import { TestNode } from '../testing/test-node.ts';

function numberOf(reply: string): number {
  return Number(/^:(\d+)\r\n$/.exec(reply)?.[1]);
}

const many = (count: number, words: (i: number) => string[]): string[] =>
  Array.from({ length: count }, (_, i) => words(i)).flat();

test.each([
  ['a small string', ['SET', 'k', 'value']],
  ['a large string', ['SET', 'k', 'v'.repeat(5000)]],
  ['a small hash', ['HSET', 'k', 'f', 'v']],
  ['a large hash', ['HSET', 'k', ...many(2000, (i) => [`field:${i}`, `value ${i}`])]],
  ['a small list', ['RPUSH', 'k', 'a', 'b']],
  ['a large list', ['RPUSH', 'k', ...many(5000, (i) => [`item ${i}`])]],
  ['a small set', ['SADD', 'k', 'a', 'b']],
  ['a large set', ['SADD', 'k', ...many(2000, (i) => [`member:${i}`])]],
  ['a small sorted set', ['ZADD', 'k', '1', 'a']],
  ['a large sorted set', ['ZADD', 'k', ...many(2000, (i) => [String(i), `member:${i}`])]],
])('of %s MEMORY USAGE with all samples tells what its deletion gives back', (_, command) => {
  const node = new TestNode();
  const client = node.client();
  client.send('SET', 'other', 'value');
  client.send(...command);
  const told = numberOf(client.send('MEMORY', 'USAGE', 'k', 'SAMPLES', '0'));
  const { arena } = node.node.keyspace;
  const before = arena.usedBytes;
  client.send('DEL', 'k');
  while (node.node.types.reclaim(1_000_000));
  expect(told).toBe(before - arena.usedBytes);
});

test('samples of a table come near to all of it, and an absent key has no size', () => {
  const client = new TestNode().client();
  client.send('HSET', 'k', ...many(5000, (i) => [`field:${String(i).padStart(6, '0')}`, 'the same value']));
  const all = numberOf(client.send('MEMORY', 'USAGE', 'k', 'SAMPLES', '0'));
  const few = numberOf(client.send('MEMORY', 'USAGE', 'k'));
  expect(Math.abs(few - all) / all).toBeLessThan(0.05);
  expect(client.send('MEMORY', 'USAGE', 'nosuch')).toBe('$-1\r\n');
  expect(client.send('MEMORY', 'USAGE', 'k', 'SAMPLES', '-1')).toBe('-ERR syntax error\r\n');
});

test('MEMORY STATS and DOCTOR answer for an empty node', () => {
  const client = new TestNode().client();
  expect(client.send('MEMORY', 'STATS')).toContain('total.allocated');
  expect(client.send('MEMORY', 'DOCTOR')).toContain('using very little memory');
});

test('LOLWUT draws as large as it is asked to', () => {
  const client = new TestNode().client();
  const picture = client.send('LOLWUT', '20', '5', '-0.7', '0.27');
  expect(
    picture
      .split('\n')
      .slice(1, 6)
      .map((line) => line.length),
  ).toEqual([20, 20, 20, 20, 20]);
  expect(picture).toContain('Valkey ver. 9.1.2');
  expect(client.send('LOLWUT', 'foo')).toContain('-ERR Syntax error');
});
