/**
 * Regions of memory for replies, used again and again: by powers of two from 16 KiB to 256 KiB. Hot file: a region that is at hand costs
 * no allocation. What is kept is bounded: 6 MiB in all.
 */

/** A region is this large at first; most turns of most clients fit. */
export const INITIAL_REGION_BYTES = 16 * 1024;
/** How many are kept, from the smallest size on; larger ones are made and dropped. */
const KEPT: readonly number[] = [64, 32, 16, 8, 8];

export class RegionPool {
  private readonly regions: Uint8Array[][] = KEPT.map(() => []);
  private readonly views: DataView[][] = KEPT.map(() => []);
  /** Of the region taken last. */
  view: DataView = new DataView(new ArrayBuffer(0));

  /** A region of at least so many bytes, and its `view`. */
  take(sizeBytes: number): Uint8Array {
    let size = INITIAL_REGION_BYTES;
    let kind = 0;
    for (; size < sizeBytes; kind++) size *= 2;
    const region = kind < KEPT.length ? this.regions[kind]!.pop() : undefined;
    if (region !== undefined) {
      this.view = this.views[kind]!.pop()!;
      return region;
    }
    const made = new Uint8Array(size);
    this.view = new DataView(made.buffer);
    return made;
  }

  /** Takes back what `take` gave. */
  give(region: Uint8Array, view: DataView): void {
    let kind = 0;
    for (let size = INITIAL_REGION_BYTES; size < region.length; kind++) size *= 2;
    if (kind >= KEPT.length || this.regions[kind]!.length >= KEPT[kind]!) return;
    this.regions[kind]!.push(region);
    this.views[kind]!.push(view);
  }
}
