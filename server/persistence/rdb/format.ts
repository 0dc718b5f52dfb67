/**
 * The RDB format's constants. Source: Valkey 9.1 `src/rdb.h`.
 *
 * Versions: 1 to 11 have the magic REDIS, 12 to 79 are foreign formats (refused), 80 is Valkey 9's with the magic VALKEY.
 * We write 11 for a replica that did not report version 9 or later, and 80 otherwise; a value is written the same in both.
 */

export const VERSION_FOR_OLD_REPLICAS = 11;
export const VERSION = 80;
export const FIRST_FOREIGN_VERSION = 12;
export const LAST_FOREIGN_VERSION = 79;
/** `REDIS0011`, `VALKEY080`. */
export const MAGIC_BYTES = 9;

export const TYPE_STRING = 0;
export const TYPE_LIST = 1;
export const TYPE_SET = 2;
export const TYPE_ZSET_TEXT_SCORES = 3;
export const TYPE_HASH = 4;
export const TYPE_ZSET = 5;
export const TYPE_MODULE = 7;
export const TYPE_SET_INTSET = 11;
export const TYPE_HASH_LISTPACK = 16;
export const TYPE_ZSET_LISTPACK = 17;
export const TYPE_LIST_QUICKLIST = 18;
export const TYPE_SET_LISTPACK = 20;
export const TYPE_HASH_WITH_TTL = 22;
/** Streams as Redis 5 and 6, Redis 7.0, and Redis 7.2 and Valkey write them. */
export const TYPE_STREAM_FIRST = 15;
export const TYPE_STREAM_SECOND = 19;
export const TYPE_STREAM = 21;

/** Types that exist and that we cannot hold, with the words for the refusal. */
export const UNREADABLE_TYPES: ReadonlyMap<number, string> = new Map([
  [6, 'a module value of a pre-release format'],
  [9, 'a hash in the zipmap encoding of Redis 2.4'],
  [10, 'a list in the ziplist encoding of Redis 2.6'],
  [12, 'a sorted set in the ziplist encoding of Redis 6'],
  [13, 'a hash in the ziplist encoding of Redis 6'],
  [14, 'a list in the quicklist encoding of Redis 6'],
]);

export const OP_SLOT_IMPORT = 243;
export const OP_SLOT_INFO = 244;
export const OP_FUNCTION = 245;
export const OP_FUNCTION_PRE_RELEASE = 246;
export const OP_MODULE_AUX = 247;
export const OP_IDLE = 248;
export const OP_FREQUENCY = 249;
export const OP_AUX = 250;
export const OP_RESIZE_DATABASE = 251;
export const OP_EXPIRE_MS = 252;
export const OP_EXPIRE_SECONDS = 253;
export const OP_SELECT_DATABASE = 254;
export const OP_EOF = 255;

/** The two high bits of a length's first byte. */
export const LENGTH_6_BITS = 0;
export const LENGTH_14_BITS = 1;
export const LENGTH_ENCODED = 3;
/** The whole first byte of the longer lengths. */
export const LENGTH_32_BITS = 0x80;
export const LENGTH_64_BITS = 0x81;

/** The six low bits when the two high bits say LENGTH_ENCODED. */
export const ENCODED_INT8 = 0;
export const ENCODED_INT16 = 1;
export const ENCODED_INT32 = 2;
export const ENCODED_LZF = 3;

export const QUICKLIST_NODE_PLAIN = 1;
export const QUICKLIST_NODE_PACKED = 2;

/** The nine characters that a 64-bit module id packs, six bits each. */
const MODULE_NAME_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Module ids arrive as two 32-bit halves: they do not fit a double. */
export function moduleName(high: number, low: number): string {
  const id = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  let name = '';
  for (let shift = 58n; shift >= 10n; shift -= 6n) name += MODULE_NAME_ALPHABET[Number((id >> shift) & 63n)];
  return name;
}
