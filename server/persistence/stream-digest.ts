/**
 * The digest of a stream: its entries, each as `ms.sequence` and then its fields in order; groups do not count.
 * Source: Valkey 9.1 debug.c xorObjectDigest.
 */
import { MAX_ID_TEXT_BYTES, type StreamId } from '../memory/stream-id.ts';
import { ENTRY_DELETED } from '../memory/stream-node.ts';
import { StreamListpackReader } from './rdb/stream-listpack.ts';
import type { StreamVisitor } from './streams.ts';

const DOT = 46;

export class StreamDigest implements StreamVisitor {
  private readonly mix: (bytes: Uint8Array, from: number, to: number) => void;
  private readonly reader = new StreamListpackReader();
  private readonly text: Uint8Array = new Uint8Array(MAX_ID_TEXT_BYTES);

  /** `mix` takes bytes into the key's digest, where order counts. */
  constructor(mix: (bytes: Uint8Array, from: number, to: number) => void) {
    this.mix = mix;
  }

  node(first: StreamId, listpack: Uint8Array, from: number, to: number): void {
    const { reader } = this;
    reader.open(first, listpack, from, to);
    while (reader.next()) {
      if ((reader.flags & ENTRY_DELETED) !== 0) continue;
      this.mix(this.text, 0, reader.id.write(this.text, 0, DOT));
      const { strings } = reader;
      for (let i = 0; i < strings.count; i++) this.mix(strings.bytes, strings.starts[i]!, strings.ends[i]!);
    }
  }

  facts(): void {}
  group(): void {}
  pending(): void {}
  consumers(): void {}
  consumer(): void {}
  consumerPending(): void {}
}
