/** The parts of a node beyond its rooms for data: replication, persistence, and in cluster mode the cluster. */
import type { Node } from '../node.ts';
import { wireCluster } from './cluster.ts';
import { alone } from './replication.ts';

export function wireNode(node: Node): void {
  if (node.settings.flag('cluster-enabled')) {
    wireCluster(node, alone, {
      snapshots: { begin: () => 'ERR no snapshots yet' },
      writes: {
        follow: () => {
          throw new Error('no writes');
        },
      },
    });
  }
}
