import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, run } from '../support/api.ts'
import type { mutations, Variables } from '../support/api.ts'
import { startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { stored } from '../support/stored.ts'
import { HOUR, iso, makeWorld } from '../support/world.ts'
import type { World } from '../support/world.ts'

const ROLES = ['viewer', 'operator', 'manager'] as const
type Role = (typeof ROLES)[number]

/** What `viewerCan` calls it, and the mutation that it guards. */
const ACTIONS = {
  update: 'updateVehicle',
  delete: 'deleteVehicle',
  startSharing: 'startSharing',
  updateSharingEnd: 'updateSharingEnd',
  endSharing: 'endSharing',
} as const satisfies Record<string, keyof typeof mutations>
type Action = keyof typeof ACTIONS
const NAMES = Object.keys(ACTIONS) as Action[]

const ok = null
const unseen = 'VEHICLE_NOT_FOUND'

/**
 * What a manager is answered. "Passed on" is a vehicle with one past sharing, one in force and one to come, each with
 * another fleet.
 */
const POLICY = [
  // who, which vehicle, update, delete, startSharing, updateSharingEnd, endSharing
  ['owner', 'free', ok, ok, ok, 'NOT_SHARED', 'NOT_SHARED'],
  ['owner', 'returned', ok, ok, ok, 'NOT_SHARED', 'NOT_SHARED'],
  ['owner', 'scheduled', ok, 'ALREADY_SHARED', ok, 'NOT_SHARED', 'NOT_SHARED'],
  ['owner', 'called off', ok, ok, ok, 'NOT_SHARED', 'NOT_SHARED'],
  ['owner', 'shared', ok, 'SHARED_WITH_PARTNER', 'ALREADY_SHARED', ok, ok],
  ['owner', 'passed on', ok, 'SHARED_WITH_PARTNER', 'ALREADY_SHARED', ok, ok],
  ['owner', 'deleted', unseen, unseen, unseen, unseen, unseen],
  ['partner', 'shared', 'NOT_OWNER', 'NOT_OWNER', 'NOT_OWNER', 'NOT_OWNER', ok],
  ['partner', 'passed on', 'NOT_OWNER', 'NOT_OWNER', 'NOT_OWNER', 'NOT_OWNER', ok],
  ['partner', 'free', unseen, unseen, unseen, unseen, unseen],
  ['partner', 'scheduled', unseen, unseen, unseen, unseen, unseen],
  ['partner', 'called off', unseen, unseen, unseen, unseen, unseen],
  ['partner', 'returned', unseen, unseen, unseen, unseen, unseen],
  ['former partner', 'passed on', unseen, unseen, unseen, unseen, unseen],
  ['next partner', 'passed on', unseen, unseen, unseen, unseen, unseen],
  ['stranger', 'free', unseen, unseen, unseen, unseen, unseen],
  ['stranger', 'scheduled', unseen, unseen, unseen, unseen, unseen],
  ['stranger', 'shared', unseen, unseen, unseen, unseen, unseen],
  ['stranger', 'passed on', unseen, unseen, unseen, unseen, unseen],
] as const
type Who = (typeof POLICY)[number][0]
type Kind = (typeof POLICY)[number][1]

const VIEWER_CAN = `query ($id: ID!) { vehicle(id: $id) { viewerCan {
  ${NAMES.map((name) => `${name} { allowed code }`).join(' ')} } } }`

let server: TestServer
let world: World
let fleets: Record<Who, string>

beforeAll(async () => {
  server = await startServer({ announce: false })
  world = await makeWorld(server)
  const befriend = async (name: string): Promise<string> => {
    const { fleet } = await run(server.url, world.as.admin, 'createFleet', { name })
    await run(server.url, world.as.admin, 'registerPartnership', { fleetIds: [world.owner, fleet.id] })
    return fleet.id
  }
  const { owner, partner, stranger } = world
  const others = { 'former partner': await befriend('Former'), 'next partner': await befriend('Next') }
  fleets = { owner, partner, stranger, ...others }
})
afterAll(() => server.close())

/** A new vehicle of that kind, whoever wants to try something with it. @returns its id */
async function vehicleThatIs(kind: Kind): Promise<string> {
  const { url } = server
  const vehicleId = await world.newVehicle({ name: 'before' })
  const share = async (fleetId: string, startsIn: number | null, endsIn: number) => {
    const startsAt = startsIn === null ? null : iso(Date.now() + startsIn)
    const input = { vehicleId, fleetId, startsAt, endsAt: iso(Date.now() + endsIn) }
    return (await run(url, world.as.owner, 'startSharing', input)).sharing.id as string
  }
  const end = (sharingId?: string) => run(url, world.as.owner, 'endSharing', { vehicleId, sharingId })
  if (kind === 'returned') {
    await share(fleets.partner, null, HOUR)
    await end()
  }
  if (kind === 'called off') await end(await share(fleets.partner, 2 * HOUR, 3 * HOUR))
  if (kind === 'passed on') {
    await share(fleets['former partner'], null, HOUR)
    await end()
    await share(fleets['next partner'], 2 * HOUR, 3 * HOUR)
  }
  if (kind === 'shared' || kind === 'passed on') await share(fleets.partner, null, HOUR)
  if (kind === 'scheduled') await share(fleets.partner, 2 * HOUR, 3 * HOUR)
  if (kind === 'deleted') await run(url, world.as.owner, 'deleteVehicle', { id: vehicleId })
  return vehicleId
}

/** An input that nothing but who asks, and what the vehicle is, can speak against. */
function inputOf(action: Action, vehicleId: string): Variables {
  switch (action) {
    case 'update':
      return { id: vehicleId, name: 'after' }
    case 'delete':
      return { id: vehicleId }
    case 'startSharing':
      return { vehicleId, fleetId: fleets.partner, endsAt: iso(Date.now() + HOUR / 2) }
    case 'updateSharingEnd':
      return { vehicleId, endsAt: iso(Date.now() + HOUR / 2) }
    case 'endSharing':
      return { vehicleId }
  }
}

/** What a role below MANAGER is answered: that it does not suffice, but only where there is something to see. */
const expectedFor = (role: Role, forManager: string | null) =>
  role === 'manager' || forManager === unseen ? forManager : 'ROLE_NOT_SUFFICIENT'

describe.each(ROLES)('with the role of a %s', (role) => {
  it.each(POLICY)('the %s is answered by the table for a vehicle that is %s', async (who, kind, ...expected) => {
    const token = await server.token(fleets[who], role)
    let id = await vehicleThatIs(kind)
    for (const [index, action] of NAMES.entries()) {
      const code = expectedFor(role, expected[index] ?? null)
      const { vehicle } = await ask(server.url, token, VIEWER_CAN, { id })
      const before = await stored(server)
      const answer = await run(server.url, token, ACTIONS[action], inputOf(action, id))
      expect({ action, code: answer.code ?? null }).toEqual({ action, code })
      // The permission and the guard are one rule; what cannot be seen has no permissions.
      if (code === unseen) expect(vehicle).toBeNull()
      else expect(vehicle.viewerCan[action]).toEqual({ allowed: code === null, code })
      const after = await stored(server)
      if (code === null) {
        expect(after.events).toHaveLength(before.events.length + 1)
        id = await vehicleThatIs(kind)
      } else {
        expect(after).toEqual(before)
      }
    }
  })
})

describe('a conflict', () => {
  const inForce = `query ($id: ID!) { vehicle(id: $id) { sharing { id } sharings { nodes { id phase } } } }`

  it('names the sharing in force when the owner may neither delete nor share', async () => {
    const id = await vehicleThatIs('passed on')
    const { vehicle } = await ask(server.url, world.as.owner, inForce, { id })
    const conflict = { id: vehicle.sharing.id }
    const deleted = await run(server.url, world.as.owner, 'deleteVehicle', inputOf('delete', id))
    expect(deleted).toMatchObject({ __typename: 'SharingConflictError', code: 'SHARED_WITH_PARTNER', conflict })
    const shared = await run(server.url, world.as.owner, 'startSharing', inputOf('startSharing', id))
    expect(shared).toMatchObject({ __typename: 'SharingConflictError', code: 'ALREADY_SHARED', conflict })
  })

  it('names the scheduled sharing that the owner would delete or run into', async () => {
    const id = await vehicleThatIs('scheduled')
    const { vehicle } = await ask(server.url, world.as.owner, inForce, { id })
    const [{ id: scheduled }] = vehicle.sharings.nodes
    const deleted = await run(server.url, world.as.owner, 'deleteVehicle', inputOf('delete', id))
    expect(deleted).toMatchObject({ code: 'ALREADY_SHARED', conflict: { id: scheduled } })
    const open = { vehicleId: id, fleetId: fleets['next partner'] }
    const shared = await run(server.url, world.as.owner, 'startSharing', open)
    expect(shared).toMatchObject({ code: 'ALREADY_SHARED', conflict: { id: scheduled } })
  })
})
