/**
 * The informers that the operator looks at in place of asking the API server: one per kind, shared by all clusters,
 * restricted by label to what the operator made (a ValkeyCluster is anybody's, so those are watched whole).
 */

import type { ApiClient } from './api/client.ts';
import { Informer } from './api/informer.ts';
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
import { CLUSTER_LABEL, MANAGED_SELECTOR } from './build/index.ts';

/** What a look needs of a cache. */
export type Cache = Pick<Informer, 'get' | 'list' | 'absorb'>;

export interface CacheSet<C = Cache> {
  readonly clusters: C;
  readonly statefulSets: C;
  readonly pods: C;
  readonly services: C;
  readonly configMaps: C;
  readonly budgets: C;
  readonly claims: C;
}

const WATCHED: Readonly<Record<keyof CacheSet, Resource>> = {
  clusters: VALKEY_CLUSTERS,
  statefulSets: STATEFUL_SETS,
  pods: PODS,
  services: SERVICES,
  configMaps: CONFIG_MAPS,
  budgets: POD_DISRUPTION_BUDGETS,
  claims: VOLUME_CLAIMS,
};

export interface CacheOptions {
  readonly client: Pick<ApiClient, 'list' | 'watch'>;
  /** '' for all. */
  readonly namespace: string;
  /** Something of this cluster changed: the resource itself, or an object that belongs to it. */
  readonly onChange: (
    namespace: string,
    clusterName: string,
    resource: Resource,
    object: StoredObject,
    deleted: boolean,
  ) => void;
  readonly onRestart: (resource: Resource, error: unknown, pauseMs: number) => void;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly random: () => number;
}

export class Caches implements CacheSet<Informer> {
  readonly clusters: Informer;
  readonly statefulSets: Informer;
  readonly pods: Informer;
  readonly services: Informer;
  readonly configMaps: Informer;
  readonly budgets: Informer;
  readonly claims: Informer;

  constructor(options: CacheOptions) {
    this.clusters = follow(WATCHED.clusters, options);
    this.statefulSets = follow(WATCHED.statefulSets, options);
    this.pods = follow(WATCHED.pods, options);
    this.services = follow(WATCHED.services, options);
    this.configMaps = follow(WATCHED.configMaps, options);
    this.budgets = follow(WATCHED.budgets, options);
    this.claims = follow(WATCHED.claims, options);
  }

  /** Resolves once every cache holds its first list. */
  async start(): Promise<void> {
    await Promise.all(this.#all().map((informer) => informer.start()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all().map((informer) => informer.stop()));
  }

  #all(): Informer[] {
    return [this.clusters, this.statefulSets, this.pods, this.services, this.configMaps, this.budgets, this.claims];
  }
}

function follow(resource: Resource, options: CacheOptions): Informer {
  const { client, namespace } = options;
  const selector = resource === VALKEY_CLUSTERS ? '' : MANAGED_SELECTOR;
  return new Informer({
    source: {
      list: () => client.list(resource, namespace, selector),
      watch: (resourceVersion, signal) => client.watch(resource, namespace, selector, resourceVersion, signal),
    },
    onChange: (object, deleted) => {
      const { metadata } = object;
      const clusterName = resource === VALKEY_CLUSTERS ? metadata.name : metadata.labels[CLUSTER_LABEL];
      if (clusterName !== undefined) options.onChange(metadata.namespace, clusterName, resource, object, deleted);
    },
    onRestart: (error, pauseMs) => options.onRestart(resource, error, pauseMs),
    sleep: options.sleep,
    random: options.random,
  });
}
