import type { Instant } from '../../domain/period.ts'

/**
 * Tables: the columns of each table, once, with how a row becomes a domain value and back. Statements are put together in
 * queries, decisions and log from what is defined here; no other file names a column in a list.
 *
 * This file reads rows of many columns at little cost. Reading costs by field, each of which the driver cuts out of the
 * message by itself, and by instants and fractions, which travel as text. So a statement selects all that is not free text
 * as one field: words first, then numbers, instants and flags as PostgreSQL's binary record in hexadecimal. That form does
 * not depend on how the session writes dates or numbers. What an outer join may not have found is a field of its own, NULL then.
 */
export type Kinds = {
  /** Ids and names of an enum: never empty, and without U+001F. */
  word: string
  /** TEXT[] of words. */
  words: readonly string[]
  /** DOUBLE PRECISION */
  float: number
  /** BIGINT; exact up to 2^53. */
  integer: number
  /** TIMESTAMPTZ(3), as milliseconds since 1970. */
  instant: Instant
  /** BOOLEAN */
  flag: boolean
  /** Free text, a field of its own. */
  text: string
  /** JSONB, a field of its own. */
  json: object
}
export type Kind = keyof Kinds

/** An SQL expression and its kind; null for a place that is not selected and reads as NULL. */
export type Expression = {
  readonly sql: string
  readonly kind: Kind
  /** A condition without which it is NULL, as of all columns of a row that an outer join has not found. */
  readonly given?: string
  /** Whether the condition is all that it takes. */
  readonly isRequired?: boolean
} | null

/** Expressions that are NULL without a condition. */
export const givenThat = (given: string, expressions: readonly Expression[]): readonly Expression[] =>
  expressions.map((one) => one && { ...one, given })

/** The values of a row's expressions, in their order; null for NULL. */
export type Values = readonly (Kinds[Kind] | null)[]

export type Row = Readonly<Record<string, unknown>>

export type Selection = {
  /** The select list. */
  readonly sql: string
  /** @throws for a row that was not selected by this list */
  readonly read: (row: Row) => Values
}

/** Selects the columns of several tables, and expressions beside them; `at` says at which place each part begins. */
export function selectParts<Parts extends Readonly<Record<string, readonly Expression[]>>>(
  parts: Parts,
): Selection & { readonly at: { readonly [Name in keyof Parts]: number } } {
  let next = 0
  const begins = Object.entries(parts).map(([name, { length }]) => {
    const begin = next
    next += length
    return [name, begin]
  })
  return { ...select(Object.values(parts).flat()), at: Object.fromEntries(begins) as Record<keyof Parts, number> }
}

const SEPARATOR = '\u001f'

/** A record has a header, and ahead of each value its type and its length. Bytes. */
const HEADER = 4
const PREFIX = 8
const BYTES_PER_VALUE = PREFIX + 8

type Place = { readonly place: number; readonly kind: Kind }

/** Expressions that are selected as one field: those that are always there, or have a condition in common. */
type Group = {
  readonly name: string
  readonly sql: string
  readonly words: readonly Place[]
  readonly binary: readonly Place[]
}

const isWord = ({ kind }: Place) => kind === 'word' || kind === 'words'
const isPlain = ({ kind }: Place) => kind === 'text' || kind === 'json'

const textOf = ({ sql, given, isRequired }: NonNullable<Expression>): string =>
  given !== undefined && isRequired ? `(${sql})::text` : `COALESCE((${sql})::text, '')`

/** Selects expressions. Their number bounds the length of a record. */
export function select(expressions: readonly Expression[]): Selection {
  const all = expressions.flatMap((one, place) => (one ? [{ ...one, place }] : []))
  const plain = all.filter(isPlain).map((one) => ({ ...one, name: `f${one.place}` }))
  const packed = Map.groupBy(
    all.filter((one) => !isPlain(one)),
    ({ given }) => given,
  )
  const groups = [...packed].map(([given, members], index): Group => {
    const [words, binary] = [members.filter(isWord), members.filter((one) => !isWord(one))]
    const record =
      binary.length === 0 ? `''` : `encode(record_send(ROW(${binary.map(({ sql }) => sql).join(', ')})), 'hex')`
    // Half of what concat() takes, and of that most where the condition does not hold.
    const sql = [...words.map(textOf), record].join(` || E'\\x1f' || `)
    return {
      name: `packed${index}`,
      sql: given === undefined ? sql : `CASE WHEN ${given} THEN ${sql} END`,
      words,
      binary,
    }
  })
  const bytes = Buffer.alloc(HEADER + all.length * BYTES_PER_VALUE)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

  const empty: (Kinds[Kind] | null)[] = expressions.map(() => null)

  /** The buffer is filled and used up within one call. */
  const read = (row: Row): Values => {
    const values = empty.slice()
    for (const { name, words, binary } of groups) {
      const text = row[name] as string | null
      if (text === null) continue
      let from = 0
      for (const { place, kind } of words) {
        const to = text.indexOf(SEPARATOR, from)
        if (to > from) {
          const word = text.slice(from, to)
          values[place] = kind === 'words' ? wordsOf(word) : word
        }
        from = to + 1
      }
      if (binary.length === 0) continue
      bytes.write(text.slice(from), 'hex')
      let at = HEADER
      for (const { place, kind } of binary) {
        const length = view.getInt32(at + 4)
        at += PREFIX
        if (length === -1) continue
        values[place] = valueAt(view, at, kind)
        at += length
      }
    }
    for (const { place, name } of plain) values[place] = (row[name] ?? null) as Kinds[Kind] | null
    return values
  }
  return { sql: [...groups, ...plain].map(({ sql, name }) => `${sql} AS ${name}`).join(', '), read }
}

/** The instant from which PostgreSQL counts microseconds. */
const EPOCH = Date.UTC(2000, 0, 1)

/** The furthest instant from 1970 that JavaScript's dates reach. Milliseconds. */
const LAST = 8.64e15

/** @throws for PostgreSQL's infinity, and for a text that is no instant: compared with NaN everything would be false */
export function instantOf(at: number): Instant {
  if (!(Math.abs(at) <= LAST)) throw new Error('PostgreSQL sent an instant that no calendar has')
  return at
}

function valueAt(view: DataView, at: number, kind: Kind): number | boolean {
  if (kind === 'float') return view.getFloat64(at)
  if (kind === 'flag') return view.getUint8(at) === 1
  const number = view.getInt32(at) * 2 ** 32 + view.getUint32(at + 4)
  // Far from that year the microseconds are more than a number holds exactly, but not the milliseconds.
  return kind === 'instant' ? instantOf(EPOCH + Math.round(number / 1_000)) : number
}

/** A cache: vehicles support the same few sets of commands, and each is parsed once. Emptied when it is full. */
const known = new Map<string, readonly string[]>()
const MOST_KNOWN = 1_000

/** An array of words as PostgreSQL writes it: {A,B}. The same text gives the same array. */
export function wordsOf(text: string): readonly string[] {
  const found = known.get(text)
  if (found) return found
  const words = text === '{}' ? [] : text.slice(1, -1).split(',')
  if (known.size >= MOST_KNOWN) known.clear()
  known.set(text, words)
  return words
}
