/**
 * One connection to one node: calls in, replies out, in order.
 * Every wait has a time-out and nothing is retried: the caller looks again and decides afresh.
 * After a time-out or a malformed reply the connection is closed, for the next reply could no longer be told from a late one.
 */

import type { Socket } from 'node:net';
import { connect } from 'node:net';
import RedisParser from 'redis-parser';
import { NodeError, NodeProtocolError, NodeTimeout, NodeUnreachable } from './errors.ts';

/** The limits of a connection, each with its reason. */
export const CONNECT_TIMEOUT_MS = 2_000; // A node on the same network answers within milliseconds; a lost pod's address does not answer at all.
export const CALL_TIMEOUT_MS = 3_000; // Covers a long turn of the event loop at the node, not a node that hangs.
export const MAX_REPLY_BYTES = 16 * 1024 * 1024; // CLUSTER NODES of 1000 nodes with ragged slots is below 2 MiB.
export const MAX_PENDING_CALLS = 1_024; // Nobody asks a node this many things at once: a loop that does is a bug.

export type Reply = string | number | null | readonly Reply[];

export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  /** Sent with AUTH before anything else; appears in no error and no log. */
  readonly password?: string | undefined;
  readonly username?: string | undefined;
  readonly connectTimeoutMs?: number;
  readonly callTimeoutMs?: number;
  readonly maxReplyBytes?: number;
}

export interface CallOptions {
  /** For a call that takes long by its nature (SHUTDOWN, WAIT); otherwise the connection's. */
  readonly timeoutMs?: number;
}

interface PendingCall {
  readonly command: string;
  readonly timer: NodeJS.Timeout;
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

export class NodeConnection {
  readonly address: string;
  readonly #socket: Socket;
  readonly #parser: RedisParser;
  readonly #callTimeoutMs: number;
  readonly #maxReplyBytes: number;
  readonly #pending: PendingCall[] = [];
  #unparsedBytes = 0;
  #failure: Error | null = null;

  /** Connects and, with a password, authenticates. */
  static async open(options: ConnectionOptions): Promise<NodeConnection> {
    const address = `${options.host}:${options.port}`;
    const socket = await dial(options.host, options.port, options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS);
    const connection = new NodeConnection(address, socket, options);
    if (options.password !== undefined) {
      try {
        await connection.call(
          options.username === undefined ? ['AUTH', options.password] : ['AUTH', options.username, options.password],
        );
      } catch (error) {
        connection.close();
        throw error;
      }
    }
    return connection;
  }

  private constructor(address: string, socket: Socket, options: ConnectionOptions) {
    this.address = address;
    this.#socket = socket;
    this.#callTimeoutMs = options.callTimeoutMs ?? CALL_TIMEOUT_MS;
    this.#maxReplyBytes = options.maxReplyBytes ?? MAX_REPLY_BYTES;
    this.#parser = new RedisParser({
      returnReply: (reply) => this.#onReply(reply),
      returnError: (error) => this.#onErrorReply(error),
      returnFatalError: (error) => this.#fail(new NodeProtocolError(this.address, `malformed reply: ${error.message}`)),
    });
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    socket.on('error', (error) => this.#fail(new NodeUnreachable(this.address, error.message)));
    socket.on('close', () => this.#fail(new NodeUnreachable(this.address, 'the connection was closed')));
  }

  /** Sends one command and waits for its reply; a nested error reply is returned as `-CODE text`. */
  call(parts: readonly (string | Uint8Array)[], options: CallOptions = {}): Promise<Reply> {
    const command = commandName(parts);
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#pending.length >= MAX_PENDING_CALLS) {
      return Promise.reject(
        new NodeProtocolError(this.address, `${MAX_PENDING_CALLS} calls are already waiting; ${command} was not sent`),
      );
    }
    const timeoutMs = options.timeoutMs ?? this.#callTimeoutMs;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#fail(new NodeTimeout(this.address, command, timeoutMs)), timeoutMs);
      this.#pending.push({ command, timer, resolve, reject });
      this.#socket.write(encodeCommand(parts));
    });
  }

  get isOpen(): boolean {
    return this.#failure === null;
  }

  /** Closes at once; calls still waiting fail as unreachable. */
  close(): void {
    this.#fail(new NodeUnreachable(this.address, 'the connection was closed by this client'));
  }

  #onData(bytes: Buffer): void {
    if (this.#failure !== null) return;
    this.#unparsedBytes += bytes.length;
    if (this.#unparsedBytes > this.#maxReplyBytes) {
      this.#fail(new NodeProtocolError(this.address, `the reply is larger than ${this.#maxReplyBytes} bytes`));
      return;
    }
    try {
      this.#parser.execute(bytes);
    } catch (error) {
      this.#fail(
        new NodeProtocolError(
          this.address,
          `malformed reply: ${error instanceof Error ? error.message : String(error)}`,
        ),
      );
    }
  }

  #onReply(reply: unknown): void {
    this.#settle()?.resolve(toReply(reply));
  }

  #onErrorReply(error: Error): void {
    const call = this.#settle();
    call?.reject(new NodeError(this.address, call.command, error.message));
  }

  #settle(): PendingCall | undefined {
    this.#unparsedBytes = 0;
    const call = this.#pending.shift();
    if (call === undefined) {
      this.#fail(new NodeProtocolError(this.address, 'a reply came that no call waits for'));
      return undefined;
    }
    clearTimeout(call.timer);
    return call;
  }

  #fail(error: Error): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#socket.destroy();
    this.#parser.reset();
    for (const call of this.#pending.splice(0)) {
      clearTimeout(call.timer);
      call.reject(error);
    }
  }
}

function dial(host: string, port: number, timeoutMs: number): Promise<Socket> {
  const address = `${host}:${port}`;
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new NodeTimeout(address, 'connect', timeoutMs));
    }, timeoutMs);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (error) => {
      clearTimeout(timer);
      reject(new NodeUnreachable(address, error.message));
    });
  });
}

/** What errors and time-outs call a command: its name, and the subcommand where there is one; never an argument, which could be a secret. */
function commandName(parts: readonly (string | Uint8Array)[]): string {
  const first = String(parts[0] ?? '').toUpperCase();
  return CONTAINER_COMMANDS.has(first) && typeof parts[1] === 'string' ? `${first} ${parts[1].toUpperCase()}` : first;
}

const CONTAINER_COMMANDS: ReadonlySet<string> = new Set(['CLUSTER', 'CONFIG', 'CLIENT', 'ACL', 'DEBUG']);

function encodeCommand(parts: readonly (string | Uint8Array)[]): Buffer {
  const chunks: Uint8Array[] = [Buffer.from(`*${parts.length}\r\n`)];
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    chunks.push(Buffer.from(`$${bytes.length}\r\n`), bytes, CRLF);
  }
  return Buffer.concat(chunks);
}

const CRLF = Buffer.from('\r\n');

function toReply(value: unknown): Reply {
  if (typeof value === 'string' || typeof value === 'number' || value === null) return value;
  if (Array.isArray(value)) return value.map(toReply);
  if (value instanceof Error) return `-${value.message}`;
  throw new TypeError(`a reply of type ${typeof value}`);
}
