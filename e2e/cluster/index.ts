// index.ts: a real kind cluster on this machine, on demand: what the rest of e2e calls.
//
// table.ts says what there is to do, steps.ts does what of it is not done yet.

import { readFileSync } from 'node:fs';
import { files, folders, withLock } from './cache.ts';
import { daemonSteps, stopDaemon } from './daemon.ts';
import { clusterName, clusterNodes, removeCluster, type Wanted, whatIsUnready } from './kind.ts';
import { limits } from './limits.ts';
import {
  type Answer,
  chooseDaemon,
  chooseWay,
  lookAtMachine,
  registryAnswers,
  type Way,
  whyDockerIsSilent,
} from './machine.ts';
import { Refusal, Shell } from './shell.ts';
import { reach, type Say, type Step } from './steps.ts';
import { stepTable, type Table } from './table.ts';
import { type Tool, toolPath } from './tools.ts';

export { clusterName, Refusal, type Tool, toolPath };

export type Options = {
  /** Workers beside the control plane. Left out: as many as the cluster has, or 1 when it is made. */
  readonly workers?: number;
  /** Takes the progress, a line at a time; the default writes it to standard error. */
  readonly say?: Say;
};

export type Cluster = { readonly name: string; readonly kubeconfig: string };

const sayOnStandardError: Say = (line) => void process.stderr.write(`cluster: ${line}\n`);

/** Makes sure of the daemon, which has to run before it can be asked what it can pull, and then of the goals. */
async function bringAbout(say: Say, wanted: Wanted, goals: (table: Table) => readonly Step[]): Promise<Table> {
  return withLock(say, async () => {
    const machine = await lookAtMachine();
    decide(chooseDaemon(machine));
    const docker = daemonSteps(machine);
    await reach(docker.rows, [docker.daemon.name], say);
    const way = (await rememberedWay()) ?? decide(chooseWay(machine, await registryAnswers()));
    const table = await stepTable(machine, way, wanted, say);
    await reach(
      table.rows,
      goals(table).map((step) => step.name),
      say,
    );
    return table;
  });
}

function decide<Choice>(answer: Answer<Choice>): Choice {
  if ('refusal' in answer) throw new Refusal(answer.refusal);
  return answer.choice;
}

/** A cluster that stands goes on in the way in which it was made: a registry that is away for a minute changes nothing. */
async function rememberedWay(): Promise<Way | undefined> {
  if ((await clusterNodes()).length === 0) return undefined;
  try {
    const way = readFileSync(files.way, 'utf8');
    return way === 'pulled' || way === 'built' ? way : undefined;
  } catch {
    return undefined;
  }
}

/** A cluster that can be used, made or brought back where it is not there. */
export async function ensureCluster(options: Options = {}): Promise<Cluster> {
  const { workers } = options;
  if (workers !== undefined && !(Number.isInteger(workers) && workers >= 0 && workers <= limits.maxWorkers)) {
    throw new Refusal(`workers: ${workers} is not a whole number from 0 to ${limits.maxWorkers}`);
  }
  const wanted = workers === undefined ? {} : { workers };
  await bringAbout(options.say ?? sayOnStandardError, wanted, ({ tools, cluster }) => [tools, cluster]);
  return { name: clusterName, kubeconfig: files.kubeconfig };
}

/** The name of an image with Node that docker has and others can be built on. */
export async function podBaseImage(options: Pick<Options, 'say'> = {}): Promise<string> {
  const table = await bringAbout(options.say ?? sayOnStandardError, {}, ({ podImage }) => [podImage]);
  return table.podImageName;
}

/** Copies an image from docker to every node of the cluster. */
export async function loadImage(image: string): Promise<void> {
  const shell = new Shell();
  if (!(await shell.succeeds(['docker', 'image', 'inspect', image])))
    throw new Refusal(`${image}: docker knows no such image: build it first`);
  if ((await clusterNodes()).length === 0)
    throw new Refusal(`${clusterName}: there is no such cluster: run "node e2e/cluster/main.ts up" first`);
  await shell.run([toolPath('kind'), 'load', 'docker-image', image, '--name', clusterName], {
    timeoutMs: limits.imageMs,
  });
}

/** Removes the cluster, and with `daemon` the docker daemon that an earlier run started; what is in the cache stays. */
export async function deleteCluster(options: { readonly daemon?: boolean; readonly say?: Say } = {}): Promise<void> {
  const say = options.say ?? sayOnStandardError;
  await withLock(say, async () => {
    if ((await clusterNodes()).length > 0) {
      await removeCluster(new Shell());
      say(`removed the cluster ${clusterName}`);
    }
    if (options.daemon === true && (await stopDaemon())) say('stopped the docker daemon');
  });
}

export type Status = { readonly isReady: boolean; readonly lines: readonly string[] };

export async function clusterStatus(): Promise<Status> {
  const problem = await whyDockerIsSilent();
  if (problem !== '') return { isReady: false, lines: [`docker does not answer: ${problem}`] };
  const nodes = await clusterNodes();
  if (nodes.length === 0) return { isReady: false, lines: [`${clusterName}: there is no such cluster`] };
  const lacking = await whatIsUnready();
  const lines = nodes.map(
    (node) => `${node.name}: ${node.role}, ${node.isRunning ? 'running' : 'stopped'}, of ${node.image}`,
  );
  return {
    isReady: lacking.length === 0,
    lines: [...lines, ...(lacking.length === 0 ? ['ready'] : lacking), `cache: ${folders.home}`],
  };
}
