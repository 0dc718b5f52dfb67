/**
 * Sets of members. Hot file: no allocation per call.
 *
 * PACKED: a packed sequence of members, marked while all of them are integers and few enough for Valkey's intset.
 * LARGE: a table of entries `[member length: varint][member]`.
 * One instance is a cursor over the set it has open; see hashes.ts for `encoding`, `root` and `saveTo`.
 */
import type { Database } from '../keyspace/database.ts';
import { copyBytes } from '../keyspace/database.ts';
import { LARGE, PACKED } from '../keyspace/entry.ts';
import type { Address, Arena } from '../memory/arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { Packed } from '../memory/packed.ts';
import type { Table } from '../memory/table.ts';
import { varintBytes, writeVarint } from '../memory/varint.ts';
import { isInteger64 } from './integers.ts';
import type { CollectionLimits } from './limits.ts';

export const SET_KEY_OFFSET = 0;
/** The packed sequence's mark: every member is a 64-bit integer. */
export const ALL_INTEGERS = 1;

export class Sets {
  encoding = PACKED;
  root: Address = NONE;
  readonly table: Table;
  private readonly packed: Packed;
  private readonly arena: Arena;
  private readonly limits: CollectionLimits;

  constructor(arena: Arena, table: Table, limits: CollectionLimits) {
    this.arena = arena;
    this.table = table;
    this.limits = limits;
    this.packed = new Packed(arena);
  }

  open(encoding: number, root: Address): this {
    this.encoding = encoding;
    this.root = root;
    if (encoding === PACKED) this.packed.open(root);
    else this.table.open(root);
    return this;
  }

  openFound(database: Database): this {
    return this.open(database.view.encoding, database.view.root());
  }

  /** Makes an empty set and opens it. It counts as a set of integers until another member comes. */
  create(): this {
    this.encoding = PACKED;
    this.root = this.packed.create(ALL_INTEGERS);
    return this;
  }

  saveTo(database: Database): void {
    const { view } = database;
    if (view.encoding !== this.encoding || view.root() !== this.root) database.setRoot(this.encoding, this.root);
  }

  get count(): number {
    return this.encoding === PACKED ? this.packed.count : this.table.count;
  }

  get isIntegers(): boolean {
    return this.encoding === PACKED && this.packed.mark === ALL_INTEGERS;
  }

  has(member: Uint8Array, from: number, to: number): boolean {
    return this.encoding === PACKED
      ? this.packed.seek(member, from, to, 1)
      : this.table.find(member, from, to) !== NONE;
  }

  /** Converts beforehand when so many members are about to come that a packed set would not do. */
  expect(members: number): void {
    if (this.encoding !== PACKED) return;
    if (members > (this.packed.mark === ALL_INTEGERS ? this.limits.setIntegers : this.limits.setEntries))
      this.convert();
  }

  /** For a new set of about so many members, of which the given one is the first: what Valkey would begin with. */
  expectFirst(member: Uint8Array, from: number, to: number, members: number): void {
    if (isInteger64(member, from, to) && members <= this.limits.setIntegers) return;
    if (members <= this.limits.setEntries) this.packed.setMark(0);
    else this.convert();
  }

  /** Adds a member; false when it was there. */
  add(member: Uint8Array, from: number, to: number): boolean {
    if (this.has(member, from, to)) return false;
    this.addMissing(member, from, to);
    return true;
  }

  /** Adds a member that the last `has` did not find. */
  addMissing(member: Uint8Array, from: number, to: number): void {
    if (this.encoding === PACKED) {
      const { packed, limits } = this;
      const integer = packed.mark === ALL_INTEGERS && isInteger64(member, from, to);
      if (
        integer
          ? packed.count < limits.setIntegers
          : packed.count < limits.setEntries && to - from <= limits.setValueBytes
      ) {
        if (!integer && packed.mark === ALL_INTEGERS) packed.setMark(0);
        packed.insert(packed.used, member, from, to);
        this.root = packed.address;
        return;
      }
      this.convert();
      this.table.find(member, from, to);
    }
    this.insertLarge(member, from, to);
  }

  private insertLarge(member: Uint8Array, from: number, to: number): void {
    const length = to - from;
    const entry = this.arena.allocate(varintBytes(length) + length);
    const segment = this.arena.bytes[entry >>> SEGMENT_OF_SHIFT]!;
    copyBytes(member, from, to, segment, writeVarint(segment, (entry & OFFSET_MASK) << 3, length));
    this.table.insert(entry);
  }

  /** Removes a member; false when it was not there. */
  remove(member: Uint8Array, from: number, to: number): boolean {
    if (this.encoding === PACKED) {
      const { packed } = this;
      if (!packed.seek(member, from, to, 1)) return false;
      packed.remove(packed.at, 1);
      this.root = packed.address;
      return true;
    }
    const entry = this.table.find(member, from, to);
    if (entry === NONE) return false;
    this.table.remove();
    this.arena.free(entry);
    return true;
  }

  private convert(): void {
    const { packed, table } = this;
    const { segment, used, address } = packed;
    this.encoding = LARGE;
    this.root = table.create();
    for (let offset = packed.first; offset < used; ) {
      offset = packed.read(offset);
      table.find(segment, packed.from, packed.to);
      this.insertLarge(segment, packed.from, packed.to);
    }
    this.arena.free(address);
  }
}
