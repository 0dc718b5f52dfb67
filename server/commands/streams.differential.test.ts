/**
 * Streams, their groups and clients that wait for them beside a real valkey-server: the same commands to both; the same replies,
 * keyspace events and replication stream from both, the same digests, and each other's dumps restored.
 * Times are masked, since each server has its own. Skipped with a line when there is no valkey-server 9.1.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findValkeyServer } from '../../tools/valkey.ts';
import { Line, type Outcome, type Reply, Side } from '../testing/side-by-side.ts';

const PORT = 24510;
const COMMANDS_PER_RUN = 2500;
const valkey = findValkeyServer();
if (valkey === null) process.stdout.write('skipped: no valkey-server 9.1 to compare streams with\n');

/** Words by chance, from a seed. */
class Words {
  private state: number;
  /** The highest millisecond given to XADD, so that most ids come after the last one. */
  private top = 0;

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

  some(atMost: number, make: () => string): string[] {
    return Array.from({ length: 1 + this.below(atMost) }, make);
  }

  maybe(...words: string[]): string[] {
    return this.below(4) === 0 ? words : [];
  }

  key(): string {
    return this.below(50) === 0 ? this.one(['text', 'absent', '']) : `stream${this.below(3)}`;
  }

  group(): string {
    return this.below(40) === 0 ? 'nogroup' : this.one(['g', 'group:2', '\u00c3\u009f', '']);
  }

  consumer(): string {
    return this.one(['alice', 'bob', 'carol', 'c'.repeat(200)]);
  }

  newId(): string {
    const shape = this.below(30);
    if (shape === 0) return this.one(['0-0', '0-1', '-', '+', 'x', '1-', '', '5-5-5', '07-08', '0-*', '-1']);
    if (shape < 4) return `${this.top}-*`;
    if (shape < 7) return `${this.below(this.top + 2)}-${this.below(4)}`;
    this.top += this.below(3);
    return this.below(3) === 0 ? String(this.top + 1) : `${this.top}-${this.below(400)}`;
  }

  id(): string {
    const shape = this.below(40);
    if (shape === 0) return this.one(['x', '', '-', '+', '5-5-5', '18446744073709551615-18446744073709551615']);
    const ms = this.below(this.top + 3);
    return this.below(3) === 0 ? String(ms) : `${ms}-${this.below(400)}`;
  }

  bound(): string {
    const shape = this.below(10);
    if (shape < 2) return '-';
    if (shape < 4) return '+';
    if (shape === 4) return `(${this.id()}`;
    if (shape === 5 && this.below(8) === 0) return this.one(['(-', '(+', '(', '(18446744073709551615', '(0-0']);
    return this.id();
  }

  count(): string[] {
    return this.maybe(
      'COUNT',
      this.below(12) === 0 ? this.one(['x', '-1', '0', '99999999999999999999']) : this.small(),
    );
  }

  small(): string {
    return String(1 + this.below(6));
  }

  fields(): string[] {
    const shape = this.below(8);
    if (shape < 5) return ['name', this.value(), 'age', this.value()];
    if (shape === 5) return ['only', this.value()];
    if (shape === 6) return ['1', this.value(), '2', this.value(), '3', this.value()];
    return ['name', this.value(), 'other', this.value()];
  }

  value(): string {
    const shape = this.below(30);
    if (shape === 0) return 'v'.repeat(this.below(6000));
    if (shape < 4) return 'w'.repeat(this.below(200));
    if (shape < 12) return String(this.below(100_000) - 50_000);
    if (shape < 14)
      return this.one(['', '-0', '007', '9223372036854775807', '-9223372036854775808', '123456789012345678']);
    return `value:${this.below(20)}`;
  }

  trim(): string[] {
    const how = this.one(['MAXLEN', 'MINID']);
    const operator = this.one([[], ['='], ['~'], ['~']]);
    const threshold = how === 'MAXLEN' ? String(this.below(60)) : this.id();
    const limit = this.below(4) === 0 ? ['LIMIT', this.one(['0', '3', '10', '-1', 'x'])] : [];
    return [how, ...operator, threshold, ...limit];
  }
}

/** Makers of commands: one is chosen by chance, so what stands twice comes twice as often. */
const makers: readonly ((words: Words) => string[])[] = [
  (w) => ['xadd', w.key(), w.newId(), ...w.fields()],
  (w) => ['xadd', w.key(), w.newId(), ...w.fields()],
  (w) => ['xadd', w.key(), w.newId(), ...w.fields()],
  (w) => ['xadd', w.key(), w.newId(), ...w.fields()],
  (w) => ['xadd', w.key(), ...w.maybe('NOMKSTREAM'), ...w.trim(), w.newId(), ...w.fields()],
  (w) => [
    'xadd',
    w.key(),
    ...w.maybe('NOMKSTREAM'),
    ...w.maybe(...w.trim()),
    w.newId(),
    ...w.fields(),
    ...w.maybe('x'),
  ],
  (w) => ['xtrim', w.key(), ...w.trim(), ...w.maybe('x')],
  (w) => ['xdel', w.key(), ...w.some(3, () => w.id())],
  (w) => ['xdel', w.key(), ...w.some(3, () => w.id())],
  (w) => ['xlen', w.key()],
  (w) => ['xrange', w.key(), w.bound(), w.bound(), ...w.count()],
  (w) => ['xrevrange', w.key(), w.bound(), w.bound(), ...w.count()],
  (w) => ['xread', ...w.count(), 'STREAMS', w.key(), w.one([w.id(), '$', '+', '>', '0'])],
  (w) => ['xread', ...w.count(), 'STREAMS', w.key(), w.key(), w.id(), w.one([w.id(), '$', '+'])],
  (w) => [
    'xsetid',
    w.key(),
    w.one([w.id(), '90000-0']),
    ...w.maybe('ENTRIESADDED', w.one(['5', '50', '500', '-1'])),
    ...w.maybe('MAXDELETEDID', w.id()),
  ],
  (w) => [
    'xgroup',
    'create',
    w.key(),
    w.group(),
    w.one(['$', '0', w.id()]),
    ...w.maybe('MKSTREAM'),
    ...w.maybe('ENTRIESREAD', w.one(['3', '-1', '-2', 'x'])),
  ],
  (w) => ['xgroup', 'create', w.key(), w.group(), w.one(['$', '0', w.id()]), 'MKSTREAM'],
  (w) => ['xgroup', 'setid', w.key(), w.group(), w.one(['$', '0', '-', w.id()]), ...w.maybe('ENTRIESREAD', w.small())],
  (w) => (w.below(4) === 0 ? ['xgroup', 'destroy', w.key(), w.group()] : ['xlen', w.key()]),
  (w) => ['xgroup', 'createconsumer', w.key(), w.group(), w.consumer()],
  (w) => (w.below(3) === 0 ? ['xgroup', 'delconsumer', w.key(), w.group(), w.consumer()] : ['xlen', w.key()]),
  (w) => ['xreadgroup', 'GROUP', w.group(), w.consumer(), ...w.count(), ...w.maybe('NOACK'), 'STREAMS', w.key(), '>'],
  (w) => ['xreadgroup', 'GROUP', w.group(), w.consumer(), 'COUNT', '3', 'STREAMS', w.key(), '>'],
  (w) => [
    'xreadgroup',
    'GROUP',
    w.group(),
    w.consumer(),
    ...w.count(),
    'STREAMS',
    w.key(),
    w.one(['0', w.id(), '$', '+']),
  ],
  (w) => [
    'xreadgroup',
    'GROUP',
    w.group(),
    w.consumer(),
    ...w.count(),
    'STREAMS',
    w.key(),
    w.key(),
    '>',
    w.one(['>', '0']),
  ],
  (w) => ['xack', w.key(), w.group(), ...w.some(4, () => w.id())],
  (w) => ['xpending', w.key(), w.group()],
  (w) => [
    'xpending',
    w.key(),
    w.group(),
    ...w.maybe('IDLE', w.one(['0', '99999999'])),
    w.bound(),
    w.bound(),
    w.small(),
    ...w.maybe(w.consumer()),
  ],
  (w) => [
    'xclaim',
    w.key(),
    w.group(),
    w.consumer(),
    w.one(['0', '0', '99999999', '-5', 'x']),
    ...w.some(3, () => w.id()),
    ...w.maybe('FORCE'),
    ...w.maybe('JUSTID'),
    ...w.maybe('RETRYCOUNT', w.small()),
    ...w.maybe('LASTID', w.id()),
    ...w.maybe('TIME', '1000'),
  ],
  (w) => [
    'xclaim',
    w.key(),
    w.group(),
    w.consumer(),
    '0',
    ...w.some(4, () => w.id()),
    'FORCE',
    ...w.maybe('IDLE', '5000'),
  ],
  (w) => [
    'xautoclaim',
    w.key(),
    w.group(),
    w.consumer(),
    w.one(['0', '99999999']),
    w.bound(),
    ...w.count(),
    ...w.maybe('JUSTID'),
  ],
  (w) => ['xinfo', 'stream', w.key()],
  (w) => ['xinfo', 'stream', w.key(), 'FULL', ...w.count()],
  (w) => ['xinfo', 'groups', w.key()],
  (w) => ['xinfo', 'consumers', w.key(), w.group()],
  (w) => ['debug', 'digest-value', w.key()],
  (w) => ['object', 'encoding', w.key()],
  (w) => (w.below(30) === 0 ? ['del', w.key()] : ['type', w.key()]),
  (w) =>
    w.one([
      ['xadd', 'k'],
      ['xgroup'],
      ['xgroup', 'nope', 'k'],
      ['xinfo', 'help'],
      ['xgroup', 'help'],
      ['xread', 'COUNT', '1', 'STREAMS'],
      ['xreadgroup', 'GROUP', 'g', 'c', 'STREAMS', 'stream0', 'x', '>'],
      ['xinfo', 'stream', 'stream0', 'nope'],
      ['xread', 'NOACK', 'STREAMS', 'k', '0'],
      ['xpending', 'stream0', 'g', '-'],
      ['xpending', 'stream0', 'g', 'IDLE', '1', '-', '+'],
    ]),
];

const CLOCK = /\b1[6-9]\d{11}\b/g;

/** Masks what each server's own clock decides. */
function masked(command: readonly string[], outcome: Outcome): unknown {
  const reply = JSON.parse(JSON.stringify(outcome.reply).replace(CLOCK, 'CLOCK')) as Reply;
  const name = `${command[0]} ${command[0] === 'xinfo' ? command[1] : ''}`.trim();
  return {
    reply: name === 'xpending' || name === 'xinfo consumers' ? withoutIdle(reply) : reply,
    events: outcome.events,
    stream: outcome.stream.map((line) => line.replace(CLOCK, 'CLOCK')),
  };
}

/** Of [id, consumer, idle, deliveries] the idle time; of [… idle, n, inactive, n] both, but for -1. */
function withoutIdle(reply: Reply): Reply {
  if (typeof reply === 'string') return reply;
  if (reply.length === 5 && String(reply[3]).startsWith(':')) return [...reply.slice(0, 3), 'IDLE', reply[4]!];
  return reply.map((one, i) => {
    const named = i > 0 && (reply[i - 1] === '$idle' || reply[i - 1] === '$inactive');
    return named && one !== ':-1' ? 'IDLE' : withoutIdle(one);
  });
}

const LIMITS: readonly (readonly [string, string, string])[] = [
  ['default limits', '4096', '100'],
  ['nodes of five entries', '0', '5'],
  ['nodes of 300 bytes', '300', '0'],
];

describe.skipIf(valkey === null)('beside a real valkey-server', () => {
  let real: Side;
  let ours: Side;
  beforeAll(async () => {
    real = new Side([valkey!.path], PORT);
    ours = new Side([process.execPath, 'server/main.ts'], PORT + 1);
    await Promise.all([real.open(), ours.open()]);
  }, 30_000);
  afterAll(() => {
    real?.close();
    ours?.close();
  });

  async function both(...words: readonly string[]): Promise<void> {
    await Promise.all([real.ask(...words), ours.ask(...words)]);
  }

  for (const protocol of ['2', '3']) {
    for (const [name, bytes, entries] of LIMITS) {
      test(`streams do the same in RESP${protocol} with ${name}`, { timeout: 120_000 }, async () => {
        const words = new Words(protocol.charCodeAt(0) + Number(entries) * 100 + Number(process.env['SEED'] ?? 0));
        await both('hello', protocol);
        await both('flushall');
        await both('config', 'set', 'stream-node-max-bytes', bytes);
        await both('config', 'set', 'stream-node-max-entries', entries);
        await both('set', 'text', 'x');
        // What the setting up wrote is not compared.
        await Promise.all([real.run(['ping']), ours.run(['ping'])]);
        for (let i = 0; i < COMMANDS_PER_RUN; i++) {
          const command = words.one(makers)(words);
          const [theirs, mine] = await Promise.all([real.run(command), ours.run(command)]);
          if (process.env.DUMP === String(i)) console.log(JSON.stringify(theirs.reply).slice(0, 700));
          expect({ i, command, ...(masked(command, mine) as object) }).toEqual({
            i,
            command,
            ...(masked(command, theirs) as object),
          });
        }
      });
    }
  }
});
