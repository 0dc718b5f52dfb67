/**
 * Who owns each of the 16384 slots, and which slots are open (being moved by SETSLOT).
 * The request path reads it: `ownerOf` and `myselfOwns` are a load each and allocate nothing.
 *
 * Layout: owners as node indexes (node-table.ts; -1 nobody, 0 myself) in one typed array, one byte a slot for "open",
 * and each node's own bitmap, which travels in its packets. 50 KiB a node process plus 2 KiB a known node.
 */
import assert from 'node:assert';
import { SLOT_BITMAP_BYTES, SLOTS } from './limits.ts';
import type { ClusterNode } from './node-table.ts';

export const NOBODY = -1;
export const MYSELF_INDEX = 0;

/** What `openState` says of a slot. */
export const CLOSED = 0;
export const MIGRATING = 1;
export const IMPORTING = 2;

export class SlotMap {
  private readonly owners = new Int16Array(SLOTS).fill(NOBODY);
  private readonly open = new Uint8Array(SLOTS);
  private readonly targets = new Map<number, ClusterNode>();
  private readonly sources = new Map<number, ClusterNode>();
  /** Slots whose owner stopped claiming them: their ownership is not told to others. */
  readonly unclaimed = new Uint8Array(SLOT_BITMAP_BYTES);

  /** The owner's node index, NOBODY if there is none. */
  ownerOf(slot: number): number {
    return this.owners[slot]!;
  }

  myselfOwns(slot: number): boolean {
    return this.owners[slot] === MYSELF_INDEX;
  }

  /** CLOSED, MIGRATING or IMPORTING. */
  openState(slot: number): number {
    return this.open[slot]!;
  }

  assign(slot: number, node: ClusterNode): void {
    assert(this.owners[slot] === NOBODY, `slot ${slot} has an owner already`);
    assert(node.index >= 0, `${node.name} is in no node table`);
    this.owners[slot] = node.index;
    setBit(node.slots, slot);
    node.slotCount++;
    clearBit(this.unclaimed, slot);
  }

  /** False when nobody owned it. */
  release(slot: number, owner: ClusterNode | null): boolean {
    if (owner === null) return false;
    assert(this.owners[slot] === owner.index, `slot ${slot} is not ${owner.name}'s`);
    this.owners[slot] = NOBODY;
    clearBit(owner.slots, slot);
    owner.slotCount--;
    clearBit(this.unclaimed, slot);
    return true;
  }

  migratingTo(slot: number): ClusterNode | null {
    return this.targets.get(slot) ?? null;
  }

  importingFrom(slot: number): ClusterNode | null {
    return this.sources.get(slot) ?? null;
  }

  setMigrating(slot: number, target: ClusterNode | null): void {
    if (target === null) this.targets.delete(slot);
    else this.targets.set(slot, target);
    this.recomputeOpen(slot);
  }

  setImporting(slot: number, source: ClusterNode | null): void {
    if (source === null) this.sources.delete(slot);
    else this.sources.set(slot, source);
    this.recomputeOpen(slot);
  }

  private recomputeOpen(slot: number): void {
    this.open[slot] = this.targets.has(slot) ? MIGRATING : this.sources.has(slot) ? IMPORTING : CLOSED;
  }

  get anyMigrating(): boolean {
    return this.targets.size > 0;
  }

  get anyImporting(): boolean {
    return this.sources.size > 0;
  }

  /** Open slots in ascending order. */
  openSlots(): number[] {
    return [...new Set([...this.targets.keys(), ...this.sources.keys()])].sort((a, b) => a - b);
  }

  closeAll(): void {
    for (const slot of this.openSlots()) this.open[slot] = CLOSED;
    this.targets.clear();
    this.sources.clear();
  }
}

export function testBit(bitmap: Uint8Array, slot: number): boolean {
  return (bitmap[slot >> 3]! & (1 << (slot & 7))) !== 0;
}

export function setBit(bitmap: Uint8Array, slot: number): void {
  bitmap[slot >> 3]! |= 1 << (slot & 7);
}

export function clearBit(bitmap: Uint8Array, slot: number): void {
  bitmap[slot >> 3]! &= ~(1 << (slot & 7));
}

export function sameBits(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < SLOT_BITMAP_BYTES; i++) if (a[i] !== b[i]) return false;
  return true;
}

export interface SlotRange {
  readonly start: number;
  readonly end: number;
}

/** The set bits as ranges in ascending order, ends included. */
export function rangesOf(bitmap: Uint8Array): SlotRange[] {
  const ranges: SlotRange[] = [];
  let start = -1;
  for (let slot = 0; slot <= SLOTS; slot++) {
    const owned = slot < SLOTS && testBit(bitmap, slot);
    if (owned && start < 0) start = slot;
    if (!owned && start >= 0) {
      ranges.push({ start, end: slot - 1 });
      start = -1;
    }
  }
  return ranges;
}

export function describeRange(range: SlotRange): string {
  return range.start === range.end ? `${range.start}` : `${range.start}-${range.end}`;
}
