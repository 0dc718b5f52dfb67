/**
 * Streams: entries in the order of their ids, in nodes of packed entries that a tree of ids finds.
 * Hot file: no allocation per call.
 *
 * Root, 80 bytes: [last id: 4 words][first id: 4 words][largest deleted id: 4 words][entries ever added: f64][entries: f64]
 * [tree of nodes: 3 words][groups' names: address]. The root never moves. The groups are stream-groups.ts's.
 * Where Valkey begins a node a node begins here, and deleted entries stay in their node until it goes as a whole, so approximate
 * trimming removes what it removes there.
 * Cost: adding O(1) mostly; a range is found in O(log n), then read entry by entry.
 * Source: Valkey 9.1 t_stream.c.
 */
import type { Database } from '../keyspace/database.ts';
import type { Address, Arena } from '../memory/arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { IdTree } from '../memory/id-tree.ts';
import { StreamId } from '../memory/stream-id.ts';
import { ENTRY_DELETED, StreamNode } from '../memory/stream-node.ts';
import type { CollectionLimits } from './limits.ts';
import type { ListGuard } from './lists.ts';

export const STREAM_ROOT_BYTES = 80;
const LAST_ID = 0;
const FIRST_ID = 4;
const MAX_DELETED_ID = 8;
const ADDED_DOUBLE = 6;
export const STREAM_LENGTH_DOUBLE = 7;
export const STREAM_NODES_WORD = 16;
export const STREAM_GROUPS_WORD = 19;
/** Valkey's listpacks hold no more, whatever the directives say. */
export const MAX_NODE_BYTES = 1024 * 1024 * 1024;
/** A node takes memory ahead up to so much: what nodes have at the default limits. */
const MOST_ROOM_AHEAD_BYTES = 4096;

/** How `trim` says what is too much. */
export const TRIM_BY_LENGTH = 1;
export const TRIM_BY_ID = 2;

export class Streams {
  readonly arena: Arena;
  root: Address = NONE;
  /** Facts about the open stream; `save` after a change. */
  readonly lastId = new StreamId();
  readonly firstId = new StreamId();
  readonly maxDeletedId = new StreamId();
  entriesAdded = 0;
  length = 0;
  /** The entry that the walk stands at is the node's; its fields are read there. */
  readonly node: StreamNode;
  readonly nodes: IdTree;
  /** Set while a snapshot has large lists or streams to tell: hears of every node before it changes or is freed. */
  guard: ListGuard | null = null;
  private readonly limits: CollectionLimits;
  private readonly from = new StreamId();
  private readonly to = new StreamId();
  private backwards = false;
  private inNode = false;
  private readonly lowest = new StreamId();
  private readonly highest = new StreamId().setMaximum();

  constructor(arena: Arena, limits: CollectionLimits) {
    this.arena = arena;
    this.limits = limits;
    this.node = new StreamNode(arena);
    this.nodes = new IdTree(arena, 1);
  }

  /** Makes an empty stream and opens it. */
  create(): this {
    const root = this.arena.allocate(STREAM_ROOT_BYTES);
    const at = (root & OFFSET_MASK) << 1;
    this.arena.words[root >>> SEGMENT_OF_SHIFT]!.fill(0, at, at + STREAM_ROOT_BYTES / 4);
    return this.open(root);
  }

  open(root: Address): this {
    const words = this.arena.words[root >>> SEGMENT_OF_SHIFT]!;
    const at = (root & OFFSET_MASK) << 1;
    const doubles = this.arena.doubles[root >>> SEGMENT_OF_SHIFT]!;
    this.root = root;
    this.lastId.load(words, at + LAST_ID);
    this.firstId.load(words, at + FIRST_ID);
    this.maxDeletedId.load(words, at + MAX_DELETED_ID);
    this.entriesAdded = doubles[(root & OFFSET_MASK) + ADDED_DOUBLE]!;
    this.length = doubles[(root & OFFSET_MASK) + STREAM_LENGTH_DOUBLE]!;
    this.nodes.open(root, STREAM_NODES_WORD);
    this.inNode = false;
    return this;
  }

  openFound(database: Database): this {
    return this.open(database.view.root());
  }

  /** Writes the facts about the stream back. */
  save(): void {
    const { root } = this;
    const words = this.arena.words[root >>> SEGMENT_OF_SHIFT]!;
    const at = (root & OFFSET_MASK) << 1;
    const doubles = this.arena.doubles[root >>> SEGMENT_OF_SHIFT]!;
    this.lastId.store(words, at + LAST_ID);
    this.firstId.store(words, at + FIRST_ID);
    this.maxDeletedId.store(words, at + MAX_DELETED_ID);
    doubles[(root & OFFSET_MASK) + ADDED_DOUBLE] = this.entriesAdded;
    doubles[(root & OFFSET_MASK) + STREAM_LENGTH_DOUBLE] = this.length;
  }

  get groups(): Address {
    return this.arena.words[this.root >>> SEGMENT_OF_SHIFT]![((this.root & OFFSET_MASK) << 1) + STREAM_GROUPS_WORD]!;
  }

  // --- Adding and removing -------------------------------------------------------------------------------------------

  /** Adds an entry of `fields` pairs among the strings [starts[i], ends[i]); its id comes after the last one. */
  append(id: StreamId, bytes: Uint8Array, starts: Int32Array, ends: Int32Array, from: number, fields: number): void {
    const { node, nodes } = this;
    let size = 0;
    for (let i = from; i < from + fields * 2; i++) size += ends[i]! - starts[i]!;
    const found = nodes.last();
    let old: Address = NONE;
    if (found) {
      old = nodes.payload(0);
      this.guard?.beforeNodeChange(old);
      nodes.readId(node.first);
      node.open(old);
      if (this.isFull(size)) {
        node.shrink();
        if (node.address !== old) nodes.setPayload(0, node.address);
        old = NONE;
      }
    }
    if (old === NONE) {
      node.create(id, bytes, starts, ends, from, 2, fields);
      nodes.insert(id);
    }
    const { streamNodeBytes } = this.limits;
    const ahead = streamNodeBytes > 0 ? Math.min(streamNodeBytes, MOST_ROOM_AHEAD_BYTES) : MOST_ROOM_AHEAD_BYTES;
    node.append(id, 0, bytes, starts, ends, from, fields, ahead);
    if (node.address !== old) nodes.setPayload(0, node.address);
    this.inNode = false;
    this.length++;
    this.entriesAdded++;
    this.lastId.set(id);
    if (this.length === 1) this.firstId.set(id);
    this.save();
  }

  /** The open node takes no entry whose strings have so many bytes. */
  private isFull(size: number): boolean {
    const { streamNodeBytes, streamNodeEntries } = this.limits;
    const most = streamNodeBytes === 0 || streamNodeBytes > MAX_NODE_BYTES ? MAX_NODE_BYTES : streamNodeBytes;
    if (this.node.listpackBytes + size >= most) return true;
    return streamNodeEntries > 0 && this.node.entries + this.node.deleted >= streamNodeEntries;
  }

  /** Removes an entry; false when there is none. The largest deleted id is the caller's to tell. */
  remove(id: StreamId): boolean {
    this.range(id, id, false);
    if (!this.next()) return false;
    this.guard?.beforeNodeChange(this.node.address);
    if (this.node.entries === 1) this.removeNode();
    else this.node.markDeleted();
    this.inNode = false;
    this.length--;
    this.save();
    return true;
  }

  /** Frees the open node, at which the tree's cursor stands. */
  private removeNode(): void {
    this.arena.free(this.node.address);
    this.nodes.remove();
    this.inNode = false;
  }

  /** After removals: finds the first entry again. */
  refreshFirstId(): void {
    if (this.length === 0) this.firstId.setZero();
    else if (!this.edge(true, this.firstId)) this.firstId.setMaximum();
    this.save();
  }

  /**
   * Removes entries from the front: down to `length` entries, or those before `id`. `approximate` removes whole nodes only; `limit`
   * is how many at most, 0 for no limit. Returns how many were removed.
   */
  trim(by: number, length: number, id: StreamId, approximate: boolean, limit: number): number {
    const { node, nodes } = this;
    let removed = 0;
    while (nodes.first()) {
      if (by === TRIM_BY_LENGTH && this.length <= length) break;
      this.openNode();
      const { entries } = node;
      if (limit > 0 && removed + entries > limit) break;
      if (by === TRIM_BY_LENGTH ? this.length - entries >= length : this.endsBefore(id)) {
        this.guard?.beforeNodeChange(node.address);
        this.removeNode();
        this.length -= entries;
        removed += entries;
        continue;
      }
      if (!approximate) removed += this.trimNode(by, length, id);
      break;
    }
    this.inNode = false;
    if (removed > 0) this.refreshFirstId();
    return removed;
  }

  private endsBefore(id: StreamId): boolean {
    this.node.rewindToEnd();
    return this.node.previous() && this.node.id.compare(id) < 0;
  }

  private trimNode(by: number, length: number, id: StreamId): number {
    const { node } = this;
    let removed = 0;
    this.guard?.beforeNodeChange(node.address);
    node.rewind();
    while (node.next()) {
      if (by === TRIM_BY_LENGTH ? this.length <= length : node.id.compare(id) >= 0) break;
      if ((node.flags & ENTRY_DELETED) !== 0) continue;
      node.markDeleted();
      this.length--;
      removed++;
    }
    return removed;
  }

  // --- Reading -------------------------------------------------------------------------------------------------------

  /** Begins a walk over the entries from one id to another, both included; backwards from the last of them. `next` follows. */
  range(from: StreamId, to: StreamId, backwards: boolean): void {
    this.from.set(from);
    this.to.set(to);
    this.backwards = backwards;
    const { nodes } = this;
    this.inNode = false;
    // The node that may hold the first of them begins at it or before.
    if (!nodes.seekAtMost(backwards ? to : from) && !(backwards ? nodes.last() : nodes.first())) return;
    this.enterNode();
  }

  private openNode(): void {
    this.nodes.readId(this.node.first);
    this.node.open(this.nodes.payload(0));
  }

  private enterNode(): void {
    this.openNode();
    this.inNode = true;
    if (this.backwards) this.node.rewindToEnd();
    else this.node.rewind();
  }

  /** Moves to the next entry of the walk, which is then the node's; false at the end. Nothing may change meanwhile. */
  next(): boolean {
    const { node, nodes, from, to, backwards } = this;
    while (this.inNode) {
      while (backwards ? node.previous() : node.next()) {
        if ((node.flags & ENTRY_DELETED) !== 0) continue;
        if (backwards ? node.id.compare(to) > 0 : node.id.compare(from) < 0) continue;
        if (backwards ? node.id.compare(from) >= 0 : node.id.compare(to) <= 0) return true;
        this.inNode = false;
        return false;
      }
      this.inNode = false;
      if (backwards ? nodes.previous() : nodes.next()) this.enterNode();
    }
    return false;
  }

  /** Whether an entry with this id is there. */
  has(id: StreamId): boolean {
    this.range(id, id, false);
    return this.next();
  }

  /** The id of the first or last entry; false when there is none. */
  edge(first: boolean, into: StreamId): boolean {
    this.range(this.lowest, this.highest, !first);
    if (!this.next()) return false;
    into.set(this.node.id);
    return true;
  }

  /** The id of the first entry, deleted ones included. */
  firstWithDeleted(into: StreamId): void {
    into.setMaximum();
    if (!this.nodes.first()) return;
    this.openNode();
    this.node.rewind();
    if (this.node.next()) into.set(this.node.id);
    this.inNode = false;
  }

  // --- Nodes as a whole ----------------------------------------------------------------------------------------------

  /** Walks over the nodes: opens the first, then the next one; its entries are read after `node.rewind`. */
  firstNode(): boolean {
    this.inNode = false;
    if (!this.nodes.first()) return false;
    this.openNode();
    return true;
  }

  nextNode(): boolean {
    if (!this.nodes.next()) return false;
    this.openNode();
    return true;
  }

  /** Adds a node whose entries are `node`'s, made by the caller, who says how many entries there are in all by `length`. */
  addNode(): void {
    this.nodes.insert(this.node.first);
    this.nodes.setPayload(0, this.node.address);
    this.length += this.node.entries;
  }

  /** Frees up to about so many nodes; true when none is left. The groups are freed before. */
  freeNodes(budget: number): boolean {
    const { nodes } = this;
    while (budget > 0) {
      if (!nodes.first()) return true;
      const { leafEntries } = nodes;
      for (let i = 0; i < leafEntries; i++) {
        this.arena.free(nodes.payload(0));
        nodes.next();
      }
      nodes.dropFirstLeaf();
      budget -= leafEntries;
    }
    return !nodes.first();
  }
}
