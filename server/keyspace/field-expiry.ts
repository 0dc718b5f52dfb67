/**
 * What a large hash says of its fields that expire, in the words that its table's root leaves to its owner:
 * [fields that expire][a time before which none of them does: 2 words][mark of the walk that looks for due ones].
 * Here, below the types, because a database counts the hashes that active expiry has to look at.
 * A hash without such fields has 0 in all of them, and costs no byte more than without this file.
 */
import type { Address, Arena } from '../memory/arena.ts';
import { OFFSET_MASK, SEGMENT_OF_SHIFT } from '../memory/arena.ts';
import { ROOT_OWNER_WORDS } from '../memory/table.ts';
import { HASH, LARGE, readWord, writeWord } from './entry.ts';

const FIELDS = ROOT_OWNER_WORDS;
const EARLIEST_LOW = ROOT_OWNER_WORDS + 1;
const EARLIEST_HIGH = ROOT_OWNER_WORDS + 2;
const WALK = ROOT_OWNER_WORDS + 3;

/** A field's expiry that is none. */
export const NO_FIELD_EXPIRY = 0;
/** The latest time that a field can expire at: milliseconds that a double counts exactly. */
export const LATEST_FIELD_EXPIRY: number = 2 ** 53 - 1;
/** Bytes of a field's expiry in its entry: milliseconds, little endian. One more than a key's costs nothing in most cells. */
export const FIELD_EXPIRY_BYTES = 7;

/** True when the collection is a hash some of whose fields expire. */
export function hasExpiringFields(arena: Arena, type: number, encoding: number, root: Address): boolean {
  return type === HASH && encoding === LARGE && wordOf(arena, root, FIELDS) !== 0;
}

/** Fields of a large hash that expire. */
export function expiringFields(arena: Arena, root: Address): number {
  return wordOf(arena, root, FIELDS);
}

export function setExpiringFields(arena: Arena, root: Address, fields: number): void {
  setWord(arena, root, FIELDS, fields);
}

/** No field of the hash expires before this time. */
export function earliestExpiry(arena: Arena, root: Address): number {
  return (wordOf(arena, root, EARLIEST_LOW) >>> 0) + wordOf(arena, root, EARLIEST_HIGH) * 2 ** 32;
}

export function setEarliestExpiry(arena: Arena, root: Address, atMs: number): void {
  setWord(arena, root, EARLIEST_LOW, atMs | 0);
  setWord(arena, root, EARLIEST_HIGH, Math.floor(atMs / 2 ** 32));
}

export function walkMark(arena: Arena, root: Address): number {
  return wordOf(arena, root, WALK);
}

export function setWalkMark(arena: Arena, root: Address, mark: number): void {
  setWord(arena, root, WALK, mark);
}

export function readFieldExpiry(bytes: Uint8Array, at: number): number {
  const high = bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16);
  return (readWord(bytes, at) >>> 0) + high * 2 ** 32;
}

export function writeFieldExpiry(bytes: Uint8Array, at: number, expireAtMs: number): void {
  writeWord(bytes, at, expireAtMs | 0);
  const high = Math.floor(expireAtMs / 2 ** 32);
  bytes[at + 4] = high;
  bytes[at + 5] = high >> 8;
  bytes[at + 6] = high >> 16;
}

function wordOf(arena: Arena, root: Address, word: number): number {
  return arena.words[root >>> SEGMENT_OF_SHIFT]![((root & OFFSET_MASK) << 1) + word]!;
}

function setWord(arena: Arena, root: Address, word: number, value: number): void {
  arena.words[root >>> SEGMENT_OF_SHIFT]![((root & OFFSET_MASK) << 1) + word] = value;
}
