/**
 * A server under measurement: a child process on loopback, started with nothing persisted, ended by its pid.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What to start: the program and the arguments before the directives that every server gets. */
export type ServerCommand = {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
};

/** Measurements run on loopback ports of their own; each server started takes the next one. */
const FIRST_PORT = 17500;
const PORTS = 100;
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 5_000;
/** Between two attempts to connect: the resolution of the start time. */
const CONNECT_RETRY_MS = 1;

/** What must not outlive this process: ended when it exits, for whatever reason it does. */
export class Servers {
  readonly #running = new Set<ServerProcess>();
  #started = 0;

  constructor() {
    process.once('exit', () => {
      for (const server of this.#running) server.kill();
    });
  }

  async start(command: ServerCommand): Promise<ServerProcess> {
    const port = FIRST_PORT + (this.#started++ % PORTS);
    const server = new ServerProcess(command, port);
    this.#running.add(server);
    await server.ready();
    return server;
  }

  async stop(server: ServerProcess): Promise<void> {
    await server.stop();
    this.#running.delete(server);
  }
}

export class ServerProcess {
  readonly name: string;
  readonly port: number;
  /** From the moment the process was started to its first PONG. */
  startMs = 0;
  readonly #folder = mkdtempSync(join(tmpdir(), 'keyherd-bench-'));
  readonly #child: ChildProcess;
  readonly #begunMs = performance.now();
  #said = '';

  constructor(command: ServerCommand, port: number) {
    this.name = command.name;
    this.port = port;
    const directives = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    this.#child = spawn(command.program, [...command.args, ...directives], {
      cwd: this.#folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#said = (this.#said + chunk.toString()).slice(-2000);
      });
    }
  }

  /** Resolves once the server has answered PING. */
  async ready(): Promise<void> {
    let failure = '';
    this.#child.once('error', (error) => {
      failure = error.message;
    });
    while (performance.now() - this.#begunMs < START_TIMEOUT_MS) {
      if (failure !== '' || this.#child.exitCode !== null) break;
      if (await this.#answersPing()) {
        this.startMs = performance.now() - this.#begunMs;
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, CONNECT_RETRY_MS));
    }
    throw new Error(
      `${this.name} did not start on port ${this.port}: ${failure || this.#said.trim() || 'it said nothing'}`,
    );
  }

  /** Resident memory in bytes, as the kernel counts it. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    const match = status.match(/^VmRSS:\s+(\d+) kB$/m);
    if (match === null) throw new Error(`${this.name}: /proc/${this.#child.pid}/status names no VmRSS`);
    return Number(match[1]) * 1024;
  }

  connect(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true });
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(socket);
      });
      socket.once('error', reject);
    });
  }

  async stop(): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) resolve();
      else this.#child.once('exit', () => resolve());
    });
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(late);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The last resort, synchronous. */
  kill(): void {
    this.#child.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #answersPing(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect({ port: this.port, host: '127.0.0.1', noDelay: true });
      socket.once('connect', () => socket.write('PING\r\n'));
      socket.once('data', (chunk) => {
        socket.destroy();
        resolve(chunk.toString().startsWith('+PONG'));
      });
      socket.once('error', () => resolve(false));
      socket.once('close', () => resolve(false));
    });
  }
}
