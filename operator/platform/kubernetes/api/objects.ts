/**
 * The one shape in which objects of the API server are kept: metadata complete, no managedFields, no copy of the
 * manifest in an annotation. `managedFields` alone is often half of an object, and nothing here reads it.
 */

export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly ownerReferences: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

/** An object as it is kept; `spec` and `status` as the API server sent them. */
export interface StoredObject {
  readonly metadata: ObjectMeta;
  readonly spec?: unknown;
  readonly status?: unknown;
  readonly data?: Readonly<Record<string, string>>;
}

/** An object as the API server sends it. */
export interface RawObject {
  readonly metadata?: Record<string, unknown>;
  readonly spec?: unknown;
  readonly status?: unknown;
  readonly data?: Record<string, string>;
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

export function normalise(raw: RawObject): StoredObject {
  const meta = raw.metadata ?? {};
  const { [LAST_APPLIED]: _manifest, ...annotations } = (meta['annotations'] ?? {}) as Record<string, string>;
  const text = (key: string) => (typeof meta[key] === 'string' ? (meta[key] as string) : '');
  const deletionTimestamp = text('deletionTimestamp');
  return {
    metadata: {
      name: text('name'),
      namespace: text('namespace'),
      uid: text('uid'),
      resourceVersion: text('resourceVersion'),
      generation: typeof meta['generation'] === 'number' ? meta['generation'] : 0,
      creationTimestamp: text('creationTimestamp'),
      ...(deletionTimestamp === '' ? {} : { deletionTimestamp }),
      labels: (meta['labels'] ?? {}) as Record<string, string>,
      annotations,
      ownerReferences: (meta['ownerReferences'] ?? []) as OwnerReference[],
    },
    ...(raw.spec === undefined ? {} : { spec: raw.spec }),
    ...(raw.status === undefined ? {} : { status: raw.status }),
    ...(raw.data === undefined ? {} : { data: raw.data }),
  };
}
