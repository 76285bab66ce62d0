import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PrismaClient } from '../../generated/prisma/client.ts'
import { watchAdapter } from './statement-hook.ts'
import type { Around } from './statement-hook.ts'
import { migrate, migratePostgres } from '../migrations/migrate.ts'
import type { MigrationLog } from '../migrations/migrate.ts'
import { openEmbedded } from './embedded.ts'
import { retried } from './retry.ts'
import { giveUpSilent } from './dead-connections.ts'
import { postgresSql } from './statement.ts'
import type { Query, Sql, Tx } from './statement.ts'
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
  readonly close: () => Promise<void>
}

export type Notifications = {
  /** Tells the other instances. Never throws, and never waits. */
  readonly notify: () => void
  /** What to do once another instance has told; one at a time. */
  readonly onNotification: (wake: () => void) => void
}

export type DatabaseSettings = {
  /** PostgreSQL 15 or later; null for the embedded one. */
  readonly databaseUrl: string | null
  /**
   * The same without the pooler in between, which LISTEN and migrations cannot go through. Where there is one, nothing is
   * asked of a session: what ends long statements has to be set for the role.
   */
  readonly databaseDirectUrl?: string | null
  /** Connections to PostgreSQL, beside the one that listens; 10 if absent. */
  readonly poolSize?: number
  readonly dataDir: string
  /** Is put around every SQL statement. */
  readonly around?: Around
  /** Takes what there is to say about migrations. */
  readonly onMigration?: MigrationLog
  /** For tests: is told of every SQL statement. */
  readonly onStatement?: (sql: string) => void
}

/** How long a request waits for one of the pool's connections, and one of them for a request. */
const POOL = { connectionTimeoutMillis: 10_000, idleTimeoutMillis: 60_000 }

/** A connection that has gone silent is given up: longer than a statement may take, for that ends it on the other side. */
const SILENCE_MS = 20_000
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 }

/**
 * A transaction holds row locks, so nothing in one may take long: a client that dies or stalls loses them soon. Statements
 * are few and made for one plan each, so that none is planned again for its values, nor reads all of a table because it
 * was small when it was planned. Up to PostgreSQL 17 that makes sequences look so dear that each statement would be compiled.
 */
export const SESSION =
  '-c plan_cache_mode=force_generic_plan -c statement_timeout=15s -c idle_in_transaction_session_timeout=10s -c enable_seqscan=off -c jit=off -c timezone=UTC'

/** For interactive transactions: how long to wait for a connection, and how long one may last. Milliseconds. */
const TRANSACTIONS = { maxWait: 10_000, timeout: 15_000 }

/** Connects, and applies the migrations. */
export async function openDatabase(settings: DatabaseSettings): Promise<Connection> {
  return settings.databaseUrl === null ? openEmbeddedDatabase(settings) : openPostgres(settings.databaseUrl, settings)
}

async function openPostgres(url: string, settings: DatabaseSettings): Promise<Connection> {
  const isPooled = settings.databaseDirectUrl != null
  const direct = settings.databaseDirectUrl ?? url
  await migratePostgres(direct, migrationOptions(settings))
  let wake = () => {}
  const wakeups = startWakeups(direct, () => wake())
  const notifications = { notify: wakeups.announce, onNotification: (then: () => void) => void (wake = then) }
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'fleetshare',
    ...(isPooled ? {} : { options: SESSION }),
    max: settings.poolSize ?? 10,
    ...POOL,
    ...KEEP_ALIVE,
  })
  // A connection that breaks while idle is replaced by the pool; unheard, the event would end the process.
  pool.on('error', () => {})
  // Nor does the pool listen on one that it is just handing over.
  pool.on('connect', (client) => client.on('error', () => {}))
  giveUpSilent(pool, SILENCE_MS)
  const release = async () => {
    await wakeups.close()
    await pool.end()
  }
  try {
    if (isPooled) await checkTimeZone(pool)
    const sql = postgresSql(pool, !isPooled)
    return assemble(new PrismaPg(pool), sql, settings, { pool, notifications, release })
  } catch (error) {
    await release()
    throw error
  }
}

const migrationOptions = ({ onMigration }: DatabaseSettings) => (onMigration ? { log: onMigration } : {})

/** What a session is not told has to be so for its role: in any other zone instants would be read wrongly. */
async function checkTimeZone(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ TimeZone: string }>('SHOW timezone')
  const [zone] = rows
  if (!/^(Etc\/)?UTC$/.test(zone?.TimeZone ?? '')) {
    throw new Error(
      `behind a pooler the role's time zone has to be UTC, not ${zone?.TimeZone}: ALTER ROLE ... SET timezone = 'UTC'`,
    )
  }
}

async function openEmbeddedDatabase(settings: DatabaseSettings): Promise<Connection> {
  await mkdir(settings.dataDir, { recursive: true })
  const embedded = await openEmbedded(join(settings.dataDir, 'postgres'))
  try {
    await migrate(embedded.migrations, migrationOptions(settings))
    const notifications = { notify: () => {}, onNotification: () => {} }
    return assemble(embedded.adapter, embedded.sql, settings, { pool: null, notifications, release: embedded.close })
  } catch (error) {
    await embedded.close()
    throw error
  }
}

type Parts = Pick<Connection, 'pool' | 'notifications'> & { readonly release: () => Promise<void> }

function assemble(
  adapter: NonNullable<ConstructorParameters<typeof PrismaClient>[0]['adapter']>,
  sql: Sql,
  { onStatement, around }: DatabaseSettings,
  { pool, notifications, release }: Parts,
): Connection {
  const prisma = new PrismaClient({
    adapter: around ? watchAdapter(adapter, around) : adapter,
    transactionOptions: TRANSACTIONS,
    log: onStatement ? [{ level: 'query', emit: 'event' }] : [],
  })
  if (onStatement) (prisma as PrismaClient<'query'>).$on('query', ({ query }) => onStatement(query))
  const watched =
    ({ query }: Tx): Query =>
    async (statement, values) => {
      onStatement?.(statement.text)
      return around ? around(statement.name, () => query(statement, values)) : query(statement, values)
    }
  return {
    prisma,
    query: watched(sql),
    transaction: (work) => retried(() => sql.transaction((tx) => work({ query: watched(tx) }))),
    notifications,
    pool,
    close: async () => {
      await prisma.$disconnect()
      await release()
    },
  }
}
