/**
 * The types room: collections as cursors over bytes in the arena. One `Types` a node, made at composition.
 *
 * A collection is an encoding (PACKED or LARGE) and a root address, which its entry holds. Commands change it through the
 * shared cursors here; whoever walks, loads or snapshots values makes a walk or a builder of its own.
 */
import { HASH, LIST, SET, STREAM, ZSET } from '../keyspace/entry.ts';
import { hasExpiringFields } from '../keyspace/field-expiry.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Address } from '../memory/arena.ts';
import { Copier } from './copier.ts';
import { ElementWalk, elementCount, innerTableRoot } from './element-walk.ts';
import { HashExpiry } from './hash-expiry.ts';
import { Hashes } from './hashes.ts';
import { InnerTables } from './inner-tables.ts';
import type { CollectionLimits } from './limits.ts';
import { type ListGuard, Lists } from './lists.ts';
import { MemoryUsage } from './memory-usage.ts';
import { Reclaimer } from './reclaimer.ts';
import { Sets } from './sets.ts';
import { SortedSets } from './sorted-sets.ts';
import { StreamGroups } from './stream-groups.ts';
import { Streams } from './streams.ts';
import { ValueBuilder } from './value-builder.ts';

export type { RandomSource } from './element-walk.ts';
export { below, ElementWalk } from './element-walk.ts';
export { encodingName } from './encoding-name.ts';
export type { CollectionLimits } from './limits.ts';
export { defaultLimits, limitsFrom } from './limits.ts';
export { radixNodes } from './radix-shape.ts';
export { StreamBuilder } from './stream-builder.ts';
export { NEVER_ACTIVE, StreamGroups, UNKNOWN_ENTRIES_READ } from './stream-groups.ts';
export { countRead, lagOf } from './stream-lag.ts';
export { Streams, TRIM_BY_ID, TRIM_BY_LENGTH } from './streams.ts';
export { ValueBuilder } from './value-builder.ts';

export class Types {
  readonly hashes: Hashes;
  readonly lists: Lists;
  readonly sets: Sets;
  readonly sortedSets: SortedSets;
  readonly streams: Streams;
  /** Consumer groups of a stream. */
  readonly groups: StreamGroups;
  /** For commands that walk one collection while they look into others. */
  readonly walk: ElementWalk;
  /** For commands that make a new collection while they read others. */
  readonly newSets: Sets;
  readonly newSortedSets: SortedSets;
  /** For commands that change two lists. */
  readonly otherLists: Lists;
  readonly reclaimer: Reclaimer;
  readonly copier: Copier;
  readonly memoryUsage: MemoryUsage;
  private readonly hashExpiry: HashExpiry;
  private readonly keyspace: Keyspace;
  private readonly inner: InnerTables;
  private readonly limits: CollectionLimits;

  constructor(keyspace: Keyspace, limits: CollectionLimits) {
    const { arena } = keyspace;
    const inner = new InnerTables(keyspace);
    this.keyspace = keyspace;
    this.inner = inner;
    this.limits = limits;
    this.hashes = new Hashes(inner, limits);
    this.lists = new Lists(arena, limits);
    this.otherLists = new Lists(arena, limits);
    this.sets = new Sets(arena, inner.table(SET), limits);
    this.newSets = new Sets(arena, inner.table(SET), limits);
    this.sortedSets = new SortedSets(arena, inner.table(ZSET), limits);
    this.newSortedSets = new SortedSets(arena, inner.table(ZSET), limits);
    this.streams = new Streams(arena, limits);
    this.groups = new StreamGroups(arena);
    this.walk = this.newWalk();
    this.walk.hidesExpired = true;
    this.hashExpiry = new HashExpiry(inner, limits);
    keyspace.fieldExpiry = this.hashExpiry;
    this.memoryUsage = new MemoryUsage(arena, inner, limits);
    const reclaimer = new Reclaimer(arena, inner, limits);
    this.reclaimer = reclaimer;
    this.copier = new Copier(arena, inner);
    for (const type of [LIST, SET, ZSET, HASH, STREAM]) {
      keyspace.onFree(type, (encoding, root) => reclaimer.free(type, encoding, root));
    }
  }

  /** Whom lists and streams tell before a large one changes; null for nobody. */
  guardLists(guard: ListGuard | null): void {
    this.lists.guard = guard;
    this.otherLists.guard = guard;
    this.streams.guard = guard;
  }

  newWalk(): ElementWalk {
    return new ElementWalk(this.keyspace.arena, this.inner);
  }

  /** How many entries a stream's node holds at most, 0 for any number. */
  get streamNodeEntries(): number {
    return this.limits.streamNodeEntries;
  }

  newStreams(): Streams {
    return new Streams(this.keyspace.arena, this.limits);
  }

  newGroups(): StreamGroups {
    return new StreamGroups(this.keyspace.arena);
  }

  newBuilder(): ValueBuilder {
    return new ValueBuilder(this.keyspace.arena, this.inner, this.limits);
  }

  /** Elements that a command may show: of a hash, fields that have not expired. */
  visibleCount(type: number, encoding: number, root: Address): number {
    const { arena } = this.keyspace;
    if (!hasExpiringFields(arena, type, encoding, root)) return elementCount(arena, type, encoding, root);
    let count = 0;
    for (this.walk.open(type, encoding, root); this.walk.next(); ) count++;
    return count;
  }

  /** Elements of a collection: fields, members or items. */
  count(type: number, encoding: number, root: Address): number {
    return elementCount(this.keyspace.arena, type, encoding, root);
  }

  /** The root of the table inside a LARGE hash, set or sorted set; NONE for what has none. */
  innerTable(type: number, encoding: number, root: Address): Address {
    return innerTableRoot(this.keyspace.arena, type, encoding, root);
  }

  /** Copies a collection, without what has expired in it; returns the copy's root. */
  copy(type: number, encoding: number, root: Address): Address {
    const copy = this.copier.copy(type, encoding, root);
    if (hasExpiringFields(this.keyspace.arena, type, encoding, copy)) this.hashExpiry.dropExpired(copy);
    return copy;
  }

  free(type: number, encoding: number, root: Address): void {
    this.reclaimer.free(type, encoding, root);
  }

  /** Frees up to about so many elements of what waits to be freed; true when more is left. */
  reclaim(elements: number): boolean {
    return this.reclaimer.reclaim(elements);
  }
}
