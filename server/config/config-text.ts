/**
 * The text of a configuration: lines of a file, and a command line as the lines it stands for.
 * Source of how they are read: Valkey 9.1 server.c main, config.c loadServerConfigFromString.
 */
import { type Settings, SettingsError } from './settings.ts';

/** Directives of older versions that Valkey still takes and ignores. */
const GONE: readonly string[] = [
  'list-max-ziplist-entries',
  'list-max-ziplist-value',
  'lua-replicate-commands',
  'io-threads-do-reads',
  'dynamic-hz',
  'events-per-io-thread',
  'sanitize-dump-payload',
];

/** The words of a line as a client's inline request has them; null when a quote is not closed. */
export type SplitWords = (line: string) => readonly string[] | null;

/** A word in quotes that SplitWords reads back. */
export function quoted(word: string): string {
  const escaped = word
    .replace(/[\\"]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t');
  return `"${escaped}"`;
}

/** Reads one line into the settings; `include` reads another file. Throws a SettingsError that is one line for the user. */
export function readLine(
  settings: Settings,
  where: string,
  text: string,
  split: SplitWords,
  include: (path: string) => void,
): void {
  const line = text.trim();
  if (line === '' || line.startsWith('#')) return;
  const words = split(line);
  if (words === null) throw new SettingsError(`${where}: '${line}': Unbalanced quotes in configuration line`);
  const [given, ...values] = words;
  const name = given!.toLowerCase();
  if (name === 'include' && values.length === 1) return include(values[0]!);
  if (GONE.includes(name) && values.length === 1) return;
  const problem = settings.read(name, values);
  if (problem === null) return;
  const shown = settings.directive(name)?.secret === true || name === 'user' ? name : line;
  throw new SettingsError(`${where}: '${shown}': ${problem}`);
}

/**
 * `--port 7000 --save "" --bind a b` as lines. A word that begins with `--` begins a directive, unless the directive before it has no
 * value yet; an argument may hold a directive with its value; `--save` alone is an empty one.
 */
export function linesOfArguments(words: readonly string[], split: SplitWords): readonly string[] {
  const lines: string[] = [];
  let wantsValue = false;
  for (const [index, word] of words.entries()) {
    if (wantsValue || !word.startsWith('--')) {
      if (lines.length === 0) lines.push('');
      lines[lines.length - 1] +=
        lines.at(-1) === '' ? word : `${lines.at(-1)!.endsWith(' ') ? '' : ' '}${quoted(word)}`;
      wantsValue = false;
      continue;
    }
    const isBare = split(word)?.length === 1;
    const next = words[index + 1];
    const isEmptySave = word.toLowerCase() === '--save' && (next === undefined || next.startsWith('--'));
    lines.push(isEmptySave ? 'save ""' : word.slice(2));
    wantsValue = isBare && !isEmptySave;
  }
  return lines;
}
