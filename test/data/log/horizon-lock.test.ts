import pg from 'pg'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { newPostgresDatabase } from '../../support/databases.ts'

let writer: pg.Client
let other: pg.Client
beforeAll(async () => {
  const connectionString = await newPostgresDatabase(inject('postgresUrl'))
  writer = new pg.Client({ connectionString })
  other = new pg.Client({ connectionString })
  await writer.connect()
  await other.connect()
})
afterAll(async () => {
  await writer.end()
  await other.end()
})

const append = async (client: pg.Client): Promise<number> => {
  const { rows } = await client.query<{ position: string }>(
    `INSERT INTO event (type, vehicle_id, owner_id, occurred_at, recorded_at)
      VALUES ('VEHICLE_CHANGED', 'v', 'o', now(), now()) RETURNING position`,
  )
  return Number(rows[0]?.position)
}
const settled = async (): Promise<number> =>
  Number((await other.query<{ settled: string }>('SELECT settled FROM log_horizon()')).rows[0]?.settled)
const held = async (): Promise<number> =>
  (
    await other.query<{ held: number }>(`SELECT count(*)::int AS held FROM pg_locks WHERE locktype = 'advisory'
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
  ).rows[0]?.held ?? 0

it('a transaction holds one lock on the horizon, however many statements append', async () => {
  await writer.query('BEGIN')
  const first = await append(writer)
  for (let nth = 0; nth < 5; nth++) {
    await append(other)
    await append(writer)
  }
  expect(await held()).toBe(1)
  expect(await settled()).toBe(first - 1)
  await writer.query('COMMIT')
  expect(await held()).toBe(0)
  const last = await append(other)
  expect(await settled()).toBe(last)
})

it('what follows a savepoint that was undone is held back, too', async () => {
  await writer.query('BEGIN')
  await writer.query('SAVEPOINT before')
  await append(writer)
  await writer.query('ROLLBACK TO SAVEPOINT before')
  expect(await held()).toBe(0)
  await append(other)
  const position = await append(writer)
  await append(other)
  expect(await settled()).toBe(position - 1)
  await writer.query('ROLLBACK')
})

it('a setting of the session does not pass for the lock', async () => {
  await writer.query(`SET fleetshare.holds_horizon = '1'`)
  await writer.query('BEGIN')
  const position = await append(writer)
  expect(await settled()).toBe(position - 1)
  await writer.query('COMMIT')
})
