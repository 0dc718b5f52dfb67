/**
 * Searching positions: GEOSEARCH, GEOSEARCHSTORE and the older GEORADIUS commands. The points found are kept in typed arrays beside
 * each other, by ranges of the sorted set that they are in; nothing is copied of their members.
 * Source: Valkey 9.1 geo.c georadiusGeneric.
 */
import { KeySort } from '../memory/entry-sort.ts';
import { ERR_SYNTAX } from '../protocol/errors.ts';
import { Box, Circle, type GeoShape, Polygon } from '../types/geo-shapes.ts';
import { Position, rangesOfArea } from '../types/geohash.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';
import {
  memberPosition,
  nonNegative,
  number,
  positionOf,
  replyDistance,
  replyPosition,
  unitOf,
} from './geo-arguments.ts';
import { openSortedSet, storeResult } from './sorted-sets-common.ts';

/** What the name of a search command says. */
export interface SearchForm {
  /** Argument of the key that is searched. */
  readonly source: number;
  /** Middle and radius stand at fixed places: by coordinates, or by member. */
  readonly fixed: 'coordinates' | 'member' | null;
  /** STORE and STOREDIST name a key. */
  readonly mayStore: boolean;
  /** GEOSEARCHSTORE: argument 1 is the key of the result. */
  readonly stores: boolean;
}

const UNSORTED = 0;
const ASCENDING = 1;
const DESCENDING = -1;
const MIN_VERTICES = 3;
/** Room for more points than that is not kept. */
const MAX_KEPT_POINTS = 16384;
/** A limit of this part of the points found is worth choosing them before they are sorted. */
const CHOSEN_PART = 1 / 8;

/** Reads a search's arguments. */
class SearchArguments {
  /** The middle, when one was given. */
  hasMember = false;
  hasCoordinates = false;
  longitude = 0;
  latitude = 0;
  /** The shape: its sizes, in units of so many meters. */
  radius = -1;
  width = -1;
  height = -1;
  vertices: Float64Array | null = null;
  metersPerUnit = 1;
  withDistance = false;
  withHash = false;
  withCoordinates = false;
  sorting = UNSORTED;
  any = false;
  /** 0: all. */
  count = 0;
  /** Argument of the key that gets the result; 0 for none. */
  storeAt = 0;
  storesDistance = false;

  readonly position = new Position();
  private readonly call: Call;
  private readonly form: SearchForm;
  private readonly types: Types;
  /** The sorted set is there, and open. */
  private readonly exists: boolean;

  constructor(types: Types, call: Call, form: SearchForm, exists: boolean) {
    this.types = types;
    this.call = call;
    this.form = form;
    this.exists = exists;
    if (form.stores) this.storeAt = 1;
  }

  /** False when an error was answered. */
  read(): boolean {
    const first = this.readFixed();
    for (let i = first; !this.call.failed && i < this.call.count; ) i = this.readOption(i);
    return !this.call.failed && this.check();
  }

  /** Of the older commands: the middle and the radius. Returns where the options begin. */
  private readFixed(): number {
    const { form } = this;
    if (form.fixed === null) return form.source + 1;
    if (form.fixed === 'coordinates') {
      this.readCoordinates(2);
      if (!this.call.failed) this.readRadius(4);
      return 6;
    }
    if (this.exists) {
      this.readMember(2);
      if (!this.call.failed) this.readRadius(3);
    }
    return 5;
  }

  /** Reads the option at argument i; returns where the next one is. */
  private readOption(i: number): number {
    const { call, form } = this;
    const left = call.count - i - 1;
    if (call.is(i, 'WITHDIST')) this.withDistance = true;
    else if (call.is(i, 'WITHHASH')) this.withHash = true;
    else if (call.is(i, 'WITHCOORD')) this.withCoordinates = true;
    else if (call.is(i, 'ANY')) this.any = true;
    else if (call.is(i, 'ASC')) this.sorting = ASCENDING;
    else if (call.is(i, 'DESC')) this.sorting = DESCENDING;
    else if (left >= 1 && call.is(i, 'COUNT')) {
      this.count = call.integer(i + 1);
      if (!call.failed && this.count <= 0) call.fail('ERR COUNT must be > 0');
      return i + 2;
    } else if (left >= 1 && form.mayStore && (call.is(i, 'STORE') || call.is(i, 'STOREDIST'))) {
      this.storeAt = i + 1;
      this.storesDistance = call.is(i, 'STOREDIST');
      return i + 2;
    } else if (form.stores && call.is(i, 'STOREDIST')) this.storesDistance = true;
    else if (form.fixed === null) return this.readPart(i, left);
    else call.fail(ERR_SYNTAX);
    return i + 1;
  }

  /** Of GEOSEARCH: the middle or the shape. */
  private readPart(i: number, left: number): number {
    const { call } = this;
    const isPolygon = this.vertices !== null;
    if (left >= 1 && !this.hasCoordinates && !isPolygon && call.is(i, 'FROMMEMBER')) {
      if (this.exists) this.readMember(i + 1);
      this.hasMember = true;
      return i + 2;
    }
    if (left >= 2 && !this.hasMember && !isPolygon && call.is(i, 'FROMLONLAT')) {
      this.readCoordinates(i + 1);
      this.hasCoordinates = true;
      return i + 3;
    }
    if (left >= 2 && this.width < 0 && !isPolygon && call.is(i, 'BYRADIUS')) {
      this.readRadius(i + 1);
      return i + 3;
    }
    if (left >= 3 && this.radius < 0 && !isPolygon && call.is(i, 'BYBOX')) {
      this.readBox(i + 1);
      return i + 4;
    }
    const alone = this.radius < 0 && this.width < 0 && !this.hasMember && !this.hasCoordinates;
    if (left >= 2 && alone && call.is(i, 'BYPOLYGON')) return this.readPolygon(i + 1, left - 1);
    call.fail(ERR_SYNTAX);
    return i;
  }

  private readMember(index: number): void {
    if (memberPosition(this.types, this.call, index, this.position)) {
      this.longitude = this.position.longitude;
      this.latitude = this.position.latitude;
    } else this.call.fail(`ERR member ${this.call.text(index)} does not exist`);
  }

  private readCoordinates(index: number): void {
    if (!positionOf(this.call, index, this.position)) return;
    this.longitude = this.position.longitude;
    this.latitude = this.position.latitude;
  }

  private readRadius(index: number): void {
    this.radius = nonNegative(this.call, index, 'ERR need numeric radius', 'ERR radius cannot be negative');
    if (!this.call.failed) this.metersPerUnit = unitOf(this.call, index + 1);
  }

  private readBox(index: number): void {
    const { call } = this;
    this.width = number(call, index, 'ERR need numeric width');
    if (!call.failed) this.height = number(call, index + 1, 'ERR need numeric height');
    if (!call.failed && (this.width < 0 || this.height < 0)) call.fail('ERR height or width cannot be negative');
    if (!call.failed) this.metersPerUnit = unitOf(call, index + 2);
  }

  private readPolygon(index: number, left: number): number {
    const { call } = this;
    const count = call.integer(index, 'ERR invalid number of vertices');
    if (call.failed) return index;
    if (count < MIN_VERTICES || Math.floor(left / 2) < count) {
      call.fail('ERR GEOSEARCH BYPOLYGON must have at least 3 vertices');
      return index;
    }
    const vertices = new Float64Array(count * 2);
    for (let i = 0; i < count; i++) {
      if (!positionOf(call, index + 1 + 2 * i, this.position)) return index;
      vertices[2 * i] = this.position.longitude;
      vertices[2 * i + 1] = this.position.latitude;
    }
    this.vertices = vertices;
    this.metersPerUnit = 1;
    return index + 1 + 2 * count;
  }

  /** Whether what was read goes together. */
  private check(): boolean {
    const { call, form } = this;
    const shown = this.withDistance || this.withHash || this.withCoordinates;
    const isPolygon = this.vertices !== null;
    if (this.storeAt > 0 && shown) {
      const what = form.stores ? 'GEOSEARCHSTORE' : 'STORE option in GEORADIUS';
      call.fail(`ERR ${what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options`);
    } else if (form.fixed === null && !this.hasMember && !this.hasCoordinates && !isPolygon) {
      call.fail(`ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ${call.text(0)}`);
    } else if (form.fixed === null && this.radius < 0 && this.width < 0 && !isPolygon) {
      call.fail(`ERR exactly one of BYRADIUS, BYBOX and BYPOLYGON can be specified for ${call.text(0)}`);
    } else if (this.any && this.count === 0) call.fail('ERR the ANY argument requires COUNT argument');
    return !call.failed;
  }

  get storeEvent(): string {
    return this.form.stores ? 'geosearchstore' : 'georadiusstore';
  }

  shape(): GeoShape {
    const { longitude, latitude, metersPerUnit } = this;
    if (this.vertices !== null) return new Polygon(this.vertices);
    if (this.radius >= 0) return new Circle(longitude, latitude, this.radius * metersPerUnit);
    return new Box(longitude, latitude, this.width, this.height, metersPerUnit);
  }
}

/** Points found by a search, and how far from the middle each is. One instance serves every search of a node. */
export class FoundPoints {
  count = 0;
  segments: Uint8Array[] = [];
  ranges: Int32Array = new Int32Array(128);
  scores: Float64Array = new Float64Array(64);
  distances: Float64Array = new Float64Array(64);
  /** Numbers of the points, in the order of the answer. */
  order: Int32Array = new Int32Array(64);
  private readonly sorter = new KeySort();

  add(segment: Uint8Array, from: number, to: number, score: number, distance: number): void {
    const n = this.count++;
    if (n === this.scores.length) this.grow();
    this.segments[n] = segment;
    this.ranges[2 * n] = from;
    this.ranges[2 * n + 1] = to;
    this.scores[n] = score;
    this.distances[n] = distance;
    this.order[n] = n;
  }

  /** Puts the nearest (or the farthest) `wanted` ones first, in order. */
  sort(direction: number, wanted: number): void {
    let { count } = this;
    const keys = new Float64Array(count);
    for (let i = 0; i < count; i++) keys[i] = this.distances[i]! * direction;
    if (wanted < count * CHOSEN_PART) count = this.choose(keys, wanted);
    this.sorter.sort(keys, this.order, 0, count);
    this.sorter.trim(MAX_KEPT_POINTS);
  }

  clear(): void {
    this.count = 0;
    this.segments = [];
    if (this.scores.length <= MAX_KEPT_POINTS) return;
    this.ranges = new Int32Array(128);
    this.scores = new Float64Array(64);
    this.distances = new Float64Array(64);
    this.order = new Int32Array(64);
  }

  /** Moves the `wanted` smallest keys, and some more, to the front; returns how many these are. */
  private choose(keys: Float64Array, wanted: number): number {
    const { order } = this;
    // The key that is to be beaten: the largest of the smallest so far, kept sorted in a window of twice as many.
    const window = wanted * 2;
    let kept = 0;
    let limit = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.count; i++) {
      if (keys[i]! > limit) continue;
      keys[kept] = keys[i]!;
      order[kept++] = order[i]!;
      if (kept < window) continue;
      this.sorter.sort(keys, order, 0, kept);
      kept = wanted;
      limit = keys[kept - 1]!;
    }
    return kept;
  }

  private grow(): void {
    const size = this.scores.length * 2;
    this.ranges = copied(this.ranges, new Int32Array(2 * size));
    this.scores = copied(this.scores, new Float64Array(size));
    this.distances = copied(this.distances, new Float64Array(size));
    this.order = copied(this.order, new Int32Array(size));
  }
}

function copied<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

export function geoSearch(types: Types, call: Call, form: SearchForm, points: FoundPoints): void {
  const exists = openSortedSet(types, call, form.source);
  if (call.failed) return;
  const request = new SearchArguments(types, call, form, exists);
  if (!request.read()) return;
  if (!exists) {
    if (request.storeAt === 0) call.reply.array(0);
    else storePoints(types, call, request, points, 0);
    return;
  }
  collect(types, request.shape(), request.any ? request.count : 0, points, request.position);
  const wanted = request.count === 0 ? points.count : Math.min(points.count, request.count);
  // Without ANY a count means the nearest.
  const sorting = request.count > 0 && !request.any && request.sorting === UNSORTED ? ASCENDING : request.sorting;
  if (sorting !== UNSORTED) points.sort(sorting, wanted);
  if (request.storeAt > 0) storePoints(types, call, request, points, wanted);
  else replyPoints(call, request, points, wanted);
  points.clear();
}

/** Gathers the points of the open sorted set that are in a shape; `limit` above 0 stops at so many. */
function collect(types: Types, shape: GeoShape, limit: number, points: FoundPoints, position: Position): void {
  const { sortedSets } = types;
  for (const { min, max } of rangesOfArea(shape.area)) {
    if (limit > 0 && points.count >= limit) return;
    for (let more = sortedSets.seekScore(min, false); more && sortedSets.score < max; more = sortedSets.next()) {
      const { score } = sortedSets;
      position.read(score);
      if (!shape.contains(position.longitude, position.latitude)) continue;
      points.add(sortedSets.segment, sortedSets.from, sortedSets.to, score, shape.distance);
      if (limit > 0 && points.count >= limit) break;
    }
  }
}

function replyPoints(call: Call, request: SearchArguments, points: FoundPoints, wanted: number): void {
  const { reply } = call;
  const { withDistance, withHash, withCoordinates, metersPerUnit, position } = request;
  const parts = (withDistance ? 1 : 0) + (withHash ? 1 : 0) + (withCoordinates ? 1 : 0);
  reply.array(wanted);
  for (let i = 0; i < wanted; i++) {
    const n = points.order[i]!;
    if (parts > 0) reply.array(parts + 1);
    reply.bulk(points.segments[n]!, points.ranges[2 * n]!, points.ranges[2 * n + 1]!);
    if (withDistance) replyDistance(call, points.distances[n]! / metersPerUnit);
    if (withHash) reply.integer(points.scores[n]!);
    if (withCoordinates) replyPosition(call, position.read(points.scores[n]!));
  }
}

function storePoints(types: Types, call: Call, request: SearchArguments, points: FoundPoints, wanted: number): void {
  const { newSortedSets } = types;
  newSortedSets.createUnordered();
  for (let i = 0; i < wanted; i++) {
    const n = points.order[i]!;
    const segment = points.segments[n]!;
    const from = points.ranges[2 * n]!;
    const to = points.ranges[2 * n + 1]!;
    // Of a large search two ranges can be the same, and so two points.
    if (newSortedSets.find(segment, from, to)) continue;
    const score = request.storesDistance ? points.distances[n]! / request.metersPerUnit : points.scores[n]!;
    newSortedSets.insert(segment, from, to, score);
  }
  newSortedSets.order();
  const { count } = newSortedSets;
  storeResult(types, call, request.storeAt, request.storeEvent, count);
  call.reply.integer(count);
}
