/** Documentation of the string commands. Source: Valkey 9.1 COMMAND DOCS. */
import type { CommandDocs } from './doc.ts';

const EXPIRATION =
  'EX=seconds:integer | PX=milliseconds:integer | EXAT=unix-time-seconds:unix-time | PXAT=unix-time-milliseconds:unix-time';

export const stringDocs: CommandDocs = {
  append: {
    complexity:
      'O(1). The amortized time complexity is O(1) assuming the appended value is small and the already present value is of any size, since the dynamic string library used by the server will double the free space available on every reallocation.',
    syntax: 'key value',
  },
  decr: { complexity: 'O(1)', syntax: 'key' },
  decrby: { complexity: 'O(1)', syntax: 'key decrement:integer' },
  get: { complexity: 'O(1)', syntax: 'key' },
  getex: {
    complexity: 'O(1)',
    syntax: `key [expiration<${EXPIRATION} | PERSIST>]`,
  },
};
