import { expect, test } from 'vitest';
import type { Machine } from './machine.ts';
import { checkTable } from './steps.ts';
import { stepTable } from './table.ts';

const machine: Machine = {
  platform: 'linux',
  architecture: 'x64',
  isRoot: true,
  hasApt: true,
  dockerProblem: '',
  hasSysResource: true,
};

test.each(['pulled', 'built'] as const)('the table of the %s way can be worked from top to bottom', async (way) => {
  const table = await stepTable(machine, way, {}, () => undefined);
  checkTable(table.rows);
  for (const goal of [table.tools, table.cluster, table.podImage]) expect(table.rows).toContain(goal);
});

test('where images are pulled, no step builds one or unpacks a Debian', async () => {
  const built = await stepTable(machine, 'built', {}, () => undefined);
  const pulled = await stepTable(machine, 'pulled', {}, () => undefined);
  const onlyBuilt = ['build-packages', 'node-debian', 'node-image', 'node-image-loaded'];
  expect(built.rows.map((step) => step.name)).toEqual(expect.arrayContaining(onlyBuilt));
  expect(pulled.rows.filter((step) => onlyBuilt.includes(step.name))).toEqual([]);
});
