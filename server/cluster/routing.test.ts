import { describe, expect, test } from 'vitest';
import { REPLICA } from './node-flags.ts';
import {
  REQUEST_ASKING,
  REQUEST_PUBSUB,
  REQUEST_READONLY,
  REQUEST_WRITES,
  ROUTE_ASK,
  ROUTE_CHECK_KEYS,
  ROUTE_DOWN,
  ROUTE_DOWN_READ_ONLY,
  ROUTE_MOVED,
  ROUTE_NOT_SERVED,
  ROUTE_OK,
  ROUTE_TRYAGAIN,
} from './routing.ts';
import { nameOf, type Scripted, started } from './scripted.ts';
import { CLUSTER_FAIL, CLUSTER_OK } from './state.ts';

/** Slots 0-99 are ours, 100-199 another's, the rest nobody's. */
function healthy(): Scripted {
  const made = started({ slots: [0, 99] });
  made.know(nameOf('b'), { slots: [100, 199] });
  made.cluster.state.health = CLUSTER_OK;
  return made;
}

describe('a closed slot', () => {
  test('of ours is served, of another is MOVED there, of nobody is not served', () => {
    const { router } = healthy().cluster;
    expect(router.route(5, REQUEST_WRITES)).toBe(ROUTE_OK);
    expect(router.route(100, 0)).toBe(ROUTE_MOVED);
    expect(router.errorOf(ROUTE_MOVED, 100, false)).toBe('MOVED 100 10.0.0.9:6379');
    expect(router.route(300, 0)).toBe(ROUTE_NOT_SERVED);
    expect(router.errorOf(ROUTE_NOT_SERVED, 300, false)).toBe('CLUSTERDOWN Hash slot not served');
  });

  test('of our primary is read here by clients that said READONLY', () => {
    const { cluster } = healthy();
    const { myself, slots } = cluster.state;
    for (let slot = 0; slot < 100; slot++) cluster.state.moveSlot(slot, null);
    myself.flags |= REPLICA;
    myself.flags &= ~1;
    myself.replicaOf = cluster.state.ownerOf(100);
    expect(slots.myselfOwns(100)).toBe(false);
    expect(cluster.router.route(100, REQUEST_READONLY)).toBe(ROUTE_OK);
    expect(cluster.router.route(100, REQUEST_READONLY | REQUEST_WRITES)).toBe(ROUTE_MOVED);
    expect(cluster.router.route(100, 0)).toBe(ROUTE_MOVED);
    expect(cluster.router.route(100, REQUEST_PUBSUB)).toBe(ROUTE_OK);
  });
});

describe('an open slot', () => {
  test('that leaves: keys that are here are served, the others are asked for at the target, half of them try again', () => {
    const { cluster } = healthy();
    cluster.state.slots.setMigrating(5, cluster.state.ownerOf(100));
    const { router } = cluster;
    expect(router.route(5, REQUEST_WRITES)).toBe(ROUTE_CHECK_KEYS);
    expect(router.routeOpen(5, 0, 0, 1, false)).toBe(ROUTE_OK);
    expect(router.routeOpen(5, 0, 1, 0, false)).toBe(ROUTE_ASK);
    expect(router.routeOpen(5, 0, 1, 1, true)).toBe(ROUTE_TRYAGAIN);
    expect(router.errorOf(ROUTE_ASK, 5, false)).toBe('ASK 5 10.0.0.9:6379');
  });

  test('that arrives: served only to those who ASK, and not several keys in part', () => {
    const { cluster } = healthy();
    cluster.state.slots.setImporting(100, cluster.state.ownerOf(100));
    const { router } = cluster;
    expect(router.route(100, 0)).toBe(ROUTE_CHECK_KEYS);
    expect(router.routeOpen(100, 0, 1, 0, false)).toBe(ROUTE_MOVED);
    expect(router.routeOpen(100, REQUEST_ASKING, 1, 0, false)).toBe(ROUTE_OK);
    expect(router.routeOpen(100, REQUEST_ASKING, 1, 1, true)).toBe(ROUTE_TRYAGAIN);
  });
});

describe('while the cluster is down', () => {
  test('nothing is served, or reads only where that is allowed', () => {
    const { cluster, settings } = healthy();
    cluster.state.health = CLUSTER_FAIL;
    expect(cluster.router.route(5, 0)).toBe(ROUTE_DOWN);
    expect(cluster.router.errorOf(ROUTE_DOWN, 5, false)).toBe('CLUSTERDOWN The cluster is down');
    settings.allowReadsWhenDown = true;
    expect(cluster.router.route(5, 0)).toBe(ROUTE_OK);
    expect(cluster.router.route(5, REQUEST_WRITES)).toBe(ROUTE_DOWN_READ_ONLY);
    expect(cluster.router.route(5, REQUEST_PUBSUB)).toBe(ROUTE_OK);
    settings.allowPubsubShardWhenDown = false;
    expect(cluster.router.route(5, REQUEST_PUBSUB)).toBe(ROUTE_DOWN);
  });

  test('a restarted owner that waits serves not even reads', () => {
    const { cluster, settings } = healthy();
    cluster.state.health = CLUSTER_FAIL;
    cluster.state.silent = true;
    settings.allowReadsWhenDown = true;
    expect(cluster.router.route(5, 0)).toBe(ROUTE_DOWN);
  });
});

test('clients are sent to the announced endpoint', () => {
  const { cluster, settings } = healthy();
  const other = cluster.state.ownerOf(100)!;
  Object.assign(other, { hostname: 'b.example', clientIpv4: '192.0.2.1', clientIpv6: '2001:db8::1', clientPort: 7000 });
  const { router } = cluster;
  expect(router.errorOf(ROUTE_MOVED, 100, false)).toBe('MOVED 100 192.0.2.1:7000');
  expect(router.errorOf(ROUTE_MOVED, 100, true)).toBe('MOVED 100 2001:db8::1:7000');
  settings.preferredEndpoint = 'hostname';
  expect(router.errorOf(ROUTE_MOVED, 100, false)).toBe('MOVED 100 b.example:7000');
  settings.preferredEndpoint = 'unknown-endpoint';
  expect(router.errorOf(ROUTE_MOVED, 100, false)).toBe('MOVED 100 :7000');
});

test('a request for an own slot allocates nothing', () => {
  const { router } = healthy().cluster;
  const { heapUsed } = process.memoryUsage();
  let served = 0;
  for (let i = 0; i < 1_000_000; i++) if (router.route(i % 100, i & REQUEST_WRITES) === ROUTE_OK) served++;
  expect(served).toBe(1_000_000);
  expect(process.memoryUsage().heapUsed - heapUsed).toBeLessThan(1024 * 1024);
});
