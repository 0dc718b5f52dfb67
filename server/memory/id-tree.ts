/**
 * An ordered map from ids (memory/stream-id.ts) to a few words: a B+tree with the keys in its leaves. What a stream's nodes,
 * and a group's and a consumer's pending entries, are found by. Hot file: no allocation per operation.
 *
 * Record, three words within an allocation of the owner's: [root node][height: inner levels above the leaves][entries].
 * Leaf: [count][capacity] then per entry [id: 4 words][payload words]. Inner: the same with a child as payload, its id a lower
 * bound of the ids below. Nodes begin small and double up to NODE_BYTES, so that a map of one entry takes 24 bytes and more.
 * Cost: find, insert, remove O(log n); next and previous O(1) mostly. Ascending inserts fill their leaves.
 * One instance is a cursor over the map it has open. After `remove` it stands nowhere until the next seek.
 */
import type { Address, Arena } from './arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from './arena.ts';
import { ID_WORDS, StreamId } from './stream-id.ts';

export const TREE_RECORD_WORDS = 3;
const NODE_BYTES = 1024;
const HEADER = 2;
const HEADER_BYTES = HEADER * 4;
const INNER_WORDS = ID_WORDS + 1;
/** 50^5 leaves: more than addresses can name. */
const MAX_HEIGHT = 8;

export class IdTree {
  readonly arena: Arena;
  /** Words of an entry. */
  private readonly width: number;
  private readonly leafSlots: number;
  private readonly innerSlots: number;
  /** Where the open map's record stands. */
  private recordWords: Int32Array;
  private recordAt = 0;
  private root: Address = NONE;
  private height = 0;
  count = 0;
  /** The cursor: a leaf, an index in it, and the way there. NONE: at the end. */
  private leaf: Address = NONE;
  private index = 0;
  private readonly pathNode = new Int32Array(MAX_HEIGHT);
  private readonly pathIndex = new Int32Array(MAX_HEIGHT);
  private readonly separator = new StreamId();
  private readonly bound = new StreamId();

  constructor(arena: Arena, payloadWords: number) {
    this.arena = arena;
    this.width = ID_WORDS + payloadWords;
    this.leafSlots = Math.floor((NODE_BYTES - HEADER_BYTES) / (this.width * 4));
    this.innerSlots = Math.floor((NODE_BYTES - HEADER_BYTES) / (INNER_WORDS * 4));
    this.recordWords = arena.words[0]!;
  }

  /** Opens the map whose record stands at a word of an allocation. It must not move while it is open. */
  open(owner: Address, word: number): this {
    const words = this.arena.words[owner >>> SEGMENT_OF_SHIFT]!;
    const at = ((owner & OFFSET_MASK) << 1) + word;
    this.recordWords = words;
    this.recordAt = at;
    this.root = words[at]!;
    this.height = words[at + 1]!;
    this.count = words[at + 2]!;
    this.leaf = NONE;
    return this;
  }

  // --- The cursor ----------------------------------------------------------------------------------------------------

  get atEnd(): boolean {
    return this.leaf === NONE;
  }

  /** Stops at the first entry whose id is not below this one; true when it is this one. */
  seek(id: StreamId): boolean {
    if (this.root === NONE) {
      this.leaf = NONE;
      return false;
    }
    this.descend(id);
    const words = this.wordsOf(this.leaf);
    const at = wordAt(this.leaf);
    if (this.index < words[at]!) return compareAt(words, at + HEADER + this.index * this.width, id) === 0;
    this.index--;
    this.next();
    return false;
  }

  /** Stops at the last entry whose id is not above this one; false when there is none. */
  seekAtMost(id: StreamId): boolean {
    if (this.seek(id)) return true;
    return this.leaf === NONE ? this.last() : this.previous();
  }

  first(): boolean {
    return this.edge(false);
  }

  last(): boolean {
    return this.edge(true);
  }

  private edge(last: boolean): boolean {
    this.leaf = NONE;
    let node = this.root;
    if (node === NONE) return false;
    for (let level = 0; level < this.height; level++) node = this.step(level, node, last);
    this.leaf = node;
    this.index = last ? this.countOf(node) - 1 : 0;
    return true;
  }

  /** Takes the first or last child of an inner node into the path. */
  private step(level: number, node: Address, last: boolean): Address {
    const index = last ? this.countOf(node) - 1 : 0;
    this.pathNode[level] = node;
    this.pathIndex[level] = index;
    return this.childOf(node, index);
  }

  /** Moves to the next entry; false at the end. */
  next(): boolean {
    if (this.leaf === NONE) return false;
    if (++this.index < this.countOf(this.leaf)) return true;
    return this.turn(false);
  }

  /** Moves to the entry before; false, and at the end, when there is none. */
  previous(): boolean {
    if (this.leaf === NONE) return false;
    if (--this.index >= 0) return true;
    return this.turn(true);
  }

  /** Moves to the neighbouring leaf. */
  private turn(backwards: boolean): boolean {
    let level = this.height - 1;
    for (; level >= 0; level--) {
      const index = this.pathIndex[level]! + (backwards ? -1 : 1);
      if (index < 0 || index >= this.countOf(this.pathNode[level]!)) continue;
      this.pathIndex[level] = index;
      let node = this.childOf(this.pathNode[level]!, index);
      for (let below = level + 1; below < this.height; below++) node = this.step(below, node, backwards);
      this.leaf = node;
      this.index = backwards ? this.countOf(node) - 1 : 0;
      return true;
    }
    this.leaf = NONE;
    return false;
  }

  /** The id of the entry that the cursor stands at. */
  readId(into: StreamId): StreamId {
    return into.load(this.wordsOf(this.leaf), this.entryAt());
  }

  payload(word: number): number {
    return this.wordsOf(this.leaf)[this.entryAt() + ID_WORDS + word]!;
  }

  setPayload(word: number, value: number): void {
    this.wordsOf(this.leaf)[this.entryAt() + ID_WORDS + word] = value;
  }

  /** Two words of the payload, from an even one on, as a double; the width of an entry must be even. */
  payloadDouble(word: number): number {
    return this.arena.doubles[this.leaf >>> SEGMENT_OF_SHIFT]![(this.entryAt() + ID_WORDS + word) >> 1]!;
  }

  setPayloadDouble(word: number, value: number): void {
    this.arena.doubles[this.leaf >>> SEGMENT_OF_SHIFT]![(this.entryAt() + ID_WORDS + word) >> 1] = value;
  }

  private entryAt(): number {
    return wordAt(this.leaf) + HEADER + this.index * this.width;
  }

  // --- Changes -------------------------------------------------------------------------------------------------------

  /** Adds an id that is not in the map, and stands at it; its payload is the caller's to write. */
  insert(id: StreamId): void {
    if (this.root === NONE) {
      this.root = this.newNode(1, this.width);
      this.height = 0;
    }
    this.count++;
    this.descend(id);
    let leaf = this.leaf;
    const count = this.countOf(leaf);
    if (count < this.leafSlots) {
      leaf = this.withRoom(this.height - 1, leaf, this.width, this.leafSlots);
      this.leaf = leaf;
      this.makeGap(leaf, this.width, this.index);
      id.store(this.wordsOf(leaf), this.entryAt());
      this.save();
      return;
    }
    const { index } = this;
    const keep = index === count && this.isRightmost() ? count : count >> 1;
    const right = this.split(leaf, this.width, keep, this.leafSlots);
    const intoRight = index > keep || keep === count;
    const target = intoRight ? right : leaf;
    const place = intoRight ? index - keep : index;
    this.makeGap(target, this.width, place);
    id.store(this.wordsOf(target), wordAt(target) + HEADER + place * this.width);
    this.separator.load(this.wordsOf(right), wordAt(right) + HEADER);
    this.addSibling(this.height - 1, leaf, right);
    this.save();
    this.seek(id);
  }

  /** Removes the entry that the cursor stands at, which then stands nowhere. */
  remove(): void {
    const { leaf, width } = this;
    this.count--;
    const left = this.closeGap(leaf, width, this.index);
    this.leaf = NONE;
    if (left === 0) {
      this.arena.free(leaf);
      this.removeChild(this.height - 1);
    } else if (this.height > 0 && left < this.leafSlots >> 2) this.merge(leaf, left);
    else if (left <= this.capacityOf(leaf) >> 2) this.shrink(leaf, left);
    this.save();
  }

  /** Frees the first leaf with its entries; false when nothing is left. Walk its entries before (`first`, `leafEntries`). */
  dropFirstLeaf(): boolean {
    if (!this.first()) return false;
    this.count -= this.countOf(this.leaf);
    this.arena.free(this.leaf);
    this.leaf = NONE;
    this.removeChild(this.height - 1);
    this.save();
    return this.root !== NONE;
  }

  /** Entries of the leaf that the cursor stands in. */
  get leafEntries(): number {
    return this.leaf === NONE ? 0 : this.countOf(this.leaf);
  }

  /** Bytes of the nodes. */
  nodeBytes(): number {
    return this.root === NONE ? 0 : this.bytesBelow(this.root, this.height);
  }

  private bytesBelow(node: Address, height: number): number {
    let bytes = this.arena.capacity(node);
    if (height > 0)
      for (let i = this.countOf(node) - 1; i >= 0; i--) bytes += this.bytesBelow(this.childOf(node, i), height - 1);
    return bytes;
  }

  private save(): void {
    const { recordWords, recordAt } = this;
    recordWords[recordAt] = this.root;
    recordWords[recordAt + 1] = this.height;
    recordWords[recordAt + 2] = this.count;
  }

  private merge(leaf: Address, left: number): void {
    const level = this.height - 1;
    const parent = this.pathNode[level]!;
    const index = this.pathIndex[level]!;
    const other = index + 1 < this.countOf(parent) ? index + 1 : index - 1;
    if (other < 0) return this.shrink(leaf, left);
    const sibling = this.childOf(parent, other);
    const together = left + this.countOf(sibling);
    if (together > (this.leafSlots * 3) >> 2) return this.shrink(leaf, left);
    const first = Math.min(index, other);
    const from = other > index ? sibling : leaf;
    let into = other > index ? leaf : sibling;
    const intoCount = this.countOf(into);
    into = this.resized(into, this.width, together);
    this.setChild(parent, first, into);
    const target = this.wordsOf(into);
    const source = this.wordsOf(from);
    const to = wordAt(into) + HEADER + intoCount * this.width;
    const at = wordAt(from) + HEADER;
    const moved = this.countOf(from) * this.width;
    for (let i = 0; i < moved; i++) target[to + i] = source[at + i]!;
    target[wordAt(into)] = together;
    this.arena.free(from);
    this.pathIndex[level] = first + 1;
    this.removeChild(level);
  }

  private shrink(leaf: Address, entries: number): void {
    if (entries > this.capacityOf(leaf) >> 1) return;
    this.replaceChild(this.height - 1, this.resized(leaf, this.width, entries));
  }

  /** Takes the child of the path out of its parent at `level`, and the parent too when it was the last one. */
  private removeChild(level: number): void {
    for (; level >= 0; level--) {
      const node = this.pathNode[level]!;
      if (this.closeGap(node, INNER_WORDS, this.pathIndex[level]!) > 0) break;
      this.arena.free(node);
    }
    if (level < 0) {
      this.root = NONE;
      this.height = 0;
      return;
    }
    while (this.height > 0 && this.countOf(this.root) === 1) {
      const child = this.childOf(this.root, 0);
      this.arena.free(this.root);
      this.root = child;
      this.height--;
    }
  }

  private addSibling(level: number, left: Address, right: Address): void {
    if (level < 0) {
      const root = this.newNode(2, INNER_WORDS);
      const words = this.wordsOf(root);
      const at = wordAt(root);
      words[at] = 2;
      // The first child's bound is never looked at but in a split, where any id below its entries will do.
      for (let i = 0; i < ID_WORDS; i++) words[at + HEADER + i] = 0;
      words[at + HEADER + ID_WORDS] = left;
      this.separator.store(words, at + HEADER + INNER_WORDS);
      words[at + HEADER + INNER_WORDS + ID_WORDS] = right;
      this.root = root;
      this.height++;
      return;
    }
    let node = this.pathNode[level]!;
    const index = this.pathIndex[level]! + 1;
    const count = this.countOf(node);
    if (count < this.innerSlots) {
      node = this.withRoom(level - 1, node, INNER_WORDS, this.innerSlots);
      this.putChild(node, index, right);
      return;
    }
    const keep = index === count ? count - 1 : count >> 1;
    const sibling = this.split(node, INNER_WORDS, keep, this.innerSlots);
    if (index > keep) this.putChild(sibling, index - keep, right);
    else this.putChild(node, index, right);
    this.separator.load(this.wordsOf(sibling), wordAt(sibling) + HEADER);
    this.addSibling(level - 1, node, sibling);
  }

  private putChild(node: Address, index: number, child: Address): void {
    this.makeGap(node, INNER_WORDS, index);
    const words = this.wordsOf(node);
    const at = wordAt(node) + HEADER + index * INNER_WORDS;
    this.separator.store(words, at);
    words[at + ID_WORDS] = child;
  }

  // --- Nodes ---------------------------------------------------------------------------------------------------------

  /** Finds the leaf, and in it the index of the first entry not below the id; records the path. */
  private descend(id: StreamId): void {
    const bound = this.bound.set(id);
    let node = this.root;
    for (let level = 0; level < this.height; level++) {
      const words = this.wordsOf(node);
      const at = wordAt(node);
      let low = 0;
      let high = words[at]! - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (compareAt(words, at + HEADER + middle * INNER_WORDS, bound) <= 0) low = middle;
        else high = middle - 1;
      }
      this.pathNode[level] = node;
      this.pathIndex[level] = low;
      node = words[at + HEADER + low * INNER_WORDS + ID_WORDS]!;
    }
    this.leaf = node;
    const words = this.wordsOf(node);
    const at = wordAt(node);
    let low = 0;
    let high = words[at]!;
    // Entries mostly come in ascending order.
    if (high > 0 && compareAt(words, at + HEADER + (high - 1) * this.width, bound) < 0) low = high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareAt(words, at + HEADER + middle * this.width, bound) < 0) low = middle + 1;
      else high = middle;
    }
    this.index = low;
  }

  private isRightmost(): boolean {
    for (let level = 0; level < this.height; level++) {
      if (this.pathIndex[level]! + 1 < this.countOf(this.pathNode[level]!)) return false;
    }
    return true;
  }

  private newNode(slots: number, width: number): Address {
    const node = this.arena.allocate(HEADER_BYTES + slots * width * 4);
    const words = this.wordsOf(node);
    words[wordAt(node)] = 0;
    words[wordAt(node) + 1] = slots;
    return node;
  }

  /** The node with room for one entry more; its parent at `level` is told when it moved. */
  private withRoom(level: number, node: Address, width: number, most: number): Address {
    const capacity = this.capacityOf(node);
    if (this.countOf(node) < capacity) return node;
    const moved = this.resized(node, width, Math.min(most, capacity * 2));
    this.replaceChild(level, moved);
    return moved;
  }

  /** The node of the path below `level` has another address. */
  private replaceChild(level: number, node: Address): void {
    if (level < 0) this.root = node;
    else this.setChild(this.pathNode[level]!, this.pathIndex[level]!, node);
    if (level + 1 < this.height) this.pathNode[level + 1] = node;
  }

  private resized(node: Address, width: number, slots: number): Address {
    const size = HEADER_BYTES + slots * width * 4;
    const moved = this.arena.resize(node, HEADER_BYTES + this.countOf(node) * width * 4, size);
    this.wordsOf(moved)[wordAt(moved) + 1] = slots;
    return moved;
  }

  /** Moves what stands from `keep` on into a new node. */
  private split(node: Address, width: number, keep: number, slots: number): Address {
    const count = this.countOf(node);
    const right = this.newNode(keep === count ? 1 : slots, width);
    const words = this.wordsOf(node);
    const target = this.wordsOf(right);
    const from = wordAt(node) + HEADER + keep * width;
    const to = wordAt(right) + HEADER;
    const moved = (count - keep) * width;
    for (let i = 0; i < moved; i++) target[to + i] = words[from + i]!;
    words[wordAt(node)] = keep;
    target[wordAt(right)] = count - keep;
    return right;
  }

  private makeGap(node: Address, width: number, index: number): void {
    const words = this.wordsOf(node);
    const at = wordAt(node);
    const count = words[at]!;
    const from = at + HEADER + index * width;
    const end = at + HEADER + count * width;
    if (from < end) words.copyWithin(from + width, from, end);
    words[at] = count + 1;
  }

  /** Removes an entry; returns how many are left. */
  private closeGap(node: Address, width: number, index: number): number {
    const words = this.wordsOf(node);
    const at = wordAt(node);
    const count = words[at]! - 1;
    const to = at + HEADER + index * width;
    if (index < count) words.copyWithin(to, to + width, at + HEADER + (count + 1) * width);
    words[at] = count;
    return count;
  }

  private wordsOf(node: Address): Int32Array {
    return this.arena.words[node >>> SEGMENT_OF_SHIFT]!;
  }

  private countOf(node: Address): number {
    return this.wordsOf(node)[wordAt(node)]!;
  }

  private capacityOf(node: Address): number {
    return this.wordsOf(node)[wordAt(node) + 1]!;
  }

  private childOf(node: Address, index: number): Address {
    return this.wordsOf(node)[wordAt(node) + HEADER + index * INNER_WORDS + ID_WORDS]!;
  }

  private setChild(node: Address, index: number, child: Address): void {
    this.wordsOf(node)[wordAt(node) + HEADER + index * INNER_WORDS + ID_WORDS] = child;
  }
}

/** Below 0: the id in these words comes before `id`. */
function compareAt(words: Int32Array, at: number, id: StreamId): number {
  let difference = (words[at]! >>> 0) - id.msHigh;
  if (difference !== 0) return difference;
  difference = (words[at + 1]! >>> 0) - id.msLow;
  if (difference !== 0) return difference;
  difference = (words[at + 2]! >>> 0) - id.seqHigh;
  if (difference !== 0) return difference;
  return (words[at + 3]! >>> 0) - id.seqLow;
}

function wordAt(address: Address): number {
  return (address & OFFSET_MASK) << 1;
}
