/** The parts of a node beyond its rooms for data: persistence, replication, and in cluster mode the cluster. */
import type { Node } from '../node.ts';
import { ERR_BGSAVE_FAILED } from '../protocol/errors.ts';
import { wireAcl } from './acl.ts';
import { AppendOnlyPart } from './append-only.ts';
import { wireCluster } from './cluster.ts';
import { wireMigrate } from './migrate.ts';
import { slotSnapshots, slotWrites } from './migration-sources.ts';
import { wireOomScore } from './oom-score.ts';
import { PersistencePart } from './persistence.ts';
import { wireReplication } from './replication.ts';

/** Parts start in this order: the dataset is loaded before a history goes on, and that before the cluster hears of either. */
export function wireNode(node: Node): void {
  wireAcl(node);
  const persistence = new PersistencePart(node);
  node.parts.push({
    start: async () => {
      const { loadedPlace, loaded } = persistence;
      replication.loaded({ loaded, offset: loadedPlace?.offset ?? 0, replicationId: loadedPlace?.id ?? '' });
      if (loadedPlace !== null) {
        for (const { database, slot, form } of persistence.dropped) node.executor.propagate(database, slot, form);
      }
      persistence.dropped = [];
    },
  });
  wireOomScore(node);
  const replication = wireReplication(node);
  wireMigrate(node);
  replication.saveRefusal = () =>
    node.rooms.appendOnly?.refusal ?? (persistence.refusesWrites ? ERR_BGSAVE_FAILED : null);
  persistence.place = () => replication.origin();
  persistence.isComplete = () => replication.isComplete();
  const appendOnly = new AppendOnlyPart(node, persistence, replication.log, () => replication.isComplete());
  persistence.loadAppendOnly = async () => appendOnly.wanted && (await appendOnly.read());
  replication.followAppendOnly(appendOnly);
  if (!node.settings.flag('cluster-enabled')) return;
  wireCluster(node, replication, { snapshots: slotSnapshots(node), writes: slotWrites(node, replication.log) });
}
