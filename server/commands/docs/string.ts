/** Documentation of the string commands. Source: Valkey 9.1 COMMAND DOCS. */
import { EXPIRATION, SPLIT_ALL_SUCCEED } from './common.ts';
import type { CommandDocs } from './doc.ts';

const RANGE_COMPLEXITY =
  'O(N) where N is the length of the returned string. The complexity is ultimately determined by the returned length, but because creating a substring from an existing string is very cheap, it can be considered O(1) for small strings.';
const SET_MANY_COMPLEXITY = 'O(N) where N is the number of keys to set.';
const PAIRS = 'data(key value)...';

export const stringDocs: CommandDocs = {
  append: {
    complexity:
      'O(1). The amortized time complexity is O(1) assuming the appended value is small and the already present value is of any size, since the dynamic string library used by the server will double the free space available on every reallocation.',
    syntax: 'key value',
  },
  decr: { complexity: 'O(1)', syntax: 'key' },
  decrby: { complexity: 'O(1)', syntax: 'key decrement:integer' },
  delifeq: { complexity: 'O(1)', syntax: 'key value' },
  get: { complexity: 'O(1)', syntax: 'key' },
  getdel: { complexity: 'O(1)', syntax: 'key' },
  getex: {
    complexity: 'O(1)',
    syntax: `key [expiration<${EXPIRATION} | PERSIST>]`,
  },
  getrange: { complexity: RANGE_COMPLEXITY, syntax: 'key start:integer end:integer' },
  getset: { complexity: 'O(1)', syntax: 'key value' },
  incr: { complexity: 'O(1)', syntax: 'key' },
  incrby: { complexity: 'O(1)', syntax: 'key increment:integer' },
  incrbyfloat: { complexity: 'O(1)', syntax: 'key increment:double' },
  lcs: {
    complexity: 'O(N*M) where N and M are the lengths of s1 and s2, respectively',
    syntax: 'key1:key key2:key [LEN] [IDX] [MINMATCHLEN=min-match-len:integer] [WITHMATCHLEN]',
  },
  mget: {
    complexity: 'O(N) where N is the number of keys to retrieve.',
    syntax: 'key...',
    tips: ['request_policy:multi_shard'],
  },
  mset: { complexity: SET_MANY_COMPLEXITY, syntax: PAIRS, tips: SPLIT_ALL_SUCCEED },
  msetex: {
    complexity: SET_MANY_COMPLEXITY,
    syntax: `numkeys:integer ${PAIRS} [condition<NX | XX>] [expiration<${EXPIRATION} | KEEPTTL>]`,
    tips: SPLIT_ALL_SUCCEED,
  },
  msetnx: { complexity: SET_MANY_COMPLEXITY, syntax: PAIRS },
  psetex: { complexity: 'O(1)', syntax: 'key milliseconds:integer value' },
  set: {
    complexity: 'O(1)',
    syntax:
      'key value ' +
      "[condition<NX@2.6.12 | XX@2.6.12 | IFEQ=comparison-value@8.1.0{Sets the key's value only if the current value matches the specified comparison value.}>] " +
      '[GET@6.2.0] ' +
      '[expiration<EX=seconds:integer@2.6.12 | PX=milliseconds:integer@2.6.12 | EXAT=unix-time-seconds:unix-time@6.2.0 | PXAT=unix-time-milliseconds:unix-time@6.2.0 | KEEPTTL@6.0.0>]',
    history: [
      ['2.6.12', 'Added the `EX`, `PX`, `NX` and `XX` options.'],
      ['6.0.0', 'Added the `KEEPTTL` option.'],
      ['6.2.0', 'Added the `GET`, `EXAT` and `PXAT` option.'],
      ['7.0.0', 'Allowed the `NX` and `GET` options to be used together.'],
      ['8.1.0', 'Added the `IFEQ` option.'],
    ],
  },
  setex: { complexity: 'O(1)', syntax: 'key seconds:integer value' },
  setnx: { complexity: 'O(1)', syntax: 'key value' },
  setrange: {
    complexity:
      'O(1), not counting the time taken to copy the new string in place. Usually, this string is very small so the amortized complexity is O(1). Otherwise, complexity is O(M) with M being the length of the value argument.',
    syntax: 'key offset:integer value',
  },
  strlen: { complexity: 'O(1)', syntax: 'key' },
  substr: { complexity: RANGE_COMPLEXITY, syntax: 'key start:integer end:integer' },
};
