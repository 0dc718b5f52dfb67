/**
 * Frees collections. Small ones at once; large ones are put aside and freed in slices between requests, so that DEL of a
 * million elements holds nobody up.
 */
import { HASH, LIST, PACKED, SET, STREAM, ZSET } from '../keyspace/entry.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Address, Arena } from '../memory/arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { Ordered } from '../memory/ordered.ts';
import { END_OF_TABLE, TableWalk } from '../memory/table-walk.ts';
import { elementCount, innerTableRoot } from './element-walk.ts';
import type { InnerTables } from './inner-tables.ts';
import type { CollectionLimits } from './limits.ts';
import { Lists } from './lists.ts';
import { StreamGroups } from './stream-groups.ts';
import { Streams } from './streams.ts';

/** Collections of at most so many elements are freed at once: a fraction of a millisecond. */
const FREED_AT_ONCE = 1024;
/** Nodes of a list of at most so many items; each is one free. */
const LIST_FREED_AT_ONCE = 16384;
/** Nodes, groups and pending entries of a stream that are freed at once. */
const STREAM_FREED_AT_ONCE = 4096;

/** What has more elements counts as freed lazily, as Valkey counts it, whether it was freed at once or not. */
const LAZY_ELEMENTS = 64;

interface Remains {
  readonly type: number;
  readonly root: Address;
  /** Where the walk over the table goes on. */
  cursor: number;
}

export class Reclaimer {
  private readonly arena: Arena;
  private readonly walks: readonly (TableWalk | null)[];
  private readonly lists: Lists;
  private readonly ordered: Ordered;
  private readonly streams: Streams;
  private readonly groups: StreamGroups;
  private readonly remains: Remains[] = [];
  private readonly keyspace: Keyspace;

  constructor(arena: Arena, inner: InnerTables, limits: CollectionLimits) {
    this.arena = arena;
    this.keyspace = inner.keyspace;
    const walks: (TableWalk | null)[] = [];
    for (let type = 0; type <= HASH; type++) {
      walks[type] = type === SET || type === ZSET || type === HASH ? new TableWalk(inner.table(type)) : null;
    }
    this.walks = walks;
    this.lists = new Lists(arena, limits);
    this.ordered = new Ordered(arena);
    this.streams = new Streams(arena, limits);
    this.groups = new StreamGroups(arena);
  }

  /** Collections that wait to be freed. */
  get waiting(): number {
    return this.remains.length;
  }

  free(type: number, encoding: number, root: Address): void {
    if (type === STREAM) {
      const worthwhile = elementCount(this.arena, STREAM, encoding, root) > LAZY_ELEMENTS;
      if (!this.freeStream(root, STREAM_FREED_AT_ONCE)) this.putAside({ type, root, cursor: 0 });
      else if (worthwhile) this.keyspace.lazyFreed++;
      return;
    }
    if (type === LIST) {
      if (encoding === PACKED || elementCount(this.arena, type, encoding, root) <= LIST_FREED_AT_ONCE) {
        if (elementCount(this.arena, type, encoding, root) > LAZY_ELEMENTS) this.keyspace.lazyFreed++;
        this.lists.open(encoding, root).free();
        return;
      }
    } else if (encoding === PACKED) {
      this.arena.free(root);
      return;
    }
    const remains: Remains = { type, root, cursor: 0 };
    if (type !== LIST && elementCount(this.arena, type, encoding, root) <= FREED_AT_ONCE) {
      if (elementCount(this.arena, type, encoding, root) > LAZY_ELEMENTS) this.keyspace.lazyFreed++;
      while (this.freeSome(remains, FREED_AT_ONCE) < 0);
      return;
    }
    this.putAside(remains);
  }

  private putAside(remains: Remains): void {
    this.remains.push(remains);
    this.keyspace.lazyPending++;
  }

  /** Frees up to about so many elements of what waits; true when more is left. Called between requests. */
  reclaim(elements: number): boolean {
    while (elements > 0 && this.remains.length > 0) {
      const remains = this.remains[this.remains.length - 1]!;
      const left = this.freeSome(remains, elements);
      if (left >= 0) {
        this.remains.pop();
        this.keyspace.lazyPending--;
        this.keyspace.lazyFreed++;
      }
      elements = left;
    }
    return this.remains.length > 0;
  }

  /** Frees nodes and pending entries of a stream; true when it is gone. */
  private freeStream(root: Address, budget: number): boolean {
    if (!this.groups.open(root).freeSome(budget) || !this.streams.open(root).freeNodes(budget)) return false;
    this.arena.free(root);
    return true;
  }

  /** Frees elements, and the structure after the last one. Returns what is left of the budget, -1 when the work is not done. */
  private freeSome(remains: Remains, elements: number): number {
    const { type, root } = remains;
    if (type === LIST) return this.lists.open(1, root).freeSome(elements) ? elements : -1;
    if (type === STREAM) return this.freeStream(root, elements) ? elements : -1;
    const walk = this.walks[type]!;
    const tableRoot = innerTableRoot(this.arena, type, 1, root);
    walk.seek(tableRoot, remains.cursor);
    while (remains.cursor < END_OF_TABLE) {
      const found = walk.nextBucket();
      for (let i = 0; i < found; i++) this.arena.free(walk.entryAt(i));
      remains.cursor = walk.cursor;
      elements -= found;
      // The structure itself goes in a slice of its own.
      if (elements < 0 || remains.cursor === END_OF_TABLE) return -1;
    }
    if (type === ZSET) {
      const record = this.arena.words[root >>> SEGMENT_OF_SHIFT]![((root & OFFSET_MASK) << 1) + 1]!;
      this.ordered.open(record).destroy();
      this.arena.free(root);
    }
    walk.table.destroy();
    walk.table.root = NONE;
    return elements;
  }
}
