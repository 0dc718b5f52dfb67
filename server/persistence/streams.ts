/**
 * How the content of a stream is told: the part of a dataset visitor (dataset.ts) that streams have for themselves.
 *
 * Order, that of RDB files: the nodes by their ids, `facts`, then per group `group`, its `pending` entries by their ids, `consumers`,
 * and per consumer `consumer` and its `consumerPending` ids. KeyHead.count is the number of nodes.
 * A node is told as Valkey's listpack (rdb/stream-listpack.ts), deleted entries included. Ids and ranges are valid during the call.
 */
import { StreamId } from '../memory/stream-id.ts';

/** What is not told by the older formats of RDB files. */
export const NOT_TOLD = -2;

export class StreamFacts {
  entries = 0;
  readonly lastId = new StreamId();
  /** Meaningless when `entriesAdded` is NOT_TOLD. */
  readonly firstId = new StreamId();
  readonly maxDeletedId = new StreamId();
  /** Entries ever added; NOT_TOLD, then all that is known is what there is. */
  entriesAdded = 0;
  groups = 0;
}

export class GroupHead {
  name: Uint8Array = new Uint8Array(0);
  from = 0;
  to = 0;
  readonly lastId = new StreamId();
  /** -1 when it is not known; NOT_TOLD when it is to be estimated. */
  entriesRead = 0;
  pending = 0;
}

export class ConsumerHead {
  name: Uint8Array = new Uint8Array(0);
  from = 0;
  to = 0;
  seenMs = 0;
  /** -1 for never. */
  activeMs = 0;
  pending = 0;
}

export interface StreamVisitor {
  node(first: StreamId, listpack: Uint8Array, from: number, to: number): void;
  facts(facts: StreamFacts): void;
  group(head: GroupHead): void;
  pending(id: StreamId, deliveredAtMs: number, deliveries: number): void;
  consumers(count: number): void;
  consumer(head: ConsumerHead): void;
  /** Times and counts are NOT_TOLD by files: `pending` told them. */
  consumerPending(id: StreamId, deliveredAtMs: number, deliveries: number): void;
}
