/** Documentation of the commands on the server itself: settings, saving, replication, modules. Source: Valkey 9.1 COMMAND DOCS. */
import {
  ALL_NODES_SUCCEED,
  ALL_SHARDS_SUCCEED,
  NONDETERMINISTIC,
  NONDETERMINISTIC_ORDER,
  OF_SUBCOMMAND,
} from './common.ts';
import type { CommandDoc, CommandDocs } from './doc.ts';
import { genericDocs } from './generic.ts';
import { aclDocs } from './server-acl.ts';
import { observationDocs } from './server-observation.ts';

const NAMES = '[command-name]...';
const NAMES_COMPLEXITY = 'O(N) where N is the number of commands to look up';
const KEYS_OF: CommandDoc = {
  complexity: 'O(N) where N is the number of arguments to the command',
  syntax: 'command [arg]...',
};

const FLUSH = '[flush-type<ASYNC@4.0.0 | SYNC@6.2.0>]';
const FLUSH_HISTORY = [
  ['4.0.0', 'Added the `ASYNC` flushing mode modifier.'],
  ['6.2.0', 'Added the `SYNC` flushing mode modifier.'],
] as const;

const REPLICAOF: CommandDoc = {
  complexity: 'O(1)',
  syntax: 'args<host-port(host port:integer) | no-one(NO ONE)>',
};

export const serverDocs: CommandDocs = {
  ...aclDocs,
  ...observationDocs,
  bgrewriteaof: { complexity: 'O(1)' },
  bgsave: {
    complexity: 'O(1)',
    syntax: '[operation<SCHEDULE@3.2.2 | CANCEL@8.1.0>]',
    history: [
      ['3.2.2', 'Added the `SCHEDULE` option.'],
      ['8.1.0', 'Added the `CANCEL` option.'],
    ],
  },
  command: { complexity: 'O(N) where N is the total number of commands', tips: NONDETERMINISTIC_ORDER },
  'command|count': { complexity: 'O(1)' },
  'command|docs': { complexity: NAMES_COMPLEXITY, syntax: NAMES, tips: NONDETERMINISTIC_ORDER },
  'command|getkeys': KEYS_OF,
  'command|getkeysandflags': KEYS_OF,
  'command|help': { complexity: 'O(1)' },
  'command|info': {
    complexity: NAMES_COMPLEXITY,
    syntax: NAMES,
    history: [['7.0.0', 'Allowed to be called with no argument to get info on all commands.']],
    tips: NONDETERMINISTIC_ORDER,
  },
  'command|list': {
    complexity: 'O(N) where N is the total number of commands',
    syntax: '[FILTERBY=filterby<MODULE=module-name | ACLCAT=category | PATTERN=pattern:pattern>]',
    tips: NONDETERMINISTIC_ORDER,
  },
  config: { complexity: OF_SUBCOMMAND },
  'config|get': {
    complexity: 'O(N) when N is the number of configuration parameters provided',
    syntax: 'parameter...',
    history: [['7.0.0', 'Added the ability to pass multiple pattern parameters in one call']],
  },
  'config|help': { complexity: 'O(1)' },
  'config|resetstat': { complexity: 'O(1)', tips: ALL_NODES_SUCCEED },
  'config|rewrite': { complexity: 'O(1)', tips: ALL_NODES_SUCCEED },
  'config|set': {
    complexity: 'O(N) when N is the number of configuration parameters provided',
    syntax: 'data(parameter value)...',
    history: [['7.0.0', 'Added the ability to set multiple parameters in one call.']],
    tips: ALL_NODES_SUCCEED,
  },
  dbsize: { complexity: 'O(1)', tips: ['request_policy:all_shards', 'response_policy:agg_sum'] },
  debug: { complexity: OF_SUBCOMMAND, isSystem: true },
  failover: {
    complexity: 'O(1)',
    syntax: '[TO=target(host port:integer [FORCE])] [ABORT] [TIMEOUT=milliseconds:integer]',
  },
  flushall: {
    complexity: 'O(N) where N is the total number of keys in all databases',
    syntax: FLUSH,
    history: FLUSH_HISTORY,
    tips: ALL_SHARDS_SUCCEED,
  },
  flushdb: {
    complexity: 'O(N) where N is the number of keys in the selected database',
    syntax: FLUSH,
    history: FLUSH_HISTORY,
    tips: ALL_SHARDS_SUCCEED,
  },
  lastsave: { complexity: 'O(1)', tips: NONDETERMINISTIC },
  lolwut: { syntax: '[VERSION=version:integer]' },
  module: { complexity: OF_SUBCOMMAND },
  'module|help': { complexity: 'O(1)' },
  'module|list': {
    complexity: 'O(N) where N is the number of loaded modules.',
    tips: NONDETERMINISTIC_ORDER,
  },
  'module|load': { complexity: 'O(1)', syntax: 'path [arg]...' },
  'module|loadex': { complexity: 'O(1)', syntax: 'path [CONFIG=configs(name value)]...* [ARGS=args]...' },
  'module|unload': { complexity: 'O(1)', syntax: 'name' },
  psync: { syntax: 'replicationid offset:integer' },
  replconf: { complexity: 'O(1)', isSystem: true },
  replicaof: REPLICAOF,
  'restore-asking': { ...genericDocs.restore, isSystem: true },
  role: { complexity: 'O(1)' },
  save: { complexity: 'O(N) where N is the total number of keys in all databases' },
  shutdown: {
    complexity:
      'O(N) when saving, where N is the total number of keys in all databases when saving data, otherwise O(1)',
    syntax:
      '[abort-selector<' +
      'save-selector-block([save-selector<NOSAVE | SAVE>] [NOW@7.0.0] [FORCE@7.0.0] [SAFE@9.0.0] [FAILOVER@9.0.0]) | ' +
      'ABORT@7.0.0>]',
    history: [
      ['7.0.0', 'Added the `NOW`, `FORCE` and `ABORT` modifiers.'],
      ['9.0.0', 'Added the `SAFE` and `FAILOVER` modifiers.'],
    ],
  },
  slaveof: { ...REPLICAOF, deprecated: { since: '5.0.0', replacedBy: '`REPLICAOF`' } },
  swapdb: {
    complexity: 'O(N) where N is the count of clients watching or blocking on keys from both databases.',
    syntax: 'index1:integer index2:integer',
  },
  time: { complexity: 'O(1)', tips: NONDETERMINISTIC },
};
