/**
 * Geo commands beside a real valkey-server: random points and searches, the same replies, keyspace events and replication stream.
 * Skipped with a line when there is no valkey-server 9.1.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findValkeyServer } from '../../tools/valkey.ts';
import { Chance } from '../testing/chance.ts';
import type { Reply } from '../testing/replies.ts';
import { type Outcome, Side } from '../testing/side-by-side.ts';

const OUR_PORT = 24412;
const THEIR_PORT = 24413;
const SEARCHES = 800;
const POINTS = 600;
const PROGRAM = join(import.meta.dirname, '..', 'main.ts');
const valkey = findValkeyServer();
if (valkey === null) process.stdout.write('skipped: no valkey-server 9.1 to compare the geo commands with\n');

/** Places by chance, from a seed. */
class Places extends Chance {
  /** In [-1, 1). */
  part(): number {
    return (this.below(2 ** 20) * 2 ** 20 + this.below(2 ** 20)) / 2 ** 39 - 1;
  }

  maybe(...words: string[]): string[] {
    return this.below(3) === 0 ? words : [];
  }

  /**
   * Anywhere, or near the middle of one of the crowded places: on the equator, at a corner of the world, … Longitude 180 itself has
   * a score of 54 bits, which Valkey sends on in all its digits and which is rounded here as it is there when it is read.
   */
  position(): [string, string] {
    const crowds = [
      [13.36, 38.11],
      [0, 0],
      [179.9, 12],
      [-179.9, -80],
      [-122.4, 37.7],
      [100, 84.9],
    ] as const;
    const shape = this.below(40);
    if (shape === 0)
      return this.one([
        ['180', '85.05112878'],
        ['-180', '-85.05112878'],
        ['181', '1'],
        ['1', '86'],
        ['x', '1'],
        ['inf', '1'],
      ]);
    if (shape < 15) return [String(this.part() * 180), String(this.part() * 85)];
    const [x, y] = this.one(crowds);
    const size = 10 ** -this.below(4);
    return [
      String(Math.min(179.9999, Math.max(-180, x + this.part() * size))),
      String(Math.min(85, y + this.part() * size)),
    ];
  }

  member(): string {
    return `p${this.below(POINTS)}`;
  }

  size(): string {
    const shape = this.below(40);
    if (shape === 0) return this.one(['0', '-1', 'x', '1e7', '30000']);
    return String((1 + this.part()) * 10 ** this.below(5));
  }

  unit(): string {
    return this.one(['m', 'km', 'km', 'km', 'mi', 'ft', 'KM', ...(this.below(30) === 0 ? ['x'] : [])]);
  }

  middle(): string[] {
    if (this.below(60) === 0) return [];
    return this.below(2) === 0 ? ['frommember', this.member()] : ['fromlonlat', ...this.position()];
  }

  shape(): string[] {
    return this.below(2) === 0
      ? ['byradius', this.size(), this.unit()]
      : ['bybox', this.size(), this.size(), this.unit()];
  }

  polygon(): string[] {
    const [x, y] = this.position();
    const size = 10 ** (1 - this.below(4));
    const corners: string[] = [];
    const count = 3 + this.below(5);
    for (let i = 0; i < count; i++) {
      corners.push(String(Number(x) + this.part() * size), String(Number(y) + this.part() * size));
    }
    return ['bypolygon', String(this.below(30) === 0 ? 2 : count), ...corners];
  }

  area(): string[] {
    return this.below(4) === 0 ? this.polygon() : [...this.middle(), ...this.shape()];
  }

  shown(): string[] {
    return [...this.maybe('withdist'), ...this.maybe('withcoord'), ...this.maybe('withhash')];
  }

  chosen(): string[] {
    const count = this.below(30) === 0 ? this.one(['0', 'x']) : String(1 + this.below(20));
    return [...this.maybe('asc'), ...this.maybe('desc'), ...this.maybe('count', count, ...this.maybe('any'))];
  }

  stored(): string[] {
    return [...this.maybe(this.one(['store', 'storedist', 'STOREDIST']), 'found')];
  }
}

type Maker = (p: Places) => readonly string[];

const makers: readonly Maker[] = [
  (p) => ['geosearch', 'points', ...p.area(), ...p.shown(), ...p.chosen()],
  (p) => ['geosearch', 'points', ...p.area(), ...p.shown(), ...p.chosen()],
  (p) => ['geosearch', 'points', ...p.shown(), ...p.area(), ...p.chosen(), ...p.maybe(...p.area())],
  (p) => ['geosearch', p.one(['few', 'few', 'absent', 'text']), ...p.area(), ...p.shown(), ...p.chosen()],
  (p) => [
    'geosearchstore',
    'found',
    p.one(['points', 'few', 'absent']),
    ...p.area(),
    ...p.chosen(),
    ...p.maybe('storedist'),
  ],
  (p) => [
    p.one(['georadius', 'georadius_ro']),
    'points',
    ...p.position(),
    p.size(),
    p.unit(),
    ...p.shown(),
    ...p.chosen(),
  ],
  (p) => ['georadius', 'points', ...p.position(), p.size(), p.unit(), ...p.chosen(), ...p.stored()],
  (p) => [
    p.one(['georadiusbymember', 'georadiusbymember_ro']),
    p.one(['points', 'absent']),
    p.member(),
    p.size(),
    p.unit(),
    ...p.shown(),
    ...p.chosen(),
  ],
  (p) => ['georadiusbymember', 'few', p.member(), p.size(), p.unit(), ...p.chosen(), ...p.stored()],
  (p) => ['geodist', p.one(['points', 'points', 'few', 'absent']), p.member(), p.member(), ...p.maybe(p.unit())],
  (p) => ['geopos', p.one(['points', 'absent']), p.member(), p.member(), 'nobody'],
  (p) => ['geohash', p.one(['points', 'absent']), p.member(), p.member(), 'nobody'],
  (p) => [
    'geoadd',
    'few',
    ...p.maybe(p.one(['nx', 'xx'])),
    ...p.maybe('ch'),
    ...p.position(),
    p.member(),
    ...p.position(),
    p.member(),
  ],
  () => ['zrange', 'found', '0', '-1', 'withscores'],
  () => ['object', 'encoding', 'found'],
];

/** A command a line: mistakes, and what their order of checking shows. */
const ODD = `
set text x
geoadd g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
geoadd g nx xx 1 1 a
geoadd g nx ch nx
geoadd g 1 1 a 2
geoadd g 181 1 a
geoadd g 1 nan a
geoadd g ch 1 1 a 200 2 b
geoadd g xx ch 13.4 38 Palermo
geoadd g nx 13.4 38 Palermo
geoadd text 1 1 a
geoadd g 0x10 1 a
geoadd g -180 -85.05112878 corner
geoadd g 0 0 null
zscore g corner
zrange g 0 -1 withscores
geodist g Palermo
geodist g Palermo Catania mm
geodist g Palermo Catania mi
geodist g Palermo Catania ft extra
geodist g Palermo nobody
geodist absent a b
geodist absent a b mm
geodist text a b
geopos g
geopos g Palermo nobody corner
geopos absent a
geopos text a
geohash g
geohash g Palermo nobody null corner
geohash absent a b
georadius g 15 37 200 km count 0
georadius g 15 37 200 km count x
georadius g 15 37 200 km any
georadius g 15 37 200 km withdist store a
georadius g 15 37 -1 km
georadius g 15 37 x km
georadius g 15 37 1 parsec
georadius g 15 x 1 km
georadius g 15 90 1 km
georadius g 15 37 200 km store
georadius g 15 37 200 km store found storedist other asc
zrange found 0 -1 withscores
exists other
georadius_ro g 15 37 200 km store a
georadius absent 15 37 200 km store other
georadius absent 15 90 200 km
georadius text 15 90 200 km
georadiusbymember g nobody 1 km
georadiusbymember g nobody 1 parsec
georadiusbymember absent a 1 parsec
georadiusbymember absent a 1 parsec storing x
georadiusbymember_ro g Palermo 0 m withdist withhash withcoord
geosearch g frommember Palermo byradius 200 km withcoord withdist withhash
geosearch g frommember Palermo frommember Catania byradius 1 m
geosearch g frommember Palermo fromlonlat 1 1 byradius 1 m
geosearch g frommember Palermo byradius 1 m bybox 1 1 m
geosearch g bybox 1 1 m bybox 400 400 km fromlonlat 15 37
geosearch g fromlonlat 1 1 bybox -1 1 km
geosearch g fromlonlat 1 1 bybox 1 x km
geosearch g fromlonlat 1 1 bybox 1 1 parsec
geosearch g frommember Palermo byradius 1 km any
geosearch g byradius 1 m asc desc count 1 any
GeoSearch g frommember Palermo asc desc count 1 any
geosearch g frommember Palermo asc desc count
geosearch g frommember nobody byradius 1 m storedist
geosearch absent frommember nobody byradius 1 m
geosearch absent frommember nobody byradius x m
geosearch text frommember nobody byradius x m
geosearch g bypolygon 2 1 1 2 2 withdist
geosearch g bypolygon x 1 1 2 2 3 3
geosearch g bypolygon 4 1 1 2 2 3 3
geosearch g bypolygon 3 12 36 16 36 16 39 withdist
geosearch g bypolygon 3 12 36 16 36 16 390 withdist
geosearch g bypolygon 3 12 36 16 36 16 39 frommember Palermo
geosearch g frommember Palermo bypolygon 3 12 36 16 36 16 39
geosearch g bypolygon 3 12 36 16 36 16 39 byradius 1 m
geosearch g bypolygon 3 12 36 16 36 16 39 bypolygon 3 1 1 2 2 3 1
geosearch g bypolygon 4 -180 -85 180 -85 180 85 -180 85 desc
geosearchstore out g frommember Palermo byradius 1 km withdist
geosearchstore out g fromlonlat 15 37 byradius 250 km asc count 1 storedist
zrange out 0 -1 withscores
geosearchstore text g fromlonlat 15 37 byradius 250 km
type text
geosearchstore out absent fromlonlat 15 37 byradius 250 km
exists out
geosearchstore out g fromlonlat 100 37 byradius 1 km
`;

/** Sines may differ in the last place between libraries: distances that were stored are compared with fewer digits. */
function comparable(outcome: Outcome): Outcome {
  return { ...outcome, reply: rounded(outcome.reply) };
}

function rounded(reply: Reply): Reply {
  if (typeof reply !== 'string') return reply.map(rounded);
  return /^[$,]-?\d+\.\d{9,}(e[+-]\d+)?$/.test(reply) ? reply[0] + Number(reply.slice(1)).toPrecision(12) : reply;
}

describe.skipIf(valkey === null)('beside a real valkey-server', () => {
  let ours: Side;
  let theirs: Side;
  beforeAll(async () => {
    ours = new Side([process.execPath, PROGRAM], OUR_PORT);
    theirs = new Side([valkey!.path], THEIR_PORT);
    await Promise.all([ours.open(), theirs.open()]);
  }, 30_000);
  afterAll(() => {
    ours?.close();
    theirs?.close();
  });

  async function both(words: readonly string[]): Promise<void> {
    const [our, their] = await Promise.all([ours.run(words), theirs.run(words)]);
    // Other families' commands only prepare the data: what else they do is their own tests' affair.
    const shown = (outcome: Outcome): Outcome =>
      /^(geo|z)/i.test(words[0]!) ? comparable(outcome) : { ...comparable(outcome), events: [], stream: [] };
    expect({ words, ...shown(our) }).toEqual({ words, ...shown(their) });
  }

  for (const protocol of ['2', '3']) {
    test(`odd arguments get the same answers in RESP${protocol}`, async () => {
      await Promise.all([ours.ask('flushall'), theirs.ask('flushall')]);
      await Promise.all([ours.ask('hello', protocol), theirs.ask('hello', protocol)]);
      for (const line of ODD.trim().split('\n')) await both(line.split(' '));
    }, 60_000);
  }

  for (const protocol of ['2', '3']) {
    test(`random searches find the same in RESP${protocol}`, async () => {
      const places = new Places(Number(protocol));
      await Promise.all([ours.ask('flushall'), theirs.ask('flushall')]);
      await Promise.all([ours.ask('hello', protocol), theirs.ask('hello', protocol)]);
      await Promise.all([ours.ask('set', 'text', 'x'), theirs.ask('set', 'text', 'x')]);
      for (let i = 0; i < POINTS; i++)
        await both(['geoadd', i % 8 === 0 ? 'few' : 'points', ...places.position(), `p${i}`]);
      for (let i = 0; i < SEARCHES; i++) await both(places.one(makers)(places));
    }, 120_000);
  }
});
