/**
 * Bytes that a value takes in the arena, for MEMORY USAGE: structures are counted, elements of tables are sampled.
 */
import { LIST, PACKED, SET, STREAM, ZSET } from '../keyspace/entry.ts';
import type { Address, Arena } from '../memory/arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { ListNode } from '../memory/list-node.ts';
import { Ordered } from '../memory/ordered.ts';
import { TableWalk } from '../memory/table-walk.ts';
import { elementCount, innerTableRoot } from './element-walk.ts';
import type { InnerTables } from './inner-tables.ts';
import type { CollectionLimits } from './limits.ts';
import { StreamGroups } from './stream-groups.ts';
import { Streams } from './streams.ts';

export class MemoryUsage {
  private readonly arena: Arena;
  private readonly walk: TableWalk;
  private readonly node: ListNode;
  private readonly ordered: Ordered;
  private readonly streams: Streams;
  private readonly groups: StreamGroups;

  constructor(arena: Arena, inner: InnerTables, limits: CollectionLimits) {
    this.arena = arena;
    // Sizes and buckets are those of any table: no key is looked at.
    this.walk = new TableWalk(inner.table(SET));
    this.node = new ListNode(arena);
    this.ordered = new Ordered(arena);
    this.streams = new Streams(arena, limits);
    this.groups = new StreamGroups(arena);
  }

  /** Of a collection, its key's entry left out. `samples` elements of a table are looked at, all of them for 0. */
  of(type: number, encoding: number, root: Address, samples: number): number {
    const { arena } = this;
    if (type === STREAM) return this.ofStream(root);
    if (encoding === PACKED) return arena.capacity(root);
    if (type === LIST) return this.ofList(root);
    const table = innerTableRoot(arena, type, encoding, root);
    let bytes = this.elementBytes(table, elementCount(arena, type, encoding, root), samples);
    bytes += this.walk.table.open(table).overheadBytes();
    if (type === ZSET) {
      const record = arena.words[root >>> SEGMENT_OF_SHIFT]![((root & OFFSET_MASK) << 1) + 1]!;
      bytes += arena.capacity(root) + this.ordered.open(record).overheadBytes();
    }
    return bytes;
  }

  private elementBytes(table: Address, count: number, samples: number): number {
    const wanted = samples === 0 ? count : Math.min(samples, count);
    this.walk.open(table);
    let seen = 0;
    let bytes = 0;
    while (seen < wanted) {
      const entry = this.walk.next();
      if (entry === NONE) break;
      bytes += this.arena.capacity(entry);
      seen++;
    }
    return seen === 0 ? 0 : Math.round((bytes / seen) * count);
  }

  private ofList(root: Address): number {
    const { arena, node } = this;
    let bytes = arena.capacity(root);
    for (let at = arena.words[root >>> SEGMENT_OF_SHIFT]![(root & OFFSET_MASK) << 1]!; at !== NONE; at = node.next) {
      bytes += arena.capacity(at);
      node.open(at);
    }
    return bytes;
  }

  private ofStream(root: Address): number {
    const { arena, streams } = this;
    let bytes = arena.capacity(root);
    bytes += streams.open(root).nodes.nodeBytes() + this.groups.open(root).bytes();
    for (let more = streams.firstNode(); more; more = streams.nextNode()) bytes += arena.capacity(streams.node.address);
    return bytes;
  }
}
