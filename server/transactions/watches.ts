/**
 * Who watches which keys. A change to a watched key breaks the watcher's next EXEC.
 * Limit: the watched keys of a client are bounded by its own requests; all are dropped at EXEC, DISCARD, UNWATCH and its end.
 */

/** What a watched key takes of its client's memory besides its own length; about. */
const WATCH_BYTES = 64;

/** What WATCH needs of a client. */
export interface Watcher {
  watchBroken: boolean;
  watching: boolean;
  registeredBytes: number;
}

export class Watches {
  private readonly byKey: Map<string, Set<Watcher>> = new Map();
  private readonly byClient: Map<Watcher, Set<string>> = new Map();

  /** Watched keys, over all clients. */
  get count(): number {
    return this.byKey.size;
  }

  add(client: Watcher, key: string): void {
    let keys = this.byClient.get(client);
    if (keys === undefined) {
      keys = new Set();
      this.byClient.set(client, keys);
    }
    if (keys.has(key)) return;
    keys.add(key);
    client.registeredBytes += key.length + WATCH_BYTES;
    client.watching = true;
    const clients = this.byKey.get(key);
    if (clients === undefined) this.byKey.set(key, new Set([client]));
    else clients.add(client);
  }

  drop(client: Watcher): void {
    client.watching = false;
    client.watchBroken = false;
    for (const key of this.byClient.get(client) ?? []) {
      const clients = this.byKey.get(key);
      client.registeredBytes -= key.length + WATCH_BYTES;
      clients?.delete(client);
      if (clients?.size === 0) this.byKey.delete(key);
    }
    this.byClient.delete(client);
  }

  touch(key: string): void {
    for (const client of this.byKey.get(key) ?? []) client.watchBroken = true;
  }

  /** Keys that `client` watches. */
  keysOf(client: Watcher): Iterable<string> {
    return this.byClient.get(client) ?? [];
  }

  /** Every watched key for which `matches` holds is touched: FLUSHDB, SWAPDB, a slot that leaves. */
  touchAll(matches: (key: string) => boolean): void {
    for (const key of this.byKey.keys()) if (matches(key)) this.touch(key);
  }
}

/** A key of the maps: database index and the key's bytes as latin-1. */
export function watchKey(databaseIndex: number, bytes: Uint8Array, start: number, end: number): string {
  let text = `${databaseIndex}:`;
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
