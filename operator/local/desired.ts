/** The resource that the reconciler works on: the manifest's, with the uid and generation that an API server would give it. */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { ValkeyCluster } from '../api/index.ts';
import type { StateDirectory } from '../platform/process/index.ts';

export type Acceptance =
  | { readonly kind: 'accepted'; readonly cluster: ValkeyCluster; readonly changes: string }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'refused'; readonly reason: string };

/** Makes the first resource of a directory, or goes on with the one that is there. */
export function adoptManifest(state: StateDirectory, manifest: ValkeyCluster): ValkeyCluster {
  const present = state.read<ValkeyCluster>('desired.json');
  const uid = present?.metadata.uid ?? randomUUID();
  const generation =
    present === null
      ? 1
      : (present.metadata.generation ?? 1) + (isDeepStrictEqual(present.spec, manifest.spec) ? 0 : 1);
  return store(state, manifest, uid, generation);
}

/** Takes an edit over, unless it changes what cannot change while the cluster runs. */
export function acceptEdit(state: StateDirectory, current: ValkeyCluster, edited: ValkeyCluster): Acceptance {
  const refusal = refusalOf(current, edited);
  if (refusal !== null) return { kind: 'refused', reason: refusal };
  if (isDeepStrictEqual(edited.spec, current.spec)) return { kind: 'unchanged' };
  const { uid = '', generation = 1 } = current.metadata;
  return {
    kind: 'accepted',
    cluster: store(state, edited, uid, generation + 1),
    changes: describeChanges(current.spec, edited.spec),
  };
}

/** What an API server refuses by the rules of the CRD. */
function refusalOf({ metadata, spec }: ValkeyCluster, edited: ValkeyCluster): string | null {
  if (edited.metadata.name !== metadata.name) {
    return `metadata.name: ${edited.metadata.name} is another cluster than the running ${metadata.name}: stop this one first`;
  }
  if (edited.spec.persistence.mode !== spec.persistence.mode) {
    return `spec.persistence.mode: ${edited.spec.persistence.mode}: mode is immutable: nodes cannot gain or lose their volumes`;
  }
  return null;
}

function store(state: StateDirectory, manifest: ValkeyCluster, uid: string, generation: number): ValkeyCluster {
  const cluster = { metadata: { ...manifest.metadata, uid, generation }, spec: manifest.spec };
  state.write(cluster, 'desired.json');
  return cluster;
}

function describeChanges(before: object, after: object): string {
  const from = new Map(Object.entries(before));
  return Object.entries(after)
    .filter(([field, value]) => !isDeepStrictEqual(value, from.get(field)))
    .map(([field, value]) => `${field} ${JSON.stringify(from.get(field))} → ${JSON.stringify(value)}`)
    .join(', ');
}
