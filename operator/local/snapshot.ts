/** A look at the cluster as the table on the terminal shows it, taken from the operator's view. */
import { countSlots, type Migration, type NodeView, SLOT_COUNT, type View } from '../model/index.ts';

export interface Snapshot {
  /** Every slot has one owner, by a majority's word, and every owner says that the cluster is whole. */
  readonly served: boolean;
  readonly slotsServed: number;
  readonly shards: readonly ShardRow[];
  readonly migrations: readonly MigrationRow[];
}

export interface ShardRow {
  readonly index: number;
  /** Null while the shard has no primary that answers. */
  readonly primary: NodeCell | null;
  readonly replicas: readonly NodeCell[];
  /** Nodes with no part in the cluster yet, or that do not answer. */
  readonly others: readonly NodeCell[];
  readonly slots: number;
  readonly keys: number;
  readonly opsPerSecond: number;
}

export interface NodeCell {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  /** In a word: in sync, syncing, loading, stopped, … */
  readonly state: string;
}

/** Slots on their way between two nodes. */
export interface MigrationRow {
  readonly source: string;
  readonly target: string;
  readonly slots: number;
  readonly state: string;
}

export function snapshotOf(view: View): Snapshot {
  const { agreed } = view;
  const slotsServed = SLOT_COUNT - countSlots(agreed.unassigned) - countSlots(agreed.disputed);
  const nodes = view.shards.flatMap((shard) => shard.nodes);
  const owners = nodes.filter((node) => ownsSlots(node));
  return {
    served:
      agreed.majority &&
      slotsServed === SLOT_COUNT &&
      owners.length > 0 &&
      owners.every((node) => node.report?.clusterOk === true && !node.report.loading),
    slotsServed: agreed.majority ? slotsServed : 0,
    shards: view.shards.map((shard) => {
      const primary = shard.nodes.find(ownsSlots) ?? shard.nodes.find(isLonePrimary);
      const replicas = shard.nodes.filter((node) => node.report?.role === 'replica');
      return {
        index: shard.index,
        primary: primary === undefined ? null : cell(primary),
        replicas: replicas.map(cell),
        others: shard.nodes.filter((node) => node !== primary && !replicas.includes(node)).map(cell),
        slots: primary?.report == null ? 0 : countSlots(primary.report.slots),
        keys: primary?.report?.keys ?? 0,
        opsPerSecond: primary?.report?.opsPerSecond ?? 0,
      };
    }),
    migrations: nodes.flatMap((node) => migrationsFrom(node, nodes)),
  };
}

function ownsSlots({ report }: NodeView): boolean {
  return report !== null && report.role === 'primary' && report.slots.length > 0;
}

/** A primary without slots that somebody follows or that has just been made: the one of its shard that owns nothing yet. */
function isLonePrimary({ report }: NodeView): boolean {
  return report !== null && report.role === 'primary';
}

function cell(node: NodeView): NodeCell {
  return {
    name: node.place.name,
    pid: Number(node.place.uid.split('.')[0]),
    port: node.place.address?.port ?? 0,
    state: stateOf(node),
  };
}

function stateOf({ place, report }: NodeView): string {
  if (report === null) return place.phase === 'Running' ? 'starting' : place.phase.toLowerCase();
  if (report.loading) return 'loading';
  if (report.role === 'replica') return report.linkUp ? 'in sync' : 'syncing';
  return report.clusterOk ? 'ok' : 'waiting';
}

function migrationsFrom(node: NodeView, nodes: readonly NodeView[]): MigrationRow[] {
  const running = (node.report?.migrations ?? []).filter(
    (job: Migration) => job.operation === 'export' && job.outcome === 'running',
  );
  return running.map((job) => ({
    source: node.place.name,
    target: nodes.find((other) => other.report?.nodeId === job.targetId)?.place.name ?? job.targetId.slice(0, 8),
    slots: countSlots(job.ranges),
    state: job.state,
  }));
}
