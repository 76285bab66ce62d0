import { Kind, print } from 'graphql'
import type { GraphQLError, ValueNode } from 'graphql'
import { parseInstant } from '../../domain/instant.ts'
import type { Instant } from '../../domain/period.ts'
import type { ReportedInstant } from '../../domain/state.ts'
import { builder, REPORTED } from './builder.ts'
import { badUserInput } from './errors.ts'

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

/**
 * @param node the value, if it is a literal in the document
 * @returns what is wrong with a text that is no instant
 * @throws BAD_USER_INPUT for another type of JSON or literal
 */
function readInput(value: unknown, node?: ValueNode): Instant | string {
  if (typeof value !== 'string') throw refused('it is not a text', value, node)
  return parseInstant(value)
}

function parseInput(value: unknown, node?: ValueNode): Instant {
  const at = readInput(value, node)
  if (typeof at === 'string') throw refused(at, value, node)
  return at
}

const parseReported = (value: unknown, node?: ValueNode): ReportedInstant => {
  const at = readInput(value, node)
  return typeof at === 'string' ? { fault: at } : at
}

function refused(fault: string, value: unknown, node?: ValueNode): GraphQLError {
  const given = node ? print(node) : JSON.stringify(value)
  return badUserInput(
    `DateTime takes an instant with an offset, such as 2022-01-01T12:12:12.000Z, in the years 1970 to 9999; not ${given.slice(0, 60)}: ${fault}.`,
    node,
  )
}

const textOf = (node: ValueNode): unknown => (node.kind === Kind.STRING ? node.value : null)

const DESCRIPTION =
  'An instant in UTC, ISO 8601 with milliseconds (2022-01-01T12:12:12.000Z). Any offset is accepted on input; output is always Z.'

builder.scalarType('DateTime', {
  description: DESCRIPTION,
  serialize: (at) => isoOf(at),
  parseValue: (value) => parseInput(value),
  parseLiteral: (node) => parseInput(textOf(node), node),
})

/**
 * The DateTime of a report: a text that is no instant has its report rejected, and not the batch. asDateTime() shows it to clients
 * as DateTime.
 */
builder.scalarType(REPORTED, {
  description: DESCRIPTION,
  serialize: () => {
    throw new Error('a report is not read back')
  },
  parseValue: (value) => parseReported(value),
  parseLiteral: (node) => parseReported(textOf(node), node),
})
