import { rm } from 'node:fs/promises'
import pg from 'pg'
import { expect, inject, it, onTestFinished } from 'vitest'
import { mutations, post } from '../../support/api.ts'
import { newDataDir, newPostgresDatabase } from '../../support/databases.ts'
import { connect } from '../../support/events.ts'
import { startNode } from '../../support/process.ts'
import { startServer } from '../../support/server.ts'
import { makeWorld } from '../../support/world.ts'

const LOCK = 'SELECT 1 FROM vehicle WHERE id = $1 FOR UPDATE'
const UPDATE = mutations.updateVehicle

/** How many sessions of a server's are in a state, such as 'active' for those that wait for a lock. */
const sessions = (client: pg.Client, condition: string) => async () =>
  (
    await client.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'fleetshare' AND ${condition}`,
    )
  ).rows[0]?.count

it('a decision waits 2 s for the lock of its vehicle, may be tried again, and its connection serves on', async () => {
  const server = await startServer({ announce: false, env: { DATABASE_POOL_SIZE: '2' } })
  onTestFinished(server.close)
  const world = await makeWorld(server)
  const id = await world.newVehicle()
  const holder = await connect(server)
  await holder.query('BEGIN')
  await holder.query(LOCK, [id])
  const begun = performance.now()
  const { errors } = await post(server.url, world.as.owner, UPDATE, { input: { id, name: 'waits' } })
  expect(errors?.[0]?.extensions.code).toBe('SERVICE_UNAVAILABLE')
  const seconds = (performance.now() - begun) / 1_000
  expect(seconds).toBeGreaterThan(1.9)
  expect(seconds).toBeLessThan(8)
  await holder.end()
  const { data } = await post(server.url, world.as.owner, UPDATE, { input: { id, name: 'goes on' } })
  expect(data.updateVehicle.vehicle.name).toBe('goes on')
})

it('any other statement that waits for a lock ends after 15 s, and its connection serves on', async () => {
  const server = await startServer({ announce: false, env: { DATABASE_POOL_SIZE: '2' } })
  onTestFinished(server.close)
  const world = await makeWorld(server)
  const holder = await connect(server)
  await holder.query('BEGIN; LOCK TABLE vehicle IN ACCESS EXCLUSIVE MODE')
  const begun = performance.now()
  const VEHICLES = '{ vehicles { nodes { id } } }'
  const { errors } = await post(server.url, world.as.owner, VEHICLES)
  expect(errors?.[0]?.extensions.code).toBe('INTERNAL_SERVER_ERROR')
  const seconds = (performance.now() - begun) / 1_000
  expect(seconds).toBeGreaterThan(14)
  expect(seconds).toBeLessThan(18)
  await holder.end()
  expect((await post(server.url, world.as.owner, VEHICLES)).errors).toBeUndefined()
})

it('a server that stalls in a transaction loses its locks after 10 s, and serves on when it wakes up', async () => {
  const databaseUrl = await newPostgresDatabase(inject('postgresUrl'))
  const dataDir = await newDataDir(null)
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  const healthy = await startServer({ databaseUrl, dataDir, announce: false })
  onTestFinished(healthy.close)
  const world = await makeWorld(healthy)
  const id = await world.newVehicle()
  const stalling = startNode('src/main.ts', { PORT: '0', DATABASE_URL: databaseUrl, DATA_DIR: dataDir })
  const [, url = ''] = await stalling.line(/FleetShare listens on (http:\S+)\/graphql/)
  const holder = await connect(healthy)
  await holder.query('BEGIN')
  await holder.query(LOCK, [id])
  const answer = post(url, world.as.owner, UPDATE, { input: { id, name: 'stalls' } })
  await expect.poll(sessions(holder, "wait_event_type = 'Lock'")).toBe(1)
  stalling.child.kill('SIGSTOP')
  // Now it gets the lock, and never hears of it.
  await holder.query('COMMIT')
  await expect.poll(sessions(holder, "state = 'idle in transaction'")).toBe(1)
  const begun = performance.now()
  const edit = () => post(healthy.url, world.as.owner, UPDATE, { input: { id, name: 'gets the lock' } })
  let got = await edit()
  while (got.errors?.[0]?.extensions.code === 'SERVICE_UNAVAILABLE') got = await edit()
  expect(got.data.updateVehicle.vehicle.name).toBe('gets the lock')
  const seconds = (performance.now() - begun) / 1_000
  expect(seconds).toBeGreaterThan(8)
  expect(seconds).toBeLessThan(13)
  stalling.child.kill('SIGCONT')
  expect((await answer).errors?.[0]?.extensions.code).toBe('SERVICE_UNAVAILABLE')
  const again = await post(url, world.as.owner, UPDATE, { input: { id, name: 'is back' } })
  expect(again.data.updateVehicle.vehicle.name).toBe('is back')
  await holder.end()
})
