import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { migratePostgres } from '../../../src/data/migrations/migrate.ts'
import { sql } from '../../support/databases.ts'
import { FOR_TESTS, startPostgres } from '../../support/postgres.ts'
import type { Postgres } from '../../support/postgres.ts'

const VERSION_0_1_0 = join(import.meta.dirname, '../migrations/version-0.1.0.sql')
/** Each page of the log takes an autovacuum 0.4 s: minutes for all of them. */
const EVENTS = 20_000
const SLOW = `autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_limit = 1,
  autovacuum_vacuum_cost_delay = 100, vacuum_index_cleanup = off`
const WORKERS = `SELECT 1 FROM pg_stat_progress_vacuum JOIN pg_stat_activity USING (pid)
  WHERE relid = $1::regclass AND backend_type = 'autovacuum worker'`

let postgres: Postgres
let url: string
let client: pg.Client
let made = 0
beforeAll(async () => {
  postgres = await startPostgres([...FOR_TESTS, 'autovacuum_naptime=1'])
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  url = `${postgres.url}/log${++made}`
  await sql(`${postgres.url}/postgres`, `CREATE DATABASE log${made}`)
  await sql(url, await readFile(VERSION_0_1_0, 'utf8'))
  client = new pg.Client({ connectionString: url })
  await client.connect()
  return () => client.end()
})

/** Has autovacuum read a table for minutes. Resolves once it does. */
async function vacuumSlowly(table: string): Promise<void> {
  await client.query(`
    INSERT INTO event (type, vehicle_id, owner_id, occurred_at, recorded_at)
      SELECT 'VEHICLE_CHANGED', v.id, v.owner_id, now(), now()
      FROM (SELECT id, owner_id FROM vehicle LIMIT 1) AS v, generate_series(1, ${EVENTS});
    UPDATE event SET request_id = 'r';
    ALTER TABLE ${table} SET (${SLOW})`)
  while ((await client.query(WORKERS, [table])).rowCount === 0);
}

it('gives way to a partition that is added', async () => {
  await migratePostgres(url)
  await vacuumSlowly('event_0')
  const { rows } = await client.query('SELECT split_log(1000000, 100000) AS done')
  expect(rows).toEqual([{ done: 'split' }])
})

it('gives way to a partition that is dropped', async () => {
  await migratePostgres(url)
  await client.query('SELECT split_log(1000000, 100000)')
  await vacuumSlowly('event_0')
  await client.query(`SELECT setval('event_position_seq', 1000000)`)
  const { rows } = await client.query(`SELECT drop_log_partition('event_0', now() + interval '1 day') AS is`)
  expect(rows).toEqual([{ is: true }])
})

it('gives way to the migration that divides the log', async () => {
  await vacuumSlowly('event')
  const dividing: string[] = []
  await migratePostgres(url, { log: (_level, line) => dividing.push(line) })
  expect(dividing).toContainEqual(expect.stringContaining('log_in_partitions'))
})
