/**
 * Everything one node knows of its cluster, and the few operations that every part of this room uses.
 * The parts (gossip.ts, election.ts, …) are functions over this state; cluster.ts turns events into their calls and
 * runs `todo` at the end of each event.
 */
import { type BusHeader, encodeBare, MESSAGE_TYPES } from './bus-codec.ts';
import { BUS_PORT_OFFSET, SLOT_BITMAP_BYTES } from './limits.ts';
import { MYSELF, OWN_ABILITIES, PRIMARY, REPLICA } from './node-flags.ts';
import { ClusterNode, type Link, NodeTable } from './node-table.ts';
import type { ClusterEffects, KeyspaceView, RandomSource, ReplicationView } from './ports.ts';
import { randomName } from './ports.ts';
import { Purge } from './purge.ts';
import type { ClusterSettings } from './settings.ts';
import { SlotMap } from './slot-map.ts';

export const CLUSTER_OK = 0;
export const CLUSTER_FAIL = 1;

/** What is left to do at the end of an event. */
export const UPDATE_STATE = 1 << 0;
export const HANDLE_FAILOVER = 1 << 1;
export const HANDLE_MANUAL_FAILOVER = 1 << 2;
export const SAVE = 1 << 3;
/** Saved and synced before anything more leaves for a peer. */
export const SAVE_DURABLY = SAVE | (1 << 4);
export const BROADCAST_PONG = 1 << 5;
export const HANDLE_MIGRATIONS = 1 << 6;

/** How the migrations of slots (migration/) take part in the rest. */
export interface MigrationHooks {
  isExporting(slot: number): boolean;
  isImporting(slot: number): boolean;
  /** The source granted the takeover: the target's claim is believed whatever its epoch. */
  isGranted(slot: number): boolean;
  anyExport(): boolean;
  anyImport(): boolean;
  onExportedSlotsChanged(): void;
  onImportedSlotsChanged(): void;
  onPromotion(): void;
  /** Keys were flushed: what is being moved is not whole any more. */
  onFlush(): void;
  run(): void;
}

export interface Election {
  /** When the next election starts, or the running one started; 0: none. */
  startMs: number;
  votes: number;
  requested: boolean;
  rank: number;
  failedPrimaryRank: number;
  epoch: number;
}

export interface ManualFailover {
  /** 0: none in progress. */
  endMs: number;
  /** On a primary: the replica that asked. */
  replica: ClusterNode | null;
  /** On a replica: the offset at which the primary paused; -1: not heard yet. */
  primaryOffset: number;
  canStart: boolean;
}

export interface ClusterParts {
  readonly settings: ClusterSettings;
  readonly effects: ClusterEffects;
  readonly replication: ReplicationView;
  readonly keyspace: KeyspaceView;
  readonly random: RandomSource;
}

export class ClusterState {
  readonly settings: ClusterSettings;
  readonly effects: ClusterEffects;
  readonly replication: ReplicationView;
  readonly keyspace: KeyspaceView;
  readonly random: RandomSource;
  readonly nodes: NodeTable;
  readonly slots = new SlotMap();
  readonly purge: Purge;
  readonly links = new Map<number, Link>();
  /** Forgotten nodes and until when (ms) they are not taken up again. */
  readonly forgotten = new Map<string, number>();
  migrations: MigrationHooks | null = null;

  /** The time of the event in progress. Unix milliseconds that never go back. */
  nowMs: number;
  todo = 0;
  currentEpoch = 0;
  lastVoteEpoch = 0;
  health = CLUSTER_FAIL;
  failReason = '';
  /** Voters in the cluster. */
  size = 0;
  safeToVote = false;
  firstHealthCheckMs = 0;
  minorityMs = 0;
  possiblyFailing = 0;
  /** A restarted owner that has to wait (restart-rule.ts): it answers nobody. */
  silent = false;
  /** Nodes that get one ping in spite of the silence: they do not know this node's address. */
  readonly silentGreetings = new Set<ClusterNode>();

  readonly election: Election = { startMs: 0, votes: 0, requested: false, rank: 0, failedPrimaryRank: 0, epoch: 0 };
  readonly manualFailover: ManualFailover = { endMs: 0, replica: null, primaryOffset: -1, canStart: false };

  readonly sentByType = new Float64Array(MESSAGE_TYPES);
  readonly receivedByType = new Float64Array(MESSAGE_TYPES);
  bytesSent = 0;
  bytesReceived = 0;
  pubsubBytesSent = 0;
  pubsubBytesReceived = 0;
  moduleBytesSent = 0;
  moduleBytesReceived = 0;
  linksOverLimit = 0;

  /** The last save asked for, and the last one known to be on disk. */
  private saveSequence = 0;
  private savedSequence = 0;
  /** The save that has to be on disk before a packet leaves. */
  private barrier = 0;
  private readonly held: { readonly link: Link; readonly packet: Uint8Array }[] = [];

  constructor(parts: ClusterParts, nowMs: number, name: string, shardId: string) {
    this.settings = parts.settings;
    this.effects = parts.effects;
    this.replication = parts.replication;
    this.keyspace = parts.keyspace;
    this.random = parts.random;
    this.nowMs = nowMs;
    this.purge = new Purge(this);
    this.nodes = new NodeTable(new ClusterNode(name, shardId, MYSELF | PRIMARY | OWN_ABILITIES, nowMs));
  }

  get myself(): ClusterNode {
    return this.nodes.myself;
  }

  get quorum(): number {
    return Math.floor(this.size / 2) + 1;
  }

  get isOk(): boolean {
    return this.health === CLUSTER_OK;
  }

  ownerOf(slot: number): ClusterNode | null {
    return this.nodes.at(this.slots.ownerOf(slot));
  }

  later(todo: number): void {
    this.todo |= todo;
  }

  log(level: 'debug' | 'verbose' | 'notice' | 'warning', text: string): void {
    this.effects.log(level, text);
  }

  randomName(): string {
    return randomName(this.random);
  }

  /** This node's replication offset; what a peer announced for any other. */
  offsetOf(node: ClusterNode): number {
    return node.isMyself ? this.replication.offset() : node.offset;
  }

  /** Gives a slot to a node, whoever had it. */
  moveSlot(slot: number, to: ClusterNode | null): void {
    const owner = this.ownerOf(slot);
    if (owner !== null) {
      this.slots.release(slot, owner);
      this.effects.dropShardChannels(slot);
    }
    if (to === null) return;
    if (to.isMyself) this.purge.finish(slot);
    this.slots.assign(slot, to);
  }

  /** Leaves at the end of the event, or when all that had to be saved before is on disk. */
  send(link: Link | null, packet: Uint8Array, type: number, evenSilent = false): void {
    if (link === null || (this.silent && !evenSilent)) return;
    this.sentByType[type]!++;
    this.bytesSent += packet.length;
    this.held.push({ link, packet });
  }

  sendBare(link: Link | null, type: 5 | 6 | 8, forceAck: boolean): void {
    this.send(link, encodeBare(type, { ...this.header(), forceAck }), type);
  }

  broadcast(packet: Uint8Array, type: number): void {
    for (const node of this.nodes.all()) {
      if (node.isMyself || node.inHandshake) continue;
      this.send(node.link, packet, type);
    }
  }

  /** Writes nodes.conf. A durable save is on disk before this event's packets, or any later one, leave. */
  requestSave(text: string, durable: boolean): void {
    const sequence = ++this.saveSequence;
    if (durable) this.barrier = sequence;
    this.effects.saveConfig(sequence, text, durable);
  }

  onSaved(sequence: number): void {
    this.onSavedWithoutFlush(sequence);
    this.flush();
  }

  /** Within an event, whose end lets the packets go. */
  onSavedWithoutFlush(sequence: number): void {
    if (sequence > this.savedSequence) this.savedSequence = sequence;
  }

  /** Lets go of the packets of this event, unless they have to wait for the disk. */
  flush(): void {
    if (!this.isSaved) return;
    for (const { link, packet } of this.held.splice(0)) this.effects.send(link.id, packet);
  }

  /** Everything that must be durable is. */
  get isSaved(): boolean {
    return this.barrier <= this.savedSequence;
  }

  header(): BusHeader {
    const { settings, myself } = this;
    const primary = myself.shardPrimary;
    const ports = announcedPorts(settings);
    return {
      port: ports.port,
      tlsPort: ports.tlsPort,
      busPort: ports.busPort,
      currentEpoch: this.currentEpoch,
      configEpoch: primary.configEpoch,
      offset: Math.max(0, this.replication.offset()),
      sender: myself.name,
      slots: primary.slots,
      replicaOf: myself.replicaOf === null ? '' : myself.replicaOf.name,
      ip: settings.announceIp,
      flags: myself.flags,
      state: this.health,
      paused: myself.isPrimary && this.manualFailover.endMs !== 0,
      forceAck: false,
      extensionData: false,
    };
  }

  closeLink(link: Link): void {
    this.effects.closeLink(link.id);
    this.forgetLink(link);
  }

  /** The link is gone: its node is without it from now on. */
  forgetLink(link: Link): void {
    this.links.delete(link.id);
    const { node } = link;
    if (node === null) return;
    if (node.link === link) node.link = null;
    else if (node.inboundLink === link) {
      node.inboundLink = null;
      node.inboundFreedMs = this.nowMs;
    }
    link.node = null;
  }

  /** Takes a node out of the cluster as this node sees it. */
  removeNode(node: ClusterNode): void {
    for (let slot = 0; slot < SLOT_BITMAP_BYTES * 8; slot++) {
      if (this.slots.importingFrom(slot) === node) this.slots.setImporting(slot, null);
      if (this.slots.migratingTo(slot) === node) this.slots.setMigrating(slot, null);
      if (this.slots.ownerOf(slot) === node.index) this.moveSlot(slot, null);
    }
    if (node.link !== null) this.closeLink(node.link);
    if (node.inboundLink !== null) this.closeLink(node.inboundLink);
    if (this.manualFailover.replica === node) this.manualFailover.replica = null;
    this.nodes.remove(node);
  }

  /** A new node, not yet in the table. */
  newNode(name: string, flags: number): ClusterNode {
    return new ClusterNode(name, this.randomName(), flags, this.nowMs);
  }

  setReplicaRole(node: ClusterNode): void {
    node.flags = (node.flags & ~PRIMARY) | REPLICA;
  }

  isForgotten(name: string): boolean {
    this.dropExpiredForgotten();
    return this.forgotten.has(name);
  }

  forgetFor(name: string, ttlMs: number): void {
    this.dropExpiredForgotten();
    this.forgotten.set(name, this.nowMs + ttlMs);
  }

  private dropExpiredForgotten(): void {
    for (const [name, untilMs] of this.forgotten) if (untilMs < this.nowMs) this.forgotten.delete(name);
  }
}

export interface AnnouncedPorts {
  readonly port: number;
  readonly tlsPort: number;
  readonly busPort: number;
}

export function announcedPorts(settings: ClusterSettings): AnnouncedPorts {
  return {
    port: settings.announcePort || settings.port,
    tlsPort: settings.announceTlsPort || settings.tlsPort,
    busPort: settings.announceBusPort || settings.busPort || settings.port + BUS_PORT_OFFSET,
  };
}

/** `name (human name)`, as log lines call a node. */
export function called(node: ClusterNode): string {
  return `${node.name} (${node.humanNodename})`;
}
