/**
 * Nodes that came back at another address. One that moved greets its peers by itself, since it knows theirs; when many
 * moved at once, none finds any other, and the operator introduces them again.
 */
import type { Address, Step, View } from '../model/index.ts';
import { type HeardNode, heardNodes, isBlank, refOf } from './facts.ts';
import type { Rule } from './rule.ts';

/** A known node that lives at another address than a peer believes, and that the peer cannot reach, is introduced to it anew. The first peer in need goes first; gossip carries the rest. */
export const healAddresses: Rule = (view) => {
  for (const peer of heardNodes(view)) {
    const steps = isBlank(peer.report) ? [] : introductions(view, peer);
    if (steps.length > 0) return steps;
  }
  return [];
};

function introductions(view: View, peer: HeardNode): Step[] {
  return heardNodes(view)
    .filter((node) => node !== peer && isMisplaced(peer, node))
    .map((node) => ({
      kind: 'meet',
      at: refOf(peer),
      target: refOf(node),
      cluster: view.clusterUid,
      because: `${node.place.name} came back at ${show(node.place.address!)} and ${peer.place.name} looks for it at its old address`,
    }));
}

function isMisplaced(peer: HeardNode, node: HeardNode): boolean {
  const entry = peer.report.table.find((candidate) => candidate.nodeId === node.report.nodeId && !candidate.handshake);
  const greeted = peer.report.table.some(
    (candidate) => candidate.handshake && sameAddress(candidate.address, node.place.address!),
  );
  return (
    entry !== undefined &&
    !entry.linkConnected &&
    !greeted &&
    (entry.noAddress || !sameAddress(entry.address, node.place.address!))
  );
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.host === b.host && a.port === b.port;
}

function show(address: Address): string {
  return `${address.host}:${address.port}`;
}
