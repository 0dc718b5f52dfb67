/**
 * One budget per shard: a drain takes one pod of it at a time. A pod that is not ready may always be evicted, so that
 * a broken shard cannot block the drain of a machine for ever.
 */

import type { V1PodDisruptionBudget } from '@kubernetes/client-node';
import type { ValkeyCluster } from '../../../api/index.ts';
import type { ShardWorkload } from '../../../model/workload.ts';
import { shardMetadata } from './metadata.ts';
import { selectorLabels } from './names.ts';

export function buildDisruptionBudget(cluster: ValkeyCluster, workload: ShardWorkload): V1PodDisruptionBudget {
  return {
    metadata: shardMetadata(cluster, workload, workload.name),
    spec: {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: selectorLabels(cluster.metadata.name, workload.shardIndex) },
    },
  };
}
