import { describe, expect, it } from 'vitest'
import { ask, run, SHARING } from '../support/api.ts'
import type { Answer, Variables } from '../support/api.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { HISTORY } from '../support/sockets.ts'
import { at, inHours, iso, makeWorld } from '../support/world.ts'

const ONE = `query ($id: ID!) { sharing(id: $id) { ${SHARING} } }`
const VEHICLE = `query ($id: ID!) { vehicle(id: $id) {
  id fleet { id } sharing { ${SHARING} } sharings { nodes { id phase } } viewerCan { startSharing { code until } } } }`

describe.each(DATABASE_KINDS)('without the announcer, on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const world = await makeWorld(server)

  const asked = (who: 'owner' | 'partner' | 'stranger', query: string, id: string): Promise<Answer['data']> =>
    ask(server.url, world.as[who], query, { id })

  const start = async (input: Variables): Promise<Answer['data']> =>
    (await run(server.url, world.as.owner, 'startSharing', { fleetId: world.partner, ...input })).sharing

  const events = async (vehicleId: string): Promise<Answer['data'][]> =>
    (await ask(server.url, world.as.owner, HISTORY, { filter: { vehicleIds: [vehicleId] } })).vehicleEvents.nodes

  it('a due end ends access at that instant, as if it had been recorded', async () => {
    const vehicleId = await world.newVehicle()
    const { id } = await start({ vehicleId, endsAt: inHours(1) })
    expect((await asked('partner', VEHICLE, vehicleId)).vehicle.sharing).toMatchObject({ id, phase: 'ACTIVE' })
    const due = Date.now() + 2000
    await run(server.url, world.as.owner, 'updateSharingEnd', { vehicleId, endsAt: iso(due) })
    await at(due)
    const over = { phase: 'ENDED', endsAt: iso(due), endedAt: iso(due), endReason: 'EXPIRED' }
    expect((await asked('owner', ONE, id)).sharing).toMatchObject({ ...over, vehicle: { id: vehicleId } })
    expect((await asked('partner', ONE, id)).sharing).toMatchObject({ ...over, vehicle: null })
    expect((await asked('partner', VEHICLE, vehicleId)).vehicle).toBeNull()
    expect((await asked('owner', VEHICLE, vehicleId)).vehicle).toMatchObject({
      sharing: null,
      sharings: { nodes: [{ id, phase: 'ENDED' }] },
      viewerCan: { startSharing: { code: null, until: null } },
    })
    // Nothing is in the log yet; the next change writes down what fell due, before its own event.
    expect((await events(vehicleId)).map(({ type }) => type)).toEqual([
      'VEHICLE_CHANGED',
      'SHARING_STARTED',
      'SHARING_END_CHANGED',
    ])
    await run(server.url, world.as.owner, 'updateVehicle', { id: vehicleId, name: 'back' })
    const [ended, changed] = (await events(vehicleId)).slice(3)
    expect(ended).toMatchObject({
      type: 'SHARING_ENDED',
      occurredAt: iso(due),
      requestId: null,
      endReason: 'EXPIRED',
    })
    expect(changed).toMatchObject({ type: 'VEHICLE_CHANGED' })
    expect((await asked('owner', ONE, id)).sharing).toMatchObject(over)
  })

  it('a scheduled sharing gives the partner no access before its start', async () => {
    const vehicleId = await world.newVehicle()
    const startsAt = inHours(1)
    const { id } = await start({ vehicleId, startsAt })
    expect((await asked('partner', VEHICLE, vehicleId)).vehicle).toBeNull()
    const status = 'SHARED_PARTNER_VEHICLE'
    const { sharing } = await asked('partner', ONE, id)
    expect(sharing).toMatchObject({ phase: 'SCHEDULED', status, vehicle: null, vehicleId })
    const { vehicle } = await asked('owner', VEHICLE, vehicleId)
    expect(vehicle.sharing).toBeNull()
    expect(vehicle.viewerCan.startSharing).toEqual({ code: null, until: startsAt })
  })

  it('a scheduled start gives access at that instant, as if it had been recorded', async () => {
    const vehicleId = await world.newVehicle()
    const startsAt = Date.now() + 2000
    const { id } = await start({ vehicleId, startsAt: iso(startsAt) })
    await at(startsAt)
    expect((await asked('partner', ONE, id)).sharing).toMatchObject({ phase: 'ACTIVE', vehicle: { id: vehicleId } })
    const { vehicle } = await asked('partner', VEHICLE, vehicleId)
    expect(vehicle).toMatchObject({ id: vehicleId, fleet: { id: world.owner }, sharing: { id } })
    expect(vehicle.sharing).toMatchObject({ status: 'SHARED_PARTNER_VEHICLE', endedAt: null, endReason: null })
    // Nothing is in the log yet; ending it writes down the start first.
    const types = ['VEHICLE_CHANGED', 'SHARING_SCHEDULED']
    expect((await events(vehicleId)).map(({ type }) => type)).toEqual(types)
    await run(server.url, world.as.partner, 'endSharing', { vehicleId })
    const recorded = await events(vehicleId)
    expect(recorded.map(({ type }) => type)).toEqual([...types, 'SHARING_STARTED', 'SHARING_ENDED'])
    expect(recorded[2]).toMatchObject({ occurredAt: iso(startsAt), requestId: null })
  })

  it('one partner hands over to the next at the instant between them', async () => {
    const { url } = server
    const { fleet } = await run(url, world.as.admin, 'createFleet', { name: 'Next' })
    await run(url, world.as.admin, 'registerPartnership', { fleetIds: [world.owner, fleet.id] })
    const next = await server.token(fleet.id, 'manager')
    const vehicleId = await world.newVehicle()
    const between = Date.now() + 2000
    const first = await start({ vehicleId, endsAt: iso(between) })
    const second = await start({ vehicleId, fleetId: fleet.id, startsAt: iso(between) })
    await at(between)
    expect((await asked('partner', VEHICLE, vehicleId)).vehicle).toBeNull()
    const { vehicle } = await ask(url, next, VEHICLE, { id: vehicleId })
    // A partner sees neither whom the vehicle was lent to before nor that it was.
    expect(vehicle).toMatchObject({ sharing: { id: second.id }, sharings: { nodes: [{ id: second.id }] } })
    expect((await asked('owner', VEHICLE, vehicleId)).vehicle.sharings.nodes).toEqual([
      { id: second.id, phase: 'ACTIVE' },
      { id: first.id, phase: 'ENDED' },
    ])
    expect((await ask(url, next, ONE, { id: first.id })).sharing).toBeNull()
  })

  it('a sharing is read by its two parties for ever, and by no other fleet', async () => {
    const vehicleId = await world.newVehicle()
    const made = await start({ vehicleId, startsAt: inHours(1), allowedCommands: ['ENABLE_DRIVING'] })
    const parties = [world.owner, world.partner]
    const seen = async () => {
      const [owners, partners] = [await asked('owner', ONE, made.id), await asked('partner', ONE, made.id)]
      expect((await asked('stranger', ONE, made.id)).sharing).toBeNull()
      for (const { sharing } of [owners, partners]) {
        expect([sharing.owner.id, sharing.partner.id]).toEqual(parties)
        expect(sharing).toMatchObject({ vehicleId, allowedCommands: ['ENABLE_DRIVING'], createdAt: made.createdAt })
      }
      return [owners.sharing.status, partners.sharing.status, owners.sharing.phase, partners.sharing.phase]
    }
    const statuses = ['SHARED_OWN_VEHICLE', 'SHARED_PARTNER_VEHICLE']
    expect(await seen()).toEqual([...statuses, 'SCHEDULED', 'SCHEDULED'])
    await run(server.url, world.as.owner, 'endSharing', { vehicleId, sharingId: made.id })
    expect(await seen()).toEqual([...statuses, 'CANCELLED', 'CANCELLED'])
    const gateway = await server.token(null, 'gateway')
    await expect(ask(server.url, gateway, ONE, { id: made.id })).rejects.toThrow('FORBIDDEN')
  })
})
