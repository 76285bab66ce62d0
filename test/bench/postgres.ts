import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { startPostgres } from '../support/postgres.ts'

export type Postgres = {
  /** Of a database of this name, made at first need. */
  readonly databaseUrl: (name: string) => Promise<string>
  /** The server's own process, whose children serve the connections; null if it is somebody else's. */
  readonly pid: number | null
  readonly stop: () => Promise<void>
}

/**
 * As on a machine with solid-state disks. Housekeeping would fall on whichever system is measured just then: the database
 * is vacuumed when it is filled.
 */
const SETTINGS = [
  'max_connections=200',
  'shared_buffers=512MB',
  'max_wal_size=8GB',
  'checkpoint_timeout=1h',
  'random_page_cost=1.1',
  'autovacuum=off',
]

/** A PostgreSQL server of its own, with the defaults that decide about durability. */
export async function startOwnPostgres(): Promise<Postgres> {
  const { url, pid, stop } = await startPostgres(SETTINGS)
  return {
    databaseUrl: async (name) => {
      await createDatabase(`${url}/postgres`, name)
      return `${url}/${name}`
    },
    pid,
    stop,
  }
}

/** A server that runs already; the databases are made beside the one that the URL names. */
export async function givenPostgres(url: string): Promise<Postgres> {
  return {
    databaseUrl: async (name) => {
      await createDatabase(url, name)
      const database = new URL(url)
      database.pathname = `/${name}`
      return database.href
    },
    pid: await processOf(url),
    stop: () => Promise.resolve(),
  }
}

/** The main process of a server, if it is one of this machine. */
async function processOf(url: string): Promise<number | null> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const stat = await readFile(`/proc/${rows[0]?.pid}/stat`, 'utf8').catch(() => '')
    return Number(/^\d+ \(postgres\) \S (\d+)/.exec(stat)?.[1] ?? NaN) || null
  } finally {
    await client.end()
  }
}

async function createDatabase(url: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name])
    if (rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`)
  } finally {
    await client.end()
  }
}
