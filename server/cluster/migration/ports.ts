/**
 * What atomic slot migration needs from other rooms: the keys of slots at one moment, the writes to them since, a client
 * connection to the target, and a way to answer the source.
 *
 * The source sends the snapshot and then every write since its moment, so both must begin in one event:
 * `snapshots.begin` and `writes.follow` are called one after the other with nothing in between.
 */
import type { SlotRange } from '../slot-map.ts';

/** A point-in-time snapshot of slots (persistence). */
export interface SlotSnapshotSource {
  /**
   * Begins a snapshot of all keys of these slots, in every database, as they are now. Returns the error when it cannot
   * begin (another snapshot is running and only one may: the migration then tries again).
   * `ready` is called when bytes or the end became available after `take` had none.
   */
  begin(ranges: readonly SlotRange[], ready: () => void): SlotSnapshot | string;
}

export interface SlotSnapshot {
  /**
   * The next bytes: whole or partial commands as the append-only file has them, with SELECT before the keys of each
   * database; null while none are ready. The bytes belong to the caller.
   */
  take(): Uint8Array | null;
  /** Everything was taken. */
  readonly done: boolean;
  /** Not empty: it failed (a queue limit, memory), and why. */
  readonly failure: string;
  /** Frees it; also after `done`. */
  close(): void;
}

/** The writes to slots, from the write log (replication). */
export interface SlotWriteSource {
  /** Keeps every write to these slots from now on. `ready` as above. */
  follow(ranges: readonly SlotRange[], limitBytes: number, ready: () => void): SlotWrites;
}

export interface SlotWrites {
  /**
   * Up to about `maxBytes` of commands with keys in the slots, framed by SELECT where the database changes (the first
   * one always), without MULTI and EXEC; null when there are none.
   */
  take(maxBytes: number): Uint8Array | null;
  /** Bytes of the log not looked at yet: an upper bound of what `take` will give. */
  readonly pendingBytes: number;
  /** Not empty: it fell too far behind and was dropped. */
  readonly failure: string;
  close(): void;
}

/** Client connections from a source to its targets (network). A job has at most one, named by the job. */
export interface TargetConnections {
  /** `onTargetUp` or `onTargetDown` of migrations.ts follows, never before this returns. */
  connect(job: string, host: string, port: number): void;
  /** The bytes are the connection's from now on. */
  send(job: string, bytes: Uint8Array): void;
  /** Bytes sent and not yet taken by the kernel. `onTargetDrained` is called as they are. */
  unsentBytes(job: string): number;
  /** Closes without an event. */
  close(job: string): void;
}

/** The source's connection as its target sees it: an ordinary client whose commands are executed. */
export interface SourceLink {
  /** Sends although the client is not answered any more. Called outside of any command. */
  send(bytes: Uint8Array): void;
  /** Commands of this client that ended in an error, since it became a source. */
  readonly failedCommands: number;
  readonly lastInteractionMs: number;
  close(): void;
}

/** What migrations change besides the cluster's own state. */
export interface MigrationEffects {
  readonly snapshots: SlotSnapshotSource;
  readonly writes: SlotWriteSource;
  readonly targets: TargetConnections;
  /** Keys of importing slots are hidden from KEYS, SCAN, DBSIZE and RANDOMKEY. */
  hideSlot(slot: number, hidden: boolean): void;
  /** Writes a command without keys to the write log: replicas and the append-only file learn of it. */
  propagate(words: readonly string[]): void;
}
