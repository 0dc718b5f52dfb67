/** CLUSTERSCAN over two nodes: real processes, since the cursor leads from one to the other by redirection. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'iovalkey';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

const PORTS = [17682, 17683] as const;
const KEYS = 500;
const children: ChildProcess[] = [];
const folders: string[] = [];
let clients: Redis[] = [];

beforeAll(async () => {
  for (const port of PORTS) {
    const folder = mkdtempSync(join(tmpdir(), 'keyherd-scan-'));
    folders.push(folder);
    const args = [
      '--port',
      `${port}`,
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--cluster-enabled',
      'yes',
      '--save',
      '',
    ];
    const main = new URL('../main.ts', import.meta.url).pathname;
    children.push(spawn(process.execPath, [main, ...args], { stdio: 'ignore' }));
  }
  clients = PORTS.map(
    (port) => new Redis({ port, host: '127.0.0.1', retryStrategy: () => 50, maxRetriesPerRequest: null }),
  );
  for (const client of clients) client.on('error', () => {}); // Until the node listens.
  await clients[0]!.call('CLUSTER', 'ADDSLOTSRANGE', 0, 5000, 10001, 16383);
  await clients[1]!.call('CLUSTER', 'ADDSLOTSRANGE', 5001, 10000);
  await clients[0]!.call('CLUSTER', 'MEET', '127.0.0.1', PORTS[1]);
  await vi.waitFor(
    async () => {
      for (const client of clients) expect(String(await client.call('CLUSTER', 'INFO'))).toContain('cluster_state:ok');
    },
    { timeout: 20_000, interval: 100 },
  );
});

afterAll(() => {
  for (const client of clients) client.disconnect();
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Sends a command to the node that it is redirected to. */
async function routed(...words: readonly string[]): Promise<unknown> {
  for (const client of clients) {
    try {
      return await client.call(words[0]!, ...words.slice(1));
    } catch (error) {
      if (!String(error).includes('MOVED')) throw error;
    }
  }
  throw new Error(`nobody serves ${words.join(' ')}`);
}

async function scanAll(...options: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  let cursor = '0';
  do {
    const [next, keys] = (await routed('CLUSTERSCAN', cursor, ...options)) as [string, string[]];
    found.push(...keys);
    cursor = next;
  } while (cursor !== '0');
  return found;
}

test('one cursor leads over all keys of all nodes, each told once', async () => {
  for (let i = 0; i < KEYS; i++) await routed('SET', `key:${i}`, 'value');
  const all = Array.from({ length: KEYS }, (_, i) => `key:${i}`).sort();
  expect((await scanAll('COUNT', '50')).sort()).toEqual(all);
  expect((await scanAll('MATCH', 'key:1*')).sort()).toEqual(all.filter((key) => key.startsWith('key:1')));
});

test('a scan of one slot tells its keys alone', async () => {
  for (let i = 0; i < 30; i++) await routed('SET', `{tag}${i}`, 'value');
  const slot = String(await routed('CLUSTER', 'KEYSLOT', 'tag'));
  const found = await scanAll('SLOT', slot, 'COUNT', '7');
  expect(found.filter((key) => key.startsWith('{tag}'))).toHaveLength(30);
  for (const key of found) expect(String(await routed('CLUSTER', 'KEYSLOT', key))).toBe(slot);
});

test('a cursor of a node with another hash seed begins the slot anew, so that nothing is missed', async () => {
  const [cursor] = (await routed('CLUSTERSCAN', '0-{tag}-0', 'COUNT', '5')) as [string, string[]];
  const tag = /\{.*\}/.exec(cursor)![0];
  const [, keys] = (await routed('CLUSTERSCAN', `zzzzzz-${tag}-4000000000`, 'COUNT', '1000')) as [string, string[]];
  const [, fromStart] = (await routed('CLUSTERSCAN', `0-${tag}-0`, 'COUNT', '1000')) as [string, string[]];
  expect(keys).toEqual(fromStart);
});
