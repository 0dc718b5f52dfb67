/** server.register_function: what a library calls while it loads. Source: Valkey 9.1 modules/lua/function_lua.c. */
import type { LibraryFunction } from './libraries.ts';
import { type HostFunction, LUA_REGISTRYINDEX, LUA_TFUNCTION, LUA_TNIL, LUA_TTABLE, type LuaState } from './lua-api.ts';
import type { LuaMachine } from './machine.ts';
import { raiseError } from './machine-errors.ts';
import { SCRIPT_FLAGS } from './script-run.ts';

const NOT_LOADING = 'server.register_function can only be called on FUNCTION LOAD command';
const WRONG_COUNT = 'wrong number of arguments to server.register_function';
const NOT_A_TABLE =
  'calling server.register_function with a single argument is only applicable to Lua table (representing named arguments).';

/** `registered` gives the list that functions are added to, or null while no library loads. */
export function registerFunction(machine: LuaMachine, registered: () => LibraryFunction[] | null): HostFunction {
  const { api } = machine;
  return (state) => {
    const functions = registered();
    if (functions === null) return raiseError(machine, state, NOT_LOADING);
    const count = api.lua_gettop(state);
    if (count < 1 || count > 2) raiseError(machine, state, WRONG_COUNT);
    functions.push(count === 1 ? readNamed(machine, state) : readPositional(machine, state));
    return 0;
  };
}

function readPositional(machine: LuaMachine, state: LuaState): LibraryFunction {
  const { api } = machine;
  const name = machine.latin1At(state, 1);
  if (name === null) return raiseError(machine, state, 'first argument to server.register_function must be a string');
  if (api.lua_type(state, 2) !== LUA_TFUNCTION) {
    raiseError(machine, state, 'second argument to server.register_function must be a function');
  }
  return { name, description: null, flags: 0, reference: api.luaL_ref(state, LUA_REGISTRYINDEX), library: null };
}

function readNamed(machine: LuaMachine, state: LuaState): LibraryFunction {
  const { api } = machine;
  if (api.lua_type(state, 1) !== LUA_TTABLE) raiseError(machine, state, NOT_A_TABLE);
  let name: string | null = null;
  let description: string | null = null;
  let reference = -1;
  let flags = 0;
  const fail = (problem: string): never => {
    if (reference !== -1) api.luaL_unref(state, LUA_REGISTRYINDEX, reference);
    return raiseError(machine, state, problem);
  };
  api.lua_pushnil(state);
  while (api.lua_next(state, 1) !== 0) {
    if (api.lua_isstring(state, -2) === 0) {
      fail('named argument key given to server.register_function is not a string');
    }
    // A copy: turning a number into text in its place would confuse lua_next.
    api.lua_pushvalue(state, -2);
    const key = machine.latin1At(state, -1)!.toLowerCase();
    api.lua_settop(state, -2);
    switch (key) {
      case 'function_name':
        name =
          machine.latin1At(state, -1) ??
          fail('function_name argument given to server.register_function must be a string');
        break;
      case 'description':
        description =
          machine.latin1At(state, -1) ??
          fail('description argument given to server.register_function must be a string');
        break;
      case 'callback':
        if (api.lua_type(state, -1) !== LUA_TFUNCTION) {
          fail('callback argument given to server.register_function must be a function');
        }
        reference = api.luaL_ref(state, LUA_REGISTRYINDEX);
        continue;
      case 'flags':
        if (api.lua_type(state, -1) !== LUA_TTABLE) {
          fail('flags argument to server.register_function must be a table representing function flags');
        }
        flags = readFlags(machine, state) ?? fail('unknown flag given');
        break;
      default:
        fail('unknown argument given to server.register_function');
    }
    api.lua_settop(state, -2);
  }
  if (name === null) return fail('server.register_function must get a function name argument');
  if (reference === -1) return fail('server.register_function must get a callback argument');
  return { name, description, flags, reference, library: null };
}

/** The flags in the table on top; null when one is unknown. */
function readFlags(machine: LuaMachine, state: LuaState): number | null {
  const { api } = machine;
  let flags = 0;
  for (let i = 1; ; i++) {
    api.lua_rawgeti(state, -1, i);
    const isEnd = api.lua_type(state, -1) === LUA_TNIL;
    const text = isEnd ? null : machine.latin1At(state, -1);
    api.lua_settop(state, -2);
    if (isEnd) return flags;
    const known = SCRIPT_FLAGS.find(([name]) => name === text?.toLowerCase());
    if (known === undefined) return null;
    flags |= known[1];
  }
}
