/**
 * Node ids that never come back. They are struck from every table, or the survivors would look for them for ever.
 * Two things make a FORGET dangerous: a replica that still follows the id (its election needs the failed primary in the
 * voters' tables), and slots (with the owner forgotten they belong to nobody).
 */
import { countSlots, ELECTION_BOUND_MS, type Member, type Step, type View } from '../model/index.ts';
import { heardNodes, plural, refOf } from './facts.ts';
import { type Rule, wait } from './rule.ts';

/** An id without a place, without slots and without a follower is forgotten by everyone who knows it. */
export const forgetLostNodes: Rule = (view) => {
  if (!view.agreed.majority) return [];
  return view.agreed.members
    .filter(
      (member) =>
        (neverReturns(member) || isGhost(view, member)) &&
        member.slots.length === 0 &&
        !isFollowed(view, member) &&
        !isClaimant(view, member),
    )
    .flatMap((member) => forgetEverywhere(view, member, `node ${member.nodeId.slice(0, 8)} runs nowhere any more`));
};

/**
 * An owner of slots that never comes back and left no replica: its data is lost, which no waiting changes. It is forgotten,
 * so that its slots can be assigned anew and the rest of the keys is served again.
 */
export const giveUpLostSlots: Rule = (view) => {
  if (!view.agreed.majority) return [];
  return view.agreed.members
    .filter((member) => neverReturns(member) && member.slots.length > 0 && !isFollowed(view, member))
    .flatMap((member): readonly Step[] => {
      // Somebody unheard might be a replica of it.
      const unheard = view.shards.flatMap((shard) => shard.nodes).find((node) => node.report === null);
      if (unheard !== undefined)
        return [
          wait(
            view,
            'OwnersUnheard',
            `${plural(countSlots(member.slots), 'slot')} lost their owner; ${unheard.place.name} does not answer and might hold a copy`,
          ),
        ];
      const lostForMs = view.nowMs - (member.failedSinceMs ?? view.nowMs);
      if (lostForMs < ELECTION_BOUND_MS)
        return [wait(view, 'OwnerLost', `${plural(countSlots(member.slots), 'slot')} lost their owner and every copy`)];
      return forgetEverywhere(
        view,
        member,
        `the owner of ${plural(countSlots(member.slots), 'slot')} is lost with every copy of its data: the slots are assigned anew, empty`,
      );
    });
};

/** A majority has given it up, and its place is no more or is somebody else's. */
function neverReturns(member: Member): boolean {
  return member.presence === 'replaced' && (member.failed || member.noAddress);
}

/** Most have forgotten it already; whoever still knows it (a node that was away) does not reach it. */
function isGhost(view: View, member: Member): boolean {
  const entries = heardNodes(view).flatMap((node) =>
    node.report.table.filter((entry) => entry.nodeId === member.nodeId),
  );
  return member.presence === 'replaced' && entries.every((entry) => entry.failed || entry.suspected || entry.noAddress);
}

/** A replica follows it that answers, or that may still. */
function isFollowed(view: View, lost: Member): boolean {
  return (
    heardNodes(view).some((node) => node.report.primaryId === lost.nodeId) ||
    view.agreed.members.some((member) => member.primaryId === lost.nodeId && member.presence !== 'replaced')
  );
}

/** Somebody still sees slots with it. */
function isClaimant(view: View, lost: Member): boolean {
  return heardNodes(view).some((node) =>
    node.report.table.some((entry) => entry.nodeId === lost.nodeId && entry.slots.length > 0),
  );
}

function forgetEverywhere(view: View, lost: Member, because: string): Step[] {
  return heardNodes(view)
    .filter(
      (node) =>
        node.report.table.some((entry) => entry.nodeId === lost.nodeId) && node.report.primaryId !== lost.nodeId,
    )
    .map((node) => ({ kind: 'forget', at: refOf(node), nodeId: lost.nodeId, because }));
}
