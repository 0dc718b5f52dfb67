/**
 * Node's sockets as the transport of clients: the portable default. Hot file: one shared read buffer, no stream 'data' events,
 * one write per connection and turn.
 *
 * A socket reads into the shared buffer (net.Socket's `onread`), the session executes from it, and the turn ends by flushing.
 * A region that the kernel took whole is reused; one it did not take stays the socket's and the client gets a new one.
 */
import { chmodSync, chownSync, rmSync } from 'node:fs';
import { createServer, type Server, Socket } from 'node:net';
import type { Client } from '../commands/client.ts';
import type { ClientConnection, Clients } from '../commands/clients.ts';
import type { Traffic } from '../observability/traffic.ts';
import { Session, type SessionContext } from '../protocol/session.ts';

/** One read of a socket takes at most this much: the work budget of a connection in one turn. */
export const READ_BUFFER_BYTES = 64 * 1024;
/** Replies beyond this are sent at once rather than with the others of the turn. */
const MAX_DEFERRED_OUTPUT_BYTES = 64 * 1024;

export interface TcpOptions {
  readonly host: string;
  readonly port: number;
  readonly backlog: number;
}

export interface TcpHost {
  readonly context: SessionContext;
  readonly clients: Clients;
  readonly traffic: Traffic;
  /** A client for a new connection; null when it is refused, with the error to send. */
  admit(address: string, localAddress: string): { readonly client: Client } | { readonly refusal: string };
  keepAliveSeconds(): number;
  /** Time moves at the start of each turn. */
  turn(): void;
  /** Sends what the turn wrote. */
  endTurn(): void;
}

/** The parts of net.Socket's constructor options that Node documents for outgoing sockets only. */
interface AcceptedOptions {
  readonly handle: unknown;
  readonly allowHalfOpen: boolean;
  readonly onread: { readonly buffer: Uint8Array; callback(sizeBytes: number, buffer: Uint8Array): boolean };
}

export class TcpTransport {
  private readonly host: TcpHost;
  private readonly buffer: Uint8Array = new Uint8Array(READ_BUFFER_BYTES);
  /** On addresses. */
  private readonly servers: Server[] = [];
  private unixServer: Server | null = null;
  private readonly connections: Set<TcpConnection> = new Set();
  private readonly turnEnd: TurnEnd;

  constructor(host: TcpHost) {
    this.host = host;
    this.turnEnd = new TurnEnd(() => host.endTurn());
  }

  /** Listens; rejects with Node's error when the address is taken or not ours. Resolves to the port. */
  listen(options: TcpOptions): Promise<number> {
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.accept(socket));
    this.servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: options.host, port: options.port, backlog: options.backlog }, () => {
        server.removeListener('error', reject);
        const address = server.address();
        resolve(address !== null && typeof address === 'object' ? address.port : options.port);
      });
    });
  }

  /** Stops listening on addresses; connections stay, and so does the Unix socket. */
  stopListening(): void {
    for (const server of this.servers) server.close();
    this.servers.length = 0;
  }

  /** Listens on a Unix socket. What lies at the path is removed: a socket that a process left behind keeps nobody out. */
  async listenOnPath(path: string, permissions: number, groupId: number | null): Promise<void> {
    rmSync(path, { force: true });
    const server = createServer({ pauseOnConnect: true }, (socket) => this.accept(socket, `${path}:0`));
    this.unixServer = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => {
        server.removeListener('error', reject);
        resolve();
      });
    });
    if (groupId !== null) chownSync(path, -1, groupId);
    if (permissions !== 0) chmodSync(path, permissions);
  }

  /** `place`: what stands for both ends of a connection without addresses. */
  private accept(accepted: Socket, place: string | null = null): void {
    const remote = place ?? addressText(accepted.remoteAddress, accepted.remotePort);
    const local = place ?? addressText(accepted.localAddress, accepted.localPort);
    const admission = this.host.admit(remote, local);
    if ('refusal' in admission) {
      accepted.end(`-${admission.refusal}\r\n`);
      return;
    }
    // The accepted socket's handle goes to a socket that reads into our buffer; the first object is never used again.
    const handle = (accepted as unknown as { _handle: unknown })._handle;
    admission.client.descriptor = (handle as { fd?: number } | null)?.fd ?? -1;
    (accepted as unknown as { _handle: unknown })._handle = null;
    let connection: TcpConnection | null = null;
    const options: AcceptedOptions = {
      handle,
      allowHalfOpen: false,
      onread: {
        buffer: this.buffer,
        callback: (sizeBytes) => {
          connection?.receive(this.buffer, sizeBytes);
          return true;
        },
      },
    };
    const socket = new Socket(options as unknown as ConstructorParameters<typeof Socket>[0]);
    const session = new Session(admission.client, this.host.context);
    connection = new TcpConnection(socket, session, this.host, this.turnEnd, () => {
      this.connections.delete(connection!);
    });
    this.connections.add(connection);
    this.host.clients.add(admission.client, connection);
    const keepAliveSeconds = this.host.keepAliveSeconds();
    if (keepAliveSeconds > 0 && place === null) socket.setKeepAlive(true, keepAliveSeconds * 1000);
    socket.resume();
  }

  /** Stops accepting and closes every connection. */
  close(): void {
    this.stopListening();
    this.unixServer?.close();
    for (const connection of [...this.connections]) connection.destroy();
  }
}

/**
 * The end of a turn: after every socket that the event loop found readable has been read. Sending only then wakes peers that share
 * the machine once for many replies, as Valkey's beforeSleep does.
 */
class TurnEnd {
  private scheduled = false;
  private readonly run: () => void;

  constructor(endTurn: () => void) {
    this.run = () => {
      this.scheduled = false;
      endTurn();
    };
  }

  schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(this.run);
  }
}

class TcpConnection implements ClientConnection {
  private readonly socket: Socket;
  private readonly session: Session;
  private readonly host: TcpHost;
  private readonly turnEnd: TurnEnd;
  private draining = false;
  private ended = false;

  constructor(socket: Socket, session: Session, host: TcpHost, turnEnd: TurnEnd, gone: () => void) {
    this.socket = socket;
    this.session = session;
    this.host = host;
    this.turnEnd = turnEnd;
    socket.on('error', () => {
      // The close event follows and does what is to be done.
    });
    socket.on('close', () => {
      host.clients.remove(session.client);
      host.context.reply.release(session.client.output);
      host.endTurn();
      gone();
    });
    socket.on('drain', () => {
      this.draining = false;
      host.turn();
      this.flush();
      host.endTurn();
    });
  }

  receive(buffer: Uint8Array, sizeBytes: number): void {
    const { host } = this;
    host.traffic.reads++;
    host.traffic.inputBytes += sizeBytes;
    host.turn();
    this.session.receive(buffer, sizeBytes);
    if (this.session.client.output.length > MAX_DEFERRED_OUTPUT_BYTES) this.host.endTurn();
    else this.turnEnd.schedule();
  }

  resume(): void {
    this.session.resume();
  }

  trim(nowSeconds: number): void {
    this.session.trim(nowSeconds);
  }

  unsentBytes(): number {
    return this.socket.writableLength;
  }

  flush(): void {
    const { client } = this.session;
    const { output } = client;
    if (!this.draining && output.length > 0 && output.bytes !== null) {
      const { bytes, length } = output;
      client.traffic[1] = client.traffic[1]! + length;
      this.host.traffic.writes++;
      this.host.traffic.outputBytes += length;
      this.socket.write(Buffer.from(bytes.buffer, bytes.byteOffset, length));
      if (this.socket.writableLength === 0) this.host.context.reply.release(output);
      else {
        this.draining = this.socket.writableNeedDrain;
        output.bytes = null;
        output.length = 0;
      }
    }
    if (client.closing && output.length === 0 && !this.ended) {
      this.ended = true;
      this.socket.end();
    }
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** `1.2.3.4:5`, `[::1]:5`; `?:0` when the peer is gone already. */
function addressText(address: string | undefined, port: number | undefined): string {
  const plain = (address ?? '?').replace('::ffff:', '');
  return plain.includes(':') ? `[${plain}]:${port ?? 0}` : `${plain}:${port ?? 0}`;
}
