// machine.ts: what the machine is, asked of it; and what follows from that, as pure functions.

import { existsSync, readFileSync } from 'node:fs';
import { limits } from './limits.ts';
import { findOnPath, Shell } from './shell.ts';

export type Machine = {
  readonly platform: string;
  readonly architecture: string;
  readonly isRoot: boolean;
  readonly hasApt: boolean;
  /** What keeps docker from answering; empty when it answers. */
  readonly dockerProblem: string;
  /** False where the capability bounding set lacks CAP_SYS_RESOURCE, as in some sandboxes. */
  readonly hasSysResource: boolean;
};

export async function lookAtMachine(): Promise<Machine> {
  return {
    platform: process.platform,
    architecture: process.arch,
    isRoot: process.getuid?.() === 0,
    hasApt: existsSync('/etc/debian_version') && findOnPath('apt-get') !== undefined,
    dockerProblem: await whyDockerIsSilent(),
    hasSysResource:
      process.platform !== 'linux' || hasCapability(readFileSync('/proc/self/status', 'utf8'), capSysResource),
  };
}

export async function whyDockerIsSilent(): Promise<string> {
  if (findOnPath('docker') === undefined) return 'no docker on PATH';
  const { code, stdout, stderr } = await new Shell().attempt(['docker', 'version', '-f', '{{.Server.Version}}']);
  return code === 0 && stdout.trim() !== '' ? '' : (stderr.trim().split('\n')[0] ?? 'no answer');
}

/** Whether the daemon can pull, found out with the smallest image there is. */
export function registryAnswers(): Promise<boolean> {
  return new Shell().succeeds(['docker', 'pull', '-q', 'hello-world'], { timeoutMs: limits.registryProbeMs });
}

/** cgroup v1 or v2, as the daemon sees it. */
export async function cgroupVersion(): Promise<number> {
  return Number((await new Shell().run(['docker', 'info', '-f', '{{.CgroupVersion}}'])).trim());
}

const capSysResource = 24;

export function hasCapability(procStatus: string, bit: number): boolean {
  const set = /^CapBnd:\s*([0-9a-f]+)$/m.exec(procStatus)?.[1];
  return set === undefined || ((BigInt(`0x${set}`) >> BigInt(bit)) & 1n) === 1n;
}

export type Answer<Choice> = { readonly choice: Choice } | { readonly refusal: string };

/** Where the daemon comes from: one that runs is used, whoever started it. */
export function chooseDaemon(machine: Machine): Answer<'running' | 'started here'> {
  if (machine.dockerProblem === '') return { choice: 'running' };
  const silent = `docker does not answer (${machine.dockerProblem})`;
  if (machine.platform !== 'linux' || !machine.hasApt)
    return {
      refusal: `${silent}, and only on a Debian machine could it be installed here: start Docker, and run again`,
    };
  if (!machine.isRoot)
    return { refusal: `${silent}, and only root can install and start it here: start Docker, or run again as root` };
  return { choice: 'started here' };
}

/**
 * Where images come from. Pulled: kind's stock node image and the official Node image.
 * Built: from Debian packages, Go modules and npm packages, where no container registry can be reached.
 */
export type Way = 'pulled' | 'built';

export function chooseWay(machine: Machine, canPull: boolean): Answer<Way> {
  if (canPull) return { choice: 'pulled' };
  const unreachable = 'docker can pull from no container registry';
  if (machine.platform !== 'linux' || !machine.hasApt)
    return {
      refusal: `${unreachable}, and only a Debian machine can build the images without: let it reach one, or run on Debian`,
    };
  if (!machine.isRoot)
    return {
      refusal: `${unreachable}, and only root can build the images without: let it reach one, or run again as root`,
    };
  if (machine.architecture !== 'x64')
    return {
      refusal: `${unreachable}, and without one the images are built for x64 alone, not for ${machine.architecture}: let it reach one`,
    };
  return { choice: 'built' };
}
