import { describe, expect, it } from 'vitest'
import { ask, mutations, post, run } from '../support/api.ts'
import type { Variables } from '../support/api.ts'
import { follow, readAll, TRANSPORTS } from '../support/events.ts'
import type { SeenEvent } from '../support/events.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { inHours, iso, makeWorld } from '../support/world.ts'

/** An event without what shows the present. */
const said = ({ vehicle: _vehicle, sharing, ...event }: SeenEvent) => ({ ...event, sharing: sharing?.id })

describe.each(DATABASE_KINDS)('the events of a fleet, on %s', async (database) => {
  const server = await serverForAll({ database })
  const url = server.url
  const world = await makeWorld(server)
  const other: string = (await run(url, world.as.admin, 'createFleet', { name: 'Other' })).fleet.id
  await run(url, world.as.admin, 'registerPartnership', { fleetIds: [world.owner, other] })
  const asOther = await server.token(other, 'manager')

  /** Runs a mutation that has to succeed. @returns its union, and the request id in the answer's header */
  async function act(token: string, name: keyof typeof mutations, input: Variables) {
    const answer = await post(url, token, mutations[name], { input })
    const result = answer.data[name]
    expect(result.__typename, JSON.stringify(result)).toMatch(/Success$/)
    return { ...result, requestId: answer.headers.get('x-request-id') }
  }

  /** The life of one vehicle, step by step: what happens, and to whom but the owner the event belongs. */
  async function live(id: string) {
    const { owner, partner } = world.as
    const start = { vehicleId: id, fleetId: world.partner }
    const later = inHours(1)
    const steps: { type: string; reaches: string | null; requestId: string }[] = []
    const step = async (type: string, reaches: string | null, doing: ReturnType<typeof act>) => {
      const result = await doing
      steps.push({ type, reaches, requestId: result.requestId })
      return result
    }
    const rename = (name: string) => act(owner, 'updateVehicle', { id, name })
    await step('VEHICLE_CHANGED', null, rename('Before'))
    const scheduled = await step(
      'SHARING_SCHEDULED',
      world.partner,
      act(owner, 'startSharing', { ...start, startsAt: later }),
    )
    await step('VEHICLE_CHANGED', null, rename('While scheduled'))
    const { id: sharingId } = scheduled.sharing
    await step('SHARING_CANCELLED', world.partner, act(partner, 'endSharing', { vehicleId: id, sharingId }))
    await step('SHARING_STARTED', world.partner, act(owner, 'startSharing', start))
    await step('VEHICLE_CHANGED', world.partner, rename('While shared'))
    const endsAt = inHours(1)
    await step('SHARING_END_CHANGED', world.partner, act(owner, 'updateSharingEnd', { vehicleId: id, endsAt }))
    await step('SHARING_ENDED', world.partner, act(partner, 'endSharing', { vehicleId: id }))
    await step('VEHICLE_CHANGED', null, rename('Between'))
    await step('SHARING_STARTED', other, act(owner, 'startSharing', { ...start, fleetId: other }))
    await step('VEHICLE_CHANGED', other, rename('Shared once more'))
    await step('SHARING_ENDED', other, act(owner, 'endSharing', { vehicleId: id }))
    await step('VEHICLE_CHANGED', null, act(owner, 'deleteVehicle', { id }))
    return { steps, endsAt }
  }

  it.each(TRANSPORTS)('come live over %s: to whom they belong, in order, each as the log keeps it', async (_, open) => {
    const created = await act(world.as.owner, 'createVehicle', { name: 'New' })
    const { id } = created.vehicle
    const filter = { vehicleIds: [id] }
    const viewers = [
      { fleet: world.owner, token: world.as.owner },
      { fleet: world.partner, token: world.as.partner },
      { fleet: other, token: asOther },
      { fleet: world.stranger, token: world.as.stranger },
    ]
    // Who has an event has a cursor to follow from.
    for (const { token } of viewers) await act(token, 'createVehicle', {})
    const followers = await Promise.all(viewers.map(({ token }) => follow(url, token, { open })))

    const { steps } = await live(id)
    const last = await Promise.all(viewers.map(({ token }) => act(token, 'createVehicle', {})))

    for (const [index, { fleet, token }] of viewers.entries()) {
      const own = steps.filter(({ reaches }) => fleet === world.owner || fleet === reaches)
      const events = await followers[index]?.events(own.length + 1)
      const end = { type: 'VEHICLE_CHANGED', requestId: last[index]?.requestId }
      const expected = [...own.map(({ type, requestId }) => ({ type, requestId })), end]
      expect(events).toMatchObject(expected)
      followers[index]?.stop()

      const logged = await readAll(url, token, { filter })
      const isOwner = fleet === world.owner
      expect(logged.slice(isOwner ? 1 : 0).map(said)).toEqual(events?.slice(0, -1).map(said))
      if (isOwner) expect(logged[0]).toMatchObject({ type: 'VEHICLE_CHANGED', requestId: created.requestId })
      // The vehicle is deleted by now.
      expect(logged.map(({ vehicle }) => vehicle)).toEqual(logged.map(() => null))
    }
  })

  it('keep their facts, while their sharing and their vehicle show the present', async () => {
    const id = await world.newVehicle()
    const { owner, partner } = world.as
    const filter = { vehicleIds: [id] }
    const [first, second] = [inHours(1), inHours(2)]
    const follower = await follow(url, owner, { filter })
    await act(owner, 'startSharing', { vehicleId: id, fleetId: world.partner, endsAt: first })
    await act(owner, 'updateSharingEnd', { vehicleId: id, endsAt: second })
    await act(owner, 'updateSharingEnd', { vehicleId: id, endsAt: null })
    const accessible = await readAll(url, partner, { filter })
    expect(accessible.map(({ vehicle, sharing }) => [vehicle?.id, sharing?.phase])).toEqual([
      [id, 'ACTIVE'],
      [id, 'ACTIVE'],
      [id, 'ACTIVE'],
    ])
    await act(partner, 'endSharing', { vehicleId: id })
    const facts = [
      { type: 'SHARING_STARTED', endsAt: first, endReason: null },
      { type: 'SHARING_END_CHANGED', endsAt: second, endReason: null },
      { type: 'SHARING_END_CHANGED', endsAt: null, endReason: null },
      { type: 'SHARING_ENDED', endsAt: null, endReason: 'ENDED_BY_PARTNER' },
    ]
    expect(await follower.events(4)).toMatchObject(facts)
    follower.stop()
    const shown = (status: string, vehicle: object | null) =>
      facts.map((fact) => ({ ...fact, vehicle, sharing: { phase: 'ENDED', status } }))
    const forOwner = (await readAll(url, owner, { filter })).slice(1)
    expect(forOwner).toMatchObject(shown('SHARED_OWN_VEHICLE', { id }))
    expect(await readAll(url, partner, { filter })).toMatchObject(shown('SHARED_PARTNER_VEHICLE', null))
    await act(owner, 'deleteVehicle', { id })
    const afterwards = (await readAll(url, owner, { filter })).slice(1, 5)
    expect(afterwards).toMatchObject(shown('SHARED_OWN_VEHICLE', null))
    expect(afterwards.map(said)).toEqual(forOwner.map(said))
  })

  it('have one id each, the same for everybody and at any time', async () => {
    const id = await world.newVehicle()
    const filter = { vehicleIds: [id] }
    await act(world.as.owner, 'startSharing', { vehicleId: id, fleetId: world.partner })
    await act(world.as.owner, 'updateVehicle', { id, name: 'Shared' })
    const atOnce = await readAll(url, world.as.owner, { filter })
    const ids = atOnce.map((event) => event.id)
    expect(new Set(ids).size).toBe(3)
    await act(world.as.partner, 'endSharing', { vehicleId: id })
    expect((await readAll(url, world.as.owner, { filter })).slice(0, 3).map((event) => event.id)).toEqual(ids)
    expect((await readAll(url, world.as.partner, { filter })).slice(0, 2).map((event) => event.id)).toEqual(
      ids.slice(1),
    )
  })

  it('have instants that fit together', async () => {
    const before = Date.now()
    const id = await world.newVehicle()
    await act(world.as.owner, 'startSharing', { vehicleId: id, fleetId: world.partner })
    await act(world.as.owner, 'updateVehicle', { id, name: 'Shared' })
    await act(world.as.partner, 'endSharing', { vehicleId: id })
    const after = Date.now()
    const events = await readAll(url, world.as.owner, { filter: { vehicleIds: [id] } })
    const instants = events.map(({ occurredAt }) => Date.parse(occurredAt))
    expect(events.map(({ recordedAt }) => Date.parse(recordedAt))).toEqual(instants)
    const [created = 0, started = 0, changed = 0, ended = 0] = instants
    expect(created).toBeGreaterThanOrEqual(before)
    expect(started).toBeGreaterThan(created)
    expect(changed).toBeGreaterThanOrEqual(started)
    expect(ended).toBeGreaterThan(changed)
    expect(after).toBeGreaterThanOrEqual(ended)
    const query = 'query ($id: ID!) { sharings(filter: { vehicleId: $id }) { nodes { startsAt endedAt } } }'
    const { sharings } = await ask(url, world.as.owner, query, { id })
    expect(sharings.nodes).toEqual([{ startsAt: iso(started), endedAt: iso(ended) }])
  })

  it('carry the request id that the client chose', async () => {
    const id = await world.newVehicle()
    const headers = { 'X-Request-Id': 'their-own_id-1' }
    await post(url, world.as.owner, mutations.updateVehicle, { input: { id, name: 'x' } }, headers)
    const events = await readAll(url, world.as.owner, { filter: { vehicleIds: [id] } })
    expect(events.at(-1)?.requestId).toBe('their-own_id-1')
  })
})
