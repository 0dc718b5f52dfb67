/**
 * Arguments that are secrets: shown neither to MONITOR nor in a log of commands.
 * Source: Valkey 9.1, the callers of redactClientCommandArgument.
 */
import { directives } from '../config/directives.ts';
import type { Arguments } from '../protocol/arguments.ts';
import { latin1 } from '../protocol/numbers.ts';
import type { CommandEntry } from './registry.ts';

type Redacts = (args: Arguments, index: number) => boolean;

function wordAt(args: Arguments, index: number): string {
  return latin1(args.bytes, args.starts[index]!, args.ends[index]!).toLowerCase();
}

/** Behind the word, so many arguments: `AUTH user password`. */
function behind(args: Arguments, index: number, from: number, word: string, count: number): boolean {
  for (let i = Math.max(from, index - count); i < index; i++) if (wordAt(args, i) === word) return true;
  return false;
}

const SECRET_DIRECTIVES: ReadonlySet<string> = new Set(
  directives
    .filter((directive) => directive.secret === true)
    .flatMap((directive) => (directive.alias === undefined ? [directive.name] : [directive.name, directive.alias])),
);

const REDACTED: Readonly<Record<string, Redacts>> = {
  auth: (_, index) => index >= 1,
  hello: (args, index) => behind(args, index, 2, 'auth', 2),
  'acl|setuser': (_, index) => index >= 2,
  'acl|deluser': (_, index) => index >= 2,
  'acl|getuser': (_, index) => index === 2,
  'config|set': (args, index) => index >= 3 && index % 2 === 1 && SECRET_DIRECTIVES.has(wordAt(args, index - 1)),
  migrate: (args, index) => behind(args, index, 6, 'auth', 1) || behind(args, index, 6, 'auth2', 2),
};

/** Whether argument `index` of the request is a secret. */
export function isRedacted(entry: CommandEntry, args: Arguments, index: number): boolean {
  return REDACTED[entry.fullName]?.(args, index) ?? false;
}
