/** Documentation of the sorted set commands. Source: Valkey 9.1 COMMAND DOCS. */
import { LIMIT, NONDETERMINISTIC, SCAN_COMPLEXITY, SCAN_OPTIONS, TIMEOUT_HISTORY } from './common.ts';
import type { CommandDocs } from './doc.ts';

const LOGARITHMIC = 'O(log(N)) with N being the number of elements in the sorted set.';
const POP =
  'O(log(N)*M) with N being the number of elements in the sorted set, and M being the number of elements popped.';
const POP_OF_SEVERAL =
  'O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the sorted set, and M being the number of elements popped.';
const DIFFERENCE =
  'O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N is the size of the first set, and K is the size of the result set.';
const INTERSECTION =
  'O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the number of input sorted sets and M being the number of elements in the resulting sorted set.';
const RANGE =
  'O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements returned.';
const RANGE_WITH_LIMIT =
  'O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements being returned. If M is constant (e.g. always asking for the first 10 elements with LIMIT), you can consider it O(log(N)).';
const REMOVE_RANGE =
  'O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements removed by the operation.';

const KEYS = 'numkeys:integer key...';
const STORE = 'destination:key numkeys:integer key:key1...';
const WEIGHING = '[WEIGHTS=weight:integer...] [AGGREGATE=aggregate<SUM | MIN | MAX>]';
const POP_OPTIONS = 'where<MIN | MAX> [COUNT=count:integer]';
const WITHSCORE_HISTORY = [['7.2.0', 'Added the optional `WITHSCORE` argument.']] as const;

export const sortedSetDocs: CommandDocs = {
  bzmpop: { complexity: POP_OF_SEVERAL, syntax: `timeout:double ${KEYS} ${POP_OPTIONS}` },
  bzpopmax: { complexity: LOGARITHMIC, syntax: 'key... timeout:double', history: TIMEOUT_HISTORY },
  bzpopmin: { complexity: LOGARITHMIC, syntax: 'key... timeout:double', history: TIMEOUT_HISTORY },
  zadd: {
    complexity: 'O(log(N)) for each item added, where N is the number of elements in the sorted set.',
    syntax:
      'key [condition<NX | XX>@3.0.2] [comparison<GT | LT>@6.2.0] [CH~change@3.0.2] [INCR~increment@3.0.2] data(score:double member)...',
    history: [
      ['2.4.0', 'Accepts multiple elements.'],
      ['3.0.2', 'Added the `XX`, `NX`, `CH` and `INCR` options.'],
      ['6.2.0', 'Added the `GT` and `LT` options.'],
    ],
  },
  zcard: { complexity: 'O(1)', syntax: 'key' },
  zcount: { complexity: LOGARITHMIC, syntax: 'key min:double max:double' },
  zdiff: { complexity: DIFFERENCE, syntax: `${KEYS} [WITHSCORES]` },
  zdiffstore: { complexity: DIFFERENCE, syntax: STORE },
  zincrby: {
    complexity: 'O(log(N)) where N is the number of elements in the sorted set.',
    syntax: 'key increment:integer member',
  },
  zinter: { complexity: INTERSECTION, syntax: `${KEYS} ${WEIGHING} [WITHSCORES]` },
  zintercard: {
    complexity:
      'O(N*K) worst case with N being the smallest input sorted set, K being the number of input sorted sets.',
    syntax: `${KEYS} [LIMIT=limit:integer]`,
  },
  zinterstore: { complexity: INTERSECTION, syntax: `${STORE} ${WEIGHING}` },
  zlexcount: { complexity: LOGARITHMIC, syntax: 'key min max' },
  zmpop: { complexity: POP_OF_SEVERAL, syntax: `${KEYS} ${POP_OPTIONS}` },
  zmscore: { complexity: 'O(N) where N is the number of members being requested.', syntax: 'key member...' },
  zpopmax: { complexity: POP, syntax: 'key [count:integer]' },
  zpopmin: { complexity: POP, syntax: 'key [count:integer]' },
  zrandmember: {
    complexity: 'O(N) where N is the number of members returned',
    syntax: 'key [options(count:integer [WITHSCORES])]',
    tips: NONDETERMINISTIC,
  },
  zrange: {
    complexity: RANGE,
    syntax: `key start stop [sortby<BYSCORE | BYLEX>@6.2.0] [REV@6.2.0] [${LIMIT}@6.2.0] [WITHSCORES]`,
    history: [['6.2.0', 'Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options.']],
  },
  zrangebylex: { complexity: RANGE_WITH_LIMIT, syntax: `key min max [${LIMIT}]` },
  zrangebyscore: {
    complexity: RANGE_WITH_LIMIT,
    syntax: `key min:double max:double [WITHSCORES@2.0.0] [${LIMIT}]`,
    history: [['2.0.0', 'Added the `WITHSCORES` modifier.']],
  },
  zrangestore: {
    complexity:
      'O(log(N)+M) with N being the number of elements in the sorted set and M the number of elements stored into the destination key.',
    syntax: `dst:key src:key1 min max [sortby<BYSCORE | BYLEX>] [REV] [${LIMIT}]`,
  },
  zrank: { complexity: 'O(log(N))', syntax: 'key member [WITHSCORE]', history: WITHSCORE_HISTORY },
  zrem: {
    complexity:
      'O(M*log(N)) with N being the number of elements in the sorted set and M the number of elements to be removed.',
    syntax: 'key member...',
    history: [['2.4.0', 'Accepts multiple elements.']],
  },
  zremrangebylex: { complexity: REMOVE_RANGE, syntax: 'key min max' },
  zremrangebyrank: { complexity: REMOVE_RANGE, syntax: 'key start:integer stop:integer' },
  zremrangebyscore: { complexity: REMOVE_RANGE, syntax: 'key min:double max:double' },
  zrevrange: { complexity: RANGE, syntax: 'key start:integer stop:integer [WITHSCORES]' },
  zrevrangebylex: { complexity: RANGE_WITH_LIMIT, syntax: `key max min [${LIMIT}]` },
  zrevrangebyscore: {
    complexity: RANGE_WITH_LIMIT,
    syntax: `key max:double min:double [WITHSCORES] [${LIMIT}]`,
    history: [['2.1.6', '`min` and `max` can be exclusive.']],
  },
  zrevrank: { complexity: 'O(log(N))', syntax: 'key member [WITHSCORE]', history: WITHSCORE_HISTORY },
  zscan: {
    complexity: SCAN_COMPLEXITY,
    syntax: `key cursor:integer ${SCAN_OPTIONS} [NOSCORES]`,
    history: [['8.0.0', 'Added noscores option.']],
    tips: NONDETERMINISTIC,
  },
  zscore: { complexity: 'O(1)', syntax: 'key member' },
  zunion: {
    complexity:
      'O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.',
    syntax: `${KEYS} ${WEIGHING} [WITHSCORES]`,
  },
  zunionstore: {
    complexity:
      'O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M being the number of elements in the resulting sorted set.',
    syntax: `${STORE} ${WEIGHING}`,
  },
};
