import { expect, it, onTestFinished } from 'vitest'
import { post, run } from '../support/api.ts'
import { endOfLog, readAll } from '../support/events.ts'
import { startSecond, startServer } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'
import { follow, overServerSentEvents, overWebSocket, RefusedStreamError } from './follow.ts'

const CONSUMERS = [
  ['graphql-ws', overWebSocket],
  ['server-sent events', overServerSentEvents],
] as const

it.each(CONSUMERS)('a bare consumer over %s resumes through a restart of the server', async (_name, over) => {
  const first = await startServer()
  onTestFinished(() => first.close())
  const world = await makeWorld(first)
  const { url } = first
  const vehicleId = await world.newVehicle()
  const lend = () => run(url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner })
  const end = () => run(url, world.as.partner, 'endSharing', { vehicleId })

  const stop = new AbortController()
  const from = await endOfLog(url, world.as.owner)
  const events = follow(
    over(url, () => world.as.owner),
    from,
    stop.signal,
  )
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

it.each(CONSUMERS)('a bare consumer over %s does not retry a refused subscription', async (_name, over) => {
  const server = await startServer()
  onTestFinished(() => server.close())
  const { as } = await makeWorld(server)
  const { signal } = new AbortController()
  await expect(
    follow(
      over(server.url, () => as.owner),
      'no cursor',
      signal,
    ).next(),
  ).rejects.toThrow(RefusedStreamError)
})

it.each(CONSUMERS)('a bare consumer over %s goes on with the next token when one expires', async (_name, over) => {
  const server = await startServer()
  onTestFinished(() => server.close())
  const world = await makeWorld(server)
  const vehicleId = await world.newVehicle()
  const tokens = [await server.token(world.owner, 'manager', 2)]
  const next = Promise.withResolvers<void>()
  const token = () => {
    const short = tokens.shift()
    if (short === undefined) next.resolve()
    return short ?? world.as.owner
  }
  const stop = new AbortController()
  const events = follow(over(server.url, token), await endOfLog(server.url, world.as.owner), stop.signal)
  await run(server.url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner })
  expect(await events.next()).toMatchObject({ value: { type: 'SHARING_STARTED' } })
  const ended = events.next()
  await next.promise
  await run(server.url, world.as.owner, 'endSharing', { vehicleId })
  expect(await ended).toMatchObject({ value: { type: 'SHARING_ENDED' } })
  stop.abort()
  await events.next()
})

it.each(CONSUMERS)('a bare consumer over %s gives up on the second token that is not trusted', async (_name, over) => {
  const server = await startServer()
  onTestFinished(() => server.close())
  let asked = 0
  const token = () => `wrong${++asked}`
  const { signal } = new AbortController()
  await expect(follow(over(server.url, token), null, signal).next()).rejects.toThrow(RefusedStreamError)
  expect(asked).toBe(2)
})

it.each(CONSUMERS)('a bare consumer over %s insists where only its budget is spent', async (_name, over) => {
  const first = await startServer()
  onTestFinished(() => first.close())
  const world = await makeWorld(first)
  const vehicleId = await world.newVehicle()
  const from = await endOfLog(first.url, world.as.owner)
  await run(first.url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner })
  const poor = await startSecond(first, { env: { RATE_LIMIT: '10', RATE_LIMIT_BURST: '10' } })
  onTestFinished(() => poor.close())
  const spend = () => post(poor.url, world.as.owner, '{ viewer { roles } }')
  while (!(await spend()).errors);
  let asked = 0
  const token = () => {
    asked++
    return world.as.owner
  }
  const stop = new AbortController()
  const events = follow(over(poor.url, token), from, stop.signal)
  expect(await events.next()).toMatchObject({ value: { type: 'SHARING_STARTED', vehicleId } })
  expect(asked).toBeGreaterThan(1)
  stop.abort()
  await events.next()
})
