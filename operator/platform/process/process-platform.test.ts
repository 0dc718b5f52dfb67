import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { parseManifest } from '../../api/index.ts';
import { shardWorkload } from '../../model/workload.ts';
import type { PlatformNode } from '../platform.ts';
import { ProcessPlatform } from './process-platform.ts';
import { isRunning, signal } from './processes.ts';
import { StateDirectory } from './state.ts';

/** A process that does nothing but be there: what the platform runs is not its business. */
const IDLER = [process.execPath, '-e', 'setInterval(() => {}, 1000)'];
const FIRST_PORT = 17_200;

const cluster = parseManifest(
  'apiVersion: keyherd.dev/v1alpha1\nkind: ValkeyCluster\nmetadata: {name: test}\nspec: {replicas: 1}\n',
  'test',
);
const platforms: ProcessPlatform[] = [];
const directories: string[] = [];

afterEach(async () => {
  for (const platform of platforms.splice(0)) await platform.stop();
  for (const path of directories.splice(0)) {
    for (const { record } of new StateDirectory(path).allNodes())
      if (record.process !== null) signal(record.process, 'SIGKILL');
    rmSync(path, { recursive: true, force: true });
  }
});

function freshState(): StateDirectory {
  const path = mkdtempSync(join(tmpdir(), 'keyherd-test-'));
  directories.push(path);
  return new StateDirectory(path);
}

function platformOn(
  state: StateDirectory,
  command: readonly string[] = IDLER,
  firstPort = FIRST_PORT,
): ProcessPlatform {
  const platform = new ProcessPlatform({
    state,
    clusterUid: 'cluster-uid',
    command,
    firstPort,
    isReady: async () => true,
    onChange: () => {},
    onStatus: () => {},
    onEvent: () => {},
    log: () => {},
  });
  platforms.push(platform);
  platform.start();
  return platform;
}

async function members(platform: ProcessPlatform, shardIndex = 0): Promise<readonly PlatformNode[]> {
  const shards = await platform.listShards();
  return shards.find((shard) => shard.shardIndex === shardIndex)?.members ?? [];
}

/** Waits until a shard has this many nodes, all running. */
async function running(platform: ProcessPlatform, count: number, shardIndex = 0): Promise<readonly PlatformNode[]> {
  return await vi.waitFor(
    async () => {
      const nodes = await members(platform, shardIndex);
      expect(nodes.map((node) => node.phase)).toEqual(new Array(count).fill('Running'));
      return nodes;
    },
    { timeout: 10_000, interval: 20 },
  );
}

const uidOf = async (platform: ProcessPlatform): Promise<string> => (await platform.listShards())[0]?.uid ?? '';

test('a shard is started as told, named by ordinal, each node on a port of its own with a valkey.conf', async () => {
  const state = freshState();
  const platform = platformOn(state);
  await platform.ensureShard(shardWorkload(cluster, 0, 'local'));
  const nodes = await running(platform, 2);
  expect(nodes.map((node) => node.name)).toEqual(['test-0-0', 'test-0-1']);
  const ports = nodes.map((node) => node.address?.port);
  expect(new Set(ports).size).toBe(2);
  const config = readFileSync(join(state.nodePath(0, 1), 'valkey.conf'), 'utf8');
  expect(config).toContain(`port ${ports[1]}\n`);
  expect(config).toContain('bind 127.0.0.1\n');
  expect(config).toContain('cluster-announce-human-nodename cluster-uid.test-0-1\n');
  expect(config).toContain('shutdown-on-sigterm save failover\n');
});

test('a port on which somebody else listens is passed over', async () => {
  const somebody = createServer();
  await new Promise<void>((resolve) => somebody.listen(FIRST_PORT + 40, '127.0.0.1', resolve));
  const platform = platformOn(freshState(), IDLER, FIRST_PORT + 40);
  await platform.ensureShard({ ...shardWorkload(cluster, 0, 'local'), nodes: 1 });
  const [node] = await running(platform, 1);
  expect(node?.address?.port).toBe(FIRST_PORT + 41);
  await new Promise((resolve) => somebody.close(resolve));
});

test('a node that ends is started again in its place, as a new life of the same node', async () => {
  const platform = platformOn(freshState());
  await platform.ensureShard({ ...shardWorkload(cluster, 0, 'local'), nodes: 1 });
  const [first] = await running(platform, 1);
  process.kill(Number(first?.uid.split('.')[0]), 'SIGKILL');
  const second = await vi.waitFor(
    async () => {
      const [node] = await running(platform, 1);
      expect(node?.uid).not.toBe(first?.uid);
      return node;
    },
    { timeout: 10_000 },
  );
  expect(second).toMatchObject({ name: 'test-0-0', address: first?.address });
});

test('a node that is restarted by order begins anew with the present directives; another life of it is left alone', async () => {
  const state = freshState();
  const platform = platformOn(state);
  const workload = shardWorkload(cluster, 0, 'local');
  await platform.ensureShard({ ...workload, nodes: 1 });
  const [first] = await running(platform, 1);
  await platform.ensureShard({
    ...workload,
    nodes: 1,
    hash: 'another',
    directives: { ...workload.directives, 'tcp-backlog': '128' },
  });
  await expect(platform.restartNode(0, 'test-0-0', '1.1')).rejects.toMatchObject({ kind: 'conflict' });
  await platform.restartNode(0, 'test-0-0', first?.uid ?? '');
  await vi.waitFor(
    async () => {
      const [node] = await running(platform, 1);
      expect(node?.uid).not.toBe(first?.uid);
    },
    { timeout: 10_000 },
  );
  expect(readFileSync(join(state.nodePath(0, 0), 'valkey.conf'), 'utf8')).toContain('tcp-backlog 128\n');
});

test('the highest ordinals leave, and their directories with them', async () => {
  const state = freshState();
  const platform = platformOn(state);
  await platform.ensureShard({ ...shardWorkload(cluster, 0, 'local'), nodes: 3 });
  const before = await running(platform, 3);
  await platform.scaleShard(0, await uidOf(platform), 1);
  await vi.waitFor(async () => expect(await members(platform)).toHaveLength(1), { timeout: 10_000 });
  expect((await members(platform))[0]?.uid).toBe(before[0]?.uid);
  expect(state.ordinals(0)).toEqual([0]);
});

test('a deleted shard ends and leaves nothing, and its uid cannot delete its successor', async () => {
  const state = freshState();
  const platform = platformOn(state);
  const workload = shardWorkload(cluster, 0, 'local');
  await platform.ensureShard(workload);
  const nodes = await running(platform, 2);
  const uid = await uidOf(platform);
  await platform.deleteShard(0, uid);
  await expect(platform.ensureShard(workload)).rejects.toMatchObject({ name: 'PlatformError', kind: 'conflict' });
  await vi.waitFor(async () => expect(await platform.listShards()).toEqual([]), { timeout: 10_000 });
  expect(state.shardIndices()).toEqual([]);
  for (const node of nodes) expect(() => process.kill(Number(node.uid.split('.')[0]), 0)).toThrow();
  await platform.deleteShard(0, uid);
  await platform.ensureShard(workload);
  await expect(platform.deleteShard(0, uid)).rejects.toMatchObject({ kind: 'conflict' });
});

test('the next one adopts what runs: same processes, same uids', async () => {
  const state = freshState();
  const first = platformOn(state);
  await first.ensureShard(shardWorkload(cluster, 0, 'local'));
  const before = await running(first, 2);
  await first.stop();
  const second = platformOn(state);
  expect((await running(second, 2)).map((node) => node.uid)).toEqual(before.map((node) => node.uid));
});

test('a node started but not yet on record is adopted by its command line', async () => {
  const state = freshState();
  const first = platformOn(state);
  await first.ensureShard({ ...shardWorkload(cluster, 0, 'local'), nodes: 1 });
  const [before] = await running(first, 1);
  await first.stop();
  const record = state.readNode(0, 0);
  if (record === null) throw new Error('no record');
  state.writeNode(0, 0, { ...record, process: null });
  const second = platformOn(state);
  const [after] = await running(second, 1);
  expect(after?.uid).toBe(before?.uid);
});

test('a pid that has gone to a stranger is not adopted', async () => {
  const state = freshState();
  const first = platformOn(state);
  await first.ensureShard({ ...shardWorkload(cluster, 0, 'local'), nodes: 1 });
  const [before] = await running(first, 1);
  await first.stop();
  const record = state.readNode(0, 0);
  if (record?.process == null) throw new Error('no record');
  signal(record.process, 'SIGKILL');
  await vi.waitFor(() => expect(record.process !== null && isRunning(record.process)).toBe(false));
  // This test's own process stands in for the stranger: right pid, wrong start time.
  state.writeNode(0, 0, { ...record, process: { pid: process.pid, startTime: 'another' } });
  const second = platformOn(state);
  const [after] = await running(second, 1);
  expect(after?.uid).not.toBe(before?.uid);
  expect(after?.uid.startsWith(`${process.pid}.`)).toBe(false);
});

test('a server that cannot be started is told with its reason and tried again later', async () => {
  const platform = platformOn(freshState(), ['/nonexistent/server']);
  await platform.ensureShard({ ...shardWorkload(cluster, 0, 'local'), nodes: 1 });
  await vi.waitFor(async () => {
    expect((await members(platform))[0]).toMatchObject({
      phase: 'Stopped',
      phaseReason: expect.stringContaining('ENOENT'),
      ready: false,
    });
  });
});

test('the resource is read with its last status', async () => {
  const state = freshState();
  const platform = platformOn(state);
  expect(await platform.readCluster()).toBeNull();
  writeFileSync(join(state.path, 'desired.json'), JSON.stringify(cluster));
  expect((await platform.readCluster())?.metadata.name).toBe('test');
});
