import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, expect, it } from 'vitest'
import { migratePostgres } from '../../../src/data/migrations/migrate.ts'
import { sql } from '../../support/databases.ts'
import { connect } from '../../support/migrations.ts'
import { olderDatabase } from '../../support/older.ts'

const BEFORE_PARTITIONS = '20261129200300_search_spaces'
const STORED = `
  INSERT INTO fleet (id, name) VALUES ('owner', 'Owner');
  INSERT INTO vehicle (id, owner_id, supported_commands, last_instant, created_at)
    SELECT 'car' || n, 'owner', '{}', now(), now() FROM generate_series(0, 9) AS n;
  INSERT INTO event (type, vehicle_id, owner_id, occurred_at, recorded_at)
    SELECT 'VEHICLE_CHANGED', 'car1', 'owner', now(), now() FROM generate_series(1, 100)`
const RECORD = `SELECT recorded FROM record_vehicle_states($1, 'request', '{}', FALSE)`
const APPEND = `INSERT INTO event (type, vehicle_id, owner_id, occurred_at, recorded_at)
  VALUES ('VEHICLE_CHANGED', 'car1', 'owner', now(), now()) RETURNING position, tag`

let url: string
beforeEach(async () => {
  const older = await olderDatabase('postgres', BEFORE_PARTITIONS)
  url = older.databaseUrl ?? ''
  await sql(url, STORED)
})

const reports = (vehicleId: string, messageId: string) => [
  JSON.stringify([{ index: 0, vehicleId, messageId, occurredAt: Date.now(), speedKmh: 1 }]),
]

/** Migrates in the background. */
function migrating() {
  const began = Promise.withResolvers<void>()
  const done = migratePostgres(url, { log: (_level, line) => line.includes('log_in_partitions') && began.resolve() })
  return { began: began.promise, done }
}

it('reports of the version before, under way or later, are recorded once each', async () => {
  const [holder, gateway] = [await connect(url), await connect(url)]
  const record = async (vehicleId: string, messageId: string) =>
    (await gateway.query<{ recorded: number }>(RECORD, reports(vehicleId, messageId))).rows[0]?.recorded
  expect(await record('car0', 'early')).toBe(1)
  await holder.query(`BEGIN; SELECT FROM vehicle WHERE id = 'car0' FOR UPDATE`)
  const waiting = record('car0', 'waiting')
  const { began, done } = migrating()
  await began
  await holder.query('COMMIT')
  expect(await waiting).toBe(1)
  await done
  for (const known of ['early', 'waiting']) expect(await record('car0', known)).toBe(0)
  expect(await record('car0', 'late')).toBe(1)
  expect(await record('car1', 'early')).toBe(1)
  const { rows } = await holder.query<{ count: number }>('SELECT count(*)::int AS count FROM event')
  expect(rows[0]?.count).toBe(104)
})

it('statements that sessions have prepared go on, with the tags and the order of before', async () => {
  const session = await connect(url)
  const append = async () =>
    (await session.query<{ position: string; tag: number }>({ name: 'append', text: APPEND })).rows[0]
  const read = async () =>
    (await session.query<{ position: string }>({ name: 'read', text: 'SELECT * FROM event ORDER BY position' })).rows
  await append()
  const before = await read()
  await migratePostgres(url)
  expect(await read()).toEqual(before)
  const next = await append()
  expect(Number(next?.position)).toBe(Number(before.at(-1)?.position) + 1)
  expect(next?.tag).toBeGreaterThan(0)
  const { rows } = await session
    .query<{ held: string }>(`BEGIN; ${APPEND}; SELECT settled AS held FROM log_horizon()`)
    .then((results) => (results as unknown as { rows: { held: string }[] }[])[2] ?? { rows: [] })
  expect(rows[0]?.held).toBe(next?.position)
})

it('a backup that reads the log is waited for, and keeps nobody from writing', async () => {
  const [backup, writer] = [await connect(url), await connect(url)]
  await backup.query('BEGIN; SELECT count(*) FROM event')
  const { began, done } = migrating()
  await began
  const end = performance.now() + 1_500
  let slowest = 0
  while (performance.now() < end) {
    const began = performance.now()
    await writer.query(APPEND)
    slowest = Math.max(slowest, performance.now() - began)
    await sleep(5)
  }
  await backup.query('COMMIT')
  await done
  await writer.query(APPEND)
  // It gives up its place after 200 ms each time.
  expect(slowest).toBeLessThan(1_000)
})

it('rights on the log are kept', async () => {
  const [session, { rows }] = [
    await connect(url),
    await (await connect(url)).query<{ name: string }>('SELECT current_database() AS name'),
  ]
  const role = `reader_of_${rows[0]?.name}`
  await session.query(`CREATE ROLE ${role}; GRANT SELECT ON event TO ${role}`)
  await migratePostgres(url)
  await session.query(
    `SET ROLE ${role}; SELECT count(*) FROM event; RESET ROLE; DROP OWNED BY ${role}; DROP ROLE ${role}`,
  )
})
