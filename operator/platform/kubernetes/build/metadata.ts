/** The metadata that every object of a shard carries: labels, owner, and the hash of what it was built from. */

import type { V1ObjectMeta } from '@kubernetes/client-node';
import type { ValkeyCluster } from '../../../api/index.ts';
import type { ShardWorkload } from '../../../model/workload.ts';
import { HASH_ANNOTATION, LAYOUT, LAYOUT_ANNOTATION, labels, ownerOf } from './names.ts';

export function shardMetadata(cluster: ValkeyCluster, workload: ShardWorkload, name: string): V1ObjectMeta {
  return {
    name,
    namespace: namespaceOf(cluster),
    labels: labels(cluster.metadata.name, workload.shardIndex),
    annotations: { [HASH_ANNOTATION]: workload.hash, [LAYOUT_ANNOTATION]: LAYOUT },
    ownerReferences: [ownerOf(cluster)],
  };
}

export function clusterMetadata(cluster: ValkeyCluster, name: string): V1ObjectMeta {
  return {
    name,
    namespace: namespaceOf(cluster),
    labels: labels(cluster.metadata.name),
    annotations: { [LAYOUT_ANNOTATION]: LAYOUT },
    ownerReferences: [ownerOf(cluster)],
  };
}

export function namespaceOf(cluster: ValkeyCluster): string {
  const { name, namespace } = cluster.metadata;
  if (namespace === undefined) throw new Error(`${name} has no namespace: it does not come from an API server`);
  return namespace;
}
