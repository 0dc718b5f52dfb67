/** What the commands of replication and persistence reach through `call.rooms`: node.ts composes it. */
import type { Address } from '../memory/arena.ts';
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
  /** WAIT: blocks the client. `deadlineMs` 0 is no limit. */
  wait(client: Client, replicas: number, deadlineMs: number): void;
}

/** DEBUG RELOAD's NOSAVE and NOFLUSH clear these. */
export interface ReloadOptions {
  readonly save: boolean;
  readonly flush: boolean;
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
