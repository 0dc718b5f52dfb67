/**
 * Hashes: fields and their values. Hot file: no allocation per call.
 *
 * PACKED: a packed sequence of field, value, field, value …
 * LARGE: a table of entries `[flags: u8][field length: varint][field][value length: varint][value][expiry ms: u56, if FIELD_EXPIRES]`.
 * Only large hashes have fields that expire, as Valkey has it; what their table says of those in sum stands in keyspace/field-expiry.ts.
 * A field past its time is absent to `get` and everything that follows it, and stays in `count` until active expiry takes it.
 * One instance is a cursor over the hash it has open. What changed the hash may have changed `encoding` and `root`:
 * the owner puts them back where they came from (`saveTo` an entry).
 */
import type { Database } from '../keyspace/database.ts';
import { copyBytes } from '../keyspace/database.ts';
import { HASH, LARGE, PACKED } from '../keyspace/entry.ts';
import {
  earliestExpiry,
  expiringFields,
  FIELD_EXPIRY_BYTES,
  LATEST_FIELD_EXPIRY,
  NO_FIELD_EXPIRY,
  readFieldExpiry,
  setEarliestExpiry,
  setExpiringFields,
  writeFieldExpiry,
} from '../keyspace/field-expiry.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Address, Arena } from '../memory/arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { Packed } from '../memory/packed.ts';
import type { Table } from '../memory/table.ts';
import { readVarint, varintBytes, writeVarint } from '../memory/varint.ts';
import type { InnerTables } from './inner-tables.ts';
import type { CollectionLimits } from './limits.ts';

export const HASH_KEY_OFFSET = 1;
/** Flag of a large hash's entry. */
export const FIELD_EXPIRES = 1;
/** For `put`: the field keeps the expiry that it has. */
export const KEEP_FIELD_EXPIRY = -1;

export class Hashes {
  encoding = PACKED;
  root: Address = NONE;
  /** The value that the last `get` found. */
  segment: Uint8Array;
  from = 0;
  to = 0;
  /** When the field that the last `get` found expires, NO_FIELD_EXPIRY when it does not. */
  expireAtMs: number = NO_FIELD_EXPIRY;
  /** Fields past their time that `put` has overwritten since the hash was opened: Valkey tells of their expiry. */
  overwrittenExpired = 0;
  readonly table: Table;
  private readonly packed: Packed;
  private readonly arena: Arena;
  private readonly keyspace: Keyspace;
  private readonly limits: CollectionLimits;
  /** Fields of it could expire when it was opened: a database counts such hashes. */
  private expiringAtOpen = false;

  constructor(inner: InnerTables, limits: CollectionLimits) {
    const { arena } = inner.keyspace;
    this.arena = arena;
    this.keyspace = inner.keyspace;
    this.table = inner.table(HASH);
    this.limits = limits;
    this.packed = new Packed(arena);
    this.segment = arena.bytes[0]!;
  }

  open(encoding: number, root: Address): this {
    this.encoding = encoding;
    this.root = root;
    this.overwrittenExpired = 0;
    if (encoding === PACKED) {
      this.packed.open(root);
      this.expiringAtOpen = false;
    } else {
      this.table.open(root);
      this.expiringAtOpen = expiringFields(this.arena, root) !== 0;
    }
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
    this.overwrittenExpired = 0;
    this.expiringAtOpen = false;
    return this;
  }

  /** Puts a moved root or a new encoding into the entry that it belongs to, and says whether fields of it expire. */
  saveTo(database: Database): void {
    const { view } = database;
    if (view.encoding !== this.encoding || view.root() !== this.root) database.setRoot(this.encoding, this.root);
    const expiring = this.expiring > 0;
    if (expiring === this.expiringAtOpen) return;
    this.expiringAtOpen = expiring;
    database.countExpiringHash(expiring);
  }

  /** Fields, those past their time included. */
  get count(): number {
    return this.encoding === PACKED ? this.packed.count >> 1 : this.table.count;
  }

  /** Fields that expire. */
  get expiring(): number {
    return this.encoding === PACKED ? 0 : expiringFields(this.arena, this.root);
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
      this.expireAtMs = NO_FIELD_EXPIRY;
      return true;
    }
    const entry = this.table.find(field, from, to);
    if (entry === NONE) return false;
    this.openValue(entry);
    return this.expireAtMs === NO_FIELD_EXPIRY || !this.keyspace.isExpired(this.expireAtMs);
  }

  private openValue(entry: Address): void {
    const segment = this.arena.bytes[entry >>> SEGMENT_OF_SHIFT]!;
    const base = (entry & OFFSET_MASK) << 3;
    let at = base + HASH_KEY_OFFSET;
    const fieldLength = readVarint(segment, at);
    at += varintBytes(fieldLength) + fieldLength;
    const length = readVarint(segment, at);
    this.segment = segment;
    this.from = at + varintBytes(length);
    this.to = this.from + length;
    this.expireAtMs = (segment[base]! & FIELD_EXPIRES) === 0 ? NO_FIELD_EXPIRY : readFieldExpiry(segment, this.to);
  }

  /** Converts beforehand when so many fields are about to come that a packed hash would not do. */
  expect(fields: number): void {
    if (this.encoding === PACKED && fields > this.limits.hashEntries) this.convert();
  }

  /** Sets a field, which then does not expire; true when it is new. */
  set(
    field: Uint8Array,
    fieldFrom: number,
    fieldTo: number,
    value: Uint8Array,
    valueFrom: number,
    valueTo: number,
  ): boolean {
    return this.put(field, fieldFrom, fieldTo, value, valueFrom, valueTo, NO_FIELD_EXPIRY);
  }

  /** Sets a field that expires at a time, NO_FIELD_EXPIRY or KEEP_FIELD_EXPIRY; true when it is new, as one past its time is. */
  put(
    field: Uint8Array,
    fieldFrom: number,
    fieldTo: number,
    value: Uint8Array,
    valueFrom: number,
    valueTo: number,
    expireAtMs: number,
  ): boolean {
    if (this.encoding === PACKED) {
      const longest = this.limits.hashValueBytes;
      if (expireAtMs <= NO_FIELD_EXPIRY && fieldTo - fieldFrom <= longest && valueTo - valueFrom <= longest) {
        return this.setPacked(field, fieldFrom, fieldTo, value, valueFrom, valueTo);
      }
      this.convert();
    }
    return this.setLarge(field, fieldFrom, fieldTo, value, valueFrom, valueTo, expireAtMs);
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
    expireAtMs: number,
  ): boolean {
    const { arena, table } = this;
    const old = table.find(field, fieldFrom, fieldTo);
    let isNew = old === NONE;
    let at = expireAtMs === KEEP_FIELD_EXPIRY ? NO_FIELD_EXPIRY : expireAtMs;
    if (old !== NONE) {
      const before = this.expiryOf(old);
      if (before !== NO_FIELD_EXPIRY) {
        isNew = this.keyspace.isExpired(before);
        if (isNew) this.overwrittenExpired++;
        else if (expireAtMs === KEEP_FIELD_EXPIRY) at = before;
        if (at === NO_FIELD_EXPIRY) this.countExpiring(-1);
      } else if (at !== NO_FIELD_EXPIRY) this.countExpiring(1);
    } else if (at !== NO_FIELD_EXPIRY) this.countExpiring(1);
    const expires = at !== NO_FIELD_EXPIRY;
    const fieldLength = fieldTo - fieldFrom;
    const valueLength = valueTo - valueFrom;
    const head = HASH_KEY_OFFSET + varintBytes(fieldLength) + fieldLength;
    const size = head + varintBytes(valueLength) + valueLength + (expires ? FIELD_EXPIRY_BYTES : 0);
    if (old !== NONE && arena.fits(old, size)) {
      table.beforeChange();
      this.writeValue(old, head, value, valueFrom, valueTo, at);
    } else {
      const entry = arena.allocate(size);
      const segment = arena.bytes[entry >>> SEGMENT_OF_SHIFT]!;
      const base = (entry & OFFSET_MASK) << 3;
      copyBytes(field, fieldFrom, fieldTo, segment, writeVarint(segment, base + HASH_KEY_OFFSET, fieldLength));
      this.writeValue(entry, head, value, valueFrom, valueTo, at);
      if (old === NONE) table.insert(entry);
      else {
        table.replace(entry);
        arena.free(old);
      }
    }
    if (expires) this.noteExpiry(at);
    return isNew;
  }

  /** Writes flags, value and expiry of an entry whose value begins, with its length, `head` bytes into it. */
  private writeValue(
    entry: Address,
    head: number,
    value: Uint8Array,
    from: number,
    to: number,
    expireAtMs: number,
  ): void {
    const segment = this.arena.bytes[entry >>> SEGMENT_OF_SHIFT]!;
    const base = (entry & OFFSET_MASK) << 3;
    const valueAt = writeVarint(segment, base + head, to - from);
    copyBytes(value, from, to, segment, valueAt);
    if (expireAtMs === NO_FIELD_EXPIRY) {
      segment[base] = 0;
      return;
    }
    segment[base] = FIELD_EXPIRES;
    writeFieldExpiry(segment, valueAt + to - from, expireAtMs);
  }

  /** Gives a field that `get` has found an expiry, or takes it away. */
  setExpiry(field: Uint8Array, from: number, to: number, expireAtMs: number): void {
    if (this.encoding === PACKED) {
      if (expireAtMs === NO_FIELD_EXPIRY) return;
      this.convert();
    }
    const { arena, table } = this;
    const old = table.find(field, from, to);
    if (old === NONE) throw new Error('hashes: an expiry for a field that is not there');
    this.openValue(old);
    const before = this.expireAtMs;
    const expires = expireAtMs !== NO_FIELD_EXPIRY;
    const segment = arena.bytes[old >>> SEGMENT_OF_SHIFT]!;
    const base = (old & OFFSET_MASK) << 3;
    const size = this.to - base + (expires ? FIELD_EXPIRY_BYTES : 0);
    let entry = old;
    if (before !== NO_FIELD_EXPIRY || !expires || arena.fits(old, size)) table.beforeChange();
    else {
      entry = arena.allocate(size);
      arena.copy(old, 0, entry, 0, size - FIELD_EXPIRY_BYTES);
      table.replace(entry);
    }
    const target = entry === old ? segment : arena.bytes[entry >>> SEGMENT_OF_SHIFT]!;
    const targetBase = (entry & OFFSET_MASK) << 3;
    target[targetBase] = expires ? FIELD_EXPIRES : 0;
    if (expires) writeFieldExpiry(target, targetBase + size - FIELD_EXPIRY_BYTES, expireAtMs);
    if (entry !== old) arena.free(old);
    if (before === NO_FIELD_EXPIRY && expires) this.countExpiring(1);
    else if (before !== NO_FIELD_EXPIRY && !expires) this.countExpiring(-1);
    if (expires) this.noteExpiry(expireAtMs);
  }

  private expiryOf(entry: Address): number {
    const segment = this.arena.bytes[entry >>> SEGMENT_OF_SHIFT]!;
    if ((segment[(entry & OFFSET_MASK) << 3]! & FIELD_EXPIRES) === 0) return NO_FIELD_EXPIRY;
    this.openValue(entry);
    return this.expireAtMs;
  }

  private countExpiring(difference: number): void {
    const fields = expiringFields(this.arena, this.root) + difference;
    setExpiringFields(this.arena, this.root, fields);
    if (fields === 1 && difference === 1) setEarliestExpiry(this.arena, this.root, LATEST_FIELD_EXPIRY);
  }

  /** A field in the bucket last found or inserted into expires at this time: active expiry looks for it there, from then on. */
  private noteExpiry(atMs: number): void {
    this.table.mark(this.table.bucketOf(this.table.hash));
    if (atMs < earliestExpiry(this.arena, this.root)) setEarliestExpiry(this.arena, this.root, atMs);
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
    const expireAtMs = this.expiryOf(entry);
    if (expireAtMs !== NO_FIELD_EXPIRY && this.keyspace.isExpired(expireAtMs)) return false;
    this.removeFound(entry, expireAtMs !== NO_FIELD_EXPIRY);
    return true;
  }

  /** Removes a field that is past its time; false when there is none of that name. */
  deleteExpired(field: Uint8Array, from: number, to: number): boolean {
    if (this.encoding === PACKED) return false;
    const entry = this.table.find(field, from, to);
    if (entry === NONE) return false;
    const expireAtMs = this.expiryOf(entry);
    if (expireAtMs === NO_FIELD_EXPIRY || !this.keyspace.isExpired(expireAtMs)) return false;
    this.removeFound(entry, true);
    return true;
  }

  private removeFound(entry: Address, expires: boolean): void {
    if (expires) this.countExpiring(-1);
    this.table.remove();
    this.arena.free(entry);
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
      this.setLarge(segment, from, to, segment, packed.from, packed.to, NO_FIELD_EXPIRY);
    }
    this.arena.free(old);
  }
}
