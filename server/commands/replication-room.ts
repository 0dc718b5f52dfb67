/** What the commands of replication and persistence reach through `call.rooms`: node.ts composes it. */
import type { Database } from '../keyspace/database.ts';
import type { Address } from '../memory/arena.ts';
import type { Arguments } from '../protocol/arguments.ts';
import type { Client } from './client.ts';

export interface ReplicaFacts {
  readonly address: string;
  readonly port: number;
  readonly offset: number;
}

export interface PrimaryLinkFacts {
  readonly host: string;
  readonly port: number;
  /** As ROLE names it: connect, connecting, handshake, sync, connected. */
  readonly state: string;
  readonly offset: number;
}

export interface ReplicationRoom {
  /** REPLCONF: the error, null for OK, undefined for no reply. */
  configure(client: Client, option: string, value: string): string | null | undefined;
  /** PSYNC, or SYNC with a null id: the error, or null when it is answered already. */
  synchronise(client: Client, id: string | null, offset: number): string | null;
  /** PSYNC … FAILOVER: this replica takes over from its primary, which is `id`'s; the error or null. PSYNC goes on afterwards. */
  takeOver(id: string): string | null;
  /** FAILOVER: the error or null. `timeoutMs` 0: no limit. */
  failOver(
    target: { readonly host: string; readonly port: number } | null,
    force: boolean,
    timeoutMs: number,
  ): string | null;
  /** FAILOVER ABORT: the error or null. */
  abortFailover(): string | null;
  /** REPLCONF GETACK in the stream. */
  acknowledgeSoon(): void;
  /** REPLICAOF: null on NO ONE. Returns the status to answer. */
  follow(primary: { readonly host: string; readonly port: number } | null): string;
  /** Null on a primary. */
  link(): PrimaryLinkFacts | null;
  replicas(): readonly ReplicaFacts[];
  offset(): number;
  /** Replicas that acknowledged everything up to this offset. */
  acknowledgedBy(offset: number): number;
  /** Replicas that have everything up to this offset on their disk. */
  durableAt(offset: number): number;
  /** WAITAOF: blocks the client. */
  waitDurable(client: Client, local: boolean, replicas: number, deadlineMs: number): void;
  /** WAIT: blocks the client. `deadlineMs` 0 is no limit. */
  wait(client: Client, replicas: number, deadlineMs: number): void;
}

/** The append-only file as commands see it. */
export interface AppendOnlyRoom {
  /** It takes every write, and what it holds is the dataset. */
  readonly isOn: boolean;
  /** What of the write log is on disk: a position; -1 while it is not on. */
  readonly durablePosition: number;
  /** Why writes are refused, or null. */
  readonly refusal: string | null;
  /** BGREWRITEAOF: the status to answer, or an error. `later`: not now, at the next tick. */
  rewriteInBackground(later: boolean): string;
  /** DEBUG LOADAOF: what is in the files in place of the dataset; blocks the client. */
  reload(client: Client): void;
}

/** DEBUG RELOAD's NOSAVE and NOFLUSH clear the first two, its MERGE sets the third. */
export interface ReloadOptions {
  readonly save: boolean;
  readonly flush: boolean;
  /** A key of the file replaces one that is there. */
  readonly merge: boolean;
}

export interface PersistenceRoom {
  /** SAVE: blocks the client until the file stands; the error when it cannot begin. */
  save(client: Client): string | null;
  /** BGSAVE: the status to answer, or an error (it begins with a code in capitals). `later`: not now, at the next tick. */
  saveInBackground(later: boolean): string;
  cancelSave(): string;
  lastSaveSeconds(): number;
  /** DEBUG RELOAD: saves, empties and loads; blocks the client. The error when it cannot begin. */
  reload(client: Client, options: ReloadOptions): string | null;
  /** DEBUG DIGEST: of the whole dataset, in hexadecimal. */
  digest(): string;
  /** DEBUG DIGEST-VALUE: of one entry's value; zeros for NONE. */
  digestOfEntry(entry: Address): string;
}

/** Values as DUMP gives them and RESTORE takes them. */
export interface DumpRoom {
  /** DEBUG SET-SKIP-CHECKSUM-VALIDATION: a payload with another checksum is taken as intact. */
  skipsChecksum: boolean;
  dump(entry: Address): Uint8Array;
  /** False when the payload's version is unknown or its checksum is wrong. */
  isIntact(bytes: Uint8Array, from: number, to: number): boolean;
  /** Reads an intact payload: `put` or `drop` must follow. False: it holds no value, and there is nothing to drop. */
  read(bytes: Uint8Array, from: number, to: number): boolean;
  /** At a key that is absent and was looked for last by `findForWrite`. `expireAtMs` 0: it does not expire. */
  put(database: Database, key: Uint8Array, from: number, to: number, expireAtMs: number): void;
  drop(): void;
}

/** Where an exchange with another server stood when it failed. */
export type ExchangeStep = 'connecting' | 'writing' | 'reading';

/** Requests to another server, sent at once; the replies come as bytes. */
export interface Exchange {
  readonly host: string;
  readonly port: number;
  /** Nothing moved for so long: it failed. */
  readonly timeoutMs: number;
  readonly requests: Uint8Array;
  /** Once it is over: the connection may serve another exchange, to which nothing of this one is left. */
  readonly leavesConnection: boolean;
  /** Bytes of replies. True: all are here, the connection may close, and nothing else is told. */
  received(bytes: Uint8Array): boolean;
  /** The connection failed, ended or stood still. Nothing else is told. */
  failed(step: ExchangeStep): void;
}

export interface ExchangeRoom {
  begin(exchange: Exchange): void;
  /** Writes to the log what an exchange changed: it is no command's call. */
  propagate(database: number, slot: number, args: Arguments): void;
}
