/**
 * One slot migration as one of its two ends sees it.
 * Source: Valkey 9.1 (states and their names, CLUSTER GETSLOTMIGRATIONS).
 */
import type { SlotRange } from '../slot-map.ts';
import type { SlotSnapshot, SlotWrites, SourceLink } from './ports.ts';

export type ExportState =
  | 'connecting'
  | 'reading-auth-response'
  | 'reading-establish-response'
  | 'waiting-to-snapshot'
  | 'snapshotting'
  | 'replicating'
  | 'waiting-to-pause'
  | 'failover-paused'
  | 'failover-granted';

export type ImportState =
  | 'waiting-for-ack'
  | 'receiving-snapshot'
  | 'waiting-for-paused'
  | 'failover-requested'
  | 'failover-granted'
  | 'cleaning-up'
  | 'occurring-on-primary';

export type FinalState = 'success' | 'failed' | 'cancelled';

interface JobCommon {
  readonly name: string;
  readonly ranges: readonly SlotRange[];
  /** Names of nodes; empty on a job that is only tracked. */
  readonly source: string;
  readonly target: string;
  readonly createdMs: number;
  updatedMs: number;
  /** The peer's last ACK. */
  ackedMs: number;
  /** Our last ACK. */
  sentAckMs: number;
  message: string;
}

export interface ExportJob extends JobCommon {
  readonly operation: 'EXPORT';
  state: ExportState | FinalState;
  /** Until when writes are held; 0: they are not. */
  pausedUntilMs: number;
  connected: boolean;
  /** What the target sent and is not a whole message yet. */
  received: Uint8Array;
  snapshot: SlotSnapshot | null;
  writes: SlotWrites | null;
}

export interface ImportJob extends JobCommon {
  readonly operation: 'IMPORT';
  state: ImportState | FinalState;
  link: SourceLink | null;
  /** The migration runs on this node's primary, or ran before a restart: only its keys are known here. */
  trackingOnly: boolean;
  /** Messages to the source, sent outside of its own command. */
  readonly outgoing: Uint8Array[];
}

export type Job = ExportJob | ImportJob;

export function isFinished(job: Job): boolean {
  return job.state === 'success' || job.state === 'failed' || job.state === 'cancelled';
}

/** Still trying; a failed import that has keys to delete is neither in progress nor finished. */
export function isInProgress(job: Job): boolean {
  return !isFinished(job) && job.state !== 'cleaning-up';
}

export function covers(ranges: readonly SlotRange[], slot: number): boolean {
  for (const { start, end } of ranges) if (slot >= start && slot <= end) return true;
  return false;
}

export function overlap(a: readonly SlotRange[], b: readonly SlotRange[]): boolean {
  return a.some((one) => b.some((other) => one.start <= other.end && other.start <= one.end));
}

export function describeRanges(ranges: readonly SlotRange[]): string {
  return ranges.map(({ start, end }) => `${start}-${end}`).join(' ');
}

/** As log lines call a job. */
export function describeJob(job: Job): string {
  const other =
    job.operation === 'EXPORT' ? `target_node_id: ${job.target}` : `source_node_id: ${job.source || 'unknown'}`;
  return `{name: ${job.name}, operation: ${job.operation.toLowerCase()}, ${other}, slots: ${describeRanges(job.ranges)}}`;
}
