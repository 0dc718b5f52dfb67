/**
 * Fills a server with keys as fast as it takes them: one connection, pipelined SETs built in one reused buffer.
 *
 * Keys are `key:` and twelve digits, the ones that valkey-benchmark and redis-benchmark use with -r, so that what is
 * loaded here is what they hit.
 */
import type { Socket } from 'node:net';
import type { ServerProcess } from './server-process.ts';

export const KEY_BYTES = 16;
export const VALUE_BYTES = 64;

const BATCH_KEYS = 10_000;
/** Batches sent ahead of the replies: enough to keep the server busy, little enough to bound what it buffers. */
const BATCHES_IN_FLIGHT = 2;
const OK_BYTES = '+OK\r\n'.length;
const DIGITS = 12;
/** A server that takes nothing for so long is not going to. */
const STALL_TIMEOUT_MS = 30_000;

const PREFIX = `*3\r\n$3\r\nSET\r\n$${KEY_BYTES}\r\nkey:`;
const MIDDLE = `\r\n$${VALUE_BYTES}\r\n`;
const COMMAND_BYTES = PREFIX.length + DIGITS + MIDDLE.length + VALUE_BYTES + 2;

/** Sets the keys from (inclusive) to (exclusive). */
export async function loadKeys(server: ServerProcess, from: number, to: number): Promise<void> {
  const socket = await server.connect();
  try {
    await pipe(socket, from, to);
  } catch (error) {
    throw new Error(`loading keys into ${server.name}: ${(error as Error).message}`);
  } finally {
    socket.destroy();
  }
}

function pipe(socket: Socket, from: number, to: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let next = from;
    let repliedBytes = 0;
    const send = () => {
      while (next < to && next - from - repliedBytes / OK_BYTES < BATCH_KEYS * BATCHES_IN_FLIGHT) {
        const count = Math.min(BATCH_KEYS, to - next);
        socket.write(batch(next, count));
        next += count;
      }
    };
    socket.setTimeout(STALL_TIMEOUT_MS, () => reject(new Error(`no reply for ${STALL_TIMEOUT_MS} ms`)));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
    socket.on('data', (chunk) => {
      // Every reply is +OK and five bytes long; an error says so in its first byte.
      if (chunk.includes('-')) return reject(new Error(chunk.toString().slice(0, 200)));
      repliedBytes += chunk.length;
      if (repliedBytes === (to - from) * OK_BYTES) resolve();
      else send();
    });
    send();
  });
}

function batch(first: number, count: number): Buffer {
  const bytes = Buffer.allocUnsafe(COMMAND_BYTES * count);
  let at = 0;
  for (let i = first; i < first + count; i++) {
    const digits = String(i).padStart(DIGITS, '0');
    at += bytes.write(PREFIX, at, 'latin1');
    at += bytes.write(digits, at, 'latin1');
    at += bytes.write(MIDDLE, at, 'latin1');
    at += bytes.write(digits.padEnd(VALUE_BYTES, 'v'), at, 'latin1');
    at += bytes.write('\r\n', at, 'latin1');
  }
  return bytes;
}
