/**
 * OBJECT ENCODING's answer for a found entry, in the names that Valkey has for its own encodings.
 * Source: Valkey 9.1 object.c strEncoding, tryObjectEncoding; the limit of `embstr` as a 9.1.2 answers it for keys of 1 to 116 bytes.
 * A string that was changed in part is `raw` whatever it holds; else the answer follows from the value.
 */
import type { Database } from '../keyspace/database.ts';
import { EDITED, HASH, LIST, PACKED, SET, STRING, WRITTEN_AS_TEXT, ZSET } from '../keyspace/entry.ts';
import { OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { isInteger64 } from './integers.ts';
import { ALL_INTEGERS } from './sets.ts';

/** Valkey embeds a string in its object while that, with key and expiry, fits in two cache lines. */
const MAX_EMBEDDED_OBJECT_BYTES = 128;
const OBJECT_BYTES = 8;
const OBJECT_EXPIRY_BYTES = 8;
/** Length field, flags and terminator of an embedded value, and the byte that says how long the key's header is. */
const VALUE_OVERHEAD_BYTES = 5;
/** Keys shorter than this have a header of one byte, others of three; both a terminator. */
const LONG_KEY_BYTES = 32;

export function encodingName(database: Database): string {
  const { view } = database;
  const packed = view.encoding === PACKED;
  switch (view.type) {
    case STRING: {
      const header = view.segment[(view.address & OFFSET_MASK) << 3]!;
      if ((header & EDITED) !== 0) return 'raw';
      const length = view.stringLength();
      const at = database.openString();
      if ((header & WRITTEN_AS_TEXT) === 0 && isInteger64(database.valueSegment, at, at + length)) return 'int';
      const keyLength = view.keyEnd - view.keyAt;
      const keyBytes = keyLength + (keyLength < LONG_KEY_BYTES ? 2 : 4);
      const object = OBJECT_BYTES + (view.expires ? OBJECT_EXPIRY_BYTES : 0) + keyBytes + VALUE_OVERHEAD_BYTES + length;
      return object <= MAX_EMBEDDED_OBJECT_BYTES ? 'embstr' : 'raw';
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
