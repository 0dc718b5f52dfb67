/**
 * Lists. Hot file: no allocation per push or pop.
 *
 * PACKED: one list node (memory/list-node.ts) without neighbours.
 * LARGE: root `[first node][last node][count][free]`, 16 bytes, and a doubly linked chain of nodes, each of at most the
 * node limit or of one item.
 * Cost: push and pop O(1); an index is found by walking nodes from the nearer end.
 * One instance is a cursor over the list it has open; see hashes.ts for `encoding`, `root` and `saveTo`.
 */
import type { Database } from '../keyspace/database.ts';
import { LARGE, PACKED } from '../keyspace/entry.ts';
import type { Address, Arena } from '../memory/arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { itemBytes, ListNode, NODE_HEADER_BYTES } from '../memory/list-node.ts';
import type { CollectionLimits } from './limits.ts';
import { listNodeBytes } from './limits.ts';

const ROOT_BYTES = 16;
const HEAD = 0;
const TAIL = 1;
const COUNT = 2;
/** A node of a large list begins this small and doubles up to the limit. */
const FIRST_NODE_BYTES = 1024;

export class Lists {
  encoding = PACKED;
  root: Address = NONE;
  /** The item that the last seek, step, `first` or `last` stopped at. */
  segment: Uint8Array;
  from = 0;
  to = 0;
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

  /** Converts beforehand when items of so many bytes in all are about to come that one node would not do. */
  expect(items: number, bytes: number): void {
    if (this.encoding === PACKED && this.exceeds(this.node.used + bytes, this.node.count + items)) this.convert();
  }

  /** True when a node of so many bytes and items would be over the limit. */
  private exceeds(bytes: number, items: number): boolean {
    const { listNodeSize } = this.limits;
    if (listNodeSize >= 0 && items > Math.max(1, listNodeSize)) return true;
    return bytes + NODE_HEADER_BYTES > listNodeBytes(listNodeSize);
  }

  pushBack(bytes: Uint8Array, from: number, to: number): void {
    const { node } = this;
    if (this.encoding === PACKED) {
      if (node.count === 0 || !this.exceeds(node.used + itemBytes(to - from), node.count + 1)) {
        node.pushBack(bytes, from, to, 0);
        this.root = node.address;
        return;
      }
      this.convert();
    }
    node.open(this.tail);
    const size = itemBytes(to - from);
    const capacity = this.arena.capacity(node.address);
    if (node.end + size > capacity && !this.worthMoreRoom(capacity, size)) this.appendNode(size);
    else if (this.exceeds(node.used + size, node.count + 1)) this.appendNode(size);
    node.pushBack(bytes, from, to, this.grownBytes(capacity));
    if (node.address !== this.tail) this.tailMoved();
    this.total++;
    this.saveRoot();
  }

  pushFront(bytes: Uint8Array, from: number, to: number): void {
    const { node } = this;
    if (this.encoding === PACKED) {
      if (node.count === 0 || !this.exceeds(node.used + itemBytes(to - from), node.count + 1)) {
        node.pushFront(bytes, from, to, 0);
        this.root = node.address;
        return;
      }
      this.convert();
    }
    node.open(this.head);
    const size = itemBytes(to - from);
    const capacity = this.arena.capacity(node.address);
    if (node.start - size < NODE_HEADER_BYTES && !this.worthMoreRoom(capacity, size)) this.prependNode(size);
    else if (this.exceeds(node.used + size, node.count + 1)) this.prependNode(size);
    node.pushFront(bytes, from, to, this.grownBytes(capacity));
    if (node.address !== this.head) this.headMoved();
    this.total++;
    this.saveRoot();
  }

  /** A node without room at one side: false when it is as large as nodes get and too full to shift its items for it. */
  private worthMoreRoom(capacity: number, size: number): boolean {
    if (capacity < this.largestNode()) return true;
    return capacity - NODE_HEADER_BYTES - this.node.used - size >= capacity >>> 2;
  }

  private largestNode(): number {
    return listNodeBytes(this.limits.listNodeSize);
  }

  private grownBytes(capacity: number): number {
    return Math.min(this.largestNode(), Math.max(FIRST_NODE_BYTES, capacity * 2));
  }

  private appendNode(size: number): void {
    const { node, tail } = this;
    const address = node.create(Math.max(FIRST_NODE_BYTES, NODE_HEADER_BYTES + size), false);
    node.setPrevious(tail);
    this.other.open(tail).setNext(address);
    this.tail = address;
  }

  private prependNode(size: number): void {
    const { node, head } = this;
    const address = node.create(Math.max(FIRST_NODE_BYTES, NODE_HEADER_BYTES + size), true);
    node.setNext(head);
    this.other.open(head).setPrevious(address);
    this.head = address;
  }

  private tailMoved(): void {
    const { node } = this;
    if (this.head === this.tail) this.head = node.address;
    else this.other.open(node.previous).setNext(node.address);
    this.tail = node.address;
  }

  private headMoved(): void {
    const { node } = this;
    if (this.head === this.tail) this.tail = node.address;
    else this.other.open(node.next).setPrevious(node.address);
    this.head = node.address;
  }

  /** The node in `node`, of which `old` was the address, moved: its neighbours and the root follow. */
  private nodeMoved(old: Address): void {
    const { node } = this;
    if (node.address === old) return;
    if (this.encoding === PACKED) {
      this.root = node.address;
      return;
    }
    if (node.previous === NONE) this.head = node.address;
    else this.other.open(node.previous).setNext(node.address);
    if (node.next === NONE) this.tail = node.address;
    else this.other.open(node.next).setPrevious(node.address);
  }

  private saveRoot(): void {
    const words = this.arena.words[this.root >>> SEGMENT_OF_SHIFT]!;
    const at = (this.root & OFFSET_MASK) << 1;
    words[at + HEAD] = this.head;
    words[at + TAIL] = this.tail;
    words[at + COUNT] = this.total;
  }

  /** Stops at the first item; false when there is none. Steps forward by `next`. */
  first(): boolean {
    if (this.count === 0) return false;
    if (this.encoding === LARGE) this.node.open(this.head);
    this.offset = this.node.start;
    this.takeForward();
    return true;
  }

  last(): boolean {
    if (this.count === 0) return false;
    if (this.encoding === LARGE) this.node.open(this.tail);
    this.offsetEnd = this.node.end;
    this.takeBackward();
    return true;
  }

  next(): boolean {
    const { node } = this;
    if (this.offsetEnd >= node.end) {
      if (node.next === NONE) return false;
      node.open(node.next);
      this.offset = node.start;
    } else this.offset = this.offsetEnd;
    this.takeForward();
    return true;
  }

  previous(): boolean {
    const { node } = this;
    if (this.offset <= node.start) {
      if (node.previous === NONE) return false;
      node.open(node.previous);
      this.offsetEnd = node.end;
    } else this.offsetEnd = this.offset;
    this.takeBackward();
    return true;
  }

  private takeForward(): void {
    this.offsetEnd = this.node.readForward(this.offset);
    this.takeRange();
  }

  private takeBackward(): void {
    this.offset = this.node.readBackward(this.offsetEnd);
    this.takeRange();
  }

  private takeRange(): void {
    this.segment = this.node.segment;
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
    this.offset = node.offsetOf(index);
    this.takeForward();
    return true;
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

  /** Removes the current item. The walk goes on by `resumeForward` or `resumeBackward`, before anything else happens. */
  removeCurrent(): void {
    const { node } = this;
    node.removeRange(this.offset, this.offsetEnd, 1);
    // At the front the node's start moved up to the item that followed, elsewhere that item moved to `offset`.
    if (this.offsetEnd === node.start) this.offset = node.start;
    this.offsetEnd = this.offset;
    if (this.encoding === PACKED) return;
    this.total--;
    if (node.count === 0 && this.total > 0) this.unlinkNode();
    this.saveRoot();
  }

  /** After `removeCurrent`: stops at the item that followed the removed one; false at the end. */
  resumeForward(): boolean {
    const { node } = this;
    if (this.count === 0) return false;
    if (this.offset >= node.end) {
      if (node.next === NONE) return false;
      node.open(node.next);
      this.offset = node.start;
    }
    this.takeForward();
    return true;
  }

  /** After `removeCurrent`: stops at the item before the removed one; false at the start. */
  resumeBackward(): boolean {
    const { node } = this;
    if (this.count === 0) return false;
    if (this.offset <= node.start) {
      if (node.previous === NONE) return false;
      node.open(node.previous);
      this.offsetEnd = node.end;
    } else this.offsetEnd = this.offset;
    this.takeBackward();
    return true;
  }

  /** Takes the empty node out of the chain; `node` then stands between its neighbours: at the start of the next or the end of the previous. */
  private unlinkNode(): void {
    const { node, other } = this;
    const { address, previous, next } = node;
    if (previous === NONE) this.head = next;
    else other.open(previous).setNext(next);
    if (next === NONE) this.tail = previous;
    else other.open(next).setPrevious(previous);
    this.arena.free(address);
    if (next !== NONE) {
      node.open(next);
      this.offset = node.start;
    } else {
      node.open(previous);
      this.offset = node.end;
    }
    this.offsetEnd = this.offset;
  }

  /** Gives the current item another content. */
  replaceCurrent(bytes: Uint8Array, from: number, to: number): void {
    if (this.to - this.from === to - from) {
      this.segment.set(bytes.subarray(from, to), this.from);
      return;
    }
    this.insertHere(this.offsetEnd, bytes, from, to);
    // The new item follows the current one, which is found again by its bytes' place: the node it was in may have been split.
    this.removeBeforeInserted();
  }

  private removeBeforeInserted(): void {
    // `insertHere` stopped at the new item.
    this.previous();
    this.removeCurrent();
  }

  /** Adds an item before the current one. */
  insertBefore(bytes: Uint8Array, from: number, to: number): void {
    this.insertHere(this.offset, bytes, from, to);
  }

  /** Adds an item after the current one. */
  insertAfter(bytes: Uint8Array, from: number, to: number): void {
    this.insertHere(this.offsetEnd, bytes, from, to);
  }

  /** Adds an item in the current node at `offset`, splitting the node when it is full; stops at the new item. */
  private insertHere(offset: number, bytes: Uint8Array, from: number, to: number): void {
    const { node } = this;
    const size = itemBytes(to - from);
    if (this.encoding === PACKED && this.exceeds(node.used + size, node.count + 1)) {
      const before = offset - node.start;
      this.convert();
      node.open(this.head);
      offset = node.start + before;
    }
    if (this.encoding === LARGE && this.exceeds(node.used + size, node.count + 1)) {
      if (offset > node.start && offset < node.end) this.splitNode(offset);
      offset = this.roomBeside(offset, size);
    }
    const before = offset - node.start;
    const old = node.address;
    node.insert(offset, bytes, from, to, this.encoding === PACKED ? 0 : this.grownBytes(this.arena.capacity(old)));
    this.nodeMoved(old);
    if (this.encoding === LARGE) {
      this.total++;
      this.saveRoot();
    }
    this.offset = node.start + before;
    this.takeForward();
  }

  /** The place `offset` is the start or end of the full node: finds a neighbour with room there or makes a node. Returns the offset in it. */
  private roomBeside(offset: number, size: number): number {
    const { node, other } = this;
    const atStart = offset === node.start;
    const neighbour = atStart ? node.previous : node.next;
    if (neighbour !== NONE) {
      other.open(neighbour);
      if (!this.exceeds(other.used + size, other.count + 1)) {
        node.open(neighbour);
        return atStart ? node.end : node.start;
      }
    }
    const own = node.address;
    if (node.count === 0) return node.start;
    const address = node.create(Math.max(FIRST_NODE_BYTES, NODE_HEADER_BYTES + size), false);
    const left = atStart ? neighbour : own;
    const right = atStart ? own : neighbour;
    node.setPrevious(left);
    node.setNext(right);
    if (left === NONE) this.head = address;
    else other.open(left).setNext(address);
    if (right === NONE) this.tail = address;
    else other.open(right).setPrevious(address);
    return node.start;
  }

  /** Splits the current node: what stands from `offset` on becomes a node of its own; `node` stays on the left part. */
  private splitNode(offset: number): void {
    const { node, other } = this;
    let moved = 0;
    for (let at = offset; at < node.end; moved++) at = node.readForward(at);
    const { next } = node;
    const right = other.create(NODE_HEADER_BYTES + node.end - offset, false);
    node.moveTail(offset, moved, other);
    other.setPrevious(node.address);
    other.setNext(next);
    node.setNext(right);
    if (next === NONE) this.tail = right;
    else other.open(next).setPrevious(right);
  }

  /** Removes `count` items from the front. Whole nodes go at once. */
  dropFront(count: number): void {
    const { node } = this;
    if (this.encoding === LARGE) node.open(this.head);
    while (count > 0) {
      if (this.encoding === LARGE && node.count <= count && this.total > node.count) {
        count -= node.count;
        this.total -= node.count;
        node.count = 0;
        this.unlinkNode();
        continue;
      }
      let offset = node.start;
      for (let i = 0; i < count; i++) offset = node.readForward(offset);
      node.removeRange(node.start, offset, count);
      this.total -= count;
      count = 0;
    }
    if (this.encoding === LARGE) this.saveRoot();
  }

  dropBack(count: number): void {
    const { node } = this;
    if (this.encoding === LARGE) node.open(this.tail);
    while (count > 0) {
      if (this.encoding === LARGE && node.count <= count && this.total > node.count) {
        count -= node.count;
        this.total -= node.count;
        node.count = 0;
        this.unlinkNode();
        continue;
      }
      let offset = node.end;
      for (let i = 0; i < count; i++) offset = node.readBackward(offset);
      node.removeRange(offset, node.end, count);
      this.total -= count;
      count = 0;
    }
    if (this.encoding === LARGE) this.saveRoot();
  }

  /** After removals: gives memory back, and makes a list of one node, half full at most, packed again, as Valkey does. */
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
    if (node.used > listNodeBytes(listNodeSize) / 2 || (listNodeSize >= 0 && node.count > listNodeSize / 2)) return;
    this.arena.free(this.root);
    this.encoding = PACKED;
    if (node.count > 0) node.shrink();
    this.root = node.address;
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
