import type pg from 'pg'
import { readDatabaseUrl } from './database-url.ts'
import type { DatabaseUrl } from './database-url.ts'
import { endpointsOf } from './endpoints.ts'
import type { Endpoints } from './endpoints.ts'
import { migratePostgres } from '../migrations/migrate.ts'
import type { MigrationOptions } from '../migrations/migrate.ts'
import { identifier, inspectSession, roleOf } from './session.ts'
import { DatabaseStartError } from './start-error.ts'
import { checkFacts, startError } from './start-reasons.ts'
import { sqlFailureOf } from '../database/unavailable.ts'

/** SQLSTATE of a statement that took too long. */
const CANCELLED = '57014'

export type OpenEndpoints = {
  /** PostgreSQL itself, migrated: where LISTEN goes. */
  readonly direct: Endpoints
  /** The target of statements: PostgreSQL itself, or a pooler in between. */
  readonly pooled: Endpoints
  /** Where the tables are. */
  readonly schema: string
  /** An error of a start that comes later, as startError() gives it. */
  readonly explain: (error: unknown) => unknown
}

/**
 * Connects, checks all that this server relies on, and applies the migrations.
 * @param directUrl the way around a pooler; null where `url` is PostgreSQL itself
 * @throws DatabaseStartError
 */
export async function openEndpoints(
  url: string,
  directUrl: string | null,
  migrating: MigrationOptions,
): Promise<OpenEndpoints> {
  const main = { url: readUrl(url, 'DATABASE_URL'), variable: 'DATABASE_URL' }
  const own =
    directUrl === null ? main : { url: readUrl(directUrl, 'DATABASE_DIRECT_URL'), variable: 'DATABASE_DIRECT_URL' }
  const { endpoints: direct, schema } = await explained(own, () => openDirect(own, migrating))
  if (directUrl === null) return { direct, pooled: direct, schema, explain: explainer(own) }
  const pooled = await explained(main, () => openPooled(main, schema))
  return { direct, pooled, schema, explain: explainer(main) }
}

type Place = { readonly url: DatabaseUrl; readonly variable: string }

function readUrl(text: string, variable: string): DatabaseUrl {
  const url = readDatabaseUrl(text)
  if (typeof url === 'string') throw new DatabaseStartError(`${variable} ${url}`)
  return url
}

const explainer =
  ({ url, variable }: Place) =>
  (error: unknown): unknown =>
    startError(error, url, variable)

async function explained<T>(place: Place, open: () => Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (error) {
    throw explainer(place)(error)
  }
}

async function openDirect(
  { url, variable }: Place,
  migrating: MigrationOptions,
): Promise<{ endpoints: Endpoints; schema: string }> {
  const endpoints = await endpointsOf(url, { variable, isOwn: true, schema: url.schema })
  const schema = await withClient(endpoints, async (client) => {
    let facts = await inspectSession(client)
    if (facts.schema === null && url.schema !== null) {
      await client.query(`CREATE SCHEMA IF NOT EXISTS ${identifier(url.schema)}`)
      facts = await inspectSession(client)
    }
    return checkFacts(facts, url, variable)
  })
  // The schema is pinned: the tables are found where they are now, even if the role's search_path is changed.
  endpoints.pin(schema)
  await migratePostgres(endpoints.config(), migrating)
  return { endpoints, schema }
}

async function openPooled({ url, variable }: Place, schema: string): Promise<Endpoints> {
  const endpoints = await endpointsOf(url, { variable, isOwn: false, schema: null })
  const found = await withClient(endpoints, async (client) =>
    checkFacts(await inspectSession(client), url, variable),
  ).catch((error: unknown) => {
    if (sqlFailureOf(error)?.code !== CANCELLED) throw error
    const remedy = `ALTER ROLE ${roleOf(url)} SET statement_timeout = '15s'`
    throw new DatabaseStartError(`${variable}: statement_timeout of the session ends the first statement: ${remedy}`)
  })
  if (found === schema) return endpoints
  throw new DatabaseStartError(
    `${variable}: the first schema of the session is ${found}, and the tables are in ${schema}: ALTER ROLE ${roleOf(url)} SET search_path = ${identifier(schema)}`,
  )
}

async function withClient<T>(endpoints: Endpoints, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await endpoints.connect('fleetshare-start')
  try {
    return await use(client)
  } finally {
    void client.end().catch(() => {})
  }
}
