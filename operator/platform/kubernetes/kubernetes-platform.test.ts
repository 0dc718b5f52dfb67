/** The platform on an API server in memory: what it writes, in which order, and what it refuses. */

import { expect, test } from 'vitest';
import { shardWorkload } from '../../model/workload.ts';
import { ApiError } from './api/client.ts';
import { normalise, type RawObject, type StoredObject } from './api/objects.ts';
import type { Resource } from './api/resources.ts';
import type { Cache, CacheSet } from './caches.ts';
import { clusterOf, INCOMPLETE, KubernetesPlatform } from './kubernetes-platform.ts';

class MapCache implements Cache {
  readonly objects = new Map<string, StoredObject>();
  get(namespace: string, name: string) {
    return this.objects.get(`${namespace}/${name}`);
  }
  list() {
    return [...this.objects.values()];
  }
  absorb(raw: RawObject) {
    const object = normalise(raw);
    this.objects.set(`${object.metadata.namespace}/${object.metadata.name}`, object);
  }
}

/** Keeps what is applied (the fields of all managers together), as the API server would, and logs every write. */
class MemoryApi {
  readonly log: string[] = [];
  readonly stored = new Map<string, RawObject>();
  failWith: ApiError | undefined;
  #count = 0;

  async apply(
    resource: Resource,
    _namespace: string,
    name: string,
    object: object,
    options: { force: boolean; fieldManager?: string; subresource?: string },
  ): Promise<RawObject> {
    if (this.failWith) throw this.failWith;
    const kind = options.subresource === undefined ? resource.kind : `${resource.kind}/${options.subresource}`;
    this.log.push(`apply ${kind} ${name}${options.force ? ' by force' : ''}`);
    const sent = object as RawObject;
    const key = `${resource.kind}/${name}`;
    const old = this.stored.get(key);
    this.#count += 1;
    const next: RawObject = {
      ...old,
      ...sent,
      metadata: {
        uid: `${resource.kind}-${this.#count}`,
        generation: 1,
        ...old?.metadata,
        ...sent.metadata,
        resourceVersion: String(100 + this.#count),
      },
      spec: { ...(old?.spec as object | undefined), ...(sent.spec as object | undefined) },
    };
    this.stored.set(key, next);
    return next;
  }

  async delete(
    resource: Resource,
    _namespace: string,
    name: string,
    options: { uid: string; foreground?: boolean },
  ): Promise<void> {
    this.log.push(
      `delete ${resource.kind} ${name} ${options.uid}${options.foreground === true ? ' in the foreground' : ''}`,
    );
  }
}

function stage(spec: object = {}) {
  const caches: CacheSet<MapCache> = {
    clusters: new MapCache(),
    statefulSets: new MapCache(),
    pods: new MapCache(),
    services: new MapCache(),
    configMaps: new MapCache(),
    budgets: new MapCache(),
    claims: new MapCache(),
  };
  caches.clusters.absorb({
    metadata: { name: 'c', namespace: 'n', uid: 'cluster-uid', resourceVersion: '1', generation: 1 },
    spec,
  });
  const api = new MemoryApi();
  const events: string[] = [];
  let leading = true;
  const platform = new KubernetesPlatform({
    client: api,
    caches,
    namespace: 'n',
    name: 'c',
    pods: { imagePullPolicy: 'IfNotPresent' },
    serverImage: 'server:1',
    events: { record: async (_subject, event) => void events.push(event.reason) },
    mayAct: () => leading,
  });
  const stored = caches.clusters.get('n', 'c');
  if (stored === undefined) throw new Error('unreachable');
  const workload = (shardIndex = 0) => shardWorkload(clusterOf(stored), shardIndex, 'server:1');
  return {
    caches,
    api,
    events,
    platform,
    workload,
    loseTheLease: () => {
      leading = false;
    },
  };
}

test('creating a shard makes its companions, then the StatefulSet, then says how many nodes', async () => {
  const { api, platform, workload } = stage();
  await platform.ensureShard(workload());
  expect(api.log).toEqual([
    'apply Service c',
    'apply ConfigMap c-0',
    'apply Service c-0-nodes',
    'apply PodDisruptionBudget c-0',
    'apply StatefulSet c-0',
    'apply StatefulSet c-0 by force',
  ]);
  const [shard] = await platform.listShards();
  expect(shard).toMatchObject({
    shardIndex: 0,
    name: 'c-0',
    nodes: 2,
    hash: workload().hash,
    deleting: false,
    persistence: { mode: 'RDB', size: '1Gi' },
  });
});

test('updating a shard leaves its number of nodes alone', async () => {
  const { api, platform, workload } = stage();
  await platform.ensureShard(workload());
  const [shard] = await platform.listShards();
  await platform.scaleShard(0, shard?.uid ?? '', 5);
  api.log.length = 0;
  await platform.ensureShard({ ...workload(), hash: 'another' });
  expect(api.log.at(-1)).toBe('apply StatefulSet c-0 by force');
  expect((await platform.listShards())[0]).toMatchObject({ nodes: 5, hash: 'another' });
});

test('a pod made before the resources changed is outdated, and is deleted by its uid when it is to be restarted', async () => {
  const { api, caches, platform, workload } = stage();
  await platform.ensureShard(workload());
  const pod = (restartHash: string) => ({
    metadata: {
      name: 'c-0-1',
      namespace: 'n',
      uid: 'pod-uid',
      resourceVersion: '9',
      labels: { 'keyherd.dev/cluster': 'c', 'keyherd.dev/shard': '0' },
      annotations: { 'keyherd.dev/restart-hash': restartHash },
    },
  });
  caches.pods.absorb(pod(workload().restartHash));
  const outdated = async () => (await platform.listShards())[0]?.members.map((member) => member.outdated);
  expect(await outdated()).toEqual([false]);
  await platform.ensureShard({ ...workload(), hash: 'another', restartHash: 'another' });
  expect(await outdated()).toEqual([true]);
  api.log.length = 0;
  await expect(platform.restartNode(0, 'c-0-1', 'former/0')).rejects.toMatchObject({ kind: 'conflict' });
  await platform.restartNode(0, 'c-0-1', 'pod-uid/0');
  expect(api.log).toEqual(['delete Pod c-0-1 pod-uid']);
});

test('a shard whose budget somebody deleted is not up to date', async () => {
  const { caches, platform, workload } = stage();
  await platform.ensureShard(workload());
  caches.budgets.objects.clear();
  expect((await platform.listShards())[0]?.hash).toBe(INCOMPLETE);
});

test("somebody else's object of the same name is refused, not captured", async () => {
  const { caches, platform, workload } = stage();
  caches.configMaps.absorb({
    metadata: {
      name: 'c-0',
      namespace: 'n',
      uid: 'x',
      resourceVersion: '5',
      ownerReferences: [{ apiVersion: 'v1', kind: 'ValkeyCluster', name: 'other', uid: 'other-uid' }],
    },
  });
  await expect(platform.ensureShard(workload())).rejects.toMatchObject({
    kind: 'refused',
    message: expect.stringContaining('ConfigMap c-0 belongs to another owner'),
  });
});

test('a shard is deleted volumes first, each by its uid, and the StatefulSet last', async () => {
  const { api, caches, platform, workload } = stage();
  await platform.ensureShard(workload());
  await platform.ensureShard(workload(1));
  const labels = { 'keyherd.dev/cluster': 'c', 'keyherd.dev/shard': '0' };
  caches.claims.absorb({
    metadata: { name: 'data-c-0-0', namespace: 'n', uid: 'claim-uid', resourceVersion: '9', labels },
  });
  caches.claims.absorb({
    metadata: {
      name: 'data-c-1-0',
      namespace: 'n',
      uid: 'other',
      resourceVersion: '9',
      labels: { ...labels, 'keyherd.dev/shard': '1' },
    },
  });
  const [shard] = await platform.listShards();
  api.log.length = 0;
  await platform.deleteShard(0, shard?.uid ?? '');
  expect(api.log.map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
    'delete PersistentVolumeClaim data-c-0-0',
    'delete PodDisruptionBudget c-0',
    'delete Service c-0-nodes',
    'delete ConfigMap c-0',
    'delete StatefulSet c-0',
  ]);
  expect(api.log.at(-1)).toContain('in the foreground');
});

test('a shard that is not the one looked at is neither scaled nor deleted', async () => {
  const { api, platform, workload } = stage();
  await platform.ensureShard(workload());
  api.log.length = 0;
  await expect(platform.scaleShard(0, 'old-uid', 1)).rejects.toMatchObject({ kind: 'conflict' });
  await platform.deleteShard(0, 'old-uid');
  expect(api.log).toEqual([]);
});

test('without the Lease nothing is written', async () => {
  const { api, events, platform, workload, loseTheLease } = stage();
  loseTheLease();
  await expect(platform.ensureShard(workload())).rejects.toMatchObject({ kind: 'unavailable' });
  await platform.publishEvent({ type: 'Normal', reason: 'Created', message: '' });
  expect(api.log).toEqual([]);
  expect(events).toEqual([]);
});

test('a cluster that is gone or being deleted is null, and its status is not written', async () => {
  const { api, caches, platform } = stage();
  caches.clusters.absorb({
    metadata: {
      name: 'c',
      namespace: 'n',
      uid: 'cluster-uid',
      resourceVersion: '2',
      deletionTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: {},
  });
  expect(await platform.readCluster()).toBeNull();
  caches.clusters.objects.clear();
  expect(await platform.readCluster()).toBeNull();
  await platform.publishStatus({} as never);
  expect(api.log).toEqual([]);
});

test("the API server's refusals become the platform's words", async () => {
  const { api, platform, workload } = stage();
  for (const [status, kind] of [
    [409, 'conflict'],
    [422, 'refused'],
    [403, 'refused'],
    [429, 'unavailable'],
    [503, 'unavailable'],
    [0, 'unavailable'],
  ] as const) {
    api.failWith = new ApiError('apply', status, '', 'no');
    await expect(platform.ensureShard(workload())).rejects.toMatchObject({ name: 'PlatformError', kind });
  }
});

test('an empty image is the one this operator came with', async () => {
  const { platform } = stage();
  expect(await platform.resolveImage('')).toBe('server:1');
  expect(await platform.resolveImage('mine:2')).toBe('mine:2');
  expect(await platform.endpoint()).toBe('c.n.svc:6379');
});
