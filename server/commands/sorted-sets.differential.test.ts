/**
 * Sorted set and geo commands beside a real valkey-server: the same commands to both, the same replies, keyspace events in the same
 * order and the same replication stream from both. Skipped with a line when there is no valkey-server 9.1.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findValkeyServer } from '../../tools/valkey.ts';
import { type Outcome, type Reply, Side } from '../testing/side-by-side.ts';

const OUR_PORT = 24410;
const THEIR_PORT = 24411;
const COMMANDS_PER_RUN = 1500;
const SMALL_LIMIT = '6';
const DEFAULT_LIMIT = '128';
const PROGRAM = join(import.meta.dirname, '..', 'main.ts');
const valkey = findValkeyServer();
if (valkey === null) process.stdout.write('skipped: no valkey-server 9.1 to compare the sorted set commands with\n');

/** Words by chance, from a seed. */
class Words {
  private state: number;

  constructor(seed: number) {
    this.state = seed;
  }

  below(limit: number): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) | 0;
    return ((this.state >>> 8) * limit) >>> 24;
  }

  one<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  some(atMost: number, make: () => readonly string[]): string[] {
    const words: string[] = [];
    for (let i = this.below(atMost); i >= 0; i--) words.push(...make());
    return words;
  }

  maybe(...words: string[]): string[] {
    return this.below(3) === 0 ? words : [];
  }

  key(): string {
    const shape = this.below(30);
    if (shape === 0) return this.one(['text', 'absent']);
    return shape < 5 ? `set${this.below(2)}` : `zset${this.below(3)}`;
  }

  keys(): string[] {
    const keys = this.some(3, () => [this.key()]);
    const wrong = this.below(25);
    return [wrong === 0 ? this.one(['0', '-1', 'x', '9']) : String(keys.length), ...keys];
  }

  target(): string {
    return this.one(['zset0', 'zset1', 'target', 'target', 'target', 'text2', 'set0']);
  }

  member(): string {
    const shape = this.below(30);
    if (shape === 0) return 'x'.repeat(this.below(100));
    return shape < 8 ? String(this.below(20) - 5) : `m${this.below(20)}`;
  }

  score(): string {
    const shape = this.below(24);
    if (shape === 0) return this.one(['inf', '-inf', '+inf', 'nan', 'x', '', '1e17', '-0', '0.1', '123456789.125']);
    if (shape < 8) return String((this.below(2000) - 1000) / 16);
    return String(this.below(10) - 3);
  }

  integer(): string {
    return this.below(25) === 0 ? this.one(['x', '', '9223372036854775807']) : String(this.below(16) - 8);
  }

  bound(): string {
    return (this.below(3) === 0 ? '(' : '') + this.score();
  }

  edge(): string {
    return this.below(8) === 0 ? this.one(['-', '+', 'x']) : this.one(['[', '(']) + this.member();
  }

  weights(keys: readonly string[]): string[] {
    return [
      ...(this.below(2) === 0 ? ['weights', ...keys.slice(1).map(() => this.score())] : []),
      ...(this.below(2) === 0 ? ['aggregate', this.one(['sum', 'min', 'max', 'MAX', 'x'])] : []),
    ];
  }
}

type Maker = (w: Words) => readonly string[];

const makers: readonly Maker[] = [
  (w) => ['zadd', w.key(), ...w.some(8, () => [w.score(), w.member()])],
  (w) => ['zadd', w.key(), ...w.some(8, () => [String(w.below(5)), w.member()])],
  (w) => ['zadd', w.key(), w.one(['nx', 'xx', 'gt', 'lt', 'ch', 'incr']), ...w.some(2, () => [w.score(), w.member()])],
  (w) => ['zadd', w.key(), w.one(['xx', 'gt', 'lt']), 'ch', ...w.some(4, () => [w.score(), w.member()])],
  (w) => ['sadd', `set${w.below(2)}`, ...w.some(8, () => [w.member()])],
  (w) => ['zincrby', w.key(), w.score(), w.member()],
  (w) => ['zrem', w.key(), ...w.some(6, () => [w.member()])],
  (w) => ['zrange', w.key(), '0', '-1', ...w.maybe('withscores')],
  () => ['zrange', 'target', '0', '-1', 'withscores'],
  () => ['object', 'encoding', 'target'],
  (w) => [w.one(['zremrangebyrank', 'zremrangebyrank']), w.key(), w.integer(), w.integer()],
  (w) => ['zremrangebyscore', w.key(), w.bound(), w.bound()],
  (w) => ['zadd', 'zlex', ...w.some(8, () => ['0', w.member()])],
  (w) => ['zremrangebylex', 'zlex', w.edge(), w.edge()],
  (w) => [w.one(['zpopmin', 'zpopmax']), w.key(), ...w.maybe(w.integer())],
  (w) => ['zmpop', ...w.keys(), w.one(['min', 'max', 'MAX', 'x']), ...w.maybe('count', w.integer())],
  (w) => [
    w.one(['bzpopmin', 'bzpopmax']),
    w.one(['zset0', 'zset1']),
    w.key(),
    'absent',
    w.one(['0.01', '0.01', '-1', 'x']),
  ],
  (w) => ['bzmpop', w.one(['0.01', 'x']), ...w.keys(), w.one(['min', 'max']), ...w.maybe('count', w.integer())],
  (w) => {
    const keys = w.keys();
    return [w.one(['zunion', 'zinter']), ...keys, ...w.weights(keys), ...w.maybe('withscores')];
  },
  (w) => ['zdiff', ...w.keys(), ...w.maybe('withscores'), ...(w.below(20) === 0 ? ['weights', '1'] : [])],
  (w) => ['zintercard', ...w.keys(), ...w.maybe('limit', w.integer())],
  (w) => {
    const keys = w.keys();
    return [w.one(['zunionstore', 'zinterstore']), w.target(), ...keys, ...w.weights(keys)];
  },
  (w) => ['zdiffstore', w.target(), ...w.keys(), ...(w.below(20) === 0 ? ['withscores'] : [])],
  (w) => [
    'zrangestore',
    w.target(),
    w.key(),
    w.integer(),
    w.integer(),
    ...w.maybe('rev'),
    ...w.maybe('limit', '0', '1'),
  ],
  (w) => [
    'zrangestore',
    w.target(),
    w.key(),
    w.bound(),
    w.bound(),
    'byscore',
    ...w.maybe('rev'),
    ...w.maybe('limit', w.integer(), w.integer()),
  ],
  (w) => [
    'zrange',
    w.key(),
    w.bound(),
    w.bound(),
    'byscore',
    ...w.maybe('rev'),
    ...w.maybe('limit', w.integer(), w.integer()),
    ...w.maybe('withscores'),
  ],
  (w) => [
    'zrangestore',
    w.target(),
    'zlex',
    w.edge(),
    w.edge(),
    'bylex',
    ...w.maybe('rev'),
    ...w.maybe('limit', '1', '3'),
  ],
  (w) => [w.one(['zrank', 'zrevrank']), w.key(), w.member(), ...w.maybe('withscore')],
  (w) => ['pexpireat', w.key(), '2000000000000'],
  (w) => ['pexpiretime', w.target()],
  (w) => (w.below(6) === 0 ? ['del', w.key()] : ['zcard', w.key()]),
];

/** A score of -0 or a difference in the last place of a sum is not what is compared here. */
function comparable({ reply, events, stream }: Outcome): Outcome {
  return { reply: withoutMinusZero(reply), events, stream };
}

function withoutMinusZero(reply: Reply): Reply {
  if (typeof reply === 'string') return reply === '$-0' ? '$0' : reply === ',-0' ? ',0' : reply;
  return reply.map(withoutMinusZero);
}

describe.skipIf(valkey === null)('beside a real valkey-server', () => {
  let ours: Side;
  let theirs: Side;
  beforeAll(async () => {
    ours = new Side([process.execPath, PROGRAM], OUR_PORT);
    theirs = new Side([valkey!.path], THEIR_PORT);
    await Promise.all([ours.open(), theirs.open()]);
  }, 30_000);
  afterAll(() => {
    ours?.close();
    theirs?.close();
  });

  async function both(words: readonly string[]): Promise<Outcome> {
    const [our, their] = await Promise.all([ours.run(words), theirs.run(words)]);
    // Other families' commands only prepare the data: what else they do is their own tests' affair.
    const mine = /^(b?z|geo)/.test(words[0]!);
    const shown = (outcome: Outcome): Outcome =>
      mine ? comparable(outcome) : { ...comparable(outcome), events: [], stream: [] };
    expect({ words, ...shown(our) }).toEqual({ words, ...shown(their) });
    return our;
  }

  for (const [protocol, limit] of [
    ['2', SMALL_LIMIT],
    ['3', SMALL_LIMIT],
    ['2', DEFAULT_LIMIT],
  ] as const) {
    test(`random sorted set commands do the same in RESP${protocol} with packed sets of up to ${limit} members`, async () => {
      await both(['flushall']);
      await both(['hello', protocol]).catch(() => {});
      await both(['config', 'set', 'zset-max-listpack-entries', limit]);
      await both(['set', 'text', 'x']);
      const words = new Words(Number(protocol) * 1000 + Number(limit));
      for (let i = 0; i < COMMANDS_PER_RUN; i++) {
        if (i % 100 === 99) {
          await both(['set', 'text2', 'x']);
          await both(['pexpireat', 'target', '2000000000000']);
        }
        await both(words.one(makers)(words));
      }
    }, 120_000);
  }
});
