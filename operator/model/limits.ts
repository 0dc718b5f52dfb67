/**
 * Every time-out, bound and back-off of the operator, with its reason.
 */
import { NODE_TIMEOUT_MS } from './workload.ts';

/** A report is one round trip to a node that may be busy saving or loading. */
export const REPORT_TIMEOUT_MS = 1500;
/** An admin command changes tables in memory and nodes.conf on disk. */
export const COMMAND_TIMEOUT_MS = 3000;
/** Before a reset a whole dataset may be freed. */
export const FLUSH_TIMEOUT_MS = 30_000;

/** How often an idle cluster is looked at. Reads only: nothing is written. */
export const IDLE_LOOK_MS = 5000;
/** How soon after an act its effect is looked for. */
export const BUSY_LOOK_MS = 200;
/** How often a running migration is looked at: jobs of a few hundred slots take about that long. */
export const MIGRATION_LOOK_MS = 250;
/** Looks while something takes its time elsewhere: a pod starts, gossip spreads, a replica loads. */
export const WAIT_LOOK_MS = 500;

/**
 * When the operator steps in for a lost primary. The cluster's own election needs: suspicion after one node timeout,
 * agreement within another, a delay of up to a second, and one retry after twice the timeout.
 */
export const ELECTION_BOUND_MS = 5 * NODE_TIMEOUT_MS + 2000;
/** With too few primaries left to vote there is no election to wait for: only the restart rule's grace, in which the primary may come back with its data. */
export const NO_ELECTION_BOUND_MS = 2 * NODE_TIMEOUT_MS;

/** Slots of one migration job: small enough that a failed one costs little and progress shows, large enough that the pause at its end is rare. */
export const MAX_SLOTS_PER_JOB = 512;

/** First delay after an act failed; it doubles up to the bound. */
export const BACKOFF_FIRST_MS = 1000;
export const BACKOFF_MAX_MS = 30_000;
/** An undertaking that failed this often is called failed in status, and goes on being tried at the bound. */
export const ATTEMPTS_BEFORE_DEGRADED = 3;

/** Progress in status is written at most this often. */
export const PROGRESS_STATUS_MS = 5000;
/** Steps performed in one pass: what is left is planned anew. */
export const MAX_STEPS_PER_PASS = 64;
/** Waiting for the same thing this long is called stuck: a condition and a Warning event say so. */
export const STUCK_AFTER_MS = 60_000;
