// table.ts: the one table of all steps, in working order.

import { daemonSteps } from './daemon.ts';
import { packagesStep } from './debian.ts';
import { clusterStep, type Wanted } from './kind.ts';
import type { Machine, Way } from './machine.ts';
import { nodeImageSteps } from './node-image.ts';
import { builtPodImage, pulledPodImage } from './pod-image.ts';
import { findGo, programStep, programs } from './programs.ts';
import type { Say, Step } from './steps.ts';
import { toolsStep } from './tools.ts';

/** The table, and its rows that others aim at. */
export type Table = {
  readonly rows: readonly Step[];
  readonly tools: Step;
  readonly cluster: Step;
  readonly podImage: Step;
  readonly podImageName: string;
};

/** Which rows there are depends on the way in which images come. */
export async function stepTable(machine: Machine, way: Way, wanted: Wanted, say: Say): Promise<Table> {
  const docker = daemonSteps(machine);
  const go = findGo();
  const built = programs.map((program) => programStep(program, go));
  const tools = await toolsStep(way, built);
  const common = [...docker.rows, go.step, ...built, tools];
  if (way === 'pulled') {
    const pod = pulledPodImage(docker.daemon);
    const cluster = clusterStep(machine, way, wanted, [docker.daemon, tools], say);
    return aimedAt([...common, ...pod.rows, cluster], tools, cluster, pod);
  }
  const packages = packagesStep('build-packages', ['debootstrap'], ['debootstrap']);
  const inNode = built.filter((_, index) => programs[index]?.isHostOnly !== true);
  const node = nodeImageSteps(go, inNode, packages, docker.daemon);
  const pod = builtPodImage(packages, docker.daemon);
  const needs = [docker.daemon, tools, node.loaded];
  const cluster = clusterStep(machine, way, { ...wanted, image: node.name }, needs, say);
  return aimedAt([...common, packages, ...node.rows, ...pod.rows, cluster], tools, cluster, pod);
}

function aimedAt(rows: readonly Step[], tools: Step, cluster: Step, pod: { loaded: Step; name: string }): Table {
  return { rows, tools, cluster, podImage: pod.loaded, podImageName: pod.name };
}
