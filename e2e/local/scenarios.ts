/**
 * What a cluster on processes must live through, each under the running checker: lost 0 and wrong 0, and what else its line says.
 * A scenario finds a ready cluster of 3 shards with 1 replica and leaves one.
 */
import { strictEqual } from 'node:assert';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from 'iovalkey';
import { isRunning, signal } from '../../operator/platform/process/index.ts';
import { Checker } from './checker.ts';
import { eventually, type LocalCluster, type Spec } from './local-cluster.ts';
import { movedBetween, ownersOf, type SlotOwners, shares } from './slot-owners.ts';

const READY_TIMEOUT_MS = 90_000;
/** From nothing to all slots served. */
const CREATE_BOUND_MS = 20_000;
const SIGTERM_GAP_MS = 1_000;
const SIGKILL_GAP_MS = 5_000;
const KILLS = 10;
/** Writes before and after the mischief, so that a gap shows as one. */
const CALM_MS = 2_000;
/** What lies in the cluster, so that a migration takes its time and has something to lose. */
const PRELOADED_KEYS = 60_000;
const PRELOAD_BATCH = 1_000;
const QUIET_AFTER_MISTAKE_MS = 1_500;

export interface Scenario {
  readonly name: string;
  readonly asserted: string;
  /** The cluster it wants to find. */
  readonly spec: Spec;
  /** Throws what is wrong; otherwise the figures. */
  run(cluster: LocalCluster): Promise<string>;
}

export const BASE: Spec = { shards: 3, replicas: 1, persistence: 'None' };
const DURABLE: Spec = { ...BASE, persistence: 'RDB' };

export const scenarios: readonly Scenario[] = [
  {
    name: 'create',
    asserted: 'every node says cluster_state:ok, 16384 slots in 3 shards, each with a replica; then written to',
    spec: BASE,
    async run(cluster) {
      const told = cluster.lines.find((line) => line.startsWith('ready ')) ?? '';
      for (const { name, port } of cluster.nodes()) {
        const info = String(await cluster.call(port, 'CLUSTER', 'INFO'));
        strictEqual(/cluster_state:(\w+)/.exec(info)?.[1], 'ok', `${name} says that the cluster is not whole`);
      }
      strictEqual(shares(await owners(cluster)).join(' '), '5461 5461 5462', 'slots of the shards');
      const seconds = Number(/after ([\d.]+) s/.exec(told)?.[1]);
      if (!(seconds * 1000 <= CREATE_BOUND_MS))
        throw new Error(`all slots were served after ${seconds} s, more than ${CREATE_BOUND_MS / 1000}`);
      return `served after ${seconds} s; ${await underWrites(cluster, [], {}, async () => '')}`;
    },
  },
  {
    name: 'shards',
    asserted: 'shards 3→4→3: exactly 4096 slots move each way, 60000 keys stay',
    spec: BASE,
    async run(cluster) {
      await preload(cluster);
      const before = await owners(cluster);
      return await underWrites(cluster, [], {}, async () => {
        const out = await timed(() => change(cluster, { shards: 4 }));
        const wide = await owners(cluster);
        strictEqual(movedBetween(before, wide), 4096, 'slots moved by 3→4');
        strictEqual(shares(wide).join(' '), '4096 4096 4096 4096', 'slots of the shards');
        const back = await timed(() => change(cluster, { shards: 3 }));
        const narrow = await owners(cluster);
        strictEqual(movedBetween(wide, narrow), 4096, 'slots moved by 4→3');
        strictEqual(cluster.pids().size, 6, 'processes that are left');
        await countPreloaded(cluster);
        return `3→4 in ${out} s, 4→3 in ${back} s`;
      });
    },
  },
  {
    name: 'replicas',
    asserted: 'replicas 1→2→1: every replica in sync, no slot moves',
    spec: BASE,
    async run(cluster) {
      const before = await owners(cluster);
      return await underWrites(cluster, [], {}, async () => {
        const out = await timed(() => change(cluster, { replicas: 2 }));
        const replicas = cluster
          .status()
          ?.shardStatuses.map((shard) => shard.replicas.filter((replica) => replica.linkUp).length);
        strictEqual(replicas?.join(' '), '2 2 2', 'replicas in sync');
        const back = await timed(() => change(cluster, { replicas: 1 }));
        strictEqual(cluster.pids().size, 6, 'processes that are left');
        strictEqual(
          movedBetween(before, await owners(cluster)) % 16384,
          await slotsOfMovedPrimaries(cluster, before),
          'slots moved between shards',
        );
        return `1→2 in ${out} s, 2→1 in ${back} s`;
      });
    },
  },
  {
    name: 'revert',
    asserted: 'a scale-out reverted half-way: 3 shards own all slots again, 60000 keys stay',
    spec: BASE,
    async run(cluster) {
      await preload(cluster);
      const before = await owners(cluster);
      return await underWrites(cluster, [], {}, async () => {
        cluster.edit({ ...cluster.spec, shards: 4 });
        const moved = await halfWay(cluster, before);
        const back = await timed(() => change(cluster, { shards: 3 }));
        strictEqual(cluster.pids().size, 6, 'processes that are left');
        strictEqual(shares(await owners(cluster)).length, 3, 'shards that own slots');
        await countPreloaded(cluster);
        return `reverted after ${moved} slots, converged in ${back} s`;
      });
    },
  },
  {
    name: 'sigterm-primary',
    asserted: `SIGTERM of a primary: its replica takes over, no shard without writes for ${SIGTERM_GAP_MS} ms`,
    spec: BASE,
    async run(cluster) {
      return await underWrites(cluster, [], { longestGapMs: SIGTERM_GAP_MS }, async () => {
        const port = await primaryPort(cluster);
        const id = cluster.processOf(port);
        signal(id, 'SIGTERM');
        const ended = await timed(() =>
          eventually('the process to end', 20_000, async () => (isRunning(id) ? undefined : true)),
        );
        const ready = await timed(() => cluster.ready(READY_TIMEOUT_MS));
        if ((await primaryPort(cluster)) === port) throw new Error('the same node is primary: nothing was handed over');
        return `ended in ${ended} s, whole again ${ready} s later`;
      });
    },
  },
  {
    name: 'roll',
    asserted: `a directive that is taken at start only restarts node after node, primaries after they handed over; no shard without writes for ${SIGTERM_GAP_MS} ms`,
    spec: BASE,
    async run(cluster) {
      return await underWrites(cluster, [], { longestGapMs: SIGTERM_GAP_MS }, async () => {
        const before = cluster.pids();
        const seconds = await timed(async () => {
          cluster.edit({ ...cluster.spec, config: { 'tcp-backlog': '128' } });
          await replaced(cluster, before);
        });
        for (const { name, port } of cluster.nodes()) {
          const [, value] = (await cluster.call(port, 'CONFIG', 'GET', 'tcp-backlog')) as string[];
          strictEqual(value, '128', `tcp-backlog of ${name}`);
        }
        cluster.edit(BASE); // An entry that goes restarts nobody.
        await cluster.ready(READY_TIMEOUT_MS);
        return `${before.size} nodes restarted in ${seconds} s`;
      });
    },
  },
  {
    name: 'sigkill-primary',
    asserted: `SIGKILL of a primary: nothing confirmed by WAIT 1 is lost, no shard without writes for ${SIGKILL_GAP_MS} ms`,
    spec: BASE,
    async run(cluster) {
      return await underWrites(cluster, ['--wait', '1'], { longestGapMs: SIGKILL_GAP_MS }, async () => {
        const port = await primaryPort(cluster);
        signal(cluster.processOf(port), 'SIGKILL');
        const taken = await timed(() =>
          eventually('another primary', 30_000, async () => ((await primaryPort(cluster)) === port ? undefined : true)),
        );
        const ready = await timed(() => cluster.ready(READY_TIMEOUT_MS));
        return `taken over in ${taken} s, whole again ${ready} s later`;
      });
    },
  },
  {
    name: 'sigkill-ten',
    asserted: `${KILLS} SIGKILLs of primaries, shard after shard: nothing confirmed by WAIT 1 is lost, no shard ever without writes for ${SIGKILL_GAP_MS} ms`,
    spec: BASE,
    async run(cluster) {
      return await underWrites(cluster, ['--wait', '1'], { longestGapMs: SIGKILL_GAP_MS }, async () => {
        const seconds: string[] = [];
        for (let kill = 0; kill < KILLS; kill++) {
          const shard = kill % cluster.spec.shards;
          const port = await primaryPort(cluster, shard);
          signal(cluster.processOf(port), 'SIGKILL');
          seconds.push(
            await timed(() =>
              eventually('another primary', 30_000, async () => {
                const ports = (await cluster.shards()).map((owner) => owner.port);
                return ports.length === cluster.spec.shards && !ports.includes(port) ? true : undefined;
              }),
            ),
          );
          await cluster.ready(READY_TIMEOUT_MS);
        }
        return `taken over after ${seconds.join(', ')} s`;
      });
    },
  },
  {
    name: 'sigkill-reconciler',
    asserted:
      'SIGKILL of the reconciler in the middle of a migration: no node notices, its successor moves exactly 4096 slots in all',
    spec: BASE,
    async run(cluster) {
      await preload(cluster);
      const before = await owners(cluster);
      return await underWrites(cluster, [], {}, async () => {
        cluster.edit({ ...cluster.spec, shards: 4 });
        const moved = await halfWay(cluster, before);
        const reconciler = cluster.reconcilerPid();
        const nodes = cluster.pids();
        process.kill(reconciler, 'SIGKILL');
        await eventually('another reconciler', 10_000, async () =>
          cluster.reconcilerPid() === reconciler ? undefined : true,
        );
        await cluster.ready(READY_TIMEOUT_MS);
        for (const [name, pid] of nodes) strictEqual(cluster.pids().get(name), pid, `pid of ${name}`);
        strictEqual(movedBetween(before, await owners(cluster)), 4096, 'slots moved');
        await countPreloaded(cluster);
        await change(cluster, { shards: 3 });
        return `killed after ${moved} slots`;
      });
    },
  },
  {
    name: 'malformed-manifest',
    asserted:
      'a malformed manifest: one line that names the field, no process and no slot touched, the next edit counts',
    spec: BASE,
    async run(cluster) {
      const before = await owners(cluster);
      const nodes = cluster.pids();
      return await underWrites(cluster, [], {}, async () => {
        const mistakes: [string, RegExp][] = [
          ['spec: {shards: 0}', /spec\.shards: 0 /],
          ['spec: {shard: 4}', /spec\.shard: /],
          ['spec: {config: {cluster-enabled: "no"}}', /spec\.config\.cluster-enabled: /],
          ['spec: [', /not YAML/],
        ];
        for (const [spec, names] of mistakes) {
          const from = cluster.lines.length;
          cluster.writeManifest(
            `apiVersion: keyherd.dev/v1alpha1\nkind: ValkeyCluster\nmetadata: {name: e2e}\n${spec}\n`,
          );
          await cluster.line(/^manifest error: /, 5_000, from);
          await sleep(QUIET_AFTER_MISTAKE_MS);
          const told = cluster.lines.slice(from).filter((line) => line.startsWith('manifest'));
          strictEqual(told.length, 1, `lines about ${spec}: ${told.join(' / ')}`);
          if (!names.test(told[0] ?? ''))
            throw new Error(`the line does not say what is wrong with ${spec}: ${told[0]}`);
        }
        strictEqual([...cluster.pids()].join(' '), [...nodes].join(' '), 'processes');
        strictEqual(movedBetween(before, await owners(cluster)), 0, 'slots moved');
        await change(cluster, { shards: 3 });
        return `${mistakes.length} mistakes`;
      });
    },
  },
  {
    name: 'front-killed',
    asserted: 'SIGKILL of the front: the nodes serve on, and the next keyherd local adopts them',
    spec: BASE,
    async run(cluster) {
      const nodes = cluster.pids();
      return await underWrites(cluster, [], {}, async () => {
        cluster.killFront();
        await sleep(CALM_MS);
        const from = cluster.lines.length;
        cluster.start();
        await cluster.line(/^ready /, READY_TIMEOUT_MS, from);
        await cluster.ready(READY_TIMEOUT_MS);
        strictEqual([...cluster.pids()].join(' '), [...nodes].join(' '), 'processes');
        return `${nodes.size} nodes adopted`;
      });
    },
  },
  {
    name: 'sigterm-all',
    asserted: 'SIGTERM of all nodes at once, with persistence: every key comes back',
    spec: DURABLE,
    async run(cluster) {
      await preload(cluster);
      return await underWrites(cluster, [], {}, async () => {
        const before = cluster.pids();
        for (const { process } of cluster.nodes()) if (process !== null) signal(process, 'SIGTERM');
        const back = await timed(async () => {
          await replaced(cluster, before);
        });
        await countPreloaded(cluster);
        return `whole again after ${back} s`;
      });
    },
  },
  {
    name: 'leave-nothing',
    asserted: 'SIGTERM of the front: exit code 0, no process and no file is left',
    spec: BASE,
    async run(cluster) {
      const ids = cluster.nodes().flatMap(({ process }) => (process === null ? [] : [process]));
      let code: number | null = null;
      const seconds = await timed(async () => {
        code = await cluster.stop();
      });
      strictEqual(code, 0, 'exit code');
      strictEqual(ids.filter(isRunning).length, 0, 'processes that are left');
      strictEqual(cluster.leftovers().join(' '), '', 'files that are left');
      return `${ids.length} nodes ended in ${seconds} s`;
    },
  },
];

/** Runs something while the checker writes, with calm before and after. */
async function underWrites(
  cluster: LocalCluster,
  extra: readonly string[],
  bounds: { longestGapMs?: number },
  run: () => Promise<string>,
): Promise<string> {
  const checker = await Checker.start(
    cluster.nodes().map(({ port }) => port),
    ...extra,
  );
  try {
    await sleep(CALM_MS);
    const figures = await run();
    await sleep(CALM_MS);
    const written = await checker.finish(bounds);
    return figures === '' ? written : `${figures}; ${written}`;
  } catch (error) {
    checker.abandon();
    throw error;
  }
}

async function change(cluster: LocalCluster, spec: Partial<Spec>): Promise<void> {
  cluster.edit({ ...cluster.spec, ...spec });
  await cluster.ready(READY_TIMEOUT_MS);
}

async function owners(cluster: LocalCluster): Promise<SlotOwners> {
  return ownersOf(await cluster.shards());
}

/** Slots that changed hands because another node of the same shard is primary by now: no slot moved. */
async function slotsOfMovedPrimaries(cluster: LocalCluster, before: SlotOwners): Promise<number> {
  const after = await cluster.shards();
  const known = new Set(before);
  return after
    .filter(({ nodeId }) => !known.has(nodeId))
    .flatMap(({ ranges }) => ranges)
    .reduce((sum, { start, end }) => sum + end - start + 1, 0);
}

/** Waits until some of the 4096 slots have moved and some have not. */
async function halfWay(cluster: LocalCluster, before: SlotOwners): Promise<number> {
  return await eventually('the migration to be half-way', READY_TIMEOUT_MS, async () => {
    const moved = movedBetween(before, await owners(cluster));
    if (moved >= 4096) throw new Error('the migration was over before it could be seen half-way');
    return moved > 0 ? moved : undefined;
  });
}

/** Every node is another process than before, and the cluster is ready. */
async function replaced(cluster: LocalCluster, before: ReturnType<LocalCluster['pids']>): Promise<void> {
  await eventually('every node to be another process', READY_TIMEOUT_MS, async () => {
    const now = cluster.pids();
    const areOthers = now.size === before.size && [...now].every(([name, pid]) => before.get(name) !== pid);
    return areOthers ? true : undefined;
  });
  await cluster.ready(READY_TIMEOUT_MS);
}

async function primaryPort(cluster: LocalCluster, shard = 0): Promise<number> {
  const owner = (await cluster.shards())[shard];
  if (owner === undefined) throw new Error(`fewer than ${shard + 1} shards own slots`);
  return owner.port;
}

async function timed(run: () => Promise<unknown>): Promise<string> {
  const startMs = performance.now();
  await run();
  return ((performance.now() - startMs) / 1000).toFixed(1);
}

async function preload(cluster: LocalCluster): Promise<void> {
  await onCluster(cluster, async (client) => {
    for (let from = 0; from < PRELOADED_KEYS; from += PRELOAD_BATCH) {
      await Promise.all(
        Array.from({ length: PRELOAD_BATCH }, (_, i) => client.set(`preloaded:${from + i}`, `value of ${from + i}`)),
      );
    }
  });
}

async function countPreloaded(cluster: LocalCluster): Promise<void> {
  await onCluster(cluster, async (client) => {
    let right = 0;
    for (let from = 0; from < PRELOADED_KEYS; from += PRELOAD_BATCH) {
      const values = await Promise.all(
        Array.from({ length: PRELOAD_BATCH }, (_, i) => client.get(`preloaded:${from + i}`)),
      );
      right += values.filter((value, i) => value === `value of ${from + i}`).length;
    }
    strictEqual(right, PRELOADED_KEYS, 'preloaded keys that are still right');
  });
}

async function onCluster(cluster: LocalCluster, run: (client: Cluster) => Promise<void>): Promise<void> {
  const client = new Cluster(cluster.nodes().map(({ port }) => ({ host: '127.0.0.1', port })));
  client.on('error', () => {}); // Each call tells its own.
  try {
    await run(client);
  } finally {
    client.disconnect();
  }
}
