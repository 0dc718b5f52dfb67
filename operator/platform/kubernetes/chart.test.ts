/** What users copy against the code: the chart's RBAC grants what the table of resources says, the CRD is today's, the examples are good. */

import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { CRD_PATHS, renderCrd } from '../../api/generate-crds.ts';
import { parseManifest } from '../../api/index.ts';
import { LEASES, RESOURCES, rbacVerbs } from './api/resources.ts';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** `group/resource` to its sorted verbs. */
function grants(rules: readonly Rule[]): Record<string, string[]> {
  const granted: Record<string, string[]> = {};
  for (const rule of rules) {
    for (const group of rule.apiGroups) {
      for (const resource of rule.resources) {
        granted[`${group}/${resource}`] = [
          ...new Set([...(granted[`${group}/${resource}`] ?? []), ...rule.verbs]),
        ].sort();
      }
    }
  }
  return granted;
}

test('the chart grants exactly the verbs that the operator uses on clusters and what they consist of', () => {
  const template = read('charts/keyherd/templates/_helpers.tpl');
  const text = /define "keyherd\.rules" -\}\}\n([\s\S]*?)\{\{- end -\}\}/.exec(template)?.[1] ?? '';
  const used: Record<string, string[]> = {};
  for (const resource of RESOURCES) {
    if (resource === LEASES) continue;
    used[`${resource.group}/${resource.plural}`] = rbacVerbs(resource.verbs);
    for (const [name, verbs] of Object.entries(resource.subresources ?? {})) {
      used[`${resource.group}/${resource.plural}/${name}`] = rbacVerbs(verbs, true);
    }
  }
  expect(grants(parse(text) as Rule[])).toEqual(used);
});

test("the Lease is granted in the operator's own namespace, by name as far as that goes", () => {
  const template = read('charts/keyherd/templates/rbac.yaml');
  const text = /name: \{\{ \$name \}\}-lease\n[\s\S]*?\nrules:\n([\s\S]*?)---/.exec(template)?.[1] ?? '';
  const rules = parse(text.replaceAll('{{ $name }}', 'name')) as Rule[];
  expect(grants(rules)).toEqual({ [`${LEASES.group}/${LEASES.plural}`]: rbacVerbs(LEASES.verbs) });
  expect(rules.filter((rule) => rule.resourceNames === undefined).map((rule) => rule.verbs)).toEqual([['create']]);
});

test.each(CRD_PATHS)('%s is what the schema says', (path) => {
  expect(read(path), 'run npm run generate').toBe(renderCrd());
});

test.each(globSync('examples/*.yaml', { cwd: new URL('../../..', import.meta.url) }))(
  '%s is a good manifest',
  (path) => {
    expect(parseManifest(read(path), path).spec.shards).toBeGreaterThan(0);
  },
);
