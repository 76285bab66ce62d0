import type { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import type { Instant } from '../domain/period.ts'

/** A statement that is prepared once for each connection; there are as many as the source names, and no more. */
export type Statement = { readonly name: string; readonly text: string }

/** Runs a statement. Instants come as numbers, arrays of texts as PostgreSQL writes them. */
export type Query = <Row>(statement: Statement, values: readonly unknown[]) => Promise<Row[]>

const TIMESTAMPTZ = 1184
const TEXT_ARRAY = 1009

/**
 * Past Prisma, straight through the driver: for what is read so often that the way through takes longer than the reading.
 * @param named whether statements may be prepared under their names, which a pooler in between may not bear
 */
export function postgresQuery(pool: pg.Pool, named: boolean): Query {
  const types = {
    getTypeParser: (oid: number, format?: 'text' | 'binary') =>
      PARSERS[oid] ?? (pg.types.getTypeParser(oid, format) as (text: string) => unknown),
  }
  return async <Row>({ name, text }: Statement, values: readonly unknown[]) => {
    const query = { text, values: [...values], types, ...(named ? { name } : {}) }
    return (await pool.query(query)).rows as Row[]
  }
}

export const embeddedQuery =
  (client: PGlite): Query =>
  async <Row>({ text }: Statement, values: readonly unknown[]) =>
    (await client.query<Row>(text, [...values], { parsers: PARSERS })).rows

const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  [TIMESTAMPTZ]: parseTimestamp,
  [TEXT_ARRAY]: (text) => text,
}

let day = ''
let dayStart: Instant = 0

/** Of what PostgreSQL writes in UTC, 2026-11-22 15:17:57.123+00, the day is mostly the same as that of the one before. */
export function parseTimestamp(text: string): Instant {
  // Another zone, or a year beyond 9999: rare enough for the long way.
  if (text.charCodeAt(10) !== 0x20 || !text.endsWith('+00')) return Date.parse(text.replace(' ', 'T').concat(':00'))
  if (!text.startsWith(day) || day === '') {
    day = text.slice(0, 10)
    dayStart = Date.parse(day)
  }
  const two = (at: number) => text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - 528
  let ms = 0
  let scale = 100
  for (let at = 20; at < text.length - 3; at++, scale /= 10) ms += (text.charCodeAt(at) - 48) * scale
  return dayStart + two(11) * 3_600_000 + two(14) * 60_000 + two(17) * 1_000 + ms
}
