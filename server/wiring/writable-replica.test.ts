/** A replica that takes writes of its own (replica-read-only no), between processes: they stay with it, and never mix with the stream it copies. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'iovalkey';
import { afterEach, expect, test, vi } from 'vitest';

const PORTS = [17_961, 17_962, 17_963] as const;
const MAIN = new URL('../main.ts', import.meta.url).pathname;
const children: ChildProcess[] = [];
const folders: string[] = [];
const clients: Redis[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  // The next test listens at the same ports.
  const ended = children.map((child) => new Promise((resolve) => child.once('exit', resolve)));
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.all(ended);
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function start(port: number, ...directives: readonly string[]): Redis {
  const folder = mkdtempSync(join(tmpdir(), 'keyherd-writable-'));
  folders.push(folder);
  const words = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...directives];
  children.push(spawn(process.execPath, [MAIN, ...words], { stdio: 'ignore' }));
  const client = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 50, maxRetriesPerRequest: null });
  client.on('error', () => {}); // Until it listens.
  clients.push(client);
  return client;
}

async function says(client: Redis, text: string): Promise<void> {
  await vi.waitFor(async () => expect(await client.info()).toContain(text), { timeout: 30_000, interval: 50 });
}

async function offsetOf(client: Redis): Promise<string> {
  return /master_repl_offset:(\d+)/.exec(await client.info('replication'))![1]!;
}

test('its own writes reach neither its replicas nor its history, and its primary’s go on', async () => {
  const primary = start(PORTS[0]);
  const middle = start(PORTS[1], '--replicaof', `127.0.0.1 ${PORTS[0]}`, '--replica-read-only', 'no');
  const last = start(PORTS[2], '--replicaof', `127.0.0.1 ${PORTS[1]}`);
  await says(middle, 'master_link_status:up');
  await says(last, 'master_link_status:up');
  await primary.set('shared', 'before');
  await middle.set('own', '1');
  await middle.multi().incr('own').incr('own').exec();
  await middle.eval("redis.call('INCR', 'own') return redis.call('INCR', 'own')", 0);
  await middle.blpop('own-list', 0.01);
  await middle.set('own-short', '1', 'PX', 1);
  await primary.set('shared', 'after');
  await vi.waitFor(async () => expect(await last.get('shared')).toBe('after'), { timeout: 10_000 });
  expect(await middle.get('shared')).toBe('after');
  expect(await middle.get('own')).toBe('5');
  expect(await last.keys('own*')).toEqual([]);
  expect(await primary.keys('own*')).toEqual([]);
  // Its offset is its primary's: what it wrote itself counts nothing, and a lost link is taken up where it was.
  expect(await offsetOf(middle)).toBe(await offsetOf(primary));
  await primary.call('CLIENT', 'KILL', 'TYPE', 'replica');
  await primary.set('shared', 'again');
  await vi.waitFor(async () => expect(await last.get('shared')).toBe('again'), { timeout: 10_000 });
  expect(await middle.get('own')).toBe('5');
  await says(primary, 'sync_full:1\r');
}, 60_000);

test('what a transaction writes before and after it makes the node a replica is in no primary’s stream', async () => {
  const primary = start(PORTS[0]);
  const node = start(PORTS[1], '--replica-read-only', 'no');
  const last = start(PORTS[2], '--replicaof', `127.0.0.1 ${PORTS[1]}`);
  await primary.set('shared', 'it');
  await says(last, 'master_link_status:up');
  await node.multi().set('a', '1').replicaof('127.0.0.1', PORTS[0]).set('b', '1').exec();
  await says(node, 'master_link_status:up');
  await vi.waitFor(async () => expect(await last.get('shared')).toBe('it'), { timeout: 10_000 });
  expect(await node.keys('*')).toEqual(['shared']);
  expect(await last.keys('*')).toEqual(['shared']);
  await primary.set('shared', 'more');
  await vi.waitFor(async () => expect(await last.get('shared')).toBe('more'), { timeout: 10_000 });
  expect(await offsetOf(node)).toBe(await offsetOf(primary));
}, 60_000);
