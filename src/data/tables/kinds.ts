import type { Instant } from '../../domain/period.ts'

/**
 * Tables: the columns of each table, once, with how a row becomes a domain value and back. Statements are put together in
 * queries, decisions and log from what is defined here; no other file names a column in a list.
 *
 * Rows of many columns are read at little cost. Reading costs by field, each of which the driver cuts out of the message by
 * itself, and by instants and fractions, which travel as text. So a statement selects everything but JSON as one field: words
 * first; then numbers, instants and flags, and the lengths of free texts, as PostgreSQL's binary record in base64; then the
 * texts. The record does not depend on how the session writes dates or numbers. What an outer join may not have found is a field
 * of its own, NULL then.
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
  /** Free text. */
  text: string
  /** JSONB, a field of its own. */
  json: object
}
export type Kind = keyof Kinds

/** The value of a column or an expression; null for NULL. */
export type Value = Kinds[Kind] | null

/** Makes a value of those of some columns, in their order. */
export type Decode<T> = (...values: Value[]) => T

/** A row as the driver gives it. */
export type Row = Readonly<Record<string, unknown>>

/** The value of one column as it is. */
export const asIs = (value: Value): Value => value
