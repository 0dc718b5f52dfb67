/**
 * `redis.*`, which is `server.*` as well: what scripts call the node by. Hot file: `call` and `pcall` hand the arguments to the
 * executor where they lie in the machine's memory. Source: Valkey 9.1 modules/lua/script_lua.c.
 */

import { Sha1 } from '../persistence/sha1.ts';
import { Arguments } from '../protocol/arguments.ts';
import { formatDouble, type ReplyWriter, writeDecimal } from '../protocol/reply.ts';
import { type HostFunction, LUA_TNUMBER, LUA_TSTRING, type LuaState } from './lua-api.ts';
import type { LuaMachine } from './machine.ts';
import { markCounted, pushError, raiseError } from './machine-errors.ts';
import type { LogLevel, ScriptHost } from './script-host.ts';
import { REPLICATE_ALL, type ScriptRun } from './script-run.ts';
import type { ReplyToLua } from './to-lua.ts';

/** A number in text: the longest of a double. */
const NUMBER_BYTES = 32;
const LEVELS: readonly LogLevel[] = ['debug', 'verbose', 'notice', 'warning'];

export interface ServerLibraryOptions {
  readonly machine: LuaMachine;
  readonly host: ScriptHost;
  readonly run: ScriptRun;
  readonly reply: ReplyWriter;
  readonly toLua: ReplyToLua;
}

export function serverLibrary(options: ServerLibraryOptions): Record<string, HostFunction> {
  const { machine, host, run, reply, toLua } = options;
  const { api } = machine;
  const args = new Arguments();
  const sha1 = new Sha1();
  let inUse = false;

  /** Takes the stack's values as arguments, in place; pushes an error and returns false when one is no string or number. */
  const takeArguments = (state: LuaState): boolean => {
    const count = api.lua_gettop(state);
    if (count === 0) {
      pushError(machine, state, 'Please specify at least one argument for this call');
      return false;
    }
    args.ensure(count);
    const { starts, ends } = args;
    let numberAt = 0;
    for (let i = 0; i < count; i++) {
      if (api.lua_type(state, i + 1) === LUA_TNUMBER) {
        if (numberAt === 0) {
          numberAt = machine.stage(count * NUMBER_BYTES);
          if (numberAt === 0) machine.raise(state, 'not enough memory');
        }
        starts[i] = numberAt;
        numberAt = writeNumber(machine.u8, numberAt, api.lua_tonumber(state, i + 1));
        ends[i] = numberAt;
        continue;
      }
      const at = machine.toBytes(state, i + 1);
      if (at === 0) {
        api.lua_settop(state, 0);
        pushError(machine, state, 'Command arguments must be strings or integers');
        return false;
      }
      starts[i] = at;
      ends[i] = at + machine.length;
    }
    args.bytes = machine.u8;
    args.count = count;
    return true;
  };

  const call = (state: LuaState, raises: boolean): number => {
    if (!takeArguments(state)) return raises ? api.lua_error(state) : 1;
    if (inUse) {
      pushError(
        machine,
        state,
        'luaRedisGenericCommand() recursive call detected. Are you doing funny stuff with Lua debug hooks?',
      );
      return 1;
    }
    inUse = true;
    const refusal = host.call(args, run);
    inUse = false;
    api.lua_settop(state, 0);
    let failed = true;
    if (refusal === null) {
      failed = toLua.push(state, reply.bytes, 0, reply.at);
      reply.rewind(0);
    } else {
      pushError(machine, state, `-${refusal}`);
      markCounted(machine, state);
    }
    return failed && raises ? api.lua_error(state) : 1;
  };

  /** The function needs exactly one argument that is a string; pushes the error otherwise. */
  const isOneText = (state: LuaState): boolean => {
    if (api.lua_gettop(state) === 1 && api.lua_type(state, 1) === LUA_TSTRING) return true;
    pushError(machine, state, 'wrong number or type of arguments');
    return false;
  };

  return {
    call: (state) => call(state, true),
    pcall: (state) => call(state, false),

    sha1hex(state) {
      if (api.lua_gettop(state) !== 1) raiseError(machine, state, 'wrong number of arguments');
      const at = machine.toBytes(state, 1);
      const digest = new Uint8Array(20);
      sha1.digest(machine.u8, at, at === 0 ? 0 : at + machine.length, digest, 0);
      machine.pushLatin1(state, hex(digest));
      return 1;
    },

    error_reply(state) {
      if (!isOneText(state)) return 1;
      const text = cText(machine.latin1At(state, 1)!);
      pushError(machine, state, text[0] === '-' ? text : `-${text}`);
      return 1;
    },

    status_reply(state) {
      if (!isOneText(state)) return 1;
      api.lua_createtable(state, 0, 1);
      api.lua_pushvalue(state, 1);
      api.lua_setfield(state, -2, machine.name('ok'));
      return 1;
    },

    set_repl(state) {
      if (api.lua_gettop(state) !== 1) raiseError(machine, state, 'server.set_repl() requires one argument.');
      const flags = api.lua_tonumber(state, 1) | 0;
      if ((flags & ~REPLICATE_ALL) !== 0) {
        raiseError(machine, state, 'Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.');
      }
      run.replicates = flags;
      return 0;
    },

    setresp(state) {
      if (api.lua_gettop(state) !== 1) raiseError(machine, state, 'server.setresp() requires one argument.');
      const resp = api.lua_tonumber(state, 1) | 0;
      if (resp !== 2 && resp !== 3) raiseError(machine, state, 'RESP version must be 2 or 3.');
      run.resp = resp;
      return 0;
    },

    acl_check_cmd(state) {
      if (!takeArguments(state)) return api.lua_error(state);
      const allowed = host.mayCall(args);
      if (allowed === null) raiseError(machine, state, 'Invalid command passed to server.acl_check_cmd()');
      api.lua_pushboolean(state, allowed ? 1 : 0);
      return 1;
    },

    log(state) {
      const count = api.lua_gettop(state);
      if (count < 2) raiseError(machine, state, 'server.log() requires two arguments or more.');
      if (api.lua_isnumber(state, 1) === 0) raiseError(machine, state, 'First argument must be a number (log level).');
      const level = LEVELS[api.lua_tonumber(state, 1) | 0];
      if (level === undefined) raiseError(machine, state, 'Invalid log level.');
      const parts: string[] = [];
      for (let i = 2; i <= count; i++) {
        const bytes = machine.copyAt(state, i);
        if (bytes !== null) parts.push(new TextDecoder().decode(bytes));
      }
      host.log(level, parts.join(' '));
      return 0;
    },
  };
}

/** What only EVAL has: the debugger's stubs, as they answer where nobody debugs, and what once chose effects over scripts. */
export function evalOnlyLibrary(machine: LuaMachine): Record<string, HostFunction> {
  const { api } = machine;
  return {
    breakpoint(state) {
      api.lua_pushboolean(state, 0);
      return 1;
    },
    debug: () => 0,
    replicate_commands(state) {
      api.lua_pushboolean(state, 1);
      return 1;
    },
  };
}

/** A number as an argument: whole ones in all their digits, others in the shortest form. */
function writeNumber(bytes: Uint8Array, at: number, value: number): number {
  if (Number.isSafeInteger(value)) return writeDecimal(bytes, at, value === 0 ? 0 : value);
  const text = formatDouble(value);
  for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
  return at;
}

/** Text as C sees it: up to its first zero byte. */
function cText(text: string): string {
  const zero = text.indexOf('\0');
  return zero === -1 ? text : text.slice(0, zero);
}

export function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}
