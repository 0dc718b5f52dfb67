/**
 * A primary left without working replicas gets one from the primary that has most.
 * Source: Valkey 9.1.
 */
import { REPLICA_MIGRATION_DELAY_MS } from './limits.ts';
import { HANDSHAKE, MIGRATE_TO, NOADDR, PFAIL } from './node-flags.ts';
import type { ClusterNode } from './node-table.ts';
import { followPrimary } from './roles.ts';
import { BROADCAST_PONG, type ClusterState, called, SAVE_DURABLY } from './state.ts';

/** Each tick on a replica: moves to an orphaned primary if this is the replica that should. */
export function migrateToOrphan(state: ClusterState): void {
  const { myself, settings, nowMs } = state;
  const own = myself.replicaOf;
  if (own === null) return;
  const primaries = state.nodes
    .all()
    .filter((node) => node.isPrimary && !node.isFailed && !node.has(NOADDR | HANDSHAKE));
  const most = Math.max(0, ...primaries.map((node) => node.workingReplicas()));
  let orphan: ClusterNode | null = null;
  for (const node of primaries) {
    const isOrphaned = node.has(MIGRATE_TO) && node.workingReplicas() === 0 && node.slotCount > 0;
    if (!isOrphaned) node.orphanedMs = 0;
    else if (node.orphanedMs === 0) node.orphanedMs = nowMs;
    if (isOrphaned && orphan === null) orphan = node;
  }

  // One replica moves, and no primary is robbed of its last ones: the first by name among those of the best served primaries.
  if (!settings.allowReplicaMigration || !state.isOk || orphan === null || most < 2 || own.workingReplicas() !== most)
    return;
  const healthy = own.replicas.filter((replica) => !replica.isFailed && !replica.has(PFAIL)).length;
  if (healthy <= settings.migrationBarrier) return;
  const donors = primaries.filter((node) => node.workingReplicas() === most).flatMap((node) => node.replicas);
  if (donors.some((replica) => replica.name < myself.name)) return;
  if (nowMs - orphan.orphanedMs <= REPLICA_MIGRATION_DELAY_MS) return;

  state.log('notice', `Migrating to orphaned primary ${called(orphan)} in shard ${orphan.shardId}`);
  followPrimary(state, orphan, { closeSlots: true, fullSync: true });
  state.later(SAVE_DURABLY | BROADCAST_PONG);
}
