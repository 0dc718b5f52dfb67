/**
 * How many entries a group has read and has before it, as far as that can be known with entries deleted in between.
 * Source: Valkey 9.1 t_stream.c streamRangeHasTombstones, streamEstimateDistanceFromFirstEverEntry, streamReplyWithCGLag.
 */
import type { StreamId } from '../memory/stream-id.ts';
import type { StreamGroups } from './stream-groups.ts';
import { UNKNOWN_ENTRIES_READ } from './stream-groups.ts';
import type { Streams } from './streams.ts';

/** The lag cannot be known. */
export const UNKNOWN_LAG: number = Number.NaN;

/** The open group's count is known, and every entry that was added after its last one is still there. */
function tracks(streams: Streams, groups: StreamGroups): boolean {
  return (
    groups.entriesRead !== UNKNOWN_ENTRIES_READ &&
    groups.lastId.compare(streams.firstId) >= 0 &&
    !hasDeletedFrom(streams, groups.lastId)
  );
}

/** Whether an entry from `from` on may have been deleted. */
function hasDeletedFrom(streams: Streams, from: StreamId): boolean {
  if (streams.length === 0 || streams.maxDeletedId.isZero) return false;
  return from.compare(streams.maxDeletedId) <= 0;
}

/** How many entries were ever added up to `id`; UNKNOWN_ENTRIES_READ when deleted entries hide it. */
export function estimateEntriesRead(streams: Streams, id: StreamId): number {
  if (streams.entriesAdded === 0) return 0;
  const toLast = id.compare(streams.lastId);
  if (streams.length === 0 && toLast <= 0) return streams.entriesAdded;
  // An entry after this one was deleted.
  if (!id.isZero && id.compare(streams.maxDeletedId) < 0) return UNKNOWN_ENTRIES_READ;
  if (toLast === 0) return streams.entriesAdded;
  if (toLast > 0) return UNKNOWN_ENTRIES_READ;
  if (!streams.maxDeletedId.isZero && streams.maxDeletedId.compare(streams.firstId) >= 0) return UNKNOWN_ENTRIES_READ;
  const toFirst = id.compare(streams.firstId);
  if (toFirst < 0) return streams.entriesAdded - streams.length;
  return toFirst === 0 ? streams.entriesAdded - streams.length + 1 : UNKNOWN_ENTRIES_READ;
}

/** Entries that the open group has not read; UNKNOWN_LAG when that cannot be known. */
export function lagOf(streams: Streams, groups: StreamGroups): number {
  if (streams.entriesAdded === 0) return 0;
  if (groups.entriesRead !== UNKNOWN_ENTRIES_READ && !hasDeletedFrom(streams, groups.lastId)) {
    return streams.entriesAdded - groups.entriesRead;
  }
  const read = estimateEntriesRead(streams, groups.lastId);
  return read === UNKNOWN_ENTRIES_READ ? UNKNOWN_LAG : streams.entriesAdded - read;
}

/** The open group is about to be handed the entry `id`, which comes after its last one. */
export function countRead(streams: Streams, groups: StreamGroups, id: StreamId): void {
  if (tracks(streams, groups)) groups.entriesRead++;
  else if (streams.entriesAdded > 0) groups.entriesRead = estimateEntriesRead(streams, id);
  groups.lastId.set(id);
}
