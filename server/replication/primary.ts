/**
 * The primary's side of replication: replicas' handshakes, full and partial synchronisation, what they acknowledged, WAIT.
 * Events in (commands of replicas, ticks, the end of a turn), effects out through PrimaryHost. No socket, no clock.
 *
 * A replica that cannot continue gets a snapshot of its own, streamed from the point-in-time iterator straight to its
 * connection between two end marks; a reader of the write log, attached in the same event, keeps what is written meanwhile.
 * The replica's first ACK after the snapshot says that it has found the end mark: only then the stream begins, since a
 * replica that reads ahead would take stream bytes for the snapshot's.
 *
 * Wiring: node.ts calls `pump` at the end of every turn, `work` whenever there is time while `work` answers true, `tick`
 * ten times a second, and `gone` when a client ends. Source of the protocol: Valkey 9.1 replication.c.
 */
import type { Client } from '../commands/client.ts';
import { REPLICA_CLIENT } from '../commands/client.ts';
import type { Clients } from '../commands/clients.ts';
import type { Chunk } from '../persistence/chunks.ts';
import { VERSION, VERSION_FOR_OLD_REPLICAS } from '../persistence/rdb/format.ts';
import type { Snapshot } from '../persistence/snapshot.ts';
import type { ReplyWriter } from '../protocol/reply.ts';
import type { LogReader, ReaderOwner, WriteLog } from './write-log.ts';

/** A replica that must know a snapshot's length gets it from memory: at most so much of it. */
const MAX_HELD_SNAPSHOT_BYTES = 256 * 1024 * 1024;
/** Bytes given to a replica's connection before it must have taken some. */
const FULL_CONNECTION_BYTES = 1024 * 1024;
/** The release from which replicas read RDB version 80. */
const FIRST_VERSION_OF_RDB_80 = 9;
const EOF_MARK_BYTES = 40;

export const HANDSHAKE = 0;
/** The snapshot is being sent. */
export const SENDING_SNAPSHOT = 1;
/** The snapshot was sent and the replica loads it. */
export const AWAITING_ACK = 2;
export const ONLINE = 3;

/** Follows the directives: read at every use. */
export interface PrimarySettings {
  pingPeriodMs: number;
  timeoutMs: number;
  backlogBytes: number;
  backlogTtlMs: number;
  minReplicas: number;
  minReplicasMaxLagMs: number;
}

export interface PrimaryHost {
  readonly clients: Clients;
  log(level: 'debug' | 'verbose' | 'notice' | 'warning', message: string): void;
  /** Forty random hexadecimal digits. */
  randomId(): string;
  /** A snapshot of the dataset as RDB of this version, by a replica's stream position where it stands. */
  openSnapshot(version: number): Snapshot;
  slice(snapshot: Snapshot, units: number): void;
  closeSnapshot(snapshot: Snapshot): void;
  /** Null, or why no replica may synchronise now: this node has lost its own primary. */
  syncRefusal(): string | null;
  /** The position of the log up to which it is on this node's disk; -1 without an append-only file. */
  durablePosition(): number;
}

/** What a connection has said of itself as a replica; it hangs on the client. */
export class ReplicaState implements ReaderOwner {
  readonly client: Client;
  state = HANDSHAKE;
  listeningPort = 0;
  announcedAddress = '';
  acceptsEofMark = false;
  understandsPsync2 = false;
  majorVersion = 0;
  rdbOnly = false;
  reader: LogReader | null = null;
  snapshot: Snapshot | null = null;
  eofMark = '';
  /** Of a replica that takes no end mark: its snapshot, until the length is known. */
  held: Uint8Array[] = [];
  heldBytes = 0;
  /** The end mark was sent. */
  snapshotSent = false;
  ackPosition = 0;
  /** What it has on its disk, as far as it says. */
  durablePosition = -1;
  ackAtMs = 0;
  dropReason = '';

  constructor(client: Client) {
    this.client = client;
  }

  get address(): string {
    return this.announcedAddress === '' ? this.client.address.replace(/:\d+$/, '') : this.announcedAddress;
  }

  get name(): string {
    return `the replica ${this.address}:${this.listeningPort}`;
  }

  logReaderDropped(reason: string): void {
    this.dropReason = reason;
  }
}

/** A client in WAIT, or in WAITAOF: then what counts is what is on disk. */
interface Wait {
  readonly client: Client;
  readonly position: number;
  readonly replicas: number;
  readonly isDurable: boolean;
  /** WAITAOF: this node's own disk counts too. */
  readonly local: boolean;
}

export class Primary {
  readonly log: WriteLog;
  readonly replicas: ReplicaState[] = [];
  /** Online replicas that acknowledged within min-replicas-max-lag. */
  goodReplicas = 0;
  fullSyncs = 0;
  partialSyncs = 0;
  partialSyncsRefused = 0;
  private readonly host: PrimaryHost;
  private readonly settings: PrimarySettings;
  private readonly waits: Wait[] = [];
  private askForAcks = false;
  private lastPingMs = 0;
  private withoutReplicasSinceMs = 0;
  private nowMs = 0;

  constructor(log: WriteLog, settings: PrimarySettings, host: PrimaryHost) {
    this.log = log;
    this.settings = settings;
    this.host = host;
  }

  // --- Commands of replicas --------------------------------------------------------------------------------------------

  /** REPLCONF's options but GETACK, which is for replicas. Returns the error, null for OK, undefined for no reply at all. */
  configure(client: Client, option: string, value: string, nowMs: number): string | null | undefined {
    const replica = stateOf(client);
    switch (option) {
      case 'listening-port':
        if (!/^\d{1,5}$/.test(value)) return 'ERR value is not an integer or out of range';
        replica.listeningPort = Number(value);
        return null;
      case 'ip-address':
        if (value.length > 255)
          return `ERR REPLCONF ip-address provided by replica instance is too long: ${value.length} bytes`;
        replica.announcedAddress = value;
        return null;
      case 'capa':
        if (value === 'eof') replica.acceptsEofMark = true;
        else if (value === 'psync2') replica.understandsPsync2 = true;
        return null;
      case 'version': {
        const major = /^(\d{1,3})\.\d{1,3}\.\d{1,3}$/.exec(value);
        if (major === null) return `ERR Unrecognized version format: ${value}`;
        replica.majorVersion = Number(major[1]);
        return null;
      }
      case 'rdb-only':
        replica.rdbOnly = value === '1';
        return null;
      case 'ack':
        this.acknowledged(replica, Number(value), nowMs);
        return undefined;
      case 'fack':
        if (Number.isSafeInteger(Number(value)))
          replica.durablePosition = Math.max(replica.durablePosition, Number(value));
        if (this.waits.length > 0) this.endWaits();
        return undefined;
      default:
        return `ERR Unrecognized REPLCONF option: ${option}`;
    }
  }

  /** PSYNC id offset; SYNC is PSYNC with id null. Returns the error to answer, or null: then it is answered already. */
  synchronise(client: Client, id: string | null, offset: number, nowMs: number): string | null {
    const replica = stateOf(client);
    if (replica.state !== HANDSHAKE) return null;
    const refusal = this.host.syncRefusal();
    if (refusal !== null) return refusal;
    client.kind = REPLICA_CLIENT;
    this.host.clients.applyLimit(client);
    replica.ackAtMs = nowMs;
    this.nowMs = nowMs;
    if (id !== null && this.continueFrom(replica, id, offset - 1)) return null;
    this.beginFullSync(replica, id !== null);
    return null;
  }

  private continueFrom(replica: ReplicaState, id: string, position: number): boolean {
    const { log, host } = this;
    if (!log.canContinueFrom(id, position)) {
      if (id !== '?') {
        this.partialSyncsRefused++;
        host.log(
          'notice',
          `${replica.name} asks to continue ${id} at ${position}, which the backlog (${log.id} or ${log.previousId}, ${log.start} to ${log.position}) does not have: full synchronisation`,
        );
      }
      return false;
    }
    replica.reader = log.attachAt(position, replica.name, replica, this.readerLimit());
    replica.state = ONLINE;
    replica.ackPosition = position;
    this.replicas.push(replica);
    this.partialSyncs++;
    this.send(replica, replica.understandsPsync2 ? `+CONTINUE ${log.id}\r\n` : '+CONTINUE\r\n');
    host.log('notice', `${replica.name} continues with ${log.position - position} bytes from the backlog`);
    this.countGoodReplicas();
    return true;
  }

  private beginFullSync(replica: ReplicaState, withReply: boolean): void {
    const { log, host } = this;
    this.fullSyncs++;
    if (!log.hasBacklog) log.keepBacklog(this.settings.backlogBytes);
    // The reader and the snapshot begin in one event: no write falls between them.
    if (!replica.rdbOnly) replica.reader = log.attachAtEnd(replica.name, replica, false, this.readerLimit());
    replica.snapshot = host.openSnapshot(
      replica.majorVersion >= FIRST_VERSION_OF_RDB_80 ? VERSION : VERSION_FOR_OLD_REPLICAS,
    );
    replica.state = SENDING_SNAPSHOT;
    replica.snapshotSent = false;
    this.replicas.push(replica);
    if (withReply) this.send(replica, `+FULLRESYNC ${log.id} ${log.position}\r\n`);
    if (replica.acceptsEofMark) {
      replica.eofMark = host.randomId().slice(0, EOF_MARK_BYTES);
      this.send(replica, `$EOF:${replica.eofMark}\r\n`);
    }
    host.log('notice', `${replica.name} gets a full synchronisation at offset ${log.position}`);
  }

  private readerLimit(): number {
    return this.host.clients.limits.slave.hardBytes;
  }

  private acknowledged(replica: ReplicaState, offset: number, nowMs: number): void {
    if (!Number.isSafeInteger(offset)) return;
    replica.ackAtMs = nowMs;
    this.nowMs = nowMs;
    if (offset > replica.ackPosition) replica.ackPosition = offset;
    if (replica.state === AWAITING_ACK && !replica.rdbOnly) {
      replica.state = ONLINE;
      this.host.log('notice', `${replica.name} has loaded its snapshot and is online`);
    }
    this.countGoodReplicas();
    if (this.waits.length > 0) this.endWaits();
  }

  /** A client ended, whatever it was. */
  gone(client: Client): void {
    for (let i = this.waits.length - 1; i >= 0; i--) if (this.waits[i]!.client === client) this.waits.splice(i, 1);
    if (!(client.link instanceof ReplicaState)) return;
    const replica = client.link;
    const index = this.replicas.indexOf(replica);
    if (index < 0) return;
    this.replicas.splice(index, 1);
    if (replica.reader !== null) this.log.detach(replica.reader);
    if (replica.snapshot !== null) this.host.closeSnapshot(replica.snapshot);
    replica.snapshot = null;
    this.host.log('notice', `${replica.name} is gone${client.closeReason === '' ? '' : `: ${client.closeReason}`}`);
    this.countGoodReplicas();
  }

  /** Ends every replica's link: they connect again and continue if they can. */
  disconnectAll(reason: string): void {
    for (const replica of [...this.replicas]) this.drop(replica, reason);
  }

  private drop(replica: ReplicaState, reason: string): void {
    this.host.log('warning', `${replica.name} is disconnected: ${reason}`);
    this.host.clients.kill(replica.client, reason);
    this.gone(replica.client);
  }

  // --- Sending -------------------------------------------------------------------------------------------------------

  private send(replica: ReplicaState, text: string): void {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    this.host.clients.writeTo(replica.client, (reply) => reply.raw(bytes, 0, bytes.length));
  }

  /** At the end of a turn: gives replicas what was written in it. */
  pump(): void {
    if (this.askForAcks) {
      this.askForAcks = false;
      if (this.replicas.length > 0) this.log.appendGetAck();
    }
    for (const replica of this.replicas) if (replica.state === ONLINE) this.pumpReplica(replica);
  }

  private pumpReplica(replica: ReplicaState): void {
    const { reader, client } = replica;
    if (reader === null || !reader.attached || this.log.pendingBytes(reader) === 0) return;
    let room = FULL_CONNECTION_BYTES - this.host.clients.outputBytes(client);
    while (room > 0 && this.log.nextBytes(reader)) {
      const { bytes, from } = reader;
      const to = Math.min(reader.to, from + room);
      this.host.clients.writeTo(client, (reply) => reply.raw(bytes, from, to));
      this.log.advance(reader, to - from);
      room -= to - from;
    }
  }

  /** Goes on with snapshots. True when there is more to do at once; false when done, or when connections must drain first. */
  work(units: number): boolean {
    let more = false;
    for (const replica of [...this.replicas]) {
      if (replica.state !== SENDING_SNAPSHOT || replica.snapshotSent) continue;
      if (this.workOn(replica, units)) more = true;
    }
    return more;
  }

  /** True while some replica waits for bytes of a snapshot or of the log that its connection had no room for. */
  get waitsForConnections(): boolean {
    return this.replicas.some(
      (replica) =>
        replica.state === SENDING_SNAPSHOT ||
        (replica.state === ONLINE &&
          replica.reader !== null &&
          replica.reader.attached &&
          this.log.pendingBytes(replica.reader) > 0),
    );
  }

  private workOn(replica: ReplicaState, units: number): boolean {
    const { host } = this;
    const snapshot = replica.snapshot!;
    const { out } = snapshot.consumer;
    if (host.clients.outputBytes(replica.client) >= FULL_CONNECTION_BYTES) return false;
    if (snapshot.active) host.slice(snapshot, units);
    if (snapshot.failure !== '') {
      this.drop(replica, `its snapshot failed: ${snapshot.failure}`);
      return false;
    }
    let chunk: Chunk | null = null;
    while (host.clients.outputBytes(replica.client) < FULL_CONNECTION_BYTES) {
      chunk = out.take(snapshot.done);
      if (chunk === null) break;
      const { bytes, length } = chunk;
      if (replica.acceptsEofMark) host.clients.writeTo(replica.client, (reply) => reply.raw(bytes, 0, length));
      else this.hold(replica, bytes.slice(0, length));
      out.release(chunk);
    }
    if (replica.heldBytes > MAX_HELD_SNAPSHOT_BYTES) {
      this.drop(replica, 'its snapshot is too large for a replica without the capability eof (REPLCONF capa eof)');
      return false;
    }
    if (!snapshot.done || out.queuedBytes > 0) return host.clients.outputBytes(replica.client) < FULL_CONNECTION_BYTES;
    if (replica.acceptsEofMark) this.send(replica, replica.eofMark);
    else this.sendHeld(replica);
    host.closeSnapshot(snapshot);
    replica.snapshot = null;
    replica.snapshotSent = true;
    // Who knows the length knows where the stream begins, and need not say so.
    replica.state = replica.acceptsEofMark ? AWAITING_ACK : ONLINE;
    host.log('notice', `${replica.name} was sent its snapshot: ${snapshot.keysTold} keys, ${out.written} bytes`);
    return false;
  }

  private hold(replica: ReplicaState, bytes: Uint8Array): void {
    replica.held.push(bytes);
    replica.heldBytes += bytes.length;
  }

  private sendHeld(replica: ReplicaState): void {
    this.send(replica, `$${replica.heldBytes}\r\n`);
    for (const bytes of replica.held) {
      this.host.clients.writeTo(replica.client, (reply) => reply.raw(bytes, 0, bytes.length));
    }
    replica.held = [];
    replica.heldBytes = 0;
  }

  // --- Time ----------------------------------------------------------------------------------------------------------

  /** Ten times a second. `pings`: this node is a primary and its replicas may be told so. */
  tick(nowMs: number, pings: boolean): void {
    const { settings, log } = this;
    this.nowMs = nowMs;
    for (const replica of [...this.replicas]) {
      if (replica.dropReason !== '') this.drop(replica, replica.dropReason);
      else if (replica.state === ONLINE && replica.understandsPsync2 && nowMs - replica.ackAtMs > settings.timeoutMs) {
        this.drop(replica, `it has acknowledged nothing for ${nowMs - replica.ackAtMs} ms (repl-timeout)`);
      }
    }
    log.enforceLimits();
    if (this.replicas.length === 0) this.lastPingMs = nowMs;
    if (pings && this.replicas.length > 0 && nowMs - this.lastPingMs >= settings.pingPeriodMs) {
      this.lastPingMs = nowMs;
      log.appendPing();
    }
    this.countGoodReplicas();
    const counting = this.withoutReplicasSinceMs > 0;
    if (this.replicas.length > 0 || !pings || !log.hasBacklog || !counting) {
      this.withoutReplicasSinceMs = nowMs;
    } else if (settings.backlogTtlMs > 0 && nowMs - this.withoutReplicasSinceMs > settings.backlogTtlMs) {
      log.dropBacklog(this.host.randomId());
      this.host.log('notice', `No replica for ${settings.backlogTtlMs} ms: the backlog is freed`);
    }
  }

  private countGoodReplicas(): void {
    let good = 0;
    for (const replica of this.replicas) {
      if (replica.state === ONLINE && this.nowMs - replica.ackAtMs <= this.settings.minReplicasMaxLagMs) good++;
    }
    this.goodReplicas = good;
  }

  /** min-replicas-to-write is not met. */
  get lacksReplicas(): boolean {
    const { minReplicas, minReplicasMaxLagMs } = this.settings;
    return minReplicas > 0 && minReplicasMaxLagMs > 0 && this.goodReplicas < minReplicas;
  }

  // --- WAIT ----------------------------------------------------------------------------------------------------------

  acknowledgedBy(position: number): number {
    let count = 0;
    for (const replica of this.replicas) if (replica.state === ONLINE && replica.ackPosition >= position) count++;
    return count;
  }

  /** Blocks a client until so many replicas acknowledged everything written so far. `deadlineMs` 0 is no limit. */
  wait(client: Client, replicas: number, deadlineMs: number): void {
    this.block({ client, position: this.log.position, replicas, isDurable: false, local: false }, deadlineMs);
  }

  /** Asks every replica for its offset at the end of this turn. */
  askForAcknowledgements(): void {
    this.askForAcks = true;
  }

  /** Replicas that have everything up to here on their disk. */
  durableAt(position: number): number {
    let count = 0;
    for (const replica of this.replicas) if (replica.state === ONLINE && replica.durablePosition >= position) count++;
    return count;
  }

  /** WAITAOF: until it is on this node's disk, where `local` asks for that, and on so many replicas'. */
  /** The append-only file is turned off: who waits for it waits in vain. */
  failLocalWaits(error: string): void {
    for (const wait of this.waits.filter(({ local }) => local)) {
      this.waits.splice(this.waits.indexOf(wait), 1);
      this.host.clients.resume(wait.client, (reply) => reply.error(error));
    }
  }

  waitDurable(client: Client, local: boolean, replicas: number, deadlineMs: number): void {
    this.block({ client, position: this.log.position, replicas, isDurable: true, local }, deadlineMs);
  }

  private block(wait: Wait, deadlineMs: number): void {
    const forget = (): void => {
      const index = this.waits.indexOf(wait);
      if (index >= 0) this.waits.splice(index, 1);
    };
    this.waits.push(wait);
    this.askForAcks = true;
    this.host.clients.block(wait.client, {
      deadlineMs,
      timedOut: (reply) => {
        forget();
        this.replyWait(wait, reply);
      },
      cancelled: forget,
    });
  }

  private isOver({ position, replicas, isDurable, local }: Wait): boolean {
    if (!isDurable) return this.acknowledgedBy(position) >= replicas;
    return (!local || this.host.durablePosition() >= position) && this.durableAt(position) >= replicas;
  }

  private replyWait({ position, isDurable }: Wait, reply: ReplyWriter): void {
    if (!isDurable) {
      reply.integer(this.acknowledgedBy(position));
      return;
    }
    reply.array(2);
    reply.integer(this.host.durablePosition() >= position ? 1 : 0);
    reply.integer(this.durableAt(position));
  }

  /** Also called when this node's own file was synchronised. */
  endWaits(): void {
    for (let i = this.waits.length - 1; i >= 0; i--) {
      const wait = this.waits[i]!;
      if (!this.isOver(wait)) continue;
      this.waits.splice(i, 1);
      this.host.clients.resume(wait.client, (reply) => this.replyWait(wait, reply));
    }
  }
}

/** The replica that a connection is becoming. */
export function stateOf(client: Client): ReplicaState {
  if (client.link instanceof ReplicaState) return client.link;
  const state = new ReplicaState(client);
  client.link = state;
  return state;
}
