import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { inject, onTestFinished } from 'vitest'
import { openEmbedded } from '../../src/data/database/embedded.ts'
import { migrate, migratePostgres } from '../../src/data/migrations/migrate.ts'
import type { MigrationOptions } from '../../src/data/migrations/migrate.ts'
import type { Migration } from '../../src/data/migrations/files.ts'
import { newDataDir, newEmptyDatabase } from './databases.ts'
import type { DatabaseKind } from './server.ts'

/** An empty database that migrations are applied to. */
export type Arena = {
  /** The URL, or the folder of an embedded database. */
  readonly where: string
  readonly migrate: (options?: MigrationOptions) => Promise<string[]>
  /** Runs any number of statements. */
  readonly exec: (script: string) => Promise<void>
  readonly query: <Row>(sql: string, values?: readonly unknown[]) => Promise<Row[]>
  /** Lets others open it. */
  readonly close: () => Promise<void>
}

export async function newArena(kind: DatabaseKind): Promise<Arena> {
  return kind === 'postgres' ? postgresArena(await newEmptyDatabase(inject('postgresUrl'))) : embeddedArena()
}

/** @param url with which migrations connect */
export async function postgresArena(url: string): Promise<Arena> {
  const client = await connect(url)
  return {
    where: url,
    migrate: (options) => migratePostgres(url, options),
    exec: async (script) => void (await client.query(script)),
    query: async <Row>(sql: string, values: readonly unknown[] = []) =>
      (await client.query(sql, [...values])).rows as Row[],
    close: () => client.end(),
  }
}

/** A session that is closed with the test. */
export async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

/** @param folder of a database to open again; without it an empty one is made */
export async function embeddedArena(folder?: string): Promise<Arena> {
  const dataDir = folder === undefined ? await newDataDir(inject('embeddedTemplate')) : null
  const where = folder ?? join(dataDir ?? '', 'postgres')
  const { migrations, close } = await openEmbedded(where)
  const exec = (script: string) => migrations.session((session) => session.exec(script, () => {}))
  // Faster than to make a cluster.
  if (dataDir !== null) await exec('DROP SCHEMA public CASCADE; CREATE SCHEMA public')
  let open = true
  const closeOnce = async () => {
    if (open) await close()
    open = false
  }
  onTestFinished(async () => {
    await closeOnce()
    if (dataDir !== null) await rm(dataDir, { recursive: true, force: true })
  })
  return {
    where,
    migrate: (options) => migrate(migrations, options),
    exec,
    query: (sql, values) => migrations.transaction(({ query }) => query(sql, values)),
    close: closeOnce,
  }
}

/** A migration of the test's own. */
export const migration = (name: string, script: string): Migration => ({
  name,
  script,
  isTransactional: !script.startsWith('-- migrate: no transaction\n'),
})

/** Writes migrations as the project has them. @returns the folder */
export async function folderOf(migrations: readonly Migration[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetshare-migrations-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  for (const { name, script } of migrations) {
    await mkdir(join(folder, name))
    await writeFile(join(folder, name, 'migration.sql'), script)
  }
  return folder
}
