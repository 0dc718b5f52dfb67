import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { CRD_FILE, renderCrd, valkeyClusterCrd } from './generate-crds.ts';
import { crd, toStructural } from './structural-schema.ts';

test('the committed CRD is what the schema says', () => {
  const committed = readFileSync(new URL(`../../crds/${CRD_FILE}`, import.meta.url), 'utf8');
  expect(committed, 'run node operator/api/generate-crds.ts').toBe(renderCrd());
});

test('the scale subresource points at shards', () => {
  const version = (valkeyClusterCrd() as { spec: { versions: { subresources: { scale: unknown } }[] } }).spec
    .versions[0]!;
  expect(version.subresources.scale).toEqual({
    specReplicasPath: '.spec.shards',
    statusReplicasPath: '.status.shards',
    labelSelectorPath: '.status.selector',
  });
});

test('every list, map and text of the CRD that is not passed through has a maximum', () => {
  const unbounded: string[] = [];
  const visit = (schema: Record<string, unknown>, path: string): void => {
    if (schema['x-kubernetes-preserve-unknown-fields'] === true) return;
    if (schema.type === 'string' && schema.maxLength === undefined && schema.enum === undefined) unbounded.push(path);
    if (schema.type === 'array' && schema.maxItems === undefined) unbounded.push(path);
    if (schema.additionalProperties !== undefined && schema.maxProperties === undefined) unbounded.push(path);
    for (const [name, child] of Object.entries((schema.properties ?? {}) as Record<string, Record<string, unknown>>))
      visit(child, `${path}.${name}`);
    if (schema.items !== undefined) visit(schema.items as Record<string, unknown>, `${path}[]`);
    if (schema.additionalProperties !== undefined)
      visit(schema.additionalProperties as Record<string, unknown>, `${path}.*`);
  };
  const root = (
    valkeyClusterCrd() as {
      spec: { versions: { schema: { openAPIV3Schema: { properties: Record<string, Record<string, unknown>> } } }[] };
    }
  ).spec.versions[0]!.schema.openAPIV3Schema;
  visit(root.properties.spec!, 'spec');
  visit(root.properties.status!, 'status');
  expect(unbounded).toEqual([]);
});

test('a structural schema comes out of the constructs on the list', () => {
  const schema = z.strictObject({
    count: z.number().int().min(1).max(5).default(3).describe('How many.'),
    name: z.string().max(10),
    tags: z.record(z.string(), z.string().max(3)).register(crd, { maxProperties: 2 }).optional(),
    anything: z.record(z.string(), z.unknown()).optional(),
    amount: z
      .union([z.string().max(8).regex(/^\d+$/), z.number()])
      .transform(String)
      .optional(),
  });
  expect(toStructural(schema, '')).toEqual({
    type: 'object',
    properties: {
      count: { description: 'How many.', type: 'integer', minimum: 1, maximum: 5, default: 3 },
      name: { type: 'string', maxLength: 10 },
      tags: { type: 'object', additionalProperties: { type: 'string', maxLength: 3 }, maxProperties: 2 },
      anything: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      amount: { 'x-kubernetes-int-or-string': true, maxLength: 8, pattern: '^\\d+$' },
    },
    required: ['name'],
  });
});

test.each([
  [z.strictObject({ when: z.date() }), "when: the CRD emitter has no translation for zod's date"],
  [z.strictObject({ name: z.string() }), 'name: a text without a maximum'],
  [z.strictObject({ names: z.array(z.string().max(1)) }), 'names: a list without a maximum'],
  [z.strictObject({ tags: z.record(z.string(), z.string().max(1)) }), 'tags: a map without a maximum'],
  [
    z.strictObject({ either: z.union([z.boolean(), z.number()]) }),
    'either: a union of boolean and number is not structural',
  ],
])('a construct that is not on the list is refused by name (%#)', (schema, message) => {
  expect(() => toStructural(schema, '')).toThrow(message);
});
