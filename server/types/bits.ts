/**
 * Bits of byte strings: counting, finding, combining, and integers of any width. Bit 0 is the highest of the first byte.
 * Hot file: large strings are worked on in words of 32 bits; nothing is allocated per word or byte.
 * Words need the range to lie in a buffer whose length is a multiple of four, as the arena's segments are.
 */

/** Shorter ranges are not worth making a view of words. */
const MIN_WORD_BYTES = 64;
/** Words that one round of the carry-save adder takes. */
const ROUND_WORDS = 16;

/** Bits set in bytes[from, to). */
export function countBits(bytes: Uint8Array, from: number, to: number): number {
  if (to - from < MIN_WORD_BYTES) return countBytes(bytes, from, to);
  const first = wordIndexAfter(bytes, from);
  const last = wordIndexBefore(bytes, to);
  return (
    countBytes(bytes, from, first * 4 - bytes.byteOffset) +
    countWords(new Int32Array(bytes.buffer, 0, last), first, last) +
    countBytes(bytes, last * 4 - bytes.byteOffset, to)
  );
}

function wordIndexAfter(bytes: Uint8Array, at: number): number {
  return Math.ceil((bytes.byteOffset + at) / 4);
}

function wordIndexBefore(bytes: Uint8Array, at: number): number {
  return Math.floor((bytes.byteOffset + at) / 4);
}

function countBytes(bytes: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) count += countWord(bytes[i]!);
  return count;
}

export function countWord(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/**
 * Harley and Seal's count: sixteen words go through carry-save adders, so that only one in sixteen is counted by itself.
 * `ones` … `eights` hold, bit by bit, how many words had that bit so far, in binary.
 */
function countWords(words: Int32Array, from: number, to: number): number {
  let sixteens = 0;
  let ones = 0;
  let twos = 0;
  let fours = 0;
  let eights = 0;
  let i = from;
  for (const end = to - ((to - from) % ROUND_WORDS); i < end; i += ROUND_WORDS) {
    let a = words[i]!;
    let b = words[i + 1]!;
    let u = ones ^ a;
    let twosA = (ones & a) | (u & b);
    ones = u ^ b;
    a = words[i + 2]!;
    b = words[i + 3]!;
    u = ones ^ a;
    let twosB = (ones & a) | (u & b);
    ones = u ^ b;
    u = twos ^ twosA;
    let foursA = (twos & twosA) | (u & twosB);
    twos = u ^ twosB;
    a = words[i + 4]!;
    b = words[i + 5]!;
    u = ones ^ a;
    twosA = (ones & a) | (u & b);
    ones = u ^ b;
    a = words[i + 6]!;
    b = words[i + 7]!;
    u = ones ^ a;
    twosB = (ones & a) | (u & b);
    ones = u ^ b;
    u = twos ^ twosA;
    let foursB = (twos & twosA) | (u & twosB);
    twos = u ^ twosB;
    u = fours ^ foursA;
    const eightsA = (fours & foursA) | (u & foursB);
    fours = u ^ foursB;
    a = words[i + 8]!;
    b = words[i + 9]!;
    u = ones ^ a;
    twosA = (ones & a) | (u & b);
    ones = u ^ b;
    a = words[i + 10]!;
    b = words[i + 11]!;
    u = ones ^ a;
    twosB = (ones & a) | (u & b);
    ones = u ^ b;
    u = twos ^ twosA;
    foursA = (twos & twosA) | (u & twosB);
    twos = u ^ twosB;
    a = words[i + 12]!;
    b = words[i + 13]!;
    u = ones ^ a;
    twosA = (ones & a) | (u & b);
    ones = u ^ b;
    a = words[i + 14]!;
    b = words[i + 15]!;
    u = ones ^ a;
    twosB = (ones & a) | (u & b);
    ones = u ^ b;
    u = twos ^ twosA;
    foursB = (twos & twosA) | (u & twosB);
    twos = u ^ twosB;
    u = fours ^ foursA;
    const eightsB = (fours & foursA) | (u & foursB);
    fours = u ^ foursB;
    u = eights ^ eightsA;
    sixteens += countWord((eights & eightsA) | (u & eightsB));
    eights = u ^ eightsB;
  }
  let rest = 0;
  for (; i < to; i++) rest += countWord(words[i]!);
  return 16 * sixteens + 8 * countWord(eights) + 4 * countWord(fours) + 2 * countWord(twos) + countWord(ones) + rest;
}

/** The first bit of bytes[from, to) that is set (or clear), counted from the beginning of byte `from`; -1 when there is none. */
export function findBit(bytes: Uint8Array, from: number, to: number, set: boolean): number {
  const skipped = set ? 0 : 0xff;
  let at = from;
  if (to - from >= MIN_WORD_BYTES) {
    const first = wordIndexAfter(bytes, from);
    const last = wordIndexBefore(bytes, to);
    const aligned = first * 4 - bytes.byteOffset;
    while (at < aligned && bytes[at] === skipped) at++;
    if (at === aligned) {
      const words = new Int32Array(bytes.buffer, 0, last);
      let word = set ? skipZeros(words, first, last) : skipOnes(words, first, last);
      const skippedWord = set ? 0 : -1;
      while (word < last && words[word] === skippedWord) word++;
      at = word * 4 - bytes.byteOffset;
    }
  }
  while (at < to && bytes[at] === skipped) at++;
  if (at === to) return -1;
  return (at - from) * 8 + Math.clz32(set ? bytes[at]! : bytes[at]! ^ 0xff) - 24;
}

/** The index of a word in [from, to) such that all before it are 0, eight at a time: the next eight are not, or are fewer. */
function skipZeros(words: Int32Array, from: number, to: number): number {
  let i = from;
  for (; i + 8 <= to; i += 8) {
    const low = words[i]! | words[i + 1]! | words[i + 2]! | words[i + 3]!;
    if ((low | words[i + 4]! | words[i + 5]! | words[i + 6]! | words[i + 7]!) !== 0) break;
  }
  return i;
}

/** As `skipZeros`, for words of ones. */
function skipOnes(words: Int32Array, from: number, to: number): number {
  let i = from;
  for (; i + 8 <= to; i += 8) {
    const low = words[i]! & words[i + 1]! & words[i + 2]! & words[i + 3]!;
    if ((low & words[i + 4]! & words[i + 5]! & words[i + 6]! & words[i + 7]!) !== -1) break;
  }
  return i;
}

/** The unsigned integer of at most 48 bits at a bit offset; bits at or beyond byte `end` are 0. */
export function readBits(bytes: Uint8Array, start: number, end: number, bitOffset: number, bits: number): number {
  let value = 0;
  let at = start + Math.floor(bitOffset / 8);
  let skip = bitOffset % 8;
  for (let left = bits; left > 0; ) {
    const taken = Math.min(8 - skip, left);
    const byte = at < end ? bytes[at]! : 0;
    value = value * (1 << taken) + ((byte >> (8 - skip - taken)) & ((1 << taken) - 1));
    left -= taken;
    skip = 0;
    at++;
  }
  return value;
}

/** As `readBits`, of up to 64 bits. */
export function readBigBits(bytes: Uint8Array, start: number, end: number, bitOffset: number, bits: number): bigint {
  const high = Math.max(0, bits - 32);
  const low = readBits(bytes, start, end, bitOffset + high, bits - high);
  return (BigInt(readBits(bytes, start, end, bitOffset, high)) << 32n) | BigInt(low);
}

/** Writes the low bits of an integer in [0, 2^48) at a bit offset. */
export function writeBits(bytes: Uint8Array, start: number, bitOffset: number, bits: number, value: number): void {
  let at = start + Math.floor(bitOffset / 8);
  let skip = bitOffset % 8;
  for (let left = bits; left > 0; ) {
    const taken = Math.min(8 - skip, left);
    left -= taken;
    const part = Math.floor(value / 2 ** left) & ((1 << taken) - 1);
    const shift = 8 - skip - taken;
    bytes[at] = (bytes[at]! & ~(((1 << taken) - 1) << shift)) | (part << shift);
    skip = 0;
    at++;
  }
}

/** As `writeBits`, the low `bits` of any integer. */
export function writeBigBits(bytes: Uint8Array, start: number, bitOffset: number, bits: number, value: bigint): void {
  const high = Math.max(0, bits - 32);
  writeBits(bytes, start, bitOffset, high, Number(BigInt.asUintN(high, value >> 32n)));
  writeBits(bytes, start, bitOffset + high, bits - high, Number(BigInt.asUintN(bits - high, value)));
}

export const AND = 0;
export const OR = 1;
export const XOR = 2;
export const NOT = 3;

const BLOCK_BYTES = 64 * 1024;

/** A byte string to combine: bytes[from, from + length). */
export interface BitSource {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly length: number;
}

/** Combines byte strings block by block, so that the target may be one of them. */
export class BitCombiner {
  private readonly result = new Int32Array(BLOCK_BYTES / 4);
  private readonly resultBytes = new Uint8Array(this.result.buffer);
  private readonly other = new Int32Array(BLOCK_BYTES / 4);
  private readonly otherBytes = new Uint8Array(this.other.buffer);

  /** Writes to target[at, at + length) what the operation gives; shorter sources go on with zeros. */
  combine(operation: number, sources: readonly BitSource[], target: Uint8Array, at: number, length: number): void {
    const { result, resultBytes } = this;
    for (let done = 0; done < length; done += BLOCK_BYTES) {
      const size = Math.min(BLOCK_BYTES, length - done);
      const words = (size + 3) >>> 2;
      copyBlock(sources[0]!, done, words * 4, resultBytes);
      if (operation === NOT) for (let i = 0; i < words; i++) result[i] = ~result[i]!;
      for (let s = 1; s < sources.length; s++) this.apply(operation, sources[s]!, done, words);
      target.set(resultBytes.subarray(0, size), at + done);
    }
  }

  private apply(operation: number, source: BitSource, done: number, words: number): void {
    const { result } = this;
    const begin = source.bytes.byteOffset + source.from + done;
    let other: Int32Array = this.other;
    let first = 0;
    if ((begin & 3) === 0 && done + words * 4 <= source.length) {
      first = begin / 4;
      other = new Int32Array(source.bytes.buffer, 0, first + words);
    } else copyBlock(source, done, words * 4, this.otherBytes);
    if (operation === AND) for (let i = 0; i < words; i++) result[i] = result[i]! & other[first + i]!;
    else if (operation === OR) for (let i = 0; i < words; i++) result[i] = result[i]! | other[first + i]!;
    else for (let i = 0; i < words; i++) result[i] = result[i]! ^ other[first + i]!;
  }
}

/** Copies `size` bytes of a source from `done` on, zeros after its end. */
function copyBlock(source: BitSource, done: number, size: number, into: Uint8Array): void {
  const there = Math.max(0, Math.min(size, source.length - done));
  if (there > 0) into.set(source.bytes.subarray(source.from + done, source.from + done + there));
  if (there < size) into.fill(0, there, size);
}
