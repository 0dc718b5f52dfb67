/**
 * A cache of one kind of object that follows the API server and never gives up.
 *
 * It lists, then watches from the list's version. A watch that ends is resumed from the last version seen (bookmarks
 * keep that recent on quiet kinds); a version that is too old (410) leads to a new list; any other failure is tried
 * again after a pause that doubles up to a limit, with jitter, for ever. `onChange` is called after each change with
 * the object (its last shape when it was deleted), so that a caller can requeue what it belongs to.
 */

import { ApiError, type ObjectList, type WatchEvent } from './client.ts';
import { normalise, type RawObject, type StoredObject } from './objects.ts';

export interface WatchSource {
  list(): Promise<ObjectList>;
  watch(resourceVersion: string, signal: AbortSignal): AsyncIterable<WatchEvent>;
}

export interface InformerOptions {
  readonly source: WatchSource;
  readonly onChange: (object: StoredObject, deleted: boolean) => void;
  /** Told why a watch or list is being restarted after a failure. */
  readonly onRestart: (error: unknown, pauseMs: number) => void;
  /** Resolves after the pause, or at once when the signal aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** In [0, 1). */
  readonly random: () => number;
}

export const FIRST_PAUSE_MS = 500;
export const LONGEST_PAUSE_MS = 30_000;

export class Informer {
  readonly #options: InformerOptions;
  readonly #objects = new Map<string, StoredObject>();
  readonly #stop = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  #running: Promise<void> | undefined;
  #failures = 0;
  #version = '';

  constructor(options: InformerOptions) {
    this.#options = options;
  }

  /** Begins to follow; resolves once the first list is in the cache. */
  start(): Promise<void> {
    this.#running ??= this.#follow();
    return this.#synced.promise;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#synced.resolve();
    await this.#running;
  }

  get(namespace: string, name: string): StoredObject | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  list(): StoredObject[] {
    return [...this.#objects.values()];
  }

  /** Takes in the answer to a write of our own, so that the next look does not miss it while the watch lags behind. */
  absorb(raw: RawObject): void {
    const object = normalise(raw);
    // One that has just been deleted answers with its last shape; the watch will tell the rest.
    if (object.metadata.uid !== '') this.#put(object);
  }

  /** Failures in a row; 0 while all is well. */
  get failures(): number {
    return this.#failures;
  }

  async #follow(): Promise<void> {
    const signal = this.#stop.signal;
    while (!signal.aborted) {
      try {
        if (this.#version === '') await this.#relist();
        await this.#watchOnce(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (isTooOld(error)) {
          this.#version = '';
          // A server that keeps refusing fresh versions must not be asked in a tight loop: the first 410 is free.
          if (this.#failures++ === 0) continue;
        } else {
          this.#failures += 1;
        }
        const pauseMs = this.#pauseMs();
        this.#options.onRestart(error, pauseMs);
        await this.#options.sleep(pauseMs, signal);
      }
    }
  }

  async #relist(): Promise<void> {
    const { items, resourceVersion } = await this.#options.source.list();
    const gone = new Map(this.#objects);
    for (const item of items) {
      const object = normalise(item);
      gone.delete(keyOf(object));
      this.#put(object);
    }
    for (const object of gone.values()) this.#remove(object);
    this.#version = resourceVersion;
    this.#synced.resolve();
  }

  async #watchOnce(signal: AbortSignal): Promise<void> {
    let seen = 0;
    for await (const event of this.#options.source.watch(this.#version, signal)) {
      if (signal.aborted) return;
      seen += 1;
      if (event.type === 'ERROR') throw watchError(event);
      this.#failures = 0;
      const object = normalise(event.object);
      if (event.type === 'ADDED' || event.type === 'MODIFIED') this.#put(object);
      else if (event.type === 'DELETED') this.#remove(object);
      this.#version = object.metadata.resourceVersion;
    }
    // The server closed the watch in good order, as it does every few minutes. One that closes before it said
    // anything (a proxy that is shutting down) must not be asked in a tight loop.
    this.#failures = 0;
    if (seen === 0) await this.#options.sleep(FIRST_PAUSE_MS, signal);
  }

  #put(object: StoredObject): void {
    const key = keyOf(object);
    const known = this.#objects.get(key)?.metadata.resourceVersion;
    if (known !== undefined && !isNewer(object.metadata.resourceVersion, known)) return;
    this.#objects.set(key, object);
    this.#options.onChange(object, false);
  }

  #remove(object: StoredObject): void {
    const key = keyOf(object);
    const known = this.#objects.get(key);
    // A namesake made since, which we know from a write of our own, is not the object that was deleted.
    if (known === undefined || isNewer(known.metadata.resourceVersion, object.metadata.resourceVersion)) return;
    this.#objects.delete(key);
    this.#options.onChange(object, true);
  }

  /** Between half and the whole of a doubling pause: many operators must not come back in step. */
  #pauseMs(): number {
    const ceilingMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(this.#failures - 1, 16), LONGEST_PAUSE_MS);
    return Math.round(ceilingMs / 2 + (this.#options.random() * ceilingMs) / 2);
  }
}

function watchError(event: WatchEvent): Error {
  const { code = 0, reason = '', message = '' } = event.object;
  return new ApiError('watch', code, reason, message);
}

/** 410 Gone, as the answer to the request or as an event within the watch: the version is no longer in the history. */
function isTooOld(error: unknown): boolean {
  return error instanceof ApiError && error.status === 410;
}

/** Resource versions are decimal numbers of any length; as such they are comparable (Kubernetes 1.35 promises it). */
function isNewer(version: string, than: string): boolean {
  return version.length === than.length ? version > than : version.length > than.length;
}

function keyOf(object: StoredObject): string {
  return `${object.metadata.namespace}/${object.metadata.name}`;
}
