import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { run } from '../support/api.ts'
import { follow, readAll } from '../support/events.ts'
import { DATABASE_KINDS, startSecond, startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { at, iso, makeWorld } from '../support/world.ts'
import type { World } from '../support/world.ts'

/** Far enough ahead to agree on something, and near enough to wait for. Milliseconds. */
const SOON = 1_200

const DUE = { filter: { types: ['SHARING_STARTED', 'SHARING_ENDED'] } }

describe.each(DATABASE_KINDS)('changes that the clock brings, on %s', (database) => {
  /** All on one database; the embedded one has room for one. */
  let servers: TestServer[]
  let url: string
  let world: World
  beforeAll(async () => {
    const first = await startServer({ database })
    servers = database === 'postgres' ? [first, await startSecond(first), await startSecond(first)] : [first]
    url = first.url
    world = await makeWorld(first)
    // Each fleet has a cursor to follow from.
    for (const token of [world.as.owner, world.as.partner]) await run(url, token, 'createVehicle', {})
  })
  afterAll(async () => {
    for (const server of servers.toReversed()) await server.close()
  })

  /** New vehicles, and how far ahead an instant has to be to agree on something for each of them: this machine's pace. */
  async function newVehicles(count: number): Promise<{ ids: string[]; ahead: number }> {
    const began = Date.now()
    const ids: string[] = []
    while (ids.length < count) ids.push(await world.newVehicle())
    return { ids, ahead: SOON + 4 * (Date.now() - began) }
  }

  async function start(vehicleId: string, startsAt: number | null, endsAt: number | null): Promise<string> {
    const period = { startsAt: startsAt && iso(startsAt), endsAt: endsAt && iso(endsAt) }
    const input = { vehicleId, fleetId: world.partner, ...period }
    const result = await run(url, world.as.owner, 'startSharing', input)
    expect(result).toMatchObject({ __typename: 'StartSharingSuccess' })
    return result.sharing.id as string
  }

  const started = (vehicleId: string, instant: number) => ({
    type: 'SHARING_STARTED',
    vehicleId,
    occurredAt: iso(instant),
    requestId: null,
  })
  const expired = (vehicleId: string, instant: number) => ({
    type: 'SHARING_ENDED',
    vehicleId,
    occurredAt: iso(instant),
    requestId: null,
    endReason: 'EXPIRED',
  })

  /** The log of one vehicle without its creation. */
  const logOf = async (vehicleId: string, token = world.as.owner) =>
    (await readAll(url, token, { filter: { vehicleIds: [vehicleId] } })).filter(
      ({ type }, index) => type !== 'VEHICLE_CHANGED' || index > 0,
    )

  it('is announced once, with the due instant, to both parties on every instance', async () => {
    const { ids, ahead } = await newVehicles(20)
    const followers = await Promise.all(
      servers.flatMap(({ url }) => [world.as.owner, world.as.partner].map((token) => follow(url, token, DUE))),
    )
    const base = Date.now() + ahead
    // Every other one has no end whose announcement could bring that of the start along.
    const periods = ids.map((id, index) => ({
      id,
      startsAt: base + index,
      endsAt: index % 2 === 0 ? base + SOON - 7 * index : null,
    }))
    const eventsOf = ({ id, startsAt, endsAt }: (typeof periods)[number]) =>
      endsAt === null ? [started(id, startsAt)] : [started(id, startsAt), expired(id, endsAt)]
    const count = periods.flatMap(eventsOf).length
    await Promise.all(periods.map(({ id, startsAt, endsAt }) => start(id, startsAt, endsAt)))
    for (const { events } of followers) await events(count)
    for (const period of periods) {
      const { id } = period
      const log = await logOf(id)
      expect(log).toMatchObject([{ type: 'SHARING_SCHEDULED' }, ...eventsOf(period)])
      for (const { occurredAt, recordedAt } of log) expect(recordedAt >= occurredAt).toBe(true)
      expect((await logOf(id, world.as.partner)).map(({ cursor }) => cursor)).toEqual(log.map(({ cursor }) => cursor))
    }
    for (const { seen, stop } of followers) {
      expect(seen()).toHaveLength(count)
      for (const period of periods) {
        expect(seen().filter(({ vehicleId }) => vehicleId === period.id)).toMatchObject(eventsOf(period))
      }
      stop()
    }
  })

  it('is in the log in the order in which it happened, back to back, too', async () => {
    const id = await world.newVehicle()
    const follower = await follow(url, world.as.partner, DUE)
    const base = Date.now() + SOON
    const [first, second, third, end] = [base, base + 5, base + 6, base + 200]
    // Agreed in no order.
    await start(id, second, third)
    await start(id, third, end)
    await start(id, first, second)
    const expected = [
      started(id, first),
      expired(id, second),
      started(id, second),
      expired(id, third),
      started(id, third),
      expired(id, end),
    ]
    expect(await follower.events(6)).toMatchObject(expected)
    follower.stop()
    const log = (await logOf(id)).slice(3)
    expect(log).toMatchObject(expected)
    const sharings = log.map(({ sharing }) => sharing?.id)
    expect(sharings).toEqual([0, 0, 2, 2, 4, 4].map((index) => sharings[index]))
    expect(new Set(sharings).size).toBe(3)
  })

  it('comes before the next action of the owner, which the partner does not see any more', async () => {
    const { ids, ahead } = await newVehicles(10)
    const follower = await follow(url, world.as.partner, { filter: { vehicleIds: ids } })
    const base = Date.now() + ahead
    const ends = new Map(ids.map((id, index) => [id, base + 3 * index]))
    for (const [id, endsAt] of ends) await start(id, null, endsAt)
    await Promise.all(
      [...ends].map(async ([id, endsAt], index) => {
        await at(endsAt)
        const server = servers[index % servers.length]
        await run(server?.url ?? url, world.as.owner, 'updateVehicle', { id, name: 'Mine again' })
      }),
    )
    for (const [id, endsAt] of ends) {
      expect(await logOf(id)).toMatchObject([
        { type: 'SHARING_STARTED' },
        expired(id, endsAt),
        { type: 'VEHICLE_CHANGED', vehicleId: id },
      ])
      expect(await logOf(id, world.as.partner)).toMatchObject([{ type: 'SHARING_STARTED' }, expired(id, endsAt)])
    }
    const seen = await follower.events(2 * ids.length)
    expect(seen.filter(({ type }) => type === 'VEHICLE_CHANGED')).toEqual([])
    follower.stop()
  })

  it('follows the last agreement: a moved end counts, a cancelled sharing never starts', async () => {
    const { ids, ahead } = await newVehicles(4)
    const [shorter = '', longer = '', open = '', cancelled = ''] = ids
    const base = Date.now() + 2 * ahead
    await start(shorter, null, base + 3_600_000)
    await start(longer, null, base)
    await start(open, null, base)
    const sharingId = await start(cancelled, base, base + 100)
    const moveEnd = (vehicleId: string, endsAt: number | null) =>
      run(url, world.as.owner, 'updateSharingEnd', { vehicleId, endsAt: endsAt && iso(endsAt) })
    const follower = await follow(url, world.as.owner, DUE)
    await moveEnd(shorter, base)
    await moveEnd(longer, base + 300)
    await moveEnd(open, null)
    await run(url, world.as.partner, 'endSharing', { vehicleId: cancelled, sharingId })
    expect(await follower.events(2)).toMatchObject([expired(shorter, base), expired(longer, base + 300)])
    follower.stop()
    expect((await logOf(longer)).map(({ type }) => type)).toEqual([
      'SHARING_STARTED',
      'SHARING_END_CHANGED',
      'SHARING_ENDED',
    ])
    expect((await logOf(open)).map(({ type }) => type)).toEqual(['SHARING_STARTED', 'SHARING_END_CHANGED'])
    expect((await logOf(cancelled)).map(({ type }) => type)).toEqual(['SHARING_SCHEDULED', 'SHARING_CANCELLED'])
  })
})

describe('after a time without any instance', () => {
  it.each(DATABASE_KINDS)('start and end are announced in order, with their instants, on %s', async (database) => {
    const before = await startServer({ database, announce: false })
    const world = await makeWorld(before)
    const ids = [await world.newVehicle(), await world.newVehicle()]
    const startsAt = Date.now() + SOON
    const endsAt = startsAt + 20
    for (const vehicleId of ids) {
      const period = { startsAt: iso(startsAt), endsAt: iso(endsAt) }
      await run(before.url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner, ...period })
    }
    const { cursor: after = '' } = (await readAll(before.url, world.as.owner)).at(-1) ?? {}
    await at(endsAt)
    expect(await readAll(before.url, world.as.owner, { after })).toEqual([])

    // The embedded database belongs to one process at a time.
    await before.app.close()
    const { databaseUrl, dataDir } = before.settings
    const server = await startServer({ database, dataDir, ...(databaseUrl === null ? {} : { databaseUrl }) })
    onTestFinished(async () => {
      await server.close()
      await before.close()
    })
    for (const token of [world.as.owner, world.as.partner]) {
      const follower = await follow(server.url, token, { after })
      const events = await follower.events(4)
      follower.stop()
      for (const id of ids) {
        expect(events.filter(({ vehicleId }) => vehicleId === id)).toMatchObject([
          { type: 'SHARING_STARTED', occurredAt: iso(startsAt), requestId: null, endsAt: iso(endsAt) },
          { type: 'SHARING_ENDED', occurredAt: iso(endsAt), requestId: null, endReason: 'EXPIRED' },
        ])
      }
      expect(await readAll(server.url, token, { after })).toEqual(events)
    }
  })
})
