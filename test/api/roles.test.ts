import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, mutations, post, run } from '../support/api.ts'
import type { Variables } from '../support/api.ts'
import { startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { FOLLOW, HISTORY, subscribe } from '../support/sockets.ts'
import { stored } from '../support/stored.ts'
import { makeWorld } from '../support/world.ts'
import type { World } from '../support/world.ts'

let server: TestServer
let world: World
let vehicleId: string
let sharingId: string
/** Behind it lies the start of that sharing. */
let firstCursor: string
beforeAll(async () => {
  server = await startServer({ announce: false })
  world = await makeWorld(server)
  vehicleId = await world.newVehicle()
  const { sharing } = await run(server.url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner })
  sharingId = sharing.id
  const { vehicleEvents } = await ask(server.url, world.as.owner, HISTORY, { first: 1 })
  firstCursor = vehicleEvents.pageInfo.endCursor
})
afterAll(() => server.close())

type Operation = readonly [query: string, input?: () => Variables]
const input = (fields: Variables) => ({ input: fields })

/** Everything that belongs to one kind of viewer, as an operation that would succeed. */
const FLEET: Record<string, Operation> = {
  vehicle: ['query ($id: ID!) { vehicle(id: $id) { id } }', () => ({ id: vehicleId })],
  vehicles: ['{ vehicles { nodes { id } } }'],
  sharingPartners: ['{ sharingPartners { nodes { id } } }'],
  sharing: ['query ($id: ID!) { sharing(id: $id) { id } }', () => ({ id: sharingId })],
  sharings: ['{ sharings { nodes { id } } }'],
  vehicleEvents: [HISTORY],
  createVehicle: [mutations.createVehicle, () => input({})],
  updateVehicle: [mutations.updateVehicle, () => input({ id: vehicleId, name: 'x' })],
  setVehicleUse: [mutations.setVehicleUse, () => input({ vehicleId, inUse: true })],
  deleteVehicle: [mutations.deleteVehicle, () => input({ id: vehicleId })],
  startSharing: [mutations.startSharing, () => input({ vehicleId, fleetId: world.partner })],
  updateSharingEnd: [mutations.updateSharingEnd, () => input({ vehicleId, endsAt: '2099-01-01T00:00:00Z' })],
  endSharing: [mutations.endSharing, () => input({ vehicleId })],
}
const ADMIN: Record<string, Operation> = {
  fleets: ['{ fleets { nodes { id } } }'],
  partnersOf: ['query ($id: ID!) { partnersOf(fleetId: $id) { nodes { id } } }', () => ({ id: world.owner })],
  createFleet: [mutations.createFleet, () => input({ name: 'Never' })],
  registerPartnership: [mutations.registerPartnership, () => input({ fleetIds: [world.owner, world.stranger] })],
  endPartnership: [mutations.endPartnership, () => input({ fleetIds: [world.owner, world.partner] })],
}
const ANYBODY: Record<string, Operation> = {
  viewer: ['{ viewer { roles } }'],
  __typename: ['{ __typename }'],
}

/** Who it is, as a fleet (a real one, none, or one that does not exist) and roles; what is open to them. */
const TOKENS: readonly [who: string, fleet: 'owner' | 'nobody' | null, roles: readonly string[], open: object[]][] = [
  ['an admin', null, ['admin'], [ADMIN, ANYBODY]],
  ['a gateway', null, ['gateway'], [ANYBODY]],
  ['a fleet without a role', 'owner', [], [ANYBODY]],
  ['a fleet with an unknown role', 'owner', ['chief'], [ANYBODY]],
  ['a viewer', 'owner', ['viewer'], [FLEET, ANYBODY]],
  ['a manager', 'owner', ['manager'], [FLEET, ANYBODY]],
  ['a manager who is admin, too', 'owner', ['manager', 'admin'], []],
  ['a manager who is gateway, too', 'owner', ['manager', 'gateway'], []],
  ['an admin of a fleet', 'owner', ['admin'], []],
  ['a gateway of a fleet', 'owner', ['gateway'], []],
  ['an admin who is gateway, too', null, ['admin', 'gateway'], []],
  ['an admin who is viewer, too', null, ['admin', 'viewer'], []],
  ['a manager of no fleet', null, ['manager'], []],
  ['nobody at all', null, [], []],
  ['a manager of an unknown fleet', 'nobody', ['manager'], []],
  ['an unknown fleet without a role', 'nobody', [], []],
]

const fleetOf = (fleet: 'owner' | 'nobody' | null) => (fleet === 'owner' ? world.owner : fleet)

describe.each(TOKENS)('the token of %s', (_who, fleet, roles, open) => {
  const allowed = (group: object) => open.includes(group)
  const groups = [FLEET, ADMIN, ANYBODY]
  const fields = (isOpen: boolean) =>
    groups.filter((group) => allowed(group) === isOpen).flatMap((group) => Object.entries(group))

  it('is refused each field that is not its own with FORBIDDEN, and nothing changes', async () => {
    const token = await server.token(fleetOf(fleet), roles)
    const before = await stored(server)
    for (const [field, [query, variables]] of fields(false)) {
      const { status, data, errors } = await post(server.url, token, query, variables?.())
      // A field that may be null is null, any other takes the whole answer with it.
      const codes = errors?.map(({ extensions }) => extensions.code)
      const found = { field, status, value: data?.[field] ?? null, codes }
      expect(found).toEqual({ field, status: 200, value: null, codes: ['FORBIDDEN'] })
    }
    expect(await stored(server)).toEqual(before)
  })

  it('is not refused its own operations', async () => {
    const token = await server.token(fleetOf(fleet), roles)
    for (const [field, [query, variables]] of fields(true)) {
      // What it asks for belongs to each; a mutation is asked with an input that its guards refuse after the token.
      const harmless = query.startsWith('mutation') ? withoutEffect(field) : variables?.()
      const { errors } = await post(server.url, token, query, harmless)
      expect({ field, errors }).toEqual({ field, errors: undefined })
    }
  })

  it('follows the events only of a fleet', async () => {
    const token = await server.token(fleetOf(fleet), roles)
    const subscription = await subscribe(server.url, token, FOLLOW, { after: firstCursor })
    if (allowed(FLEET)) await subscription.received(1)
    else expect(await subscription.ended).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
    subscription.stop()
  })
})

function withoutEffect(mutation: string): Variables {
  const of: Record<string, Variables> = {
    createVehicle: { name: 'x\0' },
    startSharing: { vehicleId: 'none', fleetId: 'none' },
    createFleet: { name: '' },
    registerPartnership: { fleetIds: [] },
    endPartnership: { fleetIds: [] },
    updateVehicle: { id: 'none' },
    deleteVehicle: { id: 'none' },
    setVehicleUse: { vehicleId: 'none', inUse: true },
  }
  return input(of[mutation] ?? { vehicleId: 'none' })
}

describe('viewer', () => {
  const VIEWER = '{ viewer { fleet { id name } roles tokenExpiresAt } }'

  it.each<[fleet: 'owner' | null, roles: string[], known: string[]]>([
    ['owner', ['viewer'], ['VIEWER']],
    ['owner', ['manager'], ['MANAGER']],
    ['owner', ['Manager', 'chief', 'VIEWER', 'operator'], ['MANAGER', 'VIEWER', 'OPERATOR']],
    ['owner', [], []],
    ['owner', ['chief'], []],
    [null, ['admin'], ['ADMIN']],
    [null, ['Gateway'], ['GATEWAY']],
  ])('of %s with roles %j names %j, as the token carries them', async (fleet, roles, known) => {
    const token = await server.token(fleetOf(fleet), roles)
    const { viewer } = await ask(server.url, token, VIEWER)
    expect(viewer.roles).toEqual(known)
    expect(viewer.fleet).toEqual(fleet === null ? null : { id: world.owner, name: 'Owner' })
  })

  it('says when the token ends, to the second that the token carries', async () => {
    const earliest = Math.floor(Date.now() / 1000) + 90
    const token = await server.token(world.owner, 'viewer', 90)
    const latest = Math.floor(Date.now() / 1000) + 90
    const { viewer } = await ask(server.url, token, VIEWER)
    const seconds = Date.parse(viewer.tokenExpiresAt) / 1000
    expect(seconds).toBeGreaterThanOrEqual(earliest)
    expect(seconds).toBeLessThanOrEqual(latest)
  })
})

it('a role holds those below it, and several hold what the highest holds', async () => {
  const can = `query ($id: ID!) { vehicle(id: $id) { viewerCan { update { allowed } } } }`
  for (const [roles, allowed] of [
    [['viewer'], false],
    [['viewer', 'operator'], false],
    [['viewer', 'manager'], true],
    [['MANAGER', 'chief'], true],
  ] as const) {
    const { vehicle } = await ask(server.url, await server.token(world.owner, roles), can, { id: vehicleId })
    expect({ roles, allowed: vehicle.viewerCan.update.allowed }).toEqual({ roles, allowed })
  }
})

it('the rest of an answer is kept when one nullable field of it is refused', async () => {
  const query = 'query ($id: ID!) { viewer { roles } vehicle(id: $id) { id } }'
  const { data, errors } = await post(server.url, world.as.admin, query, { id: vehicleId })
  expect(data).toEqual({ viewer: { roles: ['ADMIN'] }, vehicle: null })
  expect(errors).toMatchObject([{ path: ['vehicle'], extensions: { code: 'FORBIDDEN' } }])
})
