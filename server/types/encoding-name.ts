/**
 * OBJECT ENCODING's answer for a found entry, in the names that Valkey has for its own encodings.
 * Source: Valkey 9.1 object.c strEncoding, tryObjectEncoding.
 */
import type { Database } from '../keyspace/database.ts';
import { HASH, LIST, PACKED, SET, STRING, ZSET } from '../keyspace/entry.ts';
import { OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { isInteger64 } from './integers.ts';
import { ALL_INTEGERS } from './sets.ts';

/** Valkey embeds strings up to this length in their object. */
const MAX_EMBEDDED_BYTES = 44;

export function encodingName(database: Database): string {
  const { view } = database;
  const packed = view.encoding === PACKED;
  switch (view.type) {
    case STRING: {
      const length = view.stringLength();
      const at = database.openString();
      if (isInteger64(database.valueSegment, at, at + length)) return 'int';
      return length <= MAX_EMBEDDED_BYTES ? 'embstr' : 'raw';
    }
    case LIST:
      return packed ? 'listpack' : 'quicklist';
    case SET: {
      if (!packed) return 'hashtable';
      const root = view.root();
      const meta = database.arena.words[root >>> SEGMENT_OF_SHIFT]![((root & OFFSET_MASK) << 1) + 1]!;
      return meta >>> 24 === ALL_INTEGERS ? 'intset' : 'listpack';
    }
    case ZSET:
      return packed ? 'listpack' : 'skiplist';
    case HASH:
      return packed ? 'listpack' : 'hashtable';
    default:
      return 'stream';
  }
}
