/**
 * Wires scripting: the Lua machine's module, which is read and compiled when the first script comes, and what INFO tells of it.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ScriptCaller } from '../commands/script-caller.ts';
import type { Node } from '../node.ts';
import { Scripting, type ScriptingSettings } from '../scripting/scripting.ts';

const MODULE = 'wasmoon-lua5.1/dist/liblua5.1.wasm';

export function wireScripting(node: Node): Scripting {
  const settings: ScriptingSettings = { limitMs: 0, insecure: false };
  node.settings.watch('busy-reply-threshold', (value) => {
    settings.limitMs = Number(value);
  });
  node.settings.watch('lua-enable-insecure-api', (value) => {
    settings.insecure = value === 'yes';
  });
  return new Scripting({
    host: new ScriptCaller(node.rooms, node.reply, node.executor),
    reply: node.reply,
    settings,
    loadModule: () => {
      const path = createRequire(import.meta.url).resolve(MODULE);
      return new WebAssembly.Module(readFileSync(path));
    },
  });
}
