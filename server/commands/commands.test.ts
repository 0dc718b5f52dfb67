import { expect, test } from 'vitest';
import { TestNode } from '../testing/test-node.ts';

test('SET takes every option and says what it did', () => {
  const client = new TestNode().at(1_000_000).client();
  expect(client.send('SET', 'k', '1', 'NX')).toBe('+OK\r\n');
  expect(client.send('SET', 'k', '2', 'NX')).toBe('$-1\r\n');
  expect(client.send('SET', 'k', '2', 'XX', 'GET')).toBe('$1\r\n1\r\n');
  expect(client.send('SET', 'k', '3', 'IFEQ', '1')).toBe('$-1\r\n');
  expect(client.send('SET', 'k', '3', 'IFEQ', '2', 'PX', '500')).toBe('+OK\r\n');
  expect(client.send('PTTL', 'k')).toBe(':500\r\n');
  expect(client.send('SET', 'k', '4', 'KEEPTTL')).toBe('+OK\r\n');
  expect(client.send('PTTL', 'k')).toBe(':500\r\n');
  expect(client.send('SET', 'k', '5')).toBe('+OK\r\n');
  expect(client.send('TTL', 'k')).toBe(':-1\r\n');
  expect(client.send('SET', 'k', '5', 'EX', '0')).toBe("-ERR invalid expire time in 'set' command\r\n");
  expect(client.send('SET', 'k', '5', 'EX', '1', 'PX', '1')).toBe('-ERR syntax error\r\n');
});

test('a key past its time is gone for every command, and active expiry frees it unasked', () => {
  const test = new TestNode().at(1_000_000);
  const client = test.client();
  client.send('SET', 'a', '1', 'PX', '100');
  client.send('SET', 'b', '1', 'PX', '100');
  client.send('SET', 'c', '1');
  test.at(1_000_101);
  expect(client.send('GET', 'a')).toBe('$-1\r\n');
  expect(client.send('DBSIZE')).toBe(':2\r\n');
  expect(client.send('EXISTS', 'a', 'b', 'c')).toBe(':1\r\n');
  expect(client.send('SCAN', '0')).toBe('*2\r\n$1\r\n0\r\n*1\r\n$1\r\nc\r\n');
});

test('INCR is exact in 64 bits and refuses what would overflow', () => {
  const client = new TestNode().client();
  expect(client.send('INCR', 'n')).toBe(':1\r\n');
  client.send('SET', 'n', '9223372036854775806');
  expect(client.send('INCR', 'n')).toBe(':9223372036854775807\r\n');
  expect(client.send('INCR', 'n')).toBe('-ERR increment or decrement would overflow\r\n');
  client.send('SET', 'n', ' 1');
  expect(client.send('INCR', 'n')).toBe('-ERR value is not an integer or out of range\r\n');
});

test('APPEND, SETRANGE and GETRANGE agree with a plain string through every size', () => {
  const client = new TestNode().client();
  let model = '';
  for (let i = 0; i < 60; i++) {
    const piece = String.fromCharCode(97 + (i % 26)).repeat(i * 3);
    model += piece;
    expect(client.send('APPEND', 'k', piece)).toBe(`:${model.length}\r\n`);
  }
  expect(client.send('GET', 'k')).toBe(`$${model.length}\r\n${model}\r\n`);
  expect(client.send('SETRANGE', 'k', '3', 'XYZ')).toBe(`:${model.length}\r\n`);
  expect(client.send('GETRANGE', 'k', '2', '7')).toBe(
    `$6\r\n${(`${model.slice(0, 3)}XYZ${model.slice(6)}`).slice(2, 8)}\r\n`,
  );
  expect(client.send('GETRANGE', 'k', '-1', '-5')).toBe('$0\r\n\r\n');
});

test('EXEC answers nil when a watched key changed, also by expiry', () => {
  const test = new TestNode().at(1_000_000);
  const [mine, other] = [test.client(), test.client()];
  mine.send('WATCH', 'k');
  other.send('SET', 'k', '1');
  mine.send('MULTI');
  mine.send('SET', 'k', '2');
  expect(mine.send('EXEC')).toBe('*-1\r\n');
  other.send('PEXPIRE', 'k', '10');
  mine.send('WATCH', 'k');
  test.at(1_000_050);
  mine.send('MULTI');
  mine.send('GET', 'k');
  expect(mine.send('EXEC')).toBe('*-1\r\n');
  mine.send('MULTI');
  mine.send('INCR', 'k');
  expect(mine.send('EXEC')).toBe('*1\r\n:1\r\n');
});

test('a bad command inside MULTI aborts EXEC', () => {
  const client = new TestNode().client();
  client.send('MULTI');
  expect(client.send('GET')).toBe("-ERR wrong number of arguments for 'get' command\r\n");
  expect(client.send('EXEC')).toBe('-EXECABORT Transaction discarded because of previous errors.\r\n');
});

test('a published message reaches channel and pattern subscribers in their protocol', () => {
  const test = new TestNode();
  const [two, three, publisher] = [test.client(), test.client(), test.client()];
  two.send('SUBSCRIBE', 'news');
  three.send('HELLO', '3');
  three.send('PSUBSCRIBE', 'n*');
  expect(publisher.send('PUBLISH', 'news', 'hi')).toBe(':2\r\n');
  expect(two.drain()).toBe('*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n');
  expect(three.drain()).toBe('>4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$2\r\nhi\r\n');
  expect(two.send('GET', 'x')).toContain("Can't execute 'get'");
});

test('over maxmemory writes are refused, reads and deletions are not', () => {
  const client = new TestNode({ maxmemory: '1mb' }).client();
  let refused = '';
  for (let i = 0; i < 3000 && refused === ''; i++) {
    const reply = client.send('SET', `k${i}`, 'v'.repeat(1000));
    if (reply !== '+OK\r\n') refused = reply;
  }
  expect(refused).toBe("-OOM command not allowed when used memory > 'maxmemory'.\r\n");
  expect(client.send('GET', 'k0')).toContain('v');
  expect(client.send('DEL', 'k0', 'k1', 'k2', 'k3')).toBe(':4\r\n');
});

test('allkeys-lru keeps what was used lately and never refuses', () => {
  const test = new TestNode({ maxmemory: '1mb', 'maxmemory-policy': 'allkeys-lru', 'maxmemory-samples': '10' }).at(
    1_000_000,
  );
  const client = test.client();
  client.send('SET', 'hot', 'x');
  for (let i = 0; i < 3000; i++) {
    test.at(1_000_000 + i * 1000);
    if (i % 5 === 0) client.send('GET', 'hot');
    expect(client.send('SET', `k${i}`, 'v'.repeat(1000))).toBe('+OK\r\n');
  }
  expect(client.send('GET', 'hot')).toBe('$1\r\nx\r\n');
  expect(client.send('EXISTS', 'k1')).toBe(':0\r\n');
  expect(test.node.keyspace.evicted).toBeGreaterThan(1500);
});

test('CLIENT REPLY drops what it says it drops', () => {
  const client = new TestNode().client();
  expect(client.send('CLIENT', 'REPLY', 'SKIP')).toBe('');
  expect(client.send('PING')).toBe('');
  expect(client.send('PING')).toBe('+PONG\r\n');
  expect(client.send('CLIENT', 'REPLY', 'OFF')).toBe('');
  expect(client.send('PING')).toBe('');
  expect(client.send('CLIENT', 'REPLY', 'ON')).toBe('+OK\r\n');
});

test('CLIENT PAUSE WRITE holds writes and lets reads through; what waited runs when it ends', () => {
  const test = new TestNode().at(1_000_000);
  const [admin, writer] = [test.client(), test.client()];
  admin.send('CLIENT', 'PAUSE', '1000', 'WRITE');
  expect(writer.send('GET', 'k')).toBe('$-1\r\n');
  expect(writer.send('SET', 'k', 'v')).toBe('');
  test.at(1_001_001).node.clients.tick(1_001_001);
  expect(writer.drain()).toBe('+OK\r\n');
});

test('unknown commands and subcommands are named in the error', () => {
  const client = new TestNode().client();
  expect(client.send('NOPE', 'a', 'b')).toBe("-ERR unknown command 'NOPE', with args beginning with: 'a' 'b' \r\n");
  expect(client.send('CONFIG', 'NOPE')).toBe("-ERR unknown subcommand 'NOPE'. Try CONFIG HELP.\r\n");
});

test('CONFIG SET changes all of its directives or none', () => {
  const client = new TestNode().client();
  expect(client.send('CONFIG', 'SET', 'maxclients', '5', 'hz', 'many')).toContain(
    "(possibly related to argument 'hz')",
  );
  expect(client.send('CONFIG', 'GET', 'maxclients')).toBe('*2\r\n$10\r\nmaxclients\r\n$5\r\n10000\r\n');
  expect(client.send('CONFIG', 'SET', 'maxmemory', '100mb')).toBe('+OK\r\n');
  expect(client.send('CONFIG', 'GET', 'maxmemory')).toBe('*2\r\n$9\r\nmaxmemory\r\n$9\r\n104857600\r\n');
  expect(client.send('CONFIG', 'SET', 'databases', '1')).toContain("can't set immutable config");
});

test('SCAN from start to end shows every key that stays, once the cursor is 0 again', () => {
  const client = new TestNode().client();
  for (let i = 0; i < 5000; i++) client.send('SET', `key:${i}`, 'v');
  const seen = new Set<string>();
  let cursor = '0';
  do {
    const lines = client.send('SCAN', cursor, 'COUNT', '37').split('\r\n');
    cursor = lines[2]!;
    for (let i = 5; i < lines.length; i += 2) seen.add(lines[i]!);
  } while (cursor !== '0');
  expect(seen.size).toBe(5000);
});

test('a client that asked for NO-TOUCH looks without keeping keys alive, and TOUCH still does', () => {
  const test = new TestNode().at(1_000_000_000);
  const client = test.client();
  client.send('SET', 'k', 'v');
  client.send('CLIENT', 'NO-TOUCH', 'ON');
  test.at(1_000_060_000);
  client.send('GET', 'k');
  expect(client.send('OBJECT', 'IDLETIME', 'k')).toBe(':60\r\n');
  client.send('TOUCH', 'k');
  expect(client.send('OBJECT', 'IDLETIME', 'k')).toBe(':0\r\n');
  expect(client.send('CLIENT', 'INFO')).toContain(' cmd=client|info ');
});

test('with extended-redis-compatibility the server names itself as the one it is compatible with', () => {
  const client = new TestNode().client();
  expect(client.send('HELLO')).toContain('$6\r\nvalkey\r\n');
  expect(client.send('INFO', 'server')).toMatch(/server_mode:standalone/);
  expect(client.send('INFO', 'server')).not.toMatch(/redis_mode/);
  client.send('CONFIG', 'SET', 'extended-redis-compatibility', 'yes');
  expect(client.send('HELLO')).toMatch(/\$5\r\nredis\r\n\$7\r\nversion\r\n\$5\r\n7\.2\.\d/);
  expect(client.send('INFO', 'server')).toMatch(/redis_mode:standalone/);
  expect(client.send('INFO', 'server')).not.toMatch(/server_mode/);
  expect(client.send('LOLWUT')).toContain('Redis ver. 7.2.');
});
