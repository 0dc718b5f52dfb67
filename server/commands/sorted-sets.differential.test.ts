/**
 * Sorted set and geo commands beside a real valkey-server: the same commands to both, the same replies, keyspace events in the same
 * order and the same replication stream from both. Skipped with a line when there is no valkey-server 9.1.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findValkeyServer } from '../../tools/valkey.ts';
import { Chance } from '../testing/chance.ts';
import type { Reply } from '../testing/replies.ts';
import { type Outcome, Side } from '../testing/side-by-side.ts';

const OUR_PORT = 24410;
const THEIR_PORT = 24411;
const COMMANDS_PER_RUN = 1500;
const SMALL_LIMIT = '6';
const DEFAULT_LIMIT = '128';
const PROGRAM = join(import.meta.dirname, '..', 'main.ts');
const valkey = findValkeyServer();
if (valkey === null) process.stdout.write('skipped: no valkey-server 9.1 to compare the sorted set commands with\n');

/** Words by chance, from a seed. */
class Words extends Chance {
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

/** A command a line: mistakes, and what their order of checking shows. */
const ODD = `
set text x
sadd tags a b c 1
zadd z 1 a 2 b 3 c inf d -inf e
zadd z
zadd z 1
zadd z 1 a 2
zadd z nx xx 1 a
zadd z gt lt 1 a
zadd z nx gt 1 a
zadd z nx lt 1 a
zadd z incr 1 a 2 b
zadd z incr
zadd z incr nx 1 a
zadd z incr xx 1 nobody
zadd z incr gt -1 a
zadd z incr lt 1 a
zadd z xx ch gt 5 a
zadd z xx incr -inf d
zadd z ch 1 a nan b
zadd z nx ch 1 1 nx nx
zadd absent xx 1 a
zadd absent xx incr 1 a
zadd text 1 a
zadd tags 1 a
zincrby z nan a
zincrby z inf e
zincrby z 1e308 a
zincrby z 1.5 a
zincrby z 1
zincrby text 1 a
zscore z nobody
zscore z d
zscore z e
zscore text a
zmscore z a nobody e
zmscore absent a b
zmscore z
zcard z extra
zrank z a
zrank z a withscore
zrank z a withscores
zrank z nobody withscore
zrank z nobody
zrank absent a withscore
zrank z a withscore extra
zrevrank z a withscore
zrank text a x
zrem z
zrem z a a nobody a
zrem absent a
zrem text a
zrange z 0 -1 withscores withscores
zrange z 0 -1 limit 0 1
zrange z 0 -1 limit 0 -1
zrange z 0 -1 limit 0
zrange z 0 -1 rev rev
zrange z 0 -1 bylex byscore
zrange z - + bylex withscores
zrange z (1 +inf byscore rev
zrange z +inf (1 byscore rev limit 1 1
zrange z 0 x
zrange z x 0 x
zrange text 0 -1
zrange absent 0 -1 withscores
zrange z 5 1
zrange z -100 100
zrange z 1.5 2
zrange z ( ) byscore
zrange z ++ - bylex
zrangebyscore z -inf +inf withscores limit 0 -1
zrangebyscore z -inf +inf limit -1 2
zrangebyscore z -inf +inf limit 1
zrangebyscore z -inf +inf rev
zrangebyscore z x y
zrangebylex z [a
zrangebylex z a b
zrangebylex z - +
zrangebylex z + -
zrevrangebylex z + - limit 0 2
zrevrange z 0 -1 withscores
zrevrange z 0 -1 rev
zrevrangebyscore z +inf -inf withscores
zcount z (1 inf
zcount z x 1
zcount absent x 1
zlexcount z - +
zlexcount z [a x
zrangestore z2 z 0 -1 withscores
zrangestore z2 z 0 -1 rev
zrange z2 0 -1 withscores
zrangestore z2 z 5 10
exists z2
zrangestore z2 absent 0 -1
zrangestore z2 text 0 -1
zrangestore z2 tags 0 -1
zrangestore z2 z x 1
zrangestore text z 0 1
zrangestore z z 0 1
zrange z 0 -1 withscores
set text x
zremrangebyrank z 5 1
zremrangebyrank z x 1
zremrangebyscore z (x 1
zremrangebylex z - x
zremrangebyrank text 0 1
zremrangebyrank absent 0 1
zadd z 1 a 2 b 3 c
zpopmin z 0
zpopmin z -1
zpopmin z x
zpopmin z 1 1
zpopmin absent
zpopmin absent 2
zpopmin absent 0
zpopmin text
zpopmin z
zpopmax z 1
zpopmax z 100
zadd z 1 a 2 b 3 c
zadd w 10 b 20 c 30 d
zmpop 0 z min
zmpop x z min
zmpop 1 z
zmpop 1 z middle
zmpop 2 z min
zmpop 2 z w min count 0
zmpop 2 z w min count x
zmpop 2 z w min count 1 count 1
zmpop 2 z w min count
zmpop 2 text z min
zmpop 2 absent text min
zmpop 2 absent z max count 2
zmpop 1 absent min
bzmpop 1 0 z min
bzmpop x 1 z min
bzmpop -1 1 z min
bzmpop 1 2 absent z max
bzmpop 0.01 2 absent nothing max count 3
bzpopmin z x
bzpopmin text 1
bzpopmin z -1
bzpopmin z 1e400
bzpopmax w w 1
bzpopmin absent 0.01
zadd z 1 a 2 b 3 c
zunion 0 z
zunion -1 z
zunion x z
zunion 3 z w
zunion 2 z w weights 1
zunion 2 z w weights 1 x
zunion 2 z w weights 1 nan
zunion 2 z w weights 1 2 weights 3 4 withscores
zunion 2 z w aggregate avg
zunion 2 z w aggregate
zunion 2 z w withscores withscores
zunion 2 z tags withscores
zunion 2 z text
zunion 2 z text x
zunion 2 z w withscore
zunion 1 tags weights 5 withscores
zinter 2 z tags weights inf -inf withscores
zinter 2 z w weights 2 3 aggregate max withscores
zinter 2 z z withscores
zinter 2 z absent withscores
zdiff 2 z w withscores
zdiff 2 z z withscores
zdiff 2 absent z
zdiff 2 z w weights 1 1
zdiff 2 z w aggregate sum
zdiff 1 tags withscores
zintercard 2 z w limit -1
zintercard 2 z w limit x
zintercard 2 z w limit
zintercard 2 z w limit 1 limit 0
zintercard 2 z tags limit 1
zintercard 2 z w weights 1 1
zintercard 0 z
zintercard 3 z w
zunionstore out 2 z w withscores
zunionstore out 0 z
zunionstore out 2 z w weights 0.5 -2 aggregate min
zrange out 0 -1 withscores
zunionstore text 1 tags
type text
zinterstore out 2 z absent
exists out
zinterstore out 2 z absent
zdiffstore out 2 z w aggregate sum
zdiffstore z 2 z z
exists z
zunionstore z 2 absent nothing
zadd infinite 0 a 1 b inf c
zunion 2 infinite infinite weights inf -inf withscores
zrandmember absent
zrandmember absent 5
zrandmember w x
zrandmember w 1 withscore
zrandmember w 1 withscores extra
zrandmember w 0
zrandmember w -9223372036854775808
zrandmember w 4611686018427387904 withscores
zrandmember tags 1
zscan w 0 match nothing
zscan w 0 count 0
zscan w 0 novalues
zscan w 0 noscores match nothing
zscan w x
zscan text 0
zscan absent 0
zadd mixed 0.1 a 1e-7 b 123456789.125 c 1e21 d -1.5 e 3.0e17 f 1234567890123456789 g 0.00001234 h 17976931348623157e292 i
zrange mixed 0 -1 withscores
zadd long 1 ${'x'.repeat(65)}
object encoding long
zadd short 1 ${'x'.repeat(64)}
object encoding short
zadd short 2 ${'x'.repeat(65)}
object encoding short
`;

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

  for (const protocol of ['2', '3']) {
    test(`odd arguments get the same answers in RESP${protocol}`, async () => {
      await Promise.all([ours.ask('flushall'), theirs.ask('flushall')]);
      await Promise.all([ours.ask('hello', protocol), theirs.ask('hello', protocol)]);
      for (const line of ODD.trim().split('\n')) await both(line.trim().split(' '));
    }, 60_000);
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
