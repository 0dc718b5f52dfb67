/**
 * Where a request belongs. Hot file: `route` allocates nothing, and a request for an own, closed slot in a healthy cluster
 * costs three loads.
 * Source: Valkey 9.1 (getNodeByQuery's answers and the texts of its errors).
 */
import type { ClusterNode } from './node-table.ts';
import { CLOSED, IMPORTING, MIGRATING, MYSELF_INDEX, NOBODY } from './slot-map.ts';
import { CLUSTER_OK, type ClusterState } from './state.ts';

export const ROUTE_OK = 0;
export const ROUTE_MOVED = 1;
export const ROUTE_ASK = 2;
/** Several keys in a slot that is being moved, and not all are here. */
export const ROUTE_TRYAGAIN = 3;
export const ROUTE_DOWN = 4;
export const ROUTE_DOWN_READ_ONLY = 5;
export const ROUTE_NOT_SERVED = 6;
/** The slot is open: whether the request's keys are here decides; ask `routeOpen`. */
export const ROUTE_CHECK_KEYS = 7;

/** What of a request matters, as bits. */
export const REQUEST_WRITES = 1 << 0;
/** The client sent READONLY. */
export const REQUEST_READONLY = 1 << 1;
/** The client sent ASKING, or the command implies it. */
export const REQUEST_ASKING = 1 << 2;
/** A sharded publish or subscription: its channel, not a key, has the slot. */
export const REQUEST_PUBSUB = 1 << 3;

export class Router {
  private readonly state: ClusterState;

  constructor(state: ClusterState) {
    this.state = state;
  }

  /** `request`: REQUEST_ bits. */
  route(slot: number, request: number): number {
    const { state } = this;
    const { slots } = state;
    if (slots.ownerOf(slot) === MYSELF_INDEX && state.health === CLUSTER_OK && slots.openState(slot) === CLOSED)
      return ROUTE_OK;
    return this.routeOther(slot, request);
  }

  private routeOther(slot: number, request: number): number {
    const { slots, myself } = this.state;
    if (slots.ownerOf(slot) === NOBODY) return ROUTE_NOT_SERVED;
    if (slots.openState(slot) !== CLOSED && (myself.isPrimary || (request & REQUEST_READONLY) !== 0))
      return ROUTE_CHECK_KEYS;
    const down = this.whileDown(request);
    return down === ROUTE_OK ? this.routeClosed(slot, request) : down;
  }

  /** For an open slot: how many of the request's keys are missing and existing here, and whether it names different keys. */
  routeOpen(slot: number, request: number, missing: number, existing: number, severalKeys: boolean): number {
    const { slots, myself } = this.state;
    const down = this.whileDown(request);
    if (down !== ROUTE_OK) return down;
    const open = slots.openState(slot);
    const migrating = open === MIGRATING && slots.ownerOf(slot) === myself.shardPrimary.index;
    if (migrating && missing > 0) return existing > 0 ? ROUTE_TRYAGAIN : ROUTE_ASK;
    if (open === IMPORTING && (request & REQUEST_ASKING) !== 0)
      return severalKeys && missing > 0 ? ROUTE_TRYAGAIN : ROUTE_OK;
    return this.routeClosed(slot, request);
  }

  /**
   * For a client that is blocked on keys of a slot. What it waits for is a write, so that a cluster that is down is no place to wait in,
   * whatever may be read there.
   */
  routeOfWait(slot: number, request: number): number {
    const { slots, health } = this.state;
    if (health !== CLUSTER_OK) return ROUTE_DOWN;
    if (slots.ownerOf(slot) === NOBODY) return ROUTE_NOT_SERVED;
    return slots.openState(slot) === IMPORTING ? ROUTE_OK : this.routeClosed(slot, request);
  }

  private whileDown(request: number): number {
    const { health, silent, settings } = this.state;
    if (health === CLUSTER_OK) return ROUTE_OK;
    // A restarted owner that waits (restart-rule.ts) must not even be read: its data may be old.
    if (silent) return ROUTE_DOWN;
    if ((request & REQUEST_PUBSUB) !== 0) return settings.allowPubsubShardWhenDown ? ROUTE_OK : ROUTE_DOWN;
    if (!settings.allowReadsWhenDown) return ROUTE_DOWN;
    return (request & REQUEST_WRITES) !== 0 ? ROUTE_DOWN_READ_ONLY : ROUTE_OK;
  }

  private routeClosed(slot: number, request: number): number {
    const { slots, myself } = this.state;
    const owner = slots.ownerOf(slot);
    if (owner === MYSELF_INDEX) return ROUTE_OK;
    const readable = (request & (REQUEST_READONLY | REQUEST_PUBSUB)) !== 0 && (request & REQUEST_WRITES) === 0;
    if (readable && myself.isReplica && owner === myself.shardPrimary.index) return ROUTE_OK;
    return ROUTE_MOVED;
  }

  /** The error to reply for a route that is not ok. `overIpv6`: the client connected over IPv6. */
  errorOf(route: number, slot: number, overIpv6: boolean): string {
    const { state } = this;
    switch (route) {
      case ROUTE_MOVED:
        return `MOVED ${slot} ${this.endpoint(state.ownerOf(slot)!, overIpv6)}`;
      case ROUTE_ASK:
        return `ASK ${slot} ${this.endpoint(state.slots.migratingTo(slot)!, overIpv6)}`;
      case ROUTE_TRYAGAIN:
        return 'TRYAGAIN Multiple keys request during rehashing of slot';
      case ROUTE_DOWN:
        return 'CLUSTERDOWN The cluster is down';
      case ROUTE_DOWN_READ_ONLY:
        return 'CLUSTERDOWN The cluster is down and only accepts read commands';
      default:
        return 'CLUSTERDOWN Hash slot not served';
    }
  }

  private endpoint(node: ClusterNode, overIpv6: boolean): string {
    return `${preferredEndpoint(this.state, node, overIpv6) ?? ''}:${clientPort(node)}`;
  }
}

/** The address that clients are told, which may differ from the one that nodes use. */
export function clientIp(node: ClusterNode, overIpv6: boolean): string {
  return (overIpv6 ? node.clientIpv6 : node.clientIpv4) || node.ip;
}

export function clientPort(node: ClusterNode): number {
  return node.clientPort || node.port;
}

/** Null: clients are to use the address they know (unknown-endpoint). */
export function preferredEndpoint(state: ClusterState, node: ClusterNode, overIpv6: boolean): string | null {
  switch (state.settings.preferredEndpoint) {
    case 'ip':
      return clientIp(node, overIpv6);
    case 'hostname':
      return node.hostname || '?';
    case 'unknown-endpoint':
      return null;
  }
}
