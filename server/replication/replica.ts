/**
 * The replica's side of replication: a link to a primary, from the handshake over the snapshot to the stream.
 * Events in (the link's, ticks), effects out through ReplicaHost. No socket, no clock.
 *
 * The dataset is emptied when the snapshot's first bytes arrive, and filled while they do (Valkey's
 * `repl-diskless-load flush-before-load`): a link that breaks in between leaves it `incomplete`, and this node must not
 * be promoted nor serve until a synchronisation succeeds. A broken link is made again every second and continues where
 * it stopped if the primary can.
 *
 * Wiring: node.ts opens sockets for `connect`, gives `linkUp`, `linkBytes`, `linkDown`, and calls `tick` ten times a second.
 */
import { SnapshotTransfer } from './transfer.ts';
import type { WriteLog } from './write-log.ts';

/** Between two attempts to connect, and between two acknowledgements. */
const RETRY_MS = 1000;
const ACK_PERIOD_MS = 1000;
/** Longest line a primary may answer with in the handshake. */
const MAX_REPLY_BYTES = 4096;
/** Of a stream that is held back: beyond this the link is given up, and made again where it was. */
const MAX_HELD_BYTES = 1024 * 1024 * 1024;

export type LinkState = 'connect' | 'connecting' | 'handshake' | 'sync' | 'connected';
/** `kept`: whole, though perhaps old. `incomplete`: a snapshot did not arrive whole. */
export type DatasetState = 'kept' | 'loading' | 'incomplete';

/** Follows the directives: read at every use. */
export interface ReplicaSettings {
  user: string;
  password: string;
  listeningPort: number;
  announceAddress: string;
  timeoutMs: number;
  backlogBytes: number;
}

export interface ReplicaHost {
  log(level: 'debug' | 'verbose' | 'notice' | 'warning', message: string): void;
  /** Opens a link. `linkUp` or `linkDown` with this number follows, never before it returns. */
  connect(link: number, host: string, port: number): void;
  /** Sends on the open link. The bytes are the link's from now on. */
  send(bytes: Uint8Array): void;
  /** Closes without an event. */
  close(): void;
  /** Empties the dataset and makes ready to load. */
  beginLoad(source: string): SnapshotLoad;
  /** Executes whole commands of the stream in bytes[from, to); returns how many bytes they were. Throws nothing. */
  apply(bytes: Uint8Array, from: number, to: number): number;
  /** A pause is on (CLIENT PAUSE): what the primary sends is not applied before `goOn`. */
  readonly holdsStream: boolean;
  /** What an interrupted stream left behind (a transaction half received) is forgotten. */
  resetStream(): void;
  /** The position of the log up to which it is on this node's disk; -1 without an append-only file. */
  durablePosition(): number;
  /** FAILOVER: the primary-to-be has taken over, or refused with these words. */
  takeoverEnded(refusal: string | null): void;
  /** Replicas of this node must synchronise anew: its history is another one. */
  disconnectReplicas(reason: string): void;
}

export interface ReplicaOptions {
  /** The dataset is of another history: continuing is not to be tried. */
  readonly fullSync: boolean;
  /** The node restarted and nobody knows its history's new name yet: it continues under the previous one. */
  readonly underPreviousId: boolean;
  /** FAILOVER: the other node is our replica still, and shall become the primary when it is asked to continue. */
  readonly takesOver?: boolean;
  readonly version: string;
  readonly nowMs: number;
}

/** A snapshot on its way into the dataset. */
export interface SnapshotLoad {
  push(bytes: Uint8Array, from: number, to: number): void;
  /** After the last byte: null when the dataset is whole, else why not. The first failure of `push` shows here as well. */
  finish(): string | null;
  readonly failure: string | null;
  /** No more will come, and it is not whole. */
  abandon(): void;
}

interface Step {
  readonly words: readonly string[];
  /** A refusal ends the attempt. */
  readonly mandatory: boolean;
}

export class Replica {
  readonly host: string;
  readonly port: number;
  state: LinkState = 'connect';
  dataset: DatasetState = 'kept';
  /** When bytes last arrived, and since when the link is down. */
  lastHeardMs: number;
  downSinceMs: number;
  fullSyncs = 0;
  private readonly log: WriteLog;
  private readonly settings: ReplicaSettings;
  private readonly node: ReplicaHost;
  private readonly version: string;
  private forceFullSync: boolean;
  private underPreviousId: boolean;
  private takesOver: boolean;
  private link = 0;
  private linkOpen = false;
  private nextAttemptMs = 0;
  private steps: Step[] = [];
  private reply = '';
  private askedToContinue = false;
  private newId = '';
  private newPosition = 0;
  private transfer: SnapshotTransfer | null = null;
  private load: SnapshotLoad | null = null;
  private lastAckMs = 0;
  private ackWanted = false;
  /** Bytes of the stream that are no whole command yet, or are held back. */
  private tail: Uint8Array = new Uint8Array(0);
  private tailLength = 0;

  constructor(
    host: string,
    port: number,
    log: WriteLog,
    settings: ReplicaSettings,
    node: ReplicaHost,
    options: ReplicaOptions,
  ) {
    this.host = host;
    this.port = port;
    this.log = log;
    this.settings = settings;
    this.node = node;
    this.version = options.version;
    this.forceFullSync = options.fullSync;
    this.underPreviousId = options.underPreviousId;
    this.takesOver = options.takesOver === true;
    this.lastHeardMs = options.nowMs;
    this.downSinceMs = options.nowMs;
  }

  get name(): string {
    return `the primary ${this.host}:${this.port}`;
  }

  get linkUpNow(): boolean {
    return this.state === 'connected';
  }

  /** Where the stream stands that was received, applied or not. */
  get readPosition(): number {
    return this.log.position + (this.state === 'connected' ? this.tailLength : 0);
  }

  get syncing(): boolean {
    return this.state === 'sync';
  }

  /** The end: the node is a primary from here on, or follows another one. */
  stop(): void {
    if (this.linkOpen) this.node.close();
    this.linkOpen = false;
    this.link++;
    this.load?.abandon();
    this.load = null;
    this.node.resetStream();
    this.tailLength = 0;
  }

  tick(nowMs: number): void {
    if (this.state === 'connect') {
      if (nowMs >= this.nextAttemptMs) this.connect(nowMs);
      return;
    }
    const silentMs = nowMs - this.lastHeardMs;
    if (silentMs > this.settings.timeoutMs) {
      this.fail(`it has been silent for ${silentMs} ms (repl-timeout)`, nowMs);
      return;
    }
    if (this.state === 'connected' && (this.ackWanted || nowMs - this.lastAckMs >= ACK_PERIOD_MS))
      this.acknowledge(nowMs);
    else if (this.state === 'sync' && nowMs - this.lastAckMs >= ACK_PERIOD_MS) {
      // A sign of life while the snapshot arrives.
      this.lastAckMs = nowMs;
      this.node.send(bytesOf('\n'));
    }
  }

  private connect(nowMs: number): void {
    this.state = 'connecting';
    this.lastHeardMs = nowMs;
    this.linkOpen = true;
    this.node.log('notice', `Connecting to ${this.name}`);
    this.node.connect(++this.link, this.host, this.port);
  }

  linkUp(link: number, nowMs: number): void {
    if (link !== this.link) return;
    this.state = 'handshake';
    this.lastHeardMs = nowMs;
    this.reply = '';
    this.steps = this.handshake();
    this.sendStep();
  }

  private handshake(): Step[] {
    const { user, password, listeningPort, announceAddress } = this.settings;
    const steps: Step[] = [{ words: ['PING'], mandatory: false }];
    if (password !== '')
      steps.push({ words: user === '' ? ['AUTH', password] : ['AUTH', user, password], mandatory: true });
    steps.push({ words: ['REPLCONF', 'listening-port', String(listeningPort)], mandatory: false });
    if (announceAddress !== '') steps.push({ words: ['REPLCONF', 'ip-address', announceAddress], mandatory: false });
    steps.push({ words: ['REPLCONF', 'capa', 'eof', 'capa', 'psync2'], mandatory: false });
    steps.push({ words: ['REPLCONF', 'version', this.version], mandatory: false });
    this.askedToContinue = !this.forceFullSync && this.dataset === 'kept';
    const words = this.askedToContinue
      ? ['PSYNC', this.underPreviousId ? this.log.previousId : this.log.id, String(this.log.position + 1)]
      : ['PSYNC', '?', '-1'];
    steps.push({ words: this.takesOver ? [...words, 'FAILOVER'] : words, mandatory: true });
    return steps;
  }

  private sendStep(): void {
    this.node.send(command(this.steps[0]!.words));
  }

  linkDown(link: number, reason: string, nowMs: number): void {
    if (link !== this.link) return;
    this.linkOpen = false;
    this.fail(reason, nowMs);
  }

  /** Ends the attempt or the link; the next attempt comes by itself. */
  private fail(reason: string, nowMs: number): void {
    this.node.log('warning', `The link to ${this.name} ended: ${reason}`);
    if (this.linkOpen) this.node.close();
    this.linkOpen = false;
    this.link++;
    if (this.state === 'connected') this.downSinceMs = nowMs;
    if (this.dataset === 'loading') this.dataset = 'incomplete';
    this.state = 'connect';
    this.nextAttemptMs = nowMs + RETRY_MS;
    this.transfer = null;
    this.load?.abandon();
    this.load = null;
    this.tailLength = 0;
    this.node.resetStream();
  }

  /** Bytes arrived; they may be overwritten after the call. */
  linkBytes(link: number, bytes: Uint8Array, from: number, to: number, nowMs: number): void {
    if (link !== this.link) return;
    this.lastHeardMs = nowMs;
    let at = from;
    while (at < to && this.state === 'handshake' && link === this.link) at = this.readReply(bytes, at, to, nowMs);
    if (at < to && this.state === 'sync' && link === this.link) at += this.readSnapshot(bytes, at, to, nowMs);
    if (at < to && this.state === 'connected' && link === this.link) this.readStream(bytes, at, to);
    if (this.ackWanted && this.state === 'connected') this.acknowledge(nowMs);
  }

  private readReply(bytes: Uint8Array, from: number, to: number, nowMs: number): number {
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!;
      if (byte === 10) {
        const line = this.reply.endsWith('\r') ? this.reply.slice(0, -1) : this.reply;
        this.reply = '';
        // An empty line is the primary's sign of life.
        if (line !== '') this.onReply(line, nowMs);
        return at + 1;
      }
      this.reply += String.fromCharCode(byte);
      if (this.reply.length > MAX_REPLY_BYTES) {
        this.fail(`its answer is longer than ${MAX_REPLY_BYTES} bytes`, nowMs);
        return to;
      }
    }
    return to;
  }

  private onReply(line: string, nowMs: number): void {
    const step = this.steps.shift()!;
    if (step.words[0] === 'PSYNC') {
      this.onPsyncReply(line, nowMs);
      return;
    }
    if (line.startsWith('-')) {
      const hint = line.startsWith('-NOAUTH') ? ' (set primaryauth)' : '';
      const refused =
        step.mandatory || (step.words[0] === 'PING' && !/^-(NOAUTH|NOPERM|ERR operation not permitted)/.test(line));
      const text =
        step.words[0] === 'AUTH'
          ? `Unable to AUTH to PRIMARY: ${line}`
          : `it answered ${step.words.join(' ')} with ${line}${hint}`;
      if (refused) {
        this.fail(text, nowMs);
        return;
      }
      this.node.log('verbose', `${this.name}: ${text}: going on without`);
    }
    this.sendStep();
  }

  private onPsyncReply(line: string, nowMs: number): void {
    if (this.takesOver && /^[+-]/.test(line)) {
      this.takesOver = false;
      this.node.takeoverEnded(line.startsWith('-') ? line.slice(1) : null);
      // It was refused: whoever heard of it has stopped this link.
      if (line.startsWith('-')) return;
    }
    const full = /^\+FULLRESYNC ([0-9a-f]{40}) (\d{1,15})$/.exec(line);
    if (full !== null) {
      this.newId = full[1]!;
      this.newPosition = Number(full[2]);
      this.transfer = new SnapshotTransfer();
      this.load = null;
      this.state = 'sync';
      this.lastAckMs = nowMs;
      this.node.log('notice', `Full synchronisation from ${this.name}: ${this.newId} at offset ${this.newPosition}`);
      return;
    }
    const continued = /^\+CONTINUE(?: ([0-9a-f]{40}))?$/.exec(line);
    if (continued !== null && this.askedToContinue) {
      const id = continued[1];
      if (id !== undefined && id !== this.log.id) {
        this.log.renameHistory(id);
        this.node.disconnectReplicas('the history has a new name');
      }
      this.node.log('notice', `Continuing the stream of ${this.name} at offset ${this.log.position}`);
      this.connected(nowMs);
      return;
    }
    this.fail(`it answered PSYNC with ${line}`, nowMs);
  }

  private readSnapshot(bytes: Uint8Array, from: number, to: number, nowMs: number): number {
    const transfer = this.transfer!;
    const taken = transfer.push(bytes, from, to, this);
    if (transfer.failure !== '') {
      this.fail(transfer.failure, nowMs);
      return taken;
    }
    if (this.load !== null && this.load.failure !== null) {
      this.fail(this.load.failure, nowMs);
      return taken;
    }
    if (transfer.done) this.snapshotDone(nowMs);
    return taken;
  }

  /** TransferSink */
  snapshotBytes(bytes: Uint8Array, from: number, to: number): void {
    if (this.load === null) {
      this.node.disconnectReplicas('the dataset is replaced');
      this.dataset = 'loading';
      this.load = this.node.beginLoad(`the full synchronisation from ${this.host}:${this.port}`);
    }
    if (this.load.failure === null) this.load.push(bytes, from, to);
  }

  private snapshotDone(nowMs: number): void {
    const { load } = this;
    const failure = load === null ? 'the snapshot is empty' : load.finish();
    if (failure !== null) {
      this.fail(failure, nowMs);
      return;
    }
    this.dataset = 'kept';
    this.fullSyncs++;
    this.forceFullSync = false;
    this.node.log('notice', `Synchronised with ${this.name}: ${this.transfer!.received} bytes`);
    this.log.adopt(this.newId, this.newPosition);
    this.transfer = null;
    this.load = null;
    this.connected(nowMs);
  }

  private connected(nowMs: number): void {
    this.state = 'connected';
    this.underPreviousId = false;
    this.tailLength = 0;
    this.node.resetStream();
    // A primary that streams its snapshot begins the stream after the first acknowledgement.
    this.acknowledge(nowMs);
  }

  private readStream(bytes: Uint8Array, from: number, to: number): void {
    if (this.node.holdsStream) {
      this.keep(bytes, from, to);
      if (this.tailLength > MAX_HELD_BYTES)
        this.fail(`${this.tailLength} bytes of its stream wait for the end of a pause`, this.lastHeardMs);
      return;
    }
    if (this.tailLength === 0) {
      const applied = this.node.apply(bytes, from, to);
      this.log.appendRaw(bytes, from, from + applied);
      if (from + applied < to) this.keep(bytes, from + applied, to);
      return;
    }
    this.keep(bytes, from, to);
    this.applyTail();
  }

  /** A pause is over: what was held back is applied. */
  goOn(nowMs: number): void {
    if (this.state !== 'connected' || this.node.holdsStream) return;
    this.applyTail();
    if (this.ackWanted) this.acknowledge(nowMs);
  }

  private applyTail(): void {
    const { tail, tailLength } = this;
    const applied = this.node.apply(tail, 0, tailLength);
    this.log.appendRaw(tail, 0, applied);
    tail.copyWithin(0, applied, tailLength);
    this.tailLength -= applied;
  }

  private keep(bytes: Uint8Array, from: number, to: number): void {
    const needed = this.tailLength + (to - from);
    if (needed > this.tail.length) {
      const larger = new Uint8Array(Math.max(needed, this.tail.length * 2));
      larger.set(this.tail.subarray(0, this.tailLength));
      this.tail = larger;
    }
    this.tail.set(bytes.subarray(from, to), this.tailLength);
    this.tailLength = needed;
  }

  /** REPLCONF GETACK in the stream: the acknowledgement leaves when the bytes that came with it are applied. */
  acknowledgeSoon(): void {
    this.ackWanted = true;
  }

  private acknowledge(nowMs: number): void {
    this.ackWanted = false;
    this.lastAckMs = nowMs;
    const durable = this.node.durablePosition();
    const words = ['REPLCONF', 'ACK', String(this.log.position)];
    this.node.send(command(durable < 0 ? words : [...words, 'FACK', String(durable)]));
  }
}

function command(words: readonly string[]): Uint8Array {
  const encoder = new TextEncoder();
  let text = `*${words.length}\r\n`;
  for (const word of words) text += `$${encoder.encode(word).length}\r\n${word}\r\n`;
  return encoder.encode(text);
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
