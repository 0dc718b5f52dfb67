/**
 * The rooms that commands reach through `call.rooms`: what node.ts composed. Rooms that a mode lacks are null.
 */
import type { Acl } from '../acl/acl.ts';
import type { Settings } from '../config/settings.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Accounting } from '../observability/accounting.ts';
import type { Traffic } from '../observability/traffic.ts';
import type { PubSub } from '../pubsub/pubsub.ts';
import type { Scripting } from '../scripting/scripting.ts';
import type { Tracking } from '../tracking/tracking.ts';
import type { Watches } from '../transactions/watches.ts';
import type { BlockedKeys } from './blocking.ts';
import type { Client } from './client.ts';
import type { Clients } from './clients.ts';
import type { Monitors } from './monitors.ts';
import type { CommandRegistry } from './registry.ts';
import type { AppendOnlyRoom, DumpRoom, ExchangeRoom, PersistenceRoom, ReplicationRoom } from './replication-room.ts';

export interface ShutdownWish {
  /** Null leaves it to the save points. */
  readonly save: boolean | null;
  /** End also when the dataset could not be saved. */
  readonly force: boolean;
}

/** What only the composition root can do. */
export interface Host {
  /** Ends the process after what SHUTDOWN promises, or calls `failed` with the error and goes on. */
  shutdown(wish: ShutdownWish, failed: (problem: string) => void): void;
  /** SHUTDOWN ABORT: the error or null. */
  abortShutdown(): string | null;
  /** A random integer in [0, 2^32). */
  random(): number;
  /** Random bytes for secrets, as hexadecimal digits. */
  secret(digits: number): string;
  /** Microseconds since some start, for measuring. */
  nowMicros(): number;
  log(level: 'debug' | 'verbose' | 'notice' | 'warning', message: string): void;
  /** DEBUG SLEEP: the node stands still. */
  stall(milliseconds: number): void;
  /** DEBUG SET-ACTIVE-EXPIRE: whether keys past their time are looked for. */
  setActiveExpiry(on: boolean): void;
  /** DEBUG PAUSE-CRON: whether what is done at every tick is left undone, but for the time-outs of clients. */
  pauseCron(on: boolean): void;
  /** The dataset is not here yet. */
  isLoading(): boolean;
  /** CONFIG REWRITE; `all`: also what stands nowhere in the file and has its default. The error or null. */
  rewriteConfig(all: boolean): string | null;
  /** Listens there in place of where it does, or goes on where it did when it cannot: says which. */
  listenAnew(port: number, bind: string, done: (listens: boolean) => void): void;
  /** Facts about the process for INFO. */
  process(): ProcessFacts;
}

export interface ProcessFacts {
  readonly pid: number;
  readonly executable: string;
  readonly configFile: string;
  readonly platform: string;
  readonly nodeVersion: string;
  readonly startedAtMs: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** Of the machine. */
  readonly machineBytes: number;
  readonly cpuUserSeconds: number;
  readonly cpuSystemSeconds: number;
}

/** Adds a section to INFO: `replication`, `cluster`, … by the room that knows it. */
export type InfoSection = (add: (field: string, value: string | number) => void) => void;

/** The file that `aclfile` names. */
export interface AclFile {
  readonly name: string;
  read(): { readonly text: string } | { readonly problem: string };
  /** Returns the problem or null. */
  write(text: string): string | null;
}

export interface Rooms {
  readonly settings: Settings;
  readonly keyspace: Keyspace;
  readonly registry: CommandRegistry;
  readonly clients: Clients;
  readonly pubsub: PubSub;
  readonly watches: Watches;
  /** Users and what they may. */
  readonly acl: Acl;
  /** Who caches which keys. */
  readonly tracking: Tracking;
  readonly monitors: Monitors;
  /** What requests cost. */
  readonly accounting: Accounting;
  /** What went over the network. */
  readonly traffic: Traffic;
  /** Clients that wait for keys. */
  readonly blocking: BlockedKeys;
  readonly host: Host;
  readonly infoSections: Map<string, InfoSection>;
  readonly runId: string;
  /** A message was published here: the cluster and the replicas pass it on. */
  published(channel: Uint8Array, message: Uint8Array, sharded: boolean): void;
  /** A database or all of them were emptied by a client. */
  flushed(): void;
  /** EXEC: runs the client's queued commands. */
  runQueued(client: Client): void;
  /** What maxmemory is compared with: live arena bytes, clients' buffers and the write log. */
  usedMemoryBytes(): number;
  /** What normal and subscribed clients held when the used memory was asked for last. */
  clientBytes(): number;
  /** The most that was used, seen at ticks, and what an empty node used. */
  readonly memoryMarks: { peakBytes: number; readonly startBytes: number };
  /** What this node is in replication. */
  role(): 'primary' | 'replica';
  /** The ClusterRoom of cluster-room.ts; null or absent out of cluster mode. node.ts sets it once the cluster exists. */
  cluster?: object | null;
  /** Set by node.ts once they exist: a node of a test may lack them. */
  replication?: ReplicationRoom;
  persistence?: PersistenceRoom;
  appendOnly?: AppendOnlyRoom;
  dumps?: DumpRoom;
  /** In a cluster: packets of this type are dropped from here on. */
  dropPackets?: (type: number) => void;
  exchanges?: ExchangeRoom;
  scripting?: Scripting;
  /** Absent where `aclfile` names no file. */
  aclFile?: AclFile;
}
