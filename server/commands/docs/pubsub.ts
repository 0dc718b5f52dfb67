/** Documentation of the commands that publish and subscribe. Source: Valkey 9.1 COMMAND DOCS. */
import { OF_SUBCOMMAND } from './common.ts';
import type { CommandDocs } from './doc.ts';

export const pubsubDocs: CommandDocs = {
  psubscribe: {
    complexity: 'O(N) where N is the number of patterns to subscribe to.',
    syntax: 'pattern:pattern...',
  },
  publish: {
    complexity:
      'O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of subscribed patterns (by any client).',
    syntax: 'channel message',
  },
  pubsub: { complexity: OF_SUBCOMMAND },
  'pubsub|channels': {
    complexity:
      'O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short channels and patterns)',
    syntax: '[pattern:pattern]',
  },
  'pubsub|help': { complexity: 'O(1)' },
  'pubsub|numpat': { complexity: 'O(1)' },
  'pubsub|numsub': {
    complexity: 'O(N) for the NUMSUB subcommand, where N is the number of requested channels',
    syntax: '[channel...]',
  },
  'pubsub|shardchannels': {
    complexity:
      'O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively short shard channels).',
    syntax: '[pattern:pattern]',
  },
  'pubsub|shardnumsub': {
    complexity: 'O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels',
    syntax: '[shardchannel...]',
  },
  punsubscribe: {
    complexity: 'O(N) where N is the number of patterns to unsubscribe.',
    syntax: '[pattern:pattern...]',
  },
  spublish: {
    complexity: 'O(N) where N is the number of clients subscribed to the receiving shard channel.',
    syntax: 'shardchannel message',
  },
  ssubscribe: {
    complexity: 'O(N) where N is the number of shard channels to subscribe to.',
    syntax: 'shardchannel...',
  },
  subscribe: { complexity: 'O(N) where N is the number of channels to subscribe to.', syntax: 'channel...' },
  sunsubscribe: {
    complexity: 'O(N) where N is the number of shard channels to unsubscribe.',
    syntax: '[shardchannel...]',
  },
  unsubscribe: { complexity: 'O(N) where N is the number of channels to unsubscribe.', syntax: '[channel...]' },
};
