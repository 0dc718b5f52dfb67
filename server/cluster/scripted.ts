/**
 * A cluster state whose surroundings are scripted, for the tests of this room: what it asks for is recorded.
 */
import { Cluster } from './cluster.ts';
import { PRIMARY, REPLICA } from './node-flags.ts';
import type { ClusterNode } from './node-table.ts';
import { type ClusterSettings, defaultSettings } from './settings.ts';
import type { ClusterParts } from './state.ts';

export interface Scripted {
  readonly cluster: Cluster;
  readonly settings: ClusterSettings;
  /** `name(arguments)` of each effect, in order; packets to links as `send(link)`. */
  readonly effects: string[];
  readonly packets: { readonly link: number; readonly packet: Uint8Array }[];
  readonly keys: Map<number, number>;
  /** nodes.conf as last saved. */
  saved: string;
  /** False: saves stay unfinished until `finishSaves`. */
  savesAtOnce: boolean;
  finishSaves(): void;
  offset: number;
  /** Adds a known node. */
  know(name: string, options?: { replicaOf?: ClusterNode; slots?: readonly [from: number, to: number] }): ClusterNode;
}

export const START_MS = 1_700_000_000_000;

/** `letter` forty times. */
export function nameOf(letter: string): string {
  return letter.repeat(40);
}

export function scripted(nodesConf = ''): Scripted {
  const effects: string[] = [];
  const packets: { link: number; packet: Uint8Array }[] = [];
  const keys = new Map<number, number>();
  const settings = { ...defaultSettings(6379), nodeTimeoutMs: 1000 };
  const pending: number[] = [];
  let nextLink = 1;
  let chance = 1;
  const record =
    (name: string) =>
    (...given: readonly unknown[]): void => {
      effects.push(`${name}(${given.join(',')})`);
    };
  const parts: ClusterParts = {
    settings,
    random: { uint32: () => Math.imul(chance++, 2654435761) >>> 0 },
    replication: { offset: () => made.offset, hasPrimary: () => true, dataAgeMs: () => 0 },
    keyspace: { keysInSlot: (slot) => keys.get(slot) ?? 0, isEmpty: () => keys.size === 0 },
    effects: {
      connect: (host, port) => {
        record('connect')(host, port);
        return nextLink++;
      },
      send: (link, packet) => packets.push({ link, packet }),
      closeLink: record('closeLink'),
      queuedBytes: () => 0,
      saveConfig: (sequence, text) => {
        made.saved = text;
        pending.push(sequence);
        if (made.savesAtOnce) made.finishSaves();
      },
      tickAfterSockets: record('tickAfterSockets'),
      runSoon: record('runSoon'),
      becomeReplicaOf: record('becomeReplicaOf'),
      becomePrimary: record('becomePrimary'),
      pauseWrites: record('pauseWrites'),
      resumeWrites: record('resumeWrites'),
      flushSlotKeys: (slot) => {
        record('flushSlotKeys')(slot);
        keys.delete(slot);
      },
      flushAllKeys: record('flushAllKeys'),
      dropShardChannels: () => {},
      publish: record('publish'),
      log: () => {},
    },
  };
  const cluster = new Cluster(parts, START_MS, nodesConf);
  const made: Scripted = {
    cluster,
    settings,
    effects,
    packets,
    keys,
    saved: '',
    savesAtOnce: true,
    finishSaves: () => {
      for (const sequence of pending.splice(0)) cluster.onConfigSaved(cluster.state.nowMs, sequence);
    },
    offset: 0,
    know: (name, options = {}) => {
      const { state } = cluster;
      const node = state.newNode(name, options.replicaOf === undefined ? PRIMARY : REPLICA);
      node.ip = '10.0.0.9';
      node.port = 6379;
      node.busPort = 16379;
      state.nodes.add(node);
      state.nodes.addToShard(node);
      if (options.replicaOf !== undefined) {
        node.replicaOf = options.replicaOf;
        state.nodes.addReplica(options.replicaOf, node);
        state.nodes.setShard(node, options.replicaOf.shardId);
      }
      for (let slot = options.slots?.[0] ?? 0; slot <= (options.slots?.[1] ?? -1); slot++) state.moveSlot(slot, node);
      return node;
    },
  };
  return made;
}

/** The node is started, and long enough ago for all delays to be over. */
export function started(options: { slots?: readonly [from: number, to: number] } = {}): Scripted {
  const made = scripted();
  made.cluster.start(START_MS, { loaded: false, offset: 0 });
  const { state } = made.cluster;
  for (let slot = options.slots?.[0] ?? 0; slot <= (options.slots?.[1] ?? -1); slot++)
    state.moveSlot(slot, state.myself);
  return made;
}
