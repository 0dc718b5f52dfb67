/**
 * Random commands by group, weighted so that what a group does most comes most. Left out is what answers by chance (RANDOMKEY, SPOP of
 * some, SRANDMEMBER) or tells of the process.
 */
import fc from 'fast-check';
import {
  type AnyWords,
  anyKey,
  atMillis,
  atSeconds,
  counted,
  expiry,
  float,
  index,
  integer,
  key,
  maybe,
  member,
  oneOf,
  pattern,
  seq,
  small,
  times,
  ttlMillis,
  ttlSeconds,
  value,
} from './words.ts';

const strings: readonly AnyWords[] = [
  seq(
    'SET',
    key('string'),
    value,
    maybe(oneOf('NX', 'XX', 'GET', 'KEEPTTL')),
    maybe(expiry),
    maybe(oneOf('NX', 'XX', 'GET')),
  ),
  seq('SET', key('string'), value, 'IFEQ', value, maybe('GET')),
  seq('GET', key('string')),
  seq('GETEX', key('string'), maybe(fc.oneof(expiry, seq('PERSIST')))),
  seq('GETSET', key('string'), value),
  seq('GETDEL', key('string')),
  seq('APPEND', key('string'), value),
  seq('STRLEN', key('string')),
  seq('SETRANGE', key('string'), small, value),
  seq('GETRANGE', key('string'), index, index),
  seq('MGET', times(1, 3, key('string'))),
  seq(oneOf('MSET', 'MSETNX'), times(1, 3, key('string'), value)),
  seq('MSETEX', counted(1, 3, key('string'), value), maybe(oneOf('NX', 'XX')), maybe(fc.oneof(expiry, seq('KEEPTTL')))),
  seq(oneOf('SETEX', 'PSETEX'), key('string'), ttlSeconds, value),
  seq('SETNX', key('string'), value),
  seq(oneOf('INCR', 'DECR'), key('counter')),
  seq(oneOf('INCRBY', 'DECRBY'), key('counter'), integer),
  seq('INCRBYFLOAT', key('counter'), float),
  seq('DELIFEQ', key('string'), value),
  seq(
    'LCS',
    key('string'),
    key('string'),
    maybe('LEN'),
    maybe('IDX'),
    maybe('MINMATCHLEN', small),
    maybe('WITHMATCHLEN'),
  ),
  seq('SUBSTR', key('string'), index, index),
];

const keys: readonly AnyWords[] = [
  seq(oneOf('DEL', 'UNLINK', 'EXISTS', 'TOUCH'), times(1, 3, anyKey)),
  seq('TYPE', anyKey),
  seq('EXPIRE', anyKey, ttlSeconds, maybe(oneOf('NX', 'XX', 'GT', 'LT'))),
  seq('PEXPIRE', anyKey, ttlMillis, maybe(oneOf('NX', 'XX', 'GT', 'LT'))),
  seq('EXPIREAT', anyKey, atSeconds, maybe(oneOf('NX', 'XX', 'GT', 'LT'))),
  seq('PEXPIREAT', anyKey, atMillis),
  seq(oneOf('TTL', 'PTTL', 'EXPIRETIME', 'PEXPIRETIME', 'PERSIST'), anyKey),
  seq(oneOf('RENAME', 'RENAMENX'), anyKey, anyKey),
  seq('COPY', anyKey, anyKey, maybe('DB', oneOf('0', '1', '2', '99', 'x')), maybe('REPLACE')),
  seq('MOVE', anyKey, oneOf('0', '1', '2', '77')),
  seq('SELECT', oneOf('0', '1', '2')),
  seq('SWAPDB', oneOf('0', '1'), oneOf('1', '2')),
  seq('DBSIZE'),
  seq('KEYS', pattern),
  seq(
    'SCAN',
    '0',
    'COUNT',
    '100000',
    maybe('MATCH', pattern),
    maybe('TYPE', oneOf('string', 'hash', 'zset', 'nosuch')),
  ),
  seq('OBJECT', 'ENCODING', anyKey),
  seq('OBJECT', 'REFCOUNT', anyKey),
  seq('DUMP', 'nosuch'),
  seq(
    oneOf('SORT', 'SORT_RO'),
    fc.oneof(key('list'), key('set'), key('zset')),
    maybe('LIMIT', index, small),
    maybe('ALPHA'),
    maybe(oneOf('ASC', 'DESC')),
  ),
  seq(
    'SORT',
    fc.oneof(key('list'), key('set')),
    'ALPHA',
    maybe('BY', oneOf('nosort', 'string:*', 'hash:*->m1')),
    maybe('GET', oneOf('#', 'string:*', 'hash:0->*')),
    maybe('STORE', key('list')),
  ),
  seq(oneOf('FLUSHDB', 'FLUSHALL'), maybe(oneOf('SYNC', 'ASYNC'))),
];

const hashes: readonly AnyWords[] = [
  seq(oneOf('HSET', 'HMSET'), key('hash'), times(1, 4, member, value)),
  seq('HSETNX', key('hash'), member, value),
  seq(oneOf('HGET', 'HEXISTS', 'HSTRLEN'), key('hash'), member),
  seq('HMGET', key('hash'), times(1, 3, member)),
  seq('HDEL', key('hash'), times(1, 3, member)),
  seq(oneOf('HGETALL', 'HKEYS', 'HVALS', 'HLEN'), key('hash')),
  seq('HINCRBY', key('hash'), member, integer),
  seq('HINCRBYFLOAT', key('hash'), member, float),
  seq('HSCAN', key('hash'), '0', 'COUNT', '100000', maybe('MATCH', pattern), maybe('NOVALUES')),
  seq('HEXPIRE', key('hash'), ttlSeconds, maybe(oneOf('NX', 'XX', 'GT', 'LT')), 'FIELDS', counted(1, 3, member)),
  seq('HPEXPIRE', key('hash'), ttlMillis, maybe(oneOf('NX', 'XX', 'GT', 'LT')), 'FIELDS', counted(1, 3, member)),
  seq('HEXPIREAT', key('hash'), atSeconds, 'FIELDS', counted(1, 3, member)),
  seq('HPEXPIREAT', key('hash'), atMillis, 'FIELDS', counted(1, 3, member)),
  seq(
    oneOf('HTTL', 'HPTTL', 'HEXPIRETIME', 'HPEXPIRETIME', 'HPERSIST', 'HGETDEL'),
    key('hash'),
    'FIELDS',
    counted(1, 3, member),
  ),
  seq('HGETEX', key('hash'), maybe(fc.oneof(expiry, seq('PERSIST'))), 'FIELDS', counted(1, 3, member)),
  seq(
    'HSETEX',
    key('hash'),
    maybe(oneOf('NX', 'XX', 'FNX', 'FXX')),
    maybe(fc.oneof(expiry, seq('KEEPTTL'))),
    'FIELDS',
    counted(1, 3, member, value),
  ),
];

const side = oneOf('LEFT', 'RIGHT');
const lists: readonly AnyWords[] = [
  seq(oneOf('LPUSH', 'RPUSH', 'LPUSHX', 'RPUSHX'), key('list'), times(1, 4, member)),
  seq(oneOf('LPUSH', 'RPUSH'), key('list'), times(1, 3, value)),
  seq(oneOf('LPOP', 'RPOP'), key('list'), maybe(small)),
  seq('LRANGE', key('list'), index, index),
  seq('LLEN', key('list')),
  seq('LINDEX', key('list'), index),
  seq('LSET', key('list'), index, member),
  seq('LINSERT', key('list'), oneOf('BEFORE', 'AFTER', 'near'), member, member),
  seq('LREM', key('list'), oneOf('-2', '-1', '0', '1', '2'), member),
  seq('LTRIM', key('list'), index, index),
  seq('LPOS', key('list'), member, maybe('RANK', index), maybe('COUNT', small), maybe('MAXLEN', small)),
  seq('LMOVE', key('list'), key('list'), side, side),
  seq('RPOPLPUSH', key('list'), key('list')),
  seq('LMPOP', counted(1, 3, key('list')), side, maybe('COUNT', small)),
  seq(oneOf('BLPOP', 'BRPOP'), times(1, 2, key('list')), oneOf('-1', 'x')),
];

const sets: readonly AnyWords[] = [
  seq(oneOf('SADD', 'SREM'), key('set'), times(1, 5, member)),
  seq('SISMEMBER', key('set'), member),
  seq('SMISMEMBER', key('set'), times(1, 3, member)),
  seq(oneOf('SMEMBERS', 'SCARD'), key('set')),
  seq('SMOVE', key('set'), key('set'), member),
  seq('SPOP', key('set'), '1000'),
  seq(oneOf('SINTER', 'SUNION', 'SDIFF'), times(1, 3, key('set'))),
  seq(oneOf('SINTERSTORE', 'SUNIONSTORE', 'SDIFFSTORE'), key('set'), times(1, 3, key('set'))),
  seq('SINTERCARD', counted(1, 3, key('set')), maybe('LIMIT', small)),
  seq('SSCAN', key('set'), '0', 'COUNT', '100000', maybe('MATCH', pattern)),
];

const scoreBound = fc.oneof(
  float,
  float.map((text) => `(${text}`),
);
/** Order by name is promised where all scores are equal alone: these keys nothing else writes to. */
const lexKey = oneOf('lex:0', 'lex:1');

const lexBound = fc.oneof(
  oneOf('-', '+', '[', '(m3'),
  member.map((text) => `[${text}`),
  member.map((text) => `(${text}`),
);
const aggregate = seq(maybe('WEIGHTS', float, float), maybe('AGGREGATE', oneOf('SUM', 'MIN', 'MAX')));
const sortedSets: readonly AnyWords[] = [
  seq('ZADD', key('zset'), maybe(oneOf('NX', 'XX')), maybe(oneOf('GT', 'LT')), maybe('CH'), times(1, 4, float, member)),
  seq('ZADD', key('zset'), 'INCR', float, member),
  seq('ZINCRBY', key('zset'), float, member),
  seq(oneOf('ZSCORE', 'ZRANK', 'ZREVRANK'), key('zset'), member),
  seq('ZRANK', key('zset'), member, 'WITHSCORE'),
  seq('ZMSCORE', key('zset'), times(1, 3, member)),
  seq('ZCARD', key('zset')),
  seq('ZREM', key('zset'), times(1, 3, member)),
  seq('ZRANGE', key('zset'), index, index, maybe('REV'), maybe('WITHSCORES')),
  seq(
    'ZRANGE',
    key('zset'),
    scoreBound,
    scoreBound,
    'BYSCORE',
    maybe('REV'),
    maybe('LIMIT', index, index),
    maybe('WITHSCORES'),
  ),
  seq('ZADD', lexKey, times(1, 4, '0', member)),
  seq('ZREM', lexKey, member),
  seq('ZRANGE', lexKey, lexBound, lexBound, 'BYLEX', maybe('REV'), maybe('LIMIT', index, index)),
  seq('ZRANGESTORE', key('zset'), key('zset'), index, index, maybe('REV')),
  seq(
    oneOf('ZRANGEBYSCORE', 'ZREVRANGEBYSCORE'),
    key('zset'),
    scoreBound,
    scoreBound,
    maybe('WITHSCORES'),
    maybe('LIMIT', index, index),
  ),
  seq(oneOf('ZCOUNT', 'ZREMRANGEBYSCORE'), key('zset'), scoreBound, scoreBound),
  seq(oneOf('ZLEXCOUNT', 'ZREMRANGEBYLEX', 'ZRANGEBYLEX'), lexKey, lexBound, lexBound),
  seq('ZREMRANGEBYRANK', key('zset'), index, index),
  seq(oneOf('ZPOPMIN', 'ZPOPMAX'), key('zset'), maybe(small)),
  seq('ZMPOP', counted(1, 2, key('zset')), oneOf('MIN', 'MAX'), maybe('COUNT', small)),
  seq(oneOf('ZUNION', 'ZINTER'), '2', key('zset'), fc.oneof(key('zset'), key('set')), aggregate, maybe('WITHSCORES')),
  seq('ZDIFF', counted(1, 3, key('zset')), maybe('WITHSCORES')),
  seq(oneOf('ZUNIONSTORE', 'ZINTERSTORE'), key('zset'), '2', key('zset'), fc.oneof(key('zset'), key('set')), aggregate),
  seq('ZDIFFSTORE', key('zset'), counted(1, 3, key('zset'))),
  seq('ZINTERCARD', counted(1, 3, key('zset')), maybe('LIMIT', small)),
  seq('ZSCAN', key('zset'), '0', 'COUNT', '100000', maybe('MATCH', pattern)),
];

const streamId = fc.oneof(
  fc.tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 3 })).map(([ms, n]) => `${ms}-${n}`),
  fc.constantFrom('5-*', '*', '0', '3', '18446744073709551615-1', 'x', '0-0'),
);
const streamBound = fc.oneof(
  streamId,
  streamId.map((id) => `(${id}`),
  oneOf('-', '+'),
);
const trimming = seq(oneOf('MAXLEN', 'MINID'), maybe(oneOf('=', '~')), small, maybe('LIMIT', small));
const group = oneOf('g1', 'g2');
const consumer = oneOf('alice', 'bob');
const streams: readonly AnyWords[] = [
  seq('XADD', key('stream'), maybe('NOMKSTREAM'), maybe(trimming), streamId, times(1, 2, member, value)),
  seq('XADD', key('stream'), '*', member, value),
  seq('XLEN', key('stream')),
  seq('XRANGE', key('stream'), streamBound, streamBound, maybe('COUNT', small)),
  seq('XREVRANGE', key('stream'), streamBound, streamBound, maybe('COUNT', small)),
  seq('XDEL', key('stream'), times(1, 2, streamId)),
  seq('XTRIM', key('stream'), trimming),
  seq('XSETID', key('stream'), streamId),
  seq('XREAD', maybe('COUNT', small), 'STREAMS', key('stream'), fc.oneof(streamId, oneOf('$', '+'))),
  seq(
    'XGROUP',
    'CREATE',
    key('stream'),
    group,
    fc.oneof(streamId, oneOf('$')),
    maybe('MKSTREAM'),
    maybe('ENTRIESREAD', small),
  ),
  seq('XGROUP', oneOf('CREATECONSUMER', 'DELCONSUMER'), key('stream'), group, consumer),
  seq('XGROUP', 'SETID', key('stream'), group, streamId),
  seq('XGROUP', 'DESTROY', key('stream'), group),
  seq(
    'XREADGROUP',
    'GROUP',
    group,
    consumer,
    maybe('COUNT', small),
    maybe('NOACK'),
    'STREAMS',
    key('stream'),
    fc.oneof(oneOf('>'), streamId),
  ),
  seq('XACK', key('stream'), group, times(1, 2, streamId)),
  seq('XPENDING', key('stream'), group),
  seq('XPENDING', key('stream'), group, maybe('IDLE', ttlMillis), '-', '+', small, maybe(consumer)),
  seq(
    'XCLAIM',
    key('stream'),
    group,
    consumer,
    oneOf('0', '1000'),
    times(1, 2, streamId),
    maybe('FORCE'),
    maybe('JUSTID'),
  ),
  seq(
    'XAUTOCLAIM',
    key('stream'),
    group,
    consumer,
    oneOf('0', '1000'),
    streamId,
    maybe('COUNT', small),
    maybe('JUSTID'),
  ),
  seq('XINFO', 'GROUPS', key('stream')),
  seq('XINFO', 'CONSUMERS', key('stream'), group),
];

const bitOffset = fc.oneof(fc.integer({ min: 0, max: 100 }).map(String), oneOf('-1', '4294967296', 'x'));
const bits: readonly AnyWords[] = [
  seq('SETBIT', key('bits'), bitOffset, oneOf('0', '1', '2')),
  seq('GETBIT', key('bits'), bitOffset),
  seq('BITCOUNT', key('bits'), maybe(index, index, maybe(oneOf('BYTE', 'BIT')))),
  seq('BITPOS', key('bits'), oneOf('0', '1', '2'), maybe(index), maybe(index)),
  seq('BITOP', oneOf('AND', 'OR', 'XOR', 'NOT'), key('bits'), times(1, 3, fc.oneof(key('bits'), key('string')))),
  seq(
    'BITFIELD',
    key('bits'),
    maybe('OVERFLOW', oneOf('WRAP', 'SAT', 'FAIL')),
    times(
      1,
      3,
      fc.oneof(
        seq('GET', oneOf('u8', 'i5', 'u63', 'i64', 'u64'), bitOffset),
        seq(oneOf('SET', 'INCRBY'), oneOf('u8', 'i5', 'i64'), oneOf('0', '#1', '7'), integer),
      ),
    ),
  ),
  seq('BITFIELD_RO', key('bits'), 'GET', oneOf('u4', 'i16'), bitOffset),
];

const hyperLogLogs: readonly AnyWords[] = [
  seq('PFADD', key('hll'), times(0, 5, member)),
  seq('PFCOUNT', times(1, 3, key('hll'))),
  seq('PFMERGE', key('hll'), times(0, 3, key('hll'))),
];

const longitude = fc.integer({ min: -1810, max: 1810 }).map((n) => String(n / 10));
const latitude = fc.integer({ min: -860, max: 860 }).map((n) => String(n / 10));
const unit = oneOf('m', 'km', 'mi', 'ft', 'yd');
const geo: readonly AnyWords[] = [
  seq('GEOADD', key('geo'), maybe(oneOf('NX', 'XX', 'CH')), times(1, 3, longitude, latitude, member)),
  seq('GEODIST', key('geo'), member, member, maybe(unit)),
  seq(oneOf('GEOHASH', 'GEOPOS'), key('geo'), times(1, 2, member)),
  seq(
    'GEOSEARCH',
    key('geo'),
    fc.oneof(seq('FROMMEMBER', member), seq('FROMLONLAT', longitude, latitude)),
    fc.oneof(seq('BYRADIUS', oneOf('100', '5000', '-1'), 'km'), seq('BYBOX', '4000', '9000', 'km')),
    oneOf('ASC', 'DESC'),
    maybe('COUNT', small),
    maybe('WITHDIST'),
    maybe('WITHHASH'),
  ),
  seq(
    'GEOSEARCHSTORE',
    key('geo'),
    key('geo'),
    'FROMLONLAT',
    longitude,
    latitude,
    'BYRADIUS',
    '8000',
    'km',
    maybe('STOREDIST'),
  ),
];

const connection: readonly AnyWords[] = [
  seq('PING', maybe(value)),
  seq('ECHO', value),
  seq('HELLO', oneOf('2', '3', '4')),
  seq('NOSUCH', value),
  seq('GET'),
  seq('OBJECT'),
  seq('COMMAND', 'COUNT', 'x'),
];

/** Groups with how often they come. */
export const GROUPS: Readonly<Record<string, { readonly weight: number; readonly commands: readonly AnyWords[] }>> = {
  strings: { weight: 10, commands: strings },
  keys: { weight: 8, commands: keys },
  hashes: { weight: 10, commands: hashes },
  lists: { weight: 10, commands: lists },
  sets: { weight: 8, commands: sets },
  'sorted-sets': { weight: 12, commands: sortedSets },
  streams: { weight: 12, commands: streams },
  bits: { weight: 5, commands: bits },
  hyperloglogs: { weight: 2, commands: hyperLogLogs },
  geo: { weight: 3, commands: geo },
  connection: { weight: 1, commands: connection },
};
