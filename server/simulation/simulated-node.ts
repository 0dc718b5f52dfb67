/**
 * A cluster node in a simulation: the real cluster state machine over a virtual network, clock and disk, with a model of a
 * dataset and of replication (an offset and a set of writes).
 *
 * Replication's model: a primary's writes reach its replicas over the network in order; a replica that asks for its primary
 * gets the whole dataset. A write is confirmed when a replica's acknowledgement has come back.
 */
import { addSlots, meet, replicate } from '../cluster/administration.ts';
import { Cluster } from '../cluster/cluster.ts';
import { type FailoverMode, startManualFailover } from '../cluster/manual-failover.ts';
import type { ClusterNode } from '../cluster/node-table.ts';
import type { ClusterEffects } from '../cluster/ports.ts';
import { ROUTE_OK, REQUEST_WRITES } from '../cluster/routing.ts';
import { type ClusterSettings, defaultSettings } from '../cluster/settings.ts';
import { TICK_MS } from '../cluster/limits.ts';
import type { Connection, Endpoint, VirtualNetwork } from './network.ts';
import type { World } from './world.ts';

const PORT = 6379;
const BUS_PORT = 16379;
const REPLICATION_PORT = PORT;

/** A write of the model: where it stands in its primary's history. */
interface Write {
  readonly id: number;
  readonly slot: number;
}

export class SimulatedNode {
  host: string;
  readonly settings: ClusterSettings;
  cluster: Cluster;
  alive = false;
  readonly log: string[] = [];
  /** Confirmed by a replica's acknowledgement. */
  readonly confirmed = new Set<number>();
  /** Writes this node holds, oldest first; the offset is their number. */
  writes: Write[] = [];
  writesPausedUntilMs = 0;

  private readonly world: World;
  private readonly network: VirtualNetwork;
  private disk = '';
  private savedWrites: Write[] = [];
  private readonly persistent: boolean;
  private readonly connections = new Map<number, Connection>();
  private nextLink = 1;
  /** Counts starts of the process: what an earlier one scheduled is void. */
  private life = 0;
  private primaryHost = '';
  private primaryConnection: Connection | null = null;
  private primaryHeardMs = 0;
  private readonly replicas = new Set<Connection>();

  constructor(world: World, network: VirtualNetwork, host: string, options: { persistent?: boolean; settings?: Partial<ClusterSettings> } = {}) {
    this.world = world;
    this.network = network;
    this.host = host;
    this.persistent = options.persistent ?? false;
    this.settings = { ...defaultSettings(PORT), nodeTimeoutMs: 2000, ...options.settings };
    this.cluster = this.create();
  }

  get myself(): ClusterNode {
    return this.cluster.myself;
  }

  private create(): Cluster {
    return new Cluster(
      {
        settings: this.settings,
        effects: this.effects(),
        replication: {
          offset: () => this.writes.length,
          hasPrimary: () => this.primaryHost !== '',
          dataAgeMs: (nowMs) => nowMs - this.primaryHeardMs,
        },
        keyspace: {
          keysInSlot: (slot) => this.writes.filter((write) => write.slot === slot).length,
          isEmpty: () => this.writes.length === 0,
        },
        random: this.world.random,
      },
      this.world.nowMs,
      this.disk,
    );
  }

  /** Starts the process, or starts it again: from nodes.conf on its disk, with its dataset if it has a volume. */
  start(): void {
    this.alive = true;
    const life = ++this.life;
    this.writes = this.persistent ? [...this.savedWrites] : [];
    this.cluster = this.create();
    this.network.listen(this.host, BUS_PORT, { accept: (connection, peer) => this.acceptLink(life, connection, peer) });
    this.network.listen(this.host, REPLICATION_PORT, { accept: (connection) => this.acceptReplica(life, connection) });
    this.cluster.start(this.world.nowMs, { loaded: this.persistent, offset: this.writes.length });
    this.tickForEver(life);
  }

  private tickForEver(life: number): void {
    this.later(life, TICK_MS, () => {
      this.cluster.tick(this.world.nowMs);
      this.tickForEver(life);
    });
  }

  /** A stopped node gets another address, as a pod does. */
  moveTo(host: string): void {
    this.host = host;
  }

  /** SIGKILL, or the power goes: what was not on disk is lost. */
  kill(): void {
    this.alive = false;
    this.life++;
    this.network.stop(this.host);
    this.connections.clear();
    this.replicas.clear();
    this.primaryHost = '';
    this.primaryConnection = null;
  }

  private later(life: number, delayMs: number, run: () => void): void {
    this.world.after(delayMs, () => {
      if (this.life === life) run();
    });
  }

  private effects(): ClusterEffects {
    const guard = this.life;
    return {
      connect: (host, port) => this.dial(host, port),
      send: (link, packet) => this.connections.get(link)?.send(packet),
      closeLink: (link) => {
        this.connections.get(link)?.close();
        this.connections.delete(link);
      },
      queuedBytes: () => 0,
      saveConfig: (sequence, text) => {
        this.later(guard, this.world.random.between(0, 3), () => {
          this.disk = text;
          this.cluster.onConfigSaved(this.world.nowMs, sequence);
        });
      },
      tickAfterSockets: () => this.later(guard, 0, () => this.cluster.tick(this.world.nowMs)),
      runMigrationsSoon: () => this.later(guard, 0, () => this.cluster.runMigrations(this.world.nowMs)),
      becomeReplicaOf: (host) => this.follow(guard, host),
      becomePrimary: () => this.unfollow(),
      pauseWrites: (_reason, untilMs) => {
        this.writesPausedUntilMs = untilMs;
      },
      resumeWrites: () => {
        this.writesPausedUntilMs = 0;
      },
      flushSlotKeys: (slot) => {
        this.writes = this.writes.filter((write) => write.slot !== slot);
      },
      flushAllKeys: () => {
        this.writes = [];
      },
      dropShardChannels: () => {},
      publish: () => {},
      log: (level, text) => {
        if (level !== 'debug') this.log.push(`${this.world.nowMs} ${this.host} ${text}`);
      },
    };
  }

  private dial(host: string, port: number): number {
    const id = this.nextLink++;
    const life = this.life;
    this.connections.set(id, this.network.connect(this.host, host, port, this.endpointOf(life, id, false)));
    return id;
  }

  private acceptLink(life: number, connection: Connection, peer: string): Endpoint {
    const id = this.nextLink++;
    this.connections.set(id, connection);
    this.cluster.onLinkAccepted(this.world.nowMs, id, peer, this.host);
    return this.endpointOf(life, id, true);
  }

  private endpointOf(life: number, id: number, inbound: boolean): Endpoint {
    const mine = (): boolean => this.life === life;
    return {
      up: (peer, own) => {
        if (mine() && !inbound) this.cluster.onLinkUp(this.world.nowMs, id, peer, own);
      },
      data: (packet) => {
        if (mine()) this.cluster.onPacket(this.world.nowMs, id, packet.slice());
      },
      down: (reason) => {
        if (mine()) this.cluster.onLinkDown(this.world.nowMs, id, reason);
      },
    };
  }

  // --- The model of replication --------------------------------------------------------------------------------------

  private follow(life: number, host: string): void {
    this.unfollow();
    this.primaryHost = host;
    const encode = (): Uint8Array => Uint8Array.of(1);
    const connection = this.network.connect(this.host, host, REPLICATION_PORT, {
      up: () => connection.send(encode()),
      data: (bytes) => {
        if (this.life !== life || this.primaryConnection !== connection) return;
        this.primaryHeardMs = this.world.nowMs;
        this.writes = JSON.parse(new TextDecoder().decode(bytes)) as Write[];
        connection.send(new TextEncoder().encode(String(this.writes.length)));
        this.cluster.onReplicationProgress(this.world.nowMs);
      },
      down: () => {
        if (this.life !== life || this.primaryConnection !== connection) return;
        this.later(life, 500, () => {
          if (this.primaryConnection === connection) this.follow(life, host);
        });
      },
    });
    this.primaryConnection = connection;
  }

  private unfollow(): void {
    this.primaryHost = '';
    this.primaryConnection?.close();
    this.primaryConnection = null;
  }

  private acceptReplica(life: number, connection: Connection): Endpoint {
    return {
      up: () => {},
      data: (bytes) => {
        if (this.life !== life) return;
        if (bytes.length === 1 && bytes[0] === 1) {
          if (!this.cluster.servesReplicas || this.myself.isReplica) {
            connection.close();
            return;
          }
          this.replicas.add(connection);
          this.sendDataset(connection);
          return;
        }
        const acknowledged = Number(new TextDecoder().decode(bytes));
        for (const write of this.writes.slice(0, acknowledged)) this.confirmed.add(write.id);
      },
      down: () => this.replicas.delete(connection),
    };
  }

  private sendDataset(connection: Connection): void {
    connection.send(new TextEncoder().encode(JSON.stringify(this.writes)));
  }

  /** A client's write. False when this node does not take it now. */
  write(id: number, slot: number): boolean {
    if (!this.alive || this.writesPausedUntilMs > this.world.nowMs || this.myself.isReplica) return false;
    if (this.cluster.router.route(slot, REQUEST_WRITES) !== ROUTE_OK) return false;
    this.writes.push({ id, slot });
    if (this.persistent) this.savedWrites = [...this.writes];
    for (const replica of this.replicas) this.sendDataset(replica);
    return true;
  }

  // --- What an operator does -----------------------------------------------------------------------------------------

  meet(other: SimulatedNode): void {
    this.command((cluster) => cluster.run(this.world.nowMs, (state) => meet(state, other.host, PORT, BUS_PORT)));
  }

  addSlots(from: number, to: number): void {
    const slots = Array.from({ length: to - from + 1 }, (_, index) => from + index);
    this.command((cluster) => cluster.run(this.world.nowMs, (state) => addSlots(state, slots)));
  }

  replicate(primary: SimulatedNode): void {
    this.command((cluster) => cluster.run(this.world.nowMs, (state) => replicate(state, primary.myself.name)));
  }

  failover(mode: FailoverMode): void {
    this.command((cluster) => cluster.run(this.world.nowMs, (state) => startManualFailover(state, mode)));
  }

  private command(give: (cluster: Cluster) => string | null): void {
    const error = give(this.cluster);
    if (error !== null) throw new Error(`${this.host}: ${error}`);
  }

  get isPrimary(): boolean {
    return this.alive && this.myself.isPrimary;
  }

  get isOk(): boolean {
    return this.alive && this.cluster.isOk;
  }

  /** Name of the node that this one believes to own a slot. */
  ownerOf(slot: number): string {
    return this.cluster.state.ownerOf(slot)?.name ?? '';
  }
}
