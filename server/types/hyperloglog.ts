/**
 * HyperLogLog: a cardinality estimate of 16384 registers in a string value, byte for byte Valkey's, so that values interchange.
 * Hot file: no allocation per element.
 *
 * Value: `HYLL`, [encoding: u8][0: 3 bytes][cached cardinality: u64 LE, its top bit set when it is out of date], then
 * DENSE: registers of 6 bits, low bits first, 12288 bytes; or SPARSE: runs of registers as opcodes,
 *   `00llllll` 1-64 registers at 0, `01llllll llllllll` 1-16384 registers at 0, `1vvvvvll` 1-4 registers at 1-32.
 * A sparse value turns dense when a register exceeds 32 or the value `sparseMaxBytes`.
 * One instance is a cursor over the value it has open. A dense value is changed where it lies; a sparse one in a copy (`own`).
 * Source: Valkey 9.1 hyperloglog.c; the estimator is Ertl's (arXiv:1702.01284), the hash MurmurHash2 of 64 bits.
 */
export const REGISTERS = 16384;
const REGISTER_BITS = 14;
const HASH_REST_BITS = 64 - REGISTER_BITS;
export const HEADER_BYTES = 16;
export const DENSE_BYTES: number = HEADER_BYTES + (REGISTERS * 6) / 8;
const EMPTY_BYTES = HEADER_BYTES + 2;

export const DENSE = 0;
export const SPARSE = 1;
const ENCODING_AT = 4;
const CARDINALITY_AT = 8;
const STALE_AT = 15;
const STALE = 0x80;

const MAX_SHORT_RUN = 64;
const MAX_VALUE = 32;
const MAX_VALUE_RUN = 4;
const IS_VALUE = 0x80;
const IS_LONG_RUN = 0x40;
/** The most that replacing an opcode by up to three adds: a long run of zeros split in two around a value. */
const MAX_SEQUENCE_BYTES = 5;
/** Opcodes looked at for neighbours to merge after a change. */
const MERGE_SCAN = 5;

/** MurmurHash64A's multiplier in 16-bit digits, lowest first, and the seed. */
const M0 = 0xe995;
const M1 = 0x5bd1;
const M2 = 0xa793;
const M3 = 0xc6a4;
const SEED = 0xadc83b19;
const ALPHA_INFINITY = 0.5 / Math.LN2;

export const UNCHANGED = 0;
export const CHANGED = 1;
export const CORRUPT = -1;

export class HyperLogLog {
  /** Above this size a sparse value turns dense. */
  sparseMaxBytes = 3000;
  /** The open value: bytes[at, at + length). */
  bytes: Uint8Array;
  at = 0;
  length = 0;
  /** The maximum of every register of the values merged since `clearMerged`. */
  readonly merged: Uint8Array = new Uint8Array(REGISTERS);
  /** Register and length of zero run of the last element hashed. */
  register = 0;
  run = 0;
  private sparse: Uint8Array = new Uint8Array(4096);
  private readonly dense: Uint8Array = new Uint8Array(DENSE_BYTES);
  private readonly histogram = new Int32Array(64);
  private readonly sequence = new Uint8Array(MAX_SEQUENCE_BYTES);
  private high = 0;
  private low = 0;

  constructor() {
    this.bytes = this.sparse;
  }

  /** Opens a value for reading, and a dense one for changes. False when it is no HyperLogLog. */
  open(bytes: Uint8Array, at: number, length: number): boolean {
    this.bytes = bytes;
    this.at = at;
    this.length = length;
    if (length < HEADER_BYTES) return false;
    if (bytes[at] !== 72 || bytes[at + 1] !== 89 || bytes[at + 2] !== 76 || bytes[at + 3] !== 76) return false;
    const encoding = bytes[at + ENCODING_AT]!;
    return encoding <= SPARSE && (encoding !== DENSE || length === DENSE_BYTES);
  }

  /** Opens a new empty value, which is the cursor's own until the caller copies it. */
  create(): void {
    const { sparse } = this;
    sparse.fill(0, 0, HEADER_BYTES);
    sparse.set([72, 89, 76, 76, SPARSE]);
    this.bytes = sparse;
    this.at = 0;
    this.length = HEADER_BYTES;
    this.length += writeZeros(sparse, HEADER_BYTES, REGISTERS);
    if (this.length !== EMPTY_BYTES) throw new Error('hyperloglog: an empty value has one opcode');
  }

  /** Copies the open value, so that it can be changed without the original. */
  own(): void {
    if (this.isDense) {
      this.dense.set(this.bytes.subarray(this.at, this.at + this.length));
      this.bytes = this.dense;
      this.at = 0;
      return;
    }
    const needed = this.length + MAX_SEQUENCE_BYTES;
    if (this.sparse.length < needed) this.sparse = new Uint8Array(needed * 2);
    this.sparse.set(this.bytes.subarray(this.at, this.at + this.length));
    this.bytes = this.sparse;
    this.at = 0;
  }

  get isDense(): boolean {
    return this.bytes[this.at + ENCODING_AT] === DENSE;
  }

  get isStale(): boolean {
    return (this.bytes[this.at + STALE_AT]! & STALE) !== 0;
  }

  markStale(): void {
    this.bytes[this.at + STALE_AT]! |= STALE;
  }

  /** The cardinality that the value caches. */
  cached(): bigint {
    let value = 0n;
    for (let i = 7; i >= 0; i--) value = (value << 8n) | BigInt(this.bytes[this.at + CARDINALITY_AT + i]!);
    return BigInt.asIntN(64, value);
  }

  cache(cardinality: bigint): void {
    let rest = BigInt.asUintN(64, cardinality);
    for (let i = 0; i < 8; i++) {
      this.bytes[this.at + CARDINALITY_AT + i] = Number(rest & 255n);
      rest >>= 8n;
    }
  }

  // --- Hashing -------------------------------------------------------------------------------------------------------

  /** Leaves in `register` and `run` what an element's hash says. */
  hash(element: Uint8Array, from: number, to: number): void {
    const length = to - from;
    // seed ^ length * m
    this.high = 0;
    this.low = length;
    this.multiply();
    this.low ^= SEED;
    let at = from;
    for (const end = to - (length & 7); at < end; at += 8) {
      const high = this.high;
      const low = this.low;
      this.low = element[at]! | (element[at + 1]! << 8) | (element[at + 2]! << 16) | (element[at + 3]! << 24);
      this.high = element[at + 4]! | (element[at + 5]! << 8) | (element[at + 6]! << 16) | (element[at + 7]! << 24);
      this.multiply();
      this.low ^= this.high >>> 15;
      this.multiply();
      this.low ^= low;
      this.high ^= high;
      this.multiply();
    }
    if (at < to) {
      for (let i = 0; at + i < to; i++) {
        if (i < 4) this.low ^= element[at + i]! << (i * 8);
        else this.high ^= element[at + i]! << ((i - 4) * 8);
      }
      this.multiply();
    }
    this.low ^= this.high >>> 15;
    this.multiply();
    this.low ^= this.high >>> 15;
    this.register = this.low & (REGISTERS - 1);
    // The rest of the hash, with a bit above it that ends the run.
    const low = (this.low >>> REGISTER_BITS) | (this.high << (32 - REGISTER_BITS));
    const high = (this.high >>> REGISTER_BITS) | (1 << (HASH_REST_BITS - 32));
    this.run = 1 + (low !== 0 ? trailingZeros(low) : 32 + trailingZeros(high));
  }

  /** Multiplies by the hash's constant, modulo 2^64. `h ^= h >> 47` is `low ^= high >>> 15` after it. */
  private multiply(): void {
    const a0 = this.low & 0xffff;
    const a1 = this.low >>> 16;
    const a2 = this.high & 0xffff;
    const a3 = this.high >>> 16;
    const p00 = Math.imul(a0, M0);
    const p01 = Math.imul(a0, M1);
    const p10 = Math.imul(a1, M0);
    const middle = (p00 >>> 16) + (p01 & 0xffff) + (p10 & 0xffff);
    const carry = (middle >>> 16) + (p01 >>> 16) + (p10 >>> 16);
    this.low = (middle << 16) | (p00 & 0xffff);
    // Digits 2 and 3 of the product.
    const second = carry + Math.imul(a1, M1) + Math.imul(a0, M2) + Math.imul(a2, M0);
    const third = Math.imul(a0, M3) + Math.imul(a1, M2) + Math.imul(a2, M1) + Math.imul(a3, M0);
    this.high = (second + (third << 16)) | 0;
  }

  // --- Registers -----------------------------------------------------------------------------------------------------

  /** True when setting the register to this value would change it, or find out that the value is damaged. */
  wouldRaise(register: number, value: number): boolean {
    if (this.isDense) return this.denseRegister(register) < value;
    return this.findRun(register) ? this.runValue < value : true;
  }

  /** Raises a register to a value: CHANGED, UNCHANGED when it is as high already, or CORRUPT. A sparse value must be the cursor's own. */
  raise(register: number, value: number): number {
    return this.isDense ? this.raiseDense(register, value) : this.raiseSparse(register, value);
  }

  private denseRegister(register: number): number {
    const bit = register * 6;
    const at = this.at + HEADER_BYTES + (bit >>> 3);
    const shift = bit & 7;
    if (shift <= 2) return (this.bytes[at]! >> shift) & 63;
    return ((this.bytes[at]! >> shift) | (this.bytes[at + 1]! << (8 - shift))) & 63;
  }

  private raiseDense(register: number, value: number): number {
    if (this.denseRegister(register) >= value) return UNCHANGED;
    const { bytes } = this;
    const bit = register * 6;
    const at = this.at + HEADER_BYTES + (bit >>> 3);
    const shift = bit & 7;
    bytes[at] = (bytes[at]! & ~(63 << shift)) | (value << shift);
    if (shift > 2) bytes[at + 1] = (bytes[at + 1]! & ~(63 >> (8 - shift))) | (value >> (8 - shift));
    return CHANGED;
  }

  /** The run that a register is in, as `findRun` found it: its opcode and that before it, its first register, length and value. */
  private runAt = 0;
  private runBefore = -1;
  private runFirst = 0;
  private runLength = 0;
  private runValue = 0;

  private findRun(register: number): boolean {
    const { bytes } = this;
    const end = this.at + this.length;
    let before = -1;
    let first = 0;
    for (let at = this.at + HEADER_BYTES; at < end; ) {
      const code = bytes[at]!;
      const long = (code & (IS_VALUE | IS_LONG_RUN)) === IS_LONG_RUN;
      const length =
        (code & IS_VALUE) !== 0
          ? (code & 3) + 1
          : long
            ? (((code & 63) << 8) | (at + 1 < end ? bytes[at + 1]! : 0)) + 1
            : (code & 63) + 1;
      if (register < first + length) {
        this.runAt = at;
        this.runBefore = before;
        this.runFirst = first;
        this.runLength = length;
        this.runValue = (code & IS_VALUE) !== 0 ? ((code >> 2) & 31) + 1 : 0;
        return true;
      }
      before = at;
      first += length;
      at += long ? 2 : 1;
    }
    return false;
  }

  private raiseSparse(register: number, value: number): number {
    if (value > MAX_VALUE) return this.promoteAndRaise(register, value);
    if (!this.findRun(register)) return CORRUPT;
    if (this.runValue >= value) return UNCHANGED;
    const { sequence, runFirst: first, runLength: length, runValue: old } = this;
    // What stands for the run now: what is before the register, the register, what is after it.
    let size = 0;
    if (register > first) size += writeRun(sequence, size, register - first, old);
    size += writeRun(sequence, size, 1, value);
    const last = first + length - 1;
    if (register < last) size += writeRun(sequence, size, last - register, old);
    const oldSize = old === 0 && (this.bytes[this.runAt]! & IS_LONG_RUN) !== 0 ? 2 : 1;
    const growth = size - oldSize;
    if (growth > 0 && this.length + growth > this.sparseMaxBytes) return this.promoteAndRaise(register, value);
    this.makeRoom(growth);
    const { bytes } = this;
    const at = this.runAt;
    bytes.copyWithin(at + size, at + oldSize, this.length);
    for (let i = 0; i < size; i++) bytes[at + i] = sequence[i]!;
    this.length += growth;
    this.mergeRuns(this.runBefore < 0 ? HEADER_BYTES : this.runBefore);
    this.markStale();
    return CHANGED;
  }

  private makeRoom(growth: number): void {
    if (this.length + growth <= this.sparse.length) return;
    const larger = new Uint8Array((this.length + growth) * 2);
    larger.set(this.sparse.subarray(0, this.length));
    this.sparse = larger;
    this.bytes = larger;
  }

  /** Joins neighbouring runs of one value from an opcode on. */
  private mergeRuns(from: number): void {
    const { bytes } = this;
    let at = from;
    for (let scan = 0; scan < MERGE_SCAN && at < this.length; scan++) {
      const code = bytes[at]!;
      if ((code & IS_VALUE) === 0) {
        at += (code & IS_LONG_RUN) !== 0 ? 2 : 1;
        continue;
      }
      const next = at + 1 < this.length ? bytes[at + 1]! : 0;
      const length = (code & 3) + (next & 3) + 2;
      if ((next & IS_VALUE) !== 0 && ((code ^ next) & 0x7c) === 0 && length <= MAX_VALUE_RUN) {
        bytes.copyWithin(at, at + 1, this.length);
        bytes[at] = (code & ~3) | (length - 1);
        this.length--;
        continue;
      }
      at++;
    }
  }

  private promoteAndRaise(register: number, value: number): number {
    return this.toDense() ? this.raiseDense(register, value) : CORRUPT;
  }

  /** Opens the same value in the dense representation, as the cursor's own. False when the open value is damaged. */
  toDense(): boolean {
    if (this.isDense) return true;
    const { dense } = this;
    dense.fill(0);
    dense.set(this.bytes.subarray(this.at, this.at + HEADER_BYTES));
    dense[ENCODING_AT] = DENSE;
    const { bytes, at, length } = this;
    let register = 0;
    this.bytes = dense;
    this.at = 0;
    this.length = DENSE_BYTES;
    const end = at + length;
    for (let position = at + HEADER_BYTES; position < end && register <= REGISTERS; ) {
      const code = bytes[position]!;
      if ((code & IS_VALUE) !== 0) {
        const run = (code & 3) + 1;
        if (register + run > REGISTERS) break;
        const value = ((code >> 2) & 31) + 1;
        for (let i = 0; i < run; i++) this.raiseDense(register++, value);
        position++;
      } else if ((code & IS_LONG_RUN) !== 0) {
        register += (((code & 63) << 8) | (position + 1 < end ? bytes[position + 1]! : 0)) + 1;
        position += 2;
      } else {
        register += (code & 63) + 1;
        position++;
      }
    }
    if (register === REGISTERS) return true;
    this.bytes = bytes;
    this.at = at;
    this.length = length;
    return false;
  }

  // --- Merging and counting ------------------------------------------------------------------------------------------

  clearMerged(): void {
    this.merged.fill(0);
  }

  /** Adds the open value to `merged`. False when it is damaged. */
  merge(): boolean {
    const { merged } = this;
    if (this.isDense) {
      for (let register = 0; register < REGISTERS; register++) {
        const value = this.denseRegister(register);
        if (value > merged[register]!) merged[register] = value;
      }
      return true;
    }
    return this.eachRun((first, length, value) => {
      if (value > 0 && first + length > REGISTERS) return false;
      if (value > 0) for (let i = first; i < first + length; i++) if (merged[i]! < value) merged[i] = value;
      return true;
    });
  }

  /** The estimate for the open value; null when it is damaged. */
  count(): bigint | null {
    const { histogram } = this;
    histogram.fill(0);
    if (this.isDense) {
      for (let register = 0; register < REGISTERS; register++) histogram[this.denseRegister(register)]!++;
    } else {
      const whole = this.eachRun((_, length, value) => {
        histogram[value]! += length;
        return true;
      });
      if (!whole) return null;
    }
    return this.estimate();
  }

  countMerged(): bigint {
    const { histogram, merged } = this;
    histogram.fill(0);
    for (let register = 0; register < REGISTERS; register++) histogram[merged[register]! & 63]!++;
    return this.estimate();
  }

  private estimate(): bigint {
    const { histogram } = this;
    const m = REGISTERS;
    let z = m * tau((m - histogram[HASH_REST_BITS + 1]!) / m);
    for (let value = HASH_REST_BITS; value >= 1; value--) z = (z + histogram[value]!) * 0.5;
    z += m * sigma(histogram[0]! / m);
    const estimate = (ALPHA_INFINITY * m * m) / z;
    // What C's llround gives for what no 64-bit integer can hold.
    return estimate < 2 ** 63 ? BigInt(Math.round(estimate)) : -(2n ** 63n);
  }

  /** Shows the runs of the open sparse value until `visit` answers false. False when those before were not of 16384 registers together. */
  eachRun(visit: (first: number, length: number, value: number, long: boolean) => boolean): boolean {
    const { bytes } = this;
    const end = this.at + this.length;
    let first = 0;
    for (let at = this.at + HEADER_BYTES; at < end; ) {
      const code = bytes[at]!;
      const long = (code & (IS_VALUE | IS_LONG_RUN)) === IS_LONG_RUN;
      let length = (code & 63) + 1;
      let value = 0;
      if ((code & IS_VALUE) !== 0) {
        length = (code & 3) + 1;
        value = ((code >> 2) & 31) + 1;
      } else if (long) {
        length = (((code & 63) << 8) | (++at < end ? bytes[at]! : 0)) + 1;
      }
      at++;
      if (!visit(first, length, value, long)) break;
      first += length;
    }
    return first === REGISTERS;
  }

  /** A register of the open dense value. */
  registerAt(register: number): number {
    return this.denseRegister(register);
  }
}

/** Writes the opcode of a run of registers; returns its bytes. Runs of a value are of at most MAX_VALUE_RUN. */
function writeRun(bytes: Uint8Array, at: number, length: number, value: number): number {
  if (value === 0) return writeZeros(bytes, at, length);
  bytes[at] = IS_VALUE | ((value - 1) << 2) | (length - 1);
  return 1;
}

function writeZeros(bytes: Uint8Array, at: number, length: number): number {
  if (length <= MAX_SHORT_RUN) {
    bytes[at] = length - 1;
    return 1;
  }
  bytes[at] = IS_LONG_RUN | ((length - 1) >> 8);
  bytes[at + 1] = (length - 1) & 255;
  return 2;
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}

function sigma(x: number): number {
  if (x === 1) return Infinity;
  let y = 1;
  let z = x;
  for (let before = Number.NaN; before !== z; ) {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  }
  return z;
}

function tau(x: number): number {
  if (x === 0 || x === 1) return 0;
  let y = 1;
  let z = 1 - x;
  for (let before = Number.NaN; before !== z; ) {
    x = Math.sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) ** 2 * y;
  }
  return z / 3;
}
