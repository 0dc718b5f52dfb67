/**
 * Publish/subscribe: channels, patterns and shard channels, and who listens to them. Channels are byte strings, kept as
 * latin-1 text so that a Map can find them. Limit: the subscriptions of a client are bounded by its own requests, what waits
 * for a slow subscriber by client-output-buffer-limit pubsub.
 */
import { type Client, NAME_BYTES, NORMAL_CLIENT, PUBSUB_CLIENT } from '../commands/client.ts';
import { type Clients, rendered } from '../commands/clients.ts';
import { globMatch } from '../config/glob.ts';
import { latin1 } from '../protocol/numbers.ts';

export type SubscriptionKind = 'channel' | 'pattern' | 'shard';

export class PubSub {
  private readonly clients: Clients;
  readonly channels: Map<string, Set<Client>> = new Map();
  readonly patterns: Map<string, Set<Client>> = new Map();
  readonly shardChannels: Map<string, Set<Client>> = new Map();

  constructor(clients: Clients) {
    this.clients = clients;
    clients.onGone((client) => this.forget(client));
  }

  /** Returns true when the subscription is new. */
  subscribe(client: Client, kind: SubscriptionKind, name: string): boolean {
    const own = this.ownSet(client, kind, true)!;
    if (own.has(name)) return false;
    own.add(name);
    client.registeredBytes += name.length + NAME_BYTES;
    const everybody = this.mapOf(kind);
    const listeners = everybody.get(name);
    if (listeners === undefined) everybody.set(name, new Set([client]));
    else listeners.add(client);
    this.updateKind(client);
    return true;
  }

  unsubscribe(client: Client, kind: SubscriptionKind, name: string): boolean {
    if (this.ownSet(client, kind, false)?.delete(name) !== true) return false;
    client.registeredBytes -= name.length + NAME_BYTES;
    const everybody = this.mapOf(kind);
    const listeners = everybody.get(name);
    listeners?.delete(client);
    if (listeners?.size === 0) everybody.delete(name);
    this.updateKind(client);
    return true;
  }

  namesOf(client: Client, kind: SubscriptionKind): string[] {
    return [...(this.ownSet(client, kind, false) ?? [])];
  }

  /** Ends every subscription of a client without telling it: RESET, or it is gone. */
  forget(client: Client): void {
    for (const kind of ['channel', 'pattern', 'shard'] as const) {
      for (const name of this.namesOf(client, kind)) this.unsubscribe(client, kind, name);
    }
  }

  /** Sends a message to who listens here; returns how many do. */
  publish(channel: Uint8Array, message: Uint8Array): number {
    let receivers = this.deliver(this.channels.get(latin1(channel, 0, channel.length)), 'message', channel, message);
    for (const [pattern, listeners] of this.patterns) {
      const bytes = Uint8Array.from(pattern, (character) => character.charCodeAt(0));
      if (!globMatch(bytes, 0, bytes.length, channel, 0, channel.length)) continue;
      const encoded = [2, 3].map((protocol) =>
        rendered(protocol, (reply) => {
          reply.push(4);
          reply.bulkText('pmessage');
          reply.bulk(bytes, 0, bytes.length);
          reply.bulk(channel, 0, channel.length);
          reply.bulk(message, 0, message.length);
        }),
      );
      for (const client of listeners) this.send(client, encoded);
      receivers += listeners.size;
    }
    return receivers;
  }

  publishSharded(channel: Uint8Array, message: Uint8Array): number {
    return this.deliver(this.shardChannels.get(latin1(channel, 0, channel.length)), 'smessage', channel, message);
  }

  private deliver(listeners: Set<Client> | undefined, kind: string, channel: Uint8Array, message: Uint8Array): number {
    if (listeners === undefined) return 0;
    const encoded = [2, 3].map((protocol) =>
      rendered(protocol, (reply) => {
        reply.push(3);
        reply.bulkText(kind);
        reply.bulk(channel, 0, channel.length);
        reply.bulk(message, 0, message.length);
      }),
    );
    for (const client of listeners) this.send(client, encoded);
    return listeners.size;
  }

  private send(client: Client, encoded: readonly Uint8Array[]): void {
    const bytes = encoded[client.output.protocol - 2]!;
    this.clients.writeTo(client, (reply) => reply.raw(bytes, 0, bytes.length));
  }

  private mapOf(kind: SubscriptionKind): Map<string, Set<Client>> {
    return kind === 'channel' ? this.channels : kind === 'pattern' ? this.patterns : this.shardChannels;
  }

  private ownSet(client: Client, kind: SubscriptionKind, create: boolean): Set<string> | null {
    if (kind === 'channel') {
      if (create) client.channels ??= new Set();
      return client.channels;
    }
    if (kind === 'pattern') {
      if (create) client.patterns ??= new Set();
      return client.patterns;
    }
    if (create) client.shardChannels ??= new Set();
    return client.shardChannels;
  }

  private updateKind(client: Client): void {
    if (client.kind !== NORMAL_CLIENT && client.kind !== PUBSUB_CLIENT) return;
    client.kind = client.subscriptions > 0 ? PUBSUB_CLIENT : NORMAL_CLIENT;
    this.clients.applyLimit(client);
  }
}
