/**
 * Reads the part of an RDB file that is a stream, a step at a time: a node, the facts, a group, a pending entry, a consumer.
 * A step that meets the end of the input changes nothing and is taken again (see rdb-reader.ts).
 * Types 15 (up to Redis 6), 19 (7.0) and 21 (7.2 and later): the later ones know more. Source: Valkey 9.1 rdb.c.
 */
import { StreamId } from '../../memory/stream-id.ts';
import { ConsumerHead, GroupHead, NOT_TOLD, StreamFacts, type StreamVisitor } from '../streams.ts';
import * as format from './format.ts';
import { type RdbInput, Slice } from './rdb-input.ts';

const ID_BYTES = 16;

const AT_NODE = 0;
const AT_FACTS = 1;
const AT_GROUP = 2;
const AT_PENDING = 3;
const AT_CONSUMERS = 4;
const AT_CONSUMER = 5;
const AT_CONSUMER_PENDING = 6;
const AT_END = 7;

export class RdbStreamReader {
  private readonly input: RdbInput;
  private state = AT_END;
  private rdbType = format.TYPE_STREAM;
  private nodes = 0;
  private groups = 0;
  private pending = 0;
  private consumers = 0;
  private consumerPending = 0;
  private readonly first = new Slice();
  private readonly second = new Slice();
  private readonly id = new StreamId();
  private readonly facts = new StreamFacts();
  private readonly group = new GroupHead();
  private readonly consumer = new ConsumerHead();

  constructor(input: RdbInput) {
    this.input = input;
  }

  begin(rdbType: number, nodes: number): void {
    this.rdbType = rdbType;
    this.nodes = nodes;
    this.state = nodes > 0 ? AT_NODE : AT_FACTS;
  }

  /** Takes a step; true when the stream is read to its end. `input.short`: more input is needed. */
  step(visitor: StreamVisitor): boolean {
    switch (this.state) {
      case AT_NODE:
        this.readNode(visitor);
        break;
      case AT_FACTS:
        this.readFacts(visitor);
        break;
      case AT_GROUP:
        this.readGroup(visitor);
        break;
      case AT_PENDING:
        this.readPending(visitor);
        break;
      case AT_CONSUMERS:
        this.readConsumers(visitor);
        break;
      case AT_CONSUMER:
        this.readConsumer(visitor);
        break;
      default:
        this.readConsumerPending(visitor);
    }
    return this.state === AT_END;
  }

  private readNode(visitor: StreamVisitor): void {
    const { input, first, second } = this;
    input.string(first);
    input.string(second);
    if (input.short) return;
    if (first.to - first.from !== ID_BYTES) throw input.damage('the first id of a stream node is not 16 bytes long');
    visitor.node(this.id.loadBytes(first.bytes, first.from), second.bytes, second.from, second.to);
    if (--this.nodes === 0) this.state = AT_FACTS;
  }

  private readFacts(visitor: StreamVisitor): void {
    const { input, facts } = this;
    facts.entries = input.length();
    this.readId(facts.lastId);
    facts.firstId.setZero();
    facts.maxDeletedId.setZero();
    facts.entriesAdded = NOT_TOLD;
    if (this.rdbType !== format.TYPE_STREAM_FIRST) {
      this.readId(facts.firstId);
      this.readId(facts.maxDeletedId);
      facts.entriesAdded = this.readCount();
    }
    facts.groups = input.length();
    if (input.short) return;
    this.groups = facts.groups;
    visitor.facts(facts);
    this.nextGroup();
  }

  private nextGroup(): void {
    this.state = this.groups > 0 ? AT_GROUP : AT_END;
    this.groups--;
  }

  private readGroup(visitor: StreamVisitor): void {
    const { input, first, group } = this;
    input.string(first);
    this.readId(group.lastId);
    group.entriesRead = this.rdbType === format.TYPE_STREAM_FIRST ? NOT_TOLD : this.readCount();
    group.pending = input.length();
    if (input.short) return;
    group.name = first.bytes;
    group.from = first.from;
    group.to = first.to;
    this.pending = group.pending;
    visitor.group(group);
    this.state = this.pending > 0 ? AT_PENDING : AT_CONSUMERS;
  }

  private readPending(visitor: StreamVisitor): void {
    const { input, id } = this;
    this.readRawId(id);
    const deliveredAtMs = input.int64();
    const deliveries = input.length();
    if (input.short) return;
    visitor.pending(id, deliveredAtMs, deliveries);
    if (--this.pending === 0) this.state = AT_CONSUMERS;
  }

  private readConsumers(visitor: StreamVisitor): void {
    const count = this.input.length();
    if (this.input.short) return;
    this.consumers = count;
    visitor.consumers(count);
    this.nextConsumer();
  }

  private nextConsumer(): void {
    if (this.consumers-- > 0) this.state = AT_CONSUMER;
    else this.nextGroup();
  }

  private readConsumer(visitor: StreamVisitor): void {
    const { input, first, consumer } = this;
    input.string(first);
    consumer.seenMs = input.int64();
    consumer.activeMs = this.rdbType === format.TYPE_STREAM ? input.int64() : consumer.seenMs;
    consumer.pending = input.length();
    if (input.short) return;
    consumer.name = first.bytes;
    consumer.from = first.from;
    consumer.to = first.to;
    this.consumerPending = consumer.pending;
    visitor.consumer(consumer);
    if (this.consumerPending > 0) this.state = AT_CONSUMER_PENDING;
    else this.nextConsumer();
  }

  private readConsumerPending(visitor: StreamVisitor): void {
    this.readRawId(this.id);
    if (this.input.short) return;
    visitor.consumerPending(this.id, NOT_TOLD, NOT_TOLD);
    if (--this.consumerPending === 0) this.nextConsumer();
  }

  private readRawId(into: StreamId): void {
    const { input } = this;
    if (input.short || !input.has(ID_BYTES)) return;
    into.loadBytes(input.buffer, input.at);
    input.at += ID_BYTES;
  }

  /** Two lengths of up to 64 bits. */
  private readId(into: StreamId): void {
    const { input } = this;
    input.wideLength();
    into.msHigh = input.wideHigh;
    into.msLow = input.wideLow;
    input.wideLength();
    into.seqHigh = input.wideHigh;
    into.seqLow = input.wideLow;
  }

  /** A signed number of 64 bits that was written as a length; -1 for those below 0. */
  private readCount(): number {
    const { input } = this;
    input.wideLength();
    return input.wideHigh >= 0x80000000 ? -1 : input.wideHigh * 2 ** 32 + input.wideLow;
  }
}
