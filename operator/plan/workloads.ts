/**
 * The workloads as the spec has them: one a shard, enough nodes in each, and the present description.
 */
import type { Step, View } from '../model/index.ts';
import { isConfigProven } from './configure.ts';
import { nodesWanted, plural, stayingShards, workloadFor } from './facts.ts';
import { persistenceRefusal } from './refuse.ts';
import type { Rule } from './rule.ts';

/** A shard of the spec without a workload gets one; one with too few nodes gets more; one with an old description gets the present one. */
export const createMissingShards: Rule = (view) =>
  stayingShards(view).flatMap((shard): Step[] => {
    const workload = workloadFor(view, shard.index);
    const present = shard.workload;
    if (present === null)
      return [
        {
          kind: 'create-shard',
          workload,
          because: `the spec has ${plural(view.desired.spec.shards, 'shard')} and shard ${shard.index} does not exist`,
        },
      ];
    if (present.deleting) return [];
    const steps: Step[] = [];
    if (present.hash !== workload.hash && persistenceRefusal(view, shard) === null && isConfigProven(view))
      steps.push({
        kind: 'update-shard',
        workload,
        uid: present.uid,
        because: `the description of shard ${shard.index} changed`,
      });
    if (present.nodes < nodesWanted(view)) steps.push(grow(view, shard.index, present));
    return steps;
  });

function grow(
  view: View,
  shardIndex: number,
  present: { readonly name: string; readonly uid: string; readonly nodes: number },
): Step {
  return {
    kind: 'scale-shard',
    shardIndex,
    name: present.name,
    uid: present.uid,
    from: present.nodes,
    nodes: nodesWanted(view),
    because: `the spec has ${plural(view.desired.spec.replicas, 'replica')} a shard`,
  };
}
