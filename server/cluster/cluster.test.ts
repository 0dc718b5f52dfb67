import { describe, expect, test } from 'vitest';
import {
  AUTH_ACK,
  AUTH_REQUEST,
  type BusHeader,
  decode,
  encodeBare,
  encodePing,
  NO_EXTENSIONS,
  PING,
  PONG,
} from './bus-codec.ts';
import { FAIL, OWN_ABILITIES, PFAIL, REPLICA } from './node-flags.ts';
import type { ClusterNode } from './node-table.ts';
import { nameOf, type Scripted, START_MS, started } from './scripted.ts';

/** A header as `node` would send it. */
function headerOf(node: ClusterNode, changes: Partial<BusHeader> = {}): BusHeader {
  return {
    port: node.port,
    tlsPort: 0,
    busPort: node.busPort,
    currentEpoch: 1,
    configEpoch: node.shardEpoch,
    offset: 0,
    sender: node.name,
    slots: node.shardPrimary.slots,
    replicaOf: node.replicaOf?.name ?? '',
    ip: node.ip,
    flags: node.flags | OWN_ABILITIES,
    state: 0,
    paused: false,
    forceAck: false,
    extensionData: true,
    ...changes,
  };
}

const INBOUND = 900;

function receive(made: Scripted, packet: Uint8Array, atMs = START_MS + 3000): void {
  made.cluster.onLinkAccepted(atMs, INBOUND, '10.0.0.9', '10.0.0.1');
  made.cluster.onPacket(atMs, INBOUND, packet);
}

/** We own slots 0-99; `primary` owns 100-199 and has a replica. All are connected and the waits are over. */
function threeNodes(): Scripted & { primary: ClusterNode; replica: ClusterNode } {
  const made = started({ slots: [0, 99] });
  const primary = made.know(nameOf('b'), { slots: [100, 199] });
  const replica = made.know(nameOf('c'), { replicaOf: primary });
  for (let atMs = START_MS; atMs <= START_MS + 3000; atMs += 100) made.cluster.tick(atMs);
  for (const node of [primary, replica]) {
    made.cluster.onLinkUp(START_MS + 3000, node.link!.id, node.ip, '10.0.0.1');
    made.cluster.onPacket(START_MS + 3000, node.link!.id, encodePing(PONG, headerOf(node), [], NO_EXTENSIONS));
  }
  made.packets.length = 0;
  return Object.assign(made, { primary, replica });
}

describe('a vote', () => {
  test('leaves only when it is on disk', () => {
    const made = threeNodes();
    made.primary.flags |= FAIL;
    made.savesAtOnce = false;
    receive(made, encodeBare(AUTH_REQUEST, headerOf(made.replica, { currentEpoch: 5 })));
    expect(made.packets).toEqual([]);
    expect(made.saved).toContain('lastVoteEpoch 5');
    expect(made.cluster.isSaved).toBe(false);
    made.finishSaves();
    const [vote] = made.packets;
    expect(vote!.link).toBe(made.replica.link!.id);
    expect(decode(vote!.packet)).toMatchObject({ type: AUTH_ACK, header: { currentEpoch: 5 } });
  });

  test('is given once an epoch', () => {
    const made = threeNodes();
    made.primary.flags |= FAIL;
    receive(made, encodeBare(AUTH_REQUEST, headerOf(made.replica, { currentEpoch: 5 })));
    made.cluster.onPacket(
      START_MS + 3001,
      INBOUND,
      encodeBare(AUTH_REQUEST, headerOf(made.replica, { currentEpoch: 5 })),
    );
    expect(made.packets.filter(({ packet }) => decode(packet).type === AUTH_ACK).length).toBe(1);
  });

  test('is refused while the primary is up, unless the request is forced', () => {
    const made = threeNodes();
    receive(made, encodeBare(AUTH_REQUEST, headerOf(made.replica, { currentEpoch: 5 })));
    expect(made.packets).toEqual([]);
    made.cluster.onPacket(
      START_MS + 3001,
      INBOUND,
      encodeBare(AUTH_REQUEST, headerOf(made.replica, { currentEpoch: 6, forceAck: true })),
    );
    expect(made.packets.map(({ packet }) => decode(packet).type)).toEqual([AUTH_ACK]);
  });

  test('is refused to a claim that is older than the slots it names, with an UPDATE', () => {
    const made = threeNodes();
    made.primary.flags |= FAIL;
    made.primary.configEpoch = 9;
    receive(made, encodeBare(AUTH_REQUEST, headerOf(made.replica, { currentEpoch: 10, configEpoch: 8 })));
    expect(decode(made.packets[0]!.packet)).toMatchObject({ kind: 'update', about: made.primary.name, configEpoch: 9 });
  });
});

describe('the stall rule', () => {
  test('after a stall nobody is judged before the sockets were read', () => {
    const made = threeNodes();
    const { primary } = made;
    const sentMs = START_MS + 3600;
    for (let atMs = START_MS + 3100; atMs <= sentMs; atMs += 100) made.cluster.tick(atMs);
    expect(primary.pingSentMs).toBe(sentMs);
    // The process stood still for five seconds; the pong has been in the socket all the time.
    made.cluster.tick(sentMs + 5000);
    expect(primary.has(PFAIL)).toBe(false);
    expect(made.effects).toContain('tickAfterSockets()');
    made.cluster.onPacket(sentMs + 5000, primary.link!.id, encodePing(PONG, headerOf(primary), [], NO_EXTENSIONS));
    made.cluster.tick(sentMs + 5000);
    expect(primary.has(PFAIL | FAIL)).toBe(false);
  });

  test('without a stall a silent node is suspected after the node timeout', () => {
    const made = threeNodes();
    for (let atMs = START_MS + 3100; atMs <= START_MS + 4600; atMs += 100) made.cluster.tick(atMs);
    expect(made.primary.has(PFAIL)).toBe(false);
    made.cluster.tick(START_MS + 4700);
    expect(made.primary.has(PFAIL)).toBe(true);
    expect(made.cluster.isOk).toBe(false);
  });
});

describe('claims', () => {
  test('of a newer epoch take slots from us, and their keys are deleted', () => {
    const made = threeNodes();
    made.cluster.myself.configEpoch = 3;
    made.keys.set(7, 2);
    const claimed = made.primary.slots.slice();
    claimed[0]! |= 1 << 7;
    receive(
      made,
      encodePing(PING, headerOf(made.primary, { configEpoch: 4, currentEpoch: 4, slots: claimed }), [], NO_EXTENSIONS),
    );
    expect(made.cluster.state.ownerOf(7)).toBe(made.primary);
    expect(made.effects).not.toContain('flushSlotKeys(7)');
    made.cluster.onSoon(START_MS + 3000);
    expect(made.effects).toContain('flushSlotKeys(7)');
  });

  test('of an older epoch are answered by an UPDATE about the owner', () => {
    const made = threeNodes();
    made.cluster.myself.configEpoch = 5;
    const claimed = made.primary.slots.slice();
    claimed[0]! |= 1 << 7;
    receive(
      made,
      encodePing(PING, headerOf(made.primary, { configEpoch: 4, currentEpoch: 5, slots: claimed }), [], NO_EXTENSIONS),
    );
    expect(made.cluster.state.slots.myselfOwns(7)).toBe(true);
    const updates = made.packets.map(({ packet }) => decode(packet)).filter((message) => message.kind === 'update');
    expect(updates).toMatchObject([{ about: made.cluster.myself.name, configEpoch: 5 }]);
  });

  test('to our last slot by a node of our own shard make us its replica', () => {
    const made = started({ slots: [0, 0] });
    const replica = made.know(nameOf('d'), { replicaOf: made.cluster.myself });
    for (let atMs = START_MS; atMs <= START_MS + 3000; atMs += 100) made.cluster.tick(atMs);
    const slots = new Uint8Array(2048);
    slots[0] = 1;
    receive(
      made,
      encodePing(PING, headerOf(replica, { configEpoch: 7, currentEpoch: 7, replicaOf: '', slots }), [], {
        ...NO_EXTENSIONS,
        shardId: replica.shardId,
      }),
    );
    expect(made.cluster.myself.has(REPLICA)).toBe(true);
    expect(made.cluster.myself.replicaOf).toBe(replica);
    expect(made.effects).toContain('becomeReplicaOf(10.0.0.9,6379,false)');
  });

  test('with our own epoch make the node with the smaller name take a new one', () => {
    const made = threeNodes();
    made.cluster.run(START_MS + 3000, (state) => state.nodes.rename(state.myself, nameOf('a')));
    made.cluster.myself.configEpoch = 2;
    receive(made, encodePing(PING, headerOf(made.primary, { configEpoch: 2, currentEpoch: 4 }), [], NO_EXTENSIONS));
    expect(made.cluster.myself.configEpoch).toBe(5);
  });
});

test('a bad packet closes its link and nothing else', () => {
  const made = threeNodes();
  const packet = encodePing(PING, headerOf(made.primary), [], NO_EXTENSIONS);
  packet[40] = 0;
  receive(made, packet);
  expect(made.effects.at(-1)).toBe(`closeLink(${INBOUND})`);
  expect(made.cluster.state.links.has(INBOUND)).toBe(false);
});

test('a peer that answers with another name is not reachable any more', () => {
  const made = threeNodes();
  const stranger = { ...headerOf(made.primary), sender: nameOf('e') };
  made.cluster.onPacket(START_MS + 3001, made.primary.link!.id, encodePing(PONG, stranger, [], NO_EXTENSIONS));
  expect(made.primary).toMatchObject({ ip: '', link: null });
  expect(made.primary.isFailed).toBe(true);
});

test('what is announced follows the settings at run time', () => {
  const made = threeNodes();
  made.settings.announceHostname = 'new.example';
  made.settings.announceBusPort = 20000;
  made.cluster.tick(START_MS + 3100);
  expect(made.saved).toContain('@20000,new.example,');
});

test('packets of a type that DEBUG drops arrive as if they had not been sent', () => {
  const made = threeNodes();
  made.primary.flags |= FAIL;
  const request = encodeBare(AUTH_REQUEST, headerOf(made.replica, { currentEpoch: 5 }));
  for (const dropped of [AUTH_REQUEST, -2]) {
    made.cluster.droppedType = dropped;
    receive(made, request);
  }
  expect(made.packets).toEqual([]);
  made.cluster.droppedType = AUTH_ACK;
  made.cluster.onPacket(START_MS + 3001, INBOUND, request);
  expect(made.packets.length).toBe(1);
});
