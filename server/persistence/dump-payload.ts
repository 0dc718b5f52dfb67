/**
 * One value as DUMP gives it and RESTORE takes it: the RDB type, the value as in an RDB file, the RDB version (2 bytes, little
 * endian) and CRC64 of all before (8 bytes, little endian). Source: Valkey 9.1 cluster.c.
 *
 * The writer and the reader are those of RDB files: a payload is what stands in a file for a key without a name. So a reader is told
 * an endless file, a payload at a time, and after each the word "database 0": if that is heard right after the value, the payload
 * ended where its value ended. A reader that heard anything else is thrown away.
 */
import type { Database } from '../keyspace/database.ts';
import { NO_EXPIRY as NO_KEY_EXPIRY } from '../keyspace/database.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import type { Address } from '../memory/arena.ts';
import type { Types, ValueBuilder } from '../types/index.ts';
import type { DatasetVisitor } from './dataset.ts';
import { entryTypeOf, fieldExpiryOf, KeyHead, STREAM, STRING, UNKNOWN } from './dataset.ts';
import { Crc64 } from './rdb/crc64.ts';
import * as format from './rdb/format.ts';
import { RdbReader } from './rdb/rdb-reader.ts';
import { RdbWriter } from './rdb/rdb-writer.ts';
import { StreamLoader } from './stream-loader.ts';
import type { StreamVisitor } from './streams.ts';
import { WholeDataset } from './whole-dataset.ts';

const VERSION_BYTES = 2;
const CHECKSUM_BYTES = 8;
const FOOTER_BYTES = VERSION_BYTES + CHECKSUM_BYTES;
const SELECT_DATABASE_0: Uint8Array = new Uint8Array([format.OP_SELECT_DATABASE, 0]);
const NO_NAME: Uint8Array = new Uint8Array([0]);
const FILE_HEAD: Uint8Array = Uint8Array.from('VALKEY080', (character) => character.charCodeAt(0));
const NO_BYTES: Uint8Array = new Uint8Array(0);

export class DumpPayloads {
  skipsChecksum = false;
  /** rdb-version-check relaxed: a version says nothing, what the payload holds is looked at. */
  anyVersion = false;
  private readonly whole: WholeDataset;
  private readonly types: Types;
  private readonly writer: RdbWriter;
  private readonly unnamed: UnnamedKey;
  private readonly value: ValueVisitor;
  private readonly checksum = new Crc64();
  private reader: RdbReader | null = null;

  constructor(keyspace: Keyspace, types: Types) {
    this.whole = new WholeDataset(keyspace, types, false);
    this.types = types;
    this.writer = new RdbWriter(
      { version: format.VERSION, serverVersion: '', createdAtSeconds: 0, usedMemoryBytes: 0, replication: null },
      false,
    );
    this.unnamed = new UnnamedKey(this.writer);
    this.value = new ValueVisitor(types.newBuilder());
    this.takeWritten(this.writer.out.written);
  }

  /** The payload of an entry's value. */
  dump(entry: Address): Uint8Array {
    const { out } = this.writer;
    const before = out.written;
    this.whole.tellKey(entry, this.unnamed);
    const written = this.takeWritten(out.written - before);
    // Type, an empty name (one byte), value.
    const end = written.length - NO_NAME.length;
    const payload = new Uint8Array(end + FOOTER_BYTES);
    payload[0] = written[0]!;
    payload.set(written.subarray(1 + NO_NAME.length), 1);
    payload[end] = format.VERSION & 255;
    payload[end + 1] = format.VERSION >> 8;
    this.sum(payload, 0, end + VERSION_BYTES);
    const footer = new DataView(payload.buffer, end + VERSION_BYTES);
    footer.setInt32(0, this.checksum.low, true);
    footer.setInt32(4, this.checksum.high, true);
    return payload;
  }

  private takeWritten(sizeBytes: number): Uint8Array {
    const { out } = this.writer;
    const bytes = new Uint8Array(sizeBytes);
    let at = 0;
    for (let chunk = out.take(true); chunk !== null; chunk = out.take(true)) {
      bytes.set(chunk.bytes.subarray(0, chunk.length), at);
      at += chunk.length;
      out.release(chunk);
    }
    return bytes;
  }

  private sum(bytes: Uint8Array, from: number, to: number): void {
    this.checksum.reset();
    this.checksum.update(bytes, from, to);
  }

  /** False when the payload's version is one that this server cannot read, or its checksum is wrong. */
  isIntact(bytes: Uint8Array, from: number, to: number): boolean {
    if (to - from < FOOTER_BYTES) return false;
    const versionAt = to - FOOTER_BYTES;
    const version = bytes[versionAt]! | (bytes[versionAt + 1]! << 8);
    const foreign = version >= format.FIRST_FOREIGN_VERSION && version <= format.LAST_FOREIGN_VERSION;
    if ((foreign || version > format.VERSION) && !this.anyVersion) return false;
    if (this.skipsChecksum) return true;
    this.sum(bytes, from, to - CHECKSUM_BYTES);
    const footer = new DataView(bytes.buffer, bytes.byteOffset + to - CHECKSUM_BYTES, CHECKSUM_BYTES);
    return footer.getInt32(0, true) === this.checksum.low && footer.getInt32(4, true) === this.checksum.high;
  }

  /** Reads an intact payload into a value that is in no database yet: `put` or `drop` must follow. False: it holds no value. */
  read(bytes: Uint8Array, from: number, to: number): boolean {
    const end = to - FOOTER_BYTES;
    // Not a value's type but an opcode of RDB files.
    if (from >= end || bytes[from]! >= format.OP_SLOT_IMPORT) return false;
    const { value } = this;
    value.begin();
    const reader = this.reader ?? this.newReader();
    this.reader = null;
    try {
      reader.push(bytes, from, from + 1);
      reader.push(NO_NAME, 0, NO_NAME.length);
      reader.push(bytes, from + 1, end);
      reader.push(SELECT_DATABASE_0, 0, SELECT_DATABASE_0.length);
    } finally {
      // Not `complete` also when there was no memory for the whole of it.
      if (!value.complete) this.drop();
    }
    if (value.complete && reader.error === null) this.reader = reader;
    return value.complete;
  }

  private newReader(): RdbReader {
    const reader = new RdbReader(this.value, 'RESTORE', false);
    reader.push(FILE_HEAD, 0, FILE_HEAD.length);
    reader.push(SELECT_DATABASE_0, 0, SELECT_DATABASE_0.length);
    return reader;
  }

  /** Puts the value that was read at a key, which must be absent and looked for last by `findForWrite`. `expireAtMs` 0: it does not expire. */
  put(database: Database, key: Uint8Array, from: number, to: number, expireAtMs: number): void {
    const { value } = this;
    const at = expireAtMs === 0 ? NO_KEY_EXPIRY : expireAtMs;
    if (value.type === STRING) {
      database.putString(key, from, to, value.text, 0, value.text.length, at);
      value.text = NO_BYTES;
      return;
    }
    const { builder } = value;
    value.building = false;
    database.putCollection(key, from, to, builder.type, builder.encoding, builder.root, at);
  }

  /** Frees the value that was read, whole or not. */
  drop(): void {
    const { value } = this;
    value.text = NO_BYTES;
    if (!value.building) return;
    value.building = false;
    const { builder } = value;
    this.types.free(builder.type, builder.encoding, builder.root);
  }
}

/** Passes a key on without its name and expiry. */
class UnnamedKey implements DatasetVisitor {
  readonly refusal: string | null = null;
  readonly stream: StreamVisitor;
  private readonly writer: RdbWriter;
  private readonly head = new KeyHead();

  constructor(writer: RdbWriter) {
    this.stream = writer.stream;
    this.writer = writer;
  }

  aux(): void {}
  functionLibrary(): void {}
  slotImport(): void {}
  database(): void {}
  sizeHint(): void {}
  endKey(): void {}
  end(): void {}

  beginKey(head: KeyHead): void {
    this.head.type = head.type;
    this.head.count = head.count;
    this.writer.beginKey(this.head);
  }

  stringValue(bytes: Uint8Array, from: number, to: number): void {
    this.writer.stringValue(bytes, from, to);
  }

  listItem(bytes: Uint8Array, from: number, to: number): void {
    this.writer.listItem(bytes, from, to);
  }

  setMember(bytes: Uint8Array, from: number, to: number): void {
    this.writer.setMember(bytes, from, to);
  }

  zsetMember(bytes: Uint8Array, from: number, to: number, score: number): void {
    this.writer.zsetMember(bytes, from, to, score);
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
    this.writer.hashField(field, fieldFrom, fieldTo, value, valueFrom, valueTo, expireAtMs);
  }
}

/** Takes exactly one value and then the word "database 0". */
class ValueVisitor implements DatasetVisitor {
  refusal: string | null = null;
  readonly builder: ValueBuilder;
  type = STRING as number;
  /** The value of a string. */
  text: Uint8Array = NO_BYTES;
  /** `builder` has a value that belongs to nobody else. */
  building = false;
  complete = false;
  readonly stream: StreamLoader;
  private begun = false;
  private ended = false;

  constructor(builder: ValueBuilder) {
    this.builder = builder;
    this.stream = new StreamLoader(builder.stream, (what) => this.refuse(what));
  }

  begin(): void {
    this.refusal = null;
    this.text = NO_BYTES;
    this.building = false;
    this.begun = false;
    this.ended = false;
    this.complete = false;
  }

  private refuse(what: string): void {
    this.refusal = what;
    this.complete = false;
  }

  aux(): void {
    this.refuse('a fact about a dataset is no value');
  }

  functionLibrary(): void {
    this.refuse('a function library is no value');
  }

  slotImport(): void {
    this.refuse('a slot migration is no value');
  }

  database(): void {
    // Before any value: the head of the endless file.
    if (!this.begun) return;
    if (this.complete) this.refuse('bytes follow the value');
    else if (this.ended) this.complete = true;
  }

  sizeHint(): void {
    this.refuse('the size of a database is no value');
  }

  beginKey(head: KeyHead): void {
    if (this.begun) return this.refuse('another value follows');
    this.begun = true;
    this.type = head.type;
    if (head.type === STRING) return;
    this.builder.begin(entryTypeOf(head.type), head.count === UNKNOWN ? 0 : head.count);
    this.building = true;
  }

  stringValue(bytes: Uint8Array, from: number, to: number): void {
    this.text = bytes.slice(from, to);
  }

  listItem(bytes: Uint8Array, from: number, to: number): void {
    this.builder.item(bytes, from, to);
  }

  setMember(bytes: Uint8Array, from: number, to: number): void {
    if (!this.builder.member(bytes, from, to)) this.refuse('a member comes twice');
  }

  zsetMember(bytes: Uint8Array, from: number, to: number, score: number): void {
    if (!this.builder.scoredMember(bytes, from, to, score)) this.refuse('a member comes twice');
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
    const at = fieldExpiryOf(expireAtMs);
    if (!this.builder.field(field, fieldFrom, fieldTo, value, valueFrom, valueTo, at))
      this.refuse('a field comes twice');
  }

  endKey(): void {
    if (this.type !== STRING && this.type !== STREAM && this.builder.count === 0) this.refuse('a collection is empty');
    this.ended = true;
  }

  end(): void {
    this.refuse('the end of a dataset is no value');
  }
}
