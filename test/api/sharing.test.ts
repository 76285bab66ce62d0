import { describe, expect, it } from 'vitest'
import { ask, run, SHARING } from '../support/api.ts'
import type { Answer, Variables } from '../support/api.ts'
import { serverForAll } from '../support/server.ts'
import { HISTORY } from '../support/sockets.ts'
import { stored } from '../support/stored.ts'
import { at, inHours, iso, makeWorld } from '../support/world.ts'

const server = await serverForAll({ announce: false })
const world = await makeWorld(server)

const start = (input: Variables): Promise<Answer['data']> =>
  run(server.url, world.as.owner, 'startSharing', { fleetId: world.partner, ...input })

/** The types of a vehicle's events after its creation, as a fleet reads them. */
async function eventsOf(vehicleId: string, token = world.as.owner): Promise<Answer['data'][]> {
  const { vehicleEvents } = await ask(server.url, token, HISTORY, { filter: { vehicleIds: [vehicleId] } })
  return vehicleEvents.nodes.filter(({ type }: { type: string }) => type !== 'VEHICLE_CHANGED')
}

/** For what has to be refused. @returns the answer, after seeing that nothing has changed */
async function refused(input: Variables): Promise<Answer['data']> {
  const before = await stored(server)
  const answer = await start(input)
  expect(await stored(server)).toEqual(before)
  return answer
}

describe('startSharing', () => {
  it('without a period lends at once and with an open end', async () => {
    const vehicleId = await world.newVehicle()
    const before = Date.now()
    const { vehicle, sharing } = await start({ vehicleId })
    expect(vehicle).toEqual({ id: vehicleId })
    expect(sharing).toEqual({
      id: expect.any(String),
      status: 'SHARED_OWN_VEHICLE',
      phase: 'ACTIVE',
      vehicleId,
      startsAt: expect.any(String),
      endsAt: null,
      endedAt: null,
      endReason: null,
      allowedCommands: null,
      createdAt: sharing.startsAt,
      owner: { id: world.owner },
      partner: { id: world.partner },
      vehicle: { id: vehicleId },
    })
    expect(Date.parse(sharing.startsAt)).toBeGreaterThanOrEqual(before)
    expect(Date.parse(sharing.startsAt)).toBeLessThanOrEqual(Date.now())
    const [event, ...more] = await eventsOf(vehicleId)
    expect(event).toMatchObject({ type: 'SHARING_STARTED', occurredAt: sharing.startsAt, endsAt: null })
    expect(more).toEqual([])
  })

  it('shows the same sharing to the partner, from its side', async () => {
    const vehicleId = await world.newVehicle()
    const { sharing } = await start({ vehicleId, endsAt: inHours(1) })
    const query = `query ($id: ID!) { sharing(id: $id) { ${SHARING} } }`
    const seen = await ask(server.url, world.as.partner, query, { id: sharing.id })
    expect(seen.sharing).toEqual({ ...sharing, status: 'SHARED_PARTNER_VEHICLE' })
  })

  it('treats an explicit null as an absent value', async () => {
    const vehicleId = await world.newVehicle()
    const nulls = { startsAt: null, endsAt: null, allowedCommands: null, idempotencyKey: null }
    const { sharing } = await start({ vehicleId, ...nulls })
    expect(sharing).toMatchObject({ phase: 'ACTIVE', endsAt: null, allowedCommands: null })
  })

  it('for later schedules it, and says so in the log at once', async () => {
    const vehicleId = await world.newVehicle()
    const [startsAt, endsAt] = [inHours(1), inHours(2)]
    const before = Date.now()
    const { sharing } = await start({ vehicleId, startsAt, endsAt })
    expect(sharing).toMatchObject({ phase: 'SCHEDULED', startsAt, endsAt, endedAt: null, endReason: null })
    expect(Date.parse(sharing.createdAt)).toBeGreaterThanOrEqual(before)
    expect(Date.parse(sharing.createdAt)).toBeLessThanOrEqual(Date.now())
    const events = await eventsOf(vehicleId)
    expect(events).toMatchObject([{ type: 'SHARING_SCHEDULED', occurredAt: sharing.createdAt, endsAt }])
    expect((await eventsOf(vehicleId, world.as.partner)).map(({ id }) => id)).toEqual(events.map(({ id }) => id))
  })

  it('cuts an instant to milliseconds and shows any offset as UTC', async () => {
    const vehicleId = await world.newVehicle()
    const { sharing } = await start({
      vehicleId,
      startsAt: '2098-12-31T23:30:00.123999-02:00',
      endsAt: '2099-06-01T05:30:00+05:30',
    })
    expect(sharing).toMatchObject({ startsAt: '2099-01-01T01:30:00.123Z', endsAt: '2099-06-01T00:00:00.000Z' })
  })

  it('goes back to back with the ones before and after, and not one millisecond further', async () => {
    const vehicleId = await world.newVehicle()
    const [one, two, three, four] = [1, 2, 3, 4].map(inHours) as [string, string, string, string]
    const middle = (await start({ vehicleId, startsAt: two, endsAt: three })).sharing
    const shifted = (instant: string, ms: number) => iso(Date.parse(instant) + ms)
    const conflict = { code: 'ALREADY_SHARED', conflict: { id: middle.id } }
    expect(await refused({ vehicleId, startsAt: one, endsAt: shifted(two, 1) })).toMatchObject(conflict)
    expect(await refused({ vehicleId, startsAt: shifted(three, -1), endsAt: four })).toMatchObject(conflict)
    expect(await refused({ vehicleId, startsAt: one, endsAt: null })).toMatchObject(conflict)
    expect(await refused({ vehicleId, endsAt: four })).toMatchObject(conflict)
    const before = await start({ vehicleId, startsAt: one, endsAt: two })
    expect(before).toMatchObject({ sharing: { phase: 'SCHEDULED', endsAt: two } })
    const after = await start({ vehicleId, startsAt: three, endsAt: null })
    expect(after).toMatchObject({ sharing: { phase: 'SCHEDULED', startsAt: three } })
    expect(await start({ vehicleId, endsAt: one })).toMatchObject({ sharing: { phase: 'ACTIVE', endsAt: one } })
  })

  it('may schedule the next one while a sharing is in force, but not beside it', async () => {
    const vehicleId = await world.newVehicle()
    const endsAt = inHours(1)
    const { sharing } = await start({ vehicleId, endsAt })
    const conflict = { code: 'ALREADY_SHARED', conflict: { id: sharing.id } }
    expect(await refused({ vehicleId })).toMatchObject(conflict)
    expect(await refused({ vehicleId, startsAt: inHours(0.5), endsAt: inHours(2) })).toMatchObject(conflict)
    expect(await start({ vehicleId, startsAt: endsAt })).toMatchObject({ sharing: { phase: 'SCHEDULED' } })
  })

  it('takes the time of one that was called off or ended early', async () => {
    const vehicleId = await world.newVehicle()
    const period = { startsAt: inHours(1), endsAt: inHours(2) }
    const scheduled = (await start({ vehicleId, ...period })).sharing
    await run(server.url, world.as.owner, 'endSharing', { vehicleId, sharingId: scheduled.id })
    await start({ vehicleId, endsAt: inHours(3) })
    await run(server.url, world.as.owner, 'endSharing', { vehicleId })
    expect(await start({ vehicleId, ...period })).toMatchObject({ sharing: period })
  })

  it.each([
    ['a start in the past', { startsAt: '2020-01-01T00:00:00Z' }, ['startsAt']],
    ['an end in the past', { endsAt: '2020-01-01T00:00:00Z' }, ['endsAt']],
    ['an end before the start', { startsAt: inHours(2), endsAt: inHours(1) }, ['endsAt']],
    ['an end at the start', { startsAt: '2099-01-01T00:00:00Z', endsAt: '2099-01-01T00:00:00.000Z' }, ['endsAt']],
  ])('refuses %s as INVALID_PERIOD', async (_what, period, path) => {
    const vehicleId = await world.newVehicle()
    expect(await refused({ vehicleId, ...period })).toMatchObject({ code: 'INVALID_PERIOD', path })
  })

  it('keeps allowed commands once each and in one order', async () => {
    const vehicleId = await world.newVehicle()
    const allowedCommands = ['LOCK_TOP_CASE', 'ENABLE_DRIVING', 'LOCK_TOP_CASE', 'REQUEST_VEHICLE_STATE']
    const { sharing } = await start({ vehicleId, allowedCommands })
    expect(sharing.allowedCommands).toEqual(['REQUEST_VEHICLE_STATE', 'ENABLE_DRIVING', 'LOCK_TOP_CASE'])
  })

  it.each([
    ['no command at all', []],
    ['a command that the vehicle does not support', ['UNLOCK_CENTRAL_LOCK', 'ENABLE_DRIVING']],
  ])('refuses a list of allowed commands with %s', async (_what, allowedCommands) => {
    const vehicleId = await world.newVehicle({ supportedCommands: ['UNLOCK_CENTRAL_LOCK', 'LOCK_CENTRAL_LOCK'] })
    const answer = await refused({ vehicleId, allowedCommands })
    expect(answer).toMatchObject({ __typename: 'InputError', code: 'INVALID_INPUT', path: ['allowedCommands'] })
  })

  it('is refused for a fleet that is no registered partner: itself, another one, or none at all', async () => {
    const vehicleId = await world.newVehicle()
    for (const fleetId of [world.owner, world.stranger, 'nobody', '', 'x\0', '\ud800']) {
      expect(await refused({ vehicleId, fleetId })).toMatchObject({ code: 'NOT_A_PARTNER' })
    }
  })

  it('needs the partnership to last; sharings that were agreed under it run on', async () => {
    const { url } = server
    const { fleet } = await run(url, world.as.admin, 'createFleet', { name: 'For a while' })
    const fleetIds = [fleet.id, world.owner]
    const manager = await server.token(fleet.id, 'manager')
    await run(url, world.as.admin, 'registerPartnership', { fleetIds })
    const [lent, scheduled, free] = [await world.newVehicle(), await world.newVehicle(), await world.newVehicle()]
    await start({ vehicleId: lent, fleetId: fleet.id })
    const startsAt = Date.now() + 1000
    await start({ vehicleId: scheduled, fleetId: fleet.id, startsAt: iso(startsAt) })
    await run(url, world.as.admin, 'endPartnership', { fleetIds })
    expect(await refused({ vehicleId: free, fleetId: fleet.id })).toMatchObject({ code: 'NOT_A_PARTNER' })
    await at(startsAt)
    const { vehicles } = await ask(url, manager, '{ vehicles { nodes { id } } }')
    expect(vehicles.nodes.map(({ id }: { id: string }) => id).toSorted()).toEqual([lent, scheduled].toSorted())
    const moved = await run(url, world.as.owner, 'updateSharingEnd', { vehicleId: lent, endsAt: inHours(1) })
    expect(moved).toMatchObject({ sharing: { phase: 'ACTIVE' } })
    expect(await run(url, manager, 'endSharing', { vehicleId: lent })).toMatchObject({ sharing: { phase: 'ENDED' } })
    await run(url, world.as.admin, 'registerPartnership', { fleetIds })
    expect(await start({ vehicleId: free, fleetId: fleet.id })).toMatchObject({ sharing: { phase: 'ACTIVE' } })
  })

  it('works in both directions of one partnership', async () => {
    const { url } = server
    const vehicleId = (await run(url, world.as.partner, 'createVehicle', {})).vehicle.id
    const answer = await run(url, world.as.partner, 'startSharing', { vehicleId, fleetId: world.owner })
    expect(answer).toMatchObject({ sharing: { owner: { id: world.partner }, partner: { id: world.owner } } })
  })
})
