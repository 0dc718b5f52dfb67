/** MIGRATE's connections: kept for the next exchange, and given up when there is any doubt about them. */
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { type TestClient, TestNode } from '../testing/test-node.ts';
import { wireMigrate } from './migrate.ts';

let target: Target | null = null;

afterEach(() => target?.close());

/** Answers OK to every request. */
class Target {
  connections = 0;
  requests = 0;
  /** After each answer. */
  trailer = '';
  readonly sockets: Socket[] = [];
  private readonly server: Server;

  constructor() {
    this.server = createServer((socket) => {
      this.connections++;
      this.sockets.push(socket);
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        const requests = bytes.toString('latin1').match(/(^|\r\n)\*\d+\r\n/g)?.length ?? 0;
        this.requests += requests;
        socket.write('+OK\r\n'.repeat(requests) + this.trailer);
      });
    });
  }

  async port(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    const address = this.server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

class Source {
  readonly client: TestClient;
  private readonly port: number;

  private constructor(port: number) {
    const test = new TestNode();
    wireMigrate(test.node);
    this.client = test.client();
    this.port = port;
  }

  static async beside(answering: Target): Promise<Source> {
    target = answering;
    return new Source(await answering.port());
  }

  async migrates(key: string, ...options: readonly string[]): Promise<void> {
    this.client.send('SET', key, 'value');
    let reply = this.client.send('MIGRATE', '127.0.0.1', String(this.port), key, '0', '5000', ...options);
    await vi.waitFor(() => expect((reply += this.client.drain())).not.toBe(''), { timeout: 5000, interval: 1 });
    expect(reply).toBe('+OK\r\n');
    expect(this.client.send('EXISTS', key)).toBe(':0\r\n');
  }

  get kept(): number {
    return Number(/migrate_cached_sockets:(\d+)/.exec(this.client.send('INFO', 'stats'))![1]);
  }
}

test('MIGRATE keeps its connection for the next one', async () => {
  const answering = new Target();
  const source = await Source.beside(answering);
  expect(source.kept).toBe(0);
  for (const key of ['a', 'b', 'c']) await source.migrates(key);
  expect(source.kept).toBe(1);
  expect(answering.connections).toBe(1);
  expect(answering.requests).toBe(6);
});

test('a kept connection that the target closed is not used, and counts no more', async () => {
  const answering = new Target();
  const source = await Source.beside(answering);
  await source.migrates('a');
  answering.sockets[0]!.destroy();
  // Whether the end has been heard of by now or is found when the next is sent.
  await source.migrates('b');
  expect(answering.connections).toBe(2);
  answering.sockets[1]!.destroy();
  await vi.waitFor(() => expect(source.kept).toBe(0), { timeout: 5000, interval: 1 });
});

test('a connection is not kept that authenticated, or said more than it was asked', async () => {
  const answering = new Target();
  const source = await Source.beside(answering);
  await source.migrates('a', 'AUTH', 'secret');
  expect(source.kept).toBe(0);
  answering.trailer = '+OK\r\n';
  await source.migrates('b');
  await vi.waitFor(() => expect(source.kept).toBe(0), { timeout: 5000, interval: 1 });
  answering.trailer = '';
  await source.migrates('c');
  expect(answering.connections).toBe(3);
});
