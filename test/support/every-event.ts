import { expect } from 'vitest'
import { VEHICLE_EVENT_TYPES } from '../../src/domain/log/event.ts'
import { run } from './api.ts'
import { readAll } from './events.ts'
import { commandDispatches, endSharing, outcome, report, reportAt, sendCommand } from './gateway.ts'
import type { TestServer } from './server.ts'
import { inHours, iso } from './world.ts'
import type { World } from './world.ts'

const MOVING = {
  position: { latitude: 52.520008, longitude: -0.1 },
  speedKmh: 33.3,
  mileageKm: 0,
  energyPercent: 1e-7,
  centralLock: 'UNLOCKED',
  drivingEnabled: true,
  ignition: true,
}
const IDLE = { speedKmh: 0, centralLock: 'LOCKED', ignition: false }

/** Has one vehicle live through all that the log can tell of. @returns its id, once all of it has happened */
export async function everyEvent({ url, token }: TestServer, { as, partner, newVehicle }: World): Promise<string> {
  const vehicleId = await newVehicle()
  const gateway = await token(null, 'gateway')
  const share = (input: object) => run(url, as.owner, 'startSharing', { vehicleId, fleetId: partner, ...input })
  await run(url, as.owner, 'updateVehicle', { id: vehicleId, name: 'Ä "quoted" \u{1f697}' })
  const { sharing } = await share({ startsAt: inHours(1), endsAt: inHours(2) })
  await run(url, as.partner, 'endSharing', { vehicleId, sharingId: sharing.id })
  await share({ endsAt: iso(Date.now() + 500) })
  await report(url, gateway, [
    reportAt(vehicleId, 'moving', Date.now(), MOVING),
    reportAt(vehicleId, 'later', Date.now() + 60_000, { energyPercent: 100 }),
    reportAt(vehicleId, 'moving', Date.now(), IDLE),
  ])
  const told = async () =>
    (await readAll(url, as.owner, { filter: { vehicleIds: [vehicleId] } })).map(({ type }) => type)
  await expect.poll(told, { timeout: 5_000 }).toContain('SHARING_ENDED')
  await run(url, as.owner, 'setVehicleUse', { vehicleId, inUse: true, reference: 'Trip 7' })
  const waits = await share({ startPolicy: 'WHEN_IDLE' })
  await run(url, as.owner, 'endSharing', { vehicleId, sharingId: waits.sharing.id })
  await share({})
  await run(url, as.owner, 'updateSharingEnd', { vehicleId, endsAt: inHours(1) })
  await run(url, as.owner, 'updateSharingEnd', { vehicleId, endsAt: null })
  const dispatches = await commandDispatches(url, gateway, [vehicleId])
  await sendCommand(url, as.partner, { vehicleId, type: 'LOCK_CENTRAL_LOCK' })
  const [first] = await dispatches.received(1)
  const { commandId } = first.data.commandDispatches
  await outcome(url, gateway, { commandId, outcome: 'SUCCEEDED', message: 'done' })
  dispatches.stop()
  await report(url, gateway, [reportAt(vehicleId, 'again', Date.now(), MOVING)])
  await endSharing(url, as.owner, { vehicleId, when: 'WHEN_IDLE' })
  await sendCommand(url, as.partner, { vehicleId, type: 'UNLOCK_CENTRAL_LOCK' })
  await report(url, gateway, [
    reportAt(vehicleId, 'again', Date.now(), IDLE),
    reportAt(vehicleId, 'idle', Date.now(), IDLE),
    reportAt(vehicleId, 'after', Date.now(), { position: { latitude: -90, longitude: 180 } }),
  ])
  await run(url, as.owner, 'deleteVehicle', { id: vehicleId })
  expect(new Set(await told())).toEqual(new Set(VEHICLE_EVENT_TYPES))
  return vehicleId
}
