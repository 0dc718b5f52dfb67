/**
 * The part of an RDB file that is a stream: type 21, which Valkey 7.2 and later read.
 * Source: Valkey 9.1 rdb.c rdbSaveObject.
 */
import type { StreamId } from '../../memory/stream-id.ts';
import type { ConsumerHead, GroupHead, StreamFacts, StreamVisitor } from '../streams.ts';

/** What the writer of the whole file lends. */
export interface RdbPrimitives {
  /** A number up to 2^53. */
  length(value: number): void;
  rawString(bytes: Uint8Array, from: number, to: number): void;
  rawBytes(bytes: Uint8Array, from: number, to: number): void;
  int64(value: number): void;
}

const ID_BYTES = 16;
/** A length of 64 bits: its byte, then the number in big endian. */
const LENGTH_64_BITS = 0x81;
const MINUS_ONE: Uint8Array = new Uint8Array([LENGTH_64_BITS, 255, 255, 255, 255, 255, 255, 255, 255]);

export class RdbStreamWriter implements StreamVisitor {
  private readonly out: RdbPrimitives;
  private readonly id: Uint8Array = new Uint8Array(ID_BYTES);
  private readonly wide: Uint8Array = new Uint8Array(9);

  constructor(out: RdbPrimitives) {
    this.out = out;
    this.wide[0] = LENGTH_64_BITS;
  }

  node(first: StreamId, listpack: Uint8Array, from: number, to: number): void {
    first.storeBytes(this.id, 0);
    this.out.rawString(this.id, 0, ID_BYTES);
    this.out.rawString(listpack, from, to);
  }

  facts(facts: StreamFacts): void {
    this.out.length(facts.entries);
    this.idLengths(facts.lastId);
    this.idLengths(facts.firstId);
    this.idLengths(facts.maxDeletedId);
    this.out.length(facts.entriesAdded);
    this.out.length(facts.groups);
  }

  group(head: GroupHead): void {
    this.out.rawString(head.name, head.from, head.to);
    this.idLengths(head.lastId);
    if (head.entriesRead < 0) this.out.rawBytes(MINUS_ONE, 0, MINUS_ONE.length);
    else this.out.length(head.entriesRead);
    this.out.length(head.pending);
  }

  pending(id: StreamId, deliveredAtMs: number, deliveries: number): void {
    this.rawId(id);
    this.out.int64(deliveredAtMs);
    this.out.length(deliveries);
  }

  consumers(count: number): void {
    this.out.length(count);
  }

  consumer(head: ConsumerHead): void {
    this.out.rawString(head.name, head.from, head.to);
    this.out.int64(head.seenMs);
    this.out.int64(head.activeMs);
    this.out.length(head.pending);
  }

  consumerPending(id: StreamId): void {
    this.rawId(id);
  }

  private rawId(id: StreamId): void {
    id.storeBytes(this.id, 0);
    this.out.rawBytes(this.id, 0, ID_BYTES);
  }

  private idLengths(id: StreamId): void {
    this.wideLength(id.msHigh, id.msLow);
    this.wideLength(id.seqHigh, id.seqLow);
  }

  private wideLength(high: number, low: number): void {
    if (high < 0x200000) {
      this.out.length(high * 2 ** 32 + low);
      return;
    }
    const { wide } = this;
    for (let i = 0; i < 4; i++) {
      wide[1 + i] = high >>> (24 - i * 8);
      wide[5 + i] = low >>> (24 - i * 8);
    }
    this.out.rawBytes(wide, 0, wide.length);
  }
}
