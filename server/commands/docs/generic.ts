/** Documentation of the commands on keys of any type. Source: Valkey 9.1 COMMAND DOCS. */
import {
  EXPIRE_CONDITION,
  LIMIT,
  NONDETERMINISTIC,
  OF_SUBCOMMAND,
  SCAN_COMPLEXITY,
  SCAN_OPTIONS,
  SHARDS_MINIMUM,
  SPLIT_AND_SUM,
} from './common.ts';
import type { CommandDocs } from './doc.ts';

const EXPIRE_OPTIONS = `[${EXPIRE_CONDITION}@7.0.0]`;
const EXPIRE_HISTORY = [['7.0.0', 'Added options: `NX`, `XX`, `GT` and `LT`.']] as const;
const TTL_HISTORY = [['2.8.0', 'Added the -2 reply.']] as const;
const SORT = `key [BY=by-pattern:pattern#1/pattern] [${LIMIT}] [GET=get-pattern:pattern#1/pattern...*] [order<ASC | DESC>] [ALPHA~sorting]`;
const SORT_COMPLEXITY =
  'O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the number of returned elements. When the elements are not sorted, complexity is O(N).';

export const genericDocs: CommandDocs = {
  copy: {
    complexity: 'O(N) worst case for collections, where N is the number of nested items. O(1) for string values.',
    syntax: 'source:key destination:key1 [DB=destination-db:integer] [REPLACE]',
  },
  del: {
    complexity:
      'O(N) where N is the number of keys that will be removed. When a key to remove holds a value other than a string, the individual complexity for this key is O(M) where M is the number of elements in the list, set, sorted set or hash. Removing a single key that holds a string value is O(1).',
    syntax: 'key...',
    tips: SPLIT_AND_SUM,
  },
  dump: {
    complexity:
      'O(1) to access the key and additional O(N*M) to serialize it, where N is the number of objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1).',
    syntax: 'key',
    tips: NONDETERMINISTIC,
  },
  exists: {
    complexity: 'O(N) where N is the number of keys to check.',
    syntax: 'key...',
    history: [['3.0.3', 'Accepts multiple `key` arguments.']],
    tips: SPLIT_AND_SUM,
  },
  expire: { complexity: 'O(1)', syntax: `key seconds:integer ${EXPIRE_OPTIONS}`, history: EXPIRE_HISTORY },
  expireat: {
    complexity: 'O(1)',
    syntax: `key unix-time-seconds:unix-time ${EXPIRE_OPTIONS}`,
    history: EXPIRE_HISTORY,
  },
  expiretime: { complexity: 'O(1)', syntax: 'key' },
  keys: {
    complexity:
      'O(N) with N being the number of keys in the database, under the assumption that the key names in the database and the given pattern have limited length.',
    syntax: 'pattern:pattern',
    tips: ['request_policy:all_shards', 'nondeterministic_output_order'],
  },
  migrate: {
    complexity:
      'This command actually executes a DUMP+DEL in the source instance, and a RESTORE in the target instance. See the pages of these commands for time complexity. Also an O(N) data transfer between the two instances is performed.',
    syntax:
      'host port:integer key-selector<key | ""~empty-string> destination-db:integer timeout:integer ' +
      '[COPY@3.0.0] [REPLACE@3.0.0] ' +
      '[authentication<AUTH=auth/password@4.0.7 | AUTH2=auth2(username password)@6.0.0>] ' +
      '[KEYS=keys:key1/key@3.0.6]...',
    history: [
      ['3.0.0', 'Added the `COPY` and `REPLACE` options.'],
      ['3.0.6', 'Added the `KEYS` option.'],
      ['4.0.7', 'Added the `AUTH` option.'],
      ['6.0.0', 'Added the `AUTH2` option.'],
    ],
    tips: NONDETERMINISTIC,
  },
  move: { complexity: 'O(1)', syntax: 'key db:integer' },
  object: { complexity: OF_SUBCOMMAND },
  'object|encoding': { complexity: 'O(1)', syntax: 'key', tips: NONDETERMINISTIC },
  'object|freq': { complexity: 'O(1)', syntax: 'key', tips: NONDETERMINISTIC },
  'object|help': { complexity: 'O(1)' },
  'object|idletime': { complexity: 'O(1)', syntax: 'key', tips: NONDETERMINISTIC },
  'object|refcount': { complexity: 'O(1)', syntax: 'key', tips: NONDETERMINISTIC },
  persist: { complexity: 'O(1)', syntax: 'key' },
  pexpire: { complexity: 'O(1)', syntax: `key milliseconds:integer ${EXPIRE_OPTIONS}`, history: EXPIRE_HISTORY },
  pexpireat: {
    complexity: 'O(1)',
    syntax: `key unix-time-milliseconds:unix-time ${EXPIRE_OPTIONS}`,
    history: EXPIRE_HISTORY,
  },
  pexpiretime: { complexity: 'O(1)', syntax: 'key' },
  pttl: { complexity: 'O(1)', syntax: 'key', history: TTL_HISTORY, tips: NONDETERMINISTIC },
  randomkey: {
    complexity: 'O(1)',
    tips: ['request_policy:all_shards', 'response_policy:special', 'nondeterministic_output'],
  },
  rename: { complexity: 'O(1)', syntax: 'key newkey:key1' },
  renamenx: {
    complexity: 'O(1)',
    syntax: 'key newkey:key1',
    history: [['3.2.0', 'The command no longer returns an error when source and destination names are the same.']],
  },
  restore: {
    complexity:
      'O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N is the number of objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).',
    syntax:
      'key ttl:integer serialized-value [REPLACE@3.0.0] [ABSTTL@5.0.0] [IDLETIME=seconds:integer@5.0.0] [FREQ=frequency:integer@5.0.0]',
    history: [
      ['3.0.0', 'Added the `REPLACE` modifier.'],
      ['5.0.0', 'Added the `ABSTTL` modifier.'],
      ['5.0.0', 'Added the `IDLETIME` and `FREQ` options.'],
    ],
  },
  scan: {
    complexity: SCAN_COMPLEXITY,
    syntax: `cursor:integer ${SCAN_OPTIONS} [TYPE=type@6.0.0]`,
    history: [['6.0.0', 'Added the `TYPE` subcommand.']],
    tips: ['nondeterministic_output', 'request_policy:special', 'response_policy:special'],
  },
  sort: { complexity: SORT_COMPLEXITY, syntax: `${SORT} [STORE=destination:key2]` },
  sort_ro: { complexity: SORT_COMPLEXITY, syntax: SORT },
  touch: {
    complexity: 'O(N) where N is the number of keys that will be touched.',
    syntax: 'key...',
    tips: SPLIT_AND_SUM,
  },
  ttl: { complexity: 'O(1)', syntax: 'key', history: TTL_HISTORY, tips: NONDETERMINISTIC },
  type: { complexity: 'O(1)', syntax: 'key' },
  unlink: {
    complexity:
      'O(1) for each key removed regardless of its size. Then the command does O(N) work in a different thread in order to reclaim memory, where N is the number of allocations the deleted objects where composed of.',
    syntax: 'key...',
    tips: SPLIT_AND_SUM,
  },
  wait: { complexity: 'O(1)', syntax: 'numreplicas:integer timeout:integer', tips: SHARDS_MINIMUM },
  waitaof: {
    complexity: 'O(1)',
    syntax: 'numlocal:integer numreplicas:integer timeout:integer',
    tips: SHARDS_MINIMUM,
  },
};
