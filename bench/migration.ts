/**
 * Atomic slot migration without clients: every slot, with a million keys, from one server to another of its kind.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'iovalkey';
import { loadKeys } from './loader.ts';
import { type Effort, type Figure, median, type Pair, type Progress } from './measurements.ts';
import type { ServerCommand, ServerProcess, Servers } from './server-process.ts';

const KEYS = 1_000_000;
const LAST_SLOT = 16383;
const CLUSTER_ARGS = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '15000'];
/** How often the job's state is asked for. */
const POLL_MS = 10;
const MEET_TIMEOUT_MS = 20_000;
const MIGRATION_TIMEOUT_MS = 120_000;

/** Keys per second, from CLUSTER MIGRATESLOTS to the job's success. */
export async function measureMigration(
  servers: Servers,
  pair: Pair,
  effort: Effort,
  progress: Progress,
): Promise<Figure[]> {
  const runs: { ours: number[]; valkey: number[] } = { ours: [], valkey: [] };
  for (let run = 0; run < effort.runs; run++) {
    for (const which of ['valkey', 'ours'] as const) {
      const rate = await migrate(servers, pair[which], progress);
      progress(`migration: ${Math.round(rate / 1000)} k keys/s with ${pair[which].name}`);
      runs[which].push(rate);
    }
  }
  return [{ name: 'slot migration', unit: 'keys/s', ours: median(runs.ours), valkey: median(runs.valkey), runs }];
}

async function migrate(servers: Servers, command: ServerCommand, progress: Progress): Promise<number> {
  const clustered = { ...command, args: [...command.args, ...CLUSTER_ARGS] };
  const [source, target] = [await servers.start(clustered), await servers.start(clustered)];
  const [from, to] = [clientOf(source), clientOf(target)];
  try {
    await from.call('CLUSTER', 'ADDSLOTSRANGE', 0, LAST_SLOT);
    await from.call('CLUSTER', 'MEET', '127.0.0.1', target.port);
    await until('the nodes to be one cluster', MEET_TIMEOUT_MS, async () => {
      const infos = await Promise.all([from, to].map(async (client) => String(await client.call('CLUSTER', 'INFO'))));
      return infos.every((info) => info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:2'));
    });
    progress(`loading ${KEYS} keys into ${source.name}`);
    await loadKeys(source, 0, KEYS);
    const targetId = String(await to.call('CLUSTER', 'MYID'));
    const beganAtMs = performance.now();
    await from.call('CLUSTER', 'MIGRATESLOTS', 'SLOTSRANGE', 0, LAST_SLOT, 'NODE', targetId);
    await until('the migration to end', MIGRATION_TIMEOUT_MS, async () => {
      const job = JSON.stringify(await from.call('CLUSTER', 'GETSLOTMIGRATIONS'));
      if (/"(failed|cancelled)"/.test(job)) throw new Error(`${source.name}: the migration failed: ${job}`);
      return job.includes('"success"');
    });
    const seconds = (performance.now() - beganAtMs) / 1000;
    const arrived = Number(await to.call('DBSIZE'));
    if (arrived !== KEYS) throw new Error(`${target.name} holds ${arrived} of ${KEYS} keys after the migration`);
    return KEYS / seconds;
  } finally {
    from.disconnect();
    to.disconnect();
    await Promise.all([servers.stop(source), servers.stop(target)]);
  }
}

function clientOf(server: ServerProcess): Redis {
  return new Redis({ host: '127.0.0.1', port: server.port, maxRetriesPerRequest: 0 });
}

async function until(what: string, timeoutMs: number, holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + timeoutMs; performance.now() < end; await wait(POLL_MS))
    if (await holds()) return;
  throw new Error(`waited ${timeoutMs / 1000} s in vain for ${what}`);
}
