/**
 * Listens to a stream and builds it: for loading a dataset and for RESTORE.
 */

import type { StreamId } from '../memory/stream-id.ts';
import { ENTRY_DELETED } from '../memory/stream-node.ts';
import type { StreamBuilder } from '../types/index.ts';
import { StreamListpackReader } from './rdb/stream-listpack.ts';
import type { ConsumerHead, GroupHead, StreamFacts, StreamVisitor } from './streams.ts';

export class StreamLoader implements StreamVisitor {
  private readonly builder: StreamBuilder;
  private readonly refuse: (what: string) => void;
  private readonly reader = new StreamListpackReader();
  /** Consumers of the group, and pending entries of the consumer, that are still to be told. */
  private consumersLeft = 0;
  private pendingLeft = 0;

  /** `refuse` is told what is wrong with what was told. */
  constructor(builder: StreamBuilder, refuse: (what: string) => void) {
    this.builder = builder;
    this.refuse = refuse;
  }

  node(first: StreamId, listpack: Uint8Array, from: number, to: number): void {
    const { builder, reader } = this;
    reader.open(first, listpack, from, to);
    const { names } = reader;
    if (reader.damaged) return this.refuse('a node of a stream is damaged');
    if (!builder.beginNode(first, names.bytes, names.starts, names.ends, names.count))
      return this.refuse('the nodes of a stream are out of order');
    while (reader.next()) {
      const { strings } = reader;
      const deleted = reader.flags & ENTRY_DELETED;
      builder.entry(reader.id, deleted, strings.bytes, strings.starts, strings.ends, reader.fields, to - from);
    }
    const { node } = builder.streams;
    if (reader.damaged || node.entries !== reader.entries || node.deleted !== reader.deleted) {
      builder.dropNode();
      return this.refuse('a node of a stream is damaged');
    }
    if (!builder.endNode(to - from)) this.refuse('a node of a stream is empty');
  }

  facts(facts: StreamFacts): void {
    if (!this.builder.facts(facts.entries, facts.lastId, facts.firstId, facts.maxDeletedId, facts.entriesAdded))
      this.refuse('a stream has not as many entries as it says');
  }

  group(head: GroupHead): void {
    if (!this.builder.group(head.name, head.from, head.to, head.lastId, head.entriesRead))
      this.refuse('a group of a stream comes twice, or a pending entry has no consumer');
  }

  pending(id: StreamId, deliveredAtMs: number, deliveries: number): void {
    if (!this.builder.pending(id, deliveredAtMs, deliveries)) this.refuse('a pending entry comes twice');
  }

  consumers(count: number): void {
    this.consumersLeft = count;
    this.pendingLeft = 0;
    this.checkOwners();
  }

  /** Once all consumers are told every pending entry has one. */
  private checkOwners(): void {
    if (this.consumersLeft === 0 && this.pendingLeft === 0 && !this.builder.whole)
      this.refuse('a pending entry has no consumer');
  }

  consumer(head: ConsumerHead): void {
    if (!this.builder.beginConsumer(head.name, head.from, head.to, head.seenMs, head.activeMs))
      return this.refuse('a consumer comes twice');
    this.consumersLeft--;
    this.pendingLeft = head.pending;
    this.checkOwners();
  }

  consumerPending(id: StreamId): void {
    if (!this.builder.consumerPending(id))
      return this.refuse('a consumer has an entry that is not pending, or another one has');
    this.pendingLeft--;
    this.checkOwners();
  }
}
