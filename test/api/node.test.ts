import { describe, expect, it } from 'vitest'
import { ask, post, run } from '../support/api.ts'
import { startServer, DATABASE_KINDS } from '../support/server.ts'
import { afterAll, beforeAll } from 'vitest'
import type { TestServer } from '../support/server.ts'
import { inHours, makeWorld } from '../support/world.ts'
import type { World } from '../support/world.ts'

const NODE = `query ($id: ID!) { node(id: $id) { __typename id
  ... on Vehicle { name fleet { id } } ... on Fleet { fleetName: name isPartner }
  ... on Sharing { partner { id } vehicle { id } } ... on Command { type vehicleId vehicle { id } } } }`

type Who = 'owner' | 'partner' | 'stranger'

describe.each(DATABASE_KINDS)('node(id) on %s', (database) => {
  let server: TestServer
  let world: World
  const ids = {} as Record<'vehicle' | 'sharing' | 'ended' | 'scheduled' | 'command' | 'deleted', string>
  beforeAll(async () => {
    server = await startServer({ database, announce: false })
    world = await makeWorld(server)
    const { url } = server
    const owner = world.as.owner
    const start = async (vehicleId: string, more: object = {}) =>
      (await run(url, owner, 'startSharing', { vehicleId, fleetId: world.partner, ...more })).sharing.id as string
    ids.vehicle = await world.newVehicle({ name: 'One' })
    const command = `mutation ($id: ID!) { sendCommand(input: { vehicleId: $id, type: DRAW_ATTENTION }) {
      ... on SendCommandSuccess { command { id } } } }`
    ids.command = (await ask(url, owner, command, { id: ids.vehicle })).sendCommand.command.id
    ids.ended = await start(ids.vehicle)
    await run(url, owner, 'endSharing', { vehicleId: ids.vehicle })
    ids.sharing = await start(ids.vehicle)
    ids.scheduled = await start(await world.newVehicle(), { startsAt: inHours(5) })
    ids.deleted = await world.newVehicle()
    await run(url, owner, 'deleteVehicle', { id: ids.deleted })
  })
  afterAll(() => server.close())

  const node = async (who: Who, id: string) => (await ask(server.url, world.as[who], NODE, { id })).node

  it.each<[keyof typeof ids, Who, object | null]>([
    ['vehicle', 'owner', { __typename: 'Vehicle', name: 'One' }],
    ['vehicle', 'partner', { __typename: 'Vehicle', name: 'One' }],
    ['vehicle', 'stranger', null],
    ['deleted', 'owner', null],
    ['sharing', 'owner', { __typename: 'Sharing' }],
    ['sharing', 'partner', { __typename: 'Sharing' }],
    ['sharing', 'stranger', null],
    ['ended', 'partner', { __typename: 'Sharing' }],
    ['scheduled', 'partner', { __typename: 'Sharing', vehicle: null }],
    ['scheduled', 'stranger', null],
    ['command', 'owner', { __typename: 'Command', type: 'DRAW_ATTENTION' }],
    ['command', 'partner', null],
    ['command', 'stranger', null],
  ])('of a %s answers %s', async (what, who, expected) => {
    const found = await node(who, ids[what])
    if (expected === null) expect(found).toBeNull()
    else expect(found).toMatchObject({ ...expected, id: ids[what] })
  })

  it('answers what the single field answers, for everybody', async () => {
    for (const [kind, field] of [
      ['vehicle', 'vehicle'],
      ['sharing', 'sharing'],
      ['ended', 'sharing'],
      ['scheduled', 'sharing'],
      ['command', 'command'],
      ['deleted', 'vehicle'],
    ] as const) {
      for (const who of ['owner', 'partner', 'stranger'] as const) {
        const data = await ask(
          server.url,
          world.as[who],
          `query ($id: ID!) { node(id: $id) { id } single: ${field}(id: $id) { id } }`,
          { id: ids[kind] },
        )
        expect([kind, who, data.node]).toEqual([kind, who, data.single])
      }
    }
  })

  it('knows fleets: the own one, partners, and those of sharings', async () => {
    const fleet = (id: string, isPartner: boolean) => expect.objectContaining({ __typename: 'Fleet', id, isPartner })
    expect(await node('owner', world.owner)).toEqual(fleet(world.owner, false))
    expect(await node('owner', world.partner)).toEqual(fleet(world.partner, true))
    expect(await node('partner', world.owner)).toEqual(fleet(world.owner, true))
    expect(await node('owner', world.stranger)).toBeNull()
    expect(await node('stranger', world.owner)).toBeNull()
    await run(server.url, world.as.admin, 'endPartnership', { fleetIds: [world.owner, world.partner] })
    expect(await node('owner', world.partner)).toEqual(fleet(world.partner, false))
    expect(await node('partner', world.owner)).toEqual(fleet(world.owner, false))
    await run(server.url, world.as.admin, 'registerPartnership', { fleetIds: [world.owner, world.partner] })
    await run(server.url, world.as.admin, 'registerPartnership', { fleetIds: [world.owner, world.stranger] })
    expect(await node('stranger', world.owner)).toEqual(fleet(world.owner, true))
    await run(server.url, world.as.admin, 'endPartnership', { fleetIds: [world.owner, world.stranger] })
    expect(await node('stranger', world.owner)).toBeNull()
  })

  it.each(['', 'nothing', 'x\0', '\ud800', "'; --", 'a'.repeat(1_000)])('answers null for %j', async (id) => {
    const { data, errors } = await post(server.url, world.as.owner, NODE, { id })
    expect([data, errors]).toEqual([{ node: null }, undefined])
  })

  it('is FORBIDDEN to admins and gateways, as the single fields are', async () => {
    for (const token of [world.as.admin, await server.token(null, 'gateway')]) {
      const { errors } = await post(server.url, token, NODE, { id: ids.vehicle })
      expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN'])
    }
  })

  it('reads many at once, each by its type', async () => {
    const wanted = [ids.vehicle, ids.sharing, ids.command, world.owner, 'nothing']
    const query = `{ ${wanted.map((id, index) => `n${index}: node(id: "${id}") { __typename id }`).join(' ')} }`
    const data = await ask(server.url, world.as.owner, query)
    expect(Object.values(data)).toEqual([
      { __typename: 'Vehicle', id: ids.vehicle },
      { __typename: 'Sharing', id: ids.sharing },
      { __typename: 'Command', id: ids.command },
      { __typename: 'Fleet', id: world.owner },
      null,
    ])
  })

  it.each(['vehicle', 'deleted', 'sharing', 'command'] as const)('lets no fleet have the id of a %s', async (what) => {
    const refused = await run(server.url, world.as.admin, 'createFleet', { id: ids[what], name: `Fleet like ${what}` })
    expect(refused).toMatchObject({ __typename: 'RequestError', code: 'CONFLICT' })
    expect(
      await run(server.url, world.as.admin, 'createFleet', { id: `${what}-1`, name: `Fleet like ${what}` }),
    ).toEqual({
      __typename: 'CreateFleetSuccess',
      fleet: { id: `${what}-1`, name: `Fleet like ${what}` },
    })
  })

  it.each(['vehicleEvents', 'auditTrail'])('lets no fleet have the id of an entry of %s', async (list) => {
    const { [list]: entries } = await ask(server.url, world.as.owner, `{ ${list}(first: 1) { nodes { id } } }`)
    const [{ id }] = entries.nodes as [{ id: string }]
    const refused = await run(server.url, world.as.admin, 'createFleet', { id, name: `Fleet like ${list}` })
    expect(refused).toMatchObject({ __typename: 'RequestError', code: 'CONFLICT' })
    // The same letters in another order are nobody's id.
    const other = Array.from(id).toReversed().join('')
    const created = await run(server.url, world.as.admin, 'createFleet', { id: other, name: `Fleet like ${list}` })
    expect(created).toMatchObject({ fleet: { id: other } })
  })

  it('leads from a command and an audit entry to what they are about', async () => {
    const query = `query ($command: ID!, $vehicle: ID!) {
      command(id: $command) { vehicleId vehicle { id name } }
      auditTrail(filter: { vehicleId: $vehicle }) { nodes { id vehicle { id } sharingId sharing { id phase } } } }`
    const variables = { command: ids.command, vehicle: ids.vehicle }
    const { command, auditTrail } = await ask(server.url, world.as.owner, query, variables)
    expect(command.vehicle).toEqual({ id: ids.vehicle, name: 'One' })
    const entries = auditTrail.nodes as {
      id: string
      vehicle: object
      sharingId: string
      sharing: { id: string } | null
    }[]
    expect(entries.length).toBeGreaterThan(2)
    expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length)
    for (const { vehicle, sharingId, sharing } of entries) {
      expect(vehicle).toEqual({ id: ids.vehicle })
      expect(sharing?.id ?? null).toBe(sharingId)
    }
    const again = await ask(server.url, world.as.owner, query, variables)
    expect(again.auditTrail.nodes.map(({ id }: { id: string }) => id)).toEqual(entries.map(({ id }) => id))
    await run(server.url, world.as.owner, 'endSharing', { vehicleId: ids.vehicle })
    const after = (await ask(server.url, world.as.partner, query, variables)).auditTrail.nodes
    expect(after[0]).toMatchObject({ vehicle: null, sharing: { phase: 'ENDED' } })
  })
})
