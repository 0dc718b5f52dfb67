/**
 * Hashes: fields and their values. Hot file: no allocation per call.
 *
 * PACKED: a packed sequence of field, value, field, value …
 * LARGE: a table of entries `[flags: u8][field length: varint][field][value length: varint][value]`; flags are 0.
 * One instance is a cursor over the hash it has open. What changed the hash may have changed `encoding` and `root`:
 * the owner puts them back where they came from (`saveTo` an entry).
 */
import type { Database } from '../keyspace/database.ts';
import { copyBytes } from '../keyspace/database.ts';
import { LARGE, PACKED } from '../keyspace/entry.ts';
import type { Address, Arena } from '../memory/arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { Packed } from '../memory/packed.ts';
import type { Table } from '../memory/table.ts';
import { readVarint, varintBytes, writeVarint } from '../memory/varint.ts';
import type { CollectionLimits } from './limits.ts';

export const HASH_KEY_OFFSET = 1;

export class Hashes {
  encoding = PACKED;
  root: Address = NONE;
  /** The value that the last `get` found. */
  segment: Uint8Array;
  from = 0;
  to = 0;
  readonly table: Table;
  private readonly packed: Packed;
  private readonly arena: Arena;
  private readonly limits: CollectionLimits;

  constructor(arena: Arena, table: Table, limits: CollectionLimits) {
    this.arena = arena;
    this.table = table;
    this.limits = limits;
    this.packed = new Packed(arena);
    this.segment = arena.bytes[0]!;
  }

  open(encoding: number, root: Address): this {
    this.encoding = encoding;
    this.root = root;
    if (encoding === PACKED) this.packed.open(root);
    else this.table.open(root);
    return this;
  }

  /** Opens the hash of the entry that `database` found. */
  openFound(database: Database): this {
    return this.open(database.view.encoding, database.view.root());
  }

  /** Makes an empty hash and opens it. */
  create(): this {
    this.encoding = PACKED;
    this.root = this.packed.create();
    return this;
  }

  /** Puts a moved root or a new encoding into the entry that it belongs to. */
  saveTo(database: Database): void {
    const { view } = database;
    if (view.encoding !== this.encoding || view.root() !== this.root) database.setRoot(this.encoding, this.root);
  }

  get count(): number {
    return this.encoding === PACKED ? this.packed.count >> 1 : this.table.count;
  }

  /** Looks a field up; its value is then segment[from, to). */
  get(field: Uint8Array, from: number, to: number): boolean {
    if (this.encoding === PACKED) {
      const { packed } = this;
      if (!packed.seek(field, from, to, 2)) return false;
      packed.read(packed.to - packed.base);
      this.segment = packed.segment;
      this.from = packed.from;
      this.to = packed.to;
      return true;
    }
    const entry = this.table.find(field, from, to);
    if (entry === NONE) return false;
    this.openValue(entry);
    return true;
  }

  private openValue(entry: Address): void {
    const segment = this.arena.bytes[entry >>> SEGMENT_OF_SHIFT]!;
    let at = ((entry & OFFSET_MASK) << 3) + HASH_KEY_OFFSET;
    const fieldLength = readVarint(segment, at);
    at += varintBytes(fieldLength) + fieldLength;
    const length = readVarint(segment, at);
    this.segment = segment;
    this.from = at + varintBytes(length);
    this.to = this.from + length;
  }

  /** Converts beforehand when so many fields are about to come that a packed hash would not do. */
  expect(fields: number): void {
    if (this.encoding === PACKED && fields > this.limits.hashEntries) this.convert();
  }

  /** Sets a field; true when it is new. */
  set(
    field: Uint8Array,
    fieldFrom: number,
    fieldTo: number,
    value: Uint8Array,
    valueFrom: number,
    valueTo: number,
  ): boolean {
    if (this.encoding === PACKED) {
      const longest = this.limits.hashValueBytes;
      if (fieldTo - fieldFrom <= longest && valueTo - valueFrom <= longest) {
        return this.setPacked(field, fieldFrom, fieldTo, value, valueFrom, valueTo);
      }
      this.convert();
    }
    return this.setLarge(field, fieldFrom, fieldTo, value, valueFrom, valueTo);
  }

  private setPacked(
    field: Uint8Array,
    fieldFrom: number,
    fieldTo: number,
    value: Uint8Array,
    valueFrom: number,
    valueTo: number,
  ): boolean {
    const { packed } = this;
    if (packed.seek(field, fieldFrom, fieldTo, 2)) {
      packed.read(packed.to - packed.base);
      packed.replace(value, valueFrom, valueTo);
      this.root = packed.address;
      return false;
    }
    packed.insert(packed.used, field, fieldFrom, fieldTo);
    packed.insert(packed.used, value, valueFrom, valueTo);
    this.root = packed.address;
    if (packed.count >> 1 > this.limits.hashEntries) this.convert();
    return true;
  }

  private setLarge(
    field: Uint8Array,
    fieldFrom: number,
    fieldTo: number,
    value: Uint8Array,
    valueFrom: number,
    valueTo: number,
  ): boolean {
    const { arena, table } = this;
    const fieldLength = fieldTo - fieldFrom;
    const valueLength = valueTo - valueFrom;
    const head = HASH_KEY_OFFSET + varintBytes(fieldLength) + fieldLength;
    const size = head + varintBytes(valueLength) + valueLength;
    const old = table.find(field, fieldFrom, fieldTo);
    if (old !== NONE && arena.fits(old, size)) {
      table.beforeChange();
      const segment = arena.bytes[old >>> SEGMENT_OF_SHIFT]!;
      copyBytes(
        value,
        valueFrom,
        valueTo,
        segment,
        writeVarint(segment, ((old & OFFSET_MASK) << 3) + head, valueLength),
      );
      return false;
    }
    const entry = arena.allocate(size);
    const segment = arena.bytes[entry >>> SEGMENT_OF_SHIFT]!;
    const base = (entry & OFFSET_MASK) << 3;
    segment[base] = 0;
    copyBytes(field, fieldFrom, fieldTo, segment, writeVarint(segment, base + HASH_KEY_OFFSET, fieldLength));
    copyBytes(value, valueFrom, valueTo, segment, writeVarint(segment, base + head, valueLength));
    if (old === NONE) {
      table.insert(entry);
      return true;
    }
    table.replace(entry);
    arena.free(old);
    return false;
  }

  /** Removes a field; false when it was not there. */
  delete(field: Uint8Array, from: number, to: number): boolean {
    if (this.encoding === PACKED) {
      const { packed } = this;
      if (!packed.seek(field, from, to, 2)) return false;
      packed.remove(packed.at, 2);
      this.root = packed.address;
      return true;
    }
    const entry = this.table.find(field, from, to);
    if (entry === NONE) return false;
    this.table.remove();
    this.arena.free(entry);
    return true;
  }

  private convert(): void {
    const { packed, table } = this;
    const old = packed.address;
    const { segment, used } = packed;
    this.encoding = LARGE;
    this.root = table.create();
    for (let offset = packed.first; offset < used; ) {
      offset = packed.read(offset);
      const { from, to } = packed;
      offset = packed.read(offset);
      this.setLarge(segment, from, to, segment, packed.from, packed.to);
    }
    this.arena.free(old);
  }
}
