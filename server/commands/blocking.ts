/**
 * Clients that wait for keys: BLPOP and its family, BZPOPMIN, XREAD BLOCK. Hot file: while nobody waits, a change of a key costs a
 * look at one bit; while somebody does, a change of a key that nobody waits for costs a look at one counter.
 *
 * A command that finds nothing calls `Call.waitForKeys`, which leaves its copied arguments here. A change of such a key marks the key
 * as ready; when the command that changed it is over (or the tick, for changes outside of commands), ready keys are served in the
 * order they became so: the commands of their waiting clients run again, in order of arrival, as if they had just come. One that finds
 * nothing again keeps its place. Serving may make further keys ready: it goes on until none is.
 * Source: Valkey 9.1 blocked.c, cluster.c clusterRedirectBlockedClientIfNeeded.
 *
 * Limit: a client waits in at most one place; its keys and arguments are bounded by its request.
 */
import type { Database } from '../keyspace/database.ts';
import { EXPIRY_HIDES, type Keyspace, OBSERVED_BY_BLOCKED } from '../keyspace/keyspace.ts';
import { slotOf } from '../keyspace/slot.ts';
import { NONE } from '../memory/arena.ts';
import type { Arguments } from '../protocol/arguments.ts';
import type { ReplyWriter } from '../protocol/reply.ts';
import { watchKey } from '../transactions/watches.ts';
import type { Call } from './call.ts';
import type { Client, Waiter } from './client.ts';
import { type Clients, PAUSE_ALL, PAUSE_NONE } from './clients.ts';
import type { CommandEntry } from './registry.ts';

/** Cells of the filter that spares most changes the making of a key's text. A power of two. */
const FILTER_CELLS = 4096;

/** What a wait may ask for besides its keys. */
export interface WaitOptions {
  /** From one key's argument to the next; 1 when left out. */
  readonly keyStep?: number;
  /** Also run again when a key was deleted or got another type: its group is gone (XREADGROUP). */
  readonly onDeletion?: boolean;
  /** To run again in place of the request as it came (XREAD's `$` as the id it meant). The keys stand at the same indexes. */
  readonly args?: Arguments;
}

/** Runs a request of a client, whose output the writer is attached to. False when a pause holds it back. */
export type RunAgain = (client: Client, args: Arguments) => boolean;

/** A key and who waits for it, in order of arrival. */
interface Queue {
  readonly key: string;
  readonly database: Database;
  readonly bytes: Uint8Array;
  readonly slot: number;
  readonly cell: number;
  readonly waiting: Set<BlockedClient>;
  /** Of them, those that a deletion wakes. */
  onDeletion: number;
  ready: boolean;
}

class BlockedClient implements Waiter {
  readonly client: Client;
  readonly entry: CommandEntry;
  readonly args: Arguments;
  readonly type: number;
  readonly onDeletion: boolean;
  readonly deadlineMs: number;
  readonly asking: boolean;
  readonly queues: Queue[] = [];
  /** What ran again found nothing again. */
  waitsAgain = false;
  private readonly answerTimeOut: (reply: ReplyWriter) => void;
  private readonly blocked: BlockedKeys;

  constructor(
    blocked: BlockedKeys,
    call: Call,
    type: number,
    timeoutMs: number,
    answerTimeOut: (reply: ReplyWriter) => void,
    options: WaitOptions,
  ) {
    this.blocked = blocked;
    this.client = call.client;
    this.entry = call.entry;
    this.args = options.args ?? call.args.copy();
    this.type = type;
    this.onDeletion = options.onDeletion === true;
    this.deadlineMs = timeoutMs === 0 ? 0 : call.nowMs + timeoutMs;
    this.asking = call.client.asking;
    this.answerTimeOut = answerTimeOut;
  }

  timedOut(reply: ReplyWriter): void {
    this.blocked.forget(this);
    this.entry.calls++;
    this.answerTimeOut(reply);
  }

  cancelled(): void {
    this.blocked.forget(this);
  }

  failedByForce(): void {
    this.entry.calls++;
    this.entry.rejected++;
  }
}

export class BlockedKeys {
  private readonly queues: Map<string, Queue> = new Map();
  private readonly filter: Uint16Array = new Uint16Array(FILTER_CELLS);
  private ready: Queue[] = [];
  /** Ready keys whose waiting commands a pause holds back. */
  private held: Queue[] = [];
  private serving = false;
  /** The wait whose command runs again at this moment. */
  private running: BlockedClient | null = null;
  private readonly keyspace: Keyspace;
  private readonly clients: Clients;
  /** Set by the executor. */
  runAgain: RunAgain = () => true;
  /** Set by the executor in cluster mode: the error of a client that waits for keys of this slot in vain, or null. */
  refusal: ((client: Client, entry: CommandEntry, slot: number) => string | null) | null = null;
  /** Set by the node: brings the time up to date before commands run again, when the command before them stood still for a while. */
  catchUp: () => void = () => {};

  constructor(keyspace: Keyspace, clients: Clients) {
    this.keyspace = keyspace;
    this.clients = clients;
  }

  /** Keys that somebody waits for. */
  get keyCount(): number {
    return this.queues.size;
  }

  /** Of them, those whose deletion somebody waits for. */
  get keysOnDeletion(): number {
    let count = 0;
    for (const queue of this.queues.values()) if (queue.onDeletion > 0) count++;
    return count;
  }

  /** True when `serve` may have something to do. */
  get anyReady(): boolean {
    return this.ready.length > 0 || this.held.length > 0;
  }

  /** A command runs again after a wait. */
  get retrying(): boolean {
    return this.running !== null;
  }

  /** The running command waits for a value of `type` at one of the keys in arguments from … to. */
  wait(
    call: Call,
    from: number,
    to: number,
    type: number,
    timeoutMs: number,
    timedOut: (reply: ReplyWriter) => void,
    options: WaitOptions,
  ): void {
    call.waits = true;
    if (this.running !== null) {
      // It keeps its places, its deadline and its arguments.
      this.running.waitsAgain = true;
      return;
    }
    const blocked = new BlockedClient(this, call, type, timeoutMs, timedOut, options);
    for (let index = from; index <= to; index += options.keyStep ?? 1) this.enqueue(blocked, call, index);
    this.keyspace.observe(OBSERVED_BY_BLOCKED, true);
    this.clients.block(call.client, blocked);
  }

  private enqueue(blocked: BlockedClient, call: Call, index: number): void {
    const { database } = call;
    const key = watchKey(database.index, call.bytes, call.starts[index]!, call.ends[index]!);
    let queue = this.queues.get(key);
    if (queue === undefined) {
      const bytes = call.copy(index);
      const slot = this.keyspace.slots > 1 ? slotOf(bytes, 0, bytes.length) : 0;
      const cell = cellOf(bytes, 0, bytes.length);
      queue = { key, database, bytes, slot, cell, waiting: new Set(), onDeletion: 0, ready: false };
      this.queues.set(key, queue);
      this.filter[cell]!++;
    }
    // A key may be named twice.
    if (queue.waiting.has(blocked)) return;
    queue.waiting.add(blocked);
    if (blocked.onDeletion) queue.onDeletion++;
    blocked.queues.push(queue);
  }

  /** The wait is over: it leaves its queues. */
  forget(blocked: BlockedClient): void {
    for (const queue of blocked.queues) {
      queue.waiting.delete(blocked);
      if (blocked.onDeletion) queue.onDeletion--;
      if (queue.waiting.size > 0) continue;
      this.queues.delete(queue.key);
      this.filter[queue.cell]!--;
    }
    blocked.queues.length = 0;
    if (this.queues.size === 0) this.keyspace.observe(OBSERVED_BY_BLOCKED, false);
  }

  // --- Changes of keys -----------------------------------------------------------------------------------------------

  /** A key changes: the keyspace's listener tells it. */
  touched(database: Database, bytes: Uint8Array, start: number, end: number): void {
    if (this.filter[cellOf(bytes, start, end)] === 0) return;
    const queue = this.queues.get(watchKey(database.index, bytes, start, end));
    if (queue !== undefined) this.mark(queue);
  }

  /** Any key of a database may have changed: it was emptied, swapped, or lost a slot. */
  touchedAll(databaseIndex: number): void {
    for (const queue of this.queues.values()) if (queue.database.index === databaseIndex) this.mark(queue);
  }

  private mark(queue: Queue): void {
    if (queue.ready) return;
    queue.ready = true;
    this.ready.push(queue);
  }

  // --- Serving -------------------------------------------------------------------------------------------------------

  /** Runs the commands of clients whose keys became ready. Called between commands; within itself it does nothing. */
  serve(): void {
    if (this.serving || this.clients.pauseKind === PAUSE_ALL) return;
    if (this.held.length > 0 && this.clients.pauseKind === PAUSE_NONE) {
      const { held } = this;
      this.held = [];
      for (const queue of held) this.mark(queue);
    }
    if (this.ready.length === 0) return;
    this.catchUp();
    this.serving = true;
    try {
      while (this.ready.length > 0) {
        const round = this.ready;
        this.ready = [];
        for (const queue of round) {
          queue.ready = false;
          this.serveKey(queue);
        }
      }
    } finally {
      this.serving = false;
    }
  }

  private serveKey(queue: Queue): void {
    // Who comes while the key is served waits for the next time.
    let left = queue.waiting.size;
    for (const blocked of queue.waiting) {
      if (left-- === 0) break;
      if (!blocked.onDeletion && this.typeAt(queue) !== blocked.type) continue;
      if (!this.again(blocked)) {
        if (!this.held.includes(queue)) this.held.push(queue);
      }
    }
  }

  /** The type of the value at a key, -1 for none. Looking has no effects: an expired key stays for others to find. */
  private typeAt(queue: Queue): number {
    const { database, bytes } = queue;
    const { keyspace } = this;
    const { expiryMode } = keyspace;
    keyspace.slot = queue.slot;
    keyspace.expiryMode = EXPIRY_HIDES;
    const found = database.findWithoutAccess(bytes, 0, bytes.length);
    keyspace.expiryMode = expiryMode;
    return found === NONE ? -1 : database.view.type;
  }

  /** False when a pause holds the command back. */
  private again(blocked: BlockedClient): boolean {
    const { client } = blocked;
    this.running = blocked;
    blocked.waitsAgain = false;
    client.asking = blocked.asking;
    let ran = false;
    try {
      ran = this.runAgain(client, blocked.args);
    } finally {
      this.running = null;
    }
    // It may have ended itself meanwhile: its output ran over.
    if (ran && !blocked.waitsAgain && client.waiter === blocked) {
      this.forget(blocked);
      this.clients.unblock(client);
    }
    return ran;
  }

  /** Unblocks clients that wait for keys this node no longer serves, with the error that says where they are. Called on ticks. */
  redirect(): void {
    const { refusal } = this;
    if (refusal === null || this.queues.size === 0) return;
    for (const queue of [...this.queues.values()]) {
      for (const blocked of [...queue.waiting]) {
        // All keys of a request are in one slot: the first decides.
        if (blocked.queues[0] !== queue) continue;
        const error = refusal(blocked.client, blocked.entry, queue.slot);
        if (error !== null) this.clients.unblockWithError(blocked.client, error);
      }
    }
  }
}

function cellOf(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return 0;
  let mixed = Math.imul(bytes[start]!, 31) + Math.imul(bytes[end - 1]!, 257) + Math.imul(end - start, 7919);
  mixed += Math.imul(bytes[(start + end) >>> 1]!, 1031);
  return mixed & (FILTER_CELLS - 1);
}
