/**
 * DEBUG DIGEST and DEBUG DIGEST-VALUE: twenty bytes that depend on a dataset's content and on nothing else
 * (not on order, encoding or hash seed), byte for byte those of Valkey 9.1 (`src/debug.c`).
 * It listens as a dataset visitor, so a file, a keyspace and a peer's full sync all can be digested.
 *
 * A key's digest mixes the key, the type, and the value; mixing is SHA1(digest xor SHA1(data)), so that order counts.
 * Unordered things (members, fields, keys) are mixed each by itself and xored together.
 *
 * A score is mixed as text. Valkey's printer (Grisu2) does not find the shortest digits of about one random double in 500;
 * ours does: a sorted set with such a score has another digest there, though the same content.
 */
import { encodeUtf8, shortestDouble } from '../protocol/reply.ts';
import type { DatasetVisitor } from './dataset.ts';
import { HASH, HASH_WITH_TTL, type KeyHead, NO_EXPIRY } from './dataset.ts';
import { SHA1_BYTES, Sha1 } from './sha1.ts';
import { StreamDigest } from './stream-digest.ts';

const EXPIRES_MARK: Uint8Array = Uint8Array.from('!!expire!!', (character) => character.charCodeAt(0));
const MAX_DOUBLE_TEXT_BYTES = 32;

export class DigestVisitor implements DatasetVisitor {
  readonly refusal: string | null = null;
  /** Of the whole dataset. */
  readonly total: Uint8Array = new Uint8Array(SHA1_BYTES);
  /** Of the key being told, or told last. */
  readonly key: Uint8Array = new Uint8Array(SHA1_BYTES);

  readonly stream: StreamDigest = new StreamDigest((bytes, from, to) => this.mix(this.key, bytes, from, to));
  private readonly mixesKeyName: boolean;
  private readonly element: Uint8Array = new Uint8Array(SHA1_BYTES);
  private readonly hash: Uint8Array = new Uint8Array(SHA1_BYTES);
  private readonly word: Uint8Array = new Uint8Array(4);
  private readonly scoreText: Uint8Array = new Uint8Array(MAX_DOUBLE_TEXT_BYTES);
  private readonly sha1 = new Sha1();
  private expires = false;
  private databaseNumber = -1;
  private databaseMixed = true;

  /** DIGEST-VALUE leaves the key's name out of its digest. */
  constructor(mixesKeyName = true) {
    this.mixesKeyName = mixesKeyName;
  }

  aux(): void {}
  functionLibrary(): void {}
  slotImport(): void {}
  sizeHint(): void {}
  end(): void {}

  database(index: number): void {
    if (index === this.databaseNumber) return;
    this.databaseNumber = index;
    this.databaseMixed = false;
  }

  beginKey(head: KeyHead): void {
    if (!this.databaseMixed) {
      this.databaseMixed = true;
      this.mixWord(this.total, this.databaseNumber);
    }
    this.key.fill(0);
    if (this.mixesKeyName) this.mix(this.key, head.bytes, head.from, head.to);
    this.mixWord(this.key, head.type === HASH_WITH_TTL ? HASH : head.type);
    this.expires = head.expireAtMs !== NO_EXPIRY;
  }

  stringValue(bytes: Uint8Array, from: number, to: number): void {
    this.mix(this.key, bytes, from, to);
  }

  listItem(bytes: Uint8Array, from: number, to: number): void {
    this.mix(this.key, bytes, from, to);
  }

  setMember(bytes: Uint8Array, from: number, to: number): void {
    this.xor(this.key, bytes, from, to);
  }

  zsetMember(bytes: Uint8Array, from: number, to: number, score: number): void {
    this.element.fill(0);
    this.mix(this.element, bytes, from, to);
    const length = encodeUtf8(shortestDouble(score), this.scoreText, 0);
    this.mix(this.element, this.scoreText, 0, length);
    this.xor(this.key, this.element, 0, SHA1_BYTES);
  }

  hashField(
    field: Uint8Array,
    fieldFrom: number,
    fieldTo: number,
    value: Uint8Array,
    valueFrom: number,
    valueTo: number,
  ): void {
    this.element.fill(0);
    this.mix(this.element, field, fieldFrom, fieldTo);
    this.mix(this.element, value, valueFrom, valueTo);
    this.xor(this.key, this.element, 0, SHA1_BYTES);
  }

  endKey(): void {
    if (this.expires) this.xor(this.key, EXPIRES_MARK, 0, EXPIRES_MARK.length);
    this.xor(this.total, this.key, 0, SHA1_BYTES);
  }

  private mixWord(digest: Uint8Array, value: number): void {
    const { word } = this;
    word[0] = value >>> 24;
    word[1] = (value >>> 16) & 255;
    word[2] = (value >>> 8) & 255;
    word[3] = value & 255;
    this.mix(digest, word, 0, 4);
  }

  private mix(digest: Uint8Array, bytes: Uint8Array, from: number, to: number): void {
    this.xor(digest, bytes, from, to);
    this.sha1.digest(digest, 0, SHA1_BYTES, digest, 0);
  }

  private xor(digest: Uint8Array, bytes: Uint8Array, from: number, to: number): void {
    this.sha1.digest(bytes, from, to, this.hash, 0);
    for (let i = 0; i < SHA1_BYTES; i++) digest[i] = digest[i]! ^ this.hash[i]!;
  }
}

export function digestHex(digest: Uint8Array): string {
  let text = '';
  for (let i = 0; i < digest.length; i++) text += digest[i]!.toString(16).padStart(2, '0');
  return text;
}
