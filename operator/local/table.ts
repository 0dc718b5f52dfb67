/** The cluster as a table of text lines. */
import type { ValkeyClusterStatus } from '../api/index.ts';
import type { NodeCell, Snapshot } from './snapshot.ts';

const BAR_CELLS = 30;

export interface Picture {
  readonly clusterName: string;
  readonly endpoint: string;
  readonly status: ValkeyClusterStatus | null;
  readonly snapshot: Snapshot | null;
}

export function tableOf({ clusterName, endpoint, status, snapshot }: Picture): string[] {
  const lines = [`${clusterName}  ${endpoint}  ${stateText(status)}`, ''];
  if (snapshot === null) return lines;
  const rows = snapshot.shards.map((shard) => [
    String(shard.index),
    shard.primary === null ? '-' : nodeText(shard.primary),
    [...shard.replicas, ...shard.others].map((node) => `${nodeText(node)} ${node.state}`).join(', ') || '-',
    String(shard.slots),
    String(shard.keys),
    String(shard.opsPerSecond),
  ]);
  lines.push(...aligned([['shard', 'primary', 'replicas', 'slots', 'keys', 'ops/s'], ...rows], [3, 4, 5]));
  const bar = migrationBar(status, snapshot);
  if (bar !== null) lines.push('', bar);
  return lines;
}

export function migrationBar(status: ValkeyClusterStatus | null, snapshot: Snapshot | null): string | null {
  const migration = status?.migration;
  if (migration !== undefined && migration.slotsTotal > 0) {
    const moved = Math.max(0, migration.slotsTotal - migration.slotsRemaining);
    const full = Math.round((BAR_CELLS * moved) / migration.slotsTotal);
    return `${migration.source} → ${migration.target}  ${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)}  ${moved}/${migration.slotsTotal} slots`;
  }
  const jobs = snapshot?.migrations ?? [];
  if (jobs.length === 0) return null;
  return jobs.map((job) => `${job.source} → ${job.target}  ${job.slots} slots ${job.state}`).join(', ');
}

export function stateText(status: ValkeyClusterStatus | null): string {
  if (status === null) return 'starting';
  return status.message === '' ? status.state : `${status.state}: ${status.message}`;
}

/** `local-0-1:7001 (pid 4711)` is what a person needs to kill it. */
function nodeText(node: NodeCell): string {
  return node.pid > 0 ? `${node.name} :${node.port} pid ${node.pid}` : node.name;
}

function aligned(rows: readonly (readonly string[])[], rightColumns: readonly number[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        rightColumns.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
