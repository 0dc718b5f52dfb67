/**
 * Every kind of object that the operator touches, with the verbs it uses: the one table behind request paths,
 * the API client's refusal of anything else, and the chart's RBAC (a test compares the two).
 *
 * `apply` in this table is server-side apply, which RBAC knows as `patch`, plus `create` for an object that is new.
 */

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'apply' | 'delete';

export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly verbs: readonly Verb[];
  /** Verbs on sub-resources, such as `status`. */
  readonly subresources?: Readonly<Record<string, readonly Verb[]>>;
}

export const VALKEY_CLUSTERS: Resource = {
  group: 'keyherd.dev',
  version: 'v1alpha1',
  kind: 'ValkeyCluster',
  plural: 'valkeyclusters',
  verbs: ['list', 'watch'],
  subresources: { status: ['apply'] },
};

export const STATEFUL_SETS: Resource = {
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  verbs: ['list', 'watch', 'apply', 'delete'],
};

export const PODS: Resource = {
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  verbs: ['list', 'watch', 'delete'],
};

export const SERVICES: Resource = {
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  verbs: ['list', 'watch', 'apply', 'delete'],
};

export const CONFIG_MAPS: Resource = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  verbs: ['list', 'watch', 'apply', 'delete'],
};

export const POD_DISRUPTION_BUDGETS: Resource = {
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  verbs: ['list', 'watch', 'apply', 'delete'],
};

export const VOLUME_CLAIMS: Resource = {
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  verbs: ['list', 'watch', 'delete'],
};

export const EVENTS: Resource = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  verbs: ['create'],
};

export const LEASES: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  verbs: ['get', 'create', 'update'],
};

export const RESOURCES: readonly Resource[] = [
  VALKEY_CLUSTERS,
  STATEFUL_SETS,
  PODS,
  SERVICES,
  CONFIG_MAPS,
  POD_DISRUPTION_BUDGETS,
  VOLUME_CLAIMS,
  EVENTS,
  LEASES,
];

export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** The request path of a collection (no name) or of an object; an empty namespace means all namespaces. */
export function pathOf(resource: Resource, namespace: string, name = '', subresource = ''): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope = namespace === '' ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  const object = name === '' ? '' : `/${encodeURIComponent(name)}`;
  return `${root}${scope}/${resource.plural}${object}${subresource === '' ? '' : `/${subresource}`}`;
}

/** True when the table allows this verb: a request outside it is a programming error, found before RBAC refuses it. */
export function allows(resource: Resource, verb: Verb, subresource = ''): boolean {
  return (subresource === '' ? resource.verbs : (resource.subresources?.[subresource] ?? [])).includes(verb);
}

/** What RBAC calls the verbs of the table. A sub-resource is never created by an apply. */
export function rbacVerbs(verbs: readonly Verb[], isSubresource = false): string[] {
  const names = verbs.flatMap((verb) => (verb !== 'apply' ? [verb] : isSubresource ? ['patch'] : ['create', 'patch']));
  return [...new Set(names)].sort();
}
