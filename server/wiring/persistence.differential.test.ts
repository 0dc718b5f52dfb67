/**
 * Persistence in real processes: what is saved is found again after a restart, a real valkey-server loads our file and this server its,
 * with equal digests, and a damaged file is refused. The part with a valkey-server is skipped with a line when there is none.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { findValkeyServer } from '../../tools/valkey.ts';
import { Resp2Client, type Resp2Reply } from '../testing/resp2-client.ts';

const OURS = 18020;
const THEIRS = 18021;
const valkey = findValkeyServer();
if (valkey === null) process.stdout.write('skipped: no valkey-server 9.1 to exchange RDB files with\n');

class Server {
  readonly ended: Promise<number | null>;
  readonly process: ChildProcess;
  output = '';

  constructor(program: string, first: readonly string[], port: number, folder: string, more: readonly string[] = []) {
    const args = [
      '--port',
      `${port}`,
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--enable-debug-command',
      'yes',
      '--enable-protected-configs',
      'yes',
      ...more,
    ];
    this.process = spawn(program, [...first, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.process.stdout!.on('data', (text) => {
      this.output += text;
    });
    this.process.stderr!.on('data', (text) => {
      this.output += text;
    });
    this.ended = new Promise((resolve) => this.process.once('close', resolve));
    servers.push(this);
  }
}

const servers: Server[] = [];
const folders: string[] = [];
const clients: Resp2Client[] = [];

function ours(folder: string, ...more: readonly string[]): Server {
  return new Server(process.execPath, [new URL('../main.ts', import.meta.url).pathname], OURS, folder, more);
}

function theirs(folder: string): Server {
  return new Server(valkey!.path, [], THEIRS, folder);
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'keyherd-persistence-'));
  folders.push(folder);
  return folder;
}

async function clientOf(port: number): Promise<Resp2Client> {
  const client = await Resp2Client.open(port);
  clients.push(client);
  await client.until('PONG', 'PING');
  return client;
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  for (const server of servers.splice(0)) {
    server.process.kill('SIGKILL');
    await server.ended;
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Every type, small and large, with and without a time to live, in two databases. */
async function fill(client: Resp2Client): Promise<void> {
  const replies: Promise<Resp2Reply>[] = [];
  const send = (...words: readonly (string | number)[]): void => void replies.push(client.send(...words));
  send('SET', 'string', 'value');
  send('SET', 'number', '-12345');
  send('SET', 'binary', '\x00\xff\r\n');
  send('SET', 'long', 'x'.repeat(100_000));
  send('SET', 'expiring', 'value', 'PXAT', 4_000_000_000_000);
  send('HSET', 'small hash', 'a', 1, 'b', 'two');
  send('RPUSH', 'small list', 'a', 1, 'a');
  send('SADD', 'integers', 1, 2, 3);
  send('SADD', 'small set', 'a', 'b', 7);
  send('ZADD', 'small zset', 1.5, 'a', '-inf', 'b', 0.1, 'c');
  for (let i = 0; i < 3000; i++) {
    send('HSET', 'large hash', `field ${i}`, `value ${i}`);
    send('RPUSH', 'large list', `item ${i}`);
    send('SADD', 'large set', `member ${i}`);
    send('ZADD', 'large zset', i / 7, `member ${i}`);
  }
  send('PEXPIREAT', 'large hash', 4_000_000_000_000);
  send('PEXPIREAT', 'small zset', 4_000_000_000_000);
  send('SELECT', 3);
  for (let i = 0; i < 1000; i++) send('SET', `key:${i}`, i);
  send('SELECT', 0);
  for (const reply of await Promise.all(replies)) expect(reply).not.toBeInstanceOf(Error);
}

describe('a node', () => {
  test('finds again what it saved on SIGTERM, and nothing of what came after SHUTDOWN NOSAVE was asked', async () => {
    const folder = newFolder();
    const first = ours(folder);
    let client = await clientOf(OURS);
    await fill(client);
    const digest = await client.send('DEBUG', 'DIGEST');
    first.process.kill('SIGTERM');
    expect(await first.ended).toBe(0);

    const second = ours(folder);
    client = await clientOf(OURS);
    expect(await client.send('DEBUG', 'DIGEST')).toBe(digest);
    expect(await client.send('INFO', 'persistence')).toContain('rdb_changes_since_last_save:0\r\n');
    await client.send('SET', 'later', 'value');
    void client.send('SHUTDOWN', 'NOSAVE');
    expect(await second.ended).toBe(0);

    ours(folder, '--save', '');
    client = await clientOf(OURS);
    expect(await client.send('DEBUG', 'DIGEST')).toBe(digest);
  }, 20_000);

  test('is the same dataset after SAVE, BGSAVE and DEBUG RELOAD', async () => {
    const folder = newFolder();
    ours(folder, '--save', '');
    const client = await clientOf(OURS);
    await fill(client);
    const digest = await client.send('DEBUG', 'DIGEST');
    expect(await client.send('DEBUG', 'RELOAD')).toBe('OK');
    expect(await client.send('DEBUG', 'DIGEST')).toBe(digest);
    await client.send('SET', 'string', 'other');
    expect(await client.send('BGSAVE')).toBe('Background saving started');
    await client.send('SET', 'string', 'after the save began');
    await client.until('rdb_bgsave_in_progress:0', 'INFO', 'persistence');
    expect(await client.send('INFO', 'persistence')).toContain('rdb_changes_since_last_save:1\r\n');
    expect(await client.send('DEBUG', 'RELOAD', 'NOSAVE')).toBe('OK');
    expect(await client.send('GET', 'string')).toBe('other');
    expect(await client.send('SAVE')).toBe('OK');
  }, 20_000);

  test('that cannot save says so, refuses writes while save points are set, and takes them again after a save', async () => {
    const folder = newFolder();
    ours(folder, '--save', '3600 1');
    const client = await clientOf(OURS);
    await client.send('CONFIG', 'SET', 'dir', join(folder, 'absent'));
    expect(String(await client.send('SAVE'))).toContain('ENOENT');
    expect(String(await client.send('SET', 'key', 'value'))).toMatch(/^(?:ReplyError: )?MISCONF /);
    expect(await client.send('INFO', 'persistence')).toContain('rdb_last_bgsave_status:err');
    await client.send('CONFIG', 'SET', 'dir', folder);
    expect(await client.send('SAVE')).toBe('OK');
    expect(await client.send('SET', 'key', 'value')).toBe('OK');
  }, 20_000);

  test('refuses a damaged file, says what to do, and leaves the file alone', async () => {
    const folder = newFolder();
    const first = ours(folder);
    const client = await clientOf(OURS);
    await fill(client);
    expect(await client.send('SAVE')).toBe('OK');
    first.process.kill('SIGKILL');
    await first.ended;
    const path = join(folder, 'dump.rdb');
    const bytes = readFileSync(path);
    const middle = Math.floor(bytes.length / 2);
    bytes[middle] = bytes[middle]! ^ 1;
    writeFileSync(path, bytes);

    const second = ours(folder);
    expect(await second.ended).toBe(1);
    expect(second.output).toMatch(/dump\.rdb: .*(restore|backup|replica)/);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  }, 20_000);
});

describe.skipIf(valkey === null)('beside a real valkey-server', () => {
  test("each loads the other's file, and both have the same digest", async () => {
    const folder = newFolder();
    ours(folder, '--save', '');
    const own = await clientOf(OURS);
    await fill(own);
    const digest = await own.send('DEBUG', 'DIGEST');
    expect(await own.send('SAVE')).toBe('OK');

    const real = theirs(folder);
    const their = await clientOf(THEIRS);
    expect(await their.send('DEBUG', 'DIGEST')).toBe(digest);
    const key = 'large zset';
    expect(await their.send('DEBUG', 'DIGEST-VALUE', key, 'absent')).toEqual(
      await own.send('DEBUG', 'DIGEST-VALUE', key, 'absent'),
    );
    await their.send('SET', 'compressible', 'ab'.repeat(5000));
    await their.send('DEL', 'small set');
    const theirDigest = await their.send('DEBUG', 'DIGEST');
    expect(await their.send('SAVE')).toBe('OK');
    real.process.kill('SIGKILL');

    expect(await own.send('DEBUG', 'RELOAD', 'NOSAVE')).toBe('OK');
    expect(await own.send('DEBUG', 'DIGEST')).toBe(theirDigest);
    expect(await own.send('GET', 'compressible')).toBe('ab'.repeat(5000));
  }, 20_000);

  test.each([
    ['BGSAVE', 'CANCEL'],
    ['BGSAVE', 'NONSENSE'],
    ['BGSAVE', 'SCHEDULE', 'MORE'],
    ['SAVE', 'MORE'],
    ['DEBUG'],
    ['DEBUG', 'NONSENSE'],
    ['DEBUG', 'OBJECT', 'absent'],
  ])(
    '%s %s is answered as it is there',
    async (...words) => {
      const folder = newFolder();
      ours(folder, '--save', '');
      theirs(folder);
      const [own, their] = [await clientOf(OURS), await clientOf(THEIRS)];
      expect(String(await own.send(...words))).toBe(String(await their.send(...words)));
    },
    20_000,
  );

  test('no temporary file is left', async () => {
    const folder = newFolder();
    const server = ours(folder);
    const client = await clientOf(OURS);
    await fill(client);
    expect(await client.send('BGSAVE')).toBe('Background saving started');
    server.process.kill('SIGTERM');
    expect(await server.ended).toBe(0);
    expect(existsSync(join(folder, `temp-${server.process.pid}-dump.rdb`))).toBe(false);
  }, 20_000);
});
