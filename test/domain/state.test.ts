import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InputError } from '../../src/domain/errors.ts'
import type { Instant } from '../../src/domain/period.ts'
import {
  checkBatch,
  checkReport,
  CLOCK_TOLERANCE_MS,
  mergeState,
  stateOf,
  UNKNOWN_STATE,
} from '../../src/domain/state.ts'
import type { Readings, Report, VehicleState } from '../../src/domain/state.ts'
import { PROPERTIES, someReadings } from '../support/readings.ts'

describe('the state after a report', () => {
  const before = stateOf({ speedKmh: 30, ignition: true, position: { latitude: 1, longitude: 2 } }, 1000)

  it.each<[string, Readings, Instant, Partial<VehicleState>]>([
    ['takes a newer reading', { speedKmh: 40 }, 1001, { speedKmh: { value: 40, observedAt: 1001 } }],
    ['keeps its reading against an older one', { speedKmh: 40 }, 999, {}],
    [
      'takes the one recorded later of equal times',
      { speedKmh: 40 },
      1000,
      { speedKmh: { value: 40, observedAt: 1000 } },
    ],
    [
      'takes an old reading of what was unknown',
      { energyPercent: 0 },
      1,
      { energyPercent: { value: 0, observedAt: 1 } },
    ],
    ['takes off and zero as readings', { ignition: false }, 1001, { ignition: { value: false, observedAt: 1001 } }],
    ['keeps its readings where the report has null or none', { speedKmh: null, ignition: undefined }, 1001, {}],
    [
      'replaces a position as a whole',
      { position: { latitude: 3, longitude: 4 } },
      1001,
      { position: { value: { latitude: 3, longitude: 4 }, observedAt: 1001 } },
    ],
  ])('%s', (_, readings, at, changed) => {
    expect(mergeState(before, stateOf(readings, at))).toEqual({ ...before, ...changed })
  })

  it('decides on each reading by its own time', () => {
    const mixed = mergeState(before, stateOf({ speedKmh: 0, centralLock: 'LOCKED' }, 500))
    expect(mixed.speedKmh).toEqual({ value: 30, observedAt: 1000 })
    expect(mixed.centralLock).toEqual({ value: 'LOCKED', observedAt: 500 })
    expect(mergeState(mixed, stateOf({ speedKmh: 0, centralLock: 'UNLOCKED' }, 700))).toEqual({
      ...before,
      centralLock: { value: 'UNLOCKED', observedAt: 700 },
    })
  })

  type Taken = { readonly readings: Readings; readonly at: Instant }
  const mergeAll = (reports: readonly Taken[], from: VehicleState = UNKNOWN_STATE) =>
    reports.reduce((state, { readings, at }) => mergeState(state, stateOf(readings, at)), from)
  const reports = fc.array(fc.record({ readings: someReadings, at: fc.nat(8) }), { maxLength: 12 })
  /** The same reports at times of their own, in two orders. */
  const twoOrders = fc
    .uniqueArray(fc.record({ readings: someReadings, at: fc.nat(1000) }), { maxLength: 12, selector: ({ at }) => at })
    .chain((some) => fc.tuple(fc.constant(some), fc.shuffledSubarray(some, { minLength: some.length })))

  it('is the same for every order of reports with different times', () => {
    fc.assert(
      fc.property(twoOrders, ([some, shuffled]) => {
        expect(mergeAll(shuffled)).toEqual(mergeAll(some))
      }),
    )
  })

  it('has the newest reading of each property, of equally new ones the last', () => {
    fc.assert(
      fc.property(reports, (some) => {
        const state = mergeAll(some)
        for (const property of PROPERTIES) {
          const [last] = some
            .map(({ readings, at }, index) => ({ value: readings[property], at, index }))
            .filter(({ value }) => value !== undefined)
            .toSorted((a, b) => b.at - a.at || b.index - a.index)
          expect(state[property]).toEqual(last === undefined ? null : { value: last.value, observedAt: last.at })
        }
      }),
    )
  })

  it('never goes back in time, and never loses a reading', () => {
    fc.assert(
      fc.property(reports, reports, (earlier, later) => {
        const [known, after] = [mergeAll(earlier), mergeAll(later, mergeAll(earlier))]
        for (const property of PROPERTIES) {
          expect(after[property]?.observedAt ?? -1).toBeGreaterThanOrEqual(known[property]?.observedAt ?? -1)
        }
      }),
    )
  })

  it('is not changed by a repeated report', () => {
    fc.assert(
      fc.property(twoOrders, ([some, again]) => {
        expect(mergeAll(again, mergeAll(some))).toEqual(mergeAll(some))
      }),
    )
  })
})

describe('a report is taken', () => {
  const NOW = Date.UTC(2030, 0, 1)
  const reportOf = (fields: Partial<Report>): Report => ({
    vehicleId: 'car',
    messageId: 'm',
    occurredAt: NOW,
    readings: { speedKmh: 1 },
    ...fields,
  })
  const pathOf = (check: () => void): string | null => {
    try {
      check()
      return null
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      expect(error.code).toBe('INVALID_INPUT')
      if (error.path.length > 0) expect(error.message).toContain(error.path.join('.'))
      return error.path.join('.')
    }
  }
  const at = (latitude: number, longitude: number): Partial<Report> => ({
    readings: { position: { latitude, longitude } },
  })
  const least = Number.MIN_VALUE
  /** The next number that a double can hold. */
  const above = (value: number) => value + value * Number.EPSILON

  it.each<[string, Partial<Report>]>([
    ['at the north pole', at(90, 180)],
    ['at the south pole', at(-90, -180)],
    ['with the least speed', { readings: { speedKmh: 0 } }],
    ['with the greatest speed', { readings: { speedKmh: Number.MAX_VALUE } }],
    ['with no mileage', { readings: { mileageKm: 0 } }],
    ['with no energy left', { readings: { energyPercent: 0 } }],
    ['with full energy', { readings: { energyPercent: 100 } }],
    ['with a single reading that is off', { readings: { ignition: false } }],
    ['with null for unknown readings', { readings: { speedKmh: null, position: null, drivingEnabled: false } }],
    ['from long ago', { occurredAt: 0 }],
    ['from 5 minutes ahead', { occurredAt: NOW + CLOCK_TOLERANCE_MS }],
    ['with a message id of 200 characters', { messageId: '🚗'.repeat(200) }],
  ])('%s', (_, fields) => {
    expect(pathOf(() => checkReport(reportOf(fields), NOW))).toBeNull()
  })

  it.each<[string, string, Partial<Report>]>([
    ['an empty message id', 'messageId', { messageId: '' }],
    ['NUL in a message id', 'messageId', { messageId: 'a\0b' }],
    ['a lone surrogate in a message id', 'messageId', { messageId: '\ud83d' }],
    ['a message id of 201 characters', 'messageId', { messageId: 'x'.repeat(201) }],
    ['a time more than 5 minutes ahead', 'occurredAt', { occurredAt: NOW + CLOCK_TOLERANCE_MS + 1 }],
    ['no reading', '', { readings: {} }],
    ['nothing but null readings', '', { readings: { speedKmh: null, ignition: undefined, position: null } }],
    ['a latitude beyond the north pole', 'position.latitude', at(above(90), 0)],
    ['a latitude beyond the south pole', 'position.latitude', at(-above(90), 0)],
    ['a longitude beyond 180', 'position.longitude', at(0, above(180))],
    ['a longitude beyond -180', 'position.longitude', at(0, -above(180))],
    ['a negative speed', 'speedKmh', { readings: { speedKmh: -least } }],
    ['a negative mileage', 'mileageKm', { readings: { mileageKm: -least } }],
    ['less than no energy', 'energyPercent', { readings: { energyPercent: -least } }],
    ['more than full', 'energyPercent', { readings: { energyPercent: above(100) } }],
    ['a speed that is no number', 'speedKmh', { readings: { speedKmh: Number.NaN } }],
    ['one wrong reading among good ones', 'mileageKm', { readings: { speedKmh: 1, mileageKm: -1, ignition: true } }],
  ])('unless it has %s', (_, path, fields) => {
    expect(pathOf(() => checkReport(reportOf(fields), NOW))).toBe(path)
  })

  it.each([
    [0, 'reports'],
    [1, null],
    [1000, null],
    [1001, 'reports'],
  ])('in a batch of %s or not', (count, path) => {
    expect(pathOf(() => checkBatch(Array.from({ length: count })))).toBe(path)
  })
})
