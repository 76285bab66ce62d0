import { AsyncLocalStorage } from 'node:async_hooks'
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import type pg from 'pg'
import type { LoggedEvent } from '../domain/event.ts'
import { PrismaClient } from '../generated/prisma/client.ts'
import { watchAdapter } from './around.ts'
import type { Around } from './around.ts'
import { batched } from './batched.ts'
import { ownClock, startClock } from './clock.ts'
import type { Clock } from './clock.ts'
import { openEmbedded } from './embedded.ts'
import { readStored } from './held-rows.ts'
import type { Asked, Stored } from './held-rows.ts'
import { readHorizon } from './log.ts'
import type { Horizon } from './log.ts'
import { migrateEmbedded } from './migrate.ts'
import { openEndpoints } from './open-endpoints.ts'
import { createPool } from './pool.ts'
import { createReads } from './reads.ts'
import type { Reads } from './reads.ts'
import { retried } from './retried.ts'
import { giveUpSilent } from './silence.ts'
import { postgresSql } from './sql.ts'
import type { Query, Sql, Statement, Tx } from './sql.ts'
import { ping } from './session.ts'
import { DatabaseStartError } from './start-error.ts'
import { sqlFailureOf, UnavailableError } from './unavailable.ts'
import { startWakeups } from './wakeups.ts'
import { nothingWritten } from './written.ts'
import type { Written } from './written.ts'

/** What the data layer works on: one per instance. */
export type Database = {
  readonly prisma: PrismaClient
  /** Past Prisma, for what is read and decided most often. */
  readonly query: Query
  readonly transaction: Sql['transaction']
  readonly reads: Reads
  /** What a decision on a vehicle needs; null for one that never was. Those who ask at once are answered together. */
  readonly stored: (asked: Asked) => Promise<Stored | null>
  readonly clock: Clock
  /** Seals cursors; the same for all instances on one database. 16 bytes. */
  readonly cursorKey: Uint8Array
  /** Set by whoever follows the log here. */
  follower: Follower | null
  /** Up to where the log can be read now; those who ask at once are answered together. */
  readonly horizon: () => Promise<Horizon>
  /** Up to where it could be read when that was last asked; 0 before. */
  readonly settled: () => number
  /** To be called after each commit that appended to the log, with what is known of it. */
  readonly appended: (events: readonly LoggedEvent[]) => void
  /** Whether it is of use to say what was appended. */
  readonly isFollowed: () => boolean
  readonly written: Written
  /** The connections to PostgreSQL; null for the embedded database, which has none. */
  readonly pool: Pick<pg.Pool, 'totalCount' | 'idleCount' | 'waitingCount'> | null
  /** One cheap round trip. @throws when the database cannot be reached, or not be written to */
  readonly ping: () => Promise<void>
  readonly close: () => Promise<void>
}

/** Who is told of what comes to the log. */
export type Follower = {
  readonly isFollowing: () => boolean
  /** Is handed what this instance has committed, in the order of the log or not; all of it or some. */
  readonly append: (events: readonly LoggedEvent[]) => void
  /** Something was appended by another instance: a hint, which may be false or missing. */
  readonly wake: () => void
}

export type DatabaseSettings = {
  /** PostgreSQL 15 or later; null for the embedded one. */
  readonly databaseUrl: string | null
  /**
   * The same without the pooler in between, which LISTEN and migrations cannot go through. Where there is one, nothing is set
   * for a session: it has to be set for the role, which is checked.
   */
  readonly databaseDirectUrl?: string | null
  /** Connections to PostgreSQL, beside the one that listens; 10 if absent. */
  readonly poolSize?: number
  readonly dataDir: string
  /** Is put around every SQL statement. */
  readonly around?: Around
  /** For tests: is told of every SQL statement. */
  readonly onStatement?: (sql: string) => void
}

/** How long a request waits for one of the pool's connections, and one of them for a request. */
const POOL = { connectionTimeoutMillis: 10_000, idleTimeoutMillis: 60_000 }

/** A connection that has gone silent is given up: longer than a statement may take, for that ends it on the other side. */
const SILENCE_MS = 20_000

/** As PostgreSQL says it of a write; reads are answered. For so long nothing is asked of this instance. Milliseconds. */
const DISK_FULL = '53100'
const FULL_MS = 10_000

/** For interactive transactions: how long to wait for a connection, and how long one may last. Milliseconds. */
const TRANSACTIONS = { maxWait: 10_000, timeout: 15_000 }

/** Connects, applies the migrations and measures the database's clock. */
export async function openDatabase(settings: DatabaseSettings): Promise<Database> {
  return settings.databaseUrl === null ? openEmbeddedDatabase(settings) : openPostgres(settings.databaseUrl, settings)
}

async function openPostgres(url: string, settings: DatabaseSettings): Promise<Database> {
  const { direct, pooled, schema, explain } = await openEndpoints(url, settings.databaseDirectUrl ?? null)
  let database: Database | undefined
  const { pool, retire } = createPool(pooled, {
    isOwn: pooled === direct,
    application_name: 'fleetshare',
    max: settings.poolSize ?? 10,
    ...POOL,
  })
  giveUpSilent(pool, SILENCE_MS)
  const wakeups = startWakeups(direct, { onWake: () => database?.follower?.wake(), onReadOnly: retire })
  const release = async () => {
    await wakeups.close()
    await pool.end()
  }
  try {
    const sql = postgresSql(pool, pooled === direct)
    const adapter = new PrismaPg(pool, { schema })
    return (database = await assemble(adapter, sql, settings, { pool, announce: wakeups.announce, release }))
  } catch (error) {
    await release()
    throw explain(error)
  }
}

async function openEmbeddedDatabase(settings: DatabaseSettings): Promise<Database> {
  await mkdir(settings.dataDir, { recursive: true }).catch(({ message }: NodeJS.ErrnoException) => {
    throw new DatabaseStartError(`DATA_DIR has to be a folder that this process may write to (${message})`)
  })
  const embedded = await openEmbedded(join(settings.dataDir, 'postgres'))
  try {
    await migrateEmbedded(embedded.adapter)
    const parts = { pool: null, announce: () => {}, release: embedded.close }
    return await assemble(embedded.adapter, embedded.sql, settings, parts)
  } catch (error) {
    await embedded.close()
    throw error
  }
}

type Parts = Pick<Database, 'pool'> & { readonly announce: () => void; readonly release: () => Promise<void> }

async function assemble(
  adapter: NonNullable<ConstructorParameters<typeof PrismaClient>[0]['adapter']>,
  sql: Sql,
  { onStatement, around }: DatabaseSettings,
  { pool, announce, release }: Parts,
): Promise<Database> {
  const prisma = new PrismaClient({
    adapter: around ? watchAdapter(adapter, around) : adapter,
    transactionOptions: TRANSACTIONS,
    log: onStatement ? [{ level: 'query', emit: 'event' }] : [],
  })
  if (onStatement) (prisma as PrismaClient<'query'>).$on('query', ({ query }) => onStatement(query))
  let fullAt = -Infinity
  const told =
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
  const query = told(sql)
  const clock = pool === null ? ownClock() : await startClock(() => readClock(sql.query))
  let settled = 0
  const apart = AsyncLocalStorage.snapshot()
  const stored = batched((asked: readonly Asked[]) => readStored(query, asked))
  const database: Database = {
    prisma,
    query,
    transaction: (work) => retried(() => sql.transaction((tx) => work({ query: told(tx) }))),
    reads: createReads(query),
    stored: (asked) => stored.load(asked),
    clock,
    cursorKey: await sharedSecret(prisma, 'cursor', 16),
    follower: null,
    written: nothingWritten(),
    pool,
    horizon: together(async () => {
      const horizon = await readHorizon(query)
      settled = horizon.settled
      return horizon
    }),
    settled: () => settled,
    appended: (events) => {
      // What is read and asked for those who follow is no part of the operation that wrote it.
      apart(() => database.follower?.append(events))
      announce()
    },
    isFollowed: () => database.follower?.isFollowing() ?? false,
    ping: async () => {
      if (performance.now() - fullAt < FULL_MS) throw new UnavailableError('the disk of the database is full')
      await ping(sql.query)
    },
    close: async () => {
      clock.stop()
      await prisma.$disconnect()
      await release()
    },
  }
  return database
}

const CLOCK: Statement = { name: 'clock', text: 'SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now' }

const readClock = async (query: Query): Promise<number> => (await query<{ now: number }>(CLOCK, []))[0]?.now ?? NaN

/** Made by whichever instance starts first. */
async function sharedSecret(prisma: PrismaClient, name: string, bytes: number): Promise<Uint8Array> {
  await prisma.secret.createMany({ data: [{ name, value: randomBytes(bytes) }], skipDuplicates: true })
  return (await prisma.secret.findUniqueOrThrow({ where: { name } })).value
}

/**
 * Asks once for all who want to know at the same time. Who comes while a question is under way waits for the next one, for
 * the answer has to be younger than the wish to know it.
 */
function together<T>(ask: () => Promise<T>): () => Promise<T> {
  let current: Promise<unknown> = Promise.resolve()
  let next: Promise<T> | null = null
  const askNext = async () => {
    await current.catch(() => {})
    next = null
    const answer = ask()
    current = answer
    return answer
  }
  return () => (next ??= askNext())
}
