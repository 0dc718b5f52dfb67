/** The `struct` library: values as C structures lay them out. Source: struct 0.2 as Valkey 9.1 carries it (deps/lua/src/lua_struct.c). */
import { ByteSink } from './byte-sink.ts';
import { toInt64 } from './library-numbers.ts';
import type { HostFunction, LuaState } from './lua-api.ts';
import type { LuaMachine } from './machine.ts';

const MAX_INTEGER_BYTES = 32;
const MAX_ALIGNMENT = 8;
const INT_MAX = 2 ** 31 - 1;
/** Sizes by option; `c`, `i` and `I` may say their own. */
const SIZES: Readonly<Record<string, number>> = { B: 1, b: 1, H: 2, h: 2, L: 8, l: 8, T: 8, f: 4, d: 8, x: 1 };
const INTEGERS = 'bBhHlLTiI';
const TOO_SHORT = 'data string too short';

/** Walks over a format: each step leaves an option, its size and how far it must be aligned. */
class Format {
  option = '';
  size = 0;
  private readonly text: string;
  private at = 0;
  littleEndian = true;
  private alignment = 1;
  private readonly machine: LuaMachine;
  private readonly state: LuaState;

  constructor(machine: LuaMachine, state: LuaState) {
    const start = machine.checkBytes(state, 1);
    this.text = machine.latin1(start, start + machine.length).replace(/\0.*$/s, '');
    this.machine = machine;
    this.state = state;
  }

  next(): boolean {
    if (this.at >= this.text.length) return false;
    this.option = this.text[this.at++]!;
    this.size = this.sizeOf(this.option);
    return true;
  }

  private sizeOf(option: string): number {
    if (option === 'c') return this.number(1);
    if (option !== 'i' && option !== 'I') return SIZES[option] ?? 0;
    const size = this.number(4);
    if (size > MAX_INTEGER_BYTES) {
      this.machine.raise(this.state, `integral size ${size} is larger than limit of ${MAX_INTEGER_BYTES}`);
    }
    return size;
  }

  private number(initial: number): number {
    const digits = /^\d+/.exec(this.text.slice(this.at, this.at + 64))?.[0] ?? '';
    if (digits === '') return initial;
    const value = Number(digits);
    if (value > INT_MAX) this.machine.raise(this.state, 'integral size overflow');
    this.at += digits.length;
    return value;
  }

  /** Bytes to skip at a position so that the option is aligned. */
  padding(position: number): number {
    if (this.size === 0 || this.option === 'c') return 0;
    const size = Math.min(this.size, this.alignment);
    return (size - (position & (size - 1))) & (size - 1);
  }

  /** An option that stands for no value. */
  control(): void {
    switch (this.option) {
      case ' ':
        return;
      case '>':
        this.littleEndian = false;
        return;
      case '<':
        this.littleEndian = true;
        return;
      case '!': {
        const alignment = this.number(MAX_ALIGNMENT);
        if (alignment <= 0 || (alignment & (alignment - 1)) !== 0) {
          this.machine.raise(this.state, `alignment ${alignment} is not a power of 2`);
        }
        this.alignment = alignment;
        return;
      }
      default:
        this.machine.badArgument(this.state, 1, `invalid format option '${this.option}'`);
    }
  }
}

export function structLibrary(machine: LuaMachine): Record<string, HostFunction> {
  const { api } = machine;
  const sink = new ByteSink();

  const putInteger = (state: LuaState, argument: number, format: Format): void => {
    const value = api.luaL_checknumber(state, argument);
    let bits = BigInt.asUintN(64, toInt64(value, value < 0));
    sink.zeros(format.size);
    for (let i = 0; i < format.size; i++) {
      const at = format.littleEndian ? sink.length - format.size + i : sink.length - 1 - i;
      sink.bytes[at] = Number(bits & 255n);
      bits >>= 8n;
    }
  };

  const getInteger = (from: number, format: Format): number => {
    const { size } = format;
    let bits = 0n;
    for (let i = 0; i < size; i++) {
      const at = format.littleEndian ? from + size - 1 - i : from + i;
      bits = BigInt.asUintN(64, (bits << 8n) | BigInt(machine.u8[at]!));
    }
    if (format.option === format.option.toUpperCase()) return Number(bits);
    const mask = BigInt.asUintN(64, (2n ** 64n - 1n) << BigInt((size * 8 - 1) & 63));
    if ((bits & mask) !== 0n) bits |= mask;
    return Number(BigInt.asIntN(64, bits));
  };

  return {
    pack(state) {
      const format = new Format(machine, state);
      let argument = 2;
      let total = 0;
      api.lua_pushnil(state);
      sink.reset();
      while (format.next()) {
        const { option } = format;
        const padding = format.padding(total);
        sink.zeros(padding);
        total += padding;
        if (INTEGERS.includes(option)) putInteger(state, argument++, format);
        else if (option === 'x') sink.byte(0);
        else if (option === 'f') sink.float(api.luaL_checknumber(state, argument++), format.littleEndian);
        else if (option === 'd') sink.double(api.luaL_checknumber(state, argument++), format.littleEndian);
        else if (option === 'c' || option === 's') {
          const at = machine.checkBytes(state, argument++);
          const { length } = machine;
          if (format.size === 0) format.size = length;
          if (length < format.size) machine.badArgument(state, argument, 'string too short');
          sink.copy(machine.u8, at, at + format.size);
          if (option === 's') {
            sink.byte(0);
            format.size++;
          }
        } else format.control();
        total += format.size;
      }
      machine.pushBytes(state, sink.bytes, 0, sink.length);
      return 1;
    },

    unpack(state) {
      const format = new Format(machine, state);
      const data = machine.checkBytes(state, 2);
      const { length } = machine;
      let position = api.luaL_optinteger(state, 3, 1);
      if (position === 0) machine.badArgument(state, 3, 'offset must be 1 or greater');
      // A negative offset is a very large one in C.
      position = position < 0 ? Number.MAX_SAFE_INTEGER : position - 1;
      let count = 0;
      while (format.next()) {
        const { option } = format;
        position += format.padding(position);
        const check = (): void => {
          if (format.size > length || position > length - format.size) machine.badArgument(state, 2, TOO_SHORT);
        };
        check();
        api.luaL_checkstack(state, 2, machine.name('too many results'));
        if (INTEGERS.includes(option)) {
          api.lua_pushnumber(state, getInteger(data + position, format));
          count++;
        } else if (option === 'f') {
          api.lua_pushnumber(state, machine.view.getFloat32(data + position, format.littleEndian));
          count++;
        } else if (option === 'd') {
          api.lua_pushnumber(state, machine.view.getFloat64(data + position, format.littleEndian));
          count++;
        } else if (option === 'c') {
          if (format.size === 0) {
            if (count === 0 || api.lua_isnumber(state, -1) === 0) {
              machine.raise(state, "format 'c0' needs a previous size");
            }
            const size = api.lua_tonumber(state, -1);
            // A negative size is a very large one in C.
            format.size = size < 0 ? Infinity : Math.trunc(size);
            api.lua_settop(state, -2);
            count--;
            check();
          }
          api.lua_pushlstring(state, data + position, format.size);
          count++;
        } else if (option === 's') {
          const end = machine.u8.subarray(0, data + length).indexOf(0, data + position);
          if (end < 0) machine.raise(state, 'unfinished string in data');
          api.lua_pushlstring(state, data + position, end - data - position);
          format.size = end - data - position + 1;
          count++;
        } else if (option !== 'x') format.control();
        position += format.size;
      }
      api.lua_pushnumber(state, position + 1);
      return count + 1;
    },

    size(state) {
      const format = new Format(machine, state);
      let position = 0;
      while (format.next()) {
        const { option } = format;
        position += format.padding(position);
        if (option === 's') machine.badArgument(state, 1, "option 's' has no fixed size");
        if (option === 'c' && format.size === 0) machine.badArgument(state, 1, "option 'c0' has no fixed size");
        if (!/[a-zA-Z0-9]/.test(option)) format.control();
        position += format.size;
      }
      api.lua_pushnumber(state, position);
      return 1;
    },
  };
}
