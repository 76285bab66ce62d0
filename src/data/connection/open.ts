import { join } from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import type pg from 'pg'
import { PrismaClient } from '../../generated/prisma/client.ts'
import { watchAdapter } from '../database/statement-hook.ts'
import type { Around } from '../database/statement-hook.ts'
import { migrate } from '../migrations/migrate.ts'
import type { MigrationLog } from '../migrations/target.ts'
import { openEmbedded } from './embedded.ts'
import { retried } from '../database/retry.ts'
import { createLimit } from '../database/limit.ts'
import type { Limit } from '../database/limit.ts'
import { giveUpSilent } from '../database/dead-connections.ts'
import { postgresSql } from '../database/statement.ts'
import type { Query, Sql, Statement, Tx } from '../database/statement.ts'
import { openEndpoints } from './open-endpoints.ts'
import { createPool } from './pool.ts'
import { ping } from './session.ts'
import { makeFolder } from '../../folder.ts'
import { DatabaseStartError } from './start-error.ts'
import { sqlFailureOf, UnavailableError } from '../database/unavailable.ts'
import { startWakeups } from './notifications.ts'

/** A database that is open, its migrations applied. */
export type Connection = {
  readonly prisma: PrismaClient
  /** Prepared statements, past Prisma. */
  readonly query: Query
  readonly transaction: Sql['transaction']
  /** Hints between instances that the log has grown. */
  readonly notifications: Notifications
  /** The connections to PostgreSQL; null for the embedded database, which has none. */
  readonly pool: Pick<pg.Pool, 'totalCount' | 'idleCount' | 'waitingCount'> | null
  /** The database's clock, in milliseconds; null where that is this process's own. */
  readonly readClock: (() => Promise<number>) | null
  /** Where the tables are; null for the embedded database. */
  readonly schema: string | null
  /** An error of a start that comes later, as one line that names the setting and the remedy. */
  readonly explain: (error: unknown) => unknown
  /** One cheap round trip. @throws when the database cannot be reached, or not be written to */
  readonly ping: () => Promise<void>
  readonly close: () => Promise<void>
}

export type Notifications = {
  /** Tells the other instances. Never throws, and never waits. */
  readonly notify: () => void
  /** Sets the function that is called once another instance has told; one at a time. */
  readonly onNotification: (wake: () => void) => void
}

export type DatabaseSettings = {
  /** PostgreSQL 15 or later; null for the embedded one. */
  readonly databaseUrl: string | null
  /**
   * The same database without the pooler in between, which LISTEN and migrations cannot go through. With a pooler no session is
   * configured: timeouts of statements have to be set for the role.
   */
  readonly databaseDirectUrl?: string | null
  /** Connections to PostgreSQL, beside the one that listens; 10 if absent. */
  readonly poolSize?: number
  readonly dataDir: string
  /** Is put around every SQL statement. */
  readonly around?: Around
  /** Takes the log lines about migrations. */
  readonly onMigration?: MigrationLog
  /** Called with every SQL statement, for tests. */
  readonly onStatement?: (sql: string) => void
}

/** The time that a request waits for a connection of the pool, and the time that an unused connection stays. */
const POOL = { connectionTimeoutMillis: 10_000, idleTimeoutMillis: 60_000 }

const POOL_SIZE = 10

/** The share of the pool's connections that is kept for statements which wait for no lock. */
const KEPT = 0.3

/** The limits of what may wait for row locks, and of what may wait for those of many rows. @param size null for no pool */
function lockLimits(size: number | null): { readonly ofRow: Limit; readonly ofRows: Limit; readonly end: () => void } {
  const unlimited: Limit = (work) => work()
  if (size === null) return { ofRow: unlimited, ofRows: unlimited, end: () => {} }
  const most = size - Math.max(1, Math.floor(size * KEPT))
  const rules = { waiting: 1_000, waitMs: POOL.connectionTimeoutMillis, reason: 'too much waits for locks of rows' }
  const ofRow = createLimit({ ...rules, most })
  const ofRows = createLimit({ ...rules, most: Math.ceil(most / 2) })
  const end = () => {
    ofRow.end()
    ofRows.end()
  }
  return { ofRow, ofRows, end }
}

/** The silence after which a connection in use is closed: longer than a statement may take. Milliseconds. */
const SILENCE_MS = 20_000

/** PostgreSQL's code for a write to a full disk, and the time for which this instance then writes nothing. Milliseconds. */
const DISK_FULL = '53100'
const FULL_MS = 10_000

/** Interactive transactions: the wait for a connection, and the longest duration. Milliseconds. */
const TRANSACTIONS = { maxWait: 10_000, timeout: 15_000 }

/** Connects, and applies the migrations. */
export async function openDatabase(settings: DatabaseSettings): Promise<Connection> {
  return settings.databaseUrl === null ? openEmbeddedDatabase(settings) : openPostgres(settings.databaseUrl, settings)
}

async function openPostgres(url: string, settings: DatabaseSettings): Promise<Connection> {
  const { direct, pooled, schema, explain } = await openEndpoints(
    url,
    settings.databaseDirectUrl ?? null,
    migrationOptions(settings),
  )
  const { pool, retire } = createPool(pooled, {
    application_name: 'fleetshare',
    max: settings.poolSize ?? POOL_SIZE,
    ...POOL,
  })
  giveUpSilent(pool, SILENCE_MS)
  let wake = () => {}
  const wakeups = startWakeups(direct, { onWake: () => wake(), onReadOnly: retire })
  const notifications = { notify: wakeups.announce, onNotification: (then: () => void) => void (wake = then) }
  // At once: Prisma waits for transactions that wait for a connection, and the pool refuses those.
  const release = async (disconnect: () => Promise<void>) => {
    await Promise.all([disconnect(), wakeups.close(), pool.end()])
  }
  try {
    const sql = postgresSql(pool, pooled === direct)
    return assemble(new PrismaPg(pool, { schema }), sql, settings, { pool, schema, notifications, explain, release })
  } catch (error) {
    await release(async () => {})
    throw explain(error)
  }
}

const migrationOptions = ({ onMigration }: DatabaseSettings) => (onMigration ? { log: onMigration } : {})

async function openEmbeddedDatabase(settings: DatabaseSettings): Promise<Connection> {
  await makeFolder(settings.dataDir).catch(({ message }: NodeJS.ErrnoException) => {
    throw new DatabaseStartError(`DATA_DIR has to be a folder that this process may write to (${message})`)
  })
  const embedded = await openEmbedded(join(settings.dataDir, 'postgres'))
  try {
    await migrate(embedded.migrations, migrationOptions(settings))
    const notifications = { notify: () => {}, onNotification: () => {} }
    const explain = (error: unknown) => error
    const release = async (disconnect: () => Promise<void>) => {
      await disconnect()
      await embedded.close()
    }
    const parts = { pool: null, schema: null, notifications, explain, release }
    return assemble(embedded.adapter, embedded.sql, settings, parts)
  } catch (error) {
    await embedded.close()
    throw error
  }
}

type Parts = Pick<Connection, 'pool' | 'schema' | 'notifications' | 'explain'> & {
  /** Ends all connections. @param disconnect ends those that Prisma has taken */
  readonly release: (disconnect: () => Promise<void>) => Promise<void>
}

function assemble(
  adapter: NonNullable<ConstructorParameters<typeof PrismaClient>[0]['adapter']>,
  sql: Sql,
  { onStatement, around, poolSize }: DatabaseSettings,
  { pool, schema, notifications, explain, release }: Parts,
): Connection {
  const prisma = new PrismaClient({
    adapter: around ? watchAdapter(adapter, around) : adapter,
    transactionOptions: TRANSACTIONS,
    log: onStatement ? [{ level: 'query', emit: 'event' }] : [],
  })
  if (onStatement) (prisma as PrismaClient<'query'>).$on('query', ({ query }) => onStatement(query))
  const { ofRow, ofRows, end } = lockLimits(pool ? (poolSize ?? POOL_SIZE) : null)
  let fullAt = -Infinity
  const watched =
    ({ query }: Tx): Query =>
    async (statement, values) => {
      onStatement?.(statement.text)
      try {
        return await (around ? around(statement.name, () => query(statement, values)) : query(statement, values))
      } catch (error) {
        if (sqlFailureOf(error)?.code === DISK_FULL) fullAt = performance.now()
        throw error
      }
    }
  const query = watched(sql)
  return {
    prisma,
    query: <Row>(statement: Statement, values: readonly unknown[]) => {
      const run = () => query<Row>(statement, values)
      if (statement.waits === 'rows') return ofRows(() => ofRow(run))
      return statement.waits === 'row' ? ofRow(run) : run()
    },
    transaction: (work) => retried(() => ofRow(() => sql.transaction((tx) => work({ query: watched(tx) })))),
    notifications,
    pool,
    schema,
    readClock: pool === null ? null : () => readClock(sql.query),
    explain,
    ping: async () => {
      if (performance.now() - fullAt < FULL_MS) throw new UnavailableError('the disk of the database is full')
      await ping(sql.query)
    },
    close: async () => {
      end()
      await release(() => prisma.$disconnect())
    },
  }
}

const CLOCK: Statement = { name: 'clock', text: 'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now' }

const readClock = async (query: Query): Promise<number> => (await query<{ now: number }>(CLOCK, []))[0]?.now ?? NaN
