/** FCALL, FCALL_RO and FUNCTION. Source: Valkey 9.1 functions.c. */
import { globMatch } from '../config/glob.ts';
import { latin1 } from '../protocol/numbers.ts';
import { Libraries, type Library, type LibraryFunction } from '../scripting/libraries.ts';
import { dumpLibraries, readLibraryDump } from '../scripting/library-dump.ts';
import { SCRIPT_FLAGS } from '../scripting/script-run.ts';
import { ENGINE } from '../scripting/scripting.ts';
import { latin1Bytes } from '../scripting/to-reply.ts';
import type { Call } from './call.ts';
import { STREAM_CLIENT } from './client.ts';
import {
  ALLOW_BUSY,
  type Command,
  DENYOOM,
  LOADING,
  MAY_REPLICATE,
  NO_KEYS,
  NOSCRIPT,
  READONLY,
  STALE,
  WRITE,
} from './command.ts';
import { flagsOfScript, keyCount, keysOfScript, kill, SCRIPT_COMMAND_FLAGS, showMonitors } from './scripting.ts';

function nameAt(call: Call, index: number): string {
  return latin1(call.bytes, call.starts[index]!, call.ends[index]!);
}

function find(call: Call): LibraryFunction | null {
  return call.rooms.scripting!.libraries.find(nameAt(call, 1));
}

function fcall(call: Call): void {
  showMonitors(call);
  const one = find(call);
  if (one === null) {
    call.fail('ERR Function not found');
    return;
  }
  const keys = keyCount(call, 'ERR Bad number of keys provided');
  if (keys < 0) return;
  const readOnly = (call.entry.flags & READONLY) !== 0;
  call.rooms.scripting!.runFunction(call.client, one, call.args, 3, 3 + keys, readOnly);
}

function flagsOfFunction(call: Call): number {
  const { flags } = call.entry;
  if (call.count < 2 || call.rooms.scripting === undefined) return flags;
  const one = find(call);
  return one === null ? flags : flagsOfScript(flags, one.flags);
}

function load(call: Call): void {
  let replace = false;
  for (let i = 2; i < call.count - 1; i++) {
    if (!call.is(i, 'REPLACE')) {
      call.fail(`ERR Unknown option given: ${call.text(i)}`);
      return;
    }
    replace = true;
  }
  const timed = call.client.kind !== STREAM_CLIENT;
  const loaded = call.rooms.scripting!.loadLibrary(call.copy(call.count - 1), replace, timed);
  if (typeof loaded === 'string') {
    call.failBytes(loaded);
    return;
  }
  call.changed();
  call.reply.bulkText(loaded.name);
}

function deleteLibrary(call: Call): void {
  if (!call.rooms.scripting!.deleteLibrary(nameAt(call, 2))) {
    call.fail('ERR Library not found');
    return;
  }
  call.changed();
  call.reply.ok();
}

function flush(call: Call): void {
  if (call.count > 3) {
    call.failSubcommand();
    return;
  }
  if (call.count === 3 && !call.is(2, 'SYNC') && !call.is(2, 'ASYNC')) {
    call.fail('ERR FUNCTION FLUSH only supports SYNC|ASYNC option');
    return;
  }
  call.rooms.scripting!.flushLibraries();
  call.changed();
  call.reply.ok();
}

function list(call: Call): void {
  let withCode = false;
  let pattern: string | null = null;
  for (let i = 2; i < call.count; i++) {
    if (!withCode && call.is(i, 'WITHCODE')) withCode = true;
    else if (pattern === null && call.is(i, 'LIBRARYNAME')) {
      if (i >= call.count - 1) {
        call.fail('ERR library name argument was not given');
        return;
      }
      pattern = nameAt(call, ++i);
    } else {
      call.fail(`ERR Unknown argument ${call.text(i)}`);
      return;
    }
  }
  const libraries = [...call.rooms.scripting!.libraries.libraries.values()].filter(
    ({ name }) => pattern === null || matches(pattern, name),
  );
  call.reply.array(libraries.length);
  for (const library of libraries) describe(call, library, withCode);
}

function matches(pattern: string, name: string): boolean {
  const glob = latin1Bytes(pattern);
  const text = latin1Bytes(name);
  return globMatch(glob, 0, glob.length, text, 0, text.length, true);
}

function describe(call: Call, library: Library, withCode: boolean): void {
  const { reply } = call;
  reply.map(withCode ? 4 : 3);
  reply.bulkText('library_name');
  reply.bulkText(library.name);
  reply.bulkText('engine');
  reply.bulkText(ENGINE);
  reply.bulkText('functions');
  reply.array(library.functions.length);
  for (const { name, description, flags } of library.functions) {
    reply.map(3);
    reply.bulkText('name');
    reply.bulkText(name);
    reply.bulkText('description');
    if (description === null) reply.nil();
    else {
      const bytes = latin1Bytes(description);
      reply.bulk(bytes, 0, bytes.length);
    }
    reply.bulkText('flags');
    const given = SCRIPT_FLAGS.filter(([, flag]) => (flags & flag) !== 0);
    reply.set(given.length);
    for (const [flagName] of given) reply.simple(flagName);
  }
  if (!withCode) return;
  reply.bulkText('library_code');
  reply.bulk(library.code, 0, library.code.length);
}

function stats(call: Call): void {
  const { reply } = call;
  const { libraries } = call.rooms.scripting!;
  reply.map(2);
  reply.bulkText('running_script');
  reply.nil();
  reply.bulkText('engines');
  reply.map(1);
  reply.bulkText(ENGINE);
  reply.map(2);
  reply.bulkText('libraries_count');
  reply.integer(libraries.count);
  reply.bulkText('functions_count');
  reply.integer(libraries.functionCount);
}

function dump(call: Call): void {
  const codes = [...call.rooms.scripting!.libraries.libraries.values()].map(({ code }) => code);
  const payload = dumpLibraries(codes);
  call.reply.bulk(payload, 0, payload.length);
}

function restore(call: Call): void {
  if (call.count > 4) {
    call.failSubcommand();
    return;
  }
  const flushes = call.count === 4 && call.is(3, 'FLUSH');
  const replaces = call.count === 4 && call.is(3, 'REPLACE');
  if (call.count === 4 && !flushes && !replaces && !call.is(3, 'APPEND')) {
    call.fail('ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.');
    return;
  }
  const from = call.starts[2]!;
  const to = call.ends[2]!;
  if (call.rooms.dumps?.isIntact(call.bytes, from, to) !== true) {
    call.fail('ERR DUMP payload version or checksum are wrong');
    return;
  }
  const codes = readLibraryDump(call.bytes, from, to);
  if (typeof codes === 'string') {
    call.fail(codes);
    return;
  }
  const scripting = call.rooms.scripting!;
  const restored = new Libraries();
  for (const code of codes) {
    const loaded = scripting.loadLibrary(code, false, false, restored);
    if (typeof loaded !== 'string') continue;
    scripting.forget(restored);
    call.failBytes(loaded);
    return;
  }
  const problem = scripting.take(restored, flushes, replaces);
  if (problem !== null) {
    call.failBytes(problem);
    return;
  }
  call.changed();
  call.reply.ok();
}

function help(call: Call): void {
  call.help([
    'LOAD [REPLACE] <FUNCTION CODE>',
    '    Create a new library with the given library name and code.',
    'DELETE <LIBRARY NAME>',
    '    Delete the given library.',
    'LIST [LIBRARYNAME PATTERN] [WITHCODE]',
    '    Return general information on all the libraries:',
    '    * Library name',
    '    * The engine used to run the Library',
    '    * Functions list',
    '    * Library code (if WITHCODE is given)',
    '    It also possible to get only function that matches a pattern using LIBRARYNAME argument.',
    'STATS',
    '    Return information about the current function running:',
    '    * Function name',
    '    * Command used to run the function',
    '    * Duration in MS that the function is running',
    '    If no function is running, return nil',
    '    In addition, returns a list of available engines.',
    'KILL',
    '    Kill the current running function.',
    'FLUSH [ASYNC|SYNC]',
    '    Delete all the libraries.',
    '    When called without the optional mode argument, the behavior is determined by the',
    '    lazyfree-lazy-user-flush configuration directive. Valid modes are:',
    '    * ASYNC: Asynchronously flush the libraries.',
    '    * SYNC: Synchronously flush the libraries.',
    'DUMP',
    '    Return a serialized payload representing the current libraries, can be restored using FUNCTION RESTORE command',
    'RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]',
    '    Restore the libraries represented by the given payload, it is possible to give a restore policy to',
    '    control how to handle existing libraries (default APPEND):',
    '    * FLUSH: delete all existing libraries.',
    '    * APPEND: appends the restored libraries to the existing libraries. On collision, abort.',
    '    * REPLACE: appends the restored libraries to the existing libraries, On collision, replace the old',
    '      libraries with the new libraries (notice that even on this option there is a chance of failure',
    '      in case of functions name collision with another library).',
  ]);
}

const GROUP = { group: 'scripting', since: '7.0.0', keys: NO_KEYS } as const;

export const functionCommands: readonly Command[] = [
  {
    ...GROUP,
    name: 'fcall',
    arity: -3,
    flags: SCRIPT_COMMAND_FLAGS,
    keysOf: keysOfScript,
    flagsOf: flagsOfFunction,
    summary: 'Invokes a function.',
    run: fcall,
  },
  {
    ...GROUP,
    name: 'fcall_ro',
    arity: -3,
    flags: (SCRIPT_COMMAND_FLAGS & ~MAY_REPLICATE) | READONLY,
    keysOf: keysOfScript,
    flagsOf: flagsOfFunction,
    summary: 'Invokes a read-only function.',
    run: fcall,
  },
  {
    ...GROUP,
    name: 'function',
    arity: -2,
    flags: 0,
    summary: 'A container for function commands.',
    subcommands: [
      {
        ...GROUP,
        name: 'load',
        arity: -3,
        flags: WRITE | DENYOOM | NOSCRIPT,
        summary: 'Creates a library.',
        run: load,
      },
      {
        ...GROUP,
        name: 'delete',
        arity: 3,
        flags: WRITE | NOSCRIPT,
        summary: 'Deletes a library and its functions.',
        run: deleteLibrary,
      },
      {
        ...GROUP,
        name: 'list',
        arity: -2,
        flags: NOSCRIPT,
        summary: 'Returns information about all libraries.',
        run: list,
      },
      {
        ...GROUP,
        name: 'stats',
        arity: 2,
        flags: NOSCRIPT | ALLOW_BUSY,
        summary: 'Returns information about a function during execution.',
        run: stats,
      },
      {
        ...GROUP,
        name: 'kill',
        arity: 2,
        flags: NOSCRIPT | ALLOW_BUSY,
        summary: 'Terminates a function during execution.',
        run: kill,
      },
      {
        ...GROUP,
        name: 'flush',
        arity: -2,
        flags: WRITE | NOSCRIPT,
        summary: 'Deletes all libraries and functions.',
        run: flush,
      },
      {
        ...GROUP,
        name: 'dump',
        arity: 2,
        flags: NOSCRIPT,
        summary: 'Dumps all libraries into a serialized binary payload.',
        run: dump,
      },
      {
        ...GROUP,
        name: 'restore',
        arity: -3,
        flags: WRITE | DENYOOM | NOSCRIPT,
        summary: 'Restores all libraries from a payload.',
        run: restore,
      },
      {
        ...GROUP,
        name: 'help',
        arity: 2,
        flags: LOADING | STALE,
        summary: 'Returns helpful text about the different subcommands.',
        run: help,
      },
    ],
    run: (call) => call.fail('ERR unknown subcommand. Try FUNCTION HELP.'),
  },
];
