/** ACL and its subcommands: users and what they may. Source: Valkey 9.1 acl.c aclCommand, `src/commands/acl-*.json`. */
import { denialText, PERMITTED } from '../acl/check.ts';
import { REASON_NAMES } from '../acl/log.ts';
import {
  bytesOf,
  describeChannels,
  describeCommands,
  describeDatabases,
  describeKeys,
  describeUser,
  flagNames,
  hasSpaces,
} from '../acl/rules.ts';
import type { Selector, User } from '../acl/user.ts';
import { latin1 } from '../protocol/numbers.ts';
import type { Call } from './call.ts';
import { CATEGORIES, categoryBit } from './categories.ts';
import { ADMIN, type Command, LOADING, NO_KEYS, NOSCRIPT, STALE } from './command.ts';
import type { AclFile } from './rooms.ts';

/** Entries that ACL LOG tells when it is not asked for a number. */
const LOG_ENTRIES = 10;
const MAX_PASSWORD_BITS = 4096;
const PASSWORD_BITS = 256;

/** Text of bytes as the text that they are in UTF-8, for errors. */
function readable(text: string): string {
  return new TextDecoder().decode(bytesOf(text));
}

function wrongSyntax(call: Call): void {
  call.fail(`ERR unknown subcommand or wrong number of arguments for '${call.text(1)}'. Try ACL HELP.`);
}

// --- Users -----------------------------------------------------------------------------------------------------------

function setuser(call: Call): void {
  const name = call.latin1(2);
  if (hasSpaces(name)) {
    call.fail("ERR Usernames can't contain spaces or null characters");
    return;
  }
  const rules: string[] = [];
  for (let i = 3; i < call.count; i++) rules.push(call.latin1(i));
  const problem = call.rooms.acl.set(name, rules, call.client);
  if (problem === null) call.reply.ok();
  else call.fail(`ERR ${readable(problem)}`);
}

function deluser(call: Call): void {
  for (let i = 2; i < call.count; i++) {
    if (call.latin1(i) !== 'default') continue;
    call.fail("ERR The 'default' user cannot be removed");
    return;
  }
  let deleted = 0;
  for (let i = 2; i < call.count; i++) if (call.rooms.acl.delete(call.latin1(i), call.client)) deleted++;
  call.reply.integer(deleted);
}

function describeSelector(call: Call, selector: Selector): void {
  const { reply } = call;
  reply.bulkText('commands');
  reply.bulkLatin1(describeCommands(selector));
  reply.bulkText('keys');
  reply.bulkLatin1(describeKeys(selector));
  reply.bulkText('channels');
  reply.bulkLatin1(describeChannels(selector));
  reply.bulkText('databases');
  reply.bulkText(describeDatabases(selector));
}

function getuser(call: Call): void {
  const { reply } = call;
  const user = call.rooms.acl.find(call.latin1(2));
  if (user === null) {
    reply.nil();
    return;
  }
  reply.map(7);
  reply.bulkText('flags');
  const flags = flagNames(user);
  reply.set(flags.length);
  for (const flag of flags) reply.bulkText(flag);
  reply.bulkText('passwords');
  reply.array(user.passwords.length);
  for (const password of user.passwords) reply.bulkText(password);
  const [root, ...others] = user.selectors;
  describeSelector(call, root!);
  reply.bulkText('selectors');
  reply.array(others.length);
  for (const selector of others) {
    reply.map(4);
    describeSelector(call, selector);
  }
}

function eachUser(call: Call, text: (user: User) => string): void {
  const users = call.rooms.acl.all();
  call.reply.array(users.length);
  for (const user of users) call.reply.bulkLatin1(text(user));
}

// --- Files -----------------------------------------------------------------------------------------------------------

/** The ACL file; answers the error when there is none. */
function fileOf(call: Call): AclFile | null {
  const file = call.rooms.aclFile;
  if (file !== undefined) return file;
  call.fail(
    'ERR This instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a configuration file set) in order to store users in the configuration.',
  );
  return null;
}

function load(call: Call): void {
  const file = fileOf(call);
  if (file === null) return;
  const content = file.read();
  const problem =
    'problem' in content ? content.problem : call.rooms.acl.loadFile(file.name, content.text, call.client);
  if (problem === null) call.reply.ok();
  else call.fail(`ERR ${readable(problem)}`);
}

function save(call: Call): void {
  const file = fileOf(call);
  if (file === null) return;
  const problem = file.write(call.rooms.acl.fileText());
  if (problem === null) {
    call.reply.ok();
    return;
  }
  call.rooms.host.log('warning', `ACL SAVE: ${problem}`);
  call.fail('ERR There was an error trying to save the ACLs. Please check the server logs for more information');
}

// --- Questions -------------------------------------------------------------------------------------------------------

function cat(call: Call): void {
  if (call.count > 3) {
    wrongSyntax(call);
    return;
  }
  if (call.count === 2) {
    call.reply.array(CATEGORIES.length);
    for (const name of CATEGORIES) call.reply.bulkText(name);
    return;
  }
  const mask = categoryBit(call.text(2));
  if (mask === 0) {
    call.fail(`ERR Unknown category '${call.text(2).slice(0, 128)}'`);
    return;
  }
  const found = call.rooms.registry.all.filter((entry) => (entry.categories & mask) !== 0);
  call.reply.array(found.length);
  for (const entry of found) call.reply.bulkText(entry.fullName);
}

function genpass(call: Call): void {
  if (call.count > 3) {
    wrongSyntax(call);
    return;
  }
  const bits = call.count === 3 ? call.integer(2) : PASSWORD_BITS;
  if (call.failed) return;
  if (bits <= 0 || bits > MAX_PASSWORD_BITS) {
    call.fail(
      `ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to ${MAX_PASSWORD_BITS}`,
    );
    return;
  }
  call.reply.bulkText(call.rooms.host.secret(Math.ceil(bits / 4)));
}

function dryrun(call: Call): void {
  const { acl, registry } = call.rooms;
  const user = acl.find(call.latin1(2));
  if (user === null) {
    call.fail(`ERR User '${call.text(2)}' not found`);
    return;
  }
  const args = call.args.from(3);
  const entry = registry.lookUp(args);
  if (entry === null) {
    call.fail(`ERR Command '${call.text(3)}' not found`);
    return;
  }
  if ((entry.arity > 0 && entry.arity !== args.count) || args.count < -entry.arity) {
    call.fail(`ERR wrong number of arguments for '${entry.fullName}' command`);
    return;
  }
  const { permissions } = acl;
  const denied = permissions.check(user, entry, args, call.client.databaseIndex);
  if (denied === PERMITTED) {
    call.reply.ok();
    return;
  }
  const at = permissions.failedIndex;
  const object = latin1(args.bytes, args.starts[at]!, args.ends[at]!);
  call.reply.bulkLatin1(denialText(denied, user.name, entry.fullName, object));
}

function log(call: Call): void {
  const { reply } = call;
  const { log: entries } = call.rooms.acl;
  if (call.count > 3) {
    wrongSyntax(call);
    return;
  }
  if (call.count === 3 && call.is(2, 'RESET')) {
    entries.clear();
    reply.ok();
    return;
  }
  const wanted = call.count === 3 ? call.integer(2) : LOG_ENTRIES;
  if (call.failed) return;
  const shown = entries.entries.slice(0, Math.max(0, wanted));
  reply.array(shown.length);
  for (const entry of shown) {
    reply.map(10);
    reply.bulkText('count');
    reply.integer(entry.count);
    reply.bulkText('reason');
    reply.bulkText(REASON_NAMES[entry.reason]!);
    reply.bulkText('context');
    reply.bulkText(entry.context);
    reply.bulkText('object');
    reply.bulkLatin1(entry.object);
    reply.bulkText('username');
    reply.bulkLatin1(entry.username);
    reply.bulkText('age-seconds');
    reply.double((call.nowMs - entry.updatedAtMs) / 1000);
    reply.bulkText('client-info');
    reply.bulkLatin1(entry.clientInfo);
    reply.bulkText('entry-id');
    reply.integer(entry.id);
    reply.bulkText('timestamp-created');
    reply.integer(entry.createdAtMs);
    reply.bulkText('timestamp-last-updated');
    reply.integer(entry.updatedAtMs);
  }
}

const HELP = [
  'CAT [<category>]',
  '    List all commands that belong to <category>, or all command categories',
  '    when no category is specified.',
  'DELUSER <username> [<username> ...]',
  '    Delete a list of users.',
  'DRYRUN <username> <command> [<arg> ...]',
  '    Returns whether the user can execute the given command without executing the command.',
  'GETUSER <username>',
  "    Get the user's details.",
  'GENPASS [<bits>]',
  '    Generate a secure 256-bit user password. The optional `bits` argument can',
  '    be used to specify a different size.',
  'LIST',
  '    Show users details in config file format.',
  'LOAD',
  '    Reload users from the ACL file.',
  'LOG [<count> | RESET]',
  '    Show the ACL log entries.',
  'SAVE',
  '    Save the current config to the ACL file.',
  'SETUSER <username> <rule> [<rule> ...]',
  '    Create or modify a user with the specified rules.',
  'USERS',
  '    List all the registered usernames.',
  'WHOAMI',
  '    Return the current connection username.',
];

const GROUP = { group: 'server', keys: NO_KEYS, since: '6.0.0' } as const;
const PLAIN = NOSCRIPT | LOADING | STALE;

const subcommands: readonly Command[] = [
  {
    ...GROUP,
    name: 'cat',
    arity: -2,
    flags: PLAIN,
    summary: 'Lists the ACL categories, or the commands inside a category.',
    run: cat,
  },
  {
    ...GROUP,
    name: 'deluser',
    arity: -3,
    flags: ADMIN | PLAIN,
    summary: 'Deletes ACL users, and terminates their connections.',
    run: deluser,
  },
  {
    ...GROUP,
    name: 'dryrun',
    arity: -4,
    since: '7.0.0',
    flags: ADMIN | PLAIN,
    summary: 'Simulates the execution of a command by a user, without executing the command.',
    run: dryrun,
  },
  {
    ...GROUP,
    name: 'genpass',
    arity: -2,
    flags: PLAIN,
    summary: 'Generates a pseudorandom, secure password that can be used to identify ACL users.',
    run: genpass,
  },
  {
    ...GROUP,
    name: 'getuser',
    arity: 3,
    flags: ADMIN | PLAIN,
    summary: 'Lists the ACL rules of a user.',
    run: getuser,
  },
  {
    ...GROUP,
    name: 'help',
    arity: 2,
    flags: LOADING | STALE,
    summary: 'Returns helpful text about the different subcommands.',
    run: (call) => call.help(HELP),
  },
  {
    ...GROUP,
    name: 'list',
    arity: 2,
    flags: ADMIN | PLAIN,
    summary: 'Dumps the effective rules in ACL file format.',
    run: (call) => eachUser(call, (user) => `user ${user.name} ${describeUser(user)}`),
  },
  {
    ...GROUP,
    name: 'load',
    arity: 2,
    flags: ADMIN | PLAIN,
    summary: 'Reloads the rules from the configured ACL file.',
    run: load,
  },
  {
    ...GROUP,
    name: 'log',
    arity: -2,
    flags: ADMIN | PLAIN,
    summary: 'Lists recent security events generated due to ACL rules.',
    run: log,
  },
  {
    ...GROUP,
    name: 'save',
    arity: 2,
    flags: ADMIN | PLAIN,
    summary: 'Saves the effective ACL rules in the configured ACL file.',
    run: save,
  },
  {
    ...GROUP,
    name: 'setuser',
    arity: -3,
    flags: ADMIN | PLAIN,
    summary: 'Creates and modifies an ACL user and its rules.',
    run: setuser,
  },
  {
    ...GROUP,
    name: 'users',
    arity: 2,
    flags: ADMIN | PLAIN,
    summary: 'Lists all ACL users.',
    run: (call) => eachUser(call, (user) => user.name),
  },
  {
    ...GROUP,
    name: 'whoami',
    arity: 2,
    flags: PLAIN,
    summary: 'Returns the authenticated username of the current connection.',
    run: (call) => call.reply.bulkLatin1(call.client.user.name),
  },
];

export const aclCommands: readonly Command[] = [
  {
    ...GROUP,
    name: 'acl',
    arity: -2,
    flags: 0,
    summary: 'A container for Access List Control commands.',
    run: (call) => call.fail("ERR wrong number of arguments for 'acl' command"),
    subcommands,
  },
];
