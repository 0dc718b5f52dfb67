/**
 * A command's reply, in RESP, as a Lua value. Hot file. Source: Valkey 9.1 modules/lua/script_lua.c.
 *
 * RESP2: integers are numbers, bulk strings strings, null false, statuses {ok=}, errors {err=}, arrays tables.
 * RESP3 adds {map=}, {set=}, {double=}, {big_number=}, {verbatim_string={format=, string=}}, booleans, and null is nil.
 */
import { LUA_TNIL, type LuaState, type Pointer } from './lua-api.ts';
import type { LuaMachine } from './machine.ts';
import { markCounted, pushError } from './machine-errors.ts';

const LF = 10;

export class ReplyToLua {
  private readonly machine: LuaMachine;
  private bytes: Uint8Array = new Uint8Array(0);
  private at = 0;
  /** Where the reply's bytes stand in the machine; 0 while none had to. */
  private copied: Pointer = 0;
  private start = 0;
  private end = 0;
  private readonly okName: Pointer;

  constructor(machine: LuaMachine) {
    this.machine = machine;
    this.okName = machine.name('ok');
  }

  /** Pushes the reply in bytes[from, to); true when it is an error. */
  push(state: LuaState, bytes: Uint8Array, from: number, to: number): boolean {
    this.bytes = bytes;
    this.at = from;
    this.start = from;
    this.end = to;
    this.copied = 0;
    const failed = bytes[from] === 45;
    this.value(state);
    return failed;
  }

  private value(state: LuaState): void {
    const { machine } = this;
    const { api } = machine;
    if (api.lua_checkstack(state, 6) === 0) machine.raise(state, 'too many results to unpack');
    switch (this.bytes[this.at++]) {
      case 36: {
        const length = this.integer();
        if (length < 0) api.lua_pushboolean(state, 0);
        else this.text(state, length);
        return;
      }
      case 58:
        api.lua_pushnumber(state, this.integer());
        return;
      case 43: {
        const from = this.at;
        const to = this.lineEnd();
        api.lua_createtable(state, 0, 1);
        this.slice(state, from, to);
        api.lua_setfield(state, -2, this.okName);
        return;
      }
      case 45: {
        const from = this.at;
        const to = this.lineEnd();
        pushError(machine, state, `-${latin1(this.bytes, from, to)}`);
        markCounted(machine, state);
        return;
      }
      case 42: {
        const length = this.integer();
        if (length < 0) {
          api.lua_pushboolean(state, 0);
          return;
        }
        api.lua_createtable(state, length, 0);
        for (let i = 1; i <= length; i++) {
          this.value(state);
          api.lua_rawseti(state, -2, i);
        }
        return;
      }
      case 37: {
        const pairs = this.integer();
        api.lua_createtable(state, 0, 1);
        api.lua_createtable(state, 0, pairs);
        for (let i = 0; i < pairs; i++) {
          this.value(state);
          this.value(state);
          api.lua_rawset(state, -3);
        }
        api.lua_setfield(state, -2, machine.name('map'));
        return;
      }
      case 126: {
        const length = this.integer();
        api.lua_createtable(state, 0, 1);
        api.lua_createtable(state, 0, length);
        for (let i = 0; i < length; i++) {
          this.value(state);
          if (api.lua_type(state, -1) === LUA_TNIL) {
            api.lua_settop(state, -2);
            continue;
          }
          api.lua_pushboolean(state, 1);
          api.lua_rawset(state, -3);
        }
        api.lua_setfield(state, -2, machine.name('set'));
        return;
      }
      case 95:
        this.lineEnd();
        api.lua_pushnil(state);
        return;
      case 35:
        api.lua_pushboolean(state, this.bytes[this.at] === 116 ? 1 : 0);
        this.lineEnd();
        return;
      case 44: {
        const from = this.at;
        const to = this.lineEnd();
        api.lua_createtable(state, 0, 1);
        api.lua_pushnumber(state, doubleOf(latin1(this.bytes, from, to)));
        api.lua_setfield(state, -2, machine.name('double'));
        return;
      }
      case 40: {
        const from = this.at;
        const to = this.lineEnd();
        api.lua_createtable(state, 0, 1);
        this.slice(state, from, to);
        api.lua_setfield(state, -2, machine.name('big_number'));
        return;
      }
      case 61: {
        const length = this.integer();
        const from = this.at;
        this.at += length + 2;
        api.lua_createtable(state, 0, 1);
        api.lua_createtable(state, 0, 2);
        this.slice(state, from, from + 3);
        api.lua_setfield(state, -2, machine.name('format'));
        this.slice(state, from + 4, from + length);
        api.lua_setfield(state, -2, machine.name('string'));
        api.lua_setfield(state, -2, machine.name('verbatim_string'));
        return;
      }
      case 124: {
        // Attributes are not for scripts: the value that they are of follows.
        const top = api.lua_gettop(state);
        for (let pairs = this.integer(); pairs > 0; pairs--) {
          this.value(state);
          this.value(state);
          api.lua_settop(state, top);
        }
        this.value(state);
        return;
      }
      default:
        throw new Error('a reply that no command gives');
    }
  }

  /** A number and its line end. Beyond 2^53 the nearest double. */
  private integer(): number {
    const { bytes } = this;
    let { at } = this;
    const negative = bytes[at] === 45;
    if (negative) at++;
    const from = at;
    let value = 0;
    for (let byte = bytes[at]!; byte >= 48; byte = bytes[++at]!) value = value * 10 + (byte - 48);
    if (at - from > 15) value = Number(latin1(bytes, from, at));
    this.at = at + 2;
    return negative ? -value : value;
  }

  /** Moves past the line's end and returns where its text ends. */
  private lineEnd(): number {
    const { bytes } = this;
    let { at } = this;
    while (bytes[at] !== LF) at++;
    this.at = at + 1;
    return at - 1;
  }

  private text(state: LuaState, length: number): void {
    const from = this.at;
    this.at = from + length + 2;
    this.slice(state, from, from + length);
  }

  /** Pushes bytes[from, to): the whole rest of the reply goes into the machine at once. */
  private slice(state: LuaState, from: number, to: number): void {
    const { machine } = this;
    if (this.copied === 0) {
      this.start = from;
      this.copied = machine.stage(this.end - from);
      if (this.copied === 0) machine.raise(state, 'not enough memory');
      machine.write(this.copied, this.bytes, from, this.end);
    }
    machine.api.lua_pushlstring(state, this.copied + (from - this.start), to - from);
  }
}

function doubleOf(text: string): number {
  if (text === 'inf') return Infinity;
  if (text === '-inf') return -Infinity;
  return Number(text);
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
