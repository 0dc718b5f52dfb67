/**
 * A Lua value as a reply. Hot file. Source: Valkey 9.1 modules/lua/script_lua.c luaReplyToServerReply.
 *
 * Numbers lose their fraction; tables end at their first nil; {err=}, {ok=}, {double=}, {big_number=}, {verbatim_string=}, {map=} and
 * {set=} are those replies, in this order. Field lookups are raw.
 */
import type { ReplyWriter } from '../protocol/reply.ts';
import { toInt64 } from './library-numbers.ts';
import { LUA_TBOOLEAN, LUA_TNIL, LUA_TNUMBER, LUA_TSTRING, LUA_TTABLE, type LuaState } from './lua-api.ts';
import type { LuaMachine } from './machine.ts';

const STACK_LIMIT = 'ERR reached lua stack limit';
/** Deeper tables end in the error of the stack limit, before the host's own stack ends. */
const MAX_DEPTH = 1000;

export class LuaToReply {
  private readonly machine: LuaMachine;
  private readonly reply: ReplyWriter;
  private resp = 2;
  private depth = 0;

  constructor(machine: LuaMachine, reply: ReplyWriter) {
    this.machine = machine;
    this.reply = reply;
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

  /** Pushes the table's field and says its type; nothing is pushed when it has another type than the wanted one. */
  private field(state: LuaState, name: string, type: number): boolean {
    const { machine } = this;
    const { api } = machine;
    machine.pushLatin1(state, name);
    api.lua_rawget(state, -2);
    if (api.lua_type(state, -1) === type) return true;
    api.lua_settop(state, -2);
    return false;
  }

  /** A table that stands for another kind of reply; false when it is an array. The table stays on the stack. */
  private special(state: LuaState): boolean {
    const { machine, reply } = this;
    const { api } = machine;
    // Without anything but elements it can only be an array: that is found by one step.
    if (this.isPlainArray(state)) return false;
    if (this.field(state, 'err', LUA_TSTRING)) {
      const text = machine.latin1At(state, -1)!;
      api.lua_settop(state, -2);
      const counted = this.field(state, 'ignore_error_stats_update', LUA_TBOOLEAN);
      if (counted) api.lua_settop(state, -2);
      reply.errorBytes(text, counted);
      return true;
    }
    if (this.field(state, 'ok', LUA_TSTRING)) {
      this.line(43, this.lineAt(state));
    } else if (this.field(state, 'double', LUA_TNUMBER)) {
      reply.double(api.lua_tonumber(state, -1));
    } else if (this.field(state, 'big_number', LUA_TSTRING)) {
      const text = this.lineAt(state);
      if (reply.protocol === 3) this.line(40, text);
      else this.bulkLatin1(text);
    } else if (this.field(state, 'verbatim_string', LUA_TTABLE)) {
      const done = this.verbatim(state);
      api.lua_settop(state, -2);
      return done || this.collection(state);
    } else {
      return this.collection(state);
    }
    api.lua_settop(state, -2);
    return true;
  }

  /** The table has no fields: the walk's first key is 1, and it is all elements. Empty tables are arrays as well. */
  private isPlainArray(state: LuaState): boolean {
    const { api } = this.machine;
    const count = api.lua_objlen(state, -1);
    if (count === 0) {
      api.lua_pushnil(state);
      if (api.lua_next(state, -2) === 0) return true;
      api.lua_settop(state, -3);
    }
    return false;
  }

  private collection(state: LuaState): boolean {
    const { reply } = this;
    const { api } = this.machine;
    if (this.field(state, 'map', LUA_TTABLE)) {
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
    if (this.field(state, 'set', LUA_TTABLE)) {
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
    if (!this.field(state, 'format', LUA_TSTRING)) return false;
    const format = machine.latin1At(state, -1)!;
    machine.api.lua_settop(state, -2);
    if (!this.field(state, 'string', LUA_TSTRING)) return false;
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

  /** The string on top, fit for one line. It ends at its first zero byte, as in C. */
  private lineAt(state: LuaState): string {
    return (this.machine.latin1At(state, -1) ?? '').replace(/\0.*$/s, '').replace(/[\r\n]/g, ' ');
  }

  private line(type: number, text: string): void {
    const { reply } = this;
    const bytes = latin1Bytes(`${String.fromCharCode(type)}${text}\r\n`);
    reply.raw(bytes, 0, bytes.length);
  }

  private bulkLatin1(text: string): void {
    const bytes = latin1Bytes(text);
    this.reply.bulk(bytes, 0, bytes.length);
  }
}

const LINE_END = latin1Bytes('\r\n'); // constant

export function latin1Bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
