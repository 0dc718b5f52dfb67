import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CAPTURED_NAMES, captured } from './bus-codec.fixtures.ts';
import {
  AUTH_ACK,
  BadPacket,
  type BusHeader,
  type BusMessage,
  decode,
  encodeBare,
  encodeFail,
  encodeModule,
  encodePing,
  encodePublish,
  encodeUpdate,
  HEADER_BYTES,
  MEET,
  MFSTART,
  PING,
  PONG,
  PUBLISH,
  PUBLISHSHARD,
  packetLength,
} from './bus-codec.ts';
import { NOFAILOVER, OWN_ABILITIES, PFAIL, PRIMARY, REPLICA } from './node-flags.ts';

function encode(message: BusMessage): Uint8Array {
  switch (message.kind) {
    case 'ping':
      return encodePing(message.type, message.header, message.gossip, message.extensions);
    case 'fail':
      return encodeFail(message.header, message.failing);
    case 'publish':
      return encodePublish(message.type, message.header, message.channel, message.message);
    case 'bare':
      return encodeBare(message.type, message.header);
    case 'update':
      return encodeUpdate(message.header, message.about, message.configEpoch, message.slots);
    case 'module':
      return encodeModule(message.header, message.moduleId, message.moduleType, message.payload);
  }
}

function pingOf(name: Parameters<typeof captured>[0]): Extract<BusMessage, { kind: 'ping' }> {
  const message = decode(captured(name));
  if (message.kind !== 'ping') throw new Error(`${name} is a ${message.kind}`);
  return message;
}

describe('what real nodes sent', () => {
  test.each(CAPTURED_NAMES)('%s decodes and encodes back to the same bytes', (name) => {
    const packet = captured(name);
    expect(encode(decode(packet))).toEqual(packet);
  });

  test('a ping tells its sender, its slots and its extensions', () => {
    const { type, header, gossip, extensions } = pingOf('pingClient');
    expect(type).toBe(PING);
    expect(header).toMatchObject({
      port: 17600,
      busPort: 17620,
      tlsPort: 0,
      replicaOf: '',
      ip: '',
      extensionData: true,
      forceAck: false,
    });
    expect(header.flags & (PRIMARY | REPLICA)).toBe(PRIMARY);
    expect(header.flags & OWN_ABILITIES).toBe(OWN_ABILITIES);
    expect(header.slots.subarray(0, 625)).toEqual(new Uint8Array(625).fill(255));
    expect(header.slots.subarray(625)).toEqual(new Uint8Array(2048 - 625));
    expect(extensions).toMatchObject({
      hostname: 'node-0.example',
      humanNodename: 'human-0',
      availabilityZone: 'zone-0',
      clientIpv4: '10.1.2.3',
      clientIpv6: '',
      clientPort: 7001,
    });
    expect(extensions.shardId).toMatch(/^[0-9a-f]{40}$/);
    expect(gossip.map((entry) => entry.ip)).toEqual(gossip.map(() => '127.0.0.1'));
    for (const entry of gossip) expect(entry.busPort).toBe(entry.port + 20);
  });

  test('a replica sends its primary and the slots of its primary', () => {
    const { header } = pingOf('pingReplica');
    expect(header.replicaOf).toMatch(/^[0-9a-f]{40}$/);
    expect(header.flags & (PRIMARY | REPLICA)).toBe(REPLICA);
    expect(header.slots[0]).toBe(255);
  });

  test('a primary that is paused for a manual failover says so', () => {
    expect(pingOf('pingPaused').header.paused).toBe(true);
  });

  test('a node that does not answer is gossiped as possibly failing', () => {
    expect(pingOf('pingPfail').gossip.some((entry) => (entry.flags & PFAIL) !== 0)).toBe(true);
  });

  test('a forgotten node travels with the time for which it stays forgotten', () => {
    const [forgotten] = pingOf('pingForgotten').extensions.forgotten;
    expect(forgotten!.name).toMatch(/^[0-9a-f]{40}$/);
    expect(forgotten!.ttlSeconds).toBeGreaterThan(30);
    expect(forgotten!.ttlSeconds).toBeLessThanOrEqual(60);
  });

  test('a published message comes in the light form between nodes that know it', () => {
    const message = decode(captured('publishLight'));
    expect(message).toMatchObject({ kind: 'publish', type: PUBLISH, header: null });
    if (message.kind !== 'publish') return;
    expect(Buffer.from(message.channel).toString()).toBe('chan');
    expect(Buffer.from(message.message).toString()).toBe('hello');
  });
});

describe('bounds', () => {
  const refused = (change: (packet: Uint8Array) => unknown, reason: RegExp): void => {
    const packet = captured('pingClient');
    const changed = change(packet);
    const sent = changed instanceof Uint8Array ? changed : packet;
    expect(() => decode(sent)).toThrow(BadPacket);
    expect(() => decode(sent)).toThrow(reason);
  };

  test('the length of a packet is known from its first sixteen bytes', () => {
    const packet = captured('pingClient');
    expect(packetLength(packet, 0, 15)).toBe(0);
    expect(packetLength(packet, 0, 16)).toBe(packet.length);
  });

  test('another signature is refused', () => refused((packet) => void (packet[0] = 0x72), /not "RCmb"/));
  test('another version is refused', () => refused((packet) => void (packet[9] = 2), /version 2/));
  test('an unknown type is refused', () => refused((packet) => void (packet[13] = 11), /unknown message type 11/));
  test('a length below the header is refused', () =>
    refused((packet) => void packet.set([0, 0, 0, 200], 4), /below the header/));
  test('a length beyond the limit is refused', () =>
    refused((packet) => void packet.set([255, 255, 255, 255], 4), /above the limit/));
  test('a packet cut short is refused', () =>
    refused((packet) => packet.subarray(0, packet.length - 1), /says .* bytes and has/));
  test('more gossip than bytes is refused', () =>
    refused((packet) => void (packet[14] = 255), /gossip entries do not fit/));
  test('more extensions than bytes are refused', () =>
    refused((packet) => void (packet[2215] = 200), /extension \d+ of 200 does not fit/));
  test('a sender with an impossible name is refused', () =>
    refused((packet) => void (packet[40] = 0x41), /the sender has a name/));
  test('an epoch beyond 2^53 is refused', () => refused((packet) => void (packet[16] = 1), /current epoch is 2\^53/));
  test('a line break in a hostname is refused', () => {
    const at = Buffer.from(captured('pingClient')).indexOf('node-0.example');
    refused((packet) => void (packet[at + 3] = 10), /holds the byte 10/);
  });
  test('a light ping is refused', () => refused((packet) => void (packet[12] = 0x80), /cannot have the light header/));

  test('random changes and cuts of real packets decode or are refused, and nothing else happens', () => {
    const packets = CAPTURED_NAMES.map(captured);
    fc.assert(
      fc.property(
        fc.nat(packets.length - 1),
        fc.array(fc.tuple(fc.nat(HEADER_BYTES + 600), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
        fc.option(fc.nat(3000)),
        (which, changes, cut) => {
          let packet = packets[which]!.slice();
          for (const [at, value] of changes) packet[at % packet.length] = value;
          if (cut !== null) packet = packet.subarray(0, cut);
          if (packet.length >= 16 && cut !== null) new DataView(packet.buffer).setUint32(4, packet.length);
          try {
            decode(packet);
          } catch (error) {
            if (!(error instanceof BadPacket)) throw error;
          }
        },
      ),
      { numRuns: 5000 },
    );
  });

  test('random bytes are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4000 }), (bytes) => {
        expect(() => decode(bytes)).toThrow(BadPacket);
      }),
      { numRuns: 300 },
    );
  });
});

describe('any message comes back as it was', () => {
  const name = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 40, maxLength: 40 });
  const text = fc.string({ unit: fc.constantFrom(...'abcXYZ019.-_:'), maxLength: 45 });
  const u16 = fc.integer({ min: 0, max: 65535 });
  const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  const epoch = fc.maxSafeNat();
  const slots = fc.uint8Array({ minLength: 2048, maxLength: 2048 });
  const header: fc.Arbitrary<BusHeader> = fc.record({
    port: u16,
    tlsPort: u16,
    busPort: u16,
    currentEpoch: epoch,
    configEpoch: epoch,
    offset: epoch,
    sender: name,
    slots,
    replicaOf: fc.oneof(fc.constant(''), name),
    ip: text,
    flags: u16,
    state: fc.constantFrom(0, 1),
    paused: fc.boolean(),
    forceAck: fc.boolean(),
    extensionData: fc.constant(true),
  });
  const bytes = fc.uint8Array({ maxLength: 300 });
  const light = fc.option(header, { nil: null });
  const message: fc.Arbitrary<BusMessage> = fc.oneof(
    fc.record({
      kind: fc.constant('ping' as const),
      type: fc.constantFrom(PING, PONG, MEET) as fc.Arbitrary<0 | 1 | 2>,
      header,
      gossip: fc.array(
        fc.record({
          name,
          pingSentSeconds: u32,
          pongReceivedSeconds: u32,
          ip: text,
          port: u16,
          tlsPort: u16,
          busPort: u16,
          flags: u16,
        }),
        { maxLength: 12 },
      ),
      extensions: fc.record({
        hostname: text,
        humanNodename: text,
        clientIpv4: text,
        clientIpv6: text,
        clientPort: u16,
        clientTlsPort: u16,
        availabilityZone: text,
        forgotten: fc.array(fc.record({ name, ttlSeconds: epoch }), { maxLength: 4 }),
        shardId: fc.oneof(fc.constant(''), name),
      }),
    }),
    fc.record({ kind: fc.constant('fail' as const), type: fc.constant(3 as const), header, failing: name }),
    fc.record({
      kind: fc.constant('bare' as const),
      type: fc.constantFrom(AUTH_ACK, MFSTART) as fc.Arbitrary<6 | 8>,
      header,
    }),
    fc.record({
      kind: fc.constant('update' as const),
      type: fc.constant(7 as const),
      header,
      about: name,
      configEpoch: epoch,
      slots,
    }),
    fc.record({
      kind: fc.constant('publish' as const),
      type: fc.constantFrom(PUBLISH, PUBLISHSHARD) as fc.Arbitrary<4 | 10>,
      header: light,
      channel: bytes,
      message: bytes,
    }),
    fc.record({
      kind: fc.constant('module' as const),
      type: fc.constant(9 as const),
      header: light,
      moduleId: fc.uint8Array({ minLength: 8, maxLength: 8 }),
      moduleType: fc.nat(255),
      payload: bytes,
    }),
  );

  test('decode undoes encode', () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(decode(encode(sent))).toEqual(sent);
      }),
      { numRuns: 200 },
    );
  });

  test('flags that no header carries yet pass through', () => {
    const packet = captured('pingClient');
    packet[2251]! |= NOFAILOVER & 255;
    expect(encode(decode(packet))).toEqual(packet);
  });
});
