/**
 * Wires the cluster: its settings, its bus, nodes.conf on disk, its word on requests, and what it asks of replication and persistence.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { Cluster } from '../cluster/cluster.ts';
import { TICK_MS } from '../cluster/limits.ts';
import { Migrations } from '../cluster/migration/migrations.ts';
import type {
  MigrationEffects,
  SlotSnapshotSource,
  SlotWriteSource,
  TargetConnections,
} from '../cluster/migration/ports.ts';
import type { ClusterEffects, PauseReason } from '../cluster/ports.ts';
import { type ClusterSettings, defaultSettings } from '../cluster/settings.ts';
import { PAUSE_WRITES } from '../commands/clients.ts';
import { RequestGate } from '../commands/cluster-gate.ts';
import { onClientGone } from '../commands/cluster-migration.ts';
import type { ClusterRoom } from '../commands/cluster-room.ts';
import { shardChannelSlot } from '../commands/pubsub.ts';
import type { Settings } from '../config/settings.ts';
import { BusTransport } from '../network/bus.ts';
import type { Node, Part } from '../node.ts';
import { Arguments } from '../protocol/arguments.ts';
import { NO_SLOT } from '../replication/write-log.ts';
import type { ReplicationPart } from './replication.ts';

/** The bus listens this much above the client port unless cluster-port says otherwise. */
const BUS_PORT_OFFSET = 10000;
/** A quiet link is probed by the kernel after this long. */
const BUS_KEEP_ALIVE_MS = 15000;

const HAND_OVER_POLL_MS = 10;
/** After a hand-over clients have this long to read where their slots are now. */
const REDIRECT_MS = 50;

/** Which directive gives which setting: numbers, texts, flags, and numbers in seconds that the cluster counts in milliseconds. */
const NUMBERS: readonly (readonly [string, keyof ClusterSettings])[] = [
  ['port', 'port'],
  ['cluster-port', 'busPort'],
  ['cluster-node-timeout', 'nodeTimeoutMs'],
  ['cluster-ping-interval', 'pingIntervalMs'],
  ['cluster-replica-validity-factor', 'replicaValidityFactor'],
  ['cluster-migration-barrier', 'migrationBarrier'],
  ['cluster-announce-port', 'announcePort'],
  ['cluster-announce-bus-port', 'announceBusPort'],
  ['cluster-manual-failover-timeout', 'manualFailoverTimeoutMs'],
  ['cluster-blacklist-ttl', 'blacklistTtlSeconds'],
  ['cluster-link-sendbuf-limit', 'linkSendBufferLimitBytes'],
  ['slot-migration-max-failover-repl-bytes', 'slotMigrationMaxFailoverReplBytes'],
  ['cluster-slot-migration-log-max-len', 'slotMigrationLogMaxLen'],
];
const SECONDS: readonly (readonly [string, keyof ClusterSettings])[] = [
  ['repl-ping-replica-period', 'replicationPingPeriodMs'],
  ['repl-timeout', 'replicationTimeoutMs'],
];
const FLAGS: readonly (readonly [string, keyof ClusterSettings])[] = [
  ['cluster-require-full-coverage', 'requireFullCoverage'],
  ['cluster-allow-reads-when-down', 'allowReadsWhenDown'],
  ['cluster-allow-pubsubshard-when-down', 'allowPubsubShardWhenDown'],
  ['cluster-allow-replica-migration', 'allowReplicaMigration'],
  ['cluster-replica-no-failover', 'replicaNoFailover'],
];
const TEXTS: readonly (readonly [string, keyof ClusterSettings])[] = [
  ['cluster-announce-ip', 'announceIp'],
  ['cluster-announce-hostname', 'announceHostname'],
  ['cluster-announce-human-nodename', 'announceHumanNodename'],
  ['cluster-announce-client-ipv4', 'announceClientIpv4'],
  ['cluster-announce-client-ipv6', 'announceClientIpv6'],
  ['availability-zone', 'availabilityZone'],
  ['cluster-preferred-endpoint-type', 'preferredEndpoint'],
  ['primaryauth', 'primaryAuth'],
  ['primaryuser', 'primaryUser'],
];

function followSettings(settings: Settings): ClusterSettings {
  const values: ClusterSettings = defaultSettings(settings.integer('port'));
  const put = (key: keyof ClusterSettings, value: string | number | boolean): void => {
    Object.assign(values, { [key]: value });
  };
  for (const [name, key] of NUMBERS) settings.watch(name, (value) => put(key, Number(value)));
  for (const [name, key] of SECONDS) settings.watch(name, (value) => put(key, Number(value) * 1000));
  for (const [name, key] of FLAGS) settings.watch(name, (value) => put(key, value === 'yes'));
  for (const [name, key] of TEXTS) settings.watch(name, (value) => put(key, value));
  return values;
}

export interface MigrationSources {
  readonly snapshots: SlotSnapshotSource;
  readonly writes: SlotWriteSource;
}

/** Composes the cluster and makes it a part of the node. */
export function wireCluster(node: Node, replication: ReplicationPart, sources: MigrationSources): void {
  new ClusterWiring(node, replication, sources);
}

class ClusterWiring implements Part, ClusterEffects {
  private readonly node: Node;
  private readonly replication: ReplicationPart;
  private readonly cluster: Cluster;
  private readonly room: ClusterRoom;
  private readonly bus: BusTransport;
  private readonly file: string;
  private timer: NodeJS.Timeout | null = null;
  private soon = false;

  constructor(node: Node, replication: ReplicationPart, sources: MigrationSources) {
    const { settings, keyspace } = node;
    this.node = node;
    this.replication = replication;
    this.file = settings.text('cluster-config-file');
    this.cluster = new Cluster(
      {
        settings: followSettings(settings),
        effects: this,
        replication,
        keyspace: {
          keysInSlot: (slot) => keyspace.databases.reduce((sum, database) => sum + database.countInSlot(slot), 0),
          isEmpty: () => keyspace.keyCount() === 0,
        },
        random: { uint32: () => node.random() },
      },
      node.nowMs(),
      readIfThere(this.file),
    );
    const targets = new TargetSockets(node, this.cluster);
    const effects: MigrationEffects = {
      snapshots: sources.snapshots,
      writes: sources.writes,
      targets,
      hideSlot: (slot, hidden) => {
        for (const database of keyspace.databases) database.hideSlot(slot, hidden);
      },
      propagate: (words) => node.executor.propagate(0, NO_SLOT, Arguments.of(...words)),
    };
    const migrations = new Migrations(this.cluster.state, effects);
    targets.migrations = migrations;
    this.room = { cluster: this.cluster, migrations };
    node.rooms.cluster = this.room;
    node.executor.cluster = new RequestGate(this.cluster);
    node.onPublished.push((channel, message, sharded) => this.cluster.publish(node.nowMs(), channel, message, sharded));
    node.onFlushed.push(() => this.cluster.onFlush(node.nowMs()));
    replication.servesReplicas = () => this.cluster.servesReplicas;
    replication.onProgress = () => {
      if (this.cluster.wantsReplicationProgress) this.cluster.onReplicationProgress(node.nowMs());
    };
    replication.onFullSync = () => this.cluster.run(node.nowMs(), () => migrations.onFullSync());
    node.clients.onGone((client) => onClientGone(this.room, client, node.nowMs()));
    const { cluster } = this;
    node.rooms.dropPackets = (type) => {
      cluster.droppedType = type;
    };
    this.bus = new BusTransport(
      {
        onLinkAccepted: (...link) => this.run(() => cluster.onLinkAccepted(node.nowMs(), ...link)),
        onLinkUp: (...link) => this.run(() => cluster.onLinkUp(node.nowMs(), ...link)),
        onLinkDown: (...link) => this.run(() => cluster.onLinkDown(node.nowMs(), ...link)),
        onPacket: (...packet) => this.run(() => cluster.onPacket(node.nowMs(), ...packet)),
      },
      { keepAliveMs: BUS_KEEP_ALIVE_MS, sourceAddress: () => node.settings.text('bind-source-addr') },
    );
    node.parts.push(this);
  }

  async start(): Promise<void> {
    const { settings } = this.node;
    this.cluster.start(this.node.nowMs(), this.replication.restarted());
    const port = settings.integer('cluster-port') || settings.integer('port') + BUS_PORT_OFFSET;
    for (const address of settings.text('bind').split(' ')) {
      const host = address.replace(/^-/, '');
      try {
        await this.bus.listen(host === '*' ? '0.0.0.0' : host === '::*' ? '::' : host, port);
      } catch (problem) {
        if (!address.startsWith('-')) throw problem;
      }
    }
    this.timer = setInterval(() => this.run(() => this.cluster.tick(this.node.nowMs())), TICK_MS);
  }

  async stop(): Promise<void> {
    await this.handOver();
    if (this.timer !== null) clearInterval(this.timer);
    this.bus.close();
  }

  /** A primary with a replica in sync lets it take over before it ends, so that writers wait for an election of milliseconds. */
  private async handOver(): Promise<void> {
    const { node, cluster } = this;
    const words = cluster.beginHandOver(node.nowMs());
    if (words === null) return;
    node.turn();
    node.executor.propagate(0, NO_SLOT, Arguments.of(...words));
    node.endTurn();
    const untilMs = node.nowMs() + node.settings.integer('cluster-manual-failover-timeout');
    while (!cluster.myself.isReplica && node.nowMs() < untilMs) await setTimeout(HAND_OVER_POLL_MS);
    if (!cluster.myself.isReplica) node.log('warning', 'No replica took over in time');
    // Held writers are told where to go.
    this.run(() => node.clients.unpause('failover'));
    await setTimeout(REDIRECT_MS);
  }

  /** An event of the cluster is a turn: what it wrote to clients is sent. */
  private run(event: () => void): void {
    this.node.turn();
    event();
    this.node.endTurn();
  }

  // --- ClusterEffects --------------------------------------------------------------------------------------------------

  connect(host: string, port: number): number {
    return this.bus.connect(host, port);
  }

  send(linkId: number, packet: Uint8Array): void {
    this.bus.send(linkId, packet);
  }

  closeLink(linkId: number): void {
    this.bus.closeLink(linkId);
  }

  queuedBytes(linkId: number): number {
    return this.bus.queuedBytes(linkId);
  }

  /** Written at once: an answer on the bus may depend on it. A node that cannot keep its promises must not make them. */
  saveConfig(sequence: number, text: string, durable: boolean): void {
    try {
      replaceFile(this.file, text, durable);
    } catch (problem) {
      this.node.log(
        'warning',
        `nodes.conf cannot be saved, the node ends: ${problem instanceof Error ? problem.message : String(problem)}`,
      );
      process.exit(1);
    }
    this.cluster.onConfigSaved(this.node.nowMs(), sequence);
  }

  tickAfterSockets(): void {
    setImmediate(() => this.run(() => this.cluster.tick(this.node.nowMs())));
  }

  runSoon(): void {
    if (this.soon) return;
    this.soon = true;
    setImmediate(() => {
      this.soon = false;
      this.run(() => this.cluster.onSoon(this.node.nowMs()));
    });
  }

  becomeReplicaOf(host: string, port: number, fullSync: boolean): void {
    this.replication.becomeReplicaOf(host, port, fullSync);
  }

  becomePrimary(): void {
    this.replication.becomePrimary();
  }

  pauseWrites(reason: PauseReason, untilMs: number): void {
    this.node.clients.pause(reason, untilMs, PAUSE_WRITES);
  }

  resumeWrites(reason: PauseReason): void {
    this.node.clients.unpause(reason);
  }

  flushSlotKeys(slot: number): void {
    this.node.flushSlot(slot);
  }

  flushAllKeys(): void {
    this.node.keyspace.clear();
  }

  dropShardChannels(slot: number): void {
    const { pubsub, clients } = this.node;
    for (const [name, listeners] of pubsub.shardChannels) {
      if (shardChannelSlot(name) !== slot) continue;
      for (const client of [...listeners]) {
        pubsub.unsubscribe(client, 'shard', name);
        clients.writeTo(client, (reply) => {
          const bytes = Uint8Array.from(name, (character) => character.charCodeAt(0));
          reply.push(3);
          reply.bulkText('sunsubscribe');
          reply.bulk(bytes, 0, bytes.length);
          reply.integer(client.shardChannels?.size ?? 0);
        });
      }
    }
  }

  publish(channel: Uint8Array, message: Uint8Array, sharded: boolean): void {
    if (sharded) this.node.pubsub.publishSharded(channel, message);
    else this.node.pubsub.publish(channel, message);
  }

  log(level: 'debug' | 'verbose' | 'notice' | 'warning', text: string): void {
    this.node.log(level, text);
  }
}

/** A migration's connections to its targets: plain client connections. */
class TargetSockets implements TargetConnections {
  migrations: Migrations | null = null;
  private readonly node: Node;
  private readonly cluster: Cluster;
  private readonly sockets: Map<string, Socket> = new Map();

  constructor(node: Node, cluster: Cluster) {
    this.node = node;
    this.cluster = cluster;
  }

  private run(job: string, socket: Socket, event: (migrations: Migrations) => void): void {
    if (this.sockets.get(job) !== socket || this.migrations === null) return;
    const { migrations } = this;
    this.node.turn();
    this.cluster.run(this.node.nowMs(), () => event(migrations));
    this.node.endTurn();
  }

  connect(job: string, host: string, port: number): void {
    const socket = connect({ host, port, noDelay: true });
    let reason = 'closed by the target';
    this.sockets.set(job, socket);
    socket.on('connect', () => this.run(job, socket, (migrations) => migrations.onTargetUp(job)));
    socket.on('data', (bytes: Uint8Array) =>
      this.run(job, socket, (migrations) => migrations.onTargetBytes(job, new Uint8Array(bytes))),
    );
    socket.on('drain', () => this.run(job, socket, (migrations) => migrations.onTargetDrained(job)));
    socket.on('error', (error) => {
      reason = error.message;
    });
    socket.on('close', () => {
      this.run(job, socket, (migrations) => migrations.onTargetDown(job, reason));
      if (this.sockets.get(job) === socket) this.sockets.delete(job);
    });
  }

  send(job: string, bytes: Uint8Array): void {
    this.sockets.get(job)?.write(bytes);
  }

  unsentBytes(job: string): number {
    return this.sockets.get(job)?.writableLength ?? 0;
  }

  close(job: string): void {
    const socket = this.sockets.get(job);
    this.sockets.delete(job);
    socket?.end();
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (problem) {
    if (problem instanceof Error && 'code' in problem && problem.code === 'ENOENT') return '';
    throw problem;
  }
}

/** Replaces a file in one step, so that a crash leaves the old one or the new one. */
function replaceFile(path: string, text: string, durable: boolean): void {
  const temporary = `${path}.tmp`;
  const file = openSync(temporary, 'w', 0o644);
  writeSync(file, text);
  if (durable) fsyncSync(file);
  closeSync(file);
  renameSync(temporary, path);
  if (!durable) return;
  const folder = openSync(path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : '.', 'r');
  fsyncSync(folder);
  closeSync(folder);
}
