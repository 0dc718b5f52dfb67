/**
 * The composition root of a node: makes the rooms, wires them, and owns the clock, chance and I/O. Nothing below it does.
 *
 * `createNode` composes what needs no I/O; `start` loads, listens and begins to tick. The wiring of the cluster, of replication and of
 * persistence stands in server/wiring/, one file each, so that this one stays the list of what a node is made of.
 */
import { randomBytes } from 'node:crypto';
import { totalmem } from 'node:os';
import { Acl } from './acl/acl.ts';
import { BlockedKeys } from './commands/blocking.ts';
import { Client, STREAM_CLIENT } from './commands/client.ts';
import { Clients } from './commands/clients.ts';
import { Executor } from './commands/executor.ts';
import { Monitors } from './commands/monitors.ts';
import { CommandRegistry } from './commands/registry.ts';
import type { Host, ProcessFacts, Rooms } from './commands/rooms.ts';
import { commandTable } from './commands/table.ts';
import { parseOutputLimits } from './config/directives.ts';
import { rewritten } from './config/rewrite.ts';
import type { Settings } from './config/settings.ts';
import {
  EVENT_EVICTED,
  EVENT_EXPIRED,
  EVENT_GENERIC,
  EVENT_HASH,
  EVENT_KEYEVENT,
  EVENT_KEYSPACE,
  eventMask,
} from './keyspace/events.ts';
import { Keyspace, type KeyspaceListener, OBSERVED_BY_TRACKING, OBSERVED_BY_WATCH } from './keyspace/keyspace.ts';
import { slotOf } from './keyspace/slot.ts';
import { READ_BUFFER_BYTES, TcpTransport } from './network/tcp.ts';
import { Accounting } from './observability/accounting.ts';
import type { CommandLogPart } from './observability/command-log.ts';
import { SlotCosts } from './observability/slot-costs.ts';
import { Traffic } from './observability/traffic.ts';
import { Snapshots } from './persistence/snapshot.ts';
import { Arguments } from './protocol/arguments.ts';
import { ERR_MAX_CLIENTS } from './protocol/errors.ts';
import { LookAhead } from './protocol/look-ahead.ts';
import { type ParserLimits, RequestParser, wordsOfLine } from './protocol/parser.ts';
import { INITIAL_REGION_BYTES } from './protocol/regions.ts';
import { ReplyWriter } from './protocol/reply.ts';
import type { SessionContext } from './protocol/session.ts';
import { PubSub } from './pubsub/pubsub.ts';
import { rewriteConfigFile } from './storage/config-file.ts';
import { groupIdOf } from './storage/groups.ts';
import { Tracking } from './tracking/tracking.ts';
import { Watches, watchKey } from './transactions/watches.ts';
import { limitsFrom, Types } from './types/index.ts';
import { wireScripting } from './wiring/scripting.ts';
import { Shutdown } from './wiring/shutdown.ts';
import { Upkeep } from './wiring/upkeep.ts';

/** Free arena pages kept ahead of demand: 16 MiB. A new segment costs a major garbage collection, so it comes between requests. */
const RESERVED_PAGES = 256;
/** Wholly free segments kept for the next growth. */
const SPARE_SEGMENTS = 1;
/** What a node holds without any client or key: what sockets read into, and where the running command replies. */
const OWN_BUFFER_BYTES = READ_BUFFER_BYTES + INITIAL_REGION_BYTES;
/** The longest that a timer of Node waits; deadlines beyond it are looked at by ticks until then. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const PROTECTED_MODE_REFUSAL =
  'DENIED Valkey is running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers you may set a password with requirepass, or disable protected mode with protected-mode no.';

export interface NodeOptions {
  readonly settings: Settings;
  readonly configFile: string;
  readonly log: (level: 'debug' | 'verbose' | 'notice' | 'warning', message: string) => void;
  /** Ends the process once everything is closed. */
  readonly exit: (code: number) => void;
}

/** A part of the node that has its own ticks, start and end: cluster, replication, persistence. */
export interface Part {
  /** Brings the dataset, before any part starts. Clients are answered LOADING meanwhile. */
  load?(): Promise<void>;
  start?(): Promise<void>;
  tick?(nowMs: number): void;
  /** Before anything stops: the problem for which the node had better go on, or null. `save` as SHUTDOWN gave it. */
  beforeStop?(save: boolean | null): Promise<string | null>;
  /** Before the process ends: says good-bye. `save` as SHUTDOWN gave it. */
  stop?(save: boolean | null): Promise<void>;
  /** The process ends at once: leaves nothing half written. */
  abandon?(): void;
}

export class Node {
  readonly settings: Settings;
  readonly keyspace: Keyspace;
  readonly types: Types;
  /** The point-in-time iterator: files, full syncs and slot migrations read the dataset through it. */
  readonly snapshots: Snapshots;
  readonly clients: Clients;
  readonly pubsub: PubSub;
  readonly watches: Watches;
  readonly acl: Acl;
  readonly tracking: Tracking;
  readonly monitors: Monitors;
  readonly accounting: Accounting;
  readonly traffic: Traffic = new Traffic();
  readonly blocking: BlockedKeys;
  readonly registry: CommandRegistry;
  readonly executor: Executor;
  readonly rooms: Rooms;
  readonly reply: ReplyWriter = new ReplyWriter();
  readonly context: SessionContext;
  readonly parts: Part[] = [];
  readonly shutdown: Shutdown = new Shutdown(this, (code) => this.end(code));
  readonly log: NodeOptions['log'];
  /** Added to by cluster and replication: told of messages published here. */
  readonly onPublished: ((channel: Uint8Array, message: Uint8Array, sharded: boolean) => void)[] = [];
  /** Told when a client emptied a database. */
  readonly onFlushed: (() => void)[] = [];
  /** Called at the end of every turn, before output is sent: replicas and migrations take what the turn wrote. */
  readonly turnEnders: Set<() => void> = new Set();
  role: () => 'primary' | 'replica' = () => 'primary';
  /** Bytes that the write log holds. */
  logBytes: () => number = () => 0;
  /** Of them, those that maxmemory does not count: evicting keys writes to the log, and would make it longer. */
  uncountedBytes: () => number = () => 0;
  private readonly options: NodeOptions;
  private readonly tcp: TcpTransport;
  private readonly upkeep: Upkeep;
  private readonly startedAtMs: number;
  private readonly startMonotonicMs: number;
  private cronPaused = false;
  /** How long commands of this turn stood still. */
  private stalledMs = 0;
  private nextClientId = 1;
  private timer: NodeJS.Timeout | null = null;
  /** Wakes the node at the next deadline of a blocked client. */
  private deadlineTimer: NodeJS.Timeout | null = null;
  private lastTickMs = 0;

  constructor(options: NodeOptions) {
    const { settings } = options;
    this.options = options;
    this.settings = settings;
    this.log = options.log;
    this.startMonotonicMs = performance.now();
    this.startedAtMs = clockMs();
    const clustered = settings.flag('cluster-enabled');
    const seed = randomBytes(8);
    this.keyspace = new Keyspace({
      databases: settings.integer(clustered ? 'cluster-databases' : 'databases'),
      cluster: clustered,
      seed: [seed.readInt32LE(0), seed.readInt32LE(4)],
    });
    this.keyspace.setNow(this.nowMs());
    this.types = new Types(this.keyspace, limitsFrom(settings));
    this.snapshots = new Snapshots(this.keyspace, this.types);
    this.clients = new Clients(parseOutputLimits(settings.text('client-output-buffer-limit'), null)!);
    this.pubsub = new PubSub(this.clients);
    this.watches = new Watches();
    this.blocking = new BlockedKeys(this.keyspace, this.clients);
    this.blocking.catchUp = () => this.catchUp();
    this.registry = new CommandRegistry(commandTable(this.types));
    this.accounting = new Accounting(this.registry, () => performance.now() * 1000);
    settings.watch('cluster-slot-stats-enabled', (value) => {
      this.accounting.slots = value === 'yes' && settings.flag('cluster-enabled') ? new SlotCosts() : null;
    });
    settings.watch('latency-tracking', (value) => {
      this.accounting.tracksLatency = value === 'yes';
    });
    this.clients.onErrorOfWait = (error) => this.accounting.errors.count(error);
    this.monitors = new Monitors(this.clients);
    this.tracking = new Tracking(this.clients, (present) => this.keyspace.observe(OBSERVED_BY_TRACKING, present));
    this.onFlushed.push(() => this.tracking.flushed());
    this.acl = new Acl(this.registry, this.clients, this.keyspace.databases.length);
    this.rooms = this.composeRooms();
    this.executor = new Executor(this.rooms, this.reply, new Client(0, '', '', this.startedAtMs, true));
    this.upkeep = new Upkeep(this);
    this.executor.memory = this.upkeep.eviction;
    this.rooms.scripting = wireScripting(this);
    this.keyspace.listener = this.listener();
    this.clients.onGone((client) => {
      this.watches.drop(client);
      this.keyspace.observe(OBSERVED_BY_WATCH, this.watches.count > 0);
    });
    const parserLimits: ParserLimits = { maxBulkBytes: 0 };
    const context: SessionContext = {
      parser: new RequestParser(parserLimits),
      lookAhead: new LookAhead(),
      reply: this.reply,
      executor: this.executor,
      clients: this.clients,
      queryLimitBytes: 0,
      clock: this.keyspace,
    };
    this.context = context;
    settings.watch('proto-max-bulk-len', (value) => {
      parserLimits.maxBulkBytes = Number(value);
    });
    settings.watch('client-query-buffer-limit', (value) => {
      context.queryLimitBytes = Number(value);
    });
    settings.watch('client-output-buffer-limit', (value) =>
      this.clients.setLimits(parseOutputLimits(value, this.clients.limits)!),
    );
    settings.watch('requirepass', (value) => this.acl.setDefaultPassword(Buffer.from(value).toString('latin1')));
    settings.watch('tracking-table-max-keys', (value) => {
      this.tracking.maxKeys = Number(value);
    });
    settings.watch('acl-pubsub-default', (value) => this.acl.setAllChannelsByDefault(value === 'allchannels'));
    settings.watch('acllog-max-len', (value) => {
      this.acl.log.maxEntries = Number(value);
    });
    watchThresholds(settings, this.accounting);
    settings.watch('notify-keyspace-events', (value) => {
      this.keyspace.events = eventMask(value)!;
    });
    this.tcp = new TcpTransport({
      context,
      clients: this.clients,
      admit: (address, localAddress) => this.admit(address, localAddress),
      traffic: this.traffic,
      keepAliveSeconds: () => settings.integer('tcp-keepalive'),
      turn: () => this.turn(),
      endTurn: () => this.endTurn(),
    });
  }

  /** Unix milliseconds that never go back: start time plus a monotonic clock. */
  nowMs(): number {
    return Math.floor(this.startedAtMs + (performance.now() - this.startMonotonicMs));
  }

  /** A turn of the event loop begins: time moves. */
  turn(): void {
    this.keyspace.setNow(this.nowMs());
    this.stalledMs = 0;
    this.traffic.beginCycle(this.accounting.beginTurn(), this.accounting.commands);
  }

  /** Adds what a command stood still to the time, which does not move within a command. */
  private catchUp(): void {
    if (this.stalledMs === 0) return;
    this.keyspace.setNow(this.keyspace.nowMs + this.stalledMs);
    this.stalledMs = 0;
  }

  /** The turn ends: the write log's readers go on, and what was written to clients is sent. */
  endTurn(): void {
    if (this.clients.eviction.isOver) this.clients.eviction.evict();
    for (;;) {
      if (this.blocking.anyReady) this.blocking.serve();
      if (this.tracking.hasBroadcast) this.tracking.sendBroadcasts();
      for (const end of this.turnEnders) end();
      // Settling may let waiting clients go on, whose writes the readers of the log must see in this turn too.
      if (!this.clients.unsettled) break;
      this.clients.settle();
    }
    if (this.clients.eviction.isOver) this.clients.eviction.evict();
    this.traffic.endCycle(this.accounting.nowMicros, this.accounting.commands);
  }

  random(): number {
    return Math.floor(Math.random() * 2 ** 32);
  }

  /** A client of the node's own: the stream of a primary, commands that a room runs. */
  internalClient(kind: number = STREAM_CLIENT): Client {
    const client = new Client(this.nextClientId++, '', '', this.keyspace.nowMs, true);
    client.kind = kind;
    client.output.muted = true;
    return client;
  }

  /** False while DEBUG SET-ACTIVE-EXPIRE keeps keys past their time. */
  get expiresActively(): boolean {
    return this.upkeep.activeExpiry;
  }

  usedMemoryBytes(): number {
    const scriptBytes = this.rooms.scripting?.usedBytes ?? 0;
    return OWN_BUFFER_BYTES + this.keyspace.arena.usedBytes + this.logBytes() + this.upkeep.clientBytes + scriptBytes;
  }

  /** Deletes the keys of a slot in every database, and tells replicas and watchers. */
  flushSlot(slot: number): void {
    const { keyspace, watches } = this;
    let removed = 0;
    for (const database of keyspace.databases) {
      if (database.countInSlot(slot) === 0) continue;
      if (watches.count > 0) watches.touchAll((key) => watchedSlot(key, database.index) === slot);
      removed += database.clearSlot(slot);
    }
    if (removed === 0) return;
    this.tracking.flushed();
    keyspace.dirty += removed;
    // One command for replicas, whatever the slot held.
    this.executor.propagate(0, -1, Arguments.of('CLUSTER', 'FLUSHSLOT', slot));
  }

  /** Listens, loads the dataset, starts the parts in their order and begins to tick. */
  async start(): Promise<number> {
    this.executor.loading = true;
    const port = await this.listen();
    this.log('notice', 'Server initialized');
    for (const part of this.parts) await part.load?.();
    this.executor.loading = false;
    for (const part of this.parts) await part.start?.();
    this.lastTickMs = this.nowMs();
    this.clients.onDeadline = (deadlineMs) => this.wakeAt(deadlineMs);
    this.settings.watch('hz', (value) => {
      if (this.timer !== null) clearInterval(this.timer);
      this.timer = setInterval(() => this.tick(), 1000 / Number(value));
    });
    this.log('notice', `Ready to accept connections on port ${port}`);
    return port;
  }

  private async listen(): Promise<number> {
    const port = await this.listenOn(this.settings.integer('port'), this.settings.text('bind'));
    await this.listenOnPath(this.settings.text('unixsocket'));
    return port;
  }

  /** Listens on every address of `bind`; port 0 and no address are none. Returns the port. */
  private async listenOn(wanted: number, bind: string): Promise<number> {
    let port = wanted;
    for (const address of bind.split(' ').filter((one) => one !== '')) {
      const optional = address.startsWith('-');
      const host = optional ? address.slice(1) : address;
      try {
        port = await this.tcp.listen({
          host: host === '*' ? '0.0.0.0' : host === '::*' ? '::' : host,
          port,
          backlog: this.settings.integer('tcp-backlog'),
        });
      } catch (problem) {
        if (optional) continue;
        throw new Error(
          `Failed listening on port ${port}, address ${host}: ${problem instanceof Error ? problem.message : String(problem)}`,
        );
      }
    }
    return port;
  }

  private async listenAnew(port: number, bind: string): Promise<boolean> {
    this.tcp.stopListening();
    try {
      await this.listenOn(port, bind);
      return true;
    } catch (problem) {
      this.log('warning', problem instanceof Error ? problem.message : String(problem));
      this.tcp.stopListening();
      await this.listenOn(this.settings.integer('port'), this.settings.text('bind'));
      return false;
    }
  }

  private async listenOnPath(path: string): Promise<void> {
    if (path === '') return;
    try {
      const group = this.settings.text('unixsocketgroup');
      const permissions = Number.parseInt(this.settings.text('unixsocketperm'), 8);
      await this.tcp.listenOnPath(path, permissions, group === '' ? null : groupIdOf(group));
    } catch (problem) {
      throw new Error(
        `Failed opening Unix socket: bind: ${path}: ${problem instanceof Error ? problem.message : String(problem)}`,
      );
    }
  }

  private tick(): void {
    this.turn();
    const { nowMs } = this.keyspace;
    this.traffic.tick(nowMs - this.lastTickMs, this.accounting.commands);
    this.lastTickMs = nowMs;
    if (this.keyspace.arena.reserveAhead(RESERVED_PAGES)) this.log('debug', 'The arena grew by one segment');
    else this.keyspace.arena.dropFreeSegments(SPARE_SEGMENTS);
    if (!this.cronPaused) this.housekeep(nowMs);
    this.clients.tick(nowMs);
    this.tracking.limit();
    this.blocking.redirect();
    if (!this.cronPaused) for (const part of this.parts) part.tick?.(nowMs);
    if (!this.cronPaused) this.shutdown.tick();
    this.traffic.tickMicros += this.accounting.nowMicros - this.accounting.beganMicros;
    this.endTurn();
  }

  private housekeep(nowMs: number): void {
    this.upkeep.tick(nowMs);
    const { memoryMarks } = this.rooms;
    memoryMarks.peakBytes = Math.max(memoryMarks.peakBytes, this.usedMemoryBytes());
    this.closeIdle(nowMs);
  }

  /** Waits end at their time, not at the next tick. */
  private wakeAt(deadlineMs: number): void {
    if (this.deadlineTimer !== null) clearTimeout(this.deadlineTimer);
    const delayMs = Math.min(MAX_TIMER_MS, Math.max(1, deadlineMs - this.nowMs()));
    this.deadlineTimer = setTimeout(() => {
      this.deadlineTimer = null;
      this.turn();
      this.clients.endWaits(this.keyspace.nowMs);
      this.endTurn();
      // A timer may come a little too early.
      const nextMs = this.clients.nextDeadlineMs;
      if (this.deadlineTimer === null && nextMs !== Number.POSITIVE_INFINITY) this.wakeAt(nextMs);
    }, delayMs);
  }

  private closeIdle(nowMs: number): void {
    const timeoutMs = this.settings.integer('timeout') * 1000;
    if (timeoutMs === 0) return;
    for (const client of this.clients.all()) {
      if (client.kind !== 0 || client.waiter !== null || nowMs - client.lastInteractionMs <= timeoutMs) continue;
      this.clients.kill(client, 'idle');
    }
  }

  private admit(address: string, localAddress: string): { readonly client: Client } | { readonly refusal: string } {
    this.turn();
    if (this.clients.count >= this.settings.integer('maxclients')) {
      this.clients.refused++;
      return { refusal: ERR_MAX_CLIENTS };
    }
    const { defaultUser } = this.acl;
    const loopback = /^(127\.|\[?::1|0:0:0:0:0:0:0:1|\/)/.test(address);
    if (this.settings.flag('protected-mode') && defaultUser.noPassword && !loopback) {
      this.clients.refused++;
      return { refusal: PROTECTED_MODE_REFUSAL };
    }
    this.clients.accepted++;
    const { nowMs } = this.keyspace;
    return { client: new Client(this.nextClientId++, address, localAddress, nowMs, defaultUser.open, defaultUser) };
  }

  private listener(): KeyspaceListener {
    const { settings, executor } = this;
    return {
      expired: (database, slot, bytes, start, end) => {
        if (executor.writes?.active === true) {
          const name = settings.flag('lazyfree-lazy-expire') ? 'UNLINK' : 'DEL';
          executor.propagate(database.index, slot, Arguments.of(name, bytes.slice(start, end)));
        }
        this.keyspace.notify(EVENT_EXPIRED, 'expired', database, bytes, start, end);
      },
      evicted: (database, slot, bytes, start, end) => {
        if (executor.writes?.active === true) {
          const name = settings.flag('lazyfree-lazy-eviction') ? 'UNLINK' : 'DEL';
          executor.propagate(database.index, slot, Arguments.of(name, bytes.slice(start, end)));
        }
        this.keyspace.notify(EVENT_EVICTED, 'evicted', database, bytes, start, end);
      },
      fieldsExpired: (database, slot, key, fields, emptied) => {
        if (this.executor.writes?.active === true) {
          this.executor.propagate(database.index, slot, Arguments.of('HDEL', key, ...fields));
        }
        this.keyspace.notify(EVENT_HASH, 'hexpired', database, key, 0, key.length);
        if (emptied) this.keyspace.notify(EVENT_GENERIC, 'del', database, key, 0, key.length);
      },
      event: (database, name, bytes, start, end) => this.publishEvent(database.index, name, bytes.slice(start, end)),
      touched: (database, bytes, start, end) => {
        if ((this.keyspace.observers & OBSERVED_BY_WATCH) !== 0)
          this.watches.touch(watchKey(database.index, bytes, start, end));
        this.blocking.touched(database, bytes, start, end);
        if ((this.keyspace.observers & OBSERVED_BY_TRACKING) !== 0) this.tracking.touched(bytes, start, end);
      },
      clearing: (database) => {
        this.blocking.touchedAll(database.index);
      },
      swapped: (first, second) => {
        this.snapshots.swapped(first, second);
        this.blocking.touchedAll(first);
        this.blocking.touchedAll(second);
      },
    };
  }

  /** A keyspace event goes to the subscribers of its key's channel and of its name's. Source: Valkey 9.1 notify.c. */
  private publishEvent(database: number, name: string, key: Uint8Array): void {
    const encoder = new TextEncoder();
    const { events } = this.keyspace;
    if ((events & EVENT_KEYSPACE) !== 0) {
      const prefix = encoder.encode(`__keyspace@${database}__:`);
      const channel = new Uint8Array(prefix.length + key.length);
      channel.set(prefix);
      channel.set(key, prefix.length);
      this.pubsub.publish(channel, encoder.encode(name));
    }
    if ((events & EVENT_KEYEVENT) !== 0) this.pubsub.publish(encoder.encode(`__keyevent@${database}__:${name}`), key);
  }

  private composeRooms(): Rooms {
    const host: Host = {
      shutdown: (wish, failed) =>
        this.shutdown.request(wish, (problem) => {
          this.turn();
          failed(problem);
          this.endTurn();
        }),
      abortShutdown: () => this.shutdown.abort(),
      random: () => this.random(),
      secret: (digits) =>
        randomBytes((digits + 1) >>> 1)
          .toString('hex')
          .slice(0, digits),
      nowMicros: () => performance.now() * 1000,
      log: this.log,
      stall: (milliseconds) => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
        this.stalledMs += milliseconds;
      },
      pauseCron: (on) => {
        this.cronPaused = on;
      },
      setActiveExpiry: (on) => {
        this.upkeep.activeExpiry = on;
      },
      isLoading: () => this.executor.loading,
      rewriteConfig: (all) => this.rewriteConfig(all),
      listenAnew: (port, bind, done) => {
        void this.listenAnew(port, bind).then((listens) => {
          this.turn();
          done(listens);
          this.endTurn();
        });
      },
      process: () => this.facts(),
    };
    return {
      settings: this.settings,
      keyspace: this.keyspace,
      registry: this.registry,
      clients: this.clients,
      pubsub: this.pubsub,
      watches: this.watches,
      acl: this.acl,
      tracking: this.tracking,
      monitors: this.monitors,
      accounting: this.accounting,
      traffic: this.traffic,
      blocking: this.blocking,
      host,
      infoSections: new Map(),
      runId: randomBytes(20).toString('hex'),
      published: (channel, message, sharded) => {
        for (const pass of this.onPublished) pass(channel, message, sharded);
      },
      flushed: () => {
        for (const told of this.onFlushed) told();
      },
      runQueued: (client) => this.executor.runQueued(client),
      usedMemoryBytes: () => {
        this.upkeep.sumClients();
        return this.usedMemoryBytes();
      },
      clientBytes: () => this.upkeep.clientBytes,
      memoryMarks: { peakBytes: 0, startBytes: OWN_BUFFER_BYTES + this.keyspace.arena.usedBytes },
      role: () => this.role(),
    };
  }

  private rewriteConfig(all: boolean): string | null {
    const { configFile } = this.options;
    if (configFile === '') return 'ERR The server is running without a config file';
    // Users of a file of their own are none of this file's business.
    const users =
      this.rooms.aclFile === undefined
        ? this.acl
            .fileText()
            .split('\n')
            .filter((line) => line !== '')
        : null;
    const rewrite = (before: string): string => rewritten(before, this.settings, wordsOfLine, { all, users });
    const problem = rewriteConfigFile(configFile, rewrite);
    if (problem === null) return null;
    this.log('warning', `CONFIG REWRITE failed: ${problem}`);
    return `ERR Rewriting config file: ${problem}`;
  }

  private facts(): ProcessFacts {
    const usage = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    return {
      pid: process.pid,
      executable: process.execPath,
      configFile: this.options.configFile,
      platform: `${process.platform} ${process.arch}`,
      nodeVersion: process.version,
      startedAtMs: Math.floor(this.startedAtMs),
      residentBytes: rss,
      heapBytes: heapUsed,
      machineBytes: totalmem(),
      cpuUserSeconds: usage.user / 1e6,
      cpuSystemSeconds: usage.system / 1e6,
    };
  }

  /** It ticks: the dataset is loaded, and the parts have started. */
  get ticking(): boolean {
    return this.timer !== null;
  }

  private end(code: number): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.clients.onDeadline = null;
    if (this.deadlineTimer !== null) clearTimeout(this.deadlineTimer);
    this.tcp.close();
    this.options.exit(code);
  }
}

/** The directives of what is worth remembering of requests. */
function watchThresholds(settings: Settings, { commandLog, latency }: Accounting): void {
  const { slow, 'large-request': request, 'large-reply': reply } = commandLog.parts;
  const threshold = (name: string, part: CommandLogPart): void =>
    settings.watch(name, (value) => {
      part.threshold = Number(value);
    });
  threshold('commandlog-execution-slower-than', slow);
  threshold('commandlog-request-larger-than', request);
  threshold('commandlog-reply-larger-than', reply);
  settings.watch('commandlog-slow-execution-max-len', (value) => slow.limit(Number(value)));
  settings.watch('commandlog-large-request-max-len', (value) => request.limit(Number(value)));
  settings.watch('commandlog-large-reply-max-len', (value) => reply.limit(Number(value)));
  settings.watch('latency-monitor-threshold', (value) => {
    latency.thresholdMs = Number(value);
  });
}

/** Unix time with the fraction of a millisecond that Date.now cuts off: the clock shall not be late by it. */
function clockMs(): number {
  const precise = performance.timeOrigin + performance.now();
  const coarse = Date.now();
  // The origin is taken once: where the system's clock was set since, it is of no use.
  return precise >= coarse && precise < coarse + 1 ? precise : coarse;
}

/** The slot of a watched key, when it is in that database; -1 otherwise. */
function watchedSlot(key: string, databaseIndex: number): number {
  const colon = key.indexOf(':');
  if (key.slice(0, colon) !== String(databaseIndex)) return -1;
  const bytes = Uint8Array.from(key.slice(colon + 1), (character) => character.charCodeAt(0));
  return slotOf(bytes, 0, bytes.length);
}
