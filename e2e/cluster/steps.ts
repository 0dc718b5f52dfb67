// steps.ts: what a step is, and how a goal is reached: only what is missing is made, in order, and each piece of work is told.

import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cacheKey, folders, makeResult, resultFolder } from './cache.ts';
import { Shell } from './shell.ts';

export type Step = {
  readonly name: string;
  /** What it makes, as it reads behind "making". */
  readonly makes: string;
  /** Steps whose results its work needs; they stand before it in the table. */
  readonly needs: readonly string[];
  isDone(): boolean | Promise<boolean>;
  run(shell: Shell): Promise<void>;
};

export type Say = (line: string) => void;

/** A step whose result is a folder of the cache, found by a key of everything that it is made of. */
export type ResultStep = Step & { readonly key: string; readonly folder: string };

export function resultStep(row: {
  readonly name: string;
  readonly makes: string;
  readonly needs: readonly (Step | ResultStep)[];
  readonly inputs: readonly string[];
  fill(folder: string, shell: Shell): Promise<void>;
}): ResultStep {
  const keysOfNeeds = row.needs.flatMap((need) => ('key' in need ? [need.key] : []));
  const key = cacheKey([row.name, ...row.inputs, ...keysOfNeeds]);
  const folder = resultFolder(row.name, key);
  return {
    name: row.name,
    makes: row.makes,
    needs: row.needs.map((need) => need.name),
    key,
    folder,
    isDone: () => existsSync(folder),
    run: (shell) => makeResult(row.name, key, (partial) => row.fill(partial, shell)),
  };
}

/** Throws when the table is not one that can be worked from top to bottom. */
export function checkTable(table: readonly Step[]): void {
  const seen = new Set<string>();
  for (const step of table) {
    const absent = step.needs.find((need) => !seen.has(need));
    if (absent !== undefined)
      throw new Error(`step ${step.name} needs ${absent}, which does not stand before it in the table`);
    if (seen.has(step.name)) throw new Error(`step ${step.name} stands in the table twice`);
    seen.add(step.name);
  }
}

/**
 * Makes the goals true. A step whose result is there is skipped together with all that only it would need;
 * after each need that had to be made the step is asked again, for it may have become visible (an image, once the daemon runs).
 */
export async function reach(
  table: readonly Step[],
  goals: readonly string[],
  say: Say,
  logFolder = folders.logs,
): Promise<void> {
  checkTable(table);
  const byName = new Map(table.map((step) => [step.name, step]));
  const reached = new Set<string>();

  async function visit(name: string): Promise<'made' | 'was there'> {
    const step = byName.get(name);
    if (step === undefined) throw new Error(`no step is called ${name}`);
    if (reached.has(name)) return 'was there';
    reached.add(name);
    if (await step.isDone()) return 'was there';
    for (const need of step.needs) {
      if ((await visit(need)) === 'made' && (await step.isDone())) return 'was there';
    }
    await perform(step, say, logFolder);
    return 'made';
  }

  for (const goal of goals) await visit(goal);
}

async function perform(step: Step, say: Say, logFolder: string): Promise<void> {
  say(`making ${step.makes}`);
  mkdirSync(logFolder, { recursive: true });
  const logFile = join(logFolder, `${step.name}.log`);
  rmSync(logFile, { force: true });
  const startMs = performance.now();
  await step.run(new Shell(logFile));
  if (!(await step.isDone()))
    throw new Error(`${step.name}: the work ended well, and ${step.makes} is not there; its output: ${logFile}`);
  say(`made ${step.makes} in ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
}
