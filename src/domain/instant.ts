import { LATEST_INSTANT } from './period.ts'
import type { Instant } from './period.ts'

const DAY = String.raw`(\d{4})-(\d\d)-(\d\d)`
const TIME = String.raw`(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?`
const OFFSET = String.raw`(?:Z|([+-])(\d\d)(?::?(\d\d))?)`

const FORM = new RegExp(`^${DAY}T${TIME}${OFFSET}$`, 'i')

/** Texts that people and programs take for an instant, with the part that they lack. */
const ALMOST: readonly (readonly [RegExp, string])[] = [
  [/^$/, 'it is empty'],
  [new RegExp(`^${DAY}$`), 'it is a day without a time'],
  [new RegExp(`^${DAY}[T ]${TIME}$`, 'i'), 'it has no offset, such as Z or +01:00'],
  [new RegExp(`^${DAY} +${TIME} *${OFFSET}$`, 'i'), 'a T has to stand between day and time, and no space anywhere'],
]

const MINUTE_MS = 60_000

/**
 * Reads ISO 8601's extended format with an offset: `2022-01-01T12:12:12.000Z`. Seconds and their fraction may be missing, the
 * fraction follows a point or a comma, its digits beyond milliseconds are cut off; an offset is Z, +hh, +hhmm or +hh:mm. The
 * letters may be small ones, as RFC 3339 has it. Week dates, ordinal dates, 24:00 and leap seconds are not read.
 * @returns for any other text, and outside of the years 1970 to 9999, a text that names the fault
 */
export function parseInstant(text: string): Instant | string {
  const match = FORM.exec(text)
  if (match === null) {
    const [, lack] = ALMOST.find(([form]) => form.test(text)) ?? []
    return lack ?? 'it is not of the form YYYY-MM-DDThh:mm:ss.sss with an offset'
  }
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '0', fraction = ''] = match
  const [, , , , , , , , sign = '+', offsetHours = '0', offsetMinutes = '0'] = match
  if (!(Number(month) >= 1 && Number(month) <= 12)) return `there is no month ${month}`
  if (!(Number(day) >= 1 && Number(day) <= daysIn(Number(year), Number(month)))) {
    return `there is no day ${day} in ${year}-${month}`
  }
  if (Number(hour) > 23) return `there is no hour ${hour}`
  if (Number(minute) > 59) return `there is no minute ${minute}`
  if (Number(second) > 59) return `there is no second ${second}: leap seconds are not counted`
  if (Number(offsetHours) > 23 || Number(offsetMinutes) > 59) {
    return `there is no offset ${sign}${offsetHours}:${offsetMinutes}`
  }
  // Date.UTC() takes the years 0 to 99 for those from 1900 on, which are refused as well.
  const whole = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second))
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * MINUTE_MS
  const at = whole + Number(fraction.slice(0, 3).padEnd(3, '0')) - (sign === '-' ? -offset : offset)
  const isInRange = Number(year) >= 1969 && at >= 0 && at <= LATEST_INSTANT
  return isInRange ? at : 'it lies outside of the years 1970 to 9999'
}

function daysIn(year: number, month: number): number {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  if (month === 2) return isLeap ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}
