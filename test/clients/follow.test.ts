import { expect, it, onTestFinished } from 'vitest'
import { run } from '../support/api.ts'
import { endOfLog, readAll } from '../support/events.ts'
import { startServer } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'
import { follow, overServerSentEvents, overWebSocket, RefusedStreamError } from './follow.ts'

it.each([
  ['graphql-ws', overWebSocket],
  ['server-sent events', overServerSentEvents],
])('a bare consumer over %s resumes through a restart of the server', async (_name, over) => {
  const first = await startServer()
  onTestFinished(() => first.close())
  const world = await makeWorld(first)
  const { url } = first
  const vehicleId = await world.newVehicle()
  const lend = () => run(url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner })
  const end = () => run(url, world.as.partner, 'endSharing', { vehicleId })

  const stop = new AbortController()
  const from = await endOfLog(url, world.as.owner)
  const events = follow(over(url, world.as.owner), from, stop.signal)
  await lend()
  expect(await events.next()).toMatchObject({ value: { type: 'SHARING_STARTED', vehicleId } })

  await first.app.close()
  const database = { databaseUrl: first.settings.databaseUrl ?? '', dataDir: first.settings.dataDir }
  // Another instance serves what happens while nobody listens.
  const other = await startServer(database)
  await run(other.url, world.as.partner, 'endSharing', { vehicleId })
  await other.close()
  const second = await startServer({ ...database, env: { PORT: new URL(url).port } })
  onTestFinished(() => second.close())
  await lend()
  await end()

  const seen = [await events.next(), await events.next(), await events.next()].map(({ value }) => value?.cursor)
  expect(seen).toEqual((await readAll(url, world.as.owner, { after: from })).slice(1).map(({ cursor }) => cursor))
  expect(seen).toHaveLength(3)
  stop.abort()
  expect((await events.next()).done).toBe(true)
})

it.each([
  ['graphql-ws', overWebSocket],
  ['server-sent events', overServerSentEvents],
])('a bare consumer over %s does not insist on what is refused', async (_name, over) => {
  const server = await startServer()
  onTestFinished(() => server.close())
  const { as } = await makeWorld(server)
  const { signal } = new AbortController()
  await expect(follow(over(server.url, as.owner), 'no cursor', signal).next()).rejects.toThrow(RefusedStreamError)
})
