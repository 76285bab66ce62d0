import type { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import { backendIdOf } from './backend-id.ts'

/** A message of PostgreSQL about what a statement did, such as those of RAISE NOTICE and RAISE WARNING. */
export type Notice = { readonly message: string; readonly isWarning: boolean }

/** Takes a line about a migration or a notice of PostgreSQL; on an empty database the level is debug. */
export type MigrationLog = (level: 'debug' | 'info' | 'warn', line: string) => void

export type Connection = {
  readonly query: <Row>(sql: string, values?: readonly unknown[]) => Promise<Row[]>
  /** Runs any number of statements; outside of a transaction they are one. */
  readonly exec: (script: string, onNotice: (notice: Notice) => void) => Promise<void>
}

/** A database as migrations need it, PostgreSQL or the embedded one. */
export type MigrationTarget = {
  /** Commits once `work` resolves; an error of it undoes all of it. */
  readonly transaction: <T>(work: (connection: Connection) => Promise<T>) => Promise<T>
  /**
   * One session without a transaction around its statements.
   * @throws PooledError where one session cannot be had
   */
  readonly session: <T>(work: (connection: Connection) => Promise<T>) => Promise<T>
}

/** Successive statements may reach different sessions, for a pooler of connections is in between. */
export class PooledError extends Error {}

/** Settings that migrations rely on, above those of the URL, the role and the database. */
const SETTINGS = Object.entries({
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  transaction_timeout: '0',
  client_min_messages: 'notice',
  standard_conforming_strings: 'on',
  check_function_bodies: 'on',
  timezone: 'UTC',
  datestyle: 'ISO, MDY',
  intervalstyle: 'postgres',
  extra_float_digits: '1',
})

/** Settings that the server does not know, as transaction_timeout before PostgreSQL 17, are left out. */
const settings = (isLocal: boolean): string =>
  SETTINGS.map(
    ([name, value]) =>
      `SELECT set_config('${name}', '${value}', ${isLocal}) WHERE current_setting('${name}', true) IS NOT NULL`,
  ).join(';')

/** The time limit goes first: what follows may take longer in a new session than the database allows. */
const BEGIN = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = 0; ${settings(true)}`
const SET_SESSION = `SET statement_timeout = 0; SET default_transaction_read_only = off; SET default_transaction_isolation = 'read committed'; ${settings(false)}`

/** Connects to PostgreSQL, hands the target to `work`, and disconnects in any case. */
export async function withPostgresTarget<T>(
  where: string | pg.ClientConfig,
  work: (target: MigrationTarget) => Promise<T>,
): Promise<T> {
  const config = typeof where === 'string' ? { connectionString: where } : where
  const client = new pg.Client({ ...config, application_name: 'fleetshare-migrate' })
  // The statement under way fails with it; unheard, the event would end the process.
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(postgresTarget(client))
  } finally {
    await client.end()
  }
}

function postgresTarget(client: pg.Client): MigrationTarget {
  const connection: Connection = {
    query: async <Row>(sql: string, values?: readonly unknown[]) =>
      (await client.query(sql, values && [...values])).rows as Row[],
    exec: async (script, onNotice) => {
      // Classes of errors begin with two digits; the severity itself is translated where the server speaks another language.
      const listener = ({
        message,
        code,
      }: {
        readonly message?: string | undefined
        readonly code?: string | undefined
      }) => onNotice({ message: message ?? '', isWarning: code?.startsWith('01') ?? false })
      client.on('notice', listener)
      try {
        await client.query(script)
      } finally {
        client.off('notice', listener)
      }
    },
  }
  return {
    transaction: async (work) => {
      try {
        await client.query(BEGIN)
        const result = await work(connection)
        await client.query('COMMIT')
        return result
      } catch (error) {
        // Where the connection is gone, so is the transaction.
        await client.query('ROLLBACK').catch(() => {})
        throw error
      }
    },
    session: async (work) => {
      const [backend] = await connection.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
      if (backend?.pid !== backendIdOf(client)) throw new PooledError()
      await client.query(SET_SESSION)
      return work(connection)
    },
  }
}

/** The embedded database has no one's settings but its own, and one session. */
export function embeddedTarget(client: PGlite): MigrationTarget {
  const on = (target: Pick<PGlite, 'query' | 'exec'>): Connection => ({
    query: async <Row>(sql: string, values: readonly unknown[] = []) =>
      (await target.query<Row>(sql, [...values])).rows,
    exec: async (script, onNotice) => {
      await target.exec(script, {
        onNotice: ({ message, code }) =>
          onNotice({ message: message ?? '', isWarning: code?.startsWith('01') ?? false }),
      })
    },
  })
  return {
    transaction: (work) => client.transaction((tx) => work(on(tx))),
    session: (work) => work(on(client)),
  }
}
