/**
 * The cluster of one node: the façade of this room. Events in, effects out; time and chance are parameters.
 *
 * How to wire it (node.ts):
 *  - Build `new Cluster({ settings, effects, replication, keyspace, random }, nowMs, nodesConfText)` after the settings are
 *    read; `text` is nodes.conf or '' for a new node. Throws BadNodesConf. Then, after the dataset was loaded (or not):
 *    `cluster.start(nowMs, { loaded, offset })`, and only then listen on the bus port.
 *  - Call `tick(nowMs)` every TICK_MS. `effects.tickAfterSockets()` asks for one more tick behind the next socket pass.
 *  - The bus transport (network/bus.ts) calls `onLinkAccepted`, `onLinkUp`, `onLinkDown` and `onPacket`.
 *  - `effects.saveConfig(sequence, …)` ends in `onConfigSaved(nowMs, sequence)`; a save that fails must end the process.
 *  - Replication calls `onReplicationProgress(nowMs)` when a replica's offset moves while `wantsReplicationProgress`.
 *  - `effects.runSoon()` asks for one `onSoon(nowMs)` behind the next socket pass.
 *    `new Migrations(cluster.state, migrationEffects)` (migration/) attaches itself; its `onTarget…` events run by `cluster.run`.
 *  - Before the process ends, `beginHandOver(nowMs)` says what to write to the replication stream so that a replica takes
 *    over; it is done when `myself.isReplica`, and tried no longer than cluster-manual-failover-timeout.
 *  - `servesReplicas` false: PSYNC is refused (with -LOADING); a restarted owner must not overwrite newer replicas.
 *  - The request path asks `router` (routing.ts). A command that changes the cluster calls the methods below through
 *    commands/cluster.ts; `isSaved` tells whether what was decided is on disk, for a reply that should wait for it.
 *  - `nowMs` is Unix time in milliseconds that never goes back (start time plus a monotonic clock).
 */
import { BadPacket, decode, encodePublish, MEET, MODULE, PUBLISH, PUBLISHSHARD } from './bus-codec.ts';
import { advanceElection } from './election.ts';
import { broadcastPong } from './gossip.ts';
import { updateHealth } from './health.ts';
import { RANDOM_PING_INTERVAL_MS, STALL_MS, TICK_MS } from './limits.ts';
import { greet, maintainLinks, pingSomebody, watchNodes } from './links.ts';
import { abortManualFailoverIfLate, advanceManualFailover, beginHandOver } from './manual-failover.ts';
import { LIGHT_PUBLISH, NOFAILOVER, OWN_ABILITIES } from './node-flags.ts';
import { type ClusterNode, Link } from './node-table.ts';
import { parseNodesConf, printNodesConf, restore } from './nodes-conf.ts';
import { randomName } from './ports.ts';
import { receive } from './receive.ts';
import { migrateToOrphan } from './replica-migration.ts';
import { type RestartedDataset, RestartRule } from './restart-rule.ts';
import { flushForeignSlots } from './roles.ts';
import { Router } from './routing.ts';
import {
  announcedPorts,
  BROADCAST_PONG,
  type ClusterParts,
  ClusterState,
  HANDLE_FAILOVER,
  HANDLE_MANUAL_FAILOVER,
  HANDLE_MIGRATIONS,
  SAVE,
  SAVE_DURABLY,
  UPDATE_STATE,
} from './state.ts';

/** Handling one thing may ask for another; more rounds than this are left to the next event. */
const MAX_ROUNDS = 8;
const WORK = UPDATE_STATE | HANDLE_FAILOVER | HANDLE_MANUAL_FAILOVER | HANDLE_MIGRATIONS;

/** DEBUG DROP-CLUSTER-PACKET-FILTER's words for all packets and for none. */
const EVERY_TYPE = -2;
const NO_TYPE = -1;

export class Cluster {
  /** Packets of this type are dropped when they arrive: tests make elections fail so. */
  droppedType = NO_TYPE;
  readonly state: ClusterState;
  readonly router: Router;
  private restart: RestartRule | null = null;
  private lastTickMs = 0;
  private lastRandomPingMs = 0;
  private depth = 0;

  constructor(parts: ClusterParts, nowMs: number, nodesConf: string) {
    const saved = parseNodesConf(nodesConf);
    const name = saved === null ? randomName(parts.random) : saved.myself.name;
    const shardId = saved?.myself.fields.get('shard-id') ?? randomName(parts.random);
    this.state = new ClusterState(parts, nowMs, name, shardId);
    this.router = new Router(this.state);
    if (saved === null) {
      this.state.log('notice', `No cluster configuration found, I'm ${name}`);
    } else {
      restore(this.state, saved);
      this.state.log('notice', `Node configuration loaded, I'm ${name}`);
    }
  }

  get myself(): ClusterNode {
    return this.state.myself;
  }

  get isOk(): boolean {
    return this.state.isOk;
  }

  get isSaved(): boolean {
    return this.state.isSaved;
  }

  get servesReplicas(): boolean {
    return !this.state.silent;
  }

  get wantsReplicationProgress(): boolean {
    return this.state.manualFailover.endMs !== 0;
  }

  /** The dataset is loaded or known to be missing: the node takes part from now on. */
  start(nowMs: number, dataset: RestartedDataset): void {
    this.event(nowMs, () => {
      this.lastTickMs = nowMs;
      this.followSettings();
      this.restart = RestartRule.begin(this.state, dataset);
      if (this.restart === null) flushForeignSlots(this.state);
      const { replicaOf } = this.state.myself;
      if (replicaOf?.hasAddress) this.state.effects.becomeReplicaOf(replicaOf.ip, replicaOf.port, false);
      this.state.later(SAVE_DURABLY | UPDATE_STATE);
    });
  }

  /** Every TICK_MS. Late by more than STALL_MS, it judges nobody and asks to be called again behind the sockets. */
  tick(nowMs: number): void {
    this.event(nowMs, () => {
      const { state } = this;
      const stalled = this.lastTickMs !== 0 && nowMs - this.lastTickMs > TICK_MS + STALL_MS;
      if (stalled) {
        state.log(
          'verbose',
          `The event loop stood still for ${nowMs - this.lastTickMs - TICK_MS} ms: no node is judged before its packets were read.`,
        );
        state.effects.tickAfterSockets();
      }
      this.lastTickMs = nowMs;
      this.followSettings();
      state.migrations?.run();
      maintainLinks(state);
      if (nowMs - this.lastRandomPingMs >= RANDOM_PING_INTERVAL_MS) {
        this.lastRandomPingMs = nowMs;
        if (!state.silent) pingSomebody(state);
      }
      watchNodes(state, !stalled);
      abortManualFailoverIfLate(state);
      this.actAsReplica();
      this.restart?.greetUnheard();
      if (!state.isOk) state.later(UPDATE_STATE);
    });
  }

  private actAsReplica(): void {
    const { state } = this;
    const { myself } = state;
    if (!myself.isReplica) return;
    const primary = myself.replicaOf;
    if (primary?.hasAddress && primary.ip !== '' && !state.replication.hasPrimary()) {
      state.effects.becomeReplicaOf(primary.ip, primary.port, false);
    }
    advanceManualFailover(state);
    advanceElection(state);
    migrateToOrphan(state);
  }

  onLinkAccepted(nowMs: number, linkId: number, peerIp: string, localIp: string): void {
    this.event(nowMs, () => {
      const link = new Link(linkId, null, nowMs);
      link.peerIp = peerIp;
      link.localIp = localIp;
      this.state.links.set(linkId, link);
    });
  }

  onLinkUp(nowMs: number, linkId: number, peerIp: string, localIp: string): void {
    this.event(nowMs, () => {
      const link = this.state.links.get(linkId);
      if (link === undefined) return;
      link.up = true;
      link.peerIp = peerIp;
      link.localIp = localIp;
      greet(this.state, link);
    });
  }

  /** The link failed, could not be made, or was closed by the peer. */
  onLinkDown(nowMs: number, linkId: number, reason: string): void {
    this.event(nowMs, () => {
      const { state } = this;
      const link = state.links.get(linkId);
      if (link === undefined) return;
      const { node } = link;
      state.log('debug', `Link ${link.inbound ? 'from' : 'to'} ${node?.name ?? 'an unknown node'} is down: ${reason}`);
      state.forgetLink(link);
      // From now on the node is waited for, as if a ping had been sent: a refused connection is no answer.
      if (!link.inbound && node !== null && node.pingSentMs === 0 && !state.silent) node.pingSentMs = nowMs;
    });
  }

  /** One whole packet. A bad one closes its link. */
  onPacket(nowMs: number, linkId: number, packet: Uint8Array): void {
    this.event(nowMs, () => {
      const { state } = this;
      const link = state.links.get(linkId);
      if (link === undefined) return;
      try {
        const message = decode(packet);
        this.countReceived(message.type, packet.length);
        if (this.droppedType === message.type || this.droppedType === EVERY_TYPE) return;
        const sender = receive(state, link, message);
        if (this.restart !== null && sender !== null && message.header !== null)
          this.restart.onHeard(sender, message.header.offset, message.type === MEET);
      } catch (error) {
        if (!(error instanceof BadPacket)) throw error;
        state.log(
          'warning',
          `Closing the cluster bus link ${link.inbound ? 'from' : 'to'} ${link.peerIp || 'an unknown address'} (${link.node?.name ?? 'unknown node'}): bad packet: ${error.message}`,
        );
        state.closeLink(link);
      }
    });
  }

  private countReceived(type: number, length: number): void {
    const { state } = this;
    state.receivedByType[type]!++;
    state.bytesReceived += length;
    if (type === PUBLISH || type === PUBLISHSHARD) state.pubsubBytesReceived += length;
    else if (type === MODULE) state.moduleBytesReceived += length;
  }

  /** Slot migrations go on, and keys of lost slots are deleted; see `effects.runSoon`. */
  onSoon(nowMs: number): void {
    this.event(nowMs, () => {
      this.state.purge.run();
      this.state.migrations?.run();
    });
  }

  onConfigSaved(nowMs: number, sequence: number): void {
    if (nowMs > this.state.nowMs) this.state.nowMs = nowMs;
    if (this.depth > 0) this.state.onSavedWithoutFlush(sequence);
    else this.state.onSaved(sequence);
  }

  onReplicationProgress(nowMs: number): void {
    this.event(nowMs, () => {
      if (this.state.myself.isReplica) this.state.later(HANDLE_MANUAL_FAILOVER);
    });
  }

  /** See manual-failover.ts. */
  beginHandOver(nowMs: number): readonly string[] | null {
    return this.event(nowMs, () => beginHandOver(this.state));
  }

  /** FLUSHALL or FLUSHDB: migrations in progress fail. */
  onFlush(nowMs: number): void {
    this.event(nowMs, () => this.state.migrations?.onFlush());
  }

  /** Spreads a message published here to all nodes, or (sharded) to the nodes of this shard. */
  publish(nowMs: number, channel: Uint8Array, message: Uint8Array, sharded: boolean): void {
    this.event(nowMs, () => {
      const { state } = this;
      const type = sharded ? PUBLISHSHARD : PUBLISH;
      let light: Uint8Array | null = null;
      let full: Uint8Array | null = null;
      for (const node of state.nodes.all()) {
        if (node.isMyself || node.inHandshake || node.link === null || (sharded && !node.inShardOf(state.myself)))
          continue;
        // The light form names no sender: the link must be known to be this node's first.
        const knowsLight = node.has(LIGHT_PUBLISH) && node.pongReceivedMs >= node.link.createdMs;
        const packet: Uint8Array = knowsLight
          ? (light ??= encodePublish(type, null, channel, message))
          : (full ??= encodePublish(type, state.header(), channel, message));
        state.pubsubBytesSent += packet.length;
        state.send(node.link, packet, type);
      }
    });
  }

  /** Runs a command's change as an event of its own. */
  run<Result>(nowMs: number, change: (state: ClusterState) => Result): Result {
    return this.event(nowMs, () => change(this.state));
  }

  private event<Result>(nowMs: number, handle: () => Result): Result {
    const { state } = this;
    if (nowMs > state.nowMs) state.nowMs = nowMs;
    this.depth++;
    try {
      const result = handle();
      if (this.depth === 1) this.finish();
      return result;
    } finally {
      this.depth--;
    }
  }

  /** What was put off until the end of the event; then the save; then the packets. */
  private finish(): void {
    const { state } = this;
    if (this.restart?.isOver()) {
      this.restart = null;
      flushForeignSlots(state);
    }
    for (let round = 0; (state.todo & WORK) !== 0 && round < MAX_ROUNDS; round++) {
      const { todo } = state;
      state.todo &= ~WORK;
      if (todo & UPDATE_STATE) updateHealth(state);
      if (state.myself.isReplica) {
        if (todo & HANDLE_MANUAL_FAILOVER) advanceManualFailover(state);
        if (todo & (HANDLE_MANUAL_FAILOVER | HANDLE_FAILOVER)) advanceElection(state);
      }
      if (todo & HANDLE_MIGRATIONS) state.migrations?.run();
    }
    const { todo } = state;
    state.todo &= WORK;
    if (todo & BROADCAST_PONG) broadcastPong(state);
    if (todo & SAVE) state.requestSave(printNodesConf(state), (todo & SAVE_DURABLY) === SAVE_DURABLY);
    state.flush();
  }

  /** What is announced may be set at run time. */
  private followSettings(): void {
    const { state } = this;
    const { settings, myself } = state;
    const ports = announcedPorts(settings);
    const flags = (myself.flags & ~NOFAILOVER) | OWN_ABILITIES | (settings.replicaNoFailover ? NOFAILOVER : 0);
    const wanted = {
      flags,
      port: ports.port,
      tlsPort: ports.tlsPort,
      busPort: ports.busPort,
      ip: settings.announceIp || myself.ip,
      hostname: settings.announceHostname,
      humanNodename: settings.announceHumanNodename,
      clientIpv4: settings.announceClientIpv4,
      clientIpv6: settings.announceClientIpv6,
      clientPort: settings.announceClientPort,
      clientTlsPort: settings.announceClientTlsPort,
      availabilityZone: settings.availabilityZone,
    };
    const keys = Object.keys(wanted) as (keyof typeof wanted)[];
    if (keys.every((key) => myself[key] === wanted[key])) return;
    Object.assign(myself, wanted);
    state.later(SAVE | UPDATE_STATE);
  }
}
