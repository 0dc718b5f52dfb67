/**
 * Listens to a dataset and puts it into the keyspace: a file at start, a primary's full sync.
 * The keyspace was emptied before. Its expiry mode is the caller's concern: while it loads, keys past their time must stay visible.
 */

import type { Database } from '../keyspace/database.ts';
import { NO_EXPIRY as NO_KEY_EXPIRY } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { slotOf } from '../keyspace/slot.ts';
import { NONE } from '../memory/arena.ts';
import type { Types, ValueBuilder } from '../types/index.ts';
import type { DatasetVisitor, KeyHead } from './dataset.ts';
import { entryTypeOf, fieldExpiryOf, HASH_WITH_TTL, NO_EXPIRY, STRING, UNKNOWN } from './dataset.ts';
import { StreamLoader } from './stream-loader.ts';

export interface LoaderOptions {
  /** A primary drops keys that expired before this time; a replica keeps them (0) and waits for its primary's deletion. */
  readonly dropExpiredBeforeMs: number;
  /** Told of each key that was dropped, or of the fields that a hash was loaded without. */
  readonly dropped?: (database: number, key: Uint8Array, fields: readonly Uint8Array[] | null) => void;
  /** A key of the file replaces one that is in the keyspace, which is else the sign of a damaged file. */
  readonly replaces?: boolean;
  /** Takes a function library by its source; the problem or null. Without it libraries are passed over. */
  readonly takeLibrary?: (code: Uint8Array) => string | null;
}

export class KeyspaceLoader implements DatasetVisitor {
  refusal: string | null = null;
  /** What the file said of itself: `repl-id`, `repl-offset`, `valkey-ver`. */
  readonly facts: Map<string, string> = new Map();
  readonly slotImports: { readonly job: string; readonly ranges: readonly number[] }[] = [];
  loaded = 0;
  expired = 0;
  /** Fields that were past their time. */
  expiredFields = 0;
  readonly stream: StreamLoader;
  private readonly keyspace: Keyspace;
  private readonly types: Types;
  private readonly builder: ValueBuilder;
  private readonly options: LoaderOptions;
  private current: Database;
  private key: Uint8Array = new Uint8Array(64);
  private keyLength = 0;
  private type = STRING as number;
  private expireAtMs = NO_EXPIRY;
  private dropped = false;
  private droppedFields: Uint8Array[] = [];
  /** The builder holds a value that is not the keyspace's yet. */
  private building = false;

  constructor(keyspace: Keyspace, types: Types, builder: ValueBuilder, options: LoaderOptions) {
    this.keyspace = keyspace;
    this.types = types;
    this.builder = builder;
    this.stream = new StreamLoader(builder.stream, (what) => {
      this.refusal = `${what}: it is damaged: restore it from a backup or a replica`;
    });
    this.options = options;
    this.current = keyspace.databases[0]!;
  }

  aux(name: string, value: string): void {
    this.facts.set(name, value);
  }

  functionLibrary(bytes: Uint8Array, from: number, to: number): void {
    const problem = this.options.takeLibrary?.(bytes.slice(from, to)) ?? null;
    if (problem !== null) this.refusal = `a function library cannot be loaded: ${problem}`;
  }

  slotImport(job: string, ranges: readonly number[]): void {
    this.slotImports.push({ job, ranges });
  }

  database(index: number): void {
    const database = this.keyspace.databases[index];
    if (database === undefined) {
      const { length } = this.keyspace.databases;
      this.refusal = `it has keys in database ${index}, and this node has only ${length}: raise databases (cluster-databases in cluster mode)`;
      return;
    }
    this.current = database;
  }

  sizeHint(): void {}

  beginKey(head: KeyHead): void {
    const length = head.to - head.from;
    if (length > this.key.length) this.key = new Uint8Array(length * 2);
    for (let i = 0; i < length; i++) this.key[i] = head.bytes[head.from + i]!;
    this.keyLength = length;
    this.type = head.type;
    this.expireAtMs = head.expireAtMs;
    this.dropped = head.expireAtMs !== NO_EXPIRY && head.expireAtMs < this.options.dropExpiredBeforeMs;
    if (head.type === STRING) return;
    this.builder.begin(entryTypeOf(head.type), head.count === UNKNOWN ? 0 : head.count);
    this.building = true;
  }

  stringValue(bytes: Uint8Array, from: number, to: number): void {
    if (this.dropped || !this.seek()) return;
    this.current.putString(this.key, 0, this.keyLength, bytes, from, to, this.expiry());
  }

  listItem(bytes: Uint8Array, from: number, to: number): void {
    this.builder.item(bytes, from, to);
  }

  setMember(bytes: Uint8Array, from: number, to: number): void {
    if (!this.builder.member(bytes, from, to)) this.twice('member of a set');
  }

  zsetMember(bytes: Uint8Array, from: number, to: number, score: number): void {
    if (!this.builder.scoredMember(bytes, from, to, score)) this.twice('member of a sorted set');
  }

  hashField(
    field: Uint8Array,
    fieldFrom: number,
    fieldTo: number,
    value: Uint8Array,
    valueFrom: number,
    valueTo: number,
    expireAtMs: number,
  ): void {
    if (expireAtMs !== NO_EXPIRY && expireAtMs < this.options.dropExpiredBeforeMs) {
      this.expiredFields++;
      if (this.options.dropped !== undefined) this.droppedFields.push(field.slice(fieldFrom, fieldTo));
      return;
    }
    const at = fieldExpiryOf(expireAtMs);
    if (!this.builder.field(field, fieldFrom, fieldTo, value, valueFrom, valueTo, at)) this.twice('field of a hash');
  }

  endKey(): void {
    // All its fields had expired.
    if (this.type === HASH_WITH_TTL && this.builder.count === 0) this.dropped = true;
    if (this.dropped) this.expired++;
    else this.loaded++;
    this.tellDropped();
    if (this.type === STRING) return;
    const { builder } = this;
    this.building = false;
    if (this.dropped || this.refusal !== null || !this.seek()) {
      this.types.free(builder.type, builder.encoding, builder.root);
      return;
    }
    this.current.putCollection(
      this.key,
      0,
      this.keyLength,
      builder.type,
      builder.encoding,
      builder.root,
      this.expiry(),
    );
  }

  private tellDropped(): void {
    const { droppedFields } = this;
    if (!this.dropped && droppedFields.length === 0) return;
    this.options.dropped?.(this.current.index, this.key.slice(0, this.keyLength), this.dropped ? null : droppedFields);
    this.droppedFields = [];
  }

  end(): void {}

  /** The dataset will not be completed: a value half built is freed. */
  abandon(): void {
    const { builder } = this;
    if (this.building) this.types.free(builder.type, builder.encoding, builder.root);
    this.building = false;
  }

  private expiry(): number {
    return this.expireAtMs === NO_EXPIRY ? NO_KEY_EXPIRY : this.expireAtMs;
  }

  /** Looks for the key where it is about to be put; false when it is there already. */
  private seek(): boolean {
    if (this.keyspace.slots > 1) this.keyspace.slot = slotOf(this.key, 0, this.keyLength);
    if (this.current.findForWrite(this.key, 0, this.keyLength) === NONE) return true;
    if (this.options.replaces === true) {
      this.current.remove();
      return this.current.findForWrite(this.key, 0, this.keyLength) === NONE;
    }
    this.twice('key');
    return false;
  }

  private twice(what: string): void {
    this.refusal = `a ${what} comes twice: it is damaged: restore it from a backup or a replica`;
  }
}
