/**
 * Copies collections as the structures they are: packed ones and list nodes byte for byte, tables bucket by bucket, without hashing or
 * comparing an element. Cost: O(n), a copy of each allocation.
 */
import { HASH, LIST, PACKED, SET, ZSET } from '../keyspace/entry.ts';
import type { Address, Arena } from '../memory/arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { ListNode } from '../memory/list-node.ts';
import { Ordered } from '../memory/ordered.ts';
import type { Table } from '../memory/table.ts';
import { readVarint, varintBytes } from '../memory/varint.ts';
import type { InnerTables } from './inner-tables.ts';
import { ZSET_KEY_OFFSET } from './sorted-sets.ts';

export class Copier {
  private readonly arena: Arena;
  private readonly tables: readonly (Table | null)[];
  private readonly node: ListNode;
  private readonly ordered: Ordered;

  constructor(arena: Arena, inner: InnerTables) {
    this.arena = arena;
    const tables: (Table | null)[] = [];
    for (let type = 0; type <= HASH; type++) {
      tables[type] = type === SET || type === ZSET || type === HASH ? inner.table(type) : null;
    }
    this.tables = tables;
    this.node = new ListNode(arena);
    this.ordered = new Ordered(arena);
  }

  /** Copies a list, set, sorted set or hash; returns the copy's root. */
  copy(type: number, encoding: number, root: Address): Address {
    if (type > HASH) throw new Error(`types: collections of type ${type} cannot be copied`);
    if (encoding === PACKED) return this.copyAllocation(root);
    if (type === LIST) return this.copyList(root);
    if (type === ZSET) return this.copySortedSet(root);
    return this.tables[type]!.open(root).copy(this.copyEntry);
  }

  private readonly copyEntry = (entry: Address): Address => this.copyAllocation(entry);

  private copyAllocation(address: Address): Address {
    const size = this.arena.capacity(address);
    const copy = this.arena.allocate(size);
    this.arena.copy(address, 0, copy, 0, size);
    return copy;
  }

  private copyList(root: Address): Address {
    const copy = this.copyAllocation(root);
    const words = this.arena.words[copy >>> SEGMENT_OF_SHIFT]!;
    const at = (copy & OFFSET_MASK) << 1;
    let previous: Address = NONE;
    for (let address = words[at]!; address !== NONE; ) {
      const next = this.node.open(address).next;
      const made = this.copyAllocation(address);
      this.node.open(made).setPrevious(previous);
      if (previous === NONE) words[at] = made;
      else this.node.open(previous).setNext(made);
      words[at + 1] = made;
      previous = made;
      address = next;
    }
    return copy;
  }

  private copySortedSet(root: Address): Address {
    const { arena, ordered } = this;
    const words = arena.words[root >>> SEGMENT_OF_SHIFT]!;
    const at = (root & OFFSET_MASK) << 1;
    const table = this.tables[ZSET]!.open(words[at]!);
    const tableRoot = table.copy(this.copyEntry);
    const entries = new Int32Array(table.count);
    ordered.open(words[at + 1]!);
    ordered.seekRank(0);
    for (let rank = 0; rank < entries.length; rank++) {
      const entry = ordered.entry;
      const segment = arena.bytes[entry >>> SEGMENT_OF_SHIFT]!;
      const from = ((entry & OFFSET_MASK) << 3) + ZSET_KEY_OFFSET;
      const length = readVarint(segment, from);
      const start = from + varintBytes(length);
      entries[rank] = table.find(segment, start, start + length);
      ordered.next();
    }
    const record = ordered.create();
    ordered.load(entries, entries.length);
    const copy = arena.allocate(8);
    const copied = arena.words[copy >>> SEGMENT_OF_SHIFT]!;
    copied[(copy & OFFSET_MASK) << 1] = tableRoot;
    copied[((copy & OFFSET_MASK) << 1) + 1] = record;
    return copy;
  }
}
