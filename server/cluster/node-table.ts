/**
 * The nodes this node knows, their links and their shards.
 * A node has a small index for as long as it is known: what the slot map keeps per slot. Myself is index 0.
 */
import assert from 'node:assert';
import { MAX_NODES, SLOT_BITMAP_BYTES } from './limits.ts';
import {
  EXTENSIONS,
  FAIL,
  HANDSHAKE,
  MEET_PENDING,
  MIGRATE_TO,
  MYSELF,
  NOADDR,
  PFAIL,
  PRIMARY,
  REPLICA,
} from './node-flags.ts';

/** One TCP connection of the bus. We dial a peer (outbound) and it dials us (inbound): two links for two nodes. */
export class Link {
  readonly id: number;
  readonly inbound: boolean;
  readonly createdMs: number;
  /** Of an inbound link: known once its first packet names a known node. */
  node: ClusterNode | null;
  up: boolean;
  extensions = false;
  /** The addresses of the socket's two ends. */
  peerIp = '';
  localIp = '';

  constructor(id: number, node: ClusterNode | null, createdMs: number) {
    this.id = id;
    this.node = node;
    this.inbound = node === null;
    this.createdMs = createdMs;
    this.up = this.inbound;
  }
}

export class ClusterNode {
  index = -1;
  name: string;
  shardId: string;
  flags: number;
  configEpoch = 0;
  /** A bit per slot this node owns; slot-map.ts writes it. */
  readonly slots = new Uint8Array(SLOT_BITMAP_BYTES);
  slotCount = 0;
  replicaOf: ClusterNode | null = null;
  /** Ordered by name. */
  readonly replicas: ClusterNode[] = [];

  ip = '';
  port = 0;
  tlsPort = 0;
  busPort = 0;
  hostname = '';
  humanNodename = '';
  availabilityZone = '';
  clientIpv4 = '';
  clientIpv6 = '';
  clientPort = 0;
  clientTlsPort = 0;

  readonly createdMs: number;
  /** 0: no ping is waiting for its pong. */
  pingSentMs = 0;
  pongReceivedMs = 0;
  dataReceivedMs = 0;
  meetSentMs = 0;
  failedMs = 0;
  /** Since when it has been a primary without working replicas; 0: it is not. */
  orphanedMs = 0;
  dialledMs = 0;
  inboundFreedMs: number;
  offset = 0;
  link: Link | null = null;
  inboundLink: Link | null = null;
  /** Voting primaries that called this node failing, and when. */
  readonly failureReports = new Map<ClusterNode, number>();

  constructor(name: string, shardId: string, flags: number, nowMs: number) {
    this.name = name;
    this.shardId = shardId;
    this.flags = flags;
    this.createdMs = nowMs;
    this.inboundFreedMs = nowMs;
  }

  has(flags: number): boolean {
    return (this.flags & flags) !== 0;
  }

  get isMyself(): boolean {
    return this.has(MYSELF);
  }

  get isPrimary(): boolean {
    return this.has(PRIMARY);
  }

  get isReplica(): boolean {
    return this.has(REPLICA);
  }

  get isFailed(): boolean {
    return this.has(FAIL);
  }

  get inHandshake(): boolean {
    return this.has(HANDSHAKE);
  }

  get supportsExtensions(): boolean {
    return this.has(EXTENSIONS);
  }

  get isReachable(): boolean {
    return !this.has(HANDSHAKE | MEET_PENDING | PFAIL | FAIL);
  }

  get hasAddress(): boolean {
    return !this.has(NOADDR);
  }

  /** Counts in elections and in the agreement about failures. */
  get isVoter(): boolean {
    return this.isPrimary && this.slotCount > 0;
  }

  /** The config epoch of the shard's primary, as CLUSTER NODES shows it. */
  get shardEpoch(): number {
    return this.replicaOf === null ? this.configEpoch : this.replicaOf.configEpoch;
  }

  /** Itself or the primary it replicates; a replica of an unknown primary stands for itself. */
  get shardPrimary(): ClusterNode {
    return this.replicaOf ?? this;
  }

  workingReplicas(): number {
    return this.replicas.filter((replica) => !replica.isFailed).length;
  }

  inShardOf(other: ClusterNode): boolean {
    return this.shardId === other.shardId;
  }
}

export class NodeTable {
  readonly myself: ClusterNode;
  private readonly byName = new Map<string, ClusterNode>();
  private readonly byIndex: (ClusterNode | null)[] = [];
  /** Shard id → its nodes in the order in which they were learned. */
  private readonly shards = new Map<string, ClusterNode[]>();

  constructor(myself: ClusterNode) {
    this.myself = myself;
    this.add(myself);
    this.addToShard(myself);
  }

  get size(): number {
    return this.byName.size;
  }

  get isFull(): boolean {
    return this.byName.size >= MAX_NODES;
  }

  find(name: string): ClusterNode | null {
    return this.byName.get(name) ?? null;
  }

  /** The owner of a slot map's entry; -1 is nobody. */
  at(index: number): ClusterNode | null {
    return index < 0 ? null : this.byIndex[index]!;
  }

  all(): ClusterNode[] {
    return [...this.byName.values()];
  }

  /** `count` different nodes from a random place on. */
  some(count: number, random: number): ClusterNode[] {
    const all = this.all();
    const start = random % all.length;
    return [...all.slice(start), ...all.slice(0, start)].slice(0, count);
  }

  shardEntries(): IterableIterator<[string, ClusterNode[]]> {
    return this.shards.entries();
  }

  hasShard(node: ClusterNode): boolean {
    return this.shards.has(node.shardId);
  }

  add(node: ClusterNode): void {
    assert(!this.byName.has(node.name), `the node ${node.name} is in the table already`);
    this.byName.set(node.name, node);
    if (node.index >= 0) return;
    const free = this.byIndex.indexOf(null);
    node.index = free >= 0 ? free : this.byIndex.length;
    this.byIndex[node.index] = node;
  }

  /** Takes the node out; its slots and links are the caller's to release first. */
  remove(node: ClusterNode): void {
    assert(!node.isMyself, 'a node cannot leave its own table');
    assert(node.slotCount === 0, `${node.name} still owns ${node.slotCount} slots`);
    for (const replica of node.replicas) replica.replicaOf = null;
    if (node.replicaOf !== null) this.removeReplica(node.replicaOf, node);
    for (const other of this.byName.values()) other.failureReports.delete(node);
    this.removeFromShard(node);
    this.byName.delete(node.name);
    this.byIndex[node.index] = null;
    node.index = -1;
  }

  /** After a handshake: the random name becomes the true one. */
  rename(node: ClusterNode, name: string): void {
    this.byName.delete(node.name);
    node.name = name;
    this.add(node);
  }

  setShard(node: ClusterNode, shardId: string): void {
    this.removeFromShard(node);
    node.shardId = shardId;
    this.addToShard(node);
  }

  addToShard(node: ClusterNode): void {
    const members = this.shards.get(node.shardId);
    if (members === undefined) this.shards.set(node.shardId, [node]);
    else if (!members.includes(node)) members.push(node);
  }

  private removeFromShard(node: ClusterNode): void {
    const members = this.shards.get(node.shardId);
    if (members === undefined) return;
    const at = members.indexOf(node);
    if (at >= 0) members.splice(at, 1);
    if (members.length === 0) this.shards.delete(node.shardId);
  }

  addReplica(primary: ClusterNode, replica: ClusterNode): void {
    if (primary.replicas.includes(replica)) return;
    primary.replicas.push(replica);
    primary.replicas.sort((a, b) => (a.name < b.name ? -1 : 1));
    primary.flags |= MIGRATE_TO;
  }

  removeReplica(primary: ClusterNode, replica: ClusterNode): void {
    const at = primary.replicas.indexOf(replica);
    if (at < 0) return;
    primary.replicas.splice(at, 1);
    if (primary.replicas.length === 0) primary.flags &= ~MIGRATE_TO;
  }
}
