/** The `bit` library: 32-bit operations on numbers. Source: Lua BitOp 1.0.2 as Valkey 9.1 carries it (deps/lua/src/lua_bit.c). */
import { type HostFunction, LUA_TNONE, type LuaState } from './lua-api.ts';
import type { LuaMachine } from './machine.ts';

/** Added to a double it leaves the low 32 bits of its nearest whole number in the mantissa's low word. */
const NORMALISE = 6755399441055744;

export function bitLibrary(machine: LuaMachine): Record<string, HostFunction> {
  const { api } = machine;
  const double = new Float64Array(1);
  const words = new Int32Array(double.buffer);

  const argument = (state: LuaState, index: number): number => {
    double[0] = api.luaL_checknumber(state, index) + NORMALISE;
    return words[0]!;
  };
  const one = (operation: (a: number) => number): HostFunction => {
    return (state) => {
      api.lua_pushnumber(state, operation(argument(state, 1)) | 0);
      return 1;
    };
  };
  const all = (operation: (a: number, b: number) => number): HostFunction => {
    return (state) => {
      let result = argument(state, 1);
      for (let i = api.lua_gettop(state); i > 1; i--) result = operation(result, argument(state, i));
      api.lua_pushnumber(state, result | 0);
      return 1;
    };
  };
  const shift = (operation: (a: number, n: number) => number): HostFunction => {
    return (state) => {
      const a = argument(state, 1);
      api.lua_pushnumber(state, operation(a, argument(state, 2) & 31) | 0);
      return 1;
    };
  };

  return {
    tobit: one((a) => a),
    bnot: one((a) => ~a),
    bswap: one((a) => (a >>> 24) | ((a >>> 8) & 0xff00) | ((a & 0xff00) << 8) | (a << 24)),
    band: all((a, b) => a & b),
    bor: all((a, b) => a | b),
    bxor: all((a, b) => a ^ b),
    lshift: shift((a, n) => a << n),
    rshift: shift((a, n) => a >>> n),
    arshift: shift((a, n) => a >> n),
    rol: shift((a, n) => (a << n) | (a >>> ((32 - n) & 31))),
    ror: shift((a, n) => (a >>> n) | (a << ((32 - n) & 31))),
    tohex(state) {
      const a = argument(state, 1);
      let digits = api.lua_type(state, 2) === LUA_TNONE ? 8 : argument(state, 2);
      const upper = digits < 0;
      if (upper) digits = Math.max(digits, -(2 ** 31) + 1) * -1;
      const text = (a >>> 0)
        .toString(16)
        .padStart(8, '0')
        .slice(8 - Math.min(digits, 8));
      machine.pushLatin1(state, upper ? text.toUpperCase() : text);
      return 1;
    },
  };
}
