/**
 * Streams, their groups and clients that wait for them beside a real valkey-server: the same commands to both; the same replies,
 * keyspace events and replication stream from both, the same digests, and each other's dumps restored.
 * Times are masked, since each server has its own. Skipped with a line when there is no valkey-server 9.1.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findValkeyServer } from '../../tools/valkey.ts';
import { CommandWriter } from '../persistence/command-writer.ts';
import { WholeDataset } from '../persistence/whole-dataset.ts';
import { Chance } from '../testing/chance.ts';
import { type Reply, ReplyReader } from '../testing/replies.ts';
import { Line, type Outcome, Side } from '../testing/side-by-side.ts';
import { TestNode } from '../testing/test-node.ts';

const PORT = 24510;
const COMMANDS_PER_RUN = 2500;
const valkey = findValkeyServer();
if (valkey === null) process.stdout.write('skipped: no valkey-server 9.1 to compare streams with\n');

/** Words by chance, from a seed. */
class Words extends Chance {
  /** The highest millisecond given to XADD, so that most ids come after the last one. */
  private top = 0;

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

/**
 * Without what Valkey does not replicate: consumers that have nothing pending, when consumers were seen and active, and deliveries by
 * reading history.
 */
function withoutUnreplicated(reply: Reply): Reply {
  if (typeof reply === 'string') return reply;
  if (reply[0] === '*' && reply.length > 2 && String(reply.at(-1)).startsWith(':'))
    return [...reply.slice(0, -2), 'UNREPLICATED'];
  const kept = reply.filter((one) => !(one.includes('$seen-time') && one[one.indexOf('$pel-count') + 1] === ':0'));
  return kept.map((one, i) => {
    const before = i > 0 ? kept[i - 1] : '';
    return before === '$seen-time' || before === '$active-time' ? 'TIME' : withoutUnreplicated(one);
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
          expect({ i, command, ...(masked(command, mine) as object) }).toEqual({
            i,
            command,
            ...(masked(command, theirs) as object),
          });
        }
      });
    }
  }

  /** Fills one server with streams, by the commands of a seed. */
  async function fill(side: Side, seed: number, commands: number): Promise<void> {
    const words = new Words(seed);
    for (let i = 0; i < commands; i++) await side.ask(...words.one(makers)(words));
    for (let i = 0; i < 300; i++) await side.ask('xadd', 'stream0', '*', 'sensor', String(i), 'value', 'v'.repeat(i));
    await side.ask('xgroup', 'create', 'stream0', 'late', '0');
    await side.ask('xreadgroup', 'group', 'late', 'reader', 'count', '120', 'streams', 'stream0', '>');
    await side.ask('xgroup', 'createconsumer', 'stream0', 'late', 'idle');
  }

  /** All that is known of a stream, to the last pending entry. */
  function whole(side: Side, key: string): Promise<Reply> {
    return side.ask('xinfo', 'stream', key, 'full', 'count', '0');
  }

  const streams = ['stream0', 'stream1', 'stream2'];

  async function expectSame(one: Side, other: Side): Promise<void> {
    for (const key of streams) expect([key, await whole(one, key)]).toEqual([key, await whole(other, key)]);
    expect(await one.ask('debug', 'digest')).toBe(await other.ask('debug', 'digest'));
  }

  test('each restores what the other dumped', { timeout: 60_000 }, async () => {
    await both('hello', '3');
    for (const [from, to] of [
      [real, ours],
      [ours, real],
    ] as const) {
      await both('flushall');
      await fill(from, 4, 2000);
      for (const key of streams) {
        const payload = String(await from.ask('dump', key)).slice(1);
        if (payload === '') continue;
        expect(await to.ask('restore', key, '0', payload)).toBe('+OK');
        expect(await whole(to, key)).toEqual(await whole(from, key));
      }
    }
  });

  test('each loads what it saved', { timeout: 60_000 }, async () => {
    await both('flushall');
    await fill(ours, 5, 2000);
    const all = async (): Promise<readonly Reply[]> => {
      const replies: Reply[] = [];
      for (const key of streams) replies.push(await whole(ours, key));
      return replies;
    };
    const before = await all();
    expect(await ours.ask('debug', 'reload')).toBe('+OK');
    expect(await all()).toEqual(before);
  });

  async function caughtUp(primary: Side, replica: Side): Promise<void> {
    for (;;) {
      const [theirs, mine] = await Promise.all([
        primary.ask('info', 'replication'),
        replica.ask('info', 'replication'),
      ]);
      const up = /master_link_status:up/.test(String(mine));
      const offset = (text: Reply): string => /master_repl_offset:(\d+)/.exec(String(text))![1]!;
      if (up && offset(theirs) === offset(mine)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  test('a replica holds what its primary has, either way', { timeout: 120_000 }, async () => {
    for (const [primary, replica] of [
      [real, ours],
      [ours, real],
    ] as const) {
      await both('replicaof', 'no', 'one');
      await both('flushall');
      await fill(primary, 6, 1500);
      await replica.ask('replicaof', '127.0.0.1', String(primary.port));
      await caughtUp(primary, replica);
      await expectSame(primary, replica);
      // What follows comes as commands.
      await fill(primary, 7, 1500);
      await caughtUp(primary, replica);
      for (const key of streams) {
        const mask = async (side: Side): Promise<Reply> => withoutUnreplicated(await whole(side, key));
        expect([key, await mask(replica)]).toEqual([key, await mask(primary)]);
      }
      expect(await replica.ask('debug', 'digest')).toBe(await primary.ask('debug', 'digest'));
    }
    await both('replicaof', 'no', 'one');
  });

  test('what slot migration sends makes the same streams', { timeout: 60_000 }, async () => {
    await both('flushall');
    await both('hello', '3');
    const node = new TestNode();
    const client = node.client();
    client.client.output.protocol = 3;
    const words = new Words(8);
    node.at(Date.now());
    for (let i = 0; i < 2000; i++) {
      const command = words.one(makers)(words);
      // An entry that is pending and deleted cannot be told by commands: Valkey's own rewriting loses it as well.
      if (!/^(xdel|xtrim)|MAXLEN|MINID/.test(command.join(' '))) client.send(...command);
    }
    client.send('xadd', 'stream2', '70000-0', 'last', 'deleted');
    client.send('xdel', 'stream2', '70000-0');
    client.send('xgroup', 'create', 'emptystream', 'g', '$', 'MKSTREAM');
    const writer = new CommandWriter();
    new WholeDataset(node.node.keyspace, node.node.types).tell(writer);
    for (const command of commandsOf(writer)) expect(String(await real.ask(...command))).not.toMatch(/^-/);
    const reader = new ReplyReader();
    for (const key of [...streams, 'emptystream']) {
      reader.push(client.send('xinfo', 'stream', key, 'full', 'count', '0'));
      const mine = reader.next()!;
      // Times of consumers, and where nodes begin, are not part of these commands.
      const told = (reply: Reply): Reply => withoutNodes(withoutUnreplicated(reply));
      expect([key, told(mine)]).toEqual([key, told(await whole(real, key))]);
    }
  });

  /** A scene: `name: command` notes the reply; `name! command` waits until the client is blocked; `name?` notes the reply that comes. */
  async function play(port: number, scene: readonly string[]): Promise<readonly Reply[]> {
    const lines = new Map<string, Line>();
    const notes: Reply[] = [];
    const watcher = await Line.open(port);
    await watcher.ask(['flushall']);
    const blocked = async (): Promise<number> =>
      Number(/blocked_clients:(\d+)/.exec(String(await watcher.ask(['info', 'clients'])))![1]);
    for (const line of scene) {
      const [, name, kind, text] = /^(\w+)([:!?]) ?(.*)$/.exec(line)!;
      let actor = lines.get(name!);
      if (actor === undefined) {
        actor = await Line.open(port);
        lines.set(name!, actor);
      }
      if (kind === '?') notes.push([line, await actor.next()]);
      else if (kind === ':') notes.push([line, await actor.ask(text!.split(' '))]);
      else {
        const before = await blocked();
        actor.send(text!.split(' '));
        while ((await blocked()) === before) await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }
    for (const line of lines.values()) line.close();
    while ((await blocked()) > 0) await new Promise((resolve) => setTimeout(resolve, 2));
    watcher.close();
    return notes;
  }

  const scenes: Readonly<Record<string, readonly string[]>> = {
    'a reader waits for what comes after the last entry': [
      'p: xadd s 1-0 a b',
      'a! xread block 0 streams s $',
      'b! xread count 1 block 0 streams s t $ 0',
      'p: xadd s 2-0 c d',
      'a?',
      'b?',
      'p: xadd s 3-0 e f',
      'a: xread block 0 streams s 2-0',
      'a: xread block 0 streams s +',
    ],
    'each reader sees the entry, each group hands it to one': [
      'p: xgroup create s g $ mkstream',
      'a! xread block 0 streams s $',
      'b! xreadgroup group g one block 0 streams s >',
      'c! xreadgroup group g two block 0 streams s >',
      'p: xadd s 1-0 a b',
      'a?',
      'b?',
      'p: xadd s 2-0 a b',
      'c?',
      'p: xpending s g',
    ],
    'a group that goes': [
      'p: xgroup create s g $ mkstream',
      'p: xgroup create s h $',
      'a! xreadgroup group g one block 0 streams s >',
      'b! xreadgroup group h one block 0 streams s >',
      'p: xgroup destroy s g',
      'a?',
      'p: del s',
      'b?',
    ],
    'a key that becomes another': [
      'p: xgroup create s g $ mkstream',
      'a! xreadgroup group g one block 0 streams s >',
      'p: set s text',
      'a?',
      'p: del s',
      'p: xgroup create s g $ mkstream',
      'a! xreadgroup group g one block 0 streams s >',
      'b! xread block 0 streams s $',
      'p: multi',
      'p: del s',
      'p: xgroup create s g $ mkstream',
      'p: xadd s 1-1 a b',
      'p: exec',
      'a?',
      'b?',
    ],
    'what comes within one transaction comes together': [
      'p: xgroup create s g $ mkstream',
      'a! xreadgroup group g one block 0 streams s >',
      'p: multi',
      'p: xadd s 1-0 a b',
      'p: xadd s 2-0 a b',
      'p: exec',
      'a?',
    ],
    'an entry that is gone at once': [
      'a! xread block 300 streams s $',
      'p: multi',
      'p: xadd s 1-0 a b',
      'p: del s',
      'p: exec',
      'a?',
    ],
    'time runs out': [
      'p: xgroup create s g $ mkstream',
      'a! xreadgroup group g one block 50 streams s >',
      'a?',
      'b! xread block 50 streams s $',
      'b?',
    ],
    'nothing blocks in a transaction': ['p: multi', 'p: xread block 0 streams s $', 'p: exec'],
    'a renamed stream': [
      'p: xgroup create t g $ mkstream',
      'p: xadd t 1-0 a b',
      'p: xgroup create s g $ mkstream',
      'a! xreadgroup group g one block 0 streams s >',
      'p: rename t s',
      'a?',
    ],
    'WATCH does not mind groups': [
      'p: xadd s 1-0 a b',
      'p: xgroup create s g 0',
      'a: watch s',
      'p: xreadgroup group g one streams s >',
      'p: xack s g 1-0',
      'p: xgroup createconsumer s g two',
      'p: xgroup setid s g 0',
      'p: xgroup create s h 0',
      'p: xgroup destroy s h',
      'p: xclaim s g two 0 1-0 force',
      'p: xautoclaim s g one 0 0',
      'p: xsetid s 5-0',
      'p: xtrim s maxlen 10',
      'p: xdel s 9-9',
      'a: multi',
      'a: ping',
      'a: exec',
    ],
    ...Object.fromEntries(
      [
        'xadd s 2-0 a b',
        'xdel s 1-0',
        'xtrim s maxlen 0',
        'xgroup create s g $',
        'xgroup create new g $ mkstream',
        'xsetid s 9-0',
      ].map((command) => [
        `WATCH and ${command}`,
        ['p: xadd s 1-0 a b', 'a: watch s new', `p: ${command}`, 'a: multi', 'a: ping', 'a: exec'],
      ]),
    ),
  };
  for (const [name, scene] of Object.entries(scenes)) {
    test(`scene: ${name}`, { timeout: 20_000 }, async () => {
      const [theirs, mine] = await Promise.all([play(PORT, scene), play(PORT + 1, scene)]);
      expect(mine).toEqual(theirs);
    });
  }
});

/** The commands that a writer has written. */
function commandsOf(writer: CommandWriter): readonly (readonly string[])[] {
  const reader = new ReplyReader();
  for (let chunk = writer.out.take(true); chunk !== null; chunk = writer.out.take(true))
    reader.push(Buffer.from(chunk.bytes.subarray(0, chunk.length)).toString('latin1'));
  const commands: string[][] = [];
  for (let command = reader.next(); command !== null; command = reader.next())
    commands.push((command as readonly Reply[]).slice(1).map((word) => String(word).slice(1)));
  return commands;
}

/** Without the number of nodes and the first entry's id, which an empty stream's commands cannot make. */
function withoutNodes(reply: Reply): Reply {
  if (typeof reply === 'string') return reply;
  return reply.map((one, i) => {
    const before = i > 0 ? String(reply[i - 1]) : '';
    return before.startsWith('$radix-tree') ? 'NODES' : withoutNodes(one);
  });
}
