/**
 * Values and keys that travel in real processes: `redis-cli --cluster reshard` moves slots with keys of every type between two of our
 * nodes, to a valkey-server and from one, while a client writes, and a valkey-server 9.1 exchanges dumps and keys with us. A part whose program is missing is skipped
 * with a line.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { findValkeyServer } from '../../tools/valkey.ts';
import { slotOf } from '../keyspace/slot.ts';
import { Resp2Client, type Resp2Reply } from '../testing/resp2-client.ts';

const SOURCE = 18100;
const TARGET = 18101;
const REPLICA = 18102;
const OURS = 18103;
const THEIRS = 18104;
const LAST_SLOT = 16383;
const EXPIRE_AT_MS = 4_000_000_000_500;

const valkey = findValkeyServer();
if (valkey === null) process.stdout.write('skipped: no valkey-server 9.1 to exchange dumps with\n');
const hasRedisCli = spawnSync('redis-cli', ['--version']).status === 0;
if (!hasRedisCli) process.stdout.write('skipped: no redis-cli to reshard with\n');

const processes: ChildProcess[] = [];
const folders: string[] = [];
const clients: Resp2Client[] = [];

function start(program: string, first: readonly string[], port: number, more: readonly string[]): void {
  const folder = mkdtempSync(join(tmpdir(), 'keyherd-reshard-'));
  folders.push(folder);
  const args = [
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--save',
    '',
    '--enable-debug-command',
    'yes',
  ];
  processes.push(spawn(program, [...first, ...args, ...more], { stdio: 'ignore' }));
}

async function ours(port: number, ...more: readonly string[]): Promise<Resp2Client> {
  start(process.execPath, [new URL('../main.ts', import.meta.url).pathname], port, more);
  return await clientOf(port);
}

async function theirs(port: number, ...more: readonly string[]): Promise<Resp2Client> {
  start(valkey!.path, [], port, more);
  return await clientOf(port);
}

async function clientOf(port: number): Promise<Resp2Client> {
  const client = await Resp2Client.open(port);
  clients.push(client);
  await client.until('PONG', 'PING');
  return client;
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  const ended = processes.map((child) => new Promise((resolve) => child.once('close', resolve)));
  for (const child of processes.splice(0)) child.kill('SIGKILL');
  // The next test listens on the same ports.
  await Promise.all(ended);
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function sendAll(client: Resp2Client, commands: readonly (readonly (string | number)[])[]): Promise<void> {
  const replies = await Promise.all(commands.map((words) => client.send(...words)));
  for (const reply of replies) expect(reply).not.toBeInstanceOf(Error);
}

/** Commands that make a key of one of ten kinds: every type, small and large, with and without a time to live. */
function making(key: string, kind: number): readonly (readonly (string | number)[])[] {
  const expires = [['PEXPIREAT', key, EXPIRE_AT_MS + kind]];
  const many = Array.from({ length: 300 }, (_, i) => i);
  switch (kind % 10) {
    case 0:
      return [['SET', key, `value of ${key}`]];
    case 1:
      return [['SET', key, '\x00\xff\r\n'.repeat(1000)], ...expires];
    case 2:
      return [['SET', key, -12345]];
    case 3:
      return [['HSET', key, 'a', 1, 'b', 'two'], ...expires];
    case 4:
      return [['HSET', key, ...many.flatMap((i) => [`field ${i}`, `value ${i}`])]];
    case 5:
      return [['RPUSH', key, 'a', 1, 'a']];
    case 6:
      return [['RPUSH', key, ...many.map((i) => `item ${i}`)], ...expires];
    case 7:
      return [['SADD', key, 1, 2, 3]];
    case 8:
      return [['SADD', key, ...many.map((i) => `member ${i}`)], ...expires];
    default:
      return [['ZADD', key, ...many.flatMap((i) => [i / 7, `member ${i}`])]];
  }
}

/** What a key holds, so that it can be compared: its value's digest and its expiry in this unit. */
async function contents(client: Resp2Client, keys: readonly string[], unitMs = 1): Promise<readonly string[]> {
  return Promise.all(
    keys.map(async (key) => {
      // In this order: DEBUG has no keys to Valkey's routing, and looks in the slot of the command before it.
      const expiry = client.send('PEXPIRETIME', key);
      const digest = client.send('DEBUG', 'DIGEST-VALUE', key);
      const expireAtMs = Number(await expiry);
      return `${key} ${await digest} ${Math.floor(expireAtMs / unitMs)}`;
    }),
  );
}

/** A text in braces for each of the slots from 0 on. */
function tagsOfSlots(count: number): readonly string[] {
  const tags: string[] = [];
  for (let i = 0, found = 0; found < count; i++) {
    const bytes = new TextEncoder().encode(String(i));
    const slot = slotOf(bytes, 0, bytes.length);
    if (slot >= count || tags[slot] !== undefined) continue;
    tags[slot] = `{${i}}`;
    found++;
  }
  return tags;
}

function redisCli(...args: readonly string[]): Promise<{ readonly status: number; readonly output: string }> {
  return new Promise((resolve) => {
    execFile('redis-cli', args, { maxBuffer: 64 * 1024 * 1024 }, (problem, stdout, stderr) =>
      resolve({ status: problem === null ? 0 : Number(problem.code ?? 1), output: stdout + stderr }),
    );
  });
}

/** Increments counters through redirections until it is stopped, as a cluster client does. */
class Writer {
  readonly counted: Map<string, number> = new Map();
  redirected = 0;
  stopped = false;
  private readonly source: Resp2Client;
  private readonly target: Resp2Client;

  constructor(source: Resp2Client, target: Resp2Client) {
    this.source = source;
    this.target = target;
  }

  async run(keys: readonly string[]): Promise<void> {
    for (let i = 0; !this.stopped; i++) {
      const key = keys[i % keys.length]!;
      expect(await this.increment(key)).toBe((this.counted.get(key) ?? 0) + 1);
      this.counted.set(key, (this.counted.get(key) ?? 0) + 1);
    }
  }

  private async increment(key: string): Promise<Resp2Reply> {
    for (;;) {
      let reply = await this.source.send('INCR', key);
      if (!(reply instanceof Error)) return reply;
      this.redirected++;
      if (reply.message.startsWith('ASK ')) {
        const asked = this.target.send('ASKING');
        reply = await this.target.send('INCR', key);
        expect(await asked).toBe('OK');
      } else if (reply.message.startsWith('MOVED ')) reply = await this.target.send('INCR', key);
      else return reply;
      // MOVED by the target: the slot is not its own yet.
      if (!(reply instanceof Error) || !reply.message.startsWith('MOVED ')) return reply;
    }
  }
}

const CLUSTER_OPTIONS = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '15000'];

/** Two primaries, and a replica of the first. */
async function formCluster(
  source: Resp2Client,
  target: Resp2Client,
  replica: Resp2Client,
): Promise<readonly [string, string]> {
  await sendAll(source, [
    ['CLUSTER', 'SET-CONFIG-EPOCH', 1],
    ['CLUSTER', 'ADDSLOTSRANGE', 0, 9999],
  ]);
  await sendAll(target, [
    ['CLUSTER', 'SET-CONFIG-EPOCH', 2],
    ['CLUSTER', 'ADDSLOTSRANGE', 10000, LAST_SLOT],
  ]);
  for (const port of [TARGET, REPLICA]) await sendAll(source, [['CLUSTER', 'MEET', '127.0.0.1', port]]);
  for (const node of [source, target, replica]) {
    await node.until('cluster_state:ok', 'CLUSTER', 'INFO');
    await node.until('cluster_known_nodes:3', 'CLUSTER', 'INFO');
  }
  const [sourceId, targetId] = await Promise.all([source.send('CLUSTER', 'MYID'), target.send('CLUSTER', 'MYID')]);
  await replica.until('OK', 'CLUSTER', 'REPLICATE', String(sourceId));
  await replica.until('master_link_status:up', 'INFO', 'replication');
  return [String(sourceId), String(targetId)];
}

/** Reshards while a client writes, and compares what was there with what is there. */
async function reshard(
  source: Resp2Client,
  target: Resp2Client,
  replica: Resp2Client,
  slots: number,
  unitMs: number,
): Promise<void> {
  const [sourceId, targetId] = await formCluster(source, target, replica);
  const tags = tagsOfSlots(slots);
  const keys = tags.flatMap((tag) => Array.from({ length: 30 }, (_, i) => `key ${i} of ${tag}`));
  await sendAll(
    source,
    keys.flatMap((key, i) => making(key, i)),
  );
  const before = await contents(source, keys, unitMs);
  const writer = new Writer(source, target);
  const writing = writer.run(tags.map((tag) => `counter ${tag}`));
  const { status, output } = await redisCli(
    ...['--cluster', 'reshard', `127.0.0.1:${SOURCE}`, '--cluster-from', sourceId],
    ...['--cluster-to', targetId, '--cluster-slots', String(slots), '--cluster-yes'],
  );
  writer.stopped = true;
  await writing;
  expect(output).not.toMatch(/ERR|IOERR|BUSYKEY/);
  expect(status).toBe(0);

  expect(await contents(target, keys, unitMs)).toEqual(before);
  for (const [key, count] of writer.counted) expect(await target.send('GET', key)).toBe(String(count));
  expect(writer.redirected).toBeGreaterThan(0);
  expect(await target.send('DBSIZE')).toBe(keys.length + writer.counted.size);
  expect(await source.send('DBSIZE')).toBe(0);
  await replica.until('0', 'DBSIZE');
  const check = await redisCli('--cluster', 'check', `127.0.0.1:${TARGET}`);
  expect(check.output).toContain('[OK] All 16384 slots covered.');
  expect(check.status).toBe(0);
}

describe.skipIf(!hasRedisCli)('redis-cli --cluster reshard', () => {
  test('moves 100 slots with keys of every type while a client writes', async () => {
    const nodes = [SOURCE, TARGET, REPLICA].map((port) => ours(port, ...CLUSTER_OPTIONS));
    const [source, target, replica] = await Promise.all(nodes);
    await reshard(source!, target!, replica!, 100, 1);
  }, 120_000);

  test.skipIf(valkey === null)(
    'moves slots to a valkey-server',
    async () => {
      const nodes = [
        ours(SOURCE, ...CLUSTER_OPTIONS),
        theirs(TARGET, ...CLUSTER_OPTIONS),
        ours(REPLICA, ...CLUSTER_OPTIONS),
      ];
      const [source, target, replica] = await Promise.all(nodes);
      await reshard(source!, target!, replica!, 10, 1);
    },
    60_000,
  );

  test.skipIf(valkey === null)(
    'moves slots from a valkey-server',
    async () => {
      const nodes = [
        theirs(SOURCE, ...CLUSTER_OPTIONS),
        ours(TARGET, ...CLUSTER_OPTIONS),
        theirs(REPLICA, ...CLUSTER_OPTIONS),
      ];
      const [source, target, replica] = await Promise.all(nodes);
      // Valkey sends the time that is left, which ends some milliseconds earlier or later.
      await reshard(source!, target!, replica!, 10, 1000);
    },
    60_000,
  );
});

describe.skipIf(valkey === null)('a valkey-server 9.1', () => {
  test('restores our dumps, and its dumps are restored here', async () => {
    const [here, there] = await Promise.all([ours(OURS), theirs(THEIRS)]);
    const keys = Array.from({ length: 10 }, (_, i) => `key ${i}`);
    for (const [from, to] of [
      [here, there],
      [there, here],
    ] as const) {
      await Promise.all([from.send('FLUSHALL'), to.send('FLUSHALL')]);
      await sendAll(
        from,
        keys.flatMap((key, i) => making(key, i)),
      );
      for (const key of keys) {
        const payload = await from.send('DUMP', key);
        const expireAtMs = Math.max(0, Number(await from.send('PEXPIRETIME', key)));
        expect(await to.send('RESTORE', key, expireAtMs, String(payload), 'ABSTTL')).toBe('OK');
      }
      expect(await contents(to, keys)).toEqual(await contents(from, keys));
    }
  }, 60_000);

  test('sends keys here and takes them from here by MIGRATE, and is answered the same', async () => {
    const [here, there] = await Promise.all([ours(OURS), theirs(THEIRS)]);
    const keys = Array.from({ length: 10 }, (_, i) => `key ${i}`);
    await sendAll(
      here,
      keys.flatMap((key, i) => making(key, i)),
    );
    // Valkey sends the time that is left, which ends some milliseconds earlier or later.
    const before = await contents(here, keys, 1000);
    const conversation = async (from: Resp2Client, to: Resp2Client, port: number): Promise<readonly string[]> => {
      const replies: Resp2Reply[] = [];
      const say = async (...words: readonly (string | number)[]): Promise<void> => {
        replies.push(await from.send(...words));
      };
      await say('MIGRATE', '127.0.0.1', port, '', 0, 5000, 'KEYS', ...keys);
      expect(await contents(to, keys, 1000)).toEqual(before);
      expect(await from.send('DBSIZE')).toBe(0);
      await say('MIGRATE', '127.0.0.1', port, 'key 1', 0, 5000);
      await from.send('SET', 'key 1', 'other');
      await say('MIGRATE', '127.0.0.1', port, 'key 1', 0, 5000);
      await say('MIGRATE', '127.0.0.1', port, 'key 1', 99, 5000);
      await say('MIGRATE', '127.0.0.1', port, 'key 1', 0, 5000, 'AUTH', 'secret');
      await say('MIGRATE', '127.0.0.1', port, 'key 1', 0, 5000, 'KEYS', 'key 1');
      await say('MIGRATE', '127.0.0.1', port, '', 'x', 5000, 'KEYS', 'key 1');
      await say('MIGRATE', '127.0.0.1', port, '', 0, 'x', 'KEYS', 'key 1');
      await say('MIGRATE', '127.0.0.1', port, '', 0, 5000, 'COPY', 'SOMEHOW');
      await say('MIGRATE', '127.0.0.1', 1, 'key 1', 0, 500);
      await say('MIGRATE', '127.0.0.1', port, 'new', 0, 5000, 'COPY');
      expect(await from.send('GET', 'key 1')).toBe('other');
      await from.send('SET', 'new', 'copied');
      await say('MIGRATE', '127.0.0.1', port, 'new', 0, 5000, 'COPY');
      await say('MIGRATE', '127.0.0.1', port, 'new', 0, 5000, 'REPLACE');
      expect(await from.send('EXISTS', 'new')).toBe(0);
      expect(await to.send('GET', 'new')).toBe('copied');
      await Promise.all([from.send('DEL', 'key 1'), to.send('DEL', 'new')]);
      return replies.map((reply) => (reply instanceof Error ? `error: ${reply.message}` : String(reply)));
    };
    const ourAnswers = await conversation(here, there, THEIRS);
    const theirAnswers = await conversation(there, here, OURS);
    expect(ourAnswers).toEqual(theirAnswers);
    expect(ourAnswers[0]).toBe('OK');
  }, 60_000);
});
