/**
 * What a command is: one row of the command table, and nothing about how a particular command works.
 * Arity, routing, ACL categories, COMMAND INFO, the write log and memory checks all read the row.
 * Source of the meaning of each field: Valkey 9.1 `src/commands/*.json` and COMMAND INFO.
 */
import type { Call } from './call.ts';

/** The function may change the dataset: refused on replicas, appended to the write log when it did. */
export const WRITE = 1 << 0;
export const READONLY = 1 << 1;
/** May grow memory: refused when over maxmemory and nothing can be evicted. */
export const DENYOOM = 1 << 2;
export const ADMIN = 1 << 3;
export const PUBSUB = 1 << 4;
export const NOSCRIPT = 1 << 5;
export const BLOCKING = 1 << 6;
/** Allowed while the dataset is loading. */
export const LOADING = 1 << 7;
/** Allowed on a replica whose link is down with replica-serve-stale-data no. */
export const STALE = 1 << 8;
/** Cluster routing accepts the command for an importing slot as if ASKING had been sent. */
export const ASKING = 1 << 9;
export const FAST = 1 << 10;
/** Allowed before authentication. */
export const NO_AUTH = 1 << 11;
/** Not a write by itself but may propagate (PUBLISH). */
export const MAY_REPLICATE = 1 << 12;
export const NO_MULTI = 1 << 13;
export const NO_ASYNC_LOADING = 1 << 14;
export const SKIP_MONITOR = 1 << 15;
export const SKIP_COMMANDLOG = 1 << 16;
export const ALLOW_BUSY = 1 << 17;
/** Runs at once inside MULTI instead of being queued (EXEC, DISCARD, MULTI, WATCH, QUIT, RESET). */
export const NOT_QUEUED = 1 << 18;
/** The dangerous ACL category without being an admin command (KEYS, FLUSHALL, SORT, …). */
export const DANGEROUS = 1 << 19;
/** Keys stand where no first/last/step triple can say: `keysOf` finds them. */
export const MOVABLE_KEYS = 1 << 20;
export const NO_MANDATORY_KEYS = 1 << 21;
/** Allowed for a client that is in RESP2 subscriber mode. */
export const IN_SUBSCRIBER_MODE = 1 << 22;
/** Waits for another server's answer, for which Valkey stands still: refused in transactions and scripts, which cannot wait. */
export const WAITS_FOR_SERVER = 1 << 23;

/** Looks at keys that no argument names: what expires meanwhile is no part of what the command does. */
export const TOUCHES_ARBITRARY_KEYS = 1 << 28;

export type CommandGroup =
  | 'bitmap'
  | 'cluster'
  | 'connection'
  | 'generic'
  | 'geo'
  | 'hash'
  | 'hyperloglog'
  | 'list'
  | 'pubsub'
  | 'scripting'
  | 'server'
  | 'set'
  | 'sorted-set'
  | 'stream'
  | 'string'
  | 'transactions';

/** Positions of keys among the arguments: argument 0 is the command's name. `last` below 0 counts from the end (-1 is the last). */
export interface KeySpec {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

export const NO_KEYS: KeySpec = { first: 0, last: 0, step: 0 };
export const ONE_KEY: KeySpec = { first: 1, last: 1, step: 1 };
export const TWO_KEYS: KeySpec = { first: 1, last: 2, step: 1 };
export const ALL_KEYS: KeySpec = { first: 1, last: -1, step: 1 };
export const KEY_VALUE_PAIRS: KeySpec = { first: 1, last: -1, step: 2 };

export interface Command {
  /** Lower case; of a subcommand its own word only (`getkeys`, not `command|getkeys`). */
  readonly name: string;
  /** Number of arguments with the name; negative: at least so many. Of a subcommand both words count. */
  readonly arity: number;
  readonly group: CommandGroup;
  readonly since: string;
  readonly summary: string;
  readonly flags: number;
  readonly keys: KeySpec;
  /** Set with MOVABLE_KEYS: calls `found` with the argument index of every key. Throws nothing; reports none on bad syntax. */
  readonly keysOf?: (call: Call, found: (index: number) => void) => void;
  /** The flags of one request, where its arguments decide: of a script, which says itself what it does. */
  readonly flagsOf?: (call: Call) => number;
  /** A container (CONFIG, CLIENT, …): `run` is then what happens for an unknown or missing subcommand. */
  readonly subcommands?: readonly Command[];
  /**
   * Runs to completion on the executor thread and writes exactly one reply (or blocks the client).
   * A command that changed data says so by `call.changed(n)`, n being the count Valkey adds to its dirty counter.
   */
  run(call: Call): void;
}
