/** What the cluster asks of replication, and what the node has until it replicates. */
import type { ReplicationView } from '../cluster/ports.ts';
import type { RestartedDataset } from '../cluster/restart-rule.ts';

export interface ReplicationPart extends ReplicationView {
  becomeReplicaOf(host: string, port: number, fullSync: boolean): void;
  becomePrimary(): void;
  /** What was found on the disk at the start. */
  restarted(): RestartedDataset;
}

export const alone: ReplicationPart = {
  offset: () => 0,
  hasPrimary: () => false,
  dataAgeMs: () => 0,
  becomeReplicaOf: () => {},
  becomePrimary: () => {},
  restarted: () => ({ loaded: false, offset: 0 }),
};
