/**
 * Pure builders: a ValkeyCluster and a shard's workload in, objects of Kubernetes out.
 *  names.ts              names, labels, annotations, ports, paths
 *  metadata.ts           what every object carries
 *  stateful-set.ts       the StatefulSet, with pod.ts its pods
 *  services.ts           headless per shard, and one for clients
 *  config-map.ts         valkey.conf
 *  disruption-budget.ts  one pod of a shard at a time
 */
export { buildConfigMap, renderConfig } from './config-map.ts';
export { buildDisruptionBudget } from './disruption-budget.ts';
export { namespaceOf } from './metadata.ts';
export * from './names.ts';
export type { PodOptions } from './pod.ts';
export { buildClientService, buildHeadlessService } from './services.ts';
export { buildStatefulSet, type Persistence } from './stateful-set.ts';
