import pg from 'pg'
import { expect, inject, it, onTestFinished } from 'vitest'
import { readMigrations } from '../../../src/data/migrations/files.ts'
import { migratePostgres } from '../../../src/data/migrations/migrate.ts'
import { newEmptyDatabase } from '../../support/databases.ts'

/** Migrations that came after databases had the log in partitions; the first one of them stands before it. */
const LATER = ['20261129300050_hold_autovacuum', '20261129800000_prune_readings', '20261130300000_tell_busy_from_done']
const CONTENTS = `SELECT
  (SELECT jsonb_object_agg(p.oid::regprocedure::text, p.prosrc) FROM pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace) AS functions,
  (SELECT count(*)::int FROM pg_class AS c WHERE array_to_string(c.reloptions, ',') LIKE '%autovacuum_enabled%') AS held`

it('a database with the log in partitions gets what came later, and is as one that is new', async () => {
  const [older, newer] = [await newEmptyDatabase(inject('postgresUrl')), await newEmptyDatabase(inject('postgresUrl'))]
  const migrations = await readMigrations()
  await migratePostgres(older, { migrations: migrations.filter(({ name }) => !LATER.includes(name)) })
  expect(await migratePostgres(older)).toEqual(LATER)
  await migratePostgres(newer)
  const contents = await Promise.all(
    [older, newer].map(async (connectionString) => {
      const client = new pg.Client({ connectionString })
      onTestFinished(() => client.end())
      await client.connect()
      return (await client.query<{ functions: object; held: number }>(CONTENTS)).rows[0]
    }),
  )
  expect(contents[0]).toEqual(contents[1])
  expect(contents[0]?.held).toBe(0)
})
