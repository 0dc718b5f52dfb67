/**
 * Views for tests that read aloud: `cluster({ shards: 3, replicas: 1 })` is a healthy cluster as the operator sees it, and each
 * method gives the same scene with one thing otherwise. The agreed facts are computed from the nodes' words, as in earnest.
 */
import { parseCluster, type ValkeyCluster } from '../../api/index.ts';
import {
  type Migration,
  NODE_TIMEOUT_MS,
  type NodeReport,
  type NodeView,
  nodeName,
  type Setback,
  type ShardView,
  type SlotRange,
  shardName,
  shardWorkload,
  type TableEntry,
  type View,
} from '../../model/index.ts';
import { agree, Memory } from '../../observe/index.ts';
import { initialRange } from '../../plan/form.ts';
import { plan } from '../../plan/index.ts';

const NOW_MS = 10_000_000;

interface SceneNode {
  readonly shard: number;
  readonly ordinal: number;
  readonly id: string;
  readonly phase: NodeView['place']['phase'];
  /** It answers the operator. */
  readonly heard: boolean;
  readonly joined: boolean;
  readonly report: Partial<NodeReport>;
  readonly port: number;
  /** Peers call it failed, and have for so long. */
  readonly failedForMs: number | null;
  /** Where its peers look for it, when that is elsewhere. */
  readonly soughtAt: number | null;
  readonly outdated: boolean;
  readonly configured: string | null;
  readonly restartedFor: string | null;
}

export interface Shape {
  readonly shards: number;
  readonly replicas: number;
}

export class Scene {
  readonly #nodes: readonly SceneNode[];
  readonly #spec: Record<string, unknown>;
  readonly #had: Shape;
  readonly #setbacks: readonly Setback[];

  constructor(
    nodes: readonly SceneNode[],
    spec: Record<string, unknown>,
    had: Shape,
    setbacks: readonly Setback[] = [],
  ) {
    this.#nodes = nodes;
    this.#spec = spec;
    this.#had = had;
    this.#setbacks = setbacks;
  }

  /** The spec says otherwise now; what runs is as before. */
  wants(change: Record<string, unknown>): Scene {
    return new Scene(this.#nodes, { ...this.#spec, ...change }, this.#had, this.#setbacks);
  }

  reporting(name: string, report: Partial<NodeReport>): Scene {
    return this.#with(name, (node) => ({ ...node, report: { ...node.report, ...report } }));
  }

  /** Its process ended; peers have called it failed for so long. */
  stopped(name: string, failedForMs: number | null): Scene {
    return this.#with(name, (node) => ({ ...node, phase: 'Stopped', heard: false, failedForMs }));
  }

  /** It runs, as far as is known, and does not answer; peers have called it failed for so long, or not at all. */
  silent(name: string, failedForMs: number | null = null): Scene {
    return this.#with(name, (node) => ({ ...node, heard: false, failedForMs }));
  }

  /** It answers the operator while peers have called it failed for so long. */
  accused(name: string, failedForMs: number): Scene {
    return this.#with(name, (node) => ({ ...node, failedForMs }));
  }

  /** It lost what it knew: in its place is a node that knows nobody. */
  blank(name: string): Scene {
    return this.#with(name, (node) => ({ ...node, id: `blank-${node.id}`, joined: false, report: {} }));
  }

  /** It came back at another address, and its peers look for it at the old one. */
  moved(name: string): Scene {
    return this.#with(name, (node) => ({ ...node, soughtAt: node.port, port: node.port + 500 }));
  }

  /** It was made from an older form of its workload. */
  outdated(...names: readonly string[]): Scene {
    return names.reduce((scene: Scene, name) => scene.#with(name, (node) => ({ ...node, outdated: true })), this);
  }

  /** It was told the spec.config of this hash, and perhaps restarted for it already. */
  told(name: string, configHash: string, restartedFor: string | null = null): Scene {
    return this.#with(name, (node) => ({ ...node, configured: configHash, restartedFor }));
  }

  resting(setback: Setback): Scene {
    return new Scene(this.#nodes, this.#spec, this.#had, [...this.#setbacks, setback]);
  }

  migrating(from: string, to: string, ranges: readonly SlotRange[]): Scene {
    const job: Migration = {
      name: 'job',
      operation: 'export',
      sourceId: this.id(from),
      targetId: this.id(to),
      ranges,
      state: 'snapshotting',
      outcome: 'running',
      message: '',
      createdAtMs: 0,
      updatedAtMs: 0,
    };
    return this.reporting(from, { migrations: [job] });
  }

  id(name: string): string {
    return this.#nodes.find((node) => nameOf(node) === name)!.id;
  }

  get nowMs(): number {
    return NOW_MS;
  }

  view(): View {
    const desired = this.#desired();
    const memory = new Memory();
    for (const node of this.#nodes) memory.sawAt(node.id, nameOf(node));
    for (const node of this.#nodes)
      if (node.failedForMs !== null) memory.since(`failed ${node.id}`, true, NOW_MS - node.failedForMs);
    const count = Math.max(desired.spec.shards, this.#had.shards);
    const shards = Array.from({ length: count }, (_, index) => this.#shard(index, desired));
    return {
      nowMs: NOW_MS,
      desired,
      clusterUid: 'uid',
      image: 'image',
      previous: null,
      shards,
      agreed: agree(shards, memory, NOW_MS),
      setbacks: this.#setbacks,
    };
  }

  /** What the plan does about it: steps by kind and subject, acts first. */
  acts(): string[] {
    return plan(this.view()).flatMap((step) => {
      switch (step.kind) {
        case 'wait':
        case 'hold':
          return [];
        case 'create-shard':
        case 'update-shard':
          return [`${step.kind} ${step.workload.shardIndex}`];
        case 'scale-shard':
          return [`${step.kind} ${step.shardIndex} ${step.from}->${step.nodes}`];
        case 'delete-shard':
          return [`${step.kind} ${step.shardIndex}`];
        case 'meet':
          return [`meet ${step.target.name} at ${step.at.name}`];
        case 'replicate':
          return [`replicate ${step.at.name} of ${step.primary.name}`];
        case 'migrate-slots':
          return step.moves.map(
            (move) =>
              `migrate ${move.ranges.map((range) => `${range.start}-${range.end}`).join(' ')} ${step.source.name}->${move.target.name}`,
          );
        case 'cancel-migrations':
          return [`${step.kind} ${step.source.name}`];
        case 'failover':
        case 'takeover':
          return [`${step.kind} ${step.replica.name}`];
        case 'assign-slots':
          return step.ranges.map((range) => `assign ${range.start}-${range.end} to ${step.at.name}`);
        case 'forget':
          return [`forget ${step.nodeId} at ${step.at.name}`];
        default:
          return [`${step.kind} ${step.at.name}`];
      }
    });
  }

  /** What is waited for or refused. */
  remarks(): string[] {
    return [
      ...new Set(
        plan(this.view()).flatMap((step) => (step.kind === 'wait' || step.kind === 'hold' ? [step.reason] : [])),
      ),
    ];
  }

  #desired(): ValkeyCluster {
    return parseCluster(
      {
        apiVersion: 'keyherd.dev/v1alpha1',
        kind: 'ValkeyCluster',
        metadata: { name: 'c', uid: 'uid', generation: 1 },
        spec: this.#spec,
      },
      'scene',
    );
  }

  #with(name: string, change: (node: SceneNode) => SceneNode): Scene {
    if (!this.#nodes.some((node) => nameOf(node) === name)) throw new Error(`no node ${name}`);
    return new Scene(
      this.#nodes.map((node) => (nameOf(node) === name ? change(node) : node)),
      this.#spec,
      this.#had,
      this.#setbacks,
    );
  }

  #shard(index: number, desired: ValkeyCluster): ShardView {
    const nodes = this.#nodes.filter((node) => node.shard === index).map((node) => this.#nodeView(node));
    if (index >= this.#had.shards) return { index, workload: null, nodes };
    const { hash, persistence } = shardWorkload(desired, index, 'image');
    return {
      index,
      workload: {
        name: shardName('c', index),
        uid: `shard-${index}`,
        nodes: 1 + this.#had.replicas,
        hash,
        persistence: { mode: persistence.mode, size: persistence.size },
        deleting: false,
      },
      nodes,
    };
  }

  #nodeView(node: SceneNode): NodeView {
    const place = {
      name: nameOf(node),
      uid: `uid-${node.id}`,
      ordinal: node.ordinal,
      phase: node.phase,
      address: addressOf(node.port),
      ready: node.heard,
      outdated: node.outdated,
      createdAtMs: 0,
    };
    return {
      shardIndex: node.shard,
      place,
      report: node.heard ? this.#report(node) : null,
      silence: node.heard ? null : { error: 'no answer', sinceMs: NOW_MS - NODE_TIMEOUT_MS },
      configured: node.configured,
      restartedFor: node.restartedFor,
    };
  }

  #report(node: SceneNode): NodeReport {
    const own = this.#facts(node);
    return {
      nodeId: node.id,
      shardId: `shard-${node.shard}`,
      role: own.role,
      primaryId: own.primaryId,
      linkUp: true,
      offset: 1000,
      configEpoch: 1,
      currentEpoch: 1,
      slots: own.slots,
      clusterOk: node.joined,
      loading: false,
      keys: node.joined ? 10 : 0,
      usedMemoryBytes: 1,
      maxMemoryBytes: 0,
      opsPerSecond: 0,
      belongsTo: 'uid',
      table: this.#table(node),
      migrations: [],
      config: {},
      ...node.report,
    };
  }

  #table(reader: SceneNode): TableEntry[] {
    return this.#nodes
      .filter((node) => node === reader || (reader.joined && (node.joined || node.id.startsWith('blank-'))))
      .map((node) => {
        const former = node !== reader && node.id.startsWith('blank-');
        const known = former ? { ...node, id: node.id.slice('blank-'.length), joined: true } : node;
        const failed = node !== reader && node.failedForMs !== null;
        const facts = this.#facts(known);
        return {
          nodeId: known.id,
          address: addressOf(node === reader ? node.port : (node.soughtAt ?? node.port)),
          role: facts.role,
          primaryId: facts.primaryId,
          myself: node === reader,
          suspected: false,
          failed,
          handshake: false,
          noAddress: former && !failed,
          linkConnected: !failed && !former && (node === reader || node.soughtAt === null),
          configEpoch: 1,
          slots: facts.slots,
        };
      });
  }

  /** Role and slots as everyone sees them. */
  #facts(node: SceneNode): { role: NodeReport['role']; primaryId: string | null; slots: readonly SlotRange[] } {
    if (!node.joined) return { role: 'primary', primaryId: null, slots: [] };
    const natural =
      node.ordinal === 0
        ? { role: 'primary' as const, primaryId: null, slots: [initialRange(node.shard, this.#had.shards)] }
        : { role: 'replica' as const, primaryId: `n-${node.shard}-0`, slots: [] };
    const { role = natural.role, primaryId = natural.primaryId, slots = natural.slots } = node.report;
    return { role, primaryId, slots };
  }
}

/** A healthy cluster; ordinal 0 of each shard is its primary, and node `c-<shard>-<ordinal>` has the id `n-<shard>-<ordinal>`. */
export function cluster(shape: Shape): Scene {
  return new Scene(nodesOf(shape, true), { ...shape }, shape);
}

/** Nodes that run and that nobody made a cluster of. */
export function blankNodes(shape: Shape): Scene {
  return new Scene(nodesOf(shape, false), { ...shape }, shape);
}

/** Nothing runs yet. */
export function nothing(shape: Shape): Scene {
  return new Scene([], { ...shape }, { shards: 0, replicas: 0 });
}

function nodesOf({ shards, replicas }: Shape, joined: boolean): SceneNode[] {
  return Array.from({ length: shards }, (_, shard) =>
    Array.from(
      { length: 1 + replicas },
      (_unused, ordinal): SceneNode => ({
        shard,
        ordinal,
        id: `n-${shard}-${ordinal}`,
        phase: 'Running',
        heard: true,
        joined,
        report: {},
        port: 7000 + shard * 10 + ordinal,
        failedForMs: null,
        soughtAt: null,
        outdated: false,
        configured: null,
        restartedFor: null,
      }),
    ),
  ).flat();
}

function nameOf(node: SceneNode): string {
  return nodeName('c', node.shard, node.ordinal);
}

function addressOf(port: number): { host: string; port: number; busPort: number } {
  return { host: '127.0.0.1', port, busPort: port + 10_000 };
}
