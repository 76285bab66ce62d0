import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, post, run } from '../support/api.ts'
import type { Answer, Variables } from '../support/api.ts'
import { lastPosition, setBack } from '../support/set-back.ts'
import { DATABASE_KINDS, startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'
import type { World } from '../support/world.ts'

const PAGE = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: VehicleEventFilter) {
  vehicleEvents(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    edges { cursor node { id } } nodes { id type vehicleId }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`

type Who = 'owner' | 'partner' | 'stranger'

describe.each(DATABASE_KINDS)('the log from its end on %s', (database) => {
  let server: TestServer
  let world: World
  let vehicleId: string
  let other: string
  beforeAll(async () => {
    server = await startServer({ database, announce: false })
    world = await makeWorld(server)
    vehicleId = await world.newVehicle()
    other = await world.newVehicle()
    const { url } = server
    for (let turn = 0; turn < 6; turn++) {
      await run(url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner })
      await run(url, world.as.owner, 'updateVehicle', { id: turn % 2 ? vehicleId : other, name: `Turn ${turn}` })
      await run(url, world.as.owner, 'endSharing', { vehicleId })
    }
  })
  afterAll(() => server.close())

  async function read(who: Who, args: Variables): Promise<Answer['data']> {
    const page = (await ask(server.url, world.as[who], PAGE, args)).vehicleEvents
    expect(page.edges.map(({ node }: Answer['data']) => node.id)).toEqual(
      page.nodes.map(({ id }: Answer['data']) => id),
    )
    expect(page.pageInfo.startCursor).toBe(page.edges[0]?.cursor ?? null)
    return {
      ...page.pageInfo,
      ids: page.nodes.map(({ id }: Answer['data']) => id),
      edges: page.edges,
      nodes: page.nodes,
    }
  }

  const FILTERS: [string, object | null][] = [
    ['without a filter', null],
    ['of a type', { types: ['VEHICLE_CHANGED'] }],
    ['of several types', { types: ['SHARING_ENDED', 'SHARING_STARTED', 'STATE_RECORDED'] }],
    ['of a vehicle', {}],
    ['of types of a vehicle', { types: ['SHARING_STARTED'] }],
  ]

  describe.each(FILTERS)('%s', (what, filter) => {
    const filtered = () => (what.endsWith('a vehicle') ? { ...filter, vehicleIds: [vehicleId] } : filter)

    it.each<[Who, number]>([
      ['owner', 1],
      ['owner', 4],
      ['partner', 3],
      ['stranger', 3],
    ])('the %s pages back by %i through just what it reads forwards', async (who, size) => {
      const all = (await read(who, { first: 500, filter: filtered() })).ids
      const found: string[] = []
      for (let before: string | null = null; ;) {
        const page: Answer['data'] = await read(who, { last: size, before, filter: filtered() })
        expect(page.hasNextPage).toBe(before !== null)
        expect(page.ids.length).toBe(Math.min(size, all.length - found.length))
        found.unshift(...page.ids)
        expect(page.hasPreviousPage).toBe(found.length < all.length)
        if (!page.hasPreviousPage) break
        before = page.startCursor
      }
      expect(found).toEqual(all)
    })
  })

  it('takes all four arguments as Relay has them', async () => {
    const { ids, edges } = await read('owner', { first: 500 })
    const [after, before] = [edges[4].cursor, edges[12].cursor]
    const between = ids.slice(5, 12)
    expect((await read('owner', { after, before })).ids).toEqual(between)
    expect(await read('owner', { after, before, first: 3 })).toMatchObject({
      ids: between.slice(0, 3),
      hasNextPage: true,
      hasPreviousPage: true,
    })
    expect(await read('owner', { after, before, last: 3 })).toMatchObject({
      ids: between.slice(-3),
      hasNextPage: true,
      hasPreviousPage: true,
    })
    expect((await read('owner', { before })).ids).toEqual(ids.slice(0, 12))
    expect(await read('owner', { after: before, before: after, last: 3 })).toMatchObject({ ids: [], endCursor: before })
    expect(await read('owner', { last: 0 })).toMatchObject({ ids: [], hasNextPage: false, hasPreviousPage: true })
    expect((await read('owner', { last: 500 })).ids).toEqual(ids)
    // A place in the log is one for every fleet, whoever may read its event.
    expect((await read('partner', { before, last: 500 })).ids.length).toBeGreaterThan(0)
  })

  it('ends with what was committed before the request', async () => {
    for (let turn = 0; turn < 3; turn++) {
      await run(server.url, world.as.owner, 'updateVehicle', { id: other, name: `Latest ${turn}` })
      const { nodes } = await read('owner', { last: 1 })
      expect(nodes).toMatchObject([{ type: 'VEHICLE_CHANGED', vehicleId: other }])
    }
  })

  it.each<[string, string, Variables]>([
    ['last', 'beyond 500', { last: 501 }],
    ['last', 'negative', { last: -1 }],
    ['last', 'given together with first', { first: 1, last: 1 }],
    ['before', 'no cursor', { before: 'nonsense' }],
    ['before', 'empty', { last: 1, before: '' }],
  ])('refuses %s that is %s, and names it', async (argument, _what, args) => {
    const { errors } = await post(server.url, world.as.owner, PAGE, args)
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['BAD_USER_INPUT'])
    expect(errors?.[0]?.message).toMatch(new RegExp(`\\b${argument}\\b`))
  })

  it('refuses a place that the log has lost, from either end, and goes on before one that it still has', async () => {
    const { edges } = await read('owner', { last: 500 })
    const [kept, lost] = [edges.at(-4), edges.at(-1)]
    await setBack(server, (await lastPosition(server)) - 2, { vehicleId: other, ownerId: world.owner }, 3)
    for (const args of [{ last: 2 }, { first: 2 }]) {
      const { errors } = await post(server.url, world.as.owner, PAGE, { ...args, before: lost.cursor })
      expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['CURSOR_EXPIRED'])
    }
    const before = await read('owner', { last: 500, before: kept.cursor })
    expect(before.ids).toEqual(edges.slice(0, -4).map(({ node }: Answer['data']) => node.id))
    const now = await read('owner', { last: 500 })
    expect(now.ids.slice(0, edges.length - 2)).toEqual(edges.slice(0, -2).map(({ node }: Answer['data']) => node.id))
    expect(now.ids.length).toBe(edges.length + 1)
  })
})
