/**
 * What of math, os and string differs from Lua's own: the same random numbers on every machine, a clock, and string.format with
 * whole numbers of 64 bits, which the module's C library counts in 32. Source: Valkey 9.1 script_lua.c, rand.c; Lua 5.1 lstrlib.c.
 */
import { type HostFunction, type LuaState, upvalueIndex } from './lua-api.ts';
import type { LuaMachine } from './machine.ts';

/** The generator of lrand48 in two halves of 24 bits: x' = x · 0x5deece66d + 11 mod 2^48. */
const HALF = 2 ** 24;
const MULTIPLIER_HIGH = 0x5de;
const MULTIPLIER_LOW = 0xece66d;
const INCREMENT = 11;
const RANDOM_MAX = 2 ** 31 - 1;

/** One for all scripts of a node: its numbers go on from script to script. */
export class Random48 {
  private high = 0x1234ab;
  private low = 0xcd330e;

  seed(value: number): void {
    const bits = value >>> 0;
    this.high = bits >>> 8;
    this.low = ((bits & 0xff) << 16) | 0x330e;
  }

  /** The next number in [0, 2^31). */
  next(): number {
    const low = this.low * MULTIPLIER_LOW + INCREMENT;
    const high = this.high * MULTIPLIER_LOW + this.low * MULTIPLIER_HIGH + Math.floor(low / HALF);
    this.low = low % HALF;
    this.high = high % HALF;
    return this.high * 128 + Math.floor(this.low / 2 ** 17);
  }
}

/** An argument as a C int, as (int)luaL_checkinteger makes one of a double. */
function int32(machine: LuaMachine, state: LuaState, argument: number): number {
  return machine.api.luaL_checknumber(state, argument) | 0;
}

export function mathLibrary(machine: LuaMachine, random: Random48): Record<string, HostFunction> {
  const { api } = machine;
  return {
    random(state) {
      const r = (random.next() % RANDOM_MAX) / RANDOM_MAX;
      switch (api.lua_gettop(state)) {
        case 0:
          api.lua_pushnumber(state, r);
          return 1;
        case 1: {
          const upper = int32(machine, state, 1);
          if (upper < 1) machine.badArgument(state, 1, 'interval is empty');
          api.lua_pushnumber(state, Math.floor(r * upper) + 1);
          return 1;
        }
        case 2: {
          const lower = int32(machine, state, 1);
          const upper = int32(machine, state, 2);
          if (lower > upper) machine.badArgument(state, 2, 'interval is empty');
          api.lua_pushnumber(state, Math.floor(r * ((upper - lower + 1) | 0)) + lower);
          return 1;
        }
        default:
          return machine.raise(state, 'wrong number of arguments');
      }
    },
    randomseed(state) {
      random.seed(int32(machine, state, 1));
      return 0;
    },
  };
}

export function osLibrary(machine: LuaMachine, nowMicros: () => number): Record<string, HostFunction> {
  return {
    clock(state) {
      machine.api.lua_pushnumber(state, nowMicros() / 1e6);
      return 1;
    },
  };
}

const PERCENT = 37;
const FLAGS = '-+ #0';
/** Whole numbers that the module's C library formats right. */
const INT_MAX = 2 ** 31 - 1;
const INT_MIN = -(2 ** 31);

/** One `%` directive: where it stands in the format and what it says. */
interface Directive {
  readonly from: number;
  readonly to: number;
  readonly argument: number;
  readonly flags: string;
  readonly width: number;
  /** -1: none. */
  readonly precision: number;
  readonly conversion: string;
}

/** string.format in place of Lua's own, which is its upvalue and does the work. */
export function formatFunction(machine: LuaMachine): HostFunction {
  const { api } = machine;
  return (state) => {
    const count = api.lua_gettop(state);
    const at = machine.checkBytes(state, 1);
    const { length } = machine;
    const wide = checkDirectives(machine, state, count, at, length);
    if (wide.length > 0) replaceWide(machine, state, at, length, wide);
    api.lua_pushvalue(state, upvalueIndex(1));
    api.lua_insert(state, 1);
    api.lua_call(state, count, 1);
    return 1;
  };
}

/** Raises what string.format raises, as from this function; returns the directives whose number needs more than 32 bits. */
function checkDirectives(machine: LuaMachine, state: LuaState, count: number, at: number, length: number): Directive[] {
  const { api } = machine;
  const wide: Directive[] = [];
  let argument = 1;
  const end = at + length;
  for (let i = at; i < end; i++) {
    if (machine.u8[i] !== PERCENT) continue;
    if (machine.u8[++i] === PERCENT) continue;
    argument++;
    if (argument > count) machine.badArgument(state, argument, 'no value');
    const from = i - 1;
    let flags = '';
    const char = (): string => (i < end ? String.fromCharCode(machine.u8[i]!) : '');
    const digit = (): boolean => i < end && machine.u8[i]! >= 48 && machine.u8[i]! <= 57;
    while (char() !== '' && FLAGS.includes(char())) {
      flags += char();
      i++;
    }
    if (flags.length > FLAGS.length) machine.raise(state, 'invalid format (repeated flags)');
    let width = '';
    for (let n = 0; n < 2 && digit(); n++, i++) width += char();
    let precision = '';
    if (char() === '.') {
      precision = '0';
      i++;
      for (let n = 0; n < 2 && digit(); n++, i++) precision += char();
    }
    if (digit()) machine.raise(state, 'invalid format (width or precision too long)');
    const conversion = char();
    switch (conversion) {
      case 'c':
      case 'e':
      case 'E':
      case 'f':
      case 'g':
      case 'G':
        api.luaL_checknumber(state, argument);
        break;
      case 'q':
      case 's':
        machine.checkBytes(state, argument);
        break;
      case 'd':
      case 'i':
      case 'o':
      case 'u':
      case 'x':
      case 'X': {
        const value = api.luaL_checknumber(state, argument);
        if (value <= INT_MAX && value >= (conversion === 'd' || conversion === 'i' ? INT_MIN : 0)) break;
        wide.push({
          from: from - at,
          to: i + 1 - at,
          argument,
          flags,
          width: Number(width),
          precision: precision === '' ? -1 : Number(precision),
          conversion,
        });
        break;
      }
      default:
        machine.raise(state, `invalid option '%${conversion}' to 'format'`);
    }
  }
  return wide;
}

/** Puts the numbers of these directives in as text: each becomes `%s`. */
function replaceWide(
  machine: LuaMachine,
  state: LuaState,
  at: number,
  length: number,
  wide: readonly Directive[],
): void {
  const { api } = machine;
  const format = machine.latin1(at, at + length);
  let rewritten = '';
  let done = 0;
  for (const one of wide) {
    rewritten += `${format.slice(done, one.from)}%s`;
    done = one.to;
    machine.pushLatin1(state, formatWide(api.lua_tonumber(state, one.argument), one));
    api.lua_replace(state, one.argument);
  }
  machine.pushLatin1(state, rewritten + format.slice(done));
  api.lua_replace(state, 1);
}

/** A double as C's printf shows it after a cast to a 64-bit integer. */
function formatWide(value: number, directive: Directive): string {
  const { conversion, flags, width, precision } = directive;
  const signed = conversion === 'd' || conversion === 'i';
  const bits = toInt64(value, signed);
  const magnitude = bits < 0n ? -bits : bits;
  const radix = conversion === 'o' ? 8 : conversion === 'x' || conversion === 'X' ? 16 : 10;
  let digits = magnitude.toString(radix);
  if (precision === 0 && magnitude === 0n) digits = '';
  if (precision > 0) digits = digits.padStart(precision, '0');
  let prefix = '';
  if (flags.includes('#') && magnitude !== 0n)
    prefix = radix === 16 ? '0x' : radix === 8 && digits[0] !== '0' ? '0' : '';
  if (signed) prefix = bits < 0n ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  const fill = width - prefix.length;
  let text = prefix + digits;
  if (flags.includes('-')) text = text.padEnd(width);
  else if (flags.includes('0') && precision < 0) text = prefix + digits.padStart(fill, '0');
  else text = text.padStart(width);
  return conversion === 'X' ? text.toUpperCase() : text;
}

/** The cast of a double to long long or unsigned long long, on a processor of the x86-64 kind. */
export function toInt64(value: number, signed: boolean): bigint {
  const least = -(2n ** 63n);
  if (Number.isNaN(value)) return signed ? least : 2n ** 63n;
  if (!Number.isFinite(value)) return signed ? least : value > 0 ? 0n : 2n ** 63n;
  const whole = BigInt(Math.trunc(value));
  if (signed) return whole >= least && whole < 2n ** 63n ? whole : least;
  return whole >= 0n && whole >= 2n ** 64n ? 0n : BigInt.asUintN(64, whole);
}
