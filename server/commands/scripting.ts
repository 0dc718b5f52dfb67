/** EVAL and its kin, and SCRIPT. Source: Valkey 9.1 eval.c. */
import { ERR_NO_SCRIPT } from '../protocol/errors.ts';
import type { Script } from '../scripting/script-cache.ts';
import { ALLOW_OOM, ALLOW_STALE, COMPATIBLE, NO_WRITES } from '../scripting/script-run.ts';
import { readScriptHead } from '../scripting/shebang.ts';
import type { Call } from './call.ts';
import {
  ALLOW_BUSY,
  type Command,
  DENYOOM,
  LOADING,
  MAY_REPLICATE,
  MOVABLE_KEYS,
  NO_KEYS,
  NO_MANDATORY_KEYS,
  NOSCRIPT,
  READONLY,
  SKIP_MONITOR,
  STALE,
  WRITE,
} from './command.ts';

const SHA_DIGITS = 40;

/** What a script's flags make of its command's. */
export function flagsOfScript(commandFlags: number, scriptFlags: number): number {
  if ((scriptFlags & COMPATIBLE) !== 0) return commandFlags;
  let flags = commandFlags & ~(STALE | DENYOOM | WRITE | MAY_REPLICATE);
  if ((scriptFlags & (ALLOW_OOM | NO_WRITES)) === 0) flags |= DENYOOM;
  if ((scriptFlags & NO_WRITES) === 0) flags |= WRITE;
  if ((scriptFlags & ALLOW_STALE) !== 0) flags |= STALE;
  return flags;
}

/** The keys that a script or function is given: `numkeys` stands at argument 2. */
export function keysOfScript(call: Call, found: (index: number) => void): void {
  const text = call.count > 2 ? call.text(2) : '';
  if (!/^\d+$/.test(text)) return;
  const last = 2 + Number(text);
  for (let index = 3; index <= last && index < call.count; index++) found(index);
}

/** How many keys there are; -1 when the error was answered. */
export function keyCount(call: Call, problem?: string): number {
  const count = call.integer(2, problem);
  if (call.failed) return -1;
  if (count > call.count - 3) call.fail("ERR Number of keys can't be greater than number of args");
  else if (count < 0) call.fail("ERR Number of keys can't be negative");
  return call.failed ? -1 : count;
}

/** MONITOR shows a script before the commands that it gives. */
export function showMonitors(call: Call): void {
  const { monitors } = call.rooms;
  if (monitors.count > 0) {
    monitors.feed(call.entry, call.args, call.client.databaseIndex, call.client.address, call.nowMs);
  }
}

function run(call: Call, script: Script, keys: number): void {
  const readOnly = (call.entry.flags & READONLY) !== 0;
  call.rooms.scripting!.runScript(call.client, script, call.args, 3, 3 + keys, readOnly);
}

function runText(call: Call): void {
  showMonitors(call);
  const keys = keyCount(call);
  if (keys < 0) return;
  const script = call.rooms.scripting!.define(call.bytes, call.starts[1]!, call.ends[1]!, false);
  if (typeof script === 'string') call.failBytes(script);
  else run(call, script, keys);
}

function runDigest(call: Call): void {
  showMonitors(call);
  if (call.length(1) !== SHA_DIGITS) {
    call.fail(ERR_NO_SCRIPT);
    return;
  }
  const keys = keyCount(call);
  if (keys < 0) return;
  const script = call.rooms.scripting!.scripts.findSha(call.bytes, call.starts[1]!, call.ends[1]!);
  if (script === null) call.fail(ERR_NO_SCRIPT);
  else run(call, script, keys);
}

/** The flags of a request whose argument 1 is a script's text. */
function flagsOfText(call: Call): number {
  const { flags } = call.entry;
  if (call.count < 2 || call.rooms.scripting === undefined) return flags;
  const from = call.starts[1]!;
  const to = call.ends[1]!;
  // Only a first line of its own can change the flags.
  if (to - from < 2 || call.bytes[from] !== 35 || call.bytes[from + 1] !== 33) return flags;
  const known = call.rooms.scripting.scripts.findBody(call.bytes, from, to);
  if (known !== null) return flagsOfScript(flags, known.flags);
  const head = readScriptHead(call.bytes, from, to);
  return typeof head === 'string' ? flags : flagsOfScript(flags, head.flags);
}

function flagsOfDigest(call: Call): number {
  const { flags } = call.entry;
  if (call.count < 2 || call.rooms.scripting === undefined) return flags;
  const known = call.rooms.scripting.scripts.findSha(call.bytes, call.starts[1]!, call.ends[1]!);
  return known === null ? flags : flagsOfScript(flags, known.flags);
}

function load(call: Call): void {
  const script = call.rooms.scripting!.define(call.bytes, call.starts[2]!, call.ends[2]!, true);
  if (typeof script === 'string') call.failBytes(script);
  else call.reply.bulkText(script.sha);
}

function exists(call: Call): void {
  const { scripts } = call.rooms.scripting!;
  call.reply.array(call.count - 2);
  for (let i = 2; i < call.count; i++) {
    call.reply.integer(scripts.findSha(call.bytes, call.starts[i]!, call.ends[i]!) === null ? 0 : 1);
  }
}

function flush(call: Call): void {
  if (call.count > 3 || (call.count === 3 && !call.is(2, 'SYNC') && !call.is(2, 'ASYNC'))) {
    call.fail('ERR SCRIPT FLUSH only support SYNC|ASYNC option');
    return;
  }
  call.rooms.scripting!.flushScripts();
  call.reply.ok();
}

function show(call: Call): void {
  const script = call.rooms.scripting!.scripts.findSha(call.bytes, call.starts[2]!, call.ends[2]!);
  if (script === null) call.fail(ERR_NO_SCRIPT);
  else call.reply.bulk(script.body, 0, script.body.length);
}

/** No script can run while a command of another client is read: there is never one to end. */
export function kill(call: Call): void {
  call.fail('NOTBUSY No scripts in execution right now.');
}

function debug(call: Call): void {
  if (call.is(2, 'NO')) {
    call.reply.ok();
    return;
  }
  if (call.is(2, 'YES') || call.is(2, 'SYNC')) call.fail('ERR The debugger of scripts is not supported');
  else call.fail('ERR Use SCRIPT DEBUG YES/SYNC/NO');
}

function help(call: Call): void {
  call.help([
    'DEBUG (YES|SYNC|NO) [<engine_name>]',
    '    Set the debug mode for subsequent scripts executed of the specified engine.',
    "    Default engine name: 'lua'",
    'EXISTS <sha1> [<sha1> ...]',
    '    Return information about the existence of the scripts in the script cache.',
    'FLUSH [ASYNC|SYNC]',
    '    Flush the Lua scripts cache. Very dangerous on replicas.',
    '    When called without the optional mode argument, the behavior is determined',
    '     by the lazyfree-lazy-user-flush configuration directive. Valid modes are:',
    '    * ASYNC: Asynchronously flush the scripts cache.',
    '    * SYNC: Synchronously flush the scripts cache.',
    'KILL',
    '    Kill the currently executing Lua script.',
    'LOAD <script>',
    '    Load a script into the scripts cache without executing it.',
    'SHOW <sha1>',
    '    Show a script from the scripts cache.',
  ]);
}

const GROUP = { group: 'scripting' } as const;
export const SCRIPT_COMMAND_FLAGS = NOSCRIPT | STALE | SKIP_MONITOR | MAY_REPLICATE | NO_MANDATORY_KEYS | MOVABLE_KEYS;
const EVAL = { ...GROUP, arity: -3, keys: NO_KEYS, keysOf: keysOfScript } as const;
const SUBCOMMAND = { ...GROUP, keys: NO_KEYS } as const;

export const scriptingCommands: readonly Command[] = [
  {
    ...EVAL,
    name: 'eval',
    since: '2.6.0',
    flags: SCRIPT_COMMAND_FLAGS,
    flagsOf: flagsOfText,
    summary: 'Executes a server-side Lua script.',
    run: runText,
  },
  {
    ...EVAL,
    name: 'evalsha',
    since: '2.6.0',
    flags: SCRIPT_COMMAND_FLAGS,
    flagsOf: flagsOfDigest,
    summary: 'Executes a server-side Lua script by SHA1 digest.',
    run: runDigest,
  },
  {
    ...EVAL,
    name: 'eval_ro',
    since: '7.0.0',
    flags: (SCRIPT_COMMAND_FLAGS & ~MAY_REPLICATE) | READONLY,
    flagsOf: flagsOfText,
    summary: 'Executes a read-only server-side Lua script.',
    run: runText,
  },
  {
    ...EVAL,
    name: 'evalsha_ro',
    since: '7.0.0',
    flags: (SCRIPT_COMMAND_FLAGS & ~MAY_REPLICATE) | READONLY,
    flagsOf: flagsOfDigest,
    summary: 'Executes a read-only server-side Lua script by SHA1 digest.',
    run: runDigest,
  },
  {
    ...GROUP,
    name: 'script',
    arity: -2,
    since: '2.6.0',
    flags: 0,
    keys: NO_KEYS,
    summary: 'A container for Lua scripts management commands.',
    subcommands: [
      {
        ...SUBCOMMAND,
        name: 'load',
        arity: 3,
        since: '2.6.0',
        flags: NOSCRIPT | STALE,
        summary: 'Loads a server-side Lua script to the script cache.',
        run: load,
      },
      {
        ...SUBCOMMAND,
        name: 'exists',
        arity: -3,
        since: '2.6.0',
        flags: NOSCRIPT | STALE,
        summary: 'Determines whether server-side Lua scripts exist in the script cache.',
        run: exists,
      },
      {
        ...SUBCOMMAND,
        name: 'flush',
        arity: -2,
        since: '2.6.0',
        flags: NOSCRIPT | STALE,
        summary: 'Removes all server-side Lua scripts from the script cache.',
        run: flush,
      },
      {
        ...SUBCOMMAND,
        name: 'show',
        arity: 3,
        since: '8.0.0',
        flags: NOSCRIPT | STALE,
        summary: 'Show server-side Lua script in the script cache.',
        run: show,
      },
      {
        ...SUBCOMMAND,
        name: 'kill',
        arity: 2,
        since: '2.6.0',
        flags: NOSCRIPT | ALLOW_BUSY,
        summary: 'Terminates a server-side Lua script during execution.',
        run: kill,
      },
      {
        ...SUBCOMMAND,
        name: 'debug',
        arity: -3,
        since: '3.2.0',
        flags: NOSCRIPT,
        summary: 'Sets the debug mode of server-side Lua scripts.',
        run: debug,
      },
      {
        ...SUBCOMMAND,
        name: 'help',
        arity: 2,
        since: '5.0.0',
        flags: LOADING | STALE,
        summary: 'Returns helpful text about the different subcommands.',
        run: help,
      },
    ],
    run: (call) => call.fail('ERR unknown subcommand. Try SCRIPT HELP.'),
  },
];
