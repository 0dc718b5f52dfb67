/**
 * BITFIELD and BITFIELD_RO: integers of 1 to 64 bits anywhere in a string, exact.
 * Integers of up to MAX_PLAIN_BITS are numbers, wider ones BigInts. All operations are read before the first is done.
 * Source: Valkey 9.1 bitops.c.
 */
import { STRING } from '../keyspace/entry.ts';
import { EVENT_STRING } from '../keyspace/events.ts';
import { NONE } from '../memory/arena.ts';
import { ERR_SYNTAX } from '../protocol/errors.ts';
import { parseInteger } from '../protocol/numbers.ts';
import { readBigBits, readBits, writeBigBits, writeBits } from '../types/bits.ts';
import { bitOffsetOf, openForBit } from './bitmaps.ts';
import type { Call } from './call.ts';
import { type Command, DENYOOM, FAST, ONE_KEY, READONLY, WRITE } from './command.ts';

const ERR_TYPE = 'ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.';
/** Sums of such integers and arguments are exact as doubles. */
const MAX_PLAIN_BITS = 48;
const MAX_PLAIN_ARGUMENT = 2 ** 50;

const GET = 0;
const SET = 1;
const INCREMENT = 2;
const WRAP = 0;
const SATURATE = 1;
const FAIL = 2;

interface Operation {
  readonly kind: number;
  readonly signed: boolean;
  readonly bits: number;
  readonly offset: number;
  readonly overflow: number;
  /** The argument with what to set or to add. */
  readonly argument: number;
}

/** The operations that the arguments say; null after an error was answered. */
function operationsOf(call: Call): Operation[] | null {
  const operations: Operation[] = [];
  let overflow = WRAP;
  for (let i = 2; i < call.count; ) {
    const left = call.count - i - 1;
    if (call.is(i, 'OVERFLOW') && left >= 1) {
      if (call.is(i + 1, 'WRAP')) overflow = WRAP;
      else if (call.is(i + 1, 'SAT')) overflow = SATURATE;
      else if (call.is(i + 1, 'FAIL')) overflow = FAIL;
      else {
        call.fail('ERR Invalid OVERFLOW type specified');
        return null;
      }
      i += 2;
      continue;
    }
    const kind =
      call.is(i, 'GET') && left >= 2
        ? GET
        : call.is(i, 'SET') && left >= 3
          ? SET
          : call.is(i, 'INCRBY') && left >= 3
            ? INCREMENT
            : -1;
    if (kind < 0) {
      call.fail(ERR_SYNTAX);
      return null;
    }
    const first = call.bytes[call.starts[i + 1]!];
    const signed = first === 105;
    const bits = parseInteger(call.bytes, call.starts[i + 1]! + 1, call.ends[i + 1]!);
    if (call.length(i + 1) === 0 || (!signed && first !== 117) || !(bits >= 1 && bits <= (signed ? 64 : 63))) {
      call.fail(ERR_TYPE);
      return null;
    }
    const offset = bitOffsetOf(call, i + 2, bits);
    if (call.failed) return null;
    if (kind !== GET) call.integer(i + 3);
    if (call.failed) return null;
    operations.push({ kind, signed, bits, offset, overflow, argument: i + 3 });
    i += kind === GET ? 3 : 4;
  }
  return operations;
}

function bitfield(call: Call, onlyReads: boolean): void {
  const operations = operationsOf(call);
  if (operations === null) return;
  let highest = -1;
  for (const { kind, offset, bits } of operations) if (kind !== GET) highest = Math.max(highest, offset + bits - 1);
  const { reply } = call;
  let grown = 0;
  if (highest < 0) {
    call.findTyped(1, STRING);
    if (call.failed) return;
  } else if (onlyReads) {
    call.fail('ERR BITFIELD_RO only supports the GET subcommand');
    return;
  } else {
    grown = openForBit(call, highest);
    if (grown < 0) return;
  }
  const target = new Target(call, grown === 1);
  reply.array(operations.length);
  for (const operation of operations) {
    if (operation.bits <= MAX_PLAIN_BITS && isPlain(call, operation)) doPlain(call, operation, target);
    else doBig(call, operation, target);
  }
  if (target.changes === 0) return;
  call.notify(EVENT_STRING, 'setbit', 1);
  call.changed(target.changes);
}

function isPlain(call: Call, operation: Operation): boolean {
  return operation.kind === GET || Math.abs(call.integer(operation.argument)) <= MAX_PLAIN_ARGUMENT;
}

/** The string that operations work on, found or made; it may be absent for reads. */
class Target {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
  changes = 0;
  private readonly call: Call;
  private readonly grown: boolean;
  private begun: boolean;

  constructor(call: Call, grown: boolean) {
    const { database } = call;
    const found = database.entry !== NONE;
    this.call = call;
    this.start = found ? database.openString() : 0;
    this.end = found ? this.start + database.view.stringLength() : 0;
    this.bytes = database.valueSegment;
    this.grown = grown;
    this.begun = grown;
  }

  /** To be called before a value is written; false when it is as it was, so that nothing need be written. */
  change(differs: boolean): boolean {
    if (differs || this.grown) this.changes++;
    if (!differs) return false;
    if (!this.begun) this.call.database.beginChange();
    this.begun = true;
    return true;
  }
}

function doPlain(call: Call, operation: Operation, target: Target): void {
  const { kind, signed, bits, offset, overflow } = operation;
  const span = 2 ** bits;
  const raw = readBits(target.bytes, target.start, target.end, offset, bits);
  const old = signed && raw >= span / 2 ? raw - span : raw;
  if (kind === GET) {
    call.reply.integer(old);
    return;
  }
  const argument = call.integer(operation.argument);
  const wanted = kind === SET ? argument : old + argument;
  const least = signed ? -span / 2 : 0;
  const most = signed ? span / 2 - 1 : span - 1;
  let value = wanted;
  if (wanted > most || wanted < least) {
    if (overflow === FAIL) {
      call.reply.nil();
      return;
    }
    if (overflow === WRAP) {
      const wrapped = wanted - Math.floor(wanted / span) * span;
      value = wrapped > most ? wrapped - span : wrapped;
    } else {
      // An unsigned field that is set to what is below 0 takes that for a very large number.
      value = wanted > most || (!signed && kind === SET) ? most : least;
    }
  }
  call.reply.integer(kind === SET ? old : value);
  if (!target.change(value !== old)) return;
  writeBits(target.bytes, target.start, offset, bits, value < 0 ? value + span : value);
}

function doBig(call: Call, operation: Operation, target: Target): void {
  const { kind, signed, bits, offset, overflow } = operation;
  const raw = readBigBits(target.bytes, target.start, target.end, offset, bits);
  const old = signed ? BigInt.asIntN(bits, raw) : raw;
  if (kind === GET) {
    call.reply.bigInteger(old);
    return;
  }
  const argument = call.bigInteger(operation.argument);
  const wanted = kind === SET ? argument : old + argument;
  const most = signed ? 2n ** BigInt(bits - 1) - 1n : 2n ** BigInt(bits) - 1n;
  const least = signed ? -most - 1n : 0n;
  let value = wanted;
  if (wanted > most || wanted < least) {
    if (overflow === FAIL) {
      call.reply.nil();
      return;
    }
    if (overflow === WRAP) value = signed ? BigInt.asIntN(bits, wanted) : BigInt.asUintN(bits, wanted);
    else value = wanted > most || (!signed && kind === SET) ? most : least;
  }
  call.reply.bigInteger(kind === SET ? old : value);
  if (target.change(value !== old)) writeBigBits(target.bytes, target.start, offset, bits, value);
}

export const bitfieldCommands: readonly Command[] = [
  {
    name: 'bitfield',
    arity: -2,
    group: 'bitmap',
    since: '3.2.0',
    flags: WRITE | DENYOOM,
    keys: ONE_KEY,
    summary: 'Performs arbitrary bitfield integer operations on strings.',
    run: (call) => bitfield(call, false),
  },
  {
    name: 'bitfield_ro',
    arity: -2,
    group: 'bitmap',
    since: '6.0.0',
    flags: READONLY | FAST,
    keys: ONE_KEY,
    summary: 'Performs arbitrary read-only bitfield integer operations on strings.',
    run: (call) => bitfield(call, true),
  },
];
