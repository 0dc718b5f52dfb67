/** JSON out of Lua values: cjson.encode. Source: lua-cjson 2.1.0 as Valkey 9.1 carries it (deps/lua/src/lua_cjson.c). */
import { ByteSink } from './byte-sink.ts';
import { formatG } from './c-numbers.ts';
import type { JsonSettings } from './library-cjson.ts';
import {
  LUA_TBOOLEAN,
  LUA_TLIGHTUSERDATA,
  LUA_TNIL,
  LUA_TNUMBER,
  LUA_TSTRING,
  LUA_TTABLE,
  type LuaState,
} from './lua-api.ts';
import type { LuaMachine } from './machine.ts';

/** Deeper tables are refused whatever encode_max_depth says: before Lua's stack or the host's ends. */
export const MAX_NESTING = 2500;
const TYPE_NAMES = [
  'nil',
  'boolean',
  'userdata',
  'number',
  'string',
  'table',
  'function',
  'userdata',
  'thread',
] as const;
const INT_MAX = 2 ** 31 - 1;

/** What stands for a byte inside a string; empty for the byte itself. */
const ESCAPES: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const named: Readonly<Record<number, string>> = {
    8: '\\b',
    9: '\\t',
    10: '\\n',
    12: '\\f',
    13: '\\r',
    34: '\\"',
    47: '\\/',
    92: '\\\\',
  };
  if (named[byte] !== undefined) return named[byte];
  return byte < 32 || byte === 127 ? `\\u${byte.toString(16).padStart(4, '0')}` : '';
});

export class JsonEncoder {
  readonly sink = new ByteSink();
  private readonly machine: LuaMachine;
  private settings: JsonSettings;

  constructor(machine: LuaMachine, settings: JsonSettings) {
    this.machine = machine;
    this.settings = settings;
  }

  /** Writes the value on top into the sink; the value stays. */
  encode(state: LuaState, settings: JsonSettings): void {
    this.settings = settings;
    this.sink.reset();
    this.value(state, 0);
  }

  private fail(state: LuaState, index: number, reason: string): never {
    const name = TYPE_NAMES[this.machine.api.lua_type(state, index)]!;
    return this.machine.raise(state, `Cannot serialise ${name}: ${reason}`);
  }

  private value(state: LuaState, depth: number): void {
    const { machine, sink } = this;
    const { api } = machine;
    switch (api.lua_type(state, -1)) {
      case LUA_TSTRING:
        this.string(state, -1);
        return;
      case LUA_TNUMBER:
        this.number(state, -1);
        return;
      case LUA_TBOOLEAN:
        sink.text(api.lua_toboolean(state, -1) !== 0 ? 'true' : 'false');
        return;
      case LUA_TTABLE: {
        depth++;
        if (depth > this.settings.encodeMaxDepth || depth > MAX_NESTING || api.lua_checkstack(state, 3) === 0) {
          machine.raise(state, `Cannot serialise, excessive nesting (${depth})`);
        }
        const length = this.arrayLength(state);
        if (length > 0) this.array(state, depth, length);
        else this.object(state, depth);
        return;
      }
      case LUA_TNIL:
        sink.text('null');
        return;
      case LUA_TLIGHTUSERDATA:
        if (api.lua_touserdata(state, -1) !== 0) break;
        sink.text('null');
        return;
    }
    this.fail(state, -1, 'type not supported');
  }

  private string(state: LuaState, index: number): void {
    const { machine, sink } = this;
    const at = machine.toBytes(state, index);
    const end = at + machine.length;
    sink.reserve((end - at) * 6 + 2);
    const { u8 } = machine;
    const { bytes } = sink;
    let { length } = sink;
    bytes[length++] = 34;
    for (let i = at; i < end; i++) {
      const escape = ESCAPES[u8[i]!]!;
      if (escape === '') bytes[length++] = u8[i]!;
      else for (let c = 0; c < escape.length; c++) bytes[length++] = escape.charCodeAt(c);
    }
    bytes[length++] = 34;
    sink.length = length;
  }

  private number(state: LuaState, index: number): void {
    const value = this.machine.api.lua_tonumber(state, index);
    const { encodeInvalidNumbers, encodeNumberPrecision } = this.settings;
    if (!Number.isFinite(value)) {
      if (encodeInvalidNumbers === 'off') this.fail(state, index, 'must not be NaN or Inf');
      if (encodeInvalidNumbers === 'null') {
        this.sink.text('null');
        return;
      }
    }
    if (Number.isInteger(value) && value > -1e9 && value < 1e9 && encodeNumberPrecision >= 9 && !Object.is(value, -0)) {
      this.sink.text(String(value));
    } else this.sink.text(formatG(value, encodeNumberPrecision));
  }

  /** The elements of an array; -1 for what is none. */
  private arrayLength(state: LuaState): number {
    const { api } = this.machine;
    let max = 0;
    let items = 0;
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      const key = api.lua_type(state, -2) === LUA_TNUMBER ? api.lua_tonumber(state, -2) : 0;
      if (key < 1 || !Number.isInteger(key)) {
        api.lua_settop(state, -3);
        return -1;
      }
      if (key > max) max = key > INT_MAX ? -INT_MAX - 1 : key;
      items++;
      api.lua_settop(state, -2);
    }
    const { encodeSparseConvert, encodeSparseRatio, encodeSparseSafe } = this.settings;
    if (encodeSparseRatio > 0 && max > items * encodeSparseRatio && max > encodeSparseSafe) {
      if (!encodeSparseConvert) this.fail(state, -1, 'excessively sparse array');
      return -1;
    }
    return max;
  }

  private array(state: LuaState, depth: number, length: number): void {
    const { sink } = this;
    const { api } = this.machine;
    sink.byte(91);
    for (let i = 1; i <= length; i++) {
      if (i > 1) sink.byte(44);
      api.lua_rawgeti(state, -1, i);
      this.value(state, depth);
      api.lua_settop(state, -2);
    }
    sink.byte(93);
  }

  private object(state: LuaState, depth: number): void {
    const { sink } = this;
    const { api } = this.machine;
    sink.byte(123);
    let first = true;
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      if (!first) sink.byte(44);
      first = false;
      const type = api.lua_type(state, -2);
      if (type === LUA_TNUMBER) {
        sink.byte(34);
        this.number(state, -2);
        sink.byte(34);
      } else if (type === LUA_TSTRING) this.string(state, -2);
      else this.fail(state, -2, 'table key must be a number or string');
      sink.byte(58);
      this.value(state, depth);
      api.lua_settop(state, -2);
    }
    sink.byte(125);
  }
}
