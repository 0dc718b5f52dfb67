/** The client against a small HTTP server: what goes over the wire, and what becomes of bad answers. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { ApiClient, ApiError, type WatchEvent } from './client.ts';
import { EVENTS, PODS, STATEFUL_SETS, VALKEY_CLUSTERS } from './resources.ts';

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

async function withServer(answer: Answer, use: (client: ApiClient, seen: string[]) => Promise<void>): Promise<void> {
  const seen: string[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    seen.push(`${request.method} ${request.url} ${request.headers['content-type'] ?? ''} ${body}`.trim());
    answer(request, response, body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new ApiClient({
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bearerToken: () => 'secret',
  });
  try {
    await use(client, seen);
  } finally {
    client.close();
    server.closeAllConnections();
    server.close();
  }
}

const json = (response: ServerResponse, status: number, value: object) =>
  response.writeHead(status).end(JSON.stringify(value));

test('a list is read page by page, and its version is that of the last page', async () => {
  await withServer(
    (request, response) => {
      const second = request.url?.includes('continue=next') === true;
      json(response, 200, {
        metadata: second ? { resourceVersion: '7' } : { resourceVersion: '7', continue: 'next' },
        items: [{ metadata: { name: second ? 'b' : 'a' } }],
      });
    },
    async (client, seen) => {
      const list = await client.list(PODS, 'n', 'app=x');
      expect(list).toEqual({ items: [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }], resourceVersion: '7' });
      expect(seen).toEqual([
        'GET /api/v1/namespaces/n/pods?limit=500&labelSelector=app%3Dx',
        'GET /api/v1/namespaces/n/pods?limit=500&labelSelector=app%3Dx&continue=next',
      ]);
    },
  );
});

test('apply is a server-side apply by our field manager, with kind and version filled in', async () => {
  await withServer(
    (_request, response) => json(response, 200, {}),
    async (client, seen) => {
      await client.apply(VALKEY_CLUSTERS, 'n', 'c', { status: {} }, { force: true, subresource: 'status' });
      expect(seen).toEqual([
        'PATCH /apis/keyherd.dev/v1alpha1/namespaces/n/valkeyclusters/c/status?fieldManager=keyherd&force=true application/apply-patch+yaml {"apiVersion":"keyherd.dev/v1alpha1","kind":"ValkeyCluster","status":{}}',
      ]);
    },
  );
});

test('a delete names the uid, and an object that is gone or replaced counts as deleted', async () => {
  const statuses = [200, 404, 409];
  await withServer(
    (_request, response) => json(response, statuses.shift() ?? 500, {}),
    async (client, seen) => {
      for (let index = 0; index < 3; index += 1)
        await client.delete(STATEFUL_SETS, 'n', 's', { uid: 'u', foreground: true });
      expect(seen[0]).toContain('"propagationPolicy":"Foreground","preconditions":{"uid":"u"}');
      await expect(client.delete(STATEFUL_SETS, 'n', 's', { uid: 'u' })).rejects.toThrow(ApiError);
    },
  );
});

test('a refusal carries status, reason and words', async () => {
  await withServer(
    (_request, response) => json(response, 403, { reason: 'Forbidden', message: 'not you' }),
    async (client) => {
      await expect(client.create(EVENTS, 'n', {})).rejects.toMatchObject({
        status: 403,
        reason: 'Forbidden',
        message: 'create /apis/events.k8s.io/v1/namespaces/n/events: 403 Forbidden: not you',
      });
    },
  );
});

test('a watch yields its lines however they are cut, and ends with the response', async () => {
  await withServer(
    (_request, response) => {
      response.writeHead(200);
      response.write('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n{"type":"BOOK');
      setImmediate(() => response.end('MARK","object":{}}\n'));
    },
    async (client, seen) => {
      const events: WatchEvent[] = [];
      for await (const event of client.watch(PODS, '', 'x=y', '42', new AbortController().signal)) events.push(event);
      expect(events.map((event) => event.type)).toEqual(['ADDED', 'BOOKMARK']);
      expect(seen[0]).toContain('allowWatchBookmarks=true');
      expect(seen[0]).toContain('resourceVersion=42');
    },
  );
});

test('aborting ends a watch that is silent', async () => {
  await withServer(
    (_request, response) => {
      response.writeHead(200).flushHeaders();
    },
    async (client) => {
      const abort = new AbortController();
      setImmediate(() => abort.abort());
      await expect(client.watch(PODS, '', '', '1', abort.signal).next()).rejects.toThrow();
    },
  );
});

test('a verb outside the table is refused before it is sent', async () => {
  await withServer(
    (_request, response) => json(response, 200, {}),
    async (client, seen) => {
      await expect(client.create(PODS, 'n', {})).rejects.toThrow('"create" is not in the table of resources');
      expect(seen).toEqual([]);
    },
  );
});
