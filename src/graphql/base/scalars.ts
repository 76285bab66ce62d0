import { Kind, print } from 'graphql'
import type { ValueNode } from 'graphql'
import { LATEST_INSTANT } from '../../domain/period.ts'
import type { Instant } from '../../domain/period.ts'
import { builder } from './builder.ts'
import { badUserInput } from './errors.ts'

const FORMAT = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|([+-])(\d\d):(\d\d))$/i

/**
 * ISO 8601 with an offset; digits beyond milliseconds are cut off.
 * @returns null for anything else, for days that are not in the calendar, and outside the years 1970 to 9999
 */
export function parseInstant(text: string): Instant | null {
  const match = FORMAT.exec(text)
  if (match === null) return null
  const [, day = '', time = '', fraction = '', , sign, hours = '0', minutes = '0'] = match
  if (Number(hours) > 23 || Number(minutes) > 59) return null
  const local = `${day}T${time}.${fraction.slice(0, 3).padEnd(3, '0')}Z`
  const parsed = new Date(local)
  // Date takes some impossible days (30 February) for later ones; such a text differs from that of its instant.
  if (Number.isNaN(parsed.getTime()) || parsed.toISOString() !== local) return null
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000
  const at = parsed.getTime() - (sign === '-' ? -offset : offset)
  return at >= 0 && at <= LATEST_INSTANT ? at : null
}

const MINUTE_MS = 60_000
const SECONDS = Array.from({ length: 60 }, (_, n) => `${String(n).padStart(2, '0')}.`)
const MILLISECONDS = Array.from({ length: 1_000 }, (_, n) => `${String(n).padStart(3, '0')}Z`)

/** A cache of the beginnings of instants, by the minute: the minutes of a day and a half have an entry each. */
const PLACES = 2_048
const minutes = new Float64Array(PLACES).fill(NaN)
const beginnings = Array.from({ length: PLACES }, () => '')
let last: Instant = NaN
let lastText = ''

/**
 * Date.toISOString() for the years 1970 to 9999. Most minutes are in the cache, and often, as with the readings of one report,
 * the whole instant repeats. The text has two pieces only, for each more has to be joined when it is written.
 */
export function isoOf(at: Instant): string {
  if (at === last) return lastText
  const minute = Math.floor(at / MINUTE_MS)
  const place = minute & (PLACES - 1)
  if (minutes[place] !== minute) {
    beginnings[place] = new Date(at).toISOString().slice(0, 17)
    minutes[place] = minute
  }
  const ms = at - minute * MINUTE_MS
  const seconds = Math.floor(ms / 1_000)
  const rest = `${SECONDS[seconds]}${MILLISECONDS[ms - seconds * 1_000]}`
  last = at
  lastText = `${beginnings[place]}${rest}`
  return lastText
}

/** @param node the value, if it is a literal in the document */
function parse(value: unknown, node?: ValueNode): Instant {
  const at = typeof value === 'string' ? parseInstant(value) : null
  if (at === null) {
    const given = node ? print(node) : JSON.stringify(value)
    throw badUserInput(
      `DateTime takes an instant with an offset, such as 2022-01-01T12:12:12.000Z, in the years 1970 to 9999; not ${given.slice(0, 60)}.`,
      node,
    )
  }
  return at
}

builder.scalarType('DateTime', {
  description:
    'An instant in UTC, ISO 8601 with milliseconds (2022-01-01T12:12:12.000Z). Any offset is accepted on input; output is always Z.',
  serialize: (at) => isoOf(at),
  parseValue: (value) => parse(value),
  parseLiteral: (node) => parse(node.kind === Kind.STRING ? node.value : null, node),
})
