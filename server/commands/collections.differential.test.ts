/**
 * Hashes, lists, sets and sorted sets beside a real valkey-server: the same random commands to both, the same replies from both,
 * in RESP2 and RESP3, with the default limits and with limits so small that every structure is used.
 * Skipped with a line when there is no valkey-server 9.1.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findValkeyServer } from '../../tools/valkey.ts';
import { Chance } from '../testing/chance.ts';
import { onlyReply, type Reply, sorted } from '../testing/replies.ts';
import { Line } from '../testing/side-by-side.ts';
import { TestNode } from '../testing/test-node.ts';

const PORT = 17891;
const COMMANDS_PER_RUN = 4000;
const valkey = findValkeyServer();
if (valkey === null) process.stdout.write('skipped: no valkey-server 9.1 to compare the collection commands with\n');

class RealServer {
  private readonly process: ChildProcess;
  private readonly folder: string;
  private line: Line | null = null;

  constructor(path: string) {
    this.folder = mkdtempSync(join(tmpdir(), 'keyherd-collections-'));
    const words = ['--port', String(PORT), '--bind', '127.0.0.1', '--save', '', '--dir', this.folder];
    this.process = spawn(path, words, { stdio: 'ignore' });
  }

  async open(): Promise<void> {
    this.line = await Line.open(PORT);
  }

  run(commands: readonly (readonly string[])[]): Promise<Reply[]> {
    return this.line!.askAll(commands);
  }

  close(): void {
    this.line?.close();
    this.process.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Commands whose elements come in no particular order, and how many neighbours belong together. */
const UNORDERED: Readonly<Record<string, number>> = {
  smembers: 1,
  sinter: 1,
  sunion: 1,
  sdiff: 1,
  hkeys: 1,
  hvals: 1,
  hgetall: 2,
  spop: 1,
  srandmember: 1,
  hrandfield: 1,
  sscan: 1,
  hscan: 2,
};

function comparable(words: readonly string[], reply: Reply): Reply {
  const width = UNORDERED[words[0]!];
  if (width === undefined || !Array.isArray(reply)) return reply;
  if (words[0]!.endsWith('scan')) {
    return ['scan', reply[1]!, sorted(reply[2] as Reply[], words.includes('novalues') ? 1 : width)];
  }
  return sorted(
    reply as Reply[],
    words.includes('withvalues') && reply[1] !== undefined && !Array.isArray(reply[1]) ? 2 : width,
  );
}

/** Words by chance, from a seed. */
class Words extends Chance {
  some(atMost: number, make: () => readonly string[]): string[] {
    const words: string[] = [];
    for (let i = this.below(atMost); i >= 0; i--) words.push(...make());
    return words;
  }

  maybe(...words: string[]): string[] {
    return this.below(4) === 0 ? words : [];
  }

  key(kind: string): string {
    return this.below(60) === 0 ? this.one(['hash1', 'list1', 'set1', 'zset1', 'text']) : `${kind}${this.below(3)}`;
  }

  name(): string {
    const shape = this.below(40);
    if (shape === 0) return 'x'.repeat(this.below(300));
    if (shape < 14) return String(this.below(30) - 5);
    return `name:${this.below(60)}`;
  }

  value(): string {
    const shape = this.below(30);
    if (shape === 0) return 'v'.repeat(this.below(5000));
    if (shape < 8) return String(this.below(1000) - 500);
    if (shape < 10) return String((this.below(1000) - 500) / 8);
    return `value:${this.below(100)}`;
  }

  integer(): string {
    const shape = this.below(30);
    if (shape === 0)
      return this.one(['x', '', '1.5', '9223372036854775807', '-9223372036854775808', '99999999999999999999']);
    return String(this.below(40) - 20);
  }

  score(): string {
    const shape = this.below(20);
    if (shape === 0)
      return this.one([
        'inf',
        '-inf',
        '+inf',
        'nan',
        'x',
        '',
        '1e400',
        '0x10',
        '1e17',
        '-0',
        ' 1',
        '1e-7',
        '123456789.5',
      ]);
    if (shape < 5) return String((this.below(2000) - 1000) / 16);
    return String(this.below(10));
  }

  scoreBound(): string {
    return (this.below(3) === 0 ? '(' : '') + this.score();
  }

  memberBound(): string {
    const shape = this.below(12);
    if (shape === 0) return this.one(['-', '+', 'x', '']);
    return this.one(['[', '(']) + this.name();
  }
}

type Maker = (w: Words) => readonly string[];

const hashMakers: readonly Maker[] = [
  (w) => ['object', 'encoding', w.key('hash')],
  (w) => ['hset', w.key('hash'), ...w.some(6, () => [w.name(), w.value()])],
  (w) => ['hset', w.key('hash'), ...w.some(6, () => [w.name(), w.value()])],
  (w) => ['hmset', w.key('hash'), ...w.some(6, () => [w.name()])],
  (w) => ['hsetnx', w.key('hash'), w.name(), w.value()],
  (w) => ['hget', w.key('hash'), w.name()],
  (w) => ['hmget', w.key('hash'), ...w.some(4, () => [w.name()])],
  (w) => [w.one(['hgetall', 'hkeys', 'hvals', 'hlen']), w.key('hash')],
  (w) => ['hdel', w.key('hash'), ...w.some(4, () => [w.name()])],
  (w) => ['hgetdel', w.key('hash'), 'FIELDS', w.one(['1', '2', '0', 'x']), ...w.some(2, () => [w.name()])],
  (w) => [w.one(['hexists', 'hstrlen']), w.key('hash'), w.name()],
  // Sums beyond 2^53 stay out of HINCRBYFLOAT's way: Valkey adds long doubles.
  (w) => ['hincrby', w.key('hash'), `counter:${w.below(5)}`, w.integer()],
  (w) => ['hincrby', w.key('hash'), w.name(), String(w.below(9) - 4)],
  (w) => ['hincrbyfloat', w.key('hash'), w.name(), String((w.below(100) - 50) / 4)],
  (w) => ['hrandfield', w.key('hash'), '1000', ...w.maybe('withvalues')],
  (w) => ['hscan', w.key('hash'), '0', 'count', '100000', ...w.maybe('match', 'name:1*'), ...w.maybe('novalues')],
];

const listMakers: readonly Maker[] = [
  (w) => [
    w.one(['lpush', 'rpush', 'lpush', 'rpush', 'lpushx', 'rpushx']),
    w.key('list'),
    ...w.some(8, () => [w.value()]),
  ],
  (w) => [w.one(['lpush', 'rpush']), w.key('list'), ...w.some(8, () => [w.value()])],
  (w) => [w.one(['lpop', 'rpop']), w.key('list'), ...w.maybe(w.integer())],
  (w) => ['lrange', w.key('list'), w.integer(), w.integer()],
  (w) => ['lrange', w.key('list'), '0', '-1'],
  (w) => ['llen', w.key('list')],
  (w) => ['lindex', w.key('list'), w.integer()],
  // Valkey cuts LSET's index to 32 bits: 9223372036854775807 is its last item. Here it is out of range.
  (w) => [
    'lset',
    w.key('list'),
    w.one(['x', '1.5', ...Array.from({ length: 40 }, (_, i) => String(i - 20))]),
    w.value(),
  ],
  (w) => ['linsert', w.key('list'), w.one(['before', 'after', 'BEFORE', 'x']), w.value(), w.value()],
  (w) => ['lrem', w.key('list'), String(w.below(7) - 3), w.value()],
  (w) => ['ltrim', w.key('list'), String(w.below(4)), String(-1 - w.below(4))],
  (w) => [
    'lpos',
    w.key('list'),
    w.value(),
    ...w.maybe('rank', w.integer()),
    ...w.maybe('count', String(w.below(4))),
    ...w.maybe('maxlen', w.integer()),
  ],
  (w) => ['lmove', w.key('list'), w.key('list'), w.one(['left', 'right', 'LEFT', 'x']), w.one(['left', 'right'])],
  (w) => ['rpoplpush', w.key('list'), w.key('list')],
];

const setMakers: readonly Maker[] = [
  (w) => ['object', 'encoding', w.key('set')],
  (w) => ['sadd', w.key('set'), ...w.some(8, () => [w.name()])],
  (w) => ['sadd', w.key('set'), ...w.some(8, () => [w.name()])],
  (w) => ['srem', w.key('set'), ...w.some(4, () => [w.name()])],
  (w) => [w.one(['smembers', 'scard']), w.key('set')],
  (w) => [w.one(['sismember', 'smismember']), w.key('set'), w.name()],
  (w) => ['smismember', w.key('set'), ...w.some(4, () => [w.name()])],
  (w) => ['smove', w.key('set'), w.key('set'), w.name()],
  (w) => [w.one(['sinter', 'sunion', 'sdiff']), ...w.some(3, () => [w.key('set')])],
  (w) => [w.one(['sinterstore', 'sunionstore', 'sdiffstore']), 'stored', ...w.some(3, () => [w.key('set')])],
  () => ['smembers', 'stored'],
  (w) => ['sintercard', w.one(['1', '2', '0', 'x']), w.key('set'), w.key('set'), ...w.maybe('limit', w.integer())],
  (w) => ['srandmember', w.key('set'), '1000'],
  (w) => (w.below(20) === 0 ? ['spop', w.key('set'), '1000'] : ['spop', w.key('set'), '0']),
  (w) => ['sscan', w.key('set'), '0', 'count', '100000', ...w.maybe('match', '*1*')],
];

// LIMIT with a negative offset stays out: Valkey answers nothing for packed sorted sets and counts from the end for large ones.
const sortedSetMakers: readonly Maker[] = [
  (w) => ['object', 'encoding', w.key('zset')],
  (w) => ['zadd', w.key('zset'), ...w.some(8, () => [w.score(), w.name()])],
  (w) => ['zadd', w.key('zset'), ...w.some(8, () => [String(w.below(5)), w.name()])],
  (w) => ['zadd', 'zlex', ...w.some(8, () => ['0', w.name()])],
  (w) => [
    'zadd',
    w.key('zset'),
    ...w.some(2, () => [w.one(['nx', 'xx', 'gt', 'lt', 'ch', 'incr'])]),
    ...w.some(2, () => [w.score(), w.name()]),
  ],
  (w) => ['zincrby', w.key('zset'), w.score(), w.name()],
  (w) => ['zrem', w.key('zset'), ...w.some(4, () => [w.name()])],
  (w) => ['zscore', w.key('zset'), w.name()],
  (w) => ['zmscore', w.key('zset'), ...w.some(4, () => [w.name()])],
  (w) => ['zcard', w.key('zset')],
  (w) => [w.one(['zrank', 'zrevrank']), w.key('zset'), w.name(), ...w.maybe('withscore')],
  (w) => [
    'zrange',
    w.key('zset'),
    w.integer(),
    w.integer(),
    ...w.maybe('rev'),
    ...w.maybe('withscores'),
    ...w.maybe('limit', '0', '1'),
  ],
  (w) => [
    'zrange',
    w.key('zset'),
    w.scoreBound(),
    w.scoreBound(),
    'byscore',
    ...w.maybe('rev'),
    ...w.maybe('withscores'),
    ...w.maybe('limit', String(w.below(6)), w.integer()),
  ],
  (w) => [
    'zrange',
    'zlex',
    w.memberBound(),
    w.memberBound(),
    'bylex',
    ...w.maybe('rev'),
    ...w.maybe('withscores'),
    ...w.maybe('limit', String(w.below(6)), w.integer()),
  ],
  (w) => [
    w.one(['zrangebyscore', 'zrevrangebyscore']),
    w.key('zset'),
    w.scoreBound(),
    w.scoreBound(),
    ...w.maybe('withscores'),
    ...w.maybe('limit', String(w.below(6)), w.integer()),
  ],
  (w) => [
    w.one(['zrangebylex', 'zrevrangebylex']),
    'zlex',
    w.memberBound(),
    w.memberBound(),
    ...w.maybe('limit', String(w.below(6)), w.integer()),
  ],
  (w) => ['zrevrange', w.key('zset'), w.integer(), w.integer(), ...w.maybe('withscores')],
  (w) => ['zcount', w.key('zset'), w.scoreBound(), w.scoreBound()],
  (w) => ['zlexcount', 'zlex', w.memberBound(), w.memberBound()],
  (w) => [w.one(['zpopmin', 'zpopmax']), w.key('zset'), ...w.maybe(String(w.below(4)))],
  (w) => ['zremrangebyrank', w.key('zset'), w.integer(), w.integer()],
  (w) => ['zremrangebyscore', w.key('zset'), w.scoreBound(), w.scoreBound()],
  (w) => ['zremrangebylex', 'zlex', w.memberBound(), w.memberBound()],
  (w) => ['zscan', w.key('zset'), '0', 'count', '100000', 'match', 'name:7', ...w.maybe('noscores')],
];

const families: Readonly<Record<string, readonly Maker[]>> = {
  hashes: hashMakers,
  lists: listMakers,
  sets: setMakers,
  'sorted sets': sortedSetMakers,
};

const SMALL_LIMITS: Readonly<Record<string, string>> = {
  'hash-max-listpack-entries': '6',
  'set-max-listpack-entries': '6',
  'set-max-intset-entries': '5',
  'zset-max-listpack-entries': '6',
  'list-max-listpack-size': '5',
};
const DEFAULT_LIMITS: Readonly<Record<string, string>> = {
  'hash-max-listpack-entries': '512',
  'set-max-listpack-entries': '128',
  'set-max-intset-entries': '512',
  'zset-max-listpack-entries': '128',
  'list-max-listpack-size': '-2',
};

describe.skipIf(valkey === null)('beside a real valkey-server', () => {
  let real: RealServer;
  beforeAll(async () => {
    real = new RealServer(valkey!.path);
    await real.open();
  });
  afterAll(() => real?.close());

  for (const [family, makers] of Object.entries(families)) {
    for (const protocol of ['2', '3']) {
      for (const [size, limits] of Object.entries({ 'default limits': DEFAULT_LIMITS, 'small limits': SMALL_LIMITS })) {
        test(`${family} answer the same in RESP${protocol} with ${size}`, async () => {
          const words = new Words(family.length * 1000 + Number(protocol) * 10 + size.length);
          const commands: (readonly string[])[] = [
            ['flushall'],
            ...Object.entries(limits).map(([name, value]) => ['config', 'set', name, value]),
            ['set', 'text', 'x'],
            ['hello', protocol],
          ];
          const setup = commands.length;
          for (let i = 0; i < COMMANDS_PER_RUN; i++) commands.push(words.one(makers)(words));
          const theirs = await real.run(commands);
          const client = new TestNode().client();
          for (const [i, command] of commands.entries()) {
            const ours = onlyReply(client.send(...command));
            if (i < setup) continue;
            expect({ i, command, reply: comparable(command, ours) }).toEqual({
              i,
              command,
              reply: comparable(command, theirs[i]!),
            });
          }
        });
      }
    }
  }

  test('strings answer OBJECT ENCODING the same, by the lengths of key and value', async () => {
    const commands: string[][] = [['flushall']];
    for (const keyBytes of [1, 20, 31, 32, 60, 90]) {
      for (let valueBytes = 0; valueBytes < 130; valueBytes += 3) {
        const key = 'k'.repeat(keyBytes);
        // A new key each time: Valkey's answer depends on what a key held and whether it had an expiry before.
        commands.push(['del', key], ['set', key, 'v'.repeat(valueBytes)], ['object', 'encoding', key]);
      }
    }
    for (const value of [
      '0',
      '-0',
      '-1',
      '007',
      '9223372036854775807',
      '9223372036854775808',
      '-9223372036854775808',
      '1.5',
    ]) {
      commands.push(['set', 'k', value], ['object', 'encoding', 'k']);
    }
    const theirs = await real.run(commands);
    const client = new TestNode().client();
    const ours = commands.map((command) => onlyReply(client.send(...command)));
    expect(ours).toEqual(theirs);
  });
});
