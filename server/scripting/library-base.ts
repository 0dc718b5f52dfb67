/**
 * The functions of Lua's base library that must know read-only tables, and those that differ from Lua's own in Valkey.
 * Source: Lua 5.1 lbaselib.c, Valkey 9.1 script_lua.c.
 */
import { type HostFunction, LUA_REGISTRYINDEX, LUA_TNIL, LUA_TTABLE, type LuaState, upvalueIndex } from './lua-api.ts';
import type { LuaMachine } from './machine.ts';
import { MachineBroken } from './machine.ts';

const INT_MAX = 2 ** 31 - 1;
const READONLY = 'Attempt to modify a readonly table';
/** The first byte of compiled Lua code, which could put the machine out of order. */
const COMPILED = 27;

/** Where the tables of the sandbox are kept in the registry. */
export interface ProxyTables {
  /** Proxy → the table behind it. */
  shown: number;
  /** Metatable → what getmetatable shows of it (false: nothing). */
  metas: number;
}

export function baseLibrary(machine: LuaMachine, tables: ProxyTables): Record<string, HostFunction> {
  const { api } = machine;

  /** Puts the table behind the proxy at `index` in its place; false when it is no proxy. */
  const reveal = (state: LuaState, index: number): boolean => {
    api.lua_rawgeti(state, LUA_REGISTRYINDEX, tables.shown);
    api.lua_pushvalue(state, index);
    api.lua_rawget(state, -2);
    if (api.lua_type(state, -1) === LUA_TNIL) {
      api.lua_settop(state, -3);
      return false;
    }
    api.lua_replace(state, index);
    api.lua_settop(state, -2);
    return true;
  };

  const isProxy = (state: LuaState, index: number): boolean => {
    api.lua_rawgeti(state, LUA_REGISTRYINDEX, tables.shown);
    api.lua_pushvalue(state, index);
    api.lua_rawget(state, -2);
    const found = api.lua_type(state, -1) !== LUA_TNIL;
    api.lua_settop(state, -3);
    return found;
  };

  /** The error of a C function that would change a protected table: without a place, which only Lua code has. */
  const refuseHere = (state: LuaState): never => {
    machine.pushText(state, READONLY);
    api.lua_error(state);
    throw new MachineBroken('lua_error returned');
  };

  const next: HostFunction = (state) => {
    api.luaL_checktype(state, 1, LUA_TTABLE);
    api.lua_settop(state, 2);
    reveal(state, 1);
    if (api.lua_next(state, 1) !== 0) return 2;
    api.lua_pushnil(state);
    return 1;
  };

  return {
    next,

    /** Upvalues: this library's next, and Lua's own, which is what ordinary tables are walked by. */
    pairs(state) {
      api.luaL_checktype(state, 1, LUA_TTABLE);
      api.lua_pushvalue(state, upvalueIndex(isProxy(state, 1) ? 1 : 2));
      api.lua_pushvalue(state, 1);
      api.lua_pushnil(state);
      return 3;
    },

    rawget(state) {
      api.luaL_checktype(state, 1, LUA_TTABLE);
      api.luaL_checkany(state, 2);
      api.lua_settop(state, 2);
      reveal(state, 1);
      api.lua_rawget(state, 1);
      return 1;
    },

    rawset(state) {
      api.luaL_checktype(state, 1, LUA_TTABLE);
      api.luaL_checkany(state, 2);
      api.luaL_checkany(state, 3);
      api.lua_settop(state, 3);
      if (isProxy(state, 1)) refuseHere(state);
      api.lua_rawset(state, 1);
      return 1;
    },

    getmetatable(state) {
      api.luaL_checkany(state, 1);
      if (api.lua_getmetatable(state, 1) === 0) {
        api.lua_pushnil(state);
        return 1;
      }
      api.lua_rawgeti(state, LUA_REGISTRYINDEX, tables.metas);
      api.lua_pushvalue(state, -2);
      api.lua_rawget(state, -2);
      if (api.lua_type(state, -1) !== LUA_TNIL) {
        if (api.lua_toboolean(state, -1) === 0) api.lua_pushnil(state);
        return 1;
      }
      api.lua_settop(state, -3);
      machine.pushText(state, '__metatable');
      api.lua_rawget(state, -2);
      if (api.lua_type(state, -1) === LUA_TNIL) api.lua_settop(state, -2);
      return 1;
    },

    setmetatable(state) {
      const type = api.lua_type(state, 2);
      api.luaL_checktype(state, 1, LUA_TTABLE);
      if (type !== LUA_TNIL && type !== LUA_TTABLE) machine.badArgument(state, 2, 'nil or table expected');
      if (isProxy(state, 1)) refuseHere(state);
      if (api.lua_getmetatable(state, 1) !== 0) {
        machine.pushText(state, '__metatable');
        api.lua_rawget(state, -2);
        if (api.lua_type(state, -1) !== LUA_TNIL) machine.raise(state, 'cannot change a protected metatable');
      }
      api.lua_settop(state, 2);
      api.lua_setmetatable(state, 1);
      return 1;
    },

    /** An error that is a table gives its text, as in the days when errors were texts. */
    pcall(state) {
      const count = api.lua_gettop(state);
      if (count === 0) {
        api.lua_pushboolean(state, 0);
        machine.pushText(state, 'attempt to call a nil value');
        return 2;
      }
      api.lua_pushboolean(state, 1);
      api.lua_insert(state, 1);
      if (api.lua_pcall(state, count - 1, -1, 0) !== 0) {
        api.lua_remove(state, 1);
        if (api.lua_type(state, -1) === LUA_TTABLE) {
          api.lua_getfield(state, -1, machine.name('err'));
          if (api.lua_isstring(state, -1) !== 0) api.lua_replace(state, -2);
        }
        api.lua_pushboolean(state, 0);
        api.lua_insert(state, 1);
      }
      return api.lua_gettop(state);
    },

    /** Lua's own counts the elements in 32 bits without a look at their limit. */
    unpack(state) {
      api.luaL_checktype(state, 1, LUA_TTABLE);
      const from = api.lua_type(state, 2) <= LUA_TNIL ? 1 : api.luaL_checknumber(state, 2) | 0;
      const to = api.lua_type(state, 3) <= LUA_TNIL ? api.lua_objlen(state, 1) : api.luaL_checknumber(state, 3) | 0;
      if (from > to) return 0;
      const count = to - from + 1;
      if (count >= INT_MAX || api.lua_checkstack(state, count) === 0)
        machine.raise(state, 'too many results to unpack');
      for (let i = 0; i < count; i++) api.lua_rawgeti(state, 1, from + i);
      return count;
    },

    /** Compiled code is refused: it could do anything to the machine. */
    loadstring(state) {
      const at = machine.checkBytes(state, 1);
      const { length } = machine;
      if (length > 0 && machine.u8[at] === COMPILED) {
        api.lua_pushnil(state);
        machine.pushText(state, `[string "?"]:1: unexpected symbol near 'char(27)'`);
        return 2;
      }
      let name = at;
      if (api.lua_type(state, 2) > LUA_TNIL) name = machine.checkBytes(state, 2);
      if (api.luaL_loadbuffer(state, at, length, name) === 0) return 1;
      api.lua_pushnil(state);
      api.lua_insert(state, -2);
      return 2;
    },

    /** Lua's own counts in 32 bits here where the base is not 10; the original is its upvalue. */
    tonumber(state) {
      const base = api.lua_type(state, 2) <= LUA_TNIL ? 10 : api.luaL_checkinteger(state, 2);
      if (base === 10) {
        api.luaL_checkany(state, 1);
        if (api.lua_isnumber(state, 1) !== 0) api.lua_pushnumber(state, api.lua_tonumber(state, 1));
        else api.lua_pushnil(state);
        return 1;
      }
      machine.checkBytes(state, 1);
      if (base < 2 || base > 36) machine.badArgument(state, 2, 'base out of range');
      const value = unsignedIn(machine.latin1At(state, 1)!, base);
      if (Number.isNaN(value)) api.lua_pushnil(state);
      else api.lua_pushnumber(state, value);
      return 1;
    },

    /** Of light userdata, which is cjson.null. */
    userdataText(state) {
      machine.pushLatin1(state, 'userdata: (nil)');
      return 1;
    },

    /** The metamethod of every read-only table. */
    refuse: (state) => machine.raise(state, READONLY),

    /** The metamethod of the globals: what is not there is an error. */
    missing(state) {
      if (api.lua_gettop(state) !== 2) {
        machine.raise(state, 'Wrong number of arguments to luaProtectedTableError');
      }
      if (api.lua_isstring(state, 2) === 0) {
        machine.raise(state, 'Second argument to luaProtectedTableError must be a string or number');
      }
      const at = machine.toBytes(state, 2);
      const name = machine.latin1(at, at + machine.length);
      api.luaL_where(state, 1);
      machine.pushLatin1(state, `Script attempted to access nonexistent global variable '${name}'`);
      api.lua_concat(state, 2);
      api.lua_error(state);
      throw new MachineBroken('lua_error returned');
    },
  };
}

/** A whole number of 64 bits as C's strtoul reads it; NaN for what is none. */
function unsignedIn(text: string, base: number): number {
  const match = /^[ \t\n\v\f\r]*([+-]?)(0[xX])?([0-9a-zA-Z]+)[ \t\n\v\f\r]*$/.exec(text);
  if (match === null) return Number.NaN;
  const [, sign, prefix, rest] = match;
  const digits = prefix !== undefined && base !== 16 ? prefix + rest : rest!;
  let value = 0n;
  for (const digit of digits.toLowerCase()) {
    const worth = digit <= '9' ? digit.charCodeAt(0) - 48 : digit.charCodeAt(0) - 87;
    if (worth >= base) return Number.NaN;
    value = value * BigInt(base) + BigInt(worth);
  }
  const limit = 2n ** 64n - 1n;
  if (value > limit) value = limit;
  return Number(sign === '-' ? BigInt.asUintN(64, -value) : value);
}
