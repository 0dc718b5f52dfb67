/**
 * The operator's HTTP endpoints.
 *  /healthz  200 while the event loop turns and the caches are not stuck: the kubelet restarts the pod otherwise
 *  /readyz   200 once the caches are filled; a candidate that waits for the Lease is ready too
 *  /metrics  Prometheus text
 * Nothing else is answered, and requests have no bodies that are read.
 */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What an endpoint says: undefined is well, a text is why not. */
export type Check = () => string | undefined;

export interface EndpointOptions {
  readonly host: string;
  readonly port: number;
  readonly healthy: Check;
  readonly ready: Check;
  readonly metrics: () => string;
}

const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 64;

export interface Endpoints {
  readonly port: number;
  close(): Promise<void>;
}

export async function serveEndpoints(options: EndpointOptions): Promise<Endpoints> {
  const server: Server = createServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      const {
        status,
        body,
        type = 'text/plain; charset=utf-8',
      } = answer(options, request.method ?? '', request.url ?? '');
      response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
      response.end(request.method === 'HEAD' ? undefined : body);
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(
  options: EndpointOptions,
  method: string,
  url: string,
): { status: number; body: string; type?: string } {
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, body: 'only GET\n' };
  switch (url.split('?', 1)[0]) {
    case '/healthz':
      return checked(options.healthy);
    case '/readyz':
      return checked(options.ready);
    case '/metrics':
      return { status: 200, body: options.metrics(), type: 'text/plain; version=0.0.4; charset=utf-8' };
    default:
      return { status: 404, body: 'there are /healthz, /readyz and /metrics\n' };
  }
}

function checked(check: Check): { status: number; body: string } {
  const problem = check();
  return problem === undefined ? { status: 200, body: 'ok\n' } : { status: 503, body: `${problem}\n` };
}
