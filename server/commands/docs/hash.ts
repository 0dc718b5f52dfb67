/** Documentation of the hash commands. Source: Valkey 9.1 COMMAND DOCS. */
import {
  EXPIRATION,
  EXPIRE_CONDITION,
  NONDETERMINISTIC,
  NONDETERMINISTIC_ORDER,
  SCAN_COMPLEXITY,
  SCAN_OPTIONS,
} from './common.ts';
import type { CommandDocs } from './doc.ts';

const WHOLE_HASH = 'O(N) where N is the size of the hash.';
const PER_FIELD = 'O(N) where N is the number of specified fields.';
const PAIRS = 'data(field value)...';
/** The number of fields stands with the command's key in COMMAND DOCS, though it is none; not so in HEXPIRE. */
const NUMFIELDS = 'numfields:integer#0';
const FIELDS = `FIELDS=fields(${NUMFIELDS} field...)`;
const EXPIRE_OPTIONS = `[${EXPIRE_CONDITION}@9.0.0]`;

export const hashDocs: CommandDocs = {
  hdel: {
    complexity: 'O(N) where N is the number of fields to be removed.',
    syntax: 'key field...',
    history: [['2.4.0', 'Accepts multiple `field` arguments.']],
  },
  hexists: { complexity: 'O(1)', syntax: 'key field' },
  hexpire: {
    complexity: PER_FIELD,
    syntax: `key seconds:integer [${EXPIRE_CONDITION}] FIELDS=fields(numfields:integer field...)`,
  },
  hexpireat: { complexity: PER_FIELD, syntax: `key unix-time-seconds:integer ${EXPIRE_OPTIONS} ${FIELDS}` },
  hexpiretime: { complexity: PER_FIELD, syntax: `key ${FIELDS}` },
  hget: { complexity: 'O(1)', syntax: 'key field' },
  hgetall: { complexity: WHOLE_HASH, syntax: 'key', tips: NONDETERMINISTIC_ORDER },
  hgetdel: {
    complexity: 'O(N) where N is the number of fields to be retrieved and deleted.',
    syntax: `key ${FIELDS}`,
  },
  hgetex: { complexity: PER_FIELD, syntax: `key [expiration<${EXPIRATION} | PERSIST>] ${FIELDS}` },
  hincrby: { complexity: 'O(1)', syntax: 'key field increment:integer' },
  hincrbyfloat: { complexity: 'O(1)', syntax: 'key field increment:double' },
  hkeys: { complexity: WHOLE_HASH, syntax: 'key', tips: NONDETERMINISTIC_ORDER },
  hlen: { complexity: 'O(1)', syntax: 'key' },
  hmget: { complexity: 'O(N) where N is the number of fields being requested.', syntax: 'key field...' },
  hmset: { complexity: 'O(N) where N is the number of fields being set.', syntax: `key ${PAIRS}` },
  hpersist: { complexity: PER_FIELD, syntax: `key ${FIELDS}` },
  hpexpire: { complexity: PER_FIELD, syntax: `key milliseconds:integer ${EXPIRE_OPTIONS} ${FIELDS}` },
  hpexpireat: { complexity: PER_FIELD, syntax: `key unix-time-milliseconds:integer ${EXPIRE_OPTIONS} ${FIELDS}` },
  hpexpiretime: { complexity: PER_FIELD, syntax: `key ${FIELDS}` },
  hpttl: { complexity: PER_FIELD, syntax: `key ${FIELDS}` },
  hrandfield: {
    complexity: 'O(N) where N is the number of fields returned',
    syntax: 'key [options(count:integer [WITHVALUES])]',
    tips: NONDETERMINISTIC,
  },
  hscan: {
    complexity: SCAN_COMPLEXITY,
    syntax: `key cursor:integer ${SCAN_OPTIONS} [NOVALUES]`,
    tips: NONDETERMINISTIC,
  },
  hset: {
    complexity:
      'O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command is called with multiple field/value pairs.',
    syntax: `key ${PAIRS}`,
    history: [['4.0.0', 'Accepts multiple `field` and `value` arguments.']],
  },
  hsetex: {
    complexity: PER_FIELD,
    syntax: `key [key-condition<NX | XX>] [fields-condition<FNX | FXX>] [expiration<${EXPIRATION} | KEEPTTL>] FIELDS=fields(${NUMFIELDS} ${PAIRS})`,
  },
  hsetnx: { complexity: 'O(1)', syntax: 'key field value' },
  hstrlen: { complexity: 'O(1)', syntax: 'key field' },
  httl: { complexity: PER_FIELD, syntax: `key ${FIELDS}` },
  hvals: { complexity: WHOLE_HASH, syntax: 'key', tips: NONDETERMINISTIC_ORDER },
};
