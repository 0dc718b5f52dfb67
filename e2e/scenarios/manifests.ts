/** Creating a cluster, refusing a bad manifest, and applying the same one again. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Scenario } from './scenario.ts';
import { CLUSTER_NAME, expect, type Stage, shares } from './stage.ts';

/** Longer than three looks at an idle cluster. */
const IDLE_MS = 16_000;
const EVERYTHING = 'valkeyclusters,statefulsets,services,configmaps,poddisruptionbudgets,persistentvolumeclaims';

export const manifests: readonly Scenario[] = [
  {
    name: 'create',
    asserted: 'the example becomes three shards of a primary and a replica, on restricted pods',
    async run(stage) {
      await stage.kubectl.apply(stage.manifest());
      const seconds = await stage.ready();
      const members = await stage.members();
      const primaries = members.filter((member) => member.isPrimary).length;
      expect(members.length === 6 && primaries === 3, `${members.length} nodes, ${primaries} primaries, not 6 and 3`);
      const shard0 = await stage.kubectl.get<{
        spec: { template: { spec: { containers: { securityContext: object }[] } } };
      }>('statefulset', `${CLUSTER_NAME}-0`);
      const context = JSON.stringify(shard0?.spec.template.spec.containers[0]?.securityContext ?? {});
      expect(
        context.includes('"readOnlyRootFilesystem":true') && context.includes('"ALL"'),
        `the pods are not restricted: ${context}`,
      );
      return `Ready after ${seconds.toFixed(1)} s, slots ${shares(await stage.slotOwners())}`;
    },
  },
  {
    name: 'malformed',
    asserted: 'the API server refuses bad manifests by the name of the field, and nothing changes',
    async run(stage) {
      const before = await versions(stage);
      const bad: readonly [field: string, spec: object][] = [
        ['spec.shards', { shards: 0 }],
        ['spec.config', { config: { 'cluster-enabled': 'no' } }],
        ['spec.persistence', { persistence: { size: '1Mi' } }],
        ['spec.replicas', { replicas: 'many' }],
        ['spec.shard', { shard: 4 }],
      ];
      for (const [field, spec] of bad) {
        const manifest = stage.manifestObject();
        const { code, stderr } = await stage.kubectl.attempt(
          ['apply', '-f', '-'],
          JSON.stringify({ ...manifest, spec: { ...manifest.spec, ...spec } }),
        );
        expect(code !== 0, `${JSON.stringify(spec)} was accepted`);
        expect(stderr.includes(field), `the refusal does not name ${field}: ${stderr.trim()}`);
      }
      expect((await versions(stage)) === before, 'a refused manifest changed something');
      return `${bad.length} manifests refused`;
    },
  },
  {
    name: 'reapply',
    asserted: 'the same manifest again, and an idle cluster, change no object of the API server',
    async run(stage) {
      await stage.ready();
      const before = await versions(stage);
      await stage.kubectl.apply(stage.manifest());
      await sleep(IDLE_MS);
      const after = await versions(stage);
      expect(after === before, `before ${before}, after ${after}`);
      return `${before.split(' ').length} objects kept their resourceVersion for ${IDLE_MS / 1000} s`;
    },
  },
];

/** Every object of the cluster with its version. */
async function versions(stage: Stage): Promise<string> {
  const parts = await stage.kubectl.run([
    'get',
    EVERYTHING,
    '-o',
    'jsonpath={range .items[*]}{.kind}/{.metadata.name}@{.metadata.resourceVersion}{"\\n"}{end}',
  ]);
  return parts
    .trim()
    .split('\n')
    .filter((line) => !line.includes('kube-root-ca'))
    .sort()
    .join(' ');
}
