/**
 * The view: everything the plan knows, read at one moment and never changed afterwards.
 *  - what is wanted        desired, image
 *  - what the platform has shards, their nodes, each with its own report
 *  - what is agreed        the facts that a majority of the primaries' views share
 * Absence is a fact too: a node that did not answer has no report and a silence. Plain data; times in milliseconds.
 */
import type { ValkeyCluster, ValkeyClusterStatus } from '../api/index.ts';
import type { PlatformNode } from '../platform/platform.ts';
import type { Address } from './admin.ts';
import type { SlotRange } from './slots.ts';

export interface View {
  readonly nowMs: number;
  readonly desired: ValkeyCluster;
  /** uid of the resource: what the nodes announce as theirs. */
  readonly clusterUid: string;
  /** The image to run, resolved. */
  readonly image: string;
  /** The status last published, by this program or the one before. */
  readonly previous: ValkeyClusterStatus | null;
  /** By index; a shard that is only wanted has no workload and no nodes. Indices beyond the spec's are shards that leave. */
  readonly shards: readonly ShardView[];
  readonly agreed: Agreed;
  /** What recent acts met, and acts whose effect is still to show: the plan puts these off until their time. */
  readonly setbacks: readonly Setback[];
}

export interface ShardView {
  readonly index: number;
  readonly workload: WorkloadView | null;
  /** By ordinal. */
  readonly nodes: readonly NodeView[];
}

export interface WorkloadView {
  readonly name: string;
  readonly uid: string;
  /** Nodes the platform was last told to run. */
  readonly nodes: number;
  readonly hash: string;
  readonly persistence: { readonly mode: string; readonly size: string; readonly storageClassName?: string };
  readonly deleting: boolean;
}

export interface NodeView {
  readonly shardIndex: number;
  readonly place: PlatformNode;
  /** Its own words, or null when it gave none: then `silence` says why. */
  readonly report: NodeReport | null;
  readonly silence: Silence | null;
  /** Hash of the directives that this operator last set on this life of the node; null when it set none. */
  readonly configured: string | null;
  /** Hash of the spec.config for which this operator last restarted the node; null when it did not. */
  readonly restartedFor: string | null;
}

export interface Silence {
  readonly error: string;
  /** Since when this operator has heard nothing; a restart of the operator begins anew. */
  readonly sinceMs: number;
}

/** What one node says of itself and of the others. */
export interface NodeReport {
  readonly nodeId: string;
  readonly shardId: string;
  readonly role: 'primary' | 'replica';
  /** Whom it follows, when it is a replica. */
  readonly primaryId: string | null;
  /** A replica's link to its primary is up and no full synchronisation is under way. A primary has no link: true. */
  readonly linkUp: boolean;
  /** Replication offset: written, or on a replica processed. */
  readonly offset: number;
  readonly configEpoch: number;
  readonly currentEpoch: number;
  /** Slots it believes it owns. */
  readonly slots: readonly SlotRange[];
  /** CLUSTER INFO: cluster_state is ok. */
  readonly clusterOk: boolean;
  /** It reads its dataset, or for another reason does not serve yet. */
  readonly loading: boolean;
  /** Keys, over all databases. */
  readonly keys: number;
  readonly usedMemoryBytes: number;
  /** 0: no bound. */
  readonly maxMemoryBytes: number;
  readonly opsPerSecond: number;
  /** uid of the cluster whose configuration it runs with; null when it announces none. */
  readonly belongsTo: string | null;
  /** Its table of the cluster, itself included. */
  readonly table: readonly TableEntry[];
  /** Slot migrations it knows of, newest first. */
  readonly migrations: readonly Migration[];
  /** Values of the directives that spec.config names. */
  readonly config: Readonly<Record<string, string>>;
}

/** A line of CLUSTER NODES. */
export interface TableEntry {
  readonly nodeId: string;
  readonly address: Address;
  readonly role: 'primary' | 'replica';
  readonly primaryId: string | null;
  readonly myself: boolean;
  /** Suspected by this node alone. */
  readonly suspected: boolean;
  /** Declared failed by a majority, as far as this node knows. */
  readonly failed: boolean;
  /** Met but not yet greeted: the id is provisional. */
  readonly handshake: boolean;
  readonly noAddress: boolean;
  readonly linkConnected: boolean;
  readonly configEpoch: number;
  readonly slots: readonly SlotRange[];
}

export interface Migration {
  readonly name: string;
  /** From this node's point of view. */
  readonly operation: 'export' | 'import';
  readonly sourceId: string;
  readonly targetId: string;
  readonly ranges: readonly SlotRange[];
  /** Valkey's word for it, such as snapshotting. */
  readonly state: string;
  readonly outcome: 'running' | 'success' | 'failed' | 'cancelled';
  readonly message: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** Facts shared by a majority of the primaries that own slots. */
export interface Agreed {
  /** Node ids of the primaries that own slots: they are who votes. */
  readonly voters: readonly string[];
  /** Voters heard in this look. */
  readonly heard: readonly string[];
  /** Voters that certainly run nowhere (stopped or replaced, see Presence). They contradict nothing. */
  readonly gone: readonly string[];
  /** heard and gone together are more than half of the voters. While false, nothing below is a fact. */
  readonly majority: boolean;
  /** Every node that anyone heard has in its table, by node id. */
  readonly members: readonly Member[];
  /** Slots that a majority says nobody owns. */
  readonly unassigned: readonly SlotRange[];
  /** Slots on whose owner there is no majority at this moment: a change is still spreading. */
  readonly disputed: readonly SlotRange[];
}

/** What a majority says of one node. */
export interface Member {
  readonly nodeId: string;
  readonly role: 'primary' | 'replica';
  readonly primaryId: string | null;
  /** Slots that a majority says it owns. */
  readonly slots: readonly SlotRange[];
  readonly address: Address;
  /** A majority calls it failed, counting those that are gone. */
  readonly failed: boolean;
  /** Since when this operator has seen it failed; null while it is not. */
  readonly failedSinceMs: number | null;
  /** A majority has lost its address: somebody else answers there. */
  readonly noAddress: boolean;
  readonly presence: Presence;
}

/**
 * Where a node id is, by what the platform says and by who answers:
 *  present   it answered in this look
 *  silent    its place may well run: nothing is certain
 *  stopped   its place runs nothing at this moment; with its volume it may come back
 *  replaced  its place is no more, or somebody else answers there: this id never comes back
 */
export type Presence = 'present' | 'silent' | 'stopped' | 'replaced';

/** An undertaking that is not begun again before `untilMs`: it failed, or (attempts 0) its effect is still to show. */
export interface Setback {
  /** stepKey of the step. */
  readonly key: string;
  readonly error: string;
  /** Failures in a row. */
  readonly attempts: number;
  readonly untilMs: number;
}
