/**
 * Publish/subscribe to many: messages a second to SUBSCRIBERS connections, from the first PUBLISH until everyone has everything.
 */
import type { Socket } from 'node:net';
import { type Effort, type Figure, median, type Pair, type Progress } from './measurements.ts';
import type { ServerProcess, Servers } from './server-process.ts';

const SUBSCRIBERS = 1000;
const MESSAGES = 500;
const MESSAGE = 'm'.repeat(64);
const CHANNEL = 'bench';
/** `*3 $7 message $5 bench $64 …` as a subscriber receives it. */
const DELIVERY_BYTES = `*3\r\n$7\r\nmessage\r\n$5\r\n${CHANNEL}\r\n$${MESSAGE.length}\r\n${MESSAGE}\r\n`.length;
const CONFIRMATION_BYTES = `*3\r\n$9\r\nsubscribe\r\n$5\r\n${CHANNEL}\r\n:1\r\n`.length;
const STALL_TIMEOUT_MS = 60_000;

export async function measureFanOut(
  servers: Servers,
  pair: Pair,
  effort: Effort,
  progress: Progress,
): Promise<Figure[]> {
  const runs: { ours: number[]; valkey: number[] } = { ours: [], valkey: [] };
  const messages = Math.max(20, Math.round(MESSAGES * effort.scale));
  for (const which of ['valkey', 'ours'] as const) {
    const server = await servers.start(pair[which]);
    const group = await Subscribers.connect(server);
    for (let run = 0; run < effort.runs; run++) runs[which].push(await group.rate(messages));
    progress(`fan-out: ${Math.round(median(runs[which]) / 1000)} k deliveries/s with ${pair[which].name}`);
    group.close();
    await servers.stop(server);
  }
  const name = `PUBLISH to ${SUBSCRIBERS}`;
  return [{ name, unit: 'requests/s', ours: median(runs.ours), valkey: median(runs.valkey), runs }];
}

class Subscribers {
  private readonly sockets: readonly Socket[];
  private readonly publisher: Socket;
  private received = 0;
  private wanted = 0;
  private wake: () => void = () => {};

  private constructor(sockets: readonly Socket[], publisher: Socket) {
    this.sockets = sockets;
    this.publisher = publisher;
    for (const socket of sockets) socket.on('data', (chunk) => this.count(chunk.length));
    publisher.on('data', () => {});
  }

  static async connect(server: ServerProcess): Promise<Subscribers> {
    const sockets: Socket[] = [];
    for (let i = 0; i < SUBSCRIBERS; i++) sockets.push(await server.connect());
    const group = new Subscribers(sockets, await server.connect());
    const all = group.wait(SUBSCRIBERS * CONFIRMATION_BYTES);
    for (const socket of sockets) socket.write(`*2\r\n$9\r\nSUBSCRIBE\r\n$5\r\n${CHANNEL}\r\n`);
    await all;
    return group;
  }

  /** Deliveries a second of so many messages. */
  async rate(messages: number): Promise<number> {
    const all = this.wait(messages * SUBSCRIBERS * DELIVERY_BYTES);
    const beganAtMs = performance.now();
    this.publisher.write(
      `*3\r\n$7\r\nPUBLISH\r\n$5\r\n${CHANNEL}\r\n$${MESSAGE.length}\r\n${MESSAGE}\r\n`.repeat(messages),
    );
    await all;
    return (messages * SUBSCRIBERS * 1000) / (performance.now() - beganAtMs);
  }

  private count(bytes: number): void {
    this.received += bytes;
    if (this.received >= this.wanted) this.wake();
  }

  private wait(bytes: number): Promise<void> {
    this.received = 0;
    this.wanted = bytes;
    return new Promise((resolve, reject) => {
      const late = setTimeout(
        () =>
          reject(new Error(`subscribers received ${this.received} of ${bytes} bytes in ${STALL_TIMEOUT_MS / 1000} s`)),
        STALL_TIMEOUT_MS,
      );
      this.wake = () => {
        clearTimeout(late);
        resolve();
      };
    });
  }

  close(): void {
    for (const socket of [...this.sockets, this.publisher]) socket.destroy();
  }
}
