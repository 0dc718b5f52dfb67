/**
 * The executor: one request from its arguments to its reply. Hot file: no allocation per request.
 *
 * What stands between a request and its function is read from the command's entry, in Valkey's order (server.c processCommand):
 * known, arity, authentication, cluster routing, memory, replicas, stale, loading, pause, MULTI. After the function, what changed
 * goes once to the write log, in its rewritten form where the function gave one.
 */

import { denialText, PERMITTED, queuedDenialText } from '../acl/check.ts';
import type { AclContext } from '../acl/log.ts';
import type { Database } from '../keyspace/database.ts';
import { EXPIRY_HIDES, EXPIRY_IGNORED, OBSERVED_BY_WATCH } from '../keyspace/keyspace.ts';
import { slotOf } from '../keyspace/slot.ts';
import { OutOfArena } from '../memory/arena.ts';
import type { Arguments } from '../protocol/arguments.ts';
import {
  ERR_ARITY,
  ERR_CROSSSLOT,
  ERR_EXEC_DISCARDED,
  ERR_LOADING,
  ERR_NO_AUTH,
  ERR_NOT_IN_MULTI,
  ERR_OOM,
  ERR_SUBSCRIBED,
  ERR_UNKNOWN_COMMAND,
  ERR_UNKNOWN_SUBCOMMAND,
} from '../protocol/errors.ts';
import type { LookAhead } from '../protocol/look-ahead.ts';
import { latin1, parseInteger } from '../protocol/numbers.ts';
import type { ReplyWriter } from '../protocol/reply.ts';
import { Call } from './call.ts';
import { type Client, IMPORT_CLIENT, REPLY_ON, REPLY_SKIP, REPLY_SKIP_NEXT, STREAM_CLIENT } from './client.ts';
import { describeClient } from './client-info.ts';
import { PAUSE_ALL, PAUSE_NONE, PAUSE_WRITES } from './clients.ts';
import * as flag from './command.ts';
import { KeyReferences } from './key-references.ts';
import type { CommandEntry, CommandRegistry } from './registry.ts';
import type { Rooms } from './rooms.ts';
import { WriteUnit } from './write-unit.ts';

/** `run`: the request is done (or the client is blocked by it); or it must be given again when the pause ends. */
export const DONE = 0;
export const DEFERRED = 1;

/** A command's keys have no slot: it has none. */
export const NO_SLOT = -1;
const CROSS_SLOT = -2;

/** Largest sum of a transaction's queued arguments: past it the client is answered an error and the transaction aborts. */
const MAX_QUEUED_BYTES = 1024 * 1024 * 1024;

/** A smaller dataset lies in the processor's cache by itself. */
const MIN_WARMED_KEYS = 20_000;

/** The cluster's word on a request. */
export interface ClusterGate {
  /** True when the keys of this slot are served here and now; otherwise the redirection or error has been written. */
  admits(call: Call, slot: number, entry: CommandEntry): boolean;
  /** The error that a client gets which waits for keys of this slot, when they are not to be had here any more; or null. */
  refusalOfWait(client: Client, entry: CommandEntry, slot: number): string | null;
}

export interface OwnKeys {
  written(database: Database, bytes: Uint8Array, from: number, to: number): void;
}

/** Replication's and persistence's word on a write, and the write log. */
export interface WriteGate {
  /** The error a write gets now (READONLY, NOREPLICAS, MISCONF), or null. `fromStream` is a write that the primary sent. */
  refusal(client: Client): string | null;
  /** The error that any command without the STALE flag gets now (MASTERDOWN), or null. */
  staleRefusal(): string | null;
  /** True while somebody reads the log. */
  readonly active: boolean;
  append(database: number, slot: number, args: Arguments): void;
  /** On a replica that takes writes of its own: told of each key that a client's command changed. */
  readonly ownKeys?: OwnKeys | null;
  /** What a transaction wrote goes between these. */
  beginTransaction(): void;
  endTransaction(): void;
}

export interface MemoryGate {
  /** Evicts until memory fits; false when it does not. */
  makeRoom(): boolean;
  /** False: maxmemory is not set. */
  readonly limited: boolean;
}

export class Executor {
  /** The call of the command that runs. */
  call: Call;
  cluster: ClusterGate | null = null;
  writes: WriteGate | null = null;
  memory: MemoryGate | null = null;
  loading = false;
  /** The transaction that runs has written: its log entries are wrapped. */
  private inTransaction = false;
  private readonly rooms: Rooms;
  private readonly registry: CommandRegistry;
  private readonly reply: ReplyWriter;
  readonly clustered: boolean;
  private keySlot = NO_SLOT;
  private readonly unit: WriteUnit = new WriteUnit();
  private executing = false;
  /** A unit was begun for the running command. */
  private unitOfCommand = false;
  /** False while a script asked that its writes stay here (redis.set_repl). */
  private propagates = true;
  private readonly keysRead: KeyReferences = new KeyReferences();

  constructor(rooms: Rooms, reply: ReplyWriter, nobody: Client) {
    this.rooms = rooms;
    this.registry = rooms.registry;
    this.reply = reply;
    this.call = new Call(rooms, reply, nobody, rooms.registry.entries[0]!);
    this.clustered = rooms.keyspace.slots > 1;
    rooms.blocking.runAgain = (client, args) => this.runAgain(client, args);
    if (this.clustered) {
      rooms.blocking.refusal = (client, entry, slot) => this.cluster?.refusalOfWait(client, entry, slot) ?? null;
    }
  }

  /** Runs a request of a client whose output the reply writer is attached to. */
  run(client: Client, args: Arguments): number {
    const mark = this.reply.mark();
    const status = this.dispatch(client, args);
    if (client.replyMode !== REPLY_ON) this.applyReplyMode(client, mark);
    if (client.output.muted) this.reply.rewind(mark);
    if (this.rooms.tracking.hasPending) this.rooms.tracking.sendPending(client);
    if (this.rooms.clients.kept.length > 0) this.writeKept();
    if (this.rooms.blocking.anyReady) this.rooms.blocking.serve();
    return status;
  }

  /** Runs a blocked client's request again, between two commands of others. False when a pause holds it back. */
  private runAgain(client: Client, args: Arguments): boolean {
    const { clients, keyspace } = this.rooms;
    const { reply } = this;
    const { current } = clients;
    // In the midst of a primary's stream, keys past their time are still there for the stream, and for nobody else.
    const expiryMode = keyspace.expiryMode;
    if (expiryMode === EXPIRY_IGNORED) keyspace.expiryMode = EXPIRY_HIDES;
    if (current !== null) reply.detach();
    reply.attach(client.output);
    clients.current = client;
    clients.currentReply = reply;
    const status = this.run(client, args);
    client.paused = false;
    reply.detach();
    clients.current = current;
    clients.currentReply = current === null ? null : reply;
    if (current !== null) reply.attach(current.output);
    keyspace.expiryMode = expiryMode;
    return status !== DEFERRED;
  }

  private applyReplyMode(client: Client, mark: number): void {
    if (client.replyMode === REPLY_SKIP_NEXT) {
      client.replyMode = REPLY_SKIP;
      this.reply.rewind(mark);
      return;
    }
    this.reply.rewind(mark);
    if (client.replyMode === REPLY_SKIP) client.replyMode = REPLY_ON;
  }

  private sendInvalidations(client: Client): void {
    this.rooms.tracking.sendPending(client);
    this.writeKept();
  }

  /** Messages to the client whose command ran, after its reply. */
  writeKept(): void {
    const { clients } = this.rooms;
    for (const bytes of clients.kept) this.reply.raw(bytes, 0, bytes.length);
    clients.kept = [];
  }

  /** Brings what requests that will follow read into the processor's cache. */
  warm(client: Client, bytes: Uint8Array, keys: LookAhead): void {
    const database = this.rooms.keyspace.databases[client.databaseIndex]!;
    if (database.size >= MIN_WARMED_KEYS) database.warm(bytes, keys.starts, keys.ends, keys.count);
  }

  private dispatch(client: Client, args: Arguments): number {
    if (!client.authenticated && this.mustAuthenticate(client, args)) return DONE;
    const entry = this.resolve(client, args);
    if (entry === null) return DONE;
    const call = this.call;
    call.begin(client, entry, args);
    client.lastCommand = entry.fullName;
    const flags = entry.flagsOf === null ? entry.flags : entry.flagsOf(call);
    if ((entry.arity > 0 && args.count !== entry.arity) || args.count < -entry.arity) {
      return this.reject(client, entry, ERR_ARITY(entry.fullName));
    }
    if (client.inTransaction && (flags & (flag.NO_MULTI | flag.WAITS_FOR_SERVER)) !== 0)
      return this.reject(client, entry, ERR_NOT_IN_MULTI(entry.fullName));
    if (!client.user.unrestricted) {
      const denial = this.denial(client, entry, args, client.inTransaction ? 'multi' : 'toplevel');
      if (denial !== null) return this.reject(client, entry, `NOPERM ${denial}`);
    }
    if (client.redirectCapable && this.redirects(client, entry)) return DONE;
    const fromStream = client.kind === STREAM_CLIENT || client.kind === IMPORT_CLIENT;
    if (this.clustered) {
      const slot = this.slotOfKeys(call, entry);
      if (slot === CROSS_SLOT) return this.redirected(client, entry, ERR_CROSSSLOT);
      this.keySlot = slot;
      if (slot !== NO_SLOT) {
        this.rooms.keyspace.slot = slot;
        if (this.cluster !== null && !fromStream && !this.cluster.admits(call, slot, entry))
          return this.rejected(client, entry);
      }
    }
    if (this.rooms.tracking.clientCount > 0) {
      this.rooms.tracking.limit();
      if (this.rooms.tracking.hasPending) this.sendInvalidations(client);
    }
    if (this.memory?.limited === true && client.kind !== STREAM_CLIENT) {
      const fits = this.memory.makeRoom();
      // What was evicted the client hears of before the reply: it is the keys' old values that are gone.
      if (this.rooms.tracking.hasPending) this.sendInvalidations(client);
      // It was evicted itself: nobody waits for the reply.
      if (client.killed) return DONE;
      if (!fits && (flags & flag.DENYOOM) !== 0) return this.reject(client, entry, ERR_OOM);
    }
    if (this.writes !== null) {
      if ((flags & (flag.WRITE | flag.MAY_REPLICATE)) !== 0 && !fromStream) {
        const refusal = (flags & flag.WRITE) !== 0 ? this.writes.refusal(client) : null;
        if (refusal !== null) return this.reject(client, entry, refusal);
      }
      if ((flags & flag.STALE) === 0 && !fromStream) {
        const refusal = this.writes.staleRefusal();
        if (refusal !== null) return this.reject(client, entry, refusal);
      }
    }
    if (client.subscriptions > 0 && client.inSubscriberMode && (flags & flag.IN_SUBSCRIBER_MODE) === 0) {
      return this.reject(client, entry, ERR_SUBSCRIBED(entry.fullName));
    }
    if (this.loading && (flags & flag.LOADING) === 0 && !fromStream) return this.reject(client, entry, ERR_LOADING);
    if (this.rooms.clients.pauseKind !== PAUSE_NONE && !fromStream && this.mustWait(client, entry, flags)) {
      client.paused = true;
      return DEFERRED;
    }
    if (client.inTransaction && (flags & flag.NOT_QUEUED) === 0) {
      this.queue(client, entry, args, flags);
      return DONE;
    }
    this.execute(client, entry, args);
    return DONE;
  }

  private mustWait(client: Client, entry: CommandEntry, flags: number): boolean {
    const kind = this.rooms.clients.pauseKind;
    if (kind === PAUSE_ALL) return true;
    if (kind !== PAUSE_WRITES) return false;
    // A command that is queued waits with the EXEC, which has the flags of what is queued.
    return (
      (flags & (flag.WRITE | flag.MAY_REPLICATE)) !== 0 && (!client.inTransaction || entry.command.name === 'exec')
    );
  }

  /** Answers NOAUTH, unless the command is one for clients that have not authenticated. */
  private mustAuthenticate(client: Client, args: Arguments): boolean {
    if (this.rooms.acl.defaultUser.open) return false;
    const entry = this.registry.find(args.bytes, args.starts[0]!, args.ends[0]!);
    if (entry?.has(flag.NO_AUTH) === true) return false;
    if (entry !== null) this.reject(client, entry, ERR_NO_AUTH);
    else {
      this.failTransaction(client);
      this.reply.error(ERR_NO_AUTH);
      this.countError();
    }
    if (!client.wasAuthenticated && this.reply.mark() > this.rooms.clients.unauthenticatedLimitBytes)
      this.rooms.clients.kill(client, 'its output is over the limit of clients that have not authenticated');
    return true;
  }

  /**
   * Why the client's user may not run the request, in the words that follow `NOPERM`; null when it may. A refusal is logged.
   * For clients whose user is not `unrestricted`.
   */
  denial(client: Client, entry: CommandEntry, args: Arguments, context: AclContext): string | null {
    const denied = this.checkPermission(client, entry, args, context);
    return denied === PERMITTED ? null : denialText(denied, client.user.name, entry.fullName);
  }

  private checkPermission(client: Client, entry: CommandEntry, args: Arguments, context: AclContext): number {
    const { permissions, log } = this.rooms.acl;
    const denied = permissions.check(client.user, entry, args, databaseOf(client));
    if (denied === PERMITTED) return PERMITTED;
    const index = permissions.failedIndex;
    const object = index === 0 ? entry.fullName : latin1(args.bytes, args.starts[index]!, args.ends[index]!);
    const { current } = this.rooms.clients;
    const info = (): string => describeClient(this.rooms, current ?? client);
    log.add(denied, context, object, client.user.name, info, this.rooms.keyspace.nowMs);
    return denied;
  }

  /** A replica out of cluster mode sends clients that understand it to its primary. */
  private redirects(client: Client, entry: CommandEntry): boolean {
    if (this.clustered) return false;
    const isExec = entry.command.name === 'exec';
    const has = (mask: number): boolean =>
      entry.has(mask) || (isExec && client.queued.some((one) => one.entry.has(mask)));
    if (!has(flag.WRITE) && !(has(flag.READONLY) && !client.readOnly)) return false;
    const primary = this.rooms.replication?.link() ?? null;
    if (primary === null) return false;
    this.redirected(client, entry, `REDIRECT ${primary.host}:${primary.port}`);
    return true;
  }

  /** Finds the command; answers and returns null when there is none. */
  private resolve(client: Client, args: Arguments): CommandEntry | null {
    const entry = this.registry.find(args.bytes, args.starts[0]!, args.ends[0]!);
    if (entry === null) {
      this.failTransaction(client);
      this.reply.errorBytes(unknownCommand(args));
      this.countError();
      return null;
    }
    if (entry.subcommands.length === 0) return entry;
    if (args.count < 2) return entry;
    const subcommand = entry.subcommand(args.bytes, args.starts[1]!, args.ends[1]!);
    if (subcommand !== null) return subcommand;
    this.failTransaction(client);
    entry.rejected++;
    this.reply.errorBytes(ERR_UNKNOWN_SUBCOMMAND(printed(args, 1, 128), entry.command.name));
    this.countError();
    return null;
  }

  private reject(client: Client, entry: CommandEntry, error: string): number {
    this.reply.error(entry.command.name === 'exec' ? ERR_EXEC_DISCARDED(error) : error);
    return this.rejected(client, entry);
  }

  /** What tells where to go is told in the same words at EXEC, so that a client can follow it. */
  private redirected(client: Client, entry: CommandEntry, error: string): number {
    this.reply.error(error);
    return this.rejected(client, entry);
  }

  private countError(fromScript = false): void {
    // A script's error that is a command's own was counted with that command.
    if (this.reply.lastError === '') return;
    this.rooms.accounting.errors.count(this.reply.lastError, fromScript);
  }

  private rejected(client: Client, entry: CommandEntry): number {
    entry.rejected++;
    this.countError();
    if (client.kind === IMPORT_CLIENT) client.streamErrors++;
    if (entry.command.name === 'exec') this.discardTransaction(client);
    else this.failTransaction(client);
    return DONE;
  }

  /** EXEC itself was refused (its keys are elsewhere, memory is full): the transaction is over. */
  private discardTransaction(client: Client): void {
    client.discardTransaction();
    this.rooms.watches.drop(client);
    this.rooms.keyspace.observe(OBSERVED_BY_WATCH, this.rooms.watches.count > 0);
  }

  private failTransaction(client: Client): void {
    if (client.inTransaction) client.transactionFailed = true;
  }

  private queue(client: Client, entry: CommandEntry, args: Arguments, flags: number): void {
    const copy = args.copy();
    client.queuedBytes += copy.bytes.length;
    if (client.queuedBytes > MAX_QUEUED_BYTES) {
      client.transactionFailed = true;
      client.queued = [];
      this.reply.error('ERR transaction is too large: its queued arguments exceed 1 GiB');
      return;
    }
    client.queued.push({ entry, args: copy, flags });
    this.reply.simple('QUEUED');
  }

  /** Runs the command's function with accounting, and hands what changed to the write log. */
  private execute(client: Client, entry: CommandEntry, args: Arguments): void {
    const call = this.call;
    const reply = this.reply;
    const errors = reply.errors;
    const mark = reply.mark();
    const { accounting } = this.rooms;
    const beganMicros = accounting.beganMicros;
    accounting.commands++;
    this.rooms.keyspace.recordsAccess = !client.noTouch;
    this.rooms.keyspace.seesExpired = client.importSource;
    const isOutermost = !this.executing;
    this.executing = true;
    try {
      entry.command.run(call);
    } catch (problem) {
      if (!(problem instanceof OutOfArena)) throw problem;
      reply.error(ERR_OOM);
    }
    // A command that waits is counted when it is answered.
    const blocked = call.waits;
    if (!blocked) {
      entry.calls++;
      client.commandCount++;
    }
    if (this.rooms.monitors.count > 0) this.feedMonitors(client, entry, args);
    if (client.tracking !== null) this.remember(client, entry, args);
    if (reply.errors !== errors) {
      entry.failed++;
      this.countError(entry.command.group === 'scripting');
      if (client.kind === IMPORT_CLIENT) client.streamErrors++;
    }
    if (blocked) accounting.pass();
    else
      accounting.end(
        client,
        entry,
        args,
        beganMicros,
        reply.mark() - mark,
        this.rooms.keyspace.nowMs,
        this.clustered ? this.keySlot : NO_SLOT,
      );
    client.asking = client.asking && entry.command.name === 'asking';
    if (call.changes > 0) this.logWrite(client, args);
    if (isOutermost) this.endOfCommand();
  }

  /** What expired while a command looked at its keys, and what the command itself did, are one unit in the log. */
  private endOfCommand(): void {
    this.executing = false;
    if (!this.unitOfCommand) return;
    this.unitOfCommand = false;
    this.unit.end(this.writes);
  }

  /** What administration does is too sensitive to be shown. */
  private feedMonitors(client: Client, entry: CommandEntry, args: Arguments): void {
    if (entry.has(flag.SKIP_MONITOR | flag.ADMIN) || this.rooms.blocking.retrying || this.loading) return;
    const { keyspace, monitors } = this.rooms;
    monitors.feed(entry, args, client.databaseIndex, client.address, keyspace.nowMs);
  }

  /** Client-side caching: what this client reads it may keep. */
  private remember(client: Client, entry: CommandEntry, args: Arguments): void {
    // Of a script the commands are looked at, each by itself.
    if (entry.has(flag.READONLY) && entry.command.group !== 'scripting') {
      this.rooms.tracking.remember(client, this.keysRead.read(entry, args), args);
    }
    // CLIENT CACHING is for the next command, or the transaction that follows.
    if (
      client.tracking?.caching === true &&
      !client.inTransaction &&
      !this.inTransaction &&
      entry.fullName !== 'client|caching'
    )
      client.tracking.caching = false;
  }

  private logWrite(client: Client, args: Arguments): void {
    const call = this.call;
    const writes = this.writes;
    if (writes === null || client.kind === STREAM_CLIENT) return;
    const own = writes.ownKeys ?? null;
    if (own !== null) this.tellOwnKeys(own, call.entry, args);
    if (!writes.active || !this.propagates) return;
    const slot = this.clustered ? this.keySlot : 0;
    if (call.rewritten === null) {
      this.unit.append(writes, call.database.index, slot, args);
      return;
    }
    this.unit.begin();
    for (const form of call.rewritten) this.unit.append(writes, call.database.index, slot, form);
    this.unit.end(writes);
  }

  private tellOwnKeys(own: OwnKeys, entry: CommandEntry, args: Arguments): void {
    const { database } = this.call;
    const { indexes, count } = this.keysRead.read(entry, args);
    for (let i = 0; i < count; i++) {
      const index = indexes[i]!;
      own.written(database, args.bytes, args.starts[index]!, args.ends[index]!);
    }
  }

  /** Writes a command to the log outside of any call: expiry and eviction delete, a room changes the dataset. */
  propagate(database: number, slot: number, args: Arguments): void {
    if (this.writes?.active !== true) return;
    if (this.executing && !this.unitOfCommand && !this.call.entry.has(flag.TOUCHES_ARBITRARY_KEYS)) {
      this.unitOfCommand = true;
      this.unit.begin();
    }
    this.unit.append(this.writes, database, slot, args);
  }

  /** The slot that the running command's keys are in: NO_SLOT without keys. */
  get slotOfCall(): number {
    return this.clustered ? this.keySlot : NO_SLOT;
  }

  /** What is written until `endUnit` is one unit in the log. */
  beginUnit(): void {
    this.unit.begin();
  }

  endUnit(): void {
    this.unit.end(this.writes);
  }

  /** Runs the command that `call` points at inside the call that runs: a script's. Its checks are done. */
  runNested(call: Call, slot: number, caller: Client, propagates: boolean): void {
    const outer = this.call;
    const outerSlot = this.keySlot;
    this.call = call;
    this.keySlot = slot;
    this.propagates = propagates;
    const { errors } = this.reply;
    this.execute(call.client, call.entry, call.args);
    // Counted: whether the script's own command fails is the script's matter.
    this.reply.errors = errors;
    this.propagates = true;
    this.keySlot = outerSlot;
    this.call = outer;
    if (caller.tracking !== null && call.entry.has(flag.READONLY)) {
      this.rooms.tracking.remember(caller, this.keysRead.read(call.entry, call.args), call.args);
    }
  }

  /** EXEC: runs what was queued, as one entry in the log. */
  runQueued(client: Client): void {
    const { queued, lastCommand } = client;
    const { call, reply } = this;
    const { errors } = reply;
    client.discardTransaction();
    reply.array(queued.length);
    this.inTransaction = true;
    this.unit.begin();
    for (const { entry, args } of queued) {
      call.begin(client, entry, args);
      call.inExec = true;
      if (this.clustered) {
        this.keySlot = this.slotOfKeys(call, entry);
        if (this.keySlot >= 0) this.rooms.keyspace.slot = this.keySlot;
      }
      const denied = client.user.unrestricted ? PERMITTED : this.checkPermission(client, entry, args, 'multi');
      if (denied === PERMITTED) this.execute(client, entry, args);
      else {
        reply.error(`NOPERM ${queuedDenialText(denied)}`);
        this.countError();
      }
    }
    // Counted: EXEC itself has not failed.
    reply.errors = errors;
    this.unit.end(this.writes);
    this.inTransaction = false;
    call.inExec = false;
    call.changes = 0;
    client.lastCommand = lastCommand;
  }

  /** The slot that all keys of a request are in; NO_SLOT without keys. */
  slotOfKeys(call: Call, entry: CommandEntry): number {
    if ((entry.flags & flag.MOVABLE_KEYS) !== 0) return this.slotOfMovableKeys(call, entry);
    if (entry.command.name === 'exec') return slotOfQueued(call.client.queued, (c, e) => this.slotOfKeys(c, e), call);
    const first = entry.firstKey;
    if (first === 0) return NO_SLOT;
    const last = entry.lastKey < 0 ? call.count + entry.lastKey : entry.lastKey;
    let slot = NO_SLOT;
    for (let index = first; index <= last && index < call.count; index += entry.keyStep) {
      const next = slotOf(call.bytes, call.starts[index]!, call.ends[index]!);
      if (slot === NO_SLOT) slot = next;
      else if (slot !== next) return CROSS_SLOT;
    }
    return slot;
  }

  private slotOfMovableKeys(call: Call, entry: CommandEntry): number {
    let slot = NO_SLOT;
    entry.command.keysOf?.(call, (index) => {
      const next = slotOf(call.bytes, call.starts[index]!, call.ends[index]!);
      if (slot === NO_SLOT) slot = next;
      else if (slot !== next) slot = CROSS_SLOT;
    });
    return slot;
  }
}

/** The database that the client's next command works on: a SELECT that waits in MULTI counts. */
function databaseOf(client: Client): number {
  for (let i = client.queued.length - 1; i >= 0; i--) {
    const { entry, args } = client.queued[i]!;
    if (entry.command.name !== 'select') continue;
    const index = parseInteger(args.bytes, args.starts[1]!, args.ends[1]!);
    if (index >= 0) return index;
  }
  return client.databaseIndex;
}

/** All queued commands of a transaction must be in one slot. Leaves the call on the EXEC request as it was. */
function slotOfQueued(
  queued: Client['queued'],
  slotOfOne: (call: Call, entry: CommandEntry) => number,
  call: Call,
): number {
  const { client, entry, args } = call;
  let slot = NO_SLOT;
  for (const one of queued) {
    call.begin(client, one.entry, one.args);
    const next = slotOfOne(call, one.entry);
    if (next === NO_SLOT) continue;
    if (slot !== NO_SLOT && slot !== next) slot = CROSS_SLOT;
    else slot = next;
    if (slot === CROSS_SLOT) break;
  }
  call.begin(client, entry, args);
  return slot;
}

/** The error names the command and the first of its arguments, 128 characters in all, as Valkey does. */
function unknownCommand(args: Arguments): string {
  const shown: string[] = [];
  let length = 0;
  for (let i = 1; i < args.count && length < 128; i++) {
    const text = printed(args, i, 128 - length);
    shown.push(text);
    length += text.length + 3;
  }
  return ERR_UNKNOWN_COMMAND(printed(args, 0, 128), shown);
}

/** An argument as C prints it: it ends at a zero byte. */
function printed(args: Arguments, index: number, atMost: number): string {
  const start = args.starts[index]!;
  const text = latin1(args.bytes, start, Math.min(args.ends[index]!, start + atMost));
  const zero = text.indexOf('\0');
  return zero < 0 ? text : text.slice(0, zero);
}
