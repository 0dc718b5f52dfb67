import fc from 'fast-check';
import { expect, test } from 'vitest';
import { request, TestNode } from '../testing/test-node.ts';

const word = fc
  .string({ maxLength: 40, unit: 'binary' })
  .map((text) => [...text].map((c) => String.fromCharCode(c.charCodeAt(0) & 255)).join(''));
const key = fc.constantFrom('a', 'b', 'c', 'long-key-name');
const command = fc.oneof(
  fc.tuple(fc.constant('SET'), key, word),
  fc.tuple(fc.constant('GET'), key),
  fc.tuple(fc.constant('APPEND'), key, word),
  fc.tuple(fc.constant('INCR'), key),
  fc.tuple(fc.constant('DEL'), key),
  fc.tuple(fc.constant('MULTI')),
  fc.tuple(fc.constant('EXEC')),
  fc.tuple(fc.constant('NOSUCH'), word),
  fc.tuple(fc.constant('GETRANGE'), key, fc.constant('-5'), fc.constant('100')),
);

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Gives `input` in pieces that end at the given positions to a new client of an emptied node. */
function inPieces(node: TestNode, input: Uint8Array, ends: readonly number[]): string {
  node.node.keyspace.clear();
  const client = node.client();
  let replies = '';
  let at = 0;
  for (const end of [...new Set(ends.map((e) => e % (input.length + 1)))].sort((a, b) => a - b).concat(input.length)) {
    if (end > at) replies += client.raw(input.slice(at, end));
    at = end;
  }
  return replies;
}

test('any split of an input yields the same replies', () => {
  const node = new TestNode();
  fc.assert(
    fc.property(fc.array(command, { maxLength: 20 }), fc.array(fc.nat(), { maxLength: 30 }), (commands, ends) => {
      const input = joined(commands.map((words) => request(...words)));
      expect(inPieces(node, input, ends)).toBe(inPieces(node, input, []));
    }),
    { numRuns: 150 },
  );
});

test('one byte at a time is as good as all at once', () => {
  const input = joined([
    request('SET', 'k', 'v'.repeat(300)),
    request('GET', 'k'),
    new TextEncoder().encode('PING\r\n'),
  ]);
  expect(inPieces(new TestNode(), input, [...input.keys()])).toBe(`+OK\r\n$300\r\n${'v'.repeat(300)}\r\n+PONG\r\n`);
});

test('random, truncated and mutated input ends in a reply or a closed connection, never in a crash', () => {
  const node = new TestNode();
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(command, { maxLength: 4 }),
      fc.nat(),
      (noise, commands, cut) => {
        const good = joined(commands.map((words) => request(...words)));
        const mutated = good.slice(0, good.length === 0 ? 0 : cut % good.length);
        for (let i = 0; i < noise.length && i < 3 && mutated.length > 0; i++)
          mutated[(cut + i * 7) % mutated.length] = noise[i]!;
        const client = node.client();
        client.raw(mutated);
        if (!client.client.closing) client.raw(noise);
        expect(client.client.inputBytes).toBeLessThan(66_000);
      },
    ),
    { numRuns: 2000 },
  );
});

test.each([
  ['*1\r\n+PING\r\n', "-ERR Protocol error: expected '$', got '+'\r\n"],
  ['*-x\r\n', '-ERR Protocol error: invalid multibulk length\r\n'],
  ['*1\r\n$-5\r\n', '-ERR Protocol error: invalid bulk length\r\n'],
  ['*1\r\n$999999999999\r\n', '-ERR Protocol error: invalid bulk length\r\n'],
  ['set "a\r\n', '-ERR Protocol error: unbalanced quotes in request\r\n'],
])('%j is answered by %j and the connection closes', (input, reply) => {
  const client = new TestNode().client();
  expect(client.raw(new TextEncoder().encode(input))).toBe(reply);
  expect(client.client.closing).toBe(true);
});

test('an inline request may quote its words', () => {
  const client = new TestNode().client();
  expect(client.raw(new TextEncoder().encode('SET "a b" \'c d\'\r\n'))).toBe('+OK\r\n');
  expect(client.send('GET', 'a b')).toBe('$3\r\nc d\r\n');
});

test('before authentication large requests are refused', () => {
  const client = new TestNode({ requirepass: 'secret' }).client();
  expect(client.raw(new TextEncoder().encode('*11\r\n'))).toContain('unauthenticated multibulk length');
});

test('a client over the query buffer limit is closed, and nobody else', () => {
  const node = new TestNode({ 'client-query-buffer-limit': '1mb' });
  const [greedy, modest] = [node.client(), node.client()];
  greedy.raw(new TextEncoder().encode('*2\r\n$3\r\nGET\r\n$9000000\r\n'));
  for (let i = 0; i < 20; i++) greedy.raw(new Uint8Array(64 * 1024));
  expect(greedy.destroyed).toBe(true);
  expect(modest.send('PING')).toBe('+PONG\r\n');
});

test('a client over its hard output limit is closed', () => {
  const node = new TestNode({ 'client-output-buffer-limit': 'normal 100000 0 0' });
  const client = node.client();
  client.send('SET', 'k', 'v'.repeat(60_000));
  client.raw(joined([request('GET', 'k'), request('GET', 'k')]));
  expect(client.destroyed).toBe(true);
});

test.each([
  ['one table', { 'cluster-enabled': 'no' }],
  ['a table a slot', { 'cluster-enabled': 'yes' }],
])('pipelined requests that are looked ahead for find and change what single ones do, with %s', (_, directives) => {
  const node = new TestNode(directives as Record<string, string>);
  const client = node.client();
  const keys = Array.from({ length: 25_000 }, (_, i) => `key:${i}`);
  for (let from = 0; from < keys.length; from += 500)
    client.raw(joined(keys.slice(from, from + 500).map((name) => request('SET', name, `v${name}`))));
  for (let from = 0; from < keys.length; from += 997) {
    const some = keys.slice(from, from + 40);
    const replies = client.raw(joined(some.flatMap((name) => [request('APPEND', name, '!'), request('GET', name)])));
    expect(replies).toBe(some.map((name) => `:${name.length + 2}\r\n$${name.length + 2}\r\nv${name}!\r\n`).join(''));
    for (const name of some.slice(0, 3)) expect(client.send('GET', name)).toContain(`v${name}!`);
  }
});
