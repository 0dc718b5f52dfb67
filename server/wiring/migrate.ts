/** Wires DUMP, RESTORE and MIGRATE: the codec of values, and connections to other servers, kept for a while for the next exchange. */
import { connect, type Socket } from 'node:net';
import type { Exchange, ExchangeStep } from '../commands/replication-room.ts';
import type { Node } from '../node.ts';
import { DumpPayloads } from '../persistence/dump-payload.ts';

/** Connections that nobody uses, and how long each is kept. Source: Valkey 9.1 cluster.c. */
const MAX_KEPT = 64;
const KEPT_MS = 10_000;
const EVENTS = ['connect', 'data', 'error', 'close', 'timeout'] as const;

export function wireMigrate(node: Node): void {
  const { rooms } = node;
  const dumps = new DumpPayloads(node.keyspace, node.types);
  node.settings.watch('rdb-version-check', (value) => {
    dumps.anyVersion = value === 'relaxed';
  });
  rooms.dumps = dumps;
  const connections = new ExchangeConnections(node);
  rooms.exchanges = {
    begin: (exchange) => connections.converse(exchange),
    propagate: (database, slot, args) => node.executor.propagate(database, slot, args),
  };
  const described = rooms.infoSections.get('stats');
  rooms.infoSections.set('stats', (add) => {
    described?.(add);
    add('migrate_cached_sockets', connections.keptCount);
  });
}

class ExchangeConnections {
  private readonly node: Node;
  /** By host and port; the longest unused first. */
  private readonly kept: Map<string, Socket> = new Map();

  constructor(node: Node) {
    this.node = node;
  }

  get keptCount(): number {
    return this.kept.size;
  }

  /** Every event is a turn of the node: what it wrote to clients and to the log is sent. */
  converse(exchange: Exchange, mayUseKept = true): void {
    const { node } = this;
    const { host, port, timeoutMs, requests } = exchange;
    const name = `${host} ${port}`;
    const kept = mayUseKept ? this.take(name) : null;
    const socket = kept ?? connect({ host, port, noDelay: true });
    let step: ExchangeStep = kept === null ? 'connecting' : 'writing';
    let heard = false;
    let over = false;
    const turn = (event: () => boolean): void => {
      if (over) return;
      node.turn();
      over = event();
      node.endTurn();
      if (!over) return;
      if (exchange.leavesConnection) this.keep(name, socket);
      else socket.destroy();
    };
    const fail = (): void =>
      turn(() => {
        exchange.failed(step);
        return true;
      });
    const write = (): void => {
      step = 'writing';
      socket.write(requests, () => {
        if (step === 'writing') step = 'reading';
      });
    };
    const lost = (): void => {
      if (over || kept === null || heard) return fail();
      // The other side had given up the kept connection: that says nothing about the exchange.
      over = true;
      socket.destroy();
      this.converse(exchange, false);
    };
    // Counts while nothing is sent and nothing received; before the connection stands it counts from here.
    socket.setTimeout(timeoutMs, fail);
    socket.on('data', (bytes: Uint8Array) => {
      heard = true;
      step = 'reading';
      turn(() => exchange.received(new Uint8Array(bytes)));
    });
    socket.on('error', (problem) => {
      // Valkey learns of a refusal when it writes, and says so.
      if ('code' in problem && problem.code === 'ECONNREFUSED') step = 'writing';
      lost();
    });
    socket.on('close', lost);
    if (kept === null) socket.on('connect', write);
    else write();
  }

  private take(name: string): Socket | null {
    const socket = this.kept.get(name);
    if (socket === undefined) return null;
    this.kept.delete(name);
    for (const event of EVENTS) socket.removeAllListeners(event);
    return socket.ref();
  }

  private keep(name: string, socket: Socket): void {
    for (const event of EVENTS) socket.removeAllListeners(event);
    this.drop(name);
    const [oldest] = this.kept.keys();
    if (oldest !== undefined && this.kept.size === MAX_KEPT) this.drop(oldest);
    this.kept.set(name, socket.unref());
    const drop = (): void => {
      if (this.kept.get(name) === socket) this.kept.delete(name);
      socket.destroy();
    };
    // Bytes that answer nothing would be taken for the answer to what is asked next.
    for (const event of ['data', 'error', 'close'] as const) socket.on(event, drop);
    socket.setTimeout(KEPT_MS, drop);
  }

  private drop(name: string): void {
    this.kept.get(name)?.destroy();
    this.kept.delete(name);
  }
}
