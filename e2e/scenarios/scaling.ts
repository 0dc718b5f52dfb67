/** Scaling while a client writes: shards, replicas, a change of mind half-way, and an operator that dies meanwhile. */

import { until } from '../kubectl.ts';
import type { Scenario } from './scenario.ts';
import { CLUSTER_NAME, expect, figures, moved, type Stage, shares } from './stage.ts';

const MOVE_LIMIT_MS = 60_000;
/** A quarter of all slots: what a fourth shard is given, and gives back. */
const QUARTER = 4096;

export const scaling: readonly Scenario[] = [
  {
    name: 'shards',
    asserted: 'kubectl scale 3→4→3 moves exactly 4096 slots each way; lost 0, wrong 0',
    async run(stage) {
      await stage.ready();
      const three = await stage.slotOwners();
      let four = three;
      let again = three;
      const report = await stage.underLoad({}, async () => {
        await scale(stage, 4);
        await stage.ready();
        four = await stage.slotOwners();
        await scale(stage, 3);
        await stage.ready();
        again = await stage.slotOwners();
      });
      expect(shares(four) === `${QUARTER} ${QUARTER} ${QUARTER} ${QUARTER}`, `four shards own ${shares(four)}`);
      expect(moved(three, four) === QUARTER, `out: ${moved(three, four)} slots moved`);
      expect(moved(four, again) === QUARTER, `in: ${moved(four, again)} slots moved`);
      const left = await stage.kubectl.list(
        'statefulsets,persistentvolumeclaims',
        `keyherd.dev/cluster=${CLUSTER_NAME},keyherd.dev/shard=3`,
      );
      expect(left.length === 0, `shard 3 left ${left.map((object) => object.metadata.name).join(', ')}`);
      return `moved ${QUARTER} and ${QUARTER}; ${figures(report)}`;
    },
  },
  {
    name: 'replicas',
    asserted: 'replicas 1→2→1: every shard has what is asked for; lost 0, wrong 0',
    async run(stage) {
      await stage.ready();
      const report = await stage.underLoad({}, async () => {
        await stage.patch({ replicas: 2 });
        await stage.ready();
        const more = (await stage.members()).length;
        expect(more === 9, `${more} nodes with two replicas a shard, not 9`);
        await stage.patch({ replicas: 1 });
        await stage.ready();
      });
      const members = await stage.members();
      expect(members.length === 6, `${members.length} nodes with one replica a shard, not 6`);
      const claims = await stage.kubectl.list('persistentvolumeclaims', `keyherd.dev/cluster=${CLUSTER_NAME}`);
      expect(claims.length === 6, `${claims.length} volumes are left, not 6`);
      return figures(report);
    },
  },
  {
    name: 'revert',
    asserted: 'a scale-out reverted half-way ends as three shards; lost 0, wrong 0',
    async run(stage) {
      await stage.ready();
      let halfWay = 0;
      const report = await stage.underLoad({}, async () => {
        await scale(stage, 4);
        halfWay = await firstSlots(stage);
        await scale(stage, 3);
        await stage.ready();
      });
      expect(halfWay < QUARTER, 'the scale-out was over before it could be reverted');
      const owners = await stage.slotOwners();
      expect(new Set(owners).size === 3, `the slots have ${new Set(owners).size} owners`);
      return `reverted with ${halfWay} of ${QUARTER} slots moved, then ${shares(owners)}; ${figures(report)}`;
    },
  },
  {
    name: 'operator-killed',
    asserted: 'the operator killed in the middle of a migration: its successor ends it; lost 0, wrong 0',
    async run(stage) {
      await stage.ready();
      let halfWay = 0;
      const report = await stage.underLoad({}, async () => {
        await scale(stage, 4);
        halfWay = await firstSlots(stage);
        await stage.system.run([
          'delete',
          'pod',
          '-l',
          'app.kubernetes.io/component=operator',
          '--grace-period=0',
          '--force',
        ]);
        await stage.ready();
        const owners = await stage.slotOwners();
        expect(shares(owners) === `${QUARTER} ${QUARTER} ${QUARTER} ${QUARTER}`, `four shards own ${shares(owners)}`);
        await scale(stage, 3);
        await stage.ready();
      });
      expect(halfWay < QUARTER, 'the migration was over before the operator could be killed');
      return `killed with ${halfWay} of ${QUARTER} slots moved; ${figures(report)}`;
    },
  },
];

function scale(stage: Stage, shards: number): Promise<string> {
  return stage.kubectl.run(['scale', 'valkeycluster', CLUSTER_NAME, `--replicas=${shards}`]);
}

/**
 * Waits until the fourth shard owns its first slots, and says how many. Once its pods are known it asks without a pause
 * and without asking for the pods again: a migration of a few keys is over in two seconds.
 */
async function firstSlots(stage: Stage): Promise<number> {
  const pods = await until('the fourth shard has its pods', MOVE_LIMIT_MS, async () => {
    const present = await stage.pods();
    const fourth = present.filter(
      (pod) => pod.metadata.labels?.['keyherd.dev/shard'] === '3' && pod.status?.podIP !== undefined,
    );
    return fourth.length === 2 ? present : undefined;
  });
  const ask = async () => (await stage.slotOwners(pods)).filter((owner) => owner === 3).length || undefined;
  return until('the fourth shard is given slots', MOVE_LIMIT_MS, ask, { pollMs: 0 });
}
