/** Deleting a cluster leaves what its reclaimPolicy says, and what is left brings it back. */

import { type Kubectl, until } from '../kubectl.ts';
import type { Scenario } from './scenario.ts';
import { CLUSTER_NAME, expect, type Stage } from './stage.ts';

const GONE_LIMIT_MS = 90_000;
const OBJECTS = 'pods,statefulsets,services,configmaps,poddisruptionbudgets';

export const deletion: readonly Scenario[] = [
  {
    name: 'deleted-delete',
    asserted: 'a cluster with reclaimPolicy Delete leaves nothing',
    async run(stage) {
      const { kubectl } = stage;
      const manifest = stage.manifestObject();
      const persistence = { ...(manifest.spec['persistence'] as object), reclaimPolicy: 'Delete' };
      const name = 'brief';
      await kubectl.apply(
        JSON.stringify({
          ...manifest,
          metadata: { name },
          spec: { ...manifest.spec, shards: 1, replicas: 0, persistence },
        }),
      );
      await until(`${name} has its volume`, GONE_LIMIT_MS, async () => {
        const object = await kubectl.get<{ status?: { state: string } }>('valkeycluster', name);
        return object?.status?.state === 'Ready' ? true : undefined;
      });
      await kubectl.run(['delete', 'valkeycluster', name]);
      await gone(kubectl, `${OBJECTS},persistentvolumeclaims`, name);
      return 'no object and no volume is left';
    },
  },
  {
    name: 'deleted-retain',
    asserted: 'a cluster with reclaimPolicy Retain leaves its volumes and nothing else; made again, it has its data',
    async run(stage) {
      const { kubectl } = stage;
      await stage.ready();
      await stage.underLoad({ keepKeys: true }, async () => {});
      const before = await keys(stage);
      await kubectl.run(['delete', 'valkeycluster', CLUSTER_NAME]);
      await gone(kubectl, OBJECTS, CLUSTER_NAME);
      const claims = await kubectl.list('persistentvolumeclaims', `keyherd.dev/cluster=${CLUSTER_NAME}`);
      const kept = claims.filter((claim) => claim.metadata.deletionTimestamp === undefined).length;
      expect(kept === 6, `${kept} volumes are left, not 6`);
      await kubectl.apply(stage.manifest());
      const seconds = await stage.ready();
      const after = await keys(stage);
      expect(before > 0 && after === before, `${before} keys before, ${after} after`);
      return `6 volumes left; made again: Ready after ${seconds.toFixed(1)} s with all ${after} keys`;
    },
  },
];

/** Keys over all shards. */
async function keys(stage: Stage): Promise<number> {
  const primaries = (await stage.members()).filter((member) => member.isPrimary);
  const sizes = await Promise.all(primaries.map(({ pod }) => stage.kubectl.command(pod, 'DBSIZE')));
  return sizes.reduce((sum, size) => sum + Number(size), 0);
}

async function gone(kubectl: Kubectl, kinds: string, name: string): Promise<void> {
  let left = '';
  await until(
    `${name} is gone`,
    GONE_LIMIT_MS,
    async () => {
      const objects = await kubectl.list(kinds, `keyherd.dev/cluster=${name}`);
      left = objects.map((object) => `${object.kind} ${object.metadata.name}`).join(', ');
      return objects.length === 0 ? true : undefined;
    },
    { hint: () => `left: ${left}` },
  );
}
