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
import { HASH, HASH_WITH_TTL, KeyHead, LIST, NO_EXPIRY, SET, STREAM, STRING, UNKNOWN, ZSET } from '../dataset.ts';
import * as format from './format.ts';
import { ListpackCursor } from './listpack.ts';
import { Damage, parseDouble, RdbInput, Slice, u32 } from './rdb-input.ts';
import { RdbStreamReader } from './rdb-stream-reader.ts';

/** A slot migration has at most this many ranges: every second slot. */
const MAX_SLOT_RANGES = 8192;
const SLOTS = 16384;
/** Valkey refuses more databases than an int holds; the visitor has its own, lower limit. */
const MAX_DATABASE = 0x7fffffff;

const AT_HEADER = 0;
const AT_OPCODE = 1;
const AT_ELEMENT = 2;
const AT_MODULE_AUX = 3;
const AT_CHECKSUM = 4;
const AT_END = 5;

export class RdbReader {
  /** One line for the log or the client, once the input cannot be read. */
  error: string | null = null;
  /** The end of the file was read and its checksum was right. */
  done = false;
  /** Keys told so far. */
  keys = 0;
  version = 0;

  private readonly visitor: DatasetVisitor;
  private readonly verifyChecksum: boolean;
  /** rdb-version-check relaxed: also a version that is not known is read, as far as its parts are. */
  private readonly anyVersion: boolean;

  private readonly input: RdbInput;
  private state = AT_HEADER;
  private readonly head = new KeyHead();
  private rdbType = 0;
  private remaining = 0;
  private database = UNKNOWN;
  private moduleAux = '';
  private readonly first = new Slice();
  private readonly second = new Slice();
  private readonly listpack = new ListpackCursor();
  private readonly streams: RdbStreamReader;

  /** `source` names the input in messages: a file's name, or "the full sync from 10.0.0.1:6379". */
  constructor(visitor: DatasetVisitor, source: string, verifyChecksum = true, anyVersion = false) {
    this.visitor = visitor;
    this.input = new RdbInput(source, verifyChecksum);
    this.streams = new RdbStreamReader(this.input);
    this.verifyChecksum = verifyChecksum;
    this.anyVersion = anyVersion;
  }

  /** Memory held for what has arrived and is not read yet. */
  get bufferBytes(): number {
    return this.input.buffer.length;
  }

  /** Takes bytes[from, to). Bytes after the end of the dataset are an error. */
  push(bytes: Uint8Array, from: number, to: number): void {
    if (this.error !== null || from >= to) return;
    this.input.append(bytes, from, to);
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
    this.error = `${this.input.source}: ends after ${this.input.arrived} bytes, in the middle; ${this.input.advice()}`;
  }

  private run(): void {
    for (;;) {
      const mark = this.input.at;
      this.input.short = false;
      this.step();
      if (this.input.short) {
        this.input.at = mark;
        break;
      }
      if (this.visitor.refusal !== null) throw new Damage(`${this.input.source}: ${this.visitor.refusal}`);
      if (this.done && this.input.at === this.input.end) break;
    }
    this.input.compact();
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
        throw this.input.damage('bytes follow the end');
    }
  }

  // Steps

  private readHeader(): void {
    if (!this.input.has(format.MAGIC_BYTES)) return;
    let magic = '';
    for (let i = 0; i < format.MAGIC_BYTES; i++) magic += String.fromCharCode(this.input.buffer[i]!);
    const isOld = /^REDIS\d{4}$/.test(magic);
    const isNew = /^VALKEY\d{3}$/.test(magic);
    if (!isOld && !isNew) throw this.input.damage(`starts with neither REDIS nor VALKEY and a version`);
    const version = Number(magic.slice(isOld ? 5 : 6));
    if (!this.anyVersion && version >= format.FIRST_FOREIGN_VERSION && version <= format.LAST_FOREIGN_VERSION) {
      throw new Damage(
        `${this.input.source}: RDB version ${version} is a format of Redis 7.4 or later, which Valkey cannot read either: ` +
          `export the data by commands instead`,
      );
    }
    if (!this.anyVersion && version > format.VERSION) {
      throw new Damage(
        `${this.input.source}: RDB version ${version} is newer than ${format.VERSION}, the newest known here: ` +
          `load it with a newer release, or set rdb-version-check relaxed`,
      );
    }
    if (version < 1 || isNew !== version > format.LAST_FOREIGN_VERSION)
      throw this.input.damage(`has the magic ${magic}`);
    this.version = version;
    this.input.at += format.MAGIC_BYTES;
    this.state = AT_OPCODE;
  }

  private readOpcode(): void {
    const opcode = this.input.byte();
    if (this.input.short) return;
    const { visitor, head } = this;
    switch (opcode) {
      case format.OP_AUX: {
        this.input.string(this.first);
        this.input.string(this.second);
        if (!this.input.short) visitor.aux(text(this.first), text(this.second));
        return;
      }
      case format.OP_SELECT_DATABASE: {
        const database = this.input.length();
        if (this.input.short) return;
        if (database > MAX_DATABASE) throw this.input.damage(`selects database ${database}`);
        this.database = database;
        visitor.database(database);
        return;
      }
      case format.OP_RESIZE_DATABASE: {
        const keys = this.input.length();
        const expires = this.input.length();
        if (this.input.short) return;
        if (this.database === UNKNOWN) throw this.input.damage('gives the size of a database before naming one');
        visitor.sizeHint(keys, expires);
        return;
      }
      case format.OP_SLOT_INFO:
        this.input.length();
        this.input.length();
        this.input.length();
        return;
      case format.OP_SLOT_IMPORT:
        return this.readSlotImport();
      case format.OP_FUNCTION:
        this.input.string(this.first);
        if (!this.input.short) visitor.functionLibrary(this.first.bytes, this.first.from, this.first.to);
        return;
      case format.OP_FUNCTION_PRE_RELEASE:
        throw this.input.unreadable('functions in a pre-release format');
      case format.OP_MODULE_AUX:
        this.moduleAux = this.input.moduleId();
        if (!this.input.short) this.state = AT_MODULE_AUX;
        return;
      case format.OP_IDLE: {
        const idleSeconds = this.input.length();
        if (!this.input.short) head.idleSeconds = idleSeconds;
        return;
      }
      case format.OP_FREQUENCY: {
        const frequency = this.input.byte();
        if (!this.input.short) head.frequency = frequency;
        return;
      }
      case format.OP_EXPIRE_MS: {
        const expireAtMs = this.input.int64();
        if (!this.input.short) head.expireAtMs = expireAtMs;
        return;
      }
      case format.OP_EXPIRE_SECONDS: {
        const expireAtSeconds = this.input.int32();
        if (!this.input.short) head.expireAtMs = expireAtSeconds * 1000;
        return;
      }
      case format.OP_EOF:
        this.input.addToChecksum();
        this.input.summing = false;
        this.state = AT_CHECKSUM;
        return;
      default:
        return this.readKey(opcode);
    }
  }

  private readSlotImport(): void {
    this.input.string(this.first);
    const count = this.input.length();
    if (this.input.short) return;
    if (count > MAX_SLOT_RANGES) throw this.input.damage(`a slot migration has ${count} ranges`);
    const ranges: number[] = [];
    for (let i = 0; i < count * 2; i++) {
      const slot = this.input.length();
      if (this.input.short) return;
      if (slot >= SLOTS) throw this.input.damage(`a slot migration names slot ${slot}`);
      ranges.push(slot);
    }
    this.visitor.slotImport(text(this.first), ranges);
  }

  private readKey(rdbType: number): void {
    const type = this.valueType(rdbType);
    this.input.string(this.first);
    if (this.input.short) return;
    const { head, first } = this;
    let count: number = UNKNOWN;
    if (rdbType === format.TYPE_STRING) {
      count = 1;
      // Read ahead, so that a key is not begun whose value has not arrived.
      this.input.string(this.second);
      if (this.input.short) return;
    } else if (isPacked(rdbType)) {
      this.input.string(this.second);
      if (this.input.short) return;
      count = this.packedCount(rdbType);
    } else {
      this.remaining = this.input.length();
      if (this.input.short) return;
      if (rdbType !== format.TYPE_LIST_QUICKLIST) count = this.remaining;
      if (this.remaining === 0 && type !== STREAM) throw this.input.damage('a key has an empty value');
    }
    if (this.database === UNKNOWN) throw this.input.damage('a key stands before any database');
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
      if (type === STREAM) this.streams.begin(rdbType, this.remaining);
    }
  }

  private readElement(): void {
    const { visitor, first, second } = this;
    switch (this.rdbType) {
      case format.TYPE_STREAM_FIRST:
      case format.TYPE_STREAM_SECOND:
      case format.TYPE_STREAM:
        if (!this.streams.step(visitor.stream) || this.input.short) return;
        this.remaining = 1;
        break;
      case format.TYPE_LIST:
        this.input.string(first);
        if (this.input.short) return;
        visitor.listItem(first.bytes, first.from, first.to);
        break;
      case format.TYPE_SET:
        this.input.string(first);
        if (this.input.short) return;
        visitor.setMember(first.bytes, first.from, first.to);
        break;
      case format.TYPE_HASH:
        this.input.string(first);
        this.input.string(second);
        if (this.input.short) return;
        visitor.hashField(first.bytes, first.from, first.to, second.bytes, second.from, second.to, NO_EXPIRY);
        break;
      case format.TYPE_HASH_WITH_TTL: {
        this.input.string(first);
        this.input.string(second);
        const expireAtMs = this.input.int64();
        if (this.input.short) return;
        visitor.hashField(first.bytes, first.from, first.to, second.bytes, second.from, second.to, expireAtMs);
        break;
      }
      case format.TYPE_ZSET: {
        this.input.string(first);
        const score = this.input.double();
        if (this.input.short) return;
        this.tellScored(first.bytes, first.from, first.to, score);
        break;
      }
      case format.TYPE_ZSET_TEXT_SCORES: {
        this.input.string(first);
        const score = this.input.textDouble();
        if (this.input.short) return;
        this.tellScored(first.bytes, first.from, first.to, score);
        break;
      }
      default:
        this.readQuicklistNode();
        if (this.input.short) return;
    }
    if (--this.remaining === 0) {
      visitor.endKey();
      this.state = AT_OPCODE;
    }
  }

  private readQuicklistNode(): void {
    const { first, listpack, visitor } = this;
    const container = this.input.length();
    this.input.string(first);
    if (this.input.short) return;
    if (container === format.QUICKLIST_NODE_PLAIN) {
      visitor.listItem(first.bytes, first.from, first.to);
      return;
    }
    if (container !== format.QUICKLIST_NODE_PACKED)
      throw this.input.damage(`a list node is of the unknown kind ${container}`);
    listpack.open(first.bytes, first.from, first.to);
    while (listpack.next()) visitor.listItem(listpack.bytes, listpack.from, listpack.to);
    if (listpack.damaged) throw this.input.damage('a list node is damaged');
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
      if (!listpack.next()) throw this.input.damage('a packed value has a field without its other half');
      if (rdbType === format.TYPE_HASH_LISTPACK) {
        visitor.hashField(bytes, from, to, listpack.bytes, listpack.from, listpack.to, NO_EXPIRY);
      } else {
        this.tellScored(bytes, from, to, parseDouble(listpack.bytes, listpack.from, listpack.to));
      }
    }
    if (listpack.damaged) throw this.input.damage('a packed value is damaged');
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
      if (integerBytes !== 2 && integerBytes !== 4 && integerBytes !== 8)
        throw this.input.damage('an intset is damaged');
      const count = u32(bytes, from + 4);
      if (count === 0 || count * integerBytes !== to - from - 8) throw this.input.damage('an intset is damaged');
      return count;
    }
    this.listpack.open(bytes, from, to);
    if (this.listpack.damaged) throw this.input.damage('a packed value is damaged');
    const { count } = this.listpack;
    if (count === 0) throw this.input.damage('a key has an empty value');
    if (count < 0) return UNKNOWN;
    return rdbType === format.TYPE_SET_LISTPACK ? count : count / 2;
  }

  private tellScored(bytes: Uint8Array, from: number, to: number, score: number): void {
    if (Number.isNaN(score)) throw this.input.damage('a sorted set has a score that is not a number');
    this.visitor.zsetMember(bytes, from, to, score);
  }

  private readModuleAux(): void {
    // A module's data outside of keys is part of the dataset: going on without it would lose it at the next save.
    throw this.input.unreadable(`data of the module ${this.moduleAux}, which is not loaded here`);
  }

  private readChecksum(): void {
    if (!this.input.has(8)) return;
    const low = u32(this.input.buffer, this.input.at) | 0;
    const high = u32(this.input.buffer, this.input.at + 4) | 0;
    this.input.at += 8;
    const switchedOff = low === 0 && high === 0;
    if (this.verifyChecksum && !switchedOff && (low !== this.input.checksum.low || high !== this.input.checksum.high)) {
      throw this.input.damage(`the checksum is wrong: the content gives ${this.input.checksum.hex()}`);
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
      case format.TYPE_STREAM_FIRST:
      case format.TYPE_STREAM_SECOND:
      case format.TYPE_STREAM:
        return STREAM;
      case format.TYPE_HASH_WITH_TTL:
        return HASH_WITH_TTL;
      case format.TYPE_MODULE: {
        this.input.string(this.first);
        const module = this.input.moduleId();
        if (this.input.short) return STRING;
        throw this.input.unreadable(`a value of the module ${module} at the key ${printable(this.first)}`);
      }
      default: {
        const words = format.UNREADABLE_TYPES.get(rdbType);
        if (words === undefined) throw this.input.damage(`unknown type or opcode ${rdbType}`);
        this.input.string(this.first);
        if (this.input.short) return STRING;
        throw this.input.unreadable(`${words} (RDB type ${rdbType}) at the key ${printable(this.first)}`);
      }
    }
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

function text(slice: Slice): string {
  let result = '';
  for (let i = slice.from; i < slice.to; i++) result += String.fromCharCode(slice.bytes[i]!);
  return result;
}

/** A key for a message: short, and without control characters. */
function printable(slice: Slice): string {
  return JSON.stringify(text(slice).slice(0, 64));
}
