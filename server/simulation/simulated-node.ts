/**
 * A cluster node in a simulation: the real cluster state machine over a virtual network, clock and disk, with a model of a
 * dataset and of replication (an offset and a set of writes).
 *
 * Replication's model: a primary's writes reach its replicas over the network in order; a replica that asks for its primary
 * gets the whole dataset. A write is confirmed when a replica's acknowledgement has come back.
 */
import { addSlots, meet, replicate } from '../cluster/administration.ts';
import { Cluster } from '../cluster/cluster.ts';
import { TICK_MS } from '../cluster/limits.ts';
import { type FailoverMode, startManualFailover } from '../cluster/manual-failover.ts';
import { covers } from '../cluster/migration/job.ts';
import { Migrations } from '../cluster/migration/migrations.ts';
import type { MigrationEffects } from '../cluster/migration/ports.ts';
import type { ClusterNode } from '../cluster/node-table.ts';
import type { ClusterEffects } from '../cluster/ports.ts';
import { REQUEST_WRITES, ROUTE_OK } from '../cluster/routing.ts';
import { type ClusterSettings, defaultSettings } from '../cluster/settings.ts';
import type { SlotRange } from '../cluster/slot-map.ts';
import { Follower, ModelSource, Snapshot } from './model-migration.ts';
import type { Connection, Endpoint, VirtualNetwork } from './network.ts';
import type { World } from './world.ts';

const PORT = 6379;
const BUS_PORT = 16379;
const REPLICATION_PORT = PORT;

/** A write of the model: where it stands in its primary's history. */
interface Write {
  readonly id: number;
  readonly slot: number;
  readonly offset: number;
}

interface Dataset {
  readonly offset: number;
  readonly writes: readonly Write[];
}

export class SimulatedNode {
  host: string;
  readonly settings: ClusterSettings;
  cluster: Cluster;
  alive = false;
  readonly log: string[] = [];
  /** Confirmed by a replica's acknowledgement. */
  readonly confirmed = new Set<number>();
  /** Writes this node holds, oldest first. */
  writes: Write[] = [];
  /** The replication offset: grows with each change. */
  offset = 0;
  migrations: Migrations;
  readonly hiddenSlots = new Set<number>();
  writesPausedUntilMs = 0;

  private readonly world: World;
  private readonly network: VirtualNetwork;
  private disk = '';
  private diskBusyUntilMs = 0;
  private saved: Dataset = { offset: 0, writes: [] };
  private readonly persistent: boolean;
  private readonly connections = new Map<number, Connection>();
  private nextLink = 1;
  /** Counts starts of the process: what an earlier one scheduled is void. */
  private life = 0;
  private primaryHost = '';
  private primaryConnection: Connection | null = null;
  private primaryHeardMs = 0;
  private readonly replicas = new Set<Connection>();

  constructor(
    world: World,
    network: VirtualNetwork,
    host: string,
    options: { persistent?: boolean; settings?: Partial<ClusterSettings> } = {},
  ) {
    this.world = world;
    this.network = network;
    this.host = host;
    this.persistent = options.persistent ?? false;
    this.settings = { ...defaultSettings(PORT), nodeTimeoutMs: 2000, ...options.settings };
    this.cluster = this.create();
    this.migrations = new Migrations(this.cluster.state, this.migrationEffects());
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
          offset: () => this.offset,
          hasPrimary: () => this.primaryHost !== '',
          dataAgeMs: (nowMs) => (this.primaryHeardMs === 0 ? Number.POSITIVE_INFINITY : nowMs - this.primaryHeardMs),
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
    const { offset, writes } = this.persistent ? this.saved : { offset: 0, writes: [] };
    this.writes = [...writes];
    this.offset = offset;
    this.hiddenSlots.clear();
    this.primaryHeardMs = 0;
    this.followers.clear();
    this.cluster = this.create();
    this.migrations = new Migrations(this.cluster.state, this.migrationEffects());
    this.network.listen(this.host, BUS_PORT, { accept: (connection, peer) => this.acceptLink(life, connection, peer) });
    this.network.listen(this.host, REPLICATION_PORT, { accept: (connection) => this.acceptReplica(life, connection) });
    this.cluster.start(this.world.nowMs, { loaded: this.persistent, offset: this.offset });
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
        this.diskBusyUntilMs = Math.max(this.diskBusyUntilMs, this.world.nowMs) + this.world.random.between(0, 3);
        this.later(guard, this.diskBusyUntilMs - this.world.nowMs, () => {
          this.disk = text;
          this.cluster.onConfigSaved(this.world.nowMs, sequence);
        });
      },
      tickAfterSockets: () => this.later(guard, 0, () => this.cluster.tick(this.world.nowMs)),
      runSoon: () => this.later(guard, 0, () => this.cluster.onSoon(this.world.nowMs)),
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
        this.changed();
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
        const dataset = JSON.parse(new TextDecoder().decode(bytes)) as Dataset;
        this.writes = [...dataset.writes];
        this.offset = dataset.offset;
        connection.send(new TextEncoder().encode(String(this.offset)));
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
    const source = new ModelSource(connection);
    return {
      up: () => {},
      data: (bytes) => {
        if (this.life !== life) return;
        if (source.isSource || bytes[0] === 42) {
          source.take(bytes, (words) => this.runSourceCommand(words, source));
          return;
        }
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
        for (const write of this.writes) if (write.offset <= acknowledged) this.confirmed.add(write.id);
      },
      down: () => {
        this.replicas.delete(connection);
        if (this.life === life) this.cluster.run(this.world.nowMs, () => this.migrations.onSourceGone(source));
      },
    };
  }

  private sendDataset(connection: Connection): void {
    connection.send(new TextEncoder().encode(JSON.stringify({ offset: this.offset, writes: this.writes })));
  }

  /** A client's write. False when this node does not take it now. */
  write(id: number, slot: number): boolean {
    if (!this.alive || this.writesPausedUntilMs > this.world.nowMs || this.myself.isReplica) return false;
    if (this.cluster.router.route(slot, REQUEST_WRITES) !== ROUTE_OK) return false;
    this.apply(id, slot);
    return true;
  }

  private apply(id: number, slot: number): void {
    this.writes.push({ id, slot, offset: this.offset + 1 });
    this.changed();
    for (const follower of this.followers) follower.written(id, slot);
  }

  private changed(): void {
    this.offset++;
    if (this.persistent) this.saved = { offset: this.offset, writes: [...this.writes] };
    for (const replica of this.replicas) this.sendDataset(replica);
  }

  // --- The model of slot migration -----------------------------------------------------------------------------------

  private readonly followers = new Set<Follower>();
  private readonly targets = new Map<string, Connection>();

  private migrationEffects(): MigrationEffects {
    const life = this.life;
    return {
      snapshots: { begin: (ranges) => new Snapshot(this.writes.filter(({ slot }) => covers(ranges, slot))) },
      writes: {
        follow: (ranges, _limit, ready) => {
          const follower = new Follower(ranges, ready, () => this.followers.delete(follower));
          this.followers.add(follower);
          return follower;
        },
      },
      targets: {
        connect: (job, host, port) => this.connectToTarget(life, job, host, port),
        send: (job, bytes) => this.targets.get(job)?.send(bytes),
        unsentBytes: () => 0,
        close: (job) => {
          this.targets.get(job)?.close();
          this.targets.delete(job);
        },
      },
      hideSlot: (slot, hidden) => {
        if (hidden) this.hiddenSlots.add(slot);
        else this.hiddenSlots.delete(slot);
      },
      propagate: () => this.changed(),
    };
  }

  private connectToTarget(life: number, job: string, host: string, port: number): void {
    const event = (handle: () => void): void => {
      if (this.life === life) this.cluster.run(this.world.nowMs, handle);
    };
    this.targets.set(
      job,
      this.network.connect(this.host, host, port, {
        up: () => event(() => this.migrations.onTargetUp(job)),
        data: (bytes) => event(() => this.migrations.onTargetBytes(job, bytes)),
        down: (reason) => event(() => this.migrations.onTargetDown(job, reason)),
      }),
    );
  }

  /** A command of a migration's source. */
  private runSourceCommand(words: readonly string[], source: ModelSource): void {
    const { nowMs } = this.world;
    source.lastInteractionMs = nowMs;
    if (words[0] === 'SET') {
      this.apply(Number(words[1]), Number(words[2]));
      return;
    }
    if (words[2] !== 'ESTABLISH') {
      const job = this.migrations.importOf(source);
      if (job !== null) this.cluster.run(nowMs, () => this.migrations.onSourceMessage(job, words[2]!));
      return;
    }
    const ranges: SlotRange[] = [];
    for (let i = 8; i + 1 < words.length; i += 2) ranges.push({ start: Number(words[i]), end: Number(words[i + 1]) });
    const request = { source: words[4]!, job: words[6]!, ranges };
    const problem =
      this.migrations.refusal() ?? this.migrations.checkEstablishment(request, this.ownerOf(ranges[0]!.start));
    if (problem === null) this.cluster.run(nowMs, () => this.migrations.establish(request, source));
    source.send(new TextEncoder().encode(problem === null ? '+OK\r\n' : `-${problem}\r\n`));
  }

  migrate(from: number, to: number, target: SimulatedNode): void {
    this.command((cluster) => {
      const order = { ranges: [{ start: from, end: to }], target: target.myself.name };
      const problem = this.migrations.refusal() ?? this.migrations.checkOrder(order, []);
      if (problem === null) cluster.run(this.world.nowMs, () => this.migrations.start([order]));
      return problem;
    });
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
