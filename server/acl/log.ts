/**
 * The security log: what was refused to whom, the newest first, equal refusals of a minute in one entry.
 * Limit: `acllog-max-len` entries. Source: Valkey 9.1 acl.c addACLLogEntry.
 */
import { DENIED_AUTH, DENIED_CHANNEL, DENIED_COMMAND, DENIED_DATABASE, DENIED_KEY } from './check.ts';

/** Refusals this close to an entry's last one are counted there. */
const GROUPING_MS = 60_000;
/** How many of the newest entries are looked at for an equal one. */
const ENTRIES_COMPARED = 10;

export type AclContext = 'toplevel' | 'multi' | 'lua' | 'script';

export interface AclLogEntry {
  count: number;
  readonly reason: number;
  readonly context: AclContext;
  /** Latin-1 text: a command's name, a key, a channel, a database. */
  readonly object: string;
  readonly username: string;
  updatedAtMs: number;
  clientInfo: string;
  readonly id: number;
  readonly createdAtMs: number;
}

export const REASON_NAMES: Readonly<Record<number, string>> = {
  [DENIED_COMMAND]: 'command',
  [DENIED_KEY]: 'key',
  [DENIED_CHANNEL]: 'channel',
  [DENIED_AUTH]: 'auth',
  [DENIED_DATABASE]: 'database',
};

export class AclLog {
  /** The newest first. */
  entries: AclLogEntry[] = [];
  maxEntries = 128;
  private nextId = 0;
  /** Refusals since the start, by reason: for INFO. */
  private readonly counts: Map<number, number> = new Map();

  denied(reason: number): number {
    return this.counts.get(reason) ?? 0;
  }

  resetCounts(): void {
    this.counts.clear();
  }

  clear(): void {
    this.entries = [];
  }

  add(
    reason: number,
    context: AclContext,
    object: string,
    username: string,
    clientInfo: () => string,
    nowMs: number,
  ): void {
    this.counts.set(reason, this.denied(reason) + 1);
    if (this.maxEntries === 0) {
      this.entries = [];
      return;
    }
    const at = this.entries
      .slice(0, ENTRIES_COMPARED)
      .findIndex(
        (entry) =>
          entry.reason === reason &&
          entry.context === context &&
          Math.abs(nowMs - entry.updatedAtMs) <= GROUPING_MS &&
          entry.object === object &&
          entry.username === username,
      );
    if (at >= 0) {
      const [entry] = this.entries.splice(at, 1);
      entry!.count++;
      entry!.updatedAtMs = nowMs;
      entry!.clientInfo = clientInfo();
      this.entries.unshift(entry!);
      return;
    }
    this.entries.unshift({
      count: 1,
      reason,
      context,
      object,
      username,
      updatedAtMs: nowMs,
      clientInfo: clientInfo(),
      id: this.nextId++,
      createdAtMs: nowMs,
    });
    if (this.entries.length > this.maxEntries) this.entries.length = this.maxEntries;
  }
}
