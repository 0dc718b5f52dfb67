/**
 * A dataset as plain Maps, for tests: listens to any teller, tells any listener, and compares by value.
 * Bytes are strings of characters 0 to 255.
 */

import type { DatasetVisitor, ValueType } from './dataset.ts';
import { HASH, HASH_WITH_TTL, KeyHead, LIST, NO_EXPIRY, SET, STREAM, STRING, ZSET } from './dataset.ts';
import { type StreamEvent, StreamModel, tellStream } from './stream-model.ts';

export type ModelValue =
  | { readonly type: typeof STRING; readonly value: string }
  | { readonly type: typeof LIST; readonly items: string[] }
  | { readonly type: typeof SET; readonly members: Set<string> }
  | { readonly type: typeof ZSET; readonly scores: Map<string, number> }
  | { readonly type: typeof STREAM; readonly events: StreamEvent[] }
  | { readonly type: typeof HASH; readonly fields: Map<string, string> }
  | {
      readonly type: typeof HASH_WITH_TTL;
      readonly fields: Map<string, string>;
      readonly expiries: Map<string, number>;
    };

export type ModelKey = { readonly value: ModelValue; readonly expireAtMs: number };

export class DatasetModel implements DatasetVisitor {
  refusal: string | null = null;
  readonly stream = new StreamModel();
  readonly databases = new Map<number, Map<string, ModelKey>>();
  readonly auxiliary = new Map<string, string>();
  readonly libraries: string[] = [];
  ended = false;
  private current: Map<string, ModelKey> = new Map();
  private open: ModelValue | null = null;

  set(database: number, key: string, value: ModelValue, expireAtMs = NO_EXPIRY): this {
    this.database(database);
    this.current.set(key, { value, expireAtMs });
    return this;
  }

  tell(visitor: DatasetVisitor): void {
    const head = new KeyHead();
    for (const [index, keys] of this.databases) {
      visitor.database(index);
      for (const [key, { value, expireAtMs }] of keys) {
        const keyBytes = bytesOf(key);
        head.type = value.type;
        head.bytes = keyBytes;
        head.from = 0;
        head.to = keyBytes.length;
        head.expireAtMs = expireAtMs;
        head.count = countOf(value);
        visitor.beginKey(head);
        tellValue(value, visitor);
        visitor.endKey();
      }
    }
    visitor.end();
  }

  aux(name: string, value: string): void {
    this.auxiliary.set(name, value);
  }

  functionLibrary(bytes: Uint8Array, from: number, to: number): void {
    this.libraries.push(textOf(bytes, from, to));
  }

  slotImport(): void {}

  database(index: number): void {
    const keys = this.databases.get(index) ?? new Map<string, ModelKey>();
    this.databases.set(index, keys);
    this.current = keys;
  }

  sizeHint(): void {}

  beginKey(head: KeyHead): void {
    this.open = emptyValue(head.type);
    if (this.open.type === STREAM) this.stream.events = this.open.events;
    const key = textOf(head.bytes, head.from, head.to);
    if (this.current.has(key)) this.refusal = `the key ${key} comes twice`;
    this.current.set(key, { value: this.open, expireAtMs: head.expireAtMs });
    this.lastKey = key;
  }
  private lastKey = '';

  stringValue(bytes: Uint8Array, from: number, to: number): void {
    const { expireAtMs } = this.current.get(this.lastKey)!;
    this.current.set(this.lastKey, { value: { type: STRING, value: textOf(bytes, from, to) }, expireAtMs });
  }

  listItem(bytes: Uint8Array, from: number, to: number): void {
    if (this.open?.type === LIST) this.open.items.push(textOf(bytes, from, to));
  }

  setMember(bytes: Uint8Array, from: number, to: number): void {
    if (this.open?.type === SET) this.open.members.add(textOf(bytes, from, to));
  }

  zsetMember(bytes: Uint8Array, from: number, to: number, score: number): void {
    if (this.open?.type === ZSET) this.open.scores.set(textOf(bytes, from, to), score);
  }

  hashField(
    field: Uint8Array,
    fieldFrom: number,
    fieldTo: number,
    value: Uint8Array,
    valueFrom: number,
    valueTo: number,
    expireAtMs: number,
  ): void {
    const { open } = this;
    if (open?.type !== HASH && open?.type !== HASH_WITH_TTL) return;
    const name = textOf(field, fieldFrom, fieldTo);
    open.fields.set(name, textOf(value, valueFrom, valueTo));
    if (open.type === HASH_WITH_TTL && expireAtMs !== NO_EXPIRY) open.expiries.set(name, expireAtMs);
  }

  endKey(): void {
    this.open = null;
  }

  end(): void {
    this.ended = true;
  }
}

export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function textOf(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

function emptyValue(type: ValueType): ModelValue {
  switch (type) {
    case STRING:
      return { type, value: '' };
    case LIST:
      return { type, items: [] };
    case SET:
      return { type, members: new Set() };
    case ZSET:
      return { type, scores: new Map() };
    case STREAM:
      return { type, events: [] };
    case HASH:
      return { type, fields: new Map() };
    case HASH_WITH_TTL:
      return { type, fields: new Map(), expiries: new Map() };
  }
}

function countOf(value: ModelValue): number {
  switch (value.type) {
    case STRING:
      return 1;
    case LIST:
      return value.items.length;
    case SET:
      return value.members.size;
    case ZSET:
      return value.scores.size;
    case STREAM:
      return value.events.filter(([name]) => name === 'node').length;
    default:
      return value.fields.size;
  }
}

function tellValue(value: ModelValue, visitor: DatasetVisitor): void {
  switch (value.type) {
    case STRING: {
      const bytes = bytesOf(value.value);
      return visitor.stringValue(bytes, 0, bytes.length);
    }
    case LIST:
      for (const item of value.items) visitor.listItem(bytesOf(item), 0, item.length);
      return;
    case SET:
      for (const member of value.members) visitor.setMember(bytesOf(member), 0, member.length);
      return;
    case ZSET:
      for (const [member, score] of value.scores) visitor.zsetMember(bytesOf(member), 0, member.length, score);
      return;
    case STREAM:
      return tellStream(value.events, visitor.stream);
    default:
      for (const [field, content] of value.fields) {
        const expireAtMs = value.type === HASH_WITH_TTL ? (value.expiries.get(field) ?? NO_EXPIRY) : NO_EXPIRY;
        visitor.hashField(bytesOf(field), 0, field.length, bytesOf(content), 0, content.length, expireAtMs);
      }
  }
}
