/**
 * The rules that change a user (`on`, `>password`, `~key:*`, `+@read`, `(…)`), and the rules that tell what a user is.
 * Source: Valkey 9.1 acl.c ACLSetUser, ACLSetSelector, ACLDescribeUser; the texts of errors are its own.
 */
import { categoryBit } from '../commands/categories.ts';
import type { CommandEntry, CommandRegistry } from '../commands/registry.ts';
import { sha256Hex } from './sha256.ts';
import { type Pattern, PERMISSION_ALL, PERMISSION_READ, PERMISSION_WRITE, Selector, type User } from './user.ts';

export const RULE_SYNTAX = 'Syntax error';
export const RULE_UNKNOWN_COMMAND = 'Unknown command or category name in ACL';
const RULE_AFTER_ALL_KEYS =
  "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns";
const RULE_AFTER_ALL_CHANNELS =
  "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. Try 'resetchannels' to start with an empty list of channels";
const RULE_NO_SUCH_PASSWORD = 'The password you are trying to remove from the user does not exist';
const RULE_BAD_HASH =
  'The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters';
const RULE_FIRST_ARGUMENT = 'Allowing first-arg of a subcommand is not supported';
const RULE_DATABASE_RANGE = 'The provided database ID is out of range';

const HASH = /^[0-9a-f]{64}$/;
const MAX_DATABASE = 2 ** 31 - 1;

export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function patternOf(text: string): Pattern {
  return { text, bytes: bytesOf(text) };
}

/** Names and patterns hold neither white space nor NUL, so that rules can be written on one line. */
export function hasSpaces(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0 || code === 32 || (code >= 9 && code <= 13)) return true;
  }
  return false;
}

export class Rules {
  private readonly registry: CommandRegistry;
  /** `acl-pubsub-default allchannels`: what a new selector may. */
  allChannelsByDefault = false;

  constructor(registry: CommandRegistry) {
    this.registry = registry;
  }

  newSelector(): Selector {
    return new Selector(this.registry.all.length, this.allChannelsByDefault);
  }

  /** Applies one rule; returns the problem with it, or null. The caller settles the user afterwards. */
  apply(user: User, rule: string): string | null {
    if (rule === '') return null;
    const word = rule.toLowerCase();
    switch (word) {
      case 'on':
        user.enabled = true;
        return null;
      case 'off':
        user.enabled = false;
        return null;
      // They have had no effect since the server checks every payload.
      case 'skip-sanitize-payload':
      case 'sanitize-payload':
        return null;
      case 'nopass':
        user.noPassword = true;
        user.passwords = [];
        return null;
      case 'resetpass':
        user.noPassword = false;
        user.passwords = [];
        return null;
      case 'clearselectors':
        user.selectors = user.selectors.slice(0, 1);
        return null;
      case 'reset':
        this.reset(user);
        return null;
    }
    const first = rule[0]!;
    if (first === '>' || first === '#') return addPassword(user, rule);
    if (first === '<' || first === '!') return removePassword(user, rule);
    if (first === '(' && rule.endsWith(')')) return this.addSelector(user, rule.slice(1, -1));
    return this.applyToSelector(user.selectors[0]!, rule);
  }

  private reset(user: User): void {
    user.enabled = false;
    user.noPassword = false;
    user.passwords = [];
    user.selectors = [this.newSelector()];
  }

  private addSelector(user: User, rules: string): string | null {
    const selector = this.newSelector();
    for (const rule of rules.split(/[ \t\r\n]+/)) {
      if (rule === '') continue;
      const problem = this.applyToSelector(selector, rule);
      if (problem !== null) return problem;
    }
    user.selectors.push(selector);
    return null;
  }

  private applyToSelector(selector: Selector, rule: string): string | null {
    switch (rule.toLowerCase()) {
      case 'allkeys':
      case '~*':
        selector.allKeys = true;
        selector.keys = [];
        return null;
      case 'resetkeys':
        selector.allKeys = false;
        selector.keys = [];
        return null;
      case 'allchannels':
      case '&*':
        selector.allChannels = true;
        selector.channels = [];
        return null;
      case 'resetchannels':
        selector.allChannels = false;
        selector.channels = [];
        return null;
      case 'alldbs':
        selector.allDatabases = true;
        selector.databases = [];
        return null;
      case 'resetdbs':
        selector.allDatabases = false;
        selector.databases = [];
        return null;
      case 'allcommands':
      case '+@all':
        this.setAllCommands(selector, true);
        return null;
      case 'nocommands':
      case '-@all':
        this.setAllCommands(selector, false);
        return null;
    }
    if (rule.slice(0, 3).toLowerCase() === 'db=') return setDatabases(selector, rule.slice(3));
    switch (rule[0]) {
      case '~':
      case '%':
        return addKeyPattern(selector, rule);
      case '&':
        return addChannel(selector, rule.slice(1));
      case '+':
        return rule[1] === '@' ? this.setCategory(selector, rule, true) : this.permitCommand(selector, rule.slice(1));
      case '-':
        return rule[1] === '@' ? this.setCategory(selector, rule, false) : this.refuseCommand(selector, rule.slice(1));
    }
    return RULE_SYNTAX;
  }

  // --- Commands --------------------------------------------------------------------------------------------------------

  private setAllCommands(selector: Selector, permitted: boolean): void {
    selector.commands.fill(permitted ? 0xffffffff : 0);
    selector.allCommands = permitted;
    selector.basedOnAll = permitted;
    selector.commandRules = [];
    selector.firstArguments = null;
  }

  /** `get`, `config|get`; null when there is no such command. */
  private lookUp(name: string): CommandEntry | null {
    return this.registry.named(name);
  }

  /** A container's permission is its subcommands' too. */
  private setCommand(selector: Selector, entry: CommandEntry, permitted: boolean): void {
    setBit(selector, entry.id, permitted);
    selector.firstArguments?.delete(entry.id);
    for (const subcommand of entry.subcommands) setBit(selector, subcommand.id, permitted);
  }

  private permitCommand(selector: Selector, name: string): string | null {
    const bar = name.lastIndexOf('|');
    if (bar < 0) {
      const entry = this.lookUp(name);
      if (entry === null) return RULE_UNKNOWN_COMMAND;
      this.setCommand(selector, entry, true);
      noteRule(selector, entry.fullName, true);
      return null;
    }
    const entry = this.lookUp(name.slice(0, bar));
    if (entry === null) return RULE_UNKNOWN_COMMAND;
    if (entry.parent !== null) return RULE_FIRST_ARGUMENT;
    const word = name.slice(bar + 1);
    if (word === '') return RULE_SYNTAX;
    if (entry.subcommands.length > 0) {
      const subcommand = this.lookUp(name);
      if (subcommand === null) return RULE_UNKNOWN_COMMAND;
      this.setCommand(selector, subcommand, true);
    } else {
      selector.firstArguments ??= new Map();
      const words = selector.firstArguments.get(entry.id) ?? [];
      if (!words.includes(word.toLowerCase())) words.push(word.toLowerCase());
      selector.firstArguments.set(entry.id, words);
    }
    noteRule(selector, name, true);
    return null;
  }

  private refuseCommand(selector: Selector, name: string): string | null {
    const entry = this.lookUp(name);
    if (entry === null) return RULE_UNKNOWN_COMMAND;
    this.setCommand(selector, entry, false);
    noteRule(selector, entry.fullName, false);
    return null;
  }

  private setCategory(selector: Selector, rule: string, permitted: boolean): string | null {
    const mask = categoryBit(rule.slice(2));
    if (mask === 0) return RULE_UNKNOWN_COMMAND;
    noteRule(selector, rule.slice(1), permitted);
    for (const entry of this.registry.all) {
      if ((entry.categories & mask) !== 0) this.setCommand(selector, entry, permitted);
    }
    return null;
  }
}

function setBit(selector: Selector, id: number, permitted: boolean): void {
  const word = id >>> 5;
  const bit = 1 << (id & 31);
  if (permitted) selector.commands[word] = selector.commands[word]! | bit;
  else {
    selector.commands[word] = selector.commands[word]! & ~bit;
    selector.allCommands = false;
  }
}

/** Keeps the rules in the order given: a later one takes the place of an earlier one on the same command, or on its subcommands. */
function noteRule(selector: Selector, name: string, permitted: boolean): void {
  const lower = name.toLowerCase();
  selector.commandRules = selector.commandRules.filter((rule) => {
    const noted = rule.slice(1);
    return noted !== lower && !noted.startsWith(`${lower}|`);
  });
  selector.commandRules.push(`${permitted ? '+' : '-'}${lower}`);
}

// --- Passwords -----------------------------------------------------------------------------------------------------------

function hashIn(rule: string): string | null {
  if (rule[0] === '>' || rule[0] === '<') return sha256Hex(bytesOf(rule.slice(1)));
  return HASH.test(rule.slice(1)) ? rule.slice(1) : null;
}

function addPassword(user: User, rule: string): string | null {
  const hash = hashIn(rule);
  if (hash === null) return RULE_BAD_HASH;
  if (!user.passwords.includes(hash)) user.passwords.push(hash);
  user.noPassword = false;
  return null;
}

function removePassword(user: User, rule: string): string | null {
  const hash = hashIn(rule);
  if (hash === null) return RULE_BAD_HASH;
  const at = user.passwords.indexOf(hash);
  if (at < 0) return RULE_NO_SUCH_PASSWORD;
  user.passwords.splice(at, 1);
  return null;
}

// --- Keys, channels, databases -------------------------------------------------------------------------------------------

function addKeyPattern(selector: Selector, rule: string): string | null {
  if (selector.allKeys) return RULE_AFTER_ALL_KEYS;
  let permissions = 0;
  let at = 1;
  if (rule[0] === '~') permissions = PERMISSION_ALL;
  else {
    for (; at < rule.length; at++) {
      const letter = rule[at]!.toUpperCase();
      if (letter === '~') break;
      const permission = letter === 'R' ? PERMISSION_READ : letter === 'W' ? PERMISSION_WRITE : 0;
      if (permission === 0 || (permissions & permission) !== 0) return RULE_SYNTAX;
      permissions |= permission;
    }
    if (permissions === 0) return RULE_SYNTAX;
    at++;
  }
  const text = rule.slice(at);
  if (hasSpaces(text)) return RULE_SYNTAX;
  const known = selector.keys.find((pattern) => pattern.text === text);
  if (known === undefined) selector.keys.push({ ...patternOf(text), permissions });
  else known.permissions |= permissions;
  return null;
}

function addChannel(selector: Selector, text: string): string | null {
  if (selector.allChannels) return RULE_AFTER_ALL_CHANNELS;
  if (hasSpaces(text)) return RULE_SYNTAX;
  if (!selector.channels.some((pattern) => pattern.text === text)) selector.channels.push(patternOf(text));
  return null;
}

function setDatabases(selector: Selector, list: string): string | null {
  const databases: number[] = [];
  for (const token of list.split(',')) {
    if (!/^[ \t]*[+-]?\d+$/.test(token)) return RULE_SYNTAX;
    const index = Number(token);
    if (index < 0 || index > MAX_DATABASE) return RULE_DATABASE_RANGE;
    if (!databases.includes(index)) databases.push(index);
  }
  selector.allDatabases = false;
  selector.databases = databases.sort((a, b) => a - b);
  return null;
}

// --- Telling -------------------------------------------------------------------------------------------------------------

const PREFIX: Readonly<Record<number, string>> = {
  [PERMISSION_ALL]: '~',
  [PERMISSION_READ]: '%R~',
  [PERMISSION_WRITE]: '%W~',
};

export function describeCommands(selector: Selector): string {
  return [selector.basedOnAll ? '+@all' : '-@all', ...selector.commandRules].join(' ');
}

export function describeKeys(selector: Selector): string {
  if (selector.allKeys) return '~*';
  return selector.keys.map((pattern) => PREFIX[pattern.permissions]! + pattern.text).join(' ');
}

export function describeChannels(selector: Selector): string {
  return selector.allChannels ? '&*' : selector.channels.map((pattern) => `&${pattern.text}`).join(' ');
}

/** `alldbs`, `db=0,1`, or nothing. */
export function describeDatabases(selector: Selector): string {
  if (selector.allDatabases) return 'alldbs';
  return selector.databases.length === 0 ? '' : `db=${selector.databases.join(',')}`;
}

function describeSelector(selector: Selector): string {
  const parts: string[] = [];
  if (selector.allKeys || selector.keys.length > 0) parts.push(describeKeys(selector));
  if (!selector.allChannels) parts.push('resetchannels');
  if (selector.allChannels || selector.channels.length > 0) parts.push(describeChannels(selector));
  if (!selector.allDatabases) parts.push(selector.databases.length === 0 ? 'resetdbs' : describeDatabases(selector));
  parts.push(describeCommands(selector));
  return parts.join(' ');
}

export function flagNames(user: User): string[] {
  return user.noPassword ? [user.enabled ? 'on' : 'off', 'nopass'] : [user.enabled ? 'on' : 'off'];
}

/** All of a user in the form that makes it again. */
export function describeUser(user: User): string {
  const [root, ...others] = user.selectors;
  return [
    ...flagNames(user),
    ...user.passwords.map((hash) => `#${hash}`),
    describeSelector(root!),
    ...others.map((selector) => `(${describeSelector(selector)})`),
  ].join(' ');
}
