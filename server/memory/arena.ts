/**
 * The arena: every key, value and collection of a node is bytes in here, outside V8's heap.
 * Hot file: no allocation per call once a segment stands.
 *
 * Layout: 64 MiB ArrayBuffer segments of 1024 pages of 64 KiB. An address is an int32 in units of 8 bytes
 * (segment in the high 9 bits, offset in the low 23), so at most 32 GiB a node; 0 is no address.
 * A page holds cells of one size class (8-byte steps up to 256 bytes, then eight classes per doubling up to 32 KiB),
 * its free cells chained through their first word. Larger allocations take a run of pages; what exceeds
 * MAX_SPAN_BYTES gets a segment of its own, whose length is its size.
 * Cost: allocate and free are O(1) but for runs of pages (O(pages)). Cells are not zeroed.
 * Limits: MAX_ALLOCATION_BYTES a value; `reserveBytes` in all, past which OutOfArena is thrown.
 */

/** An int32 in 8-byte units; 0 (NONE) is no address. */
export type Address = number;
export const NONE: Address = 0;

export const UNIT_BYTES = 8;
export const SEGMENT_BYTES = 64 * 1024 * 1024;
export const PAGE_BYTES = 64 * 1024;
const SEGMENT_SHIFT = 23;
/** Low bits of an address: the unit within its segment. */
export const OFFSET_MASK = 0x7fffff;
export const SEGMENT_OF_SHIFT = SEGMENT_SHIFT;
const PAGE_SHIFT = 13;
const PAGES_PER_SEGMENT = SEGMENT_BYTES / PAGE_BYTES;
const SMALL_UNITS = 32;
/** Cells above this take whole pages. */
const MAX_CELL_UNITS = 4096;
const CLASS_COUNT = 88;
const MAX_SPAN_BYTES = SEGMENT_BYTES / 4;
/** 512 MiB (proto-max-bulk-len's default ceiling of a value) and room for growth by append. */
export const MAX_ALLOCATION_BYTES = 1024 * 1024 * 1024;
const MAX_SEGMENTS = 512;

const PAGE_FREE = -1;
const SPAN_HEAD = -2;
const SPAN_BODY = -3;
/** A segment that one large allocation owns. */
const OWN_SEGMENT = -4;

const CANARY = 0x5ac3;
const CANARY_BYTES = 8;

/** Thrown when the arena's segments are used up; the executor answers with Valkey's OOM error. */
export class OutOfArena extends Error {
  constructor(sizeBytes: number) {
    super(`arena: no room for ${sizeBytes} bytes: ${MAX_SEGMENTS} segments are in use; lower maxmemory or add shards`);
    this.name = 'OutOfArena';
  }
}

const NO_BYTES: Uint8Array = new Uint8Array(0); // constant
const NO_WORDS: Int32Array = new Int32Array(0); // constant
const NO_DOUBLES: Float64Array = new Float64Array(0); // constant
const NO_VIEW: DataView = new DataView(new ArrayBuffer(0)); // constant

export class Arena {
  /** By segment: the same memory as bytes, int32 words and doubles. Read as `bytes[a >>> SEGMENT_OF_SHIFT]`. */
  readonly bytes: Uint8Array[] = [];
  readonly words: Int32Array[] = [];
  readonly doubles: Float64Array[] = [];
  /** The same for unaligned words: copying and comparing four bytes at a time is two to three times as fast as byte by byte. */
  readonly views: DataView[] = [];

  private pageClass: Int16Array = new Int16Array(0);
  private pageFreeHead: Int32Array = new Int32Array(0);
  /** Next never used cell of the page, NONE when all were handed out once. */
  private pageFresh: Int32Array = new Int32Array(0);
  private pageUsed: Int32Array = new Int32Array(0);
  private pageNext: Int32Array = new Int32Array(0);
  private pagePrevious: Int32Array = new Int32Array(0);
  /** By class: the first page with a free cell, or -1. */
  private readonly classHead: Int32Array = new Int32Array(CLASS_COUNT).fill(-1);
  private readonly classUnits: Int32Array = new Int32Array(CLASS_COUNT);
  private segmentFreePages: Int32Array = new Int32Array(MAX_SEGMENTS);
  /** Where the search for a free page starts, by segment. */
  private segmentHint: Int32Array = new Int32Array(MAX_SEGMENTS);
  private readonly totals = new Float64Array(3);
  /** In the checked mode of tests: size asked for, by address of every live allocation. */
  private readonly live: Map<Address, number> | null;

  constructor(options: { checked?: boolean } = {}) {
    this.live = options.checked === true ? new Map() : null;
    for (let c = 0; c < CLASS_COUNT; c++) this.classUnits[c] = unitsOfClass(c);
    this.addSegment(SEGMENT_BYTES);
    // Page 0 is never handed out, so that no allocation has address 0.
    this.pageClass[0] = SPAN_BODY;
    this.segmentFreePages[0]!--;
    this.segmentHint[0] = 1;
  }

  /** Bytes in live allocations, rounded to their cells. */
  get usedBytes(): number {
    return this.totals[0]!;
  }

  /** Bytes of pages in use: what `maxmemory` counts of the arena. */
  get pageBytes(): number {
    return this.totals[1]!;
  }

  /** Bytes of all segments, whether touched or not. */
  get segmentBytes(): number {
    return this.totals[2]!;
  }

  /** Returns the address of at least `sizeBytes` bytes, aligned to 8, content undefined. Throws OutOfArena. */
  allocate(sizeBytes: number): Address {
    if (this.live !== null) return this.allocateChecked(sizeBytes);
    return this.allocateCell(sizeBytes);
  }

  private allocateCell(sizeBytes: number): Address {
    const units = sizeBytes <= 8 ? 1 : (sizeBytes + 7) >>> 3;
    if (units > MAX_CELL_UNITS) return this.allocateSpan(sizeBytes);
    const sizeClass = classOfUnits(units);
    let page = this.classHead[sizeClass]!;
    if (page < 0) page = this.openPage(sizeClass);
    const cellUnits = this.classUnits[sizeClass]!;
    let cell = this.pageFreeHead[page]!;
    if (cell !== NONE) {
      const next = this.words[cell >>> SEGMENT_SHIFT]![(cell & OFFSET_MASK) << 1]!;
      this.pageFreeHead[page] = next;
      if (next === NONE && this.pageFresh[page] === NONE) this.unlinkPage(page, sizeClass);
    } else {
      cell = this.pageFresh[page]!;
      const next = cell + cellUnits;
      if (next + cellUnits > (page + 1) << PAGE_SHIFT) {
        this.pageFresh[page] = NONE;
        this.unlinkPage(page, sizeClass);
      } else this.pageFresh[page] = next;
    }
    this.pageUsed[page]!++;
    this.totals[0]! += cellUnits << 3;
    return cell;
  }

  free(address: Address): void {
    if (this.live !== null) this.freeChecked(address);
    const page = address >>> PAGE_SHIFT;
    const sizeClass = this.pageClass[page]!;
    if (sizeClass < 0) {
      this.freeSpan(address, page, sizeClass);
      return;
    }
    const wasFull = this.pageFreeHead[page] === NONE && this.pageFresh[page] === NONE;
    this.words[address >>> SEGMENT_SHIFT]![(address & OFFSET_MASK) << 1] = this.pageFreeHead[page]!;
    this.pageFreeHead[page] = address;
    this.totals[0]! -= this.classUnits[sizeClass]! << 3;
    const used = this.pageUsed[page]! - 1;
    this.pageUsed[page] = used;
    if (wasFull) this.linkPage(page, sizeClass);
    // The last page of a class with free cells stays open, so that one key set and deleted in turn opens no page each time.
    if (used === 0 && (this.classHead[sizeClass] !== page || this.pageNext[page] !== -1))
      this.closePage(page, sizeClass);
  }

  /** Usable bytes of an allocation (its cell). */
  capacity(address: Address): number {
    // In the checked mode no more than was asked for, so that what lies beyond stays guarded.
    if (this.live !== null) return this.live.get(address)!;
    const page = address >>> PAGE_SHIFT;
    const sizeClass = this.pageClass[page]!;
    if (sizeClass >= 0) return this.classUnits[sizeClass]! << 3;
    return sizeClass === OWN_SEGMENT
      ? this.bytes[address >>> SEGMENT_SHIFT]!.length
      : this.pageUsed[page]! * PAGE_BYTES;
  }

  /**
   * True when an allocation of `sizeBytes` would get a cell of the size that `address` has: then it can be reused in place.
   * The checked mode takes a yes for the announcement that so many bytes will be used.
   */
  fits(address: Address, sizeBytes: number): boolean {
    if (this.live === null) return this.isOfCell(address, sizeBytes);
    if (!this.isOfCell(address, sizeBytes + CANARY_BYTES)) return false;
    if (sizeBytes > this.live.get(address)!) {
      this.live.set(address, sizeBytes);
      this.writeCanary(address, sizeBytes);
    }
    return true;
  }

  private isOfCell(address: Address, sizeBytes: number): boolean {
    const units = sizeBytes <= 8 ? 1 : (sizeBytes + 7) >>> 3;
    const sizeClass = this.pageClass[address >>> PAGE_SHIFT]!;
    if (units > MAX_CELL_UNITS) {
      if (sizeClass >= 0) return false;
      const capacity =
        sizeClass === OWN_SEGMENT
          ? this.bytes[address >>> SEGMENT_SHIFT]!.length
          : this.pageUsed[address >>> PAGE_SHIFT]! * PAGE_BYTES;
      return sizeBytes <= capacity && sizeBytes > capacity - (capacity >>> 2) - PAGE_BYTES;
    }
    return sizeClass === classOfUnits(units);
  }

  /** Returns an allocation of `sizeBytes` with the first `keepBytes` bytes of `address`, which is freed when it had to move. */
  resize(address: Address, keepBytes: number, sizeBytes: number): Address {
    if (this.fits(address, sizeBytes)) return address;
    const moved = this.allocate(sizeBytes);
    this.copy(address, 0, moved, 0, keepBytes);
    this.free(address);
    return moved;
  }

  /** Copies bytes between two allocations, which do not overlap unless they are one. */
  copy(from: Address, fromOffset: number, to: Address, toOffset: number, sizeBytes: number): void {
    const source = this.bytes[from >>> SEGMENT_SHIFT]!;
    const target = this.bytes[to >>> SEGMENT_SHIFT]!;
    const sourceAt = ((from & OFFSET_MASK) << 3) + fromOffset;
    const targetAt = ((to & OFFSET_MASK) << 3) + toOffset;
    if (source === target) source.copyWithin(targetAt, sourceAt, sourceAt + sizeBytes);
    else target.set(source.subarray(sourceAt, sourceAt + sizeBytes), targetAt);
  }

  /**
   * Adds a segment when fewer than `pages` pages are free: called between requests, since a new segment costs a major
   * garbage collection. Returns true when one was added.
   */
  reserveAhead(pages: number): boolean {
    let free = 0;
    for (let s = 0; s < this.bytes.length; s++) free += this.segmentFreePages[s]!;
    if (free >= pages || this.bytes.length >= MAX_SEGMENTS) return false;
    this.addSegment(SEGMENT_BYTES);
    return true;
  }

  /** Drops wholly free segments but for `keep` of them; returns how many were dropped. */
  dropFreeSegments(keep: number): number {
    let spare = 0;
    let dropped = 0;
    for (let s = 1; s < this.bytes.length; s++) {
      if (this.segmentFreePages[s] !== PAGES_PER_SEGMENT) continue;
      if (spare++ < keep) continue;
      this.dropSegment(s);
      dropped++;
    }
    return dropped;
  }

  private openPage(sizeClass: number): number {
    for (let s = 0; s < this.bytes.length; s++) {
      if (this.segmentFreePages[s] === 0) continue;
      const page = this.firstFreePage(s);
      this.takePages(s, page, 1);
      this.pageClass[page] = sizeClass;
      this.pageUsed[page] = 0;
      this.pageFreeHead[page] = NONE;
      this.pageFresh[page] = page << PAGE_SHIFT;
      this.linkPage(page, sizeClass);
      return page;
    }
    this.addSegment(SEGMENT_BYTES);
    return this.openPage(sizeClass);
  }

  private firstFreePage(segment: number): number {
    const base = segment * PAGES_PER_SEGMENT;
    for (let page = base + this.segmentHint[segment]!; page < base + PAGES_PER_SEGMENT; page++) {
      if (this.pageClass[page] === PAGE_FREE) return page;
    }
    throw new Error(`arena: segment ${segment} counts free pages but has none`);
  }

  private takePages(segment: number, page: number, count: number): void {
    this.segmentFreePages[segment]! -= count;
    if (page === segment * PAGES_PER_SEGMENT + this.segmentHint[segment]!) this.segmentHint[segment]! += count;
    this.totals[1]! += count * PAGE_BYTES;
  }

  private givePages(page: number, count: number): void {
    const segment = (page / PAGES_PER_SEGMENT) | 0;
    for (let p = page; p < page + count; p++) this.pageClass[p] = PAGE_FREE;
    this.segmentFreePages[segment]! += count;
    const within = page - segment * PAGES_PER_SEGMENT;
    if (within < this.segmentHint[segment]!) this.segmentHint[segment] = within;
    this.totals[1]! -= count * PAGE_BYTES;
  }

  private closePage(page: number, sizeClass: number): void {
    this.unlinkPage(page, sizeClass);
    this.givePages(page, 1);
  }

  private linkPage(page: number, sizeClass: number): void {
    const head = this.classHead[sizeClass]!;
    this.pageNext[page] = head;
    this.pagePrevious[page] = -1;
    if (head >= 0) this.pagePrevious[head] = page;
    this.classHead[sizeClass] = page;
  }

  private unlinkPage(page: number, sizeClass: number): void {
    const next = this.pageNext[page]!;
    const previous = this.pagePrevious[page]!;
    if (previous >= 0) this.pageNext[previous] = next;
    else this.classHead[sizeClass] = next;
    if (next >= 0) this.pagePrevious[next] = previous;
    this.pageNext[page] = -1;
    this.pagePrevious[page] = -1;
  }

  private allocateSpan(sizeBytes: number): Address {
    if (sizeBytes > MAX_ALLOCATION_BYTES) throw new OutOfArena(sizeBytes);
    const count = Math.ceil(sizeBytes / PAGE_BYTES);
    if (sizeBytes > MAX_SPAN_BYTES) {
      const segment = this.addSegment(count * PAGE_BYTES);
      this.segmentFreePages[segment] = 0;
      this.pageClass[segment * PAGES_PER_SEGMENT] = OWN_SEGMENT;
      this.totals[0]! += count * PAGE_BYTES;
      this.totals[1]! += count * PAGE_BYTES;
      return segment << SEGMENT_SHIFT;
    }
    for (let s = 0; s < this.bytes.length; s++) {
      if (this.segmentFreePages[s]! < count) continue;
      const page = this.findRun(s, count);
      if (page < 0) continue;
      this.takePages(s, page, count);
      this.pageClass[page] = SPAN_HEAD;
      for (let p = page + 1; p < page + count; p++) this.pageClass[p] = SPAN_BODY;
      this.pageUsed[page] = count;
      this.totals[0]! += count * PAGE_BYTES;
      return page << PAGE_SHIFT;
    }
    this.addSegment(SEGMENT_BYTES);
    return this.allocateSpan(sizeBytes);
  }

  private findRun(segment: number, count: number): number {
    const end = (segment + 1) * PAGES_PER_SEGMENT;
    let run = 0;
    for (let page = segment * PAGES_PER_SEGMENT + this.segmentHint[segment]!; page < end; page++) {
      run = this.pageClass[page] === PAGE_FREE ? run + 1 : 0;
      if (run === count) return page - count + 1;
    }
    return -1;
  }

  private freeSpan(address: Address, page: number, sizeClass: number): void {
    if (sizeClass === OWN_SEGMENT) {
      const segment = address >>> SEGMENT_SHIFT;
      const sizeBytes = this.bytes[segment]!.length;
      this.totals[0]! -= sizeBytes;
      this.totals[1]! -= sizeBytes;
      this.pageClass[page] = PAGE_FREE;
      this.dropSegment(segment);
      return;
    }
    if (sizeClass !== SPAN_HEAD) throw new Error(`arena: free of address ${address}, which is no allocation`);
    const count = this.pageUsed[page]!;
    this.totals[0]! -= count * PAGE_BYTES;
    this.givePages(page, count);
  }

  private addSegment(sizeBytes: number): number {
    let segment = this.bytes.length;
    for (let s = 0; s < this.bytes.length; s++) {
      if (this.bytes[s]!.length === 0) {
        segment = s;
        break;
      }
    }
    if (segment >= MAX_SEGMENTS) throw new OutOfArena(sizeBytes);
    const buffer = new ArrayBuffer(sizeBytes);
    this.bytes[segment] = new Uint8Array(buffer);
    this.words[segment] = new Int32Array(buffer);
    this.doubles[segment] = new Float64Array(buffer);
    this.views[segment] = new DataView(buffer);
    this.growPageArrays((segment + 1) * PAGES_PER_SEGMENT);
    this.pageClass.fill(PAGE_FREE, segment * PAGES_PER_SEGMENT, (segment + 1) * PAGES_PER_SEGMENT);
    this.segmentFreePages[segment] = PAGES_PER_SEGMENT;
    this.segmentHint[segment] = 0;
    this.totals[2]! += sizeBytes;
    return segment;
  }

  private dropSegment(segment: number): void {
    this.totals[2]! -= this.bytes[segment]!.length;
    this.bytes[segment] = NO_BYTES;
    this.words[segment] = NO_WORDS;
    this.doubles[segment] = NO_DOUBLES;
    this.views[segment] = NO_VIEW;
    this.segmentFreePages[segment] = 0;
  }

  private growPageArrays(pages: number): void {
    if (this.pageClass.length >= pages) return;
    const size = Math.max(pages, this.pageClass.length * 2);
    this.pageClass = grown(this.pageClass, new Int16Array(size));
    this.pageFreeHead = grown(this.pageFreeHead, new Int32Array(size));
    this.pageFresh = grown(this.pageFresh, new Int32Array(size));
    this.pageUsed = grown(this.pageUsed, new Int32Array(size));
    this.pageNext = grown(this.pageNext, new Int32Array(size));
    this.pagePrevious = grown(this.pagePrevious, new Int32Array(size));
  }

  private allocateChecked(sizeBytes: number): Address {
    const address = this.allocateCell(sizeBytes + CANARY_BYTES);
    this.bytes[address >>> SEGMENT_SHIFT]!.fill(
      0xa5,
      (address & OFFSET_MASK) << 3,
      ((address & OFFSET_MASK) << 3) + sizeBytes,
    );
    this.live!.set(address, sizeBytes);
    this.writeCanary(address, sizeBytes);
    return address;
  }

  private writeCanary(address: Address, sizeBytes: number): void {
    const bytes = this.bytes[address >>> SEGMENT_SHIFT]!;
    const at = ((address & OFFSET_MASK) << 3) + sizeBytes;
    bytes[at] = CANARY >> 8;
    bytes[at + 1] = CANARY & 0xff;
  }

  private freeChecked(address: Address): void {
    this.assertLive(address);
    const sizeBytes = this.live!.get(address)!;
    this.live!.delete(address);
    const bytes = this.bytes[address >>> SEGMENT_SHIFT]!;
    bytes.fill(0xdd, (address & OFFSET_MASK) << 3, ((address & OFFSET_MASK) << 3) + sizeBytes);
  }

  /** Checked mode: throws unless `address` is a live allocation whose end is intact. */
  assertLive(address: Address): void {
    if (this.live === null) return;
    const sizeBytes = this.live.get(address);
    if (sizeBytes === undefined)
      throw new Error(`arena: address ${address} is not a live allocation (freed twice or never allocated)`);
    const bytes = this.bytes[address >>> SEGMENT_SHIFT]!;
    const at = ((address & OFFSET_MASK) << 3) + sizeBytes;
    if (bytes[at] !== CANARY >> 8 || bytes[at + 1] !== (CANARY & 0xff)) {
      throw new Error(`arena: written past the end of the ${sizeBytes} bytes at address ${address}`);
    }
  }

  /** Checked mode: asserts every live allocation and returns their number. */
  assertAllLive(): number {
    if (this.live === null) return 0;
    for (const address of this.live.keys()) this.assertLive(address);
    return this.live.size;
  }
}

/** Class of a cell of so many units (1 … MAX_CELL_UNITS). */
function classOfUnits(units: number): number {
  if (units <= SMALL_UNITS) return units - 1;
  const exponent = 31 - Math.clz32(units - 1);
  return SMALL_UNITS + ((exponent - 5) << 3) + ((units - 1) >> (exponent - 3)) - 8;
}

function unitsOfClass(sizeClass: number): number {
  if (sizeClass < SMALL_UNITS) return sizeClass + 1;
  const exponent = 5 + ((sizeClass - SMALL_UNITS) >> 3);
  return (9 + ((sizeClass - SMALL_UNITS) & 7)) << (exponent - 3);
}

function grown<T extends Int16Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
