/**
 * Builds a collection element by element, outside any key: for whoever loads a dataset.
 * `begin`, then elements, then `encoding` and `root` are the value, to be handed to Database.putCollection (or freed).
 * It has cursors of its own, so a value may stay half built while commands run.
 */
import { HASH, LIST, PACKED, SET, STREAM, ZSET } from '../keyspace/entry.ts';
import { NO_FIELD_EXPIRY } from '../keyspace/field-expiry.ts';
import type { Address, Arena } from '../memory/arena.ts';
import { Hashes } from './hashes.ts';
import type { InnerTables } from './inner-tables.ts';
import type { CollectionLimits } from './limits.ts';
import { Lists } from './lists.ts';
import { Sets } from './sets.ts';
import { SortedSets } from './sorted-sets.ts';
import { StreamBuilder } from './stream-builder.ts';

export class ValueBuilder {
  type = HASH;
  private readonly hashes: Hashes;
  private readonly lists: Lists;
  private readonly sets: Sets;
  private readonly sortedSets: SortedSets;
  /** The parts of a STREAM go here. */
  readonly stream: StreamBuilder;

  constructor(arena: Arena, inner: InnerTables, limits: CollectionLimits) {
    this.hashes = new Hashes(inner, limits);
    this.lists = new Lists(arena, limits);
    this.sets = new Sets(arena, inner.table(SET), limits);
    this.sortedSets = new SortedSets(arena, inner.table(ZSET), limits);
    this.stream = new StreamBuilder(arena, limits);
  }

  /** Begins a value; `count` is how many elements will come, 0 when that is unknown. */
  begin(type: number, count: number): void {
    this.type = type;
    if (type === STREAM) {
      this.stream.begin();
      return;
    }
    this.cursor.create();
    if (type === HASH) this.hashes.expect(count);
    else if (type === ZSET) this.sortedSets.expect(count, 0);
  }

  item(bytes: Uint8Array, from: number, to: number): void {
    this.lists.append(bytes, from, to);
  }

  /** False when the member came before. */
  member(bytes: Uint8Array, from: number, to: number): boolean {
    return this.sets.add(bytes, from, to);
  }

  /** False when the member came before. */
  scoredMember(bytes: Uint8Array, from: number, to: number, score: number): boolean {
    if (this.sortedSets.find(bytes, from, to)) return false;
    this.sortedSets.insert(bytes, from, to, score);
    return true;
  }

  /** False when the field came before. Only a field that comes with an expiry has one. */
  field(
    field: Uint8Array,
    fieldFrom: number,
    fieldTo: number,
    value: Uint8Array,
    valueFrom: number,
    valueTo: number,
    expireAtMs: number = NO_FIELD_EXPIRY,
  ): boolean {
    return this.hashes.put(field, fieldFrom, fieldTo, value, valueFrom, valueTo, expireAtMs);
  }

  get encoding(): number {
    return this.type === STREAM ? PACKED : this.cursor.encoding;
  }

  get root(): Address {
    return this.type === STREAM ? this.stream.streams.root : this.cursor.root;
  }

  get count(): number {
    return this.type === STREAM ? this.stream.streams.length : this.cursor.count;
  }

  private get cursor(): Hashes | Lists | Sets | SortedSets {
    if (this.type === HASH) return this.hashes;
    if (this.type === LIST) return this.lists;
    if (this.type === SET) return this.sets;
    return this.sortedSets;
  }
}
