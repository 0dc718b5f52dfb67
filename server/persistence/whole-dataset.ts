/**
 * Tells the dataset to a visitor at once, as it is: for DEBUG DIGEST, where the node stands still meanwhile.
 * Whoever must not stop the node takes a snapshot instead.
 */
import type { Database } from '../keyspace/database.ts';
import { EntryView, LARGE, STRING as STRING_ENTRY } from '../keyspace/entry.ts';
import { hasExpiringFields, NO_FIELD_EXPIRY } from '../keyspace/field-expiry.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Address } from '../memory/arena.ts';
import { OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { varintBytes } from '../memory/varint.ts';
import type { ElementWalk, Types } from '../types/index.ts';
import {
  type DatasetVisitor,
  HASH,
  HASH_WITH_TTL,
  KeyHead,
  LIST,
  NO_EXPIRY,
  SET,
  STREAM,
  type ValueType,
  ZSET,
} from './dataset.ts';
import { StreamTeller } from './stream-teller.ts';

/** Tells the field that a walk over a hash stands on. */
export function tellField(walk: ElementWalk, visitor: DatasetVisitor): void {
  visitor.hashField(
    walk.segment,
    walk.from,
    walk.to,
    walk.segment,
    walk.valueFrom,
    walk.valueTo,
    walk.expireAtMs === NO_FIELD_EXPIRY ? NO_EXPIRY : walk.expireAtMs,
  );
}

export class WholeDataset {
  private readonly keyspace: Keyspace;
  private readonly types: Types;
  private readonly walk: ElementWalk;
  private readonly streams: StreamTeller;
  private readonly view: EntryView;
  private readonly head = new KeyHead();

  /** @param hidesExpired leaves fields of hashes out that are past their time: a digest does, a payload does not. */
  constructor(keyspace: Keyspace, types: Types, hidesExpired = false) {
    this.keyspace = keyspace;
    this.types = types;
    this.walk = types.newWalk();
    this.walk.hidesExpired = hidesExpired;
    this.streams = new StreamTeller(types);
    this.view = new EntryView(keyspace.arena);
  }

  tell(visitor: DatasetVisitor): void {
    for (const database of this.keyspace.databases) {
      if (database.size === 0) continue;
      visitor.database(database.index);
      for (let slot = 0; slot < this.keyspace.slots; slot++) {
        if (database.open(slot)) this.tellTable(database, visitor);
      }
    }
    visitor.end();
  }

  private tellTable(database: Database, visitor: DatasetVisitor): void {
    for (const entry of database.table.entries()) this.tellKey(entry, visitor);
  }

  tellKey(entry: Address, visitor: DatasetVisitor): void {
    const { head, keyspace, types, walk } = this;
    const view = this.view.open(keyspace.arena, entry);
    head.type = view.type as ValueType;
    head.bytes = view.segment;
    head.from = view.keyAt;
    head.to = view.keyEnd;
    head.expireAtMs = view.expires ? view.expireAtMs() : NO_EXPIRY;
    if (view.type === STRING_ENTRY) {
      head.count = 1;
      visitor.beginKey(head);
      this.tellString(view, visitor);
      visitor.endKey();
      return;
    }
    const root = view.root();
    if (hasExpiringFields(keyspace.arena, view.type, view.encoding, root)) head.type = HASH_WITH_TTL;
    head.count = view.type === STREAM ? this.streams.nodes(root) : types.count(view.type, view.encoding, root);
    visitor.beginKey(head);
    if (view.type === STREAM) {
      this.streams.tell(root, visitor.stream);
      visitor.endKey();
      return;
    }
    walk.open(view.type, view.encoding, root);
    while (walk.next()) this.tellElement(head.type, visitor);
    visitor.endKey();
  }

  private tellString(view: EntryView, visitor: DatasetVisitor): void {
    const length = view.stringLength();
    if (view.encoding === LARGE) {
      const blob = view.root();
      const at = (blob & OFFSET_MASK) << 3;
      visitor.stringValue(this.keyspace.arena.bytes[blob >>> SEGMENT_OF_SHIFT]!, at, at + length);
      return;
    }
    const at = view.valueAt + varintBytes(length);
    visitor.stringValue(view.segment, at, at + length);
  }

  private tellElement(type: ValueType, visitor: DatasetVisitor): void {
    const { walk } = this;
    switch (type) {
      case HASH:
      case HASH_WITH_TTL:
        tellField(walk, visitor);
        return;
      case SET:
        visitor.setMember(walk.segment, walk.from, walk.to);
        return;
      case ZSET:
        visitor.zsetMember(walk.segment, walk.from, walk.to, walk.score);
        return;
      case LIST:
        visitor.listItem(walk.segment, walk.from, walk.to);
        return;
      default:
        throw new Error(`dataset: elements of the type ${type} cannot be told`);
    }
  }
}
