/** The limits of slot migrations, with their reasons. */

/** Both ends say that they live so often (Valkey). */
export const ACK_INTERVAL_MS = 1000;

/** So much may be on its way to the target: a few milliseconds' work for either end, and enough to keep a fast link busy. */
export const MAX_UNSENT_BYTES = 512 * 1024;

/** One piece of the write log. */
export const WRITES_PIECE_BYTES = 256 * 1024;

/**
 * A target that has all but so much has caught up, whatever slot-migration-max-failover-repl-bytes says: a busy one takes
 * its bytes in strokes, and the last of them are taken while writes are held.
 */
export const CAUGHT_UP_BYTES = 64 * 1024;

/** A migration whose unsent writes exceed this fails; as much as a replica may be behind by default. */
export const MAX_WRITES_BYTES = 256 * 1024 * 1024;
