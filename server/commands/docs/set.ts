/** Documentation of the set commands. Source: Valkey 9.1 COMMAND DOCS. */
import { ADD_COMPLEXITY, NONDETERMINISTIC, NONDETERMINISTIC_ORDER, SCAN_COMPLEXITY, SCAN_OPTIONS } from './common.ts';
import type { CommandDocs } from './doc.ts';

const STORE = 'destination:key key:key1...';
const EVERY_ELEMENT = 'O(N) where N is the total number of elements in all given sets.';
const INTERSECTION = 'O(N*M) worst case where N is the cardinality of the smallest set and M is the number of sets.';

export const setDocs: CommandDocs = {
  sadd: {
    complexity: ADD_COMPLEXITY,
    syntax: 'key member...',
    history: [['2.4.0', 'Accepts multiple `member` arguments.']],
  },
  scard: { complexity: 'O(1)', syntax: 'key' },
  sdiff: { complexity: EVERY_ELEMENT, syntax: 'key...', tips: NONDETERMINISTIC_ORDER },
  sdiffstore: { complexity: EVERY_ELEMENT, syntax: STORE },
  sinter: { complexity: INTERSECTION, syntax: 'key...', tips: NONDETERMINISTIC_ORDER },
  sintercard: { complexity: INTERSECTION, syntax: 'numkeys:integer key... [LIMIT=limit:integer]' },
  sinterstore: { complexity: INTERSECTION, syntax: STORE },
  sismember: { complexity: 'O(1)', syntax: 'key member' },
  smembers: { complexity: 'O(N) where N is the set cardinality.', syntax: 'key', tips: NONDETERMINISTIC_ORDER },
  smismember: {
    complexity: 'O(N) where N is the number of elements being checked for membership',
    syntax: 'key member...',
  },
  smove: { complexity: 'O(1)', syntax: 'source:key destination:key1 member' },
  spop: {
    complexity: 'Without the count argument O(1), otherwise O(N) where N is the value of the passed count.',
    syntax: 'key [count:integer@3.2.0]',
    history: [['3.2.0', 'Added the `count` argument.']],
    tips: NONDETERMINISTIC,
  },
  srandmember: {
    complexity: 'Without the count argument O(1), otherwise O(N) where N is the absolute value of the passed count.',
    syntax: 'key [count:integer@2.6.0]',
    history: [['2.6.0', 'Added the optional `count` argument.']],
    tips: NONDETERMINISTIC,
  },
  srem: {
    complexity: 'O(N) where N is the number of members to be removed.',
    syntax: 'key member...',
    history: [['2.4.0', 'Accepts multiple `member` arguments.']],
  },
  sscan: { complexity: SCAN_COMPLEXITY, syntax: `key cursor:integer ${SCAN_OPTIONS}`, tips: NONDETERMINISTIC },
  sunion: { complexity: EVERY_ELEMENT, syntax: 'key...', tips: NONDETERMINISTIC_ORDER },
  sunionstore: { complexity: EVERY_ELEMENT, syntax: STORE },
};
