import fc from 'fast-check';
import { expect, test } from 'vitest';
import '../../tools/property-seed.ts';
import { WriteUnit } from '../commands/write-unit.ts';
import { Arguments } from '../protocol/arguments.ts';
import { latin1 } from '../protocol/numbers.ts';
import { TestNode } from '../testing/test-node.ts';
import { formatG } from './c-numbers.ts';
import { Random48 } from './library-numbers.ts';
import { MAX_EVAL_SCRIPTS } from './limits.ts';

function newNode(directives: Readonly<Record<string, string>> = {}) {
  const node = new TestNode(directives);
  const client = node.client();
  const evaluate = (script: string, ...words: string[]): string => client.send('EVAL', script, '0', ...words);
  return { node: node.node, client, evaluate };
}

test('a node that runs no script has no machine', () => {
  const { node, client, evaluate } = newNode();
  client.send('SET', 'a', 'b');
  client.send('SCRIPT', 'EXISTS', 'x'.repeat(40));
  expect(node.rooms.scripting!.machineBytes).toBe(0);
  evaluate('return 1');
  expect(node.rooms.scripting!.machineBytes).toBeGreaterThan(0);
});

test('bytes come through a script as they are', () => {
  const { client } = newNode();
  const bytes = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
  const script =
    "redis.call('SET', KEYS[1], ARGV[1]) local v = redis.call('GET', KEYS[1]) " +
    'return {v, #v, v == ARGV[1], redis.sha1hex(v) == redis.sha1hex(ARGV[1])}';
  fc.assert(
    fc.property(bytes, bytes, (key, value) => {
      expect(client.send('EVAL', script, '1', key, value)).toBe(
        `*4\r\n$${value.length}\r\n${value}\r\n:${value.length}\r\n:1\r\n:1\r\n`,
      );
    }),
  );
});

test('what a script is given and returns has the same shape', () => {
  const { client } = newNode();
  client.send('HELLO', '3');
  const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.string({ unit: 'grapheme-ascii' }));
  const tree = fc.letrec((tie) => ({ any: fc.oneof(leaf, fc.array(tie('any'), { maxLength: 4 })) })).any;
  const asLua = (value: unknown): string => {
    if (Array.isArray(value)) return `{${value.map(asLua).join(',')}}`;
    return typeof value === 'string' ? JSON.stringify(value).replace(/\\u[0-9a-f]{4}/g, '?') : String(value);
  };
  const asReply = (value: unknown): string => {
    if (Array.isArray(value)) return `*${value.length}\r\n${value.map(asReply).join('')}`;
    if (typeof value === 'boolean') return value ? '#t\r\n' : '#f\r\n';
    if (typeof value === 'number') return `:${value}\r\n`;
    return `$${String(value).length}\r\n${value}\r\n`;
  };
  fc.assert(
    fc.property(tree, (value) => {
      expect(client.send('EVAL', `redis.setresp(3) return ${asLua(value)}`, '0')).toBe(asReply(value));
    }),
  );
});

test('a script that runs too long without a write is ended, whatever it catches', () => {
  const { evaluate } = newNode({ 'busy-reply-threshold': '20' });
  expect(evaluate('while true do pcall(function() while true do end end) end')).toMatch(
    /^-ERR Script ended: it ran longer than busy-reply-threshold \(20 ms\) without writing\. script: on @user_script:1\.\r\n$/,
  );
  expect(evaluate('return 1')).toBe(':1\r\n');
});

test('a script that has written is not ended', () => {
  const { evaluate } = newNode({ 'busy-reply-threshold': '1' });
  const script = "redis.call('SET', 'a', 1) local n = 0 for i = 1, 3000000 do n = n + 1 end return n";
  expect(evaluate(script)).toBe(':3000000\r\n');
});

test('a machine without memory is made anew, and what it knew is still known', () => {
  const { node, client, evaluate } = newNode();
  client.send('FUNCTION', 'LOAD', "#!lua name=lib\nredis.register_function('f', function() return 7 end)");
  const sha = client.send('SCRIPT', 'LOAD', 'return 8').slice(5, 45);
  const before = node.rooms.scripting!.machineBytes;
  expect(evaluate("local s = string.rep('x', 1024) while true do s = s .. s end")).toMatch(
    /^-ERR Error running script, not enough memory\r\n$/,
  );
  expect(client.send('FCALL', 'f', '0')).toBe(':7\r\n');
  expect(client.send('EVALSHA', sha, '0')).toBe(':8\r\n');
  expect(node.rooms.scripting!.machineBytes).toBe(before);
}, 60_000);

test('a host stack that ends in a script ends the script', () => {
  const { evaluate } = newNode();
  expect(evaluate("return string.find(string.rep('a', 300000), string.rep('a?', 300000))")).toMatch(/^-ERR /);
  expect(evaluate('return 1')).toBe(':1\r\n');
});

test('scripts that only EVAL brought give way to newer ones, the longest unused first', () => {
  const { node, client, evaluate } = newNode();
  const { scripts } = node.rooms.scripting!;
  const first = client.send('SCRIPT', 'LOAD', 'return -1').slice(5, 45);
  for (let i = 0; i < MAX_EVAL_SCRIPTS; i++) evaluate(`return ${i}`);
  evaluate('return 0');
  evaluate('return 1000');
  expect(scripts.count).toBe(MAX_EVAL_SCRIPTS + 1);
  expect(scripts.evicted).toBe(1);
  expect(client.send('EVALSHA', first, '0')).toBe(':-1\r\n');
  const text = (script: string): Uint8Array => new TextEncoder().encode(script);
  expect(scripts.findBody(text('return 0'), 0, 8)).not.toBeNull();
  expect(scripts.findBody(text('return 1'), 0, 8)).toBeNull();
});

test('SCRIPT FLUSH forgets scripts and keeps functions', () => {
  const { client } = newNode();
  client.send('FUNCTION', 'LOAD', "#!lua name=lib\nredis.register_function('f', function() return 7 end)");
  const sha = client.send('SCRIPT', 'LOAD', 'return 8').slice(5, 45);
  expect(client.send('SCRIPT', 'FLUSH')).toBe('+OK\r\n');
  expect(client.send('EVALSHA', sha, '0')).toBe('-NOSCRIPT No matching script.\r\n');
  expect(client.send('FCALL', 'f', '0')).toBe(':7\r\n');
});

test('what is pushed to the client while its script runs does not mix with the script', () => {
  const { client } = newNode();
  client.send('HELLO', '3');
  client.send('SUBSCRIBE', 'channel');
  const reply = client.send(
    'EVAL',
    "redis.call('PUBLISH', 'channel', 'm') return redis.call('PUBLISH', 'none', 'm')",
    '0',
  );
  expect(reply).toContain('>3\r\n$7\r\nmessage\r\n$7\r\nchannel\r\n$1\r\nm\r\n');
  expect(reply).toContain(':0\r\n');
});

test('a transaction runs scripts among its commands', () => {
  const { client } = newNode();
  client.send('MULTI');
  client.send('SET', 'a', '1');
  client.send('EVAL', "redis.call('INCR', 'a') return redis.call('GET', 'a')", '0');
  client.send('EVAL', "return redis.call('LPUSH', 'a', 1)", '0');
  client.send('INCR', 'a');
  expect(client.send('EXEC')).toBe(
    '*4\r\n+OK\r\n$1\r\n2\r\n' +
      '-WRONGTYPE Operation against a key holding the wrong kind of value script: on @user_script:1.\r\n:3\r\n',
  );
});

test('an error that a script catches is counted once, and not against the script', () => {
  const { node, evaluate } = newNode();
  evaluate("redis.pcall('INCRBY', 'a', 'x') return 1");
  evaluate("return redis.pcall('INCRBY', 'a', 'x')");
  expect(node.rooms.accounting.errors.all()).toEqual([['ERR', 2]]);
  expect(node.registry.named('incrby')!.failed).toBe(2);
  expect(node.registry.named('eval')!.failed).toBe(1);
});

test('memory is asked for at the first write alone', () => {
  const { node, client, evaluate } = newNode();
  const memory = { limited: true, makeRoom: () => false };
  node.executor.memory = memory;
  expect(evaluate("return redis.call('SET', 'a', 1)")).toMatch(/^-OOM command not allowed/);
  expect(evaluate("redis.call('DEL', 'a') return redis.call('SET', 'a', 1)")).toBe('+OK\r\n');
  expect(client.send('EVAL', '#!lua flags=allow-oom\nreturn redis.call("SET", "a", 1)', '0')).toBe('+OK\r\n');
  expect(client.send('EVAL', '#!lua\nreturn 1', '0')).toMatch(/^-OOM /);
});

test('random numbers are those of lrand48', () => {
  const random = new Random48();
  random.seed(42);
  let state = (42n << 16n) | 0x330en;
  for (let i = 0; i < 1000; i++) {
    state = (state * 0x5deece66dn + 11n) & (2n ** 48n - 1n);
    expect(random.next()).toBe(Number(state >> 17n));
  }
});

test('%.14g rounds ties to the even digit, as C does', () => {
  expect(formatG(12345678901234.5, 14)).toBe('12345678901234');
  expect(formatG(12345678901235.5, 14)).toBe('12345678901236');
  expect(formatG(0.1, 14)).toBe('0.1');
  expect(formatG(1e14, 14)).toBe('1e+14');
  expect(formatG(123456789, 3)).toBe('1.23e+08');
  expect(formatG(0.00001234, 14)).toBe('1.234e-05');
  expect(formatG(-0.0001, 14)).toBe('-0.0001');
});

test('a unit of one command stands alone in the log, and one of several between MULTI and EXEC', () => {
  const log: string[] = [];
  const writes = {
    active: true,
    refusal: () => null,
    staleRefusal: () => null,
    append: (_database: number, _slot: number, args: Arguments) =>
      log.push(latin1(args.bytes, args.starts[0]!, args.ends[args.count - 1]!)),
    beginTransaction: () => log.push('MULTI'),
    endTransaction: () => log.push('EXEC'),
  };
  const unit = new WriteUnit();
  unit.append(writes, 0, 0, Arguments.of('a'));
  unit.begin();
  unit.append(writes, 0, 0, Arguments.of('b'));
  unit.end(writes);
  unit.begin();
  unit.append(writes, 0, 0, Arguments.of('c', '1'));
  unit.begin();
  unit.append(writes, 0, 0, Arguments.of('d'));
  unit.end(writes);
  unit.append(writes, 0, 0, Arguments.of('e'));
  unit.end(writes);
  unit.begin();
  unit.end(writes);
  expect(log).toEqual(['a', 'b', 'MULTI', 'c1', 'd', 'e', 'EXEC']);
});
