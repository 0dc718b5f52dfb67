import { describe, expect, test } from 'vitest';
import { FAIL, MYSELF, PFAIL, PRIMARY, REPLICA } from './node-flags.ts';
import { BadNodesConf, parseNodesConf, printNodesConf } from './nodes-conf.ts';
import { nameOf, scripted, started } from './scripted.ts';

/** Written by valkey-server 9.1.2. */
const VALKEY_CONF = `6e07c235365966643a161e659811bae4971a1f05 127.0.0.1:17602@17622,node-2.example,availability-zone=zone-2,tls-port=0,nodename=human-2,shard-id=9f721eb8fe6500434d104f6a5b4ce96e8fd7dcda master - 0 1795581387511 3 connected 10000-16383
955cca500ac9c88cc9663b8cb8a297b84c0d8f3d 127.0.0.1:17601@17621,node-1.example,availability-zone=zone-1,tls-port=0,nodename=human-1,shard-id=45be1db133e4d1edd28e8bab42e47523a459a7d5 myself,master - 0 0 0 connected 5000-9999
1d976afe167cb03167e328f9b00a28ed12f06412 127.0.0.1:17600@17620,node-0.example,availability-zone=zone-0,client-tcp-port=7001,client-ipv4=10.1.2.3,tls-port=0,nodename=human-0,shard-id=51d3f189167c8ee2127572e122540545d53eddca slave 6e07c235365966643a161e659811bae4971a1f05 1795581387305 1795581386301 5 connected
vars currentEpoch 5 lastVoteEpoch 4
`;

test('a file of Valkey is read with all its fields', () => {
  const saved = parseNodesConf(VALKEY_CONF)!;
  expect(saved).toMatchObject({ currentEpoch: 5, lastVoteEpoch: 4 });
  expect(saved.myself.name).toBe('955cca500ac9c88cc9663b8cb8a297b84c0d8f3d');
  const { cluster } = scripted(VALKEY_CONF);
  const { state } = cluster;
  const zero = state.nodes.find('1d976afe167cb03167e328f9b00a28ed12f06412')!;
  const two = state.nodes.find('6e07c235365966643a161e659811bae4971a1f05')!;
  expect(zero).toMatchObject({
    ip: '127.0.0.1',
    port: 17600,
    busPort: 17620,
    hostname: 'node-0.example',
    humanNodename: 'human-0',
    availabilityZone: 'zone-0',
    clientIpv4: '10.1.2.3',
    clientPort: 7001,
    configEpoch: 0,
  });
  expect(zero.replicaOf).toBe(two);
  expect(zero.shardId).toBe(two.shardId);
  expect(two.slotCount).toBe(6384);
  expect(state.myself.slotCount).toBe(5000);
  expect(state.slots.myselfOwns(5000)).toBe(true);
  expect(state.myself.flags & (MYSELF | PRIMARY)).toBe(MYSELF | PRIMARY);
});

test('what is printed reads back as it was', () => {
  const made = started({ slots: [0, 99] });
  const other = made.know(nameOf('b'), { slots: [200, 16383] });
  made.know(nameOf('c'), { replicaOf: other });
  const { state } = made.cluster;
  other.humanNodename = 'human';
  other.configEpoch = 9;
  state.currentEpoch = 12;
  state.lastVoteEpoch = 11;
  state.slots.setMigrating(5, other);
  state.slots.setImporting(200, other);
  const text = printNodesConf(state);
  const again = scripted(text).cluster.state;
  expect(printNodesConf(again).replaceAll(/ \d+ \d+ (?=\d+ (dis)?connected)/g, ' ')).toBe(
    text.replaceAll(/ \d+ \d+ (?=\d+ (dis)?connected)/g, ' '),
  );
  expect(again.slots.migratingTo(5)!.name).toBe(other.name);
  expect(again.slots.importingFrom(200)!.name).toBe(other.name);
  expect(again.nodes.find(other.name)).toMatchObject({ configEpoch: 9, humanNodename: 'human' });
  expect(again.nodes.find(nameOf('c'))!.flags & REPLICA).toBe(REPLICA);
});

test('verdicts about other nodes are not taken over', () => {
  const { cluster } = scripted(
    VALKEY_CONF.replace('master - 0', 'master,fail - 0').replace('slave 6e', 'slave,fail? 6e'),
  );
  expect(cluster.state.nodes.all().some((node) => node.has(FAIL | PFAIL))).toBe(false);
});

test('an empty file is a new node', () => {
  expect(parseNodesConf('')).toBeNull();
  expect(parseNodesConf('\n\n')).toBeNull();
});

describe('a damaged file is refused with its line', () => {
  const mine = VALKEY_CONF.split('\n')[1]!;
  test.each([
    ['a word that is no address', mine.replace('127.0.0.1:17601@17621', 'here'), /line 1: "here" is no address/],
    ['an unknown flag', mine.replace('myself,master', 'myself,boss'), /line 1: "myself,boss" holds an unknown flag/],
    [
      'a slot that does not exist',
      mine.replace('5000-9999', '5000-16384'),
      /line 1: "5000-16384" is no range of slots/,
    ],
    ['an unknown field', mine.replace('tls-port=0', 'tls-porr=0'), /"tls-porr=0" is no known field/],
    [
      'a node twice',
      `${mine}\n${mine}`,
      /line 2: the node 955cca500ac9c88cc9663b8cb8a297b84c0d8f3d stands there twice/,
    ],
    ['too few words', 'abc def', /line 1: a node has at least 8 words/],
    ['nobody as myself', mine.replace('myself,', ''), /0 nodes have the flag "myself"/],
  ])('%s', (_what, text, reason) => {
    expect(() => parseNodesConf(text)).toThrow(BadNodesConf);
    expect(() => parseNodesConf(text)).toThrow(reason);
  });
});
