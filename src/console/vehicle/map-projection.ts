import type { Vehicle } from '../api/documents.ts'

/** The part of the world that the maps show, in degrees (WGS 84). */
export type MapBounds = {
  readonly south: number
  readonly west: number
  readonly north: number
  readonly east: number
}

const METRES_PER_DEGREE = 111_320
/** The size of a map's view box, in its own pixels. */
export const MAP_WIDTH = 720
export const MAP_HEIGHT = 280
/** Bounds lie on the lines of this grid, in metres, so that they do not change with every move of a vehicle. */
const BOUNDS_GRID_M = 250
/** The margin around the outermost vehicles, in squares of that grid. */
const MARGIN = 0.5

/** @returns bounds that contain all vehicles of known position, with a margin; null if there are none */
export function boundsOf(vehicles: readonly Vehicle[]): MapBounds | null {
  const positions = vehicles.flatMap(({ state }) => state.position ?? [])
  if (positions.length === 0) return null
  const down = (degrees: number, unit: number) => Math.floor((degrees - unit * MARGIN) / unit) * unit
  const up = (degrees: number, unit: number) => Math.ceil((degrees + unit * MARGIN) / unit) * unit
  const gridLatitude = BOUNDS_GRID_M / METRES_PER_DEGREE
  const latitudes = positions.map(({ latitude }) => latitude)
  const longitudes = positions.map(({ longitude }) => longitude)
  const gridLongitude = gridLatitude / longitudeScale((Math.min(...latitudes) + Math.max(...latitudes)) / 2)
  return {
    south: down(Math.min(...latitudes), gridLatitude),
    north: up(Math.max(...latitudes), gridLatitude),
    west: down(Math.min(...longitudes), gridLongitude),
    east: up(Math.max(...longitudes), gridLongitude),
  }
}

/** The length of a degree of longitude as a share of a degree of latitude's. */
const longitudeScale = (latitude: number) => Math.max(0.01, Math.cos((latitude * Math.PI) / 180))

/** An equirectangular projection of the bounds: accurate for a city, fair for a country. */
export function project({ south, west, north, east }: MapBounds) {
  const scale = longitudeScale((south + north) / 2)
  const metresPerPixel = Math.max(
    ((east - west) * scale * METRES_PER_DEGREE) / MAP_WIDTH,
    ((north - south) * METRES_PER_DEGREE) / MAP_HEIGHT,
  )
  return {
    metresPerPixel,
    x: (longitude: number) =>
      MAP_WIDTH / 2 + ((longitude - (west + east) / 2) * scale * METRES_PER_DEGREE) / metresPerPixel,
    y: (latitude: number) => MAP_HEIGHT / 2 - ((latitude - (south + north) / 2) * METRES_PER_DEGREE) / metresPerPixel,
  }
}
