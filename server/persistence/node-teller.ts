/**
 * A large value that is nodes in an order (a list, a stream), told node by node as it was at one moment.
 */
import type { Address } from '../memory/arena.ts';
import type { SnapshotConsumer } from './snapshot-consumer.ts';

export interface NodeTeller {
  /** Bytes in copies that are still to be told. */
  readonly copiedBytes: number;
  readonly isDone: boolean;
  /** Keeps a node as it is, if it is one of the value's and still to be told. Returns the bytes that were copied. */
  beforeNodeChange(address: Address): number;
  /** Tells the elements of the next node; returns how many they were. */
  tellNode(consumer: SnapshotConsumer): number;
}
