import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LATEST_INSTANT } from '../../src/domain/period.ts'
import { isoOf, parseInstant } from '../../src/graphql/base/scalars.ts'

const MINUTE = 60_000

describe('an instant is', () => {
  it.each([
    ['2022-01-01T12:12:12.000Z', '2022-01-01T12:12:12.000Z'],
    // No fraction, a short one, and one of which the digits beyond milliseconds are cut off, not rounded.
    ['2021-12-20T11:15:00Z', '2021-12-20T11:15:00.000Z'],
    ['2021-12-20T11:15:00.5Z', '2021-12-20T11:15:00.500Z'],
    ['2021-12-20T11:15:00.05Z', '2021-12-20T11:15:00.050Z'],
    ['2021-12-20T11:15:00.1239Z', '2021-12-20T11:15:00.123Z'],
    ['2021-12-20T11:15:00.9999999999999999999Z', '2021-12-20T11:15:00.999Z'],
    ['2021-12-31T23:59:59.9999Z', '2021-12-31T23:59:59.999Z'],
    // Offsets.
    ['2021-12-20T11:15:00+01:00', '2021-12-20T10:15:00.000Z'],
    ['2021-12-20T11:15:00-01:30', '2021-12-20T12:45:00.000Z'],
    ['2021-12-20T11:15:00.1239+05:45', '2021-12-20T05:30:00.123Z'],
    ['2021-12-20T11:15:00+00:00', '2021-12-20T11:15:00.000Z'],
    ['2021-12-20T11:15:00-00:00', '2021-12-20T11:15:00.000Z'],
    ['2021-12-20T23:59:00+23:59', '2021-12-20T00:00:00.000Z'],
    ['2022-01-01T00:00:00+00:01', '2021-12-31T23:59:00.000Z'],
    // RFC 3339 knows both letters in either case.
    ['2021-12-20t11:15:00z', '2021-12-20T11:15:00.000Z'],
    // The calendar.
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2000-02-29T00:00:00Z', '2000-02-29T00:00:00.000Z'],
    // The first and the last instant, whatever year the text itself is in.
    ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z'],
    ['1969-12-31T23:30:00-00:30', '1970-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
    ['9999-12-31T23:59:59.9999Z', '9999-12-31T23:59:59.999Z'],
  ])('%s', (text, expected) => {
    expect(parseInstant(text)).toBe(Date.parse(expected))
  })
})

describe('an instant is not', () => {
  it.each([
    ['empty', ''],
    ['a space', ' '],
    ['without an offset', '2021-12-20T11:15:00'],
    ['without an offset, with a fraction', '2021-12-20T11:15:00.000'],
    ['a day', '2021-12-20'],
    ['without seconds', '2021-12-20T11:15Z'],
    ['with a colon before its fraction', '2021-12-20T11:15:000Z'],
    ['with a comma before its fraction', '2021-12-20T11:15:00,5Z'],
    ['with an empty fraction', '2021-12-20T11:15:00.Z'],
    ['with a space for a T', '2021-12-20 11:15:00Z'],
    ['with a space before it', ' 2021-12-20T11:15:00Z'],
    ['with a space behind it', '2021-12-20T11:15:00Z '],
    ['with a line end behind it', '2021-12-20T11:15:00Z\n'],
    ['two of them in two lines', '2021-12-20T11:15:00Z\n2021-12-20T11:15:00Z'],
    ['with an offset of hours only', '2021-12-20T11:15:00+01'],
    ['with an offset without a colon', '2021-12-20T11:15:00+0100'],
    ['with both', '2021-12-20T11:15:00Z+01:00'],
    ['with an offset of a day', '2021-12-20T11:15:00+24:00'],
    ['with an offset of 60 minutes', '2021-12-20T11:15:00+01:60'],
    ['with the sign of typographers', '2021-12-20T11:15:00\u221201:00'],
    ['on 30 February', '2021-02-30T00:00:00Z'],
    ['on 29 February of another year', '2021-02-29T00:00:00Z'],
    ['on 29 February of 2100', '2100-02-29T00:00:00Z'],
    ['on 31 April', '2021-04-31T00:00:00Z'],
    ['on day 0', '2021-01-00T00:00:00Z'],
    ['on day 32', '2021-01-32T00:00:00Z'],
    ['in month 0', '2021-00-01T00:00:00Z'],
    ['in month 13', '2021-13-01T00:00:00Z'],
    ['at 24:00, which is the next day', '2021-12-20T24:00:00Z'],
    ['at minute 60', '2021-12-20T11:60:00Z'],
    ['a leap second', '2016-12-31T23:59:60Z'],
    ['in 1969', '1969-12-31T23:59:59.999Z'],
    ['in 1969 because of its offset', '1970-01-01T00:59:59.999+01:00'],
    ['in the year 0', '0000-01-01T00:00:00Z'],
    ['in 10000', '10000-01-01T00:00:00Z'],
    ['in 10000 because of its offset', '9999-12-31T23:59:59.999-00:01'],
    ['in a year of six digits', '+002021-12-20T11:15:00Z'],
    ['in a negative year', '-002021-12-20T11:15:00Z'],
    ['in a year of two digits', '21-12-20T11:15:00Z'],
    ['a week date', '2021-W51-1T11:15:00Z'],
    ['milliseconds since 1970', '1640000000000'],
    ['a date in words', 'Mon, 20 Dec 2021 11:15:00 GMT'],
    ['a word', 'now'],
    ['in digits of another script', '２０２１-12-20T11:15:00Z'],
  ])('%s', (_, text) => {
    expect(parseInstant(text)).toBeNull()
  })
})

it('every instant in range comes back from ISO 8601 at any offset', () => {
  const two = (value: number) => String(value).padStart(2, '0')
  const offset = fc.integer({ min: -(24 * 60 - 1), max: 24 * 60 - 1 })
  const instant = fc.oneof(
    fc.integer({ min: 0, max: LATEST_INSTANT }),
    fc.constantFrom(0, 1, LATEST_INSTANT - 1, LATEST_INSTANT),
    fc.integer({ min: 0, max: 36 * 60 * MINUTE }),
    fc.integer({ min: LATEST_INSTANT - 36 * 60 * MINUTE, max: LATEST_INSTANT }),
  )
  fc.assert(
    fc.property(instant, offset, fc.stringMatching(/^\d{0,9}$/), (at, minutes, digits) => {
      expect(parseInstant(new Date(at).toISOString())).toBe(at)
      const local = new Date(at + minutes * MINUTE).toISOString()
      fc.pre(local.length === 24)
      const zone = `${minutes < 0 ? '-' : '+'}${two(Math.trunc(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`
      expect(parseInstant(local.replace('Z', `${digits}${zone}`))).toBe(at)
    }),
    { numRuns: 2000 },
  )
})

it('every instant in range is written as Date writes it, whatever was written before', () => {
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
