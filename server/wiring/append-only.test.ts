/** The append-only file with real processes, killed and started again; and files exchanged with a real valkey-server where there is one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'iovalkey';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { findValkeyServer } from '../../tools/valkey.ts';

const PORT = 17_951;
const valkey = findValkeyServer();
if (valkey === null) process.stdout.write('skipped: no valkey-server 9.1 to exchange append-only files with\n');

const OURS = [process.execPath, new URL('../main.ts', import.meta.url).pathname] as const;
const folders: string[] = [];
let running: Server | null = null;

afterEach(async () => {
  await running?.kill('SIGKILL');
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'keyherd-aof-'));
  folders.push(folder);
  return folder;
}

class Server {
  readonly client: Redis;
  private readonly child: ChildProcess;
  private readonly ended: Promise<number | null>;
  said = '';

  private constructor(child: ChildProcess, client: Redis) {
    this.child = child;
    this.client = client;
    this.ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    child.stdout!.on('data', (text) => (this.said += text));
    child.stderr!.on('data', (text) => (this.said += text));
  }

  static spawn(folder: string, directives: readonly string[], command: readonly string[] = OURS): Server {
    const words = ['--port', String(PORT), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes'];
    const child = spawn(command[0]!, [...command.slice(1), ...words, '--enable-debug-command', 'yes', ...directives]);
    const client = new Redis({ port: PORT, host: '127.0.0.1', retryStrategy: () => 50, maxRetriesPerRequest: null });
    client.on('error', () => {}); // Until it listens.
    return new Server(child, client);
  }

  static async start(
    folder: string,
    directives: readonly string[] = [],
    command: readonly string[] = OURS,
  ): Promise<Server> {
    const server = Server.spawn(folder, directives, command);
    running = server;
    await vi.waitFor(
      async () => expect(await server.client.info('persistence')).toMatch(/loading:0(?!.*aof_pending_rewrite:1)/s),
      {
        timeout: 20_000,
        interval: 50,
      },
    );
    return server;
  }

  async exitCode(): Promise<number | null> {
    const code = await this.ended;
    this.client.disconnect();
    return code;
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.client.disconnect();
    this.child.kill(signal);
    await this.ended;
  }

  digest(): Promise<unknown> {
    return this.client.call('DEBUG', 'DIGEST');
  }

  async rewritten(): Promise<void> {
    await this.client.call('BGREWRITEAOF');
    await vi.waitFor(async () => expect(await this.client.info('persistence')).toContain('aof_rewrite_in_progress:0'), {
      timeout: 20_000,
    });
  }
}

async function write(client: Redis): Promise<void> {
  await client.set('text', 'value');
  await client.rpush('list', 'a', 'b', 'c');
  await client.hset('hash', { field: 'value' });
  await client.zadd('zset', 1, 'one', 2, 'two');
  await client.sadd('set', 'x', 'y');
  await client.xadd('stream', '1-1', 'f', 'v');
  await client.multi().incr('counter').incr('counter').exec();
  await client.set('short', 'gone', 'PX', 1);
  await vi.waitFor(async () => expect(await client.exists('short')).toBe(0));
  await client.select(3);
  await client.set('elsewhere', '3');
  await client.select(0);
}

const filesOf = (folder: string): string[] => readdirSync(join(folder, 'appendonlydir')).sort();

test('what was written before a SIGKILL is there afterwards, from the increment alone and after a rewrite', async () => {
  const folder = freshFolder();
  let server = await Server.start(folder);
  expect(filesOf(folder)).toEqual([
    'appendonly.aof.1.base.rdb',
    'appendonly.aof.1.incr.aof',
    'appendonly.aof.manifest',
  ]);
  await write(server.client);
  const digest = await server.digest();
  await server.kill('SIGKILL');
  server = await Server.start(folder);
  expect(await server.digest()).toBe(digest);
  await server.rewritten();
  expect(filesOf(folder)).toEqual([
    'appendonly.aof.2.base.rdb',
    'appendonly.aof.2.incr.aof',
    'appendonly.aof.manifest',
  ]);
  await server.client.append('text', '!');
  const later = await server.digest();
  await server.kill('SIGKILL');
  server = await Server.start(folder);
  expect(await server.digest()).toBe(later);
  expect(await server.client.get('text')).toBe('value!');
});

test('a rewrite under writes loses none of them', async () => {
  const folder = freshFolder();
  let server = await Server.start(folder);
  const { client } = server;
  for (let i = 0; i < 20_000; i += 500)
    await Promise.all(Array.from({ length: 500 }, (_, n) => client.set(`key:${i + n}`, 'x'.repeat(100))));
  const rewriting = server.rewritten();
  let count = 0;
  let over = false;
  void rewriting.then(() => (over = true));
  while (!over) {
    await Promise.all(Array.from({ length: 50 }, () => client.incr('counter')));
    await client.del(`key:${count}`);
    count++;
  }
  await rewriting;
  const digest = await server.digest();
  expect(count).toBeGreaterThan(0);
  await server.kill('SIGKILL');
  server = await Server.start(folder);
  expect(await server.digest()).toBe(digest);
  expect(await server.client.get('counter')).toBe(String(count * 50));
});

test('an unfinished command at the end is cut off with a line, or refused where that is not allowed', async () => {
  const folder = freshFolder();
  let server = await Server.start(folder);
  await write(server.client);
  const digest = await server.digest();
  await server.kill('SIGKILL');
  const path = join(folder, 'appendonlydir', 'appendonly.aof.1.incr.aof');
  const whole = statSync(path).size;
  appendFileSync(path, '*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n*2\r\n$4\r\nINCR\r\n$5\r\nco');
  const refusing = Server.spawn(folder, ['--aof-load-truncated', 'no']);
  running = refusing;
  expect(await refusing.exitCode()).not.toBe(0);
  expect(refusing.said).toContain(`ends in the middle of a command at byte ${whole}`);
  server = await Server.start(folder);
  expect(await server.digest()).toBe(digest);
  expect(statSync(path).size).toBeGreaterThanOrEqual(whole);
  await server.client.set('after', '1');
  await server.kill('SIGKILL');
  server = await Server.start(folder);
  expect(await server.client.get('after')).toBe('1');
});

test('damage within the file is refused with the byte and what to do', async () => {
  const folder = freshFolder();
  const server = await Server.start(folder);
  await write(server.client);
  await server.kill('SIGKILL');
  const path = join(folder, 'appendonlydir', 'appendonly.aof.1.incr.aof');
  const size = statSync(path).size;
  truncateSync(path, size - 20);
  appendFileSync(path, '*x\r\nnot a command\r\n*1\r\n$4\r\nPING\r\n');
  const refusing = Server.spawn(folder, []);
  running = refusing;
  expect(await refusing.exitCode()).not.toBe(0);
  expect(refusing.said).toMatch(/appendonly\.aof\.1\.incr\.aof: byte \d+: Protocol error.*truncate -s/);
});

test('WAITAOF waits for the disk, and appendfsync always has nothing to wait for', async () => {
  const folder = freshFolder();
  const server = await Server.start(folder, ['--appendfsync', 'everysec']);
  const { client } = server;
  await client.set('k', 'v');
  expect(await client.call('WAITAOF', 1, 0, 5000)).toEqual([1, 0]);
  await client.config('SET', 'appendfsync', 'no');
  await client.set('k', 'w');
  expect(await client.call('WAITAOF', 1, 0, 100)).toEqual([0, 0]);
  await client.config('SET', 'appendfsync', 'always');
  await client.set('k', 'x');
  expect(await client.call('WAITAOF', 1, 0, 0)).toEqual([1, 0]);
  await client.config('SET', 'appendonly', 'no');
  await expect(client.call('WAITAOF', 1, 0, 0)).rejects.toThrow('appendonly is disabled');
  await client.config('SET', 'appendonly', 'yes');
  await vi.waitFor(async () => expect(await client.info('persistence')).toContain('aof_pending_rewrite:0'), {
    timeout: 5000,
  });
  await client.set('k', 'y');
  expect(await client.call('WAITAOF', 1, 0, 5000)).toEqual([1, 0]);
  expect(readFileSync(join(folder, 'appendonlydir', filesOf(folder)[1]!), 'latin1')).toContain('$1\r\ny\r\n');
});

const HELD_UP = 10_000_000;

test('BGREWRITEAOF is scheduled while a save runs, and begins when it is over', async () => {
  const server = await Server.start(freshFolder());
  const { client } = server;
  await client.set('k', 'v');
  await client.config('SET', 'rdb-key-save-delay', HELD_UP);
  expect(await client.bgsave()).toBe('Background saving started');
  expect(await client.call('BGREWRITEAOF')).toBe('Background append only file rewriting scheduled');
  expect(await client.info('persistence')).toMatch(/aof_rewrite_in_progress:0.*aof_rewrite_scheduled:1/s);
  await client.config('SET', 'rdb-key-save-delay', 0);
  await vi.waitFor(
    async () =>
      expect(await client.info('persistence')).toMatch(
        /rdb_saves:1.*aof_rewrite_in_progress:0.*aof_rewrite_scheduled:0.*aof_rewrites:2\r/s,
      ),
    { timeout: 10_000, interval: 20 },
  );
});

test('appendonly set to yes within a transaction begins after it, with all that the transaction wrote', async () => {
  const folder = freshFolder();
  let server = await Server.start(folder, ['--appendonly', 'no']);
  const { client } = server;
  await client.multi().incr('counter').config('SET', 'appendonly', 'yes').incr('counter').exec();
  await client.incr('counter');
  await vi.waitFor(async () => expect(await client.info('persistence')).toContain('aof_pending_rewrite:0'), {
    timeout: 10_000,
  });
  await client.incr('counter');
  expect(await client.call('WAITAOF', 1, 0, 5000)).toEqual([1, 0]);
  await server.kill('SIGKILL');
  server = await Server.start(folder);
  expect(await server.client.get('counter')).toBe('4');
});

test('appendonly set to no ends a rewrite, and set to yes again begins another at once', async () => {
  const folder = freshFolder();
  let server = await Server.start(folder);
  const { client } = server;
  for (let i = 0; i < 10; i++) await client.set(`key:${i}`, i);
  await client.config('SET', 'rdb-key-save-delay', HELD_UP);
  await client.call('BGREWRITEAOF');
  expect(await client.info('persistence')).toContain('aof_rewrite_in_progress:1');
  await client.config('SET', 'appendonly', 'no');
  await client.config('SET', 'appendonly', 'yes');
  await client.config('SET', 'rdb-key-save-delay', 0);
  await vi.waitFor(async () => expect(await client.info('persistence')).toContain('aof_pending_rewrite:0'), {
    timeout: 10_000,
  });
  await client.set('after', 'it');
  const digest = await server.digest();
  expect(await client.call('WAITAOF', 1, 0, 5000)).toEqual([1, 0]);
  await server.kill('SIGKILL');
  server = await Server.start(folder);
  expect(await server.digest()).toBe(digest);
});

test('a node whose first rewrite is under way does not stop, unless it is forced', async () => {
  const server = await Server.start(freshFolder(), ['--appendonly', 'no']);
  const { client } = server;
  for (let i = 0; i < 10; i++) await client.set(`key:${i}`, i);
  await client.config('SET', 'rdb-key-save-delay', HELD_UP);
  await client.config('SET', 'appendonly', 'yes');
  await expect(client.call('SHUTDOWN', 'NOSAVE')).rejects.toThrow('Errors trying to SHUTDOWN');
  expect(server.said).toContain("Writing initial AOF, can't exit");
  expect(await client.set('still', 'here')).toBe('OK');
  client.call('SHUTDOWN', 'NOSAVE', 'FORCE').catch(() => {});
  expect(await server.exitCode()).toBe(1);
});

describe.skipIf(valkey === null)('with a real valkey-server', () => {
  test('each loads the files of the other', async () => {
    const folder = freshFolder();
    let server = await Server.start(folder);
    await write(server.client);
    await server.rewritten();
    await server.client.lpush('list', 'z');
    const digest = await server.digest();
    await server.kill('SIGTERM');
    server = await Server.start(folder, [], [valkey!.path]);
    expect(await server.digest()).toBe(digest);
    await server.client.rpush('list', 'theirs');
    await server.client.hset('hash', { another: 'one' });
    const theirs = await server.digest();
    await server.kill('SIGTERM');
    server = await Server.start(folder);
    expect(await server.digest()).toBe(theirs);
  });
});
