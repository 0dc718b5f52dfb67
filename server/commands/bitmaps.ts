/**
 * Commands on the bits of strings. Hot file: SETBIT and GETBIT allocate nothing.
 * Source: Valkey 9.1 bitops.c. BITFIELD has a file of its own.
 */
import { NO_EXPIRY } from '../keyspace/database.ts';
import { EDITED, STRING } from '../keyspace/entry.ts';
import { EVENT_GENERIC, EVENT_STRING } from '../keyspace/events.ts';
import { NONE } from '../memory/arena.ts';
import { ERR_SYNTAX } from '../protocol/errors.ts';
import { parseInteger } from '../protocol/numbers.ts';
import { AND, BitCombiner, type BitSource, countBits, countWord, findBit, NOT, OR, XOR } from '../types/bits.ts';
import type { Call } from './call.ts';
import { IMPORT_CLIENT, STREAM_CLIENT } from './client.ts';
import { type Command, DENYOOM, FAST, ONE_KEY, READONLY, WRITE } from './command.ts';

const ERR_BIT_OFFSET = 'ERR bit offset is not an integer or out of range';
const ERR_BIT = 'ERR bit is not an integer or out of range';

/** The bit offset in argument i (`#7` counts fields of `fieldBits`, where that is above 0); answers the error otherwise. */
export function bitOffsetOf(call: Call, index: number, fieldBits = 0): number {
  const from = call.starts[index]!;
  const counted = fieldBits > 0 && call.bytes[from] === 35;
  const number = parseInteger(call.bytes, counted ? from + 1 : from, call.ends[index]!);
  const offset = counted ? number * fieldBits : number;
  const { kind } = call.client;
  const trusted = kind === STREAM_CLIENT || kind === IMPORT_CLIENT;
  const limit = trusted ? Number.MAX_SAFE_INTEGER : call.rooms.settings.integer('proto-max-bulk-len') * 8;
  if (!(offset >= 0 && offset < limit)) call.fail(ERR_BIT_OFFSET);
  return offset;
}

/**
 * Opens the string at argument 1 with room for a bit: 1 when it was made or grew for that, 0 when not, -1 after an error was answered.
 * Its bytes are then in `database.valueSegment`.
 */
export function openForBit(call: Call, bitOffset: number): number {
  const found = call.findTypedForWrite(1, STRING);
  if (call.failed) return -1;
  const { database } = call;
  const length = Math.floor(bitOffset / 8) + 1;
  if (found === NONE) {
    const at = database.putBlank(call.bytes, call.starts[1]!, call.ends[1]!, length);
    database.valueSegment.fill(0, at, at + length);
    return 1;
  }
  database.markWritten(EDITED);
  if (length <= database.view.stringLength()) return 0;
  database.resizeString(length);
  return 1;
}

function setbit(call: Call): void {
  const offset = bitOffsetOf(call, 2);
  if (call.failed) return;
  const value = call.integer(3, ERR_BIT);
  if (call.failed) return;
  if (value !== 0 && value !== 1) {
    call.fail(ERR_BIT);
    return;
  }
  const grown = openForBit(call, offset);
  if (grown < 0) return;
  const { database } = call;
  const at = database.openString() + Math.floor(offset / 8);
  const mask = 128 >> (offset % 8);
  const before = (database.valueSegment[at]! & mask) === 0 ? 0 : 1;
  if (grown === 1 || before !== value) {
    if (grown === 0) database.beginChange();
    const { valueSegment } = database;
    valueSegment[at] = value === 1 ? valueSegment[at]! | mask : valueSegment[at]! & ~mask;
    call.notify(EVENT_STRING, 'setbit', 1);
    call.changed();
  }
  call.reply.integer(before);
}

function getbit(call: Call): void {
  const offset = bitOffsetOf(call, 2);
  if (call.failed) return;
  const found = call.findTyped(1, STRING);
  if (call.failed) return;
  const { database } = call;
  const byte = Math.floor(offset / 8);
  if (found === NONE || byte >= database.view.stringLength()) {
    call.reply.integer(0);
    return;
  }
  const at = database.openString() + byte;
  call.reply.integer((database.valueSegment[at]! >> (7 - (offset % 8))) & 1);
}

/** A range of bits as BITCOUNT and BITPOS take it from argument `first` on: start, end, BYTE or BIT. */
class BitRange {
  start = 0;
  end = -1;
  inBits = false;
  endGiven = false;

  /** False after an error was answered. */
  read(call: Call, first: number): boolean {
    this.start = 0;
    this.end = -1;
    this.inBits = false;
    this.endGiven = call.count > first + 1;
    if (call.count > first + 3) {
      call.fail(ERR_SYNTAX);
      return false;
    }
    if (call.count > first) this.start = call.integer(first);
    if (call.failed) return false;
    if (call.count === first + 3) {
      if (call.is(first + 2, 'BIT')) this.inBits = true;
      else if (!call.is(first + 2, 'BYTE')) {
        call.fail(ERR_SYNTAX);
        return false;
      }
    }
    if (this.endGiven) this.end = call.integer(first + 1);
    return !call.failed;
  }

  /** Makes `start` and `end` the first and last bit of the range in a string of so many bytes; false when it is empty. */
  resolve(lengthBytes: number): boolean {
    const total = this.inBits ? lengthBytes * 8 : lengthBytes;
    let { start, end } = this;
    if (start < 0) start = Math.max(0, total + start);
    if (end < 0) end = Math.max(0, total + end);
    // Out of range on purpose: an empty string has no last byte.
    if (end >= total) end = total - 1;
    if (start > end) return false;
    this.start = this.inBits ? start : start * 8;
    this.end = this.inBits ? end : end * 8 + 7;
    return true;
  }
}

function bitcount(call: Call, range: BitRange): void {
  if (!range.read(call, 2)) return;
  const found = call.findTyped(1, STRING);
  if (call.failed) return;
  const { database } = call;
  const backwards = range.start < 0 && range.end < 0 && range.start > range.end;
  if (found === NONE || backwards || !range.resolve(database.view.stringLength())) {
    call.reply.integer(0);
    return;
  }
  const at = database.openString();
  const bytes = database.valueSegment;
  const first = at + Math.floor(range.start / 8);
  const last = at + Math.floor(range.end / 8);
  const before = bytes[first]! & ~(0xff >> (range.start % 8));
  const after = bytes[last]! & (0x7f >> (range.end % 8));
  call.reply.integer(countBits(bytes, first, last + 1) - countWord(before) - countWord(after));
}

function bitpos(call: Call, range: BitRange): void {
  const bit = call.integer(2);
  if (call.failed) return;
  if (bit !== 0 && bit !== 1) {
    call.fail('ERR The bit argument must be 1 or 0.');
    return;
  }
  if (!range.read(call, 3)) return;
  const found = call.findTyped(1, STRING);
  if (call.failed) return;
  if (found === NONE) {
    call.reply.integer(bit === 1 ? -1 : 0);
    return;
  }
  const { database } = call;
  if (!range.resolve(database.view.stringLength())) {
    call.reply.integer(-1);
    return;
  }
  const at = database.openString();
  const position = findInRange(database.valueSegment, at, range, bit === 1);
  // A string is thought to go on with zeros, unless the range says where it ends.
  call.reply.integer(position < 0 && bit === 0 && !range.endGiven ? range.end + 1 : position);
}

/** The first such bit in a resolved range of the string whose bytes begin at `at`; -1 when there is none. */
function findInRange(bytes: Uint8Array, at: number, range: BitRange, set: boolean): number {
  const { start, end } = range;
  let from = Math.floor(start / 8);
  const last = Math.floor(end / 8);
  const flip = set ? 0 : 0xff;
  const within = start % 8;
  if (within !== 0) {
    const wanted = (bytes[at + from]! ^ flip) & (0xff >> within);
    if (wanted !== 0) {
      const position = from * 8 + Math.clz32(wanted) - 24;
      return position <= end ? position : -1;
    }
    from++;
  }
  if (from > last) return -1;
  const found = findBit(bytes, at + from, at + last + 1, set);
  return found < 0 || from * 8 + found > end ? -1 : from * 8 + found;
}

const OPERATIONS: readonly (readonly [string, number])[] = [
  ['AND', AND],
  ['OR', OR],
  ['XOR', XOR],
  ['NOT', NOT],
];

function bitop(call: Call, combiner: BitCombiner): void {
  const operation = OPERATIONS.find(([name]) => call.is(1, name))?.[1];
  if (operation === undefined) {
    call.fail(ERR_SYNTAX);
    return;
  }
  if (operation === NOT && call.count !== 4) {
    call.fail('ERR BITOP NOT must be called with a single source key.');
    return;
  }
  const { database } = call;
  const sources: BitSource[] = [];
  let length = 0;
  for (let i = 3; i < call.count; i++) {
    const found = call.findTyped(i, STRING);
    if (call.failed) return;
    const from = found === NONE ? 0 : database.openString();
    const source = { bytes: database.valueSegment, from, length: found === NONE ? 0 : database.view.stringLength() };
    sources.push(source);
    length = Math.max(length, source.length);
  }
  const found = call.findForWrite(2) !== NONE;
  if (length === 0) {
    if (found) {
      database.remove();
      call.notify(EVENT_GENERIC, 'del', 2);
      call.changed();
    }
    call.reply.integer(0);
    return;
  }
  const at = openTarget(call, sources, length);
  combiner.combine(operation, sources, database.valueSegment, at, length);
  call.notify(EVENT_STRING, 'set', 2);
  call.changed();
  call.reply.integer(length);
}

/** Makes the key of argument 2, just looked up, a string of that length; where it is one of the sources these still hold what they held. */
function openTarget(call: Call, sources: BitSource[], length: number): number {
  const { database } = call;
  const target = database.entry === NONE || database.view.type !== STRING ? -1 : database.openString();
  const before = database.valueSegment;
  if (target < 0 || !sources.some((one) => one.length > 0 && one.bytes === before && one.from === target)) {
    return database.putBlank(call.bytes, call.starts[2]!, call.ends[2]!, length);
  }
  if (database.view.expires) database.setExpiry(NO_EXPIRY);
  const moved = database.resizeString(length);
  for (const [i, one] of sources.entries()) {
    if (one.bytes === before && one.from === target && one.length > 0) {
      sources[i] = { bytes: database.valueSegment, from: moved, length: one.length };
    }
  }
  return moved;
}

export function bitmapCommands(): readonly Command[] {
  const range = new BitRange();
  const combiner = new BitCombiner();
  const row = { group: 'bitmap', keys: ONE_KEY } as const;
  return [
    {
      ...row,
      name: 'setbit',
      arity: 4,
      since: '2.2.0',
      flags: WRITE | DENYOOM,
      summary: "Sets or clears the bit at offset of the string value. Creates the key if it doesn't exist.",
      run: setbit,
    },
    {
      ...row,
      name: 'getbit',
      arity: 3,
      since: '2.2.0',
      flags: READONLY | FAST,
      summary: 'Returns a bit value by offset.',
      run: getbit,
    },
    {
      ...row,
      name: 'bitcount',
      arity: -2,
      since: '2.6.0',
      flags: READONLY,
      summary: 'Counts the number of set bits (population counting) in a string.',
      run: (call) => bitcount(call, range),
    },
    {
      ...row,
      name: 'bitpos',
      arity: -3,
      since: '2.8.7',
      flags: READONLY,
      summary: 'Finds the first set (1) or clear (0) bit in a string.',
      run: (call) => bitpos(call, range),
    },
    {
      ...row,
      name: 'bitop',
      arity: -4,
      since: '2.6.0',
      flags: WRITE | DENYOOM,
      keys: { first: 2, last: -1, step: 1 },
      summary: 'Performs bitwise operations on multiple strings, and stores the result.',
      run: (call) => bitop(call, combiner),
    },
  ];
}
