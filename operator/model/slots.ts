/**
 * Slots and ranges of slots, as the cluster's commands write them: inclusive at both ends, ascending, not touching.
 */
export const SLOT_COUNT = 16384;

export interface SlotRange {
  readonly start: number;
  /** Inclusive. */
  readonly end: number;
}

/** The sorted slots as the fewest ranges. */
export function toRanges(slots: Iterable<number>): SlotRange[] {
  const ranges: { start: number; end: number }[] = [];
  for (const slot of [...slots].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && slot <= last.end + 1) last.end = Math.max(last.end, slot);
    else ranges.push({ start: slot, end: slot });
  }
  return ranges;
}

export function countSlots(ranges: readonly SlotRange[]): number {
  return ranges.reduce((count, range) => count + range.end - range.start + 1, 0);
}

export function* slotsOf(ranges: readonly SlotRange[]): Generator<number> {
  for (const range of ranges) for (let slot = range.start; slot <= range.end; slot++) yield slot;
}

/** The first `count` slots of some ranges. */
export function takeSlots(ranges: readonly SlotRange[], count: number): SlotRange[] {
  const taken: SlotRange[] = [];
  let left = count;
  for (const range of ranges) {
    if (left <= 0) break;
    const length = Math.min(left, range.end - range.start + 1);
    taken.push({ start: range.start, end: range.start + length - 1 });
    left -= length;
  }
  return taken;
}

/** As a person and CLUSTER NODES write a range: `0-5460`, or `7` for a single slot. */
export function showRange(range: SlotRange): string {
  return range.start === range.end ? String(range.start) : `${range.start}-${range.end}`;
}

/** The reverse of showRange; undefined for what is no range of slots. */
export function parseRange(written: string): SlotRange | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(written);
  if (match === null) return undefined;
  const start = Number(match[1]);
  const end = match[2] === undefined ? start : Number(match[2]);
  return start <= end && end < SLOT_COUNT ? { start, end } : undefined;
}
