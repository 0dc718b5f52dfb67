/** The `cmsgpack` library: MessagePack. Source: lua-cmsgpack 0.4.0 as Valkey 9.1 carries it (deps/lua/src/lua_cmsgpack.c). */
import { ByteSink } from './byte-sink.ts';
import {
  type HostFunction,
  LUA_TBOOLEAN,
  LUA_TNIL,
  LUA_TNUMBER,
  LUA_TSTRING,
  LUA_TTABLE,
  type LuaState,
  type Pointer,
} from './lua-api.ts';
import type { LuaMachine } from './machine.ts';

/** Tables nested deeper are packed as nil. */
const MAX_PACK_NESTING = 16;
/** Values nested deeper end in the error of Lua's stack, before the host's own stack ends. */
const MAX_UNPACK_NESTING = 2500;
const TOO_MANY = 'too many return values at once; use unpack_one or unpack_limit instead.';
const MISSING = 'Missing bytes in input.';
const BAD_FORMAT = 'Bad data format in input.';
const INT_MAX = 2 ** 31 - 1;

export const CMSGPACK_FACTS: Readonly<Record<string, string>> = {
  _NAME: 'cmsgpack',
  _VERSION: 'lua-cmsgpack 0.4.0',
  _COPYRIGHT: 'Copyright (C) 2012, Redis Ltd.',
  _DESCRIPTION: 'MessagePack C implementation for Lua',
};

export function cmsgpackLibrary(machine: LuaMachine): Record<string, HostFunction> {
  const { api } = machine;
  const packer = new Packer(machine);
  const unpacker = new Unpacker(machine);

  return {
    pack(state) {
      const count = api.lua_gettop(state);
      if (count === 0) machine.badArgument(state, 0, 'MessagePack pack needs input.');
      if (api.lua_checkstack(state, count) === 0) {
        machine.badArgument(state, 0, 'Too many arguments for MessagePack pack.');
      }
      packer.sink.reset();
      for (let i = 1; i <= count; i++) {
        api.luaL_checkstack(state, 1, machine.name('in function mp_check'));
        api.lua_pushvalue(state, i);
        packer.value(state, 0);
      }
      machine.pushBytes(state, packer.sink.bytes, 0, packer.sink.length);
      return 1;
    },

    unpack: (state) => unpacker.unpack(state, 0, 0),

    unpack_one(state) {
      const offset = api.luaL_optinteger(state, 2, 0);
      api.lua_settop(state, 1);
      return unpacker.unpack(state, 1, offset);
    },

    unpack_limit(state) {
      const limit = api.luaL_checkinteger(state, 2);
      const offset = api.luaL_optinteger(state, 3, 0);
      api.lua_settop(state, 1);
      return unpacker.unpack(state, limit, offset);
    },
  };
}

class Packer {
  readonly sink = new ByteSink();
  private readonly machine: LuaMachine;

  constructor(machine: LuaMachine) {
    this.machine = machine;
  }

  /** Packs the value on top and pops it. */
  value(state: LuaState, level: number): void {
    const { machine, sink } = this;
    const { api } = machine;
    let type = api.lua_type(state, -1);
    if (type === LUA_TTABLE && level === MAX_PACK_NESTING) type = LUA_TNIL;
    switch (type) {
      case LUA_TSTRING: {
        const at = machine.toBytes(state, -1);
        this.string(at, machine.length);
        break;
      }
      case LUA_TBOOLEAN:
        sink.byte(api.lua_toboolean(state, -1) !== 0 ? 0xc3 : 0xc2);
        break;
      case LUA_TNUMBER:
        this.number(api.lua_tonumber(state, -1));
        break;
      case LUA_TTABLE:
        if (this.isArray(state)) this.array(state, level);
        else this.map(state, level);
        break;
      default:
        sink.byte(0xc0);
    }
    api.lua_settop(state, -2);
  }

  private string(at: Pointer, length: number): void {
    const { sink } = this;
    if (length < 32) sink.byte(0xa0 | length);
    else if (length <= 0xff) {
      sink.byte(0xd9);
      sink.byte(length);
    } else if (length <= 0xffff) {
      sink.byte(0xda);
      sink.uint16(length);
    } else {
      sink.byte(0xdb);
      sink.uint32(length);
    }
    sink.copy(this.machine.u8, at, at + length);
  }

  private number(value: number): void {
    const { sink } = this;
    if (Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63) {
      this.integer(value === 0 ? 0 : value);
      return;
    }
    if (Math.fround(value) === value) {
      sink.byte(0xca);
      sink.float(value);
      return;
    }
    sink.byte(0xcb);
    sink.double(value);
  }

  private integer(value: number): void {
    const { sink } = this;
    if (value >= 0) {
      if (value <= 127) sink.byte(value);
      else if (value <= 0xff) {
        sink.byte(0xcc);
        sink.byte(value);
      } else if (value <= 0xffff) {
        sink.byte(0xcd);
        sink.uint16(value);
      } else if (value <= 0xffffffff) {
        sink.byte(0xce);
        sink.uint32(value);
      } else {
        sink.byte(0xcf);
        sink.uint64(BigInt(value));
      }
    } else if (value >= -32) sink.byte(value & 0xff);
    else if (value >= -128) {
      sink.byte(0xd0);
      sink.byte(value & 0xff);
    } else if (value >= -32768) {
      sink.byte(0xd1);
      sink.uint16(value & 0xffff);
    } else if (value >= -2147483648) {
      sink.byte(0xd2);
      sink.uint32(value >>> 0);
    } else {
      sink.byte(0xd3);
      sink.uint64(BigInt.asUintN(64, BigInt(value)));
    }
  }

  /** The table has the keys 1 to n and no others. */
  private isArray(state: LuaState): boolean {
    const { api } = this.machine;
    const top = api.lua_gettop(state);
    api.luaL_checkstack(state, 2, this.machine.name('in function table_is_an_array'));
    let count = 0;
    let max = 0;
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      api.lua_settop(state, -2);
      const key = api.lua_type(state, -1) === LUA_TNUMBER ? api.lua_tonumber(state, -1) : 0;
      if (key <= 0 || key > INT_MAX || !Number.isInteger(key)) {
        api.lua_settop(state, top);
        return false;
      }
      if (key > max) max = key;
      count++;
    }
    api.lua_settop(state, top);
    return max === count;
  }

  private head(count: number, fixed: number, wide: number): void {
    const { sink } = this;
    if (count <= 15) sink.byte(fixed | count);
    else if (count <= 0xffff) {
      sink.byte(wide);
      sink.uint16(count);
    } else {
      sink.byte(wide + 1);
      sink.uint32(count);
    }
  }

  private array(state: LuaState, level: number): void {
    const { api } = this.machine;
    const length = api.lua_objlen(state, -1);
    this.head(length, 0x90, 0xdc);
    api.luaL_checkstack(state, 1, this.machine.name('in function mp_encode_lua_table_as_array'));
    for (let i = 1; i <= length; i++) {
      api.lua_pushnumber(state, i);
      api.lua_gettable(state, -2);
      this.value(state, level + 1);
    }
  }

  private map(state: LuaState, level: number): void {
    const { api } = this.machine;
    let count = 0;
    api.luaL_checkstack(state, 3, this.machine.name('in function mp_encode_lua_table_as_map'));
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      api.lua_settop(state, -2);
      count++;
    }
    this.head(count, 0x80, 0xde);
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      api.lua_pushvalue(state, -2);
      this.value(state, level + 1);
      this.value(state, level + 1);
    }
  }
}

/** The input lies in the machine's memory, held there by the argument on the stack. */
class Unpacker {
  private readonly machine: LuaMachine;
  private at: Pointer = 0;
  private end: Pointer = 0;

  constructor(machine: LuaMachine) {
    this.machine = machine;
  }

  unpack(state: LuaState, limit: number, offset: number): number {
    const { machine } = this;
    const { api } = machine;
    const everything = limit === 0 && offset === 0;
    const start = machine.checkBytes(state, 1);
    const { length } = machine;
    if (offset < 0 || limit < 0) {
      machine.raise(state, `Invalid request to unpack with offset of ${offset} and limit of ${length}.`);
    }
    if (offset > length) machine.raise(state, `Start offset ${offset} greater than input length ${length}.`);
    this.at = start + offset;
    this.end = start + length;
    let count = 0;
    while (this.at < this.end && (everything || count < limit)) {
      this.value(state, 0);
      count++;
    }
    if (everything) return count;
    api.luaL_checkstack(state, 1, machine.name('in function mp_unpack_full'));
    api.lua_pushnumber(state, this.at === this.end ? -1 : this.at - start);
    api.lua_insert(state, 2);
    return count + 1;
  }

  /** Makes sure that so many bytes are there, and moves past them; returns where they began. */
  private take(state: LuaState, sizeBytes: number): Pointer {
    const from = this.at;
    if (this.end - from < sizeBytes) this.machine.raise(state, MISSING);
    this.at = from + sizeBytes;
    return from;
  }

  private uint(state: LuaState, sizeBytes: 1 | 2 | 4): number {
    const from = this.take(state, sizeBytes);
    const { view } = this.machine;
    if (sizeBytes === 1) return view.getUint8(from);
    return sizeBytes === 2 ? view.getUint16(from) : view.getUint32(from);
  }

  private value(state: LuaState, level: number): void {
    const { machine } = this;
    const { api } = machine;
    const type = machine.u8[this.take(state, 1)]!;
    api.luaL_checkstack(state, 1, machine.name(TOO_MANY));
    if (level > MAX_UNPACK_NESTING) machine.raise(state, 'stack overflow (in function mp_decode_to_lua_array)');
    switch (type) {
      case 0xc0:
        api.lua_pushnil(state);
        return;
      case 0xc2:
      case 0xc3:
        api.lua_pushboolean(state, type & 1);
        return;
      case 0xca:
        api.lua_pushnumber(state, machine.view.getFloat32(this.take(state, 4)));
        return;
      case 0xcb:
        api.lua_pushnumber(state, machine.view.getFloat64(this.take(state, 8)));
        return;
      case 0xcc:
        api.lua_pushnumber(state, this.uint(state, 1));
        return;
      case 0xcd:
        api.lua_pushnumber(state, this.uint(state, 2));
        return;
      case 0xce:
        api.lua_pushnumber(state, this.uint(state, 4));
        return;
      case 0xcf:
        // In C it passes through a signed integer.
        api.lua_pushnumber(state, Number(machine.view.getBigInt64(this.take(state, 8))));
        return;
      case 0xd0:
        api.lua_pushnumber(state, machine.view.getInt8(this.take(state, 1)));
        return;
      case 0xd1:
        api.lua_pushnumber(state, machine.view.getInt16(this.take(state, 2)));
        return;
      case 0xd2:
        api.lua_pushnumber(state, machine.view.getInt32(this.take(state, 4)));
        return;
      case 0xd3:
        api.lua_pushnumber(state, Number(machine.view.getBigInt64(this.take(state, 8))));
        return;
      case 0xd9:
        this.string(state, this.uint(state, 1));
        return;
      case 0xda:
        this.string(state, this.uint(state, 2));
        return;
      case 0xdb:
        this.string(state, this.uint(state, 4));
        return;
      case 0xdc:
        this.array(state, this.uint(state, 2), level);
        return;
      case 0xdd:
        this.array(state, this.uint(state, 4), level);
        return;
      case 0xde:
        this.map(state, this.uint(state, 2), level);
        return;
      case 0xdf:
        this.map(state, this.uint(state, 4), level);
        return;
      default:
        if ((type & 0x80) === 0) api.lua_pushnumber(state, type);
        else if ((type & 0xe0) === 0xe0) api.lua_pushnumber(state, type - 256);
        else if ((type & 0xe0) === 0xa0) this.string(state, type & 0x1f);
        else if ((type & 0xf0) === 0x90) this.array(state, type & 0xf, level);
        else if ((type & 0xf0) === 0x80) this.map(state, type & 0xf, level);
        else machine.raise(state, BAD_FORMAT);
    }
  }

  private string(state: LuaState, length: number): void {
    this.machine.api.lua_pushlstring(state, this.take(state, length), length);
  }

  private array(state: LuaState, length: number, level: number): void {
    const { api } = this.machine;
    api.lua_createtable(state, 0, 0);
    api.luaL_checkstack(state, 1, this.machine.name('in function mp_decode_to_lua_array'));
    for (let i = 1; i <= length; i++) {
      api.lua_pushnumber(state, i);
      this.value(state, level + 1);
      api.lua_settable(state, -3);
    }
  }

  private map(state: LuaState, length: number, level: number): void {
    const { api } = this.machine;
    api.lua_createtable(state, 0, 0);
    for (let i = 0; i < length; i++) {
      this.value(state, level + 1);
      this.value(state, level + 1);
      api.lua_settable(state, -3);
    }
  }
}
