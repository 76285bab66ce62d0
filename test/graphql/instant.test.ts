import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LATEST_INSTANT } from '../../src/domain/period.ts'
import { isoOf } from '../../src/graphql/base/scalars.ts'

const MINUTE = 60_000

it('every instant in range is written as Date writes it, after any other instant', () => {
  // Far apart, in the same minute, and in minutes that share what is kept of them.
  const instant = fc.oneof(
    fc.integer({ min: 0, max: LATEST_INSTANT }),
    fc.integer({ min: 0, max: 2 * MINUTE }),
    fc.nat(2).map((n) => n * 2_048 * MINUTE),
    fc.constantFrom(0, LATEST_INSTANT),
  )
  fc.assert(
    fc.property(fc.array(instant), (instants) => {
      expect(instants.map(isoOf)).toEqual(instants.map((at) => new Date(at).toISOString()))
    }),
    { numRuns: 1000 },
  )
})
