import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, post, run } from '../support/api.ts'
import type { Answer, Variables } from '../support/api.ts'
import { DATABASE_KINDS, startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { HOUR, iso, makeWorld } from '../support/world.ts'
import type { World } from '../support/world.ts'

/** A list: who reads it, and how it is asked for. `key` is what each node is told apart by, in this list's order. */
type List = {
  readonly who: 'owner' | 'admin'
  readonly field: string
  /** Around the field, for a list that belongs to something. */
  readonly wrap?: (list: string) => string
  readonly path: readonly string[]
  readonly key: string
}

const ARGS = 'first: $first, after: $after, last: $last, before: $before'

/** One more than the default page holds, and a number that no odd page size divides. */
const SIZE = 53

const NAMES = ['a', 'B', 'b', 'Ä', 'é', 'Zoë', 'z', '~', '名', '\ufffd', '🛵', '"quoted"', "it's", '\\', ' blank ']

/** In the order of their bytes, as the database compares them. */
const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))

describe.each(DATABASE_KINDS)('a list on %s', (database) => {
  let server: TestServer
  let world: World
  /** What each list holds, in its order. */
  const expected: Record<string, string[]> = {}
  const lists: Record<string, List> = {
    vehicles: { who: 'owner', field: `vehicles(${ARGS})`, path: ['vehicles'], key: 'id' },
    sharingPartners: { who: 'owner', field: `sharingPartners(${ARGS})`, path: ['sharingPartners'], key: 'name' },
    sharings: { who: 'owner', field: `sharings(${ARGS})`, path: ['sharings'], key: 'id' },
    'vehicle.sharings': {
      who: 'owner',
      field: `sharings(${ARGS})`,
      wrap: (list) => `vehicle(id: $id) { ${list} }`,
      path: ['vehicle', 'sharings'],
      key: 'id',
    },
    fleets: { who: 'admin', field: `fleets(${ARGS})`, path: ['fleets'], key: 'id' },
    partnersOf: { who: 'admin', field: `partnersOf(fleetId: $id, ${ARGS})`, path: ['partnersOf'], key: 'name' },
  }
  let ids: Record<string, string>

  beforeAll(async () => {
    server = await startServer({ database, announce: false })
    world = await makeWorld(server)
    const { url } = server
    const names = [...NAMES, ...Array.from({ length: SIZE - NAMES.length - 1 }, (_, index) => `Fleet ${index}`)]
    const fleets = [world.owner, world.partner, world.stranger]
    for (const name of names) {
      const { fleet } = await run(url, world.as.admin, 'createFleet', { name })
      fleets.push(fleet.id)
      await run(url, world.as.admin, 'registerPartnership', { fleetIds: [fleet.id, world.owner] })
    }
    const vehicles: string[] = []
    for (let index = 0; index < SIZE; index++) vehicles.push(await world.newVehicle())
    const [vehicleId = ''] = vehicles
    const sharings: string[] = []
    const from = Date.now() + HOUR
    for (let hour = 0; hour < SIZE; hour++) {
      const period = { startsAt: iso(from + hour * HOUR), endsAt: iso(from + (hour + 1) * HOUR) }
      const input = { vehicleId, fleetId: world.partner, ...period }
      sharings.unshift((await run(url, world.as.owner, 'startSharing', input)).sharing.id)
    }
    expected['vehicles'] = vehicles.toSorted(byBytes)
    expected['fleets'] = fleets.toSorted(byBytes)
    expected['sharingPartners'] = expected['partnersOf'] = ['Partner', ...names].toSorted(byBytes)
    expected['sharings'] = expected['vehicle.sharings'] = sharings
    ids = { 'vehicle.sharings': vehicleId, partnersOf: world.owner }
  })
  afterAll(() => server.close())

  const queryFor = ({ field, wrap = (list) => list, key }: List, name: string) => `query (
    $first: Int, $after: String, $last: Int, $before: String ${name in ids ? ', $id: ID!' : ''}
  ) { ${wrap(`${field} { edges { cursor node { ${key} } } nodes { ${key} }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }`)} }`

  /** One page, after seeing that what it says twice agrees. */
  async function page(name: string, args: Variables): Promise<Answer['data']> {
    const list = lists[name] as List
    const variables = { ...args, ...(name in ids ? { id: ids[name] } : {}) }
    const data = await ask(server.url, world.as[list.who], queryFor(list, name), variables)
    const { edges, nodes, pageInfo } = list.path.reduce((value, step) => value[step], data)
    const keys: string[] = nodes.map((node: Record<string, string>) => node[list.key])
    expect(edges.map(({ node }: Answer['data']) => node[list.key])).toEqual(keys)
    expect(pageInfo.startCursor).toBe(edges[0]?.cursor ?? null)
    expect(pageInfo.endCursor).toBe(edges.at(-1)?.cursor ?? null)
    return { ...pageInfo, keys, cursors: edges.map(({ cursor }: Answer['data']) => cursor) }
  }

  describe.each(Object.keys(lists))('%s', (name) => {
    it('is in order, its first 50 without first or last', async () => {
      const all = expected[name] ?? []
      expect(all.length).toBeGreaterThan(50)
      for (const args of [{}, { first: null, last: null, after: null, before: null }]) {
        const { keys, hasNextPage, hasPreviousPage } = await page(name, args)
        expect(keys).toEqual(all.slice(0, 50))
        expect([hasNextPage, hasPreviousPage]).toEqual([true, false])
      }
      const { keys, hasNextPage, hasPreviousPage } = await page(name, { first: 100 })
      expect(keys).toEqual(all)
      expect([hasNextPage, hasPreviousPage]).toEqual([false, false])
      expect((await page(name, { first: all.length })).hasNextPage).toBe(false)
      expect((await page(name, { last: all.length })).hasPreviousPage).toBe(false)
    })

    it.each([1, 7])('gives everything once in pages of %i, forwards and backwards', async (size) => {
      const all = expected[name] ?? []
      const forwards: string[] = []
      let more = true
      for (let after = null; more;) {
        const { keys, endCursor, hasNextPage, hasPreviousPage } = await page(name, { first: size, after })
        expect(hasPreviousPage).toBe(after !== null)
        forwards.push(...keys)
        ;[after, more] = [endCursor, hasNextPage]
      }
      expect(forwards).toEqual(all)
      const backwards: string[] = []
      more = true
      for (let before = null; more;) {
        const { keys, startCursor, hasNextPage, hasPreviousPage } = await page(name, { last: size, before })
        expect(hasNextPage).toBe(before !== null)
        backwards.unshift(...keys)
        ;[before, more] = [startCursor, hasPreviousPage]
      }
      expect(backwards).toEqual(all)
    })

    it('is cut on both sides by after and before, with first and with last', async () => {
      const all = expected[name] ?? []
      const { cursors } = await page(name, { first: 100 })
      const between = { after: cursors[9], before: cursors[20] }
      expect((await page(name, between)).keys).toEqual(all.slice(10, 20))
      const first = await page(name, { ...between, first: 3 })
      expect(first).toMatchObject({ keys: all.slice(10, 13), hasNextPage: true, hasPreviousPage: true })
      const last = await page(name, { ...between, last: 3 })
      expect(last).toMatchObject({ keys: all.slice(17, 20), hasNextPage: true, hasPreviousPage: true })
      expect((await page(name, { after: cursors[20], before: cursors[20] })).keys).toEqual([])
    })

    it('says of an empty page whether there is more', async () => {
      const empty = { keys: [], startCursor: null, endCursor: null }
      expect(await page(name, { first: 0 })).toMatchObject({ ...empty, hasNextPage: true, hasPreviousPage: false })
      expect(await page(name, { last: 0 })).toMatchObject({ ...empty, hasNextPage: false, hasPreviousPage: true })
      const { endCursor } = await page(name, { last: 1 })
      expect(await page(name, { after: endCursor })).toMatchObject({ ...empty, hasNextPage: false })
    })

    it.each<[string, string, Variables]>([
      ['first', 'beyond 100', { first: 101 }],
      ['last', 'beyond 100', { last: 101 }],
      ['first', 'negative', { first: -1 }],
      ['last', 'negative', { last: -1 }],
      ['first', 'given together with last', { first: 1, last: 1 }],
      ['first', 'a fraction', { first: 1.5 }],
      ['after', 'no cursor', { after: 'nonsense' }],
      ['before', 'empty', { before: '' }],
      ['after', 'with NUL', { after: 'x\0' }],
      ['after', 'a lone surrogate', { after: '\ud800' }],
      ['before', 'JSON of another kind', { before: Buffer.from('{"id":1}').toString('base64url') }],
      ['before', 'a number', { before: Buffer.from('1').toString('base64url') }],
    ])('refuses %s that is %s, and names it', async (argument, _what, args) => {
      const list = lists[name] as List
      const variables = { ...args, ...(name in ids ? { id: ids[name] } : {}) }
      const { errors } = await post(server.url, world.as[list.who], queryFor(list, name), variables)
      expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['BAD_USER_INPUT'])
      expect(errors?.[0]?.message).toMatch(new RegExp(`\\b${argument}\\b`))
    })
  })
})
