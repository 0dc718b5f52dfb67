/**
 * The ConfigMap of a shard: valkey.conf, one directive a line. What differs between the pods of a shard (the address
 * to announce, the node's name) is not here but on the command line, from the pod's own environment.
 */

import type { V1ConfigMap } from '@kubernetes/client-node';
import type { ValkeyCluster } from '../../../api/index.ts';
import type { ShardWorkload } from '../../../model/workload.ts';
import { shardMetadata } from './metadata.ts';
import { CLIENT_PORT, CONFIG_FILE, DATA_DIRECTORY } from './names.ts';

/** Where a node listens and keeps its files in a pod. */
const PLATFORM_DIRECTIVES: Readonly<Record<string, string>> = {
  bind: '* -::*',
  port: String(CLIENT_PORT),
  // Pods are reached over the network, and the network decides who may.
  'protected-mode': 'no',
  dir: DATA_DIRECTORY,
};

export function buildConfigMap(cluster: ValkeyCluster, workload: ShardWorkload): V1ConfigMap {
  return {
    metadata: shardMetadata(cluster, workload, workload.name),
    data: { [CONFIG_FILE]: renderConfig({ ...workload.directives, ...PLATFORM_DIRECTIVES }) },
  };
}

/** Directives as valkey.conf: sorted, so that equal directives are equal text. */
export function renderConfig(directives: Readonly<Record<string, string>>): string {
  return Object.entries(directives)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => renderDirective(name, value))
    .join('');
}

function renderDirective(name: string, value: string): string {
  // A line break in a value would begin a directive of its own, past the check of those that the operator owns.
  if (/[\r\n\0]/.test(value)) throw new Error(`spec.config.${name}: a value has one line: remove the line break`);
  return `${name} ${value === '' ? '""' : value}\n`;
}
