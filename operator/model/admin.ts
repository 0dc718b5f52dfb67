/**
 * The hands for the nodes themselves: typed methods over one node's client address.
 * operator/node-client implements it; tests and the simulation implement it in memory.
 *
 * Every call has a time-out and settles within it. A call either does what it says or throws AdminError; none retries.
 * Calls at different addresses run in parallel; the implementation may keep a connection per address.
 */
import type { SlotRange } from './slots.ts';

export interface Address {
  /** An IP address: CLUSTER MEET takes no names. */
  readonly host: string;
  /** The client port. */
  readonly port: number;
  /** The cluster bus port. */
  readonly busPort: number;
}

/**
 *  unreachable  no connection: refused, reset, no route
 *  timeout      connected or not, no answer in time: the command may have taken effect
 *  refused      the node answered with an error, whose text is the message
 */
export type AdminErrorKind = 'unreachable' | 'timeout' | 'refused';

export class AdminError extends Error {
  override readonly name = 'AdminError';
  readonly kind: AdminErrorKind;
  /** What was tried, such as `CLUSTER MEET`. */
  readonly command: string;
  readonly address: Address;

  constructor(kind: AdminErrorKind, command: string, address: Address, message: string) {
    super(`${command} at ${address.host}:${address.port}: ${message}`);
    this.kind = kind;
    this.command = command;
    this.address = address;
  }
}

/** A job of CLUSTER GETSLOTMIGRATIONS: its fields by name, as the node gave them. */
export type RawMigration = Readonly<Record<string, string | number>>;

/** One node's own words, unparsed, read in one pipeline. observe/ parses them. */
export interface RawReport {
  /** INFO of the sections server, memory, persistence, replication and keyspace (or everything). */
  readonly info: string;
  /** CLUSTER NODES. */
  readonly clusterNodes: string;
  /** CLUSTER INFO. */
  readonly clusterInfo: string;
  /** CLUSTER MYSHARDID. */
  readonly shardId: string;
  /** CLUSTER GETSLOTMIGRATIONS, newest first. */
  readonly slotMigrations: readonly RawMigration[];
  /** CONFIG GET of the names asked for; a directive that the node does not know is absent. */
  readonly config: Readonly<Record<string, string>>;
}

export interface MigrationOrder {
  readonly ranges: readonly SlotRange[];
  readonly targetId: string;
}

export interface Admin {
  /** Everything that observe reads of a node. Works while the node loads its dataset. */
  report(at: Address, configNames: readonly string[], timeoutMs: number): Promise<RawReport>;

  /** CLUSTER MEET host port busPort. */
  meet(at: Address, target: Address, timeoutMs: number): Promise<void>;
  /** CLUSTER ADDSLOTSRANGE. */
  addSlots(at: Address, ranges: readonly SlotRange[], timeoutMs: number): Promise<void>;
  /** CLUSTER REPLICATE. */
  replicate(at: Address, primaryId: string, timeoutMs: number): Promise<void>;
  /** CLUSTER MIGRATESLOTS, one clause per order. Returns when the jobs are accepted; the report tells how they go. */
  migrateSlots(at: Address, orders: readonly MigrationOrder[], timeoutMs: number): Promise<void>;
  /** CLUSTER CANCELSLOTMIGRATIONS. */
  cancelSlotMigrations(at: Address, timeoutMs: number): Promise<void>;
  /** CLUSTER FAILOVER at a replica: graceful asks the primary to hand over, takeover claims the slots without a vote. */
  failover(at: Address, mode: 'graceful' | 'takeover', timeoutMs: number): Promise<void>;
  /** CLUSTER FORGET. */
  forget(at: Address, nodeId: string, timeoutMs: number): Promise<void>;
  /** FLUSHALL SYNC. */
  flushAll(at: Address, timeoutMs: number): Promise<void>;
  /** CLUSTER RESET HARD. */
  resetHard(at: Address, timeoutMs: number): Promise<void>;
  /** CONFIG SET of all pairs in one command. */
  configSet(at: Address, directives: Readonly<Record<string, string>>, timeoutMs: number): Promise<void>;
}
