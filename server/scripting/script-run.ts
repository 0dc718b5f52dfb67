/**
 * One run of a script or function: what it may do and what it has done. One instance serves all runs of a node, since scripts do
 * not nest. Source: Valkey 9.1 script.h scriptRunCtx.
 */

/** What a script says of itself: in its first line (`#!lua flags=…`), or at its registration. */
export const NO_WRITES = 1 << 0;
export const ALLOW_OOM = 1 << 1;
export const ALLOW_STALE = 1 << 2;
export const NO_CLUSTER = 1 << 3;
export const ALLOW_CROSS_SLOT_KEYS = 1 << 4;
/** EVAL without a first line of that kind: checked command by command, as before there were flags. */
export const COMPATIBLE = 1 << 5;

export const SCRIPT_FLAGS: readonly (readonly [string, number])[] = [
  ['no-writes', NO_WRITES],
  ['allow-oom', ALLOW_OOM],
  ['allow-stale', ALLOW_STALE],
  ['no-cluster', NO_CLUSTER],
  ['allow-cross-slot-keys', ALLOW_CROSS_SLOT_KEYS],
];

export const REPLICATE_NONE = 0;
export const REPLICATE_AOF = 1;
export const REPLICATE_REPLICAS = 2;
export const REPLICATE_ALL = 3;

/** Commands of a script may be in any slot until the first says which. */
export const ANY_SLOT = -1;

export class ScriptRun {
  active = false;
  /** A function of a library, not EVAL. */
  isFunction = false;
  /** The name of the function, or the script's SHA1. */
  name = '';
  readOnly = false;
  allowsOom = false;
  allowsCrossSlot = false;
  /** What the memory was at the start: past maxmemory nothing more may be written until the first write was. */
  outOfMemory = false;
  /** The protocol of replies to redis.call, by setresp. */
  resp = 2;
  /** Which of its writes are passed on, by set_repl. */
  replicates = REPLICATE_ALL;
  slot = ANY_SLOT;
  /** A write command was called: the script can no longer be ended. */
  wrote = false;
  /** When the clock was first looked at; 0 before. */
  startedMicros = 0;
  /** Ends a run that takes longer, unless it has written; 0 for no limit. */
  limitMs = 0;
  /** Why the run was ended; empty while it was not. */
  ended = '';

  begin(name: string, isFunction: boolean, flags: number, readOnlyCommand: boolean, limitMs: number): void {
    const compatible = (flags & COMPATIBLE) !== 0;
    this.active = true;
    this.isFunction = isFunction;
    this.name = name;
    this.readOnly = readOnlyCommand || (!compatible && (flags & NO_WRITES) !== 0);
    this.allowsOom = !compatible && (flags & ALLOW_OOM) !== 0;
    this.allowsCrossSlot = compatible || (flags & ALLOW_CROSS_SLOT_KEYS) !== 0;
    this.outOfMemory = false;
    this.resp = 2;
    this.replicates = REPLICATE_ALL;
    this.slot = ANY_SLOT;
    this.wrote = false;
    this.startedMicros = 0;
    this.limitMs = limitMs;
    this.ended = '';
  }
}
