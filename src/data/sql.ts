import type { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import type { Instant } from '../domain/period.ts'
import { isUnavailable } from './unavailable.ts'

/** A statement that is prepared once for each connection; there are as many as the source names, and no more. */
export type Statement = { readonly name: string; readonly text: string }

/** Runs a statement. Instants come as numbers, arrays of texts as PostgreSQL writes them. */
export type Query = <Row>(statement: Statement, values: readonly unknown[]) => Promise<Row[]>

/** As PostgreSQL reads an instant. */
export const timestamp = (at: Instant): string => new Date(at).toISOString()

const TIMESTAMPTZ = 1184
const TEXT_ARRAY = 1009

/** Statements that happen together, or not at all. */
export type Tx = { readonly query: Query }

/** Straight through the driver: for what is read and decided so often that Prisma's way takes longer than the database. */
export type Sql = Tx & {
  /** Commits once `work` resolves; whatever it throws undoes all of it. What the database undoes may be tried again. */
  readonly transaction: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>
}

/** @param named whether statements may be prepared under their names, which a pooler in between may not bear */
export function postgresSql(pool: pg.Pool, named: boolean): Sql {
  const types = {
    getTypeParser: (oid: number, format?: 'text' | 'binary') =>
      PARSERS[oid] ?? (pg.types.getTypeParser(oid, format) as (text: string) => unknown),
  }
  const on =
    (client: pg.Pool | pg.PoolClient): Query =>
    async <Row>({ name, text }: Statement, values: readonly unknown[]) =>
      (await client.query({ text, values: [...values], types, ...(named ? { name } : {}) })).rows as Row[]
  return {
    query: on(pool),
    transaction: async (work) => {
      const client = await pool.connect()
      let broken: Error | undefined
      try {
        await client.query('BEGIN')
        const result = await work({ query: on(client) })
        await client.query('COMMIT')
        return result
      } catch (error) {
        // A connection that cannot even roll back is not used again, nor one to a server that is no use any more.
        await client.query('ROLLBACK').catch((cause: Error) => (broken = cause))
        if (error instanceof Error && isUnavailable(error)) broken ??= error
        throw error
      } finally {
        client.release(broken)
      }
    },
  }
}

export function embeddedSql(client: PGlite): Sql {
  const on =
    (target: Pick<PGlite, 'query'>): Query =>
    async <Row>({ text }: Statement, values: readonly unknown[]) =>
      (await target.query<Row>(text, [...values], { parsers: PARSERS })).rows
  return {
    query: on(client),
    transaction: (work) => client.transaction((tx) => work({ query: on(tx) })),
  }
}

const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  [TIMESTAMPTZ]: parseTimestamp,
  [TEXT_ARRAY]: (text) => text,
}

let day = ''
let dayStart: Instant = 0
let last = ''
let lastAt: Instant = 0

/**
 * Of what PostgreSQL writes in UTC, 2026-11-22 15:17:57.123+00, the day is mostly the same as that of the one before, and
 * often, as with the readings of one report, all of it.
 */
export function parseTimestamp(text: string): Instant {
  if (text !== last) [lastAt, last] = [instantOf(text), text]
  return lastAt
}

function instantOf(text: string): Instant {
  const at = millisecondsOf(text)
  if (!Number.isFinite(at)) throw new Error('PostgreSQL wrote an instant in a form that is not known here')
  return at
}

/** An instant that Prisma has read. @throws for one that it could not read: compared with it, everything would be false */
export function toInstant(date: Date): Instant {
  const at = date.getTime()
  if (!Number.isFinite(at)) throw new Error('PostgreSQL wrote an instant in a form that Prisma does not know')
  return at
}

/** An instant as JSON has it. */
export function jsonInstant(text: string): Instant {
  const at = Date.parse(text)
  if (!Number.isFinite(at)) throw new Error('PostgreSQL wrote an instant in JSON in a form that is not known here')
  return at
}

/** NaN for what is no instant, such as infinity. */
function millisecondsOf(text: string): number {
  // Another zone, or a year beyond 9999: rare enough for the long way.
  if (text.charCodeAt(10) !== 0x20 || !text.endsWith('+00'))
    return Date.parse(text.replace(' ', 'T').replace(/[+-]\d\d$/, '$&:00'))
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
