/**
 * A client that speaks RESP2 and nothing else, for tests between processes: it sends a word as it is and follows no redirection.
 * A character of a word or a reply is a byte.
 */
import type { Socket } from 'node:net';
import RedisParser from 'redis-parser';
import { connectTo } from './connect.ts';
import { requestText } from './replies.ts';

export type Resp2Reply = string | number | null | Error | readonly Resp2Reply[];

const POLL_MS = 20;
const CLOSED = 'the connection was closed';

export class Resp2Client {
  /** By either side; what was waiting has an error for a reply. */
  closed = false;
  private readonly socket: Socket;
  private readonly waiting: ((reply: Resp2Reply) => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    const answer = (reply: unknown): void => this.waiting.shift()?.(latin1(reply));
    const parser = new RedisParser({
      returnReply: answer,
      returnError: answer,
      returnFatalError: answer,
      returnBuffers: true,
    });
    socket.on('data', (bytes: Buffer) => parser.execute(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      for (const resolve of this.waiting.splice(0)) resolve(new Error(CLOSED));
    });
  }

  static async open(port: number): Promise<Resp2Client> {
    return new Resp2Client(await connectTo(port));
  }

  /** Never rejects: an error is a reply. */
  send(...words: readonly (string | number)[]): Promise<Resp2Reply> {
    // In a turn of its own: who asks again and again must not keep the others from theirs.
    if (this.closed) return new Promise((resolve) => setImmediate(resolve, new Error(CLOSED)));
    this.socket.write(requestText(words.map(String)), 'latin1');
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Repeats a command until its reply has this in it. */
  async until(part: string, ...words: readonly (string | number)[]): Promise<void> {
    while (!String(await this.send(...words)).includes(part)) {
      if (this.closed) throw new Error(`${words.join(' ')}: ${CLOSED}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  close(): void {
    this.socket.destroy();
  }
}

function latin1(reply: unknown): Resp2Reply {
  if (reply instanceof Uint8Array) return Buffer.from(reply).toString('latin1');
  return Array.isArray(reply) ? reply.map(latin1) : (reply as Resp2Reply);
}
