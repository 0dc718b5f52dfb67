/**
 * Tells a stream of the keyspace to a visitor, whole and at once.
 */
import type { Address } from '../memory/arena.ts';
import { StreamId } from '../memory/stream-id.ts';
import type { StreamGroups, Streams, Types } from '../types/index.ts';
import { StreamListpackWriter } from './rdb/stream-listpack.ts';
import { ConsumerHead, GroupHead, StreamFacts, type StreamVisitor } from './streams.ts';

export class StreamTeller {
  private readonly streams: Streams;
  private readonly groups: StreamGroups;
  private readonly listpack = new StreamListpackWriter();
  private readonly facts = new StreamFacts();
  private readonly group = new GroupHead();
  private readonly consumer = new ConsumerHead();
  private readonly id = new StreamId();

  constructor(types: Types) {
    this.streams = types.newStreams();
    this.groups = types.newGroups();
  }

  /** Nodes of a stream, which is the count that its head has. */
  nodes(root: Address): number {
    return this.streams.open(root).nodes.count;
  }

  tell(root: Address, visitor: StreamVisitor): void {
    const { streams, listpack } = this;
    streams.open(root);
    const { node } = streams;
    for (let more = streams.firstNode(); more; more = streams.nextNode()) {
      listpack.write(node);
      visitor.node(node.first, listpack.bytes, 0, listpack.length);
    }
    this.tellBehindNodes(root, visitor);
  }

  /** All but the nodes. */
  tellBehindNodes(root: Address, visitor: StreamVisitor): void {
    const { streams, facts, groups } = this;
    streams.open(root);
    groups.open(root);
    facts.entries = streams.length;
    facts.lastId.set(streams.lastId);
    facts.firstId.set(streams.firstId);
    facts.maxDeletedId.set(streams.maxDeletedId);
    facts.entriesAdded = streams.entriesAdded;
    facts.groups = groups.groups.count;
    visitor.facts(facts);
    for (let i = 0; i < facts.groups; i++) this.tellGroup(groups.groups.at(i), visitor);
  }

  private tellGroup(group: Address, visitor: StreamVisitor): void {
    const { groups, group: head, id } = this;
    const { pending, consumers } = groups;
    groups.openGroup(group);
    groups.groups.readName(group);
    head.name = groups.groups.segment;
    head.from = groups.groups.from;
    head.to = groups.groups.to;
    head.lastId.set(groups.lastId);
    head.entriesRead = groups.entriesRead;
    head.pending = pending.count;
    visitor.group(head);
    for (let more = pending.first(); more; more = pending.next()) {
      visitor.pending(pending.readId(id), groups.deliveredAtMs, groups.deliveries);
    }
    visitor.consumers(consumers.count);
    for (let i = 0; i < consumers.count; i++) this.tellConsumer(consumers.at(i), visitor);
  }

  private tellConsumer(consumer: Address, visitor: StreamVisitor): void {
    const { groups, consumer: head, id } = this;
    const { consumers, pending } = groups;
    consumers.readName(consumer);
    head.name = consumers.segment;
    head.from = consumers.from;
    head.to = consumers.to;
    head.seenMs = groups.seenMs(consumer);
    head.activeMs = groups.activeMs(consumer);
    head.pending = groups.pendingOf(consumer);
    visitor.consumer(head);
    const own = groups.openOwn(consumer);
    for (let more = own.first(); more; more = own.next()) {
      pending.seek(own.readId(id));
      visitor.consumerPending(id, groups.deliveredAtMs, groups.deliveries);
    }
  }
}
