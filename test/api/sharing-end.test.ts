import { describe, expect, it } from 'vitest'
import { ask, run } from '../support/api.ts'
import type { Answer, mutations, Variables } from '../support/api.ts'
import { serverForAll } from '../support/server.ts'
import { HISTORY } from '../support/sockets.ts'
import { stored } from '../support/stored.ts'
import { inHours, iso, makeWorld } from '../support/world.ts'

const server = await serverForAll({ announce: false })
const world = await makeWorld(server)

type Party = 'owner' | 'partner' | 'stranger'

const mutate = (who: Party, name: keyof typeof mutations, input: Variables): Promise<Answer['data']> =>
  run(server.url, world.as[who], name, input)

/** For what has to be refused. @returns the answer, after seeing that nothing has changed */
async function refused(who: Party, name: keyof typeof mutations, input: Variables): Promise<Answer['data']> {
  const before = await stored(server)
  const answer = await mutate(who, name, input)
  expect(await stored(server)).toEqual(before)
  return answer
}

/** A new vehicle with one sharing. */
async function lend(period: Variables = {}): Promise<{ vehicleId: string; sharingId: string; startsAt: string }> {
  const vehicleId = await world.newVehicle()
  const { sharing } = await mutate('owner', 'startSharing', { vehicleId, fleetId: world.partner, ...period })
  return { vehicleId, sharingId: sharing.id, startsAt: sharing.startsAt }
}

async function latestEvent(vehicleId: string, token = world.as.owner): Promise<Answer['data']> {
  const { vehicleEvents } = await ask(server.url, token, HISTORY, { filter: { vehicleIds: [vehicleId] } })
  return vehicleEvents.nodes.at(-1)
}

describe('updateSharingEnd', () => {
  const update = (input: Variables) => mutate('owner', 'updateSharingEnd', input)
  const refuse = (input: Variables) => refused('owner', 'updateSharingEnd', input)

  it('sets, moves and opens the end of the sharing in force, one event each, for both parties', async () => {
    const { vehicleId, sharingId, startsAt } = await lend()
    for (const endsAt of [inHours(2), inHours(1), null, inHours(3)]) {
      const answer = await update({ vehicleId, endsAt })
      expect(answer).toMatchObject({
        __typename: 'UpdateSharingEndSuccess',
        vehicle: { id: vehicleId },
        sharing: { id: sharingId, phase: 'ACTIVE', startsAt, endsAt, endedAt: null, endReason: null },
      })
      const event = await latestEvent(vehicleId)
      expect(event).toMatchObject({ type: 'SHARING_END_CHANGED', endsAt, endReason: null, sharing: { id: sharingId } })
      expect((await latestEvent(vehicleId, world.as.partner)).id).toBe(event.id)
    }
  })

  it('to the same end again succeeds and writes nothing', async () => {
    const endsAt = '2099-01-01T00:00:00.123Z'
    const { vehicleId, sharingId } = await lend({ endsAt })
    const open = await lend()
    const before = await stored(server)
    for (const same of [endsAt, '2099-01-01T02:00:00.1239+02:00']) {
      expect(await update({ vehicleId, endsAt: same })).toMatchObject({ sharing: { id: sharingId, endsAt } })
    }
    expect(await update({ vehicleId: open.vehicleId, endsAt: null })).toMatchObject({ sharing: { endsAt: null } })
    expect(await stored(server)).toEqual(before)
  })

  it('needs an end in its input: absent is not null', async () => {
    const { vehicleId } = await lend({ endsAt: inHours(1) })
    expect(await refuse({ vehicleId })).toMatchObject({ code: 'INVALID_INPUT', path: ['endsAt'] })
  })

  it('refuses an end that is not in the future', async () => {
    const { vehicleId, startsAt } = await lend()
    for (const endsAt of ['2020-01-01T00:00:00Z', startsAt, iso(Date.now())]) {
      expect(await refuse({ vehicleId, endsAt })).toMatchObject({ code: 'INVALID_PERIOD', path: ['endsAt'] })
    }
  })

  it('moves the end of a scheduled sharing by its id, and never to its start or before', async () => {
    const startsAt = inHours(2)
    const { vehicleId, sharingId } = await lend({ startsAt, endsAt: inHours(3) })
    for (const endsAt of [startsAt, inHours(1)]) {
      const answer = await refuse({ vehicleId, sharingId, endsAt })
      expect(answer).toMatchObject({ code: 'INVALID_PERIOD', path: ['endsAt'] })
    }
    const endsAt = iso(Date.parse(startsAt) + 1)
    const answer = await update({ vehicleId, sharingId, endsAt })
    expect(answer).toMatchObject({ sharing: { id: sharingId, phase: 'SCHEDULED', startsAt, endsAt } })
    expect(await latestEvent(vehicleId)).toMatchObject({ type: 'SHARING_END_CHANGED', endsAt })
  })

  it('goes up to a scheduled sharing, and not into it', async () => {
    const { vehicleId, sharingId } = await lend({ endsAt: inHours(1) })
    const [first, second] = [inHours(2), inHours(4)]
    const input = { vehicleId, fleetId: world.partner }
    const { sharing } = await mutate('owner', 'startSharing', { ...input, startsAt: first, endsAt: inHours(3) })
    await mutate('owner', 'startSharing', { ...input, startsAt: second })
    const conflict = { code: 'ALREADY_SHARED', conflict: { id: sharing.id } }
    for (const endsAt of [iso(Date.parse(first) + 1), inHours(5), null]) {
      expect(await refuse({ vehicleId, endsAt })).toMatchObject(conflict)
    }
    expect(await update({ vehicleId, endsAt: first })).toMatchObject({ sharing: { id: sharingId, endsAt: first } })
    const moved = await update({ vehicleId, sharingId: sharing.id, endsAt: second })
    expect(moved).toMatchObject({ sharing: { id: sharing.id, endsAt: second } })
  })
})

describe('endSharing', () => {
  it.each([
    ['owner', 'ENDED_BY_OWNER'],
    ['partner', 'ENDED_BY_PARTNER'],
  ] as const)('by the %s ends the one in force now and gives control back', async (who, endReason) => {
    const endsAt = inHours(1)
    const { vehicleId, sharingId } = await lend({ endsAt })
    const { vehicle, sharing } = await mutate(who, 'endSharing', { vehicleId })
    // Who has no access any more gets no vehicle.
    expect(vehicle).toEqual(who === 'owner' ? { id: vehicleId } : null)
    expect(sharing.vehicle).toEqual(vehicle)
    expect(sharing).toMatchObject({ id: sharingId, phase: 'ENDED', endsAt, endReason })
    expect(Date.parse(sharing.endedAt)).toBeLessThanOrEqual(Date.now())
    const event = await latestEvent(vehicleId)
    expect(event).toMatchObject({ type: 'SHARING_ENDED', occurredAt: sharing.endedAt, endReason, endsAt })
    expect((await latestEvent(vehicleId, world.as.partner)).id).toBe(event.id)
    const seen = await ask(server.url, world.as.owner, `query ($id: ID!) { vehicle(id: $id) { sharing { id } } }`, {
      id: vehicleId,
    })
    expect(seen.vehicle.sharing).toBeNull()
  })

  it.each([
    ['owner', 'CANCELLED_BY_OWNER'],
    ['partner', 'CANCELLED_BY_PARTNER'],
  ] as const)('by the %s calls off a scheduled one that it names', async (who, endReason) => {
    const endsAt = inHours(2)
    const { vehicleId, sharingId } = await lend({ startsAt: inHours(1), endsAt })
    const { vehicle, sharing } = await mutate(who, 'endSharing', { vehicleId, sharingId })
    expect(vehicle).toEqual(who === 'owner' ? { id: vehicleId } : null)
    expect(sharing).toMatchObject({ id: sharingId, phase: 'CANCELLED', endsAt, endedAt: null, endReason })
    const event = await latestEvent(vehicleId)
    expect(event).toMatchObject({ type: 'SHARING_CANCELLED', endReason, sharing: { phase: 'CANCELLED' } })
    expect((await latestEvent(vehicleId, world.as.partner)).id).toBe(event.id)
  })

  it('leaves the vehicle to a partner who calls off its next sharing while one is in force', async () => {
    const { vehicleId } = await lend({ endsAt: inHours(1) })
    const input = { vehicleId, fleetId: world.partner, startsAt: inHours(2) }
    const next = await mutate('owner', 'startSharing', input)
    const answer = await mutate('partner', 'endSharing', { vehicleId, sharingId: next.sharing.id })
    expect(answer).toMatchObject({ vehicle: { id: vehicleId }, sharing: { phase: 'CANCELLED' } })
    expect(answer.sharing.vehicle).toEqual({ id: vehicleId })
  })

  it('is open to a manager alone, also for calling off', async () => {
    const { vehicleId, sharingId } = await lend({ startsAt: inHours(1) })
    for (const role of ['viewer', 'operator']) {
      const token = await server.token(world.partner, role)
      const answer = await run(server.url, token, 'endSharing', { vehicleId, sharingId })
      expect(answer.code).toBe('ROLE_NOT_SUFFICIENT')
    }
  })
})

describe('a sharingId', () => {
  it('may name the sharing in force', async () => {
    const { vehicleId, sharingId } = await lend({ endsAt: inHours(1) })
    const moved = await mutate('owner', 'updateSharingEnd', { vehicleId, sharingId, endsAt: inHours(2) })
    expect(moved).toMatchObject({ sharing: { id: sharingId } })
    const ended = await mutate('partner', 'endSharing', { vehicleId, sharingId })
    expect(ended).toMatchObject({ sharing: { id: sharingId, phase: 'ENDED' } })
  })

  it('that is null means the sharing in force', async () => {
    const { vehicleId, sharingId } = await lend()
    const answer = await mutate('owner', 'endSharing', { vehicleId, sharingId: null })
    expect(answer).toMatchObject({ sharing: { id: sharingId, phase: 'ENDED' } })
  })

  it.each(['ended', 'called off'])('that is %s is NOT_SHARED, and never the one in force instead', async (how) => {
    const { vehicleId, sharingId } = await lend(how === 'ended' ? {} : { startsAt: inHours(1), endsAt: inHours(2) })
    await mutate('owner', 'endSharing', { vehicleId, sharingId })
    await mutate('owner', 'startSharing', { vehicleId, fleetId: world.partner })
    const endsAt = inHours(1)
    expect(await refused('owner', 'updateSharingEnd', { vehicleId, sharingId, endsAt })).toMatchObject({
      code: 'NOT_SHARED',
    })
    for (const who of ['owner', 'partner'] as const) {
      expect(await refused(who, 'endSharing', { vehicleId, sharingId })).toMatchObject({ code: 'NOT_SHARED' })
    }
  })

  it("that is unknown, or another vehicle's, is SHARING_NOT_FOUND", async () => {
    const { vehicleId } = await lend()
    const other = await lend()
    for (const sharingId of [other.sharingId, 'c0ffee00-0000-4000-8000-000000000000', '', 'x\0', '\udfff']) {
      const named = { vehicleId, sharingId }
      const moved = await refused('owner', 'updateSharingEnd', { ...named, endsAt: inHours(1) })
      expect(moved).toMatchObject({ code: 'SHARING_NOT_FOUND' })
      for (const who of ['owner', 'partner'] as const) {
        expect(await refused(who, 'endSharing', named)).toMatchObject({ code: 'SHARING_NOT_FOUND' })
      }
    }
  })

  it('opens to the partner of a scheduled sharing nothing but calling it off', async () => {
    const { vehicleId, sharingId } = await lend({ startsAt: inHours(1), endsAt: inHours(2) })
    const unseen = { code: 'VEHICLE_NOT_FOUND' }
    const moved = { vehicleId, sharingId, endsAt: inHours(3) }
    expect(await refused('partner', 'updateSharingEnd', moved)).toMatchObject(unseen)
    expect(await refused('partner', 'endSharing', { vehicleId })).toMatchObject(unseen)
    expect(await refused('stranger', 'endSharing', { vehicleId, sharingId })).toMatchObject(unseen)
    const other = await world.newVehicle()
    expect(await refused('partner', 'endSharing', { vehicleId: other, sharingId })).toMatchObject(unseen)
  })

  it('opens nothing to a partner whose sharing is over', async () => {
    for (const period of [{}, { startsAt: inHours(1) }]) {
      const { vehicleId, sharingId } = await lend(period)
      await mutate('partner', 'endSharing', { vehicleId, sharingId })
      const answer = await refused('partner', 'endSharing', { vehicleId, sharingId })
      expect(answer).toMatchObject({ code: 'VEHICLE_NOT_FOUND' })
    }
  })
})
