/**
 * A network of connections between hosts, as TCP gives them: bytes of a connection arrive in order or not at all; two
 * connections overtake each other. Hosts can be cut from each other: what is sent meanwhile waits, as retransmission does,
 * until the cut heals or an end gives the connection up.
 */
import type { World } from './world.ts';

export interface NetworkSettings {
  /** Delay of a packet, both included. */
  minDelayMs: number;
  maxDelayMs: number;
  /** Chance that sending a packet resets its connection. */
  resetChance: number;
}

/** An end of a connection; the host that opened or accepted it gets these. */
export interface Endpoint {
  up(peerHost: string, ownHost: string): void;
  data(bytes: Uint8Array): void;
  down(reason: string): void;
}

export interface Listener {
  /** Returns the endpoint for the accepted connection; `connection.send` may be used from then on. */
  accept(connection: Connection, peerHost: string): Endpoint;
}

export interface Connection {
  send(bytes: Uint8Array): void;
  close(): void;
}

/** One direction and end of a connection. */
class Side implements Connection {
  readonly host: string;
  endpoint: Endpoint | null = null;
  peer: Side | null = null;
  isOpen = true;
  /** When the last packet towards this side arrives: later ones do not overtake it. */
  lastArrivalMs = 0;
  private readonly network: VirtualNetwork;

  constructor(network: VirtualNetwork, host: string) {
    this.network = network;
    this.host = host;
  }

  send(bytes: Uint8Array): void {
    if (this.isOpen && this.peer !== null) this.network.deliver(this, this.peer, bytes);
  }

  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    if (this.peer !== null) this.network.hangUp(this, this.peer, 'closed by the peer');
  }
}

export class VirtualNetwork {
  readonly settings: NetworkSettings;
  private readonly world: World;
  private readonly listeners = new Map<string, Listener>();
  private readonly cuts = new Set<string>();
  private readonly waiting: { readonly from: string; readonly to: string; readonly go: () => void }[] = [];
  private readonly sides = new Set<Side>();

  constructor(world: World, settings: NetworkSettings) {
    this.world = world;
    this.settings = settings;
  }

  listen(host: string, port: number, listener: Listener): void {
    this.listeners.set(`${host}:${port}`, listener);
  }

  /** The host's process is gone: nobody listens and its connections end. */
  stop(host: string): void {
    for (const address of [...this.listeners.keys()])
      if (address.startsWith(`${host}:`)) this.listeners.delete(address);
    for (const side of [...this.sides]) {
      if (side.host !== host || !side.isOpen) continue;
      side.endpoint = null;
      side.close();
      this.sides.delete(side);
    }
  }

  connect(fromHost: string, host: string, port: number, endpoint: Endpoint): Connection {
    const own = new Side(this, fromHost);
    own.endpoint = endpoint;
    this.sides.add(own);
    const pending: Uint8Array[] = [];
    const connection: Connection = {
      send: (bytes) => {
        if (own.peer === null) pending.push(bytes);
        else own.send(bytes);
      },
      close: () => own.close(),
    };
    this.pass(fromHost, host, () => {
      if (!own.isOpen) return;
      const listener = this.listeners.get(`${host}:${port}`);
      if (listener === undefined) {
        own.isOpen = false;
        this.sides.delete(own);
        this.pass(host, fromHost, () => endpoint.down('connection refused'));
        return;
      }
      const accepted = new Side(this, host);
      this.sides.add(accepted);
      accepted.peer = own;
      accepted.endpoint = listener.accept(accepted, fromHost);
      accepted.endpoint.up(fromHost, host);
      this.pass(host, fromHost, () => {
        if (!own.isOpen) return;
        own.peer = accepted;
        endpoint.up(host, fromHost);
        for (const bytes of pending.splice(0)) own.send(bytes);
      });
    });
    return connection;
  }

  deliver(from: Side, to: Side, bytes: Uint8Array): void {
    if (this.settings.resetChance > 0 && this.world.random.chance(this.settings.resetChance)) {
      this.reset(from, to);
      return;
    }
    this.pass(
      from.host,
      to.host,
      () => {
        if (to.isOpen && to.endpoint !== null) to.endpoint.data(bytes);
      },
      to,
    );
  }

  private reset(one: Side, other: Side): void {
    for (const side of [one, other]) {
      if (!side.isOpen) continue;
      side.isOpen = false;
      this.sides.delete(side);
      this.world.after(0, () => side.endpoint?.down('connection reset'));
    }
  }

  hangUp(from: Side, to: Side, reason: string): void {
    this.sides.delete(from);
    this.pass(
      from.host,
      to.host,
      () => {
        if (!to.isOpen) return;
        to.isOpen = false;
        this.sides.delete(to);
        to.endpoint?.down(reason);
      },
      to,
    );
  }

  /** Lets something happen at the other host after the network's delay, or when the cut between them heals. */
  pass(from: string, to: string, go: () => void, fifo: Side | null = null): void {
    if (this.isCut(from, to)) {
      this.waiting.push({ from, to, go });
      return;
    }
    const { minDelayMs, maxDelayMs } = this.settings;
    let atMs = this.world.nowMs + this.world.random.between(minDelayMs, maxDelayMs);
    if (fifo !== null) {
      atMs = Math.max(atMs, fifo.lastArrivalMs);
      fifo.lastArrivalMs = atMs;
    }
    this.world.after(atMs - this.world.nowMs, () => {
      if (this.isCut(from, to)) this.waiting.push({ from, to, go });
      else go();
    });
  }

  isCut(a: string, b: string): boolean {
    return this.cuts.has(`${a}|${b}`);
  }

  /** Cuts every host of one side from every host of the other. */
  partition(one: readonly string[], other: readonly string[]): void {
    for (const a of one) {
      for (const b of other) {
        this.cuts.add(`${a}|${b}`);
        this.cuts.add(`${b}|${a}`);
      }
    }
  }

  heal(): void {
    this.cuts.clear();
    for (const { from, to, go } of this.waiting.splice(0)) this.pass(from, to, go);
  }
}
