/**
 * From the nodes' own words to agreed facts. Pure.
 *
 * Who votes: the primaries that own slots, as most of those say who claim slots themselves. (A primary that was voted out
 * and came back claims its old slots for a moment: the others outvote it.) When no such primary answers, replicas'
 * tables are hearsay from which at least the voters' names are known.
 * What is a fact: what more than half of the voters say. Voters that certainly run nowhere contradict nothing.
 */
import type {
  Agreed,
  Member,
  NodeReport,
  NodeView,
  Presence,
  ShardView,
  SlotRange,
  TableEntry,
} from '../model/index.ts';
import { SLOT_COUNT } from '../model/index.ts';
import type { Memory } from './memory.ts';

export function agree(shards: readonly ShardView[], memory: Memory, nowMs: number): Agreed {
  const nodes = shards.flatMap((shard) => shard.nodes);
  const absent = absentNames(shards);
  const reports = nodes.map((node) => node.report).filter((report) => report !== null);
  const voters = votersAmong(reports);
  const heardVoters = reports.filter((report) => voters.includes(report.nodeId) && report.role === 'primary');
  const ids = idsIn(reports);
  const presences = new Map(ids.map((id) => [id, presenceOf(id, nodes, absent, memory)]));
  const gone = voters.filter((id) => isGone(presences.get(id)));
  const mute = heardVoters.filter((report) => isMute(report, reports));
  const speaking = heardVoters.filter((report) => !mute.includes(report));
  const withoutVoice = [...gone, ...mute.map((report) => report.nodeId)];
  const needed = Math.floor(voters.length / 2) + 1;
  const majority = voters.length > 0 && heardVoters.length + gone.length >= needed;

  const listeners = heardVoters.length > 0 ? heardVoters : reports.filter((report) => report.table.length > 1);
  const ownership = agreeOnSlots(listeners);
  const members = ids.map((nodeId): Member => {
    const entries = entriesOf(nodeId, listeners, reports);
    const replica = mostly(entries, (entry) => entry.role === 'replica');
    const failed = majority && isFailed(nodeId, presences.get(nodeId)!, speaking, withoutVoice, needed);
    return {
      nodeId,
      role: replica ? 'replica' : 'primary',
      primaryId: replica ? mostCommon(entries.map((entry) => entry.primaryId ?? '')) || null : null,
      slots: ownership.slotsBy.get(nodeId) ?? [],
      address: entries[0]!.address,
      failed,
      failedSinceMs: memory.since(`failed ${nodeId}`, failed, nowMs),
      noAddress: mostly(entries, (entry) => entry.noAddress),
      presence: presences.get(nodeId)!,
    };
  });
  return {
    voters,
    heard: heardVoters.map((report) => report.nodeId),
    gone,
    majority,
    members,
    unassigned: ownership.unassigned,
    disputed: ownership.disputed,
  };
}

function votersAmong(reports: readonly NodeReport[]): string[] {
  const claimants = reports.filter(
    (report) => report.role === 'primary' && report.slots.length > 0 && !isOverruled(report, reports),
  );
  const electorate = claimants.length > 0 ? claimants : reports.filter((report) => report.table.length > 1);
  const votes = new Map<string, number>();
  for (const report of electorate) {
    for (const entry of report.table)
      if (entry.slots.length > 0 && entry.role === 'primary')
        votes.set(entry.nodeId, (votes.get(entry.nodeId) ?? 0) + 1);
  }
  return [...votes]
    .filter(([, count]) => count * 2 > electorate.length)
    .map(([nodeId]) => nodeId)
    .sort();
}

/** Another primary claims some of its slots with a higher epoch: it was succeeded and does not know it yet. */
function isOverruled(report: NodeReport, reports: readonly NodeReport[]): boolean {
  return reports.some(
    (other) =>
      other.role === 'primary' &&
      other.configEpoch > report.configEpoch &&
      other.slots.some((theirs) => report.slots.some((own) => own.start <= theirs.end && theirs.start <= own.end)),
  );
}

function idsIn(reports: readonly NodeReport[]): string[] {
  const ids = new Set<string>();
  for (const report of reports) for (const entry of report.table) if (!entry.handshake) ids.add(entry.nodeId);
  return [...ids].sort();
}

/** Where an id is (see model/view.ts, Presence). */
function presenceOf(nodeId: string, nodes: readonly NodeView[], absent: ReadonlySet<string>, memory: Memory): Presence {
  if (nodes.some((node) => node.report?.nodeId === nodeId)) return 'present';
  const place = memory.placeOf(nodeId);
  // Not known where it was: only when no place is left in which it could be is it gone.
  const places = place === undefined ? nodes : nodes.filter((node) => node.place.name === place);
  const mayReturn = place === undefined ? absent.size > 0 : absent.has(place);
  if (!mayReturn && places.every((node) => node.report !== null)) return 'replaced';
  return places.every((node) => node.report !== null || runsNothing(node)) ? 'stopped' : 'silent';
}

/** Nodes that a workload is to run and the platform does not list: about to be made, perhaps with the volume of an earlier life. */
function absentNames(shards: readonly ShardView[]): ReadonlySet<string> {
  const absent = new Set<string>();
  for (const { workload, nodes } of shards) {
    if (workload === null || workload.deleting) continue;
    for (let ordinal = 0; ordinal < workload.nodes; ordinal++) {
      if (!nodes.some((node) => node.place.ordinal === ordinal)) absent.add(`${workload.name}-${ordinal}`);
    }
  }
  return absent;
}

function runsNothing(node: NodeView): boolean {
  return node.place.phase === 'Pending' || node.place.phase === 'Stopped';
}

function isGone(presence: Presence | undefined): boolean {
  return presence === 'stopped' || presence === 'replaced';
}

/**
 * A primary that answers the operator and nobody else: it says itself that it does not serve, and most of its peers suspect it.
 * So behaves an owner that was restarted without its dataset, until a replica takes over: it says nothing against that.
 */
function isMute(report: NodeReport, reports: readonly NodeReport[]): boolean {
  const peers = reports.flatMap((other) =>
    other === report ? [] : other.table.filter((entry) => entry.nodeId === report.nodeId && !entry.handshake),
  );
  const suspicious = peers.filter((entry) => entry.failed || entry.suspected).length;
  return !report.clusterOk && suspicious * 2 > peers.length;
}

/**
 * More than half of the voters call it failed or suspect it; a voter that is gone or mute says nothing against it. Of the
 * others more than half must say so in any case: absence accuses nobody but the absent.
 */
function isFailed(
  nodeId: string,
  presence: Presence,
  speaking: readonly NodeReport[],
  withoutVoice: readonly string[],
  needed: number,
): boolean {
  const others = speaking.filter((report) => report.nodeId !== nodeId);
  if (others.length === 0) return isGone(presence) || withoutVoice.includes(nodeId);
  const accusers = others.filter((report) =>
    report.table.some((entry) => entry.nodeId === nodeId && (entry.failed || entry.suspected)),
  ).length;
  return accusers * 2 > others.length && accusers + withoutVoice.length >= needed;
}

function entriesOf(nodeId: string, listeners: readonly NodeReport[], reports: readonly NodeReport[]): TableEntry[] {
  const find = (among: readonly NodeReport[]) =>
    among.flatMap((report) => report.table.filter((entry) => entry.nodeId === nodeId && !entry.handshake));
  const heard = find(listeners);
  return heard.length > 0 ? heard : find(reports);
}

interface Ownership {
  readonly slotsBy: ReadonlyMap<string, readonly SlotRange[]>;
  readonly unassigned: readonly SlotRange[];
  readonly disputed: readonly SlotRange[];
}

/**
 * For each slot, the owner that more than half of the listeners name. Between two bounds of anybody's ranges all slots
 * have one answer, so it is asked once a stretch.
 */
function agreeOnSlots(listeners: readonly NodeReport[]): Ownership {
  const bounds = new Set([0, SLOT_COUNT]);
  for (const report of listeners)
    for (const entry of report.table) for (const range of entry.slots) bounds.add(range.start).add(range.end + 1);
  const starts = [...bounds].sort((a, b) => a - b);
  const opinions = listeners.map((report) => ownersAt(report, starts));
  const slotsBy = new Map<string, SlotRange[]>();
  const unassigned: SlotRange[] = [];
  const disputed: SlotRange[] = [];
  for (let index = 0; index + 1 < starts.length; index++) {
    const owner = majorityOf(opinions.map((owners) => owners[index]!));
    const stretch = { start: starts[index]!, end: starts[index + 1]! - 1 };
    if (owner === '') append(unassigned, stretch);
    else if (owner === null) append(disputed, stretch);
    else append(slotsBy.get(owner) ?? slotsBy.set(owner, []).get(owner)!, stretch);
  }
  return { slotsBy, unassigned, disputed };
}

/** Whom a node sees as the owner of each stretch; empty for nobody. */
function ownersAt(report: NodeReport, starts: readonly number[]): string[] {
  const indexOf = new Map(starts.map((start, index) => [start, index]));
  const owners = new Array<string>(starts.length).fill('');
  for (const entry of report.table)
    for (const range of entry.slots) owners.fill(entry.nodeId, indexOf.get(range.start), indexOf.get(range.end + 1));
  return owners;
}

function append(ranges: SlotRange[], stretch: SlotRange): void {
  const last = ranges.at(-1);
  if (last !== undefined && last.end + 1 === stretch.start)
    ranges[ranges.length - 1] = { start: last.start, end: stretch.end };
  else ranges.push(stretch);
}

/** What more than half of the opinions name, or null. (Boyer and Moore's vote, then a count.) No opinions: nobody. */
function majorityOf(opinions: readonly string[]): string | null {
  let candidate = '';
  let lead = 0;
  for (const owner of opinions) {
    if (lead === 0) candidate = owner;
    lead += owner === candidate ? 1 : -1;
  }
  return opinions.filter((owner) => owner === candidate).length * 2 > opinions.length || opinions.length === 0
    ? candidate
    : null;
}

function mostly(entries: readonly TableEntry[], holds: (entry: TableEntry) => boolean): boolean {
  return entries.filter(holds).length * 2 > entries.length;
}

function mostCommon(values: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0]?.[0] ?? '';
}
