import type { Instant } from '../domain/period.ts'

/**
 * Many columns as one. What rows cost to read goes by their fields, each of which the driver cuts out of the message on its
 * own, and by instants and fractions, which PostgreSQL writes and this server reads as text. So a statement gives all that
 * is not free text in one field: words first, then numbers, instants and truth values as PostgreSQL's binary form of a
 * record, in hexadecimal. That form depends neither on the session's time zone nor on how it writes dates.
 */
type Values = { float: number; integer: number; instant: Instant; flag: boolean; word: string }
type Kind = keyof Values

/** An expression of SQL and what it gives; NULL is always possible. A word is never empty and has no U+001F. */
export type Column<K extends Kind = Kind> = { readonly kind: K; readonly sql: string }
export type Columns = Readonly<Record<string, Column>>

const columnOf =
  <K extends Kind>(kind: K) =>
  (sql: string): Column<K> => ({ kind, sql })

/** DOUBLE PRECISION */
export const float = columnOf('float')
/** BIGINT; exact up to 2^53. */
export const integer = columnOf('integer')
/** TIMESTAMPTZ(3) */
export const instant = columnOf('instant')
/** BOOLEAN */
export const flag = columnOf('flag')
/** Ids, names of an enum and arrays of those. */
export const word = columnOf('word')

declare const KIND: unique symbol
/** Where in what is packed a column lies. */
export type Place<K extends Kind> = number & { readonly [KIND]: K }
export type Places<C extends Columns> = {
  readonly [Name in keyof C]: C[Name] extends Column<infer K> ? Place<K> : never
}

export type Packing<C extends Columns> = {
  /** All of the columns, as one that is named `packed`. */
  readonly sql: string
  readonly at: Places<C>
  /** Makes the columns of a row those that are read from now on. */
  readonly open: (row: Packed) => void
}

export type Packed = { readonly packed: string }

const SEPARATOR = '\u001f'

export function packing<C extends Columns>(columns: C): Packing<C> {
  const entries = Object.entries(columns)
  const inWords = entries.filter(([, { kind }]) => kind === 'word')
  const inRecord = entries.filter(([, { kind }]) => kind !== 'word')
  const listed = (some: typeof entries) => some.map(([, { sql }]) => sql)
  const record = `encode(record_send(ROW(${listed(inRecord).join(', ')})), 'hex')`
  const places = [inWords, inRecord].flatMap((some) => some.map(([name], place) => [name, place]))
  return {
    sql: `concat(${[...listed(inWords), record].join(`, E'\\x1f', `)}) AS packed`,
    at: Object.fromEntries(places) as Places<C>,
    open: ({ packed }) => open(packed, inWords.length, inRecord.length),
  }
}

/** The row that is open: a record has a header, and ahead of each value its type and its length. */
const BYTES = Buffer.alloc(4_096)
const RECORD = new DataView(BYTES.buffer, BYTES.byteOffset, BYTES.length)
const HEADER = 4
const PREFIX = 8
const starts = new Int32Array(BYTES.length / PREFIX)
const found: string[] = []

function open(packed: string, words: number, values: number): void {
  let from = 0
  for (let place = 0; place < words; place++) {
    const to = packed.indexOf(SEPARATOR, from)
    found[place] = packed.slice(from, to)
    from = to + 1
  }
  BYTES.write(packed.slice(from), 'hex')
  let at = HEADER
  for (let place = 0; place < values; place++) {
    const length = RECORD.getInt32(at + 4)
    at += PREFIX
    starts[place] = length === -1 ? -1 : at
    if (length !== -1) at += length
  }
}

/** Where the value begins; -1 of NULL. */
const startOf = (place: number): number => starts[place] ?? -1

export function wordAt(place: Place<'word'>): string | null {
  const text = found[place]
  return text === undefined || text === '' ? null : text
}

export function floatAt(place: Place<'float'>): number | null {
  const start = startOf(place)
  return start === -1 ? null : RECORD.getFloat64(start)
}

export function integerAt(place: Place<'integer'>): number | null {
  const start = startOf(place)
  return start === -1 ? null : bigAt(start)
}

export function flagAt(place: Place<'flag'>): boolean | null {
  const start = startOf(place)
  return start === -1 ? null : RECORD.getUint8(start) === 1
}

/** JavaScript's dates reach so far to either side of 1970. Milliseconds. */
const LAST = 8.64e15

/** PostgreSQL counts microseconds from there. */
const EPOCH = Date.UTC(2000, 0, 1)

export function instantAt(place: Place<'instant'>): Instant | null {
  const start = startOf(place)
  if (start === -1) return null
  // Far from that year the microseconds are more than a number holds exactly, but not the milliseconds.
  const at = EPOCH + Math.round(bigAt(start) / 1_000)
  // PostgreSQL's infinity, or a record that is laid out otherwise.
  if (!(Math.abs(at) <= LAST)) throw new Error('PostgreSQL sent an instant that no calendar has')
  return at
}

const bigAt = (start: number): number => RECORD.getInt32(start) * 2 ** 32 + RECORD.getUint32(start + 4)

/** Of a column that is never NULL. */
export function present<T>(value: T | null): T {
  if (value === null) throw new Error('a column that is never NULL is NULL')
  return value
}
