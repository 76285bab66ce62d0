import { pick } from './random.ts'
import type { Random } from './random.ts'

/** A crossing of the city's grid of streets, in blocks from its centre. */
export type Crossing = { readonly east: number; readonly north: number }

/** A piece of street between two neighbouring crossings. */
export type Street = { readonly from: Crossing; readonly to: Crossing }

const CENTRE = { latitude: 53.5503, longitude: 10.0007 }
/** The number of blocks from the centre to each edge of the city. */
const BLOCKS = 14
/** The length of a block in km. */
export const BLOCK_KM = 0.16
const KM_PER_DEGREE = 111.32

/** A random crossing, more often near the centre than near the edges. */
const randomCrossing = (random: Random): Crossing => ({
  east: Math.round((random() + random() - 1) * BLOCKS),
  north: Math.round((random() + random() - 1) * BLOCKS),
})

const DIRECTIONS = [
  [1, 0],
  [-1, 0],
  [0, 1],
  [0, -1],
] as const

/**
 * A random street that goes on from the end of this one: never back, unless there is no other, and never out of the
 * city.
 */
export function nextStreet(random: Random, { from, to }: Street): Street {
  const crossings = DIRECTIONS.map(([east, north]) => ({ east: to.east + east, north: to.north + north })).filter(
    ({ east, north }) =>
      Math.abs(east) <= BLOCKS && Math.abs(north) <= BLOCKS && !(east === from.east && north === from.north),
  )
  const [first, ...others] = crossings
  return { from: to, to: first ? pick(random, [first, ...others]) : from }
}

export function randomStreet(random: Random): Street {
  const from = randomCrossing(random)
  return nextStreet(random, { from, to: from })
}

/**
 * The position of a point of a street, in degrees (WGS 84).
 * @param along 0 at the start of the street to 1 at its end
 */
export function positionOn({ from, to }: Street, along: number): { latitude: number; longitude: number } {
  const east = (from.east + (to.east - from.east) * along) * BLOCK_KM
  const north = (from.north + (to.north - from.north) * along) * BLOCK_KM
  const latitude = CENTRE.latitude + north / KM_PER_DEGREE
  const longitude = CENTRE.longitude + east / (KM_PER_DEGREE * Math.cos((CENTRE.latitude * Math.PI) / 180))
  return { latitude: Number(latitude.toFixed(6)), longitude: Number(longitude.toFixed(6)) }
}
