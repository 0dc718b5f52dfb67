/**
 * A connection's input: from bytes as they arrive to executed requests. Hot file: no allocation per request; bytes are copied only
 * when a request is not complete in what arrived.
 *
 * It knows no sockets: a transport gives it byte ranges and flushes clients afterwards. Any split of the input over `receive` calls
 * yields the same replies.
 */
import type { Client } from '../commands/client.ts';
import type { Clients } from '../commands/clients.ts';
import { DEFERRED, type Executor } from '../commands/executor.ts';
import type { LookAhead } from './look-ahead.ts';
import { INCOMPLETE, INVALID, type RequestParser } from './parser.ts';
import type { ReplyWriter } from './reply.ts';

/** Smallest buffer for unfinished input. */
const MIN_PENDING_BYTES = 16 * 1024;
/** What a request is known to need is made room for at once up to this size; beyond it room only doubles as bytes arrive. */
const MAX_AHEAD_BYTES = 4 * 1024 * 1024;
/** `trim` gives back a buffer with more free room than this, when it is this long not used, or too large for what it held lately. */
const TRIM_FREE_BYTES = 4 * 1024;
const TRIM_IDLE_SECONDS = 2;
const TRIM_ABOVE_BYTES = 32 * 1024;

/** What all sessions of a node share. */
export interface SessionContext {
  readonly parser: RequestParser;
  readonly lookAhead: LookAhead;
  readonly reply: ReplyWriter;
  readonly executor: Executor;
  readonly clients: Clients;
  /** client-query-buffer-limit */
  queryLimitBytes: number;
  /** The keyspace, for its time: in whole seconds, since storing a double would allocate. */
  readonly clock: { readonly nowSeconds: number };
}

export class Session {
  readonly client: Client;
  private readonly context: SessionContext;
  /** Unfinished input: pending[0, pendingLength). */
  private pending: Uint8Array | null = null;
  private pendingLength = 0;
  /** Not worth parsing before so many bytes are pending. */
  private neededBytes = 0;
  /** What of the pending input stands before the large argument that is awaited. */
  private headBytes = 0;
  /** The most that was pending since the last `trim`. */
  private peakBytes = 0;

  constructor(client: Client, context: SessionContext) {
    this.client = client;
    this.context = context;
  }

  /** Bytes [0, length) arrived. They may be overwritten after the call. */
  receive(bytes: Uint8Array, length: number): void {
    const client = this.client;
    if (client.killed || client.closing) return;
    client.lastInteractionSeconds = this.context.clock.nowSeconds;
    client.traffic[0] = client.traffic[0]! + length;
    if (this.pendingLength === 0) {
      this.process(bytes, length);
      return;
    }
    this.append(bytes, 0, length);
    if (this.pendingLength > this.context.queryLimitBytes) {
      this.context.clients.overQueryLimit++;
      this.context.clients.kill(client, 'query buffer limit reached');
      return;
    }
    if (this.pendingLength >= this.neededBytes) this.process(this.pending!, this.pendingLength);
    else if (this.context.clients.eviction.limitBytes > 0) this.context.clients.eviction.account(client);
  }

  /** Goes on with pending input after a pause or a wait. */
  resume(): void {
    if (this.pendingLength > 0 && !this.client.killed && !this.client.closing)
      this.process(this.pending!, this.pendingLength);
  }

  /** On ticks: a buffer that is not used any more, or larger than lately needed, is given back. */
  trim(nowSeconds: number): void {
    const { pending, pendingLength } = this;
    const peakBytes = Math.max(this.peakBytes, this.neededBytes);
    this.peakBytes = pendingLength;
    if (pending === null || pending.length - pendingLength <= TRIM_FREE_BYTES) return;
    if (nowSeconds - this.client.lastInteractionSeconds > TRIM_IDLE_SECONDS) this.resize(pending, pendingLength);
    else if (pending.length > TRIM_ABOVE_BYTES && pending.length / 2 > peakBytes)
      this.resize(pending, Math.max(MIN_PENDING_BYTES, peakBytes));
  }

  private resize(pending: Uint8Array, sizeBytes: number): void {
    const smaller = sizeBytes === 0 ? null : new Uint8Array(sizeBytes);
    smaller?.set(pending.subarray(0, this.pendingLength));
    this.pending = smaller;
    this.client.inputBufferBytes = sizeBytes;
  }

  private process(bytes: Uint8Array, end: number): void {
    const { parser, reply, executor, clients } = this.context;
    const client = this.client;
    if (clients.current !== null) throw new Error('session: input is processed inside a command of another client');
    reply.attach(client.output);
    clients.current = client;
    clients.currentReply = reply;
    let at = 0;
    let needed = 1;
    let head = 0;
    let warmedTo = at;
    while (at < end && client.waiter === null && !client.paused && !client.closing && !client.killed) {
      if (at >= warmedTo) warmedTo = this.warm(bytes, at, end);
      const next = parser.parse(bytes, at, end, client.authenticated);
      if (next === INCOMPLETE) {
        needed = parser.neededBytes;
        head = parser.headBytes;
        break;
      }
      if (next === INVALID) {
        reply.error(`ERR ${parser.problem}`);
        client.closing = true;
        client.closeReason = parser.problem;
        break;
      }
      if (parser.request.count > 0 && executor.run(client, parser.request) === DEFERRED) break;
      at = next;
      if (reply.protocol !== client.output.protocol) reply.protocol = client.output.protocol;
    }
    if (clients.kept.length > 0) executor.writeKept();
    reply.detach();
    clients.current = null;
    clients.currentReply = null;
    this.headBytes = head;
    if (client.closing || client.killed) this.pendingLength = 0;
    else this.keep(bytes, at, end, needed);
    if (client.output.length > 0) clients.scheduleFlush(client);
    else if (client.output.bytes !== null) reply.release(client.output);
    if (client.closing) clients.scheduleFlush(client);
    if (clients.eviction.limitBytes > 0) clients.eviction.account(client);
  }

  /** Warms the cache for the requests that stand in bytes[at, end); returns up to where. */
  private warm(bytes: Uint8Array, at: number, end: number): number {
    const { lookAhead, executor } = this.context;
    const to = lookAhead.scan(bytes, at, end);
    if (lookAhead.count > 1) executor.warm(this.client, bytes, lookAhead);
    return to > at ? to : end;
  }

  /** Keeps bytes[at, end) as pending input. */
  private keep(bytes: Uint8Array, at: number, end: number, neededBytes: number): void {
    const length = end - at;
    this.neededBytes = neededBytes;
    if (bytes === this.pending) {
      if (at > 0) bytes.copyWithin(0, at, end);
      this.pendingLength = length;
    } else {
      this.pendingLength = 0;
      if (length > 0) this.append(bytes, at, end);
    }
    this.client.inputBytes = this.pendingLength - this.headBytes;
    this.client.inputBufferBytes = this.pending === null ? 0 : this.pending.length;
  }

  private append(bytes: Uint8Array, from: number, to: number): void {
    const length = this.pendingLength + (to - from);
    if (this.pending === null || this.pending.length < length) {
      const ahead = Math.max(length * 2, MAX_AHEAD_BYTES);
      const larger = new Uint8Array(Math.max(MIN_PENDING_BYTES, length, Math.min(this.neededBytes, ahead)));
      if (this.pending !== null) larger.set(this.pending.subarray(0, this.pendingLength));
      this.pending = larger;
    }
    this.pending.set(bytes.subarray(from, to), this.pendingLength);
    this.pendingLength = length;
    if (length > this.peakBytes) this.peakBytes = length;
    this.client.inputBytes = length - this.headBytes;
    this.client.inputBufferBytes = this.pending.length;
  }
}
