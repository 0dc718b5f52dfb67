/**
 * COMMANDLOG: the requests that were slow, large, or answered at length; SLOWLOG is its first part. Source: Valkey 9.1 commandlog.c.
 * Limits: entries by directive; MAX_ARGUMENTS of MAX_ARGUMENT_BYTES each an entry.
 */
import type { Client } from '../commands/client.ts';
import { isRedacted } from '../commands/redaction.ts';
import type { CommandEntry } from '../commands/registry.ts';
import type { Arguments } from '../protocol/arguments.ts';

const MAX_ARGUMENTS = 32;
const MAX_ARGUMENT_BYTES = 128;

export const COMMAND_LOG_TYPES = ['slow', 'large-request', 'large-reply'] as const;
export type CommandLogType = (typeof COMMAND_LOG_TYPES)[number];

export interface CommandLogEntry {
  readonly id: number;
  readonly atSeconds: number;
  /** Microseconds, or bytes. */
  readonly value: number;
  readonly args: readonly Uint8Array[];
  readonly address: string;
  readonly clientName: string;
}

/** One of the logs. */
export class CommandLogPart {
  /** Values from here on are kept; below 0 none are. */
  threshold = -1;
  private maxEntries = 0;
  private nextId = 0;
  /** Newest first. */
  private entries: CommandLogEntry[] = [];

  limit(maxEntries: number): void {
    this.maxEntries = maxEntries;
    this.entries.length = Math.min(this.entries.length, maxEntries);
  }

  get length(): number {
    return this.entries.length;
  }

  /** The newest `count`, or all of them for -1. */
  newest(count: number): readonly CommandLogEntry[] {
    return count < 0 ? this.entries : this.entries.slice(0, count);
  }

  reset(): void {
    this.entries = [];
  }

  /** A script's command is logged as its caller's. */
  add(value: number, client: Client, entry: CommandEntry, args: Arguments, nowMs: number): void {
    if (this.maxEntries === 0) return;
    const { address, name } = client.caller ?? client;
    this.entries.unshift({
      id: this.nextId++,
      atSeconds: Math.floor(nowMs / 1000),
      value,
      args: argumentsOf(entry, args),
      address,
      clientName: name,
    });
    this.entries.length = Math.min(this.entries.length, this.maxEntries);
  }
}

export class CommandLog {
  readonly parts: Readonly<Record<CommandLogType, CommandLogPart>> = {
    slow: new CommandLogPart(),
    'large-request': new CommandLogPart(),
    'large-reply': new CommandLogPart(),
  };
}

/** Copies of the arguments, shortened; what is secret is not among them. */
function argumentsOf(entry: CommandEntry, args: Arguments): readonly Uint8Array[] {
  const encoder = new TextEncoder();
  const shown = args.count > MAX_ARGUMENTS ? MAX_ARGUMENTS - 1 : args.count;
  const copies: Uint8Array[] = [];
  for (let i = 0; i < shown; i++) {
    if (isRedacted(entry, args, i)) {
      copies.push(encoder.encode('(redacted)'));
      continue;
    }
    const bytes = args.bytes.slice(args.starts[i]!, args.ends[i]!);
    if (bytes.length <= MAX_ARGUMENT_BYTES) {
      copies.push(bytes);
      continue;
    }
    const rest = encoder.encode(`... (${bytes.length - MAX_ARGUMENT_BYTES} more bytes)`);
    const clipped = new Uint8Array(MAX_ARGUMENT_BYTES + rest.length);
    clipped.set(bytes.subarray(0, MAX_ARGUMENT_BYTES));
    clipped.set(rest, MAX_ARGUMENT_BYTES);
    copies.push(clipped);
  }
  if (shown < args.count) copies.push(encoder.encode(`... (${args.count - shown} more arguments)`));
  return copies;
}
