/**
 * One Lua 5.1 machine: the WebAssembly module, its memory and the host functions that scripts may call. Hot file: strings go in and
 * out as bytes, and nothing is allocated for a call.
 *
 * The module comes from npm's wasmoon-lua5.1 and is used through its C API alone. Lua's errors are longjmps, which the module
 * turns into an exception that `invoke_vii` catches again: a host function that raises an error never returns, and must not
 * hold anything that needs an end. Any other exception that crosses the module leaves its stacks in disorder: the machine is
 * `broken` then, and whoever owns it makes another.
 *
 * It can do no input or output: what the module imports of a C library for that is refused.
 */
import { encodeUtf8 } from '../protocol/reply.ts';
import { MAX_KEPT_STAGE_BYTES } from './limits.ts';
import type { HostFunction, LuaApi, LuaState, Pointer } from './lua-api.ts';

const PAGE_BYTES = 64 * 1024;
/** Below this a byte loop beats TypedArray.prototype.set with its subarray object. */
const LOOP_COPY_BYTES = 64;
const MIN_STAGE_BYTES = 16 * 1024;
/** Error numbers of the C library that the refused imports answer. */
const ENOSYS = 52;
const EBADF = 8;

/** What the module throws for a longjmp. One object: throwing it costs no stack trace. */
const LONGJMP: unique symbol = Symbol('longjmp');

export class MachineBroken extends Error {}

export interface MachineOptions {
  readonly module: WebAssembly.Module;
  readonly maxBytes: number;
  /** For os.clock. */
  nowMicros(): number;
}

export class LuaMachine {
  readonly api: LuaApi;
  /** The memory, anew whenever it grows: read it again after every call into the API. */
  u8: Uint8Array;
  i32: Int32Array;
  view: DataView;
  /** The length that lua_tolstring and its kin gave. */
  private readonly lengthCell: Pointer;
  private readonly options: MachineOptions;
  private readonly names: Map<string, Pointer> = new Map();
  private stageAt: Pointer = 0;
  private stageBytes = 0;
  broken = false;
  /** Growth was refused since the flag was last cleared. */
  outOfMemory = false;

  constructor(options: MachineOptions) {
    this.options = options;
    const instance = new WebAssembly.Instance(options.module, this.imports());
    this.api = instance.exports as unknown as LuaApi;
    const { buffer } = this.api.memory;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.view = new DataView(buffer);
    this.api.__wasm_call_ctors();
    this.api.emscripten_stack_init();
    this.lengthCell = this.api.malloc(8);
  }

  get memoryBytes(): number {
    return this.u8.length;
  }

  private imports(): WebAssembly.Imports {
    const refused = (): number => -ENOSYS;
    const badFile = (): number => EBADF;
    const nothing = (): void => {};
    return {
      env: {
        exit: () => this.die('the Lua machine called exit: a fault in a host function'),
        invoke_vii: (index: number, a: number, b: number) => this.invoke(index, a, b),
        _emscripten_throw_longjmp: () => {
          throw LONGJMP;
        },
        emscripten_memcpy_js: (to: number, from: number, sizeBytes: number) => {
          this.u8.copyWithin(to, from, from + sizeBytes);
        },
        emscripten_resize_heap: (sizeBytes: number) => (this.grow(sizeBytes >>> 0) ? 1 : 0),
        emscripten_date_now: () => this.options.nowMicros() / 1000,
        _emscripten_get_now_is_monotonic: () => 1,
        _emscripten_system: refused,
        strftime: () => 0,
        _tzset_js: nothing,
        _mktime_js: () => -1,
        _localtime_js: nothing,
        _gmtime_js: nothing,
        __syscall_openat: refused,
        __syscall_fcntl64: refused,
        __syscall_ioctl: refused,
        __syscall_dup3: refused,
        __syscall_unlinkat: refused,
        __syscall_rmdir: refused,
        __syscall_renameat: refused,
        __syscall_readlinkat: refused,
      },
      wasi_snapshot_preview1: {
        fd_write: badFile,
        fd_read: badFile,
        fd_close: badFile,
        fd_seek: badFile,
        environ_sizes_get: (count: Pointer, sizeBytes: Pointer) => {
          this.i32[count >> 2] = 0;
          this.i32[sizeBytes >> 2] = 0;
          return 0;
        },
        environ_get: () => 0,
      },
    };
  }

  /** Calls through the function table and catches a longjmp, as the module's compiler expects it. */
  private invoke(index: number, a: number, b: number): void {
    const { api } = this;
    const stack = api.stackSave();
    try {
      api.__indirect_function_table.get(index)(a, b);
    } catch (problem) {
      if (problem !== LONGJMP) {
        this.broken = true;
        throw problem;
      }
      api.stackRestore(stack);
      api.setThrew(1, 0);
    }
  }

  private die(reason: string): never {
    this.broken = true;
    throw new MachineBroken(reason);
  }

  private grow(neededBytes: number): boolean {
    const { memory } = this.api;
    const now = memory.buffer.byteLength;
    if (neededBytes > this.options.maxBytes) {
      this.outOfMemory = true;
      return false;
    }
    const wanted = Math.min(this.options.maxBytes, Math.max(neededBytes, now + (now >>> 2)));
    try {
      memory.grow(Math.ceil((wanted - now) / PAGE_BYTES));
    } catch {
      this.outOfMemory = true;
      return false;
    }
    this.u8 = new Uint8Array(memory.buffer);
    this.i32 = new Int32Array(memory.buffer);
    this.view = new DataView(memory.buffer);
    return true;
  }

  // --- Functions -----------------------------------------------------------------------------------------------------

  /** Puts functions into the function table; returns the index of the first, the others follow. */
  addFunctions(functions: readonly HostFunction[]): number {
    const wrapped = asWasmFunctions(functions, 1, true);
    const table = this.api.__indirect_function_table;
    const first = table.grow(wrapped.length);
    for (const [i, one] of wrapped.entries()) table.set(first + i, one);
    return first;
  }

  /** Puts a hook (of a state and a lua_Debug) into the function table and returns its index. */
  addHook(hook: (state: LuaState) => void): number {
    const [wrapped] = asWasmFunctions([hook as unknown as HostFunction], 2, false);
    const table = this.api.__indirect_function_table;
    const index = table.grow(1);
    table.set(index, wrapped!);
    return index;
  }

  // --- Strings -------------------------------------------------------------------------------------------------------

  /** The address of a zero-terminated constant. Kept for ever: for names in the code, never for data. */
  name(text: string): Pointer {
    const known = this.names.get(text);
    if (known !== undefined) return known;
    const at = this.mustAllocate(text.length * 3 + 1);
    const sizeBytes = encodeUtf8(text, this.u8, at);
    this.u8[at + sizeBytes] = 0;
    this.names.set(text, at);
    return at;
  }

  private mustAllocate(sizeBytes: number): Pointer {
    const at = this.api.malloc(sizeBytes);
    if (at === 0) this.die('the Lua machine has no memory left for a constant');
    return at;
  }

  /** Room for so many bytes on their way in, until the next call of `stage`; 0 when there is no memory. */
  stage(sizeBytes: number): Pointer {
    if (sizeBytes <= this.stageBytes) return this.stageAt;
    if (this.stageBytes > 0) this.api.free(this.stageAt);
    const size = Math.max(MIN_STAGE_BYTES, sizeBytes);
    this.stageAt = this.api.malloc(size);
    this.stageBytes = this.stageAt === 0 ? 0 : size;
    return this.stageAt;
  }

  /** Gives a large staging area back: at the end of a script. */
  trimStage(): void {
    if (this.stageBytes <= MAX_KEPT_STAGE_BYTES) return;
    this.api.free(this.stageAt);
    this.stageAt = 0;
    this.stageBytes = 0;
  }

  /** Copies source[from, to) into the memory at `at`. */
  write(at: Pointer, source: Uint8Array, from: number, to: number): void {
    const { u8 } = this;
    if (to - from > LOOP_COPY_BYTES) {
      u8.set(source.subarray(from, to), at);
      return;
    }
    for (let i = from; i < to; i++) u8[at++] = source[i]!;
  }

  /** Pushes source[from, to) as a string; raises Lua's error when there is no memory. */
  pushBytes(state: LuaState, source: Uint8Array, from: number, to: number): void {
    const length = to - from;
    const at = this.stage(length);
    if (at === 0) this.raise(state, 'not enough memory');
    this.write(at, source, from, to);
    this.api.lua_pushlstring(state, at, length);
  }

  /** Pushes text as UTF-8. */
  pushText(state: LuaState, text: string): void {
    const at = this.stage(text.length * 3);
    if (at === 0) this.die('the Lua machine has no memory left for a message');
    this.api.lua_pushlstring(state, at, encodeUtf8(text, this.u8, at));
  }

  /** Pushes text whose characters are bytes. */
  pushLatin1(state: LuaState, text: string): void {
    const at = this.stage(text.length);
    if (at === 0) this.die('the Lua machine has no memory left for a message');
    const { u8 } = this;
    for (let i = 0; i < text.length; i++) u8[at + i] = text.charCodeAt(i);
    this.api.lua_pushlstring(state, at, text.length);
  }

  /** The address of the string (or number, which becomes one) at an index, 0 for another value; `length` is then its length. */
  toBytes(state: LuaState, index: number): Pointer {
    return this.api.lua_tolstring(state, index, this.lengthCell);
  }

  /** As toBytes, and raises the usual error for a wrong argument. */
  checkBytes(state: LuaState, argument: number): Pointer {
    return this.api.luaL_checklstring(state, argument, this.lengthCell);
  }

  /** Of what toBytes or checkBytes found last. */
  get length(): number {
    return this.i32[this.lengthCell >> 2]!;
  }

  /** The string at an index as text, its bytes being the characters; null for what is none. */
  latin1At(state: LuaState, index: number): string | null {
    const at = this.toBytes(state, index);
    if (at === 0) return null;
    return this.latin1(at, at + this.length);
  }

  latin1(from: Pointer, to: Pointer): string {
    const { u8 } = this;
    let text = '';
    for (let i = from; i < to; i++) text += String.fromCharCode(u8[i]!);
    return text;
  }

  /** The string at an index as a copy of its bytes; null for what is none. */
  copyAt(state: LuaState, index: number): Uint8Array | null {
    const at = this.toBytes(state, index);
    return at === 0 ? null : this.u8.slice(at, at + this.length);
  }

  // --- Errors --------------------------------------------------------------------------------------------------------

  /** Raises `text` behind the place in the script that called the host function (luaL_error). Does not return. */
  raise(state: LuaState, text: string): never {
    this.api.luaL_where(state, 1);
    this.pushText(state, text);
    this.api.lua_concat(state, 2);
    this.api.lua_error(state);
    throw new MachineBroken('lua_error returned');
  }

  /** Raises `bad argument #n to 'f' (text)`. Does not return. */
  badArgument(state: LuaState, argument: number, text: string): never {
    // On the stack, not among the names: it may cite what the script gave.
    this.pushText(state, text);
    this.api.luaL_argerror(state, argument, this.toBytes(state, -1));
    throw new MachineBroken('luaL_argerror returned');
  }
}

/**
 * JavaScript functions as functions of WebAssembly, which alone may stand in a function table: a module that imports them and
 * exports them again. All take `parameters` numbers of 32 bits and return one or nothing.
 */
function asWasmFunctions(functions: readonly HostFunction[], parameters: number, returns: boolean): unknown[] {
  const I32 = 0x7f;
  const type = [1, 0x60, parameters, ...new Array<number>(parameters).fill(I32), ...(returns ? [1, I32] : [0])];
  const imports = [...unsigned(functions.length)];
  const exports = [...unsigned(functions.length)];
  const given: Record<string, HostFunction> = {};
  for (const [i, one] of functions.entries()) {
    const name = `f${i}`;
    given[name] = one;
    const bytes = [name.length, ...Array.from(name, (character) => character.charCodeAt(0))];
    imports.push(1, 0x68, ...bytes, 0, 0);
    exports.push(...bytes, 0, ...unsigned(i));
  }
  const section = (id: number, content: readonly number[]): number[] => [id, ...unsigned(content.length), ...content];
  const bytes = Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, type),
    ...section(2, imports),
    ...section(7, exports),
  ]);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { h: given });
  return functions.map((_, i) => instance.exports[`f${i}`]);
}

/** LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  do {
    const low = value & 0x7f;
    value >>>= 7;
    bytes.push(value > 0 ? low | 0x80 : low);
  } while (value > 0);
  return bytes;
}
