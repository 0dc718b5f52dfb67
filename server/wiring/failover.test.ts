/** FAILOVER between real processes: of ours, and from and to a real valkey-server where there is one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'iovalkey';
import { afterEach, expect, test, vi } from 'vitest';
import { findValkeyServer } from '../../tools/valkey.ts';

const PORTS = [17_953, 17_954] as const;
const valkey = findValkeyServer();
if (valkey === null) process.stdout.write('skipped: no valkey-server 9.1 to fail over from and to\n');
const OURS: readonly string[] = [process.execPath, new URL('../main.ts', import.meta.url).pathname];
const THEIRS: readonly string[] = [valkey?.path ?? ''];
const children: ChildProcess[] = [];
const folders: string[] = [];
const clients: Redis[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function start(port: number, command: readonly string[], directives: readonly string[] = []): Redis {
  const folder = mkdtempSync(join(tmpdir(), 'keyherd-failover-'));
  folders.push(folder);
  const words = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
  children.push(spawn(command[0]!, [...command.slice(1), ...words, ...directives], { stdio: 'ignore' }));
  const client = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 50, maxRetriesPerRequest: null });
  client.on('error', () => {}); // Until it listens.
  clients.push(client);
  return client;
}

async function becomes(client: Redis, text: string): Promise<void> {
  await vi.waitFor(async () => expect(await client.info('replication')).toContain(text), {
    timeout: 60_000,
    interval: 50,
  });
}

const PAIRS: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['ours to ours', OURS, OURS],
  ['ours to a real one', OURS, THEIRS],
  ['a real one to ours', THEIRS, OURS],
];

test.each(PAIRS.filter((pair) => valkey !== null || !pair.includes(THEIRS)))(
  'FAILOVER hands over %s, loses nothing, and the old primary goes on as a replica without a full synchronisation',
  async (_, first, second) => {
    const primary = start(PORTS[0], first);
    const replica = start(PORTS[1], second, ['--replicaof', `127.0.0.1 ${PORTS[0]}`]);
    await becomes(replica, 'master_link_status:up');
    await becomes(primary, 'state=online');
    for (let i = 0; i < 200; i++) await primary.set(`key:${i}`, i);
    await expect(primary.call('FAILOVER', 'TO', '127.0.0.1', '1')).rejects.toThrow('not a replica');
    expect(await primary.call('FAILOVER', 'TO', '127.0.0.1', String(PORTS[1]), 'TIMEOUT', '20000')).toBe('OK');
    await becomes(replica, 'role:master');
    await becomes(primary, 'master_link_status:up');
    await becomes(primary, 'master_failover_state:no-failover');
    expect(await replica.dbsize()).toBe(200);
    await replica.set('after', '1');
    await vi.waitFor(async () => expect(await primary.get('after')).toBe('1'), { timeout: 10_000 });
    expect(await replica.info('stats')).toContain('sync_full:0');
  },
  60_000,
);

test('without replicas FAILOVER is refused, and one that cannot come about is given up in time', async () => {
  const alone = start(PORTS[0], OURS);
  await expect(alone.call('FAILOVER')).rejects.toThrow('requires connected replicas');
  await expect(alone.call('FAILOVER', 'ABORT')).rejects.toThrow('No failover in progress');
  await expect(alone.call('FAILOVER', 'TIMEOUT', '0')).rejects.toThrow('timeout must be greater than 0');
});
