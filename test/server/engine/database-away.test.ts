import { expect, it, onTestFinished } from 'vitest'
import { pino } from 'pino'
import { mutations, post } from '../../support/api.ts'
import { sql } from '../../support/databases.ts'
import { connect, endOfLog, TRANSPORTS } from '../../support/events.ts'
import { startPostgres } from '../../support/postgres.ts'
import { openAcknowledged } from '../../support/raw.ts'
import { startSecond, startServer } from '../../support/server.ts'
import { FOLLOW, subscribeSse } from '../../support/sockets.ts'
import { makeWorld } from '../../support/world.ts'

const VEHICLES = '{ vehicles { nodes { id } } }'
const INSIDE = /prisma|postgres|ECONN|127\.0\.0\.1|pool|\bat \w+.*:\d+|\.ts\b/i

it('a database that goes away and comes back is all that has to be started again', async () => {
  const postgres = await startPostgres()
  onTestFinished(postgres.stop)
  await sql(`${postgres.url}/postgres`, 'CREATE DATABASE fleets')
  const lines: string[] = []
  const log = pino({ level: 'error' }, { write: (line) => lines.push(line) })
  const first = await startServer({ databaseUrl: `${postgres.url}/fleets`, log })
  onTestFinished(first.close)
  const second = await startSecond(first)
  onTestFinished(second.close)
  const { as, newVehicle } = await makeWorld(first)
  await newVehicle()
  const after = await endOfLog(first.url, as.owner)
  const followers = await Promise.all(
    [first, second].flatMap(({ url }) => TRANSPORTS.map(([, open]) => open(url, as.owner, FOLLOW, { after }))),
  )
  const before = await newVehicle()
  for (const { received } of followers) await received(1)
  const { send, message } = await openAcknowledged(first.url, as.owner)
  const readiness = async () => (await fetch(`${first.url}/ready`)).status
  expect(await readiness()).toBe(200)

  const begun = performance.now()
  await postgres.halt()
  expect(await readiness()).toBe(503)
  expect((await fetch(`${first.url}/health`)).status).toBe(200)
  const failed = { code: 'SERVICE_UNAVAILABLE', requestId: expect.any(String) }
  for (const [query, variables] of [
    [VEHICLES, {}],
    [mutations.createVehicle, { input: {} }],
    [mutations.endSharing, { input: { vehicleId: before } }],
  ] as const) {
    const { errors } = await post(first.url, as.owner, query, variables)
    expect(errors).toMatchObject([{ extensions: failed }])
    expect(JSON.stringify(errors)).not.toMatch(INSIDE)
    expect(lines.join('\n')).toContain(errors?.[0]?.extensions['requestId'])
  }
  send({ id: '1', type: 'subscribe', payload: { query: VEHICLES } })
  const told = await message(({ id }) => id === '1')
  expect(told).toMatchObject({ type: 'next', payload: { errors: [{ extensions: failed }] } })
  const stream = await subscribeSse(first.url, as.owner, FOLLOW)
  expect((await stream.received(1))[0]).toMatchObject({ errors: [{ extensions: failed }] })
  await stream.ended

  // What is tried again several times a second is told of, once in ten seconds.
  const retried = (what: string) => lines.filter((line) => line.includes(`${what} failed; it is tried again`)).length
  for (const what of ['following the log', 'announcing what falls due']) {
    await expect.poll(() => retried(what)).toBeGreaterThan(0)
    expect(retried(what)).toBeLessThanOrEqual(Math.ceil((performance.now() - begun) / 10_000))
  }

  await postgres.resume()
  await expect.poll(readiness, { timeout: 10_000 }).toBe(200)
  const { data } = await post(second.url, as.owner, mutations.createVehicle, { input: { name: 'afterwards' } })
  const created = data.createVehicle.vehicle.id as string
  // Those who followed go on where they were: nothing is missing, nothing comes twice, and nobody came back.
  for (const { received, results } of followers) {
    await received(2)
    expect(results.map((result) => result.data?.vehicleEvents.vehicleId)).toEqual([before, created])
  }
  send({ id: '2', type: 'subscribe', payload: { query: VEHICLES } })
  expect(await message(({ id }) => id === '2')).toMatchObject({ payload: { data: { vehicles: expect.anything() } } })
  // And the instances wake each other again.
  const client = await connect(first)
  const listening = `SELECT count(*)::int AS count FROM pg_stat_activity
    WHERE application_name = 'fleetshare-wakeups' AND query LIKE 'LISTEN%'`
  await expect.poll(async () => (await client.query(listening)).rows, { timeout: 10_000 }).toEqual([{ count: 2 }])
  await client.end()
  followers.forEach(({ stop }) => stop())
})
