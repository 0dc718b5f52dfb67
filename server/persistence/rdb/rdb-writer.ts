/**
 * Writes what it is told as an RDB file. Hot file while saving: no allocation per key or element.
 *
 * Values are written element by element (types 0, 1, 2, 4, 5, and 22 for hashes whose fields expire), which every
 * Valkey reads; only small integers are packed. Keys' counts must be exact. Bytes collect in `out`, in chunks.
 */
import assert from 'node:assert';
import { ChunkWriter } from '../chunks.ts';
import type { KeyHead, ValueType } from '../dataset.ts';
import { HASH, HASH_WITH_TTL, LIST, NO_EXPIRY, SET, STREAM, STRING, UNKNOWN, ZSET } from '../dataset.ts';
import type { SnapshotConsumer } from '../snapshot-consumer.ts';
import { Crc64 } from './crc64.ts';
import * as format from './format.ts';
import { RdbStreamWriter } from './rdb-stream-writer.ts';

/** What every file says of where it comes from. */
export interface RdbOrigin {
  /** VERSION, or VERSION_FOR_OLD_REPLICAS for a replica older than Valkey 9. */
  readonly version: number;
  readonly serverVersion: string;
  readonly createdAtSeconds: number;
  readonly usedMemoryBytes: number;
  /** Where in the replication stream the dataset stands: null for a node that never replicated. */
  readonly replication: { readonly id: string; readonly offset: number; readonly streamDatabase: number } | null;
}

/** Strings up to this length may be integers that fit 32 bits: `-2147483648`. */
const MAX_INTEGER_TEXT_BYTES = 11;

export class RdbWriter implements SnapshotConsumer {
  readonly refusal: string | null = null;
  readonly out: ChunkWriter;
  readonly stream: RdbStreamWriter = new RdbStreamWriter(this);
  /** Where bytes go now: `out`, or a side buffer while the iterator keeps something back. */
  private target: ChunkWriter;
  private readonly checksum: Crc64 | null;
  private readonly doubles = new DataView(new ArrayBuffer(8));
  private readonly doubleBytes: Uint8Array;
  private hashHasTtl = false;

  constructor(origin: RdbOrigin, withChecksum = true) {
    this.checksum = withChecksum ? new Crc64() : null;
    this.out = new ChunkWriter(this.checksum);
    this.target = this.out;
    this.doubleBytes = new Uint8Array(this.doubles.buffer);
    const { version } = origin;
    this.out.ascii(
      version > format.LAST_FOREIGN_VERSION
        ? `VALKEY${String(version).padStart(3, '0')}`
        : `REDIS${String(version).padStart(4, '0')}`,
    );
    this.aux('valkey-ver', origin.serverVersion);
    this.aux('redis-bits', '64');
    this.aux('ctime', String(origin.createdAtSeconds));
    this.aux('used-mem', String(origin.usedMemoryBytes));
    if (origin.replication !== null) {
      this.aux('repl-stream-db', String(origin.replication.streamDatabase));
      this.aux('repl-id', origin.replication.id);
      this.aux('repl-offset', String(origin.replication.offset));
    }
    this.aux('aof-base', '0');
  }

  divert(side: ChunkWriter): void {
    this.target = side;
  }

  restore(): void {
    this.target = this.out;
  }

  /** Elements in an RDB file need no key of their own: they follow their key's head. */
  continueKey(): void {}

  aux(name: string, value: string): void {
    this.target.byte(format.OP_AUX);
    this.length(name.length);
    this.target.ascii(name);
    this.length(value.length);
    this.target.ascii(value);
  }

  functionLibrary(bytes: Uint8Array, from: number, to: number): void {
    this.target.byte(format.OP_FUNCTION);
    this.rawString(bytes, from, to);
  }

  slotImport(job: string, ranges: readonly number[]): void {
    this.target.byte(format.OP_SLOT_IMPORT);
    this.length(job.length);
    this.target.ascii(job);
    this.length(ranges.length / 2);
    for (const slot of ranges) this.length(slot);
  }

  database(index: number): void {
    this.target.byte(format.OP_SELECT_DATABASE);
    this.length(index);
  }

  sizeHint(keys: number, expires: number): void {
    this.target.byte(format.OP_RESIZE_DATABASE);
    this.length(keys);
    this.length(expires);
  }

  beginKey(head: KeyHead): void {
    if (head.expireAtMs !== NO_EXPIRY) {
      this.target.byte(format.OP_EXPIRE_MS);
      this.int64(head.expireAtMs);
    }
    if (head.idleSeconds !== UNKNOWN) {
      this.target.byte(format.OP_IDLE);
      this.length(head.idleSeconds);
    }
    if (head.frequency !== UNKNOWN) {
      this.target.byte(format.OP_FREQUENCY);
      this.target.byte(head.frequency);
    }
    this.target.byte(rdbTypeOf(head.type));
    this.string(head.bytes, head.from, head.to);
    this.hashHasTtl = head.type === HASH_WITH_TTL;
    if (head.type !== STRING) {
      assert(
        head.count > 0 || head.type === STREAM,
        'the writer needs the exact count of a collection before its elements',
      );
      this.length(head.count);
    }
  }

  stringValue(bytes: Uint8Array, from: number, to: number): void {
    this.string(bytes, from, to);
  }

  listItem(bytes: Uint8Array, from: number, to: number): void {
    this.string(bytes, from, to);
  }

  setMember(bytes: Uint8Array, from: number, to: number): void {
    this.string(bytes, from, to);
  }

  zsetMember(bytes: Uint8Array, from: number, to: number, score: number): void {
    this.string(bytes, from, to);
    this.doubles.setFloat64(0, score, true);
    this.target.bytes(this.doubleBytes, 0, 8);
  }

  hashField(
    field: Uint8Array,
    fieldFrom: number,
    fieldTo: number,
    value: Uint8Array,
    valueFrom: number,
    valueTo: number,
    expireAtMs: number,
  ): void {
    this.string(field, fieldFrom, fieldTo);
    this.string(value, valueFrom, valueTo);
    if (this.hashHasTtl) this.int64(expireAtMs);
  }

  endKey(): void {}

  end(): void {
    this.target.byte(format.OP_EOF);
    this.out.observe();
    const low = this.checksum === null ? 0 : this.checksum.low;
    const high = this.checksum === null ? 0 : this.checksum.high;
    this.int32(low);
    this.int32(high);
  }

  length(value: number): void {
    const out = this.target;
    if (value < 64) {
      out.byte(value);
    } else if (value < 16384) {
      out.byte((format.LENGTH_14_BITS << 6) | (value >> 8));
      out.byte(value & 255);
    } else if (value <= 0xffff_ffff) {
      out.byte(format.LENGTH_32_BITS);
      this.bigEndian32(value);
    } else {
      out.byte(format.LENGTH_64_BITS);
      this.bigEndian32(Math.floor(value / 0x1_0000_0000));
      this.bigEndian32(value % 0x1_0000_0000);
    }
  }

  private string(bytes: Uint8Array, from: number, to: number): void {
    const length = to - from;
    if (length > 0 && length <= MAX_INTEGER_TEXT_BYTES) {
      const value = canonicalInteger(bytes, from, to);
      if (value !== NOT_AN_INTEGER) return this.integer(value);
    }
    this.rawString(bytes, from, to);
  }

  rawString(bytes: Uint8Array, from: number, to: number): void {
    this.length(to - from);
    this.target.bytes(bytes, from, to);
  }

  rawBytes(bytes: Uint8Array, from: number, to: number): void {
    this.target.bytes(bytes, from, to);
  }

  private integer(value: number): void {
    const out = this.target;
    if (value >= -128 && value <= 127) {
      out.byte((format.LENGTH_ENCODED << 6) | format.ENCODED_INT8);
      out.byte(value & 255);
    } else if (value >= -32768 && value <= 32767) {
      out.byte((format.LENGTH_ENCODED << 6) | format.ENCODED_INT16);
      out.byte(value & 255);
      out.byte((value >> 8) & 255);
    } else {
      out.byte((format.LENGTH_ENCODED << 6) | format.ENCODED_INT32);
      this.int32(value);
    }
  }

  private int32(value: number): void {
    const out = this.target;
    out.byte(value & 255);
    out.byte((value >>> 8) & 255);
    out.byte((value >>> 16) & 255);
    out.byte(value >>> 24);
  }

  int64(value: number): void {
    this.int32((value % 0x1_0000_0000) | 0);
    this.int32(Math.floor(value / 0x1_0000_0000));
  }

  private bigEndian32(value: number): void {
    const out = this.target;
    out.byte(value >>> 24);
    out.byte((value >>> 16) & 255);
    out.byte((value >>> 8) & 255);
    out.byte(value & 255);
  }
}

function rdbTypeOf(type: ValueType): number {
  switch (type) {
    case STRING:
      return format.TYPE_STRING;
    case LIST:
      return format.TYPE_LIST;
    case SET:
      return format.TYPE_SET;
    case ZSET:
      return format.TYPE_ZSET;
    case HASH:
      return format.TYPE_HASH;
    case STREAM:
      return format.TYPE_STREAM;
    case HASH_WITH_TTL:
      return format.TYPE_HASH_WITH_TTL;
  }
}

const NOT_AN_INTEGER = 0x8000_0000;

/** The int32 whose one decimal form these bytes are (`7`, not `07`, `+7` or `-0`), else NOT_AN_INTEGER. */
function canonicalInteger(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  const negative = bytes[at] === 45;
  if (negative) at++;
  const first = at < to ? bytes[at]! : 0;
  if (first < 48 || first > 57) return NOT_AN_INTEGER;
  if (first === 48) return to - at === 1 && !negative ? 0 : NOT_AN_INTEGER;
  let value = 0;
  for (; at < to; at++) {
    const digit = bytes[at]! - 48;
    if (digit < 0 || digit > 9) return NOT_AN_INTEGER;
    value = value * 10 + digit;
  }
  if (negative) return value <= 0x8000_0000 ? -value : NOT_AN_INTEGER;
  return value <= 0x7fff_ffff ? value : NOT_AN_INTEGER;
}
