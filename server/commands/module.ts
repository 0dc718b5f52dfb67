/**
 * MODULE: Valkey loads native code by it, which this node never does. LIST tells what a Valkey 9.1 without modules tells: its scripting
 * engine, which is a module there.
 */
import type { ReplyWriter } from '../protocol/reply.ts';
import type { Call } from './call.ts';
import { ADMIN, type Command, LOADING, NO_ASYNC_LOADING, NO_KEYS, NOSCRIPT, STALE } from './command.ts';

const ERR_NOT_ALLOWED =
  'ERR MODULE command not allowed. If the enable-module-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.';

/** What MODULE LIST and HELLO tell of: the Lua engine. */
export function replyModules(reply: ReplyWriter): void {
  reply.array(1);
  reply.map(4);
  reply.bulkText('name');
  reply.bulkText('lua');
  reply.bulkText('ver');
  reply.integer(1);
  reply.bulkText('path');
  reply.bulkText('lua');
  reply.bulkText('args');
  reply.array(0);
}

const ROW = { group: 'server', keys: NO_KEYS, since: '4.0.0' } as const;
const LOADS = ADMIN | NOSCRIPT | NO_ASYNC_LOADING;
const refused = (call: Call): void => call.fail(ERR_NOT_ALLOWED);

export const moduleCommands: readonly Command[] = [
  {
    ...ROW,
    name: 'module',
    arity: -2,
    flags: 0,
    summary: 'A container for module commands.',
    run: (call) => call.fail("ERR wrong number of arguments for 'module' command"),
    subcommands: [
      {
        ...ROW,
        name: 'list',
        arity: 2,
        flags: ADMIN | NOSCRIPT,
        summary: 'Returns all loaded modules.',
        run: (call) => replyModules(call.reply),
      },
      { ...ROW, name: 'load', arity: -3, flags: LOADS, summary: 'Loads a module.', run: refused },
      {
        ...ROW,
        name: 'loadex',
        arity: -3,
        since: '7.0.0',
        flags: LOADS,
        summary: 'Loads a module using extended parameters.',
        run: refused,
      },
      { ...ROW, name: 'unload', arity: 3, flags: LOADS, summary: 'Unloads a module.', run: refused },
      {
        ...ROW,
        name: 'help',
        arity: 2,
        since: '5.0.0',
        flags: LOADING | STALE,
        summary: 'Returns helpful text about the different subcommands.',
        run: (call) =>
          call.help([
            'LIST',
            '    Return a list of loaded modules.',
            'LOAD <path> [<arg> ...]',
            '    Load a module library from <path>, passing to it any optional arguments.',
            'LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]',
            '    Load a module library from <path>, while passing it module configurations and optional arguments.',
            'UNLOAD <name>',
            '    Unload a module.',
          ]),
      },
    ],
  },
];
