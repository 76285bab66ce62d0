import { describe, expect, it } from 'vitest'
import { seedDemoWorld } from '../prisma/seed.ts'
import { ask, mutations, run, SHARING } from './support/api.ts'
import { follow, readAll } from './support/events.ts'
import { setUse } from './support/handover.ts'
import { DATABASE_KINDS, serverForAll } from './support/server.ts'
import { subscribe, subscribeSse } from './support/sockets.ts'
import { inHours, iso } from './support/world.ts'

const VEHICLE = 'FK852'
const SHARE_ONE = '78LMK'
const SHARE_TWO = 'DE3P4'
const LONE_WHEELS = 'Q7X2B'

const LOOK = `query ($id: ID!) {
  vehicle(id: $id) {
    id fleet { id } sharing { id status } sharings { nodes { id } }
    viewerCan { ${['update', 'delete', 'startSharing', 'updateSharingEnd', 'endSharing', 'sendCommand']
      .map((action) => `${action} { code }`)
      .join(' ')} } }
  vehicles(first: 100) { nodes { id } }
  only: vehicles(filter: { ids: [$id] }) { nodes { id } } }`

/** The refusals of each standing; null is allowed. What is allowed the story does in its course. */
const STANDINGS = {
  'owner, not shared': {
    update: null,
    delete: null,
    startSharing: null,
    updateSharingEnd: 'NOT_SHARED',
    endSharing: 'NOT_SHARED',
    sendCommand: null,
  },
  'owner, while shared': {
    update: null,
    delete: 'SHARED_WITH_PARTNER',
    startSharing: 'ALREADY_SHARED',
    updateSharingEnd: null,
    endSharing: null,
    sendCommand: 'SHARED_WITH_PARTNER',
  },
  'partner, while shared': {
    update: 'NOT_OWNER',
    delete: 'NOT_OWNER',
    startSharing: 'NOT_OWNER',
    updateSharingEnd: 'NOT_OWNER',
    endSharing: null,
    sendCommand: null,
  },
  'anyone else': {
    update: 'VEHICLE_NOT_FOUND',
    delete: 'VEHICLE_NOT_FOUND',
    startSharing: 'VEHICLE_NOT_FOUND',
    updateSharingEnd: 'VEHICLE_NOT_FOUND',
    endSharing: 'VEHICLE_NOT_FOUND',
    sendCommand: 'VEHICLE_NOT_FOUND',
  },
} as const

const ATTEMPTS = {
  update: ['updateVehicle', { id: VEHICLE, name: 'Somebody else was here' }],
  delete: ['deleteVehicle', { id: VEHICLE }],
  startSharing: ['startSharing', { vehicleId: VEHICLE, fleetId: SHARE_TWO }],
  updateSharingEnd: ['updateSharingEnd', { vehicleId: VEHICLE, endsAt: null }],
  endSharing: ['endSharing', { vehicleId: VEHICLE }],
} as const

describe.each(DATABASE_KINDS)('the demo world, on %s', async (database) => {
  const server = await serverForAll({ database })
  const url = server.url
  await seedDemoWorld(server.app.prisma)
  const one = await server.token(SHARE_ONE, 'manager')
  const two = await server.token(SHARE_TWO, 'manager')
  const lone = await server.token(LONE_WHEELS, 'manager')

  const look = (token: string) => ask(url, token, LOOK, { id: VEHICLE })

  const sharingOf = async (token: string, id: string) =>
    (await ask(url, token, `query ($id: ID!) { sharing(id: $id) { ${SHARING} } }`, { id })).sharing

  /** Tries all that the standing is refused, and compares what `viewerCan` foretells. */
  async function standsAs(token: string, standing: keyof typeof STANDINGS): Promise<void> {
    const codes = STANDINGS[standing]
    for (const [action, [mutation, input]] of Object.entries(ATTEMPTS)) {
      const code = codes[action as keyof typeof ATTEMPTS]
      if (code !== null)
        expect(await run(url, token, mutation, input), `${standing}: ${mutation}`).toMatchObject({ code })
    }
    const { vehicle, vehicles, only } = await look(token)
    const isVisible = standing !== 'anyone else'
    expect(vehicles.nodes.filter(({ id }: { id: string }) => id === VEHICLE)).toHaveLength(isVisible ? 1 : 0)
    expect(only.nodes).toEqual(isVisible ? [{ id: VEHICLE }] : [])
    if (!isVisible) return expect(vehicle).toBeNull()
    const foretold = Object.entries<{ code: string | null }>(vehicle.viewerCan).map(([action, { code }]) => [
      action,
      code,
    ])
    expect(Object.fromEntries(foretold), standing).toEqual(codes)
  }

  const rename = async (token: string, id: string, name: string) =>
    expect(await run(url, token, 'updateVehicle', { id, name })).toMatchObject({ vehicle: { id, name } })

  const ownVehicle = async (token: string) =>
    (await ask(url, token, '{ vehicles(first: 1, filter: { relation: OWNED }) { nodes { id } } }')).vehicles.nodes[0]
      .id as string

  it('lends FK852 until an instant, and gets it back before', async () => {
    const followers = [await follow(url, one), await follow(url, two, { open: subscribeSse }), await follow(url, lone)]
    await standsAs(one, 'owner, not shared')
    await standsAs(two, 'anyone else')
    await standsAs(lone, 'anyone else')

    const endsAt = inHours(1)
    const started = await run(url, one, 'startSharing', { vehicleId: VEHICLE, fleetId: SHARE_TWO, endsAt })
    const { id, startsAt } = started.sharing as { id: string; startsAt: string }
    const facts = { id, phase: 'ACTIVE', vehicleId: VEHICLE, vehicle: { id: VEHICLE }, startsAt, endsAt, endedAt: null }
    const parties = { owner: { id: SHARE_ONE }, partner: { id: SHARE_TWO } }
    expect(started.sharing).toMatchObject({ ...facts, ...parties, status: 'SHARED_OWN_VEHICLE' })
    expect(await sharingOf(one, id)).toEqual(started.sharing)
    expect(await sharingOf(two, id)).toEqual({ ...started.sharing, status: 'SHARED_PARTNER_VEHICLE' })
    expect((await look(one)).vehicle.sharing).toEqual({ id, status: 'SHARED_OWN_VEHICLE' })
    expect((await look(two)).vehicle).toMatchObject({
      fleet: { id: SHARE_ONE },
      sharing: { id, status: 'SHARED_PARTNER_VEHICLE' },
      sharings: { nodes: [{ id }] },
    })
    await standsAs(one, 'owner, while shared')
    await standsAs(two, 'partner, while shared')
    await standsAs(lone, 'anyone else')
    expect(await sharingOf(lone, id)).toBeNull()
    await rename(one, VEHICLE, 'While it is lent')

    const socket = await subscribe(url, two, mutations.endSharing, { input: { vehicleId: VEHICLE } })
    const [ended] = await socket.received(1)
    const { endedAt } = ended.data.endSharing.sharing
    const over = { ...facts, phase: 'ENDED', endReason: 'ENDED_BY_PARTNER', endedAt }
    expect(ended.data.endSharing).toMatchObject({ vehicle: null, sharing: { ...over, vehicle: null } })
    expect(Date.parse(endedAt)).toBeGreaterThan(Date.parse(startsAt))

    await standsAs(one, 'owner, not shared')
    await standsAs(two, 'anyone else')
    await standsAs(lone, 'anyone else')
    expect(await sharingOf(one, id)).toMatchObject(over)
    expect(await sharingOf(two, id)).toMatchObject({ ...over, vehicle: null })
    expect(await sharingOf(lone, id)).toBeNull()
    await rename(one, VEHICLE, 'Back home')
    // A last event of each fleet's own: what has not come before it will not come.
    const last = [await ownVehicle(one), await ownVehicle(two), await ownVehicle(lone)]
    for (const [index, token] of [one, two, lone].entries()) await rename(token, last[index] ?? '', 'Last')

    const partnerSaw = ['SHARING_STARTED', 'VEHICLE_CHANGED', 'SHARING_ENDED'].map((type) => [type, VEHICLE])
    const expected = [[...partnerSaw, ['VEHICLE_CHANGED', VEHICLE]], partnerSaw, []]
    for (const [index, follower] of followers.entries()) {
      const events = [...(expected[index] ?? []), ['VEHICLE_CHANGED', last[index]]]
      expect((await follower.events(events.length)).map(({ type, vehicleId }) => [type, vehicleId])).toEqual(events)
      follower.stop()
    }
    const inLog = await readAll(url, two, { filter: { vehicleIds: [VEHICLE] } })
    expect(inLog.map(({ type, vehicle }) => [type, vehicle])).toEqual(partnerSaw.map(([type]) => [type, null]))
    expect(await readAll(url, lone, { filter: { vehicleIds: [VEHICLE] } })).toEqual([])
  })

  it('lends FK852 with an open end, moves the end, and ends it as the owner', async () => {
    const followers = [await follow(url, one), await follow(url, two)]
    const { sharing } = await run(url, one, 'startSharing', { vehicleId: VEHICLE, fleetId: SHARE_TWO })
    expect(sharing).toMatchObject({ phase: 'ACTIVE', endsAt: null, allowedCommands: null })
    const endsAt = inHours(1)
    const moveTo = (to: object) => run(url, one, 'updateSharingEnd', { vehicleId: VEHICLE, ...to })
    expect(await moveTo({ endsAt })).toMatchObject({ vehicle: { id: VEHICLE }, sharing: { id: sharing.id, endsAt } })
    expect(await moveTo({ endsAt })).toMatchObject({ sharing: { endsAt } })
    expect(await sharingOf(two, sharing.id)).toMatchObject({ phase: 'ACTIVE', endsAt })
    expect(await moveTo({ endsAt: iso(Date.now() - 1) })).toMatchObject({ code: 'INVALID_PERIOD', path: ['endsAt'] })
    expect(await moveTo({})).toMatchObject({ code: 'INVALID_INPUT', path: ['endsAt'] })
    expect(await moveTo({ endsAt: null })).toMatchObject({ sharing: { endsAt: null } })
    expect(await run(url, one, 'endSharing', { vehicleId: VEHICLE })).toMatchObject({
      vehicle: { id: VEHICLE },
      sharing: { phase: 'ENDED', endReason: 'ENDED_BY_OWNER', vehicle: { id: VEHICLE } },
    })
    await standsAs(one, 'owner, not shared')
    await standsAs(two, 'anyone else')
    for (const follower of followers) {
      expect(await follower.events(4)).toMatchObject([
        { type: 'SHARING_STARTED', endsAt: null, endReason: null },
        { type: 'SHARING_END_CHANGED', endsAt, endReason: null },
        { type: 'SHARING_END_CHANGED', endsAt: null, endReason: null },
        { type: 'SHARING_ENDED', endsAt: null, endReason: 'ENDED_BY_OWNER' },
      ])
      follower.stop()
    }
  })

  it('has a customer on the road, whose sharing is over and waits', async () => {
    const late = `{ sharings(first: 2, filter: { phase: ACTIVE }) { nodes { endRequestedAt endsAt latestEndsAt
      vehicle { id use { reference } idleness { blockedBy } } } } }`
    const [found, ...others] = (await ask(url, two, late)).sharings.nodes
    expect(others).toEqual([])
    expect(found).toMatchObject({ endRequestedAt: found.endsAt, vehicle: { use: { reference: 'Booking 4711' } } })
    expect(found.vehicle.idleness.blockedBy).toContain('IN_USE')
    const log = await readAll(url, one, { filter: { vehicleIds: [found.vehicle.id] } })
    const told = ['VEHICLE_CHANGED', 'SHARING_STARTED', 'VEHICLE_USE_CHANGED', 'SHARING_END_REQUESTED']
    expect(log.map(({ type }) => type).slice(0, 4)).toEqual(told)
    expect(await setUse(url, two, { vehicleId: found.vehicle.id, inUse: false })).toMatchObject({
      vehicle: { id: found.vehicle.id, use: null },
    })
  })
})
