/**
 * The C API of Lua 5.1 as the WebAssembly module of the package wasmoon-lua5.1 exports it: addresses and states are numbers,
 * strings are zero-terminated or given by address and length. Source: Lua 5.1 manual, lua.h and lauxlib.h.
 */

/** A `lua_State *`. */
export type LuaState = number;
/** An address in the machine's memory. */
export type Pointer = number;

export const LUA_REGISTRYINDEX = -10000;
export const LUA_GLOBALSINDEX = -10002;
export const LUA_MULTRET = -1;

/** The index of a C function's upvalue. */
export function upvalueIndex(n: number): number {
  return LUA_GLOBALSINDEX - n;
}

export const LUA_TNONE = -1;
export const LUA_TNIL = 0;
export const LUA_TBOOLEAN = 1;
export const LUA_TLIGHTUSERDATA = 2;
export const LUA_TNUMBER = 3;
export const LUA_TSTRING = 4;
export const LUA_TTABLE = 5;
export const LUA_TFUNCTION = 6;

export const LUA_ERRRUN = 2;
export const LUA_ERRSYNTAX = 3;
export const LUA_ERRMEM = 4;

export const LUA_MASKLINE = 1 << 2;
export const LUA_MASKCOUNT = 1 << 3;

export const LUA_GCCOLLECT = 2;
export const LUA_GCCOUNT = 3;
export const LUA_GCSTEP = 5;

export interface LuaApi {
  readonly memory: WebAssembly.Memory;
  readonly __indirect_function_table: WebAssembly.Table;
  __wasm_call_ctors(): void;
  emscripten_stack_init(): void;
  stackSave(): Pointer;
  stackRestore(at: Pointer): void;
  setThrew(threw: number, value: number): void;
  malloc(sizeBytes: number): Pointer;
  free(at: Pointer): void;

  luaL_newstate(): LuaState;
  lua_close(state: LuaState): void;
  lua_atpanic(state: LuaState, hostFunction: number): number;
  luaopen_base(state: LuaState): number;

  lua_gettop(state: LuaState): number;
  lua_settop(state: LuaState, index: number): void;
  lua_pushvalue(state: LuaState, index: number): void;
  lua_remove(state: LuaState, index: number): void;
  lua_insert(state: LuaState, index: number): void;
  lua_replace(state: LuaState, index: number): void;
  lua_checkstack(state: LuaState, extra: number): number;

  lua_type(state: LuaState, index: number): number;
  lua_isnumber(state: LuaState, index: number): number;
  lua_isstring(state: LuaState, index: number): number;
  lua_tonumber(state: LuaState, index: number): number;
  lua_toboolean(state: LuaState, index: number): number;
  lua_tolstring(state: LuaState, index: number, length: Pointer): Pointer;
  lua_objlen(state: LuaState, index: number): number;
  lua_touserdata(state: LuaState, index: number): Pointer;

  lua_pushnil(state: LuaState): void;
  lua_pushnumber(state: LuaState, value: number): void;
  lua_pushlstring(state: LuaState, at: Pointer, length: number): void;
  lua_pushcclosure(state: LuaState, hostFunction: number, upvalues: number): void;
  lua_pushboolean(state: LuaState, value: number): void;
  lua_pushlightuserdata(state: LuaState, at: Pointer): void;
  lua_createtable(state: LuaState, arraySize: number, fields: number): void;

  lua_gettable(state: LuaState, index: number): void;
  lua_getfield(state: LuaState, index: number, name: Pointer): void;
  lua_rawget(state: LuaState, index: number): void;
  lua_rawgeti(state: LuaState, index: number, n: number): void;
  lua_settable(state: LuaState, index: number): void;
  lua_setfield(state: LuaState, index: number, name: Pointer): void;
  lua_rawset(state: LuaState, index: number): void;
  lua_rawseti(state: LuaState, index: number, n: number): void;
  lua_getmetatable(state: LuaState, index: number): number;
  lua_setmetatable(state: LuaState, index: number): number;
  lua_next(state: LuaState, index: number): number;
  lua_rawequal(state: LuaState, a: number, b: number): number;

  lua_call(state: LuaState, args: number, results: number): void;
  lua_pcall(state: LuaState, args: number, results: number, errorHandler: number): number;
  lua_error(state: LuaState): number;
  lua_concat(state: LuaState, count: number): void;
  lua_gc(state: LuaState, what: number, data: number): number;
  lua_sethook(state: LuaState, hostFunction: number, mask: number, count: number): number;

  luaL_loadbuffer(state: LuaState, at: Pointer, length: number, name: Pointer): number;
  luaL_checknumber(state: LuaState, argument: number): number;
  luaL_checkinteger(state: LuaState, argument: number): number;
  luaL_optinteger(state: LuaState, argument: number, initial: number): number;
  luaL_checklstring(state: LuaState, argument: number, length: Pointer): Pointer;
  luaL_checktype(state: LuaState, argument: number, type: number): void;
  luaL_checkany(state: LuaState, argument: number): void;
  luaL_checkstack(state: LuaState, extra: number, message: Pointer): void;
  luaL_argerror(state: LuaState, argument: number, message: Pointer): number;
  luaL_where(state: LuaState, level: number): void;
  luaL_ref(state: LuaState, index: number): number;
  luaL_unref(state: LuaState, index: number, reference: number): void;
}

/** A C function for Lua: takes its arguments from the state's stack and returns how many results it left there. */
export type HostFunction = (state: LuaState) => number;
