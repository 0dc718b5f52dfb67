/**
 * What the cluster needs from the rooms around it. It calls these and is called back by the events of cluster.ts;
 * none of them may call back into the cluster before it returns, `saveConfig` excepted.
 */

export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning';

/** Why writes are held. Each reason is held and let go by itself. */
export type PauseReason = 'failover' | 'slot-migration';

export interface ClusterEffects {
  /** Opens a link and returns its id at once; `onLinkUp` or `onLinkDown` follows. */
  connect(host: string, port: number): number;
  /** Queues one packet. Packets queued before the link is up leave when it is. A closed link swallows them. */
  send(linkId: number, packet: Uint8Array): void;
  /** Closes the link. No event about it follows. */
  closeLink(linkId: number): void;
  /** Bytes queued and not yet taken by the socket. */
  queuedBytes(linkId: number): number;

  /**
   * Replaces nodes.conf by `text` in one step (write, fsync, rename, fsync of the folder) and then calls
   * `onConfigSaved(sequence)`: at once or later, in the order of the calls. With `durable` false the fsyncs may be left out.
   */
  saveConfig(sequence: number, text: string, durable: boolean): void;
  /** Asks for another `tick` after the sockets have been read once. */
  tickAfterSockets(): void;
  /** Asks for `onSoon` after the sockets have been read once. Asking twice is asking once. */
  runSoon(): void;

  /** Replicates from this address. `fullSync`: another history, a partial resynchronisation is not to be tried. */
  becomeReplicaOf(host: string, port: number, fullSync: boolean): void;
  /** Stops replicating and keeps the dataset. */
  becomePrimary(): void;
  /** Holds every write until this time (or later, if it is held longer already for the same reason). */
  pauseWrites(reason: PauseReason, untilMs: number): void;
  resumeWrites(reason: PauseReason): void;

  /** Deletes the keys of a slot in every database and tells the replicas. */
  flushSlotKeys(slot: number): void;
  /** Empties every database. */
  flushAllKeys(): void;
  /** The slot is not this shard's any more: sharded subscriptions to it end. */
  dropShardChannels(slot: number): void;
  /** A message published elsewhere in the cluster. */
  publish(channel: Uint8Array, message: Uint8Array, sharded: boolean): void;

  log(level: LogLevel, text: string): void;
}

/** What the cluster wants to know about replication. */
export interface ReplicationView {
  /** The offset up to which this node has its primary's stream; on a primary, its own offset. */
  offset(): number;
  /** This node replicates from somebody, connected or not. */
  hasPrimary(): boolean;
  /** How long ago the primary was last heard; Infinity while this node has never had the dataset of its present primary. */
  dataAgeMs(nowMs: number): number;
}

/** What the cluster wants to know about the dataset. */
export interface KeyspaceView {
  /** In all databases. */
  keysInSlot(slot: number): number;
  isEmpty(): boolean;
}

/** The node's source of chance: a seeded generator in a simulation. */
export interface RandomSource {
  /** 32 random bits, 0 ≤ value < 2^32. */
  uint32(): number;
}

export function randomBelow(random: RandomSource, limit: number): number {
  return random.uint32() % limit;
}

/** Forty hexadecimal digits: the name of a node, a shard or a migration. */
export function randomName(random: RandomSource): string {
  let name = '';
  for (let i = 0; i < 5; i++) name += random.uint32().toString(16).padStart(8, '0');
  return name;
}
