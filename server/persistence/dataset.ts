/**
 * How a dataset is told to whoever wants it: one visitor, many ends.
 *
 * Told by: the RDB reader (a file, a primary's full sync) and the point-in-time iterator (our own keyspace).
 * Listened to by: the RDB writer, the command writer (slot migration), the digest, and the keyspace when it loads.
 * So any teller can be joined to any listener, and a test joins them with a plain Map between.
 *
 * Order: aux*, then per database `database`, `sizeHint` if known, then keys; a key is `beginKey`, its elements, `endKey`.
 * Byte ranges are valid only during the call. Numbers that are times are Unix milliseconds.
 */
import { LATEST_FIELD_EXPIRY, NO_FIELD_EXPIRY } from '../keyspace/field-expiry.ts';
import type { StreamVisitor } from './streams.ts';

/** Value types, with Valkey's object type numbers: DEBUG DIGEST mixes them in. */
export const STRING = 0;
export const LIST = 1;
export const SET = 2;
export const ZSET = 3;
export const HASH = 4;
export const STREAM = 6;
/** A hash some of whose fields have a time to live of their own. The digest calls it HASH. */
export const HASH_WITH_TTL = 7;

export type ValueType =
  | typeof STRING
  | typeof LIST
  | typeof SET
  | typeof ZSET
  | typeof HASH
  | typeof STREAM
  | typeof HASH_WITH_TTL;

/** The type of the keyspace's entry that holds a value. */
export function entryTypeOf(type: ValueType): number {
  return type === HASH_WITH_TTL ? HASH : type;
}

/** A field's expiry as the keyspace has it. */
export function fieldExpiryOf(expireAtMs: number): number {
  return expireAtMs === NO_EXPIRY ? NO_FIELD_EXPIRY : Math.max(1, Math.min(expireAtMs, LATEST_FIELD_EXPIRY));
}

/** No time to live. */
export const NO_EXPIRY = -1;
/** The teller does not know (the count of a list's items before its nodes are read, a key's idle time). */
export const UNKNOWN = -1;

/** What is known of a key before its elements. One object per teller, overwritten for each key. */
export class KeyHead {
  type: ValueType = STRING;
  bytes: Uint8Array = new Uint8Array(0);
  from = 0;
  to = 0;
  expireAtMs = NO_EXPIRY;
  /** Elements (pairs of a hash, nodes of a stream, 1 of a string). Exact from the point-in-time iterator; UNKNOWN or exact from a file. */
  count: number = UNKNOWN;
  idleSeconds: number = UNKNOWN;
  /** The access counter of the LFU policies. */
  frequency: number = UNKNOWN;
}

export interface DatasetVisitor {
  /** Told what is in a STREAM, between `beginKey` and `endKey`. */
  readonly stream: StreamVisitor;
  /** Not null: the listener cannot take what it was told; the teller stops and passes the reason on. */
  readonly refusal: string | null;

  /** A fact about the dataset as a whole (`repl-id`, `ctime`). */
  aux(name: string, value: string): void;
  /** The source text of a function library. */
  functionLibrary(bytes: Uint8Array, from: number, to: number): void;
  /** A slot migration that was under way; ranges are pairs of first and last slot. */
  slotImport(job: string, ranges: readonly number[]): void;
  /** Keys from here on are in this database. */
  database(index: number): void;
  /** About so many keys, and keys with a time to live, follow in this database. */
  sizeHint(keys: number, expires: number): void;

  beginKey(head: KeyHead): void;
  /** The value of a STRING: exactly once. */
  stringValue(bytes: Uint8Array, from: number, to: number): void;
  listItem(bytes: Uint8Array, from: number, to: number): void;
  setMember(bytes: Uint8Array, from: number, to: number): void;
  zsetMember(bytes: Uint8Array, from: number, to: number, score: number): void;
  /** Of HASH and HASH_WITH_TTL. expireAtMs is NO_EXPIRY for fields without a time to live. */
  hashField(
    field: Uint8Array,
    fieldFrom: number,
    fieldTo: number,
    value: Uint8Array,
    valueFrom: number,
    valueTo: number,
    expireAtMs: number,
  ): void;
  endKey(): void;
  /** The dataset is complete, and its checksum was right where it had one. */
  end(): void;
}
