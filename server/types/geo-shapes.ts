/**
 * What a geo search looks for: a circle, a box or a polygon on the earth; which points are in it, and how far from its middle.
 * Source: Valkey 9.1 geohash_helper.c geohashBoundingBox, geohashGetDistanceIfIn*.
 */
import {
  distanceMeters,
  EARTH_RADIUS_METERS,
  latitudeDistanceMeters,
  MAX_LATITUDE,
  MAX_LONGITUDE,
  RADIANS_PER_DEGREE,
  type SearchedArea,
} from './geohash.ts';

/** A shape of a search. `contains` is called for every point looked at: it allocates nothing. */
export interface GeoShape {
  readonly area: SearchedArea;
  /** Whether the point is in the shape; `distance` is then its distance from the middle, in meters. */
  contains(longitude: number, latitude: number): boolean;
  readonly distance: number;
}

/** The box around what reaches so far to each side of a point. */
function areaAround(
  longitude: number,
  latitude: number,
  halfWidthMeters: number,
  halfHeightMeters: number,
  radiusMeters: number,
): SearchedArea {
  const latitudes = halfHeightMeters / EARTH_RADIUS_METERS / RADIANS_PER_DEGREE;
  // The edge that is nearer to a pole spans more degrees.
  const edge = latitude < 0 ? latitude - latitudes : latitude + latitudes;
  const longitudes = halfWidthMeters / EARTH_RADIUS_METERS / Math.cos(edge * RADIANS_PER_DEGREE) / RADIANS_PER_DEGREE;
  return {
    longitude,
    latitude,
    radiusMeters,
    minLongitude: longitude - longitudes,
    maxLongitude: longitude + longitudes,
    minLatitude: latitude - latitudes,
    maxLatitude: latitude + latitudes,
  };
}

export class Circle implements GeoShape {
  readonly area: SearchedArea;
  distance = 0;

  constructor(longitude: number, latitude: number, radiusMeters: number) {
    this.area = areaAround(longitude, latitude, radiusMeters, radiusMeters, radiusMeters);
  }

  contains(longitude: number, latitude: number): boolean {
    const { area } = this;
    this.distance = distanceMeters(area.longitude, area.latitude, longitude, latitude);
    return this.distance <= area.radiusMeters;
  }
}

/** A box whose sides run along meridians and parallels through its middle. */
export class Box implements GeoShape {
  readonly area: SearchedArea;
  distance = 0;
  private readonly widthMeters: number;
  private readonly heightMeters: number;

  constructor(longitude: number, latitude: number, width: number, height: number, metersPerUnit: number) {
    this.widthMeters = width * metersPerUnit;
    this.heightMeters = height * metersPerUnit;
    const radiusMeters = Math.sqrt((width / 2) * (width / 2) + (height / 2) * (height / 2)) * metersPerUnit;
    this.area = areaAround(longitude, latitude, this.widthMeters / 2, this.heightMeters / 2, radiusMeters);
  }

  contains(longitude: number, latitude: number): boolean {
    const { area } = this;
    if (latitudeDistanceMeters(latitude, area.latitude) > this.heightMeters / 2) return false;
    if (distanceMeters(longitude, latitude, area.longitude, latitude) > this.widthMeters / 2) return false;
    this.distance = distanceMeters(area.longitude, area.latitude, longitude, latitude);
    return true;
  }
}

/** A polygon on the plane of degrees; its middle is that of its vertices on the sphere. */
export class Polygon implements GeoShape {
  readonly area: SearchedArea;
  distance = 0;
  /** Longitude and latitude by turns. */
  private readonly vertices: Float64Array;

  constructor(vertices: Float64Array) {
    this.vertices = vertices;
    this.area = areaOfVertices(vertices);
  }

  contains(longitude: number, latitude: number): boolean {
    const { vertices, area } = this;
    let inside = false;
    // A ray from the point crosses the edges an odd number of times (W. R. Franklin's PNPOLY).
    for (let i = 0, j = vertices.length - 2; i < vertices.length; j = i, i += 2) {
      const x = vertices[i]!;
      const y = vertices[i + 1]!;
      const otherX = vertices[j]!;
      const otherY = vertices[j + 1]!;
      if (y > latitude === otherY > latitude) continue;
      if (longitude < ((otherX - x) * (latitude - y)) / (otherY - y) + x) inside = !inside;
    }
    if (inside) this.distance = distanceMeters(area.longitude, area.latitude, longitude, latitude);
    return inside;
  }
}

function areaOfVertices(vertices: Float64Array): SearchedArea {
  let minLongitude = MAX_LONGITUDE;
  let maxLongitude = -MAX_LONGITUDE;
  let minLatitude = MAX_LATITUDE;
  let maxLatitude = -MAX_LATITUDE;
  let x = 0;
  let y = 0;
  let z = 0;
  for (let i = 0; i < vertices.length; i += 2) {
    const vertexLongitude = vertices[i]!;
    const vertexLatitude = vertices[i + 1]!;
    minLongitude = Math.min(minLongitude, vertexLongitude);
    maxLongitude = Math.max(maxLongitude, vertexLongitude);
    minLatitude = Math.min(minLatitude, vertexLatitude);
    maxLatitude = Math.max(maxLatitude, vertexLatitude);
    const lambda = vertexLongitude * RADIANS_PER_DEGREE;
    const phi = vertexLatitude * RADIANS_PER_DEGREE;
    x += Math.cos(phi) * Math.cos(lambda);
    y += Math.cos(phi) * Math.sin(lambda);
    z += Math.sin(phi);
  }
  const longitude = Math.atan2(y, x) / RADIANS_PER_DEGREE;
  const latitude = Math.atan2(z, Math.sqrt(x * x + y * y)) / RADIANS_PER_DEGREE;
  const radiusMeters = Math.max(
    distanceMeters(longitude, latitude, minLongitude, maxLatitude),
    distanceMeters(longitude, latitude, maxLongitude, maxLatitude),
    distanceMeters(longitude, latitude, minLongitude, minLatitude),
    distanceMeters(longitude, latitude, maxLongitude, minLatitude),
  );
  return { longitude, latitude, radiusMeters, minLongitude, maxLongitude, minLatitude, maxLatitude };
}
