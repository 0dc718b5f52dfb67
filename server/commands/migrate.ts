/**
 * MIGRATE: moves keys to another server by RESTORE (RESTORE-ASKING in a cluster), as `redis-cli --cluster reshard` does slot by slot.
 * Source of options, order and every error: Valkey 9.1 cluster.c.
 *
 * Valkey stands still until the target has answered. Here the client waits, and all writes are held meanwhile (a pause, as for a
 * failover): no key can then differ from what was sent when it is deleted, which comparing could only find out when it is too late for
 * the target's copy. Reads go on. So there is one MIGRATE at a time, and none in a transaction or script, where it could not wait.
 *
 * A key is deleted only after the target's OK for it, and the deletion goes to the log as DEL. Times to live are sent as absolute times.
 */
import type { Database } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { slotOf } from '../keyspace/slot.ts';
import { NONE } from '../memory/arena.ts';
import { Arguments } from '../protocol/arguments.ts';
import { ERR_NOT_IN_SCRIPT, ERR_SYNTAX } from '../protocol/errors.ts';
import type { ReplyWriter } from '../protocol/reply.ts';
import type { Call } from './call.ts';
import type { Client, Waiter } from './client.ts';
import { PAUSE_WRITES } from './clients.ts';
import { type Command, DANGEROUS, MOVABLE_KEYS, WAITS_FOR_SERVER, WRITE } from './command.ts';
import { dumpsOf } from './dump.ts';
import type { Exchange, ExchangeRoom, ExchangeStep } from './replication-room.ts';
import type { Rooms } from './rooms.ts';

/** For a timeout that is not above 0. */
const DEFAULT_TIMEOUT_MS = 1000;
const FIRST_OPTION = 6;
/** Of all keys of one MIGRATE, which are in memory twice while they are sent. */
const MAX_REQUEST_BYTES = 1024 * 1024 * 1024;
/** A reply of the target is one short line; a longer one is not an answer to what was sent. */
const MAX_REPLY_LINE_BYTES = 64 * 1024;
const PAUSE = 'migrate';
const LF = 10;
const CR = 13;
const PLUS = 43;
const MINUS = 45;

export const migrateCommands: readonly Command[] = [
  {
    name: 'migrate',
    arity: -6,
    group: 'generic',
    since: '2.6.0',
    summary: 'Atomically transfers a key from one instance to another.',
    flags: WRITE | MOVABLE_KEYS | DANGEROUS | WAITS_FOR_SERVER,
    keys: { first: 3, last: 3, step: 1 },
    keysOf,
    run: migrate,
  },
];

/** Words after an option's own. */
const OPTION_WORDS: readonly (readonly [string, number])[] = [
  ['COPY', 0],
  ['REPLACE', 0],
  ['AUTH', 1],
  ['AUTH2', 2],
];

function keysOf(call: Call, found: (index: number) => void): void {
  for (let i = FIRST_OPTION; i < call.count; i++) {
    if (call.is(i, 'KEYS')) {
      if (call.length(3) > 0) return;
      for (let key = i + 1; key < call.count; key++) found(key);
      return;
    }
    i += OPTION_WORDS.find(([word]) => call.is(i, word))?.[1] ?? 0;
  }
  found(3);
}

interface Options {
  readonly copy: boolean;
  readonly replace: boolean;
  /** AUTH's arguments; empty without it. */
  readonly credentials: readonly Uint8Array[];
  readonly firstKey: number;
  readonly lastKey: number;
}

/** Null after the error was answered. */
function optionsOf(call: Call): Options | null {
  let copy = false;
  let replace = false;
  let credentials: readonly Uint8Array[] = [];
  for (let i = FIRST_OPTION; i < call.count; i++) {
    const more = call.count - 1 - i;
    if (call.is(i, 'COPY')) copy = true;
    else if (call.is(i, 'REPLACE')) replace = true;
    else if (call.is(i, 'AUTH') && more >= 1) credentials = [call.copy(++i)];
    else if (call.is(i, 'AUTH2') && more >= 2) credentials = [call.copy(++i), call.copy(++i)];
    else if (call.is(i, 'KEYS')) {
      if (call.length(3) > 0) {
        call.fail('ERR When using MIGRATE KEYS option, the key argument must be set to the empty string');
        return null;
      }
      return { copy, replace, credentials, firstKey: i + 1, lastKey: call.count - 1 };
    } else {
      call.fail(ERR_SYNTAX);
      return null;
    }
  }
  return { copy, replace, credentials, firstKey: 3, lastKey: 3 };
}

function migrate(call: Call): void {
  const options = optionsOf(call);
  if (options === null) return;
  const timeoutMs = call.integer(5);
  if (call.failed) return;
  const databaseIndex = call.integer(4);
  if (call.failed) return;
  const port = call.integer(2);
  if (call.failed) return;
  const { rooms, reply } = call;
  if (port < 1 || port > 65535) return call.fail(ioError('connecting'));
  const keys: Uint8Array[] = [];
  const requests: Arguments[] = [];
  if (options.credentials.length > 0) requests.push(Arguments.of('AUTH', ...options.credentials));
  requests.push(Arguments.of('SELECT', databaseIndex));
  const answersBeforeKeys = requests.length;
  let requestBytes = 0;
  for (let i = options.firstKey; i <= options.lastKey; i++) {
    const request = restoreRequest(call, i, options.replace);
    if (request === null) continue;
    requestBytes += request.bytes.length;
    if (requestBytes > MAX_REQUEST_BYTES)
      return call.fail('ERR the keys of this MIGRATE exceed 1 GiB: name fewer keys');
    keys.push(call.copy(i));
    requests.push(request);
  }
  if (keys.length === 0) {
    reply.simple('NOKEY');
    return;
  }
  if (call.inScript) return call.fail(ERR_NOT_IN_SCRIPT);
  const { exchanges } = rooms;
  if (exchanges === undefined) throw new Error('commands: the node was composed without MIGRATE');
  const move = new KeyMove(rooms, exchanges, call.client, call.database, {
    host: call.text(1),
    port,
    timeoutMs: timeoutMs > 0 ? timeoutMs : DEFAULT_TIMEOUT_MS,
    requests: encoded(requests),
    keys,
    answersBeforeKeys,
    authenticates: options.credentials.length > 0,
    deletes: !options.copy,
  });
  move.wait();
  exchanges.begin(move);
}

/** What recreates a key at the target; null without the key. */
function restoreRequest(call: Call, index: number, replace: boolean): Arguments | null {
  const entry = call.find(index);
  if (entry === NONE) return null;
  const clustered = call.keyspace.slots > 1;
  const parts = [
    clustered ? 'RESTORE-ASKING' : 'RESTORE',
    call.copy(index),
    call.database.view.expireAtMs(),
    dumpsOf(call).dump(entry),
    'ABSTTL',
  ];
  if (replace) parts.push('REPLACE');
  return Arguments.of(...parts);
}

function ioError(step: ExchangeStep): string {
  return step === 'connecting'
    ? 'IOERR error or timeout connecting to the client'
    : `IOERR error or timeout ${step} to target instance`;
}

interface Plan {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly requests: Uint8Array;
  readonly keys: readonly Uint8Array[];
  /** AUTH's and SELECT's. */
  readonly answersBeforeKeys: number;
  readonly authenticates: boolean;
  readonly deletes: boolean;
}

/** Keys on their way: reads the target's answers, and ends with the client's reply. */
class KeyMove implements Exchange, Waiter {
  readonly deadlineMs = 0;
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly requests: Uint8Array;
  private readonly plan: Plan;
  private readonly rooms: Rooms;
  private readonly exchanges: ExchangeRoom;
  private readonly client: Client;
  private readonly database: Database;
  /** Deleted, and not yet in the log. */
  private deleted: Uint8Array[] = [];
  /** Answers read so far. */
  private answers = 0;
  /** The first error that the target answered. */
  private targetError: string | null = null;
  /** AUTH or SELECT failed: what the target did with the keys is not what was meant. */
  private misdirected = false;
  /** All answers are here, and nothing after them. */
  private clean = false;
  private line = '';

  constructor(rooms: Rooms, exchanges: ExchangeRoom, client: Client, database: Database, plan: Plan) {
    this.rooms = rooms;
    this.exchanges = exchanges;
    this.client = client;
    this.database = database;
    this.plan = plan;
    this.host = plan.host;
    this.port = plan.port;
    this.timeoutMs = plan.timeoutMs;
    this.requests = plan.requests;
  }

  wait(): void {
    const { clients } = this.rooms;
    clients.block(this.client, this);
    clients.pause(PAUSE, Number.MAX_SAFE_INTEGER, PAUSE_WRITES);
  }

  // --- Waiter: only the reply is given up, the keys go on their way

  timedOut(reply: ReplyWriter): void {
    reply.error(ioError('reading'));
  }

  cancelled(): void {}

  // --- Exchange

  /** Whoever authenticates does it for this exchange alone. */
  get leavesConnection(): boolean {
    return this.clean && !this.plan.authenticates;
  }

  received(bytes: Uint8Array): boolean {
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!;
      if (byte !== LF) {
        if (byte !== CR) this.line += String.fromCharCode(byte);
        continue;
      }
      const { line } = this;
      this.line = '';
      if (!this.answered(line)) return this.end(ioError('reading'));
      if (this.answers === this.plan.answersBeforeKeys + this.plan.keys.length) {
        this.clean = i === bytes.length - 1;
        return this.end(null);
      }
    }
    if (this.line.length > MAX_REPLY_LINE_BYTES) return this.end(ioError('reading'));
    this.logDeletions();
    return false;
  }

  failed(step: ExchangeStep): void {
    this.end(ioError(step));
  }

  /** False for a line that answers nothing that was asked. */
  private answered(line: string): boolean {
    const kind = line.charCodeAt(0);
    if (kind !== PLUS && kind !== MINUS) return false;
    const index = this.answers++;
    if (kind === MINUS) {
      this.targetError ??= line.slice(1);
      if (index < this.plan.answersBeforeKeys) this.misdirected = true;
      return true;
    }
    if (index < this.plan.answersBeforeKeys || this.misdirected || !this.plan.deletes) return true;
    this.deleteKey(this.plan.keys[index - this.plan.answersBeforeKeys]!);
    return true;
  }

  private deleteKey(key: Uint8Array): void {
    const { database } = this;
    // A replica leaves deletions to its primary, which this node has been until now: `end` tells the client.
    if (this.rooms.role() !== 'primary') return;
    selectSlot(database.keyspace, key);
    if (database.findForWrite(key, 0, key.length) === NONE) return;
    database.remove();
    database.keyspace.dirty++;
    this.deleted.push(key);
  }

  /** A turn's deletions are one command of the log. */
  private logDeletions(): void {
    const { database, deleted } = this;
    if (deleted.length === 0) return;
    const slot = database.keyspace.slots > 1 ? slotOf(deleted[0]!, 0, deleted[0]!.length) : 0;
    this.exchanges.propagate(database.index, slot, Arguments.of('DEL', ...deleted));
    this.deleted = [];
  }

  /** The exchange is over: returns true. */
  private end(problem: string | null): true {
    const { rooms, client } = this;
    this.logDeletions();
    rooms.clients.unpause(PAUSE);
    if (client.waiter !== this) return true;
    const error = this.targetError === null ? problem : `ERR Target instance replied with error: ${this.targetError}`;
    const demoted = this.plan.deletes && rooms.role() !== 'primary';
    rooms.clients.resume(client, (reply) => {
      if (error !== null) reply.error(error);
      else if (demoted) reply.error('IOERR this node became a replica meanwhile: the keys were copied and not deleted');
      else reply.ok();
    });
    return true;
  }
}

function selectSlot(keyspace: Keyspace, key: Uint8Array): void {
  if (keyspace.slots > 1) keyspace.slot = slotOf(key, 0, key.length);
}

/** Requests as bytes, one after the other. */
function encoded(requests: readonly Arguments[]): Uint8Array {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  for (const request of requests) {
    parts.push(encoder.encode(`*${request.count}\r\n`));
    for (let i = 0; i < request.count; i++) {
      const argument = request.bytes.subarray(request.starts[i]!, request.ends[i]!);
      parts.push(encoder.encode(`$${argument.length}\r\n`), argument, encoder.encode('\r\n'));
    }
  }
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
