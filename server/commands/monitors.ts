/**
 * Clients in MONITOR mode, and the line each command makes for them. Source: Valkey 9.1 replication.c replicationFeedMonitors.
 * Limit: what waits for a slow monitor is bounded by client-output-buffer-limit.
 */
import type { Arguments } from '../protocol/arguments.ts';
import type { Client } from './client.ts';
import type { Clients } from './clients.ts';
import { isRedacted } from './redaction.ts';
import type { CommandEntry } from './registry.ts';

const REDACTED = '"(redacted)"';

export class Monitors {
  private readonly clients: Clients;
  private readonly members: Set<Client> = new Set();

  constructor(clients: Clients) {
    this.clients = clients;
    clients.onGone((client) => this.remove(client));
  }

  get count(): number {
    return this.members.size;
  }

  add(client: Client): void {
    client.monitor = true;
    this.members.add(client);
    this.clients.applyLimit(client);
  }

  remove(client: Client): void {
    if (!this.members.delete(client)) return;
    client.monitor = false;
    this.clients.applyLimit(client);
  }

  /** Tells of a command. `from` is the client's address, or `lua` for a script's. */
  feed(entry: CommandEntry, args: Arguments, databaseIndex: number, from: string, nowMs: number): void {
    if (this.members.size === 0) return;
    const seconds = Math.floor(nowMs / 1000);
    const micros = String((nowMs - seconds * 1000) * 1000).padStart(6, '0');
    let line = `${seconds}.${micros} [${databaseIndex} ${from}]`;
    for (let i = 0; i < args.count; i++) {
      line += isRedacted(entry, args, i) ? ` ${REDACTED}` : ` ${quoted(args, i)}`;
    }
    for (const client of this.members) this.clients.writeTo(client, (reply) => reply.simple(line));
  }
}

const ESCAPES: Readonly<Record<number, string>> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  13: '\\r',
  34: '\\"',
  92: '\\\\',
};

/** An argument in double quotes, all but printable ASCII escaped. */
function quoted(args: Arguments, index: number): string {
  let text = '"';
  for (let at = args.starts[index]!; at < args.ends[index]!; at++) {
    const byte = args.bytes[at]!;
    const escape = ESCAPES[byte];
    if (escape !== undefined) text += escape;
    else if (byte >= 32 && byte < 127) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return `${text}"`;
}
