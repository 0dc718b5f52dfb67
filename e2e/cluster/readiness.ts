// readiness.ts: what a cluster still lacks before it can be used, read from its own objects. Pure.

/** The part of a Kubernetes object that is looked at. */
export type Item = {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly generation?: number };
  readonly spec?: { readonly replicas?: number; readonly renewTime?: string; readonly clusterIP?: string };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly observedGeneration?: number;
    readonly desiredNumberScheduled?: number;
    readonly numberReady?: number;
    readonly readyReplicas?: number;
  };
};

/** What kind's own --wait does not wait for: it looks at the control plane alone. */
const workloads = [
  { kind: 'DaemonSet', name: 'kindnet', namespace: 'kube-system' },
  { kind: 'DaemonSet', name: 'kube-proxy', namespace: 'kube-system' },
  { kind: 'Deployment', name: 'coredns', namespace: 'kube-system' },
  { kind: 'Deployment', name: 'local-path-provisioner', namespace: 'local-path-storage' },
] as const;

/** The resources that `unready` wants to see, in all namespaces. */
export const observedResources = 'nodes,leases,daemonsets,deployments,services';

/**
 * One phrase for each thing that is not as it should be; none when the cluster can be used.
 * A node counts when its kubelet was heard after `heardAfterMs`: its conditions stay "Ready" for a while after its death.
 */
export function unready(items: readonly Item[], nodeNames: readonly string[], heardAfterMs: number): readonly string[] {
  const nodes = nodeNames.flatMap((name) => unreadyNode(items, name, heardAfterMs));
  return [...nodes, ...workloads.flatMap((workload) => unreadyWorkload(items, workload, nodeNames.length))];
}

function unreadyNode(items: readonly Item[], name: string, heardAfterMs: number): readonly string[] {
  const node = items.find((item) => item.kind === 'Node' && item.metadata.name === name);
  if (node === undefined) return [`node ${name} has not joined`];
  if (!node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'))
    return [`node ${name} is not ready`];
  const lease = items.find(
    (item) => item.kind === 'Lease' && item.metadata.namespace === 'kube-node-lease' && item.metadata.name === name,
  );
  const heardMs = Date.parse(lease?.spec?.renewTime ?? '');
  return heardMs >= heardAfterMs ? [] : [`node ${name} has not been heard lately`];
}

function unreadyWorkload(
  items: readonly Item[],
  want: (typeof workloads)[number],
  nodeCount: number,
): readonly string[] {
  const found = items.find(
    ({ kind, metadata }) => kind === want.kind && metadata.name === want.name && metadata.namespace === want.namespace,
  );
  if (found === undefined) return [`${want.namespace}/${want.name} does not exist`];
  const desired = want.kind === 'DaemonSet' ? nodeCount : (found.spec?.replicas ?? 1);
  const ready = (want.kind === 'DaemonSet' ? found.status?.numberReady : found.status?.readyReplicas) ?? 0;
  const isObserved = found.status?.observedGeneration === found.metadata.generation;
  return isObserved && ready >= desired ? [] : [`${want.namespace}/${want.name} has ${ready} of ${desired} pods ready`];
}

/** Where pods ask for names. */
export function dnsAddress(items: readonly Item[]): string | undefined {
  return items.find(({ kind, metadata }) => kind === 'Service' && metadata.name === 'kube-dns')?.spec?.clusterIP;
}
