/**
 * The place where nodes run: Kubernetes, or child processes on loopback. An instance serves one ValkeyCluster.
 *
 * The operator decides what runs; the platform runs it. A platform
 *  - runs as many nodes of a shard as it was last told, all at once, and starts a node again by itself when it ends
 *    (same name, ordinal and volume; a new uid);
 *  - names nodes by shard and ordinal and, when told to run fewer, stops the highest ordinals;
 *  - gives every node the workload's directives, where to listen and what to announce, and
 *    `cluster-announce-human-nodename` as model/workload.ts composes it;
 *  - judges nothing about the cluster: not which node is primary, not whether a delete is safe.
 * Methods are idempotent. One that cannot do its work throws PlatformError.
 */
import type { ValkeyCluster, ValkeyClusterStatus } from '../api/index.ts';
import type { Address } from '../model/admin.ts';
import type { ShardWorkload } from '../model/workload.ts';

/**
 *  Pending      not started: no address yet, or its image, volume or machine is missing
 *  Running      the process runs, as far as the platform knows
 *  Terminating  told to stop and perhaps still running
 *  Stopped      the platform itself saw the process end; it certainly serves nothing
 *  Unknown      the platform lost sight of it (its machine does not report): it may well run
 */
export type NodePhase = 'Pending' | 'Running' | 'Terminating' | 'Stopped' | 'Unknown';

export interface PlatformNode {
  /** Pod or process name, `<cluster>-<shard>-<ordinal>`: the same after a restart. */
  readonly name: string;
  /** One life of the node: a pod's uid and restart count, a process's pid and start time. */
  readonly uid: string;
  readonly ordinal: number;
  readonly phase: NodePhase;
  /** Why the phase is what it is, when the platform can tell: ImagePullBackOff, exit code 1, ... */
  readonly phaseReason?: string;
  readonly address?: Address;
  /** The platform's readiness: answers and is not loading. */
  readonly ready: boolean;
  /** It was made from an older form of its workload, in what only a restart changes (ShardWorkload.restartHash). */
  readonly outdated: boolean;
  readonly createdAtMs: number;
}

export interface PlatformShard {
  readonly shardIndex: number;
  readonly name: string;
  /** Identity of the workload: deletes and scaling name it, so that they never hit a successor. */
  readonly uid: string;
  /** Nodes it was last told to run. */
  readonly nodes: number;
  /** ShardWorkload.hash of the last ensureShard. */
  readonly hash: string;
  /** The persistence it was made with: some of it cannot change. */
  readonly persistence: { readonly mode: string; readonly size: string; readonly storageClassName?: string };
  readonly deleting: boolean;
  /** What runs, by ordinal; fewer than `nodes` while some are still to be made, more while some are stopping. */
  readonly members: readonly PlatformNode[];
}

export interface PlatformEvent {
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, such as MigrationFailed. */
  readonly reason: string;
  /** One line, at most 1024 characters. */
  readonly message: string;
}

/**
 *  conflict     someone else changed or replaced the object; look again
 *  refused      the platform will not do it as asked; the message says why
 *  unavailable  the platform did not answer; try later
 */
export type PlatformErrorKind = 'conflict' | 'refused' | 'unavailable';

export class PlatformError extends Error {
  override readonly name = 'PlatformError';
  readonly kind: PlatformErrorKind;

  constructor(kind: PlatformErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface Platform {
  readonly kind: 'kubernetes' | 'process';

  /** The resource as it is now, with uid and generation filled in; null when it is gone or being deleted. */
  readCluster(): Promise<ValkeyCluster | null>;
  /** Every shard workload of this cluster, also of shards that the spec no longer has. */
  listShards(): Promise<readonly PlatformShard[]>;

  /** Creates a shard's workload, or updates everything but its number of nodes. */
  ensureShard(workload: ShardWorkload): Promise<void>;
  /** Tells a workload how many nodes to run. Nodes that leave lose their volumes: their nodes.conf must not come back. */
  scaleShard(shardIndex: number, uid: string, nodes: number): Promise<void>;
  /** Ends this life of a node, gracefully; the platform starts it again, from the present form of its workload. */
  restartNode(shardIndex: number, name: string, uid: string): Promise<void>;
  /** Deletes a workload, its nodes and their volumes, provided its uid is the given one. */
  deleteShard(shardIndex: number, uid: string): Promise<void>;

  /** The image to run: `wanted`, or the platform's own choice when that is empty. Asked once; the answer is kept in status. */
  resolveImage(wanted: string): Promise<string>;
  /** Where clients connect, as status.endpoint says it: host:port. */
  endpoint(): Promise<string>;
  /** The label selector of the cluster's nodes for the scale subresource; empty where there are no labels. */
  selector(): string;

  /** Called only when the status differs from the last one. */
  publishStatus(status: ValkeyClusterStatus): Promise<void>;
  publishEvent(event: PlatformEvent): Promise<void>;
}
