/**
 * What a stream was told as, for tests: a list of plain events that can be compared and told again.
 */
import { StreamId } from '../memory/stream-id.ts';
import { ConsumerHead, GroupHead, StreamFacts, type StreamVisitor } from './streams.ts';

/** The event's name, then its numbers and texts; ids are texts, bytes are strings of characters 0 to 255. */
export type StreamEvent = readonly [keyof StreamVisitor, ...(string | number)[]];

export class StreamModel implements StreamVisitor {
  events: StreamEvent[] = [];

  node(first: StreamId, listpack: Uint8Array, from: number, to: number): void {
    this.events.push(['node', idText(first), text(listpack, from, to)]);
  }

  facts(facts: StreamFacts): void {
    const { entries, lastId, firstId, maxDeletedId, entriesAdded, groups } = facts;
    this.events.push(['facts', entries, idText(lastId), idText(firstId), idText(maxDeletedId), entriesAdded, groups]);
  }

  group(head: GroupHead): void {
    const { name, from, to, lastId, entriesRead, pending } = head;
    this.events.push(['group', text(name, from, to), idText(lastId), entriesRead, pending]);
  }

  pending(id: StreamId, deliveredAtMs: number, deliveries: number): void {
    this.events.push(['pending', idText(id), deliveredAtMs, deliveries]);
  }

  consumers(count: number): void {
    this.events.push(['consumers', count]);
  }

  consumer(head: ConsumerHead): void {
    const { name, from, to, seenMs, activeMs, pending } = head;
    this.events.push(['consumer', text(name, from, to), seenMs, activeMs, pending]);
  }

  /** Times and counts stand with `pending`. */
  consumerPending(id: StreamId): void {
    this.events.push(['consumerPending', idText(id)]);
  }
}

/** Tells what was told; pending entries of consumers with the times of their group's. */
export function tellStream(events: readonly StreamEvent[], visitor: StreamVisitor): void {
  const pending = new Map<string, readonly [number, number]>();
  for (const [name, ...rest] of events) {
    const strings = rest.map(String);
    const numbers = rest.map(Number);
    switch (name) {
      case 'node':
        visitor.node(idOf(strings[0]!), bytes(strings[1]!), 0, strings[1]!.length);
        break;
      case 'facts': {
        const facts = new StreamFacts();
        facts.entries = numbers[0]!;
        facts.lastId.set(idOf(strings[1]!));
        facts.firstId.set(idOf(strings[2]!));
        facts.maxDeletedId.set(idOf(strings[3]!));
        facts.entriesAdded = numbers[4]!;
        facts.groups = numbers[5]!;
        visitor.facts(facts);
        break;
      }
      case 'group': {
        pending.clear();
        const head = new GroupHead();
        head.name = bytes(strings[0]!);
        head.to = head.name.length;
        head.lastId.set(idOf(strings[1]!));
        head.entriesRead = numbers[2]!;
        head.pending = numbers[3]!;
        visitor.group(head);
        break;
      }
      case 'pending':
        pending.set(strings[0]!, [numbers[1]!, numbers[2]!]);
        visitor.pending(idOf(strings[0]!), numbers[1]!, numbers[2]!);
        break;
      case 'consumers':
        visitor.consumers(numbers[0]!);
        break;
      case 'consumer': {
        const head = new ConsumerHead();
        head.name = bytes(strings[0]!);
        head.to = head.name.length;
        head.seenMs = numbers[1]!;
        head.activeMs = numbers[2]!;
        head.pending = numbers[3]!;
        visitor.consumer(head);
        break;
      }
      case 'consumerPending':
        visitor.consumerPending(idOf(strings[0]!), ...pending.get(strings[0]!)!);
    }
  }
}

function text(source: Uint8Array, from: number, to: number): string {
  let result = '';
  for (let i = from; i < to; i++) result += String.fromCharCode(source[i]!);
  return result;
}

function bytes(source: string): Uint8Array {
  return Uint8Array.from(source, (character) => character.charCodeAt(0));
}

function idText(id: StreamId): string {
  const out = new Uint8Array(64);
  return text(out, 0, id.write(out, 0));
}

function idOf(source: string): StreamId {
  const id = new StreamId();
  const encoded = bytes(source);
  id.parse(encoded, 0, encoded.length, true);
  return id;
}
