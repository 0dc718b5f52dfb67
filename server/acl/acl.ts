/**
 * The users of a node: who there is, who may authenticate, what ACL SETUSER, DELUSER and LOAD change, and what that means for clients.
 * It does no I/O: a file's text is given to it. Source: Valkey 9.1 acl.c.
 */
import type { Client } from '../commands/client.ts';
import type { Clients } from '../commands/clients.ts';
import type { CommandRegistry } from '../commands/registry.ts';
import { channelWithin, PermissionCheck } from './check.ts';
import { AclLog } from './log.ts';
import { bytesOf, describeUser, hasSpaces, RULE_UNKNOWN_COMMAND, Rules } from './rules.ts';
import { sha256Hex } from './sha256.ts';
import { type Pattern, User } from './user.ts';

const DEFAULT_USER = 'default';
/** What the default user may until something else is said. */
const DEFAULT_RULES = ['+@all', '~*', '&*', 'on', 'nopass', 'alldbs'] as const;
const ENDED = 'user was changed or deleted';

export class Acl {
  readonly rules: Rules;
  readonly log: AclLog = new AclLog();
  readonly permissions: PermissionCheck;
  readonly defaultUser: User;
  private users: Map<string, User> = new Map();
  private readonly clients: Clients;

  constructor(registry: CommandRegistry, clients: Clients, databases: number) {
    this.rules = new Rules(registry);
    this.permissions = new PermissionCheck(databases);
    this.clients = clients;
    this.defaultUser = this.makeDefault();
    this.users.set(DEFAULT_USER, this.defaultUser);
  }

  /** Every user, by name. */
  all(): User[] {
    return [...this.users.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(name: string): User | null {
    return this.users.get(name) ?? null;
  }

  /** `acl-pubsub-default`. The default user, which may all channels anyway, does not change. */
  setAllChannelsByDefault(on: boolean): void {
    this.rules.allChannelsByDefault = on;
  }

  /** requirepass is the default user's password; empty: it needs none. */
  setDefaultPassword(password: string): void {
    this.rules.apply(this.defaultUser, 'resetpass');
    this.rules.apply(this.defaultUser, password === '' ? 'nopass' : `>${password}`);
  }

  /** The user whose name and password (latin-1 text) these are; null when the pair is wrong or the user disabled. */
  authenticate(name: string, password: string): User | null {
    const user = this.users.get(name);
    if (user === undefined || !user.enabled) return null;
    if (user.noPassword) return user;
    const hash = sha256Hex(bytesOf(password));
    let matches = false;
    // Every password is compared to its end: how long it takes tells nothing.
    for (const known of user.passwords) {
      let difference = 0;
      for (let i = 0; i < hash.length; i++) difference |= hash.charCodeAt(i) ^ known.charCodeAt(i);
      if (difference === 0) matches = true;
    }
    return matches ? user : null;
  }

  // --- Changes -------------------------------------------------------------------------------------------------------

  /** ACL SETUSER: all rules or none. Returns the problem or null. `current` is the client that asks. */
  set(name: string, given: readonly string[], current: Client): string | null {
    const merged = mergeSelectors(given);
    if ('open' in merged) return `Unmatched parenthesis in acl selector starting at '${merged.open}'.`;
    const known = this.users.get(name);
    const changed = new User(name, this.rules.newSelector());
    if (known !== undefined) changed.become(known);
    for (const rule of merged.rules) {
      const problem = this.rules.apply(changed, rule);
      if (problem !== null) return `Error in ACL SETUSER modifier '${rule}': ${problem}`;
    }
    if (known === undefined) {
      changed.settle();
      this.users.set(name, changed);
      return null;
    }
    const left = channelsLeft(changed, known);
    if (left !== null) {
      for (const client of [...this.clients.all()])
        if (client.user === known && listensBeyond(client, left)) this.end(client, current);
    }
    known.become(changed);
    return null;
  }

  /** ACL DELUSER: its clients are closed. */
  delete(name: string, current: Client): boolean {
    const user = this.users.get(name);
    if (user === undefined) return false;
    this.users.delete(name);
    for (const client of [...this.clients.all()]) if (client.user === user) this.disown(client, current);
    return true;
  }

  /** The client's user is no more: it is nobody until it is closed. */
  private disown(client: Client, current: Client | null): void {
    client.user = this.defaultUser;
    client.authenticated = false;
    this.end(client, current);
  }

  /** The client whose command runs gets its reply first. */
  private end(client: Client, current: Client | null): void {
    if (client === current) client.closing = true;
    else this.clients.kill(client, ENDED);
  }

  // --- Files ---------------------------------------------------------------------------------------------------------

  /** `user …` lines of the configuration file. Returns the problem or null. */
  loadConfigured(lines: readonly (readonly string[])[]): string | null {
    const seen = new Set<string>();
    for (const [name, ...given] of lines) {
      if (name === undefined || hasSpaces(name)) return 'Spaces not allowed in ACL usernames';
      if (seen.has(name)) return `user ${name}: Duplicate user found. A user can only be defined once in config files`;
      seen.add(name);
      const merged = mergeSelectors(given);
      if ('open' in merged) return `user ${name}: unmatched parenthesis in acl selector starting at '${merged.open}'`;
      let user = this.users.get(name);
      if (user === undefined) {
        user = new User(name, this.rules.newSelector());
        this.users.set(name, user);
      } else this.rules.apply(user, 'reset');
      for (const rule of merged.rules) {
        const problem = this.rules.apply(user, rule);
        if (problem !== null) return `user ${name}: ${rule}: ${problem}`;
      }
      user.settle();
    }
    return null;
  }

  /**
   * Takes the users of an ACL file in place of those there are: all or nothing. Clients go on as the user of their name, or are closed.
   * Returns the problems in one line, or null.
   */
  loadFile(file: string, text: string, current: Client | null): string | null {
    const users: Map<string, User> = new Map();
    let problems = '';
    for (const [index, untrimmed] of text.split('\n').entries()) {
      const line = untrimmed.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '');
      if (line !== '') problems += this.readLine(`${file}:${index + 1}`, index + 1, line, users);
    }
    if (problems !== '')
      return `${problems}WARNING: ACL errors detected, no change to the previously active ACL rules was performed`;
    this.replace(users, current);
    return null;
  }

  /** Reads one line of an ACL file into `users`; returns the problems, each with a space after it, as they are joined. */
  private readLine(where: string, lineNumber: number, line: string, users: Map<string, User>): string {
    const [keyword, name, ...given] = line.split(' ');
    if (keyword !== 'user' || name === undefined)
      return `${where} should start with user keyword followed by the username. `;
    if (hasSpaces(name)) return `'${where}: username '${name}' contains invalid characters. `;
    if (users.has(name)) return `WARNING: Duplicate user '${name}' found on line ${lineNumber}. `;
    const user = new User(name, this.rules.newSelector());
    users.set(name, user);
    const merged = mergeSelectors(given);
    if ('open' in merged) return `${where}: Unmatched parenthesis in selector definition.`;
    let problems = '';
    let syntaxError = false;
    for (const rule of merged.rules) {
      const problem = this.rules.apply(user, rule.replace(/^[\t\r\n]+|[\t\r\n]+$/g, ''));
      if (problem === null) continue;
      if (problem === RULE_UNKNOWN_COMMAND) problems += `${where}: Error in applying operation '${rule}': ${problem}. `;
      else if (!syntaxError) {
        problems += `${where}: ${problem}. `;
        syntaxError = true;
      }
    }
    user.settle();
    return problems;
  }

  private replace(users: Map<string, User>, current: Client | null): void {
    const before = new User(DEFAULT_USER, null);
    before.become(this.defaultUser);
    const loaded = users.get(DEFAULT_USER) ?? this.makeDefault();
    const old = this.users;
    this.users = users;
    users.set(DEFAULT_USER, this.defaultUser);
    this.defaultUser.become(loaded);
    for (const client of [...this.clients.all()]) {
      const known = old.get(client.user.name);
      if (known !== client.user) continue;
      const user = users.get(client.user.name);
      if (user === undefined) {
        this.disown(client, current);
        continue;
      }
      const left = channelsLeft(user, known === this.defaultUser ? before : known);
      if (left !== null && listensBeyond(client, left)) {
        this.disown(client, current);
        continue;
      }
      client.user = user;
    }
  }

  /** The ACL file that makes these users again. */
  fileText(): string {
    return this.all()
      .map((user) => `user ${user.name} ${describeUser(user)}\n`)
      .join('');
  }

  private makeDefault(): User {
    const user = new User(DEFAULT_USER, this.rules.newSelector());
    for (const rule of DEFAULT_RULES) this.rules.apply(user, rule);
    user.settle();
    return user;
  }
}

/** A selector's rules may be spread over several words: joins them to one. `open`: the word whose parenthesis is not closed. */
function mergeSelectors(given: readonly string[]): { readonly rules: string[] } | { readonly open: string } {
  const rules: string[] = [];
  let selector: string | null = null;
  let open = '';
  for (const word of given) {
    if (selector === null) {
      if (word.startsWith('(') && !word.endsWith(')')) {
        selector = word;
        open = word;
      } else rules.push(word);
      continue;
    }
    selector += ` ${word}`;
    if (!word.endsWith(')')) continue;
    rules.push(selector);
    selector = null;
  }
  return selector === null ? { rules } : { open };
}

/** The channels that the user may from now on; null when it may no less than before. */
function channelsLeft(after: User, before: User): readonly Pattern[] | null {
  if (after.selectors.some((selector) => selector.allChannels)) return null;
  const left = after.selectors.flatMap((selector) => selector.channels);
  const kept = before.selectors.every(
    (selector) =>
      !selector.allChannels &&
      selector.channels.every((channel) => left.some((pattern) => pattern.text === channel.text)),
  );
  return kept ? null : left;
}

function listensBeyond(client: Client, left: readonly Pattern[]): boolean {
  for (const pattern of client.patterns ?? []) if (!channelWithin(left, pattern, true)) return true;
  for (const channel of client.channels ?? []) if (!channelWithin(left, channel, false)) return true;
  for (const channel of client.shardChannels ?? []) if (!channelWithin(left, channel, false)) return true;
  return false;
}
