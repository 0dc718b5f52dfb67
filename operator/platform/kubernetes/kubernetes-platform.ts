/**
 * The platform that runs nodes as pods. It reads from the caches and writes to the API server; an answer to a write goes
 * into the cache at once, so that the next look sees it. An idle cluster makes it write nothing.
 *
 * Objects are applied with our field manager. What is not ours yet is applied without force: a Service or ConfigMap of
 * somebody else under the same name leads to a refusal with words, never to its capture.
 */

import type { ValkeyCluster, ValkeyClusterStatus } from '../../api/index.ts';
import { parseCluster } from '../../api/index.ts';
import type { ShardWorkload } from '../../model/workload.ts';
import { type Platform, PlatformError, type PlatformEvent, type PlatformShard } from '../platform.ts';
import { type ApiClient, ApiError, SCALE_FIELD_MANAGER } from './api/client.ts';
import type { StoredObject } from './api/objects.ts';
import {
  CONFIG_MAPS,
  POD_DISRUPTION_BUDGETS,
  PODS,
  type Resource,
  SERVICES,
  STATEFUL_SETS,
  VALKEY_CLUSTERS,
  VOLUME_CLAIMS,
} from './api/resources.ts';
import {
  buildClientService,
  buildConfigMap,
  buildDisruptionBudget,
  buildHeadlessService,
  buildStatefulSet,
  CLIENT_PORT,
  CLUSTER_LABEL,
  clusterSelector,
  HASH_ANNOTATION,
  headlessServiceName,
  LAYOUT,
  LAYOUT_ANNOTATION,
  PERSISTENCE_ANNOTATION,
  type Persistence,
  type PodOptions,
  RESTART_ANNOTATION,
  SHARD_LABEL,
} from './build/index.ts';
import type { Cache, CacheSet } from './caches.ts';
import type { EventRecorder } from './event-recorder.ts';
import { nodeOf } from './pod-state.ts';

/** Reported in place of a workload's hash when an object of it is missing or of another make: it is then applied anew. */
export const INCOMPLETE = 'incomplete';

export interface KubernetesPlatformOptions {
  readonly client: Pick<ApiClient, 'apply' | 'delete'>;
  readonly caches: CacheSet;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly namespace: string;
  readonly name: string;
  readonly pods: PodOptions;
  /** The image of nodes whose cluster names none. */
  readonly serverImage: string;
  /** False once the Lease may be another's: nothing is written then. */
  readonly mayAct: () => boolean;
}

interface StatefulSetSpec {
  readonly replicas?: number;
  readonly template?: { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } };
}

export class KubernetesPlatform implements Platform {
  readonly kind = 'kubernetes';
  readonly #options: KubernetesPlatformOptions;

  constructor(options: KubernetesPlatformOptions) {
    this.#options = options;
  }

  async readCluster(): Promise<ValkeyCluster | null> {
    const { caches, namespace, name } = this.#options;
    const stored = caches.clusters.get(namespace, name);
    if (stored === undefined || stored.metadata.deletionTimestamp !== undefined) return null;
    return clusterOf(stored);
  }

  async listShards(): Promise<readonly PlatformShard[]> {
    const sets = this.#ours(this.#options.caches.statefulSets);
    return sets.map((set) => this.#shardOf(set)).sort((a, b) => a.shardIndex - b.shardIndex);
  }

  async ensureShard(workload: ShardWorkload): Promise<void> {
    const { caches, namespace, pods } = this.#options;
    const cluster = await this.readCluster();
    if (cluster === null) throw new PlatformError('conflict', `${namespace}/${this.#options.name} is gone`);
    const existing = caches.statefulSets.get(namespace, workload.name);
    if (existing?.metadata.deletionTimestamp !== undefined) {
      throw new PlatformError('conflict', `StatefulSet ${workload.name} is still being deleted`);
    }
    const service = buildClientService(cluster);
    if (!this.#isCurrent(caches.services.get(namespace, cluster.metadata.name))) {
      await this.#apply(SERVICES, caches.services, service);
    }
    await this.#apply(CONFIG_MAPS, caches.configMaps, buildConfigMap(cluster, workload));
    await this.#apply(SERVICES, caches.services, buildHeadlessService(cluster, workload));
    await this.#apply(POD_DISRUPTION_BUDGETS, caches.budgets, buildDisruptionBudget(cluster, workload));
    const made = existing === undefined ? undefined : persistenceOf(existing);
    const set = await this.#apply(STATEFUL_SETS, caches.statefulSets, buildStatefulSet(cluster, workload, pods, made));
    if (existing === undefined) await this.#applyNodes(workload.name, set.metadata.uid, workload.nodes);
  }

  async scaleShard(shardIndex: number, uid: string, nodes: number): Promise<void> {
    const set = this.#shard(shardIndex, uid);
    if (set === undefined) throw new PlatformError('conflict', `shard ${shardIndex} is not the one that was looked at`);
    await this.#applyNodes(set.metadata.name, uid, nodes);
  }

  /** The StatefulSet makes the pod anew. Its grace period is the workload's: a primary hands over, and a node with a volume saves. */
  async restartNode(shardIndex: number, name: string, uid: string): Promise<void> {
    const { client, caches, namespace } = this.#options;
    const pod = caches.pods.get(namespace, name);
    const set = this.#ours(caches.statefulSets).find(
      (candidate) => candidate.metadata.labels[SHARD_LABEL] === String(shardIndex),
    );
    if (pod === undefined || set === undefined || nodeOf(pod, undefined).uid !== uid)
      throw new PlatformError('conflict', `${name} is not the pod that was looked at`);
    await this.#write(() => client.delete(PODS, namespace, name, { uid: pod.metadata.uid }));
  }

  /**
   * Volumes go first: they stay until their pods end, and after a crash in between the StatefulSet is still there to be
   * deleted again. The other way round, a volume left behind would bring an old nodes.conf into a later shard.
   */
  async deleteShard(shardIndex: number, uid: string): Promise<void> {
    const { caches, namespace } = this.#options;
    const set = this.#shard(shardIndex, uid);
    if (set === undefined) return;
    const ofShard = (cache: Cache) =>
      this.#ours(cache).filter((object) => object.metadata.labels[SHARD_LABEL] === String(shardIndex));
    const doomed: [Resource, StoredObject][] = [
      ...ofShard(caches.claims).map((claim): [Resource, StoredObject] => [VOLUME_CLAIMS, claim]),
      ...ofShard(caches.budgets).map((budget): [Resource, StoredObject] => [POD_DISRUPTION_BUDGETS, budget]),
      ...ofShard(caches.services).map((service): [Resource, StoredObject] => [SERVICES, service]),
      ...ofShard(caches.configMaps).map((map): [Resource, StoredObject] => [CONFIG_MAPS, map]),
    ];
    for (const [resource, object] of doomed) {
      await this.#write(() =>
        this.#options.client.delete(resource, namespace, object.metadata.name, { uid: object.metadata.uid }),
      );
    }
    await this.#write(() =>
      this.#options.client.delete(STATEFUL_SETS, namespace, set.metadata.name, { uid, foreground: true }),
    );
  }

  async resolveImage(wanted: string): Promise<string> {
    return wanted === '' ? this.#options.serverImage : wanted;
  }

  async endpoint(): Promise<string> {
    return `${this.#options.name}.${this.#options.namespace}.svc:${CLIENT_PORT}`;
  }

  selector(): string {
    return clusterSelector(this.#options.name);
  }

  async publishStatus(status: ValkeyClusterStatus): Promise<void> {
    const { client, caches, namespace, name } = this.#options;
    const stored = caches.clusters.get(namespace, name);
    // Without a uid, applying to a resource that was deleted meanwhile would be an attempt to create one.
    if (stored === undefined) return;
    const object = { metadata: { name, namespace, uid: stored.metadata.uid }, status };
    const answer = await this.#write(() =>
      client.apply(VALKEY_CLUSTERS, namespace, name, object, { force: true, subresource: 'status' }),
    );
    caches.clusters.absorb(answer);
  }

  async publishEvent(event: PlatformEvent): Promise<void> {
    const { caches, events, namespace, name, mayAct } = this.#options;
    const uid = caches.clusters.get(namespace, name)?.metadata.uid;
    if (uid !== undefined && mayAct()) await events.record({ namespace, name, uid }, event);
  }

  #shardOf(set: StoredObject): PlatformShard {
    const { caches } = this.#options;
    const shardIndex = Number(set.metadata.labels[SHARD_LABEL]);
    const members = this.#ours(caches.pods)
      .filter((pod) => pod.metadata.labels[SHARD_LABEL] === String(shardIndex))
      .map((pod) => nodeOf(pod, templateOf(set).annotations?.[RESTART_ANNOTATION]))
      .sort((a, b) => a.ordinal - b.ordinal);
    const { mode, size, storageClassName } = persistenceOf(set);
    return {
      shardIndex,
      name: set.metadata.name,
      uid: set.metadata.uid,
      nodes: (set.spec as StatefulSetSpec).replicas ?? 1,
      hash: this.#hashOf(set),
      persistence: { mode, size, ...(storageClassName === undefined ? {} : { storageClassName }) },
      deleting: set.metadata.deletionTimestamp !== undefined,
      members,
    };
  }

  /** The hash that all objects of the shard were built from; INCOMPLETE when they are not all there and alike. */
  #hashOf(set: StoredObject): string {
    const { caches, namespace, name } = this.#options;
    const hash = set.metadata.annotations[HASH_ANNOTATION] ?? INCOMPLETE;
    const companions = [
      set,
      caches.configMaps.get(namespace, set.metadata.name),
      caches.budgets.get(namespace, set.metadata.name),
      caches.services.get(namespace, headlessServiceName(set.metadata.name)),
    ];
    const alike = companions.every(
      (object) => this.#isCurrent(object) && object?.metadata.annotations[HASH_ANNOTATION] === hash,
    );
    return alike && this.#isCurrent(caches.services.get(namespace, name)) ? hash : INCOMPLETE;
  }

  #isCurrent(object: StoredObject | undefined): boolean {
    return (
      object !== undefined &&
      this.#owns(object) &&
      object.metadata.deletionTimestamp === undefined &&
      object.metadata.annotations[LAYOUT_ANNOTATION] === LAYOUT
    );
  }

  #shard(shardIndex: number, uid: string): StoredObject | undefined {
    return this.#ours(this.#options.caches.statefulSets).find(
      (set) => set.metadata.uid === uid && set.metadata.labels[SHARD_LABEL] === String(shardIndex),
    );
  }

  #ours(cache: Cache): StoredObject[] {
    const { namespace, name } = this.#options;
    return cache
      .list()
      .filter(({ metadata }) => metadata.namespace === namespace && metadata.labels[CLUSTER_LABEL] === name);
  }

  #owns(object: StoredObject): boolean {
    const uid = this.#options.caches.clusters.get(this.#options.namespace, this.#options.name)?.metadata.uid;
    return object.metadata.ownerReferences.some((owner) => owner.uid === uid);
  }

  async #apply(resource: Resource, cache: Cache, object: { metadata?: { name?: string } }): Promise<StoredObject> {
    const { client, namespace } = this.#options;
    const name = object.metadata?.name ?? '';
    const known = cache.get(namespace, name);
    if (known !== undefined && !this.#owns(known)) {
      throw new PlatformError(
        'refused',
        `${resource.kind} ${name} belongs to another owner; delete or rename it, or rename this ValkeyCluster`,
      );
    }
    const answer = await this.#write(() =>
      client.apply(resource, namespace, name, object, { force: known !== undefined }),
    );
    cache.absorb(answer);
    const stored = cache.get(namespace, name);
    if (stored === undefined)
      throw new PlatformError('unavailable', `${resource.kind} ${name}: the API server answered without the object`);
    return stored;
  }

  async #applyNodes(name: string, uid: string, nodes: number): Promise<void> {
    const { client, caches, namespace } = this.#options;
    const object = { metadata: { name, namespace, uid }, spec: { replicas: nodes } };
    const answer = await this.#write(() =>
      client.apply(STATEFUL_SETS, namespace, name, object, { force: true, fieldManager: SCALE_FIELD_MANAGER }),
    );
    caches.statefulSets.absorb(answer);
  }

  /** Asks for the Lease before every write, and says in the platform's words what went wrong. */
  async #write<T>(request: () => Promise<T>): Promise<T> {
    if (!this.#options.mayAct()) throw new PlatformError('unavailable', 'this operator does not hold the Lease');
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      throw new PlatformError(kindOf(error), error.message);
    }
  }
}

/** Reads a stored ValkeyCluster. The API server has checked it against the CRD, so a refusal here means that the CRD is of another version. */
export function clusterOf(stored: StoredObject): ValkeyCluster {
  const { namespace, name, uid, generation, labels, annotations, deletionTimestamp } = stored.metadata;
  return parseCluster(
    {
      apiVersion: 'keyherd.dev/v1alpha1',
      kind: 'ValkeyCluster',
      metadata: {
        namespace,
        name,
        uid,
        generation,
        labels,
        annotations,
        ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      },
      ...(stored.spec === undefined ? {} : { spec: stored.spec }),
      ...(stored.status === undefined ? {} : { status: stored.status }),
    },
    `${namespace}/${name}`,
  );
}

/** Metadata of the pods that the set makes now. */
function templateOf(set: StoredObject): { readonly annotations?: Readonly<Record<string, string>> } {
  return (set.spec as StatefulSetSpec | undefined)?.template?.metadata ?? {};
}

function persistenceOf(set: StoredObject): Persistence {
  const text = set.metadata.annotations[PERSISTENCE_ANNOTATION];
  if (text === undefined)
    throw new PlatformError(
      'refused',
      `StatefulSet ${set.metadata.name} has lost its annotation ${PERSISTENCE_ANNOTATION}; put it back, or delete the StatefulSet with --cascade=orphan`,
    );
  return JSON.parse(text) as Persistence;
}

function kindOf(error: ApiError): PlatformError['kind'] {
  if (error.status === 409) return 'conflict';
  return error.status >= 400 && error.status < 500 && error.status !== 429 ? 'refused' : 'unavailable';
}
