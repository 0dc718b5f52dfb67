/**
 * The ValkeyCluster resource, `keyherd.dev/v1alpha1`: the one source of its fields.
 * From this schema come the manifest check (manifest.ts), the TypeScript types and crds/ (generate-crds.ts).
 * Rule of the house: changes are additive, every list, map and string has a maximum (the CRD's CEL budget needs it),
 * and a message given to a check is the *reason*; manifest.ts puts the field and the value before it.
 */
import { z } from 'zod';
import { OWNED_DIRECTIVES, ownedBecause } from './owned-directives.ts';
import { crd } from './structural-schema.ts';

export const API_GROUP = 'keyherd.dev';
export const API_VERSION = 'v1alpha1';
export const KIND = 'ValkeyCluster';

/** Bounds of the resource. They are part of the API: a manifest beyond them is refused. */
export const LIMITS = {
  /** StatefulSet names end up in a label of 63 bytes, with shard, ordinal and a hash behind the cluster's name. */
  nameLength: 40,
  /** Valkey's bus is a full mesh; its own documentation stops at about a thousand nodes. */
  shards: 500,
  replicas: 8,
  configEntries: 200,
  configNameLength: 64,
  configValueLength: 1024,
  listEntries: 32,
  mapEntries: 32,
  stringLength: 256,
  messageLength: 1024,
  planEntries: 8,
  quantityLength: 32,
  slotRanges: 256,
  terminationGracePeriodSeconds: 3600,
} as const;

const text = (max: number = LIMITS.stringLength) => z.string().max(max, 'longer than the API takes');

const QUANTITY = /^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?$/;

/** A size of storage: text only, because CEL compares it. */
const size = () => z.string().max(LIMITS.quantityLength).regex(QUANTITY, 'a size reads like 512Mi or 10Gi');

/** A Kubernetes quantity. A bare number in YAML is one too. */
const quantity = () =>
  z
    .union([
      z.string().max(LIMITS.quantityLength).regex(QUANTITY, 'a quantity reads like 500m, 2, 512Mi or 10Gi'),
      z.number().nonnegative(),
    ])
    .transform(String);

const map = <V extends z.ZodType>(value: V) =>
  z.record(text(), value).register(crd, { maxProperties: LIMITS.mapEntries });

/** Fields of Kubernetes that pass through untouched: the API server checks them where they are used. */
const passThrough = () => z.record(z.string(), z.unknown());

const imagePullSecret = z.strictObject({ name: text() });

const toleration = z.strictObject({
  key: text().optional(),
  operator: z.enum(['Exists', 'Equal']).optional(),
  value: text().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
  tolerationSeconds: z.number().int().optional(),
});

const resources = z.strictObject({
  requests: map(quantity()).optional(),
  limits: map(quantity()).optional(),
});

const persistence = z
  .strictObject({
    mode: z
      .enum(['RDB', 'None'])
      .default('RDB')
      .describe(
        'What survives a restart: RDB keeps a volume with a snapshot, written on a graceful stop and from time to time; None keeps nothing.',
      ),
    size: size().default('1Gi').describe("Size of each node's volume. It may only grow."),
    storageClassName: text()
      .optional()
      .describe("Storage class of the volumes; the cluster's default one when absent. Immutable."),
    reclaimPolicy: z
      .enum(['Retain', 'Delete'])
      .default('Retain')
      .describe('What becomes of the volumes when the ValkeyCluster is deleted.'),
  })
  .register(crd, {
    rules: [
      {
        rule: 'quantity(self.size).compareTo(quantity(oldSelf.size)) >= 0',
        message: 'size may only grow: a volume cannot shrink',
      },
      {
        rule: 'has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)',
        message: 'storageClassName is immutable: volumes do not move between classes',
      },
      { rule: 'self.mode == oldSelf.mode', message: 'mode is immutable: nodes cannot gain or lose their volumes' },
    ],
  });

const scheduling = z.strictObject({
  tolerations: z.array(toleration).max(LIMITS.listEntries).optional(),
  nodeSelector: map(text()).optional(),
  affinity: passThrough().optional(),
  topologySpreadConstraints: z.array(passThrough()).max(LIMITS.listEntries).optional(),
  priorityClassName: text().optional(),
});

/** Directive names have no case, a value is always text in valkey.conf, and YAML's yes and no may arrive as booleans. */
const config = z
  .record(
    z
      .string()
      .max(LIMITS.configNameLength)
      .regex(/^[a-zA-Z][a-zA-Z0-9.-]*$/, 'a directive is letters, digits, dots and dashes'),
    z
      .union([z.string().max(LIMITS.configValueLength), z.number(), z.boolean()])
      .transform((value) => (typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value))),
  )
  .superRefine((entries, context) => {
    for (const name of Object.keys(entries)) {
      const because = ownedBecause(name);
      if (because !== undefined)
        context.addIssue({ code: 'custom', path: [name], message: `is set by the operator: ${because}` });
    }
  })
  .register(crd, {
    maxProperties: LIMITS.configEntries,
    // A rule each: its message can say why, and a single one that found the name itself would exceed the cost limit of CEL.
    rules: Object.entries(OWNED_DIRECTIVES).map(([name, because]) => ({
      rule: `!('${name}' in self)`,
      message: `${name} is set by the operator: ${because}`,
    })),
  });

export const specSchema = z.strictObject({
  image: text(512)
    .default('')
    .describe('Image of the nodes. Empty means the one this operator was released with, kept in status once chosen.'),
  imagePullSecrets: z.array(imagePullSecret).max(LIMITS.listEntries).default([]),
  shards: z
    .number()
    .int('shards come whole')
    .min(1, 'a cluster has at least one shard')
    .max(LIMITS.shards, 'the cluster bus is a full mesh of all nodes')
    .default(3)
    .describe('Number of shards; the scale subresource sets it.'),
  replicas: z
    .number()
    .int('replicas come whole')
    .min(0, 'a shard cannot have fewer than no replicas')
    .max(LIMITS.replicas, 'every replica is fed by its primary')
    .default(1)
    .describe('Replicas of each shard, besides its primary.'),
  paused: z.boolean().default(false).describe('While true the operator looks and reports, and changes nothing.'),
  config: config.default({}).describe('valkey.conf directives. Those that the operator sets are refused.'),
  resources: resources.default({}),
  persistence: persistence.prefault({}),
  scheduling: scheduling.default({}),
  terminationGracePeriodSeconds: z
    .number()
    .int()
    .min(1, 'a primary needs time to hand over')
    .max(LIMITS.terminationGracePeriodSeconds, 'an hour is the most')
    .default(30),
});

export const STATES = ['Initializing', 'Reconciling', 'Ready', 'Degraded', 'Failed', 'Paused'] as const;
export const SHARD_HEALTHS = ['Healthy', 'Creating', 'Degraded', 'Down', 'Leaving'] as const;
export const CONDITION_TYPES = [
  'Ready',
  'Progressing',
  'Degraded',
  'ClusterFormed',
  'SlotsAssigned',
  'ConfigApplied',
] as const;

const condition = z.strictObject({
  type: text(),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: text(),
  message: text(LIMITS.messageLength),
  lastTransitionTime: text(),
  observedGeneration: z.number().int().optional(),
});

const shardStatus = z.strictObject({
  index: z.number().int(),
  /** Name of the pod or process that is primary; empty while there is none. */
  primary: text(),
  primaryNodeId: text(),
  replicas: z.array(z.strictObject({ pod: text(), linkUp: z.boolean() })).max(LIMITS.listEntries),
  slotRanges: z.array(text()).max(LIMITS.slotRanges),
  slotCount: z.number().int(),
  health: z.enum(SHARD_HEALTHS),
});

const migrationStatus = z.strictObject({
  source: text(),
  target: text(),
  slotsRemaining: z.number().int(),
  slotsTotal: z.number().int(),
  startedAt: text(),
  lastError: text(LIMITS.messageLength).optional(),
});

export const statusSchema = z.strictObject({
  observedGeneration: z.number().int().optional(),
  state: z.enum(STATES),
  reason: text(),
  message: text(LIMITS.messageLength),
  shards: z.number().int(),
  readyShards: z.number().int(),
  selector: text(),
  image: text(512),
  endpoint: text(),
  shardStatuses: z.array(shardStatus).max(LIMITS.shards),
  migration: migrationStatus.optional(),
  conditions: z.array(condition).max(LIMITS.listEntries).register(crd, { listMapKey: 'type' }),
  /** What the operator does next, and why. */
  plan: z.array(text(LIMITS.messageLength)).max(LIMITS.planEntries),
});

export type ValkeyClusterSpec = z.output<typeof specSchema>;
export type ValkeyClusterStatus = z.output<typeof statusSchema>;
export type Condition = z.output<typeof condition>;
export type ConditionType = (typeof CONDITION_TYPES)[number];
export type ShardStatus = z.output<typeof shardStatus>;
export type ShardHealth = (typeof SHARD_HEALTHS)[number];
export type MigrationStatus = z.output<typeof migrationStatus>;
export type ClusterState = (typeof STATES)[number];

/** What of Kubernetes' metadata the operator reads. A laptop manifest has a name only; its platform fills in the rest. */
export const metadataSchema = z.looseObject({
  name: z
    .string()
    .max(LIMITS.nameLength, 'names of StatefulSets and pods are built from it')
    .regex(/^[a-z]([-a-z0-9]*[a-z0-9])?$/, 'a name is lower-case letters, digits and dashes, and begins with a letter'),
  namespace: z.string().optional(),
  uid: z.string().optional(),
  generation: z.number().int().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  deletionTimestamp: z.string().optional(),
});

export type Metadata = z.output<typeof metadataSchema>;

export const manifestSchema = z.strictObject({
  apiVersion: z.literal(`${API_GROUP}/${API_VERSION}`, `expected ${API_GROUP}/${API_VERSION}`),
  kind: z.literal(KIND, `expected ${KIND}`),
  metadata: metadataSchema,
  spec: specSchema.prefault({}),
  status: z.unknown().optional(),
});

/** A resource with its defaults filled in: what the controllers work on. */
export interface ValkeyCluster {
  readonly metadata: Metadata;
  readonly spec: ValkeyClusterSpec;
  readonly status?: ValkeyClusterStatus;
}
