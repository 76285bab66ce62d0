import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startHousekeeper } from '../../src/background/housekeeper.ts'
import { startTail } from '../../src/live/tail.ts'
import { openStream } from '../../src/live/stream.ts'
import { ask, post, run } from '../support/api.ts'
import { endOfLog, follow, readAll, TRANSPORTS } from '../support/events.ts'
import { report, reportAt } from '../support/gateway.ts'
import { taken } from '../support/readings.ts'
import { DATABASE_KINDS, startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { FOLLOW, HISTORY } from '../support/sockets.ts'
import { makeWorld } from '../support/world.ts'
import type { World } from '../support/world.ts'

const DAY = 24 * 60 * 60 * 1000
const KEPT = 30 * DAY

describe.each(DATABASE_KINDS)('a log whose old events are removed, on %s', (database) => {
  let server: TestServer
  let url: string
  let world: World
  let vehicleId: string
  beforeAll(async () => {
    server = await startServer({ database, announce: false })
    url = server.url
    world = await makeWorld(server)
  })
  afterAll(() => server.close())
  beforeEach(async () => {
    await server.app.prisma.event.deleteMany()
    vehicleId = await world.newVehicle()
  })

  const rename = (name: string) => run(url, world.as.owner, 'updateVehicle', { id: vehicleId, name })
  /** Makes all that is in the log look as if it had been recorded that long ago. */
  const age = async (ms: number) => {
    await server.app.prisma.$executeRaw`
      UPDATE event SET recorded_at = recorded_at - make_interval(secs => ${ms / 1000})`
  }
  const prune = async () => {
    while (await server.app.prisma.event.prune(KEPT));
  }
  /** How history and both kinds of subscription answer a cursor. */
  async function answers(token: string, variables: object) {
    const history = await post(url, token, HISTORY, { ...variables })
    const codes: unknown[] = [history.errors?.[0]?.extensions.code ?? 'good']
    for (const [, open] of TRANSPORTS) {
      const subscription = await open(url, token, FOLLOW, { ...variables })
      // Whatever it is, an event of the token's fleet or the refusal.
      const first = subscription.received(1).then(
        ([result]) => result.errors?.[0].extensions.code ?? 'good',
        async () => (await subscription.ended) as readonly { extensions: { code: string } }[],
      )
      if (token === world.as.owner) await rename('one more')
      else await run(url, token, 'createVehicle', {})
      const outcome = await first
      codes.push(Array.isArray(outcome) ? outcome[0].extensions.code : outcome)
      subscription.stop()
    }
    return [...new Set(codes)]
  }

  it('begins with the oldest that is kept, and says so to a cursor before that', async () => {
    const early = await endOfLog(url, world.as.owner)
    await rename('old')
    const last = await endOfLog(url, world.as.owner)
    await age(KEPT + DAY)
    await rename('young')
    await prune()
    expect((await readAll(url, world.as.owner)).map(({ type }) => type)).toEqual(['VEHICLE_CHANGED'])
    expect(await answers(world.as.owner, { after: early })).toEqual(['CURSOR_EXPIRED'])
    // Nothing behind this one is missing.
    expect(await answers(world.as.owner, { after: last })).toEqual(['good'])
  })

  it('keeps young events, up to the exact end of the retention', async () => {
    await rename('old')
    await age(KEPT + 60_000)
    await rename('young')
    await age(KEPT - 60_000)
    await rename('new')
    const before = await readAll(url, world.as.owner)
    await prune()
    expect(await readAll(url, world.as.owner)).toEqual(before.slice(-2))
  })

  it('does not refuse the old cursor of a fleet that misses nothing, nor one for types of which nothing is gone', async () => {
    await run(url, world.as.partner, 'createVehicle', {})
    const quiet = await endOfLog(url, world.as.partner)
    await run(url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner })
    const shared = (await endOfLog(url, world.as.owner)) ?? ''
    await run(url, world.as.owner, 'endSharing', { vehicleId })
    const ended = await endOfLog(url, world.as.owner)
    await run(url, world.as.stranger, 'createVehicle', {})
    await rename('old')
    await age(KEPT + DAY)
    await prune()
    expect(await answers(world.as.partner, { after: quiet })).toEqual(['CURSOR_EXPIRED'])
    expect(await answers(world.as.partner, { after: ended })).toEqual(['good'])
    // Behind this place the owner has lost its end and a change of the vehicle, and nothing else.
    const after = shared
    expect(await answers(world.as.owner, { after })).toEqual(['CURSOR_EXPIRED'])
    for (const [types, answer] of [
      [['SHARING_ENDED'], 'CURSOR_EXPIRED'],
      [['COMMAND_UPDATED', 'VEHICLE_CHANGED'], 'CURSOR_EXPIRED'],
      [['SHARING_STARTED', 'COMMAND_UPDATED'], 'good'],
    ] as const) {
      const { errors } = await post(url, world.as.owner, HISTORY, { after, filter: { types } })
      expect(errors?.[0]?.extensions.code ?? 'good').toBe(answer)
    }
  })

  it('keeps readings for less time than other events, if told so', async () => {
    const gateway = await server.token(null, 'gateway')
    const told = (id: string) => report(url, gateway, [reportAt(vehicleId, id, Date.now(), { speedKmh: 1 })])
    const types = async () => (await readAll(url, world.as.owner)).map(({ type }) => type)
    const pruned = async () => {
      while (await server.app.prisma.event.pruneReadings(DAY));
    }
    const refused = async (after: string | null, only: readonly string[] | null) => {
      const { errors } = await post(url, world.as.owner, HISTORY, { after, filter: { types: only } })
      return errors?.[0]?.extensions.code ?? null
    }
    await rename('old')
    const after = await endOfLog(url, world.as.owner)
    const timelines = await server.app.prisma.timeline.count()
    expect([await told('a'), await told('b')]).toEqual([taken(1), taken(1)])
    const atReading = await endOfLog(url, world.as.owner)
    await rename('older')
    await age(DAY + 60_000)
    expect(await told('c')).toEqual(taken(1))
    await age(DAY - 60_000)
    expect(await told('d')).toEqual(taken(1))
    await pruned()
    await prune()
    const kept = ['VEHICLE_CHANGED', 'VEHICLE_CHANGED', 'VEHICLE_CHANGED', 'STATE_RECORDED', 'STATE_RECORDED']
    expect(await types()).toEqual(kept)
    expect(await refused(after, null)).toBe('CURSOR_EXPIRED')
    expect(await refused(after, ['STATE_RECORDED'])).toBe('CURSOR_EXPIRED')
    expect(await refused(after, ['VEHICLE_CHANGED'])).toBeNull()
    // The reading at this place is gone, and nothing behind it.
    expect(await refused(atReading, null)).toBeNull()
    expect(await refused(atReading, ['VEHICLE_CHANGED'])).toBeNull()
    // The next pass goes on behind what is gone.
    await age(2 * 60_000)
    await pruned()
    expect(await types()).toEqual(kept.slice(0, -1))
    expect([await told('b'), await told('d')]).toEqual([taken(1), taken(0, 1)])
    // The last event that the server knows is a reading, and goes, too: the log was not set back for that.
    const last = await endOfLog(url, world.as.owner)
    await age(2 * DAY)
    await pruned()
    expect(await types()).toEqual(kept.slice(0, 3))
    expect(await refused(last, null)).toBeNull()
    expect(await server.app.prisma.timeline.count()).toBe(timelines)
  })

  it('forgets the messages of gateways with their events', async () => {
    const gateway = await server.token(null, 'gateway')
    const batch = [reportAt(vehicleId, 'm', Date.now(), { speedKmh: 1 })]
    expect(await report(url, gateway, batch)).toEqual(taken(1))
    expect(await report(url, gateway, batch)).toEqual(taken(0, 1))
    await age(KEPT + DAY)
    await prune()
    expect(await report(url, gateway, batch)).toEqual(taken(1))
  })

  it('is pruned once by several instances at the same time', async () => {
    await age(KEPT + DAY)
    const [{ count }] = await server.app.prisma.$queryRaw<[{ count: number }]>`SELECT count(*)::int FROM event`
    expect(count).toBeGreaterThan(0)
    await Promise.all(Array.from({ length: 4 }, () => prune()))
    expect(await readAll(url, world.as.owner)).toEqual([])
    expect(await server.app.prisma.event.count()).toBe(0)
  })

  it('is pruned by a running server', async () => {
    await age(KEPT + DAY)
    await rename('young')
    const errors: unknown[] = []
    const housekeeper = startHousekeeper(
      server.app.prisma,
      { retentionMs: KEPT, readingRetentionMs: KEPT, maxTokenAgeMs: null },
      (error) => errors.push(error),
    )
    while ((await server.app.prisma.event.count()) > 1) await new Promise((resolve) => setTimeout(resolve, 10))
    await housekeeper.stop()
    expect(errors).toEqual([])
    expect((await ask(url, world.as.owner, HISTORY)).vehicleEvents.nodes).toHaveLength(1)
  })

  it('never leaves a gap for a slow subscriber: it fails, and its next attempt gets CURSOR_EXPIRED', async () => {
    const { prisma } = server.app
    const after = await endOfLog(url, world.as.owner)
    const place = (await prisma.event.horizon()).settled
    // More than one page, so that the rest is still to be read when it is removed.
    await prisma.$executeRaw`
      INSERT INTO event (type, vehicle_id, owner_id, occurred_at, recorded_at)
      SELECT 'VEHICLE_CHANGED', ${vehicleId}, ${world.owner}, now(), now() FROM generate_series(1, 300)`
    const tail = startTail(prisma, (error) => expect.fail(String(error)))
    const order = {
      fleetId: world.owner,
      filter: { vehicleIds: null, types: null },
      after: place,
      until: Infinity,
      gone: undefined,
    }
    const stream = openStream(prisma, tail, order)[Symbol.asyncIterator]()
    for (let n = 0; n < 200; n++) await stream.next()
    await age(KEPT + DAY)
    await prune()
    await expect(stream.next()).rejects.toThrow('has been removed')
    tail.stop()
    const follower = await follow(url, world.as.owner, { after })
    await expect(follower.events(1)).rejects.toThrow()
  })
})
