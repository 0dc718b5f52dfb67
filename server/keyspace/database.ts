/**
 * A database: one table of entries, or one a slot in cluster mode, and the operations on keys that every type shares.
 * Hot file: no allocation per call.
 *
 * `find` and `findForWrite` leave the entry open in `view`; the mutators that follow act on that key. In cluster mode the
 * caller first says which slot the key is in by `keyspace.slot`.
 */
import type { Address, Arena } from '../memory/arena.ts';
import { NONE, OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { Table } from '../memory/table.ts';
import { varintBytes, writeVarint } from '../memory/varint.ts';
import { copyWords, ViewCache } from '../memory/words.ts';
import {
  ACCESS_MASK,
  EDITED,
  ENTRY_KEY_OFFSET,
  EntryView,
  EXPIRES,
  EXPIRY_BYTES,
  EXTERNAL,
  HASH,
  HOW_WRITTEN,
  headerOf,
  INLINE,
  readExpiry,
  STRING,
  writeExpiry,
  writeWord,
} from './entry.ts';
import { EVENT_MISS, EVENT_NEW } from './events.ts';
import { hasExpiringFields } from './field-expiry.ts';
import type { Keyspace } from './keyspace.ts';
import { slotOf } from './slot.ts';
import { SlotCounts } from './slot-counts.ts';

/** Values of `expireAtMs` that are not a time. */
export const NO_EXPIRY = 0;
export const KEEP_EXPIRY = -1;

/** Longer strings live outside their entry, so that expiry and rename move 8 bytes and not the value. */
export const MAX_INLINE_BYTES = 2048;

/** Longest loop copy; longer ones go through TypedArray.prototype.set. */
const LOOP_COPY_BYTES = 192;

export class Database {
  readonly index: number;
  readonly keyspace: Keyspace;
  readonly arena: Arena;
  /** The cursor over the open slot's table. */
  readonly table: Table;
  /** The entry that the last find found; meaningless after a miss. */
  readonly view: EntryView;
  /** Address of that entry, NONE after a miss. */
  entry: Address = NONE;
  counts: SlotCounts;
  /** Keys that have an expiry, and hashes some of whose fields have one, by slot. */
  expires: SlotCounts;
  private fieldExpires: SlotCounts;
  private roots: Int32Array;
  private openSlot = -1;
  private readonly sources = new ViewCache();
  private hidden: Set<number> = new Set();
  /** Scratch of `warm`. */
  private slotRoots: Int32Array = new Int32Array(16);
  private hashes: Int32Array = new Int32Array(16);
  private places: Int32Array = new Int32Array(16);

  constructor(keyspace: Keyspace, index: number, slots: number, key0: number, key1: number) {
    this.keyspace = keyspace;
    this.index = index;
    this.arena = keyspace.arena;
    this.table = new Table(keyspace.arena, ENTRY_KEY_OFFSET, key0, key1);
    this.view = new EntryView(keyspace.arena);
    this.counts = new SlotCounts(slots);
    this.expires = new SlotCounts(slots);
    this.fieldExpires = new SlotCounts(slots);
    this.roots = new Int32Array(slots);
  }

  /** Keys, without those of hidden slots. */
  get size(): number {
    return this.counts.total;
  }

  /** Keys that have an expiry. */
  get expiring(): number {
    return this.expires.total;
  }

  /** Hashes some of whose fields have an expiry. */
  get expiringHashes(): number {
    return this.fieldExpires.total;
  }

  /**
   * Hides an importing slot from SCAN, KEYS, RANDOMKEY, DBSIZE, eviction and expiry, or shows it again. Its keys are found by name all
   * the while, since the import writes them.
   */
  hideSlot(slot: number, hide: boolean): void {
    if (this.isHidden(slot) === hide) return;
    const keys = this.countInSlot(slot);
    if (hide) {
      this.counts.add(slot, -keys);
      this.hidden.add(slot);
    } else {
      this.hidden.delete(slot);
      this.counts.add(slot, keys);
    }
  }

  isHidden(slot: number): boolean {
    return this.hidden.size > 0 && this.hidden.has(slot);
  }

  /** Opens a slot's table for a walk over visible keys; false when it has none to show. */
  openVisible(slot: number): boolean {
    return !this.isHidden(slot) && this.open(slot);
  }

  private count(slot: number, difference: number): void {
    if (!this.isHidden(slot)) this.counts.add(slot, difference);
  }

  /** Opens a slot's table for walking; false when the slot has no keys. */
  open(slot: number): boolean {
    const root = this.roots[slot]!;
    if (root === NONE) return false;
    if (slot !== this.openSlot) {
      this.table.open(root);
      this.openSlot = slot;
    }
    return true;
  }

  private create(slot: number): void {
    this.roots[slot] = this.table.create();
    this.openSlot = slot;
  }

  countInSlot(slot: number): number {
    if (!this.open(slot)) return 0;
    return this.table.count;
  }

  /**
   * Brings what the next finds of these keys will read into the processor's cache. Worth it for two keys or more in a dataset larger
   * than the cache; changes nothing.
   */
  warm(bytes: Uint8Array, starts: Int32Array, ends: Int32Array, count: number): void {
    const { table, roots, slotRoots, hashes, places } = this;
    for (let i = 0; i < count; i++) {
      const slot = roots.length > 1 ? slotOf(bytes, starts[i]!, ends[i]!) : 0;
      slotRoots[i] = roots[slot]!;
      hashes[i] = table.hashOf(bytes, starts[i]!, ends[i]!);
    }
    const openRoot = table.root;
    table.warm(slotRoots, hashes, places, count);
    if (openRoot !== table.root) this.openSlot = -1;
  }

  /** Looks a key up for reading: an expired key is absent (and deleted, on a primary). Counts as an access. */
  find(bytes: Uint8Array, start: number, end: number): Address {
    const entry = this.findWithoutAccess(bytes, start, end);
    if (entry === NONE) {
      this.keyspace.misses++;
      if ((this.keyspace.events & EVENT_MISS) !== 0)
        this.keyspace.notify(EVENT_MISS, 'keymiss', this, bytes, start, end);
      return NONE;
    }
    this.keyspace.hits++;
    this.access(entry);
    return entry;
  }

  /** Looks a key up for a change to follow. Counts as an access, not in the hit statistics. */
  findForWrite(bytes: Uint8Array, start: number, end: number): Address {
    const entry = this.findWithoutAccess(bytes, start, end);
    if (entry !== NONE) this.access(entry);
    return entry;
  }

  /** As `find`, but leaves the access time alone (TTL, OBJECT, TYPE, EXISTS). */
  findWithoutAccess(bytes: Uint8Array, start: number, end: number): Address {
    this.entry = NONE;
    if (!this.open(this.keyspace.slot)) return NONE;
    const entry = this.table.find(bytes, start, end);
    if (entry === NONE) return NONE;
    const view = this.view.open(this.arena, entry);
    if (view.expires && this.keyspace.isExpired(readExpiry(view.segment, view.keyEnd))) {
      if (this.keyspace.deletesExpired) this.expireFound(entry);
      return NONE;
    }
    this.entry = entry;
    return entry;
  }

  private access(entry: Address): void {
    if (!this.keyspace.recordsAccess) return;
    const words = this.arena.words[entry >>> SEGMENT_OF_SHIFT]!;
    const at = (entry & OFFSET_MASK) << 1;
    const { frequencies } = this.keyspace;
    const access = frequencies === null ? this.keyspace.accessClock : frequencies.touched(words[at]! >>> 8);
    words[at] = (words[at]! & 0xff) | (access << 8);
  }

  /** Deletes the found key as expired: its time has passed, or a command gave it one that has. */
  expire(): void {
    this.expireFound(this.entry);
  }

  /** Deletes the found entry as expired: replicas and the write log learn of it as a deletion. */
  private expireFound(entry: Address): void {
    this.entry = entry;
    this.keyspace.expired++;
    this.keyspace.listener?.expired(this, this.keyspace.slot, this.view.segment, this.view.keyAt, this.view.keyEnd);
    this.remove();
    this.entry = NONE;
  }

  /**
   * Says that the found entry is about to change: open snapshots take its old value first, watching clients are told.
   * Every mutator below does it; a type that changes its collection in place calls it before the first byte.
   */
  beginChange(): void {
    this.table.beforeChange();
    if (this.keyspace.observers !== 0)
      this.keyspace.listener?.touched(this, this.view.segment, this.view.keyAt, this.view.keyEnd);
  }

  /**
   * Sets the key last looked for by `findForWrite` (found or not) to a string. `expireAtMs`: a time, NO_EXPIRY or KEEP_EXPIRY.
   * The value must not lie in the entry that it replaces.
   */
  putString(
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
    expireAtMs: number,
  ): void {
    const old = this.entry;
    const view = this.view;
    const wasExpiring = old !== NONE && view.expires;
    if (expireAtMs === KEEP_EXPIRY) expireAtMs = wasExpiring ? readExpiry(view.segment, view.keyEnd) : NO_EXPIRY;
    const expires = expireAtMs !== NO_EXPIRY;
    const length = valueEnd - valueStart;
    if (old !== NONE) this.beginChange();
    if (length > MAX_INLINE_BYTES) {
      const blob = this.arena.allocate(length);
      copyBytes(value, valueStart, valueEnd, this.arena.bytes[blob >>> SEGMENT_OF_SHIFT]!, (blob & OFFSET_MASK) << 3);
      const entry = this.writeEntry(key, keyStart, keyEnd, STRING, EXTERNAL, expireAtMs, 8);
      writeWord(this.view.segment, this.view.valueAt, length);
      writeWord(this.view.segment, this.view.valueAt + 4, blob);
      this.place(old, entry, key, keyStart, keyEnd, expires);
      return;
    }
    const valueBytes = varintBytes(length) + length;
    if (old !== NONE && view.type === STRING && view.encoding === INLINE && wasExpiring === expires) {
      const size = view.valueAt - ((old & OFFSET_MASK) << 3) + valueBytes;
      if (this.arena.fits(old, size)) {
        if (expires) writeExpiry(view.segment, view.keyEnd, expireAtMs);
        view.segment[(old & OFFSET_MASK) << 3]! &= ~HOW_WRITTEN;
        this.copyIn(value, valueStart, valueEnd, old, writeVarint(view.segment, view.valueAt, length));
        return;
      }
    }
    const entry = this.writeEntry(key, keyStart, keyEnd, STRING, INLINE, expireAtMs, valueBytes);
    copyBytes(
      value,
      valueStart,
      valueEnd,
      this.view.segment,
      writeVarint(this.view.segment, this.view.valueAt, length),
    );
    this.place(old, entry, key, keyStart, keyEnd, expires);
  }

  /**
   * Sets the key last looked for by `findForWrite` (found or not) to a string of `length` bytes whose content is undefined, without expiry,
   * and returns where they begin in `valueSegment`: for values that are computed in place.
   */
  putBlank(key: Uint8Array, keyStart: number, keyEnd: number, length: number): number {
    const old = this.entry;
    if (old !== NONE) this.beginChange();
    if (length > MAX_INLINE_BYTES) {
      const blob = this.arena.allocate(length);
      const entry = this.writeEntry(key, keyStart, keyEnd, STRING, EXTERNAL, NO_EXPIRY, 8);
      writeWord(this.view.segment, this.view.valueAt, length);
      writeWord(this.view.segment, this.view.valueAt + 4, blob);
      this.place(old, entry, key, keyStart, keyEnd, false);
    } else {
      const entry = this.writeEntry(key, keyStart, keyEnd, STRING, INLINE, NO_EXPIRY, varintBytes(length) + length);
      writeVarint(this.view.segment, this.view.valueAt, length);
      this.place(old, entry, key, keyStart, keyEnd, false);
    }
    this.markWritten(EDITED);
    return this.openString();
  }

  /** Adds a collection at the key last looked for, which must be absent. The root becomes the entry's. */
  putCollection(
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    type: number,
    encoding: number,
    root: Address,
    expireAtMs: number = NO_EXPIRY,
  ): void {
    const old = this.entry;
    if (old !== NONE) this.beginChange();
    const entry = this.writeEntry(key, keyStart, keyEnd, type, encoding, expireAtMs, 4);
    writeWord(this.view.segment, this.view.valueAt, root);
    this.place(old, entry, key, keyStart, keyEnd, expireAtMs !== NO_EXPIRY);
    if (hasExpiringFields(this.arena, type, encoding, root)) this.countExpiringHash(true);
  }

  /** Says that fields of the hash last found or put begin to expire, or that none of them does any more. */
  countExpiringHash(expires: boolean): void {
    this.fieldExpires.add(this.keyspace.slot, expires ? 1 : -1);
    if (expires) this.table.mark(this.table.bucketOf(this.table.hash));
  }

  /** The found entry, whose `view` is open, is about to go. */
  private forgetFields(view: EntryView): void {
    if (view.type === HASH && hasExpiringFields(this.arena, HASH, view.encoding, view.root()))
      this.fieldExpires.add(this.keyspace.slot, -1);
  }

  /** Points the found collection at another root or encoding, after its structure moved. `beginChange` came before. */
  setRoot(encoding: number, root: Address): void {
    const view = this.view;
    view.segment[(view.address & OFFSET_MASK) << 3] = headerOf(view.type, encoding, view.expires);
    view.encoding = encoding;
    writeWord(view.segment, view.valueAt, root);
  }

  /**
   * Makes the found string's value `length` bytes long and leaves `view` on it: bytes up to the shorter length stay, new ones are 0.
   * Returns where the value's bytes now begin in `valueSegment`.
   */
  resizeString(length: number): number {
    this.beginChange();
    const view = this.view;
    const oldLength = view.stringLength();
    const keep = Math.min(oldLength, length);
    if (view.encoding === EXTERNAL) {
      // Grown by half as much again, so that a run of appends copies each byte a bounded number of times.
      let blob = view.root();
      if (this.arena.capacity(blob) < length) blob = this.arena.resize(blob, keep, length + (length >>> 1));
      else if (length < this.arena.capacity(blob) >>> 2) blob = this.arena.resize(blob, keep, length);
      writeWord(view.segment, view.valueAt, length);
      writeWord(view.segment, view.valueAt + 4, blob);
      return this.openValue(oldLength, length);
    }
    const head = view.valueAt - ((view.address & OFFSET_MASK) << 3);
    const size = head + varintBytes(length) + length;
    if (length <= MAX_INLINE_BYTES && this.arena.fits(view.address, size)) {
      const from = view.valueAt + varintBytes(oldLength);
      const to = view.valueAt + varintBytes(length);
      if (from !== to) view.segment.copyWithin(to, from, from + keep);
      writeVarint(view.segment, view.valueAt, length);
      return this.openValue(oldLength, length);
    }
    const old = view.address;
    const oldSegment = view.segment;
    const oldValue = view.valueAt + varintBytes(oldLength);
    const expireAtMs = view.expireAtMs();
    const external = length > MAX_INLINE_BYTES;
    const blob = external ? this.arena.allocate(length + (length >>> 1)) : NONE;
    const entry = this.writeEntry(
      oldSegment,
      view.keyAt,
      view.keyEnd,
      STRING,
      external ? EXTERNAL : INLINE,
      expireAtMs,
      external ? 8 : varintBytes(length) + length,
    );
    if (external) {
      writeWord(view.segment, view.valueAt, length);
      writeWord(view.segment, view.valueAt + 4, blob);
    } else writeVarint(view.segment, view.valueAt, length);
    const to = this.openValue(keep, length);
    copyBytes(oldSegment, oldValue, oldValue + keep, this.valueSegment, to);
    this.table.replace(entry);
    this.arena.free(old);
    this.entry = entry;
    return to;
  }

  /** Where `openValue` found the value's bytes. */
  valueSegment: Uint8Array = EMPTY;
  valueView: DataView = EMPTY_VIEW;

  private openValue(oldLength: number, length: number): number {
    this.markWritten(EDITED);
    const at = this.openString();
    if (length > oldLength) this.valueSegment.fill(0, at + oldLength, at + length);
    return at;
  }

  /** HOW_WRITTEN of the found string. */
  howWritten(): number {
    const { view } = this;
    return view.segment[(view.address & OFFSET_MASK) << 3]! & HOW_WRITTEN;
  }

  /** The found string was made by a command that works on its bytes (EDITED), or is a number that stays text (WRITTEN_AS_TEXT). */
  markWritten(how: number): void {
    const { view } = this;
    view.segment[(view.address & OFFSET_MASK) << 3]! |= how;
  }

  /** Of the found string: sets `valueSegment` and returns the position of its first byte there. */
  openString(): number {
    const view = this.view;
    if (view.encoding === INLINE) {
      this.valueSegment = view.segment;
      this.valueView = this.arena.views[view.address >>> SEGMENT_OF_SHIFT]!;
      const first = view.segment[view.valueAt]!;
      return view.valueAt + (first < 0x80 ? 1 : varintBytes(view.stringLength()));
    }
    const blob = view.root();
    this.valueSegment = this.arena.bytes[blob >>> SEGMENT_OF_SHIFT]!;
    this.valueView = this.arena.views[blob >>> SEGMENT_OF_SHIFT]!;
    return (blob & OFFSET_MASK) << 3;
  }

  /** Sets (or with NO_EXPIRY removes) the found key's expiry. The entry may move; `view` follows it. */
  setExpiry(expireAtMs: number): void {
    this.beginChange();
    const view = this.view;
    const expires = expireAtMs !== NO_EXPIRY;
    if (expires === view.expires) {
      if (expires) writeExpiry(view.segment, view.keyEnd, expireAtMs);
      return;
    }
    const old = view.address;
    const oldSegment = view.segment;
    const from = view.valueAt;
    const valueBytes =
      view.type !== STRING
        ? 4
        : view.encoding === EXTERNAL
          ? 8
          : varintBytes(view.stringLength()) + view.stringLength();
    const entry = this.writeEntry(
      oldSegment,
      view.keyAt,
      view.keyEnd,
      view.type,
      view.encoding,
      expireAtMs,
      valueBytes,
    );
    copyBytes(oldSegment, from, from + valueBytes, view.segment, view.valueAt);
    view.segment[(entry & OFFSET_MASK) << 3]! |= oldSegment[(old & OFFSET_MASK) << 3]! & HOW_WRITTEN;
    this.table.replace(entry);
    this.arena.free(old);
    this.entry = entry;
    this.expires.add(this.keyspace.slot, expires ? 1 : -1);
    if (expires) this.table.mark(this.table.bucket);
  }

  /** Removes the found key and frees its value. */
  remove(): void {
    const entry = this.entry;
    this.unlink();
    this.freeEntry(entry);
  }

  /** Removes the found key but leaves its value alive: RENAME, MOVE and lazy freeing take it over. Free the entry by `freeShell`. */
  unlink(): Address {
    this.beginChange();
    if (this.view.expires) this.expires.add(this.keyspace.slot, -1);
    this.forgetFields(this.view);
    this.table.remove();
    this.count(this.keyspace.slot, -1);
    const entry = this.entry;
    this.entry = NONE;
    if (this.table.count === 0 && this.roots.length > 1) {
      this.table.destroy();
      this.roots[this.keyspace.slot] = NONE;
      this.openSlot = -1;
    }
    return entry;
  }

  /** Frees an unlinked entry with its value. */
  freeEntry(entry: Address): void {
    const view = this.view.open(this.arena, entry);
    if (view.type !== STRING) this.keyspace.freeCollection(view.type, view.encoding, view.root());
    else if (view.encoding === EXTERNAL) this.arena.free(view.root());
    this.arena.free(entry);
  }

  /** Frees an unlinked entry alone, whose value lives on elsewhere. */
  freeShell(entry: Address): void {
    this.arena.free(entry);
  }

  /**
   * Removes every key of a slot (of the database, out of cluster mode): its table is taken away as a whole and freed later, in slices.
   * Returns how many keys it had.
   */
  clearSlot(slot: number): number {
    if (!this.open(slot)) return 0;
    this.keyspace.listener?.clearing(this, slot);
    const removed = this.table.count;
    this.keyspace.detached.add(this.index, slot, this.roots[slot]!, removed, this.table.epoch);
    this.roots[slot] = NONE;
    this.openSlot = -1;
    this.entry = NONE;
    this.count(slot, -removed);
    this.expires.add(slot, -this.expires.ofSlot(slot));
    this.fieldExpires.add(slot, -this.fieldExpires.ofSlot(slot));
    return removed;
  }

  clear(): number {
    let removed = 0;
    for (let slot = 0; slot < this.roots.length; slot++) {
      if (this.roots[slot] !== NONE) removed += this.clearSlot(slot);
    }
    return removed;
  }

  /** SWAPDB: what is in the other database is in this one, and the other way round. */
  swapContents(other: Database): void {
    const { roots, counts, expires, fieldExpires, hidden } = this;
    this.roots = other.roots;
    this.counts = other.counts;
    this.expires = other.expires;
    this.fieldExpires = other.fieldExpires;
    this.hidden = other.hidden;
    other.roots = roots;
    other.counts = counts;
    other.expires = expires;
    other.fieldExpires = fieldExpires;
    other.hidden = hidden;
    for (const database of [this, other]) {
      database.openSlot = -1;
      database.entry = NONE;
    }
  }

  /** True when a key is there that has not expired; nothing is touched. */
  has(bytes: Uint8Array, start: number, end: number): boolean {
    if (!this.open(this.keyspace.slot)) return false;
    const entry = this.table.find(bytes, start, end);
    if (entry === NONE) return false;
    const view = this.view.open(this.arena, entry);
    return !(view.expires && this.keyspace.isExpired(readExpiry(view.segment, view.keyEnd)));
  }

  /** Copies source[from, to) into the segment of `entry` at byte `at` of that segment. */
  private copyIn(source: Uint8Array, from: number, to: number, entry: Address, at: number): void {
    if (to - from > LOOP_COPY_BYTES) this.arena.bytes[entry >>> SEGMENT_OF_SHIFT]!.set(source.subarray(from, to), at);
    else copyWords(this.sources.of(source), from, to, this.arena.views[entry >>> SEGMENT_OF_SHIFT]!, at);
  }

  /** Allocates an entry with key and expiry, opens `view` on it, and leaves the value to the caller. */
  private writeEntry(
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    type: number,
    encoding: number,
    expireAtMs: number,
    valueBytes: number,
  ): Address {
    const keyLength = keyEnd - keyStart;
    const expires = expireAtMs !== NO_EXPIRY;
    const headBytes = ENTRY_KEY_OFFSET + varintBytes(keyLength) + keyLength + (expires ? EXPIRY_BYTES : 0);
    const entry = this.arena.allocate(headBytes + valueBytes);
    const segment = this.arena.bytes[entry >>> SEGMENT_OF_SHIFT]!;
    const at = (entry & OFFSET_MASK) << 3;
    this.arena.words[entry >>> SEGMENT_OF_SHIFT]![at >> 2] =
      headerOf(type, encoding, expires) | ((this.keyspace.accessClock & ACCESS_MASK) << 8);
    const keyAt = writeVarint(segment, at + ENTRY_KEY_OFFSET, keyLength);
    this.copyIn(key, keyStart, keyEnd, entry, keyAt);
    const view = this.view;
    view.address = entry;
    view.segment = segment;
    view.type = type;
    view.encoding = encoding;
    view.expires = expires;
    view.keyAt = keyAt;
    view.keyEnd = keyAt + keyLength;
    view.valueAt = at + headBytes;
    if (expires) writeExpiry(segment, view.keyEnd, expireAtMs);
    return entry;
  }

  /** A value that takes the place of another inherits how often it was used. */
  private keepAccess(old: Address, entry: Address): void {
    const words = this.arena.words[entry >>> SEGMENT_OF_SHIFT]!;
    const at = (entry & OFFSET_MASK) << 1;
    const before = this.arena.words[old >>> SEGMENT_OF_SHIFT]![(old & OFFSET_MASK) << 1]!;
    words[at] = (words[at]! & 0xff) | (before & ~0xff);
  }

  /** Puts a new entry in the table in place of `old`, or as a new key; `view` stays open on it. */
  private place(
    old: Address,
    entry: Address,
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    expires: boolean,
  ): void {
    if (old !== NONE) {
      this.table.replace(entry);
      if (this.keyspace.frequencies !== null) this.keepAccess(old, entry);
      const segment = this.arena.bytes[old >>> SEGMENT_OF_SHIFT]!;
      if ((segment[(old & OFFSET_MASK) << 3]! & EXPIRES) !== 0) this.expires.add(this.keyspace.slot, -1);
      const view = this.view;
      const { type, encoding, keyAt, keyEnd: end, valueAt, segment: newSegment } = view;
      this.forgetFields(view.open(this.arena, old));
      this.freeEntry(old);
      view.address = entry;
      view.segment = newSegment;
      view.type = type;
      view.encoding = encoding;
      view.expires = expires;
      view.keyAt = keyAt;
      view.keyEnd = end;
      view.valueAt = valueAt;
    } else {
      if (this.openSlot !== this.keyspace.slot) {
        this.create(this.keyspace.slot);
        this.table.find(key, keyStart, keyEnd);
      }
      if (expires) this.table.mark(this.table.bucket);
      this.table.insert(entry);
      this.count(this.keyspace.slot, 1);
      if ((this.keyspace.events & EVENT_NEW) !== 0) this.keyspace.notify(EVENT_NEW, 'new', this, key, keyStart, keyEnd);
      if (this.keyspace.observers !== 0)
        this.keyspace.listener?.touched(this, this.view.segment, this.view.keyAt, this.view.keyEnd);
    }
    if (expires) {
      this.expires.add(this.keyspace.slot, 1);
      if (old !== NONE) this.table.mark(this.table.bucket);
    }
    this.entry = entry;
  }
}

const EMPTY: Uint8Array = new Uint8Array(0); // constant
const EMPTY_VIEW: DataView = new DataView(EMPTY.buffer);

/** Copies source[from, to) to target at `at`; the ranges do not overlap. */
export function copyBytes(source: Uint8Array, from: number, to: number, target: Uint8Array, at: number): void {
  if (to - from > LOOP_COPY_BYTES) {
    target.set(source.subarray(from, to), at);
    return;
  }
  for (let i = from; i < to; i++) target[at++] = source[i]!;
}
