/**
 * Hashes with fields that expire beside a real valkey-server: the same random commands to both; the same replies, keyspace events and
 * replication stream from both, and the same digest at the end. Active expiry is off, so that fields past their time stay and are met.
 * Skipped with a line when there is no valkey-server 9.1.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findValkeyServer } from '../../tools/valkey.ts';
import { Chance } from '../testing/chance.ts';
import { type Reply, sorted } from '../testing/replies.ts';
import { type Outcome, Side } from '../testing/side-by-side.ts';

const PORT = 25110;
const COMMANDS_PER_RUN = 2500;
/** Longer than any expiry that is meant to pass. */
const PASSED_MS = 6;
const valkey = findValkeyServer();
if (valkey === null) process.stdout.write('skipped: no valkey-server 9.1 to compare fields that expire with\n');

/** Words by chance, from a seed. */
class Words extends Chance {
  some(atLeast: number, atMost: number, make: () => readonly string[]): string[] {
    const words: string[] = [];
    for (let i = atLeast + this.below(atMost - atLeast + 1); i > 0; i--) words.push(...make());
    return words;
  }

  key(): string {
    return this.below(40) === 0 ? this.one(['text', 'absent', 'fields']) : `hash${this.below(3)}`;
  }

  field(): string {
    return this.below(50) === 0 ? this.one(['FIELDS', '', 'x'.repeat(100)]) : `f${this.below(9)}`;
  }

  value(): string {
    return this.below(20) === 0 ? 'v'.repeat(this.below(300)) : String(this.below(100));
  }

  /** The words of FIELDS, mostly right. */
  fields(width: 1 | 2): string[] {
    const words = this.some(1, 4, () => (width === 1 ? [this.field()] : [this.field(), this.value()]));
    const count = this.below(30) === 0 ? this.one(['0', '-1', 'x', '7', '99999999999']) : String(words.length / width);
    return [this.below(60) === 0 ? 'FIELD' : this.one(['FIELDS', 'fields']), count, ...words];
  }

  /** A time for an option or a command: far away, past, soon past or none. */
  time(absolute: boolean, seconds: boolean): string {
    const shape = this.below(20);
    if (shape === 0)
      return this.one(['-1', 'x', absolute && !seconds ? '4503599627370496' : '9223372036854775807', '0']);
    if (shape < 4) return absolute ? String(1 + this.below(1000)) : '0';
    if (shape < 9 && !absolute && !seconds) return '1';
    const far = 99_999_999_000 + this.below(3) * 500;
    return String(absolute ? (seconds ? far : far * 1000 + this.below(1000)) : 100_000 * (1 + this.below(3)));
  }

  option(): string[] {
    const name = this.one(['EX', 'px', 'EXAT', 'PXAT', 'pxat']);
    return [name, this.time(name.toLowerCase().endsWith('at'), name.toLowerCase().startsWith('e'))];
  }
}

type Maker = (w: Words) => string[];

const makers: readonly Maker[] = [
  (w) => ['hset', w.key(), ...w.some(1, 3, () => [w.field(), w.value()])],
  (w) => ['hset', w.key(), ...w.some(1, 3, () => [w.field(), w.value()])],
  (w) => [w.one(['hmset', 'HSET']), w.key(), w.field(), w.value()],
  (w) => ['hsetnx', w.key(), w.field(), w.value()],
  (w) => ['hdel', w.key(), ...w.some(1, 3, () => [w.field()])],
  (w) => ['hget', w.key(), w.field()],
  (w) => ['hmget', w.key(), ...w.some(1, 3, () => [w.field()])],
  (w) => [w.one(['hgetall', 'hkeys', 'hvals', 'hlen', 'exists', 'type']), w.key()],
  (w) => [w.one(['hexists', 'hstrlen']), w.key(), w.field()],
  (w) => ['hincrby', w.key(), w.field(), w.one(['1', '-5', 'x', '9223372036854775807'])],
  (w) => ['hincrbyfloat', w.key(), w.field(), w.one(['1.5', '-5', 'x', 'inf'])],
  (w) => ['hrandfield', w.key(), '1000', ...w.some(0, 1, () => ['withvalues'])],
  (w) => ['hscan', w.key(), '0', 'count', '1000', ...w.some(0, 1, () => ['novalues'])],
  (w) => ['hexpire', w.key(), w.time(false, true), ...conditions(w), ...w.fields(1)],
  (w) => ['hpexpire', w.key(), w.time(false, false), ...conditions(w), ...w.fields(1)],
  (w) => ['hpexpire', w.key(), w.time(false, false), ...w.fields(1)],
  (w) => ['hexpireat', w.key(), w.time(true, true), ...conditions(w), ...w.fields(1)],
  (w) => [w.one(['hpexpireat', 'HPEXPIREAT']), w.key(), w.time(true, false), ...conditions(w), ...w.fields(1)],
  (w) => ['httl', w.key(), ...w.fields(1)],
  (w) => [w.one(['hexpiretime', 'hpexpiretime']), w.key(), ...w.fields(1)],
  (w) => ['hpersist', w.key(), ...w.fields(1)],
  (w) => ['hgetex', w.key(), ...w.some(0, 1, () => w.option()), ...w.fields(1)],
  (w) => ['hgetex', w.key(), ...w.some(0, 2, () => [w.one(['persist', 'KEEPTTL', 'NX'])]), ...w.fields(1)],
  (w) => ['hsetex', w.key(), ...w.some(0, 1, () => w.option()), ...w.fields(2)],
  (w) => [
    'hsetex',
    w.key(),
    ...w.some(0, 1, () => [w.one(['NX', 'xx', 'fnx', 'FXX', 'KEEPTTL'])]),
    ...w.some(0, 1, () => w.option()),
    ...w.some(0, 1, () => [w.one(['NX', 'xx', 'fnx', 'FXX', 'KEEPTTL'])]),
    ...w.fields(2),
  ],
  (w) => ['hsetex', w.key(), 'KEEPTTL', ...w.fields(2)],
  (w) => ['hgetdel', w.key(), ...w.fields(1)],
  (w) => ['object', 'encoding', w.key()],
  (w) => ['debug', 'digest-value', w.key()],
  (w) => ['rename', w.key(), `hash${w.below(3)}`],
  (w) => (w.below(3) === 0 ? ['del', w.key()] : ['hlen', w.key()]),
];

function conditions(w: Words): string[] {
  return w
    .some(0, 1, () => [w.one(['NX', 'xx', 'GT', 'LT', 'gt', 'lt', 'FOO'])])
    .concat(w.below(20) === 0 ? ['XX'] : []);
}

/** Commands whose elements come in no particular order, and how many neighbours belong together. */
const UNORDERED: Readonly<Record<string, number>> = { hkeys: 1, hvals: 1, hgetall: 2, hrandfield: 1, hscan: 2 };
/** Commands of other families, whose events and stream their own tests compare. */
const OTHERS: ReadonlySet<string> = new Set(['del', 'rename']);

function comparable(words: readonly string[], outcome: Outcome): object {
  const stream = outcome.stream.map((line) => line.replace(/\b1[78]\d{11}\b/g, 'SOON'));
  const others = OTHERS.has(words[0]!);
  return {
    words,
    reply: comparableReply(words, outcome.reply),
    events: others ? [] : outcome.events,
    stream: others ? [] : stream,
  };
}

/** Times that were given as relative differ by the milliseconds between the two servers. */
function withoutClock(reply: Reply): Reply {
  if (typeof reply !== 'string') return reply.map(withoutClock);
  if (/^:1[78]\d{8}(\d{3})?$/.test(reply)) return 'SOON';
  return /^:\d{6}$/.test(reply) ? `:${Math.round(Number(reply.slice(1)) / 1000)}k` : reply;
}

function comparableReply(words: readonly string[], answer: Reply): Reply {
  const reply = words[0]!.includes('ttl') || words[0]!.includes('expiretime') ? withoutClock(answer) : answer;
  const width = UNORDERED[words[0]!];
  if (width === undefined || !Array.isArray(reply)) return reply;
  if (words[0] === 'hscan')
    return ['scan', reply[1]!, sorted(reply[2] as Reply[], words.includes('novalues') ? 1 : width)];
  const paired = words.includes('withvalues') && reply[1] !== undefined && !Array.isArray(reply[1]);
  return sorted(reply as Reply[], paired ? 2 : width);
}

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

  for (const protocol of ['2', '3']) {
    test(`fields that expire answer, tell and replicate the same in RESP${protocol}`, {
      timeout: 240_000,
    }, async () => {
      const words = new Words(Number(protocol) * 77);
      for (const setup of [
        ['flushall'],
        ['hello', protocol],
        ['debug', 'set-active-expire', '0'],
        ['set', 'text', 'x'],
      ]) {
        await Promise.all([ours.run(setup), theirs.run(setup)]);
      }
      for (let i = 0; i < COMMANDS_PER_RUN; i++) {
        const command = words.one(makers)(words);
        const [mine, real] = await Promise.all([ours.run(command), theirs.run(command)]);
        expect({ i, ...comparable(command, mine) }).toEqual({ i, ...comparable(command, real) });
        if (command.includes('1')) await new Promise((resolve) => setTimeout(resolve, PASSED_MS));
      }
      expect(await ours.ask('debug', 'digest')).toEqual(await theirs.ask('debug', 'digest'));
    });
  }
});
