/**
 * One look: the platform and every node, read in parallel, into one View. It changes nothing, and a node that does not
 * answer is a fact of the view and no exception. Only the platform's own failure is thrown: without it there is no view.
 */
import type { ValkeyCluster } from '../api/index.ts';
import {
  type Admin,
  type NodeReport,
  type NodeView,
  REPORT_TIMEOUT_MS,
  type ShardView,
  stepKeyOfMigration,
  type View,
  type WorkloadView,
} from '../model/index.ts';
import type { Platform, PlatformNode, PlatformShard } from '../platform/platform.ts';
import { agree } from './agree.ts';
import type { Memory } from './memory.ts';
import { NODENAME_DIRECTIVE, toReport } from './report.ts';

export interface Eyes {
  readonly platform: Platform;
  readonly admin: Admin;
  readonly memory: Memory;
  readonly nowMs: () => number;
}

/** Looks once. Null when the resource is gone. */
export async function observe({ platform, admin, memory, nowMs }: Eyes): Promise<View | null> {
  const desired = await platform.readCluster();
  if (desired === null) return null;
  const [image, platformShards] = await Promise.all([resolveImage(platform, desired), platform.listShards()]);
  const clusterUid = desired.metadata.uid ?? '';
  const configNames = [NODENAME_DIRECTIVE, ...Object.keys(desired.spec.config)];
  const shards = await Promise.all(
    shardIndices(desired, platformShards).map(async (index): Promise<ShardView> => {
      const shard = platformShards.find((candidate) => candidate.shardIndex === index);
      const members = [...(shard?.members ?? [])].sort((a, b) => a.ordinal - b.ordinal);
      const nodes = await Promise.all(
        members.map((place) => ask(admin, memory, place, index, clusterUid, configNames, nowMs)),
      );
      return { index, workload: shard === undefined ? null : workloadOf(shard), nodes };
    }),
  );
  const seenAtMs = nowMs();
  const nodes = shards.flatMap((shard) => shard.nodes);
  remember(memory, desired, nodes, seenAtMs);
  return {
    nowMs: seenAtMs,
    desired,
    clusterUid,
    image,
    previous: desired.status ?? null,
    shards,
    agreed: agree(shards, memory, seenAtMs),
    setbacks: memory.setbacks(seenAtMs),
  };
}

/** An empty image is resolved once, and kept in status: an upgrade of the operator rolls no node. */
async function resolveImage(platform: Platform, { spec, status }: ValkeyCluster): Promise<string> {
  if (spec.image === '' && status !== undefined && status.image !== '') return status.image;
  return platform.resolveImage(spec.image);
}

function shardIndices({ spec }: ValkeyCluster, shards: readonly PlatformShard[]): number[] {
  const indices = new Set(shards.map((shard) => shard.shardIndex));
  for (let index = 0; index < spec.shards; index++) indices.add(index);
  return [...indices].sort((a, b) => a - b);
}

function workloadOf(shard: PlatformShard): WorkloadView {
  const { name, uid, nodes, hash, persistence, deleting } = shard;
  return { name, uid, nodes, hash, persistence, deleting };
}

async function ask(
  admin: Admin,
  memory: Memory,
  place: PlatformNode,
  shardIndex: number,
  clusterUid: string,
  configNames: readonly string[],
  nowMs: () => number,
): Promise<NodeView> {
  const answer = await read(admin, place, clusterUid, configNames);
  const sinceMs = memory.since(`silent ${place.uid}`, answer.report === null, nowMs());
  if (answer.report !== null) memory.sawAt(answer.report.nodeId, place.name);
  return {
    shardIndex,
    place,
    report: answer.report,
    silence: answer.report === null ? { error: answer.error, sinceMs: sinceMs! } : null,
    configured: memory.configured(place.uid),
    restartedFor: memory.restartedFor(place.name),
  };
}

type Answer = { readonly report: NodeReport; readonly error: '' } | { readonly report: null; readonly error: string };

async function read(
  admin: Admin,
  place: PlatformNode,
  clusterUid: string,
  configNames: readonly string[],
): Promise<Answer> {
  const { address, phase, phaseReason } = place;
  if (address === undefined || phase === 'Pending' || phase === 'Stopped')
    return { report: null, error: `${phase.toLowerCase()}${phaseReason === undefined ? '' : `: ${phaseReason}`}` };
  try {
    const report = toReport(await admin.report(address, configNames, REPORT_TIMEOUT_MS));
    // Addresses are used again: whoever answers there must say that it is one of ours.
    if (report.belongsTo !== clusterUid)
      return {
        report: null,
        error: `somebody else answers at ${address.host}:${address.port}: it announces ${report.belongsTo === null ? 'no cluster' : `cluster ${report.belongsTo}`}`,
      };
    return { report, error: '' };
  } catch (error) {
    return { report: null, error: error instanceof Error ? error.message : String(error) };
  }
}

/** What the look teaches beyond itself: where primaries were before this program began, and how migration jobs ended. */
function remember(memory: Memory, { status }: ValkeyCluster, nodes: readonly NodeView[], nowMs: number): void {
  for (const shard of status?.shardStatuses ?? []) {
    if (shard.primaryNodeId !== '' && memory.placeOf(shard.primaryNodeId) === undefined)
      memory.sawAt(shard.primaryNodeId, shard.primary);
  }
  for (const node of nodes) {
    for (const job of [...(node.report?.migrations ?? [])].reverse()) {
      if (
        job.operation !== 'export' ||
        job.outcome === 'running' ||
        job.outcome === 'cancelled' ||
        !memory.firstTold(job.name)
      )
        continue;
      if (job.outcome === 'success') memory.succeeded(stepKeyOfMigration(job.sourceId));
      else if (memory.primed)
        memory.failed(
          stepKeyOfMigration(job.sourceId),
          job.message === '' ? 'the migration job failed' : job.message,
          nowMs,
        );
    }
  }
  memory.primed = true;
}
