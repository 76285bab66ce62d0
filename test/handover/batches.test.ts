import { describe, expect, it } from 'vitest'
import { toPrismaVehicle } from '../../src/data/tables/vehicle.ts'
import { newVehicle } from '../../src/domain/vehicle.ts'
import { makeControlWorld } from '../support/control.ts'
import { report, reportAt } from '../support/gateway.ts'
import { DRIVEN, inShort, PARKED } from '../support/handover.ts'
import { taken } from '../support/readings.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { fromSharing, aSharing } from '../support/sharings.ts'
import { HOUR } from '../support/world.ts'

describe.each(DATABASE_KINDS)('a batch that makes many vehicles idle, on %s', async (database) => {
  const statements: string[] = []
  const server = await serverForAll({ database, announce: false, onStatement: (sql) => statements.push(sql) })
  const world = await makeControlWorld(server)
  const { prisma } = server.app

  /** Vehicles in use, of which every second one waits for its end and the others for their start. */
  async function waiting(prefix: string, count: number): Promise<string[]> {
    const now = Date.now()
    const ids = Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(4, '0')}`)
    const times = { lastInstant: new Date(now - 1_000), createdAt: new Date(now - HOUR) }
    const vehicles = ids.map((id) => ({ ...toPrismaVehicle(newVehicle(id, world.owner, {})), ...times }))
    await prisma.vehicle.createMany({ data: vehicles })
    const sharings = ids.map((vehicleId, index) => {
      const parties = { id: `${vehicleId}-s`, vehicleId, ownerId: world.owner, partnerId: world.partner }
      const startsAt = now - 60_000
      const planned = { startsAt, createdAt: now - HOUR }
      const overrun = {
        endPolicy: 'WHEN_IDLE',
        endsAt: now - 30_000,
        latestEndsAt: now + HOUR,
        isOverrun: true,
      } as const
      const late = { startPolicy: 'WHEN_IDLE', endsAt: now + HOUR, startAwaitedSince: startsAt } as const
      return index % 2 === 0
        ? aSharing({ ...parties, ...planned, ...overrun, startedAt: startsAt, endRequestedAt: now - 30_000 })
        : aSharing({ ...parties, ...planned, ...late })
    })
    await prisma.sharing.createMany({ data: sharings.map(fromSharing) })
    return ids
  }

  const send = async (ids: readonly string[], message: string, readings: object) => {
    const now = Date.now()
    return report(
      server.url,
      world.gateway,
      ids.map((id) => reportAt(id, message, now, { ...readings })),
    )
  }

  it('hands over all of them, behind all its reports, in a few statements', async () => {
    const ids = await waiting('many-', 1_000)
    expect(await send(ids, 'driven', DRIVEN)).toEqual(taken(1_000))
    expect(
      await prisma.sharing.count({ where: { endedAt: null, startAwaitedSince: null, vehicleId: { in: ids } } }),
    ).toBe(500)
    statements.length = 0
    expect(await send(ids, 'parked', PARKED)).toEqual(taken(1_000))
    // However many there are: recorded and judged as a set.
    expect(statements.length).toBeLessThan(40)
    const stored = await prisma.sharing.findMany({ where: { vehicleId: { in: ids } }, orderBy: { id: 'asc' } })
    expect(stored.filter(({ endReason }) => endReason === 'EXPIRED')).toHaveLength(500)
    expect(stored.filter(({ startedAt, endedAt }) => startedAt !== null && endedAt === null)).toHaveLength(500)
    for (const { handover, returned, endedAt } of stored) {
      expect(endedAt === null ? handover : returned).toMatchObject({ speedKmh: { value: 0 } })
    }
    const events = await prisma.event.findMany({ where: { vehicleId: { in: ids } }, orderBy: { position: 'asc' } })
    const types = events.slice(-2_000).map(({ type }) => type)
    expect(new Set(types.slice(0, 1_000))).toEqual(new Set(['STATE_RECORDED']))
    expect(new Set(types.slice(1_000))).toEqual(new Set(['SHARING_ENDED', 'SHARING_STARTED']))
    expect(new Set(events.slice(-2_000).map(({ requestId }) => requestId)).size).toBe(1)
    // The partner's window ends behind the report that ended it, and begins behind the one that began it.
    const [first = '', second = ''] = ids
    expect(inShort(await world.log(first, world.as.partner)).slice(-2)).toEqual([
      'STATE_RECORDED',
      'SHARING_ENDED EXPIRED',
    ])
    expect(inShort(await world.log(second, world.as.partner))).toEqual(['SHARING_STARTED'])
  })

  it('judges each after its last report, whatever it said before', async () => {
    const [a = '', b = '', c = '', d = ''] = await waiting('some-', 4)
    const now = Date.now()
    const batch = [
      reportAt(a, '1', now, PARKED),
      reportAt(b, '1', now, PARKED),
      reportAt(c, '1', now, DRIVEN),
      reportAt(d, '1', now, DRIVEN),
      reportAt(a, '2', now, DRIVEN),
      reportAt(b, '2', now, DRIVEN),
      reportAt(c, '2', now, PARKED),
      reportAt(d, '2', now, PARKED),
      // Older than what is known: it changes nothing.
      reportAt(c, '3', now - 1, DRIVEN),
    ]
    expect(await report(server.url, world.gateway, batch)).toEqual(taken(9))
    const ends = await Promise.all([a, b, c, d].map(async (id) => (await world.log(id)).at(-1)?.what))
    expect(ends).toEqual(['STATE_RECORDED', 'STATE_RECORDED', 'SHARING_ENDED', 'SHARING_STARTED'])
  })

  it('hands over both ways where an end and the start of the next meet at one report', async () => {
    // The end at the latest of the first is the start of the second, a moment ahead; the report comes just before it.
    const now = Date.now()
    const vehicleId = await world.newVehicle()
    const meeting = now + 1_500
    const parties = { vehicleId, ownerId: world.owner, partnerId: world.partner, createdAt: now - HOUR }
    const first = aSharing({
      ...parties,
      id: `${vehicleId}-1`,
      startsAt: now - 60_000,
      startedAt: now - 60_000,
      endsAt: now - 30_000,
      endPolicy: 'WHEN_IDLE',
      latestEndsAt: meeting,
      isOverrun: true,
      endRequestedAt: now - 30_000,
    })
    const second = aSharing({
      ...parties,
      id: `${vehicleId}-2`,
      startsAt: meeting,
      startPolicy: 'WHEN_IDLE',
      endsAt: null,
    })
    await prisma.sharing.createMany({ data: [first, second].map(fromSharing) })
    await send([vehicleId], 'driven', DRIVEN)
    for (let nth = 0; ; nth++) {
      const sent = Date.now()
      await send([vehicleId], `driven ${nth}`, nth % 2 === 0 ? { speedKmh: 50 } : DRIVEN)
      if (sent > meeting) break
    }
    await send([vehicleId], 'parked', PARKED)
    const story = inShort((await world.log(vehicleId)).filter(({ of }) => of !== null))
    expect(story).toEqual(['SHARING_ENDED EXPIRED', 'SHARING_START_AWAITED', 'SHARING_STARTED'])
    const { endedAt } = await prisma.sharing.findUniqueOrThrow({ where: { id: first.id } })
    expect(endedAt?.getTime()).toBe(meeting)
  })
})
