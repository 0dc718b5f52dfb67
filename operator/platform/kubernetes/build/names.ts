/**
 * Names, labels, annotations, ports and paths of what a ValkeyCluster becomes in Kubernetes: the one place that knows them.
 */

import type { ValkeyCluster } from '../../../api/index.ts';
import type { OwnerReference } from '../api/objects.ts';

export const CLIENT_PORT = 6379;
/** Valkey's rule: the client port and 10000. */
export const BUS_PORT = CLIENT_PORT + 10_000;

export const DATA_DIRECTORY = '/data';
export const CONFIG_DIRECTORY = '/etc/keyherd';
export const CONFIG_FILE = 'valkey.conf';

export const MANAGED_BY = 'app.kubernetes.io/managed-by';
export const CLUSTER_LABEL = 'keyherd.dev/cluster';
export const SHARD_LABEL = 'keyherd.dev/shard';
/** Set by the StatefulSet controller on its pods. */
export const POD_INDEX_LABEL = 'apps.kubernetes.io/pod-index';

/** Hash of the workload that an object was built from, and the layout of the builders that built it. */
export const HASH_ANNOTATION = 'keyherd.dev/workload-hash';
/** On pods: ShardWorkload.restartHash of the workload that they were made from. */
export const RESTART_ANNOTATION = 'keyherd.dev/restart-hash';
export const LAYOUT_ANNOTATION = 'keyherd.dev/layout';
/** The persistence that a StatefulSet was made with, as JSON: its volume claim templates cannot change. */
export const PERSISTENCE_ANNOTATION = 'keyherd.dev/persistence';

/**
 * Raised when a builder makes something else of the same workload, so that a newer operator applies its objects anew.
 * That restarts no pod: StatefulSets are OnDelete, and a pod is outdated by its restart hash alone.
 */
export const LAYOUT = '2';

/** Selects everything that this operator made, in watches. */
export const MANAGED_SELECTOR = `${MANAGED_BY}=keyherd`;

export function clusterSelector(clusterName: string): string {
  return `${MANAGED_SELECTOR},${CLUSTER_LABEL}=${clusterName}`;
}

/** Labels by which the pods of a cluster, or of one of its shards, are selected; they never change. */
export function selectorLabels(clusterName: string, shardIndex?: number): Record<string, string> {
  return {
    [MANAGED_BY]: 'keyherd',
    [CLUSTER_LABEL]: clusterName,
    ...(shardIndex === undefined ? {} : { [SHARD_LABEL]: String(shardIndex) }),
  };
}

export function labels(clusterName: string, shardIndex?: number): Record<string, string> {
  return {
    'app.kubernetes.io/name': 'valkey',
    'app.kubernetes.io/instance': clusterName,
    'app.kubernetes.io/component': 'node',
    ...selectorLabels(clusterName, shardIndex),
  };
}

/** A suffix that no cluster's own Service has: with cluster `a` and cluster `a-0` side by side, `a-0` is taken. */
export function headlessServiceName(workloadName: string): string {
  return `${workloadName}-nodes`;
}

/** Deleting the ValkeyCluster deletes what it owns; there is no finalizer, which would wedge a namespace's deletion. */
export function ownerOf(cluster: ValkeyCluster): OwnerReference {
  const { name, uid } = cluster.metadata;
  if (uid === undefined) throw new Error(`${name} has no uid: it does not come from an API server`);
  return { apiVersion: 'keyherd.dev/v1alpha1', kind: 'ValkeyCluster', name, uid, controller: true };
}
