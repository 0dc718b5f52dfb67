/**
 * The platform of a laptop: a shard is a group of child processes on loopback, a volume is a directory.
 * It has the semantics of a StatefulSet where the operator relies on them: names by ordinal, a place (port and directory) that
 * outlives a restart, all nodes at once, the highest ordinals leave first, and what leaves loses its directory.
 */
import { randomUUID } from 'node:crypto';
import type { ValkeyCluster, ValkeyClusterStatus } from '../../api/index.ts';
import type { Address } from '../../model/admin.ts';
import type { ShardWorkload } from '../../model/workload.ts';
import {
  type NodePhase,
  type Platform,
  PlatformError,
  type PlatformEvent,
  type PlatformNode,
  type PlatformShard,
} from '../platform.ts';
import { type ProcessId, signal } from './processes.ts';
import { BUS_PORT_OFFSET, HOST } from './server-command.ts';
import type { StateDirectory } from './state.ts';
import { type NodeState, Supervisor } from './supervisor.ts';

export interface ProcessPlatformOptions {
  readonly state: StateDirectory;
  readonly clusterUid: string;
  /** The server's program and its first arguments; the path of a valkey.conf follows. */
  readonly command: readonly string[];
  readonly firstPort: number;
  /** Whether a node answers and is not loading. */
  isReady(address: Address): Promise<boolean>;
  onChange(): void;
  onStatus(status: ValkeyClusterStatus): void;
  onEvent(event: PlatformEvent): void;
  log(line: string): void;
}

export class ProcessPlatform implements Platform {
  readonly kind = 'process';
  readonly #options: ProcessPlatformOptions;
  readonly #supervisor: Supervisor;

  constructor(options: ProcessPlatformOptions) {
    this.#options = options;
    this.#supervisor = new Supervisor({
      ...options,
      onChange: () => options.onChange(),
      log: (line) => options.log(line),
    });
  }

  /** Adopts what runs and begins to supervise. */
  start(): void {
    this.#supervisor.start();
  }

  /** Ends supervising; the nodes go on. */
  async stop(): Promise<void> {
    await this.#supervisor.stop();
  }

  async readCluster(): Promise<ValkeyCluster | null> {
    const desired = this.#options.state.read<ValkeyCluster>('desired.json');
    if (desired === null) return null;
    const status = this.#options.state.read<ValkeyClusterStatus>('status.json');
    return status === null ? desired : { ...desired, status };
  }

  async listShards(): Promise<readonly PlatformShard[]> {
    return await Promise.all(
      this.#supervisor.shards().map(async ({ index, record, nodes }) => ({
        shardIndex: index,
        name: record.workload.name,
        uid: record.uid,
        nodes: record.nodes,
        hash: record.workload.hash,
        persistence: persistenceOf(record.workload),
        deleting: record.deleting,
        members: await Promise.all(nodes.map((node) => this.#member(node))),
      })),
    );
  }

  async ensureShard(workload: ShardWorkload): Promise<void> {
    const present = this.#supervisor.shard(workload.shardIndex);
    if (present?.deleting === true)
      throw new PlatformError('conflict', `shard ${workload.shardIndex} is still being deleted`);
    if (present?.workload.hash === workload.hash) return;
    this.#supervisor.setShard(workload.shardIndex, {
      uid: present?.uid ?? randomUUID(),
      workload,
      nodes: present?.nodes ?? workload.nodes,
      deleting: false,
    });
  }

  async scaleShard(shardIndex: number, uid: string, nodes: number): Promise<void> {
    const present = this.#present(shardIndex, uid);
    if (present.nodes !== nodes) this.#supervisor.setShard(shardIndex, { ...present, nodes });
  }

  async restartNode(shardIndex: number, name: string, uid: string): Promise<void> {
    const node = this.#supervisor
      .shards()
      .find(({ index }) => index === shardIndex)
      ?.nodes.find(({ record }) => record.name === name);
    const life = node?.running === true ? node.record.process : null;
    if (life === null || uidOf(life) !== uid)
      throw new PlatformError('conflict', `${name} is not the process that was looked at`);
    signal(life, 'SIGTERM');
  }

  async deleteShard(shardIndex: number, uid: string): Promise<void> {
    if (this.#supervisor.shard(shardIndex) === null) return;
    const present = this.#present(shardIndex, uid);
    if (!present.deleting) this.#supervisor.setShard(shardIndex, { ...present, deleting: true });
  }

  /** Processes run the server at hand; an image named in a manifest is for Kubernetes, and kept as it is. */
  async resolveImage(wanted: string): Promise<string> {
    return wanted === '' ? 'local' : wanted;
  }

  async endpoint(): Promise<string> {
    const first = this.#supervisor.shards().flatMap(({ nodes }) => nodes)[0];
    return `${HOST}:${first?.record.port ?? this.#options.firstPort}`;
  }

  selector(): string {
    return '';
  }

  async publishStatus(status: ValkeyClusterStatus): Promise<void> {
    this.#options.state.write(status, 'status.json');
    this.#options.onStatus(status);
  }

  async publishEvent(event: PlatformEvent): Promise<void> {
    this.#options.onEvent(event);
  }

  async #member(node: NodeState): Promise<PlatformNode> {
    const { record } = node;
    const phase = phaseOf(node);
    const address = { host: HOST, port: record.port, busPort: record.port + BUS_PORT_OFFSET };
    return {
      name: record.name,
      uid: record.process === null ? '' : uidOf(record.process),
      ordinal: node.ordinal,
      phase,
      ...(node.ended === null ? {} : { phaseReason: node.ended }),
      address,
      ready: phase === 'Running' && (await this.#options.isReady(address)),
      // Nothing of what a restart alone changes (image, resources, scheduling) has a meaning for a process.
      outdated: false,
      createdAtMs: record.startedAtMs,
    };
  }

  #present(shardIndex: number, uid: string) {
    const present = this.#supervisor.shard(shardIndex);
    if (present === null) throw new PlatformError('conflict', `there is no shard ${shardIndex}`);
    if (present.uid !== uid)
      throw new PlatformError('conflict', `shard ${shardIndex} is another one by now: ${present.uid}, not ${uid}`);
    return present;
  }
}

function uidOf({ pid, startTime }: ProcessId): string {
  return `${pid}.${startTime}`;
}

function persistenceOf({ persistence }: ShardWorkload): PlatformShard['persistence'] {
  const { mode, size, storageClassName } = persistence;
  return storageClassName === undefined ? { mode, size } : { mode, size, storageClassName };
}

function phaseOf(node: NodeState): NodePhase {
  if (node.running) return node.record.leaving ? 'Terminating' : 'Running';
  return node.record.process === null && node.ended === null ? 'Pending' : 'Stopped';
}
