import { expect, it } from 'vitest'
import { ask, run } from '../support/api.ts'
import { serverForAll } from '../support/server.ts'
import { HISTORY } from '../support/sockets.ts'
import { iso, makeWorld } from '../support/world.ts'

// Nothing but what the tests ask for takes the vehicle's lock.
const server = await serverForAll({ announce: false })
const world = await makeWorld(server)

/** As if the latest decision about the vehicle had been taken `ms` from now. @returns that instant */
async function latestInstantIn(ms: number, vehicleId: string): Promise<number> {
  const latest = Date.now() + ms
  await server.app.prisma.vehicle.update({ where: { id: vehicleId }, data: { lastInstant: new Date(latest) } })
  return latest
}

async function eventsOf(vehicleId: string) {
  const { vehicleEvents } = await ask(server.url, world.as.owner, HISTORY, { filter: { vehicleIds: [vehicleId] } })
  return vehicleEvents.nodes as { type: string; occurredAt: string }[]
}

it('a start is later than every instant before it, and is not answered before it has come', async () => {
  const vehicleId = await world.newVehicle()
  const latest = await latestInstantIn(1000, vehicleId)
  const { sharing } = await run(server.url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner })
  expect(sharing).toMatchObject({ phase: 'ACTIVE', startsAt: iso(latest + 1), createdAt: iso(latest + 1) })
  expect(Date.now()).toBeGreaterThan(latest)
})

it('an end is later than every instant before it, and is not answered before it has come', async () => {
  const vehicleId = await world.newVehicle()
  await run(server.url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner })
  const latest = await latestInstantIn(1000, vehicleId)
  const { sharing } = await run(server.url, world.as.partner, 'endSharing', { vehicleId })
  expect(sharing).toMatchObject({ phase: 'ENDED', endedAt: iso(latest + 1) })
  expect(Date.now()).toBeGreaterThan(latest)
})

it('a decision without a handover takes no instant before the latest one, either', async () => {
  const vehicleId = await world.newVehicle()
  const latest = await latestInstantIn(1000, vehicleId)
  await run(server.url, world.as.owner, 'updateVehicle', { id: vehicleId, name: 'later' })
  expect((await eventsOf(vehicleId)).at(-1)).toMatchObject({ type: 'VEHICLE_CHANGED', occurredAt: iso(latest) })
  expect(Date.now()).toBeGreaterThanOrEqual(latest)
})

it('every handover among many changes at once falls between two instants of the log', async () => {
  const vehicleId = await world.newVehicle()
  const update = (index: number) =>
    run(server.url, world.as.owner, 'updateVehicle', { id: vehicleId, name: `change ${index}` })
  const handOver = async () => {
    for (let round = 0; round < 5; round++) {
      await run(server.url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner })
      await run(server.url, world.as.partner, 'endSharing', { vehicleId })
    }
  }
  await Promise.all([handOver(), ...Array.from({ length: 30 }, (_, index) => update(index))])
  const events = await eventsOf(vehicleId)
  expect(events).toHaveLength(1 + 30 + 10)
  for (const [index, { type, occurredAt }] of events.entries()) {
    const before = Date.parse(events[index - 1]?.occurredAt ?? iso(0))
    const handover = type === 'SHARING_STARTED' || type === 'SHARING_ENDED'
    expect(Date.parse(occurredAt)).toBeGreaterThanOrEqual(handover ? before + 1 : before)
  }
})

it('an end that would fall on the very millisecond of the start leaves one between them', async () => {
  const vehicleId = await world.newVehicle()
  const startsAt = Date.now() + 1500
  await run(server.url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner, startsAt: iso(startsAt) })
  await server.app.prisma.vehicle.update({ where: { id: vehicleId }, data: { lastInstant: new Date(startsAt - 1) } })
  const answer = await run(server.url, world.as.owner, 'endSharing', { vehicleId })
  expect(answer).toMatchObject({ sharing: { phase: 'ENDED', endedAt: iso(startsAt + 1) } })
})
