import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Box, Circle, type GeoShape, Polygon } from './geo-shapes.ts';
import { distanceMeters, geohashText, MAX_LATITUDE, Position, rangesOfArea, scoreOfPosition } from './geohash.ts';

const longitude = fc.double({ min: -180, max: 180, noNaN: true });
const latitude = fc.double({ min: -MAX_LATITUDE, max: MAX_LATITUDE, noNaN: true });
const position = fc.tuple(longitude, latitude);
/** Away from the poles and the date line, where boxes in degrees say little. */
const ordinary = fc.tuple(
  fc.double({ min: -150, max: 150, noNaN: true }),
  fc.double({ min: -60, max: 60, noNaN: true }),
);

test('known positions have the scores, geohashes and distances that Valkey gives them', () => {
  expect(scoreOfPosition(13.361389, 38.115556)).toBe(3479099956230698);
  expect(scoreOfPosition(15.087269, 37.502669)).toBe(3479447370796909);
  const { longitude: x, latitude: y } = new Position().read(3479099956230698);
  expect([x.toFixed(17), y.toFixed(17)]).toEqual(['13.36138933897018433', '38.11555639549629859']);
  expect(geohashText(x, y)).toBe('sqc8b49rny0');
  const other = new Position().read(3479447370796909);
  expect(distanceMeters(x, y, other.longitude, other.latitude).toFixed(4)).toBe('166274.1516');
});

test('a position is in the cell of its score, which is less than a meter wide', () => {
  const read = new Position();
  fc.assert(
    fc.property(position, ([x, y]) => {
      read.read(scoreOfPosition(x, y));
      expect(Math.abs(read.longitude - x)).toBeLessThan(1e-5);
      expect(Math.abs(read.latitude - y)).toBeLessThan(1e-5);
    }),
  );
});

test('the corners of the world have scores, and any score has a position', () => {
  for (const x of [-180, 180]) {
    for (const y of [-MAX_LATITUDE, MAX_LATITUDE]) expect(scoreOfPosition(x, y)).toBeGreaterThanOrEqual(0);
  }
  fc.assert(
    fc.property(fc.double(), (score) => {
      const read = new Position().read(score);
      expect(Math.abs(read.longitude)).toBeLessThanOrEqual(180);
      expect(Math.abs(read.latitude)).toBeLessThanOrEqual(MAX_LATITUDE);
    }),
  );
});

/** Whether a point's score is in a range of a search. */
function isSearched(shape: GeoShape, score: number): boolean {
  return rangesOfArea(shape.area).some(({ min, max }) => score >= min && score < max);
}

/** Points around a middle, within so many degrees. */
const around = fc.array(
  fc.tuple(fc.double({ min: -1, max: 1, noNaN: true }), fc.double({ min: -1, max: 1, noNaN: true })),
  { minLength: 5, maxLength: 60 },
);

function searchesAll(
  shape: GeoShape,
  [x, y]: readonly [number, number],
  offsets: readonly (readonly [number, number])[],
  degrees: number,
): void {
  const read = new Position();
  for (const [dx, dy] of offsets) {
    const pointX = Math.min(Math.max(x + dx * degrees, -180), 180);
    const pointY = Math.min(Math.max(y + dy * degrees, -MAX_LATITUDE), MAX_LATITUDE);
    const score = scoreOfPosition(pointX, pointY);
    read.read(score);
    if (shape.contains(read.longitude, read.latitude)) expect(isSearched(shape, score)).toBe(true);
  }
}

const degrees = fc.double({ min: 0.0001, max: 20, noNaN: true });

test('the ranges of a circle hold every point in it', () => {
  fc.assert(
    fc.property(ordinary, around, degrees, (middle, offsets, size) => {
      searchesAll(new Circle(middle[0], middle[1], size * 111_000), middle, offsets, size * 1.5);
    }),
  );
});

test('the ranges of a box hold every point in it', () => {
  fc.assert(
    fc.property(
      ordinary,
      around,
      degrees,
      fc.double({ min: 0.1, max: 1, noNaN: true }),
      (middle, offsets, size, ratio) => {
        searchesAll(new Box(middle[0], middle[1], size * 222 * ratio, size * 222, 1000), middle, offsets, size);
      },
    ),
  );
});

test('the ranges of a polygon hold every point in it', () => {
  fc.assert(
    fc.property(ordinary, around, around, degrees, ([x, y], corners, offsets, size) => {
      const polygon = new Polygon(
        Float64Array.from(corners.slice(0, 8).flatMap(([dx, dy]) => [x + dx * size, y + dy * size])),
      );
      searchesAll(polygon, [x, y], offsets, size);
    }),
  );
});

test('a polygon that is a rectangle contains what lies between its sides, whichever way it is given', () => {
  fc.assert(
    fc.property(ordinary, around, ([x, y], offsets) => {
      const corners = [x - 0.5, y - 0.25, x + 0.5, y - 0.25, x + 0.5, y + 0.25, x - 0.5, y + 0.25];
      const backwards = [6, 7, 4, 5, 2, 3, 0, 1].map((i) => corners[i]!);
      for (const [dx, dy] of offsets) {
        // On a side itself either answer is right.
        if (Math.abs(Math.abs(dx) - 0.5) < 1e-9 || Math.abs(Math.abs(dy) - 0.25) < 1e-9) continue;
        const inside = Math.abs(dx) < 0.5 && Math.abs(dy) < 0.25;
        expect(new Polygon(Float64Array.from(corners)).contains(x + dx, y + dy)).toBe(inside);
        expect(new Polygon(Float64Array.from(backwards)).contains(x + dx, y + dy)).toBe(inside);
      }
    }),
  );
});
