/** A source of numbers from 0 up to, but not including, 1. */
export type Random = () => number

/** A generator with the same numbers for the same seed (mulberry32), so that a simulation can be repeated. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A number from `low` up to, but not including, `high`. */
export const between = (random: Random, low: number, high: number): number => low + (high - low) * random()

/** One of the elements. */
export function pick<T>(random: Random, from: readonly [T, ...T[]]): T {
  return from[Math.floor(random() * from.length)] ?? from[0]
}
