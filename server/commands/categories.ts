/**
 * The categories of commands that permissions are given by (`+@read`): derived from a row's flags and group, with the exceptions by name.
 * Source: Valkey 9.1 acl.c ACLDefaultCommandCategories, server.c setImplicitACLCategories, `src/commands/*.json`.
 */

import type { Command, CommandGroup } from './command.ts';
import * as flag from './command.ts';

/** In the order ACL CAT gives; a category's bit is its position. */
export const CATEGORIES = [
  'keyspace',
  'read',
  'write',
  'set',
  'sortedset',
  'list',
  'hash',
  'string',
  'bitmap',
  'hyperloglog',
  'geo',
  'stream',
  'pubsub',
  'admin',
  'fast',
  'slow',
  'blocking',
  'dangerous',
  'connection',
  'transaction',
  'scripting',
] as const;

export type Category = (typeof CATEGORIES)[number];

function bit(category: Category): number {
  return 1 << CATEGORIES.indexOf(category);
}

export const CATEGORY_KEYSPACE = bit('keyspace');
export const CATEGORY_READ = bit('read');
export const CATEGORY_WRITE = bit('write');

const OF_GROUP: Readonly<Partial<Record<CommandGroup, Category>>> = {
  bitmap: 'bitmap',
  connection: 'connection',
  generic: 'keyspace',
  geo: 'geo',
  hash: 'hash',
  hyperloglog: 'hyperloglog',
  list: 'list',
  pubsub: 'pubsub',
  scripting: 'scripting',
  set: 'set',
  'sorted-set': 'sortedset',
  stream: 'stream',
  string: 'string',
  transactions: 'transaction',
};

/** What flags and group do not tell. */
const EXCEPTIONS: readonly { readonly names: string; readonly add: readonly Category[]; readonly drop?: Category }[] = [
  { names: 'lastsave role', add: ['admin', 'dangerous'] },
  {
    names:
      'asking command command|count command|docs command|getkeys command|getkeysandflags command|help command|info command|list readonly readwrite',
    add: ['connection'],
  },
  { names: 'wait waitaof', add: ['connection'], drop: 'keyspace' },
  { names: 'info keys migrate restore', add: ['dangerous'] },
  { names: 'flushall flushdb restore-asking swapdb', add: ['dangerous', 'keyspace'] },
  { names: 'sort sort_ro', add: ['dangerous', 'list', 'set', 'sortedset'], drop: 'keyspace' },
  { names: 'clusterscan cluster|flushslot dbsize', add: ['keyspace'] },
  { names: 'pubsub|help', add: [], drop: 'pubsub' },
];

/** The mask of a category's name in any case; 0 when there is none of that name. */
export function categoryBit(name: string): number {
  const position = (CATEGORIES as readonly string[]).indexOf(name.toLowerCase());
  return position < 0 ? 0 : 1 << position;
}

/** The categories of a command as a mask. A container by itself does nothing: it belongs to none of its group's. */
export function categoriesOf(command: Command, fullName: string): number {
  const has = (mask: number): boolean => (command.flags & mask) !== 0;
  let mask = bit(has(flag.FAST) ? 'fast' : 'slow');
  if (has(flag.WRITE)) mask |= bit('write');
  if (has(flag.READONLY) && command.group !== 'scripting') mask |= bit('read');
  if (has(flag.ADMIN)) mask |= bit('admin') | bit('dangerous');
  if (has(flag.PUBSUB)) mask |= bit('pubsub');
  if (has(flag.BLOCKING)) mask |= bit('blocking');
  const ofGroup = OF_GROUP[command.group];
  if (ofGroup !== undefined && command.subcommands === undefined) mask |= bit(ofGroup);
  for (const exception of EXCEPTIONS) {
    if (!exception.names.split(' ').includes(fullName)) continue;
    for (const category of exception.add) mask |= bit(category);
    if (exception.drop !== undefined) mask &= ~bit(exception.drop);
  }
  return mask;
}

/** The names of a mask, in order. */
export function categoryNames(mask: number): readonly Category[] {
  return CATEGORIES.filter((_, position) => (mask & (1 << position)) !== 0);
}
