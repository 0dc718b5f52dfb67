/**
 *  valkey-cluster.ts  one pass over one ValkeyCluster: observe, plan, act, tell
 *  status.ts          view and plan -> status
 *  publication.ts     when a status is worth a write
 */

export { statusOf } from './status.ts';
export { type Clock, ClusterReconciler, type Log, type Pass, type ReconcilerOptions } from './valkey-cluster.ts';
