/** The `cjson` library: its functions and settings. Source: lua-cjson 2.1.0 as Valkey 9.1 carries it (deps/lua/src/lua_cjson.c). */
import { JsonDecoder } from './json-decode.ts';
import { JsonEncoder } from './json-encode.ts';
import { type HostFunction, LUA_TBOOLEAN, LUA_TNIL, LUA_TNUMBER, type LuaState } from './lua-api.ts';
import type { LuaMachine } from './machine.ts';

/** Settings of one copy of the library; scripts share the one they find. */
export interface JsonSettings {
  encodeSparseConvert: boolean;
  encodeSparseRatio: number;
  encodeSparseSafe: number;
  encodeMaxDepth: number;
  encodeInvalidNumbers: 'off' | 'on' | 'null';
  encodeNumberPrecision: number;
  encodeKeepBuffer: boolean;
  decodeInvalidNumbers: boolean;
  decodeMaxDepth: number;
}

const INT_MAX = 2 ** 31 - 1;
export const CJSON_FACTS: Readonly<Record<string, string>> = { _NAME: 'cjson', _VERSION: '2.1.0' };

function newSettings(): JsonSettings {
  return {
    encodeSparseConvert: false,
    encodeSparseRatio: 2,
    encodeSparseSafe: 10,
    encodeMaxDepth: 1000,
    encodeInvalidNumbers: 'off',
    encodeNumberPrecision: 14,
    encodeKeepBuffer: true,
    decodeInvalidNumbers: true,
    decodeMaxDepth: 1000,
  };
}

/** `pushFunctions` pushes a table of functions and facts: for cjson.new. */
export function cjsonLibrary(
  machine: LuaMachine,
  pushCopy: (state: LuaState, functions: Record<string, HostFunction>) => void,
): Record<string, HostFunction> {
  const { api } = machine;
  const settings = newSettings();
  const encoder = new JsonEncoder(machine, settings);
  const decoder = new JsonDecoder(machine, settings);

  const takeArguments = (state: LuaState, count: number): void => {
    if (api.lua_gettop(state) > count) machine.badArgument(state, count + 1, 'found too many arguments');
    api.lua_settop(state, count);
  };
  const isGiven = (state: LuaState, index: number): boolean => api.lua_type(state, index) !== LUA_TNIL;

  /** Takes an argument as a whole number in bounds, if there is one, and pushes what then holds. */
  const integerOption = (state: LuaState, index: number, now: number, min: number, max: number): number => {
    let value = now;
    if (isGiven(state, index)) {
      value = api.luaL_checkinteger(state, index);
      if (value < min || value > max) machine.badArgument(state, 1, `expected integer between ${min} and ${max}`);
    }
    api.lua_pushnumber(state, value);
    return value;
  };

  /** As luaL_checkoption: a word of `options`; the word's position. */
  const checkOption = (state: LuaState, index: number, options: readonly string[]): number => {
    machine.checkBytes(state, index);
    const word = machine.latin1At(state, index)!;
    const position = options.indexOf(word);
    if (position < 0) machine.badArgument(state, index, `invalid option '${word}'`);
    return position;
  };

  const switchOption = (state: LuaState, index: number, now: boolean): boolean => {
    let value = now;
    if (isGiven(state, index)) {
      if (api.lua_type(state, index) === LUA_TBOOLEAN) value = api.lua_toboolean(state, index) !== 0;
      else value = checkOption(state, index, ['off', 'on']) === 1;
    }
    api.lua_pushboolean(state, value ? 1 : 0);
    return value;
  };

  const functions: Record<string, HostFunction> = {
    encode(state) {
      if (api.lua_gettop(state) !== 1) machine.badArgument(state, 1, 'expected 1 argument');
      encoder.encode(state, settings);
      machine.pushBytes(state, encoder.sink.bytes, 0, encoder.sink.length);
      return 1;
    },
    decode(state) {
      if (api.lua_gettop(state) !== 1) machine.badArgument(state, 1, 'expected 1 argument');
      if (api.lua_type(state, 1) === LUA_TNUMBER) machine.toBytes(state, 1);
      decoder.decode(state, settings);
      return 1;
    },
    encode_sparse_array(state) {
      takeArguments(state, 3);
      settings.encodeSparseConvert = switchOption(state, 1, settings.encodeSparseConvert);
      settings.encodeSparseRatio = integerOption(state, 2, settings.encodeSparseRatio, 0, INT_MAX);
      settings.encodeSparseSafe = integerOption(state, 3, settings.encodeSparseSafe, 0, INT_MAX);
      return 3;
    },
    encode_max_depth(state) {
      takeArguments(state, 1);
      settings.encodeMaxDepth = integerOption(state, 1, settings.encodeMaxDepth, 1, INT_MAX);
      return 1;
    },
    decode_max_depth(state) {
      takeArguments(state, 1);
      settings.decodeMaxDepth = integerOption(state, 1, settings.decodeMaxDepth, 1, INT_MAX);
      return 1;
    },
    encode_number_precision(state) {
      takeArguments(state, 1);
      settings.encodeNumberPrecision = integerOption(state, 1, settings.encodeNumberPrecision, 1, 14);
      return 1;
    },
    /** Kept for those who ask; the buffer is reused either way. */
    encode_keep_buffer(state) {
      takeArguments(state, 1);
      settings.encodeKeepBuffer = switchOption(state, 1, settings.encodeKeepBuffer);
      return 1;
    },
    encode_invalid_numbers(state) {
      takeArguments(state, 1);
      if (isGiven(state, 1)) {
        if (api.lua_type(state, 1) === LUA_TBOOLEAN) {
          settings.encodeInvalidNumbers = api.lua_toboolean(state, 1) !== 0 ? 'on' : 'off';
        } else
          settings.encodeInvalidNumbers = (['off', 'on', 'null'] as const)[
            checkOption(state, 1, ['off', 'on', 'null'])
          ]!;
      }
      if (settings.encodeInvalidNumbers === 'null') machine.pushLatin1(state, 'null');
      else api.lua_pushboolean(state, settings.encodeInvalidNumbers === 'on' ? 1 : 0);
      return 1;
    },
    decode_invalid_numbers(state) {
      takeArguments(state, 1);
      settings.decodeInvalidNumbers = switchOption(state, 1, settings.decodeInvalidNumbers);
      return 1;
    },
    new(state) {
      pushCopy(state, cjsonLibrary(machine, pushCopy));
      return 1;
    },
  };
  return functions;
}
