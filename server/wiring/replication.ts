/**
 * Wires replication: the write log behind the executor, the primary's and the replica's side, the link to a primary, and what the
 * cluster and the commands ask of them.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { ReplicationView } from '../cluster/ports.ts';
import type { RestartedDataset } from '../cluster/restart-rule.ts';
import { type Client, STREAM_CLIENT } from '../commands/client.ts';
import { PAUSE_NONE, PAUSE_WRITES } from '../commands/clients.ts';
import type { WriteGate } from '../commands/executor.ts';
import type { PrimaryLinkFacts, ReplicaFacts, ReplicationRoom } from '../commands/replication-room.ts';
import type { InfoSection } from '../commands/rooms.ts';
import { VALKEY_VERSION } from '../config/version.ts';
import { EXPIRY_DELETES, EXPIRY_HIDES } from '../keyspace/keyspace.ts';
import type { Node, Part } from '../node.ts';
import { KeyspaceLoader } from '../persistence/keyspace-loader.ts';
import { RdbReader } from '../persistence/rdb/rdb-reader.ts';
import { RdbWriter } from '../persistence/rdb/rdb-writer.ts';
import type { Arguments } from '../protocol/arguments.ts';
import {
  ERR_LOADING,
  ERR_MASTERDOWN,
  ERR_NO_REPLICAS,
  ERR_READONLY,
  ERR_WAITAOF_WITHOUT_FILE,
} from '../protocol/errors.ts';
import { RequestParser } from '../protocol/parser.ts';
import { type Candidate, Failover, type FailoverTarget } from '../replication/failover.ts';
import { OwnExpiries } from '../replication/own-expiries.ts';
import { AWAITING_ACK, ONLINE, Primary, type PrimarySettings, type ReplicaState } from '../replication/primary.ts';
import { Replica, type ReplicaHost, type ReplicaSettings, type SnapshotLoad } from '../replication/replica.ts';
import { StreamApplier } from '../replication/stream-applier.ts';
import { WriteLog } from '../replication/write-log.ts';
import type { ValueBuilder } from '../types/index.ts';
import { takeLibrary, tellLibraries } from './scripting.ts';

/** Work of one slice of a full synchronisation, in the iterator's units of about a microsecond. */
const SLICE_UNITS = 2000;
/** Values kept back for a full synchronisation beyond this fail it. */
const QUEUE_LIMIT_BYTES = 256 * 1024 * 1024;
/** A connection to a primary that hangs is given up. */
const CONNECT_TIMEOUT_MS = 5000;
const FAILOVER_PAUSE = 'failover';

/** What persistence lends: the refusal of writes after a failed save, and what was loaded at the start. */
export interface LoadedDataset extends RestartedDataset {
  /** The history that the file belongs to; empty when it says none. */
  readonly replicationId: string;
}

export interface ReplicationPart extends ReplicationView {
  readonly log: WriteLog;
  becomeReplicaOf(host: string, port: number, fullSync: boolean): void;
  becomePrimary(): void;
  /** What was found on the disk at the start. */
  restarted(): RestartedDataset;
  /** False on a replica of whose full synchronisation only a part arrived. */
  isComplete(): boolean;
  /** The dataset stands where the log says; what an RDB file tells of itself. */
  origin(): { readonly id: string; readonly offset: number; readonly streamDatabase: number } | null;
  /** A file was loaded: the history goes on where it ended. */
  loaded(dataset: LoadedDataset): void;
  /** Set by the cluster: false refuses replicas, since this owner may be older than they are. */
  servesReplicas: () => boolean;
  /** Set by the cluster: a replica's offset moved. */
  onProgress: (() => void) | null;
  /** Set by the cluster: the dataset is being replaced by a primary's. */
  /** The append-only file follows this history. */
  followAppendOnly(appendOnly: { abandonHistory(): void; onDurable: (() => void) | null }): void;
  onFullSync: (() => void) | null;
  /** Set by persistence: why writes are refused now, or null. */
  saveRefusal: () => string | null;
}

export function wireReplication(node: Node): ReplicationPart {
  return new ReplicationWiring(node);
}

function randomId(): string {
  return randomBytes(20).toString('hex');
}

class ReplicationWiring implements Part, ReplicationPart, ReplicationRoom, WriteGate {
  readonly log: WriteLog = new WriteLog(randomId());
  servesReplicas: () => boolean = () => true;
  onProgress: (() => void) | null = null;
  onFullSync: (() => void) | null = null;
  saveRefusal: () => string | null = () => null;
  private readonly node: Node;
  private readonly primary: Primary;
  private replica: Replica | null = null;
  private readonly replicaSettings: ReplicaSettings;
  private readonly replicaHost: ReplicaHost;
  private readonly applier: StreamApplier;
  private readonly builder: ValueBuilder;
  private socket: Socket | null = null;
  private working = false;
  private readonly ownExpiries: OwnExpiries;
  private readonly failover = new Failover();
  private appendOnly: { abandonHistory(): void } | null = null;
  /** This node was in sync with its present primary at some time. */
  private hasItsDataset = false;
  /** The history goes on from a file under a new name, which nobody may have learned yet. */
  private resumed = false;
  private dataset: RestartedDataset = { loaded: false, offset: 0 };

  constructor(node: Node) {
    const { settings } = node;
    this.node = node;
    const primarySettings: PrimarySettings = {
      pingPeriodMs: 0,
      timeoutMs: 0,
      backlogBytes: 0,
      backlogTtlMs: 0,
      minReplicas: 0,
      minReplicasMaxLagMs: 0,
    };
    const replicaSettings: ReplicaSettings = {
      user: '',
      password: '',
      listeningPort: settings.integer('port'),
      announceAddress: '',
      timeoutMs: 0,
      backlogBytes: 0,
    };
    this.replicaSettings = replicaSettings;
    this.followSettings(primarySettings, replicaSettings);
    this.primary = new Primary(this.log, primarySettings, {
      clients: node.clients,
      log: node.log,
      randomId,
      openSnapshot: (version) => {
        const writer = new RdbWriter({
          version,
          serverVersion: VALKEY_VERSION,
          createdAtSeconds: node.keyspace.nowSeconds,
          usedMemoryBytes: node.usedMemoryBytes(),
          replication: this.origin(),
        });
        tellLibraries(node, writer);
        return node.snapshots.open(writer, { slots: null, queueLimitBytes: QUEUE_LIMIT_BYTES });
      },
      slice: (snapshot, units) => node.snapshots.slice(snapshot, units),
      closeSnapshot: (snapshot) => node.snapshots.close(snapshot),
      syncRefusal: () => this.syncRefusal(),
      durablePosition: () => this.node.rooms.appendOnly?.durablePosition ?? -1,
    });
    const parser = new RequestParser({ maxBulkBytes: Number.MAX_SAFE_INTEGER });
    this.applier = new StreamApplier(
      node.internalClient(STREAM_CLIENT),
      parser,
      node.executor,
      node.reply,
      node.clients,
      node.keyspace,
    );
    this.builder = node.types.newBuilder();
    this.ownExpiries = new OwnExpiries(node.keyspace);
    this.replicaHost = this.composeReplicaHost();
    node.executor.writes = this;
    node.rooms.replication = this;
    node.rooms.infoSections.set('replication', this.info);
    const describedMemory = node.rooms.infoSections.get('memory');
    node.rooms.infoSections.set('stats', (add) => {
      add('sync_full', this.primary.fullSyncs);
      add('sync_partial_ok', this.primary.partialSyncs);
      add('sync_partial_err', this.primary.partialSyncsRefused);
      // Where Valkey forks, a snapshot begins.
      add('total_forks', node.snapshots.opened);
      add('slave_expires_tracked_keys', this.ownExpiries.count);
    });
    node.role = () => (this.replica === null ? 'primary' : 'replica');
    node.logBytes = () => this.log.memoryBytes;
    node.uncountedBytes = () => this.log.beyondBacklogBytes;
    node.rooms.infoSections.set('memory', (add) => {
      describedMemory?.(add);
      const { memoryBytes, beyondBacklogBytes } = this.log;
      add('mem_not_counted_for_evict', beyondBacklogBytes);
      add('mem_replication_backlog', memoryBytes - beyondBacklogBytes);
      add('mem_total_replication_buffers', memoryBytes);
      add('mem_clients_slaves', this.primary.replicas.length > 0 ? beyondBacklogBytes : 0);
    });
    node.turnEnders.add(() => this.endTurn());
    node.clients.onGone((client) => this.primary.gone(client));
    node.clients.onPauseChange = () => {
      this.decideExpiry();
      if (node.clients.pauseKind === PAUSE_NONE && this.replica !== null) setImmediate(() => this.goOnWithStream());
    };
    node.parts.push(this);
  }

  private followSettings(primary: PrimarySettings, replica: ReplicaSettings): void {
    const { settings } = this.node;
    const seconds = (name: string, put: (ms: number) => void): void =>
      settings.watch(name, (value) => put(Number(value) * 1000));
    seconds('repl-ping-replica-period', (ms) => {
      primary.pingPeriodMs = ms;
    });
    seconds('repl-timeout', (ms) => {
      primary.timeoutMs = ms;
      replica.timeoutMs = ms;
    });
    seconds('repl-backlog-ttl', (ms) => {
      primary.backlogTtlMs = ms;
    });
    seconds('min-replicas-max-lag', (ms) => {
      primary.minReplicasMaxLagMs = ms;
    });
    settings.watch('min-replicas-to-write', (value) => {
      primary.minReplicas = Number(value);
    });
    settings.watch('repl-backlog-size', (value) => {
      primary.backlogBytes = Number(value);
      replica.backlogBytes = Number(value);
      if (this.log.hasBacklog) this.log.keepBacklog(Number(value));
    });
    settings.watch('primaryauth', (value) => {
      replica.password = value;
    });
    settings.watch('primaryuser', (value) => {
      replica.user = value;
    });
    settings.watch('replica-announce-ip', (value) => {
      replica.announceAddress = value;
    });
    settings.watch('replica-announce-port', (value) => {
      replica.listeningPort = Number(value) || settings.integer('port');
    });
  }

  async start(): Promise<void> {
    const [host, port] = this.node.settings.text('replicaof').split(' ');
    if (host !== undefined && port !== undefined && this.replica === null)
      this.becomeReplicaOf(host, Number(port), false);
  }

  tick(nowMs: number): void {
    // While writes are held the offset stands still, so that a replica can reach it: no pings either.
    this.primary.tick(nowMs, this.replica === null && this.node.clients.pauseKind === PAUSE_NONE);
    this.replica?.tick(nowMs);
    if (this.failover.underWay) this.goOnWithFailover();
    if (this.node.clients.pauseKind === PAUSE_NONE && this.node.expiresActively) this.ownExpiries.expire();
    if (this.replica?.linkUpNow === true) this.hasItsDataset = true;
  }

  async stop(): Promise<void> {
    this.replica?.stop();
  }

  private endTurn(): void {
    this.primary.pump();
    if (this.primary.replicas.length > 0) this.workSoon();
  }

  /** Full synchronisations go on between the turns. */
  private workSoon(): void {
    if (this.working || !this.primary.waitsForConnections) return;
    this.working = true;
    setImmediate(() => {
      this.working = false;
      this.node.turn();
      const more = this.primary.work(SLICE_UNITS);
      this.node.endTurn();
      if (more) this.workSoon();
    });
  }

  // --- WriteGate -------------------------------------------------------------------------------------------------------

  get active(): boolean {
    return this.log.active;
  }

  append(database: number, slot: number, args: Arguments): void {
    // Within a transaction that made this node a replica: the stream is its primary's from there on.
    if (!this.log.active) return;
    this.log.appendCommand(database, slot, args.bytes, args.starts, args.ends, args.count);
  }

  get ownKeys(): OwnExpiries | null {
    return this.replica === null ? null : this.ownExpiries;
  }

  beginTransaction(): void {
    this.log.beginTransaction();
  }

  endTransaction(): void {
    this.log.endTransaction();
  }

  refusal(): string | null {
    if (this.replica !== null) return this.node.settings.flag('replica-read-only') ? ERR_READONLY : null;
    if (this.primary.lacksReplicas) return ERR_NO_REPLICAS;
    return this.saveRefusal();
  }

  /** A dataset of which only a part arrived is not shown to anybody. */
  staleRefusal(): string | null {
    const { replica } = this;
    if (replica === null || replica.linkUpNow) return null;
    if (replica.dataset === 'loading') return ERR_LOADING;
    if (replica.dataset === 'incomplete') return ERR_MASTERDOWN;
    return this.node.settings.flag('replica-serve-stale-data') ? null : ERR_MASTERDOWN;
  }

  // --- Roles -----------------------------------------------------------------------------------------------------------

  becomeReplicaOf(host: string, port: number, fullSync: boolean, takesOver = false): void {
    const { node, log } = this;
    const before = this.replica;
    if (before !== null && before.host === host && before.port === port && !fullSync) return;
    const incomplete = before !== null && before.dataset !== 'kept';
    before?.stop();
    this.hasItsDataset = false;
    if (before === null) log.beginRelaying(this.replicaSettings.backlogBytes);
    this.replica = new Replica(host, port, log, this.replicaSettings, this.replicaHost, {
      fullSync: fullSync || incomplete,
      underPreviousId: this.resumed && this.primary.fullSyncs + this.primary.partialSyncs === 0,
      takesOver,
      version: VALKEY_VERSION,
      nowMs: node.nowMs(),
    });
    this.decideExpiry();
    // What waits for acknowledgements waits in vain on a replica.
    for (const client of [...node.clients.all()]) {
      if (client.waiter === null) continue;
      node.clients.unblockWithError(
        client,
        'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)',
      );
      client.closing = true;
    }
    node.log('notice', `Now a replica of ${host}:${port}`);
  }

  becomePrimary(): void {
    const { replica, node } = this;
    if (replica === null) return;
    replica.stop();
    this.replica = null;
    this.log.endRelaying(randomId());
    this.decideExpiry();
    node.executor.loading = false;
    node.log('notice', `Now a primary, history ${this.log.id} from offset ${this.log.position} on`);
  }

  /** A primary deletes what has expired and logs it; a replica waits for that, and so does a primary whose writes are held. */
  private decideExpiry(): void {
    const deletes = this.replica === null && this.node.clients.pauseKind === PAUSE_NONE;
    this.node.keyspace.expiryMode = deletes ? EXPIRY_DELETES : EXPIRY_HIDES;
  }

  /** REPLICAOF. */
  follow(primary: { readonly host: string; readonly port: number } | null): string {
    if (primary === null) {
      this.becomePrimary();
      return 'OK';
    }
    if (this.replica?.host === primary.host && this.replica.port === primary.port)
      return 'OK Already connected to specified master';
    this.becomeReplicaOf(primary.host, primary.port, false);
    return 'OK';
  }

  private syncRefusal(): string | null {
    if (this.replica !== null && !this.replica.linkUpNow)
      return "NOMASTERLINK Can't SYNC while not connected with my master";
    if (!this.servesReplicas()) return 'LOADING This primary waits until its replicas have said what they have';
    return this.node.executor.loading ? ERR_LOADING : null;
  }

  // --- The link to the primary -----------------------------------------------------------------------------------------

  private composeReplicaHost(): ReplicaHost {
    const { node } = this;
    return {
      log: node.log,
      connect: (link, host, port) => this.open(link, host, port),
      send: (bytes) => void this.socket?.write(bytes),
      close: () => {
        this.socket?.destroy();
        this.socket = null;
      },
      beginLoad: (source) => this.beginLoad(source),
      takeoverEnded: (refusal) => {
        if (refusal === null) this.endFailover();
        else this.giveUpFailover(`the replica answered ${refusal}`);
      },
      durablePosition: () => this.node.rooms.appendOnly?.durablePosition ?? -1,
      get holdsStream() {
        return node.clients.pauseKind !== PAUSE_NONE;
      },
      apply: (bytes, from, to) => this.applier.apply(bytes, from, to),
      resetStream: () => this.applier.reset(),
      disconnectReplicas: (reason) => this.primary.disconnectAll(reason),
    };
  }

  private open(link: number, host: string, port: number): void {
    const { node } = this;
    const source = node.settings.text('bind-source-addr');
    const socket = connect({ host, port, noDelay: true, ...(source === '' ? {} : { localAddress: source }) });
    this.socket = socket;
    let reason = 'closed by the primary';
    const event = (run: (replica: Replica) => void): void => {
      if (this.socket !== socket || this.replica === null) return;
      node.turn();
      run(this.replica);
      node.endTurn();
    };
    const giveUp = setTimeout(() => {
      reason = `no connection within ${CONNECT_TIMEOUT_MS} ms`;
      socket.destroy();
    }, CONNECT_TIMEOUT_MS);
    socket.once('connect', () => {
      clearTimeout(giveUp);
      event((replica) => replica.linkUp(link, node.nowMs()));
    });
    socket.on('data', (chunk: Uint8Array) =>
      event((replica) => {
        // A plain view: the hot code below has seen no Buffer.
        replica.linkBytes(
          link,
          new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length),
          0,
          chunk.length,
          node.nowMs(),
        );
        this.checkStream();
        this.onProgress?.();
      }),
    );
    socket.on('error', (problem) => {
      reason = problem.message;
    });
    socket.once('close', () => {
      clearTimeout(giveUp);
      event((replica) => replica.linkDown(link, reason, node.nowMs()));
      if (this.socket === socket) this.socket = null;
    });
  }

  /** After a pause, in a turn of its own: it may have ended within a command. */
  private goOnWithStream(): void {
    const { node } = this;
    node.turn();
    this.replica?.goOn(node.nowMs());
    this.checkStream();
    this.onProgress?.();
    node.endTurn();
  }

  /** A stream that holds what is no command cannot be continued: the dataset is fetched anew. */
  private checkStream(): void {
    const { replica, applier } = this;
    if (replica === null || applier.problem === '') return;
    this.node.log('warning', `The stream of ${replica.name} is damaged: ${applier.problem}: synchronising anew`);
    this.becomeReplicaOf(replica.host, replica.port, true);
  }

  private beginLoad(source: string): SnapshotLoad {
    const { node, applier } = this;
    node.executor.loading = true;
    this.onFullSync?.();
    this.appendOnly?.abandonHistory();
    node.keyspace.clear();
    this.ownExpiries.clear();
    node.rooms.scripting?.flushLibraries();
    const loader = new KeyspaceLoader(node.keyspace, node.types, this.builder, {
      dropExpiredBeforeMs: 0,
      takeLibrary: (code) => takeLibrary(node, code),
    });
    const relaxed = node.settings.text('rdb-version-check') === 'relaxed';
    const reader = new RdbReader(loader, source, true, relaxed);
    return {
      push: (bytes, from, to) => reader.push(bytes, from, to),
      get failure() {
        return reader.error;
      },
      abandon: () => loader.abandon(),
      finish: () => {
        reader.finish();
        node.executor.loading = false;
        if (reader.error !== null) return reader.error;
        const streamDatabase = Number(loader.facts.get('repl-stream-db') ?? 0);
        applier.client.databaseIndex =
          streamDatabase >= 0 && streamDatabase < node.keyspace.databases.length ? streamDatabase : 0;
        return null;
      },
    };
  }

  // --- Facts -----------------------------------------------------------------------------------------------------------

  /** A dataset of which only a part arrived counts for nothing in an election. */
  offset(): number {
    return this.replica !== null && this.replica.dataset !== 'kept' ? 0 : this.log.position;
  }

  hasPrimary(): boolean {
    return this.replica !== null;
  }

  dataAgeMs(nowMs: number): number {
    const { replica } = this;
    if (replica === null) return 0;
    if (replica.linkUpNow) this.hasItsDataset = true;
    if (!this.hasItsDataset || replica.dataset !== 'kept') return Number.POSITIVE_INFINITY;
    return replica.linkUpNow ? nowMs - replica.lastHeardMs : nowMs - replica.downSinceMs;
  }

  restarted(): RestartedDataset {
    return this.dataset;
  }

  isComplete(): boolean {
    return this.replica === null || this.replica.dataset === 'kept';
  }

  loaded(dataset: LoadedDataset): void {
    this.dataset = dataset;
    if (!/^[0-9a-f]{40}$/.test(dataset.replicationId)) return;
    // The history may have gone on after the file was written: what happens here from now on needs a name of its own.
    this.log.resume(randomId(), dataset.replicationId, dataset.offset, this.replicaSettings.backlogBytes);
    this.resumed = true;
  }

  origin(): { readonly id: string; readonly offset: number; readonly streamDatabase: number } | null {
    const { log, replica } = this;
    if (replica === null && !log.active && log.position === 0) return null;
    const streamDatabase = replica === null ? log.streamDatabase : this.applier.client.databaseIndex;
    return { id: log.id, offset: log.position, streamDatabase };
  }

  // --- ReplicationRoom: what commands ask ------------------------------------------------------------------------------

  configure(client: Client, option: string, value: string): string | null | undefined {
    return this.primary.configure(client, option, value, this.node.nowMs());
  }

  synchronise(client: Client, id: string | null, offset: number): string | null {
    const problem = this.primary.synchronise(client, id, offset, this.node.nowMs());
    this.workSoon();
    return problem;
  }

  acknowledgeSoon(): void {
    this.replica?.acknowledgeSoon();
  }

  link(): PrimaryLinkFacts | null {
    const { replica, log } = this;
    if (replica === null) return null;
    return { host: replica.host, port: replica.port, state: replica.state, offset: log.position };
  }

  replicas(): readonly ReplicaFacts[] {
    return this.primary.replicas.map((replica) => ({
      address: replica.address,
      port: replica.listeningPort,
      offset: replica.ackPosition,
    }));
  }

  acknowledgedBy(offset: number): number {
    return this.primary.acknowledgedBy(offset);
  }

  // --- FAILOVER --------------------------------------------------------------------------------------------------------

  private get candidates(): readonly Candidate[] {
    const { position } = this.log;
    return this.primary.replicas
      .filter((replica) => replica.state === ONLINE)
      .map((replica) => ({
        host: replica.address,
        port: replica.listeningPort,
        hasCaughtUp: replica.ackPosition >= position,
      }));
  }

  failOver(target: FailoverTarget | null, force: boolean, timeoutMs: number): string | null {
    const nowMs = this.node.nowMs();
    const deadlineMs = timeoutMs === 0 ? 0 : nowMs + timeoutMs;
    const problem = this.failover.begin({ target, force, deadlineMs }, this.candidates);
    if (problem !== null) return problem;
    this.node.log('notice', 'FAILOVER requested: writes are held until a replica has caught up');
    this.node.clients.pause(FAILOVER_PAUSE, Number.MAX_SAFE_INTEGER, PAUSE_WRITES);
    this.primary.askForAcknowledgements();
    return null;
  }

  abortFailover(): string | null {
    if (!this.failover.underWay) return 'ERR No failover in progress.';
    this.giveUpFailover('it was aborted by FAILOVER ABORT');
    return null;
  }

  /** Called on ticks and after what replicas said. */
  private goOnWithFailover(): void {
    const action = this.failover.look(this.candidates, this.node.nowMs());
    if (action.kind === 'give-up') this.giveUpFailover(action.because);
    if (action.kind !== 'hand-over') return;
    this.failover.handingOver();
    this.becomeReplicaOf(action.target.host, action.target.port, false, true);
  }

  private giveUpFailover(because: string): void {
    this.node.log('warning', `Failover given up: ${because}`);
    if (this.failover.state === 'failover-in-progress') this.becomePrimary();
    this.endFailover();
  }

  private endFailover(): void {
    this.failover.end();
    this.node.clients.unpause(FAILOVER_PAUSE);
  }

  takeOver(id: string): string | null {
    if (this.replica === null) return null;
    if (id !== this.log.id) return 'ERR PSYNC FAILOVER replid must match my replid.';
    this.node.log('notice', 'The primary asked this replica to take over');
    this.becomePrimary();
    return null;
  }

  /** The append-only file reads this history, and its synchronisations end waits. */
  followAppendOnly(appendOnly: { abandonHistory(): void; onDurable: (() => void) | null }): void {
    this.appendOnly = appendOnly;
    this.node.settings.watch('appendonly', (value) => {
      if (value === 'no') this.primary.failLocalWaits(ERR_WAITAOF_WITHOUT_FILE);
    });
    appendOnly.onDurable = () => {
      this.primary.endWaits();
      // A primary that waits for this disk is told at once.
      this.replica?.acknowledgeSoon();
    };
  }

  durableAt(offset: number): number {
    return this.primary.durableAt(offset);
  }

  waitDurable(client: Client, local: boolean, replicas: number, deadlineMs: number): void {
    this.primary.waitDurable(client, local, replicas, deadlineMs);
  }

  wait(client: Client, replicas: number, deadlineMs: number): void {
    this.primary.wait(client, replicas, deadlineMs);
  }

  private readonly info: InfoSection = (add) => {
    const { replica, log, primary, node } = this;
    const nowMs = node.nowMs();
    add('role', replica === null ? 'master' : 'slave');
    if (replica !== null) {
      add('master_host', replica.host);
      add('master_port', replica.port);
      add('master_link_status', replica.linkUpNow ? 'up' : 'down');
      add('master_last_io_seconds_ago', replica.linkUpNow ? Math.floor((nowMs - replica.lastHeardMs) / 1000) : -1);
      add('master_sync_in_progress', replica.syncing ? 1 : 0);
      add('slave_read_repl_offset', replica.readPosition);
      add('slave_repl_offset', log.position);
      if (!replica.linkUpNow) add('master_link_down_since_seconds', Math.floor((nowMs - replica.downSinceMs) / 1000));
      add('slave_priority', node.settings.integer('replica-priority'));
      add('slave_read_only', node.settings.flag('replica-read-only') ? 1 : 0);
      add('replica_announced', 1);
    }
    add('connected_slaves', primary.replicas.length);
    if (node.settings.integer('min-replicas-to-write') > 0) add('min_slaves_good_slaves', primary.goodReplicas);
    for (const [index, one] of primary.replicas.entries()) {
      const lag = Math.floor((nowMs - one.ackAtMs) / 1000);
      add(
        `slave${index}`,
        `ip=${one.address},port=${one.listeningPort},state=${stateName(one)},offset=${one.ackPosition},lag=${lag},type=replica`,
      );
    }
    add('replicas_waiting_psync', 0);
    add('master_failover_state', this.failover.state);
    add('master_replid', log.id);
    add('master_replid2', log.previousId);
    add('master_repl_offset', log.position);
    add('second_repl_offset', log.previousIdEnd < 0 ? -1 : log.previousIdEnd + 1);
    add('repl_backlog_active', log.hasBacklog ? 1 : 0);
    add('repl_backlog_size', node.settings.integer('repl-backlog-size'));
    add('repl_backlog_first_byte_offset', log.hasBacklog ? log.start + 1 : 0);
    add('repl_backlog_histlen', log.hasBacklog ? log.position - log.start : 0);
  };
}

function stateName(replica: ReplicaState): string {
  if (replica.state === ONLINE) return 'online';
  return replica.state === AWAITING_ACK ? 'send_bulk' : 'wait_bgsave';
}
