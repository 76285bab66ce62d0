import { beforeAll, describe, expect, it } from 'vitest'
import { ask, post, run } from '../support/api.ts'
import { serverForAll } from '../support/server.ts'
import { HISTORY } from '../support/sockets.ts'
import { HOUR, iso, makeWorld } from '../support/world.ts'

const PAGE = '{ nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }'
const ARGS = 'first: $first, after: $after, before: $before'

/** Each list on its own, all of the same rows or names where they could be confused. */
const LISTS = {
  vehicles: ['owner', `vehicles(${ARGS}) ${PAGE}`],
  sharingPartners: ['owner', `sharingPartners(${ARGS}) ${PAGE}`],
  sharings: ['owner', `sharings(${ARGS}) ${PAGE}`],
  fleets: ['admin', `fleets(${ARGS}) ${PAGE}`],
  vehicleEvents: ['owner', HISTORY],
} as const
type Name = keyof typeof LISTS
const NAMES = Object.keys(LISTS) as Name[]

const server = await serverForAll({ announce: false })
const world = await makeWorld(server)

function read(name: Name, args: { first?: number; after?: string; before?: string }) {
  const [who, field] = LISTS[name]
  const query = name === 'vehicleEvents' ? field : `query ($first: Int, $after: String, $before: String) { ${field} }`
  return post(server.url, world.as[who], query, args)
}

const refusal = (argument: string) => [
  { message: expect.stringMatching(new RegExp(`^${argument}\\b`)), extensions: { code: 'BAD_USER_INPUT' } },
]

describe('a cursor of another list is refused', () => {
  const cursors = {} as Record<Name, string>
  beforeAll(async () => {
    const vehicleId = await world.newVehicle()
    await run(server.url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner })
    for (const name of NAMES) cursors[name] = (await read(name, { first: 1 })).data[name].pageInfo.endCursor
  })

  it.each(NAMES.flatMap((list) => NAMES.filter((other) => other !== list).map((other) => [list, other] as const)))(
    'by %s that of %s',
    async (list, other) => {
      expect((await read(list, { after: cursors[list] })).errors).toBeUndefined()
      expect((await read(list, { after: cursors[other] })).errors).toMatchObject(refusal('after'))
      if (list === 'vehicleEvents') return
      expect((await read(list, { before: cursors[other] })).errors).toMatchObject(refusal('before'))
    },
  )
})

describe('a cursor is ours to the letter, or none', () => {
  const encode = (text: string) => Buffer.from(text).toString('base64url')
  const decode = (cursor: string) => Buffer.from(cursor, 'base64url').toString('utf8')

  /** Cursors that somebody could make out of one of ours. */
  const forgeries = (ours: string): string[] => {
    const json = decode(ours)
    const replacements: [RegExp, string][] = [
      [/"[^"]*"(?=\]*$)/, '"\\u0000"'],
      [/"[^"]*"(?=\]*$)/, '"\\ud800"'],
      [/"[^"]*"(?=\]*$)/, 'null'],
      [/"[^"]*"(?=\]*$)/, '7'],
      [/\d{13}/, '8640000000000000'],
      [/\d{13}/, '-8640000000000000'],
      [/\d{13}/, '253402300800000'],
      [/\d{13}/, '-1'],
      [/\d{13}/, '1.5'],
      [/\d{13}/, '1e999'],
      [/\d{13}/, '"2022-01-01"'],
    ]
    const changed = replacements.map(([from, to]) => json.replace(from, to)).filter((text) => text !== json)
    return [...changed.map(encode), `${ours}!`, ` ${ours}`, encode(`${json} `), encode(json.slice(0, -1))]
  }

  it.each(NAMES)('for %s', async (list) => {
    const vehicleId = await world.newVehicle()
    await run(server.url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner })
    const { pageInfo } = (await read(list, { first: 1 })).data[list]
    for (const after of forgeries(pageInfo.endCursor)) {
      const { errors } = await read(list, { after })
      expect({ after: decode(after), errors }).toMatchObject({ errors: refusal('after') })
    }
  })
})

describe('a cursor whose row is gone still marks its place', () => {
  const query = (field: string) =>
    `query ($after: String, $before: String) {
      forwards: ${field}(after: $after) { nodes { id } } backwards: ${field}(before: $before, last: 100) { nodes { id } } }`

  it('in vehicles, be it deleted or given back', async () => {
    const borrower = world.as.partner
    const borrowed = [await world.newVehicle(), await world.newVehicle(), await world.newVehicle()].toSorted()
    for (const vehicleId of borrowed) {
      await run(server.url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner })
    }
    const read = async (token: string) =>
      (await ask(server.url, token, '{ vehicles { edges { cursor node { id } } } }')).vehicles.edges as {
        cursor: string
        node: { id: string }
      }[]
    const edges = await read(borrower)
    const middle = edges.findIndex(({ node }) => node.id === borrowed[1])
    const cursor = edges[middle]?.cursor
    const rest = (part: typeof edges) => part.map(({ node }) => node)
    const sides = {
      forwards: { nodes: rest(edges.slice(middle + 1)) },
      backwards: { nodes: rest(edges.slice(0, middle)) },
    }
    const variables = { after: cursor, before: cursor }
    await run(server.url, world.as.partner, 'endSharing', { vehicleId: borrowed[1] })
    expect(await ask(server.url, borrower, query('vehicles'), variables)).toEqual(sides)
    await run(server.url, world.as.owner, 'deleteVehicle', { id: borrowed[1] })
    expect(await ask(server.url, borrower, query('vehicles'), variables)).toEqual(sides)
  })

  it('in sharingPartners, when the partnership has ended', async () => {
    const { url } = server
    for (const name of ['Gone 1', 'Gone 2', 'Gone 3']) {
      const { fleet } = await run(url, world.as.admin, 'createFleet', { name })
      await run(url, world.as.admin, 'registerPartnership', { fleetIds: [world.owner, fleet.id] })
    }
    const { sharingPartners } = await ask(
      url,
      world.as.owner,
      '{ sharingPartners { edges { cursor node { id name } } } }',
    )
    const [, gone] = sharingPartners.edges
    expect(gone.node.name).toBe('Gone 2')
    await run(url, world.as.admin, 'endPartnership', { fleetIds: [world.owner, gone.node.id] })
    const names = 'query ($after: String) { sharingPartners(after: $after) { nodes { name } } }'
    const data = await ask(url, world.as.owner, names, { after: gone.cursor })
    expect(data.sharingPartners.nodes).toEqual([{ name: 'Gone 3' }, { name: 'Partner' }])
  })

  it('in sharings of one phase, when the sharing has left it', async () => {
    const vehicleId = await world.newVehicle()
    const made: string[] = []
    for (const hours of [1, 2, 3]) {
      const period = { startsAt: iso(Date.now() + hours * HOUR), endsAt: iso(Date.now() + (hours + 0.5) * HOUR) }
      const input = { vehicleId, fleetId: world.partner, ...period }
      made.unshift((await run(server.url, world.as.owner, 'startSharing', input)).sharing.id)
    }
    const scheduled = `query ($after: String) { sharings(after: $after, filter: { phase: SCHEDULED }) {
      edges { cursor node { id } } } }`
    const ids = async (after: string | null) =>
      (await ask(server.url, world.as.owner, scheduled, { after })).sharings.edges as {
        cursor: string
        node: { id: string }
      }[]
    const edges = await ids(null)
    expect(edges.map(({ node }) => node.id)).toEqual(made)
    await run(server.url, world.as.owner, 'endSharing', { vehicleId, sharingId: made[1] })
    expect((await ids(edges[1]?.cursor ?? null)).map(({ node }) => node.id)).toEqual([made[2]])
  })
})
