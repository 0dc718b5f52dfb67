/**
 * The CLUSTER family beside a real valkey-server: the same commands to both, the same replies and errors from both.
 * Skipped with a line when there is no valkey-server 9.1.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findValkeyServer } from '../../tools/valkey.ts';
import { Resp2Client, type Resp2Reply } from '../testing/resp2-client.ts';

const OURS = 17680;
const THEIRS = 17681;
const valkey = findValkeyServer();
if (valkey === null) process.stdout.write('skipped: no valkey-server 9.1 to compare the CLUSTER commands with\n');

/** What differs between any two nodes. */
function normalise(reply: Resp2Reply): unknown {
  if (reply instanceof Error) return `error: ${normaliseText(reply.message)}`;
  if (Array.isArray(reply)) return reply.map(normalise);
  if (typeof reply === 'number') return reply === OURS || reply === THEIRS ? 'PORT' : reply;
  return reply === null ? null : normaliseText(reply as string);
}

function normaliseText(text: string): string {
  return text
    .replaceAll(/\b[0-9a-f]{40}\b/g, 'ID')
    .replaceAll(/\b(1768[01]|2768[01])\b/g, 'PORT')
    .replaceAll(/(cluster_stats_\w+):\d+/g, '$1:N');
}

const folders: string[] = [];
const processes: ChildProcess[] = [];
let ours: Resp2Client;
let theirs: Resp2Client;

function start(program: string, first: readonly string[], port: number): void {
  const folder = mkdtempSync(join(tmpdir(), 'keyherd-cluster-'));
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
    '--cluster-node-timeout',
    '2000',
  ];
  processes.push(spawn(program, [...first, ...args], { stdio: 'ignore' }));
}

beforeAll(async () => {
  if (valkey === null) return;
  start(process.execPath, [new URL('../main.ts', import.meta.url).pathname], OURS);
  start(valkey.path, [], THEIRS);
  [ours, theirs] = await Promise.all([Resp2Client.open(OURS), Resp2Client.open(THEIRS)]);
});

afterAll(() => {
  ours?.close();
  theirs?.close();
  for (const child of processes) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const UNKNOWN = 'f'.repeat(40);

/** In order: later ones see what earlier ones did. */
const CONVERSATION = [
  'CLUSTER',
  'CLUSTER NOSUCH',
  'CLUSTER MYID',
  'CLUSTER MYID x',
  'CLUSTER MYSHARDID',
  'CLUSTER KEYSLOT foo{bar}baz',
  'CLUSTER KEYSLOT',
  'CLUSTER SLOTS',
  'CLUSTER SHARDS',
  'CLUSTER NODES',
  'CLUSTER INFO',
  'CLUSTER LINKS',
  'CLUSTER HELP',
  'SET foo 1',
  'CLUSTER BUMPEPOCH',
  'CLUSTER BUMPEPOCH',
  'CLUSTER SET-CONFIG-EPOCH 7',
  'CLUSTER SET-CONFIG-EPOCH x',
  'CLUSTER SET-CONFIG-EPOCH -1',
  'CLUSTER ADDSLOTS x',
  'CLUSTER ADDSLOTS 16384',
  'CLUSTER ADDSLOTS 1 1',
  'CLUSTER ADDSLOTS 1 2 3',
  'CLUSTER ADDSLOTS 3 4',
  'CLUSTER ADDSLOTS',
  'CLUSTER DELSLOTS 9',
  'CLUSTER DELSLOTS 1 1',
  'CLUSTER DELSLOTS 2',
  'CLUSTER ADDSLOTSRANGE 10 5',
  'CLUSTER ADDSLOTSRANGE 10',
  'CLUSTER ADDSLOTSRANGE 10 20 30',
  'CLUSTER ADDSLOTSRANGE 10 20 15 30',
  'CLUSTER ADDSLOTSRANGE 10 20 30 40',
  'CLUSTER DELSLOTSRANGE 10 25',
  'CLUSTER DELSLOTSRANGE 10 12',
  'CLUSTER NODES',
  'CLUSTER SLOTS',
  'CLUSTER FLUSHSLOTS',
  'CLUSTER NODES',
  'CLUSTER COUNTKEYSINSLOT 16384',
  'CLUSTER COUNTKEYSINSLOT x',
  'CLUSTER COUNTKEYSINSLOT 5',
  'CLUSTER GETKEYSINSLOT 5 -1',
  'CLUSTER GETKEYSINSLOT 5 x',
  'CLUSTER GETKEYSINSLOT 5 10',
  `CLUSTER FORGET ${UNKNOWN}`,
  'CLUSTER FORGET short',
  `CLUSTER REPLICATE ${UNKNOWN}`,
  'CLUSTER REPLICATE NO TWO',
  'CLUSTER REPLICATE NO ONE',
  'CLUSTER REPLICATE a b c d',
  `CLUSTER REPLICAS ${UNKNOWN}`,
  `CLUSTER SLAVES ${UNKNOWN}`,
  `CLUSTER COUNT-FAILURE-REPORTS ${UNKNOWN}`,
  'CLUSTER FAILOVER',
  'CLUSTER FAILOVER FORCE',
  'CLUSTER FAILOVER LATER',
  'CLUSTER MEET 127.0.0.1',
  'CLUSTER MEET 127.0.0.1 x',
  'CLUSTER MEET 127.0.0.1 0',
  'CLUSTER MEET 127.0.0.1 70000',
  'CLUSTER MEET 127.0.0.1 7000 x',
  'CLUSTER MEET 127.0.0.1 7000 70000',
  'CLUSTER MEET 127.0.0.1 60000',
  'CLUSTER MEET 300.0.0.1 7000',
  'CLUSTER MEET name 7000',
  'CLUSTER SETSLOT 5',
  'CLUSTER SETSLOT x STABLE',
  'CLUSTER SETSLOT 5 STABLE',
  'CLUSTER SETSLOT 5 SOMEHOW',
  'CLUSTER SETSLOT 5 MIGRATING',
  `CLUSTER SETSLOT 5 MIGRATING ${UNKNOWN}`,
  `CLUSTER SETSLOT 5 IMPORTING ${UNKNOWN}`,
  `CLUSTER SETSLOT 5 NODE ${UNKNOWN}`,
  'CLUSTER SETSLOT 5 STABLE TIMEOUT',
  'CLUSTER ADDSLOTSRANGE 0 16383',
  `CLUSTER SETSLOT 5 MIGRATING ${UNKNOWN}`,
  'CLUSTER GETSLOTMIGRATIONS',
  'CLUSTER CANCELSLOTMIGRATIONS',
  'CLUSTER MIGRATESLOTS',
  'CLUSTER MIGRATESLOTS SLOTSRANGE 0',
  'CLUSTER MIGRATESLOTS SLOTSRANGE 0 NODE',
  'CLUSTER MIGRATESLOTS SLOTS 0 1 NODE x',
  'CLUSTER MIGRATESLOTS SLOTSRANGE x 1 NODE x',
  'CLUSTER MIGRATESLOTS SLOTSRANGE 5 1 NODE x',
  'CLUSTER MIGRATESLOTS SLOTSRANGE 0 5 3 8 NODE x',
  'CLUSTER MIGRATESLOTS SLOTSRANGE 0 99999 NODE x',
  'CLUSTER MIGRATESLOTS SLOTSRANGE 0 5 NODE',
  'CLUSTER MIGRATESLOTS SLOTSRANGE 0 5 NODE x',
  `CLUSTER MIGRATESLOTS SLOTSRANGE 0 5 NODE ${UNKNOWN}`,
  'CLUSTER SYNCSLOTS',
  'CLUSTER SYNCSLOTS NOSUCH',
  'CLUSTER SYNCSLOTS ACK',
  'CLUSTER SYNCSLOTS SNAPSHOT-EOF',
  'CLUSTER SYNCSLOTS REQUEST-PAUSE',
  'CLUSTER SYNCSLOTS PAUSED',
  'CLUSTER SYNCSLOTS REQUEST-FAILOVER',
  'CLUSTER SYNCSLOTS FAILOVER-GRANTED',
  'CLUSTER SYNCSLOTS ESTABLISH',
  `CLUSTER SYNCSLOTS ESTABLISH SOURCE ${UNKNOWN} NAME ${UNKNOWN} SLOTSRANGE 0 5`,
  'CLUSTER SYNCSLOTS ESTABLISH SOURCE x NAME y SLOTSRANGE 0 5',
  'CLUSTER SYNCSLOTS FINISH',
  `CLUSTER SYNCSLOTS FINISH STATE SUCCESS NAME ${UNKNOWN}`,
  'CLUSTER SLOT-STATS',
  'CLUSTER SLOT-STATS SLOTSRANGE 0',
  'CLUSTER SLOT-STATS SLOTSRANGE 5 1',
  'CLUSTER SLOT-STATS SLOTSRANGE 0 16384',
  'CLUSTER SLOT-STATS SLOTSRANGE a b',
  'CLUSTER SLOT-STATS ORDERBY NOSUCH',
  'CLUSTER SLOT-STATS ORDERBY cpu-usec',
  'CLUSTER SLOT-STATS ORDERBY key-count LIMIT 0',
  'CLUSTER SLOT-STATS ORDERBY key-count LIMIT 1 ASC LIMIT',
  'CLUSTER SLOT-STATS ORDERBY key-count UP',
  'CLUSTER SLOT-STATS BOTH 1',
  'CLUSTERSCAN',
  'CLUSTERSCAN 0 COUNT 5',
  'CLUSTER SAVECONFIG',
  'READONLY',
  'READWRITE',
  'ASKING',
  'READONLY x',
  'CLUSTER RESET MAYBE',
  'CLUSTER RESET SOFT HARD',
] as const;

describe.skipIf(valkey === null)('beside a real valkey-server', () => {
  test.each(CONVERSATION)('%s', async (line) => {
    const [mine, yours] = await Promise.all([ours.send(...line.split(' ')), theirs.send(...line.split(' '))]);
    expect(normalise(mine)).toEqual(normalise(yours));
  });

  test('keys, redirections and open slots of a cluster of one', async () => {
    const both = async (line: string): Promise<void> => {
      const [mine, yours] = await Promise.all([ours.send(...line.split(' ')), theirs.send(...line.split(' '))]);
      expect([line, normalise(mine)]).toEqual([line, normalise(yours)]);
    };
    for (let attempt = 0; attempt < 100; attempt++) {
      const states = await Promise.all([ours.send('CLUSTER', 'INFO'), theirs.send('CLUSTER', 'INFO')]);
      if (states.every((info) => String(info).startsWith('cluster_state:ok'))) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    for (const line of [
      'SET {a}1 x',
      'SET {a}2 y',
      'MGET {a}1 {b}1',
      'MGET {a}1 {a}2',
      'CLUSTER KEYSLOT {a}1',
      'CLUSTER SLOT-STATS SLOTSRANGE 15490 15497',
      'CLUSTER SLOT-STATS ORDERBY key-count LIMIT 2',
      'CLUSTER SLOT-STATS ORDERBY key-count LIMIT 2 ASC',
      'CLUSTERSCAN 0',
      'CLUSTERSCAN 0 SLOT 15495',
      'CLUSTERSCAN 0-{a}-0 SLOT 15495 COUNT 100',
      'CLUSTERSCAN 0-{a}-0 SLOT 7 COUNT 100',
      'CLUSTERSCAN 0-{a}-0 TYPE hash COUNT 100',
      'CLUSTERSCAN 0-{a}-0 TYPE nosuch',
      'CLUSTERSCAN 7',
      'CLUSTERSCAN 0-{a}',
      'CLUSTERSCAN 0 SLOT 16384',
      'CLUSTERSCAN 0 COUNT 0',
      'CLUSTERSCAN 0 NOSUCH',
      'CLUSTER COUNTKEYSINSLOT 15495',
      'CLUSTER GETKEYSINSLOT 15495 0',
      'CLUSTER FLUSHSLOTS',
      'CLUSTER RESET',
      'CLUSTER DELSLOTS 15495',
      'GET {a}1',
      'CLUSTER ADDSLOTS 15495',
      'MULTI',
      'SET {a}3 z',
      'GET {b}1',
      'EXEC',
      'CLUSTER FLUSHSLOT 15495',
      'CLUSTER FLUSHSLOT 15495 LATER',
      'CLUSTER COUNTKEYSINSLOT 15495',
      'DBSIZE',
      'FLUSHALL',
      'CLUSTER RESET HARD',
      'CLUSTER NODES',
    ]) {
      await both(line);
    }
  });
});
