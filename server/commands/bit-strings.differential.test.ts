/**
 * Bitmaps, bit fields and HyperLogLogs beside a real valkey-server: the same random commands to both; the same replies, keyspace
 * events and replication stream from both, and the same bytes at the end.
 * Skipped with a line when there is no valkey-server 9.1.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findValkeyServer } from '../../tools/valkey.ts';
import { Chance } from '../testing/chance.ts';
import { Side } from '../testing/side-by-side.ts';

const PORT = 25100;
const COMMANDS_PER_RUN = 1500;
const valkey = findValkeyServer();
if (valkey === null) process.stdout.write('skipped: no valkey-server 9.1 to compare bitmaps and HyperLogLogs with\n');

/** Words by chance, from a seed. */
class Words extends Chance {
  some(atLeast: number, atMost: number, make: () => readonly string[]): string[] {
    const words: string[] = [];
    for (let i = atLeast + this.below(atMost - atLeast + 1); i > 0; i--) words.push(...make());
    return words;
  }

  key(): string {
    return this.below(40) === 0 ? this.one(['list', 'number', 'hll1', 'absent']) : `bits${this.below(4)}`;
  }

  hll(): string {
    return this.below(60) === 0 ? this.one(['list', 'number', 'bits1', 'absent']) : `hll${this.below(5)}`;
  }

  bytes(): string {
    const shape = this.below(4);
    const fill = this.one(['\0', '\xff', 'a', '\x80', '\x01']);
    return shape === 0
      ? fill.repeat(this.below(5000))
      : Array.from({ length: this.below(200) }, () => String.fromCharCode(this.below(256))).join('');
  }

  bit(): string {
    const shape = this.below(30);
    if (shape === 0) return this.one(['-1', 'x', '', '4294967296', '4294967295000', '1.5']);
    return String(shape === 1 ? this.below(100_000) : this.below(400));
  }

  index(): string {
    const shape = this.below(30);
    if (shape === 0) return this.one(['x', '9223372036854775807', '-9223372036854775808', '99999999999999999999']);
    return String(this.below(shape < 5 ? 40_000 : 300) - this.below(shape < 5 ? 40_000 : 300));
  }

  range(): string[] {
    const length = this.below(6);
    if (length === 0) return [];
    if (length === 1) return [this.index()];
    return [this.index(), this.index(), ...this.some(0, 1, () => [this.one(['BIT', 'byte', 'bit', 'x'])])];
  }

  field(): string {
    if (this.below(30) === 0) return this.one(['u64', 'i65', 'u0', 'x8', 'i', '', 'i-1', 'u08']);
    return this.one(['i', 'u']) + String(this.below(63) + 1 + this.below(2)).replace(/^64$/, '63');
  }

  wide(): string {
    return this.one(['i64', 'i64', 'u63', 'i63', 'u48', 'i48', 'u49', 'i49', 'u32', 'i32', 'u8', 'i8', 'u1', 'i1']);
  }

  number(): string {
    const shape = this.below(12);
    if (shape < 3) {
      return this.one([
        '9223372036854775807',
        '-9223372036854775808',
        '4611686018427387904',
        '-1',
        '1125899906842624',
        '1125899906842625',
        '281474976710656',
        '255',
        '-128',
      ]);
    }
    if (shape === 3) return this.one(['x', '', '9223372036854775808', '1.0']);
    return String(this.below(100_000) - 50_000);
  }

  operation(): string[] {
    const type = this.below(2) === 0 ? this.wide() : this.field();
    const offset = (this.below(3) === 0 ? '#' : '') + this.bit();
    const shape = this.below(20);
    if (shape === 0) return ['overflow', this.one(['wrap', 'SAT', 'fail', 'x'])];
    if (shape < 5) return ['OVERFLOW', this.one(['wrap', 'sat', 'fail']), 'INCRBY', type, offset, this.number()];
    if (shape < 9) return ['set', type, offset, this.number()];
    if (shape < 13) return ['incrby', type, offset, this.number()];
    return shape === 13 ? ['get', type] : ['get', type, offset];
  }

  element(): string {
    const shape = this.below(10);
    if (shape === 0) return this.bytes();
    return `element:${this.below(shape < 5 ? 100 : 1_000_000)}`;
  }
}

type Maker = (w: Words) => string[];

const bitMakers: readonly Maker[] = [
  (w) => ['set', w.key(), w.bytes()],
  (w) => ['set', w.key(), w.bytes(), 'EXAT', '33318144000'],
  (w) => ['setbit', w.key(), w.bit(), w.one(['0', '1', '1', '2', 'x'])],
  (w) => ['setbit', w.key(), w.bit(), w.one(['0', '1'])],
  (w) => ['getbit', w.key(), w.bit()],
  (w) => ['bitcount', w.key(), ...w.range()],
  (w) => ['bitpos', w.key(), w.one(['0', '1', '1', '0', '2', 'x']), ...w.range()],
  (w) => ['bitop', w.one(['AND', 'or', 'XOR', 'xor', 'not', 'x']), w.key(), ...w.some(1, 4, () => [w.key()])],
  (w) => ['bitop', w.one(['AND', 'or', 'XOR']), w.key(), ...w.some(1, 4, () => [w.key()])],
  (w) => ['bitop', 'NOT', w.key(), w.key()],
  (w) => ['bitfield', w.key(), ...w.some(1, 4, () => w.operation())],
  (w) => ['bitfield', w.key(), ...w.some(1, 4, () => w.operation())],
  (w) => [
    'bitfield_ro',
    w.key(),
    ...w.some(1, 3, () => (w.below(8) === 0 ? w.operation() : ['get', w.field(), w.bit()])),
  ],
  (w) => ['ttl', w.key()],
  (w) => ['strlen', w.key()],
  (w) => (w.below(4) === 0 ? ['del', w.key()] : ['exists', w.key()]),
];

const hllMakers: readonly Maker[] = [
  (w) => ['pfadd', w.hll(), ...w.some(0, 8, () => [w.element()])],
  (w) => ['pfadd', w.hll(), ...w.some(0, 200, () => [w.element()])],
  (w) => ['pfadd', w.hll(), w.element()],
  (w) => ['pfcount', w.hll()],
  (w) => ['pfcount', ...w.some(2, 4, () => [w.hll()])],
  (w) => ['pfmerge', w.hll(), ...w.some(0, 3, () => [w.hll()])],
  (w) => ['pfdebug', w.one(['encoding', 'DECODE', 'decode', 'x']), w.hll()],
  (w) => (w.below(10) === 0 ? ['pfdebug', w.one(['todense', 'GETREG']), w.hll()] : ['strlen', w.hll()]),
  (w) => ['get', w.hll()],
  (w) => (w.below(6) === 0 ? ['del', w.hll()] : ['exists', w.hll()]),
  (w) => ['config', 'set', 'hll-sparse-max-bytes', w.one(['100', '3000', '3000', '16000', '0'])],
  (w) =>
    w.below(5) === 0
      ? ['setrange', w.hll(), String(w.below(20)), w.one(['\x01', '\xff', 'H', '\0'])]
      : ['ttl', w.hll()],
];

/** Commands of other families, whose events and stream their own tests compare. */
const OTHERS: ReadonlySet<string> = new Set(['set', 'del', 'setrange']);

describe.skipIf(valkey === null)('beside a real valkey-server', () => {
  let ours: Side;
  let theirs: Side;
  beforeAll(async () => {
    ours = new Side([process.execPath, 'server/main.ts'], PORT);
    theirs = new Side([valkey!.path], PORT + 1);
    await Promise.all([ours.open(), theirs.open()]);
  }, 60_000);
  afterAll(() => {
    ours?.close();
    theirs?.close();
  });

  for (const [family, makers] of Object.entries({ bitmaps: bitMakers, HyperLogLogs: hllMakers })) {
    for (const protocol of ['2', '3']) {
      test(`${family} answer, tell and replicate the same in RESP${protocol}`, { timeout: 120_000 }, async () => {
        const words = new Words(family.length * 1000 + Number(protocol));
        for (const command of [['flushall'], ['hello', protocol], ['rpush', 'list', 'a'], ['set', 'number', '12345']]) {
          await Promise.all([ours.run(command), theirs.run(command)]);
        }
        for (let i = 0; i < COMMANDS_PER_RUN; i++) {
          const command = words.one(makers)(words);
          const [mine, real] = await Promise.all([ours.run(command), theirs.run(command)]);
          expect({ i, command, ...mine }).toEqual({
            i,
            command,
            ...real,
            ...(OTHERS.has(command[0]!) && { events: mine.events, stream: mine.stream }),
          });
        }
        expect(await ours.ask('debug', 'digest')).toEqual(await theirs.ask('debug', 'digest'));
      });
    }
  }
});
