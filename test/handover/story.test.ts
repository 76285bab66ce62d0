import { expect, it } from 'vitest'
import { makeControlWorld } from '../support/control.ts'
import { follow } from '../support/events.ts'
import { sendCommand } from '../support/gateway.ts'
import { DRIVEN, PARKED, readVehicle, reporting, setUse, start } from '../support/handover.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { at, iso } from '../support/world.ts'

it.each(DATABASE_KINDS)('a Friday evening that surprises nobody, on %s', async (database) => {
  const server = await serverForAll({ database })
  const world = await makeControlWorld(server)
  const tell = reporting(server, world)
  const { url } = server
  const { owner, partner } = world.as
  const vehicleId = await world.newVehicle()
  await tell(vehicleId, PARKED)

  // The week ends on Friday at six, and not before the customer is back; at the latest at eight.
  const six = Date.now() + 1_500
  const week = { endsAt: iso(six), endPolicy: 'WHEN_IDLE', latestEndsAt: iso(six + 7_200_000) }
  const { sharing } = await start(url, owner, { vehicleId, fleetId: world.partner, ...week })
  const watching = await Promise.all([owner, partner].map((token) => follow(url, token)))

  await setUse(url, partner, { vehicleId, inUse: true, reference: 'Booking 4711' })
  await tell(vehicleId, DRIVEN)
  await at(six + 1)
  // Six o'clock at 100 km/h: the partner keeps control, and both fleets know that it waits.
  expect((await readVehicle(url, partner, vehicleId)).sharing).toEqual({ id: sharing.id })
  expect((await sendCommand(url, owner, { vehicleId, type: 'DISABLE_DRIVING' })).code).toBe('SHARED_WITH_PARTNER')

  // The customer buys bread: parked and locked, and still the customer's.
  await tell(vehicleId, PARKED)
  expect((await readVehicle(url, owner, vehicleId)).idleness).toEqual({ idle: false, blockedBy: ['IN_USE'] })

  // Back at the station the trip ends, and then the doors close: that is the moment.
  await tell(vehicleId, DRIVEN)
  await tell(vehicleId, { speedKmh: 0, ignition: false })
  const { vehicle } = await setUse(url, partner, { vehicleId, inUse: false })
  expect(vehicle.idleness).toEqual({ idle: false, blockedBy: ['UNLOCKED'] })
  await tell(vehicleId, { centralLock: 'LOCKED' })
  expect(await readVehicle(url, partner, vehicleId)).toBeNull()
  expect(await readVehicle(url, owner, vehicleId)).toMatchObject({ sharing: null, use: null, idleness: { idle: true } })

  const evening = [
    'VEHICLE_USE_CHANGED',
    'STATE_RECORDED',
    'SHARING_END_REQUESTED',
    'STATE_RECORDED',
    'STATE_RECORDED',
    'STATE_RECORDED',
    'VEHICLE_USE_CHANGED',
    'STATE_RECORDED',
    'SHARING_ENDED',
  ]
  for (const subscription of watching) {
    const events = await subscription.events(evening.length)
    expect(events.map(({ type }) => type)).toEqual(evening)
    expect(events[2]?.occurredAt).toBe(iso(six))
    subscription.stop()
  }
})
