import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { covers, earlier, isEmpty, LATEST_INSTANT, overlaps } from '../../src/domain/period.ts'
import type { Period } from '../../src/domain/period.ts'
import { instants } from '../support/sharings.ts'

const TIMELINE = instants(-1, 9)

const period: fc.Arbitrary<Period> = fc.record({
  startsAt: fc.integer({ min: 0, max: 7 }),
  endsAt: fc.option(fc.integer({ min: 0, max: 8 })),
})

describe('a period', () => {
  it('contains its start but not its end', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 1e9 }), (startsAt, length) => {
        const endsAt = startsAt + length
        const half = { startsAt, endsAt }
        expect([startsAt - 1, startsAt, endsAt - 1, endsAt].map((at) => covers(half, at))).toEqual([
          false,
          true,
          true,
          false,
        ])
      }),
    )
  })

  it('without an end contains every instant from its start on', () => {
    const open = { startsAt: 5, endsAt: null }
    expect([-1, 4, 5, 6, LATEST_INSTANT].map((at) => covers(open, at))).toEqual([false, false, true, true, true])
  })

  it.each([
    [5, 4, true],
    [5, 5, true],
    [5, 6, false],
    [0, 0, true],
    [5, null, false],
  ])('from %s to %s is empty: %s', (startsAt, endsAt, empty) => {
    expect(isEmpty({ startsAt, endsAt })).toBe(empty)
  })

  it('is empty exactly if it covers no instant', () => {
    fc.assert(
      fc.property(period, (one) => {
        expect(isEmpty(one)).toBe(!TIMELINE.some((at) => covers(one, at)))
      }),
    )
  })
})

describe('two periods', () => {
  it.each<[string, Period, Period, boolean]>([
    ['back to back', { startsAt: 0, endsAt: 5 }, { startsAt: 5, endsAt: 9 }, false],
    ['back to back with an open end', { startsAt: 0, endsAt: 5 }, { startsAt: 5, endsAt: null }, false],
    ['with one common millisecond', { startsAt: 0, endsAt: 6 }, { startsAt: 5, endsAt: 9 }, true],
    ['that are equal', { startsAt: 0, endsAt: 5 }, { startsAt: 0, endsAt: 5 }, true],
    ['one inside the other', { startsAt: 0, endsAt: 9 }, { startsAt: 4, endsAt: 5 }, true],
    ['both open', { startsAt: 0, endsAt: null }, { startsAt: 1e12, endsAt: null }, true],
    ['one open, the other before it', { startsAt: 6, endsAt: null }, { startsAt: 0, endsAt: 5 }, false],
    ['one of them empty, inside the other', { startsAt: 3, endsAt: 3 }, { startsAt: 0, endsAt: 5 }, false],
    ['one of them inverted, around the other', { startsAt: 9, endsAt: 0 }, { startsAt: 3, endsAt: 5 }, false],
  ])('%s', (_, a, b, expected) => {
    expect(overlaps(a, b)).toBe(expected)
    expect(overlaps(b, a)).toBe(expected)
  })

  it('overlap exactly if some instant lies in both', () => {
    fc.assert(
      fc.property(period, period, (a, b) => {
        expect(overlaps(a, b)).toBe(TIMELINE.some((at) => covers(a, at) && covers(b, at)))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('the earlier of two ends', () => {
  it.each([
    [null, null, null],
    [null, 3, 3],
    [3, null, 3],
    [0, null, 0],
    [3, 4, 3],
    [4, 3, 3],
  ])('of %s and %s is %s', (a, b, expected) => {
    expect(earlier(a, b)).toBe(expected)
  })
})

it('the latest instant is the end of the year 9999', () => {
  expect(new Date(LATEST_INSTANT).toISOString()).toBe('9999-12-31T23:59:59.999Z')
  expect(new Date(LATEST_INSTANT + 1).toISOString()).toBe('+010000-01-01T00:00:00.000Z')
})
