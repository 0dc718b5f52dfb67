/** For tests: a TCP server on loopback that answers each command with the bytes its script gives, or not at all. */

import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import RedisParser from 'redis-parser';

/** Raw reply bytes; `silence` answers nothing; `hangUp` closes the connection. */
export type ScriptedAnswer = string | typeof silence | typeof hangUp;
export const silence = Symbol('silence');
export const hangUp = Symbol('hang up');

export class ScriptedNode {
  readonly received: string[][] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  static async start(answer: (command: string[]) => ScriptedAnswer): Promise<ScriptedNode> {
    const node = new ScriptedNode(answer);
    await new Promise<void>((resolve) => node.#server.listen(0, '127.0.0.1', resolve));
    return node;
  }

  private constructor(answer: (command: string[]) => ScriptedAnswer) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      const refuse = (error: Error): void => {
        socket.destroy(error);
      };
      const parser = new RedisParser({
        returnReply: (command) => {
          const words = command as string[];
          this.received.push(words);
          const bytes = answer(words);
          if (bytes === hangUp) socket.destroy();
          else if (bytes !== silence) socket.write(bytes);
        },
        returnError: refuse,
        returnFatalError: refuse,
      });
      socket.on('data', (bytes: Buffer) => parser.execute(bytes));
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

export function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}

export function array(items: readonly string[]): string {
  return `*${items.length}\r\n${items.join('')}`;
}
