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
import type { InnerTables } from './inner-tables.ts';

/** Below this a loop over words beats the call into TypedArray.prototype.set. */
const LOOP_COPY_BYTES = 256;

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
    const { arena } = this;
    const size = arena.capacity(address);
    const copy = arena.allocate(size);
    if (size > LOOP_COPY_BYTES || (size & 7) !== 0) {
      arena.copy(address, 0, copy, 0, size);
      return copy;
    }
    const target = arena.words[copy >>> SEGMENT_OF_SHIFT]!;
    const words = arena.words[address >>> SEGMENT_OF_SHIFT]!;
    const from = (address & OFFSET_MASK) << 1;
    const to = (copy & OFFSET_MASK) << 1;
    for (let i = 0; i < size >> 2; i++) target[to + i] = words[from + i]!;
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

  /**
   * Copies the entries in their order first and leaves each copy's address in the old entry, in place of the first half of its score, for
   * the table's copy to find; the copy has the score to put back.
   */
  private copySortedSet(root: Address): Address {
    const { arena, ordered } = this;
    const segments = arena.words;
    const record = arena.words[root >>> SEGMENT_OF_SHIFT]![((root & OFFSET_MASK) << 1) + 1]!;
    const table = this.tables[ZSET]!.open(segments[root >>> SEGMENT_OF_SHIFT]![(root & OFFSET_MASK) << 1]!);
    const entries = new Int32Array(table.count);
    const copies = new Int32Array(table.count);
    let copied = 0;
    let tableRoot: Address;
    try {
      ordered.open(record).seekRank(0);
      for (; copied < entries.length; copied++) {
        const { entry } = ordered;
        const copy = this.copyAllocation(entry);
        entries[copied] = entry;
        copies[copied] = copy;
        segments[entry >>> SEGMENT_OF_SHIFT]![(entry & OFFSET_MASK) << 1] = copy;
        ordered.next();
      }
      tableRoot = table.copy((entry) => segments[entry >>> SEGMENT_OF_SHIFT]![(entry & OFFSET_MASK) << 1]!);
    } finally {
      for (let i = 0; i < copied; i++) {
        const copy = copies[i]!;
        const score = segments[copy >>> SEGMENT_OF_SHIFT]![(copy & OFFSET_MASK) << 1]!;
        segments[entries[i]! >>> SEGMENT_OF_SHIFT]![(entries[i]! & OFFSET_MASK) << 1] = score;
      }
    }
    const made = arena.allocate(8);
    const newRecord = ordered.create();
    ordered.load(copies, copies.length);
    const words = segments[made >>> SEGMENT_OF_SHIFT]!;
    words[(made & OFFSET_MASK) << 1] = tableRoot;
    words[((made & OFFSET_MASK) << 1) + 1] = newRecord;
    return made;
  }
}
