import { describe, expect, it, vi } from 'vitest'
import type { LoggedEvent } from '../../src/domain/log/event.ts'
import { run } from '../support/api.ts'
import { everyEvent } from '../support/every-event.ts'
import { follow } from '../support/events.ts'
import { report, reportAt } from '../support/gateway.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'

describe.each(DATABASE_KINDS)('events that an instance has appended itself, on %s', async (database) => {
  const statements: string[] = []
  const server = await serverForAll({ database, onStatement: (sql) => void statements.push(sql) })
  const world = await makeWorld(server)
  const gateway = await server.token(null, 'gateway')

  it('are delivered as the log has them, of every type', async () => {
    const { prisma, services } = server.app
    const handed: LoggedEvent[] = []
    await world.newVehicle()
    const following = await follow(server.url, world.as.owner)
    // It follows once it has its first.
    await world.newVehicle()
    await following.events(1)
    const appended = vi.spyOn(services.log, 'appended')
    await everyEvent(server, world)
    for (const [events] of appended.mock.calls) handed.push(...events)
    appended.mockRestore()
    following.stop()
    expect(new Set(handed.map(({ type }) => type)).size).toBe(11)
    const { drawn } = await prisma.event.horizon()
    const logged = await prisma.event.range(0, drawn, 1_000)
    const readBack = new Map(logged.map((event) => [event.position, event]))
    for (const event of handed) expect(event).toStrictEqual(readBack.get(event.position))
  })

  it('reach subscribers of this instance without a read of the log', async () => {
    const vehicleId = await world.newVehicle()
    const following = await follow(server.url, world.as.owner)
    await run(server.url, world.as.owner, 'updateVehicle', { id: vehicleId, name: 'first' })
    await following.events(1)
    statements.length = 0
    for (let n = 0; n < 3; n++) {
      await run(server.url, world.as.owner, 'updateVehicle', { id: vehicleId, name: `${n}` })
      const readings = { speedKmh: n }
      await report(server.url, gateway, [reportAt(vehicleId, `${n}`, Date.now(), readings)])
      await following.events(3 + 2 * n)
    }
    expect(statements.length).toBeGreaterThan(6)
    expect(statements.filter((sql) => /FROM event AS e WHERE/.test(sql))).toEqual([])
    following.stop()
  })

  it('is answered as of no earlier than it was recorded, also where the clock of the database is ahead', async () => {
    const { prisma } = server.app
    const vehicleId = await world.newVehicle()
    const following = await follow(server.url, world.as.owner)
    await run(server.url, world.as.owner, 'updateVehicle', { id: vehicleId, name: 'first' })
    await following.events(1)
    const lastInstant = new Date(Date.now() + 3_000)
    await prisma.vehicle.update({ where: { id: vehicleId }, data: { lastInstant } })
    await report(server.url, gateway, [reportAt(vehicleId, 'ahead', Date.now(), { speedKmh: 1 })])
    const [, event] = await following.events(2)
    expect(event?.recordedAt).toBe(lastInstant.toISOString())
    expect(prisma.$now()).toBeGreaterThanOrEqual(lastInstant.getTime())
    following.stop()
  })
})
