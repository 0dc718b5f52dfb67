/**
 * The TCP transport of the cluster bus: a listener, links by number, and whole packets in and out.
 * What a packet means, when to dial and when to give up is the cluster's business (server/cluster/cluster.ts).
 *
 * A link's received bytes are kept until its packet is whole: the room for them grows with what arrives, not with what
 * the packet's length promises.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { BadPacket, PREFIX_BYTES, packetLength } from '../cluster/bus-codec.ts';

/** Beyond so many accepted links the oldest ones' peers must be gone: two for each of 16384 nodes. */
const MAX_INBOUND_LINKS = 32_768;
/** A connection attempt that hangs is given up; the cluster dials again. */
const CONNECT_TIMEOUT_MS = 5000;
/** First room for a packet; most are 2.3 to 4 KiB. */
const INITIAL_BUFFER_BYTES = 4096;

export interface BusEvents {
  onLinkAccepted(linkId: number, peerIp: string, localIp: string): void;
  onLinkUp(linkId: number, peerIp: string, localIp: string): void;
  onLinkDown(linkId: number, reason: string): void;
  onPacket(linkId: number, packet: Uint8Array): void;
}

interface BusLink {
  readonly id: number;
  readonly socket: Socket;
  /** Bytes of a packet that is not whole yet. */
  buffer: Uint8Array;
  length: number;
  reason: string;
}

export class BusTransport {
  private readonly events: BusEvents;
  private readonly links = new Map<number, BusLink>();
  private readonly servers: Server[] = [];
  private nextId = 1;
  private inbound = 0;
  /** Milliseconds of silence after which the kernel probes a link. */
  private readonly keepAliveMs: number;
  private readonly sourceAddress: () => string;

  constructor(events: BusEvents, options: { readonly keepAliveMs: number; readonly sourceAddress?: () => string }) {
    this.events = events;
    this.keepAliveMs = options.keepAliveMs;
    this.sourceAddress = options.sourceAddress ?? (() => '');
  }

  /** Listens on one address; resolves when it does, rejects with what to do when it cannot. */
  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const server = createServer(
        { noDelay: true, keepAlive: true, keepAliveInitialDelay: this.keepAliveMs },
        (socket) => this.accept(socket),
      );
      server.once('error', (error) => {
        reject(
          new Error(`cluster bus: cannot listen on ${host}:${port}: ${error.message}. Set cluster-port to a free port`),
        );
      });
      server.listen({ host, port }, () => {
        this.servers.push(server);
        resolve();
      });
    });
  }

  /** Dials; `onLinkUp` or `onLinkDown` follows, never before this returns. */
  connect(host: string, port: number): number {
    const id = this.nextId++;
    const source = this.sourceAddress();
    const socket = connect({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: this.keepAliveMs,
      ...(source === '' ? {} : { localAddress: source }),
    });
    const link = this.add(id, socket);
    const giveUp = setTimeout(() => {
      link.reason = `no connection to ${host}:${port} within ${CONNECT_TIMEOUT_MS} ms`;
      socket.destroy();
    }, CONNECT_TIMEOUT_MS);
    socket.once('connect', () => {
      clearTimeout(giveUp);
      if (this.links.has(id)) this.events.onLinkUp(id, plainIp(socket.remoteAddress), plainIp(socket.localAddress));
    });
    socket.once('close', () => clearTimeout(giveUp));
    return id;
  }

  send(linkId: number, packet: Uint8Array): void {
    const link = this.links.get(linkId);
    if (link?.socket.writable) link.socket.write(packet);
  }

  /** Closes without an event. */
  closeLink(linkId: number): void {
    const link = this.links.get(linkId);
    if (link === undefined) return;
    this.links.delete(linkId);
    link.socket.destroy();
  }

  queuedBytes(linkId: number): number {
    return this.links.get(linkId)?.socket.writableLength ?? 0;
  }

  close(): void {
    for (const server of this.servers) server.close();
    for (const id of [...this.links.keys()]) this.closeLink(id);
  }

  private accept(socket: Socket): void {
    if (this.inbound >= MAX_INBOUND_LINKS) {
      socket.destroy();
      return;
    }
    this.inbound++;
    socket.once('close', () => this.inbound--);
    const id = this.nextId++;
    this.add(id, socket);
    this.events.onLinkAccepted(id, plainIp(socket.remoteAddress), plainIp(socket.localAddress));
  }

  private add(id: number, socket: Socket): BusLink {
    const link: BusLink = {
      id,
      socket,
      buffer: new Uint8Array(INITIAL_BUFFER_BYTES),
      length: 0,
      reason: 'closed by the peer',
    };
    this.links.set(id, link);
    socket.on('data', (chunk: Uint8Array) => this.receive(link, chunk));
    socket.on('error', (error) => {
      link.reason = error.message;
    });
    socket.once('close', () => {
      if (this.links.delete(id)) this.events.onLinkDown(id, link.reason);
    });
    return link;
  }

  private receive(link: BusLink, chunk: Uint8Array): void {
    this.append(link, chunk);
    let at = 0;
    try {
      for (;;) {
        const length = packetLength(link.buffer, at, link.length - at);
        if (length === 0 || link.length - at < length) break;
        const packet = link.buffer.slice(at, at + length);
        at += length;
        this.events.onPacket(link.id, packet);
        if (!this.links.has(link.id)) return;
      }
    } catch (error) {
      if (!(error instanceof BadPacket)) throw error;
      link.reason = `bad packet: ${error.message}`;
      link.socket.destroy();
      return;
    }
    this.keepRest(link, at);
  }

  private append(link: BusLink, chunk: Uint8Array): void {
    const needed = link.length + chunk.length;
    if (needed > link.buffer.length) {
      const larger = new Uint8Array(Math.max(needed, link.buffer.length * 2));
      larger.set(link.buffer.subarray(0, link.length));
      link.buffer = larger;
    }
    link.buffer.set(chunk, link.length);
    link.length = needed;
  }

  private keepRest(link: BusLink, at: number): void {
    if (at === 0) return;
    const rest = link.length - at;
    // After a large packet the room goes back to its first size.
    if (link.buffer.length > INITIAL_BUFFER_BYTES && rest < PREFIX_BYTES) {
      const small = new Uint8Array(INITIAL_BUFFER_BYTES);
      small.set(link.buffer.subarray(at, link.length));
      link.buffer = small;
    } else link.buffer.copyWithin(0, at, link.length);
    link.length = rest;
  }
}

/** IPv4 addresses of a dual-stack socket in their own form. */
function plainIp(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
