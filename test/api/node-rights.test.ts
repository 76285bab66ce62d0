import { beforeAll, describe, expect, it } from 'vitest'
import { makeScene } from '../policy/scene.ts'
import type { Scene } from '../policy/scene.ts'
import { CALLERS, RELATIONS } from '../policy/table.ts'
import type { Caller, Relation } from '../policy/table.ts'
import { ask, post, run } from '../support/api.ts'
import type { Answer } from '../support/api.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { at, inHours, iso } from '../support/world.ts'

type Kind = 'vehicle' | 'sharing' | 'command'

/** What a fleet of each relation finds by the ids of the vehicle, of its sharing and of its command. */
const FOUND: Readonly<Record<Relation, readonly Kind[]>> = {
  own: ['vehicle', 'command'],
  lent: ['vehicle', 'sharing', 'command'],
  planned: ['vehicle', 'sharing', 'command'],
  partner: ['vehicle', 'sharing', 'command'],
  ahead: ['sharing'],
  former: ['sharing', 'command'],
  passed: [],
  stranger: [],
}

const FRAGMENTS = `
  fragment v on Vehicle { id name fleet { id isPartner } sharing { id } state { speedKmh { value } }
    sharings(first: 2) { nodes { id } } viewerCan { update { allowed code until } sendCommand { allowed code until } } }
  fragment s on Sharing { id status phase startsAt endsAt owner { id } partner { id name } vehicle { id } }
  fragment c on Command { id type outcome: status vehicleId requestedAt deadline fleet { id } vehicle { id } }`

const BOTH_WAYS = `query ($id: ID!) { node(id: $id) { __typename ...v ...s ...c }
  vehicle(id: $id) { __typename ...v } sharing(id: $id) { __typename ...s } command(id: $id) { __typename ...c } }
  ${FRAGMENTS}`

const NODE = 'query ($id: ID!) { node(id: $id) { __typename id } }'

const LADDER = ['VIEWER', 'OPERATOR', 'MANAGER']

describe.each(DATABASE_KINDS)('node(id) on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const { url } = server
  let scene: Scene
  beforeAll(async () => {
    scene = await makeScene(server)
  })

  /** Managers of new fleets: one, its partner, and one without a partner. */
  async function newFleets(name: string) {
    const admin = await server.token(null, 'admin')
    const made = async (who: string) =>
      (await run(url, admin, 'createFleet', { name: `${name} ${who}` })).fleet.id as string
    const [owner, partner, stranger] = [await made('owner'), await made('partner'), await made('stranger')]
    await run(url, admin, 'registerPartnership', { fleetIds: [owner, partner] })
    const manager = (fleetId: string) => server.token(fleetId, 'manager')
    const as = {
      admin,
      owner: await manager(owner),
      partner: await manager(partner),
      stranger: await manager(stranger),
    }
    const vehicleId = (await run(url, as.owner, 'createVehicle', {})).vehicle.id as string
    return { owner, partner, stranger, as, vehicleId }
  }

  async function tokenOf({ token }: Caller, relation: Relation): Promise<string | null> {
    if (!token) return null
    const [fleet, roles] = token
    return server.token({ its: scene.standings[relation].fleet, none: null, unknown: 'NEVER' }[fleet], roles)
  }

  it.each(
    CALLERS.flatMap((caller) =>
      caller.relations.map((relation): [string, Relation, Caller] => [caller.name, relation, caller]),
    ),
  )('answers %s (%s) as the single fields do', async (_name, relation, caller) => {
    const token = await tokenOf(caller, relation)
    const { vehicle, sharing, command } = scene.standings[relation]
    const ids: [Kind, string][] = [
      ['vehicle', vehicle],
      ['sharing', sharing],
      ['command', command],
    ]
    const found: Kind[] = []
    for (const [kind, id] of ids) {
      const { data, errors } = await post(url, token, BOTH_WAYS, { id })
      if (!LADDER.includes(caller.grants)) {
        const code = token === null ? 'UNAUTHENTICATED' : 'FORBIDDEN'
        expect(new Set(errors?.map(({ extensions }) => extensions.code))).toEqual(new Set([code]))
        expect(Object.values(data ?? {}).filter((value) => value !== null)).toEqual([])
        continue
      }
      expect(errors).toBeUndefined()
      const singles: Answer['data'][] = [data.vehicle, data.sharing, data.command]
      expect(data.node).toEqual(singles.find((single) => single !== null) ?? null)
      expect(data.node).toEqual(data[kind])
      if (data.node !== null) found.push(kind)
    }
    if (LADDER.includes(caller.grants)) expect(found).toEqual(FOUND[relation])
  })

  it('knows of fleets the own one, the partners and those of sharings, at most', async () => {
    const { own, partner, passed, stranger } = scene.standings
    const fleets = { owner: own.fleet, partner: partner.fleet, earlier: passed.fleet, stranger: stranger.fleet }
    const known = async () => {
      const rows: Record<string, string[]> = {}
      for (const [who, fleet] of Object.entries(fleets)) {
        const token = await server.token(fleet, 'viewer')
        rows[who] = []
        for (const [other, id] of Object.entries(fleets)) {
          const { node } = await ask(url, token, NODE, { id })
          if (node !== null) rows[who].push(other)
          expect([null, 'Fleet']).toContain(node?.__typename ?? null)
        }
      }
      return rows
    }
    const expected = {
      owner: ['owner', 'partner', 'earlier'],
      partner: ['owner', 'partner'],
      earlier: ['owner', 'earlier'],
      stranger: ['stranger'],
    }
    expect(await known()).toEqual(expected)
    const admin = await server.token(null, 'admin')
    for (const fleetId of [fleets.partner, fleets.earlier]) {
      await run(url, admin, 'endPartnership', { fleetIds: [fleets.owner, fleetId] })
    }
    expect(await known()).toEqual(expected)
  })

  it('finds nothing by what is no id of a node, or almost one', async () => {
    const { own, lent } = scene.standings
    const token = await server.token(own.fleet, 'manager')
    const told = await ask(
      url,
      token,
      `{ vehicleEvents { nodes { id } } auditTrail { nodes { id } }
        vehicles { edges { cursor } } sharings { edges { cursor } } commands { edges { cursor } } }`,
    )
    const ids: string[] = [
      ...[told.vehicleEvents, told.auditTrail].flatMap(({ nodes }) => nodes.map(({ id }: { id: string }) => id)),
      ...[told.vehicles, told.sharings, told.commands].map(({ edges }) => edges[0].cursor),
      ...[own.vehicle, own.fleet].flatMap((id) => [id.toLowerCase(), ` ${id}`, `${id} `, id.slice(0, -1), `${id}\0`]),
      ...[lent.sharing, lent.command].flatMap((id) => [id.toUpperCase(), `{${id}}`, id.replaceAll('-', ''), `${id} `]),
      ...['Vehicle', 'Fleet', 'Sharing', 'Command'].map((type) => `${type}:${own.vehicle}`),
      '%',
      '_',
      '\\',
      'null',
      '0',
      '-1',
      '🛵',
      'x'.repeat(100_000),
    ]
    for (const id of ids) expect({ id, ...(await ask(url, token, NODE, { id })) }).toEqual({ id, node: null })
  })

  it('gives each thing an id of its own', () => {
    const ids = RELATIONS.flatMap((relation) => {
      const { fleet, vehicle, sharing, command } = scene.standings[relation]
      return [`Fleet ${fleet}`, `Vehicle ${vehicle}`, `Sharing ${sharing}`, `Command ${command}`]
    })
    const things = [...new Set(ids)]
    expect(new Set(things.map((thing) => thing.split(' ')[1])).size).toBe(things.length)
  })

  it('refuses an id that is missing or null', async () => {
    const token = await server.token(scene.standings.own.fleet, 'viewer')
    for (const [query, variables] of [
      ['{ node { id } }', {}],
      ['{ node(id: null) { id } }', {}],
      [NODE, {}],
      [NODE, { id: null }],
      [NODE, { id: ['x'] }],
      [NODE, { id: 1.5 }],
    ] as const) {
      const { errors } = await post(url, token, query, variables)
      expect({ query, code: errors?.[0]?.extensions.code }).toEqual({ query, code: 'BAD_USER_INPUT' })
    }
  })

  it('opens a vehicle to a partner at the start and closes it at the end, to the instant', async () => {
    const { as, partner, vehicleId } = await newFleets('Instant')
    const due = Date.now() + 1_500
    const period = { startsAt: iso(due), endsAt: iso(due + 1_500) }
    const { sharing } = await run(url, as.owner, 'startSharing', { vehicleId, fleetId: partner, ...period })
    const types = async () => {
      const query = `query ($v: ID!, $s: ID!) { vehicle: node(id: $v) { __typename }
        sharing: node(id: $s) { __typename ... on Sharing { phase vehicle { id } } } }`
      const data = await ask(url, as.partner, query, { v: vehicleId, s: sharing.id })
      return [data.vehicle?.__typename ?? null, data.sharing.phase, data.sharing.vehicle?.id ?? null]
    }
    expect(await types()).toEqual([null, 'SCHEDULED', null])
    await at(due)
    expect(await types()).toEqual(['Vehicle', 'ACTIVE', vehicleId])
    await at(due + 1_500)
    expect(await types()).toEqual([null, 'ENDED', null])
  })

  it('knows the fleet of a sharing that was called off, and forgets a partner without any', async () => {
    const { as, owner, partner, stranger, vehicleId } = await newFleets('Called off')
    const plan = { vehicleId, fleetId: partner, startsAt: inHours(5) }
    const { sharing } = await run(url, as.owner, 'startSharing', plan)
    await run(url, as.owner, 'endSharing', { vehicleId, sharingId: sharing.id })
    await run(url, as.admin, 'registerPartnership', { fleetIds: [owner, stranger] })
    const fleets = async (token: string, ...ids: string[]) => {
      const nodes: (string | null)[] = []
      for (const id of ids) nodes.push((await ask(url, token, NODE, { id })).node?.id ?? null)
      return nodes
    }
    expect(await fleets(as.owner, partner, stranger)).toEqual([partner, stranger])
    for (const fleetId of [partner, stranger]) {
      await run(url, as.admin, 'endPartnership', { fleetIds: [owner, fleetId] })
    }
    expect(await fleets(as.owner, partner, stranger)).toEqual([partner, null])
    expect(await fleets(as.partner, owner, stranger)).toEqual([owner, null])
    expect(await fleets(as.stranger, owner, partner)).toEqual([null, null])
    await run(url, as.owner, 'deleteVehicle', { id: vehicleId })
    const left = await ask(url, as.partner, 'query ($id: ID!) { sharing(id: $id) { id } node(id: $id) { id } }', {
      id: sharing.id,
    })
    expect(left.node).toEqual(left.sharing)
    expect(await fleets(as.partner, owner)).toEqual([left.sharing && owner])
  })
})
