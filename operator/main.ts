/**
 * The operator's process: wires API server, Lease, caches, one reconciler per ValkeyCluster, and the endpoints for
 * health and metrics. It looks after clusters only while it holds the Lease, and exits when it loses it.
 */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as timer } from 'node:timers/promises';
import { pino } from 'pino';
import { ClusterReconciler, type Pass } from './controllers/index.ts';
import { isAct, SLOT_COUNT } from './model/index.ts';
import { NodeAdmin } from './node-client/admin.ts';
import {
  ApiClient,
  Caches,
  EventRecorder,
  inClusterNamespace,
  KubernetesPlatform,
  loadCredentials,
  type Resource,
  type StoredObject,
  VALKEY_CLUSTERS,
} from './platform/kubernetes/index.ts';
import { ClusterLoop } from './runtime/cluster-loop.ts';
import { serveEndpoints } from './runtime/endpoints.ts';
import { LEASE_TIMES } from './runtime/lease/election.ts';
import { Elector, newIdentity } from './runtime/lease/elector.ts';
import { Metrics } from './runtime/metrics.ts';
import { ProcessMetrics } from './runtime/process-metrics.ts';
import { readSettings, type Settings, SettingsError, usage } from './runtime/settings.ts';

/** A pass consists of calls with limits of seconds: one that lasts this long hangs, and only a restart helps. */
const HANGING_PASS_MS = 5 * 60_000;
/** After SIGTERM: how long the passes under way may take, before the Lease is given back. */
const DRAIN_LIMIT_MS = 5_000;

const STATES = ['Initializing', 'Reconciling', 'Ready', 'Degraded', 'Failed', 'Paused'];

async function main(settings: Settings): Promise<void> {
  const log = pino({
    level: settings.logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (level) => ({ level }) },
  });
  const metrics = new Metrics();
  const processMetrics = new ProcessMetrics(metrics, packageVersion());
  const identity = newIdentity();
  const now = () => performance.now();
  const client = new ApiClient(loadCredentials(process.env), (verb, resource, status) =>
    metrics.add('keyherd_api_requests_total', { verb, resource: resource.plural, status: String(status) }),
  );
  const events = new EventRecorder({
    client,
    identity,
    now,
    wallClock: () => new Date(),
    uuid: () => crypto.randomUUID(),
    onDropped: (reason) => {
      metrics.add('keyherd_events_dropped_total');
      log.warn({ reason: String(reason) }, 'an event was not written');
    },
  });

  /** By namespace and name; the uid tells a cluster from a namesake made since, for which a loop begins anew. */
  const loops = new Map<string, { readonly uid: string; readonly loop: ClusterLoop }>();
  /** Generation of each cluster as last seen: a change of status alone is our own. */
  const generations = new Map<string, number>();
  let synced = false;
  let stopping = false;

  const caches = new Caches({
    client,
    namespace: settings.watchNamespace,
    sleep,
    random: Math.random,
    onChange: (namespace, name, resource, object, deleted) => {
      if (isNews(generations, resource, object, deleted)) lookAt(namespace, name);
    },
    onRestart: (resource, error, pauseMs) => {
      metrics.add('keyherd_watch_restarts_total', { resource: resource.plural });
      log.warn(
        { resource: resource.plural, error: String(error), pauseMs },
        'following the API server was interrupted',
      );
    },
  });

  const elector = new Elector({
    client,
    identity,
    now,
    sleep,
    times: LEASE_TIMES,
    namespace: settings.leaseNamespace === '' ? inClusterNamespace() : settings.leaseNamespace,
    name: settings.leaseName,
    wallClock: () => new Date(),
    onLeading: () => {
      log.info({ identity }, 'holds the Lease');
      metrics.set('keyherd_leader', 1);
      for (const { metadata } of caches.clusters.list()) lookAt(metadata.namespace, metadata.name);
    },
    onLost: (reason) => {
      log.error({ identity, reason }, 'lost the Lease and exits');
      process.exit(1);
    },
    onError: (error) => log.warn({ error: String(error) }, 'the Lease could not be read or written'),
  });

  function lookAt(namespace: string, name: string): void {
    if (!synced || stopping || !elector.mayAct()) return;
    const key = `${namespace}/${name}`;
    const existing = loops.get(key);
    // A change of something left behind by a cluster that is gone concerns nobody.
    const uid = caches.clusters.get(namespace, name)?.metadata.uid;
    if (existing !== undefined && (uid === undefined || existing.uid === uid)) return existing.loop.poke();
    if (existing !== undefined) void existing.loop.stop();
    if (uid === undefined) return;
    const loop = newLoop(namespace, name, () => {
      if (loops.get(key)?.loop === loop) loops.delete(key);
    });
    loops.set(key, { uid, loop });
    loop.start();
  }

  function newLoop(namespace: string, name: string, onGone: () => void): ClusterLoop {
    const platform = new KubernetesPlatform({
      client,
      caches,
      events,
      namespace,
      name,
      pods: { imagePullPolicy: settings.imagePullPolicy },
      serverImage: settings.serverImage,
      mayAct: () => elector.mayAct(),
    });
    const clusterLog = log.child({ namespace });
    const reconciler = new ClusterReconciler({
      platform,
      admin: new NodeAdmin(),
      clock: { nowMs: () => Date.now() },
      log: clusterLog,
      mayAct: () => elector.mayAct(),
    });
    clusterLog.info('begins to look after the cluster');
    return new ClusterLoop({
      now,
      sleep,
      pass: async () => {
        const beganAtMs = now();
        const pass = await reconciler.reconcileOnce();
        metrics.add('keyherd_reconciles_total', { result: 'ok' });
        metrics.observe('keyherd_reconcile_duration_seconds', (now() - beganAtMs) / 1000);
        measure(metrics, namespace, name, pass);
        return pass.nextLookMs;
      },
      onError: (error, pauseMs) => {
        metrics.add('keyherd_reconciles_total', { result: 'error' });
        const message = error instanceof Error ? error.message : String(error);
        clusterLog.error({ error: message, pauseMs }, 'a look at the cluster failed');
        void platform.publishEvent({ type: 'Warning', reason: 'LookFailed', message });
      },
      onGone: () => {
        clusterLog.info('the cluster is gone');
        metrics.forget({ namespace, name });
        onGone();
      },
    });
  }

  const endpoints = await serveEndpoints({
    host: settings.bindAddress,
    port: settings.port,
    healthy: () => {
      const hanging = [...loops].find(([, { loop }]) => loop.passLastsMs() > HANGING_PASS_MS);
      return hanging === undefined ? undefined : `the pass over ${hanging[0]} hangs`;
    },
    ready: () => (synced ? undefined : 'the caches are not filled yet'),
    metrics: () => processMetrics.render(),
  });

  const stop = async (signal: string): Promise<void> => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stops');
    const drained = Promise.all([...loops.values()].map(({ loop }) => loop.stop()));
    await Promise.race([drained, timer(DRAIN_LIMIT_MS, undefined, { ref: false })]);
    await elector
      .release()
      .catch((error: unknown) => log.warn({ error: String(error) }, 'the Lease could not be given back'));
    await Promise.race([caches.stop(), timer(DRAIN_LIMIT_MS, undefined, { ref: false })]);
    await endpoints.close();
    client.close();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));

  log.info(
    { identity, version: packageVersion(), watchNamespace: settings.watchNamespace, port: endpoints.port },
    'starts',
  );
  await caches.start();
  synced = true;
  log.info({ clusters: caches.clusters.list().length }, 'caches are filled');
  elector.start();
}

function isNews(generations: Map<string, number>, resource: Resource, object: StoredObject, deleted: boolean): boolean {
  if (resource !== VALKEY_CLUSTERS) return true;
  const { uid, generation, deletionTimestamp } = object.metadata;
  if (deleted) generations.delete(uid);
  const known = generations.get(uid);
  if (!deleted) generations.set(uid, generation);
  return deleted || deletionTimestamp !== undefined || known !== generation;
}

function measure(metrics: Metrics, namespace: string, name: string, pass: Pass): void {
  const { status, view, steps } = pass;
  for (const step of steps.filter(isAct)) metrics.add('keyherd_steps_total', { step: step.kind });
  if (status === null || view === null) return;
  for (const state of STATES)
    metrics.set('keyherd_cluster_state', status.state === state ? 1 : 0, { namespace, name, state });
  metrics.set('keyherd_cluster_shards', status.shards, { namespace, name });
  metrics.set('keyherd_cluster_ready_shards', status.readyShards, { namespace, name });
  const assigned = status.shardStatuses.reduce((sum, shard) => sum + shard.slotCount, 0);
  metrics.set('keyherd_cluster_slots_assigned', Math.min(assigned, SLOT_COUNT), { namespace, name });
  metrics.set('keyherd_cluster_migration_slots_remaining', status.migration?.slotsRemaining ?? 0, { namespace, name });
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await timer(ms, undefined, { signal }).catch(() => {});
}

function packageVersion(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
    if (dirname(folder) === folder) throw new Error(`no package.json above ${import.meta.dirname}`);
  }
}

try {
  if (process.argv.includes('--help')) {
    process.stdout.write(`usage: operator [flags]\n${usage()}\n`);
  } else {
    await main(readSettings(process.argv.slice(2), process.env));
  }
} catch (error) {
  process.stderr.write(`operator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(error instanceof SettingsError ? 2 : 1);
}
