import { randomUUID } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { migratePostgres } from '../../../src/data/migrations/migrate.ts'
import { sql } from '../../support/databases.ts'

const MIGRATIONS = join(import.meta.dirname, '../../../prisma/migrations')

let url: string
let client: pg.Client
beforeAll(async () => {
  const name = `migrate_${randomUUID().replaceAll('-', '')}`
  await sql(`${inject('postgresUrl')}/postgres`, `CREATE DATABASE ${name}`)
  url = `${inject('postgresUrl')}/${name}`
  client = new pg.Client({ connectionString: url })
  await client.connect()
})
afterAll(() => client.end())

const names = async (): Promise<string[]> => {
  const entries = await readdir(MIGRATIONS, { withFileTypes: true })
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).toSorted((a, b) => (a < b ? -1 : 1))
}

const finished = async () => {
  const { rows } = await client.query(
    'SELECT migration_name AS name FROM _prisma_migrations WHERE finished_at IS NOT NULL ORDER BY migration_name',
  )
  return rows.map(({ name }) => name as string)
}

it('applies each migration once, and says which', async () => {
  expect(await migratePostgres(url)).toEqual(await names())
  expect(await finished()).toEqual(await names())
  expect(await migratePostgres(url)).toEqual([])
})

it('goes on where a start was killed while it applied one', async () => {
  const [first = ''] = await names()
  // What such a start leaves behind: its mark, not finished, and nothing of the migration, which is one transaction.
  await client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public')
  await client.query(`CREATE TABLE _prisma_migrations (
    id VARCHAR(36) PRIMARY KEY, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ, migration_name VARCHAR(255) NOT NULL,
    logs TEXT, rolled_back_at TIMESTAMPTZ, started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)`)
  await client.query(`INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('1', 'x', $1)`, [first])
  expect(await migratePostgres(url)).toEqual(await names())
  expect(await finished()).toEqual(await names())
})

it('leaves nothing of a migration that fails', async () => {
  await client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE event (unlike TEXT)')
  await expect(migratePostgres(url)).rejects.toThrow()
  const { rows } = await client.query(`SELECT to_regclass('fleet')::text AS fleet`)
  expect(rows).toEqual([{ fleet: null }])
  await client.query('DROP TABLE event')
  expect(await migratePostgres(url)).toEqual(await names())
})
