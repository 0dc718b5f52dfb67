/**
 * A large stream as it was at one moment, told in slices while it goes on changing. The addresses of its nodes at that moment are kept
 * in their order; a node that is about to change or to be freed before it was told is kept as the listpack it is told as. What stands
 * behind the nodes (facts, groups, pending entries) is told at that moment, to a buffer of its own.
 * Hot in `beforeNodeChange`, which every change of a large stream calls meanwhile: it allocates only what it copies.
 */
import type { Address } from '../memory/arena.ts';
import { ID_WORDS, StreamId } from '../memory/stream-id.ts';
import type { Streams } from '../types/index.ts';
import { ChunkWriter, SMALL_CHUNK_BYTES } from './chunks.ts';
import type { NodeTeller } from './node-teller.ts';
import { StreamListpackWriter } from './rdb/stream-listpack.ts';
import type { SnapshotConsumer } from './snapshot-consumer.ts';

/** A node as it was. */
interface Kept {
  readonly listpack: Uint8Array;
  readonly entries: number;
}

export class StreamNodes implements NodeTeller {
  /** Bytes in copies, and behind the nodes, that are still to be told. */
  copiedBytes = 0;
  /** What stands behind the nodes: the caller has it told to here. */
  readonly tail: ChunkWriter = new ChunkWriter(null, SMALL_CHUNK_BYTES);
  private readonly nodes: Address[] = [];
  private readonly ids: Int32Array;
  /** Of each node that was not told nor copied: its place in the order. */
  private readonly places: Map<Address, number> = new Map();
  private readonly copies: Map<number, Kept> = new Map();
  private readonly streams: Streams;
  private readonly listpack = new StreamListpackWriter();
  private readonly id = new StreamId();
  private next = 0;

  constructor(streams: Streams, root: Address) {
    this.streams = streams;
    const { nodes } = streams.open(root);
    this.ids = new Int32Array(nodes.count * ID_WORDS);
    for (let more = nodes.first(); more; more = nodes.next()) {
      nodes.readId(this.id).store(this.ids, this.nodes.length * ID_WORDS);
      this.places.set(nodes.payload(0), this.nodes.length);
      this.nodes.push(nodes.payload(0));
    }
  }

  get headCount(): number {
    return this.nodes.length;
  }

  get isDone(): boolean {
    return this.next === this.nodes.length && this.tail.queuedBytes === 0;
  }

  /** Keeps a node as it is, if it is one of the stream's and still to be told. Returns the bytes that were copied. */
  beforeNodeChange(address: Address): number {
    const place = this.places.get(address);
    if (place === undefined) return 0;
    this.places.delete(address);
    const entries = this.read(place);
    const listpack = this.listpack.bytes.slice(0, this.listpack.length);
    this.copies.set(place, { listpack, entries });
    this.copiedBytes += listpack.length;
    return listpack.length;
  }

  /** Makes the listpack of a node; returns how many entries it has. */
  private read(place: number): number {
    const { node } = this.streams;
    node.first.load(this.ids, place * ID_WORDS);
    node.open(this.nodes[place]!);
    this.listpack.write(node);
    return node.entries;
  }

  /** Tells the next node, or a part of what stands behind them; returns how many entries that were. */
  tellNode(consumer: SnapshotConsumer): number {
    if (this.next === this.nodes.length) return this.tellTail(consumer);
    const place = this.next++;
    const kept = this.copies.get(place);
    this.id.load(this.ids, place * ID_WORDS);
    if (kept === undefined) {
      this.places.delete(this.nodes[place]!);
      const entries = this.read(place);
      consumer.stream.node(this.id, this.listpack.bytes, 0, this.listpack.length);
      return entries;
    }
    this.copies.delete(place);
    this.copiedBytes -= kept.listpack.length;
    consumer.stream.node(this.id, kept.listpack, 0, kept.listpack.length);
    return kept.entries;
  }

  private tellTail(consumer: SnapshotConsumer): number {
    const chunk = this.tail.take(true);
    if (chunk === null) return 0;
    consumer.out.bytes(chunk.bytes, 0, chunk.length);
    this.copiedBytes -= chunk.length;
    this.tail.release(chunk);
    return 0;
  }
}
