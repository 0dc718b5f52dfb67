/**
 * Keys per slot with their running totals (a Fenwick tree), so that SCAN, RANDOMKEY, sampling and expiry find the
 * n-th key's slot among 16384 in 14 steps. Hot file: no allocation per call.
 */
export class SlotCounts {
  private readonly tree: Int32Array;
  private readonly size: number;
  private readonly bySlot: Int32Array;
  total = 0;

  /** @param size number of slots, a power of two. */
  constructor(size: number) {
    this.size = size;
    this.tree = new Int32Array(size + 1);
    this.bySlot = new Int32Array(size);
  }

  add(slot: number, difference: number): void {
    this.total += difference;
    this.bySlot[slot]! += difference;
    for (let i = slot + 1; i <= this.size; i += i & -i) this.tree[i]! += difference;
  }

  ofSlot(slot: number): number {
    return this.bySlot[slot]!;
  }

  /** The slot that holds the key of rank `rank` (0 … total - 1), counting slots in order. */
  slotOfRank(rank: number): number {
    let position = 0;
    for (let step = this.size; step > 0; step >>= 1) {
      const next = position + step;
      if (next <= this.size && this.tree[next]! <= rank) {
        position = next;
        rank -= this.tree[next]!;
      }
    }
    return position;
  }

  clear(): void {
    this.tree.fill(0);
    this.bySlot.fill(0);
    this.total = 0;
  }
}
