/** COMMANDLOG and SLOWLOG. Source: Valkey 9.1 commandlog.c. */
import type { CommandLogEntry, CommandLogPart, CommandLogType } from '../observability/command-log.ts';
import type { Call } from './call.ts';
import { ADMIN, type Command, LOADING, NO_KEYS, STALE } from './command.ts';

const DEFAULT_COUNT = 10;
const ERR_COUNT = 'ERR count should be greater than or equal to -1';
const ERR_TYPE = 'ERR type should be one of the following: slow, large-request, large-reply';

/** The log that an argument names; answers the error otherwise. */
function partAt(call: Call, index: number): CommandLogPart | null {
  const { parts } = call.rooms.accounting.commandLog;
  const part = (parts as Partial<Record<string, CommandLogPart>>)[call.text(index).toLowerCase()];
  if (part === undefined) call.fail(ERR_TYPE);
  return part ?? null;
}

function partOf(call: Call, type: CommandLogType): CommandLogPart {
  return call.rooms.accounting.commandLog.parts[type];
}

function get(call: Call, part: CommandLogPart, countIndex: number): void {
  const count = countIndex < call.count ? call.integer(countIndex, ERR_COUNT) : DEFAULT_COUNT;
  if (call.failed) return;
  if (count < -1) {
    call.fail(ERR_COUNT);
    return;
  }
  const entries = part.newest(count);
  call.reply.array(entries.length);
  for (const entry of entries) replyEntry(call, entry);
}

function replyEntry({ reply }: Call, entry: CommandLogEntry): void {
  reply.array(6);
  reply.integer(entry.id);
  reply.integer(entry.atSeconds);
  reply.integer(entry.value);
  reply.array(entry.args.length);
  for (const bytes of entry.args) reply.bulk(bytes, 0, bytes.length);
  reply.bulkText(entry.address);
  reply.bulkText(entry.clientName);
}

function reset(call: Call, part: CommandLogPart): void {
  part.reset();
  call.reply.ok();
}

const LOGS = { group: 'server', keys: NO_KEYS } as const;
const FLAGS = ADMIN | LOADING | STALE;

export const commandLogCommands: readonly Command[] = [
  {
    ...LOGS,
    name: 'commandlog',
    arity: -2,
    since: '8.1.0',
    flags: 0,
    summary: 'A container for command log commands.',
    run: (call) => call.fail("ERR wrong number of arguments for 'commandlog' command"),
    subcommands: [
      {
        ...LOGS,
        name: 'get',
        arity: 4,
        since: '8.1.0',
        flags: FLAGS,
        summary: "Returns the specified command log's entries.",
        run(call) {
          const count = call.integer(2, ERR_COUNT);
          if (call.failed) return;
          if (count < -1) {
            call.fail(ERR_COUNT);
            return;
          }
          const part = partAt(call, 3);
          if (part !== null) get(call, part, 2);
        },
      },
      {
        ...LOGS,
        name: 'len',
        arity: 3,
        since: '8.1.0',
        flags: FLAGS,
        summary: 'Returns the number of entries in the specified type of command log.',
        run(call) {
          const part = partAt(call, 2);
          if (part !== null) call.reply.integer(part.length);
        },
      },
      {
        ...LOGS,
        name: 'reset',
        arity: 3,
        since: '8.1.0',
        flags: FLAGS,
        summary: 'Clears all entries from the specified type of command log.',
        run(call) {
          const part = partAt(call, 2);
          if (part !== null) reset(call, part);
        },
      },
      {
        ...LOGS,
        name: 'help',
        arity: 2,
        since: '8.1.0',
        flags: LOADING | STALE,
        summary: 'Shows helpful text about the different subcommands.',
        run: (call) =>
          call.help([
            'GET <count> <type>',
            '    Return top <count> entries of the specified <type> from the commandlog (-1 mean all).',
            '    Entries are made of:',
            '    id, timestamp,',
            '        time in microseconds for type of slow,',
            '        or size in bytes for type of large-request,',
            '        or size in bytes for type of large-reply',
            '    arguments array, client IP and port,',
            '    client name',
            'LEN <type>',
            '    Return the length of the specified type of commandlog.',
            'RESET <type>',
            '    Reset the specified type of commandlog.',
          ]),
      },
    ],
  },
  {
    ...LOGS,
    name: 'slowlog',
    arity: -2,
    since: '2.2.12',
    flags: 0,
    summary: 'A container for slow log commands.',
    run: (call) => call.fail("ERR wrong number of arguments for 'slowlog' command"),
    subcommands: [
      {
        ...LOGS,
        name: 'get',
        arity: -2,
        since: '2.2.12',
        flags: FLAGS,
        summary: "Returns the slow log's entries.",
        run(call) {
          if (call.count > 3) call.failSubcommand();
          else get(call, partOf(call, 'slow'), 2);
        },
      },
      {
        ...LOGS,
        name: 'len',
        arity: 2,
        since: '2.2.12',
        flags: FLAGS,
        summary: 'Returns the number of entries in the slow log.',
        run: (call) => call.reply.integer(partOf(call, 'slow').length),
      },
      {
        ...LOGS,
        name: 'reset',
        arity: 2,
        since: '2.2.12',
        flags: FLAGS,
        summary: 'Clears all entries from the slow log.',
        run: (call) => reset(call, partOf(call, 'slow')),
      },
      {
        ...LOGS,
        name: 'help',
        arity: 2,
        since: '6.2.0',
        flags: LOADING | STALE,
        summary: 'Shows helpful text about the different subcommands.',
        run: (call) =>
          call.help([
            'GET [<count>]',
            '    Return top <count> entries from the slowlog (default: 10, -1 mean all).',
            '    Entries are made of:',
            '    id, timestamp, time in microseconds, arguments array, client IP and port,',
            '    client name',
            'LEN',
            '    Return the length of the slowlog.',
            'RESET',
            '    Reset the slowlog.',
          ]),
      },
    ],
  },
];
