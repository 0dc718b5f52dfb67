/** What a shard becomes: the promises of each object, read one by one. */

import { expect, test } from 'vitest';
import { parseManifest } from '../../../api/index.ts';
import { shardWorkload } from '../../../model/workload.ts';
import {
  buildClientService,
  buildConfigMap,
  buildDisruptionBudget,
  buildHeadlessService,
  buildStatefulSet,
  renderConfig,
} from './index.ts';

function cluster(spec = '{}') {
  const manifest = parseManifest(
    `apiVersion: keyherd.dev/v1alpha1\nkind: ValkeyCluster\nmetadata: {name: sample, namespace: team, uid: u-1}\nspec: ${spec}\n`,
    'test',
  );
  const workload = shardWorkload(manifest, 2, 'valkey:9');
  return { manifest, workload, set: buildStatefulSet(manifest, workload, { imagePullPolicy: 'IfNotPresent' }) };
}
const podOf = (built: ReturnType<typeof cluster>) => built.set.spec?.template.spec;
const containerOf = (built: ReturnType<typeof cluster>) => podOf(built)?.containers[0];

test('a StatefulSet deletes no pod by itself, starts pods in parallel and says nothing about their number', () => {
  const { set } = cluster();
  expect(set.metadata?.name).toBe('sample-2');
  expect(set.spec?.updateStrategy).toEqual({ type: 'OnDelete' });
  expect(set.spec?.podManagementPolicy).toBe('Parallel');
  expect(set.spec).not.toHaveProperty('replicas');
});

test('every object is owned by the ValkeyCluster and has no finalizer', () => {
  const { manifest, workload, set } = cluster();
  for (const object of [
    set,
    buildConfigMap(manifest, workload),
    buildHeadlessService(manifest, workload),
    buildDisruptionBudget(manifest, workload),
    buildClientService(manifest),
  ]) {
    expect(object.metadata?.ownerReferences).toEqual([
      { apiVersion: 'keyherd.dev/v1alpha1', kind: 'ValkeyCluster', name: 'sample', uid: 'u-1', controller: true },
    ]);
    expect(object.metadata).not.toHaveProperty('finalizers');
    expect(object.metadata?.namespace).toBe('team');
  }
});

test('the command line is that of valkey-server: a file, then directives', () => {
  const container = containerOf(cluster());
  expect(container).not.toHaveProperty('command');
  expect(container?.args).toEqual([
    '/etc/keyherd/valkey.conf',
    '--cluster-announce-ip',
    '$(POD_IP)',
    '--cluster-announce-human-nodename',
    'u-1.$(POD_NAME)',
  ]);
  expect(container?.env?.map((entry) => entry.valueFrom?.fieldRef?.fieldPath)).toEqual([
    'status.podIP',
    'metadata.name',
  ]);
});

test('a pod runs without root, without capabilities, without a token, on a root file system that it cannot write', () => {
  const built = cluster();
  expect(podOf(built)?.securityContext).toMatchObject({
    runAsNonRoot: true,
    runAsUser: 1000,
    seccompProfile: { type: 'RuntimeDefault' },
  });
  expect(containerOf(built)?.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  expect(podOf(built)?.automountServiceAccountToken).toBe(false);
});

test('only the startup probe executes anything, and it is not Node', () => {
  const container = containerOf(cluster());
  expect(container?.livenessProbe?.tcpSocket).toEqual({ port: 'client' });
  expect(container?.readinessProbe?.tcpSocket).toEqual({ port: 'client' });
  expect(container?.startupProbe?.exec?.command?.[0]).toBe('bash');
  expect(container?.startupProbe?.exec?.command?.[2]).toContain('-LOADING');
});

test('persistence makes a volume claim whose fate at the end of the cluster is reclaimPolicy, and at scale-in is deletion', () => {
  const retain = cluster('{persistence: {size: 10Gi, storageClassName: fast}}').set.spec;
  expect(retain?.persistentVolumeClaimRetentionPolicy).toEqual({ whenScaled: 'Delete', whenDeleted: 'Retain' });
  expect(retain?.volumeClaimTemplates?.[0]?.spec).toEqual({
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '10Gi' } },
    storageClassName: 'fast',
  });
  expect(
    cluster('{persistence: {reclaimPolicy: Delete}}').set.spec?.persistentVolumeClaimRetentionPolicy?.whenDeleted,
  ).toBe('Delete');
});

test('without persistence the data lies in the pod', () => {
  const built = cluster('{persistence: {mode: None}}');
  expect(built.set.spec).not.toHaveProperty('volumeClaimTemplates');
  expect(podOf(built)?.volumes).toContainEqual({ name: 'data', emptyDir: {} });
});

test('an existing StatefulSet keeps the volumes it was made with, and takes on the new reclaimPolicy', () => {
  const { manifest, workload } = cluster('{persistence: {size: 20Gi, reclaimPolicy: Delete}}');
  const set = buildStatefulSet(
    manifest,
    workload,
    { imagePullPolicy: 'Always' },
    { mode: 'RDB', size: '10Gi', reclaimPolicy: 'Retain' },
  );
  expect(set.spec?.volumeClaimTemplates?.[0]?.spec?.resources?.requests).toEqual({ storage: '10Gi' });
  expect(set.spec?.persistentVolumeClaimRetentionPolicy?.whenDeleted).toBe('Delete');
  expect(set.metadata?.annotations?.['keyherd.dev/persistence']).toBe(
    '{"mode":"RDB","size":"10Gi","reclaimPolicy":"Delete"}',
  );
});

test('scheduling fields pass through, and a shard spreads over machines and zones when nothing is said', () => {
  expect(
    podOf(cluster())?.topologySpreadConstraints?.map((constraint) => [
      constraint.topologyKey,
      constraint.whenUnsatisfiable,
    ]),
  ).toEqual([
    ['kubernetes.io/hostname', 'ScheduleAnyway'],
    ['topology.kubernetes.io/zone', 'ScheduleAnyway'],
  ]);
  const pod = podOf(
    cluster(
      '{scheduling: {nodeSelector: {disk: ssd}, priorityClassName: high, tolerations: [{key: db, operator: Exists}], topologySpreadConstraints: []}}',
    ),
  );
  expect(pod).toMatchObject({
    nodeSelector: { disk: 'ssd' },
    priorityClassName: 'high',
    tolerations: [{ key: 'db', operator: 'Exists' }],
    topologySpreadConstraints: [],
  });
});

test('the headless Service publishes pods before they are ready, the client Service only ready ones', () => {
  const { manifest, workload } = cluster();
  const headless = buildHeadlessService(manifest, workload);
  expect(headless.metadata?.name).toBe('sample-2-nodes');
  expect(headless.spec).toMatchObject({
    clusterIP: 'None',
    publishNotReadyAddresses: true,
    selector: { 'keyherd.dev/cluster': 'sample', 'keyherd.dev/shard': '2' },
  });
  const client = buildClientService(manifest);
  expect(client.metadata?.name).toBe('sample');
  expect(client.spec).not.toHaveProperty('publishNotReadyAddresses');
  expect(client.spec?.selector).not.toHaveProperty('keyherd.dev/shard');
});

test('the budget lets one pod of a shard go, and a broken one always', () => {
  const { manifest, workload } = cluster();
  expect(buildDisruptionBudget(manifest, workload).spec).toMatchObject({
    maxUnavailable: 1,
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
  });
});

test('valkey.conf has the directives of the workload and of the pod, in a fixed order', () => {
  const { manifest, workload } = cluster('{config: {maxmemory-policy: allkeys-lru}, persistence: {mode: None}}');
  const text = buildConfigMap(manifest, workload).data?.['valkey.conf'] ?? '';
  expect(text.split('\n')).toEqual(
    expect.arrayContaining([
      'maxmemory-policy allkeys-lru',
      'cluster-enabled yes',
      'dir /data',
      'port 6379',
      'save ""',
    ]),
  );
  expect(text.split('\n').slice(0, -1)).toEqual(text.split('\n').slice(0, -1).sort());
});

test('a line break in a value cannot smuggle in another directive', () => {
  expect(() => renderConfig({ 'maxmemory-policy': 'noeviction\nrequirepass stolen' })).toThrow(
    'spec.config.maxmemory-policy: a value has one line',
  );
});

test('equal input gives equal objects', () => {
  expect(JSON.stringify(cluster('{shards: 3}').set)).toBe(JSON.stringify(cluster('{shards: 3}').set));
});
