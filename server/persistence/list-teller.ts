/**
 * A large list as it was at one moment, told in slices while it goes on changing. The addresses of its nodes at that moment are kept in
 * their order; a node that is about to change or to be freed before it was told is copied first. Nodes that come later are none of its.
 * Hot in `beforeNodeChange`, which every change of a large list calls meanwhile: it allocates only what it copies.
 */
import type { Address, Arena } from '../memory/arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { ListNode } from '../memory/list-node.ts';
import type { NodeTeller } from './node-teller.ts';
import type { SnapshotConsumer } from './snapshot-consumer.ts';

export class ListTeller implements NodeTeller {
  /** Bytes in copies that are still to be told. */
  copiedBytes = 0;
  private readonly nodes: Address[] = [];
  /** Of each node that was not told nor copied: its place in the order. */
  private readonly places: Map<Address, number> = new Map();
  private readonly copies: Map<number, Uint8Array> = new Map();
  private readonly node: ListNode;
  private next = 0;

  constructor(arena: Arena, root: Address) {
    this.node = new ListNode(arena);
    const words = arena.words[root >>> SEGMENT_OF_SHIFT]!;
    for (let address = words[(root & OFFSET_MASK) << 1]!; address !== NONE; address = this.node.open(address).next) {
      this.places.set(address, this.nodes.length);
      this.nodes.push(address);
    }
  }

  get isDone(): boolean {
    return this.next === this.nodes.length;
  }

  /** Keeps a node as it is, if it is one of the list's and still to be told. Returns the bytes that were copied. */
  beforeNodeChange(address: Address): number {
    const place = this.places.get(address);
    if (place === undefined) return 0;
    this.places.delete(address);
    const copy = this.node.open(address).copyItems();
    this.copies.set(place, copy);
    this.copiedBytes += copy.length;
    return copy.length;
  }

  /** Tells the items of the next node; returns how many they were. */
  tellNode(consumer: SnapshotConsumer): number {
    const { node } = this;
    const place = this.next++;
    const copy = this.copies.get(place);
    let items = 0;
    if (copy === undefined) {
      const address = this.nodes[place]!;
      this.places.delete(address);
      node.open(address);
      for (let at = node.start; at < node.end; items++) {
        at = node.readForward(at);
        consumer.listItem(node.segment, node.from, node.to);
      }
      return items;
    }
    this.copies.delete(place);
    this.copiedBytes -= copy.length;
    for (let at = 0; at < copy.length; items++) {
      at = node.readCopied(copy, at);
      consumer.listItem(copy, node.from, node.to);
    }
    return items;
  }
}
