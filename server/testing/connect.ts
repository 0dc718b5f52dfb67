/** A connection to a server that a test has just started. */
import { connect, type Socket } from 'node:net';

const CONNECT_ATTEMPTS = 200;
const RETRY_MS = 50;

/** Connects to a port of this machine, and tries again while nobody listens yet; rejects after 10 s. */
export async function connectTo(port: number): Promise<Socket> {
  for (let attempt = 0; ; attempt++) {
    const socket = connect(port, '127.0.0.1');
    const problem = await new Promise<Error | null>((resolve) => {
      socket.once('connect', () => resolve(null));
      socket.once('error', resolve);
    });
    if (problem === null) return socket.setNoDelay(true);
    if (attempt === CONNECT_ATTEMPTS) throw problem;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
