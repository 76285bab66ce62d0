import type pg from 'pg'
import type { Query } from '../database/statement.ts'

/** Ends statements that take longer, and transactions that are idle for longer. Milliseconds. */
const STATEMENT_MS = 15_000
/** The same of statements on a standby, after which the primary is asked. Milliseconds. */
export const STANDBY_STATEMENT_MS = 1_500
const IDLE_IN_TRANSACTION_MS = 10_000

/**
 * Settings that this server relies on, for every connection. Startup options come after those of the URL, and PostgreSQL puts
 * them above what the database, the role and the server's files say.
 *
 * How values are written and read: time zone, dates, numbers, bytes, texts. How transactions behave: isolation, and timeouts,
 * for a transaction holds row locks: a client that dies or stalls loses them soon. How statements are planned: few, and made
 * for one plan each, so that none is planned again for its values, nor reads all of a table because it was small when it was
 * planned; up to PostgreSQL 17 that makes sequences look so dear that each statement would be compiled. Whether
 * transactions may write is not set: a database that was made read-only is meant to be.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  TimeZone: 'UTC',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
  client_encoding: 'UTF8',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  statement_timeout: `${STATEMENT_MS}`,
  lock_timeout: '0',
  idle_in_transaction_session_timeout: `${IDLE_IN_TRANSACTION_MS}`,
  plan_cache_mode: 'force_generic_plan',
  enable_seqscan: 'off',
  jit: 'off',
}

/** Some of the planner's switches, off, would leave the plans that tests hold this server to. */
const PLANNER = [
  'enable_indexscan',
  'enable_indexonlyscan',
  'enable_bitmapscan',
  'enable_nestloop',
  'enable_hashjoin',
  'enable_mergejoin',
  'enable_sort',
  'enable_hashagg',
  'enable_material',
  'enable_memoize',
  'enable_tidscan',
]

/**
 * Not of every version: PostgreSQL 14 and 17 brought them. A server that does not know a setting refuses the session (42704);
 * then it is asked for one with less of these.
 */
const BY_VERSION = [{ idle_session_timeout: '0', transaction_timeout: '0' }, { idle_session_timeout: '0' }, {}]
export const VERSIONS = BY_VERSION.length

/**
 * Startup options of a session: what the URL has, then what this server sets.
 * @param schema where the tables are; null for wherever the role's search_path leads
 * @param age how old the server is: 0 for PostgreSQL 17 and later, up to VERSIONS - 1
 * @param isStandby whether the session is one on a standby
 */
export function startupOptions(given: string | null, schema: string | null, age: number, isStandby = false): string {
  const settings = {
    ...SETTINGS,
    ...(isStandby ? { statement_timeout: `${STANDBY_STATEMENT_MS}` } : {}),
    ...BY_VERSION[age],
    ...Object.fromEntries(PLANNER.map((name) => [name, 'on'])),
    ...(schema === null ? {} : { search_path: identifier(schema) }),
  }
  const ours = Object.entries(settings).map(([name, value]) => `-c ${name}=${value.replaceAll(/[\\\s]/g, '\\$&')}`)
  return [...(given === null ? [] : [given]), ...ours].join(' ')
}

/** A name as SQL quotes it. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** The role of a URL, as ALTER ROLE takes it. */
export const roleOf = ({ user }: { readonly user: string | null }): string =>
  user === null ? 'CURRENT_USER' : identifier(user)

/** PostgreSQL may be reached, and only be read from: a standby, or one whose transactions are read-only by default. */
export class ReadOnlyError extends Error {
  /** PostgreSQL's code for a write there. */
  readonly code = '25006'
  readonly isStandby: boolean

  constructor(isStandby: boolean) {
    super(isStandby ? 'the database is a standby' : 'transactions of the database are read-only')
    this.isStandby = isStandby
  }
}

/** How long a fresh session may take for its first answer. Milliseconds. */
const FIRST_ANSWER_MS = 5_000

type Writability = { readonly standby: boolean; readonly read_only: boolean }

const WRITABLE = "pg_is_in_recovery() AS standby, current_setting('transaction_read_only') = 'on' AS read_only"

/** Turns synchronous_commit on if it is off: writes are answered once they are on disk. Stronger values are kept. */
const DURABLE = `CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', false) END`

/** One cheap round trip. @throws ReadOnlyError, and errors of the query */
export async function ping(query: Query): Promise<void> {
  const [row] = await query<Writability>({ name: 'ping', text: `SELECT ${WRITABLE}` }, [])
  if (row?.standby !== false || row.read_only) throw new ReadOnlyError(row?.standby !== false)
}

/** @throws ReadOnlyError; what pg throws */
export async function checkWritable(client: pg.ClientBase): Promise<void> {
  await ask(client, `SELECT ${WRITABLE}`)
}

/**
 * The first statement of a session: sets the rest, and makes sure that it may write.
 * @param isOwn whether it may be set at all; a pooler's session is shared
 * @throws ReadOnlyError; what pg throws
 */
export async function prepareSession(client: pg.ClientBase, isOwn: boolean): Promise<void> {
  await ask(client, `SELECT ${[WRITABLE, ...(isOwn ? [DURABLE] : [])].join(', ')}`)
}

async function ask(client: pg.ClientBase, text: string): Promise<void> {
  const config = { text, query_timeout: FIRST_ANSWER_MS }
  const { rows } = await client.query<Writability>(config)
  const [row] = rows
  if (row?.standby !== false || row.read_only) throw new ReadOnlyError(row?.standby !== false)
}

/** 0 is for ever. Milliseconds. */
const atLeast = (ms: number) => (value: string) => Number(value) === 0 || Number(value) >= ms

/** Settings that a session has to have, wherever they are set; `wanted` is the value to set. */
const NEEDED: readonly (readonly [name: string, isGood: (value: string) => boolean, wanted: string])[] = [
  ['TimeZone', (value) => /^(Etc\/)?UTC$/.test(value), 'UTC'],
  ['DateStyle', (value) => value.startsWith('ISO'), 'ISO'],
  ['extra_float_digits', (value) => Number(value) >= 1, '1'],
  ['client_encoding', (value) => value === 'UTF8', 'UTF8'],
  ['standard_conforming_strings', (value) => value === 'on', 'on'],
  ['transform_null_equals', (value) => value === 'off', 'off'],
  ['default_transaction_isolation', (value) => value === 'read committed', 'read committed'],
  ['session_replication_role', (value) => value === 'origin', 'origin'],
  ['synchronous_commit', (value) => value !== 'off', 'on'],
  ['statement_timeout', atLeast(STATEMENT_MS / 3), `${STATEMENT_MS}`],
  ['lock_timeout', atLeast(STATEMENT_MS / 3), '0'],
  ['idle_in_transaction_session_timeout', atLeast(IDLE_IN_TRANSACTION_MS / 2), `${IDLE_IN_TRANSACTION_MS}`],
  ['transaction_timeout', atLeast(STATEMENT_MS), '0'],
  // A pooler keeps its sessions itself.
  ['idle_session_timeout', atLeast(60_000), '0'],
]

/** The facts that were read of a session. */
export type SessionFacts = {
  /** Where tables are made and found; null for nowhere. */
  readonly schema: string | null
  /** The server's version, such as 150004. */
  readonly version: number
  /** The database's encoding. */
  readonly encoding: string
  /** Whether there are tables in that schema, or may be. */
  readonly isUsable: boolean
  /** Settings that have to be otherwise, with the value that would do. */
  readonly wrong: readonly { readonly name: string; readonly value: string; readonly wanted: string }[]
}

type FactsRow = {
  readonly schema: string | null
  readonly usable: boolean | null
  readonly version: string
  readonly encoding: string
  readonly settings: readonly (readonly [name: string, value: string])[]
}

export async function inspectSession(client: pg.ClientBase): Promise<SessionFacts> {
  const { rows } = await client.query<FactsRow>(
    `SELECT current_schema() AS schema, has_schema_privilege(current_schema(), 'CREATE') OR EXISTS (
        SELECT FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(current_schema()))) AS usable, current_setting('server_version_num') AS version,
      pg_encoding_to_char(encoding) AS encoding,
      (SELECT jsonb_agg(jsonb_build_array(name, setting)) FROM pg_settings WHERE name = ANY($1)) AS settings
    FROM pg_database WHERE datname = current_database()`,
    [NEEDED.map(([name]) => name)],
  )
  const [row] = rows
  if (!row) throw new Error('the database does not know itself')
  const settings = new Map(row.settings)
  const wrong = NEEDED.flatMap(([name, isGood, wanted]) => {
    const value = settings.get(name)
    return value === undefined || isGood(value) ? [] : [{ name, value, wanted }]
  })
  const { schema, usable, version, encoding } = row
  return { schema, isUsable: usable === true, version: Number(version), encoding, wrong }
}
