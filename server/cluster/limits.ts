/**
 * The limits and fixed times of the cluster, with their reasons. What a user may set stands in settings.ts.
 * Source: Valkey 9.1 where a row says so; a peer of another implementation must see the same behaviour.
 */

export const SLOTS = 16384;
export const SLOT_BITMAP_BYTES = SLOTS / 8;
export const NAME_LENGTH = 40;

/** The client port plus this is the bus port unless told otherwise (Valkey). */
export const BUS_PORT_OFFSET = 10_000;

/** The cluster is ticked so often (Valkey's cron). */
export const TICK_MS = 100;
/** A tick later than this follows a stall of ours: peers are judged only after their bytes were read. */
export const STALL_MS = 100;

/** More nodes are not taken from gossip; a slot's owner is an index below it. */
export const MAX_NODES = 16_384;

/** One tenth of the nodes, but at least this many, are gossiped about in a ping (Valkey). */
export const MIN_GOSSIP_ENTRIES = 3;
export const GOSSIP_PERCENT = 10;
export const RANDOM_PING_INTERVAL_MS = 1000;
/** Of so many random nodes the one with the oldest pong is pinged (Valkey). */
export const RANDOM_PING_CANDIDATES = 5;
/** A pong time from gossip may lie this far in the future of our clock (Valkey). */
export const GOSSIP_CLOCK_TOLERANCE_MS = 500;

/** Within half a node timeout a lost peer is dialled this often (Valkey). */
export const RECONNECTS_PER_HALF_TIMEOUT = 10;
/** A handshake lives as long as the node timeout, but at least this long (Valkey). */
export const MIN_HANDSHAKE_MS = 1000;

/** A failure report counts for this many node timeouts (Valkey). */
export const FAILURE_REPORT_VALIDITY = 2;
/** A failed slot owner that is back and was not replaced is cleared after this many node timeouts (Valkey). */
export const FAIL_UNDO_TIMEOUTS = 2;

/** A restarted primary waits so long before it may call the cluster ok (Valkey). */
export const WRITABLE_DELAY_MS = 2000;
/** A primary back from a minority waits for the node timeout, within these bounds (Valkey). */
export const MIN_REJOIN_DELAY_MS = 500;
export const MAX_REJOIN_DELAY_MS = 5000;

/** Votes are waited for so long at least; also the default patience of cluster operations (Valkey). */
export const OPERATION_TIMEOUT_MS = 2000;
/** The largest fixed delay before an election; smaller for short node timeouts (Valkey). */
export const MAX_ELECTION_DELAY_MS = 500;
/** A replica without any offset may not know its siblings: it waits longer (Valkey). */
export const EMPTY_REPLICA_DELAY_MS = 500;
/** A primary asked for a manual failover holds writes for this many times the failover's time limit (Valkey). */
export const PAUSE_FACTOR = 2;

/** A primary must be without working replicas for so long before another's replica moves to it (Valkey). */
export const REPLICA_MIGRATION_DELAY_MS = 5000;

/** A restarted owner with its dataset waits at most this many node timeouts for an election it cannot see … */
export const RESTART_WAIT_TIMEOUTS = 2;
/** … plus this (detection, FAIL and an election fit in). */
export const RESTART_WAIT_EXTRA_MS = 2000;
/** A restarted owner with its dataset never waits longer than this many node timeouts, even while a replica could be elected. */
export const RESTART_WAIT_MAX_TIMEOUTS = 10;

/** Ages of nodes.conf time stamps and forgotten nodes travel in seconds. */
export const SECOND_MS = 1000;

/** A header or message larger than this closes the link: a published message is at most a bulk string (512 MiB). */
export const MAX_PACKET_BYTES = 513 * 1024 * 1024;
