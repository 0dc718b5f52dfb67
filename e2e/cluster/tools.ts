// tools.ts: the programs that the bring-up and its callers run: kind, kubectl, helm and docker. Links to the chosen ones lie in one folder of the cache.

import { mkdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { folders } from './cache.ts';
import type { Way } from './machine.ts';
import { builtFile } from './programs.ts';
import { findOnPath, Refusal, Shell } from './shell.ts';
import type { ResultStep, Step } from './steps.ts';
import { isAtLeast } from './versions.ts';

type ToolRow = {
  readonly name: 'kubectl' | 'kind' | 'helm';
  readonly minimum: string;
  readonly askVersion: readonly string[];
};

/** The oldest that will do when one is on PATH: kubectl may be one minor version behind the cluster's. */
const toolRows: readonly ToolRow[] = [
  { name: 'kubectl', minimum: '1.36', askVersion: ['version', '--client'] },
  { name: 'kind', minimum: '0.32', askVersion: ['version'] },
  { name: 'helm', minimum: '3.18', askVersion: ['version', '--short'] },
];

export type Tool = ToolRow['name'] | 'docker';

/** The path of a tool that the bring-up has made sure of. */
export function toolPath(tool: Tool): string {
  const path = tool === 'docker' ? findOnPath('docker') : linkTarget(tool) && join(folders.tools, tool);
  if (path === undefined) throw new Refusal(`${tool} is not there yet: run "node e2e/cluster/main.ts up" first`);
  return path;
}

/** The row of the table that links each tool: to one on PATH that is new enough, or to the one that `built` makes. */
export async function toolsStep(way: Way, built: readonly ResultStep[]): Promise<Step> {
  const choices = await Promise.all(
    toolRows.map(async (row) => {
      // Built images name the images of the pinned kind, so no other will do.
      const found = way === 'pulled' ? await onPath(row) : undefined;
      if (found !== undefined) return { name: row.name, target: found };
      return { name: row.name, target: builtFile(built, row.name), step: built.find(({ name }) => name === row.name) };
    }),
  );
  return {
    name: 'tools',
    makes: `the links to ${toolRows.map((row) => row.name).join(', ')}`,
    needs: choices.flatMap(({ step }) => (step === undefined ? [] : [step.name])),
    isDone: async () => {
      const linked = choices.every(({ name, target }) => linkTarget(name) === target);
      return linked && (await Promise.all(choices.map(({ step }) => step?.isDone() ?? true))).every(Boolean);
    },
    run: async () => {
      mkdirSync(folders.tools, { recursive: true });
      for (const { name, target } of choices) {
        rmSync(join(folders.tools, name), { force: true });
        symlinkSync(target, join(folders.tools, name));
      }
    },
  };
}

async function onPath(row: ToolRow): Promise<string | undefined> {
  const path = findOnPath(row.name, [folders.tools]);
  if (path === undefined) return undefined;
  const { code, stdout } = await new Shell().attempt([path, ...row.askVersion]);
  return code === 0 && isAtLeast(stdout, row.minimum) ? path : undefined;
}

function linkTarget(tool: string): string | undefined {
  try {
    return readlinkSync(join(folders.tools, tool));
  } catch {
    return undefined;
  }
}
