/** Documentation of the HyperLogLog commands. Source: Valkey 9.1 COMMAND DOCS. */
import type { CommandDocs } from './doc.ts';

export const hyperLogLogDocs: CommandDocs = {
  pfadd: { complexity: 'O(1) to add every element.', syntax: 'key [element]...' },
  pfcount: {
    complexity:
      'O(1) with a very small average constant time when called with a single key. O(N) with N being the number of keys, and much bigger constant times, when called with multiple keys.',
    syntax: 'key...',
  },
  pfdebug: { complexity: 'N/A', syntax: 'subcommand key', isSystem: true },
  pfmerge: {
    complexity: 'O(N) to merge N HyperLogLogs, but with high constant times.',
    syntax: 'destkey:key [sourcekey:key1]...',
  },
  pfselftest: { complexity: 'N/A', isSystem: true },
};
