/** The first line of scripts and libraries: `#!lua flags=no-writes,allow-oom`, `#!lua name=lib`. Source: Valkey 9.1 eval.c, functions.c. */
import { splitWords } from '../protocol/split-words.ts';
import { COMPATIBLE, SCRIPT_FLAGS } from './script-run.ts';

const HASH = 35;
const BANG = 33;
const NEWLINE = 10;

export interface ScriptHead {
  readonly flags: number;
  /** Where the code begins: at the line's end, so that lines keep their numbers. */
  readonly codeAt: number;
}

export interface LibraryHead {
  readonly engine: string;
  readonly name: string;
  readonly codeAt: number;
}

export function hasShebang(bytes: Uint8Array, from: number, to: number): boolean {
  return to - from >= 2 && bytes[from] === HASH && bytes[from + 1] === BANG;
}

/** The words of the first line and where it ends; null when it has no end. */
function firstLine(bytes: Uint8Array, from: number, to: number): { words: string[] | null; end: number } | null {
  const end = bytes.subarray(from, to).indexOf(NEWLINE);
  if (end < 0) return null;
  const words = splitWords(bytes, from, from + end);
  return { words: words === null ? null : words.map(latin1), end: from + end };
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** What a script of EVAL says of itself, or the error. */
export function readScriptHead(bytes: Uint8Array, from: number, to: number): ScriptHead | string {
  if (!hasShebang(bytes, from, to)) return { flags: COMPATIBLE, codeAt: from };
  const line = firstLine(bytes, from, to);
  if (line === null) return 'ERR Invalid script shebang';
  if (line.words === null || line.words.length === 0) return 'ERR Invalid engine in script shebang';
  const [first, ...options] = line.words;
  const engine = first!.slice(2);
  let flags = 0;
  for (const option of options) {
    if (!option.startsWith('flags=')) return `ERR Unknown lua shebang option: ${option}`;
    if (option === 'flags=') continue;
    for (const name of option.slice(6).split(',')) {
      const known = SCRIPT_FLAGS.find(([flagName]) => flagName === name);
      if (known === undefined) return `ERR Unexpected flag in script shebang: ${name}`;
      flags |= known[1];
    }
  }
  if (engine.toLowerCase() !== 'lua') return `ERR Could not find scripting engine '${engine}'`;
  return { flags, codeAt: line.end };
}

/** What a library says of itself, or the error. */
export function readLibraryHead(bytes: Uint8Array, from: number, to: number): LibraryHead | string {
  if (!hasShebang(bytes, from, to)) return 'ERR Missing library metadata';
  const line = firstLine(bytes, from, to);
  if (line === null || line.words === null || line.words.length === 0) return 'ERR Invalid library metadata';
  const [first, ...options] = line.words;
  let name: string | null = null;
  for (const option of options) {
    if (option.slice(0, 5).toLowerCase() !== 'name=') return `ERR Invalid metadata value given: ${option}`;
    if (name !== null) return 'ERR Invalid metadata value, name argument was given multiple times';
    name = option.slice(5);
  }
  if (name === null) return 'ERR Library name was not given';
  return { engine: first!.slice(2), name, codeAt: line.end };
}
