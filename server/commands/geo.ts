/**
 * Geo commands: positions are scores of a sorted set (types/geohash.ts). Hot file: GEODIST and GEOADD allocate only for what they send on.
 * Source: Valkey 9.1 geo.c.
 */
import { copyBytes } from '../keyspace/database.ts';
import { Arguments } from '../protocol/arguments.ts';
import { ERR_SYNTAX } from '../protocol/errors.ts';
import { writeDecimal } from '../protocol/reply.ts';
import { distanceMeters, geohashText, Position, scoreOfPosition } from '../types/geohash.ts';
import type { Types } from '../types/index.ts';
import type { Call } from './call.ts';
import { type Command, DENYOOM, MOVABLE_KEYS, ONE_KEY, READONLY, TWO_KEYS, WRITE } from './command.ts';
import { memberPosition, positionOf, replyDistance, replyPosition, unitOf } from './geo-arguments.ts';
import { FoundPoints, geoSearch, type SearchForm } from './geo-search.ts';
import { addMembers, CH, NX, ScoreList, XX } from './sorted-sets.ts';
import { openSortedSet } from './sorted-sets-common.ts';

const ZADD: Readonly<Uint8Array> = new TextEncoder().encode('ZADD'); // constant
/** Of 54 bits. */
const MAX_SCORE_DIGITS = 17;

/** GEOADD: to replicas it is a ZADD. */
function geoadd(types: Types, call: Call, position: Position, scores: ScoreList): void {
  let options = 0;
  let first = 2;
  for (; first < call.count; first++) {
    if (call.is(first, 'NX')) options |= NX;
    else if (call.is(first, 'XX')) options |= XX;
    else if (call.is(first, 'CH')) options |= CH;
    else break;
  }
  const members = (call.count - first) / 3;
  if (!Number.isInteger(members) || ((options & NX) !== 0 && (options & XX) !== 0)) {
    call.fail(ERR_SYNTAX);
    return;
  }
  scores.ensure(members);
  for (let n = 0; n < members; n++) {
    if (!positionOf(call, first + 3 * n, position)) return;
    scores.values[n] = scoreOfPosition(position.longitude, position.latitude);
  }
  if (members === 0) {
    call.fail(ERR_SYNTAX);
    return;
  }
  addMembers(types, call, options, members, first + 2, 3, scores);
  if (call.changes === 0) return;
  call.propagateAs(zaddForm(call, first, members, scores));
}

/** The ZADD that a GEOADD is: its options, then a score in place of each position. */
function zaddForm(call: Call, first: number, members: number, scores: ScoreList): Arguments {
  const { bytes, starts, ends } = call;
  const form = new Arguments();
  form.ensure(first + 2 * members);
  let size = ZADD.length + members * MAX_SCORE_DIGITS;
  for (let i = 1; i < call.count; i++) size += call.length(i);
  const into = new Uint8Array(size);
  into.set(ZADD);
  form.starts[0] = 0;
  form.ends[0] = ZADD.length;
  let at = ZADD.length;
  let count = 1;
  for (let i = 1; i < first; i++) {
    copyBytes(bytes, starts[i]!, ends[i]!, into, at);
    form.starts[count] = at;
    at += call.length(i);
    form.ends[count++] = at;
  }
  for (let n = 0; n < members; n++) {
    form.starts[count] = at;
    at = writeDecimal(into, at, scores.values[n]!);
    form.ends[count++] = at;
    const member = first + 3 * n + 2;
    copyBytes(bytes, starts[member]!, ends[member]!, into, at);
    form.starts[count] = at;
    at += call.length(member);
    form.ends[count++] = at;
  }
  form.bytes = into;
  form.count = count;
  return form;
}

function geodist(types: Types, call: Call, from: Position, to: Position): void {
  let metersPerUnit = 1;
  if (call.count > 5) call.fail(ERR_SYNTAX);
  else if (call.count === 5) metersPerUnit = unitOf(call, 4);
  if (call.failed) return;
  const exists = openSortedSet(types, call, 1);
  if (call.failed) return;
  if (!exists || !memberPosition(types, call, 2, from) || !memberPosition(types, call, 3, to)) {
    call.reply.nil();
    return;
  }
  replyDistance(call, distanceMeters(from.longitude, from.latitude, to.longitude, to.latitude) / metersPerUnit);
}

function geohash(types: Types, call: Call, position: Position): void {
  const exists = openSortedSet(types, call, 1);
  if (call.failed) return;
  call.reply.array(call.count - 2);
  for (let i = 2; i < call.count; i++) {
    if (exists && memberPosition(types, call, i, position))
      call.reply.bulkText(geohashText(position.longitude, position.latitude));
    else call.reply.nil();
  }
}

function geopos(types: Types, call: Call, position: Position): void {
  const exists = openSortedSet(types, call, 1);
  if (call.failed) return;
  call.reply.array(call.count - 2);
  for (let i = 2; i < call.count; i++) {
    if (exists && memberPosition(types, call, i, position)) replyPosition(call, position);
    else call.reply.nilArray();
  }
}

/** The source, and the key after the last STORE or STOREDIST from argument `optionsAt` on. */
function storeKeys(optionsAt: number): (call: Call, found: (index: number) => void) => void {
  return (call, found) => {
    found(1);
    let stored = 0;
    for (let i = optionsAt; i + 1 < call.count; i++) {
      if (call.is(i, 'STORE') || call.is(i, 'STOREDIST')) stored = ++i;
    }
    if (stored > 0) found(stored);
  };
}

export function geoCommands(types: Types): readonly Command[] {
  const row = { group: 'geo', since: '3.2.0', flags: READONLY, keys: ONE_KEY } as const;
  const position = new Position();
  const other = new Position();
  const scores = new ScoreList();
  const points = new FoundPoints();
  const search = (form: SearchForm) => (call: Call) => geoSearch(types, call, form, points);
  return [
    {
      ...row,
      name: 'geoadd',
      arity: -5,
      flags: WRITE | DENYOOM,
      summary: "Adds one or more members to a geospatial index. The key is created if it doesn't exist.",
      run: (call) => geoadd(types, call, position, scores),
    },
    {
      ...row,
      name: 'geodist',
      arity: -4,
      summary: 'Returns the distance between two members of a geospatial index.',
      run: (call) => geodist(types, call, position, other),
    },
    {
      ...row,
      name: 'geohash',
      arity: -2,
      summary: 'Returns members from a geospatial index as geohash strings.',
      run: (call) => geohash(types, call, position),
    },
    {
      ...row,
      name: 'geopos',
      arity: -2,
      summary: 'Returns the longitude and latitude of members from a geospatial index.',
      run: (call) => geopos(types, call, position),
    },
    {
      ...row,
      name: 'georadius',
      arity: -6,
      flags: WRITE | DENYOOM | MOVABLE_KEYS,
      keysOf: storeKeys(6),
      summary:
        'Queries a geospatial index for members within a distance from a coordinate, optionally stores the result.',
      run: search({ source: 1, fixed: 'coordinates', mayStore: true, stores: false }),
    },
    {
      ...row,
      name: 'georadius_ro',
      arity: -6,
      since: '3.2.10',
      summary: 'Returns members from a geospatial index that are within a distance from a coordinate.',
      run: search({ source: 1, fixed: 'coordinates', mayStore: false, stores: false }),
    },
    {
      ...row,
      name: 'georadiusbymember',
      arity: -5,
      flags: WRITE | DENYOOM | MOVABLE_KEYS,
      keysOf: storeKeys(5),
      summary: 'Queries a geospatial index for members within a distance from a member, optionally stores the result.',
      run: search({ source: 1, fixed: 'member', mayStore: true, stores: false }),
    },
    {
      ...row,
      name: 'georadiusbymember_ro',
      arity: -5,
      since: '3.2.10',
      summary: 'Returns members from a geospatial index that are within a distance from a member.',
      run: search({ source: 1, fixed: 'member', mayStore: false, stores: false }),
    },
    {
      ...row,
      name: 'geosearch',
      arity: -7,
      since: '6.2.0',
      summary: 'Queries a geospatial index for members inside an area of a box, circle, or a polygon.',
      run: search({ source: 1, fixed: null, mayStore: false, stores: false }),
    },
    {
      ...row,
      name: 'geosearchstore',
      arity: -8,
      since: '6.2.0',
      flags: WRITE | DENYOOM,
      keys: TWO_KEYS,
      summary:
        'Queries a geospatial index for members inside an area of a box, a circle, or a polygon, optionally stores the result.',
      run: search({ source: 2, fixed: null, mayStore: false, stores: true }),
    },
  ];
}
