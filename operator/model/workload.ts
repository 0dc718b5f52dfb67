/**
 * What the platform is asked to run: one workload per shard (a StatefulSet, or a group of child processes),
 * whose nodes are named by ordinal. The primary is not an ordinal: any node of a shard may hold the role.
 */
import { createHash } from 'node:crypto';
import type { ValkeyCluster, ValkeyClusterSpec } from '../api/index.ts';

/** One shard, as it should run. */
export interface ShardWorkload {
  readonly shardIndex: number;
  /** Name of the workload: `<cluster>-<shard>`; its nodes are `<cluster>-<shard>-<ordinal>`. */
  readonly name: string;
  /** Nodes to run: the primary and its replicas. */
  readonly nodes: number;
  readonly image: string;
  /** Directives of valkey.conf by name: the user's and the operator's. The platform adds where to listen and what to announce. */
  readonly directives: Readonly<Record<string, string>>;
  readonly persistence: ValkeyClusterSpec['persistence'];
  readonly resources: ValkeyClusterSpec['resources'];
  readonly scheduling: ValkeyClusterSpec['scheduling'];
  readonly imagePullSecrets: ValkeyClusterSpec['imagePullSecrets'];
  readonly terminationGracePeriodSeconds: number;
  /** Hash of everything above but `nodes`: the platform stores it with the workload and gives it back, so that "is it up to date" is one comparison. */
  readonly hash: string;
  /** Hash of what a running node cannot take over: the platform stores it with each node it makes, and so knows which are outdated. */
  readonly restartHash: string;
}

/** How long a node may be silent before its peers suspect it. Failover is bounded by about twice this and a second. */
export const NODE_TIMEOUT_MS = 2000;

export function shardName(clusterName: string, shardIndex: number): string {
  return `${clusterName}-${shardIndex}`;
}

export function nodeName(clusterName: string, shardIndex: number, ordinal: number): string {
  return `${clusterName}-${shardIndex}-${ordinal}`;
}

/**
 * What a node says of its cluster, in `cluster-announce-human-nodename`: the cluster's uid and the node's name.
 * Addresses are used again by strangers; before MEET this is compared with what the operator expects.
 */
export function announcedNodename(clusterUid: string, name: string): string {
  return `${clusterUid}.${name}`;
}

/** The cluster's uid out of an announced nodename; undefined when a node announces something else. */
export function clusterUidOf(nodename: string): string | undefined {
  const dot = nodename.indexOf('.');
  return dot > 0 ? nodename.slice(0, dot) : undefined;
}

/** Renders the workload of a shard out of the resource. Pure: equal input, equal hash. */
export function shardWorkload(cluster: ValkeyCluster, shardIndex: number, image: string): ShardWorkload {
  const { spec, metadata } = cluster;
  const takenAtStart = {
    image,
    resources: spec.resources,
    scheduling: spec.scheduling,
    imagePullSecrets: spec.imagePullSecrets,
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds,
  };
  const described = {
    name: shardName(metadata.name, shardIndex),
    ...takenAtStart,
    directives: directives(spec),
    persistence: spec.persistence,
  };
  return {
    shardIndex,
    nodes: 1 + spec.replicas,
    ...described,
    hash: hashOf(described),
    restartHash: hashOf(takenAtStart),
  };
}

/** The operator's directives and the user's. Which are the operator's stands in api/owned-directives.ts. */
function directives(spec: ValkeyClusterSpec): Record<string, string> {
  const users = Object.fromEntries(Object.entries(spec.config).map(([name, value]) => [name.toLowerCase(), value]));
  return {
    ...users,
    'cluster-enabled': 'yes',
    'cluster-config-file': 'nodes.conf',
    'cluster-node-timeout': String(NODE_TIMEOUT_MS),
    'cluster-allow-replica-migration': 'no',
    appendonly: 'no',
    // With a volume: a snapshot after a minute in which a thousand writes, or fifteen minutes in which one write took place.
    save: spec.persistence.mode === 'RDB' ? '900 1 60 1000' : '',
    // A primary hands over to a synced replica before it stops; with a volume it saves as well.
    'shutdown-on-sigterm': spec.persistence.mode === 'RDB' ? 'save failover' : 'nosave failover',
  };
}

/** A short stable hash: keys are sorted, so the order in which fields were written does not count. */
export function hashOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(value)))
    .digest('hex')
    .slice(0, 16);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
