/**
 * A Lua state with its sandbox: one for EVAL, one for functions. It compiles, runs under protection and looks at the clock.
 * Source: Valkey 9.1 modules/lua/engine_lua.c.
 */
import assert from 'node:assert';
import { REDIS_VERSION, VALKEY_VERSION } from '../config/version.ts';
import type { Arguments } from '../protocol/arguments.ts';
import { baseLibrary, type ProxyTables } from './library-base.ts';
import { bitLibrary } from './library-bit.ts';
import { CJSON_FACTS, cjsonLibrary } from './library-cjson.ts';
import { CMSGPACK_FACTS, cmsgpackLibrary } from './library-cmsgpack.ts';
import { formatFunction, mathLibrary, osLibrary, type Random48 } from './library-numbers.ts';
import { evalOnlyLibrary, type ServerLibraryOptions, serverLibrary } from './library-server.ts';
import { structLibrary } from './library-struct.ts';
import { HOOK_INSTRUCTIONS, MAX_JSON_COPIES } from './limits.ts';
import {
  type HostFunction,
  LUA_GCCOLLECT,
  LUA_GCCOUNT,
  LUA_GLOBALSINDEX,
  LUA_MASKCOUNT,
  LUA_MASKLINE,
  LUA_REGISTRYINDEX,
  type LuaState,
  type Pointer,
} from './lua-api.ts';
import type { LuaMachine } from './machine.ts';
import { raiseError } from './machine-errors.ts';
import { SANDBOX_SOURCE } from './sandbox.ts';
import { REPLICATE_ALL, REPLICATE_AOF, REPLICATE_NONE, REPLICATE_REPLICAS } from './script-run.ts';

const COMPILED = 27;
/** Places on the stack that are always taken. */
const GLOBALS = 1;
export const ERROR_HANDLER = 2;
const BASE = 2;

export interface EnvironmentOptions extends ServerLibraryOptions {
  readonly random: Random48;
  readonly forFunctions: boolean;
  /** lua-enable-insecure-api */
  readonly insecure: boolean;
  /** Of functions: server.register_function. */
  readonly registerFunction: HostFunction | null;
  /** Called every HOOK_INSTRUCTIONS: the text of the error that ends what runs, or null. */
  interrupt(): string | null;
}

export class LuaEnvironment {
  readonly state: LuaState;
  private readonly keysName: Pointer;
  private readonly argvName: Pointer;
  /** References in the registry. */
  private readonly globalsMeta: number;
  private readonly loadingGlobals: number;
  private readonly machine: LuaMachine;
  private readonly hook: number;
  private jsonCopies = 0;

  constructor(options: EnvironmentOptions) {
    const { machine } = options;
    const { api } = machine;
    this.machine = machine;
    const state = api.luaL_newstate();
    assert(state !== 0, 'there is memory for a Lua state');
    this.state = state;
    this.hook = machine.addHook((running) => this.interrupted(running, options.interrupt));
    const open = api as unknown as Record<string, (state: LuaState) => number>;
    for (const library of ['base', 'table', 'string', 'math', 'debug']) open[`luaopen_${library}`]!(state);
    api.lua_settop(state, 0);

    const tables: ProxyTables = { shown: 0, metas: 0 };
    this.load('@sandbox', SANDBOX_SOURCE);
    this.pushHost(options, tables);
    api.lua_pushboolean(state, options.forFunctions ? 1 : 0);
    api.lua_pushboolean(state, options.insecure ? 1 : 0);
    const status = api.lua_pcall(state, 3, 7, 0);
    assert(status === 0, `the sandbox is built: ${status === 0 ? '' : machine.latin1At(state, -1)}`);
    tables.metas = api.luaL_ref(state, LUA_REGISTRYINDEX);
    tables.shown = api.luaL_ref(state, LUA_REGISTRYINDEX);
    this.loadingGlobals = api.luaL_ref(state, LUA_REGISTRYINDEX);
    this.globalsMeta = api.luaL_ref(state, LUA_REGISTRYINDEX);
    // The stack is now: globals, the table behind them, the error handler. The last two stay.
    api.lua_pushvalue(state, 1);
    api.lua_replace(state, LUA_GLOBALSINDEX);
    api.lua_remove(state, 1);
    assert(api.lua_gettop(state) === BASE, 'the table behind the globals and the error handler');
    this.keysName = machine.name('KEYS');
    this.argvName = machine.name('ARGV');
    api.lua_sethook(state, this.hook, LUA_MASKCOUNT, HOOK_INSTRUCTIONS);
  }

  /** Pushes the sandbox's first argument. */
  private pushHost(options: EnvironmentOptions, tables: ProxyTables): void {
    const { machine, state } = this;
    const { api } = machine;
    const base = baseLibrary(machine, tables);
    const { refuse, missing, userdataText, next, pairs, ...rest } = base;
    const libraries: Record<string, Record<string, HostFunction>> = {
      math: mathLibrary(machine, options.random),
      os: osLibrary(machine, () => options.host.nowMicros()),
      bit: bitLibrary(machine),
      struct: structLibrary(machine),
      cmsgpack: cmsgpackLibrary(machine),
      cjson: cjsonLibrary(machine, (at, functions) => this.pushJson(at, functions)),
      server: {
        ...serverLibrary(options),
        ...(options.forFunctions ? {} : evalOnlyLibrary(machine)),
      },
    };
    api.lua_createtable(state, 0, 8);
    // host.libraries
    api.lua_createtable(state, 0, 8);
    for (const [name, functions] of Object.entries(libraries)) {
      this.pushFunctions(functions);
      if (name === 'server') this.addServerConstants();
      if (name === 'cmsgpack') this.addFacts(CMSGPACK_FACTS);
      if (name === 'cjson') this.addJsonFacts();
      api.lua_setfield(state, -2, machine.name(name));
    }
    // string.format stands on Lua's own.
    api.lua_createtable(state, 0, 1);
    api.lua_getfield(state, LUA_GLOBALSINDEX, machine.name('string'));
    api.lua_getfield(state, -1, machine.name('format'));
    api.lua_remove(state, -2);
    api.lua_pushcclosure(state, machine.addFunctions([formatFunction(machine)]), 1);
    api.lua_setfield(state, -2, machine.name('format'));
    api.lua_setfield(state, -2, machine.name('string'));
    api.lua_setfield(state, -2, machine.name('libraries'));
    // host.globals
    this.pushFunctions({ ...rest, next: next! });
    api.lua_getfield(state, -1, machine.name('next'));
    api.lua_getfield(state, LUA_GLOBALSINDEX, machine.name('next'));
    api.lua_pushcclosure(state, machine.addFunctions([pairs!]), 2);
    api.lua_setfield(state, -2, machine.name('pairs'));
    api.lua_setfield(state, -2, machine.name('globals'));
    const first = machine.addFunctions([refuse!, missing!, userdataText!]);
    api.lua_pushcclosure(state, first, 0);
    api.lua_setfield(state, -2, machine.name('refuse'));
    api.lua_pushcclosure(state, first + 1, 0);
    api.lua_setfield(state, -2, machine.name('missing'));
    api.lua_pushcclosure(state, first + 2, 0);
    api.lua_setfield(state, -2, machine.name('userdataText'));
    api.lua_pushlightuserdata(state, 0);
    api.lua_setfield(state, -2, machine.name('null'));
    if (options.registerFunction !== null) {
      api.lua_pushcclosure(state, machine.addFunctions([options.registerFunction]), 0);
      api.lua_setfield(state, -2, machine.name('registerFunction'));
    }
  }

  /** Pushes a table of functions by their names. */
  private pushFunctions(functions: Record<string, HostFunction>, state: LuaState = this.state): void {
    const { machine } = this;
    const { api } = machine;
    const first = machine.addFunctions(Object.values(functions));
    api.lua_createtable(state, 0, 16);
    for (const [i, name] of Object.keys(functions).entries()) {
      api.lua_pushcclosure(state, first + i, 0);
      api.lua_setfield(state, -2, machine.name(name));
    }
  }

  /** Sets fields of the table on top. */
  private addFacts(facts: Readonly<Record<string, string | number>>, state: LuaState = this.state): void {
    const { machine } = this;
    const { api } = machine;
    for (const [name, value] of Object.entries(facts)) {
      if (typeof value === 'number') api.lua_pushnumber(state, value);
      else machine.pushLatin1(state, value);
      api.lua_setfield(state, -2, machine.name(name));
    }
  }

  private addJsonFacts(state: LuaState = this.state): void {
    const { machine } = this;
    this.addFacts(CJSON_FACTS, state);
    machine.api.lua_pushlightuserdata(state, 0);
    machine.api.lua_setfield(state, -2, machine.name('null'));
  }

  /** cjson.new: a copy of the library with settings of its own. */
  private pushJson(state: LuaState, functions: Record<string, HostFunction>): void {
    if (++this.jsonCopies > MAX_JSON_COPIES)
      this.machine.raise(state, `no more than ${MAX_JSON_COPIES} copies of cjson`);
    this.pushFunctions(functions, state);
    this.addJsonFacts(state);
  }

  private addServerConstants(): void {
    this.addFacts({
      LOG_DEBUG: 0,
      LOG_VERBOSE: 1,
      LOG_NOTICE: 2,
      LOG_WARNING: 3,
      REDIS_VERSION_NUM: versionNumber(REDIS_VERSION),
      REDIS_VERSION,
      VALKEY_VERSION_NUM: versionNumber(VALKEY_VERSION),
      VALKEY_VERSION,
      SERVER_NAME: 'valkey',
      REPL_NONE: REPLICATE_NONE,
      REPL_AOF: REPLICATE_AOF,
      REPL_SLAVE: REPLICATE_REPLICAS,
      REPL_REPLICA: REPLICATE_REPLICAS,
      REPL_ALL: REPLICATE_ALL,
    });
  }

  private load(name: string, source: string): void {
    const { machine } = this;
    const at = machine.name(source);
    const status = machine.api.luaL_loadbuffer(this.state, at, source.length, machine.name(name));
    assert(status === 0, `${name} compiles: ${status === 0 ? '' : machine.latin1At(this.state, -1)}`);
  }

  /** Compiles bytes[from, to) and returns the reference of the function, or the compiler's message. */
  compile(bytes: Uint8Array, from: number, to: number, name: string): number | string {
    const { machine, state } = this;
    const { api } = machine;
    if (bytes[from] === COMPILED) return `${name.slice(1)}:1: unexpected symbol near 'char(27)'`;
    const at = machine.stage(to - from);
    if (at === 0) return 'not enough memory';
    machine.write(at, bytes, from, to);
    if (api.luaL_loadbuffer(state, at, to - from, machine.name(name)) === 0) {
      return api.luaL_ref(state, LUA_REGISTRYINDEX);
    }
    const problem = machine.latin1At(state, -1) ?? 'not enough memory';
    this.clear();
    return problem;
  }

  forget(reference: number): void {
    this.machine.api.luaL_unref(this.state, LUA_REGISTRYINDEX, reference);
  }

  // --- Running -------------------------------------------------------------------------------------------------------

  /** Pushes a function: the error handler stands at ERROR_HANDLER. */
  pushFunction(reference: number): void {
    this.machine.api.lua_rawgeti(this.state, LUA_REGISTRYINDEX, reference);
  }

  /** Leaves nothing on the stack of what a run put there. */
  clear(): void {
    this.machine.api.lua_settop(this.state, BASE);
  }

  /** Pushes a table of the arguments [from, to). */
  pushArguments(args: Arguments, from: number, to: number): void {
    const { machine, state } = this;
    const { api } = machine;
    api.lua_createtable(state, to - from, 0);
    if (to === from) return;
    const { bytes, starts, ends } = args;
    // They usually stand side by side in the request: then one copy brings them all.
    const first = starts[from]!;
    const sizeBytes = ends[to - 1]! - first;
    const at = machine.stage(sizeBytes);
    if (at === 0) raiseError(machine, state, 'not enough memory');
    machine.write(at, bytes, first, first + sizeBytes);
    for (let i = from; i < to; i++) {
      api.lua_pushlstring(state, at + (starts[i]! - first), ends[i]! - starts[i]!);
      api.lua_rawseti(state, -2, i - from + 1);
    }
  }

  /** Makes the table on top the global KEYS, and pops it. */
  setKeys(): void {
    this.machine.api.lua_setfield(this.state, GLOBALS, this.keysName);
  }

  setArgv(): void {
    this.machine.api.lua_setfield(this.state, GLOBALS, this.argvName);
  }

  /** While a library loads it sees nothing but what it registers functions with. */
  setLoading(loading: boolean): void {
    const { machine, state } = this;
    const { api } = machine;
    api.lua_rawgeti(state, LUA_REGISTRYINDEX, this.globalsMeta);
    if (loading) api.lua_rawgeti(state, LUA_REGISTRYINDEX, this.loadingGlobals);
    else api.lua_pushvalue(state, GLOBALS);
    api.lua_setfield(state, -2, machine.name('__index'));
    api.lua_settop(state, -2);
  }

  /** The clock is looked at again only from time to time, after an interruption had made it every line. */
  resetHook(): void {
    this.machine.api.lua_sethook(this.state, this.hook, LUA_MASKCOUNT, HOOK_INSTRUCTIONS);
  }

  private interrupted(running: LuaState, interrupt: () => string | null): void {
    const problem = interrupt();
    if (problem === null) return;
    // From here on at every line, so that no pcall of the script can go on.
    this.machine.api.lua_sethook(running, this.hook, LUA_MASKLINE, 0);
    raiseError(this.machine, running, problem);
  }

  get memoryBytes(): number {
    return this.machine.api.lua_gc(this.state, LUA_GCCOUNT, 0) * 1024;
  }

  collect(): void {
    this.machine.api.lua_gc(this.state, LUA_GCCOLLECT, 0);
  }

  close(): void {
    this.machine.api.lua_close(this.state);
  }
}

function versionNumber(version: string): number {
  const [major, minor, patch] = version.split('.').map(Number);
  return (major! << 16) | (minor! << 8) | patch!;
}
