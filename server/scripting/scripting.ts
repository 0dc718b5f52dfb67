/**
 * Scripts and functions of a node. Hot file: a known script is run without an allocation of ours.
 *
 * The machine is made when the first script comes, and made anew when one broke it (deep recursion in a C function, no memory): scripts
 * are then compiled again from their texts as they are used, libraries all at once. A node that runs no script has no machine.
 * Source: Valkey 9.1 eval.c, functions.c, scripting_engine.c.
 */
import type { Client } from '../commands/client.ts';
import type { Arguments } from '../protocol/arguments.ts';
import type { ReplyWriter } from '../protocol/reply.ts';
import { ERROR_HANDLER, LuaEnvironment } from './environment.ts';
import { isValidName, Libraries, Library, type LibraryFunction } from './libraries.ts';
import { Random48 } from './library-numbers.ts';
import { COLLECT_EVERY_SCRIPTS, LOAD_TIMEOUT_MS, MAX_MACHINE_BYTES, SPACIOUS_MACHINE_BYTES } from './limits.ts';
import { LUA_GCSTEP, LUA_TSTRING, LUA_TTABLE } from './lua-api.ts';
import { LuaMachine, MachineBroken } from './machine.ts';
import { registerFunction } from './register-function.ts';
import { type Script, ScriptCache } from './script-cache.ts';
import type { ScriptHost } from './script-host.ts';
import { ScriptRun } from './script-run.ts';
import { readLibraryHead, readScriptHead } from './shebang.ts';
import { ReplyToLua } from './to-lua.ts';
import { LuaToReply } from './to-reply.ts';

const SCRIPT_CHUNK = '@user_script';
const FUNCTION_CHUNK = '@user_function';
/** The name of the one engine there is. */
export const ENGINE = 'LUA';
const ERR_BAD_FUNCTION_NAME =
  'ERR Function names can only contain letters, numbers, or underscores(_) and must be at least one character long';
const ERR_BAD_LIBRARY_NAME =
  'ERR Library names can only contain letters, numbers, or underscores(_) and must be at least one character long';

export interface ScriptingSettings {
  /** busy-reply-threshold: what has not written is ended after so long; 0 for no limit. */
  limitMs: number;
  /** lua-enable-insecure-api: newproxy, setfenv and getfenv exist. Counts for environments made from now on. */
  insecure: boolean;
}

export interface ScriptingOptions {
  readonly host: ScriptHost;
  readonly reply: ReplyWriter;
  readonly settings: ScriptingSettings;
  /** Brings the module of the machine: once, when it is first needed. */
  loadModule(): WebAssembly.Module;
}

export class Scripting {
  readonly scripts: ScriptCache = new ScriptCache();
  readonly libraries: Libraries = new Libraries();
  readonly run: ScriptRun = new ScriptRun();
  /** What scripts use, as far as it was measured last: it counts for maxmemory. */
  usedBytes = 0;
  /** DEBUG SET-DISABLE-DENY-SCRIPTS: also commands that are not for scripts. */
  allowsAnyCommand = false;
  private readonly options: ScriptingOptions;
  private readonly random = new Random48();
  private module: WebAssembly.Module | null = null;
  private machine: LuaMachine | null = null;
  private toReply: LuaToReply | null = null;
  private evalEnvironment: LuaEnvironment | null = null;
  private functionEnvironment: LuaEnvironment | null = null;
  /** Counts the environments of EVAL: a script's reference is worth nothing in another. */
  private generation = 0;
  private runs = 0;
  /** What the library that loads has registered; null while none does. */
  private registered: LibraryFunction[] | null = null;
  private loadDeadlineMicros = 0;

  constructor(options: ScriptingOptions) {
    this.options = options;
  }

  // --- Machines and environments ---------------------------------------------------------------------------------------

  private theMachine(): LuaMachine {
    if (this.machine !== null) return this.machine;
    this.module ??= this.options.loadModule();
    const machine = new LuaMachine({
      module: this.module,
      maxBytes: MAX_MACHINE_BYTES,
      nowMicros: () => this.options.host.nowMicros(),
    });
    this.machine = machine;
    this.toReply = new LuaToReply(machine, this.options.reply);
    return machine;
  }

  private newEnvironment(forFunctions: boolean): LuaEnvironment {
    const machine = this.theMachine();
    return new LuaEnvironment({
      machine,
      host: this.options.host,
      run: this.run,
      reply: this.options.reply,
      toLua: new ReplyToLua(machine),
      random: this.random,
      forFunctions,
      insecure: this.options.settings.insecure,
      registerFunction: forFunctions ? registerFunction(machine, () => this.registered) : null,
      interrupt: () => this.interrupt(),
    });
  }

  private forEval(): LuaEnvironment {
    if (this.evalEnvironment === null) {
      this.evalEnvironment = this.newEnvironment(false);
      this.generation++;
      this.measure();
    }
    return this.evalEnvironment;
  }

  /** The environment of functions, with the functions of all libraries in it. */
  private forFunctions(): LuaEnvironment {
    if (this.functionEnvironment !== null) return this.functionEnvironment;
    const environment = this.newEnvironment(true);
    this.functionEnvironment = environment;
    this.measure();
    for (const library of this.libraries.libraries.values()) {
      const again = this.compileLibrary(environment, library.code, 0);
      if (typeof again === 'string') {
        this.options.host.log('warning', `Function library ${library.name} could not be loaded again: ${again}`);
        continue;
      }
      for (const [i, one] of library.functions.entries()) one.reference = again.functions[i]!.reference;
    }
    return environment;
  }

  /** The machine is of no more use, or too large: another is made when one is needed. */
  private dropMachine(): void {
    this.machine = null;
    this.toReply = null;
    this.evalEnvironment = null;
    this.functionEnvironment = null;
    this.usedBytes = 0;
  }

  /** What ends a script that takes too long. Looked at every HOOK_INSTRUCTIONS. */
  private interrupt(): string | null {
    const now = this.options.host.nowMicros();
    if (this.registered !== null) {
      return this.loadDeadlineMicros > 0 && now > this.loadDeadlineMicros ? 'FUNCTION LOAD timeout' : null;
    }
    const { run } = this;
    if (run.ended !== '') return run.ended;
    // The first look is the beginning: asking for the time at every script would cost more than most scripts do.
    if (run.startedMicros === 0) run.startedMicros = now;
    if (run.wrote || run.limitMs === 0 || now - run.startedMicros < run.limitMs * 1000) return null;
    run.ended = `Script ended: it ran longer than busy-reply-threshold (${run.limitMs} ms) without writing.`;
    this.options.host.log('warning', `${run.isFunction ? 'Function' : 'Script'} ${run.name}: ${run.ended}`);
    return run.ended;
  }

  // --- Scripts -------------------------------------------------------------------------------------------------------

  /** The script with this text, compiled; or why it cannot be. */
  define(bytes: Uint8Array, from: number, to: number, load: boolean): Script | string {
    let script = this.scripts.findBody(bytes, from, to);
    if (script === null) {
      const head = readScriptHead(bytes, from, to);
      if (typeof head === 'string') return head;
      const environment = this.forEval();
      const reference = environment.compile(bytes, head.codeAt, to, SCRIPT_CHUNK);
      if (typeof reference === 'string') return `ERR Error compiling script (new function): ${reference}`;
      script = this.scripts.add(bytes, from, to, head.flags, reference, this.generation);
    }
    if (load) this.scripts.keep(script);
    const surplus = this.scripts.takeSurplus();
    if (surplus !== null && surplus.generation === this.generation) this.evalEnvironment?.forget(surplus.reference);
    return script;
  }

  /** Runs a script whose keys are the arguments [keysFrom, argsFrom) and whose other arguments follow them, and answers. */
  runScript(
    caller: Client,
    script: Script,
    args: Arguments,
    keysFrom: number,
    argsFrom: number,
    readOnly: boolean,
  ): void {
    const refusal = this.options.host.refusalOfRun(caller, script.flags, readOnly);
    if (refusal !== null) {
      this.options.reply.error(refusal);
      return;
    }
    this.run.begin(script.sha, false, script.flags, readOnly, this.options.settings.limitMs);
    this.guarded(script, null, caller, args, keysFrom, argsFrom);
    this.scripts.used(script);
  }

  private recompile(environment: LuaEnvironment, script: Script): void {
    const head = readScriptHead(script.body, 0, script.body.length);
    if (typeof head === 'string') throw new Error(`script ${script.sha} was compiled before: ${head}`);
    const reference = environment.compile(script.body, head.codeAt, script.body.length, SCRIPT_CHUNK);
    if (typeof reference === 'string') throw new MachineBroken(reference);
    script.reference = reference;
    script.generation = this.generation;
  }

  runFunction(
    caller: Client,
    one: LibraryFunction,
    args: Arguments,
    keysFrom: number,
    argsFrom: number,
    readOnly: boolean,
  ): void {
    const refusal = this.options.host.refusalOfRun(caller, one.flags, readOnly);
    if (refusal !== null) {
      this.options.reply.error(refusal);
      return;
    }
    this.run.begin(one.name, true, one.flags, readOnly, this.options.settings.limitMs);
    this.guarded(null, one, caller, args, keysFrom, argsFrom);
  }

  /** Runs what may break the machine; when it did, the caller gets an error. */
  private guarded(
    script: Script | null,
    one: LibraryFunction | null,
    caller: Client,
    args: Arguments,
    keysFrom: number,
    argsFrom: number,
  ): void {
    const { reply } = this.options;
    const mark = reply.mark();
    try {
      if (script !== null) {
        const environment = this.forEval();
        if (script.generation !== this.generation) this.recompile(environment, script);
        this.execute(environment, caller, script.reference, args, keysFrom, argsFrom);
      } else {
        const environment = this.forFunctions();
        this.execute(environment, caller, one!.reference, args, keysFrom, argsFrom);
      }
    } catch (problem) {
      this.dropMachine();
      if (!isMachineProblem(problem)) throw problem;
      this.options.host.log('warning', `The Lua machine is made anew: ${problem.message}`);
      reply.rewind(mark);
      reply.error(`ERR Error running script, ${problem.message.slice(0, 100)}`);
    } finally {
      this.run.active = false;
    }
    if (this.machine?.outOfMemory === true) this.dropMachine();
  }

  private execute(
    environment: LuaEnvironment,
    caller: Client,
    reference: number,
    args: Arguments,
    keysFrom: number,
    argsFrom: number,
  ): void {
    const machine = this.machine!;
    const { api } = machine;
    const { host } = this.options;
    const { run } = this;
    const { state } = environment;
    let status: number;
    host.begin(caller, run);
    try {
      environment.pushFunction(reference);
      environment.pushArguments(args, keysFrom, argsFrom);
      if (!run.isFunction) environment.setKeys();
      environment.pushArguments(args, argsFrom, args.count);
      if (!run.isFunction) environment.setArgv();
      status = api.lua_pcall(state, run.isFunction ? 2 : 0, 1, ERROR_HANDLER);
    } finally {
      host.end();
    }
    if (run.ended !== '') environment.resetHook();
    if (++this.runs % COLLECT_EVERY_SCRIPTS === 0) {
      api.lua_gc(state, LUA_GCSTEP, COLLECT_EVERY_SCRIPTS);
      this.measure();
    }
    if (status === 0) this.toReply!.write(state, run.resp);
    else this.writeError(machine, state);
    environment.clear();
    machine.trimStage();
  }

  /** Answers with the error on top: a table that the error handler made, or a text when there was no memory for that. */
  private writeError(machine: LuaMachine, state: number): void {
    const { reply } = this.options;
    const { api } = machine;
    if (api.lua_type(state, -1) !== LUA_TTABLE) {
      const text = api.lua_type(state, -1) === LUA_TSTRING ? machine.latin1At(state, -1)! : 'execution failure';
      reply.errorBytes(`ERR Error running script, ${text.slice(0, 100)}`);
      return;
    }
    const field = (name: string): string | null => {
      api.lua_getfield(state, -1, machine.name(name));
      const text = api.lua_isstring(state, -1) !== 0 ? machine.latin1At(state, -1) : null;
      api.lua_settop(state, -2);
      return text;
    };
    const text = field('err') ?? 'ERR unknown error';
    const source = field('source');
    const line = field('line');
    api.lua_getfield(state, -1, machine.name('ignore_error_stats_update'));
    const counted = api.lua_toboolean(state, -1) !== 0;
    reply.errorBytes(source !== null && line !== null ? `${text} script: on ${source}:${line}.` : text, counted);
  }

  /** What scripts can use has changed: they begin anew, with nothing kept but the libraries. */
  reset(): void {
    this.scripts.clear();
    this.dropMachine();
  }

  /** SCRIPT FLUSH. */
  flushScripts(): void {
    this.scripts.clear();
    if (this.machine !== null && this.machine.memoryBytes > SPACIOUS_MACHINE_BYTES) this.dropMachine();
    this.evalEnvironment?.close();
    this.evalEnvironment = null;
  }

  // --- Functions -----------------------------------------------------------------------------------------------------

  /** Loads a library into a set of libraries. Returns its name, or the error by its text with a code. */
  loadLibrary(
    code: Uint8Array,
    replace: boolean,
    timed: boolean,
    into: Libraries = this.libraries,
  ): { name: string } | string {
    const head = readLibraryHead(code, 0, code.length);
    if (typeof head === 'string') return head;
    if (!isValidName(head.name)) return ERR_BAD_LIBRARY_NAME;
    if (head.engine.toUpperCase() !== ENGINE) return `ERR Engine '${head.engine}' not found`;
    const old = into.libraries.get(head.name);
    if (old !== undefined && !replace) return `ERR Library '${head.name}' already exists`;
    let made: Library | string;
    try {
      made = this.compileLibrary(this.forFunctions(), code, timed ? LOAD_TIMEOUT_MS : 0);
    } catch (problem) {
      this.dropMachine();
      if (!isMachineProblem(problem)) throw problem;
      return `ERR Error registering functions: ${problem.message}`;
    }
    if (typeof made === 'string') return made;
    if (old !== undefined) into.unlink(old);
    const collision = into.collision(made);
    if (collision !== null) {
      if (old !== undefined) into.link(old);
      this.forgetFunctions(made);
      return `ERR Function ${collision} already exists`;
    }
    into.link(made);
    if (old !== undefined) this.forgetFunctions(old);
    return { name: head.name };
  }

  /** Runs a library's code, so that it registers its functions. */
  private compileLibrary(environment: LuaEnvironment, code: Uint8Array, timeoutMs: number): Library | string {
    const head = readLibraryHead(code, 0, code.length);
    if (typeof head === 'string') return head;
    const machine = this.machine!;
    const { api } = machine;
    const { state } = environment;
    const reference = environment.compile(code, head.codeAt, code.length, FUNCTION_CHUNK);
    if (typeof reference === 'string') return `ERR Error compiling function: ${reference}`;
    const registered: LibraryFunction[] = [];
    this.registered = registered;
    this.loadDeadlineMicros = timeoutMs === 0 ? 0 : this.options.host.nowMicros() + timeoutMs * 1000;
    let problem: string | null = null;
    try {
      environment.setLoading(true);
      environment.pushFunction(reference);
      if (api.lua_pcall(state, 0, 0, 0) !== 0) {
        problem = this.textOfError(machine, state);
        environment.resetHook();
      }
      environment.setLoading(false);
      environment.forget(reference);
      environment.clear();
    } finally {
      this.registered = null;
    }
    if (problem !== null) problem = `ERR Error registering functions: ${problem}`;
    else problem = problemOf(registered);
    if (problem === null) return new Library(head.name, code, registered);
    for (const one of registered) environment.forget(one.reference);
    return problem;
  }

  private textOfError(machine: LuaMachine, state: number): string {
    const { api } = machine;
    if (api.lua_isstring(state, -1) !== 0) return `ERR ${machine.latin1At(state, -1)}`;
    if (api.lua_type(state, -1) !== LUA_TTABLE) return 'ERR unknown error';
    api.lua_getfield(state, -1, machine.name('err'));
    return api.lua_isstring(state, -1) !== 0 ? machine.latin1At(state, -1)! : 'ERR unknown error';
  }

  private forgetFunctions(library: Library): void {
    for (const { reference } of library.functions) this.functionEnvironment?.forget(reference);
  }

  deleteLibrary(name: string): boolean {
    const library = this.libraries.libraries.get(name);
    if (library === undefined) return false;
    this.libraries.unlink(library);
    this.forgetFunctions(library);
    return true;
  }

  /** FUNCTION FLUSH; a dataset that replaces this one. */
  flushLibraries(): void {
    this.libraries.clear();
    this.functionEnvironment?.close();
    this.functionEnvironment = null;
  }

  /** Lets the functions of libraries that are not taken in go. */
  forget(libraries: Libraries): void {
    for (const library of libraries.libraries.values()) this.forgetFunctions(library);
  }

  /** FUNCTION RESTORE: takes loaded libraries in, in place of all others or beside them. Null, or why it could not be. */
  take(restored: Libraries, flushes: boolean, replaces: boolean): string | null {
    const before = [...this.libraries.libraries.values()];
    if (flushes) this.libraries.clear();
    const problem = this.libraries.join(restored, replaces);
    if (problem !== null) this.forget(restored);
    else for (const old of before) if (this.libraries.libraries.get(old.name) !== old) this.forgetFunctions(old);
    return problem;
  }

  // --- For INFO and FUNCTION STATS -------------------------------------------------------------------------------------

  get evalMemoryBytes(): number {
    return this.evalEnvironment?.memoryBytes ?? 0;
  }

  get functionMemoryBytes(): number {
    return this.functionEnvironment?.memoryBytes ?? 0;
  }

  private measure(): void {
    this.usedBytes =
      this.evalMemoryBytes + this.functionMemoryBytes + this.scripts.bodyBytes + this.libraries.codeBytes;
  }

  /** The memory of the machine, of which Lua uses a part. */
  get machineBytes(): number {
    return this.machine?.memoryBytes ?? 0;
  }
}

function problemOf(functions: readonly LibraryFunction[]): string | null {
  if (functions.length === 0) return 'ERR No functions registered';
  const names = new Set<string>();
  for (const { name } of functions) {
    if (!isValidName(name)) return ERR_BAD_FUNCTION_NAME;
    if (names.has(name)) return 'ERR Function already exists in the library';
    names.add(name);
  }
  return null;
}

/** What a script can cause: the machine ended itself, its own stack or the host's was used up. */
function isMachineProblem(problem: unknown): problem is Error {
  return (
    problem instanceof MachineBroken || problem instanceof RangeError || problem instanceof WebAssembly.RuntimeError
  );
}
