/**
 * The Services: one headless per shard, which gives its pods names before they are ready (a cluster must form first),
 * and one for clients over all pods of the cluster that are ready.
 */

import type { V1Service } from '@kubernetes/client-node';
import type { ValkeyCluster } from '../../../api/index.ts';
import type { ShardWorkload } from '../../../model/workload.ts';
import { clusterMetadata, shardMetadata } from './metadata.ts';
import { BUS_PORT, CLIENT_PORT, headlessServiceName, selectorLabels } from './names.ts';

const CLIENT = { name: 'client', port: CLIENT_PORT, targetPort: 'client', protocol: 'TCP' };
const BUS = { name: 'bus', port: BUS_PORT, targetPort: 'bus', protocol: 'TCP' };

export function buildHeadlessService(cluster: ValkeyCluster, workload: ShardWorkload): V1Service {
  return {
    metadata: shardMetadata(cluster, workload, headlessServiceName(workload.name)),
    spec: {
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: selectorLabels(cluster.metadata.name, workload.shardIndex),
      ports: [CLIENT, BUS],
    },
  };
}

export function buildClientService(cluster: ValkeyCluster): V1Service {
  return {
    metadata: clusterMetadata(cluster, cluster.metadata.name),
    spec: { type: 'ClusterIP', selector: selectorLabels(cluster.metadata.name), ports: [CLIENT] },
  };
}
