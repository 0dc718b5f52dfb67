import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NONE } from '../memory/arena.ts';
import { DigestVisitor, digestHex } from '../persistence/digest.ts';
import { Crc64 } from '../persistence/rdb/crc64.ts';
import { WholeDataset } from '../persistence/whole-dataset.ts';
import { type TestClient, TestNode } from '../testing/test-node.ts';
import { wireMigrate } from '../wiring/migrate.ts';

const NOW_MS = 1_700_000_000_000;
const WRONG_CHECKSUM = '-ERR DUMP payload version or checksum are wrong\r\n';
const BAD_FORMAT = '-ERR Bad data format\r\n';

function newNode(directives: Readonly<Record<string, string>> = {}): TestNode {
  const test = new TestNode(directives).at(NOW_MS);
  wireMigrate(test.node);
  return test;
}

/** The content of a bulk string. */
function bulk(reply: string): string {
  expect(reply[0]).toBe('$');
  return reply.slice(reply.indexOf('\r\n') + 2, -2);
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function digestOf({ node }: TestNode, name: string): string {
  const database = node.keyspace.databases[0]!;
  const key = bytesOf(name);
  const entry = database.findWithoutAccess(key, 0, key.length);
  expect(entry).not.toBe(NONE);
  const digest = new DigestVisitor(false);
  new WholeDataset(node.keyspace, node.types, false).tellKey(entry, digest);
  return digestHex(digest.key);
}

/** Body, version and the checksum that fits them. */
function payloadOf(body: string, version = 80): string {
  const bytes = bytesOf(`${body}${String.fromCharCode(version & 255, version >> 8)}`);
  const checksum = new Crc64();
  checksum.update(bytes, 0, bytes.length);
  const footer = new DataView(new ArrayBuffer(8));
  footer.setInt32(0, checksum.low, true);
  footer.setInt32(4, checksum.high, true);
  return String.fromCharCode(...bytes, ...new Uint8Array(footer.buffer));
}

const text = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 12 }),
  fc.integer().map(String),
  fc.integer({ min: 0, max: 300 }).map((length) => '\xff\x00'.repeat(length)),
);
const score = fc.double({ noNaN: true }).map((value) => (Object.is(value, -0) ? 0 : value));
const scoreText = score.map((value) => (value === Infinity ? 'inf' : value === -Infinity ? '-inf' : String(value)));
/** A command that makes a value at the key `from`, small or large. */
const making = fc.oneof(
  text.map((value) => ['SET', 'from', value]),
  fc.array(text, { minLength: 1, maxLength: 200 }).map((items) => ['RPUSH', 'from', ...items]),
  fc.array(text, { minLength: 1, maxLength: 200 }).map((members) => ['SADD', 'from', ...members]),
  fc
    .array(fc.tuple(scoreText, text), { minLength: 1, maxLength: 200 })
    .map((pairs) => ['ZADD', 'from', ...pairs.flat()]),
  fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 200 }).map((pairs) => ['HSET', 'from', ...pairs.flat()]),
);

test('a value restored from its dump is the same value, of every type and size', () => {
  const test = newNode();
  const client = test.client();
  fc.assert(
    fc.property(making, (words) => {
      client.send('FLUSHALL');
      expect(client.send(...words)[0]).not.toBe('-');
      const payload = bulk(client.send('DUMP', 'from'));
      expect(client.send('RESTORE', 'to', '0', payload)).toBe('+OK\r\n');
      expect(client.send('TYPE', 'to')).toBe(client.send('TYPE', 'from'));
      expect(client.send('PTTL', 'to')).toBe(':-1\r\n');
      expect(digestOf(test, 'to')).toBe(digestOf(test, 'from'));
    }),
    { numRuns: 200 },
  );
});

test('a collection that takes more than one chunk is dumped whole', () => {
  const test = newNode();
  const client = test.client();
  for (let i = 0; i < 5000; i++) client.send('HSET', 'from', `field ${i}`, `value ${i} ${'x'.repeat(i % 50)}`);
  client.send('SET', 'long', 'x'.repeat(300_000));
  expect(client.send('RESTORE', 'to', '0', bulk(client.send('DUMP', 'from')))).toBe('+OK\r\n');
  expect(digestOf(test, 'to')).toBe(digestOf(test, 'from'));
  expect(client.send('RESTORE', 'to2', '0', bulk(client.send('DUMP', 'long')))).toBe('+OK\r\n');
  expect(client.send('STRLEN', 'to2')).toBe(':300000\r\n');
});

test('DUMP of an absent key is nil', () => {
  expect(newNode().client().send('DUMP', 'absent')).toBe('$-1\r\n');
});

test("the payload of a string is Valkey's, byte for byte", () => {
  const client = newNode().client();
  client.send('SET', 'a', 'b');
  expect(bulk(client.send('DUMP', 'a'))).toBe('\x00\x01bP\x00\xd9\x0eq\x008\xb1uw');
});

test("a list in Valkey's packed form is restored", () => {
  const client = newNode().client();
  const payload = '\x12\x01\x02\r\r\x00\x00\x00\x03\x00\x01\x01\x02\x01\x03\x01\xffP\x00\x05\x90\xfc\x15g\xd8\xb0Z';
  expect(client.send('RESTORE', 'list', '0', payload)).toBe('+OK\r\n');
  expect(client.send('LRANGE', 'list', '0', '-1')).toBe('*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n');
});

test('RESTORE answers its errors in the order that Valkey checks', () => {
  const client = newNode().client();
  client.send('SET', 'there', 'value');
  const payload = bulk(client.send('DUMP', 'there'));
  expect(client.send('RESTORE', 'there', 'x', 'junk')).toBe('-BUSYKEY Target key name already exists.\r\n');
  expect(client.send('RESTORE', 'there', '0', payload, 'SOMEHOW')).toBe('-ERR syntax error\r\n');
  expect(client.send('RESTORE', 'new', 'x', 'junk')).toBe('-ERR value is not an integer or out of range\r\n');
  expect(client.send('RESTORE', 'new', '-1', 'junk')).toBe('-ERR Invalid TTL value, must be >= 0\r\n');
  expect(client.send('RESTORE', 'new', '0', 'junk')).toBe(WRONG_CHECKSUM);
  expect(client.send('RESTORE', 'new', '0', payload, 'IDLETIME', '-1')).toBe(
    '-ERR Invalid IDLETIME value, must be >= 0\r\n',
  );
  expect(client.send('RESTORE', 'new', '0', payload, 'FREQ', '256')).toBe(
    '-ERR Invalid FREQ value, must be >= 0 and <= 255\r\n',
  );
  expect(client.send('RESTORE', 'new', '0', payload, 'FREQ', '1', 'IDLETIME', '1')).toBe('-ERR syntax error\r\n');
  expect(client.send('EXISTS', 'new')).toBe(':0\r\n');
});

test('RESTORE takes a relative and an absolute time to live, and an idle time', () => {
  const client = newNode().client();
  client.send('SET', 'from', 'value');
  const payload = bulk(client.send('DUMP', 'from'));
  expect(client.send('RESTORE', 'a', '5000', payload)).toBe('+OK\r\n');
  expect(client.send('PEXPIRETIME', 'a')).toBe(`:${NOW_MS + 5000}\r\n`);
  expect(client.send('RESTORE', 'a', String(NOW_MS + 7000), payload, 'ABSTTL', 'REPLACE')).toBe('+OK\r\n');
  expect(client.send('PEXPIRETIME', 'a')).toBe(`:${NOW_MS + 7000}\r\n`);
  expect(client.send('RESTORE', 'a', String(NOW_MS - 1), payload, 'ABSTTL', 'REPLACE')).toBe('+OK\r\n');
  expect(client.send('EXISTS', 'a')).toBe(':0\r\n');
  expect(client.send('RESTORE', 'a', '0', payload, 'IDLETIME', '100')).toBe('+OK\r\n');
  expect(client.send('OBJECT', 'IDLETIME', 'a')).toBe(':100\r\n');
});

test('REPLACE puts a value of another type in place of the old one', () => {
  const client = newNode().client();
  client.send('RPUSH', 'list', 'a', 'b');
  client.send('SET', 'key', 'value');
  expect(client.send('RESTORE', 'key', '0', bulk(client.send('DUMP', 'list')), 'REPLACE')).toBe('+OK\r\n');
  expect(client.send('LRANGE', 'key', '0', '-1')).toBe('*2\r\n$1\r\na\r\n$1\r\nb\r\n');
  expect(client.send('DBSIZE')).toBe(':2\r\n');
});

test.each([
  ['a stream', '\x15\x01\x00'],
  ['an opcode of RDB files', '\xfe\x00'],
  ['an unknown type', '\x63\x00'],
  ['an empty list', '\x01\x00'],
  ['a list of one empty node', '\x12\x01\x02\x07\x07\x00\x00\x00\x00\x00\xff'],
  ['a set that has a member twice', '\x02\x02\x01a\x01a'],
  ['a value that ends too early', '\x00\x05abc'],
  ['a value with another after it', '\x00\x01a\x00\x01k\x01b'],
  ['a value with the end of a file after it', `\x00\x01a\xff${'\x00'.repeat(8)}`],
  ['a value with a database after it', '\x00\x01a\xfe\x00'],
  ['nothing', ''],
])('%s is bad data', (_, body) => {
  const client = newNode().client();
  expect(client.send('RESTORE', 'key', '0', payloadOf(body))).toBe(BAD_FORMAT);
  expect(client.send('DBSIZE')).toBe(':0\r\n');
  expect(client.send('RESTORE', 'key', '0', payloadOf('\x00\x01a'))).toBe('+OK\r\n');
});

test.each([12, 79, 81, 0xffff])('a payload of version %i is refused', (version) => {
  const client = newNode().client();
  expect(client.send('RESTORE', 'key', '0', payloadOf('\x00\x01a', version))).toBe(WRONG_CHECKSUM);
});

test('with rdb-version-check relaxed a payload of any version is restored, as far as what it holds is known', () => {
  const client = newNode({ 'rdb-version-check': 'relaxed' }).client();
  for (const version of [12, 79, 81, 222])
    expect(client.send('RESTORE', `${version}`, '0', payloadOf('\x00\x01a', version))).toBe('+OK\r\n');
  expect(client.send('GET', '222')).toBe('$1\r\na\r\n');
  expect(client.send('RESTORE', 'key', '0', payloadOf('\x63\x01a', 222))).toBe(BAD_FORMAT);
  client.send('CONFIG', 'SET', 'rdb-version-check', 'strict');
  expect(client.send('RESTORE', 'key', '0', payloadOf('\x00\x01a', 222))).toBe(WRONG_CHECKSUM);
});

test('a payload of an older version is restored', () => {
  const client = newNode().client();
  expect(client.send('RESTORE', 'key', '0', payloadOf('\x00\x01a', 9))).toBe('+OK\r\n');
});

function tryRestore(client: TestClient, payload: string, allowed: readonly string[]): void {
  expect(allowed).toContain(client.send('RESTORE', 'to', '0', payload, 'REPLACE'));
}

test('a damaged payload is an error and never more, and leaves no memory behind', () => {
  const test = newNode();
  const client = test.client();
  const { keyspace, types } = test.node;
  const mutation = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
  const packed = ['\x12\x01\x02\r\r\x00\x00\x00\x03\x00\x01\x01\x02\x01\x03\x01\xff'];
  const bodies = fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom(...packed) },
    {
      weight: 4,
      arbitrary: making.map((words) => {
        client.send('FLUSHALL');
        client.send(...words);
        return bulk(client.send('DUMP', 'from')).slice(0, -10);
      }),
    },
  );
  /** Arena bytes in use once the dataset is empty. */
  const usedByNothing = (): number => {
    client.send('FLUSHALL');
    while (keyspace.detached.waiting > 0) keyspace.detached.reclaim(1_000_000);
    while (types.reclaim(1_000_000));
    return keyspace.arena.usedBytes;
  };
  fc.assert(
    fc.property(bodies, fc.array(mutation, { minLength: 1, maxLength: 4 }), fc.nat(), (body, mutations, cut) => {
      const before = usedByNothing();
      const bytes = bytesOf(body);
      for (const [at, value] of mutations) bytes[at % bytes.length] = value;
      const mutated = String.fromCharCode(...bytes);
      tryRestore(client, payloadOf(mutated), ['+OK\r\n', BAD_FORMAT]);
      tryRestore(client, payloadOf(mutated.slice(0, cut % bytes.length)), ['+OK\r\n', BAD_FORMAT]);
      tryRestore(client, `${mutated}${payloadOf(body).slice(-10)}`, ['+OK\r\n', WRONG_CHECKSUM, BAD_FORMAT]);
      expect(usedByNothing()).toBe(before);
    }),
    { numRuns: 300 },
  );
});
