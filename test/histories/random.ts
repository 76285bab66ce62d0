import { seeded } from '../../src/simulator/random.ts'
import type { Random } from '../../src/simulator/random.ts'

/** A stream of numbers for one part of a history: that another part draws more does not change it. */
export function streamOf(seed: number, part: string): Random {
  let mixed = seed
  for (const char of part) mixed = Math.imul(mixed ^ (char.codePointAt(0) ?? 0), 0x9e3779b1)
  return seeded(mixed)
}

export const chance = (random: Random, probability: number): boolean => random() < probability

/** A whole number, both ends included. */
export const whole = (random: Random, low: number, high: number): number =>
  low + Math.floor(random() * (high - low + 1))

/** One of some. @throws when there is none */
export function oneOf<T>(random: Random, from: readonly T[]): T {
  const [first, ...rest] = from
  if (first === undefined) throw new Error('nothing to choose from')
  return rest[whole(random, 0, rest.length) - 1] ?? first
}
