/**
 * The requests that the operator makes of the API server, over Node's own https: get, list, watch, create, update,
 * server-side apply and delete. Each has a time limit, each is counted, and a verb outside the table of resources is
 * refused here, before RBAC would.
 *
 * Why not @kubernetes/client-node at run time: importing it costs 0.7 s and 86 MB of memory (the operator is then
 * twice its size), its watch swallows undecodable lines, and its informer gives up on most errors. Its types are used.
 */

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Credentials } from './credentials.ts';
import type { RawObject } from './objects.ts';
import { allows, apiVersionOf, pathOf, type Resource, type Verb } from './resources.ts';

/** Who owns the fields that we apply. The number of pods has an owner of its own: see build/stateful-set.ts. */
export const FIELD_MANAGER = 'keyherd';
export const SCALE_FIELD_MANAGER = 'keyherd-scale';

/** Limits of one request. */
const REQUEST_TIMEOUT_MS = 10_000;
const LIST_PAGE_SIZE = 500;
/** A list of 500 pods is about 5 MB; beyond this something is wrong, and the operator must not die of it. */
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
const MAX_WATCH_LINE_BYTES = 8 * 1024 * 1024;
/** How long the server keeps a watch open; we allow it this much more before the connection counts as dead. */
const WATCH_SECONDS = 290;
const WATCH_GRACE_MS = 30_000;
const TCP_KEEPALIVE_MS = 15_000;

/** An answer that is not 2xx. `status` 0 means that no answer came. */
export class ApiError extends Error {
  readonly status: number;
  readonly reason: string;
  constructor(what: string, status: number, reason: string, message: string) {
    super(`${what}: ${status === 0 ? 'no answer' : status}${reason === '' ? '' : ` ${reason}`}: ${message}`);
    this.name = 'ApiError';
    this.status = status;
    this.reason = reason;
  }
}

export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.status === 404;
export const isConflict = (error: unknown): boolean => error instanceof ApiError && error.status === 409;

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: RawObject & { readonly code?: number; readonly message?: string; readonly reason?: string };
}

export interface ObjectList {
  readonly items: RawObject[];
  readonly resourceVersion: string;
}

export interface DeleteOptions {
  /** Deletes only the object that was looked at, never a namesake made since. */
  readonly uid: string;
  readonly gracePeriodSeconds?: number;
  /** Keep the object, with a deletionTimestamp, until what it owns is gone. */
  readonly foreground?: boolean;
}

export interface ApplyOptions {
  readonly fieldManager?: string;
  /** Take over fields that others set; without it they lead to a conflict. */
  readonly force: boolean;
  readonly subresource?: string;
}

/** Told of every finished request: verb, kind, HTTP status (0 when none). */
export type RequestObserver = (verb: Verb, resource: Resource, status: number) => void;

interface Call {
  readonly verb: Verb;
  readonly resource: Resource;
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly contentType?: string;
}

export class ApiClient {
  readonly #credentials: Credentials;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #secure: boolean;
  readonly #observe: RequestObserver;

  constructor(credentials: Credentials, observe: RequestObserver = () => {}) {
    this.#credentials = credentials;
    this.#observe = observe;
    this.#secure = credentials.server.startsWith('https:');
    const options = { keepAlive: true, keepAliveMsecs: TCP_KEEPALIVE_MS };
    this.#agent = this.#secure
      ? new HttpsAgent({ ...options, ca: credentials.ca, cert: credentials.cert, key: credentials.key })
      : new HttpAgent(options);
  }

  /** The object, or undefined when there is none. */
  async get(resource: Resource, namespace: string, name: string): Promise<RawObject | undefined> {
    try {
      return await this.#json({ verb: 'get', resource, method: 'GET', path: pathOf(resource, namespace, name) });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** All objects of a kind in a namespace ('' for all), page by page. */
  async list(resource: Resource, namespace: string, labelSelector = ''): Promise<ObjectList> {
    const items: RawObject[] = [];
    let next = '';
    for (;;) {
      const page = await this.#json<{
        metadata?: { resourceVersion?: string; continue?: string };
        items?: RawObject[];
      }>({
        verb: 'list',
        resource,
        method: 'GET',
        path: pathOf(resource, namespace),
        query: {
          limit: String(LIST_PAGE_SIZE),
          ...(labelSelector === '' ? {} : { labelSelector }),
          ...(next === '' ? {} : { continue: next }),
        },
      });
      items.push(...(page.items ?? []));
      next = page.metadata?.continue ?? '';
      if (next === '') return { items, resourceVersion: page.metadata?.resourceVersion ?? '' };
    }
  }

  create(resource: Resource, namespace: string, object: object): Promise<RawObject> {
    return this.#json({
      verb: 'create',
      resource,
      method: 'POST',
      path: pathOf(resource, namespace),
      query: { fieldManager: FIELD_MANAGER },
      body: typed(resource, object),
      contentType: 'application/json',
    });
  }

  /** Replaces an object; the resourceVersion inside makes it fail with a conflict when it changed since. */
  update(resource: Resource, namespace: string, name: string, object: object): Promise<RawObject> {
    return this.#json({
      verb: 'update',
      resource,
      method: 'PUT',
      path: pathOf(resource, namespace, name),
      query: { fieldManager: FIELD_MANAGER },
      body: typed(resource, object),
      contentType: 'application/json',
    });
  }

  /** Server-side apply: creates the object, or makes our fields of it what `object` says. */
  apply(
    resource: Resource,
    namespace: string,
    name: string,
    object: object,
    options: ApplyOptions,
  ): Promise<RawObject> {
    const { fieldManager = FIELD_MANAGER, force, subresource = '' } = options;
    return this.#json(
      {
        verb: 'apply',
        resource,
        method: 'PATCH',
        path: pathOf(resource, namespace, name, subresource),
        query: { fieldManager, force: String(force) },
        body: typed(resource, object),
        contentType: 'application/apply-patch+yaml',
      },
      subresource,
    );
  }

  /** Deletes the object with this uid; one that is gone, or is another by now, counts as deleted. */
  async delete(resource: Resource, namespace: string, name: string, options: DeleteOptions): Promise<void> {
    try {
      await this.#json({
        verb: 'delete',
        resource,
        method: 'DELETE',
        path: pathOf(resource, namespace, name),
        body: JSON.stringify({
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          propagationPolicy: options.foreground === true ? 'Foreground' : 'Background',
          preconditions: { uid: options.uid },
          ...(options.gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds: options.gracePeriodSeconds }),
        }),
        contentType: 'application/json',
      });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }

  /** Changes after `resourceVersion`, until the server ends the watch or the signal aborts it. */
  async *watch(
    resource: Resource,
    namespace: string,
    labelSelector: string,
    resourceVersion: string,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent> {
    const response = await this.#send(
      {
        verb: 'watch',
        resource,
        method: 'GET',
        path: pathOf(resource, namespace),
        query: {
          watch: 'true',
          allowWatchBookmarks: 'true',
          timeoutSeconds: String(WATCH_SECONDS),
          resourceVersion,
          ...(labelSelector === '' ? {} : { labelSelector }),
        },
      },
      '',
      WATCH_SECONDS * 1000 + WATCH_GRACE_MS,
      signal,
    );
    let rest = '';
    response.setEncoding('utf8');
    for await (const chunk of response as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MAX_WATCH_LINE_BYTES) {
        response.destroy();
        throw new ApiError(`watch ${resource.plural}`, 200, '', `a line of more than ${MAX_WATCH_LINE_BYTES} bytes`);
      }
      for (const line of lines) if (line !== '') yield JSON.parse(line) as WatchEvent;
    }
  }

  /** Closes idle connections. */
  close(): void {
    this.#agent.destroy();
  }

  async #json<T = RawObject>(call: Call, subresource = ''): Promise<T> {
    const response = await this.#send(call, subresource, REQUEST_TIMEOUT_MS);
    return JSON.parse(await readAll(response, describe(call))) as T;
  }

  /** Sends a call and resolves with its response once the status is known to be 2xx. */
  #send(call: Call, subresource: string, timeoutMs: number, signal?: AbortSignal): Promise<IncomingMessage> {
    const { verb, resource } = call;
    if (!allows(resource, verb, subresource)) {
      throw new Error(
        `${describe(call)}: "${verb}" is not in the table of resources (operator/platform/kubernetes/api/resources.ts); add it there and to the chart's RBAC`,
      );
    }
    const url = new URL(this.#credentials.server + call.path);
    for (const [key, value] of Object.entries(call.query ?? {})) url.searchParams.set(key, value);
    const headers: Record<string, string> = { accept: 'application/json' };
    const token = this.#credentials.bearerToken(performance.now());
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    if (call.body !== undefined) {
      headers['content-type'] = call.contentType ?? 'application/json';
      headers['content-length'] = String(Buffer.byteLength(call.body));
    }
    const limit = AbortSignal.timeout(timeoutMs);
    const combined = signal === undefined ? limit : AbortSignal.any([limit, signal]);
    return new Promise((resolve, reject) => {
      const send = this.#secure ? httpsRequest : httpRequest;
      const outgoing = send(url, { method: call.method, headers, agent: this.#agent, signal: combined }, (response) => {
        const status = response.statusCode ?? 0;
        this.#observe(verb, resource, status);
        if (status >= 200 && status < 300) return resolve(response);
        readAll(response, describe(call)).then((text) => reject(errorOf(call, status, text)), reject);
      });
      outgoing.on('error', (error) => {
        this.#observe(verb, resource, 0);
        reject(new ApiError(describe(call), 0, '', limit.aborted ? `no answer within ${timeoutMs} ms` : error.message));
      });
      outgoing.end(call.body);
    });
  }
}

function typed(resource: Resource, object: object): string {
  return JSON.stringify({ apiVersion: apiVersionOf(resource), kind: resource.kind, ...object });
}

function describe(call: Call): string {
  return `${call.verb} ${call.path}`;
}

function errorOf(call: Call, status: number, text: string): ApiError {
  try {
    const answer = JSON.parse(text) as { reason?: string; message?: string };
    return new ApiError(describe(call), status, answer.reason ?? '', answer.message ?? '');
  } catch {
    return new ApiError(describe(call), status, '', text.slice(0, 200));
  }
}

async function readAll(response: IncomingMessage, what: string): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_RESPONSE_BYTES) {
      response.destroy();
      throw new ApiError(what, 200, '', `an answer of more than ${MAX_RESPONSE_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
