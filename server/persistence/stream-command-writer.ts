/**
 * Writes a stream as commands: XADD per entry, XSETID, then per group XGROUP CREATE and per consumer XGROUP CREATECONSUMER or an
 * XCLAIM per pending entry. Source: Valkey 9.1 aof.c rewriteStreamObject.
 */
import { MAX_ID_TEXT_BYTES, StreamId } from '../memory/stream-id.ts';
import { ENTRY_DELETED } from '../memory/stream-node.ts';
import { StreamListpackReader } from './rdb/stream-listpack.ts';
import type { ConsumerHead, GroupHead, StreamFacts, StreamVisitor } from './streams.ts';

/** What the writer of all commands lends. */
export interface CommandPrimitives {
  /** Begins a command of so many arguments, its name among them. */
  command(args: number, name: string): void;
  key(): void;
  word(text: string): void;
  decimal(value: number): void;
  argument(bytes: Uint8Array, from: number, to: number): void;
}

export class StreamCommandWriter implements StreamVisitor {
  private readonly out: CommandPrimitives;
  private readonly reader = new StreamListpackReader();
  private readonly text: Uint8Array = new Uint8Array(MAX_ID_TEXT_BYTES);
  private readonly firstEver = new StreamId().setNumbers(0, 1);
  /** The group and the consumer told last. */
  private groupBytes: Uint8Array = new Uint8Array(0);
  private consumerBytes: Uint8Array = new Uint8Array(0);

  constructor(out: CommandPrimitives) {
    this.out = out;
  }

  node(first: StreamId, listpack: Uint8Array, from: number, to: number): void {
    const { reader, out } = this;
    reader.open(first, listpack, from, to);
    while (reader.next()) {
      if ((reader.flags & ENTRY_DELETED) !== 0) continue;
      const { strings } = reader;
      out.command(3 + strings.count, 'XADD');
      out.key();
      this.id(reader.id);
      for (let i = 0; i < strings.count; i++) out.argument(strings.bytes, strings.starts[i]!, strings.ends[i]!);
    }
  }

  facts(facts: StreamFacts): void {
    const { out } = this;
    if (facts.entries === 0) {
      // An entry that is trimmed at once leaves an empty stream.
      out.command(7, 'XADD');
      out.key();
      out.word('MAXLEN');
      out.word('0');
      this.id(this.firstEver);
      out.word('x');
      out.word('y');
    }
    out.command(7, 'XSETID');
    out.key();
    this.id(facts.lastId);
    out.word('ENTRIESADDED');
    out.decimal(facts.entriesAdded < 0 ? facts.entries : facts.entriesAdded);
    out.word('MAXDELETEDID');
    this.id(facts.maxDeletedId);
  }

  group(head: GroupHead): void {
    const { out } = this;
    this.groupBytes = head.name.slice(head.from, head.to);
    out.command(7, 'XGROUP');
    out.word('CREATE');
    out.key();
    this.groupName();
    this.id(head.lastId);
    out.word('ENTRIESREAD');
    out.decimal(Math.max(-1, head.entriesRead));
  }

  pending(): void {}
  consumers(): void {}

  consumer(head: ConsumerHead): void {
    const { out } = this;
    this.consumerBytes = head.name.slice(head.from, head.to);
    if (head.pending > 0) return;
    out.command(5, 'XGROUP');
    out.word('CREATECONSUMER');
    out.key();
    this.groupName();
    out.argument(this.consumerBytes, 0, this.consumerBytes.length);
  }

  consumerPending(id: StreamId, deliveredAtMs: number, deliveries: number): void {
    const { out } = this;
    out.command(12, 'XCLAIM');
    out.key();
    this.groupName();
    out.argument(this.consumerBytes, 0, this.consumerBytes.length);
    out.word('0');
    this.id(id);
    out.word('TIME');
    out.decimal(deliveredAtMs);
    out.word('RETRYCOUNT');
    out.decimal(deliveries);
    out.word('JUSTID');
    out.word('FORCE');
  }

  private groupName(): void {
    this.out.argument(this.groupBytes, 0, this.groupBytes.length);
  }

  private id(id: StreamId): void {
    this.out.argument(this.text, 0, id.write(this.text, 0));
  }
}
