/**
 * maxmemory-clients: what clients hold together, and closing the largest while it is too much.
 * A client is accounted anew when its input or output moved and on ticks; while there is no limit nothing is counted.
 * Source: Valkey 9.1 networking.c evictClients.
 */
import { type Client, NORMAL_CLIENT, PUBSUB_CLIENT } from './client.ts';
import type { Clients } from './clients.ts';

export class ClientEviction {
  /** 0: no limit. */
  limitBytes = 0;
  private readonly clients: Clients;
  private readonly bytes: Map<Client, number> = new Map();
  private totalBytes = 0;

  constructor(clients: Clients) {
    this.clients = clients;
  }

  setLimit(limitBytes: number): void {
    this.limitBytes = limitBytes;
    this.bytes.clear();
    this.totalBytes = 0;
    if (limitBytes > 0) for (const client of this.clients.all()) this.account(client);
  }

  get isOver(): boolean {
    return this.limitBytes > 0 && this.totalBytes > this.limitBytes;
  }

  account(client: Client): void {
    if (client.killed || (client.kind !== NORMAL_CLIENT && client.kind !== PUBSUB_CLIENT)) {
      this.forget(client);
      return;
    }
    const bytes = this.clients.memoryOf(client).total;
    this.totalBytes += bytes - (this.bytes.get(client) ?? 0);
    this.bytes.set(client, bytes);
  }

  forget(client: Client): void {
    this.totalBytes -= this.bytes.get(client) ?? 0;
    this.bytes.delete(client);
  }

  /** Closes clients, the largest first, until the rest is within the limit. Those under CLIENT NO-EVICT count and stay. */
  evict(): void {
    const candidates = [...this.bytes].filter(([client]) => !client.noEvict).sort((a, b) => b[1] - a[1]);
    for (const [client] of candidates) {
      if (!this.isOver) return;
      this.clients.evicted++;
      this.clients.kill(client, 'evicted: clients hold more than maxmemory-clients allows');
    }
  }
}
