/**
 * nodes.conf: what a node remembers of its cluster across restarts. Valkey 9.1 reads what is written here and the reverse.
 *
 * A line per node: `id ip:port@busport[,hostname[,field=value…]] flags primary|- ping pong epoch link slots… [slot->-id] [slot-<-id]`,
 * then `vars currentEpoch N lastVoteEpoch N`. CLUSTER NODES prints the same lines without the fields.
 */
import { BUS_PORT_OFFSET, NAME_LENGTH, SLOTS } from './limits.ts';
import { describeFlags, FAIL, MYSELF, NOADDR, PFAIL, parseFlags, REPLICA } from './node-flags.ts';
import type { ClusterNode } from './node-table.ts';
import { describeRange, rangesOf, type SlotRange } from './slot-map.ts';
import type { ClusterState } from './state.ts';

export class BadNodesConf extends Error {}

export interface SavedNode {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly busPort: number;
  readonly hostname: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly flags: number;
  readonly primary: string;
  readonly hasPing: boolean;
  readonly hasPong: boolean;
  readonly configEpoch: number;
  readonly slots: readonly SlotRange[];
  readonly migrating: readonly { readonly slot: number; readonly to: string }[];
  readonly importing: readonly { readonly slot: number; readonly from: string }[];
}

export interface SavedCluster {
  readonly nodes: readonly SavedNode[];
  readonly myself: SavedNode;
  readonly currentEpoch: number;
  readonly lastVoteEpoch: number;
}

const NAME = /^[a-z0-9]{40}$/;
const FIELDS = [
  'shard-id',
  'nodename',
  'tcp-port',
  'tls-port',
  'client-ipv4',
  'client-ipv6',
  'client-tcp-port',
  'client-tls-port',
  'availability-zone',
] as const;

/** Null for an empty file: a new node. Throws BadNodesConf with the line that is wrong. */
export function parseNodesConf(text: string): SavedCluster | null {
  const nodes: SavedNode[] = [];
  let currentEpoch = 0;
  let lastVoteEpoch = 0;
  if (text.trim() === '') return null;
  for (const [index, line] of text.split('\n').entries()) {
    const words = line.trim().split(/\s+/);
    if (words[0] === '') continue;
    const bad = (what: string): BadNodesConf =>
      new BadNodesConf(
        `nodes.conf line ${index + 1}: ${what}. Restore the file from a copy, or remove it to start as a new node`,
      );
    if (words[0]!.toLowerCase() === 'vars') {
      for (let i = 1; i + 1 < words.length; i += 2) {
        const value = parseEpoch(words[i + 1]!);
        if (value === null) throw bad(`"${words[i + 1]}" is no epoch`);
        if (words[i]!.toLowerCase() === 'currentepoch') currentEpoch = value;
        else if (words[i]!.toLowerCase() === 'lastvoteepoch') lastVoteEpoch = value;
      }
      continue;
    }
    const node = parseNode(words, bad);
    if (nodes.some(({ name }) => name === node.name)) throw bad(`the node ${node.name} stands there twice`);
    nodes.push(node);
  }
  const own = nodes.filter((node) => (node.flags & MYSELF) !== 0);
  if (own.length !== 1)
    throw new BadNodesConf(
      `nodes.conf: ${own.length} nodes have the flag "myself", one must. Restore the file from a copy, or remove it to start as a new node`,
    );
  const greatest = Math.max(currentEpoch, ...nodes.map((node) => node.configEpoch));
  return { nodes, myself: own[0]!, currentEpoch: greatest, lastVoteEpoch };
}

function parseNode(words: readonly string[], bad: (what: string) => BadNodesConf): SavedNode {
  if (words.length < 8) throw bad(`a node has at least 8 words, this line has ${words.length}`);
  const name = words[0]!;
  if (!NAME.test(name)) throw bad(`"${name}" is no node id`);
  const [address, hostname = '', ...rest] = words[1]!.split(',');
  const parts = /^(.*):(\d+)(?:@(\d+))?$/.exec(address!);
  if (parts === null) throw bad(`"${address}" is no address`);
  const port = Number(parts[2]);
  const fields = new Map<string, string>();
  for (const field of rest) {
    const [key, value, ...more] = field.split('=');
    if (value === undefined || more.length > 0 || !(FIELDS as readonly string[]).includes(key!))
      throw bad(`"${field}" is no known field`);
    fields.set(key!, value);
  }
  const shard = fields.get('shard-id');
  if (shard !== undefined && !NAME.test(shard)) throw bad(`"${shard}" is no shard id`);
  const flags = parseFlags(words[2]!);
  if (flags === null) throw bad(`"${words[2]}" holds an unknown flag`);
  const primary = words[3]!.startsWith('-') ? '' : words[3]!;
  if (primary !== '' && !NAME.test(primary)) throw bad(`"${primary}" is no node id`);
  const configEpoch = parseEpoch(words[6]!);
  if (configEpoch === null) throw bad(`"${words[6]}" is no epoch`);

  const slots: SlotRange[] = [];
  const migrating: { slot: number; to: string }[] = [];
  const importing: { slot: number; from: string }[] = [];
  for (const word of words.slice(8)) {
    const open = /^\[(\d+)-([<>])-([a-z0-9]+)\]$/.exec(word);
    if (open !== null) {
      const slot = Number(open[1]);
      if (slot >= SLOTS || open[3]!.length !== NAME_LENGTH) throw bad(`"${word}" is no open slot`);
      if (open[2] === '>') migrating.push({ slot, to: open[3]! });
      else importing.push({ slot, from: open[3]! });
      continue;
    }
    const range = /^(\d+)(?:-(\d+))?$/.exec(word);
    const start = Number(range?.[1]);
    const end = Number(range?.[2] ?? range?.[1]);
    if (range === null || start >= SLOTS || end >= SLOTS || start > end) throw bad(`"${word}" is no range of slots`);
    slots.push({ start, end });
  }
  return {
    name,
    ip: parts[1]!,
    port,
    busPort: parts[3] === undefined ? port + BUS_PORT_OFFSET : Number(parts[3]),
    hostname,
    fields,
    flags,
    primary,
    hasPing: Number(words[4]) > 0,
    hasPong: Number(words[5]) > 0,
    configEpoch: (flags & REPLICA) !== 0 && primary !== '' ? 0 : configEpoch,
    slots,
    migrating,
    importing,
  };
}

function parseEpoch(text: string): number | null {
  const value = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(value) ? value : null;
}

/** Fills a fresh state, whose own name and shard are the file's, with what was saved. */
export function restore(state: ClusterState, saved: SavedCluster): void {
  const { nodes, slots, nowMs } = state;
  const find = (name: string): ClusterNode => {
    const known = nodes.find(name);
    if (known !== null) return known;
    const added = state.newNode(name, 0);
    nodes.add(added);
    return added;
  };
  for (const entry of saved.nodes) {
    const node = find(entry.name);
    // Who failed while this node was away, or before, it has to find out anew: an old verdict would start an election.
    node.flags |= entry.flags & ~(FAIL | PFAIL);
    if (entry.flags & NOADDR) node.flags |= FAIL;
    if (node.isFailed) node.failedMs = nowMs;
    if (node.isReplica && node.isMyself) state.setReplicaRole(node);
    node.ip = entry.ip;
    node.port = entry.port;
    node.busPort = entry.busPort;
    node.hostname = entry.hostname;
    node.humanNodename = entry.fields.get('nodename') ?? '';
    node.availabilityZone = entry.fields.get('availability-zone') ?? '';
    node.clientIpv4 = entry.fields.get('client-ipv4') ?? '';
    node.clientIpv6 = entry.fields.get('client-ipv6') ?? '';
    node.clientPort = Number(entry.fields.get('client-tcp-port') ?? 0);
    node.clientTlsPort = Number(entry.fields.get('client-tls-port') ?? 0);
    node.tlsPort = Number(entry.fields.get('tls-port') ?? 0);
    if (entry.fields.has('tcp-port')) node.port = Number(entry.fields.get('tcp-port'));
    node.pingSentMs = entry.hasPing ? nowMs : 0;
    node.pongReceivedMs = entry.hasPong ? nowMs : 0;
    node.configEpoch = entry.configEpoch;
    nodes.setShard(node, entry.fields.get('shard-id') ?? node.shardId);
  }
  // Replicas after all nodes have their shards: a replica is in its primary's.
  for (const entry of saved.nodes) {
    const node = find(entry.name);
    if (entry.primary !== '') {
      const primary = find(entry.primary);
      node.replicaOf = primary;
      nodes.addReplica(primary, node);
      if (node.shardId !== primary.shardId) nodes.setShard(node, primary.shardId);
    }
    for (const { start, end } of entry.slots) for (let slot = start; slot <= end; slot++) state.moveSlot(slot, node);
    for (const { slot, to } of entry.migrating) slots.setMigrating(slot, find(to));
    for (const { slot, from } of entry.importing) slots.setImporting(slot, find(from));
  }
  state.currentEpoch = saved.currentEpoch;
  state.lastVoteEpoch = saved.lastVoteEpoch;
}

export function printNodesConf(state: ClusterState): string {
  const lines = state.nodes
    .all()
    .filter((node) => !node.inHandshake)
    .map((node) => `${describeNode(state, node, `${addressOf(node)},${node.hostname}${fieldsOf(node)}`)}\n`);
  return `${lines.join('')}vars currentEpoch ${state.currentEpoch} lastVoteEpoch ${state.lastVoteEpoch}\n`;
}

function addressOf(node: ClusterNode): string {
  return `${node.ip}:${node.port}@${node.busPort}`;
}

/** In Valkey's order. */
function fieldsOf(node: ClusterNode): string {
  const fields: (readonly [string, string | number])[] = [
    ['availability-zone', node.availabilityZone],
    ['client-tls-port', node.clientTlsPort],
    ['client-tcp-port', node.clientPort],
    ['client-ipv6', node.clientIpv6],
    ['client-ipv4', node.clientIpv4],
  ];
  const present = fields.filter(([, value]) => value !== '' && value !== 0).map(([key, value]) => `,${key}=${value}`);
  const name = node.humanNodename === '' ? '' : `,nodename=${node.humanNodename}`;
  return `${present.join('')},tls-port=${node.tlsPort}${name},shard-id=${node.shardId}`;
}

/** One line of CLUSTER NODES; `address` is its second word, which depends on who asks. */
export function describeNode(state: ClusterState, node: ClusterNode, address: string): string {
  const link = node.isMyself || node.link !== null ? 'connected' : 'disconnected';
  const words = [
    node.name,
    address,
    describeFlags(node.flags),
    node.replicaOf === null ? '-' : node.replicaOf.name,
    node.pingSentMs,
    node.pongReceivedMs,
    node.shardEpoch,
    link,
    ...rangesOf(node.slots).map(describeRange),
  ];
  if (node.isMyself) {
    for (const slot of state.slots.openSlots()) {
      const target = state.slots.migratingTo(slot);
      if (target !== null) words.push(`[${slot}->-${target.name}]`);
      else words.push(`[${slot}-<-${state.slots.importingFrom(slot)!.name}]`);
    }
  }
  return words.join(' ');
}
