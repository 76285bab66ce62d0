import { createPool } from '../connection/pool.ts'
import { readDatabaseUrl } from '../connection/database-url.ts'
import { endpointsOf } from '../connection/endpoints.ts'
import { STANDBY_STATEMENT_MS } from '../connection/session.ts'
import { DatabaseStartError } from '../connection/start-error.ts'
import { giveUpSilent } from '../database/dead-connections.ts'
import { createLimit } from '../database/limit.ts'
import { postgresSql } from '../database/statement.ts'
import type { Query } from '../database/statement.ts'
import type { Around } from '../database/statement-hook.ts'

/** Connections to a standby, of a pool of its own. No statement takes longer than two seconds. */
export type StandbyConnection = {
  /** @throws BusyError when too much waits already; what pg throws */
  readonly query: Query
  /** Finds, of several hosts, one that answers; connects to no other from then on. @throws what pg throws */
  readonly find: () => Promise<void>
  readonly close: () => Promise<void>
}

export type StandbySettings = {
  readonly url: string
  /** Where the tables are; null for wherever the role's search_path leads. */
  readonly schema: string | null
  /** The most connections. */
  readonly size: number
  /** Is put around every statement. */
  readonly around?: Around
}

const VARIABLE = 'DATABASE_REPLICA_URL'

/** A statement that waits for longer is one for the primary. Milliseconds. */
const WAIT = { waiting: 200, waitMs: 500, reason: 'too much waits for the standby' }
const POOL = { connectionTimeoutMillis: 1_000, idleTimeoutMillis: 60_000 }
/** The silence of a statement after which its connection is closed: the statement has ended by then, or the standby has. */
const SILENCE_MS = STANDBY_STATEMENT_MS + 500

/**
 * Connects to nothing yet: a standby that is away holds up no start.
 * @throws DatabaseStartError for a wrong URL
 */
export async function connectStandby({
  url: text,
  schema,
  size,
  around = (_name, run) => run(),
}: StandbySettings): Promise<StandbyConnection> {
  const url = readDatabaseUrl(text, 'standby')
  if (typeof url === 'string') throw new DatabaseStartError(`${VARIABLE} ${url}`)
  const endpoints = await endpointsOf(url, { variable: VARIABLE, isOwn: true, isStandby: true, schema })
  const { pool } = createPool(endpoints, { application_name: 'fleetshare-history', max: size, ...POOL })
  giveUpSilent(pool, SILENCE_MS)
  const { query } = postgresSql(pool, true)
  const limit = createLimit({ most: size, ...WAIT })
  return {
    query: (statement, values) => limit(() => around(statement.name, () => query(statement, values))),
    find: async () => {
      const client = await endpoints.connect('fleetshare-history')
      void client.end().catch(() => {})
    },
    close: () => pool.end(),
  }
}
