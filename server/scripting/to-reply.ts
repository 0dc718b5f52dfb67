/**
 * A Lua value as a reply. Hot file. Source: Valkey 9.1 modules/lua/script_lua.c luaReplyToServerReply.
 *
 * Numbers lose their fraction; tables end at their first nil; {err=}, {ok=}, {double=}, {big_number=}, {verbatim_string=}, {map=} and
 * {set=} are those replies, in this order. Field lookups are raw.
 */
import type { ReplyWriter } from '../protocol/reply.ts';
import { toInt64 } from './library-numbers.ts';
import {
  LUA_TBOOLEAN,
  LUA_TNIL,
  LUA_TNUMBER,
  LUA_TSTRING,
  LUA_TTABLE,
  type LuaState,
  type Pointer,
} from './lua-api.ts';
import type { LuaMachine } from './machine.ts';

const STACK_LIMIT = 'ERR reached lua stack limit';
/** Deeper tables end in the error of the stack limit, before the host's own stack ends. */
const MAX_DEPTH = 1000;

export class LuaToReply {
  private readonly machine: LuaMachine;
  private readonly reply: ReplyWriter;
  private resp = 2;
  private depth = 0;
  private readonly names: Readonly<
    Record<
      'err' | 'ok' | 'double' | 'bigNumber' | 'verbatim' | 'map' | 'set' | 'format' | 'string' | 'counted',
      FieldName
    >
  >;

  constructor(machine: LuaMachine, reply: ReplyWriter) {
    this.machine = machine;
    this.reply = reply;
    const name = (text: string): FieldName => ({ at: machine.name(text), length: text.length });
    this.names = {
      err: name('err'),
      ok: name('ok'),
      double: name('double'),
      bigNumber: name('big_number'),
      verbatim: name('verbatim_string'),
      map: name('map'),
      set: name('set'),
      format: name('format'),
      string: name('string'),
      counted: name('ignore_error_stats_update'),
    };
  }

  /** Writes the value on top and pops it. `resp` is what the script asked for by setresp. */
  write(state: LuaState, resp: number): void {
    this.resp = resp;
    this.depth = 0;
    this.value(state);
  }

  private value(state: LuaState): void {
    const { machine, reply } = this;
    const { api } = machine;
    if (this.depth >= MAX_DEPTH || api.lua_checkstack(state, 4) === 0) {
      reply.error(STACK_LIMIT);
      api.lua_settop(state, -2);
      return;
    }
    switch (api.lua_type(state, -1)) {
      case LUA_TSTRING: {
        const at = machine.toBytes(state, -1);
        reply.bulk(machine.u8, at, at + machine.length);
        break;
      }
      case LUA_TBOOLEAN: {
        const value = api.lua_toboolean(state, -1) !== 0;
        if (this.resp === 3) reply.boolean(value);
        else if (value) reply.integer(1);
        else reply.nil();
        break;
      }
      case LUA_TNUMBER:
        this.integer(api.lua_tonumber(state, -1));
        break;
      case LUA_TTABLE:
        this.depth++;
        if (!this.special(state)) this.array(state);
        this.depth--;
        break;
      default:
        reply.nil();
    }
    api.lua_settop(state, -2);
  }

  private integer(value: number): void {
    const whole = Math.trunc(value);
    if (Number.isSafeInteger(whole)) this.reply.integer(whole === 0 ? 0 : whole);
    else this.reply.bigInteger(toInt64(value, true));
  }

  /** Pushes the table's field of a type; nothing is pushed when it has another type. */
  private field(state: LuaState, name: FieldName, type: number): boolean {
    const { api } = this.machine;
    api.lua_pushlstring(state, name.at, name.length);
    api.lua_rawget(state, -2);
    if (api.lua_type(state, -1) === type) return true;
    api.lua_settop(state, -2);
    return false;
  }

  /** A table that stands for another kind of reply; false when it is an array. The table stays on the stack. */
  private special(state: LuaState): boolean {
    const { machine, reply, names } = this;
    const { api } = machine;
    if (this.field(state, names.err, LUA_TSTRING)) {
      const text = machine.latin1At(state, -1)!;
      api.lua_settop(state, -2);
      const counted = this.field(state, names.counted, LUA_TBOOLEAN);
      if (counted) api.lua_settop(state, -2);
      reply.errorBytes(text, counted);
      return true;
    }
    if (this.field(state, names.ok, LUA_TSTRING)) {
      this.line(43, state);
    } else if (this.field(state, names.double, LUA_TNUMBER)) {
      reply.double(api.lua_tonumber(state, -1));
    } else if (this.field(state, names.bigNumber, LUA_TSTRING)) {
      if (reply.protocol === 3) this.line(40, state);
      else this.bulkLine(state);
    } else if (this.field(state, names.verbatim, LUA_TTABLE)) {
      const done = this.verbatim(state);
      api.lua_settop(state, -2);
      return done || this.collection(state);
    } else {
      return this.collection(state);
    }
    api.lua_settop(state, -2);
    return true;
  }

  private collection(state: LuaState): boolean {
    const { reply } = this;
    const { api } = this.machine;
    if (this.field(state, this.names.map, LUA_TTABLE)) {
      reply.map(this.countKeys(state));
      api.lua_pushnil(state);
      while (api.lua_next(state, -2) !== 0) {
        api.lua_pushvalue(state, -2);
        this.value(state);
        this.value(state);
      }
      api.lua_settop(state, -2);
      return true;
    }
    if (this.field(state, this.names.set, LUA_TTABLE)) {
      reply.set(this.countKeys(state));
      api.lua_pushnil(state);
      while (api.lua_next(state, -2) !== 0) {
        api.lua_settop(state, -2);
        api.lua_pushvalue(state, -1);
        this.value(state);
      }
      api.lua_settop(state, -2);
      return true;
    }
    return false;
  }

  private countKeys(state: LuaState): number {
    const { api } = this.machine;
    let count = 0;
    api.lua_pushnil(state);
    while (api.lua_next(state, -2) !== 0) {
      api.lua_settop(state, -2);
      count++;
    }
    return count;
  }

  private verbatim(state: LuaState): boolean {
    const { machine, reply } = this;
    if (!this.field(state, this.names.format, LUA_TSTRING)) return false;
    const format = machine.latin1At(state, -1)!;
    machine.api.lua_settop(state, -2);
    if (!this.field(state, this.names.string, LUA_TSTRING)) return false;
    const at = machine.toBytes(state, -1);
    const { length } = machine;
    if (reply.protocol === 3) {
      const head = latin1Bytes(`=${length + 4}\r\n${format.padEnd(3).slice(0, 3)}:`);
      reply.raw(head, 0, head.length);
      reply.raw(machine.u8, at, at + length);
      reply.raw(LINE_END, 0, 2);
    } else reply.bulk(machine.u8, at, at + length);
    machine.api.lua_settop(state, -2);
    return true;
  }

  private array(state: LuaState): void {
    const { reply } = this;
    const { api } = this.machine;
    const mark = reply.mark();
    let count = 0;
    for (;;) {
      api.lua_rawgeti(state, -1, count + 1);
      if (api.lua_type(state, -1) === LUA_TNIL) break;
      this.value(state);
      count++;
    }
    api.lua_settop(state, -2);
    reply.arrayFrom(mark, count);
  }

  /** The string on top as one line: up to its first zero byte, as in C, and without line ends. */
  private line(type: number, state: LuaState): void {
    const { machine, reply } = this;
    let from = machine.toBytes(state, -1);
    const to = from + machine.length;
    reply.reserve(to - from + 3);
    const { bytes } = reply;
    const { u8 } = machine;
    let { at } = reply;
    bytes[at++] = type;
    for (let byte = u8[from]!; from < to && byte !== 0; byte = u8[++from]!) {
      bytes[at++] = byte === 13 || byte === 10 ? 32 : byte;
    }
    bytes[at++] = 13;
    bytes[at++] = 10;
    reply.at = at;
  }

  private bulkLine(state: LuaState): void {
    const text = (this.machine.latin1At(state, -1) ?? '').replace(/\0.*$/s, '').replace(/[\r\n]/g, ' ');
    const bytes = latin1Bytes(text);
    this.reply.bulk(bytes, 0, bytes.length);
  }
}

/** A field's name where the machine has it. */
interface FieldName {
  readonly at: Pointer;
  readonly length: number;
}

const LINE_END = latin1Bytes('\r\n'); // constant

export function latin1Bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
