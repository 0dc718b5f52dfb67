/**
 * The binary messages of the cluster bus: one packet in, one decoded message out, and back.
 *
 * Layout (big-endian; Valkey 9.1 cluster bus, version 1). Full header, 2256 bytes:
 *   "RCmb" | total length u32 @4 | version u16 @8 | port u16 @10 | type u16 @12 | gossip count u16 @14
 *   current epoch u64 @16 | config epoch u64 @24 | replication offset u64 @32 | sender[40] @40 | slots[2048] @80
 *   primary of the sender[40] @2128 | ip[46] @2168 | extension count u16 @2214 | TLS port u16 @2246 | bus port u16 @2248
 *   node flags u16 @2250 | cluster state u8 @2252 | message flags[3] @2253 | data @2256
 * Light header, 16 bytes, for PUBLISH, PUBLISHSHARD and MODULE: type has bit 0x8000, data @16.
 * PING, PONG and MEET carry gossip entries of 104 bytes, then extensions (length u32, type u16, pad u16, data), 8-aligned.
 *
 * A packet is decoded whole or refused with a BadPacket; nothing outside its bounds is read.
 * Epochs and offsets are numbers: a value of 2^53 or more is refused.
 */
import { MAX_PACKET_BYTES, NAME_LENGTH, SLOT_BITMAP_BYTES } from './limits.ts';

export const PING = 0;
export const PONG = 1;
export const MEET = 2;
export const FAIL_MESSAGE = 3;
export const PUBLISH = 4;
export const AUTH_REQUEST = 5;
export const AUTH_ACK = 6;
export const UPDATE = 7;
export const MFSTART = 8;
export const MODULE = 9;
export const PUBLISHSHARD = 10;
export const MESSAGE_TYPES = 11;

/** By type, as CLUSTER INFO names them. */
export const TYPE_NAMES = [
  'ping',
  'pong',
  'meet',
  'fail',
  'publish',
  'auth-req',
  'auth-ack',
  'update',
  'mfstart',
  'module',
  'publishshard',
] as const;

export const HEADER_BYTES = 2256;
export const LIGHT_HEADER_BYTES = 16;
/** So many bytes tell a packet's length. */
export const PREFIX_BYTES = 16;

const SIGNATURE = 0x52436d62; // "RCmb"
const VERSION = 1;
const LIGHT_BIT = 0x8000;
const GOSSIP_BYTES = 104;
const IP_BYTES = 46;
const EXTENSION_HEADER_BYTES = 8;

const FLAG_PAUSED = 1 << 0;
const FLAG_FORCE_ACK = 1 << 1;
const FLAG_EXTENSION_DATA = 1 << 2;

const EXT_HOSTNAME = 0;
const EXT_HUMAN_NODENAME = 1;
const EXT_FORGOTTEN_NODE = 2;
const EXT_SHARD_ID = 3;
const EXT_CLIENT_IPV4 = 4;
const EXT_CLIENT_IPV6 = 5;
const EXT_CLIENT_PORT = 6;
const EXT_CLIENT_TLS_PORT = 7;
const EXT_AVAILABILITY_ZONE = 8;

const TWO_32 = 2 ** 32;

/** With all up to the comma, what may stand in no address and no name: it separates fields in nodes.conf (Valkey). */
export const FORBIDDEN_IN_TEXT = ';<=>?@[]^{|}~\\';

/** Why a packet was refused. Its link is closed: what follows on it cannot be trusted. */
export class BadPacket extends Error {}

export interface BusHeader {
  readonly port: number;
  readonly tlsPort: number;
  readonly busPort: number;
  readonly currentEpoch: number;
  /** The sender's own, or of its primary if it is a replica. */
  readonly configEpoch: number;
  readonly offset: number;
  readonly sender: string;
  /** 2048 bytes, a bit per slot: of the sender or its primary. */
  readonly slots: Uint8Array;
  /** Name of the sender's primary; empty for a primary. */
  readonly replicaOf: string;
  /** The announced address; empty: use the socket's. */
  readonly ip: string;
  readonly flags: number;
  /** 0 ok, 1 fail. */
  readonly state: number;
  readonly paused: boolean;
  readonly forceAck: boolean;
  /** The sender understands extensions. */
  readonly extensionData: boolean;
}

export interface GossipEntry {
  readonly name: string;
  readonly pingSentSeconds: number;
  readonly pongReceivedSeconds: number;
  readonly ip: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly busPort: number;
  readonly flags: number;
}

export interface PingExtensions {
  readonly hostname: string;
  readonly humanNodename: string;
  readonly clientIpv4: string;
  readonly clientIpv6: string;
  readonly clientPort: number;
  readonly clientTlsPort: number;
  readonly availabilityZone: string;
  readonly forgotten: readonly ForgottenNode[];
  /** Empty: the sender knows no shards. */
  readonly shardId: string;
}

export interface ForgottenNode {
  readonly name: string;
  readonly ttlSeconds: number;
}

export type BusMessage =
  | {
      readonly kind: 'ping';
      readonly type: 0 | 1 | 2;
      readonly header: BusHeader;
      readonly gossip: readonly GossipEntry[];
      readonly extensions: PingExtensions;
    }
  | { readonly kind: 'fail'; readonly type: 3; readonly header: BusHeader; readonly failing: string }
  | {
      readonly kind: 'publish';
      readonly type: 4 | 10;
      readonly header: BusHeader | null;
      readonly channel: Uint8Array;
      readonly message: Uint8Array;
    }
  | { readonly kind: 'bare'; readonly type: 5 | 6 | 8; readonly header: BusHeader }
  | {
      readonly kind: 'update';
      readonly type: 7;
      readonly header: BusHeader;
      readonly about: string;
      readonly configEpoch: number;
      readonly slots: Uint8Array;
    }
  | {
      readonly kind: 'module';
      readonly type: 9;
      readonly header: BusHeader | null;
      readonly moduleId: Uint8Array;
      readonly moduleType: number;
      readonly payload: Uint8Array;
    };

export const NO_EXTENSIONS: PingExtensions = {
  hostname: '',
  humanNodename: '',
  clientIpv4: '',
  clientIpv6: '',
  clientPort: 0,
  clientTlsPort: 0,
  availabilityZone: '',
  forgotten: [],
  shardId: '',
};

/**
 * The length of the packet that starts at `at`, or 0 while fewer than PREFIX_BYTES are there.
 * Throws BadPacket when no packet starts there.
 */
export function packetLength(bytes: Uint8Array, at: number, available: number): number {
  if (available < PREFIX_BYTES) return 0;
  if (readU32(bytes, at) !== SIGNATURE)
    throw new BadPacket('the first four bytes are not "RCmb": this is no cluster bus, or the stream lost its place');
  const length = readU32(bytes, at + 4);
  const light = (readU16(bytes, at + 12) & LIGHT_BIT) !== 0;
  const least = light ? LIGHT_HEADER_BYTES : HEADER_BYTES;
  if (length < least) throw new BadPacket(`a length of ${length} bytes is below the header's ${least}`);
  if (length > MAX_PACKET_BYTES)
    throw new BadPacket(`a length of ${length} bytes is above the limit of ${MAX_PACKET_BYTES}`);
  return length;
}

/** Decodes one whole packet. The result's byte arrays are views into `packet`. */
export function decode(packet: Uint8Array): BusMessage {
  const length = packetLength(packet, 0, packet.length);
  if (length !== packet.length) throw new BadPacket(`the packet says ${length} bytes and has ${packet.length}`);
  const version = readU16(packet, 8);
  if (version !== VERSION) throw new BadPacket(`bus version ${version}: only version ${VERSION} is spoken here`);
  const rawType = readU16(packet, 12);
  const type = rawType & ~LIGHT_BIT;
  const light = (rawType & LIGHT_BIT) !== 0;
  if (type >= MESSAGE_TYPES) throw new BadPacket(`unknown message type ${type}`);
  if (light && type !== PUBLISH && type !== PUBLISHSHARD && type !== MODULE) {
    throw new BadPacket(`a ${TYPE_NAMES[type]} message cannot have the light header`);
  }
  const header = light ? null : decodeHeader(packet);
  const at = light ? LIGHT_HEADER_BYTES : HEADER_BYTES;
  if (header === null)
    return type === MODULE
      ? decodeModule(packet, at, null)
      : decodePublish(packet, type === PUBLISH ? PUBLISH : PUBLISHSHARD, at, null);
  switch (type) {
    case PING:
    case PONG:
    case MEET:
      return decodePing(packet, type, header);
    case FAIL_MESSAGE:
      expectLength(packet, HEADER_BYTES + NAME_LENGTH, type);
      return { kind: 'fail', type, header, failing: readName(packet, at, 'the failing node') };
    case PUBLISH:
    case PUBLISHSHARD:
      return decodePublish(packet, type, at, header);
    case AUTH_REQUEST:
    case AUTH_ACK:
    case MFSTART:
      expectLength(packet, HEADER_BYTES, type);
      return { kind: 'bare', type, header };
    case UPDATE: {
      expectLength(packet, HEADER_BYTES + 8 + NAME_LENGTH + SLOT_BITMAP_BYTES, type);
      return {
        kind: 'update',
        type,
        header,
        configEpoch: readU64(packet, at, 'the config epoch'),
        about: readName(packet, at + 8, 'the updated node'),
        slots: packet.subarray(at + 48, at + 48 + SLOT_BITMAP_BYTES),
      };
    }
    default:
      return decodeModule(packet, at, header);
  }
}

function decodeHeader(packet: Uint8Array): BusHeader {
  const messageFlags = packet[2253]!;
  return {
    port: readU16(packet, 10),
    currentEpoch: readU64(packet, 16, 'the current epoch'),
    configEpoch: readU64(packet, 24, 'the config epoch'),
    offset: readU64(packet, 32, 'the replication offset'),
    sender: readName(packet, 40, 'the sender'),
    slots: packet.subarray(80, 80 + SLOT_BITMAP_BYTES),
    replicaOf: packet[2128] === 0 ? '' : readName(packet, 2128, "the sender's primary"),
    ip: readIp(packet, 2168),
    tlsPort: readU16(packet, 2246),
    busPort: readU16(packet, 2248),
    flags: readU16(packet, 2250),
    state: packet[2252]!,
    paused: (messageFlags & FLAG_PAUSED) !== 0,
    forceAck: (messageFlags & FLAG_FORCE_ACK) !== 0,
    extensionData: (messageFlags & FLAG_EXTENSION_DATA) !== 0,
  };
}

function decodePing(packet: Uint8Array, type: 0 | 1 | 2, header: BusHeader): BusMessage {
  const count = readU16(packet, 14);
  const end = HEADER_BYTES + count * GOSSIP_BYTES;
  if (end > packet.length) throw new BadPacket(`${count} gossip entries do not fit into ${packet.length} bytes`);
  const gossip: GossipEntry[] = [];
  for (let at = HEADER_BYTES; at < end; at += GOSSIP_BYTES) {
    gossip.push({
      name: readName(packet, at, 'a gossiped node'),
      pingSentSeconds: readU32(packet, at + 40),
      pongReceivedSeconds: readU32(packet, at + 44),
      ip: readIp(packet, at + 48),
      port: readU16(packet, at + 94),
      busPort: readU16(packet, at + 96),
      flags: readU16(packet, at + 98),
      tlsPort: readU16(packet, at + 100),
    });
  }
  const extensions = header.extensionData ? decodeExtensions(packet, end, readU16(packet, 2214)) : NO_EXTENSIONS;
  if (!header.extensionData && end !== packet.length)
    throw new BadPacket(`${packet.length - end} bytes follow the last gossip entry`);
  return { kind: 'ping', type, header, gossip, extensions };
}

function decodeExtensions(packet: Uint8Array, start: number, count: number): PingExtensions {
  let at = start;
  const found = { ...NO_EXTENSIONS };
  const forgotten: ForgottenNode[] = [];
  for (let i = 0; i < count; i++) {
    if (packet.length - at < EXTENSION_HEADER_BYTES)
      throw new BadPacket(`extension ${i + 1} of ${count} does not fit into ${packet.length} bytes`);
    const length = readU32(packet, at);
    const type = readU16(packet, at + 4);
    if (length % 8 !== 0) throw new BadPacket(`extension ${i + 1} has a length of ${length}, not a multiple of 8`);
    if (length < EXTENSION_HEADER_BYTES || length > packet.length - at)
      throw new BadPacket(`extension ${i + 1} of ${length} bytes does not fit into the packet`);
    const data = at + EXTENSION_HEADER_BYTES;
    const end = at + length;
    at = end;
    switch (type) {
      case EXT_HOSTNAME:
        found.hostname = readText(packet, data, end, type);
        break;
      case EXT_HUMAN_NODENAME:
        found.humanNodename = readText(packet, data, end, type);
        break;
      case EXT_CLIENT_IPV4:
        found.clientIpv4 = readText(packet, data, end, type);
        break;
      case EXT_CLIENT_IPV6:
        found.clientIpv6 = readText(packet, data, end, type);
        break;
      case EXT_AVAILABILITY_ZONE:
        found.availabilityZone = readText(packet, data, end, type);
        break;
      case EXT_CLIENT_PORT:
        expectData(data, end, 2, type);
        found.clientPort = readU16(packet, data);
        break;
      case EXT_CLIENT_TLS_PORT:
        expectData(data, end, 2, type);
        found.clientTlsPort = readU16(packet, data);
        break;
      case EXT_FORGOTTEN_NODE:
        expectData(data, end, NAME_LENGTH + 8, type);
        forgotten.push({
          name: readName(packet, data, 'a forgotten node'),
          ttlSeconds: readU64(packet, data + NAME_LENGTH, "a forgotten node's time"),
        });
        break;
      case EXT_SHARD_ID:
        expectData(data, end, NAME_LENGTH, type);
        found.shardId = readName(packet, data, "the sender's shard");
        break;
      default:
        // A newer peer's extension: its length was checked, its content is not ours to know.
        break;
    }
  }
  if (at !== packet.length) throw new BadPacket(`${packet.length - at} bytes follow the last extension`);
  return { ...found, forgotten };
}

function decodePublish(packet: Uint8Array, type: 4 | 10, at: number, header: BusHeader | null): BusMessage {
  if (packet.length < at + 8)
    throw new BadPacket(`a ${TYPE_NAMES[type]} message of ${packet.length} bytes has no room for its lengths`);
  const channelLength = readU32(packet, at);
  const messageLength = readU32(packet, at + 4);
  const start = at + 8;
  if (start + channelLength + messageLength !== packet.length) {
    throw new BadPacket(
      `channel (${channelLength}) and message (${messageLength}) do not add up to the packet's ${packet.length} bytes`,
    );
  }
  return {
    kind: 'publish',
    type,
    header,
    channel: packet.subarray(start, start + channelLength),
    message: packet.subarray(start + channelLength),
  };
}

function decodeModule(packet: Uint8Array, at: number, header: BusHeader | null): BusMessage {
  const start = at + 13;
  if (packet.length < start)
    throw new BadPacket(`a module message of ${packet.length} bytes has no room for its header`);
  const payloadLength = readU32(packet, at + 8);
  if (start + payloadLength !== packet.length)
    throw new BadPacket(`a module payload of ${payloadLength} bytes does not fill the packet's ${packet.length}`);
  return {
    kind: 'module',
    type: MODULE,
    header,
    moduleId: packet.subarray(at, at + 8),
    moduleType: packet[at + 12]!,
    payload: packet.subarray(start),
  };
}

/** `extensions` null: the peer does not understand them; the flag that we do is set all the same. */
export function encodePing(
  type: 0 | 1 | 2,
  header: BusHeader,
  gossip: readonly GossipEntry[],
  extensions: PingExtensions | null,
): Uint8Array {
  const gossipEnd = HEADER_BYTES + gossip.length * GOSSIP_BYTES;
  const packet = new Uint8Array(gossipEnd + (extensions === null ? 0 : extensionsLength(extensions)));
  writeHeader(packet, type, header);
  writeU16(packet, 14, gossip.length);
  let at = HEADER_BYTES;
  for (const entry of gossip) {
    writeText(packet, at, entry.name);
    writeU32(packet, at + 40, entry.pingSentSeconds);
    writeU32(packet, at + 44, entry.pongReceivedSeconds);
    writeText(packet, at + 48, entry.ip);
    writeU16(packet, at + 94, entry.port);
    writeU16(packet, at + 96, entry.busPort);
    writeU16(packet, at + 98, entry.flags);
    writeU16(packet, at + 100, entry.tlsPort);
    at += GOSSIP_BYTES;
  }
  packet[2253]! |= FLAG_EXTENSION_DATA;
  if (extensions !== null) writeU16(packet, 2214, writeExtensions(packet, at, extensions));
  return packet;
}

export function encodeFail(header: BusHeader, failing: string): Uint8Array {
  const packet = new Uint8Array(HEADER_BYTES + NAME_LENGTH);
  writeHeader(packet, FAIL_MESSAGE, header);
  writeText(packet, HEADER_BYTES, failing);
  return packet;
}

export function encodeBare(type: 5 | 6 | 8, header: BusHeader): Uint8Array {
  const packet = new Uint8Array(HEADER_BYTES);
  writeHeader(packet, type, header);
  return packet;
}

export function encodeUpdate(header: BusHeader, about: string, configEpoch: number, slots: Uint8Array): Uint8Array {
  const packet = new Uint8Array(HEADER_BYTES + 8 + NAME_LENGTH + SLOT_BITMAP_BYTES);
  writeHeader(packet, UPDATE, header);
  writeU64(packet, HEADER_BYTES, configEpoch);
  writeText(packet, HEADER_BYTES + 8, about);
  packet.set(slots, HEADER_BYTES + 48);
  return packet;
}

/** `header` null: the light form, for peers that announced it. */
export function encodePublish(
  type: 4 | 10,
  header: BusHeader | null,
  channel: Uint8Array,
  message: Uint8Array,
): Uint8Array {
  const at = header === null ? LIGHT_HEADER_BYTES : HEADER_BYTES;
  const packet = new Uint8Array(at + 8 + channel.length + message.length);
  if (header === null) writePrefix(packet, type | LIGHT_BIT);
  else writeHeader(packet, type, header);
  writeU32(packet, at, channel.length);
  writeU32(packet, at + 4, message.length);
  packet.set(channel, at + 8);
  packet.set(message, at + 8 + channel.length);
  return packet;
}

export function encodeModule(
  header: BusHeader | null,
  moduleId: Uint8Array,
  moduleType: number,
  payload: Uint8Array,
): Uint8Array {
  const at = header === null ? LIGHT_HEADER_BYTES : HEADER_BYTES;
  const packet = new Uint8Array(at + 13 + payload.length);
  if (header === null) writePrefix(packet, MODULE | LIGHT_BIT);
  else writeHeader(packet, MODULE, header);
  packet.set(moduleId, at);
  writeU32(packet, at + 8, payload.length);
  packet[at + 12] = moduleType;
  packet.set(payload, at + 13);
  return packet;
}

function writePrefix(packet: Uint8Array, type: number): void {
  writeU32(packet, 0, SIGNATURE);
  writeU32(packet, 4, packet.length);
  writeU16(packet, 8, VERSION);
  writeU16(packet, 12, type);
}

function writeHeader(packet: Uint8Array, type: number, header: BusHeader): void {
  writePrefix(packet, type);
  writeU16(packet, 10, header.port);
  writeU64(packet, 16, header.currentEpoch);
  writeU64(packet, 24, header.configEpoch);
  writeU64(packet, 32, header.offset);
  writeText(packet, 40, header.sender);
  packet.set(header.slots, 80);
  writeText(packet, 2128, header.replicaOf);
  writeText(packet, 2168, header.ip);
  writeU16(packet, 2246, header.tlsPort);
  writeU16(packet, 2248, header.busPort);
  writeU16(packet, 2250, header.flags);
  packet[2252] = header.state;
  packet[2253] =
    (header.paused ? FLAG_PAUSED : 0) |
    (header.forceAck ? FLAG_FORCE_ACK : 0) |
    (header.extensionData ? FLAG_EXTENSION_DATA : 0);
}

function extensionsLength(extensions: PingExtensions): number {
  let length = 0;
  for (const [, text] of textExtensions(extensions)) length += EXTENSION_HEADER_BYTES + align8(text.length + 1);
  if (extensions.clientPort !== 0) length += EXTENSION_HEADER_BYTES + 8;
  if (extensions.clientTlsPort !== 0) length += EXTENSION_HEADER_BYTES + 8;
  if (extensions.availabilityZone !== '')
    length += EXTENSION_HEADER_BYTES + align8(extensions.availabilityZone.length + 1);
  length += extensions.forgotten.length * (EXTENSION_HEADER_BYTES + NAME_LENGTH + 8);
  if (extensions.shardId !== '') length += EXTENSION_HEADER_BYTES + NAME_LENGTH;
  return length;
}

function textExtensions(extensions: PingExtensions): (readonly [type: number, text: string])[] {
  const all: (readonly [number, string])[] = [
    [EXT_HOSTNAME, extensions.hostname],
    [EXT_HUMAN_NODENAME, extensions.humanNodename],
    [EXT_CLIENT_IPV4, extensions.clientIpv4],
    [EXT_CLIENT_IPV6, extensions.clientIpv6],
  ];
  return all.filter(([, text]) => text !== '');
}

/** Returns how many were written. */
function writeExtensions(packet: Uint8Array, start: number, extensions: PingExtensions): number {
  let at = start;
  let count = 0;
  const begin = (type: number, dataBytes: number): number => {
    const data = at + EXTENSION_HEADER_BYTES;
    const length = EXTENSION_HEADER_BYTES + align8(dataBytes);
    writeU32(packet, at, length);
    writeU16(packet, at + 4, type);
    at += length;
    count++;
    return data;
  };
  for (const [type, text] of textExtensions(extensions)) writeText(packet, begin(type, text.length + 1), text);
  if (extensions.clientPort !== 0) writeU16(packet, begin(EXT_CLIENT_PORT, 2), extensions.clientPort);
  if (extensions.clientTlsPort !== 0) writeU16(packet, begin(EXT_CLIENT_TLS_PORT, 2), extensions.clientTlsPort);
  if (extensions.availabilityZone !== '') {
    writeText(
      packet,
      begin(EXT_AVAILABILITY_ZONE, extensions.availabilityZone.length + 1),
      extensions.availabilityZone,
    );
  }
  for (const { name, ttlSeconds } of extensions.forgotten) {
    const data = begin(EXT_FORGOTTEN_NODE, NAME_LENGTH + 8);
    writeText(packet, data, name);
    writeU64(packet, data + NAME_LENGTH, ttlSeconds);
  }
  if (extensions.shardId !== '') writeText(packet, begin(EXT_SHARD_ID, NAME_LENGTH), extensions.shardId);
  return count;
}

function align8(length: number): number {
  return (length + 7) & ~7;
}

function expectLength(packet: Uint8Array, length: number, type: number): void {
  if (packet.length !== length)
    throw new BadPacket(`a ${TYPE_NAMES[type]} message has ${length} bytes, this one ${packet.length}`);
}

function expectData(start: number, end: number, least: number, type: number): void {
  if (end - start < least)
    throw new BadPacket(`an extension of type ${type} needs ${least} bytes and has ${end - start}`);
}

function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function readU64(bytes: Uint8Array, at: number, what: string): number {
  const high = readU32(bytes, at);
  if (high >= 2 ** 21) throw new BadPacket(`${what} is 2^53 or more: no such value can have been reached`);
  return high * TWO_32 + readU32(bytes, at + 4);
}

/** A node's or a shard's name: 40 characters of a-z and 0-9. */
function readName(bytes: Uint8Array, at: number, what: string): string {
  let name = '';
  for (let i = at; i < at + NAME_LENGTH; i++) {
    const char = bytes[i]!;
    if (!((char >= 97 && char <= 122) || (char >= 48 && char <= 57)))
      throw new BadPacket(`${what} has a name that is not 40 characters of a-z and 0-9`);
    name += String.fromCharCode(char);
  }
  return name;
}

/** An address of up to 45 characters, ended by a zero. */
function readIp(bytes: Uint8Array, at: number): string {
  return readBoundedText(bytes, at, at + IP_BYTES, 'an address');
}

function readText(bytes: Uint8Array, at: number, end: number, type: number): string {
  return readBoundedText(bytes, at, end, `an extension of type ${type}`);
}

/** These texts end up in nodes.conf and in replies: what would break a line or a field there is refused here. */
function readBoundedText(bytes: Uint8Array, at: number, end: number, what: string): string {
  let text = '';
  for (let i = at; i < end; i++) {
    const char = bytes[i]!;
    if (char === 0) return text;
    if (char <= 44 || char === 127 || FORBIDDEN_IN_TEXT.includes(String.fromCharCode(char)))
      throw new BadPacket(`${what} holds the byte ${char}, which no address or name has`);
    text += String.fromCharCode(char);
  }
  throw new BadPacket(`${what} does not end within its ${end - at} bytes`);
}

function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function writeU64(bytes: Uint8Array, at: number, value: number): void {
  writeU32(bytes, at, Math.floor(value / TWO_32));
  writeU32(bytes, at + 4, value % TWO_32);
}

/** ASCII; the zero after it is there already. */
function writeText(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
}
