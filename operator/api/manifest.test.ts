import { expect, test } from 'vitest';
import { ManifestError, parseManifest } from './manifest.ts';

const HEAD = 'apiVersion: keyherd.dev/v1alpha1\nkind: ValkeyCluster\nmetadata: {name: orders}\n';

function errorOf(text: string): string {
  try {
    parseManifest(text, 'examples/cluster.yaml');
  } catch (error) {
    if (error instanceof ManifestError) return error.message;
    throw error;
  }
  return 'accepted';
}

test('a manifest with nothing but a name is a cluster of three shards with one replica each', () => {
  const { spec } = parseManifest(HEAD, 'examples/cluster.yaml');
  expect(spec).toMatchObject({
    image: '',
    shards: 3,
    replicas: 1,
    paused: false,
    persistence: { mode: 'RDB', size: '1Gi', reclaimPolicy: 'Retain' },
    terminationGracePeriodSeconds: 30,
  });
});

test('directive values become the text that valkey.conf has, whatever YAML made of them', () => {
  const { spec } = parseManifest(
    `${HEAD}spec: {config: {maxclients: 100, lazyfree-lazy-expire: true, activedefrag: false, maxmemory-policy: noeviction}}`,
    'c',
  );
  expect(spec.config).toEqual({
    maxclients: '100',
    'lazyfree-lazy-expire': 'yes',
    activedefrag: 'no',
    'maxmemory-policy': 'noeviction',
  });
});

test.each([
  ['spec: {shards: 0}', 'spec.shards: 0 is below 1: a cluster has at least one shard'],
  ['spec: {shards: 2.5}', 'spec.shards: 2.5 is not a whole number'],
  ['spec: {shards: three}', 'spec.shards: "three" is not a number'],
  ['spec: {shards: 501}', 'spec.shards: 501 is above 500: the cluster bus is a full mesh of all nodes'],
  ['spec: {replicas: -1}', 'spec.replicas: -1 is below 0: a shard cannot have fewer than no replicas'],
  ['spec: {shard: 3}', 'spec.shard: unknown field: did you mean shards?'],
  ['spec: {persistence: {moed: RDB}}', 'spec.persistence.moed: unknown field: did you mean mode?'],
  [
    'spec: {scheduling: {tolerations: [{kee: a}]}}',
    'spec.scheduling.tolerations[0].kee: unknown field: did you mean key?',
  ],
  [
    'spec: {persistence: {frobnicate: 1}}',
    'spec.persistence.frobnicate: unknown field: the fields here are mode, size, storageClassName, reclaimPolicy',
  ],
  ['spec: {persistence: {mode: AOF}}', 'spec.persistence.mode: "AOF" is not one of RDB, None'],
  ['spec: {persistence: {size: tiny}}', 'spec.persistence.size: "tiny": a size reads like 512Mi or 10Gi'],
  [
    'spec: {resources: {limits: {memory: lots}}}',
    'spec.resources.limits.memory: "lots": a quantity reads like 500m, 2, 512Mi or 10Gi',
  ],
  ['spec: {config: {dir: /tmp}}', "spec.config.dir: is set by the operator: it is where the node's volume is mounted"],
  ['spec: {config: {Appendonly: yes}}', 'spec.config.Appendonly: is set by the operator: spec.persistence decides it'],
  ['spec: {paused: 1}', 'spec.paused: 1 is not true or false'],
  ['spec:', 'spec: null is not a map of fields'],
])('%s is refused with one line that names the field', (yaml, message) => {
  expect(errorOf(HEAD + yaml)).toBe(`examples/cluster.yaml: ${message}`);
});

test.each([
  ['', 'empty: expected one ValkeyCluster'],
  ['kind: Pod', 'apiVersion: nothing is not one of keyherd.dev/v1alpha1'],
  [
    `${HEAD}spec: {shards: 3`,
    'not YAML: Flow map in block collection must be sufficiently indented and end with a } at line 4, column 17',
  ],
  [`${HEAD}---\n${HEAD}`, '2 documents: expected one ValkeyCluster'],
  [
    HEAD.replace('orders', 'Orders_1'),
    'metadata.name: "Orders_1": a name is lower-case letters, digits and dashes, and begins with a letter',
  ],
])('text that is no manifest is refused too (%#)', (text, message) => {
  expect(errorOf(text)).toBe(`examples/cluster.yaml: ${message}`);
});
