import { pino } from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import { toPrismaVehicle } from '../../src/data/tables/vehicle.ts'
import { newVehicle } from '../../src/domain/vehicle.ts'
import { connect, follow, readAll } from '../support/events.ts'
import { report, reportAt } from '../support/gateway.ts'
import { serverForAll, startSecond } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { aSharing, fromSharing } from '../support/sharings.ts'
import { HOUR, makeWorld } from '../support/world.ts'

type Line = { readonly vehicles?: readonly string[] }

/** Vehicles that are due at once: more than are recorded in one statement. */
const MANY = 450

/** A world on a server that announces nothing, and instances that do, each for one test. */
describe('what falls due for many vehicles at once', async () => {
  const statements: string[] = []
  const quiet = await serverForAll({ announce: false, onStatement: (sql) => statements.push(sql) })
  const world = await makeWorld(quiet)
  const { url, app } = quiet
  const { prisma } = app
  const { owner } = world.as
  const lines: Line[] = []
  const log = pino({ level: 'error' }, { write: (line) => lines.push(JSON.parse(line) as Line) })
  const instances: TestServer[] = []
  afterEach(async () => {
    for (const instance of instances.splice(0)) await instance.close()
  })
  async function startAnnouncing(): Promise<{ readonly instance: TestServer; readonly texts: readonly string[] }> {
    const texts: string[] = []
    const instance = await startSecond(quiet, { log, onStatement: (sql) => texts.push(sql) })
    instances.push(instance)
    return { instance, texts }
  }

  /** Vehicles whose sharings have ended, which no event records yet. */
  async function due(prefix: string, count: number, lastInstant = Date.now()): Promise<string[]> {
    const ids = Array.from({ length: count }, (_, nth) => `${prefix}${nth}`)
    await prisma.vehicle.createMany({
      data: ids.map((id) => ({
        ...toPrismaVehicle(newVehicle(id, world.owner, {})),
        lastInstant: new Date(lastInstant),
        createdAt: new Date(),
      })),
    })
    const parties = { ownerId: world.owner, partnerId: world.partner, startRecorded: true }
    const period = { startsAt: Date.now() - HOUR, endsAt: Date.now() - 1_000 }
    await prisma.sharing.createMany({
      data: ids.map((vehicleId) =>
        fromSharing(aSharing({ id: `${vehicleId}-sharing`, vehicleId, ...parties, ...period })),
      ),
    })
    return ids
  }

  const endings = async (ids: readonly string[]) =>
    (await readAll(url, owner, { filter: { vehicleIds: ids, types: ['SHARING_ENDED'] } })).map(
      ({ vehicleId }) => vehicleId,
    )
  const followEndings = () => follow(url, owner, { filter: { types: ['SHARING_ENDED'] } })
  const writes = (texts: readonly string[]) =>
    texts.filter((text) => /INSERT INTO event|record_vehicle_states/.test(text))

  it('is recorded by sets of vehicles', async () => {
    const ids = await due('set', MANY)
    const follower = await followEndings()
    const { texts } = await startAnnouncing()
    const seen = await follower.events(MANY)
    follower.stop()
    expect(seen.map(({ vehicleId }) => vehicleId).toSorted()).toEqual(ids.toSorted())
    expect(seen.every(({ endReason, requestId }) => endReason === 'EXPIRED' && requestId === null)).toBe(true)
    expect(writes(texts).length).toBeLessThan(10)
  })

  it('is recorded by sets before a batch of reports is, each end ahead of the report', async () => {
    const ids = await due('batch', MANY)
    const gateway = await quiet.token(null, 'gateway')
    statements.length = 0
    const now = Date.now()
    const answer = await report(
      url,
      gateway,
      ids.map((id) => reportAt(id, 'message', now, { speedKmh: 1 })),
    )
    expect(answer).toMatchObject({ recorded: MANY, rejected: [] })
    expect(statements.length).toBeLessThan(30)
    const events = await readAll(url, owner, { filter: { vehicleIds: ids } })
    const types = Map.groupBy(events, ({ vehicleId }) => vehicleId)
    for (const id of ids) {
      expect(types.get(id)?.map(({ type }) => type)).toEqual(['SHARING_ENDED', 'STATE_RECORDED'])
    }
  })

  it('does not wait for a vehicle that somebody holds, which follows as soon as it is free', async () => {
    const ids = await due('held', 60)
    const holder = await connect(quiet)
    await holder.query('BEGIN')
    await holder.query('SELECT FROM vehicle WHERE id = ANY($1) FOR UPDATE', [ids.slice(0, 8)])
    const follower = await followEndings()
    await startAnnouncing()
    expect((await follower.events(52)).map(({ vehicleId }) => vehicleId).toSorted()).toEqual(ids.slice(8).toSorted())
    await holder.query('ROLLBACK')
    await holder.end()
    await follower.events(60)
    follower.stop()
    expect((await endings(ids)).toSorted()).toEqual(ids.toSorted())
  })

  it('does not wait for vehicles whose last instant is ahead, which follow once the clock has caught up', async () => {
    const ahead = await due('ahead', 4, Date.now() + HOUR)
    const others = await due('other', 60)
    const follower = await followEndings()
    const { instance } = await startAnnouncing()
    const seen = (await follower.events(60)).map(({ vehicleId }) => vehicleId)
    expect(seen.toSorted()).toEqual(others.toSorted())
    const { unsettled } = instance.app.services
    await expect.poll(() => unsettled.met, { timeout: 20_000 }).toBeGreaterThanOrEqual(4)
    expect(ahead).toEqual(expect.arrayContaining(lines.flatMap(({ vehicles }) => vehicles ?? []).slice(0, 1)))
    expect(lines.length).toBeGreaterThan(0)
    expect(await endings(ahead)).toEqual([])
    await prisma.vehicle.updateMany({ where: { id: { in: ahead } }, data: { lastInstant: new Date() } })
    await follower.events(64)
    follower.stop()
    expect((await endings(ahead)).toSorted()).toEqual(ahead.toSorted())
  })
})
