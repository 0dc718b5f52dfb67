/**
 * The cluster's word on each request with keys. Hot file: an admitted request of an own, closed slot allocates nothing.
 * It turns a call into what routing.ts wants to know, counts keys where a slot is being moved, and writes the error.
 */
import type { Cluster } from '../cluster/cluster.ts';
import {
  REQUEST_ASKING,
  REQUEST_PUBSUB,
  REQUEST_READONLY,
  REQUEST_WRITES,
  ROUTE_CHECK_KEYS,
  ROUTE_OK,
  ROUTE_TRYAGAIN,
} from '../cluster/routing.ts';
import { NONE } from '../memory/arena.ts';
import type { Call } from './call.ts';
import type { Client } from './client.ts';
import { isOverIpv6 } from './cluster-room.ts';
import { ASKING, MOVABLE_KEYS, PUBSUB, WRITE } from './command.ts';
import type { ClusterGate } from './executor.ts';
import type { CommandEntry } from './registry.ts';

export class RequestGate implements ClusterGate {
  private readonly cluster: Cluster;
  private missing = 0;
  private existing = 0;
  private severalKeys = false;
  private firstKey = -1;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  admits(call: Call, slot: number, entry: CommandEntry): boolean {
    const { router } = this.cluster;
    let request = 0;
    if ((entry.flags & WRITE) !== 0) request |= REQUEST_WRITES;
    if (call.client.readOnly) request |= REQUEST_READONLY;
    if (call.client.asking || (entry.flags & ASKING) !== 0) request |= REQUEST_ASKING;
    if ((entry.flags & PUBSUB) !== 0) request |= REQUEST_PUBSUB;
    if (entry.command.name === 'exec') request |= ofTransaction(call);
    let route = router.route(slot, request);
    if (route === ROUTE_OK) return true;
    if (route === ROUTE_CHECK_KEYS) {
      // MIGRATE moves keys of an open slot freely between the nodes; of those that are not here it says NOKEY.
      if (entry.command.name === 'migrate') route = router.routeOpen(slot, request | REQUEST_ASKING, 0, 0, false);
      else if (!this.mayCount(call, entry)) route = ROUTE_TRYAGAIN;
      else route = router.routeOpen(slot, request, this.missing, this.existing, this.severalKeys);
      if (route === ROUTE_OK) return true;
    }
    call.reply.error(router.errorOf(route, slot, isOverIpv6(call.client)));
    return false;
  }

  refusalOfWait(client: Client, entry: CommandEntry, slot: number): string | null {
    const { router } = this.cluster;
    let request = 0;
    if ((entry.flags & WRITE) !== 0) request |= REQUEST_WRITES;
    if (client.readOnly) request |= REQUEST_READONLY;
    const route = router.routeOfWait(slot, request);
    return route === ROUTE_OK ? null : router.errorOf(route, slot, isOverIpv6(client));
  }

  /**
   * Counts the request's keys that are here. Within MULTI nothing is counted: EXEC decides.
   * False for commands that cannot tell whether their keys have moved (MOVE, COPY to another database).
   */
  private mayCount(call: Call, entry: CommandEntry): boolean {
    this.missing = 0;
    this.existing = 0;
    this.severalKeys = false;
    this.firstKey = -1;
    if (entry.command.name !== 'exec') {
      if (!isMovable(call, entry)) return false;
      if (!call.client.inTransaction && (entry.flags & PUBSUB) === 0) this.countKeys(call, entry);
      return true;
    }
    const { client, args } = call;
    for (const queued of client.queued) {
      call.begin(client, queued.entry, queued.args);
      const movable = isMovable(call, queued.entry);
      if (movable && (queued.entry.flags & PUBSUB) === 0) this.countKeys(call, queued.entry);
      if (!movable) {
        call.begin(client, entry, args);
        return false;
      }
    }
    call.begin(client, entry, args);
    return true;
  }

  private countKeys(call: Call, entry: CommandEntry): void {
    if ((entry.flags & MOVABLE_KEYS) !== 0) {
      entry.command.keysOf?.(call, (index) => this.countKey(call, index));
      return;
    }
    if (entry.firstKey === 0) return;
    const last = entry.lastKey < 0 ? call.count + entry.lastKey : entry.lastKey;
    for (let index = entry.firstKey; index <= last && index < call.count; index += entry.keyStep)
      this.countKey(call, index);
  }

  private countKey(call: Call, index: number): void {
    if (this.firstKey < 0) this.firstKey = index;
    else if (!sameArgument(call, this.firstKey, index)) this.severalKeys = true;
    const found = call.database.findWithoutAccess(call.bytes, call.starts[index]!, call.ends[index]!);
    if (found === NONE) this.missing++;
    else this.existing++;
  }
}

function ofTransaction(call: Call): number {
  let request = 0;
  for (const { entry } of call.client.queued) {
    if ((entry.flags & WRITE) !== 0) request |= REQUEST_WRITES;
    if ((entry.flags & PUBSUB) !== 0) request |= REQUEST_PUBSUB;
  }
  return request;
}

function isMovable(call: Call, entry: CommandEntry): boolean {
  const { name } = entry.command;
  if (name === 'move') return false;
  if (name !== 'copy') return true;
  for (let index = 3; index + 1 < call.count; index++) {
    if (call.is(index, 'DB')) return call.text(index + 1) === String(call.client.databaseIndex);
  }
  return true;
}

function sameArgument(call: Call, a: number, b: number): boolean {
  const length = call.length(a);
  if (length !== call.length(b)) return false;
  const first = call.starts[a]!;
  const second = call.starts[b]!;
  for (let i = 0; i < length; i++) if (call.bytes[first + i] !== call.bytes[second + i]) return false;
  return true;
}
