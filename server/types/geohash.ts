/**
 * Positions as 52-bit integers that a sorted set orders, so that what is near lies in few ranges of scores: the mathematics of the geo
 * commands. Hot file: no allocation per call but where it says so.
 *
 * A cell is a column and a row of a grid of 2^step columns and rows over longitudes ±180 and latitudes ±85.05112878; its bits,
 * interleaved (the row's in the even places), are its hash, and padded to 52 bits the score of the points in it.
 * Source: Valkey 9.1 geohash.c, geohash_helper.c.
 */
export const MAX_LONGITUDE = 180;
/** Of the Mercator projection: the poles have no place. */
export const MAX_LATITUDE = 85.05112878;
/** The finest grid: 52 bits, which a double holds. */
export const FINEST_STEP = 26;

export const RADIANS_PER_DEGREE: number = Math.PI / 180;
export const EARTH_RADIUS_METERS = 6372797.560856;
const MERCATOR_MAX = 20037726.37;
/** Of the sine of half a difference of longitudes: a few nanometers. */
const SAME_LONGITUDE = 1e-15;
const LONGITUDES = 2 * MAX_LONGITUDE;
const LATITUDES = MAX_LATITUDE - -MAX_LATITUDE;
const TWO_32 = 2 ** 32;
const GEOHASH_DIGITS = '0123456789bcdefghjkmnpqrstuvwxyz';
const GEOHASH_LENGTH = 11;

/** The score of a position, which is within the limits. */
export function scoreOfPosition(longitude: number, latitude: number): number {
  return interleave(rowOf(latitude, FINEST_STEP), columnOf(longitude, FINEST_STEP));
}

/** The middle of a score's cell. One instance serves many scores in turn. */
export class Position {
  longitude = 0;
  latitude = 0;

  /** Any score has a position, also one that no position has. */
  read(score: number): this {
    const low = lowWord(score);
    const high = highWord(score);
    const row = (everySecondBit(low) | (everySecondBit(high) << 16)) >>> 0;
    const column = (everySecondBit(low >>> 1) | (everySecondBit(high >>> 1) << 16)) >>> 0;
    this.longitude = clamp(
      (longitudeOf(column, FINEST_STEP) + longitudeOf(column + 1, FINEST_STEP)) / 2,
      MAX_LONGITUDE,
    );
    this.latitude = clamp((latitudeOf(row, FINEST_STEP) + latitudeOf(row + 1, FINEST_STEP)) / 2, MAX_LATITUDE);
    return this;
  }
}

/** The standard geohash of a position, which divides latitudes from -90 to 90. Allocates its text. */
export function geohashText(longitude: number, latitude: number): string {
  const row = Math.floor(((latitude - -90) / 180) * 2 ** FINEST_STEP);
  const column = Math.floor(((longitude - -180) / 360) * 2 ** FINEST_STEP);
  const hash = interleave(row, column);
  let text = '';
  // 52 bits make ten digits; the eleventh is always 0.
  for (let i = 1; i < GEOHASH_LENGTH; i++) text += GEOHASH_DIGITS[Math.floor(hash / 2 ** (52 - 5 * i)) % 32];
  return `${text}0`;
}

/** Meters between two positions on a sphere, by the haversine formula. */
export function distanceMeters(longitude1: number, latitude1: number, longitude2: number, latitude2: number): number {
  const v = Math.sin((longitude2 * RADIANS_PER_DEGREE - longitude1 * RADIANS_PER_DEGREE) / 2);
  if (Math.abs(v) <= SAME_LONGITUDE) return latitudeDistanceMeters(latitude1, latitude2);
  const radians1 = latitude1 * RADIANS_PER_DEGREE;
  const radians2 = latitude2 * RADIANS_PER_DEGREE;
  const u = Math.sin((radians2 - radians1) / 2);
  const a = u * u + Math.cos(radians1) * Math.cos(radians2) * v * v;
  return 2 * EARTH_RADIUS_METERS * Math.asin(Math.sqrt(a));
}

export function latitudeDistanceMeters(latitude1: number, latitude2: number): number {
  return EARTH_RADIUS_METERS * Math.abs(latitude2 * RADIANS_PER_DEGREE - latitude1 * RADIANS_PER_DEGREE);
}

/** The grid's step whose cells are about as large as a radius. */
function stepOfRadius(meters: number, latitude: number): number {
  if (meters === 0) return FINEST_STEP;
  let step = 1;
  for (; meters < MERCATOR_MAX; meters *= 2) step++;
  step -= 2;
  // Towards the poles cells are narrower.
  if (latitude > 66 || latitude < -66) {
    step--;
    if (latitude > 80 || latitude < -80) step--;
  }
  return Math.min(Math.max(step, 1), FINEST_STEP);
}

/** What is searched: its middle, how far it reaches in meters, and the box around it in degrees. */
export interface SearchedArea {
  readonly longitude: number;
  readonly latitude: number;
  readonly radiusMeters: number;
  readonly minLongitude: number;
  readonly maxLongitude: number;
  readonly minLatitude: number;
  readonly maxLatitude: number;
}

/** The cell in the middle, then its neighbours: north, south, east, west, north-east, north-west, south-east, south-west. */
const COLUMN_STEPS: readonly number[] = [0, 0, 0, 1, -1, 1, -1, 1, -1];
const ROW_STEPS: readonly number[] = [0, 1, -1, 0, 0, 1, 1, -1, -1];

/** A range of scores: from `min`, below `max`. */
export interface ScoreRange {
  readonly min: number;
  readonly max: number;
}

/** The ranges of scores that cover an area, in the order in which Valkey searches them. Allocates: once a search. */
export function rangesOfArea(area: SearchedArea): ScoreRange[] {
  let step = stepOfRadius(area.radiusMeters, area.latitude);
  if (step > 1 && !reachesAround(area, step)) step--;
  const column = columnOf(area.longitude, step);
  const row = rowOf(area.latitude, step);
  const north = step >= 2 && latitudeOf(row + 1, step) > area.maxLatitude;
  const south = step >= 2 && latitudeOf(row, step) < area.minLatitude;
  const east = step >= 2 && longitudeOf(column + 1, step) > area.maxLongitude;
  const west = step >= 2 && longitudeOf(column, step) < area.minLongitude;
  const ranges: ScoreRange[] = [];
  let last = 0;
  let lastColumn = 0;
  let lastRow = 0;
  for (let i = 0; i < COLUMN_STEPS.length; i++) {
    const columnStep = COLUMN_STEPS[i]!;
    const rowStep = ROW_STEPS[i]!;
    if ((rowStep > 0 && north) || (rowStep < 0 && south) || (columnStep > 0 && east) || (columnStep < 0 && west))
      continue;
    const cellColumn = moved(column, columnStep, step);
    const cellRow = moved(row, rowStep, step);
    // Around a large area neighbours can be the same cell: one like the last is left out, but for the one in the middle.
    if (last !== 0 && cellColumn === lastColumn && cellRow === lastRow) continue;
    last = i;
    lastColumn = cellColumn;
    lastRow = cellRow;
    ranges.push(rangeOfCell(cellColumn, cellRow, step));
  }
  return ranges;
}

/** Whether a cell and its neighbours cover an area. */
function reachesAround(area: SearchedArea, step: number): boolean {
  const column = columnOf(area.longitude, step);
  const row = rowOf(area.latitude, step);
  return !(
    latitudeOf(moved(row, 1, step) + 1, step) < area.maxLatitude ||
    latitudeOf(moved(row, -1, step), step) > area.minLatitude ||
    longitudeOf(moved(column, 1, step) + 1, step) < area.maxLongitude ||
    longitudeOf(moved(column, -1, step), step) > area.minLongitude
  );
}

function rangeOfCell(column: number, row: number, step: number): ScoreRange {
  const unit = 2 ** (2 * (FINEST_STEP - step));
  const hash = interleave(row, column);
  return { min: hash * unit, max: (hash + 1) * unit };
}

/** A neighbour's column or row; the grid is closed to a ring. */
function moved(place: number, by: number, step: number): number {
  if (by === 0) return place;
  const places = 2 ** step;
  return (place + by + places) % places;
}

function columnOf(longitude: number, step: number): number {
  return Math.floor(((longitude - -MAX_LONGITUDE) / LONGITUDES) * 2 ** step);
}

function rowOf(latitude: number, step: number): number {
  return Math.floor(((latitude - -MAX_LATITUDE) / LATITUDES) * 2 ** step);
}

/** Where a column begins in the west. */
function longitudeOf(column: number, step: number): number {
  return -MAX_LONGITUDE + (column / 2 ** step) * LONGITUDES;
}

/** Where a row begins in the south. */
function latitudeOf(row: number, step: number): number {
  return -MAX_LATITUDE + (row / 2 ** step) * LATITUDES;
}

function clamp(degrees: number, limit: number): number {
  return Math.min(Math.max(degrees, -limit), limit);
}

/** Bits of `even` in the even places, those of `odd` in the odd ones; both have up to 27 bits. */
function interleave(even: number, odd: number): number {
  const low = spread(even & 0xffff) | (spread(odd & 0xffff) << 1);
  const high = spread(even >>> 16) | (spread(odd >>> 16) << 1);
  return (high >>> 0) * TWO_32 + (low >>> 0);
}

/** Sixteen bits to the even places of 32. */
function spread(bits: number): number {
  bits = (bits | (bits << 8)) & 0x00ff00ff;
  bits = (bits | (bits << 4)) & 0x0f0f0f0f;
  bits = (bits | (bits << 2)) & 0x33333333;
  return (bits | (bits << 1)) & 0x55555555;
}

/** The reverse of `spread`: the bits in even places. */
function everySecondBit(bits: number): number {
  bits &= 0x55555555;
  bits = (bits | (bits >>> 1)) & 0x33333333;
  bits = (bits | (bits >>> 2)) & 0x0f0f0f0f;
  bits = (bits | (bits >>> 4)) & 0x00ff00ff;
  return (bits | (bits >>> 8)) & 0xffff;
}

/** The low 32 bits of a score's whole part as a 64-bit integer, in two's complement. */
function lowWord(score: number): number {
  return Math.trunc(score) | 0;
}

function highWord(score: number): number {
  return Math.floor(Math.trunc(score) / TWO_32) | 0;
}
