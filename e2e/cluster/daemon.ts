// daemon.ts: a docker daemon of our own, for a machine where none runs. It outlives the run that started it; `down --all` ends it.

import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { folders, isAlive } from './cache.ts';
import { packagesStep } from './debian.ts';
import { limits } from './limits.ts';
import { type Machine, whyDockerIsSilent } from './machine.ts';
import { findOnPath, Refusal, Shell } from './shell.ts';
import type { Step } from './steps.ts';

const settingsFile = join(folders.daemon, 'daemon.json');
const pidFile = join(folders.daemon, 'dockerd.pid');
const logFile = join(folders.daemon, 'dockerd.log');

/** The rows of the table that end in a daemon that answers. */
export function daemonSteps(machine: Machine): { readonly daemon: Step; readonly rows: readonly Step[] } {
  const packages = packagesStep(
    'docker-packages',
    ['docker.io', 'iptables'],
    ['docker', 'dockerd', 'containerd', 'runc', 'iptables'],
  );
  const daemon: Step = {
    name: 'docker',
    makes: 'a docker daemon',
    needs: [packages.name],
    isDone: async () => (await whyDockerIsSilent()) === '',
    run: () => startDaemon(machine),
  };
  return { daemon, rows: [packages, daemon] };
}

async function startDaemon(machine: Machine): Promise<void> {
  mkdirSync(folders.daemon, { recursive: true });
  // After a power cut the file remains, and dockerd believes in it when any process has that id now.
  if ((await ownDaemon()) === undefined) rmSync(pidFile, { force: true });
  writeFileSync(settingsFile, JSON.stringify(daemonSettings(machine, writeRuntimeShim()), undefined, 2));
  const log = openSync(logFile, 'a');
  const argv = ['--config-file', settingsFile, '--pidfile', pidFile, '--host', 'unix:///var/run/docker.sock'];
  const child = spawn('dockerd', argv, { detached: true, stdio: ['ignore', log, log] });
  let problem = '';
  child.on('error', (error) => (problem = error.message));
  child.on('exit', (code) => (problem = `dockerd ended with exit code ${code}`));
  child.unref();
  const giveUpAtMs = Date.now() + limits.daemonStartMs;
  while ((await whyDockerIsSilent()) !== '') {
    if (problem === '' && Date.now() > giveUpAtMs)
      problem = `dockerd does not answer after ${limits.daemonStartMs / 1000} s`;
    if (problem !== '') throw new Refusal(`${problem}: its log, ${logFile}, ends in:\n  ${lastLines(logFile)}`);
    await sleep(limits.readyPollMs / 4);
  }
}

/** All that the daemon keeps is in the cache: nothing of the machine's own docker, if it has one, is touched. */
export function daemonSettings(machine: Pick<Machine, 'hasSysResource'>, runtimeShim: string) {
  return {
    'data-root': join(folders.daemon, 'data'),
    'exec-root': join(folders.daemon, 'exec'),
    ...(machine.hasSysResource
      ? {}
      : { runtimes: { [runtimeName]: { path: runtimeShim } }, 'default-runtime': runtimeName }),
  };
}

const runtimeName = 'without-sys-resource';

/**
 * A privileged container asks for every capability, and does not start where the machine may not give CAP_SYS_RESOURCE.
 * So that one is taken out of what is asked: of a container (--bundle) and of a command run in one (--process).
 */
const runtimeShimScript = (runc: string) => `#!/bin/sh
previous=
for argument in "$@"; do
  case $previous in
    --bundle | -b) request=$argument/config.json ;;
    --process | -p) request=$argument ;;
    *) request= ;;
  esac
  [ -f "$request" ] && sed -i 's/"CAP_SYS_RESOURCE",//g; s/,"CAP_SYS_RESOURCE"//g' "$request"
  previous=$argument
done
exec ${runc} "$@"
`;

function writeRuntimeShim(): string {
  const file = join(folders.daemon, 'runc-without-sys-resource');
  writeFileSync(file, runtimeShimScript(findOnPath('runc') ?? 'runc'));
  chmodSync(file, 0o755);
  return file;
}

/** Ends the daemon that an earlier run started; false when there is none. */
export async function stopDaemon(): Promise<boolean> {
  const pid = await ownDaemon();
  if (pid === undefined) return false;
  process.kill(pid, 'SIGTERM');
  const giveUpAtMs = Date.now() + limits.daemonStopMs;
  while (isAlive(pid)) {
    if (Date.now() > giveUpAtMs)
      throw new Refusal(
        `dockerd, process ${pid}, still runs ${limits.daemonStopMs / 1000} s after SIGTERM: look into ${logFile}`,
      );
    await sleep(limits.readyPollMs / 4);
  }
  rmSync(pidFile, { force: true });
  return true;
}

/** Its process id, when that process is indeed a dockerd with our settings. */
async function ownDaemon(): Promise<number | undefined> {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'));
    const command = await new Shell().attempt(['ps', '-o', 'args=', '-p', String(pid)]);
    return command.stdout.includes(settingsFile) ? pid : undefined;
  } catch {
    return undefined; // no such file: none was started
  }
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').trim().split('\n').slice(-limits.shownLines).join('\n  ');
}
