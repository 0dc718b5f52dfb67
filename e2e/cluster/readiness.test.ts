import { expect, test } from 'vitest';
import { dnsAddress, type Item, unready } from './readiness.ts';

const startMs = Date.parse('2026-01-01T00:00:00Z');
const heardAt = '2026-01-01T00:00:10.000000Z';

function node(name: string): Item[] {
  return [
    { kind: 'Node', metadata: { name }, status: { conditions: [{ type: 'Ready', status: 'True' }] } },
    { kind: 'Lease', metadata: { name, namespace: 'kube-node-lease' }, spec: { renewTime: heardAt } },
  ];
}

function daemonSet(name: string, numberReady: number): Item {
  const status = { observedGeneration: 1, numberReady };
  return { kind: 'DaemonSet', metadata: { name, namespace: 'kube-system', generation: 1 }, status };
}

function deployment(namespace: string, name: string, replicas: number, readyReplicas: number): Item {
  const status = { observedGeneration: 1, readyReplicas };
  return { kind: 'Deployment', metadata: { name, namespace, generation: 1 }, spec: { replicas }, status };
}

const addOns = [
  daemonSet('kindnet', 2),
  daemonSet('kube-proxy', 2),
  deployment('kube-system', 'coredns', 2, 2),
  deployment('local-path-storage', 'local-path-provisioner', 1, 1),
];
const cluster = [...node('one'), ...node('two'), ...addOns];

test('a cluster with all nodes and add-ons lacks nothing', () => {
  expect(unready(cluster, ['one', 'two'], startMs)).toEqual([]);
});

test('a node that has not joined is lacking, and so is a pod of each daemon set on it', () => {
  const items = [...node('one'), daemonSet('kindnet', 1), daemonSet('kube-proxy', 1), ...addOns.slice(2)];
  expect(unready(items, ['one', 'two'], startMs)).toEqual([
    'node two has not joined',
    'kube-system/kindnet has 1 of 2 pods ready',
    'kube-system/kube-proxy has 1 of 2 pods ready',
  ]);
});

test('a node that still counts as ready, but whose kubelet has been silent since, is not ready', () => {
  expect(unready(cluster, ['one'], startMs + 11_000)).toEqual(['node one has not been heard lately']);
});

test('an add-on that does not exist, has too few pods or is not yet looked at is lacking', () => {
  const stale: Item = {
    ...daemonSet('kindnet', 2),
    metadata: { name: 'kindnet', namespace: 'kube-system', generation: 2 },
  };
  const items = [...node('one'), ...node('two'), stale, addOns[1]!, deployment('kube-system', 'coredns', 2, 1)];
  expect(unready(items, ['one', 'two'], startMs)).toEqual([
    'kube-system/kindnet has 2 of 2 pods ready',
    'kube-system/coredns has 1 of 2 pods ready',
    'local-path-storage/local-path-provisioner does not exist',
  ]);
});

test('the address of DNS is that of its service', () => {
  const service = {
    kind: 'Service',
    metadata: { name: 'kube-dns', namespace: 'kube-system' },
    spec: { clusterIP: '10.96.0.10' },
  };
  expect(dnsAddress([...cluster, service])).toBe('10.96.0.10');
  expect(dnsAddress(cluster)).toBeUndefined();
});
