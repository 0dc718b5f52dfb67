/**
 * Lists and clients that wait for them beside a real valkey-server: the same commands to both; the same replies, keyspace events
 * and replication stream from both, and the same encodings.
 * Skipped with a line when there is no valkey-server 9.1.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findValkeyServer } from '../../tools/valkey.ts';
import { Chance } from '../testing/chance.ts';
import type { Reply } from '../testing/replies.ts';
import { Line, Side } from '../testing/side-by-side.ts';

const PORT = 23010;
const COMMANDS_PER_RUN = 1200;
const PATIENCE_MS = 3000;
const valkey = findValkeyServer();
if (valkey === null) process.stdout.write('skipped: no valkey-server 9.1 to compare lists with\n');

/** Words by chance, from a seed. */
class Words extends Chance {
  some(atMost: number, make: () => string): string[] {
    return Array.from({ length: 1 + this.below(atMost) }, make);
  }

  maybe(...words: string[]): string[] {
    return this.below(4) === 0 ? words : [];
  }

  key(): string {
    return this.below(60) === 0 ? this.one(['text', 'absent']) : `list${this.below(4)}`;
  }

  keys(): string[] {
    return this.some(3, () => this.key());
  }

  value(): string {
    const shape = this.below(30);
    if (shape === 0) return 'v'.repeat(this.below(9000));
    if (shape < 3) return 'w'.repeat(this.below(200));
    if (shape < 8) return String(this.below(1000) - 500);
    return `value:${this.below(20)}`;
  }

  integer(): string {
    const shape = this.below(30);
    if (shape === 0)
      return this.one(['x', '', '1.5', '9223372036854775807', '-9223372036854775808', '99999999999999999999']);
    return String(this.below(40) - 20);
  }

  side(): string {
    return this.below(30) === 0 ? 'middle' : this.one(['left', 'RIGHT', 'Left', 'right']);
  }

  /** A time-out that is no wait: a blocking command that finds nothing ends soon. */
  timeout(): string {
    return this.below(20) === 0 ? this.one(['-1', 'x', '1e300', '-0.9', 'nan', 'inf', '']) : '0.001';
  }

  count(): string[] {
    return this.maybe('count', this.one(['1', '2', '5', '100', '0', '-1', 'x']));
  }
}

type Maker = (w: Words) => readonly string[];

const makers: readonly Maker[] = [
  (w) => ['object', 'encoding', w.key()],
  (w) => ['object', 'encoding', w.key()],
  (w) => [w.one(['lpush', 'rpush', 'lpush', 'rpush', 'lpushx', 'rpushx']), w.key(), ...w.some(8, () => w.value())],
  (w) => [w.one(['lpush', 'rpush']), w.key(), ...w.some(8, () => w.value())],
  (w) => [w.one(['lpush', 'rpush']), w.key(), ...w.some(3, () => w.value())],
  (w) => [w.one(['lpop', 'rpop']), w.key(), ...w.maybe(w.integer())],
  (w) => ['lrange', w.key(), w.integer(), w.integer()],
  (w) => ['llen', w.key()],
  (w) => ['lindex', w.key(), w.integer()],
  (w) => ['lset', w.key(), w.one(['x', '1.5', ...Array.from({ length: 20 }, (_, i) => String(i - 10))]), w.value()],
  (w) => ['linsert', w.key(), w.one(['before', 'after', 'BEFORE', 'x']), w.value(), w.value()],
  (w) => ['lrem', w.key(), String(w.below(7) - 3), w.value()],
  (w) => ['ltrim', w.key(), String(w.below(4)), String(-1 - w.below(4))],
  (w) => ['ltrim', w.key(), w.integer(), w.integer()],
  (w) => [
    'lpos',
    w.key(),
    w.value(),
    ...w.maybe('rank', w.integer()),
    ...w.maybe('count', String(w.below(4))),
    ...w.maybe('maxlen', w.integer()),
  ],
  (w) => ['lmove', w.key(), w.key(), w.side(), w.side()],
  (w) => ['rpoplpush', w.key(), w.key()],
  (w) => {
    const keys = w.keys();
    return ['lmpop', w.one([String(keys.length), String(keys.length), '0', 'x', '9']), ...keys, w.side(), ...w.count()];
  },
  (w) => {
    const keys = w.keys();
    return ['blmpop', w.timeout(), String(keys.length), ...keys, w.side(), ...w.count()];
  },
  (w) => [w.one(['blpop', 'brpop']), ...w.keys(), w.timeout()],
  (w) => ['blmove', w.key(), w.key(), w.side(), w.side(), w.timeout()],
  (w) => ['brpoplpush', w.key(), w.key(), w.timeout()],
  (w) => ['lmpop', '1', w.key(), w.side(), ...w.count(), ...w.maybe('x')],
];

const LIMITS: readonly (readonly [string, string])[] = [
  ['default limits', '-2'],
  ['nodes of five items', '5'],
  ['nodes of 4 KiB', '-1'],
];

describe.skipIf(valkey === null)('beside a real valkey-server', () => {
  let real: Side;
  let ours: Side;
  beforeAll(async () => {
    // The replica that reads along acknowledges nothing.
    const patient = ['--repl-timeout', '3600'];
    real = new Side([valkey!.path], PORT, patient);
    ours = new Side([process.execPath, 'server/main.ts'], PORT + 1, patient);
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
    for (const [name, limit] of LIMITS) {
      test(`lists do the same in RESP${protocol} with ${name}`, { timeout: 60_000 }, async () => {
        const words = new Words(protocol.charCodeAt(0) + limit.charCodeAt(0) * 100);
        await both('hello', protocol);
        await both('flushall');
        await both('config', 'set', 'list-max-listpack-size', limit);
        await both('set', 'text', 'x');
        for (let i = 0; i < COMMANDS_PER_RUN; i++) {
          const command = words.one(makers)(words);
          const [theirs, mine] = await Promise.all([real.run(command), ours.run(command)]);
          expect({ i, command, ...mine }).toEqual({ i, command, ...theirs });
        }
        await both('config', 'set', 'list-max-listpack-size', '-2');
      });
    }
  }

  /** Several clients of one server. */
  class Cast {
    private readonly port: number;
    private readonly lines: Map<string, Line> = new Map();

    constructor(port: number) {
      this.port = port;
    }

    async of(name: string): Promise<Line> {
      let line = this.lines.get(name);
      if (line === undefined) {
        line = await Line.open(this.port);
        this.lines.set(name, line);
      }
      return line;
    }

    close(): void {
      for (const line of this.lines.values()) line.close();
    }
  }

  /**
   * A scene: `name: command` asks and notes the reply; `name~ command` asks only; `name! command` asks and waits until the client is blocked;
   * `name?` notes the reply that comes.
   */
  async function play(port: number, scene: readonly string[]): Promise<readonly Reply[]> {
    const cast = new Cast(port);
    const notes: Reply[] = [];
    const watcher = await Line.open(port);
    await watcher.ask(['flushall']);
    for (const line of scene) {
      const [, name, kind, text] = /^(\w+)([:~!?]) ?(.*)$/.exec(line)!;
      const actor = await cast.of(name!);
      const words = text!.split(' ');
      if (kind === '?') notes.push([line, await soon(actor.next())]);
      else if (kind === '~') await actor.ask(words);
      else if (kind === ':') notes.push([line, await actor.ask(words)]);
      else {
        const before = await blockedClients(watcher);
        actor.send(words);
        while ((await blockedClients(watcher)) === before) await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }
    notes.push(['left', await watcher.ask(['keys', '*'])]);
    cast.close();
    while ((await blockedClients(watcher)) > 0) await new Promise((resolve) => setTimeout(resolve, 2));
    watcher.close();
    return notes;
  }

  /** What has not come by then does not come: a scene ends all the same, and its clients go. */
  function soon(reply: Promise<Reply>): Promise<Reply> {
    return Promise.race([reply, new Promise<Reply>((resolve) => setTimeout(() => resolve('nothing'), PATIENCE_MS))]);
  }

  async function blockedClients(line: Line): Promise<number> {
    const text = String(await line.ask(['info', 'clients']));
    return Number(/blocked_clients:(\d+)/.exec(text)![1]);
  }

  test('lists have the same encodings while they grow and shrink', { timeout: 60_000 }, async () => {
    await both('hello', '2');
    for (const limit of ['-1', '-2', '0', '1', '3', '1000', '-6']) {
      await both('config', 'set', 'list-max-listpack-size', limit);
      for (const item of [
        '7',
        '-3000',
        '9223372036854775807',
        '9223372036854775808',
        'a',
        'b'.repeat(63),
        'c'.repeat(130),
      ]) {
        const items = Math.min(3000, Math.ceil(9000 / item.length));
        await both('del', 'k');
        const note = async (...words: string[]): Promise<void> => {
          const [theirs, mine] = await Promise.all([real, ours].map((side) => side.ask(...words)));
          expect({ limit, item, words: words.slice(0, 3), reply: mine }).toEqual({
            limit,
            item,
            words: words.slice(0, 3),
            reply: theirs,
          });
        };
        const look = async (): Promise<void> => {
          await note('llen', 'k');
          await note('object', 'encoding', 'k');
        };
        for (let at = 0; at < items; at += Math.ceil(items / 40)) {
          await note(
            at % 2 === 0 ? 'rpush' : 'lpush',
            'k',
            ...Array.from({ length: Math.ceil(items / 40) }, () => item),
          );
          await look();
        }
        await note('lset', 'k', '1', 'x'.repeat(5000));
        await look();
        await note('lset', 'k', '1', 'y');
        await look();
        for (let left = items; left > 0; left -= Math.ceil(items / 40)) {
          await note('ltrim', 'k', '0', String(Math.max(0, left - 1)));
          await look();
        }
      }
    }
    await both('config', 'set', 'list-max-listpack-size', '-2');
  });

  const scenes: Readonly<Record<string, readonly string[]>> = {
    'first come, first served': [
      'a! blpop x list 0',
      'b! brpop list 0',
      'c! blmpop 0 2 y list left count 2',
      'p: rpush list 1 2 3 4 5',
      'a?',
      'b?',
      'c?',
      'p: lrange list 0 -1',
    ],
    'several keys become ready in a transaction': [
      'a! blpop k1 k2 k3 0',
      'b! blpop k3 k2 0',
      'p: multi',
      'p: rpush k2 2',
      'p: rpush k3 3',
      'p: rpush k1 1',
      'p: exec',
      'a?',
      'b?',
      'p: exists k1 k2 k3',
    ],
    'a chain and a circle of moves': [
      'a! blmove k1 k2 left right 0',
      'b! blmove k2 k3 left right 0',
      'c! brpoplpush k3 k1 0',
      'p: rpush k1 x y',
      'a?',
      'b?',
      'c?',
      'p: lrange k1 0 -1',
    ],
    'a list moved onto itself': ['a! blmove k k left right 0', 'p: rpush k 1 2 3', 'a?', 'p: lrange k 0 -1'],
    'a target of another type': [
      'p: set text x',
      'a! blmove k text left right 0',
      'b! brpoplpush k text 0',
      'p: rpush k 1',
      'a?',
      'b?',
      'p: lrange k 0 -1',
    ],
    'a source of another type, then a list': [
      'a! blpop k 0',
      'p: sadd k x',
      'p: del k',
      'p: set k x',
      'p: del k',
      'p: rpush k 1',
      'a?',
    ],
    'a value that is gone again': ['a! blpop k 0.3', 'p: multi', 'p: lpush k 1', 'p: del k', 'p: exec', 'a?'],
    'nothing blocks in a transaction': [
      'p: multi',
      'p: blpop k 0',
      'p: brpop k 0',
      'p: blmove k j left right 0',
      'p: brpoplpush k j 0',
      'p: blmpop 0 1 k left',
      'p: exec',
    ],
    'time-outs': ['a! blpop k 0.05', 'b! blmove k j left left 0.05', 'c! blmpop 0.05 1 k left', 'a?', 'b?', 'c?'],
    'time-outs in RESP3': [
      'a~ hello 3',
      'a! blpop k 0.05',
      'a?',
      'a! brpoplpush k j 0.05',
      'a?',
      'a! blpop k 1',
      'p: rpush k 1',
      'a?',
    ],
    'renamed, copied, moved and restored': [
      'p: rpush s 1',
      'a! blpop k 0',
      'p: rename s k',
      'a?',
      'p: rpush s 2',
      'a! blpop k 0',
      'p: copy s k',
      'a?',
      'a! blpop k 0',
      'p: select 1',
      'p: rpush k 3',
      'p: move k 0',
      'a?',
    ],
    'unblocked by force': [
      'a: client no-evict off',
      'p: client unblock 0',
      'a! blpop k 0.2',
      'p: client unblock 12345 error',
      'a?',
    ],
    'what runs in the background is not woken by another database': [
      'a: select 2',
      'a! blpop k 0.1',
      'p: rpush k 1',
      'a?',
    ],
    'wrong types come before waiting': [
      'p: set text x',
      'a: blpop k text 0',
      'a: blmove text k left left 0',
      'a: blmpop 0 2 k text left',
    ],
  };

  for (const [name, scene] of Object.entries(scenes)) {
    test(`waiting clients do the same: ${name}`, async () => {
      const [theirs, mine] = await Promise.all([play(real.port, scene), play(ours.port, scene)]);
      expect(mine).toEqual(theirs);
    });
  }
});
