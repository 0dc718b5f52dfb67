/** Documentation of the commands on scripts and functions. Source: Valkey 9.1 COMMAND DOCS. */
import {
  ALL_NODES_SUCCEED,
  ALL_SHARDS_DIFFER,
  ALL_SHARDS_SUCCEED,
  FLUSH_TYPE,
  NONDETERMINISTIC_ORDER,
  OF_SUBCOMMAND,
} from './common.ts';
import type { CommandDoc, CommandDocs } from './doc.ts';

const KEYS_AND_ARGUMENTS = 'numkeys:integer [key]... [arg]...';
const SCRIPT_COMPLEXITY = 'Depends on the script that is executed.';
const OF_TEXT: CommandDoc = { complexity: SCRIPT_COMPLEXITY, syntax: `script ${KEYS_AND_ARGUMENTS}` };
const OF_DIGEST: CommandDoc = { complexity: SCRIPT_COMPLEXITY, syntax: `sha1 ${KEYS_AND_ARGUMENTS}` };
const OF_FUNCTION: CommandDoc = {
  complexity: 'Depends on the function that is executed.',
  syntax: `function ${KEYS_AND_ARGUMENTS}`,
};
/** Only one shard runs the script that is to end. */
const ONE_SHARD_SUCCEEDS = ['request_policy:all_shards', 'response_policy:one_succeeded'];

export const scriptingDocs: CommandDocs = {
  eval: OF_TEXT,
  eval_ro: OF_TEXT,
  evalsha: OF_DIGEST,
  evalsha_ro: OF_DIGEST,
  fcall: OF_FUNCTION,
  fcall_ro: OF_FUNCTION,
  function: { complexity: OF_SUBCOMMAND },
  'function|delete': { complexity: 'O(1)', syntax: 'library-name', tips: ALL_SHARDS_SUCCEED },
  'function|dump': { complexity: 'O(N) where N is the number of functions' },
  'function|flush': {
    complexity: 'O(N) where N is the number of functions deleted',
    syntax: `[${FLUSH_TYPE}]`,
    tips: ALL_SHARDS_SUCCEED,
  },
  'function|help': { complexity: 'O(1)' },
  'function|kill': { complexity: 'O(1)', tips: ONE_SHARD_SUCCEEDS },
  'function|list': {
    complexity: 'O(N) where N is the number of functions',
    syntax: '[LIBRARYNAME=library-name-pattern] [WITHCODE]',
    tips: NONDETERMINISTIC_ORDER,
  },
  'function|load': {
    complexity: 'O(1) (considering compilation time is redundant)',
    syntax: '[REPLACE] function-code',
    tips: ALL_SHARDS_SUCCEED,
  },
  'function|restore': {
    complexity: 'O(N) where N is the number of functions on the payload',
    syntax: 'serialized-value [policy<FLUSH | APPEND | REPLACE>]',
    tips: ALL_SHARDS_SUCCEED,
  },
  'function|stats': {
    complexity: 'O(1)',
    tips: ALL_SHARDS_DIFFER,
  },
  script: { complexity: OF_SUBCOMMAND },
  'script|debug': { complexity: 'O(1)', syntax: 'mode<YES | SYNC | NO> [engine@9.1.0]' },
  'script|exists': {
    complexity: 'O(N) with N being the number of scripts to check (so checking a single script is an O(1) operation).',
    syntax: 'sha1...',
    tips: ['request_policy:all_shards', 'response_policy:agg_logical_and'],
  },
  'script|flush': {
    complexity: 'O(N) with N being the number of scripts in cache',
    syntax: `[${FLUSH_TYPE}@6.2.0]`,
    history: [['6.2.0', 'Added the `ASYNC` and `SYNC` flushing mode modifiers.']],
    tips: ALL_NODES_SUCCEED,
  },
  'script|help': { complexity: 'O(1)' },
  'script|kill': { complexity: 'O(1)', tips: ONE_SHARD_SUCCEEDS },
  'script|load': {
    complexity: 'O(N) with N being the length in bytes of the script body.',
    syntax: 'script',
    tips: ALL_NODES_SUCCEED,
  },
  'script|show': { complexity: 'O(1).', syntax: 'sha1' },
};
