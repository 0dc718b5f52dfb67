// kind.ts: the cluster itself: what stands, whether it fits what is asked for, and how it is made, started, awaited and removed.

import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { files } from './cache.ts';
import { limits } from './limits.ts';
import { cgroupVersion, type Machine, type Way } from './machine.ts';
import { dnsAddress, type Item, observedResources, unready } from './readiness.ts';
import { Refusal, Shell } from './shell.ts';
import type { Say, Step } from './steps.ts';
import { toolPath } from './tools.ts';

export const clusterName = 'keyherd-e2e';
export const defaultWorkers = 1;

export type ClusterNode = {
  readonly name: string;
  readonly role: string;
  readonly isRunning: boolean;
  readonly image: string;
};

/** What a cluster is asked to be; what is left out may be as it is. */
export type Wanted = { readonly workers?: number; readonly image?: string };

export async function clusterNodes(): Promise<readonly ClusterNode[]> {
  const format = '{{.Names}}\t{{.Label "io.x-k8s.kind.role"}}\t{{.State}}\t{{.Image}}';
  const { stdout } = await new Shell().attempt([
    'docker',
    'ps',
    '-a',
    '--filter',
    `label=io.x-k8s.kind.cluster=${clusterName}`,
    '--format',
    format,
  ]);
  return parseNodes(stdout);
}

export function parseNodes(listing: string): readonly ClusterNode[] {
  const rows = listing.split('\n').filter((line) => line !== '');
  return rows.map((line) => {
    const [name = '', role = '', state = '', image = ''] = line.split('\t');
    return { name, role, isRunning: state === 'running', image };
  });
}

/** Why what stands cannot serve as what is asked for; empty when it can. */
export function misfit(nodes: readonly ClusterNode[], wanted: Wanted): string {
  if (nodes.length === 0) return 'there is none';
  const workers = nodes.filter((node) => node.role === 'worker').length;
  if (wanted.workers !== undefined && workers !== wanted.workers)
    return `it has ${workers} workers, and ${wanted.workers} are asked for`;
  const other = nodes.find((node) => wanted.image !== undefined && node.image !== wanted.image);
  return other === undefined ? '' : `${other.name} is of ${other.image}, and ${wanted.image} is asked for`;
}

/** The step that ends in a cluster that can be used. */
export function clusterStep(machine: Machine, way: Way, wanted: Wanted, needs: readonly Step[], say: Say): Step {
  return {
    name: 'cluster',
    makes: `the cluster ${clusterName}`,
    needs: needs.map((need) => need.name),
    isDone: async () => misfit(await clusterNodes(), wanted) === '' && (await whatIsUnready()).length === 0,
    run: async (shell) => {
      const nodes = await clusterNodes();
      const problem = misfit(nodes, wanted);
      if (problem === '' && (await revive(nodes, shell))) return;
      if (nodes.length > 0) {
        say(`removing the cluster that stands: ${problem || 'it does not come back'}`);
        await removeCluster(shell);
      }
      await create(machine, wanted, shell);
      writeFileSync(files.way, way);
      await awaitReady(Date.now() - kubeletSilenceMs, limits.readyMs);
    },
  };
}

/** A kubelet renews its lease every 10 s, and after 40 s without counts as lost. */
const kubeletSilenceMs = 40_000;

/** Brings back a cluster whose nodes were stopped (the daemon's restart, a reboot) or whose kubeconfig was lost. */
async function revive(nodes: readonly ClusterNode[], shell: Shell): Promise<boolean> {
  const startMs = Date.now();
  const stopped = nodes.filter((node) => !node.isRunning).map((node) => node.name);
  if (stopped.length > 0) await shell.run(['docker', 'start', ...stopped], { timeoutMs: limits.restartMs });
  if (!existsSync(files.kubeconfig)) {
    await shell.run([
      toolPath('kind'),
      'export',
      'kubeconfig',
      '--name',
      clusterName,
      '--kubeconfig',
      files.kubeconfig,
    ]);
  }
  try {
    await awaitReady(stopped.length > 0 ? startMs : startMs - kubeletSilenceMs, limits.restartMs);
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

async function create(machine: Machine, wanted: Wanted, shell: Shell): Promise<void> {
  const argv = [
    toolPath('kind'),
    'create',
    'cluster',
    '--name',
    clusterName,
    '--kubeconfig',
    files.kubeconfig,
    '--config',
    '-',
  ];
  const configuration = kindConfiguration({
    workers: wanted.workers ?? defaultWorkers,
    cgroupVersion: await cgroupVersion(),
    hasSysResource: machine.hasSysResource,
  });
  const image = wanted.image === undefined ? [] : ['--image', wanted.image];
  rmSync(files.kubeconfig, { force: true });
  await shell.run([...argv, ...image], { input: configuration, timeoutMs: limits.createMs });
}

/** kind's configuration: as plain as the machine allows. */
export function kindConfiguration(given: { workers: number; cgroupVersion: number; hasSysResource: boolean }): string {
  const lines = ['kind: Cluster', 'apiVersion: kind.x-k8s.io/v1alpha4'];
  // From Kubernetes 1.35 on the kubelet does not start on cgroup v1 unless it is told to.
  if (given.cgroupVersion === 1)
    lines.push('kubeadmConfigPatches:', '- |', '  kind: KubeletConfiguration', '  failCgroupV1: false');
  // Without CAP_SYS_RESOURCE no process may lower its oom_score_adj: containerd asks for no less than its own.
  if (!given.hasSysResource) {
    lines.push(
      'containerdConfigPatches:',
      '- |',
      '  [plugins."io.containerd.grpc.v1.cri"]',
      '    restrict_oom_score_adj = true',
    );
  }
  lines.push('nodes:', '- role: control-plane', ...Array.from({ length: given.workers }, () => '- role: worker'));
  return `${lines.join('\n')}\n`;
}

function kubectl(argv: readonly string[]) {
  return new Shell().attempt([toolPath('kubectl'), '--kubeconfig', files.kubeconfig, '--request-timeout=5s', ...argv]);
}

/** Phrases as of `unready`, and what can be found out only by asking the cluster to do something. */
export async function whatIsUnready(heardAfterMs = Date.now() - kubeletSilenceMs): Promise<readonly string[]> {
  const nodes = await clusterNodes();
  const stopped = nodes.filter((node) => !node.isRunning).map((node) => `node ${node.name} is stopped`);
  if (stopped.length > 0) return stopped;
  if (!existsSync(files.kubeconfig)) return [`its kubeconfig, ${files.kubeconfig}, is lost`];
  const health = await kubectl(['get', '--raw', '/readyz']);
  if (health.code !== 0) return [`the API server is not ready: ${health.stderr.trim().split('\n').at(-1) ?? ''}`];
  const { items } = JSON.parse((await kubectl(['get', observedResources, '-A', '-o', 'json'])).stdout) as {
    items: Item[];
  };
  const names = nodes.map((node) => node.name);
  const lacking = unready(items, names, heardAfterMs);
  return lacking.length > 0 ? lacking : whoCannotReachDns(names, items);
}

/** Proves the services' rules and the routes between nodes, which no object shows; both come late after a restart. */
async function whoCannotReachDns(nodeNames: readonly string[], items: readonly Item[]): Promise<readonly string[]> {
  const address = dnsAddress(items);
  if (address === undefined) return ['kube-system/kube-dns has no address'];
  const connect = `timeout 2 bash -c '< /dev/tcp/${address}/53'`;
  const answers = await Promise.all(
    nodeNames.map((name) => new Shell().succeeds(['docker', 'exec', name, 'sh', '-c', connect])),
  );
  return nodeNames.filter((_, index) => !answers[index]).map((name) => `node ${name} does not reach DNS at ${address}`);
}

async function awaitReady(heardAfterMs: number, limitMs: number): Promise<void> {
  const giveUpAtMs = Date.now() + limitMs;
  for (;;) {
    const lacking = await whatIsUnready(heardAfterMs);
    if (lacking.length === 0) return;
    if (Date.now() > giveUpAtMs) {
      throw new Refusal(
        `${clusterName}: after ${limitMs / 1000} s ${lacking.join(', ')}: look at it with KUBECONFIG=${files.kubeconfig} kubectl get pods -A`,
      );
    }
    await sleep(limits.readyPollMs);
  }
}

export async function removeCluster(shell: Shell): Promise<void> {
  await shell.run([toolPath('kind'), 'delete', 'cluster', '--name', clusterName, '--kubeconfig', files.kubeconfig], {
    timeoutMs: limits.imageMs,
  });
  rmSync(files.kubeconfig, { force: true });
  rmSync(files.way, { force: true });
}
