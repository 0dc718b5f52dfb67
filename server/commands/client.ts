/**
 * A client as commands see it: who it is, what it asked for, and where its replies go. The socket belongs to the network room.
 */
import { SUPERUSER, type User } from '../acl/user.ts';
import type { Arguments } from '../protocol/arguments.ts';
import { Output, type ReplyWriter } from '../protocol/reply.ts';
import type { TrackingState } from '../tracking/tracking.ts';
import type { CommandEntry } from './registry.ts';

export const NORMAL_CLIENT = 0;
export const PUBSUB_CLIENT = 1;
/** A replica's connection on a primary. */
export const REPLICA_CLIENT = 2;
/** The stream of a primary, applied on a replica. Never answered. */
export const STREAM_CLIENT = 3;
/** The source of a slot migration on its target. Never answered; its writes go to the write log. */
export const IMPORT_CLIENT = 4;

export const REPLY_ON = 0;
export const REPLY_OFF = 1;
/** The next command's reply is dropped. */
export const REPLY_SKIP_NEXT = 2;
export const REPLY_SKIP = 3;

/** What a name takes that a client registered (a channel, a watched key, a prefix), besides its own length; about. */
export const NAME_BYTES = 64;

/** A command that waits in MULTI. */
export interface QueuedCommand {
  readonly entry: CommandEntry;
  readonly args: Arguments;
  /** Of this request: those of a script are its own. */
  readonly flags: number;
}

/** What a blocked client waits for. It is told when its time is up; whoever wakes it earlier calls `Clients.resume`. */
export interface Waiter {
  /** 0: no limit. */
  readonly deadlineMs: number;
  /** Writes the reply of a wait that ended by time. */
  timedOut(reply: ReplyWriter): void;
  /** The client went away or was unblocked by force: forget it. */
  cancelled(): void;
  /** It was unblocked by force and answered an error. After `cancelled`. */
  failedByForce?(): void;
}

export class Client {
  readonly id: number;
  readonly output: Output = new Output();
  readonly address: string;
  readonly localAddress: string;
  readonly createdAtMs: number;
  kind = NORMAL_CLIENT;
  databaseIndex = 0;
  authenticated: boolean;
  /** It was authenticated at some time. */
  wasAuthenticated: boolean;
  /** Whose permissions are checked. */
  user: User;
  name = '';
  libraryName = '';
  libraryVersion = '';
  lastCommand = '';
  /** Unix time of the last input, an int32 so that keeping it allocates nothing. */
  lastInteractionSeconds: number;
  commandCount = 0;
  replyMode = REPLY_ON;
  noTouch = false;
  noEvict = false;
  /** Understands -REDIRECT (CLIENT CAPA). */
  redirectCapable = false;
  /** A tool that copies a dataset here, expired keys included (CLIENT IMPORT-SOURCE). */
  importSource = false;
  /** Client-side caching; null while it is off. */
  tracking: TrackingState | null = null;
  /** In MONITOR mode. */
  monitor = false;
  /** Of the socket; -1 without one. */
  descriptor = -1;
  /** Bytes received and sent. An array, since storing large numbers in fields would allocate. */
  readonly traffic: Float64Array = new Float64Array(2);
  /** The next command may touch an importing slot (ASKING). */
  asking = false;
  /** Reads may be served from a replica of the slot (READONLY). */
  readOnly = false;

  inTransaction = false;
  /** MULTI or WATCH was used at some time. */
  hadTransaction = false;
  queued: QueuedCommand[] = [];
  queuedBytes = 0;
  /** A command could not be queued: EXEC aborts. */
  transactionFailed = false;
  /** A watched key changed: EXEC answers nil. */
  watchBroken = false;
  watching = false;

  /** Channels and patterns, by latin-1 text of their bytes. Null while there are none. */
  channels: Set<string> | null = null;
  patterns: Set<string> | null = null;
  shardChannels: Set<string> | null = null;

  /** Names it registered: channels, watched keys, prefixes. In bytes, about. */
  registeredBytes = 0;

  waiter: Waiter | null = null;
  /** Input waits until CLIENT PAUSE ends or the waiter is done. */
  paused = false;
  /** Flush, then close. */
  closing = false;
  /** Close without a flush: the output ran over its limit, or CLIENT KILL. */
  killed = false;
  closeReason = '';
  /** Killed, it stays among the clients until its peer goes: for tests. */
  heldOpen = false;
  inFlushList = false;
  /** Bytes of input kept for an unfinished request. */
  inputBytes = 0;
  /** Size of the buffer that such input is kept in. */
  inputBufferBytes = 0;
  /** Of an import: commands that ended in an error. */
  streamErrors = 0;
  /** Of the client that commands of scripts see, while a script runs: who called the script. */
  caller: Client | null = null;
  /** Room for the replication and migration rooms' own state on this connection. */
  link: object | null = null;

  constructor(
    id: number,
    address: string,
    localAddress: string,
    nowMs: number,
    authenticated: boolean,
    user: User = SUPERUSER,
  ) {
    this.id = id;
    this.address = address;
    this.localAddress = localAddress;
    this.createdAtMs = nowMs;
    this.lastInteractionSeconds = Math.floor(nowMs / 1000);
    this.authenticated = authenticated;
    this.wasAuthenticated = authenticated;
    this.user = user;
  }

  get lastInteractionMs(): number {
    return this.lastInteractionSeconds * 1000;
  }

  /** A client of the node's own, without a connection: a script, a stream. */
  get isInternal(): boolean {
    return this.address === '';
  }

  get subscriptions(): number {
    return (this.channels?.size ?? 0) + (this.patterns?.size ?? 0) + (this.shardChannels?.size ?? 0);
  }

  /** In RESP2 a subscribed client may send only subscription commands. */
  get inSubscriberMode(): boolean {
    return this.output.protocol === 2 && this.kind === PUBSUB_CLIENT && this.subscriptions > 0;
  }

  discardTransaction(): void {
    this.inTransaction = false;
    this.queued = [];
    this.queuedBytes = 0;
    this.transactionFailed = false;
  }
}
