/**
 * All clients of a node: who is connected, who has output to flush, who is paused or blocked, and writing to a client that
 * did not ask (published messages, replies of ended waits). It knows no sockets: a connection registers itself as a ClientConnection.
 */

import type { OutputLimits } from '../config/directives.ts';
import { INITIAL_REGION_BYTES } from '../protocol/regions.ts';
import { Output, ReplyWriter } from '../protocol/reply.ts';
import { type Client, PUBSUB_CLIENT, REPLICA_CLIENT, REPLY_ON, STREAM_CLIENT, type Waiter } from './client.ts';
import { ClientEviction } from './client-eviction.ts';

/** What the network gives for each client. */
export interface ClientConnection {
  /** Sends what the output holds, as far as the peer takes it. */
  flush(): void;
  /** Goes on with input that waited for a pause or a waiter to end. */
  resume(): void;
  /** On ticks: gives back room for input that is not needed. */
  trim?(nowSeconds: number): void;
  /** Closes at once. */
  destroy(): void;
  /** Bytes handed to the network that the peer has not taken. */
  unsentBytes(): number;
}

export const PAUSE_NONE = 0;
export const PAUSE_WRITES = 1;
export const PAUSE_ALL = 2;

export interface ClientMemory {
  readonly replyBuffer: number;
  /** Handed to the network and not taken by the peer. */
  readonly unsent: number;
  /** Replies that wait, beyond the buffer that every client has. */
  readonly output: number;
  readonly total: number;
}

/** What may wait for a client that has never authenticated. Source: Valkey 9.1 networking.c. */
export const UNAUTHENTICATED_OUTPUT_BYTES = 1024;

/** What a client takes by itself, about. */
const CLIENT_BYTES = 1024;

interface Member {
  readonly client: Client;
  readonly connection: ClientConnection;
  /** Since when the output is over its soft limit; 0 when it is not. */
  overSoftSinceMs: number;
}

/** Told when a client has gone, so that rooms forget it. */
export type ClientGone = (client: Client) => void;

/** INFO's names of pauses, where they are not the purposes' own. Source: Valkey 9.1 networking.c getPausedReason. */
const PAUSE_REASONS: ReadonlyMap<string, string> = new Map([
  ['failover', 'failover_in_progress'],
  ['shutdown', 'shutdown_in_progress'],
  ['slot-migration', 'slot_migration_in_progress'],
]);

export class Clients {
  private readonly members: Map<number, Member> = new Map();
  private readonly goneListeners: ClientGone[] = [];
  private flushList: Client[] = [];
  /** Clients whose pause or wait has ended: their input goes on at the end of the turn, outside of any command. */
  private resumeList: Client[] = [];
  private blocked: Set<Client> = new Set();
  /** No wait ends by time before this. */
  nextDeadlineMs = Number.POSITIVE_INFINITY;
  /** Told of the time at which a wait ends, when it is earlier than what was told before: `endWaits` is to be called then. */
  onDeadline: ((deadlineMs: number) => void) | null = null;
  /** Writes to clients other than the one whose command runs. */
  private readonly pushWriter: ReplyWriter = new ReplyWriter();
  /** The writer of the running command and the output it is attached to, by Session. */
  current: Client | null = null;
  currentReply: ReplyWriter | null = null;
  /** Messages to the client whose command runs: they come after its reply. */
  kept: Uint8Array[] = [];

  /** UNAUTHENTICATED_OUTPUT_BYTES, but for tests. */
  unauthenticatedLimitBytes = UNAUTHENTICATED_OUTPUT_BYTES;
  pauseKind = PAUSE_NONE;
  private readonly pauses: Map<string, { untilMs: number; kind: number }> = new Map();
  limits: OutputLimits;
  /** Told when the kind of pause changes: nothing may change the dataset by itself while writes are held. */
  onPauseChange: ((kind: number) => void) | null = null;
  /** Connections accepted, and refused for maxclients. */
  accepted = 0;
  refused = 0;
  /** Clients closed by this node, for whatever reason. */
  kills = 0;
  /** Clients closed because of maxmemory-clients. */
  evicted = 0;
  /** Clients closed because their input or output ran over its limit. */
  overQueryLimit = 0;
  overOutputLimit = 0;
  readonly eviction: ClientEviction = new ClientEviction(this);

  /** Told of the error that a wait ended in by force. */
  onErrorOfWait: ((error: string) => void) | null = null;
  /** What a turn wrote to the log goes to its readers with the turn's replies: set by replication. */
  beforeSettle: (() => void) | null = null;

  constructor(limits: OutputLimits) {
    this.limits = limits;
  }

  get count(): number {
    return this.members.size;
  }

  /** Clients that wait for something, be it for a pause to end. */
  get blockedCount(): number {
    let count = this.blocked.size;
    if (this.pauseKind !== PAUSE_NONE) for (const { client } of this.members.values()) if (client.paused) count++;
    return count;
  }

  add(client: Client, connection: ClientConnection): void {
    this.members.set(client.id, { client, connection, overSoftSinceMs: 0 });
    this.applyLimit(client);
  }

  onGone(listener: ClientGone): void {
    this.goneListeners.push(listener);
  }

  /** The connection ended, by whichever side. */
  remove(client: Client): void {
    if (!this.members.delete(client.id)) return;
    this.endWait(client);
    this.eviction.forget(client);
    for (const listener of this.goneListeners) listener(client);
  }

  find(id: number): Client | null {
    return this.members.get(id)?.client ?? null;
  }

  *all(): Generator<Client> {
    for (const member of this.members.values()) yield member.client;
  }

  connectionOf(client: Client): ClientConnection | null {
    return this.members.get(client.id)?.connection ?? null;
  }

  /** Bytes that wait for the peer: in the output and in the network. */
  outputBytes(client: Client): number {
    return client.output.length + (this.members.get(client.id)?.connection.unsentBytes() ?? 0);
  }

  /** What a client takes: its buffers and what it has queued. */
  memoryOf(client: Client): ClientMemory {
    const replyBuffer = client.output.bytes?.length ?? 0;
    const unsent = this.members.get(client.id)?.connection.unsentBytes() ?? 0;
    const output = unsent + Math.max(0, replyBuffer - INITIAL_REGION_BYTES);
    const total =
      CLIENT_BYTES + client.inputBufferBytes + replyBuffer + unsent + client.queuedBytes + client.registeredBytes;
    return { replyBuffer, unsent, output, total };
  }

  /** The class of client-output-buffer-limit that a client belongs to. */
  private limitOf(client: Client): OutputLimits['normal'] {
    if (client.kind === REPLICA_CLIENT) return this.limits.slave;
    if (client.kind === PUBSUB_CLIENT) return this.limits.pubsub;
    return this.limits.normal;
  }

  applyLimit(client: Client): void {
    client.output.limitBytes = client.kind === STREAM_CLIENT ? 0 : this.limitOf(client).hardBytes;
  }

  setLimits(limits: OutputLimits): void {
    this.limits = limits;
    for (const member of this.members.values()) this.applyLimit(member.client);
  }

  /**
   * Writes to any client: `write` runs with a writer attached to it, and its output is flushed at the end of the turn.
   * For the client whose command runs it is that command's own writer, so that the order of bytes is right.
   */
  writeTo(client: Client, write: (reply: ReplyWriter) => void): void {
    if (client.killed) return;
    if (client === this.current) {
      this.kept.push(rendered(client.output.protocol, write));
      return;
    }
    this.pushWriter.attach(client.output);
    write(this.pushWriter);
    this.pushWriter.detach();
    this.scheduleFlush(client);
  }

  scheduleFlush(client: Client): void {
    if (client.inFlushList) return;
    client.inFlushList = true;
    this.flushList.push(client);
  }

  /** True when `settle` has something to do. */
  get unsettled(): boolean {
    return this.flushList.length > 0 || this.resumeList.length > 0;
  }

  /**
   * Ends a turn: resumed clients go on, and what was written is sent. Called outside of any command.
   * Clients that ran over their output limit are closed here.
   */
  settle(): void {
    this.beforeSettle?.();
    while (this.unsettled) {
      const resumed = this.resumeList;
      if (resumed.length > 0) this.resumeList = [];
      for (const client of resumed) this.connectionOf(client)?.resume();
      const list = this.flushList;
      this.flushList = [];
      for (const client of list) {
        client.inFlushList = false;
        const member = this.members.get(client.id);
        if (member === undefined) continue;
        if (isOverHardLimit(member)) this.killForOutput(client);
        else member.connection.flush();
        if (this.eviction.limitBytes > 0) this.eviction.account(client);
      }
      this.beforeSettle?.();
    }
  }

  private killForOutput(client: Client): void {
    this.overOutputLimit++;
    this.kill(client, 'output buffer limit reached');
  }

  /** Closes a client; one whose own command asks for it gets its reply first. */
  kill(client: Client, reason: string): void {
    client.closeReason = reason;
    client.killed = true;
    this.kills++;
    this.eviction.forget(client);
    // Nothing that it waits for may be given to it any more.
    this.endWait(client);
    if (!client.heldOpen) this.connectionOf(client)?.destroy();
  }

  // --- Pauses --------------------------------------------------------------------------------------------------------

  /** Holds clients' commands until a time. Each purpose (`client pause`, `failover`, …) is held and released by itself. */
  pause(purpose: string, untilMs: number, kind: number): void {
    // A shorter pause does not end a longer one sooner.
    this.pauses.set(purpose, { untilMs: Math.max(this.pauses.get(purpose)?.untilMs ?? 0, untilMs), kind });
    this.updatePause();
  }

  unpause(purpose: string): void {
    if (!this.pauses.delete(purpose)) return;
    this.updatePause();
  }

  /** The pause in force, as INFO tells it: the strictest, and of those the longest. */
  longestPause(): { readonly reason: string; readonly actions: string; readonly untilMs: number } | null {
    const strictest = [...this.pauses].sort(([, a], [, b]) => b.kind - a.kind || b.untilMs - a.untilMs)[0];
    if (strictest === undefined) return null;
    const [purpose, { kind, untilMs }] = strictest;
    return {
      reason: PAUSE_REASONS.get(purpose) ?? purpose.replaceAll(' ', '_'),
      actions: kind === PAUSE_ALL ? 'all' : 'write',
      untilMs,
    };
  }

  pausedUntilMs(): number {
    return Math.max(0, ...[...this.pauses.values()].map((pause) => pause.untilMs));
  }

  private updatePause(): void {
    const before = this.pauseKind;
    this.pauseKind = Math.max(PAUSE_NONE, ...[...this.pauses.values()].map((pause) => pause.kind));
    if (this.pauseKind !== before) this.onPauseChange?.(this.pauseKind);
    if (this.pauseKind >= before) return;
    for (const member of [...this.members.values()]) {
      if (!member.client.paused) continue;
      member.client.paused = false;
      this.resumeList.push(member.client);
    }
  }

  // --- Waits ---------------------------------------------------------------------------------------------------------

  /** Blocks the client of the running command until its waiter is resumed or its time is up. */
  block(client: Client, waiter: Waiter): void {
    client.waiter = waiter;
    this.blocked.add(client);
    if (waiter.deadlineMs !== 0 && waiter.deadlineMs < this.nextDeadlineMs) {
      this.nextDeadlineMs = waiter.deadlineMs;
      this.onDeadline?.(waiter.deadlineMs);
    }
  }

  /** Ends a wait: writes the reply, and the client's next requests go on. */
  resume(client: Client, write: (reply: ReplyWriter) => void): void {
    if (client.waiter === null) return;
    this.unblock(client);
    if (client.replyMode === REPLY_ON) {
      this.writeTo(client, write);
      return;
    }
    // Its wait ends like any other, only nobody is told (CLIENT REPLY OFF).
    write(this.pushWriter);
    this.pushWriter.rewind(0);
  }

  /** Ends a wait whose reply is written: the client's next requests go on. */
  unblock(client: Client): void {
    if (client.waiter === null) return;
    client.waiter = null;
    this.blocked.delete(client);
    this.scheduleFlush(client);
    this.resumeList.push(client);
  }

  /** Ends a wait by force. */
  unblockWithError(client: Client, error: string): void {
    const { waiter } = client;
    if (waiter === null) return;
    waiter.cancelled();
    waiter.failedByForce?.();
    this.onErrorOfWait?.(error);
    this.resume(client, (reply) => reply.error(error));
  }

  private endWait(client: Client): void {
    client.waiter?.cancelled();
    client.waiter = null;
    this.blocked.delete(client);
  }

  /** Ends waits whose time is up. */
  endWaits(nowMs: number): void {
    if (nowMs < this.nextDeadlineMs) return;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const client of this.blocked) {
      const waiter = client.waiter!;
      if (waiter.deadlineMs === 0) continue;
      if (nowMs >= waiter.deadlineMs) this.resume(client, (reply) => waiter.timedOut(reply));
      else nextMs = Math.min(nextMs, waiter.deadlineMs);
    }
    this.nextDeadlineMs = nextMs;
    if (nextMs !== Number.POSITIVE_INFINITY) this.onDeadline?.(nextMs);
  }

  /** Ends pauses and waits whose time is up, and closes clients over their soft output limit. About ten times a second or more. */
  tick(nowMs: number): void {
    for (const [purpose, pause] of this.pauses) if (nowMs >= pause.untilMs) this.unpause(purpose);
    this.endWaits(nowMs);
    const nowSeconds = Math.floor(nowMs / 1000);
    for (const member of this.members.values()) {
      this.checkSoftLimit(member, nowMs);
      member.connection.trim?.(nowSeconds);
      if (this.eviction.limitBytes > 0) this.eviction.account(member.client);
    }
  }

  private checkSoftLimit(member: Member, nowMs: number): void {
    const limit = this.limitOf(member.client);
    if (limit.hardBytes === 0 && limit.softBytes === 0) return;
    const waiting = member.client.output.length + member.connection.unsentBytes();
    const overHard = limit.hardBytes > 0 && waiting > limit.hardBytes;
    const overSoft = limit.softBytes > 0 && waiting > limit.softBytes;
    if (!overSoft) member.overSoftSinceMs = 0;
    else if (member.overSoftSinceMs === 0) member.overSoftSinceMs = nowMs;
    if (overHard || (overSoft && nowMs - member.overSoftSinceMs > limit.softSeconds * 1000)) {
      this.killForOutput(member.client);
    }
  }
}

/** A region may be larger than the limit: what it holds counts, with what the network has not taken. */
function isOverHardLimit({ client: { output }, connection }: Member): boolean {
  if (output.overflowed) return true;
  return output.limitBytes > 0 && output.length + connection.unsentBytes() > output.limitBytes;
}

/** Renders what `write` writes as bytes, for replies that are sent to several clients. */
export function rendered(protocol: number, write: (reply: ReplyWriter) => void): Uint8Array {
  const output = new Output();
  output.protocol = protocol;
  const writer = new ReplyWriter();
  writer.attach(output);
  write(writer);
  writer.detach();
  return output.bytes!.slice(0, output.length);
}
