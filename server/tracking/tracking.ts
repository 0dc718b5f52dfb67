/**
 * Client-side caching: which clients may hold which keys, and telling them when those keys change.
 *
 * In the default mode the keys that a tracking client reads are remembered and each is told once. In broadcasting mode clients name
 * prefixes, and are told at the end of the turn of all changed keys that begin with one.
 * Keys are latin-1 text of their bytes, whatever the database. Limit: `tracking-table-max-keys` remembered keys, the oldest go first;
 * the number of clients of a key is bounded by `maxclients`. Source: Valkey 9.1 tracking.c.
 */
import type { Client } from '../commands/client.ts';
import type { Clients } from '../commands/clients.ts';
import type { KeyReferences } from '../commands/key-references.ts';
import type { Arguments } from '../protocol/arguments.ts';
import { latin1 } from '../protocol/numbers.ts';
import type { ReplyWriter } from '../protocol/reply.ts';

/** Keys given up at once when the table is over its limit; as many more each time that it still is. */
const EVICTED_AT_ONCE = 100;
/** What a prefix counts as its client's memory: an entry of a set, as its text is shared between clients. */
const PREFIX_BYTES = 24;
const INVALIDATE_CHANNEL = '__redis__:invalidate';

/** What a client asked for by CLIENT TRACKING. */
export interface TrackingState {
  readonly broadcast: boolean;
  readonly optIn: boolean;
  readonly optOut: boolean;
  readonly noLoop: boolean;
  /** CLIENT CACHING was sent: it turns the mode's rule around for the next command. */
  caching: boolean;
  /** The client that is told in its place; 0 for itself. */
  readonly redirect: number;
  /** That client is gone. */
  brokenRedirect: boolean;
  readonly prefixes: Set<string>;
}

export interface TrackingOptions {
  readonly broadcast: boolean;
  readonly optIn: boolean;
  readonly optOut: boolean;
  readonly noLoop: boolean;
  readonly redirect: number;
  readonly prefixes: readonly string[];
}

interface Broadcast {
  readonly clients: Set<Client>;
  /** Keys that changed in this turn, with who changed each last. */
  readonly keys: Map<string, Client | null>;
}

export class Tracking {
  /** Told whether there is anybody to tell. */
  readonly onPresence: (present: boolean) => void;
  maxKeys = 0;
  /** Something waits for the end of the command. */
  hasPending = false;
  /** Something waits for the end of the turn. */
  hasBroadcast = false;
  private readonly clients: Clients;
  /** Ids of the clients that may hold a key. */
  private table: Map<string, Set<number>> = new Map();
  private items = 0;
  /** How often in a row the table was found over its limit. */
  private timesOver = 0;
  private readonly prefixes: Map<string, Broadcast> = new Map();
  private readonly tracking: Set<Client> = new Set();
  /** Keys of which the client that runs a command is told after its reply; null for all keys. */
  private pending: (string | null)[] = [];

  constructor(clients: Clients, onPresence: (present: boolean) => void) {
    this.clients = clients;
    this.onPresence = onPresence;
    clients.onGone((client) => this.stop(client));
  }

  get clientCount(): number {
    return this.tracking.size;
  }

  get keyCount(): number {
    return this.table.size;
  }

  get itemCount(): number {
    return this.items;
  }

  get prefixCount(): number {
    return this.prefixes.size;
  }

  // --- Who tracks ----------------------------------------------------------------------------------------------------

  start(client: Client, options: TrackingOptions): void {
    const kept = client.tracking?.prefixes ?? new Set<string>();
    client.tracking = { ...options, caching: false, brokenRedirect: false, prefixes: kept };
    this.tracking.add(client);
    if (options.broadcast) {
      for (const prefix of options.prefixes.length === 0 ? [''] : options.prefixes) {
        if (kept.has(prefix)) continue;
        kept.add(prefix);
        client.registeredBytes += PREFIX_BYTES;
        const broadcast = this.prefixes.get(prefix);
        if (broadcast === undefined) this.prefixes.set(prefix, { clients: new Set([client]), keys: new Map() });
        else broadcast.clients.add(client);
      }
    }
    this.onPresence(true);
  }

  /** What the table remembers of the client goes when its keys change. */
  stop(client: Client): void {
    const state = client.tracking;
    if (state === null) return;
    for (const prefix of state.prefixes) {
      client.registeredBytes -= PREFIX_BYTES;
      const broadcast = this.prefixes.get(prefix);
      broadcast?.clients.delete(client);
      if (broadcast?.clients.size === 0) this.prefixes.delete(prefix);
    }
    client.tracking = null;
    this.tracking.delete(client);
    if (this.tracking.size > 0) return;
    this.table = new Map();
    this.items = 0;
    this.onPresence(false);
  }

  // --- Reads ---------------------------------------------------------------------------------------------------------

  /** The client has read these keys. */
  remember(client: Client, keys: KeyReferences, args: Arguments): void {
    const state = client.tracking!;
    if (state.broadcast || (state.optIn && !state.caching) || (state.optOut && state.caching)) return;
    for (let i = 0; i < keys.count; i++) {
      const index = keys.indexes[i]!;
      const key = latin1(args.bytes, args.starts[index]!, args.ends[index]!);
      const ids = this.table.get(key);
      if (ids === undefined) this.table.set(key, new Set([client.id]));
      else if (ids.has(client.id)) continue;
      else ids.add(client.id);
      this.items++;
    }
  }

  /** Gives up keys beyond the limit: their clients are told as if they had changed. */
  limit(): void {
    if (this.maxKeys === 0 || this.table.size <= this.maxKeys) {
      this.timesOver = 0;
      return;
    }
    this.timesOver++;
    let left = EVICTED_AT_ONCE * this.timesOver;
    for (const key of this.table.keys()) {
      if (this.table.size <= this.maxKeys || left-- === 0) return;
      this.invalidate(key);
    }
  }

  // --- Changes -------------------------------------------------------------------------------------------------------

  /** A key changes, by the client whose command runs if there is one. */
  touched(bytes: Uint8Array, start: number, end: number): void {
    const key = latin1(bytes, start, end);
    for (const [prefix, broadcast] of this.prefixes) {
      if (!key.startsWith(prefix)) continue;
      broadcast.keys.set(key, this.clients.current);
      this.hasBroadcast = true;
    }
    if (this.table.size > 0) this.invalidate(key);
  }

  private invalidate(key: string): void {
    const ids = this.table.get(key);
    if (ids === undefined) return;
    this.table.delete(key);
    this.items -= ids.size;
    const { current } = this.clients;
    for (const id of ids) {
      const client = id === current?.id ? current : this.clients.find(id);
      if (client === null || client.tracking === null || client.tracking.broadcast) continue;
      if (client === current) {
        if (client.tracking.noLoop) continue;
        this.pending.push(key);
        this.hasPending = true;
      } else this.send(client, (reply) => writeKeys(reply, [key]));
    }
  }

  /** All keys are gone: a null in place of their names. */
  flushed(): void {
    const { current } = this.clients;
    for (const client of this.tracking) {
      if (client === current) {
        this.pending.push(null);
        this.hasPending = true;
      } else this.send(client, (reply) => reply.nil());
    }
    this.table = new Map();
    this.items = 0;
  }

  /** After a command: its own client is told what it changed. */
  sendPending(client: Client): void {
    const keys = this.pending;
    this.pending = [];
    this.hasPending = false;
    if (client.tracking === null) return;
    for (const key of keys) this.send(client, (reply) => (key === null ? reply.nil() : writeKeys(reply, [key])));
  }

  /** The end of a turn: what changed goes to the broadcasting clients. */
  sendBroadcasts(): void {
    this.hasBroadcast = false;
    for (const prefix of [...this.prefixes.keys()].sort()) {
      const { clients, keys } = this.prefixes.get(prefix)!;
      if (keys.size === 0) continue;
      const names = [...keys.keys()].sort();
      for (const client of clients) {
        const own = client.tracking?.noLoop === true ? names.filter((key) => keys.get(key) !== client) : names;
        if (own.length > 0) this.send(client, (reply) => writeKeys(reply, own));
      }
      keys.clear();
    }
  }

  /** RESP3 clients get a push; RESP2 ones only through a redirection to one that is subscribed to the channel. */
  private send(client: Client, writeNames: (reply: ReplyWriter) => void): void {
    const state = client.tracking;
    if (state === null) return;
    let target = client;
    if (state.redirect !== 0) {
      const found = this.clients.find(state.redirect);
      if (found === null || found.closing || found.killed) {
        state.brokenRedirect = true;
        if (client.output.protocol === 2) return;
        this.clients.writeTo(client, (reply) => {
          reply.push(2);
          reply.bulkText('tracking-redir-broken');
          reply.integer(state.redirect);
        });
        return;
      }
      target = found;
    }
    if (target.output.protocol > 2) {
      this.clients.writeTo(target, (reply) => {
        reply.push(2);
        reply.bulkText('invalidate');
        writeNames(reply);
      });
    } else if (state.redirect !== 0 && target.subscriptions > 0) {
      this.clients.writeTo(target, (reply) => {
        reply.push(3);
        reply.bulkText('message');
        reply.bulkText(INVALIDATE_CHANNEL);
        writeNames(reply);
      });
    }
  }
}

function writeKeys(reply: ReplyWriter, keys: readonly string[]): void {
  reply.array(keys.length);
  for (const key of keys) {
    const bytes = Uint8Array.from(key, (character) => character.charCodeAt(0));
    reply.bulk(bytes, 0, bytes.length);
  }
}
