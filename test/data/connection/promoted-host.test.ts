import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { mutations, post } from '../../support/api.ts'
import { sql } from '../../support/databases.ts'
import { follow } from '../../support/events.ts'
import { startPostgres, startStandbyOf } from '../../support/postgres.ts'
import { startServer } from '../../support/server.ts'
import { makeWorld } from '../../support/world.ts'

const HOSTS = 'lent?target_session_attrs=read-write'

it('the promoted one of two hosts is found when the primary is gone, by statements and by LISTEN', async () => {
  const primary = await startPostgres()
  onTestFinished(primary.stop)
  await sql(`${primary.url}/postgres`, 'CREATE DATABASE lent')
  const prepared = await startServer({ databaseUrl: `${primary.url}/lent` })
  const { owner } = await makeWorld(prepared)
  await prepared.close()
  const standby = await startStandbyOf(primary)
  onTestFinished(standby.stop)

  const databaseUrl = `${primary.url},${new URL(standby.url).host}/${HOSTS}`
  const { dataDir } = prepared.settings
  const server = await startServer({ databaseUrl, dataDir })
  onTestFinished(server.close)
  const ready = async () => (await fetch(`${server.url}/ready`)).status
  const token = await server.token(owner, 'manager')
  const create = (name: string) => post(server.url, token, mutations.createVehicle, { input: { name } })
  expect((await create('before')).errors).toBeUndefined()

  await primary.halt()
  await expect.poll(ready).toBe(503)
  expect((await create('meanwhile')).errors?.[0]?.extensions.code).toBe('SERVICE_UNAVAILABLE')
  const client = new pg.Client({ connectionString: `${standby.url}/lent` })
  await client.connect()
  onTestFinished(() => client.end())
  await client.query('SELECT pg_promote()')
  await expect.poll(ready, { timeout: 15_000 }).toBe(200)
  const follower = await follow(server.url, token)
  expect((await create('after')).data.createVehicle.vehicle).toMatchObject({ name: 'after' })
  expect(await follower.events(1)).toMatchObject([{ type: 'VEHICLE_CHANGED' }])
  follower.stop()
  const listening = "SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'fleetshare-wakeups'"
  await expect.poll(async () => (await client.query(listening)).rows, { timeout: 10_000 }).toEqual([{ count: 1 }])
})
