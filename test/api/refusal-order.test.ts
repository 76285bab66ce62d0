import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mutations, run } from '../support/api.ts'
import type { Variables } from '../support/api.ts'
import { startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { HISTORY } from '../support/sockets.ts'
import { stored } from '../support/stored.ts'
import { inHours, makeWorld } from '../support/world.ts'
import type { World } from '../support/world.ts'

const LONG = 'x'.repeat(201)
const PAST = '2020-01-01T00:00:00.000Z'

let server: TestServer
let world: World

beforeAll(async () => {
  server = await startServer({ announce: false })
  world = await makeWorld(server)
})
afterAll(() => server.close())

describe('of several reasons to refuse, the first in order is given', () => {
  /** A vehicle of the owner's that is lent to the partner, under the idempotency key `used`, and one of the partner's. */
  let ids: Record<'lent' | 'free' | 'deleted' | 'partners' | 'sharing', string>
  let used: Variables

  beforeAll(async () => {
    const { url } = server
    const [lent, free, deleted] = [await world.newVehicle(), await world.newVehicle(), await world.newVehicle()]
    used = { vehicleId: lent, fleetId: world.partner, idempotencyKey: 'used' }
    const { sharing } = await run(url, world.as.owner, 'startSharing', used)
    await run(url, world.as.owner, 'deleteVehicle', { id: deleted })
    const partners = (await run(url, world.as.partner, 'createVehicle', {})).vehicle.id
    const back = { vehicleId: partners, fleetId: world.owner, idempotencyKey: 'used' }
    await run(url, world.as.partner, 'startSharing', back)
    ids = { lent, free, deleted, partners, sharing: sharing.id }
  })

  type Row = readonly [
    reason: string,
    who: 'owner' | 'partner' | 'stranger',
    role: string,
    mutation: keyof typeof mutations,
    input: () => Variables,
    code: string,
  ]
  const wrong = { startsAt: PAST, allowedCommands: [] }
  const ROWS: readonly Row[] = [
    // Not visible, before everything else.
    ['visibility before the role', 'stranger', 'viewer', 'endSharing', () => ({ vehicleId: ids.lent }), 'UNSEEN'],
    ['visibility before input', 'stranger', 'manager', 'updateVehicle', () => ({ id: ids.lent, name: LONG }), 'UNSEEN'],
    ['visibility before the key', 'stranger', 'manager', 'startSharing', () => ({ ...used, fleetId: 'X' }), 'UNSEEN'],
    ['visibility before the key', 'owner', 'manager', 'startSharing', () => ({ ...used, vehicleId: 'X' }), 'UNSEEN'],
    [
      'visibility before a key that is none',
      'stranger',
      'manager',
      'startSharing',
      () => ({ ...used, idempotencyKey: '' }),
      'UNSEEN',
    ],
    ['what is deleted is not visible', 'owner', 'viewer', 'deleteVehicle', () => ({ id: ids.deleted }), 'UNSEEN'],
    // Role.
    ['role before the key', 'owner', 'operator', 'startSharing', () => used, 'ROLE_NOT_SUFFICIENT'],
    [
      'role before another input under the key',
      'owner',
      'viewer',
      'startSharing',
      () => ({ ...used, ...wrong }),
      'ROLE_NOT_SUFFICIENT',
    ],
    [
      'role before relation',
      'partner',
      'operator',
      'updateVehicle',
      () => ({ id: ids.lent, name: LONG }),
      'ROLE_NOT_SUFFICIENT',
    ],
    ['role before state', 'owner', 'operator', 'deleteVehicle', () => ({ id: ids.lent }), 'ROLE_NOT_SUFFICIENT'],
    ['role before state', 'owner', 'viewer', 'endSharing', () => ({ vehicleId: ids.free }), 'ROLE_NOT_SUFFICIENT'],
    ['role before input', 'owner', 'operator', 'createVehicle', () => ({ name: LONG }), 'ROLE_NOT_SUFFICIENT'],
    [
      'role before a sharing that is unknown',
      'partner',
      'viewer',
      'endSharing',
      () => ({ vehicleId: ids.lent, sharingId: 'X' }),
      'ROLE_NOT_SUFFICIENT',
    ],
    // A known key.
    [
      'the key before relation',
      'partner',
      'manager',
      'startSharing',
      () => ({ ...used, ...wrong }),
      'IDEMPOTENCY_KEY_REUSED',
    ],
    [
      'the key before state and input',
      'owner',
      'manager',
      'startSharing',
      () => ({ ...used, ...wrong }),
      'IDEMPOTENCY_KEY_REUSED',
    ],
    // Relation.
    [
      'relation before input',
      'partner',
      'manager',
      'startSharing',
      () => ({ vehicleId: ids.lent, fleetId: 'X', ...wrong }),
      'NOT_OWNER',
    ],
    ['relation before input', 'partner', 'manager', 'updateVehicle', () => ({ id: ids.lent, name: LONG }), 'NOT_OWNER'],
    ['relation before input', 'partner', 'manager', 'updateSharingEnd', () => ({ vehicleId: ids.lent }), 'NOT_OWNER'],
    [
      'relation before a sharing that is unknown',
      'partner',
      'manager',
      'updateSharingEnd',
      () => ({ vehicleId: ids.lent, sharingId: 'X', endsAt: PAST }),
      'NOT_OWNER',
    ],
  ]

  it.each(ROWS)('%s: the %s as %s, %s', async (_reason, who, role, mutation, input, code) => {
    const before = await stored(server)
    const token = await server.token(world[who], role)
    const answer = await run(server.url, token, mutation, input())
    expect(answer.code).toBe(code === 'UNSEEN' ? 'VEHICLE_NOT_FOUND' : code)
    expect(await stored(server)).toEqual(before)
  })

  it('a known key is answered although the vehicle is shared by now', async () => {
    const answer = await run(server.url, world.as.owner, 'startSharing', used)
    expect(answer).toMatchObject({ __typename: 'StartSharingSuccess', sharing: { id: ids.sharing } })
  })
})

describe('nothing tells a vehicle that others have from one that nobody has', () => {
  /** As bytes, so that nothing that differs is overlooked; the ids that were asked for are no news. */
  async function bytes(token: string, query: string, variables: Variables, ...asked: string[]): Promise<string> {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      body: JSON.stringify({ query, variables }),
    })
    return asked.reduce((text, id) => text.replaceAll(id, 'ID'), `${response.status} ${await response.text()}`)
  }

  const [vehicleId, sharingId] = ['ZZZZZ', 'c0ffee00-0000-4000-8000-000000000000']
  const nonsense = { vehicleId, sharingId, name: LONG }
  type Ids = typeof nonsense
  const READS: readonly [string, (ids: Ids) => Variables][] = [
    ['query ($id: ID!) { vehicle(id: $id) { id viewerCan { update { code } } } }', (ids) => ({ id: ids.vehicleId })],
    [
      'query ($ids: [ID!]) { vehicles(filter: { ids: $ids }) { nodes { id } pageInfo { hasNextPage endCursor } } }',
      (ids) => ({ ids: [ids.vehicleId] }),
    ],
    ['query ($id: ID!) { sharing(id: $id) { id phase } }', (ids) => ({ id: ids.sharingId })],
    [
      'query ($id: ID) { sharings(filter: { vehicleId: $id }) { nodes { id } pageInfo { hasNextPage endCursor } } }',
      (ids) => ({ id: ids.vehicleId }),
    ],
    [HISTORY, (ids) => ({ filter: { vehicleIds: [ids.vehicleId] } })],
  ]
  const endsAt = inHours(1)
  const WRITES: readonly [keyof typeof mutations, (ids: Ids) => Variables][] = [
    ['updateVehicle', ({ vehicleId: id, name }) => ({ id, name })],
    ['deleteVehicle', ({ vehicleId: id }) => ({ id })],
    ['startSharing', (ids) => ({ vehicleId: ids.vehicleId, fleetId: world.stranger, idempotencyKey: '' })],
    ['updateSharingEnd', (ids) => ({ vehicleId: ids.vehicleId, endsAt })],
    ['updateSharingEnd', (ids) => ({ vehicleId: ids.vehicleId, sharingId: ids.sharingId, endsAt })],
    ['endSharing', (ids) => ({ vehicleId: ids.vehicleId })],
    ['endSharing', (ids) => ({ vehicleId: ids.vehicleId, sharingId: ids.sharingId })],
  ]

  it.each(['free', 'scheduled', 'shared', 'ended', 'deleted'])('to a stranger, be it %s', async (kind) => {
    const { url } = server
    const foreign = { ...nonsense, vehicleId: await world.newVehicle({ name: 'secret' }) }
    if (kind !== 'free') {
      const startsAt = kind === 'scheduled' ? inHours(1) : null
      const input = { vehicleId: foreign.vehicleId, fleetId: world.partner, startsAt }
      foreign.sharingId = (await run(url, world.as.owner, 'startSharing', input)).sharing.id
    }
    if (kind === 'ended' || kind === 'deleted') {
      await run(url, world.as.owner, 'endSharing', { vehicleId: foreign.vehicleId })
    }
    if (kind === 'deleted') await run(url, world.as.owner, 'deleteVehicle', { id: foreign.vehicleId })
    for (const role of ['viewer', 'operator', 'manager']) {
      const token = await server.token(world.stranger, role)
      const ask = (query: string, variables: (ids: Ids) => Variables, ids: Ids) =>
        bytes(token, query, variables(ids), ids.vehicleId, ids.sharingId)
      for (const [query, variables] of READS) {
        expect(await ask(query, variables, foreign)).toBe(await ask(query, variables, nonsense))
      }
      for (const [name, input] of WRITES) {
        const variables = (ids: Ids) => ({ input: input(ids) })
        const answer = await ask(mutations[name], variables, foreign)
        expect(answer).toContain('"VEHICLE_NOT_FOUND"')
        expect(answer).toBe(await ask(mutations[name], variables, nonsense))
      }
    }
  })

  it('to a partner who names the sharing of another with the vehicle that it holds', async () => {
    const { url } = server
    const { fleet } = await run(url, world.as.admin, 'createFleet', { name: 'Later' })
    await run(url, world.as.admin, 'registerPartnership', { fleetIds: [world.owner, fleet.id] })
    const vehicleId = await world.newVehicle()
    const lend = (fleetId: string, startsAt: string | null, endsAt: string) =>
      run(url, world.as.owner, 'startSharing', { vehicleId, fleetId, startsAt, endsAt })
    await lend(world.partner, null, inHours(1))
    const later = await lend(fleet.id, inHours(2), inHours(3))
    const ask = (sharingId: string) =>
      bytes(world.as.partner, mutations.endSharing, { input: { vehicleId, sharingId } }, sharingId)
    const answer = await ask(later.sharing.id)
    expect(answer).toContain('"SHARING_NOT_FOUND"')
    expect(answer).toBe(await ask(nonsense.sharingId))
  })

  it('to an owner who offers its vehicle to a fleet that is no partner, or to none', async () => {
    const vehicleId = await world.newVehicle()
    const ask = (fleetId: string) =>
      bytes(world.as.owner, mutations.startSharing, { input: { vehicleId, fleetId } }, fleetId)
    const answer = await ask(world.stranger)
    expect(answer).toContain('"NOT_A_PARTNER"')
    expect(answer).toBe(await ask('ZZZZZ'))
  })
})
