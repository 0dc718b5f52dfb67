/**
 * The command table of a node: every family's rows composed and compiled, with their statistics, and found by name.
 * Hot file: `find` allocates nothing.
 */
import type { Arguments } from '../protocol/arguments.ts';
import type { Call } from './call.ts';
import { categoriesOf, categoryNames } from './categories.ts';
import type { Command } from './command.ts';
import * as flag from './command.ts';
import { KEY_NOT_KEY, type KeySpecification, keySpecsOf } from './key-specs.ts';

/** A row with what the executor needs at hand, and its counters. */
export class CommandEntry {
  readonly command: Command;
  /** `config|get` for a subcommand. */
  readonly fullName: string;
  readonly flags: number;
  /** Where a request's arguments decide its flags: `command.flagsOf`, at hand. */
  readonly flagsOf: ((call: Call) => number) | null;
  readonly arity: number;
  readonly firstKey: number;
  readonly lastKey: number;
  readonly keyStep: number;
  readonly subcommands: readonly CommandEntry[];
  readonly parent: CommandEntry | null;
  /** ACL categories as a mask (categories.ts). */
  readonly categories: number;
  readonly keySpecs: readonly KeySpecification[];
  /** Some argument is a key: what routing alone takes for one does not count. */
  readonly hasKeys: boolean;
  /** Its number among all commands and subcommands: its bit in a user's permissions. Given by the registry. */
  id = -1;
  calls = 0;
  rejected = 0;
  failed = 0;
  /** What requests call it by: rename-command changes it. Empty: nothing. */
  nameBytes: Uint8Array;

  constructor(command: Command, parent: CommandEntry | null) {
    this.command = command;
    this.parent = parent;
    this.fullName = parent === null ? command.name : `${parent.command.name}|${command.name}`;
    this.flags = command.flags;
    this.flagsOf = command.flagsOf ?? null;
    this.arity = command.arity;
    this.firstKey = command.keys.first;
    this.lastKey = command.keys.last;
    this.keyStep = command.keys.step;
    this.categories = categoriesOf(command, this.fullName);
    this.keySpecs = keySpecsOf(this.fullName);
    this.hasKeys = this.keySpecs.some((spec) => (spec.flags & KEY_NOT_KEY) === 0);
    this.nameBytes = new TextEncoder().encode(command.name);
    this.subcommands = (command.subcommands ?? []).map((subcommand) => new CommandEntry(subcommand, this));
  }

  /** The subcommand named by the bytes, in any case; null when there is none. */
  subcommand(bytes: Uint8Array, start: number, end: number): CommandEntry | null {
    for (const entry of this.subcommands) if (equalsName(entry.nameBytes, bytes, start, end)) return entry;
    return null;
  }

  has(mask: number): boolean {
    return (this.flags & mask) !== 0;
  }
}

function equalsName(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i++) {
    let byte = bytes[start + i]!;
    if (byte >= 65 && byte <= 90) byte |= 32;
    if (byte !== name[i]) return false;
  }
  return true;
}

const INDEX_SIZE = 2048;

export class CommandRegistry {
  readonly entries: readonly CommandEntry[];
  /** Commands and subcommands, by their id. */
  readonly all: readonly CommandEntry[];
  private readonly index: Int16Array = new Int16Array(INDEX_SIZE).fill(-1);
  private last: CommandEntry;

  constructor(families: readonly (readonly Command[])[]) {
    const entries: CommandEntry[] = [];
    for (const command of families.flat()) {
      if (entries.some((entry) => entry.command.name === command.name))
        throw new Error(`command table: ${command.name} stands in it twice`);
      entries.push(new CommandEntry(command, null));
    }
    if (entries.length > INDEX_SIZE / 2) throw new Error('command table: the index is too small');
    this.entries = entries;
    this.all = entries.flatMap((entry) => [entry, ...entry.subcommands]);
    for (const [id, entry] of this.all.entries()) entry.id = id;
    this.fillIndex();
    this.last = entries[0]!;
  }

  private fillIndex(): void {
    this.index.fill(-1);
    for (const [position, { nameBytes }] of this.entries.entries()) {
      if (nameBytes.length === 0) continue;
      let at = hashName(nameBytes, 0, nameBytes.length);
      while (this.index[at] !== -1) at = (at + 1) & (INDEX_SIZE - 1);
      this.index[at] = position;
    }
  }

  /** rename-command: requests call it by the new name alone; by none when that is empty. Returns the problem or null. */
  rename(from: string, to: string): string | null {
    const bytesOf = (name: string): Uint8Array => new TextEncoder().encode(name.toLowerCase());
    const old = bytesOf(from);
    const entry = old.length === 0 ? null : this.find(old, 0, old.length);
    if (entry === null) return 'No such command in rename-command';
    const name = bytesOf(to);
    if (name.length > 0 && this.find(name, 0, name.length) !== null) return 'Target command name already exists';
    entry.nameBytes = name;
    this.fillIndex();
    this.last = this.entries.find((one) => one.nameBytes.length > 0)!;
    return null;
  }

  /** The command named by the bytes, in any case; null when there is none. */
  find(bytes: Uint8Array, start: number, end: number): CommandEntry | null {
    if (equalsName(this.last.nameBytes, bytes, start, end)) return this.last;
    for (let at = hashName(bytes, start, end); ; at = (at + 1) & (INDEX_SIZE - 1)) {
      const position = this.index[at]!;
      if (position < 0) return null;
      const entry = this.entries[position]!;
      if (equalsName(entry.nameBytes, bytes, start, end)) {
        this.last = entry;
        return entry;
      }
    }
  }

  /** The command or subcommand that a request begins with; null when there is none. */
  lookUp(args: Arguments): CommandEntry | null {
    const entry = this.find(args.bytes, args.starts[0]!, args.ends[0]!);
    if (entry === null || entry.subcommands.length === 0 || args.count < 2) return entry;
    return entry.subcommand(args.bytes, args.starts[1]!, args.ends[1]!);
  }

  /** By text: `get`, `config|get`. */
  named(name: string): CommandEntry | null {
    const [first, second, third] = name.toLowerCase().split('|');
    if (third !== undefined) return null;
    const entry = this.entries.find((candidate) => candidate.command.name === first);
    if (entry === undefined) return null;
    if (second === undefined) return entry;
    return entry.subcommands.find((candidate) => candidate.command.name === second) ?? null;
  }

  resetStatistics(): void {
    for (const entry of this.entries) {
      for (const one of [entry, ...entry.subcommands]) {
        one.calls = 0;
        one.rejected = 0;
        one.failed = 0;
      }
    }
  }
}

function hashName(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (bytes[i]! | 32)) | 0;
  return (hash ^ (hash >>> 11)) & (INDEX_SIZE - 1);
}

/** Names of flags as COMMAND INFO gives them. One table: bit, name. */
export const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [flag.WRITE, 'write'],
  [flag.READONLY, 'readonly'],
  [flag.DENYOOM, 'denyoom'],
  [flag.ADMIN, 'admin'],
  [flag.PUBSUB, 'pubsub'],
  [flag.NOSCRIPT, 'noscript'],
  [flag.BLOCKING, 'blocking'],
  [flag.LOADING, 'loading'],
  [flag.STALE, 'stale'],
  [flag.SKIP_MONITOR, 'skip_monitor'],
  [flag.SKIP_COMMANDLOG, 'skip_commandlog'],
  [flag.ASKING, 'asking'],
  [flag.FAST, 'fast'],
  [flag.NO_AUTH, 'no_auth'],
  [flag.NO_MANDATORY_KEYS, 'no_mandatory_keys'],
  [flag.NO_ASYNC_LOADING, 'no_async_loading'],
  [flag.NO_MULTI, 'no_multi'],
  [flag.ALLOW_BUSY, 'allow_busy'],
  [flag.MOVABLE_KEYS, 'movablekeys'],
];

/** ACL categories as COMMAND INFO gives them. */
export function aclCategories(entry: CommandEntry): readonly string[] {
  return categoryNames(entry.categories).map((name) => `@${name}`);
}
