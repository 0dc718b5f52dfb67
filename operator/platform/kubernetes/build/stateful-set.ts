/**
 * The StatefulSet of a shard. One per shard, because a StatefulSet gives up its highest ordinals when it shrinks:
 * a single one for the cluster could remove replicas, but not a shard.
 *
 * Updates are OnDelete: the operator alone decides when a pod goes. Pods start in parallel: none waits for another to be
 * ready. Volumes of pods that leave go with them, so that a later scale-out cannot revive an old nodes.conf; what
 * becomes of them when the ValkeyCluster is deleted is `reclaimPolicy`'s to say.
 *
 * `replicas` is not among these fields: it is applied on its own, by a field manager of its own, so that applying the
 * rest can never scale a shard.
 */

import type { V1PersistentVolumeClaim, V1StatefulSet } from '@kubernetes/client-node';
import type { ValkeyCluster } from '../../../api/index.ts';
import type { ShardWorkload } from '../../../model/workload.ts';
import { shardMetadata } from './metadata.ts';
import { headlessServiceName, labels, PERSISTENCE_ANNOTATION, selectorLabels } from './names.ts';
import { buildPodTemplate, DATA_VOLUME, type PodOptions } from './pod.ts';

export type Persistence = ShardWorkload['persistence'];

/**
 * `made` is the persistence that an existing StatefulSet was made with: its mode, size and class cannot change in place,
 * and are kept, while reclaimPolicy can.
 */
export function buildStatefulSet(
  cluster: ValkeyCluster,
  workload: ShardWorkload,
  options: PodOptions,
  made?: Persistence,
): V1StatefulSet {
  const persistence: Persistence =
    made === undefined ? workload.persistence : { ...made, reclaimPolicy: workload.persistence.reclaimPolicy };
  const metadata = shardMetadata(cluster, workload, workload.name);
  return {
    metadata: {
      ...metadata,
      annotations: { ...metadata.annotations, [PERSISTENCE_ANNOTATION]: JSON.stringify(persistence) },
    },
    spec: {
      serviceName: headlessServiceName(workload.name),
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'OnDelete' },
      revisionHistoryLimit: 2,
      selector: { matchLabels: selectorLabels(cluster.metadata.name, workload.shardIndex) },
      persistentVolumeClaimRetentionPolicy: { whenScaled: 'Delete', whenDeleted: persistence.reclaimPolicy },
      template: buildPodTemplate(cluster, { ...workload, persistence }, options),
      ...(persistence.mode === 'None'
        ? {}
        : { volumeClaimTemplates: [buildClaim(cluster.metadata.name, workload.shardIndex, persistence)] }),
    },
  };
}

function buildClaim(clusterName: string, shardIndex: number, persistence: Persistence): V1PersistentVolumeClaim {
  return {
    metadata: { name: DATA_VOLUME, labels: labels(clusterName, shardIndex) },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: persistence.size } },
      ...(persistence.storageClassName === undefined ? {} : { storageClassName: persistence.storageClassName }),
    },
  };
}
