/**
 * Lists. Hot file: no allocation per push or pop.
 *
 * PACKED: one list node (memory/list-node.ts) without neighbours.
 * LARGE: root `[first node][last node][count][free]`, 16 bytes, and a doubly linked chain of nodes, each of at most the
 * node limit or of one item.
 * Cost: push and pop O(1); an index is found by walking nodes from the nearer end.
 * A list becomes LARGE and PACKED again at the sizes at which Valkey's listpack becomes a quicklist and back: `expect` before items
 * come, `settle` after they went. How a large list is divided into nodes is its own business.
 * One instance is a cursor over the list it has open; see hashes.ts for `encoding`, `root` and `saveTo`.
 * Source of the limits: Valkey 9.1 t_list.c listTypeTryConversion, quicklist.c quicklistNodeExceedsLimit.
 */
import type { Database } from '../keyspace/database.ts';
import { LARGE, PACKED } from '../keyspace/entry.ts';
import type { Address, Arena } from '../memory/arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { itemBytes, ListNode, NODE_HEADER_BYTES } from '../memory/list-node.ts';
import { elementSize, LISTPACK_FRAME_BYTES, stringSize } from '../memory/listpack-size.ts';
import type { CollectionLimits } from './limits.ts';
import { listNodeBytes } from './limits.ts';

const ROOT_BYTES = 16;
const HEAD = 0;
const TAIL = 1;
const COUNT = 2;
/** A node of a large list begins this small and doubles up to the limit. */
const FIRST_NODE_BYTES = 1024;

/** Told before a node of a large list changes or goes, and before its root goes while the list stays: a snapshot may need them. */
export interface ListGuard {
  beforeNodeChange(node: Address): void;
  beforeRootGoes(root: Address): void;
}

export class Lists {
  encoding = PACKED;
  root: Address = NONE;
  /** The item that the last seek, step, `first` or `last` stopped at: its segment, also as a view, and where its bytes are there. */
  segment: Uint8Array;
  view: DataView;
  from = 0;
  to = 0;
  /** Set while snapshots are open. */
  guard: ListGuard | null = null;
  private readonly node: ListNode;
  private readonly other: ListNode;
  private readonly arena: Arena;
  private readonly limits: CollectionLimits;
  /** Of LARGE: first and last node, items in all. */
  private head: Address = NONE;
  private tail: Address = NONE;
  private total = 0;
  /** Offset in `node` where the current item begins, and where it ends. */
  private offset = 0;
  private offsetEnd = 0;

  constructor(arena: Arena, limits: CollectionLimits) {
    this.arena = arena;
    this.limits = limits;
    this.node = new ListNode(arena);
    this.other = new ListNode(arena);
    this.segment = arena.bytes[0]!;
    this.view = arena.views[0]!;
  }

  open(encoding: number, root: Address): this {
    this.encoding = encoding;
    this.root = root;
    if (encoding === PACKED) this.node.open(root);
    else {
      const words = this.arena.words[root >>> SEGMENT_OF_SHIFT]!;
      const at = (root & OFFSET_MASK) << 1;
      this.head = words[at + HEAD]!;
      this.tail = words[at + TAIL]!;
      this.total = words[at + COUNT]!;
    }
    return this;
  }

  openFound(database: Database): this {
    return this.open(database.view.encoding, database.view.root());
  }

  create(): this {
    this.encoding = PACKED;
    this.root = this.node.create(NODE_HEADER_BYTES, false);
    return this;
  }

  saveTo(database: Database): void {
    const { view } = database;
    if (view.encoding !== this.encoding || view.root() !== this.root) database.setRoot(this.encoding, this.root);
  }

  get count(): number {
    return this.encoding === PACKED ? this.node.count : this.total;
  }

  // --- Encodings -----------------------------------------------------------------------------------------------------

  /** Items of so many bytes in all are about to come: the list becomes large when, with their bare bytes, it would be too large to be packed. */
  expect(items: number, bytes: number): void {
    const { node } = this;
    if (this.encoding === PACKED && this.exceeds(LISTPACK_FRAME_BYTES + node.packed + bytes, node.count + items))
      this.convert();
  }

  /** Adds an item at the end of a list that is being built: it is packed as long as it may be. */
  append(bytes: Uint8Array, from: number, to: number): void {
    if (this.encoding === PACKED) this.expect(1, elementSize(bytes, from, to));
    this.push(bytes, from, to, false);
  }

  /** After removals: gives memory back, and makes a list of one node, half full at most, packed again. */
  settle(): void {
    const { node } = this;
    if (this.encoding === PACKED) {
      if (node.count === 0) return;
      node.shrink();
      this.root = node.address;
      return;
    }
    if (this.head !== this.tail) return;
    node.open(this.head);
    const { listNodeSize } = this.limits;
    const packed = LISTPACK_FRAME_BYTES + node.packed;
    if (listNodeSize < 0 ? packed > listNodeBytes(listNodeSize) / 2 : node.count > Math.max(1, listNodeSize) >>> 1)
      return;
    // Valkey keeps an item that is large by itself out of its listpacks.
    if (node.count === 1 && node.packed > stringSize(listNodeBytes(listNodeSize))) return;
    this.guard?.beforeNodeChange(node.address);
    this.guard?.beforeRootGoes(this.root);
    this.arena.free(this.root);
    this.encoding = PACKED;
    if (node.count > 0) node.shrink();
    this.root = node.address;
  }

  /** True when a node of so many bytes and items would be over the limit. */
  private exceeds(bytes: number, items: number): boolean {
    const { listNodeSize } = this.limits;
    if (listNodeSize >= 0 && items > Math.max(1, listNodeSize)) return true;
    return bytes > listNodeBytes(listNodeSize);
  }

  private convert(): void {
    const { node } = this;
    this.root = this.arena.allocate(ROOT_BYTES);
    this.encoding = LARGE;
    this.head = node.address;
    this.tail = node.address;
    this.total = node.count;
    this.saveRoot();
  }

  private saveRoot(): void {
    const words = this.arena.words[this.root >>> SEGMENT_OF_SHIFT]!;
    const at = (this.root & OFFSET_MASK) << 1;
    words[at + HEAD] = this.head;
    words[at + TAIL] = this.tail;
    words[at + COUNT] = this.total;
  }

  // --- Ends ----------------------------------------------------------------------------------------------------------

  /** Adds an item at the end. `expect` came before. */
  pushBack(bytes: Uint8Array, from: number, to: number): void {
    this.push(bytes, from, to, false);
  }

  pushFront(bytes: Uint8Array, from: number, to: number): void {
    this.push(bytes, from, to, true);
  }

  private push(bytes: Uint8Array, from: number, to: number, atFront: boolean): void {
    const { node } = this;
    if (this.encoding === PACKED) {
      if (atFront) node.pushFront(bytes, from, to, 0);
      else node.pushBack(bytes, from, to, 0);
      this.root = node.address;
      return;
    }
    node.open(atFront ? this.head : this.tail);
    const size = itemBytes(to - from);
    if (this.isFull(size)) {
      if (atFront) this.addNode(NONE, this.head, size, true);
      else this.addNode(this.tail, NONE, size, false);
    } else this.guard?.beforeNodeChange(node.address);
    const old = node.address;
    const growTo = this.grownBytes();
    if (atFront) node.pushFront(bytes, from, to, growTo);
    else node.pushBack(bytes, from, to, growTo);
    this.nodeMoved(old);
    this.total++;
    this.saveRoot();
  }

  /** Removes the first item. Read it before by `first`. */
  popFront(): void {
    this.first();
    this.removeCurrent();
  }

  popBack(): void {
    this.last();
    this.removeCurrent();
  }

  /** Removes `count` items from the front. Whole nodes go at once. */
  dropFront(count: number): void {
    this.drop(count, true);
  }

  dropBack(count: number): void {
    this.drop(count, false);
  }

  private drop(count: number, atFront: boolean): void {
    const { node } = this;
    if (this.encoding === LARGE) {
      this.total -= count;
      for (;;) {
        node.open(atFront ? this.head : this.tail);
        if (count < node.count || this.head === this.tail) break;
        count -= node.count;
        this.unlinkNode();
      }
      this.saveRoot();
      if (count > 0) this.guard?.beforeNodeChange(node.address);
    }
    if (atFront) node.removeFront(count);
    else node.removeBack(count);
  }

  // --- Nodes ---------------------------------------------------------------------------------------------------------

  /** The open node has no place for an item of so many bytes: it goes to another. An empty one takes any. */
  private isFull(size: number): boolean {
    const { node } = this;
    return node.count > 0 && this.exceeds(NODE_HEADER_BYTES + node.used + size, node.count + 1);
  }

  /** What the open node grows to when it must. */
  private grownBytes(): number {
    const capacity = this.arena.capacity(this.node.address);
    return Math.min(listNodeBytes(this.limits.listNodeSize), Math.max(FIRST_NODE_BYTES, capacity * 2));
  }

  /** Puts a new, empty node between two (NONE: at that end) and opens it. `atEnd`: it will grow to the front. */
  private addNode(left: Address, right: Address, size: number, atEnd: boolean): void {
    const { node } = this;
    node.create(Math.max(FIRST_NODE_BYTES, NODE_HEADER_BYTES + size), atEnd);
    node.setPrevious(left);
    node.setNext(right);
    this.linkNode();
  }

  /** The open node, of which `old` was the address, has moved. */
  private nodeMoved(old: Address): void {
    if (this.node.address === old) return;
    if (this.encoding === PACKED) this.root = this.node.address;
    else this.linkNode();
  }

  /** The neighbours of the open node, and the ends of the chain, are told where it is. */
  private linkNode(): void {
    const { node, other } = this;
    const { address, previous, next } = node;
    if (previous === NONE) this.head = address;
    else other.open(previous).setNext(address);
    if (next === NONE) this.tail = address;
    else other.open(next).setPrevious(address);
  }

  /** Frees the open node; `node` then stands between its neighbours: at the start of the next or the end of the previous. */
  private unlinkNode(): void {
    const { node, other } = this;
    const { address, previous, next } = node;
    this.guard?.beforeNodeChange(address);
    if (previous === NONE) this.head = next;
    else other.open(previous).setNext(next);
    if (next === NONE) this.tail = previous;
    else other.open(next).setPrevious(previous);
    this.arena.free(address);
    node.open(next === NONE ? previous : next);
    this.offset = next === NONE ? node.end : node.start;
    this.offsetEnd = this.offset;
  }

  /** Splits the open node: what stands from `offset` on becomes a node of its own; `node` stays on the left part. */
  private splitNode(offset: number): void {
    const { node, other } = this;
    const { next } = node;
    const right = other.create(NODE_HEADER_BYTES + node.end - offset, false);
    node.moveTail(offset, other);
    other.setPrevious(node.address);
    other.setNext(next);
    node.setNext(right);
    if (next === NONE) this.tail = right;
    else other.open(next).setPrevious(right);
  }

  // --- Walking -------------------------------------------------------------------------------------------------------

  /** Stops at the first item; false when there is none. Steps forward by `next`. */
  first(): boolean {
    if (this.count === 0) return false;
    if (this.encoding === LARGE) this.node.open(this.head);
    this.takeForward(this.node.start);
    return true;
  }

  last(): boolean {
    if (this.count === 0) return false;
    if (this.encoding === LARGE) this.node.open(this.tail);
    this.takeBackward(this.node.end);
    return true;
  }

  next(): boolean {
    return this.forwardFrom(this.offsetEnd);
  }

  previous(): boolean {
    return this.backwardFrom(this.offset);
  }

  /** After `removeCurrent`: stops at the item that followed the removed one; false at the end. */
  resumeForward(): boolean {
    return this.count > 0 && this.forwardFrom(this.offset);
  }

  /** After `removeCurrent`: stops at the item before the removed one; false at the start. */
  resumeBackward(): boolean {
    return this.count > 0 && this.backwardFrom(this.offset);
  }

  /** Stops at the item that begins at `offset`, or at the next node's first when that is the end of this one. */
  private forwardFrom(offset: number): boolean {
    const { node } = this;
    if (offset >= node.end) {
      if (node.next === NONE) return false;
      offset = node.open(node.next).start;
    }
    this.takeForward(offset);
    return true;
  }

  private backwardFrom(offset: number): boolean {
    const { node } = this;
    if (offset <= node.start) {
      if (node.previous === NONE) return false;
      offset = node.open(node.previous).end;
    }
    this.takeBackward(offset);
    return true;
  }

  private takeForward(offset: number): void {
    this.offset = offset;
    this.offsetEnd = this.node.readForward(offset);
    this.takeRange();
  }

  private takeBackward(offset: number): void {
    this.offsetEnd = offset;
    this.offset = this.node.readBackward(offset);
    this.takeRange();
  }

  private takeRange(): void {
    this.segment = this.node.segment;
    this.view = this.node.view;
    this.from = this.node.from;
    this.to = this.node.to;
  }

  /** Stops at the item of this index (0 … count - 1); false when there is none. */
  seek(index: number): boolean {
    if (index < 0 || index >= this.count) return false;
    const { node } = this;
    if (this.encoding === LARGE) {
      if (index < this.total >> 1) {
        node.open(this.head);
        while (index >= node.count) {
          index -= node.count;
          node.open(node.next);
        }
      } else {
        let after = this.total - index;
        node.open(this.tail);
        while (after > node.count) {
          after -= node.count;
          node.open(node.previous);
        }
        index = node.count - after;
      }
    }
    this.takeForward(node.offsetOf(index));
    return true;
  }

  // --- Changes in the middle -----------------------------------------------------------------------------------------

  /** Removes the current item. The walk goes on by `resumeForward` or `resumeBackward`, before anything else happens. */
  removeCurrent(): void {
    const { node } = this;
    if (this.encoding === LARGE) this.guard?.beforeNodeChange(node.address);
    node.remove(this.offset);
    // At the front the node's start moved up to the item that followed, elsewhere that item moved to `offset`.
    if (this.offsetEnd === node.start) this.offset = node.start;
    this.offsetEnd = this.offset;
    if (this.encoding === PACKED) return;
    this.total--;
    if (node.count === 0 && this.total > 0) this.unlinkNode();
    this.saveRoot();
  }

  /** Gives the current item another content. `expect` came before. */
  replaceCurrent(bytes: Uint8Array, from: number, to: number): void {
    const { node } = this;
    // A node may grow over its limit by it, as it does in Valkey, but not by what has a node of its own.
    const aloneBytes = listNodeBytes(this.limits.listNodeSize);
    if (this.encoding === PACKED || (to - from <= aloneBytes && this.to - this.from <= aloneBytes)) {
      if (this.encoding === LARGE) this.guard?.beforeNodeChange(node.address);
      const before = this.offset - node.start;
      const old = node.address;
      node.replace(this.offset, bytes, from, to, 0);
      this.nodeMoved(old);
      if (this.encoding === LARGE) this.saveRoot();
      this.takeForward(node.start + before);
      return;
    }
    this.insertHere(this.offsetEnd, bytes, from, to);
    // The new item follows the old one: the node that both were in may have been split between them.
    this.previous();
    this.removeCurrent();
  }

  /** Adds an item before the current one. `expect` came before. */
  insertBefore(bytes: Uint8Array, from: number, to: number): void {
    this.insertHere(this.offset, bytes, from, to);
  }

  /** Adds an item after the current one. */
  insertAfter(bytes: Uint8Array, from: number, to: number): void {
    this.insertHere(this.offsetEnd, bytes, from, to);
  }

  /** Adds an item in the open node at `offset`, splitting the node when it is full; stops at the new item. */
  private insertHere(offset: number, bytes: Uint8Array, from: number, to: number): void {
    const { node } = this;
    if (this.encoding === LARGE) {
      this.guard?.beforeNodeChange(node.address);
      const size = itemBytes(to - from);
      if (this.isFull(size)) {
        if (offset > node.start && offset < node.end) this.splitNode(offset);
        if (this.isFull(size)) offset = this.roomBeside(offset, size);
      }
    }
    const before = offset - node.start;
    const old = node.address;
    node.insert(offset, bytes, from, to, this.encoding === PACKED ? 0 : this.grownBytes());
    this.nodeMoved(old);
    if (this.encoding === LARGE) {
      this.total++;
      this.saveRoot();
    }
    this.takeForward(node.start + before);
  }

  /** `offset` is the start or the end of the open, full node: opens a neighbour with room there, or makes one. Returns the offset in it. */
  private roomBeside(offset: number, size: number): number {
    const { node } = this;
    const own = node.address;
    const atStart = offset === node.start;
    const neighbour = atStart ? node.previous : node.next;
    if (neighbour !== NONE) {
      node.open(neighbour);
      if (!this.isFull(size)) {
        this.guard?.beforeNodeChange(neighbour);
        return atStart ? node.end : node.start;
      }
    }
    this.addNode(atStart ? neighbour : own, atStart ? own : neighbour, size, false);
    return node.start;
  }

  // --- The end of a list ---------------------------------------------------------------------------------------------

  /** Frees the open list. */
  free(): void {
    if (this.encoding === PACKED) {
      this.arena.free(this.root);
      return;
    }
    for (let address = this.head; address !== NONE; ) {
      const next = this.node.open(address).next;
      this.arena.free(address);
      address = next;
    }
    this.arena.free(this.root);
  }

  /** Frees up to `nodes` nodes of a large list that nobody refers to any more; true when all is freed. */
  freeSome(nodes: number): boolean {
    while (nodes-- > 0 && this.head !== NONE) {
      const next = this.node.open(this.head).next;
      this.arena.free(this.head);
      this.head = next;
    }
    if (this.head === NONE) {
      this.arena.free(this.root);
      return true;
    }
    this.saveRoot();
    return false;
  }
}
