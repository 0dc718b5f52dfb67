/**
 * Replication with a real valkey-server on the other side, under writes: the judge is DEBUG DIGEST of both.
 * Skipped with a line when there is no valkey-server 9.1.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server as NetServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { findValkeyServer } from '../../tools/valkey.ts';
import { Resp2Client, type Resp2Reply } from '../testing/resp2-client.ts';

const FIRST_PORT = 17720;
const PATIENCE_MS = 30_000;
const PIPELINE = 50;
const valkey = findValkeyServer();
if (valkey === null) process.stdout.write('skipped: no valkey-server 9.1 to replicate with\n');

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
    await pause(50);
  }
}

let nextPort = FIRST_PORT;
const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

class Server {
  readonly port: number;
  readonly folder: string;
  readonly client: Resp2Client;
  readonly child: ChildProcess;

  private constructor(port: number, folder: string, client: Resp2Client, child: ChildProcess) {
    this.port = port;
    this.folder = folder;
    this.client = client;
    this.child = child;
  }

  static async start(kind: 'ours' | 'theirs', prepare: (folder: string) => void = () => {}): Promise<Server> {
    const port = nextPort++;
    const folder = mkdtempSync(join(tmpdir(), 'keyherd-replication-'));
    prepare(folder);
    const directives = [
      '--port',
      String(port),
      '--dir',
      folder,
      '--save',
      '',
      '--repl-backlog-size',
      '64mb',
      '--enable-debug-command',
      'yes',
    ];
    const child =
      kind === 'theirs'
        ? spawn(valkey!.path, [...directives, '--repl-diskless-sync-delay', '0'], { stdio: 'ignore' })
        : spawn(process.execPath, ['server/main.ts', ...directives], { stdio: ['ignore', 'ignore', 'inherit'] });
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    cleanups.push(async () => {
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    });
    const client = await Resp2Client.open(port);
    cleanups.push(() => client.close());
    const server = new Server(port, folder, client, child);
    await until('it has loaded', async () => (await client.send('PING')) === 'PONG');
    return server;
  }

  async info(field: string): Promise<string> {
    const text = String(await this.client.send('INFO', 'everything'));
    return new RegExp(`^${field}:(.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';
  }

  async follows(port: number): Promise<void> {
    expect(await this.client.send('REPLICAOF', '127.0.0.1', port)).toBe('OK');
  }

  async linked(): Promise<void> {
    await until('the link is up', async () => (await this.info('master_link_status')) === 'up');
  }

  async digest(): Promise<string> {
    return String(await this.client.send('DEBUG', 'DIGEST'));
  }
}

/** Both have the same offset, and then the same content. */
async function expectEqual(primary: Server, replica: Server): Promise<void> {
  await until('the replica has caught up', async () => {
    const [left, right] = [await primary.info('master_repl_offset'), await replica.info('master_repl_offset')];
    return left === right;
  });
  expect(Number(await primary.client.send('DBSIZE'))).toBeGreaterThan(0);
  // Keys run out meanwhile, and their deletions are on the way: content that is equal stays equal once they are.
  try {
    await until('the contents are equal', async () => (await replica.digest()) === (await primary.digest()));
  } catch {
    expect(await differences(primary, replica)).toEqual([]);
  }
}

/** The keys that differ, for whoever has to find out why. */
async function differences(one: Server, other: Server): Promise<string[]> {
  const found: string[] = [];
  for (let db = 0; db < 3; db++) {
    await one.client.send('SELECT', db);
    await other.client.send('SELECT', db);
    const keys = new Set<string>();
    for (const server of [one, other])
      for (const key of (await server.client.send('KEYS', '*')) as string[]) keys.add(key);
    for (const key of keys) {
      const [left, right] = [
        await one.client.send('DEBUG', 'DIGEST-VALUE', key),
        await other.client.send('DEBUG', 'DIGEST-VALUE', key),
      ];
      if (String(left) === String(right)) continue;
      const facts: Resp2Reply[] = [];
      for (const server of [one, other]) {
        facts.push(
          await server.client.send('TYPE', key),
          await server.client.send('PTTL', key),
          await server.client.send('DEBUG', 'OBJECT', key),
        );
      }
      found.push(`${db} ${key}: ${facts.map(String).join(', ')}`);
    }
  }
  return found;
}

/** Writes of all kinds, reproducible from a seed, in several databases and in transactions. */
class Writer {
  written = 0;
  private stopped = false;
  private finished: Promise<void> = Promise.resolve();
  private seed: number;
  private readonly expires: boolean;

  /** Without `expires` nothing runs out: then the primary logs nothing by itself. */
  constructor(seed: number, expires = true) {
    this.seed = seed;
    this.expires = expires;
  }

  start(server: Server): this {
    this.finished = this.run(server.port);
    return this;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.finished;
  }

  private random(limit: number): number {
    this.seed = (Math.imul(this.seed, 1103515245) + 12345) & 0x7fffffff;
    return (this.seed >>> 8) % limit;
  }

  private async run(port: number): Promise<void> {
    const client = await Resp2Client.open(port);
    while (!this.stopped) await this.burst(client);
    client.close();
  }

  async burst(client: Resp2Client): Promise<void> {
    const replies: Promise<Resp2Reply>[] = [client.send('SELECT', this.random(3))];
    const inTransaction = this.random(5) === 0;
    if (inTransaction) replies.push(client.send('MULTI'));
    for (let i = 0; i < PIPELINE; i++) replies.push(client.send(...this.command()));
    if (inTransaction) replies.push(client.send('EXEC'));
    await Promise.all(replies);
    this.written += PIPELINE;
  }

  private command(): (string | number)[] {
    const n = this.random(2000);
    const value = `value ${this.random(1_000_000)}`;
    switch (this.random(16)) {
      case 0:
        return ['INCRBY', `counter:${n % 50}`, n];
      case 1:
        return ['HSET', `hash:${n % 20}`, `field ${this.random(3000)}`, value];
      case 2:
        return ['HDEL', `hash:${n % 20}`, `field ${this.random(3000)}`];
      case 3:
        return ['RPUSH', `list:${n % 20}`, value, n];
      case 4:
        return ['LPOP', `list:${n % 20}`];
      case 5:
        return ['SADD', `set:${n % 20}`, n, value];
      case 6:
        return ['SREM', `set:${n % 20}`, n];
      case 7:
        return ['ZADD', `zset:${n % 20}`, this.random(1000) / 8, `member ${n}`];
      case 8:
        return ['ZREM', `zset:${n % 20}`, `member ${n}`];
      case 9:
        return ['DEL', `string:${n}`];
      case 10:
        return ['PEXPIRE', `string:${n}`, 100_000 + n];
      case 11:
        return ['SET', `string:${n}`, value, ...(this.expires ? ['PX', 1 + this.random(2000)] : [])];
      case 12:
        return ['APPEND', `string:${n}`, value];
      case 13:
        return ['SPOP', `set:${n % 20}`];
      case 14:
        return ['RENAME', `string:${n}`, `string:${this.random(2000)}`];
      default:
        return ['SET', `string:${n}`, value];
    }
  }
}

/** A wire that can be cut. */
class Proxy {
  readonly port: number;
  private readonly server: NetServer;
  private readonly sockets: Set<Socket> = new Set();
  private cut = false;

  constructor(port: number, target: number) {
    this.port = port;
    this.server = createServer((socket) => {
      if (this.cut) {
        socket.destroy();
        return;
      }
      const other = connect(target, '127.0.0.1');
      for (const [one, two] of [
        [socket, other],
        [other, socket],
      ] as const) {
        this.sockets.add(one);
        one.on('error', () => {});
        one.on('close', () => {
          this.sockets.delete(one);
          two.destroy();
        });
        one.pipe(two);
      }
    });
    cleanups.push(() => {
      this.cutFor();
      this.server.close();
    });
  }

  listen(): Promise<this> {
    return new Promise((resolve) => this.server.listen(this.port, '127.0.0.1', () => resolve(this)));
  }

  private cutFor(): void {
    this.cut = true;
    for (const socket of this.sockets) socket.destroy();
  }

  async cutDuring(ms: number): Promise<void> {
    this.cutFor();
    await pause(ms);
    this.cut = false;
  }
}

const sides = [
  ['ours', 'theirs'],
  ['theirs', 'ours'],
  ['ours', 'ours'],
] as const;

describe.skipIf(valkey === null).each(sides)('a primary of %s with a replica of %s', (primaryKind, replicaKind) => {
  test('has equal content after a full synchronisation under writes', async () => {
    const primary = await Server.start(primaryKind);
    const replica = await Server.start(replicaKind);
    const writer = new Writer(1);
    for (let i = 0; i < 400; i++) await writer.burst(primary.client);
    writer.start(primary);
    await replica.follows(primary.port);
    await replica.linked();
    await pause(1000);
    await writer.stop();
    await expectEqual(primary, replica);
    expect(await primary.info('sync_full')).not.toBe('0');
  });

  test('continues after its link was cut for two seconds', async () => {
    const primary = await Server.start(primaryKind);
    const replica = await Server.start(replicaKind);
    const wire = await new Proxy(nextPort++, primary.port).listen();
    const writer = new Writer(2);
    for (let i = 0; i < 50; i++) await writer.burst(primary.client);
    await replica.follows(wire.port);
    await replica.linked();
    const id = await replica.info('master_replid');
    writer.start(primary);
    await pause(200);
    await wire.cutDuring(2000);
    await replica.linked();
    await writer.stop();
    await expectEqual(primary, replica);
    expect(await replica.info('master_replid')).toBe(id);
    expect([await primary.info('sync_full'), await primary.info('sync_partial_ok')]).toEqual(['1', '1']);
  });

  test('confirms writes by WAIT', async () => {
    const primary = await Server.start(primaryKind);
    const replica = await Server.start(replicaKind);
    await replica.follows(primary.port);
    await replica.linked();
    await primary.client.send('SET', 'key', 'value');
    expect(await primary.client.send('WAIT', 1, 10_000)).toBe(1);
    expect(await replica.client.send('GET', 'key')).toBe('value');
    await primary.client.send('SET', 'key', 'other');
    expect(await primary.client.send('WAIT', 2, 100)).toBe(1);
  });

  test('hands over: the replica is promoted, and the old primary continues from it without a full synchronisation', async () => {
    const primary = await Server.start(primaryKind);
    const replica = await Server.start(replicaKind);
    const writer = new Writer(3, false);
    for (let i = 0; i < 50; i++) await writer.burst(primary.client);
    await replica.follows(primary.port);
    await replica.linked();
    for (let i = 0; i < 20; i++) await writer.burst(primary.client);
    // Held, the primary neither expires keys nor pings: its history cannot run ahead of the replica's.
    await primary.client.send('CLIENT', 'PAUSE', 60_000, 'WRITE');
    await expectEqual(primary, replica);
    await replica.client.send('REPLICAOF', 'NO', 'ONE');
    await primary.follows(replica.port);
    await primary.client.send('CLIENT', 'UNPAUSE');
    await primary.linked();
    for (let i = 0; i < 20; i++) await writer.burst(replica.client);
    await expectEqual(replica, primary);
    expect(await replica.info('sync_partial_ok')).toBe('1');
  });
});

describe.skipIf(valkey === null)('a chain', () => {
  test('of theirs, ours and theirs carries writes to its end', async () => {
    const first = await Server.start('theirs');
    const middle = await Server.start('ours');
    const last = await Server.start('theirs');
    await middle.follows(first.port);
    await middle.linked();
    await last.follows(middle.port);
    await last.linked();
    const writer = new Writer(4).start(first);
    await pause(1000);
    await writer.stop();
    await expectEqual(first, middle);
    await expectEqual(first, last);
  });
});

describe.skipIf(valkey === null).each(sides)('an RDB file written by %s', (writerKind, readerKind) => {
  test(`is loaded by ${readerKind} as it was`, async () => {
    const writer = await Server.start(writerKind);
    const commands = new Writer(5);
    for (let i = 0; i < 400; i++) await commands.burst(writer.client);
    for (let db = 0; db < 3; db++) {
      await writer.client.send('SELECT', db);
      for (let i = 0; i < 2000; i++) await writer.client.send('PERSIST', `string:${i}`);
    }
    const digest = await writer.digest();
    expect(await writer.client.send('SAVE')).toBe('OK');
    const reader = await Server.start(readerKind, (folder) =>
      copyFileSync(join(writer.folder, 'dump.rdb'), join(folder, 'dump.rdb')),
    );
    expect(await reader.digest()).toBe(digest);
  });
});
