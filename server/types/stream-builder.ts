/**
 * Builds a stream part by part, outside any key: for whoever loads a dataset or copies a stream.
 * The order is that of RDB files: nodes with their entries, the facts, then per group its pending entries and its consumers.
 * A part that contradicts another is refused: false.
 */
import type { Address, Arena } from '../memory/arena.ts';
import { NONE } from '../memory/arena.ts';
import { StreamId } from '../memory/stream-id.ts';
import type { CollectionLimits } from './limits.ts';
import { StreamGroups, UNKNOWN_ENTRIES_READ } from './stream-groups.ts';
import { estimateEntriesRead } from './stream-lag.ts';
import { Streams } from './streams.ts';

export class StreamBuilder {
  readonly streams: Streams;
  readonly groups: StreamGroups;
  private consumer: Address = NONE;
  /** Pending entries of the group that no consumer has claimed. */
  private unowned = 0;
  private readonly last = new StreamId();

  constructor(arena: Arena, limits: CollectionLimits) {
    this.streams = new Streams(arena, limits);
    this.groups = new StreamGroups(arena);
  }

  begin(): void {
    this.streams.create();
    this.groups.open(this.streams.root);
    this.unowned = 0;
  }

  /** Begins a node with the names [starts[i], ends[i]) of the first entry's fields. */
  beginNode(first: StreamId, bytes: Uint8Array, starts: Int32Array, ends: Int32Array, fields: number): boolean {
    const { streams } = this;
    if (streams.nodes.last() && first.compare(streams.nodes.readId(this.last)) <= 0) return false;
    streams.node.create(first, bytes, starts, ends, 0, 1, fields);
    return true;
  }

  entry(
    id: StreamId,
    flags: number,
    bytes: Uint8Array,
    starts: Int32Array,
    ends: Int32Array,
    fields: number,
    roomBytes: number,
  ): void {
    this.streams.node.append(id, flags, bytes, starts, ends, 0, fields, roomBytes);
  }

  /** The node has all its entries; its size as Valkey's listpack is known. False when it has none. */
  endNode(listpackBytes: number): boolean {
    const { node } = this.streams;
    if (node.entries + node.deleted === 0) {
      this.streams.arena.free(node.address);
      return false;
    }
    node.setListpackBytes(listpackBytes);
    node.shrink();
    this.streams.addNode();
    return true;
  }

  /** The node will not be completed. */
  dropNode(): void {
    this.streams.arena.free(this.streams.node.address);
  }

  /** Takes over what a stream says of itself; `entriesAdded` below 0: what follows from its entries. False when that contradicts them. */
  facts(entries: number, lastId: StreamId, firstId: StreamId, maxDeletedId: StreamId, entriesAdded: number): boolean {
    const { streams } = this;
    if (entries !== streams.length) return false;
    streams.lastId.set(lastId);
    if (entriesAdded < 0) {
      streams.entriesAdded = entries;
      streams.maxDeletedId.setZero();
      streams.firstId.setZero();
      if (entries > 0) streams.edge(true, streams.firstId);
    } else {
      streams.entriesAdded = entriesAdded;
      streams.maxDeletedId.set(maxDeletedId);
      streams.firstId.set(firstId);
    }
    streams.save();
    return true;
  }

  /** Begins a group; `entriesRead` below -1: it is estimated. False when there is one of this name. */
  group(name: Uint8Array, from: number, to: number, lastId: StreamId, entriesRead: number): boolean {
    const { groups, streams } = this;
    if (this.unowned > 0 || groups.find(name, from, to)) return false;
    const read = entriesRead < UNKNOWN_ENTRIES_READ ? estimateEntriesRead(streams, lastId) : entriesRead;
    groups.create(name, from, to, lastId, read);
    return true;
  }

  /** A pending entry of the group. False when it came before. */
  pending(id: StreamId, deliveredAtMs: number, deliveries: number): boolean {
    if (this.groups.pending.seek(id)) return false;
    this.groups.addPending(id, NONE, deliveredAtMs, deliveries);
    this.unowned++;
    return true;
  }

  /** Begins a consumer. False when there is one of this name. */
  beginConsumer(name: Uint8Array, from: number, to: number, seenMs: number, activeMs: number): boolean {
    const { groups } = this;
    if (groups.findConsumer(name, from, to) !== NONE) return false;
    this.consumer = groups.createConsumer(name, from, to, seenMs);
    groups.setActive(this.consumer, activeMs);
    return true;
  }

  /** A pending entry of the group is the consumer's. False when it is not pending or another one's. */
  consumerPending(id: StreamId): boolean {
    const { groups } = this;
    if (!groups.pending.seek(id) || groups.consumer !== NONE) return false;
    groups.assign(this.consumer);
    this.unowned--;
    return true;
  }

  /** Every pending entry has its consumer. */
  get whole(): boolean {
    return this.unowned === 0;
  }
}
