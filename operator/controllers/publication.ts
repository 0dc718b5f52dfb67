/**
 * When a status is written: at once when something that matters changed, every few seconds while numbers move, and not at
 * all when nothing did. An idle cluster means no writes.
 */
import type { ValkeyClusterStatus } from '../api/index.ts';
import { PROGRESS_STATUS_MS } from '../model/index.ts';

export class Publication {
  #last: ValkeyClusterStatus | null = null;
  #lastAtMs = Number.NEGATIVE_INFINITY;

  /** The status that readers have: the one written last, or else the one found. */
  last(found: ValkeyClusterStatus | null): ValkeyClusterStatus | null {
    return this.#last ?? found;
  }

  isDue(status: ValkeyClusterStatus, found: ValkeyClusterStatus | null, nowMs: number): boolean {
    const last = this.last(found);
    if (last === null || same(status, last) === false)
      return last === null || !same(coarse(status), coarse(last)) || nowMs - this.#lastAtMs >= PROGRESS_STATUS_MS;
    return false;
  }

  written(status: ValkeyClusterStatus, nowMs: number): void {
    this.#last = status;
    this.#lastAtMs = nowMs;
  }
}

/** What is worth a write at once: everything but counts, texts and links that come and go. */
function coarse(status: ValkeyClusterStatus): unknown {
  return {
    generation: status.observedGeneration,
    state: status.state,
    shards: status.shards,
    readyShards: status.readyShards,
    image: status.image,
    endpoint: status.endpoint,
    selector: status.selector,
    primaries: status.shardStatuses.map((shard) => [shard.index, shard.primaryNodeId, shard.health]),
    migrating: status.migration !== undefined,
    conditions: status.conditions.map((condition) => [condition.type, condition.status]),
  };
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(canonical(a)) === JSON.stringify(canonical(b));
}

/** Field order does not count: the API server returns its own. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, canonical(inner)]),
  );
}
