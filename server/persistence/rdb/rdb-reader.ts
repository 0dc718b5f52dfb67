/**
 * Reads an RDB file or a primary's full sync, pushed in pieces of any size, and tells a visitor what is in it.
 * Hot file while loading: no allocation per key or element beyond the buffer's growth.
 *
 * The reader works by steps (a header, an opcode, an element). A step that meets the end of what has arrived is
 * undone and taken again when more is there, so no split of the input can matter. What is buffered is at most one
 * element (one string, one listpack) and the piece just pushed.
 *
 * Whatever the bytes are, `push` ends: with `done`, with `error` (one line: what, where, what to do), or wanting more.
 */

import type { DatasetVisitor, ValueType } from '../dataset.ts';
import { HASH, HASH_WITH_TTL, KeyHead, LIST, NO_EXPIRY, SET, STRING, UNKNOWN, ZSET } from '../dataset.ts';
import { Crc64 } from './crc64.ts';
import * as format from './format.ts';
import { ListpackCursor } from './listpack.ts';
import { LZF_MAX_RATIO, lzfDecompress } from './lzf.ts';

/** Longest string accepted: Valkey's own default of proto-max-bulk-len bounds what a real file can hold. */
export const MAX_STRING_BYTES = 512 * 1024 * 1024;
/** A slot migration has at most this many ranges: every second slot. */
const MAX_SLOT_RANGES = 8192;
const SLOTS = 16384;
/** Valkey refuses more databases than an int holds; the visitor has its own, lower limit. */
const MAX_DATABASE = 0x7fffffff;
const INITIAL_BUFFER_BYTES = 256 * 1024;
/** A decompression area larger than this is given back after use. */
const KEPT_SCRATCH_BYTES = 1024 * 1024;
const INTEGER_TEXT_BYTES = 24;

const AT_HEADER = 0;
const AT_OPCODE = 1;
const AT_ELEMENT = 2;
const AT_MODULE_AUX = 3;
const AT_CHECKSUM = 4;
const AT_END = 5;

/** A string that was read: where its bytes lie until the next read into the same slice. */
class Slice {
  bytes: Uint8Array = new Uint8Array(0);
  from = 0;
  to = 0;
  scratch: Uint8Array = new Uint8Array(INTEGER_TEXT_BYTES);
}

/** Carries a refusal out of a step; never leaves this file. */
class Damage extends Error {}

export class RdbReader {
  /** One line for the log or the client, once the input cannot be read. */
  error: string | null = null;
  /** The end of the file was read and its checksum was right. */
  done = false;
  /** Keys told so far. */
  keys = 0;
  version = 0;

  private readonly visitor: DatasetVisitor;
  private readonly source: string;
  private readonly verifyChecksum: boolean;

  private buffer: Uint8Array = new Uint8Array(INITIAL_BUFFER_BYTES);
  private at = 0;
  private end = 0;
  /** Bytes of the input before the buffer's first. */
  private base = 0;
  /** The current step ran out of input. */
  private short = false;
  private readonly checksum = new Crc64();
  private checksummed = 0;

  private state = AT_HEADER;
  private readonly head = new KeyHead();
  private rdbType = 0;
  private remaining = 0;
  private database = UNKNOWN;
  private moduleAux = '';
  /** Set by `length`: the encoding's kind when the length was no length, else -1. */
  private encoding = -1;
  private readonly first = new Slice();
  private readonly second = new Slice();
  private readonly listpack = new ListpackCursor();
  private readonly doubles = new DataView(new ArrayBuffer(8));

  /** `source` names the input in messages: a file's name, or "the full sync from 10.0.0.1:6379". */
  constructor(visitor: DatasetVisitor, source: string, verifyChecksum = true) {
    this.visitor = visitor;
    this.source = source;
    this.verifyChecksum = verifyChecksum;
  }

  /** Takes bytes[from, to). Bytes after the end of the dataset are an error. */
  push(bytes: Uint8Array, from: number, to: number): void {
    if (this.error !== null || from >= to) return;
    this.append(bytes, from, to);
    try {
      this.run();
    } catch (error) {
      if (!(error instanceof Damage)) throw error;
      this.error = error.message;
    }
  }

  /** No more bytes will come. */
  finish(): void {
    if (this.error !== null || this.done) return;
    this.error = `${this.source}: ends after ${this.base + this.end} bytes, in the middle; ${this.advice()}`;
  }

  private append(bytes: Uint8Array, from: number, to: number): void {
    const needed = this.end + (to - from);
    if (needed > this.buffer.length) {
      let size = this.buffer.length * 2;
      while (size < needed) size *= 2;
      const larger = new Uint8Array(size);
      larger.set(this.buffer.subarray(0, this.end));
      this.buffer = larger;
    }
    this.buffer.set(bytes.subarray(from, to), this.end);
    this.end = needed;
  }

  private run(): void {
    for (;;) {
      const mark = this.at;
      this.short = false;
      this.step();
      if (this.short) {
        this.at = mark;
        break;
      }
      if (this.visitor.refusal !== null) throw new Damage(`${this.source}: ${this.visitor.refusal}`);
      if (this.done && this.at === this.end) break;
    }
    this.compact();
  }

  private step(): void {
    switch (this.state) {
      case AT_HEADER:
        return this.readHeader();
      case AT_OPCODE:
        return this.readOpcode();
      case AT_ELEMENT:
        return this.readElement();
      case AT_MODULE_AUX:
        return this.readModuleAux();
      case AT_CHECKSUM:
        return this.readChecksum();
      default:
        throw this.damage('bytes follow the end');
    }
  }

  private compact(): void {
    this.addToChecksum();
    this.buffer.copyWithin(0, this.at, this.end);
    this.base += this.at;
    this.end -= this.at;
    this.at = 0;
    this.checksummed = 0;
    if (this.buffer.length > INITIAL_BUFFER_BYTES * 4 && this.end < INITIAL_BUFFER_BYTES) {
      const smaller = new Uint8Array(INITIAL_BUFFER_BYTES);
      smaller.set(this.buffer.subarray(0, this.end));
      this.buffer = smaller;
    }
  }

  private addToChecksum(): void {
    if (this.verifyChecksum && this.state < AT_CHECKSUM) {
      this.checksum.update(this.buffer, this.checksummed, this.at);
    }
    this.checksummed = this.at;
  }

  // Steps

  private readHeader(): void {
    if (!this.has(format.MAGIC_BYTES)) return;
    let magic = '';
    for (let i = 0; i < format.MAGIC_BYTES; i++) magic += String.fromCharCode(this.buffer[i]!);
    const isOld = /^REDIS\d{4}$/.test(magic);
    const isNew = /^VALKEY\d{3}$/.test(magic);
    if (!isOld && !isNew) throw this.damage(`starts with neither REDIS nor VALKEY and a version`);
    const version = Number(magic.slice(isOld ? 5 : 6));
    if (version >= format.FIRST_FOREIGN_VERSION && version <= format.LAST_FOREIGN_VERSION) {
      throw new Damage(
        `${this.source}: RDB version ${version} is a format of Redis 7.4 or later, which Valkey cannot read either: ` +
          `export the data by commands instead`,
      );
    }
    if (version > format.VERSION) {
      throw new Damage(
        `${this.source}: RDB version ${version} is newer than ${format.VERSION}, the newest known here: ` +
          `load it with a newer release`,
      );
    }
    if (version < 1 || isNew !== version > format.LAST_FOREIGN_VERSION) throw this.damage(`has the magic ${magic}`);
    this.version = version;
    this.at += format.MAGIC_BYTES;
    this.state = AT_OPCODE;
  }

  private readOpcode(): void {
    const opcode = this.byte();
    if (this.short) return;
    const { visitor, head } = this;
    switch (opcode) {
      case format.OP_AUX: {
        this.string(this.first);
        this.string(this.second);
        if (!this.short) visitor.aux(text(this.first), text(this.second));
        return;
      }
      case format.OP_SELECT_DATABASE: {
        const database = this.length();
        if (this.short) return;
        if (database > MAX_DATABASE) throw this.damage(`selects database ${database}`);
        this.database = database;
        visitor.database(database);
        return;
      }
      case format.OP_RESIZE_DATABASE: {
        const keys = this.length();
        const expires = this.length();
        if (this.short) return;
        if (this.database === UNKNOWN) throw this.damage('gives the size of a database before naming one');
        visitor.sizeHint(keys, expires);
        return;
      }
      case format.OP_SLOT_INFO:
        this.length();
        this.length();
        this.length();
        return;
      case format.OP_SLOT_IMPORT:
        return this.readSlotImport();
      case format.OP_FUNCTION:
        this.string(this.first);
        if (!this.short) visitor.functionLibrary(this.first.bytes, this.first.from, this.first.to);
        return;
      case format.OP_FUNCTION_PRE_RELEASE:
        throw this.unreadable('functions in a pre-release format');
      case format.OP_MODULE_AUX:
        this.moduleAux = this.moduleId();
        if (!this.short) this.state = AT_MODULE_AUX;
        return;
      case format.OP_IDLE: {
        const idleSeconds = this.length();
        if (!this.short) head.idleSeconds = idleSeconds;
        return;
      }
      case format.OP_FREQUENCY: {
        const frequency = this.byte();
        if (!this.short) head.frequency = frequency;
        return;
      }
      case format.OP_EXPIRE_MS: {
        const expireAtMs = this.int64();
        if (!this.short) head.expireAtMs = expireAtMs;
        return;
      }
      case format.OP_EXPIRE_SECONDS: {
        const expireAtSeconds = this.int32();
        if (!this.short) head.expireAtMs = expireAtSeconds * 1000;
        return;
      }
      case format.OP_EOF:
        this.addToChecksum();
        this.state = AT_CHECKSUM;
        return;
      default:
        return this.readKey(opcode);
    }
  }

  private readSlotImport(): void {
    this.string(this.first);
    const count = this.length();
    if (this.short) return;
    if (count > MAX_SLOT_RANGES) throw this.damage(`a slot migration has ${count} ranges`);
    const ranges: number[] = [];
    for (let i = 0; i < count * 2; i++) {
      const slot = this.length();
      if (this.short) return;
      if (slot >= SLOTS) throw this.damage(`a slot migration names slot ${slot}`);
      ranges.push(slot);
    }
    this.visitor.slotImport(text(this.first), ranges);
  }

  private readKey(rdbType: number): void {
    const type = this.valueType(rdbType);
    this.string(this.first);
    if (this.short) return;
    const { head, first } = this;
    let count: number = UNKNOWN;
    if (rdbType === format.TYPE_STRING) {
      count = 1;
      // Read ahead, so that a key is not begun whose value has not arrived.
      this.string(this.second);
      if (this.short) return;
    } else if (isPacked(rdbType)) {
      this.string(this.second);
      if (this.short) return;
      count = this.packedCount(rdbType);
    } else {
      this.remaining = this.length();
      if (this.short) return;
      if (rdbType !== format.TYPE_LIST_QUICKLIST) count = this.remaining;
      if (this.remaining === 0) throw this.damage('a key has an empty value');
    }
    if (this.database === UNKNOWN) throw this.damage('a key stands before any database');
    head.type = type;
    head.bytes = first.bytes;
    head.from = first.from;
    head.to = first.to;
    head.count = count;
    this.visitor.beginKey(head);
    head.expireAtMs = NO_EXPIRY;
    head.idleSeconds = UNKNOWN;
    head.frequency = UNKNOWN;
    this.rdbType = rdbType;
    this.keys++;
    if (this.visitor.refusal !== null) return;
    if (rdbType === format.TYPE_STRING) {
      this.visitor.stringValue(this.second.bytes, this.second.from, this.second.to);
      this.visitor.endKey();
    } else if (isPacked(rdbType)) {
      this.tellPacked(rdbType);
      this.visitor.endKey();
    } else {
      this.state = AT_ELEMENT;
    }
  }

  private readElement(): void {
    const { visitor, first, second } = this;
    switch (this.rdbType) {
      case format.TYPE_LIST:
        this.string(first);
        if (this.short) return;
        visitor.listItem(first.bytes, first.from, first.to);
        break;
      case format.TYPE_SET:
        this.string(first);
        if (this.short) return;
        visitor.setMember(first.bytes, first.from, first.to);
        break;
      case format.TYPE_HASH:
        this.string(first);
        this.string(second);
        if (this.short) return;
        visitor.hashField(first.bytes, first.from, first.to, second.bytes, second.from, second.to, NO_EXPIRY);
        break;
      case format.TYPE_HASH_WITH_TTL: {
        this.string(first);
        this.string(second);
        const expireAtMs = this.int64();
        if (this.short) return;
        visitor.hashField(first.bytes, first.from, first.to, second.bytes, second.from, second.to, expireAtMs);
        break;
      }
      case format.TYPE_ZSET: {
        this.string(first);
        const score = this.double();
        if (this.short) return;
        this.tellScored(first.bytes, first.from, first.to, score);
        break;
      }
      case format.TYPE_ZSET_TEXT_SCORES: {
        this.string(first);
        const score = this.textDouble();
        if (this.short) return;
        this.tellScored(first.bytes, first.from, first.to, score);
        break;
      }
      default:
        this.readQuicklistNode();
        if (this.short) return;
    }
    if (--this.remaining === 0) {
      visitor.endKey();
      this.state = AT_OPCODE;
    }
  }

  private readQuicklistNode(): void {
    const { first, listpack, visitor } = this;
    const container = this.length();
    this.string(first);
    if (this.short) return;
    if (container === format.QUICKLIST_NODE_PLAIN) {
      visitor.listItem(first.bytes, first.from, first.to);
      return;
    }
    if (container !== format.QUICKLIST_NODE_PACKED)
      throw this.damage(`a list node is of the unknown kind ${container}`);
    listpack.open(first.bytes, first.from, first.to);
    while (listpack.next()) visitor.listItem(listpack.bytes, listpack.from, listpack.to);
    if (listpack.damaged) throw this.damage('a list node is damaged');
  }

  private tellPacked(rdbType: number): void {
    if (rdbType === format.TYPE_SET_INTSET) return this.tellIntset();
    const { listpack, visitor, second } = this;
    listpack.open(second.bytes, second.from, second.to);
    while (listpack.next()) {
      const { bytes, from, to } = listpack;
      if (rdbType === format.TYPE_SET_LISTPACK) {
        visitor.setMember(bytes, from, to);
        continue;
      }
      if (!listpack.next()) throw this.damage('a packed value has a field without its other half');
      if (rdbType === format.TYPE_HASH_LISTPACK) {
        visitor.hashField(bytes, from, to, listpack.bytes, listpack.from, listpack.to, NO_EXPIRY);
      } else {
        this.tellScored(bytes, from, to, parseDouble(listpack.bytes, listpack.from, listpack.to));
      }
    }
    if (listpack.damaged) throw this.damage('a packed value is damaged');
  }

  /** Layout of an intset: [integer bytes: u32 LE][count: u32 LE] integers in little endian. */
  private tellIntset(): void {
    const { bytes, from } = this.second;
    const integerBytes = u32(bytes, from);
    const count = u32(bytes, from + 4);
    const view = new DataView(bytes.buffer, bytes.byteOffset + from + 8, integerBytes * count);
    const { scratch } = this.first;
    for (let i = 0; i < count; i++) {
      const at = i * integerBytes;
      const digits =
        integerBytes === 2
          ? String(view.getInt16(at, true))
          : integerBytes === 4
            ? String(view.getInt32(at, true))
            : view.getBigInt64(at, true).toString();
      for (let j = 0; j < digits.length; j++) scratch[j] = digits.charCodeAt(j);
      this.visitor.setMember(scratch, 0, digits.length);
    }
  }

  /** Elements of the packed value in `second`, checked as far as its header goes. */
  private packedCount(rdbType: number): number {
    const { bytes, from, to } = this.second;
    if (rdbType === format.TYPE_SET_INTSET) {
      const integerBytes = to - from < 8 ? 0 : u32(bytes, from);
      if (integerBytes !== 2 && integerBytes !== 4 && integerBytes !== 8) throw this.damage('an intset is damaged');
      const count = u32(bytes, from + 4);
      if (count === 0 || count * integerBytes !== to - from - 8) throw this.damage('an intset is damaged');
      return count;
    }
    this.listpack.open(bytes, from, to);
    if (this.listpack.damaged) throw this.damage('a packed value is damaged');
    const { count } = this.listpack;
    if (count === 0) throw this.damage('a key has an empty value');
    if (count < 0) return UNKNOWN;
    return rdbType === format.TYPE_SET_LISTPACK ? count : count / 2;
  }

  private tellScored(bytes: Uint8Array, from: number, to: number, score: number): void {
    if (Number.isNaN(score)) throw this.damage('a sorted set has a score that is not a number');
    this.visitor.zsetMember(bytes, from, to, score);
  }

  private readModuleAux(): void {
    // A module's data outside of keys is part of the dataset: going on without it would lose it at the next save.
    throw this.unreadable(`data of the module ${this.moduleAux}, which is not loaded here`);
  }

  private readChecksum(): void {
    if (!this.has(8)) return;
    const low = u32(this.buffer, this.at) | 0;
    const high = u32(this.buffer, this.at + 4) | 0;
    this.at += 8;
    const switchedOff = low === 0 && high === 0;
    if (this.verifyChecksum && !switchedOff && (low !== this.checksum.low || high !== this.checksum.high)) {
      throw this.damage(`the checksum is wrong: the content gives ${this.checksum.hex()}`);
    }
    this.state = AT_END;
    this.done = true;
    this.visitor.end();
  }

  private valueType(rdbType: number): ValueType {
    switch (rdbType) {
      case format.TYPE_STRING:
        return STRING;
      case format.TYPE_LIST:
      case format.TYPE_LIST_QUICKLIST:
        return LIST;
      case format.TYPE_SET:
      case format.TYPE_SET_INTSET:
      case format.TYPE_SET_LISTPACK:
        return SET;
      case format.TYPE_ZSET:
      case format.TYPE_ZSET_TEXT_SCORES:
      case format.TYPE_ZSET_LISTPACK:
        return ZSET;
      case format.TYPE_HASH:
      case format.TYPE_HASH_LISTPACK:
        return HASH;
      case format.TYPE_HASH_WITH_TTL:
        return HASH_WITH_TTL;
      case format.TYPE_MODULE: {
        this.string(this.first);
        const module = this.moduleId();
        if (this.short) return STRING;
        throw this.unreadable(`a value of the module ${module} at the key ${printable(this.first)}`);
      }
      default: {
        const words = format.UNREADABLE_TYPES.get(rdbType);
        if (words === undefined) throw this.damage(`unknown type or opcode ${rdbType}`);
        this.string(this.first);
        if (this.short) return STRING;
        throw this.unreadable(`${words} (RDB type ${rdbType}) at the key ${printable(this.first)}`);
      }
    }
  }

  // Primitives: each sets `short` when the input ends inside of it, and its result then means nothing.

  private has(sizeBytes: number): boolean {
    if (this.at + sizeBytes <= this.end) return true;
    this.short = true;
    return false;
  }

  private byte(): number {
    if (this.short || !this.has(1)) return 0;
    return this.buffer[this.at++]!;
  }

  private int32(): number {
    if (this.short || !this.has(4)) return 0;
    const value = u32(this.buffer, this.at) | 0;
    this.at += 4;
    return value;
  }

  /** A signed 64-bit time. Beyond 2^53 it is no time that anything could have written. */
  private int64(): number {
    if (this.short || !this.has(8)) return 0;
    const low = u32(this.buffer, this.at);
    const high = u32(this.buffer, this.at + 4) | 0;
    this.at += 8;
    const value = high * 0x1_0000_0000 + low;
    if (!Number.isSafeInteger(value)) throw this.damage('a time is out of range');
    return value;
  }

  private double(): number {
    if (this.short || !this.has(8)) return 0;
    for (let i = 0; i < 8; i++) this.doubles.setUint8(i, this.buffer[this.at + i]!);
    this.at += 8;
    return this.doubles.getFloat64(0, true);
  }

  /** The scores of RDB type 3: a length byte and digits; 253 nan, 254 inf, 255 -inf. */
  private textDouble(): number {
    const length = this.byte();
    if (this.short) return 0;
    if (length === 253) return Number.NaN;
    if (length === 254) return Infinity;
    if (length === 255) return -Infinity;
    if (!this.has(length)) return 0;
    this.at += length;
    return parseDouble(this.buffer, this.at - length, this.at);
  }

  /** A length, which must not be an encoding. */
  private length(): number {
    const value = this.lengthOrEncoding();
    if (!this.short && this.encoding >= 0) throw this.damage('a length is missing');
    return value;
  }

  private lengthOrEncoding(): number {
    this.encoding = -1;
    const first = this.byte();
    if (this.short) return 0;
    switch (first >>> 6) {
      case format.LENGTH_6_BITS:
        return first & 63;
      case format.LENGTH_14_BITS:
        return ((first & 63) << 8) | this.byte();
      case format.LENGTH_ENCODED:
        this.encoding = first & 63;
        return 0;
      default: {
        if (first !== format.LENGTH_32_BITS && first !== format.LENGTH_64_BITS) {
          throw this.damage(`a length starts with the unknown byte ${first}`);
        }
        const sizeBytes = first === format.LENGTH_32_BITS ? 4 : 8;
        if (!this.has(sizeBytes)) return 0;
        let value = 0;
        for (let i = 0; i < sizeBytes; i++) value = value * 256 + this.buffer[this.at + i]!;
        this.at += sizeBytes;
        if (!Number.isSafeInteger(value)) throw this.damage('a length is out of range');
        return value;
      }
    }
  }

  /** A module's id is a 64-bit length whose bits are its name; it may exceed what `length` accepts. */
  private moduleId(): string {
    if (this.short || !this.has(1)) return '';
    if (this.buffer[this.at] !== format.LENGTH_64_BITS) {
      this.length();
      return '(unknown)';
    }
    if (!this.has(9)) return '';
    const at = this.at + 1;
    this.at += 9;
    return format.moduleName(bigEndian32(this.buffer, at), bigEndian32(this.buffer, at + 4));
  }

  private string(into: Slice): void {
    if (this.short) return;
    const length = this.lengthOrEncoding();
    if (this.short) return;
    switch (this.encoding) {
      case -1:
        if (length > MAX_STRING_BYTES)
          throw this.damage(`a string of ${length} bytes is longer than ${MAX_STRING_BYTES}`);
        if (!this.has(length)) return;
        into.bytes = this.buffer;
        into.from = this.at;
        into.to = this.at + length;
        this.at += length;
        return;
      case format.ENCODED_INT8: {
        const value = (this.byte() << 24) >> 24;
        if (!this.short) digits(into, value);
        return;
      }
      case format.ENCODED_INT16: {
        if (!this.has(2)) return;
        const value = ((this.buffer[this.at]! | (this.buffer[this.at + 1]! << 8)) << 16) >> 16;
        this.at += 2;
        digits(into, value);
        return;
      }
      case format.ENCODED_INT32: {
        const value = this.int32();
        if (!this.short) digits(into, value);
        return;
      }
      case format.ENCODED_LZF:
        return this.compressed(into);
      default:
        throw this.damage(`a string has the unknown encoding ${this.encoding}`);
    }
  }

  private compressed(into: Slice): void {
    const compressedBytes = this.length();
    const plainBytes = this.length();
    if (this.short) return;
    if (plainBytes > MAX_STRING_BYTES)
      throw this.damage(`a string of ${plainBytes} bytes is longer than ${MAX_STRING_BYTES}`);
    if (compressedBytes > plainBytes || plainBytes > compressedBytes * LZF_MAX_RATIO) {
      throw this.damage(`a compressed string claims to grow from ${compressedBytes} to ${plainBytes} bytes`);
    }
    if (!this.has(compressedBytes)) return;
    if (into.scratch.length < plainBytes || into.scratch.length > Math.max(KEPT_SCRATCH_BYTES, plainBytes)) {
      into.scratch = new Uint8Array(Math.max(plainBytes, INTEGER_TEXT_BYTES));
    }
    const written = lzfDecompress(this.buffer, this.at, this.at + compressedBytes, into.scratch, plainBytes);
    if (written !== plainBytes) throw this.damage('a compressed string is damaged');
    this.at += compressedBytes;
    into.bytes = into.scratch;
    into.from = 0;
    into.to = plainBytes;
  }

  // Messages

  private damage(problem: string): Damage {
    return new Damage(`${this.source}: byte ${this.base + this.at}: ${problem}; ${this.advice()}`);
  }

  private unreadable(what: string): Damage {
    return new Damage(
      `${this.source}: byte ${this.base + this.at}: holds ${what}, which this release cannot hold: ` +
        `remove it at the source and save again`,
    );
  }

  private advice(): string {
    return 'it is damaged: restore it from a backup or a replica, or move it away to start empty';
  }
}

function isPacked(rdbType: number): boolean {
  return (
    rdbType === format.TYPE_SET_INTSET ||
    rdbType === format.TYPE_SET_LISTPACK ||
    rdbType === format.TYPE_HASH_LISTPACK ||
    rdbType === format.TYPE_ZSET_LISTPACK
  );
}

function digits(into: Slice, value: number): void {
  const decimal = String(value);
  for (let i = 0; i < decimal.length; i++) into.scratch[i] = decimal.charCodeAt(i);
  into.bytes = into.scratch;
  into.from = 0;
  into.to = decimal.length;
}

/** A decimal number as C's strtod reads it; NaN when it is none. */
export function parseDouble(bytes: Uint8Array, from: number, to: number): number {
  let decimal = '';
  for (let i = from; i < to; i++) decimal += String.fromCharCode(bytes[i]!);
  if (decimal === 'inf') return Infinity;
  if (decimal === '-inf') return -Infinity;
  return decimal === '' ? Number.NaN : Number(decimal);
}

function text(slice: Slice): string {
  let result = '';
  for (let i = slice.from; i < slice.to; i++) result += String.fromCharCode(slice.bytes[i]!);
  return result;
}

/** A key for a message: short, and without control characters. */
function printable(slice: Slice): string {
  return JSON.stringify(text(slice).slice(0, 64));
}

function u32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

function bigEndian32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
