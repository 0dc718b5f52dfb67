/** Documentation of the list commands. Source: Valkey 9.1 COMMAND DOCS. */
import { ADD_COMPLEXITY, TIMEOUT_HISTORY } from './common.ts';
import type { CommandDocs } from './doc.ts';

const SOURCE_AND_DESTINATION = 'source:key destination:key1';
const ENDS = 'wherefrom<LEFT | RIGHT> whereto<LEFT | RIGHT>';
const POP_OF_SEVERAL = 'numkeys:integer key... where<LEFT | RIGHT> [COUNT=count:integer]';
const POP_OF_SEVERAL_COMPLEXITY =
  'O(N+M) where N is the number of provided keys and M is the number of elements returned.';
const BLOCKING_POP_COMPLEXITY = 'O(N) where N is the number of provided keys.';
const POP_COMPLEXITY = 'O(N) where N is the number of elements returned';
const COUNT_HISTORY = [['6.2.0', 'Added the `count` argument.']] as const;

export const listDocs: CommandDocs = {
  blmove: { complexity: 'O(1)', syntax: `${SOURCE_AND_DESTINATION} ${ENDS} timeout:double` },
  blmpop: { complexity: POP_OF_SEVERAL_COMPLEXITY, syntax: `timeout:double ${POP_OF_SEVERAL}` },
  blpop: { complexity: BLOCKING_POP_COMPLEXITY, syntax: 'key... timeout:double', history: TIMEOUT_HISTORY },
  brpop: { complexity: BLOCKING_POP_COMPLEXITY, syntax: 'key... timeout:double', history: TIMEOUT_HISTORY },
  brpoplpush: { complexity: 'O(1)', syntax: `${SOURCE_AND_DESTINATION} timeout:double`, history: TIMEOUT_HISTORY },
  lindex: {
    complexity:
      'O(N) where N is the number of elements to traverse to get to the element at index. This makes asking for the first or the last element of the list O(1).',
    syntax: 'key index:integer',
  },
  linsert: {
    complexity:
      'O(N) where N is the number of elements to traverse before seeing the value pivot. This means that inserting somewhere on the left end on the list (head) can be considered O(1) and inserting somewhere on the right end (tail) is O(N).',
    syntax: 'key where<BEFORE | AFTER> pivot element',
  },
  llen: { complexity: 'O(1)', syntax: 'key' },
  lmove: { complexity: 'O(1)', syntax: `${SOURCE_AND_DESTINATION} ${ENDS}` },
  lmpop: { complexity: POP_OF_SEVERAL_COMPLEXITY, syntax: POP_OF_SEVERAL },
  lpop: { complexity: POP_COMPLEXITY, syntax: 'key [count:integer@6.2.0]', history: COUNT_HISTORY },
  lpos: {
    complexity:
      'O(N) where N is the number of elements in the list, for the average case. When searching for elements near the head or the tail of the list, or when the MAXLEN option is provided, the command may run in constant time.',
    syntax: 'key element [RANK=rank:integer] [COUNT=num-matches:integer] [MAXLEN=len:integer]',
  },
  lpush: {
    complexity: ADD_COMPLEXITY,
    syntax: 'key element...',
    history: [['2.4.0', 'Accepts multiple `element` arguments.']],
  },
  lpushx: {
    complexity: ADD_COMPLEXITY,
    syntax: 'key element...',
    history: [['4.0.0', 'Accepts multiple `element` arguments.']],
  },
  lrange: {
    complexity:
      'O(S+N) where S is the distance of start offset from HEAD for small lists, from nearest end (HEAD or TAIL) for large lists; and N is the number of elements in the specified range.',
    syntax: 'key start:integer stop:integer',
  },
  lrem: {
    complexity: 'O(N+M) where N is the length of the list and M is the number of elements removed.',
    syntax: 'key count:integer element',
  },
  lset: {
    complexity:
      'O(N) where N is the length of the list. Setting either the first or the last element of the list is O(1).',
    syntax: 'key index:integer element',
  },
  ltrim: {
    complexity: 'O(N) where N is the number of elements to be removed by the operation.',
    syntax: 'key start:integer stop:integer',
  },
  rpop: { complexity: POP_COMPLEXITY, syntax: 'key [count:integer@6.2.0]', history: COUNT_HISTORY },
  rpoplpush: { complexity: 'O(1)', syntax: SOURCE_AND_DESTINATION },
  rpush: {
    complexity: ADD_COMPLEXITY,
    syntax: 'key element...',
    history: [['2.4.0', 'Accepts multiple `element` arguments.']],
  },
  rpushx: {
    complexity: ADD_COMPLEXITY,
    syntax: 'key element...',
    history: [['4.0.0', 'Accepts multiple `element` arguments.']],
  },
};
