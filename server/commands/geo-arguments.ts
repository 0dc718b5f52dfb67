/**
 * What geo commands read and write: positions, units, distances. Hot file: reading allocates nothing.
 * Source: Valkey 9.1 geo.c extractLongLatOrReply, extractUnitOrReply, addReplyDoubleDistance.
 */
import { ERR_NOT_FLOAT } from '../protocol/errors.ts';
import { MAX_LATITUDE, MAX_LONGITUDE, type Position } from '../types/geohash.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { parseScore } from './sorted-set-range.ts';

const DISTANCE_DECIMALS = 10_000;
/** As many as a long double shows of a double in these ranges. */
const COORDINATE_DECIMALS = 17;

/** The position in arguments `index` and `index + 1`; false when an error was answered. */
export function positionOf(call: Call, index: number, position: Position): boolean {
  position.longitude = number(call, index, ERR_NOT_FLOAT);
  if (!call.failed) position.latitude = number(call, index + 1, ERR_NOT_FLOAT);
  if (call.failed) return false;
  const { longitude, latitude } = position;
  if (Math.abs(longitude) <= MAX_LONGITUDE && Math.abs(latitude) <= MAX_LATITUDE) return true;
  call.fail(`ERR invalid longitude,latitude pair ${fixed(longitude)},${fixed(latitude)}`);
  return false;
}

/** A number as Valkey reads scores; NaN after this error. */
export function number(call: Call, index: number, problem: string): number {
  const value = parseScore(call.bytes, call.starts[index]!, call.ends[index]!);
  if (Number.isNaN(value)) call.fail(problem);
  return value;
}

/** As `number`, refused below 0 with another error. */
export function nonNegative(call: Call, index: number, problem: string, negative: string): number {
  const value = number(call, index, problem);
  if (value < 0) call.fail(negative);
  return value;
}

/** With six decimals, as C's `%f` does. */
function fixed(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Math.abs(value) < 1e21 ? value.toFixed(6) : `${BigInt(value)}.000000`;
}

/** Meters of the unit in an argument; fails the call for an unknown one. */
export function unitOf(call: Call, index: number): number {
  if (call.is(index, 'M')) return 1;
  if (call.is(index, 'KM')) return 1000;
  if (call.is(index, 'FT')) return 0.3048;
  if (call.is(index, 'MI')) return 1609.34;
  call.fail('ERR unsupported unit provided. please use M, KM, FT, MI');
  return 1;
}

/** The position of the member in an argument, in the open sorted set; false when it is not in there. */
export function memberPosition(types: Types, call: Call, index: number, position: Position): boolean {
  const { sortedSets } = types;
  if (!sortedSets.find(call.bytes, call.starts[index]!, call.ends[index]!)) return false;
  position.read(sortedSets.score);
  return true;
}

/** A distance with four decimals, halves to even, as a bulk string. */
export function replyDistance(call: Call, distance: number): void {
  const scaled = halfToEven(distance * DISTANCE_DECIMALS);
  const whole = Math.floor(scaled / DISTANCE_DECIMALS);
  const text = `${whole}.${String(scaled - whole * DISTANCE_DECIMALS).padStart(4, '0')}`;
  call.reply.bulkText(text);
}

function halfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** A position as two numbers: RESP3 doubles, RESP2 bulk strings, with 17 decimals but for zeros at the end. */
export function replyPosition(call: Call, { longitude, latitude }: Position): void {
  call.reply.array(2);
  replyCoordinate(call, longitude);
  replyCoordinate(call, latitude);
}

function replyCoordinate(call: Call, degrees: number): void {
  const text = degrees.toFixed(COORDINATE_DECIMALS).replace(/\.?0+$/, '');
  call.reply.doubleText(text);
}
