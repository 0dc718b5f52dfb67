/**
 * An ordered index of scored entries: a B+tree with subtree counts, so that ranks cost O(log n). The order of sorted sets.
 * Hot file: no allocation per operation.
 *
 * It holds addresses of entries `[score: f64][member length: varint][member]` that another structure owns, ordered by
 * score, then by the member's bytes. An entry's score must not change while it is in here, unless its place stays the same.
 * Record, 8 bytes: [root node][height: inner levels above the leaves].
 * Leaf, 256 bytes: [count][previous leaf][next leaf][free] then up to 60 entry addresses.
 * Inner, 512 bytes: [children][3 words free] then up to 41 × [child][its first entry][entries below it].
 * Cost: insert, remove, seek O(log n) with about log2(n) entries read; next and previous O(1); about 6 bytes an entry.
 * It knows the arena and nothing above it.
 */
import type { Address, Arena } from './arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from './arena.ts';
import { readVarint, varintBytes } from './varint.ts';

const LEAF_BYTES = 256;
const LEAF_SLOTS = 60;
const INNER_BYTES = 512;
const INNER_SLOTS = 41;
/** Below this a node looks for a neighbour to merge with; both together must leave room to grow. */
const LEAF_LOW = 15;
const LEAF_MERGED = 45;
const INNER_LOW = 10;
const INNER_MERGED = 30;
/** How full `load` makes nodes: room for some inserts before they split. */
const LEAF_LOADED = 54;
const INNER_LOADED = 36;
/** 60 × 41^5 entries: more than addresses can name. */
const MAX_HEIGHT = 12;

const COUNT = 0;
const PREVIOUS = 1;
const NEXT = 2;
const HEADER = 4;
const CHILD_WORDS = 3;

export const SCORE_BYTES = 8;

/** What a bound compares by. */
const BY_ELEMENT = 0;
const BY_SCORE = 1;
const BY_SCORE_ABOVE = 2;
const BY_MEMBER = 3;
const BY_MEMBER_ABOVE = 4;

export class Ordered {
  readonly arena: Arena;
  private record: Address = NONE;
  private root: Address = NONE;
  private height = 0;
  /** Where the last seek stopped: the entry there, NONE at the end. */
  entry: Address = NONE;
  private leaf: Address = NONE;
  private index = 0;
  private readonly pathNode = new Int32Array(MAX_HEIGHT);
  private readonly pathIndex = new Int32Array(MAX_HEIGHT);
  private kind = BY_ELEMENT;
  private score = 0;
  private bytes: Uint8Array;
  private from = 0;
  private to = 0;

  constructor(arena: Arena) {
    this.arena = arena;
    this.bytes = arena.bytes[0]!;
  }

  /** Makes an empty tree, opens it and returns its record. */
  create(): Address {
    const record = this.arena.allocate(8);
    this.record = record;
    this.root = this.newLeaf();
    this.height = 0;
    this.saveRecord();
    return record;
  }

  open(record: Address): this {
    const words = this.arena.words[record >>> SEGMENT_OF_SHIFT]!;
    const at = (record & OFFSET_MASK) << 1;
    this.record = record;
    this.root = words[at]!;
    this.height = words[at + 1]!;
    return this;
  }

  /** Frees nodes and record; the entries are their owner's. */
  destroy(): void {
    this.freeNode(this.root, this.height);
    this.arena.free(this.record);
    this.record = NONE;
    this.root = NONE;
  }

  /** Fills the empty tree with entries that are in order already. */
  load(entries: Int32Array, count: number): void {
    if (count === 0) return;
    this.arena.free(this.root);
    let nodes: Address[] = [];
    let sizes: number[] = [];
    let firsts: Address[] = [];
    const leaves = Math.ceil(count / LEAF_LOADED);
    let previous: Address = NONE;
    for (let i = 0; i < leaves; i++) {
      const from = Math.floor((i * count) / leaves);
      const to = Math.floor(((i + 1) * count) / leaves);
      const leaf = this.newLeaf();
      const words = this.wordsOf(leaf);
      const at = wordAt(leaf);
      words[at] = to - from;
      words[at + PREVIOUS] = previous;
      if (previous !== NONE) this.wordsOf(previous)[wordAt(previous) + NEXT] = leaf;
      words.set(entries.subarray(from, to), at + HEADER);
      previous = leaf;
      nodes.push(leaf);
      sizes.push(to - from);
      firsts.push(entries[from]!);
    }
    this.height = 0;
    for (; nodes.length > 1; this.height++) {
      const parents = Math.ceil(nodes.length / INNER_LOADED);
      const parentNodes: Address[] = [];
      const parentSizes: number[] = [];
      const parentFirsts: Address[] = [];
      for (let i = 0; i < parents; i++) {
        const from = Math.floor((i * nodes.length) / parents);
        const to = Math.floor(((i + 1) * nodes.length) / parents);
        const node = this.arena.allocate(INNER_BYTES);
        const words = this.wordsOf(node);
        const at = wordAt(node);
        words[at] = to - from;
        let size = 0;
        for (let child = from; child < to; child++) {
          setChild(words, at + HEADER + (child - from) * CHILD_WORDS, nodes[child]!, firsts[child]!, sizes[child]!);
          size += sizes[child]!;
        }
        parentNodes.push(node);
        parentSizes.push(size);
        parentFirsts.push(firsts[from]!);
      }
      nodes = parentNodes;
      sizes = parentSizes;
      firsts = parentFirsts;
    }
    this.root = nodes[0]!;
    this.saveRecord();
  }

  /** Adds an entry that is not in the tree. */
  insert(entry: Address): void {
    this.boundOfEntry(entry);
    this.descend();
    for (let level = 0; level < this.height; level++) this.addToCount(level, 1);
    const leaf = this.leaf;
    const words = this.wordsOf(leaf);
    const at = wordAt(leaf);
    const count = words[at]!;
    const { index } = this;
    if (index === 0) this.firstChanged(entry);
    if (count < LEAF_SLOTS) {
      const slot = at + HEADER + index;
      for (let i = at + HEADER + count; i > slot; i--) words[i] = words[i - 1]!;
      words[slot] = entry;
      words[at] = count + 1;
      return;
    }
    this.splitLeaf(leaf, index, entry);
  }

  /** Removes an entry that is in the tree. */
  remove(entry: Address): void {
    this.seekEntry(entry);
    if (this.entry !== entry) throw new Error('ordered: the entry to remove is not in its place');
    this.removeHere(1);
  }

  /** Removes up to `count` entries from where the last seek stopped, as many as stand in one leaf; returns how many. */
  removeHere(count: number): number {
    const leaf = this.leaf;
    const words = this.wordsOf(leaf);
    const at = wordAt(leaf);
    const removed = Math.min(count, words[at]! - this.index);
    const left = words[at]! - removed;
    for (let level = 0; level < this.height; level++) this.addToCount(level, -removed);
    const slot = at + HEADER;
    for (let i = this.index; i < left; i++) words[slot + i] = words[slot + i + removed]!;
    words[at] = left;
    this.entry = NONE;
    if (this.height === 0) return removed;
    if (left === 0) {
      this.unlinkLeaf(leaf);
      this.removeChild(this.height - 1, this.pathIndex[this.height - 1]!);
      return removed;
    }
    if (this.index === 0) this.firstChanged(words[slot]!);
    if (left < LEAF_LOW) this.mergeLeaf();
    return removed;
  }

  /** True when the entry, in the tree at its present score, would keep its place with another one. */
  keepsPlace(entry: Address, score: number): boolean {
    this.seekEntry(entry);
    const words = this.wordsOf(this.leaf);
    const at = wordAt(this.leaf);
    let before: Address = NONE;
    let after: Address = NONE;
    if (this.index > 0) before = words[at + HEADER + this.index - 1]!;
    else if (words[at + PREVIOUS] !== NONE) before = this.lastOf(words[at + PREVIOUS]!);
    if (this.index + 1 < words[at]!) after = words[at + HEADER + this.index + 1]!;
    else if (words[at + NEXT] !== NONE) after = this.firstOf(words[at + NEXT]!);
    this.score = score;
    return (before === NONE || this.compare(before) < 0) && (after === NONE || this.compare(after) > 0);
  }

  // --- Seeking -------------------------------------------------------------------------------------------------------

  /** Stops at an entry of the tree. */
  seekEntry(entry: Address): void {
    this.boundOfEntry(entry);
    this.seekBound();
  }

  /** Stops at the first entry with a score of at least (or, exclusive, above) `score`. */
  seekScore(score: number, exclusive: boolean): void {
    this.kind = exclusive ? BY_SCORE_ABOVE : BY_SCORE;
    this.score = score;
    this.seekBound();
  }

  /** Stops at the first entry whose member is at least (or, exclusive, after) bytes[from, to). Scores are all equal. */
  seekMember(bytes: Uint8Array, from: number, to: number, exclusive: boolean): void {
    this.kind = exclusive ? BY_MEMBER_ABOVE : BY_MEMBER;
    this.bytes = bytes;
    this.from = from;
    this.to = to;
    this.seekBound();
  }

  /** Stops at the entry of this rank, counted from 0; at the end when there are not so many. */
  seekRank(rank: number): void {
    let node = this.root;
    for (let level = 0; level < this.height; level++) {
      const words = this.wordsOf(node);
      let at = wordAt(node);
      const last = words[at]! - 1;
      at += HEADER;
      let child = 0;
      while (child < last && rank >= words[at + 2]!) {
        rank -= words[at + 2]!;
        at += CHILD_WORDS;
        child++;
      }
      this.pathNode[level] = node;
      this.pathIndex[level] = child;
      node = words[at]!;
    }
    this.leaf = node;
    this.index = rank;
    const words = this.wordsOf(node);
    const at = wordAt(node);
    this.entry = rank < words[at]! ? words[at + HEADER + rank]! : NONE;
  }

  /** How many entries stand before the place where the last seek stopped. Valid until the next step. */
  rank(): number {
    let rank = this.index;
    for (let level = 0; level < this.height; level++) {
      const words = this.wordsOf(this.pathNode[level]!);
      let at = wordAt(this.pathNode[level]!) + HEADER + 2;
      for (let i = this.pathIndex[level]!; i > 0; i--) {
        rank += words[at]!;
        at += CHILD_WORDS;
      }
    }
    return rank;
  }

  /** How many entries stand in the leaf where the last seek stopped, from there on; `restAt` gives them. */
  get restOfLeaf(): number {
    return this.wordsOf(this.leaf)[wordAt(this.leaf)]! - this.index;
  }

  restAt(index: number): Address {
    return this.wordsOf(this.leaf)[wordAt(this.leaf) + HEADER + this.index + index]!;
  }

  /** Moves on to the next entry in order; NONE at the end. */
  next(): Address {
    const words = this.wordsOf(this.leaf);
    const at = wordAt(this.leaf);
    if (++this.index < words[at]!) return (this.entry = words[at + HEADER + this.index]!);
    const next = words[at + NEXT]!;
    if (next === NONE) return (this.entry = NONE);
    this.leaf = next;
    this.index = 0;
    return (this.entry = this.firstOf(next));
  }

  previous(): Address {
    const words = this.wordsOf(this.leaf);
    const at = wordAt(this.leaf);
    if (--this.index >= 0) return (this.entry = words[at + HEADER + this.index]!);
    const previous = words[at + PREVIOUS]!;
    if (previous === NONE) return (this.entry = NONE);
    this.leaf = previous;
    this.index = this.wordsOf(previous)[wordAt(previous)]! - 1;
    return (this.entry = this.lastOf(previous));
  }

  /** Bytes of nodes and record. */
  overheadBytes(): number {
    return 8 + this.nodeBytes(this.root, this.height);
  }

  private boundOfEntry(entry: Address): void {
    const segment = entry >>> SEGMENT_OF_SHIFT;
    const bytes = this.arena.bytes[segment]!;
    this.kind = BY_ELEMENT;
    this.score = this.arena.doubles[segment]![entry & OFFSET_MASK]!;
    this.bytes = bytes;
    const at = ((entry & OFFSET_MASK) << 3) + SCORE_BYTES;
    const length = readVarint(bytes, at);
    this.from = at + varintBytes(length);
    this.to = this.from + length;
  }

  private seekBound(): void {
    this.descend();
    const words = this.wordsOf(this.leaf);
    const at = wordAt(this.leaf);
    if (this.index < words[at]!) {
      this.entry = words[at + HEADER + this.index]!;
      return;
    }
    // The place is after this leaf's last entry: `rank` still counts from here, and so do next and previous.
    const next = words[at + NEXT]!;
    this.entry = next === NONE ? NONE : this.firstOf(next);
    if (next !== NONE && this.height > 0) this.stepPath();
  }

  /** Moves the path from the end of a leaf to the start of the next one. */
  private stepPath(): void {
    let level = this.height - 1;
    while (this.pathIndex[level]! + 1 >= this.wordsOf(this.pathNode[level]!)[wordAt(this.pathNode[level]!)]!) level--;
    this.pathIndex[level]!++;
    for (; level < this.height - 1; level++) {
      const node = this.pathNode[level]!;
      this.pathNode[level + 1] = this.wordsOf(node)[wordAt(node) + HEADER + this.pathIndex[level]! * CHILD_WORDS]!;
      this.pathIndex[level + 1] = 0;
    }
    this.leaf = this.wordsOf(this.leaf)[wordAt(this.leaf) + NEXT]!;
    this.index = 0;
  }

  /** Finds the leaf and the index in it of the first entry that is not before the bound; records the path. */
  private descend(): void {
    let node = this.root;
    const { height } = this;
    for (let level = 0; level < height; level++) {
      const words = this.wordsOf(node);
      const at = wordAt(node);
      let low = 0;
      let high = words[at]! - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (this.compare(words[at + HEADER + middle * CHILD_WORDS + 1]!) <= 0) low = middle;
        else high = middle - 1;
      }
      this.pathNode[level] = node;
      this.pathIndex[level] = low;
      node = words[at + HEADER + low * CHILD_WORDS]!;
    }
    this.leaf = node;
    const words = this.wordsOf(node);
    const at = wordAt(node);
    let low = 0;
    let high = words[at]!;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.compare(words[at + HEADER + middle]!) < 0) low = middle + 1;
      else high = middle;
    }
    this.index = low;
  }

  /** Below 0: the entry is before the bound; above 0: after it; 0 only by element. */
  private compare(entry: Address): number {
    const segment = entry >>> SEGMENT_OF_SHIFT;
    const { kind } = this;
    if (kind <= BY_SCORE_ABOVE) {
      const score = this.arena.doubles[segment]![entry & OFFSET_MASK]!;
      if (score < this.score) return -1;
      if (score > this.score) return 1;
      if (kind !== BY_ELEMENT) return kind === BY_SCORE ? 1 : -1;
    }
    const own = this.arena.bytes[segment]!;
    let at = ((entry & OFFSET_MASK) << 3) + SCORE_BYTES;
    let length = own[at]!;
    if (length < 0x80) at++;
    else {
      length = readVarint(own, at);
      at += varintBytes(length);
    }
    const { bytes, from } = this;
    const other = this.to - from;
    const shared = Math.min(length, other);
    for (let i = 0; i < shared; i++) {
      const difference = own[at + i]! - bytes[from + i]!;
      if (difference !== 0) return difference;
    }
    if (length !== other) return length - other;
    return kind === BY_ELEMENT ? 0 : kind === BY_MEMBER ? 1 : -1;
  }

  // --- Nodes ---------------------------------------------------------------------------------------------------------

  private wordsOf(node: Address): Int32Array {
    return this.arena.words[node >>> SEGMENT_OF_SHIFT]!;
  }

  private firstOf(leaf: Address): Address {
    return this.wordsOf(leaf)[wordAt(leaf) + HEADER]!;
  }

  private lastOf(leaf: Address): Address {
    const words = this.wordsOf(leaf);
    const at = wordAt(leaf);
    return words[at + HEADER + words[at]! - 1]!;
  }

  private newLeaf(): Address {
    const leaf = this.arena.allocate(LEAF_BYTES);
    this.wordsOf(leaf).fill(0, wordAt(leaf), wordAt(leaf) + HEADER);
    return leaf;
  }

  private saveRecord(): void {
    const words = this.wordsOf(this.record);
    words[wordAt(this.record)] = this.root;
    words[wordAt(this.record) + 1] = this.height;
  }

  private addToCount(level: number, difference: number): void {
    const node = this.pathNode[level]!;
    this.wordsOf(node)[wordAt(node) + HEADER + this.pathIndex[level]! * CHILD_WORDS + 2]! += difference;
  }

  /** The path's leaf begins with another entry: so do those nodes above of which it is the first child. */
  private firstChanged(entry: Address): void {
    for (let level = this.height - 1; level >= 0; level--) {
      const node = this.pathNode[level]!;
      this.wordsOf(node)[wordAt(node) + HEADER + this.pathIndex[level]! * CHILD_WORDS + 1] = entry;
      if (this.pathIndex[level] !== 0) return;
    }
  }

  /** Inserts into a full leaf. At the end of the last leaf a new one is begun, so that ascending inserts fill their leaves. */
  private splitLeaf(leaf: Address, index: number, entry: Address): void {
    const right = this.newLeaf();
    const words = this.wordsOf(leaf);
    const at = wordAt(leaf);
    const rightWords = this.wordsOf(right);
    const rightAt = wordAt(right);
    const next = words[at + NEXT]!;
    const keep = next === NONE && index === LEAF_SLOTS ? LEAF_SLOTS : LEAF_SLOTS / 2;
    for (let i = keep; i < LEAF_SLOTS; i++) rightWords[rightAt + HEADER + i - keep] = words[at + HEADER + i]!;
    words[at] = keep;
    rightWords[rightAt] = LEAF_SLOTS - keep;
    words[at + NEXT] = right;
    rightWords[rightAt + PREVIOUS] = leaf;
    rightWords[rightAt + NEXT] = next;
    if (next !== NONE) this.wordsOf(next)[wordAt(next) + PREVIOUS] = right;
    const intoRight = index > keep || keep === LEAF_SLOTS;
    const targetWords = intoRight ? rightWords : words;
    const targetAt = intoRight ? rightAt : at;
    const slot = targetAt + HEADER + (intoRight ? index - keep : index);
    for (let i = targetAt + HEADER + targetWords[targetAt]!; i > slot; i--) targetWords[i] = targetWords[i - 1]!;
    targetWords[slot] = entry;
    targetWords[targetAt]!++;
    this.addSibling(this.height - 1, leaf, words[at]!, right, rightWords[rightAt + HEADER]!, rightWords[rightAt]!);
  }

  /** Node `left` of the path was split: its parent, at `level`, gets `right` beside it. Above the root stands a new root. */
  private addSibling(
    level: number,
    left: Address,
    leftCount: number,
    right: Address,
    rightFirst: Address,
    rightCount: number,
  ): void {
    if (level < 0) {
      const root = this.arena.allocate(INNER_BYTES);
      const words = this.wordsOf(root);
      const at = wordAt(root);
      words[at] = 2;
      const leftFirst = this.height === 0 ? this.firstOf(left) : this.wordsOf(left)[wordAt(left) + HEADER + 1]!;
      setChild(words, at + HEADER, left, leftFirst, leftCount);
      setChild(words, at + HEADER + CHILD_WORDS, right, rightFirst, rightCount);
      this.root = root;
      this.height++;
      this.saveRecord();
      return;
    }
    const node = this.pathNode[level]!;
    const words = this.wordsOf(node);
    const at = wordAt(node);
    const index = this.pathIndex[level]! + 1;
    const count = words[at]!;
    words[at + HEADER + (index - 1) * CHILD_WORDS + 2] = leftCount;
    if (count < INNER_SLOTS) {
      insertChild(words, at, index, right, rightFirst, rightCount);
      return;
    }
    const sibling = this.arena.allocate(INNER_BYTES);
    const siblingWords = this.wordsOf(sibling);
    const siblingAt = wordAt(sibling);
    const keep = index === INNER_SLOTS ? INNER_SLOTS - 1 : INNER_SLOTS >> 1;
    for (let i = keep * CHILD_WORDS; i < INNER_SLOTS * CHILD_WORDS; i++) {
      siblingWords[siblingAt + HEADER + i - keep * CHILD_WORDS] = words[at + HEADER + i]!;
    }
    words[at] = keep;
    siblingWords[siblingAt] = INNER_SLOTS - keep;
    if (index > keep) insertChild(siblingWords, siblingAt, index - keep, right, rightFirst, rightCount);
    else insertChild(words, at, index, right, rightFirst, rightCount);
    this.addSibling(
      level - 1,
      node,
      entriesBelow(words, at),
      sibling,
      siblingWords[siblingAt + HEADER + 1]!,
      entriesBelow(siblingWords, siblingAt),
    );
  }

  private unlinkLeaf(leaf: Address): void {
    const words = this.wordsOf(leaf);
    const at = wordAt(leaf);
    const previous = words[at + PREVIOUS]!;
    const next = words[at + NEXT]!;
    if (previous !== NONE) this.wordsOf(previous)[wordAt(previous) + NEXT] = next;
    if (next !== NONE) this.wordsOf(next)[wordAt(next) + PREVIOUS] = previous;
    this.arena.free(leaf);
  }

  /** Takes a child out of the path's node at `level`; nodes that become empty or small are removed, merged, or collapse as the root. */
  private removeChild(level: number, index: number): void {
    const node = this.pathNode[level]!;
    const words = this.wordsOf(node);
    const at = wordAt(node);
    const count = words[at]! - 1;
    words.copyWithin(
      at + HEADER + index * CHILD_WORDS,
      at + HEADER + (index + 1) * CHILD_WORDS,
      at + HEADER + (count + 1) * CHILD_WORDS,
    );
    words[at] = count;
    if (level === 0) {
      if (count === 1) this.collapseRoot();
      return;
    }
    if (count === 0) {
      this.arena.free(node);
      this.removeChild(level - 1, this.pathIndex[level - 1]!);
      return;
    }
    if (index === 0) this.firstOfNodeChanged(level, words[at + HEADER + 1]!);
    if (count < INNER_LOW) this.mergeInner(level);
  }

  private firstOfNodeChanged(level: number, entry: Address): void {
    for (let above = level - 1; above >= 0; above--) {
      const node = this.pathNode[above]!;
      this.wordsOf(node)[wordAt(node) + HEADER + this.pathIndex[above]! * CHILD_WORDS + 1] = entry;
      if (this.pathIndex[above] !== 0) return;
    }
  }

  private collapseRoot(): void {
    while (this.height > 0) {
      const words = this.wordsOf(this.root);
      const at = wordAt(this.root);
      if (words[at] !== 1) break;
      const child = words[at + HEADER]!;
      this.arena.free(this.root);
      this.root = child;
      this.height--;
    }
    this.saveRecord();
  }

  /** Merges the path's leaf with a neighbour under the same parent when both fit well in one. */
  private mergeLeaf(): void {
    const level = this.height - 1;
    const parentWords = this.wordsOf(this.pathNode[level]!);
    const parentAt = wordAt(this.pathNode[level]!);
    const position = this.pathIndex[level]!;
    const left = this.mergePartner(parentWords, parentAt, position, LEAF_MERGED);
    if (left < 0) return;
    const slot = parentAt + HEADER + left * CHILD_WORDS;
    const target = parentWords[slot]!;
    const source = parentWords[slot + CHILD_WORDS]!;
    const words = this.wordsOf(target);
    const at = wordAt(target);
    const sourceWords = this.wordsOf(source);
    const sourceAt = wordAt(source);
    const count = words[at]!;
    const added = sourceWords[sourceAt]!;
    for (let i = 0; i < added; i++) words[at + HEADER + count + i] = sourceWords[sourceAt + HEADER + i]!;
    words[at] = count + added;
    parentWords[slot + 2] = count + added;
    this.unlinkLeaf(source);
    this.removeChild(level, left + 1);
  }

  private mergeInner(level: number): void {
    const parentWords = this.wordsOf(this.pathNode[level - 1]!);
    const parentAt = wordAt(this.pathNode[level - 1]!);
    const position = this.pathIndex[level - 1]!;
    const left = this.innerPartner(parentWords, parentAt, position);
    if (left < 0) return;
    const slot = parentAt + HEADER + left * CHILD_WORDS;
    const target = parentWords[slot]!;
    const source = parentWords[slot + CHILD_WORDS]!;
    const words = this.wordsOf(target);
    const at = wordAt(target);
    const sourceWords = this.wordsOf(source);
    const sourceAt = wordAt(source);
    const count = words[at]!;
    const added = sourceWords[sourceAt]!;
    for (let i = 0; i < added * CHILD_WORDS; i++)
      words[at + HEADER + count * CHILD_WORDS + i] = sourceWords[sourceAt + HEADER + i]!;
    words[at] = count + added;
    parentWords[slot + 2]! += parentWords[slot + CHILD_WORDS + 2]!;
    this.arena.free(source);
    this.removeChild(level - 1, left + 1);
  }

  /** Index of the left one of two neighbours that may be merged, of which `position` is one; -1 for none. */
  private mergePartner(parentWords: Int32Array, parentAt: number, position: number, limit: number): number {
    const own = parentWords[parentAt + HEADER + position * CHILD_WORDS + 2]!;
    if (
      position + 1 < parentWords[parentAt]! &&
      own + parentWords[parentAt + HEADER + (position + 1) * CHILD_WORDS + 2]! <= limit
    ) {
      return position;
    }
    if (position > 0 && own + parentWords[parentAt + HEADER + (position - 1) * CHILD_WORDS + 2]! <= limit)
      return position - 1;
    return -1;
  }

  private innerPartner(parentWords: Int32Array, parentAt: number, position: number): number {
    const own = this.childrenOf(parentWords[parentAt + HEADER + position * CHILD_WORDS]!);
    if (
      position + 1 < parentWords[parentAt]! &&
      own + this.childrenOf(parentWords[parentAt + HEADER + (position + 1) * CHILD_WORDS]!) <= INNER_MERGED
    ) {
      return position;
    }
    if (
      position > 0 &&
      own + this.childrenOf(parentWords[parentAt + HEADER + (position - 1) * CHILD_WORDS]!) <= INNER_MERGED
    ) {
      return position - 1;
    }
    return -1;
  }

  private childrenOf(node: Address): number {
    return this.wordsOf(node)[wordAt(node) + COUNT]!;
  }

  private freeNode(node: Address, height: number): void {
    if (height > 0) {
      const words = this.wordsOf(node);
      const at = wordAt(node);
      for (let i = 0; i < words[at]!; i++) this.freeNode(words[at + HEADER + i * CHILD_WORDS]!, height - 1);
    }
    this.arena.free(node);
  }

  private nodeBytes(node: Address, height: number): number {
    if (height === 0) return LEAF_BYTES;
    const words = this.wordsOf(node);
    const at = wordAt(node);
    let sizeBytes = INNER_BYTES;
    for (let i = 0; i < words[at]!; i++) sizeBytes += this.nodeBytes(words[at + HEADER + i * CHILD_WORDS]!, height - 1);
    return sizeBytes;
  }
}

/** Index of a node's first word in its segment. */
function wordAt(node: Address): number {
  return (node & OFFSET_MASK) << 1;
}

function setChild(words: Int32Array, at: number, child: Address, first: Address, count: number): void {
  words[at] = child;
  words[at + 1] = first;
  words[at + 2] = count;
}

function insertChild(
  words: Int32Array,
  at: number,
  index: number,
  child: Address,
  first: Address,
  count: number,
): void {
  const slot = at + HEADER + index * CHILD_WORDS;
  words.copyWithin(slot + CHILD_WORDS, slot, at + HEADER + words[at]! * CHILD_WORDS);
  setChild(words, slot, child, first, count);
  words[at]!++;
}

function entriesBelow(words: Int32Array, at: number): number {
  let entries = 0;
  for (let i = 0; i < words[at]!; i++) entries += words[at + HEADER + i * CHILD_WORDS + 2]!;
  return entries;
}
