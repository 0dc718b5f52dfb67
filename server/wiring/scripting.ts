/**
 * Wires scripting: the Lua machine's module, which is read and compiled when the first script comes, and what INFO tells of it.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ScriptCaller } from '../commands/script-caller.ts';
import type { Node } from '../node.ts';
import { human } from '../observability/info.ts';
import type { RdbWriter } from '../persistence/rdb/rdb-writer.ts';
import { ENGINE, Scripting, type ScriptingSettings } from '../scripting/scripting.ts';

const MODULE = 'wasmoon-lua5.1/dist/liblua5.1.wasm';

/** Tells a file or a full synchronisation of the function libraries: before the keys. */
export function tellLibraries(node: Node, writer: RdbWriter): void {
  for (const { code } of node.rooms.scripting?.libraries.libraries.values() ?? []) {
    writer.functionLibrary(code, 0, code.length);
  }
}

/** Takes a library in from a file or a full synchronisation; the problem or null. */
export function takeLibrary(node: Node, code: Uint8Array, replaces = false): string | null {
  const loaded = node.rooms.scripting?.loadLibrary(code, replaces, false);
  return typeof loaded === 'string' ? loaded : null;
}

export function wireScripting(node: Node): Scripting {
  const settings: ScriptingSettings = { limitMs: 0, insecure: false };
  node.settings.watch('busy-reply-threshold', (value) => {
    settings.limitMs = Number(value);
  });
  const scripting = new Scripting({
    host: new ScriptCaller(node.rooms, node.reply, node.executor),
    reply: node.reply,
    settings,
    loadModule: () => {
      const path = createRequire(import.meta.url).resolve(MODULE);
      return new WebAssembly.Module(readFileSync(path));
    },
  });
  node.settings.watch('lua-enable-insecure-api', (value) => {
    const insecure = value === 'yes';
    if (settings.insecure === insecure) return;
    settings.insecure = insecure;
    scripting.reset();
  });
  node.rooms.infoSections.set('memory', (add) => describeMemory(scripting, add));
  node.rooms.infoSections.set('scriptingengines', (add) => describeEngines(scripting, add));
  return scripting;
}

function describeMemory(scripting: Scripting, add: (field: string, value: string | number) => void): void {
  const { scripts, libraries } = scripting;
  const evalBytes = scripting.evalMemoryBytes;
  const functionBytes = scripting.functionMemoryBytes;
  add('used_memory_lua', evalBytes);
  add('used_memory_vm_eval', evalBytes);
  add('used_memory_lua_human', human(evalBytes));
  add('used_memory_scripts_eval', scripts.bodyBytes);
  add('number_of_cached_scripts', scripts.count);
  add('number_of_functions', libraries.functionCount);
  add('number_of_libraries', libraries.count);
  add('used_memory_vm_functions', functionBytes);
  add('used_memory_vm_total', evalBytes + functionBytes);
  add('used_memory_vm_total_human', human(evalBytes + functionBytes));
  add('used_memory_functions', libraries.codeBytes);
  add('used_memory_scripts', libraries.codeBytes + scripts.bodyBytes);
  add('used_memory_scripts_human', human(libraries.codeBytes + scripts.bodyBytes));
}

function describeEngines(scripting: Scripting, add: (field: string, value: string | number) => void): void {
  const usedBytes = scripting.evalMemoryBytes + scripting.functionMemoryBytes;
  const overheadBytes = Math.max(0, scripting.machineBytes - usedBytes);
  add('engines_count', 1);
  add('engines_total_used_memory', usedBytes);
  add('engines_total_memory_overhead', overheadBytes);
  add('engine_0', `name=${ENGINE},module=lua,abi_version=4,used_memory=${usedBytes},memory_overhead=${overheadBytes}`);
}
