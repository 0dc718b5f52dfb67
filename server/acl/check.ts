/**
 * Whether a user may run a request: database, command, keys, channels, in that order, in one selector.
 * Nothing is allocated; users that may everything never come here. Source: Valkey 9.1 acl.c ACLSelectorCheckCmd, db.c (database arguments).
 */
import { CATEGORY_KEYSPACE, CATEGORY_READ, CATEGORY_WRITE } from '../commands/categories.ts';
import { NO_AUTH } from '../commands/command.ts';
import { KeyReferences } from '../commands/key-references.ts';
import { KEY_ACCESS, KEY_DELETE, KEY_INSERT, KEY_UPDATE } from '../commands/key-specs.ts';
import type { CommandEntry } from '../commands/registry.ts';
import { globMatch } from '../config/glob.ts';
import type { Arguments } from '../protocol/arguments.ts';
import { latin1, parseInteger } from '../protocol/numbers.ts';
import { PERMISSION_READ, PERMISSION_WRITE, type Selector, type User } from './user.ts';

/** In order of weight: of several selectors' refusals the heaviest is told. */
export const PERMITTED = 0;
export const DENIED_DATABASE = 1;
export const DENIED_COMMAND = 2;
export const DENIED_KEY = 3;
export const DENIED_CHANNEL = 4;
/** Only in the log: AUTH with a wrong password. */
export const DENIED_AUTH = 5;

/** Commands that name databases: which arguments they stand in. Calls `found`; none when one of them is no database. */
type DatabaseArguments = (args: Arguments, databases: number, found: number[]) => void;

const DATABASE_ARGUMENTS: Readonly<Record<string, DatabaseArguments>> = {
  select: (args, databases, found) => allOrNone(args, databases, found, [1]),
  swapdb: (args, databases, found) => allOrNone(args, databases, found, [1, 2]),
  move: (args, databases, found) => allOrNone(args, databases, found, [2]),
  copy(args, databases, found) {
    const positions: number[] = [];
    for (let i = 3; i < args.count; i++) {
      const word = latin1(args.bytes, args.starts[i]!, args.ends[i]!).toUpperCase();
      if (word === 'REPLACE') continue;
      if (word !== 'DB' || i + 1 >= args.count) return;
      positions.push(++i);
    }
    allOrNone(args, databases, found, positions);
  },
};

/** Commands that work on every database. */
const ALL_DATABASES: ReadonlySet<string> = new Set([
  'flushall',
  'cluster|cancelslotmigrations',
  'cluster|flushslot',
  'cluster|migrateslots',
]);

const RESTRICTED = CATEGORY_KEYSPACE | CATEGORY_READ | CATEGORY_WRITE;

interface Channels {
  readonly last: 'one' | 'all';
  readonly pattern: boolean;
}

const CHANNELS: Readonly<Record<string, Channels>> = {
  subscribe: { last: 'all', pattern: false },
  ssubscribe: { last: 'all', pattern: false },
  psubscribe: { last: 'all', pattern: true },
  publish: { last: 'one', pattern: false },
  spublish: { last: 'one', pattern: false },
};

function databaseAt(args: Arguments, index: number): number {
  if (index >= args.count) return Number.NaN;
  return parseInteger(args.bytes, args.starts[index]!, args.ends[index]!);
}

function allOrNone(args: Arguments, databases: number, found: number[], positions: readonly number[]): void {
  for (const position of positions) {
    const index = databaseAt(args, position);
    if (!(index >= 0 && index < databases)) return;
  }
  found.push(...positions);
}

export class PermissionCheck {
  /** The argument that was refused; 0 is the command itself. */
  failedIndex = 0;
  private readonly keys: KeyReferences = new KeyReferences();
  private readonly databases: number;
  private readonly positions: number[] = [];
  private selectorFailedIndex = 0;

  constructor(databases: number) {
    this.databases = databases;
  }

  /** PERMITTED, or what is denied; then `failedIndex` says by which argument. */
  check(user: User, entry: CommandEntry, args: Arguments, databaseIndex: number): number {
    if (user.unrestricted) return PERMITTED;
    let worst = DENIED_DATABASE;
    let worstIndex = 0;
    let haveKeys = false;
    for (const selector of user.selectors) {
      this.selectorFailedIndex = 0;
      if (!selector.allKeys && entry.hasKeys && !haveKeys) {
        haveKeys = true;
        this.keys.read(entry, args);
      }
      const denied = this.checkSelector(selector, entry, args, databaseIndex);
      if (denied === PERMITTED) return PERMITTED;
      if (denied > worst || (denied === worst && this.selectorFailedIndex > worstIndex)) {
        worst = denied;
        worstIndex = this.selectorFailedIndex;
      }
    }
    this.failedIndex = worstIndex;
    return worst;
  }

  private checkSelector(selector: Selector, entry: CommandEntry, args: Arguments, databaseIndex: number): number {
    if (!selector.allDatabases && !this.mayUseDatabases(selector, entry, args, databaseIndex)) return DENIED_DATABASE;
    if (!selector.allCommands && !mayRun(selector, entry, args)) return DENIED_COMMAND;
    if (!selector.allKeys && entry.hasKeys) {
      for (let i = 0; i < this.keys.count; i++) {
        const index = this.keys.indexes[i]!;
        if (mayTouch(selector, args.bytes, args.starts[index]!, args.ends[index]!, this.keys.flags[i]!)) continue;
        this.selectorFailedIndex = index;
        return DENIED_KEY;
      }
    }
    if (!selector.allChannels) {
      const channels = CHANNELS[entry.fullName];
      if (channels === undefined) return PERMITTED;
      const last = channels.last === 'one' ? 1 : args.count - 1;
      for (let index = 1; index <= last; index++) {
        if (mayListen(selector, args.bytes, args.starts[index]!, args.ends[index]!, channels.pattern)) continue;
        this.selectorFailedIndex = index;
        return DENIED_CHANNEL;
      }
    }
    return PERMITTED;
  }

  private mayUseDatabases(selector: Selector, entry: CommandEntry, args: Arguments, databaseIndex: number): boolean {
    const named = DATABASE_ARGUMENTS[entry.fullName];
    if (named !== undefined) {
      this.positions.length = 0;
      named(args, this.databases, this.positions);
      for (const position of this.positions) {
        if (selector.databases.includes(databaseAt(args, position))) continue;
        this.selectorFailedIndex = position;
        return false;
      }
      // MOVE and COPY also read the current database.
      return !entry.hasKeys || this.inDatabase(selector, databaseIndex);
    }
    if (ALL_DATABASES.has(entry.fullName)) {
      for (let index = 0; index < this.databases; index++) if (!this.inDatabase(selector, index)) return false;
      return true;
    }
    const restricted = (entry.categories & RESTRICTED) !== 0 || entry.hasKeys;
    return !restricted || this.inDatabase(selector, databaseIndex);
  }

  private inDatabase(selector: Selector, index: number): boolean {
    return index >= 0 && index < this.databases && selector.databases.includes(index);
  }
}

function mayRun(selector: Selector, entry: CommandEntry, args: Arguments): boolean {
  if (selector.permits(entry.id) || (entry.flags & NO_AUTH) !== 0) return true;
  const words = selector.firstArguments?.get(entry.id);
  const at = entry.parent === null ? 1 : 2;
  if (words === undefined || args.count <= at) return false;
  return words.includes(latin1(args.bytes, args.starts[at]!, args.ends[at]!).toLowerCase());
}

/** True when a pattern of the selector admits the key for what the flags (KEY_…) say is done with it. */
function mayTouch(selector: Selector, bytes: Uint8Array, start: number, end: number, flags: number): boolean {
  let needed = 0;
  if ((flags & KEY_ACCESS) !== 0) needed |= PERMISSION_READ;
  if ((flags & (KEY_INSERT | KEY_DELETE | KEY_UPDATE)) !== 0) needed |= PERMISSION_WRITE;
  for (const pattern of selector.keys) {
    if ((pattern.permissions & needed) !== needed) continue;
    if (globMatch(pattern.bytes, 0, pattern.bytes.length, bytes, start, end)) return true;
  }
  return false;
}

/** A pattern that is subscribed to must stand literally among the permitted ones. */
function mayListen(selector: Selector, bytes: Uint8Array, start: number, end: number, isPattern: boolean): boolean {
  if (isPattern) {
    const text = latin1(bytes, start, end);
    return selector.channels.some((pattern) => pattern.text === text);
  }
  for (const pattern of selector.channels) {
    if (globMatch(pattern.bytes, 0, pattern.bytes.length, bytes, start, end)) return true;
  }
  return false;
}

/** Whether the user may do that with a key that no argument names: SORT's BY and GET. `flags` as in KeyReferences. */
export function mayTouchEveryKey(user: User, flags: number): boolean {
  if (user.unrestricted) return true;
  let needed = 0;
  if ((flags & KEY_ACCESS) !== 0) needed |= PERMISSION_READ;
  if ((flags & (KEY_INSERT | KEY_DELETE | KEY_UPDATE)) !== 0) needed |= PERMISSION_WRITE;
  return user.selectors.some(
    (selector) =>
      selector.allKeys ||
      selector.keys.some((pattern) => pattern.text === '*' && (pattern.permissions & needed) === needed),
  );
}

/** Whether a subscription is still within these channels. */
export function channelWithin(
  channels: readonly { readonly text: string; readonly bytes: Uint8Array }[],
  name: string,
  isPattern: boolean,
): boolean {
  if (isPattern) return channels.some((pattern) => pattern.text === name);
  const bytes = Uint8Array.from(name, (character) => character.charCodeAt(0));
  return channels.some((pattern) => globMatch(pattern.bytes, 0, pattern.bytes.length, bytes, 0, bytes.length));
}

/** What a refused client reads after NOPERM. `object` (the key, channel or database) is told in ACL DRYRUN alone. */
export function denialText(denied: number, user: string, command: string, object: string | null = null): string {
  switch (denied) {
    case DENIED_COMMAND:
      return `User ${user} has no permissions to run the '${command}' command`;
    case DENIED_KEY:
      return object === null
        ? 'No permissions to access a key'
        : `User ${user} has no permissions to access the '${object}' key`;
    case DENIED_CHANNEL:
      return object === null
        ? 'No permissions to access a channel'
        : `User ${user} has no permissions to access the '${object}' channel`;
    default:
      return object === null
        ? 'No permissions to access database'
        : `User ${user} has no permissions to access database ${object}`;
  }
}

const QUEUED_REASONS: Readonly<Record<number, string>> = {
  [DENIED_COMMAND]: 'no permission to execute the command or subcommand',
  [DENIED_KEY]: 'no permission to touch the specified keys',
  [DENIED_CHANNEL]: 'no permission to access one of the channels used as arguments',
};

/** The same for a command that was permitted when it was queued in MULTI. */
export function queuedDenialText(denied: number): string {
  const reason = QUEUED_REASONS[denied] ?? 'no permission';
  return `ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no longer allowed for the following reason: ${reason}`;
}
