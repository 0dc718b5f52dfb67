/**
 * Strings, generic commands and sets beside a real valkey-server: the same random commands to both, and everything that they do is the
 * same: replies, keyspace events, and what goes to replicas. Skipped with a line when there is no valkey-server 9.1.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findValkeyServer } from '../../tools/valkey.ts';
import { Chance } from '../testing/chance.ts';
import type { Reply } from '../testing/replies.ts';
import { type Outcome, Side } from '../testing/side-by-side.ts';

const PORT = 18_110;
const COMMANDS = 1500;
const FAR_SECONDS = 33_177_117_420;
const valkey = findValkeyServer();
if (valkey === null) process.stdout.write('skipped: no valkey-server 9.1 to compare what commands do with\n');

/** Words by chance, from a seed. */
class Draws extends Chance {
  maybe(...words: readonly string[]): readonly string[] {
    return this.below(3) === 0 ? words : [];
  }

  key(): string {
    return this.one(['a', 'b', 'c', 'set1', 'set2', 'list', 'hash', 'zset', 'none']);
  }

  value(): string {
    return this.one([
      '1',
      '2',
      'text',
      '3.5',
      '-7',
      '',
      'x'.repeat(100),
      '9223372036854775807',
      'ohmytext',
      'mynewtext',
    ]);
  }

  number(): string {
    return this.one(['0', '1', '-1', '5', '100', 'abc', '9223372036854775807', '-9223372036854775808', '3']);
  }

  /** Far away, or over: a time between would come at another moment on either side. */
  expiry(): readonly string[] {
    return this.one([
      ['EX', '1000'],
      ['px', '1000000'],
      ['EXAT', String(FAR_SECONDS)],
      ['pxat', `${FAR_SECONDS}000`],
      ['EXAT', '1'],
      ['PXAT', '1'],
      ['EX', '0'],
      ['EX', 'abc'],
    ]);
  }

  member(): string {
    return this.one(['m1', 'm2', 'm3', '1', '2', '3', 'x'.repeat(70)]);
  }

  members(): string[] {
    const words: string[] = [];
    for (let i = this.below(4); i >= 0; i--) words.push(this.member());
    return words;
  }
}

type Make = (c: Draws) => readonly string[];

const commands: readonly Make[] = [
  (c) => ['SET', c.key(), c.value()],
  (c) => [
    'set',
    c.key(),
    c.value(),
    ...c.maybe('GET'),
    ...c.maybe('NX'),
    ...c.maybe(...c.expiry()),
    ...c.maybe('keepttl'),
  ],
  (c) => ['SET', c.key(), c.value(), ...c.maybe('IFEQ', c.value()), ...c.maybe('XX'), ...c.maybe('get')],
  (c) => ['SETNX', c.key(), c.value()],
  (c) => ['SETEX', c.key(), c.one(['1000', '0', '-1', 'a']), c.value()],
  (c) => ['GETSET', c.key(), c.value()],
  (c) => ['GETDEL', c.key()],
  (c) => ['GETEX', c.key(), ...c.maybe(...c.expiry()), ...c.maybe('PERSIST')],
  (c) => ['DELIFEQ', c.key(), c.value()],
  (c) => ['MSET', c.key(), c.value(), c.key(), c.value()],
  (c) => ['MSETNX', c.key(), c.value(), c.key(), c.value()],
  (c) => [
    'MSETEX',
    '2',
    c.key(),
    c.value(),
    c.key(),
    c.value(),
    ...c.maybe('NX'),
    ...c.maybe('XX'),
    ...c.maybe('EX', '1000'),
  ],
  (c) => ['MGET', c.key(), c.key()],
  (c) => ['INCR', c.key()],
  (c) => ['DECRBY', c.key(), c.number()],
  (c) => ['INCRBYFLOAT', c.key(), c.one(['0.1', '1e3', '-2.25', 'abc', 'inf', '3'])],
  (c) => ['APPEND', c.key(), c.value()],
  (c) => ['SETRANGE', c.key(), c.one(['0', '3', '-1', 'a']), c.value()],
  (c) => ['GETRANGE', c.key(), c.number(), c.number()],
  (c) => ['STRLEN', c.key()],
  (c) => [
    'LCS',
    c.key(),
    c.key(),
    ...c.maybe('IDX'),
    ...c.maybe('LEN'),
    ...c.maybe('MINMATCHLEN', '2'),
    ...c.maybe('WITHMATCHLEN'),
  ],
  (c) => ['DEL', c.key(), c.key()],
  (c) => ['UNLINK', c.key()],
  (c) => ['EXISTS', c.key(), c.key()],
  (c) => ['TOUCH', c.key(), c.key()],
  (c) => ['TYPE', c.key()],
  (c) => ['RENAME', c.key(), c.key()],
  (c) => ['RENAMENX', c.key(), c.key()],
  (c) => ['MOVE', c.key(), c.one(['1', '0', '99'])],
  (c) => ['COPY', c.key(), c.key(), ...c.maybe('DB', c.one(['0', '1'])), ...c.maybe('REPLACE')],
  (c) => [
    'EXPIRE',
    c.key(),
    c.one(['1000', '-1', '0', 'a']),
    ...c.maybe(c.one(['NX', 'XX', 'GT', 'LT'])),
    ...c.maybe('XX'),
  ],
  (c) => [
    'PEXPIREAT',
    c.key(),
    c.one([`${FAR_SECONDS}000`, '1', `${FAR_SECONDS}001`]),
    ...c.maybe(c.one(['GT', 'lt'])),
  ],
  (c) => ['PEXPIRETIME', c.one(['none', 'list'])],
  (c) => ['PERSIST', c.key()],
  (c) => ['SWAPDB', '0', c.one(['0', '1'])],
  (c) => ['OBJECT', c.one(['ENCODING', 'REFCOUNT', 'FREQ']), c.key()],
  (c) => ['SADD', c.one(['set1', 'set2', 'a']), ...c.members()],
  (c) => ['SREM', c.one(['set1', 'set2', 'a']), ...c.members()],
  (c) => ['SMOVE', c.one(['set1', 'a']), c.one(['set2', 'b']), c.member()],
  (c) => ['SISMEMBER', c.key(), c.member()],
  (c) => ['SMISMEMBER', c.one(['set1', 'set2', 'none', 'list']), ...c.members()],
  (c) => ['SCARD', c.key()],
  (c) => ['SPOP', c.one(['set1', 'set2']), '1000'],
  (c) => [c.one(['SINTER', 'SUNION', 'SDIFF']), c.one(['set1', 'none', 'list']), c.one(['set2', 'set1'])],
  (c) => [
    c.one(['SINTERSTORE', 'SUNIONSTORE', 'SDIFFSTORE']),
    c.key(),
    c.one(['set1', 'none']),
    c.one(['set2', 'set1']),
  ],
  (c) => ['SINTERCARD', '2', c.one(['set1', 'none']), 'set2', ...c.maybe('LIMIT', c.one(['1', '0', '-1']))],
  (c) => [
    'SORT',
    c.key(),
    ...c.maybe('ALPHA'),
    ...c.maybe('DESC'),
    ...c.maybe('LIMIT', '0', '2'),
    ...c.maybe('STORE', c.key()),
  ],
  (c) => ['SORT', 'list', 'BY', c.one(['*', 'nosort', 'hash->*']), ...c.maybe('GET', '#'), ...c.maybe('GET', '*')],
  (c) => ['RPUSH', 'list', c.one(['a', 'b', 'c', '1', '2']), c.one(['a', 'b', 'c', '10'])],
  (c) => ['HSET', 'hash', c.one(['f', 'g']), c.value()],
  (c) => ['ZADD', 'zset', c.one(['1', '2', '3']), c.member()],
  (c) => ['SCAN', '0', 'COUNT', '1000', ...c.maybe('TYPE', c.one(['string', 'set', 'foo']))],
  (c) => [c.one(['KEYS']), c.one(['*', 'set?', '[ab]', 'none'])],
  () => ['DBSIZE'],
  (c) => (c.below(10) === 0 ? [c.one(['FLUSHDB', 'FLUSHALL'])] : ['GET', 'a']),
];

/** Their elements come in no particular order. */
const UNORDERED: ReadonlySet<string> = new Set(['SINTER', 'SUNION', 'SDIFF', 'SPOP', 'KEYS', 'SCAN']);

function comparable(words: readonly string[], outcome: Outcome): unknown {
  const { reply, events, stream } = outcome;
  return {
    reply: UNORDERED.has(words[0]!) ? sorted(reply) : replaceTimes(JSON.stringify(reply)),
    events: events.filter((event) => !event.includes(' expired')),
    stream: stream.map(canonical).filter((command) => command !== 'multi' && command !== 'exec'),
  };
}

function sorted(reply: Reply): unknown {
  if (typeof reply === 'string') return reply;
  return reply.map((item) => (typeof item === 'string' ? item : sorted(item))).sort();
}

/** The name of a command in the stream is written as whoever wrote it does; a relative time differs by what passed between. */
function canonical(command: string): string {
  const [name, ...rest] = command.split(' ');
  return replaceTimes([name!.toLowerCase(), ...rest].join(' '));
}

function replaceTimes(text: string): string {
  return text.replace(/\b1[6-9]\d{11}\b/g, 'TIME');
}

describe.skipIf(valkey === null)('beside valkey-server', () => {
  let real: Side;
  let ours: Side;

  beforeAll(async () => {
    real = new Side([valkey!.path], PORT, ['--repl-diskless-sync-delay', '0']);
    ours = new Side([process.execPath, new URL('../main.ts', import.meta.url).pathname], PORT + 1);
    await real.open();
    await ours.open();
  }, 60_000);

  afterAll(() => {
    real?.close();
    ours?.close();
  });

  test.each([1, 2])(
    'strings, keys and sets reply, tell and propagate the same (seed %i)',
    async (seed) => {
      const chance = new Draws(seed * 7919);
      for (const side of [real, ours]) {
        await side.run(['FLUSHALL']);
        await side.ask('HELLO', seed === 2 ? '3' : '2');
      }
      const history: string[] = [];
      let events = 0;
      let propagated = 0;
      for (let i = 0; i < COMMANDS; i++) {
        const words = chance.one(commands)(chance);
        history.push(words.join(' '));
        const [expected, found] = await Promise.all([real.run(words), ours.run(words)]);
        expect(comparable(words, found), `after ${history.slice(-12).join(' | ')}`).toEqual(
          comparable(words, expected),
        );
        events += found.events.length;
        propagated += found.stream.length;
      }
      expect(events).toBeGreaterThan(COMMANDS / 3);
      expect(propagated).toBeGreaterThan(COMMANDS / 6);
    },
    240_000,
  );
});
