import pg from 'pg'

/** 2026-01-01 12:00:00.5+00, as PostgreSQL writes it in UTC, to 2026-01-01T12:00:00.500Z: cheaper than through a Date. */
const toIso = (text: string): string =>
  `${text.slice(0, 10)}T${text.slice(11, 19)}.${text.slice(20, -3).padEnd(3, '0')}Z`

const TIMESTAMPTZ = 1184

/** As many connections as FleetShare has, in UTC; instants come as ISO texts. */
export function openPool(): pg.Pool {
  pg.types.setTypeParser(TIMESTAMPTZ, toIso)
  return new pg.Pool({
    connectionString: process.env['DATABASE_URL'],
    max: 10,
    options: '-c statement_timeout=15s -c idle_in_transaction_session_timeout=10s -c timezone=UTC',
  })
}

/** A statement that each connection prepares once, under its name. */
export type Statement = { readonly name: string; readonly text: string }

type Queryable = Pick<pg.Pool | pg.PoolClient, 'query'>

export const rowsOf = async <Row extends pg.QueryResultRow>(
  on: Queryable,
  statement: Statement,
  values: unknown[],
): Promise<Row[]> => (await on.query<Row>({ ...statement, values })).rows

/** Runs it in a transaction, which is undone if it throws. */
export async function transaction<T>(pool: pg.Pool, run: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const result = await run(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}
