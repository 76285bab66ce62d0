import type { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import type { Instant } from '../../domain/period.ts'
import { isFatal, isLockTimeout, isUnavailable } from './unavailable.ts'

/** A statement that is prepared once per connection. All names are in the source, so that their number is bounded. */
export type Statement = {
  readonly name: string
  readonly text: string
  /** The locks that it may wait for: of one row, or of many. */
  readonly waits?: 'row' | 'rows'
}

/** Runs a statement and returns the driver's rows. Instants are selected through tables/record.ts. */
export type Query = <Row>(statement: Statement, values: readonly unknown[]) => Promise<Row[]>

/** An instant as PostgreSQL reads it. */
export const timestamp = (at: Instant): string => new Date(at).toISOString()

/** The statements of one transaction. */
export type Tx = { readonly query: Query }

/** Prepared statements through the driver, for hot paths on which Prisma's engine takes longer than the database. */
export type Sql = Tx & {
  /** Commits after `work` resolves; rolls back if it throws. Deadlocks and serialization failures are retried. */
  readonly transaction: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>
}

const queryOf = ({ name, text }: Statement, values: readonly unknown[], named: boolean) => ({
  text,
  values: [...values],
  ...(named ? { name } : {}),
})

/** @param named whether statements are prepared under their names, which some poolers do not support */
export function postgresSql(pool: pg.Pool, named: boolean): Sql {
  const on =
    (client: pg.PoolClient): Query =>
    async <Row>(statement: Statement, values: readonly unknown[]) =>
      (await client.query(queryOf(statement, values, named))).rows as Row[]
  return {
    query: <Row>(statement: Statement, values: readonly unknown[]) =>
      new Promise<Row[]>((resolve, reject) => {
        pool.connect((unconnected, client, release) => {
          if (unconnected || !client) return reject(unconnected ?? new Error('the pool gave no connection'))
          let hasFailed = false
          const answered = (error: Error | null | undefined, result: { readonly rows: unknown[] }) => {
            // The driver calls a second time, without an error, for a statement with a value that it could not send.
            if (hasFailed) return
            if (!error) {
              release()
              return resolve(result.rows as Row[])
            }
            hasFailed = true
            onceOver(client, error, () => {
              release(isLockTimeout(error) ? undefined : error)
              reject(error)
            })
          }
          const { name, text } = statement
          // Of a configuration the driver would copy each property with its descriptor, which takes 3 us.
          const query = new pg.Query(text, [...values], answered)
          client.query(named ? Object.assign(query, { name }) : query)
        })
      }),
    transaction: async (work) => {
      const client = await pool.connect()
      let isOpen = false
      let broken: Error | undefined
      try {
        await control(client, 'BEGIN')
        isOpen = true
        const result = await work({ query: on(client) })
        isOpen = false
        await control(client, 'COMMIT')
        return result
      } catch (error) {
        // A connection that fails to begin, to commit or to roll back is closed, and so is one to a server that refuses writes.
        if (isOpen) await client.query('ROLLBACK').catch((cause: Error) => (broken = cause))
        if (error instanceof Error && (!isOpen || (isUnavailable(error) && !isLockTimeout(error)))) broken ??= error
        throw error
      } finally {
        client.release(broken)
      }
    },
  }
}

/** Begins or ends a transaction. */
const control = (client: pg.PoolClient, text: 'BEGIN' | 'COMMIT'): Promise<void> =>
  new Promise((resolve, reject) => {
    client.query(text, (error: Error | null) => {
      if (error) onceOver(client, error, () => reject(error))
      else resolve()
    })
  })

/**
 * Calls once the transaction of a statement that failed is over: PostgreSQL releases its locks after it has told of an error.
 * Nothing is sent for that: behind a pooler it would wait until a connection to the server is free.
 */
function onceOver(client: pg.PoolClient, error: Error, then: () => void): void {
  // Of other errors PostgreSQL says nothing more, or nothing at all.
  if (!(error instanceof pg.DatabaseError) || isFatal(error)) return then()
  const over = () => {
    client.off('drain', over)
    client.off('end', over)
    then()
  }
  client.on('drain', over)
  client.on('end', over)
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
