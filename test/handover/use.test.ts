import { describe, expect, it } from 'vitest'
import { post, run } from '../support/api.ts'
import { makeControlWorld } from '../support/control.ts'
import { report, reportAt, sendCommand } from '../support/gateway.ts'
import { inShort, PARKED, readVehicle, reporting, setUse, start } from '../support/handover.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { HOUR, inHours, iso } from '../support/world.ts'

describe.each(DATABASE_KINDS)('the use of a vehicle, on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const world = await makeControlWorld(server)
  const tell = reporting(server, world)
  const { url } = server
  const { owner, partner, stranger } = world.as
  const uses = async (vehicleId: string, token = owner) =>
    (await world.log(vehicleId, token)).filter(({ what }) => what === 'VEHICLE_USE_CHANGED')

  it('is set once: said again it changes nothing but a given reference, and writes no event', async () => {
    const vehicleId = await world.newVehicle()
    await tell(vehicleId, PARKED)
    const { vehicle } = await setUse(url, owner, { vehicleId, inUse: true, reference: 'Trip 1' })
    expect(vehicle).toMatchObject({ use: { reference: 'Trip 1' }, idleness: { idle: false, blockedBy: ['IN_USE'] } })
    const { since } = vehicle.use
    const again = async (input: object) => (await setUse(url, owner, { vehicleId, inUse: true, ...input })).vehicle.use
    expect(await again({})).toEqual({ since, reference: 'Trip 1' })
    expect(await again({ reference: 'Trip 2' })).toEqual({ since, reference: 'Trip 2' })
    expect((await readVehicle(url, owner, vehicleId)).use).toEqual({ since, reference: 'Trip 2' })
    expect(await again({ reference: null })).toEqual({ since, reference: null })
    expect(await again({ reference: '' })).toEqual({ since, reference: '' })
    expect((await uses(vehicleId)).map(({ occurredAt }) => occurredAt)).toEqual([since])
    const cleared = await setUse(url, owner, { vehicleId, inUse: false, reference: 'dropped' })
    expect(cleared.vehicle).toMatchObject({ use: null, idleness: { idle: true, blockedBy: [] } })
    await setUse(url, owner, { vehicleId, inUse: false })
    expect(await uses(vehicleId)).toHaveLength(2)
    expect((await setUse(url, owner, { vehicleId, inUse: true })).vehicle.use.reference).toBeNull()
  })

  it.each([true, false])('checks the reference, with inUse %s', async (inUse) => {
    const vehicleId = await world.newVehicle()
    const wrong = { code: 'INVALID_INPUT', path: ['reference'] }
    for (const reference of ['\u{1f697}'.repeat(201), 'x\0', '\ud800']) {
      expect(await setUse(url, owner, { vehicleId, inUse, reference })).toMatchObject(wrong)
    }
    expect(await setUse(url, owner, { vehicleId, inUse, reference: '\u{1f697}'.repeat(200) })).not.toHaveProperty(
      'code',
    )
    expect(await uses(vehicleId)).toHaveLength(inUse ? 1 : 0)
  })

  it('is for the fleet in control, and its reference is read by that fleet alone', async () => {
    const vehicleId = await world.newVehicle()
    const { sharing } = await start(url, owner, { vehicleId, fleetId: world.partner })
    const conflict = { code: 'SHARED_WITH_PARTNER', conflict: { id: sharing.id } }
    expect(await setUse(url, owner, { vehicleId, inUse: true })).toMatchObject(conflict)
    expect(await setUse(url, stranger, { vehicleId, inUse: true })).toMatchObject({ code: 'VEHICLE_NOT_FOUND' })
    const viewer = await server.token(world.partner, 'viewer')
    expect(await setUse(url, viewer, { vehicleId, inUse: true })).toMatchObject({ code: 'ROLE_NOT_SUFFICIENT' })
    const operator = await server.token(world.partner, 'operator')
    const { vehicle } = await setUse(url, operator, { vehicleId, inUse: true, reference: 'Customer 7' })
    expect((await readVehicle(url, partner, vehicleId)).use).toEqual(vehicle.use)
    expect((await readVehicle(url, owner, vehicleId)).use).toEqual({ since: vehicle.use.since, reference: null })
    expect((await readVehicle(url, owner, vehicleId)).viewerCan.setUse).toEqual({ allowed: false, code: conflict.code })
    expect((await readVehicle(url, partner, vehicleId)).viewerCan.setUse).toEqual({ allowed: true, code: null })
    // Both parties read the event, and no event has the reference.
    for (const token of [owner, partner]) expect(await uses(vehicleId, token)).toHaveLength(1)
    const log = await post(url, owner, '{ vehicleEvents { nodes { __typename ... on VehicleUseEvent { inUse } } } }')
    expect(JSON.stringify(log.data)).toContain('{"__typename":"VehicleUseEvent","inUse":true}')
    const rows = await server.app.prisma.event.findMany({ where: { vehicleId } })
    expect(JSON.stringify(rows.map(({ facts }) => facts))).not.toContain('Customer')
  })

  it('ends as control passes, without an event', async () => {
    const vehicleId = await world.newVehicle()
    await setUse(url, owner, { vehicleId, inUse: true })
    const { vehicle } = await start(url, owner, { vehicleId, fleetId: world.partner })
    expect(vehicle.use).toBeNull()
    expect((await readVehicle(url, partner, vehicleId)).use).toBeNull()
    await setUse(url, partner, { vehicleId, inUse: true })
    await run(url, owner, 'endSharing', { vehicleId })
    expect((await readVehicle(url, owner, vehicleId)).use).toBeNull()
    expect(inShort(await world.log(vehicleId)).slice(1)).toEqual([
      'VEHICLE_USE_CHANGED',
      'SHARING_STARTED',
      'VEHICLE_USE_CHANGED',
      'SHARING_ENDED ENDED_BY_OWNER',
    ])
  })

  it('ends at a due instant, which nobody has announced', async () => {
    const vehicleId = await world.newVehicle()
    await tell(vehicleId, PARKED)
    await start(url, owner, { vehicleId, fleetId: world.partner, endsAt: inHours(1) })
    await setUse(url, partner, { vehicleId, inUse: true })
    // As if it had been agreed with this end.
    const endsAt = new Date(Date.now() - 1)
    await server.app.prisma.sharing.updateMany({ where: { vehicleId }, data: { endsAt } })
    expect(await readVehicle(url, owner, vehicleId)).toMatchObject({ use: null, idleness: { idle: true } })
    expect((await sendCommand(url, owner, { vehicleId, type: 'DRAW_ATTENTION' })).command).toBeDefined()
    expect((await readVehicle(url, owner, vehicleId)).use).toBeNull()
  })

  it('is no part of the last contact, which late, repeated and rejected reports do not move', async () => {
    const vehicleId = await world.newVehicle()
    expect((await readVehicle(url, owner, vehicleId)).lastContactAt).toBeNull()
    await setUse(url, owner, { vehicleId, inUse: true })
    const now = Date.now() - 5_000
    const contact = async (messageId: string, at: number, readings: object) => {
      await report(url, world.gateway, [reportAt(vehicleId, messageId, at, { ...readings })])
      return (await readVehicle(url, owner, vehicleId)).lastContactAt
    }
    expect(await contact('a', now - HOUR, { energyPercent: 1 })).toBe(iso(now - HOUR))
    expect(await contact('b', now, { energyPercent: 2 })).toBe(iso(now))
    expect(await contact('c', now - 1, { energyPercent: 3 })).toBe(iso(now))
    expect(await contact('a', now + 1, { energyPercent: 1 })).toBe(iso(now))
    expect(await contact('d', now + 2, { energyPercent: -1 })).toBe(iso(now))
    // A device's clock that runs ahead: as recorded.
    const ahead = Date.parse((await contact('e', Date.now() + 60_000, { energyPercent: 4 })) as string)
    expect(ahead).toBeGreaterThan(now)
    expect(ahead).toBeLessThanOrEqual(Date.now())
  })
})
