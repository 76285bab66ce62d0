import { rm } from 'node:fs/promises'
import { expect, it, onTestFinished } from 'vitest'
import { connectStandby } from '../../../src/data/standby/connect.ts'
import { startStandby as followStandby } from '../../../src/data/standby/standby.ts'
import { ask, post } from '../../support/api.ts'
import { newDataDir, sql } from '../../support/databases.ts'
import { connect, follow, insertEvents, readAll } from '../../support/events.ts'
import { startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { EVENT, HISTORY } from '../../support/sockets.ts'
import { startStandby } from '../../support/standby.ts'
import { findTools, startCluster } from '../../support/tools.ts'
import { makeWorld } from '../../support/world.ts'

const TOOLS = await findTools()
if (TOOLS === null) {
  console.warn('SKIPPED: no PostgreSQL server with its tools is installed: reads from a standby are not tested')
}

const BACKWARDS = `query ($before: String) { vehicleEvents(last: 20, before: $before) { nodes { ${EVENT} } } }`

/** A primary with a fleet that has 1,000 events, its standby, and a server that knows both. */
async function makeScene() {
  const primary = await startCluster(TOOLS ?? '')
  await sql(`${primary.url}/postgres`, 'CREATE DATABASE fleetshare')
  const dataDir = await newDataDir(null)
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  const databaseUrl = `${primary.url}/fleetshare`
  const first = await startServer({ databaseUrl, dataDir })
  const world = await makeWorld(first)
  const vehicle = { vehicleId: await world.newVehicle(), ownerId: world.owner }
  const writer = await connect(first)
  onTestFinished(() => writer.end())
  await insertEvents(writer, 'old', vehicle, 1_000)
  const all = await readAll(first.url, world.as.owner)
  await first.close()
  const standby = await startStandby(primary)
  await standby.caughtUp()
  const replicaUrl = `${standby.url}/fleetshare`
  const server = await startServer({ databaseUrl, dataDir, env: { DATABASE_REPLICA_URL: replicaUrl } })
  onTestFinished(server.close)
  /** A page of old events, and whether the standby has served it. */
  const readPage = async (after = all[10]?.cursor) => {
    const before = readsOf(server).standby
    const { nodes } = (await ask(server.url, world.as.owner, HISTORY, { first: 50, after })).vehicleEvents
    return { nodes, isFromStandby: readsOf(server).standby > before }
  }
  const isUsed = async () => (await readPage()).isFromStandby
  return { primary, standby, replicaUrl, server, writer, vehicle, all, token: world.as.owner, readPage, isUsed }
}

const readsOf = ({ app }: TestServer) => app.services.standby?.reads ?? { standby: NaN, primary: NaN }

const SOON = { timeout: 30_000 }
const WHILE = { timeout: 90_000 }

it.skipIf(TOOLS === null)('old events are read from a standby, each page as the primary has it', WHILE, async () => {
  const { server, all, token, vehicle, writer, isUsed } = await makeScene()
  await expect.poll(isUsed, SOON).toBe(true)
  const begun = readsOf(server).standby
  expect(await readAll(server.url, token, { first: 100, after: all[0]?.cursor ?? '' })).toEqual(all.slice(1))
  const pages = readsOf(server).standby
  expect(pages).toBeGreaterThan(begun + 5)
  const backwards = await ask(server.url, token, BACKWARDS, { before: all[500]?.cursor })
  expect(backwards.vehicleEvents.nodes).toEqual(all.slice(480, 500))
  const filter = { vehicleIds: [vehicle.vehicleId], types: ['VEHICLE_CHANGED'] }
  const filtered = await readAll(server.url, token, { first: 100, after: all[400]?.cursor ?? '', filter })
  expect(filtered).toEqual(all.slice(401))
  expect(readsOf(server).standby).toBeGreaterThan(pages + 3)

  const before = readsOf(server).standby
  const subscriber = await follow(server.url, token, { after: all[2]?.cursor ?? '' })
  await insertEvents(writer, 'new', vehicle, 300)
  const seen = await subscriber.events(all.length - 3 + 300)
  expect(seen.slice(0, all.length - 3).map(({ id }) => id)).toEqual(all.slice(3).map(({ id }) => id))
  expect(seen.slice(all.length - 3).map(({ requestId }) => requestId)).toEqual(
    Array.from({ length: 300 }, (_, n) => `new ${n}`),
  )
  // Its place, and the pages behind it.
  expect(readsOf(server).standby).toBeGreaterThan(before + 3)
  subscriber.stop()

  await writer.query(
    `UPDATE event SET recorded_at = now() - interval '90 days' WHERE position <= (SELECT max(position) - 500 FROM event)`,
  )
  while (await server.app.prisma.event.prune(86_400_000));
  const code = async () =>
    (await post(server.url, token, HISTORY, { after: all[10]?.cursor })).errors?.[0]?.extensions.code
  await expect.poll(code, SOON).toBe('CURSOR_EXPIRED')
})

it.skipIf(TOOLS === null)('an event that a standby lacks is not skipped, though it has later ones', WHILE, async () => {
  const { server, replicaUrl, standby, writer, vehicle } = await makeScene()
  const { services } = server.app
  const connection = await connectStandby({ url: replicaUrl, schema: null, size: 2 })
  onTestFinished(connection.close)
  let answers = 0
  const query: typeof connection.query = async (statement, values) => {
    const rows = await connection.query<never>(statement, values)
    answers++
    return rows
  }
  const follower = followStandby({
    connection: { ...connection, query },
    query: services.query,
    log: services.log,
    onFailure: (error) => expect.fail(String(error)),
  })
  onTestFinished(follower.stop)
  const reached = async () => (await follower.read(async (_query, known) => known.position)) ?? 0
  const [early] = await insertEvents(writer, 'early', vehicle)
  await expect.poll(reached, SOON).toBeGreaterThanOrEqual(early ?? Infinity)

  const slow = await connect(server)
  onTestFinished(() => slow.end())
  await slow.query('BEGIN')
  const [late = NaN] = await insertEvents(slow, 'slow', vehicle)
  const [later = NaN] = await insertEvents(writer, 'quick', vehicle)
  expect(later).toBeGreaterThan(late)
  await standby.caughtUp()
  await sql(replicaUrl, 'SELECT pg_wal_replay_pause()')
  await slow.query('COMMIT')
  await services.log.horizon()
  expect(services.log.known()?.position).toBe(later)
  const asked = answers
  const look = async () => {
    expect(await reached()).toBeLessThan(late)
    return answers
  }
  await expect.poll(look, SOON).toBeGreaterThan(asked + 5)
  await sql(replicaUrl, 'SELECT pg_wal_replay_resume()')
  await expect.poll(reached, SOON).toBe(later)
})

it.skipIf(TOOLS === null)(
  'a standby that answers nothing, or is gone, or comes back, delays no page for ever',
  WHILE,
  async () => {
    const { all, standby, isUsed, readPage } = await makeScene()
    await expect.poll(isUsed, SOON).toBe(true)
    const expected = all.slice(11, 61)
    await standby.freeze()
    for (let n = 0; n < 3; n++) expect(await readPage()).toEqual({ nodes: expected, isFromStandby: false })
    await standby.thaw()
    await expect.poll(isUsed, SOON).toBe(true)
    await standby.stop()
    for (let n = 0; n < 3; n++) expect(await readPage()).toEqual({ nodes: expected, isFromStandby: false })
    await standby.start()
    await expect.poll(isUsed, SOON).toBe(true)
    expect((await readPage()).nodes).toEqual(expected)
  },
)

it.skipIf(TOOLS === null)('a standby that was made a primary is not read from any more', WHILE, async () => {
  const { all, replicaUrl, isUsed, readPage } = await makeScene()
  await expect.poll(isUsed, SOON).toBe(true)
  await sql(replicaUrl, 'SELECT pg_promote()')
  await sql(replicaUrl, 'DELETE FROM event WHERE position BETWEEN 20 AND 500 AND position % 2 = 0')
  for (let n = 0; n < 5; n++) expect(await readPage()).toEqual({ nodes: all.slice(11, 61), isFromStandby: false })
})
