import type { PGlite } from '@electric-sql/pglite'
import type pg from 'pg'
import type { Instant } from '../../domain/period.ts'

/** A statement that is prepared once for each connection; there are as many as the source names, and no more. */
export type Statement = { readonly name: string; readonly text: string }

/** Runs a statement. Rows come as the driver reads them; instants are selected through tables/record.ts. */
export type Query = <Row>(statement: Statement, values: readonly unknown[]) => Promise<Row[]>

/** As PostgreSQL reads an instant. */
export const timestamp = (at: Instant): string => new Date(at).toISOString()

/** Statements that happen together, or not at all. */
export type Tx = { readonly query: Query }

/** Straight through the driver: for what is read and decided so often that Prisma's way takes longer than the database. */
export type Sql = Tx & {
  /** Commits once `work` resolves; whatever it throws undoes all of it. What the database undoes may be tried again. */
  readonly transaction: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>
}

/** @param named whether statements may be prepared under their names, which a pooler in between may not bear */
export function postgresSql(pool: pg.Pool, named: boolean): Sql {
  const on =
    (client: pg.Pool | pg.PoolClient): Query =>
    async <Row>({ name, text }: Statement, values: readonly unknown[]) =>
      (await client.query({ text, values: [...values], ...(named ? { name } : {}) })).rows as Row[]
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
        // A connection that cannot even roll back is not used again.
        await client.query('ROLLBACK').catch((cause: Error) => (broken = cause))
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
      (await target.query<Row>(text, [...values])).rows
  return {
    query: on(client),
    transaction: (work) => client.transaction((tx) => work({ query: on(tx) })),
  }
}
