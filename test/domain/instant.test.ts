import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseInstant } from '../../src/domain/instant.ts'
import { LATEST_INSTANT } from '../../src/domain/period.ts'

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
    ['2021-12-20T11:15:00+01', '2021-12-20T10:15:00.000Z'],
    ['2021-12-20T11:15:00-0130', '2021-12-20T12:45:00.000Z'],
    // Neither seconds nor a fraction, as Java writes a whole minute.
    ['2099-01-01T13:00+01:00', '2099-01-01T12:00:00.000Z'],
    ['2099-01-01T13:00+01', '2099-01-01T12:00:00.000Z'],
    ['2099-01-01T13:00+0100', '2099-01-01T12:00:00.000Z'],
    ['2099-01-01T13:00Z', '2099-01-01T13:00:00.000Z'],
    // A comma, which ISO 8601 prefers.
    ['2021-12-20T11:15:00,5Z', '2021-12-20T11:15:00.500Z'],
    ['2021-12-20T11:15:00,1239+0100', '2021-12-20T10:15:00.123Z'],
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
    ['empty', '', 'is empty'],
    ['a space', ' ', 'form'],
    ['without an offset', '2021-12-20T11:15:00', 'no offset'],
    ['without an offset, with a fraction', '2021-12-20T11:15:00.000', 'no offset'],
    ['a day', '2021-12-20', 'without a time'],
    ['with a colon before its fraction', '2021-12-20T11:15:000Z', 'form'],
    ['with an empty fraction', '2021-12-20T11:15:00.Z', 'form'],
    ['with a space for a T', '2021-12-20 11:15:00Z', 'a T'],
    ['with a space before it', ' 2021-12-20T11:15:00Z', 'form'],
    ['with a space behind it', '2021-12-20T11:15:00Z ', 'form'],
    ['with a line end behind it', '2021-12-20T11:15:00Z\n', 'form'],
    ['two of them in two lines', '2021-12-20T11:15:00Z\n2021-12-20T11:15:00Z', 'form'],
    ['with both', '2021-12-20T11:15:00Z+01:00', 'form'],
    ['with an offset of a day', '2021-12-20T11:15:00+24:00', 'no offset +24:00'],
    ['with an offset of 60 minutes', '2021-12-20T11:15:00+01:60', 'no offset +01:60'],
    ['with the sign of typographers', '2021-12-20T11:15:00\u221201:00', 'form'],
    ['on 30 February', '2021-02-30T00:00:00Z', 'no day 30 in 2021-02'],
    ['on 29 February of another year', '2021-02-29T00:00:00Z', 'no day 29 in 2021-02'],
    ['on 29 February of 2100', '2100-02-29T00:00:00Z', 'no day 29 in 2100-02'],
    ['on 31 April', '2021-04-31T00:00:00Z', 'no day 31 in 2021-04'],
    ['on day 0', '2021-01-00T00:00:00Z', 'no day 00'],
    ['on day 32', '2021-01-32T00:00:00Z', 'no day 32'],
    ['in month 0', '2021-00-01T00:00:00Z', 'no month 00'],
    ['in month 13', '2021-13-01T00:00:00Z', 'no month 13'],
    ['at 24:00, which is the next day', '2021-12-20T24:00:00Z', 'no hour 24'],
    ['at minute 60', '2021-12-20T11:60:00Z', 'no minute 60'],
    ['a leap second', '2016-12-31T23:59:60Z', 'no second 60'],
    ['in 1969', '1969-12-31T23:59:59.999Z', '1970 to 9999'],
    ['in 1969 because of its offset', '1970-01-01T00:59:59.999+01:00', '1970 to 9999'],
    ['in the year 0', '0000-01-01T00:00:00Z', '1970 to 9999'],
    ['in 10000', '10000-01-01T00:00:00Z', 'form'],
    ['in 10000 because of its offset', '9999-12-31T23:59:59.999-00:01', '1970 to 9999'],
    ['in a year of six digits', '+002021-12-20T11:15:00Z', 'form'],
    ['in a negative year', '-002021-12-20T11:15:00Z', 'form'],
    ['in a year of two digits', '21-12-20T11:15:00Z', 'form'],
    ['a week date', '2021-W51-1T11:15:00Z', 'form'],
    ['milliseconds since 1970', '1640000000000', 'form'],
    ['a date in words', 'Mon, 20 Dec 2021 11:15:00 GMT', 'form'],
    ['a word', 'now', 'form'],
    ['in digits of another script', '２０２１-12-20T11:15:00Z', 'form'],
    ['with a fraction of minutes', '2021-12-20T11:15,5Z', 'form'],
    ['with an hour alone', '2021-12-20T11Z', 'form'],
    ['an ordinal date', '2021-354T11:15:00Z', 'form'],
    ['in the basic format', '20211220T111500Z', 'form'],
    ['without an offset and seconds', '2021-12-20T11:15', 'no offset'],
    ['at a second beyond', '2021-12-20T11:15:61Z', 'no second 61'],
    ['with an offset of 25 hours', '2021-12-20T11:15:00+25:00', 'no offset +25:00'],
    ['with an offset of one digit', '2021-12-20T11:15:00+1', 'form'],
    ['with an offset of seconds', '2021-12-20T11:15:00+01:00:00', 'form'],
  ])('%s, and says so', (_, text, fault) => {
    expect(parseInstant(text)).toContain(fault)
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
      expect(parseInstant(local.replace('.', ',').replace('Z', zone.replace(':', '')))).toBe(at)
      const [minute = ''] = local.split(/:\d\d\./)
      expect(parseInstant(`${minute}${zone}`.replace(/:00$/, ''))).toSatisfy(isMinuteOf(at))
    }),
    { numRuns: 2000 },
  )
})

/** Whether it is the beginning of that minute; before 1970 there is none. */
const isMinuteOf = (at: number) => (read: number | string) =>
  read === at - (at % MINUTE) || (at < MINUTE && typeof read === 'string')

it('only an instant is read as a number, and the error of each other text names its fault', () => {
  const piece = fc.constantFrom(
    '2021',
    '-',
    '02',
    '30',
    'T',
    't',
    ' ',
    '11',
    ':',
    '15',
    '60',
    '.',
    ',',
    '5',
    'Z',
    'z',
    '+',
    '01',
    '24',
  )
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join('')),
  )
  fc.assert(
    fc.property(text, (given) => {
      const read = parseInstant(given)
      if (typeof read === 'string') expect(read).toMatch(/^(it|there) .{5,}/)
      else expect(given).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d(:?\d\d)?)$/i)
    }),
    { numRuns: 5000 },
  )
})
