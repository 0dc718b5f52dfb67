/** Each rule of the plan, by a scene and what the plan makes of it. */
import { expect, test } from 'vitest';
import { blankNodes, cluster, nothing } from '../controllers/simulation/scene.ts';
import { ELECTION_BOUND_MS, hashOf, NO_ELECTION_BOUND_MS } from '../model/index.ts';
import { plan } from './index.ts';

const THREE = { shards: 3, replicas: 1 };
const EMPTY = { role: 'primary', primaryId: null, slots: [], keys: 0 } as const;

test('a cluster that is as specified needs nothing, not even a wait', () => {
  expect(plan(cluster(THREE).view())).toEqual([]);
});

test('outdated nodes are restarted one at a time: replicas first, then a primary that hands over', () => {
  const all = ['c-0-0', 'c-0-1', 'c-1-0', 'c-1-1', 'c-2-0', 'c-2-1'];
  expect(
    cluster(THREE)
      .outdated(...all)
      .acts(),
  ).toEqual(['restart-node c-0-1']);
  expect(cluster(THREE).outdated('c-0-0', 'c-1-1').acts()).toEqual(['failover c-0-1']);
});

test('no node is restarted while another is missing, loads or moves slots', () => {
  const outdated = cluster(THREE).outdated('c-0-1');
  expect(outdated.silent('c-1-1').acts()).toEqual([]);
  expect(outdated.reporting('c-1-1', { linkUp: false }).acts()).toEqual([]);
  expect(outdated.migrating('c-1-0', 'c-2-0', [{ start: 6000, end: 6001 }]).acts()).not.toContain('restart-node c-0-1');
});

test('an outdated primary without replica or volume keeps its keys, and the plan says so', () => {
  const scene = cluster({ shards: 3, replicas: 0 })
    .wants({ persistence: { mode: 'None' } })
    .outdated('c-1-0');
  expect(scene.acts()).toEqual([]);
  expect(scene.remarks()).toEqual(['RestartHeld']);
});

test('a directive that CONFIG SET did not change restarts the node, once', () => {
  const config = { 'tcp-backlog': '128' };
  const scene = ['c-0-0', 'c-0-1', 'c-1-0', 'c-1-1', 'c-2-0', 'c-2-1'].reduce(
    (others, name) => others.told(name, hashOf(config)).reporting(name, { config: { 'tcp-backlog': '128' } }),
    cluster(THREE).wants({ config }),
  );
  expect(scene.acts()).toEqual([]);
  const different = scene.reporting('c-2-1', { config: { 'tcp-backlog': '511' } });
  expect(different.acts()).toEqual(['restart-node c-2-1']);
  expect(different.told('c-2-1', hashOf(config), hashOf(config)).acts()).toEqual([]);
});

test('while paused nothing is done, whatever happens', () => {
  const paused = cluster(THREE).stopped('c-0-0', ELECTION_BOUND_MS).wants({ paused: true, shards: 5 });
  expect(paused.acts()).toEqual([]);
  expect(paused.remarks()).toEqual(['Paused']);
});

test('shards that are missing are created', () => {
  expect(nothing(THREE).acts()).toEqual(['create-shard 0', 'create-shard 1', 'create-shard 2']);
  expect(cluster(THREE).wants({ shards: 4 }).acts()).toEqual(['create-shard 3']);
});

test('blank nodes are introduced to one of them', () => {
  expect(blankNodes({ shards: 2, replicas: 1 }).acts()).toEqual([
    'meet c-0-1 at c-0-0',
    'meet c-1-0 at c-0-0',
    'meet c-1-1 at c-0-0',
  ]);
});

test('no cluster is formed while a node does not answer', () => {
  const scene = blankNodes(THREE).silent('c-1-1');
  expect(scene.acts()).toEqual([]);
  expect(scene.remarks()).toEqual(['NodesStarting']);
});

test('no cluster is formed when any node holds a key', () => {
  const scene = blankNodes(THREE).reporting('c-2-1', { keys: 1 });
  expect(scene.acts()).toEqual([]);
  expect(scene.remarks()).toEqual(['DataWithoutCluster']);
});

test("a lost primary is left to the cluster's own election until that had its time", () => {
  const scene = cluster(THREE).stopped('c-0-0', ELECTION_BOUND_MS - 1);
  expect(scene.acts()).toEqual([]);
  expect(scene.remarks()).toContain('ElectionPending');
});

test('a primary that was lost and not succeeded is succeeded by its most advanced replica', () => {
  const scene = cluster({ shards: 3, replicas: 2 })
    .stopped('c-0-0', ELECTION_BOUND_MS)
    .reporting('c-0-1', { offset: 1000, linkUp: false })
    .reporting('c-0-2', { offset: 5096, linkUp: false });
  expect(scene.acts()).toEqual(['takeover c-0-2']);
});

test('where nobody is left to vote the operator does not wait for an election', () => {
  expect(cluster({ shards: 1, replicas: 1 }).stopped('c-0-0', NO_ELECTION_BOUND_MS).acts()).toEqual(['takeover c-0-1']);
  expect(
    cluster({ shards: 1, replicas: 1 })
      .stopped('c-0-0', NO_ELECTION_BOUND_MS - 1)
      .acts(),
  ).toEqual([]);
});

test('a primary that does not answer but may run is not taken over where no majority calls it failed', () => {
  const scene = cluster({ shards: 1, replicas: 1 }).silent('c-0-0', ELECTION_BOUND_MS);
  expect(scene.acts()).toEqual([]);
  expect(scene.remarks()).toContain('NoMajority');
});

test('a primary that its peers call failed and that still serves keeps its slots', () => {
  expect(cluster(THREE).accused('c-0-0', ELECTION_BOUND_MS).acts()).toEqual([]);
});

test('two of three primaries gone for certain leave the last one in the majority; two silent ones do not', () => {
  expect(cluster(THREE).stopped('c-0-0', NO_ELECTION_BOUND_MS).stopped('c-1-0', NO_ELECTION_BOUND_MS).acts()).toEqual([
    'takeover c-0-1',
    'takeover c-1-1',
  ]);
  expect(cluster(THREE).silent('c-0-0', ELECTION_BOUND_MS).silent('c-1-0', ELECTION_BOUND_MS).acts()).toEqual([]);
});

test('a node that came back elsewhere is introduced again to who looks for it at its old address', () => {
  expect(cluster(THREE).moved('c-1-1').acts()).toEqual(['meet c-1-1 at c-0-0']);
});

test('a node without its volume is introduced as a new one, once the old id is forgotten by all', () => {
  const scene = cluster(THREE).blank('c-1-1');
  expect(scene.acts()).toEqual(['c-0-0', 'c-0-1', 'c-1-0', 'c-2-0', 'c-2-1'].map((name) => `forget n-1-1 at ${name}`));
});

test('a dead primary that a replica follows is not forgotten: the election needs it', () => {
  const acts = cluster(THREE).blank('c-1-0').acts();
  expect(acts.filter((act) => act.startsWith('forget'))).toEqual([]);
});

test("a node that follows the wrong primary is given its shard's", () => {
  expect(cluster({ shards: 2, replicas: 1 }).reporting('c-1-1', { primaryId: 'n-0-0' }).acts()).toEqual([
    'replicate c-1-1 of c-1-0',
  ]);
});

test("an empty primary beside its shard's owner becomes its replica", () => {
  expect(cluster(THREE).reporting('c-2-1', EMPTY).acts()).toEqual(['replicate c-2-1 of c-2-0']);
});

test('slots move to a new shard from all others at once, a job from each', () => {
  const scene = cluster({ shards: 4, replicas: 1 })
    .reporting('c-3-0', { slots: [], keys: 0 })
    .reporting('c-0-0', { slots: [{ start: 0, end: 5460 }] })
    .reporting('c-1-0', { slots: [{ start: 5461, end: 10921 }] })
    .reporting('c-2-0', { slots: [{ start: 10922, end: 16383 }] });
  expect(scene.acts()).toEqual([
    'migrate 0-511 c-0-0->c-3-0',
    'migrate 5461-5972 c-1-0->c-3-0',
    'migrate 10922-11433 c-2-0->c-3-0',
  ]);
});

test('no slot moves to a shard whose replicas are not in sync', () => {
  const scene = cluster({ shards: 2, replicas: 1 })
    .reporting('c-1-0', { slots: [], keys: 0 })
    .reporting('c-0-0', { slots: [{ start: 0, end: 16383 }] })
    .reporting('c-1-1', { linkUp: false });
  expect(scene.acts()).toEqual([]);
  expect(scene.remarks()).toContain('ReplicasNotInSync');
});

test('a source with a job under way is given no second one', () => {
  const scene = cluster({ shards: 2, replicas: 1 })
    .reporting('c-1-0', { slots: [], keys: 0 })
    .reporting('c-0-0', { slots: [{ start: 0, end: 16383 }] })
    .migrating('c-0-0', 'c-1-0', [{ start: 0, end: 511 }]);
  expect(scene.acts()).toEqual([]);
  expect(scene.remarks()).toContain('MovingSlots');
});

test('a shard that leaves is drained', () => {
  expect(cluster({ shards: 2, replicas: 1 }).wants({ shards: 1 }).acts()).toEqual(['migrate 8192-8703 c-1-0->c-0-0']);
});

test('a shard that leaves is not drained into shards that have no room', () => {
  const scene = cluster({ shards: 2, replicas: 1 })
    .reporting('c-0-0', { usedMemoryBytes: 60, maxMemoryBytes: 100 })
    .reporting('c-1-0', { usedMemoryBytes: 60, maxMemoryBytes: 100 })
    .wants({ shards: 1 });
  expect(scene.acts()).toEqual([]);
  expect(scene.remarks()).toContain('ScaleInRefused');
});

test('a migration towards a shard that leaves is cancelled', () => {
  expect(
    cluster({ shards: 2, replicas: 1 })
      .migrating('c-0-0', 'c-1-0', [{ start: 0, end: 511 }])
      .wants({ shards: 1 })
      .acts(),
  ).toEqual(['cancel-migrations c-0-0']);
});

const DRAINED = cluster({ shards: 2, replicas: 1 })
  .reporting('c-0-0', { slots: [{ start: 0, end: 16383 }] })
  .reporting('c-1-0', { slots: [], keys: 0 })
  .wants({ shards: 1 });

test('of a shard that is drained the replicas are made blank first', () => {
  expect(DRAINED.acts()).toEqual(['reset c-1-1']);
});

test('no shard is removed while an owner of slots does not answer', () => {
  expect(
    cluster({ shards: 3, replicas: 1 })
      .reporting('c-2-0', { slots: [], keys: 0 })
      .reporting('c-1-0', { slots: [{ start: 5461, end: 16383 }] })
      .wants({ shards: 2 })
      .silent('c-0-0')
      .acts(),
  ).toEqual([]);
});

test('more replicas grow every shard', () => {
  expect(cluster({ shards: 2, replicas: 1 }).wants({ replicas: 2 }).acts()).toEqual([
    'scale-shard 0 2->3',
    'scale-shard 1 2->3',
  ]);
});

test('replicas that leave are made blank before their nodes go', () => {
  expect(cluster({ shards: 1, replicas: 2 }).wants({ replicas: 1 }).acts()).toEqual(['reset c-0-2']);
});

test('a primary at an ordinal that leaves hands over first', () => {
  const scene = cluster({ shards: 1, replicas: 1 })
    .reporting('c-0-1', { role: 'primary', primaryId: null, slots: [{ start: 0, end: 16383 }] })
    .reporting('c-0-0', { role: 'replica', primaryId: 'n-0-1', slots: [] })
    .wants({ replicas: 0 });
  expect(scene.acts()).toEqual(['failover c-0-0']);
});

test('a primary that has to go stays while no replica is in sync', () => {
  const scene = cluster({ shards: 1, replicas: 1 })
    .reporting('c-0-1', { role: 'primary', primaryId: null, slots: [{ start: 0, end: 16383 }] })
    .reporting('c-0-0', { role: 'replica', primaryId: 'n-0-1', slots: [], linkUp: false })
    .wants({ replicas: 0 });
  expect(scene.acts()).toEqual([]);
  expect(scene.remarks()).toContain('ReplicasNotInSync');
});

test.each([[{ persistence: { mode: 'None' } }], [{ persistence: { size: '1Mi' } }]])(
  'volumes do not become %j',
  (change) => {
    const view = cluster(THREE).view();
    const changed = cluster(THREE).wants(change).view();
    const steps = plan({ ...changed, shards: view.shards });
    expect(steps).toMatchObject([{ kind: 'hold', reason: 'PersistenceChangeRefused' }]);
  },
);

test('a directive that running nodes do not know is refused, and no node may start with it', () => {
  const scene = cluster(THREE).wants({ config: { nonsense: 'x' } });
  expect(scene.acts()).toEqual([]);
  expect(scene.remarks()).toContain('UnknownDirective');
});

test('a directive with another value is set on the nodes', () => {
  const scene = cluster({ shards: 1, replicas: 0 })
    .reporting('c-0-0', { config: { maxmemory: '0' } })
    .wants({ config: { maxmemory: '100mb' } });
  expect(scene.acts()).toEqual(['configure c-0-0']);
  expect(
    cluster({ shards: 1, replicas: 0 })
      .reporting('c-0-0', { config: { maxmemory: '104857600' } })
      .wants({ config: { maxmemory: '100mb' } })
      .acts(),
  ).toEqual([]);
});

test('a step that failed rests until its time, and the others go on', () => {
  const scene = cluster(THREE).reporting('c-1-1', EMPTY).reporting('c-2-1', EMPTY);
  const setback = { key: 'replicate n-1-1', error: 'no', attempts: 2, untilMs: scene.nowMs + 1 };
  expect(scene.resting(setback).acts()).toEqual(['replicate c-2-1 of c-2-0']);
  expect(scene.resting(setback).remarks()).toContain('RetryPending');
  expect(scene.resting({ ...setback, untilMs: scene.nowMs }).acts()).toHaveLength(2);
});
