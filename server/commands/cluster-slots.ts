/**
 * Slots and ranges of slots among a command's arguments. Each helper answers the error itself.
 */
import { SLOTS } from '../cluster/limits.ts';
import type { ClusterNode } from '../cluster/node-table.ts';
import type { SlotRange } from '../cluster/slot-map.ts';
import type { ClusterState } from '../cluster/state.ts';
import { parseInteger } from '../protocol/numbers.ts';
import type { Call } from './call.ts';

/** -1 after the error was answered. */
export function parseSlot(call: Call, index: number): number {
  const slot = parseInteger(call.bytes, call.starts[index]!, call.ends[index]!);
  if (slot >= 0 && slot < SLOTS) return slot;
  call.fail('ERR Invalid or out of range slot');
  return -1;
}

export interface OwnedRanges {
  readonly ranges: readonly SlotRange[];
  readonly owner: ClusterNode;
  /** The argument after the last range. */
  readonly next: number;
}

/** Ranges from an argument on, up to the first that is no integer; all slots must have one owner. Null after an error. */
export function parseOwnedRanges(call: Call, state: ClusterState, from: number): OwnedRanges | null {
  const ranges: SlotRange[] = [];
  let owner: ClusterNode | null = null;
  let next = from;
  const fail = (text: string): null => {
    call.fail(text);
    return null;
  };
  while (next < call.count && !Number.isNaN(parseInteger(call.bytes, call.starts[next]!, call.ends[next]!))) {
    const start = parseSlot(call, next);
    if (start < 0) return null;
    if (next + 1 >= call.count) return fail('ERR No end slot for final slot range');
    const end = parseSlot(call, next + 1);
    if (end < 0) return null;
    if (start > end) return fail(`ERR Start slot number ${start} is greater than end slot number ${end}.`);
    for (let slot = start; slot <= end; slot++) {
      const holder = state.ownerOf(slot);
      if (holder === null) return fail(`ERR Slot ${slot} has no node served.`);
      if (owner !== null && owner !== holder) return fail('ERR Requested slots span multiple shards');
      owner = holder;
    }
    const before = ranges.find((range) => start <= range.end && range.start <= end);
    if (before !== undefined)
      return fail(`ERR Slot range ${start}-${end} overlaps with previous range ${before.start}-${before.end}.`);
    ranges.push({ start, end });
    next += 2;
  }
  return owner === null ? fail('ERR No slot ranges specified') : { ranges, owner, next };
}
