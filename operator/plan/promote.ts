/**
 * A primary that is lost: the cluster elects a successor by itself. This rule is for when it cannot: too few primaries
 * are left to vote, or no replica dares to stand.
 */
import { ELECTION_BOUND_MS, type Member, NO_ELECTION_BOUND_MS, type Step, type View } from '../model/index.ts';
import { type HeardNode, heardNodes, refOf } from './facts.ts';
import { type Rule, wait } from './rule.ts';

/** A primary that a majority calls failed is succeeded by its most advanced replica, once the cluster's own election has had its time. */
export const promoteForLostPrimary: Rule = (view) => lostPrimaries(view).flatMap((lost) => promote(view, lost));

function lostPrimaries(view: View): Member[] {
  return view.agreed.majority ? view.agreed.members.filter((member) => member.failed && member.slots.length > 0) : [];
}

function promote(view: View, lost: Member): Step[] {
  const followers = heardNodes(view).filter(
    (node) => node.report.role === 'replica' && node.report.primaryId === lost.nodeId && !node.report.loading,
  );
  const best = mostAdvanced(followers);
  if (best === null) return [];
  const failedForMs = view.nowMs - lost.failedSinceMs!;
  const boundMs = canElect(view, lost) ? ELECTION_BOUND_MS : NO_ELECTION_BOUND_MS;
  if (failedForMs < boundMs) {
    return [
      wait(
        view,
        'ElectionPending',
        `the primary of shard ${best.shardIndex} failed ${seconds(failedForMs)} ago: ${canElect(view, lost) ? `the cluster elects a successor within ${seconds(boundMs)}` : `too few primaries are left to elect a successor; it has ${seconds(boundMs)} to come back`}`,
      ),
    ];
  }
  if (stillServes(view, lost)) return [];
  return [
    {
      kind: 'takeover',
      replica: refOf(best),
      primaryId: lost.nodeId,
      because: `the primary of shard ${best.shardIndex} failed ${seconds(failedForMs)} ago and no election took place; ${best.place.name} is its most advanced replica`,
    },
  ];
}

/** Peers call it failed and yet it answers this operator and believes in the cluster: taking its slots would lose what it accepts. */
function stillServes(view: View, lost: Member): boolean {
  const itself = heardNodes(view).find((node) => node.report.nodeId === lost.nodeId);
  return itself?.report.clusterOk === true && !itself.report.loading;
}

/** An election needs the votes of more than half of the voters, and the lost primary casts none. */
function canElect(view: View, lost: Member): boolean {
  const { voters, heard } = view.agreed;
  return heard.filter((nodeId) => nodeId !== lost.nodeId).length >= Math.floor(voters.length / 2) + 1;
}

/** The furthest offset; of equals, one that stays, then the lowest ordinal. */
function mostAdvanced(replicas: readonly HeardNode[]): HeardNode | null {
  return (
    [...replicas].sort((a, b) => b.report.offset - a.report.offset || a.place.ordinal - b.place.ordinal)[0] ?? null
  );
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
