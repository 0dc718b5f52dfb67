/**
 * Writes crds/*.yaml from the schemas, and the chart's copy of them: helm reads nothing outside a chart's folder.
 * `--check` writes nothing and fails when a file is not what it would write.
 *   node operator/api/generate-crds.ts [--check]
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { type Structural, toStructural } from './structural-schema.ts';
import { API_GROUP, API_VERSION, KIND, metadataSchema, specSchema, statusSchema } from './valkey-cluster.ts';

const HEADER = '# Generated from operator/api by operator/api/generate-crds.ts. Edit the schema, not this file.\n';
const PLURAL = 'valkeyclusters';

/** The file's name and the path it has in the repository. */
export const CRD_FILE = `${PLURAL}.${API_GROUP}.yaml`;

/** The CustomResourceDefinition as an object. */
export function valkeyClusterCrd(): Structural {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${PLURAL}.${API_GROUP}` },
    spec: {
      group: API_GROUP,
      scope: 'Namespaced',
      names: {
        kind: KIND,
        listKind: `${KIND}List`,
        plural: PLURAL,
        singular: KIND.toLowerCase(),
        shortNames: ['vkc'],
        categories: ['all'],
      },
      versions: [
        {
          name: API_VERSION,
          served: true,
          storage: true,
          subresources: {
            status: {},
            scale: {
              specReplicasPath: '.spec.shards',
              statusReplicasPath: '.status.shards',
              labelSelectorPath: '.status.selector',
            },
          },
          additionalPrinterColumns: [
            { name: 'Shards', type: 'integer', jsonPath: '.spec.shards' },
            { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' },
            { name: 'Ready', type: 'integer', jsonPath: '.status.readyShards' },
            { name: 'State', type: 'string', jsonPath: '.status.state' },
            { name: 'Message', type: 'string', jsonPath: '.status.message', priority: 1 },
            { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
          ],
          schema: {
            openAPIV3Schema: {
              description: 'A cluster of Valkey-compatible nodes: shards, each a primary with replicas.',
              type: 'object',
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: {
                  type: 'object',
                  properties: { name: toStructural(metadataSchema.shape.name, 'metadata.name') },
                },
                spec: { ...toStructural(specSchema, 'spec'), default: {} },
                status: toStructural(statusSchema, 'status'),
              },
            },
          },
        },
      ],
    },
  };
}

/** The text of the CRD's file. */
export function renderCrd(): string {
  return HEADER + stringify(valkeyClusterCrd(), { lineWidth: 0, aliasDuplicateObjects: false });
}

/** Where the CRD stands, from the root of the repository. */
export const CRD_PATHS: readonly string[] = [`crds/${CRD_FILE}`, `charts/keyherd/files/${CRD_FILE}`];

function main(argv: readonly string[]): number {
  const wanted = renderCrd();
  const files = CRD_PATHS.map((path) => ({ path, file: fileURLToPath(new URL(`../../${path}`, import.meta.url)) }));
  if (!argv.includes('--check')) {
    for (const { path, file } of files) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, wanted);
      console.log(`${path}: written`);
    }
    return 0;
  }
  const stale = files.filter(({ file }) => existing(file) !== wanted);
  for (const { path } of stale)
    console.error(`${path}: not what operator/api says: run node operator/api/generate-crds.ts and commit the result`);
  return stale.length === 0 ? 0 : 1;
}

function existing(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
