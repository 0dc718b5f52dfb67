/** Documentation of the commands that tell how a server does: logs of slow commands, latency, memory. Source: Valkey 9.1 COMMAND DOCS. */
import { ALL_NODES_DIFFER, ALL_NODES_SUCCEED, ALL_SHARDS_DIFFER, ALL_SHARDS_SUCCEED, OF_SUBCOMMAND } from './common.ts';
import type { CommandDocs } from './doc.ts';

const LOG_TYPE = 'type<SLOW | LARGE-REQUEST | LARGE-REPLY>';
const LOG_ENTRIES = ['request_policy:all_nodes', 'nondeterministic_output'];
const LOG_LENGTH = ['request_policy:all_nodes', 'response_policy:agg_sum', 'nondeterministic_output'];

export const observationDocs: CommandDocs = {
  commandlog: { complexity: OF_SUBCOMMAND },
  'commandlog|get': {
    complexity: 'O(N) where N is the number of entries returned',
    syntax: `count:integer ${LOG_TYPE}`,
    tips: LOG_ENTRIES,
  },
  'commandlog|help': { complexity: 'O(1)' },
  'commandlog|len': { complexity: 'O(1)', syntax: LOG_TYPE, tips: LOG_LENGTH },
  'commandlog|reset': {
    complexity: 'O(N) where N is the number of entries in the commandlog',
    syntax: LOG_TYPE,
    tips: ALL_NODES_SUCCEED,
  },
  info: {
    complexity: 'O(1)',
    syntax: '[section]...',
    history: [['7.0.0', 'Added support for taking multiple section arguments.']],
    tips: ALL_SHARDS_DIFFER,
  },
  latency: { complexity: OF_SUBCOMMAND },
  'latency|doctor': { complexity: 'O(1)', tips: ALL_NODES_DIFFER },
  'latency|graph': { complexity: 'O(1)', syntax: 'event', tips: ALL_NODES_DIFFER },
  'latency|help': { complexity: 'O(1)' },
  'latency|histogram': {
    complexity: 'O(N) where N is the number of commands with latency information being retrieved.',
    syntax: '[command]...',
    tips: ALL_NODES_DIFFER,
  },
  'latency|history': { complexity: 'O(1)', syntax: 'event', tips: ALL_NODES_DIFFER },
  'latency|latest': { complexity: 'O(1)', tips: ALL_NODES_DIFFER },
  'latency|reset': {
    complexity: 'O(1)',
    syntax: '[event]...',
    tips: ['request_policy:all_nodes', 'response_policy:agg_sum'],
  },
  memory: { complexity: OF_SUBCOMMAND },
  'memory|doctor': { complexity: 'O(1)', tips: ALL_SHARDS_DIFFER },
  'memory|help': { complexity: 'O(1)' },
  'memory|malloc-stats': {
    complexity: 'Depends on how much memory is allocated, could be slow',
    tips: ALL_SHARDS_DIFFER,
  },
  'memory|purge': {
    complexity: 'Depends on how much memory is allocated, could be slow',
    tips: ALL_SHARDS_SUCCEED,
  },
  'memory|stats': { complexity: 'O(1)', tips: ALL_SHARDS_DIFFER },
  'memory|usage': {
    complexity: 'O(N) where N is the number of samples.',
    syntax: 'key [SAMPLES=count:integer]',
  },
  slowlog: { complexity: OF_SUBCOMMAND },
  'slowlog|get': {
    complexity: 'O(N) where N is the number of entries returned',
    syntax: '[count:integer]',
    history: [['4.0.0', 'Added client IP address, port and name to the reply.']],
    tips: LOG_ENTRIES,
  },
  'slowlog|help': { complexity: 'O(1)' },
  'slowlog|len': { complexity: 'O(1)', tips: LOG_LENGTH },
  'slowlog|reset': {
    complexity: 'O(N) where N is the number of entries in the slowlog',
    tips: ALL_NODES_SUCCEED,
  },
};
