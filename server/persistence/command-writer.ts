/**
 * Writes what it is told as commands, the way an append-only file has them: what slot migration sends.
 * One command per element, so that elements of a key may come in any order and in pieces; a key's expiry comes last.
 */
import { decimalDigits, shortestDouble, writeDecimal } from '../protocol/reply.ts';
import { ChunkWriter } from './chunks.ts';
import type { KeyHead, ValueType } from './dataset.ts';
import { NO_EXPIRY, STRING } from './dataset.ts';
import type { SnapshotConsumer } from './snapshot-consumer.ts';
import { StreamCommandWriter } from './stream-command-writer.ts';

const SELECT: Uint8Array = bytesOf('*2\r\n$6\r\nSELECT\r\n');
const SET_STRING: Uint8Array = bytesOf('*3\r\n$3\r\nSET\r\n');
const SET_EXPIRING: Uint8Array = bytesOf('*5\r\n$3\r\nSET\r\n');
const PXAT: Uint8Array = bytesOf('$4\r\nPXAT\r\n');
const RPUSH: Uint8Array = bytesOf('*3\r\n$5\r\nRPUSH\r\n');
const SADD: Uint8Array = bytesOf('*3\r\n$4\r\nSADD\r\n');
const ZADD: Uint8Array = bytesOf('*4\r\n$4\r\nZADD\r\n');
const HSET: Uint8Array = bytesOf('*4\r\n$4\r\nHSET\r\n');
const HSETEX: Uint8Array = bytesOf('*8\r\n$6\r\nHSETEX\r\n');
const ONE_FIELD: Uint8Array = bytesOf('$6\r\nFIELDS\r\n$1\r\n1\r\n');
const PEXPIREAT: Uint8Array = bytesOf('*3\r\n$9\r\nPEXPIREAT\r\n');
const LINE_END: Uint8Array = bytesOf('\r\n');
const NUMBER_BYTES = 24;

export class CommandWriter implements SnapshotConsumer {
  readonly refusal: string | null = null;
  readonly out: ChunkWriter = new ChunkWriter();
  readonly stream: StreamCommandWriter = new StreamCommandWriter({
    command: (args, name) => {
      this.target.byte(42);
      this.line(args);
      this.word(name);
    },
    key: () => this.argument(this.key, this.keyFrom, this.keyTo),
    word: (text) => this.word(text),
    decimal: (value) => this.decimal(value),
    argument: (bytes, from, to) => this.argument(bytes, from, to),
  });
  private target: ChunkWriter = this.out;
  private key: Uint8Array = new Uint8Array(0);
  private keyFrom = 0;
  private keyTo = 0;
  private type: ValueType = STRING;
  private expireAtMs = NO_EXPIRY;
  private readonly number: Uint8Array = new Uint8Array(NUMBER_BYTES);

  divert(side: ChunkWriter): void {
    this.target = side;
  }

  restore(): void {
    this.target = this.out;
  }

  aux(): void {}
  functionLibrary(): void {}
  slotImport(): void {}
  sizeHint(): void {}
  end(): void {}

  database(index: number): void {
    this.raw(SELECT);
    this.decimal(index);
  }

  /** The key's bytes are kept as they are: they must stay until `endKey`, or `continueKey` names them again. */
  beginKey(head: KeyHead): void {
    this.type = head.type;
    this.key = head.bytes;
    this.keyFrom = head.from;
    this.keyTo = head.to;
    this.expireAtMs = head.expireAtMs;
  }

  continueKey(type: ValueType, key: Uint8Array, expireAtMs: number): void {
    this.type = type;
    this.expireAtMs = expireAtMs;
    this.key = key;
    this.keyFrom = 0;
    this.keyTo = key.length;
  }

  stringValue(bytes: Uint8Array, from: number, to: number): void {
    const expires = this.expireAtMs !== NO_EXPIRY;
    this.raw(expires ? SET_EXPIRING : SET_STRING);
    this.argument(this.key, this.keyFrom, this.keyTo);
    this.argument(bytes, from, to);
    if (!expires) return;
    this.raw(PXAT);
    this.decimal(this.expireAtMs);
  }

  listItem(bytes: Uint8Array, from: number, to: number): void {
    this.element(RPUSH, bytes, from, to);
  }

  setMember(bytes: Uint8Array, from: number, to: number): void {
    this.element(SADD, bytes, from, to);
  }

  zsetMember(bytes: Uint8Array, from: number, to: number, score: number): void {
    this.raw(ZADD);
    this.argument(this.key, this.keyFrom, this.keyTo);
    const text = bytesOf(shortestDouble(score));
    this.argument(text, 0, text.length);
    this.argument(bytes, from, to);
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
    const expires = expireAtMs !== NO_EXPIRY;
    this.raw(expires ? HSETEX : HSET);
    this.argument(this.key, this.keyFrom, this.keyTo);
    if (expires) {
      this.raw(PXAT);
      this.decimal(expireAtMs);
      this.raw(ONE_FIELD);
    }
    this.argument(field, fieldFrom, fieldTo);
    this.argument(value, valueFrom, valueTo);
  }

  endKey(): void {
    if (this.expireAtMs === NO_EXPIRY || this.type === STRING) return;
    this.raw(PEXPIREAT);
    this.argument(this.key, this.keyFrom, this.keyTo);
    this.decimal(this.expireAtMs);
  }

  private element(command: Uint8Array, bytes: Uint8Array, from: number, to: number): void {
    this.raw(command);
    this.argument(this.key, this.keyFrom, this.keyTo);
    this.argument(bytes, from, to);
  }

  private argument(bytes: Uint8Array, from: number, to: number): void {
    this.size(to - from);
    this.target.bytes(bytes, from, to);
    this.raw(LINE_END);
  }

  private word(text: string): void {
    this.size(text.length);
    this.target.ascii(text);
    this.raw(LINE_END);
  }

  /** `$17\r\n` */
  private size(value: number): void {
    this.target.byte(36);
    this.line(value);
  }

  private line(value: number): void {
    const length = writeDecimal(this.number, 0, value);
    this.target.bytes(this.number, 0, length);
    this.raw(LINE_END);
  }

  /** A number as a bulk string. */
  private decimal(value: number): void {
    this.size(decimalDigits(value));
    const length = writeDecimal(this.number, 0, value);
    this.target.bytes(this.number, 0, length);
    this.raw(LINE_END);
  }

  private raw(bytes: Uint8Array): void {
    this.target.bytes(bytes, 0, bytes.length);
  }
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
