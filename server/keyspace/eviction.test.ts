import { describe, expect, test } from 'vitest';
import { TestNode } from '../testing/test-node.ts';
import { Frequencies } from './frequency.ts';

const START_MS = 1_700_000_000_000;
const VALUE = 'v'.repeat(1000);

/** A node of 1 MiB, filled with 600 keys of 1000 bytes each by hundred seconds. */
function filled(policy: string, directives: Readonly<Record<string, string>> = {}): TestNode {
  const test = new TestNode({ 'maxmemory-policy': policy, 'maxmemory-samples': '10', ...directives }).at(START_MS);
  const client = test.client();
  for (let i = 0; i < 600; i++) {
    test.at(START_MS + i * 100_000);
    client.send('SET', `k${i}`, VALUE);
  }
  return test;
}

function survivors(test: TestNode, from: number, to: number): number {
  const client = test.client();
  let found = 0;
  for (let i = from; i < to; i++) if (client.send('EXISTS', `k${i}`) === ':1\r\n') found++;
  return found;
}

/** Writes until a third of the keys had to go. */
function press(test: TestNode): void {
  const client = test.client();
  client.send('CONFIG', 'SET', 'maxmemory', String(test.node.usedMemoryBytes() - 200_000));
  for (let i = 0; i < 100; i++) expect(client.send('SET', `new${i}`, 'x')).toBe('+OK\r\n');
}

describe('eviction', () => {
  test('by LRU takes what was not used for longest', () => {
    const test = filled('allkeys-lru');
    press(test);
    expect(survivors(test, 400, 600)).toBeGreaterThan(185);
    expect(survivors(test, 0, 200)).toBeLessThan(90);
  });

  test('by LFU takes what was used least, and OBJECT FREQ tells how often', () => {
    const test = filled('allkeys-lfu', { 'lfu-decay-time': '0' });
    const client = test.client();
    for (let round = 0; round < 30; round++) for (let i = 0; i < 100; i++) client.send('GET', `k${i}`);
    expect(client.send('OBJECT', 'FREQ', 'k599')).toBe(':5\r\n');
    expect(Number(client.send('OBJECT', 'FREQ', 'k5').slice(1))).toBeGreaterThan(5);
    press(test);
    expect(survivors(test, 0, 100)).toBeGreaterThan(95);
    expect(client.send('OBJECT', 'IDLETIME', 'k0')).toContain('An LFU maxmemory policy is selected');
  });

  test.each(['volatile-lru', 'volatile-lfu', 'volatile-random', 'volatile-ttl'])(
    'by %s takes only keys that expire, few among many as they are',
    (policy) => {
      const test = filled(policy);
      const client = test.client();
      for (let i = 0; i < 5; i++) client.send('SET', `volatile${i}`, 'v'.repeat(50_000), 'EX', String(100_000 + i));
      press(test);
      expect(survivors(test, 0, 600)).toBe(600);
      expect(test.node.keyspace.evicted).toBeGreaterThan(0);
      expect(test.node.keyspace.databases[0]!.expiring).toBeLessThan(5);
    },
  );

  test('by volatile-ttl takes what would have expired first', () => {
    const test = filled('volatile-ttl');
    const client = test.client();
    for (let i = 0; i < 600; i++) client.send('EXPIRE', `k${i}`, String(10_000 + i * 10));
    press(test);
    expect(survivors(test, 400, 600)).toBeGreaterThan(185);
    expect(survivors(test, 0, 200)).toBeLessThan(90);
  });

  test('refuses writes when nothing may go, and lets reads and deletions through', () => {
    const test = filled('volatile-lru');
    const client = test.client();
    client.send('CONFIG', 'SET', 'maxmemory', '1');
    expect(client.send('SET', 'more', 'x')).toContain('-OOM');
    expect(client.send('GET', 'k1')).toContain(VALUE);
    expect(client.send('DEL', 'k1')).toBe(':1\r\n');
  });

  test('works over all databases, and frees what was deleted before it takes another key', () => {
    const test = filled('allkeys-lru');
    const client = test.client();
    client.send('SELECT', '3');
    for (let i = 0; i < 50; i++) client.send('SET', `other${i}`, VALUE);
    test.at(START_MS + 10 ** 9);
    client.send('SELECT', '0');
    for (let i = 0; i < 600; i++) client.send('GET', `k${i}`);
    client.send('CONFIG', 'SET', 'maxmemory', String(test.node.usedMemoryBytes() - 20_000));
    client.send('SET', 'a', 'x');
    expect(test.node.keyspace.databases[3]!.size).toBeLessThan(50);
    expect(survivors(test, 0, 600)).toBe(600);

    const evicted = test.node.keyspace.evicted;
    client.send('FLUSHALL');
    expect(test.node.keyspace.detached.waiting).toBeGreaterThan(500);
    for (let i = 0; i < 50; i++) expect(client.send('SET', `b${i}`, VALUE)).toBe('+OK\r\n');
    expect(test.node.keyspace.evicted).toBe(evicted);
    expect(test.node.keyspace.detached.waiting).toBe(0);
  });
});

describe('an access frequency', () => {
  test('grows by the logarithm of the accesses and falls with the minutes', () => {
    let state = 1;
    const frequencies = new Frequencies(() => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state;
    });
    frequencies.setNow(60 * 1000);
    let access = frequencies.initial;
    const after: number[] = [];
    for (let i = 1; i <= 100_000; i++) {
      access = frequencies.touched(access);
      if (i === 100 || i === 1000 || i === 100_000) after.push(frequencies.counterOf(access));
    }
    // Valkey's table for the factor 10: 10, 18, 142.
    expect(after[0]).toBeGreaterThan(6);
    expect(after[0]).toBeLessThan(15);
    expect(after[1]).toBeGreaterThan(12);
    expect(after[1]).toBeLessThan(26);
    expect(after[2]).toBeGreaterThan(115);
    expect(after[2]).toBeLessThan(170);
    frequencies.setNow(60 * 1010);
    expect(frequencies.counterOf(access)).toBe(after[2]! - 10);
    frequencies.decayMinutes = 0;
    expect(frequencies.counterOf(access)).toBe(after[2]);
    frequencies.decayMinutes = 1;
    frequencies.setNow(60 * 9999);
    expect(frequencies.counterOf(access)).toBe(0);
  });
});
