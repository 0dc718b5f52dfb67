/** Commands about the server: INFO, CONFIG, COMMAND, TIME, SHUTDOWN. Source: Valkey 9.1 server.c, config.c, commands metadata. */
import { globMatch } from '../config/glob.ts';
import { infoText } from '../observability/info.ts';
import { ERR_SYNTAX } from '../protocol/errors.ts';
import type { Call } from './call.ts';
import {
  ADMIN,
  ALLOW_BUSY,
  type Command,
  DANGEROUS,
  FAST,
  LOADING,
  NO_KEYS,
  NO_MULTI,
  NOSCRIPT,
  STALE,
} from './command.ts';
import { commandDocs } from './command-docs.ts';
import { commandGetkeys, replyKeySpecs } from './command-keys.ts';
import { configCommand } from './config.ts';
import { docOf } from './docs/index.ts';
import { aclCategories, type CommandEntry, FLAG_NAMES } from './registry.ts';

const encoder = { encode: (text: string): Uint8Array => new TextEncoder().encode(text) };

function info(call: Call): void {
  const sections: string[] = [];
  for (let i = 1; i < call.count; i++) sections.push(call.text(i).toLowerCase());
  call.reply.verbatim(infoText(call.rooms, sections));
}

// --- CONFIG ------------------------------------------------------------------------------------------------------------

function configResetstat(call: Call): void {
  const { keyspace } = call;
  const { registry } = call.rooms;
  keyspace.hits = 0;
  keyspace.misses = 0;
  keyspace.expired = 0;
  keyspace.expiredFields = 0;
  keyspace.evicted = 0;
  keyspace.lazyFreed = 0;
  call.rooms.clients.evicted = 0;
  call.rooms.clients.overQueryLimit = 0;
  call.rooms.clients.overOutputLimit = 0;
  registry.resetStatistics();
  call.rooms.acl.log.resetCounts();
  call.rooms.accounting.reset();
  call.rooms.traffic.reset();
  if (call.rooms.scripting !== undefined) call.rooms.scripting.scripts.evicted = 0;
  call.reply.ok();
}

// --- COMMAND -----------------------------------------------------------------------------------------------------------

function describe(call: Call, entry: CommandEntry): void {
  const { reply } = call;
  reply.array(10);
  reply.bulkText(entry.fullName);
  reply.integer(entry.arity);
  const flags = FLAG_NAMES.filter(([bit]) => entry.has(bit));
  reply.set(flags.length);
  for (const [, name] of flags) reply.simple(name);
  reply.integer(entry.firstKey);
  reply.integer(entry.lastKey);
  reply.integer(entry.keyStep);
  const categories = aclCategories(entry);
  reply.set(categories.length);
  for (const category of categories) reply.simple(category);
  const tips = docOf(entry.fullName).tips ?? [];
  reply.set(tips.length);
  for (const tip of tips) reply.bulkText(tip);
  replyKeySpecs(reply, entry.keySpecs);
  reply.array(entry.subcommands.length);
  for (const subcommand of entry.subcommands) describe(call, subcommand);
}

function commandInfo(call: Call): void {
  const { registry } = call.rooms;
  if (call.count === 2) {
    commandAll(call);
    return;
  }
  call.reply.array(call.count - 2);
  for (let i = 2; i < call.count; i++) {
    const entry = registry.named(call.text(i));
    if (entry === null) call.reply.nilArray();
    else describe(call, entry);
  }
}

function commandAll(call: Call): void {
  call.reply.array(call.rooms.registry.entries.length);
  for (const entry of call.rooms.registry.entries) describe(call, entry);
}

function commandList(call: Call): void {
  let names = call.rooms.registry.all.map((entry) => entry.fullName);
  if (call.count > 2) {
    if (call.count !== 5 || !call.is(2, 'FILTERBY')) {
      call.fail(ERR_SYNTAX);
      return;
    }
    const value = call.text(4).toLowerCase();
    if (call.is(3, 'ACLCAT')) {
      names = call.rooms.registry.all
        .filter((entry) => aclCategories(entry).includes(`@${value}`))
        .map((entry) => entry.fullName);
    } else if (call.is(3, 'PATTERN')) {
      const pattern = encoder.encode(value);
      names = names.filter((name) => globMatch(pattern, 0, pattern.length, encoder.encode(name), 0, name.length));
    } else if (call.is(3, 'MODULE')) names = [];
    else {
      call.fail(ERR_SYNTAX);
      return;
    }
  }
  call.reply.array(names.length);
  for (const name of names) call.reply.bulkText(name);
}

// --- TIME, SHUTDOWN ----------------------------------------------------------------------------------------------------

function time(call: Call): void {
  call.reply.array(2);
  call.reply.bulkText(String(Math.floor(call.nowMs / 1000)));
  call.reply.bulkText(String((call.nowMs % 1000) * 1000));
}

function shutdown(call: Call): void {
  let save: boolean | null = null;
  let abort = false;
  let force = false;
  for (let i = 1; i < call.count; i++) {
    if (call.is(i, 'SAVE')) save = true;
    else if (call.is(i, 'NOSAVE')) save = false;
    else if (call.is(i, 'ABORT')) abort = true;
    else if (call.is(i, 'FORCE')) force = true;
    else if (!call.is(i, 'NOW') && !call.is(i, 'SAFE') && !call.is(i, 'FAILOVER')) {
      call.fail(ERR_SYNTAX);
      return;
    }
  }
  const { host, clients } = call.rooms;
  if (abort) {
    if (call.count > 2) return call.fail(ERR_SYNTAX);
    const problem = host.abortShutdown();
    if (problem === null) call.reply.ok();
    else call.fail(problem);
    return;
  }
  // The client waits: it hears something only when the node goes on.
  const { client } = call;
  const waiter = { deadlineMs: 0, timedOut: () => {}, cancelled: () => {} };
  clients.block(client, waiter);
  host.shutdown({ save, force }, (problem) => {
    if (client.waiter === waiter) clients.resume(client, (reply) => reply.error(problem));
  });
}

const SERVER = { group: 'server', keys: NO_KEYS } as const;
const COMMAND_FLAGS = LOADING | STALE;

export const serverCommands: readonly Command[] = [
  {
    ...SERVER,
    name: 'info',
    arity: -1,
    since: '1.0.0',
    flags: LOADING | STALE | DANGEROUS,
    summary: 'Returns information and statistics about the server.',
    run: info,
  },
  {
    ...SERVER,
    name: 'time',
    arity: 1,
    since: '2.6.0',
    flags: LOADING | STALE | FAST,
    summary: 'Returns the server time.',
    run: time,
  },
  {
    ...SERVER,
    name: 'shutdown',
    arity: -1,
    since: '1.0.0',
    flags: ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY,
    summary: 'Synchronously saves the database(s) to disk and shuts down the server.',
    run: shutdown,
  },
  configCommand(configResetstat),
  {
    ...SERVER,
    name: 'command',
    arity: -1,
    since: '2.8.13',
    flags: COMMAND_FLAGS,
    summary: 'Returns detailed information about all commands.',
    run: commandAll,
    subcommands: [
      {
        ...SERVER,
        name: 'count',
        arity: 2,
        since: '2.8.13',
        flags: COMMAND_FLAGS,
        summary: 'Returns a count of commands.',
        run: (call) => call.reply.integer(call.rooms.registry.entries.length),
      },
      {
        ...SERVER,
        name: 'info',
        arity: -2,
        since: '2.8.13',
        flags: COMMAND_FLAGS,
        summary: 'Returns information about one, multiple or all commands.',
        run: commandInfo,
      },
      {
        ...SERVER,
        name: 'list',
        arity: -2,
        since: '7.0.0',
        flags: COMMAND_FLAGS,
        summary: 'Returns a list of command names.',
        run: commandList,
      },
      {
        ...SERVER,
        name: 'docs',
        arity: -2,
        since: '7.0.0',
        flags: COMMAND_FLAGS,
        summary: 'Returns documentary information about one, multiple or all commands.',
        run: commandDocs,
      },
      {
        ...SERVER,
        name: 'getkeys',
        arity: -3,
        since: '2.8.13',
        flags: COMMAND_FLAGS,
        summary: 'Extracts the key names from an arbitrary command.',
        run: (call) => commandGetkeys(call, false),
      },
      {
        ...SERVER,
        name: 'getkeysandflags',
        arity: -3,
        since: '7.0.0',
        flags: COMMAND_FLAGS,
        summary: 'Extracts the key names and access flags for an arbitrary command.',
        run: (call) => commandGetkeys(call, true),
      },
      {
        ...SERVER,
        name: 'help',
        arity: 2,
        since: '5.0.0',
        flags: COMMAND_FLAGS,
        summary: 'Returns helpful text about the different subcommands.',
        run: (call) =>
          call.help([
            '(no subcommand)',
            '    Return details about all commands.',
            'COUNT',
            '    Return the total number of commands in this server.',
            'LIST',
            '    Return a list of all commands in this server.',
            'INFO [<command-name> ...]',
            '    Return details about multiple commands.',
            'GETKEYS <full-command>',
            '    Return the keys from a full command.',
          ]),
      },
    ],
  },
];
