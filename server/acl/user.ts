/**
 * A user: who may authenticate how, and what its selectors permit. Data alone: rules.ts changes it, check.ts asks it.
 * Names, patterns and passwords are latin-1 text of their bytes. Source of the meaning: Valkey 9.1 acl.c.
 */

export const PERMISSION_READ = 1;
export const PERMISSION_WRITE = 2;
export const PERMISSION_ALL = PERMISSION_READ | PERMISSION_WRITE;

export interface Pattern {
  readonly text: string;
  readonly bytes: Uint8Array;
}

export interface KeyPattern extends Pattern {
  permissions: number;
}

/** One set of permissions. A command is permitted when one selector of the user permits all of it. */
export class Selector {
  allKeys = false;
  allChannels: boolean;
  allDatabases = true;
  /** No command was taken away since `+@all`. */
  allCommands = false;
  /** `+@all` was the base, `-@all` otherwise: how the rules are told begins with it. */
  basedOnAll = false;
  /** Bit `id` of a CommandEntry. */
  commands: Uint32Array;
  /** Of commands not permitted as a whole: first arguments (lower case) that are. By the entry's id; null while there are none. */
  firstArguments: Map<number, string[]> | null = null;
  keys: KeyPattern[] = [];
  channels: Pattern[] = [];
  /** Ascending. Counts unless `allDatabases`. */
  databases: number[] = [];
  /** `+get`, `-@all`-relative and in the order that matters: what ACL LIST shows. */
  commandRules: string[] = [];

  constructor(commandCount: number, allChannels: boolean) {
    this.commands = new Uint32Array((commandCount + 31) >>> 5);
    this.allChannels = allChannels;
  }

  copy(): Selector {
    const copy = new Selector(0, this.allChannels);
    copy.allKeys = this.allKeys;
    copy.allDatabases = this.allDatabases;
    copy.allCommands = this.allCommands;
    copy.basedOnAll = this.basedOnAll;
    copy.commands = this.commands.slice();
    if (this.firstArguments !== null)
      copy.firstArguments = new Map([...this.firstArguments].map(([id, words]) => [id, [...words]]));
    copy.keys = this.keys.map((pattern) => ({ ...pattern }));
    copy.channels = [...this.channels];
    copy.databases = [...this.databases];
    copy.commandRules = [...this.commandRules];
    return copy;
  }

  permits(id: number): boolean {
    return (this.commands[id >>> 5]! & (1 << (id & 31))) !== 0;
  }

  get unrestricted(): boolean {
    return this.allKeys && this.allChannels && this.allDatabases && this.allCommands;
  }
}

export class User {
  readonly name: string;
  enabled = false;
  noPassword = false;
  /** SHA-256 in hexadecimal. */
  passwords: string[] = [];
  /** The first is the root selector: what stands outside of parentheses. */
  selectors: Selector[];
  /** Some selector permits everything: nothing is to be checked. */
  unrestricted = false;

  constructor(name: string, root: Selector | null) {
    this.name = name;
    this.selectors = root === null ? [] : [root];
  }

  /** Takes over what another user may; the name stays. */
  become(other: User): void {
    this.enabled = other.enabled;
    this.noPassword = other.noPassword;
    this.passwords = [...other.passwords];
    this.selectors = other.selectors.map((selector) => selector.copy());
    this.settle();
  }

  /** After a change of selectors. */
  settle(): void {
    this.unrestricted = this.selectors.some((selector) => selector.unrestricted);
  }

  /** A connection is this user's without AUTH. */
  get open(): boolean {
    return this.noPassword && this.enabled;
  }
}

/** Who the node's own clients are: a primary's stream, an import. Nothing is checked for it. */
export const SUPERUSER: User = superuser(); // constant

function superuser(): User {
  const user = new User('(superuser)', null);
  user.enabled = true;
  user.noPassword = true;
  user.unrestricted = true;
  return user;
}
