/**
 * Atomic slot migration between simulated nodes, while clients write, and while things break.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isFinished } from '../cluster/migration/job.ts';
import { ClusterSimulation } from './cluster-simulation.ts';

function writing(seed: number, replicas = 0): ClusterSimulation {
  const cluster = new ClusterSimulation({ primaries: 2, replicas, seed }).form();
  for (let i = 0; i < 100; i++) cluster.write(i * 80);
  cluster.world.run(50);
  return cluster;
}

function finished(cluster: ClusterSimulation): boolean {
  return cluster.nodes.filter((node) => node.alive).every((node) => node.migrations.list().every(isFinished));
}

/** Ids of all acknowledged writes that the present owner of their slot does not hold. */
function lost(cluster: ClusterSimulation, acknowledged: ReadonlyMap<number, number>): number[] {
  return [...acknowledged]
    .filter(([id, slot]) => !cluster.serving(slot)?.writes.some((write) => write.id === id))
    .map(([id]) => id);
}

describe('a migration', () => {
  test('moves slots with their keys, and the source keeps none', () => {
    const cluster = writing(1);
    const [source, target] = cluster.primaries as [(typeof cluster.nodes)[0], (typeof cluster.nodes)[0]];
    const before = source.writes.filter(({ slot }) => slot < 4096).map(({ id }) => id);
    source.migrate(0, 4095, target);
    cluster.world.runUntil('it ends', 5000, () => finished(cluster));
    cluster.settle();
    expect(source.migrations.list().map((job) => job.state)).toEqual(['success']);
    expect(target.migrations.list().map((job) => job.state)).toEqual(['success']);
    expect(cluster.serving(0)).toBe(target);
    expect(target.writes.filter(({ slot }) => slot < 4096).map(({ id }) => id)).toEqual(before);
    cluster.world.run(10);
    expect(source.writes.some(({ slot }) => slot < 4096)).toBe(false);
    expect(target.hiddenSlots.size).toBe(0);
  });

  test('loses no write that a client got an answer for, whenever it comes', () => {
    const cluster = writing(2);
    const [source, target] = cluster.primaries;
    const acknowledged = new Map<number, number>();
    source!.migrate(0, 8191, target!);
    for (let i = 0; i < 3000 && !(finished(cluster) && i > 500); i++) {
      const slot = cluster.world.random.between(0, 8191);
      const id = cluster.write(slot);
      if (id > 0) acknowledged.set(id, slot);
      cluster.world.run(1);
    }
    cluster.settle();
    expect(acknowledged.size).toBeGreaterThan(100);
    expect(lost(cluster, acknowledged)).toEqual([]);
    expect(cluster.serving(0)).toBe(target);
  });

  test('whose target dies leaves the slots at the source', () => {
    const cluster = writing(3);
    const [source, target] = cluster.primaries;
    source!.migrate(0, 100, target!);
    cluster.world.runUntil(
      'it is under way',
      1000,
      () =>
        source!.migrations.list()[0]!.state === 'snapshotting' || source!.migrations.list()[0]!.state === 'replicating',
    );
    target!.kill();
    cluster.world.runUntil('the source gives up', 10_000, () => finished(cluster));
    expect(source!.migrations.list()[0]).toMatchObject({
      state: 'failed',
      message: expect.stringContaining('Connection lost to target'),
    });
    expect(source!.cluster.state.slots.myselfOwns(0)).toBe(true);
    expect(source!.writesPausedUntilMs).toBe(0);
  });

  test('whose source dies leaves no trace at the target', () => {
    const cluster = writing(4);
    const [source, target] = cluster.primaries;
    source!.migrate(0, 100, target!);
    cluster.world.runUntil(
      'the target receives',
      1000,
      () => target!.migrations.list()[0]?.state === 'receiving-snapshot',
    );
    source!.kill();
    cluster.world.runUntil('the target gives up', 10_000, () => finished(cluster));
    expect(target!.migrations.list()[0]).toMatchObject({
      state: 'failed',
      message: expect.stringContaining('Connection lost to source'),
    });
    expect(target!.writes.some(({ slot }) => slot <= 100)).toBe(false);
    expect(target!.hiddenSlots.size).toBe(0);
  });

  test('that is cancelled leaves the slots at the source and no trace at the target', () => {
    const cluster = writing(5);
    const [source, target] = cluster.primaries;
    source!.migrate(0, 4095, target!);
    cluster.world.runUntil(
      'the target receives',
      1000,
      () => target!.migrations.list()[0]?.state === 'receiving-snapshot',
    );
    source!.cluster.run(cluster.world.nowMs, () => source!.migrations.cancel());
    cluster.world.runUntil('both are done', 5000, () => finished(cluster));
    expect(source!.migrations.list()[0]!.state).toBe('cancelled');
    expect(target!.migrations.list()[0]!.state).toBe('failed');
    expect(cluster.serving(0)).toBe(source);
    expect(target!.writes.some(({ slot }) => slot < 4096)).toBe(false);
  });

  test('is refused for slots of others, for slots under way, and to unknown nodes', () => {
    const cluster = writing(6);
    const [source, target] = cluster.primaries;
    source!.migrate(0, 10, target!);
    expect(() => source!.migrate(5, 20, target!)).toThrow('I am already migrating slot 5.');
    expect(() => source!.migrate(100, 101, source!)).toThrow('Target node can not be this node.');
  });

  test('fails when the keys are flushed meanwhile', () => {
    const cluster = writing(7);
    const [source, target] = cluster.primaries;
    source!.migrate(0, 4095, target!);
    cluster.world.runUntil(
      'the target receives',
      1000,
      () => target!.migrations.list()[0]?.state === 'receiving-snapshot',
    );
    source!.cluster.onFlush(cluster.world.nowMs);
    cluster.world.runUntil('both are done', 5000, () => finished(cluster));
    expect(source!.migrations.list()[0]).toMatchObject({ state: 'failed', message: 'Data was flushed' });
  });
});

test('whatever breaks during a migration, every slot has one owner with the acknowledged writes', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.nat(60),
      fc.constantFrom('cut', 'cancel', 'nothing'),
      (seed, afterMs, fault) => {
        const cluster = writing(seed);
        const [source, target] = cluster.primaries;
        const acknowledged = new Map<number, number>();
        const write = (): void => {
          const slot = cluster.world.random.between(0, 8191);
          const id = cluster.write(slot);
          if (id > 0) acknowledged.set(id, slot);
        };
        source!.migrate(0, 4095, target!);
        for (let i = 0; i < afterMs; i++) {
          write();
          cluster.world.run(1);
        }
        if (fault === 'cut') cluster.network.partition([source!.host], [target!.host]);
        if (fault === 'cancel') source!.cluster.run(cluster.world.nowMs, () => source!.migrations.cancel());
        cluster.world.run(400);
        cluster.network.heal();
        cluster.world.runUntil('the migration ends', 120_000, () => finished(cluster));
        cluster.settle(120_000);
        for (let i = 0; i < 20; i++) write();
        expect(lost(cluster, acknowledged)).toEqual([]);
        expect(target!.hiddenSlots.size).toBe(0);
        cluster.world.run(10);
        for (const node of cluster.primaries) {
          const strays = node.writes.filter(({ slot }) => !node.cluster.state.slots.myselfOwns(slot));
          expect(strays).toEqual([]);
        }
      },
    ),
    { numRuns: 12 },
  );
});
