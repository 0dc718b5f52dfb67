/**
 * The ValkeyCluster that scenarios act on, as they see it: by the API server, and by what a node itself says.
 * Slot owners come from CLUSTER NODES of a pod, not from the status that the operator writes.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { Checker, type CheckerOptions, type CheckerReport } from '../checker.ts';
import { toolPath } from '../cluster/index.ts';
import { Shell } from '../cluster/shell.ts';
import type { Images } from '../images.ts';
import { Broken, type Kubectl, type KubeObject, until } from '../kubectl.ts';

export const CLUSTER_NAME = 'sample';
export const MANIFEST_FILE = 'examples/cluster.yaml';
export const SLOT_COUNT = 16384;
/** A cluster of seven pods on two cores that somebody else uses as well. */
export const READY_LIMIT_MS = 120_000;

const root = join(import.meta.dirname, '../..');

interface ClusterObject extends Omit<KubeObject, 'status' | 'spec'> {
  readonly spec: { readonly shards: number; readonly replicas: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly state: string;
    readonly reason: string;
    readonly message: string;
    readonly endpoint: string;
    readonly migration?: { readonly slotsRemaining: number };
  };
}

/** A line of CLUSTER NODES, with the pod at its address. */
export interface Member {
  readonly pod: string;
  readonly shard: number;
  readonly isPrimary: boolean;
  readonly isFailed: boolean;
  readonly slots: readonly number[];
}

export class Stage {
  readonly kubectl: Kubectl;
  readonly system: Kubectl;
  readonly images: Images;
  readonly #say: (line: string) => void;
  #checkers = 0;

  constructor(kubectl: Kubectl, system: Kubectl, images: Images, say: (line: string) => void) {
    this.kubectl = kubectl;
    this.system = system;
    this.images = images;
    this.#say = say;
  }

  say(line: string): void {
    this.#say(line);
  }

  manifest(): string {
    return readFileSync(join(root, MANIFEST_FILE), 'utf8');
  }

  /** The example as an object, for variations of it. */
  manifestObject(): { metadata: { name: string }; spec: Record<string, unknown> } {
    return parse(this.manifest()) as { metadata: { name: string }; spec: Record<string, unknown> };
  }

  async object(): Promise<ClusterObject> {
    const object = await this.kubectl.get<ClusterObject>('valkeycluster', CLUSTER_NAME);
    if (object === undefined) throw new Broken(`ValkeyCluster ${CLUSTER_NAME} is not there`);
    return object;
  }

  patch(spec: object): Promise<string> {
    return this.kubectl.run([
      'patch',
      'valkeycluster',
      CLUSTER_NAME,
      '--type',
      'merge',
      '-p',
      JSON.stringify({ spec }),
    ]);
  }

  /** Waits until the operator calls the generation at hand Ready and a node agrees; resolves with the seconds it took. */
  async ready(limitMs = READY_LIMIT_MS): Promise<number> {
    const beganAtMs = performance.now();
    let last = 'it has no status';
    await until(
      `${CLUSTER_NAME} is Ready`,
      limitMs,
      async () => {
        const { metadata, status } = await this.object();
        if (status !== undefined) last = `${status.state}: ${status.message}`;
        return status?.state === 'Ready' && status.observedGeneration === metadata.generation ? true : undefined;
      },
      { hint: () => last },
    );
    await this.#agree();
    return (performance.now() - beganAtMs) / 1000;
  }

  async pods(): Promise<readonly KubeObject[]> {
    const pods = await this.kubectl.list('pods', `keyherd.dev/cluster=${CLUSTER_NAME}`);
    return pods.filter((pod) => pod.metadata.deletionTimestamp === undefined);
  }

  /** The cluster as the first pod that answers sees it. */
  async members(known?: readonly KubeObject[]): Promise<readonly Member[]> {
    const pods = known ?? (await this.pods());
    const byAddress = new Map(pods.map((pod) => [pod.status?.podIP ?? '', pod]));
    let reason = 'there are no pods';
    for (const pod of pods) {
      try {
        const lines = (await this.kubectl.command(pod.metadata.name, 'CLUSTER', 'NODES')).trim().split('\n');
        return lines.flatMap((line) => memberOf(line, byAddress));
      } catch (error) {
        reason = error instanceof Error ? error.message : String(error);
      }
    }
    throw new Broken(`no pod says who owns which slot: ${reason}`);
  }

  async primaryOf(shard: number): Promise<string> {
    const primary = (await this.members()).find(
      (member) => member.shard === shard && member.isPrimary && !member.isFailed,
    );
    if (primary === undefined) throw new Broken(`shard ${shard} has no primary`);
    return primary.pod;
  }

  /** The shard that owns each slot. */
  async slotOwners(known?: readonly KubeObject[]): Promise<readonly (number | undefined)[]> {
    const owners: (number | undefined)[] = new Array(SLOT_COUNT).fill(undefined);
    for (const member of await this.members(known)) {
      if (member.isPrimary) for (const slot of member.slots) owners[slot] = member.shard;
    }
    return owners;
  }

  /** Runs `act` while a checker writes, and gives back what the checker found. Lost or wrong values are an error. */
  async underLoad(options: CheckerOptions, act: () => Promise<void>): Promise<CheckerReport> {
    this.#checkers += 1;
    const target = `${CLUSTER_NAME}.${this.kubectl.namespace}.svc:6379`;
    const checker = await Checker.start(
      this.kubectl,
      `checker-${this.#checkers}`,
      this.images.workload,
      target,
      options,
    );
    await act();
    const report = await checker.report();
    if (!report.passed) {
      const reasons = report.errorReasons
        .slice(0, 3)
        .map(({ reason, times }) => `${times} × ${reason}`)
        .join(', ');
      throw new Broken(`the checker found: ${report.failures.join('; ')}${reasons === '' ? '' : ` (${reasons})`}`);
    }
    return report;
  }

  /** Ends a pod's server as a crash would: SIGKILL from its machine, past everything that would let it say goodbye. */
  async kill(podName: string): Promise<void> {
    const pod = await this.kubectl.get('pod', podName);
    const machine = pod?.spec?.nodeName;
    if (pod === undefined || machine === undefined) throw new Broken(`${podName} runs nowhere`);
    // systemd writes the uid with underscores into the control group's name.
    const uid = pod.metadata.uid.replaceAll('-', '[-_]');
    // Whatever of the pod is not the container that holds its namespaces.
    const script = `for dir in /proc/[0-9]*; do grep -q '${uid}' $dir/cgroup 2>/dev/null && [ "$(cat $dir/comm)" != pause ] && kill -9 \${dir#/proc/} && echo killed; done; true`;
    const said = await new Shell().run([toolPath('docker'), 'exec', machine, 'sh', '-c', script]);
    if (!said.includes('killed')) throw new Broken(`${podName}: its process was not found on ${machine}`);
  }

  /** Every node sees all slots covered: the operator's Ready is one look old. */
  async #agree(): Promise<void> {
    await until('every slot has an owner', 10_000, async () => {
      const owners = await this.slotOwners();
      return owners.every((owner) => owner !== undefined) ? true : undefined;
    });
  }
}

function memberOf(line: string, byAddress: ReadonlyMap<string, KubeObject>): Member[] {
  const [, address = '', flags = '', , , , , , ...ranges] = line.split(' ');
  const pod = byAddress.get(address.split(':')[0] ?? '');
  if (pod === undefined) return [];
  const slots: number[] = [];
  for (const range of ranges.filter((part) => !part.startsWith('['))) {
    const [start = 0, end = start] = range.split('-').map(Number);
    for (let slot = start; slot <= end; slot += 1) slots.push(slot);
  }
  return [
    {
      pod: pod.metadata.name,
      shard: Number(pod.metadata.labels?.['keyherd.dev/shard']),
      isPrimary: flags.split(',').includes('master'),
      isFailed: flags.split(',').includes('fail'),
      slots,
    },
  ];
}

export function moved(before: readonly unknown[], after: readonly unknown[]): number {
  return before.filter((owner, slot) => owner !== after[slot]).length;
}

/** Slots per shard, such as `4096 4096 4096 4096`. */
export function shares(owners: readonly (number | undefined)[]): string {
  const counts = new Map<number, number>();
  for (const owner of owners) if (owner !== undefined) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([, count]) => count)
    .join(' ');
}

export function longestGapMs(report: CheckerReport): number {
  return Math.max(0, ...report.shards.map((shard) => shard.longestGapMs));
}

/** A checker's figures for the table. */
export function figures(report: CheckerReport): string {
  const lost =
    report.waitReplicas > 0 ? `lost ${report.lostConfirmed} of ${report.confirmed} confirmed` : `lost ${report.lost}`;
  return `${report.acknowledged}/${report.intended} writes, ${lost}, wrong ${report.wrong}, longest gap ${longestGapMs(report)} ms, p99 ${report.latencyMs.p99} ms`;
}

export function expect(holds: boolean, broken: string): void {
  if (!holds) throw new Broken(broken);
}
