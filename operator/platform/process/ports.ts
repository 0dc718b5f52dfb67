/** Finds ports for nodes: from the first one up, what no node has and nobody on this machine listens on. */
import { createServer } from 'node:net';
import { BUS_PORT_OFFSET, HOST } from './server-command.ts';

/** Beyond this many taken ports in a row something else is wrong. */
const MAX_TRIES = 1_000;
/** The bus port of the highest client port must be a port too. */
export const MAX_FIRST_PORT = 65_535 - BUS_PORT_OFFSET - MAX_TRIES;

export async function freePort(first: number, taken: ReadonlySet<number>): Promise<number> {
  for (let port = first; port < first + MAX_TRIES; port++) {
    if (!taken.has(port) && (await isFree(port)) && (await isFree(port + BUS_PORT_OFFSET))) return port;
  }
  throw new Error(`ports ${first} to ${first + MAX_TRIES - 1}: none is free: choose another first port with --port`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: HOST, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
