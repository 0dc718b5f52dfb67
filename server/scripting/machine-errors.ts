/** Errors as scripts see them: tables with a field `err`, as redis.pcall returns them. Source: Valkey 9.1 script_lua.c luaPushError. */
import type { LuaState } from './lua-api.ts';
import { type LuaMachine, MachineBroken } from './machine.ts';

/** `-CODE text` keeps its code; any other text gets ERR. The text is cut at a line end. */
export function errorText(text: string): string {
  if (text[0] !== '-') return `ERR ${text.replace(/^[\r\n]+|[\r\n]+$/g, '')}`;
  const space = text.indexOf(' ');
  if (space === -1) return `ERR ${text.slice(1)}`;
  return `${text.slice(1, space)} ${text.slice(space + 1).replace(/^[\r\n]+|[\r\n]+$/g, '')}`;
}

/** Pushes an error table. `text` has bytes for characters. */
export function pushError(machine: LuaMachine, state: LuaState, text: string): void {
  machine.api.lua_createtable(state, 0, 2);
  machine.pushLatin1(state, errorText(text));
  machine.api.lua_setfield(state, -2, machine.name('err'));
}

/** Marks the error table on top as one that the command's own failure has counted already. */
export function markCounted(machine: LuaMachine, state: LuaState): void {
  machine.api.lua_pushboolean(state, 1);
  machine.api.lua_setfield(state, -2, machine.name('ignore_error_stats_update'));
}

/** Raises an error table. Does not return. */
export function raiseError(machine: LuaMachine, state: LuaState, text: string): never {
  pushError(machine, state, text);
  machine.api.lua_error(state);
  throw new MachineBroken('lua_error returned');
}
