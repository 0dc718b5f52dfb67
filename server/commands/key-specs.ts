/**
 * Where the keys of every command stand and how it treats them: what COMMAND INFO calls key specs, and what permissions are checked by.
 * One table, by full name; commands that share their specs share a row of it.
 * Source: Valkey 9.1 `src/commands/*.json`, as COMMAND INFO of a running server gives them.
 */

/** Reads the value, writes it, overwrites it without looking, removes it without looking. */
export const KEY_RO = 1 << 0;
export const KEY_RW = 1 << 1;
export const KEY_OW = 1 << 2;
export const KEY_RM = 1 << 3;
/** User data comes out by it; goes in; is added without taking any away; is taken away. */
export const KEY_ACCESS = 1 << 4;
export const KEY_UPDATE = 1 << 5;
export const KEY_INSERT = 1 << 6;
export const KEY_DELETE = 1 << 7;
/** Routed as a key but none (a shard channel). */
export const KEY_NOT_KEY = 1 << 8;
/** There are more keys than the spec tells, or its flags depend on the arguments: `exactKeys` of key-references.ts knows. */
export const KEY_INCOMPLETE = 1 << 9;
export const KEY_VARIABLE_FLAGS = 1 << 10;

/** Names of the flags as COMMAND INFO gives them. */
export const KEY_FLAG_NAMES: readonly (readonly [number, string])[] = [
  [KEY_RO, 'RO'],
  [KEY_RW, 'RW'],
  [KEY_OW, 'OW'],
  [KEY_RM, 'RM'],
  [KEY_ACCESS, 'access'],
  [KEY_UPDATE, 'update'],
  [KEY_INSERT, 'insert'],
  [KEY_DELETE, 'delete'],
  [KEY_NOT_KEY, 'not_key'],
  [KEY_INCOMPLETE, 'incomplete'],
  [KEY_VARIABLE_FLAGS, 'variable_flags'],
];

export type BeginSearch =
  | { readonly type: 'index'; readonly index: number }
  | { readonly type: 'keyword'; readonly keyword: string; readonly startFrom: number }
  | { readonly type: 'unknown' };

export type FindKeys =
  | { readonly type: 'range'; readonly lastKey: number; readonly step: number; readonly limit: number }
  | { readonly type: 'keynum'; readonly countIndex: number; readonly firstKey: number; readonly step: number }
  | { readonly type: 'unknown' };

export interface KeySpecification {
  readonly flags: number;
  readonly notes: string;
  readonly begin: BeginSearch;
  readonly find: FindKeys;
}

function flagsOf(names: string): number {
  let flags = 0;
  for (const name of names.split(' ')) flags |= KEY_FLAG_NAMES.find(([, known]) => known === name)![0];
  return flags;
}

/** From argument `index` on, up to `lastKey` (counted from there; below 0 from the end). */
function keys(flags: string, index: number, lastKey = 0, step = 1, notes = ''): KeySpecification {
  const find: FindKeys = { type: 'range', lastKey, step, limit: 0 };
  return { flags: flagsOf(flags), notes, begin: { type: 'index', index }, find };
}

/** As many as argument `index` says, after it. */
function countedKeys(flags: string, index: number, step = 1, notes = ''): KeySpecification {
  const find: FindKeys = { type: 'keynum', countIndex: 0, firstKey: 1, step };
  return { flags: flagsOf(flags), notes, begin: { type: 'index', index }, find };
}

/** After a keyword, looked for from an argument on (below 0: backwards from the end). `limit` 2: the first half of what is left. */
function keysAfter(
  flags: string,
  keyword: string,
  startFrom: number,
  lastKey: number,
  limit: number,
  notes = '',
): KeySpecification {
  const find: FindKeys = { type: 'range', lastKey, step: 1, limit };
  return { flags: flagsOf(flags), notes, begin: { type: 'keyword', keyword, startFrom }, find };
}

function unknownKeys(flags: string, notes: string): KeySpecification {
  return { flags: flagsOf(flags), notes, begin: { type: 'unknown' }, find: { type: 'unknown' } };
}

const TABLE: readonly (readonly [readonly KeySpecification[], string])[] = [
  [
    [keys('RO access', 1)],
    'bitcount bitfield_ro bitpos dump expiretime geodist geohash geopos georadius_ro georadiusbymember_ro geosearch get getbit getrange hexpiretime hget hgetall hkeys hmget hpexpiretime hpttl hrandfield hscan httl hvals lindex lpos lrange pexpiretime pttl smembers smismember srandmember sscan substr ttl xpending xrange xrevrange zcount zlexcount zmscore zrandmember zrange zrangebylex zrangebyscore zrank zrevrange zrevrangebylex zrevrangebyscore zrevrank zscan zscore',
  ],
  [
    [keys('RW update', 1)],
    'expire expireat geoadd hexpire hexpireat hmset hpersist hpexpire hpexpireat hset lset persist pexpire pexpireat setrange xack xclaim xsetid zadd',
  ],
  [
    [keys('RW access update', 1)],
    'decr decrby getset hgetex hincrby hincrbyfloat incr incrby incrbyfloat move setbit zincrby',
  ],
  [
    [keys('RW delete', 1)],
    'hdel lrem ltrim srem xautoclaim xdel xtrim zrem zremrangebylex zremrangebyrank zremrangebyscore',
  ],
  [[keys('RW insert', 1)], 'append hsetex hsetnx linsert lpush lpushx pfadd rpush rpushx sadd'],
  [[keys('RO', 1)], 'hexists hlen hstrlen llen scard sismember strlen type xlen zcard'],
  [[keys('RW access delete', 1)], 'getdel hgetdel lpop rpop spop zpopmax zpopmin'],
  [[keys('RW access delete', 1), keys('RW insert', 2)], 'blmove brpoplpush lmove rpoplpush smove'],
  [[keys('RO', 2)], 'memory|usage object|encoding object|freq object|idletime object|refcount'],
  [[countedKeys('RO access', 1)], 'sintercard zdiff zinter zintercard zunion'],
  [[keys('RW access delete', 1, -2)], 'blpop brpop bzpopmax bzpopmin'],
  [[keys('RO access', 1, -1)], 'mget sdiff sinter sunion'],
  [[keys('OW update', 1)], 'psetex restore restore-asking setex'],
  [[keys('RO', 1, -1)], 'exists touch watch'],
  [[keys('OW update', 1), keys('RO access', 2, -1)], 'sdiffstore sinterstore sunionstore'],
  [[keys('RO access', 2)], 'xinfo|consumers xinfo|groups xinfo|stream'],
  [[keys('OW update', 1), countedKeys('RO access', 2)], 'zdiffstore zinterstore zunionstore'],
  [[countedKeys('RW access delete', 2)], 'blmpop bzmpop'],
  [[keys('not_key', 1)], 'clusterscan spublish'],
  [[keys('RM delete', 1, -1)], 'del unlink'],
  [
    [
      countedKeys(
        'RW access update',
        2,
        1,
        'We cannot tell how the keys will be used so we assume the worst, RW and UPDATE',
      ),
    ],
    'eval fcall',
  ],
  [
    [countedKeys('RO access', 2, 1, 'We cannot tell how the keys will be used so we assume the worst, RO and ACCESS')],
    'eval_ro fcall_ro',
  ],
  [[keys('OW update', 1), keys('RO access', 2)], 'geosearchstore zrangestore'],
  [[countedKeys('RW access delete', 1)], 'lmpop zmpop'],
  [[keys('not_key', 1, -1)], 'ssubscribe sunsubscribe'],
  [[keys('RW insert', 2)], 'xgroup|create xgroup|createconsumer'],
  [[keys('RW delete', 2)], 'xgroup|delconsumer xgroup|destroy'],
  [
    [keys('RW access update variable_flags', 1, 0, 1, 'This command allows both access and modification of the key')],
    'bitfield',
  ],
  [[keys('OW update', 2), keys('RO access', 3, -1)], 'bitop'],
  [[keys('RO access', 1), keys('OW update', 2)], 'copy'],
  [[keys('RM delete', 1)], 'delifeq'],
  [[countedKeys('RW access update', 2)], 'evalsha'],
  [[countedKeys('RO access', 2)], 'evalsha_ro'],
  [
    [
      keys('RO access', 1),
      keysAfter('OW update variable_flags', 'STORE', 6, 0, 0),
      keysAfter('OW update variable_flags', 'STOREDIST', 6, 0, 0),
    ],
    'georadius',
  ],
  [
    [
      keys('RO access', 1),
      keysAfter('OW update variable_flags', 'STORE', 5, 0, 0),
      keysAfter('OW update variable_flags', 'STOREDIST', 5, 0, 0),
    ],
    'georadiusbymember',
  ],
  [[keys('RW access update', 1, 0, 1, 'RW and UPDATE because it changes the TTL')], 'getex'],
  [[keys('RO access', 1, 1)], 'lcs'],
  [[keys('RW access delete', 3), keysAfter('RW access delete incomplete', 'KEYS', -2, -1, 0)], 'migrate'],
  [[keys('OW update', 1, -1, 2)], 'mset'],
  [[countedKeys('OW update', 1, 2)], 'msetex'],
  [[keys('OW insert', 1, -1, 2)], 'msetnx'],
  [
    [
      keys(
        'RW access',
        1,
        -1,
        1,
        'RW because it may change the internal representation of the key, and propagate to replicas',
      ),
    ],
    'pfcount',
  ],
  [[keys('RW access', 2)], 'pfdebug'],
  [[keys('RW access insert', 1), keys('RO access', 2, -1)], 'pfmerge'],
  [[keys('RW access delete', 1), keys('OW update', 2)], 'rename'],
  [[keys('RW access delete', 1), keys('OW insert', 2)], 'renamenx'],
  [[keys('RW access update variable_flags', 1, 0, 1, 'RW and ACCESS due to the optional `GET` argument')], 'set'],
  [[keys('OW insert', 1)], 'setnx'],
  [
    [
      keys('RO access', 1),
      unknownKeys(
        'RO access',
        "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort",
      ),
      unknownKeys(
        'OW update',
        "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in the argument array",
      ),
    ],
    'sort',
  ],
  [
    [
      keys('RO access', 1),
      unknownKeys(
        'RO access',
        "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the content of the key we sort",
      ),
    ],
    'sort_ro',
  ],
  [[keys('RW update', 1, 0, 1, 'UPDATE instead of INSERT because of the optional trimming feature')], 'xadd'],
  [[keys('RW update', 2)], 'xgroup|setid'],
  [[keysAfter('RO access', 'STREAMS', 1, -1, 2)], 'xread'],
  [[keysAfter('RO access', 'STREAMS', 4, -1, 2)], 'xreadgroup'],
];

const NONE: readonly KeySpecification[] = [];

const byName: ReadonlyMap<string, readonly KeySpecification[]> = new Map(
  TABLE.flatMap(([specs, names]) => names.split(' ').map((name) => [name, specs] as const)),
);

/** The key specs of a command by its full name (`xgroup|create`). */
export function keySpecsOf(fullName: string): readonly KeySpecification[] {
  return byName.get(fullName) ?? NONE;
}
