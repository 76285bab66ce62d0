import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { ask, post, run } from '../support/api.ts'
import type { Answer, Variables } from '../support/api.ts'
import { makeControlWorld } from '../support/control.ts'
import type { ControlWorld } from '../support/control.ts'
import { report, reportAt } from '../support/gateway.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'

const PAGE = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: VehicleEventFilter) {
  vehicleEvents(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    edges { cursor node { id } } nodes { id cursor type vehicleId occurredAt }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`

const TYPES = [
  'SHARING_SCHEDULED',
  'SHARING_STARTED',
  'SHARING_ENDED',
  'SHARING_CANCELLED',
  'COMMAND_UPDATED',
  'STATE_RECORDED',
  'VEHICLE_CHANGED',
] as const

type Who = 'owner' | 'partner' | 'rival' | 'stranger'
const READERS: readonly Who[] = ['owner', 'owner', 'partner', 'rival', 'stranger']

type Filter = { readonly vehicleIds: readonly string[] | null; readonly types: readonly string[] | null }
type Seen = { readonly id: string; readonly cursor: string; readonly type: string; readonly vehicleId: string }

const DAY = 24 * 60 * 60 * 1000
const KEPT = 30 * DAY

describe.each(DATABASE_KINDS)('the log from its end on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const { url } = server
  let world: ControlWorld
  let tokens: Record<Who, string>
  let vehicles: readonly string[]

  beforeAll(async () => {
    world = await makeControlWorld(server)
    const { as, rival, lend, newVehicle, send, gateway } = world
    tokens = { owner: as.owner, partner: as.partner, rival: rival.token, stranger: as.stranger }
    const ids = (vehicles = [await newVehicle(), await newVehicle(), await newVehicle(), 'ZZZZZ'])
    const reports = (at: number, name: string) =>
      report(
        url,
        gateway,
        ids.map((id, n) => reportAt(id, `${name} ${n}`, at - n, { speedKmh: n })),
      )
    const [one = '', two = ''] = ids
    for (let turn = 0; turn < 3; turn++) {
      const before = Date.now()
      await lend(one)
      await lend(two, { fleetId: rival.id })
      await send(one, { token: as.partner })
      await reports(Date.now(), `live ${turn}`)
      const during = Date.now()
      for (const vehicleId of [one, two]) await run(url, as.owner, 'endSharing', { vehicleId })
      await run(url, as.owner, 'updateVehicle', { id: one, name: `Turn ${turn}` })
      // Late, of the partner's window, and of before it: their place in the log is not that of what they say.
      await reports(during, `late ${turn}`)
      await reports(before - DAY, `later ${turn}`)
    }
  })

  const page = async (who: Who, args: Variables): Promise<Answer['data']> =>
    (await ask(url, tokens[who], PAGE, args)).vehicleEvents

  /** All that a reader may see, page by page from the beginning. */
  async function forwards(who: Who, filter: Filter | null, size: number): Promise<Seen[]> {
    const seen: Seen[] = []
    for (let after: string | null = null; ;) {
      const { nodes, pageInfo } = await page(who, { first: size, after, filter })
      seen.push(...nodes)
      if (!pageInfo.hasNextPage) return seen
      after = pageInfo.endCursor as string | null
    }
  }

  const filters: fc.Arbitrary<{ vehicles: readonly number[] | null; types: readonly string[] | null }> = fc.record({
    vehicles: fc.option(fc.subarray([0, 1, 2, 3])),
    types: fc.option(fc.subarray([...TYPES])),
  })
  const filterOf = ({
    vehicles: chosen,
    types,
  }: {
    vehicles: readonly number[] | null
    types: Filter['types']
  }): Filter => ({
    vehicleIds: chosen?.map((n) => vehicles[n] ?? '') ?? null,
    types,
  })

  it('has in pages backwards just what it has forwards, whoever reads it through whatever filter', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...READERS),
        filters,
        fc.integer({ min: 1, max: 9 }),
        async (who, chosen, size) => {
          const filter = filterOf(chosen)
          const all = await forwards(who, filter, 17)
          const whole = (await forwards(who, null, 500)).filter(
            ({ type, vehicleId }) =>
              (filter.types?.includes(type) ?? true) && (filter.vehicleIds?.includes(vehicleId) ?? true),
          )
          expect(all).toEqual(whole)
          const found: Seen[] = []
          for (let before: string | null = null; ;) {
            const { nodes, edges, pageInfo } = await page(who, { last: size, before, filter })
            expect(edges).toEqual(nodes.map(({ id, cursor }: Seen) => ({ cursor, node: { id } })))
            expect(nodes).toHaveLength(Math.min(size, all.length - found.length))
            expect(pageInfo.startCursor).toBe(nodes[0]?.cursor ?? null)
            if (nodes.length > 0) expect(pageInfo.endCursor).toBe(nodes.at(-1).cursor)
            found.unshift(...nodes)
            expect(pageInfo.hasPreviousPage).toBe(found.length < all.length)
            if (before === null) expect(pageInfo.hasNextPage).toBe(false)
            if (!pageInfo.hasPreviousPage) break
            before = pageInfo.startCursor as string
          }
          expect(found).toEqual(all)
        },
      ),
      { numRuns: 25 },
    )
  })

  it('is cut by after and before wherever these stand, be it at events that the reader or the filter leaves out', async () => {
    const places = await forwards('owner', null, 500)
    const place = fc.option(fc.nat(places.length - 1))
    const size = fc.record({ amount: fc.nat(12), end: fc.constantFrom('first', 'last') })
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...READERS),
        filters,
        place,
        place,
        size,
        async (who, chosen, from, to, { amount, end }) => {
          const filter = filterOf(chosen)
          const mine = new Set((await forwards(who, filter, 500)).map(({ id }) => id))
          const between = places
            .slice(from === null ? 0 : from + 1, to ?? undefined)
            .map(({ id }) => id)
            .filter((id) => mine.has(id))
          const cursor = (n: number | null) => (n === null ? null : (places[n]?.cursor ?? null))
          const { nodes, pageInfo } = await page(who, {
            [end]: amount,
            after: cursor(from),
            before: cursor(to),
            filter,
          })
          const found = nodes.map(({ id }: Seen) => id)
          expect(found).toEqual(
            end === 'first' ? between.slice(0, amount) : between.slice(Math.max(0, between.length - amount)),
          )
          if (end === 'first' && to === null) expect(pageInfo.hasNextPage).toBe(found.length < between.length)
          if (end === 'last' && from === null) expect(pageInfo.hasPreviousPage).toBe(found.length < between.length)
          if (end === 'first' && found.length === 0 && from !== null) expect(pageInfo.endCursor).toBe(cursor(from))
        },
      ),
      { numRuns: 50 },
    )
  })

  it('is read back undisturbed while it grows, and a new look begins with what is new', async () => {
    const all = await forwards('owner', null, 500)
    const found: Seen[] = []
    for (let before: string | null = null, turn = 0; ; turn++) {
      const { nodes, pageInfo } = await page('owner', { last: 15, before })
      found.unshift(...nodes)
      if (!pageInfo.hasPreviousPage) break
      before = pageInfo.startCursor as string
      await run(url, tokens.owner, 'updateVehicle', { id: vehicles[2], name: `Meanwhile ${turn}` })
      const { nodes: newest } = await page('owner', { last: 1 })
      expect(newest).toMatchObject([{ type: 'VEHICLE_CHANGED', vehicleId: vehicles[2] }])
      expect(found).not.toContainEqual(newest[0])
    }
    expect(found).toEqual(all)
  })

  it('takes a page of at most 500 and nothing that is none', async () => {
    const bad: Variables[] = [
      { last: 501 },
      { last: -1 },
      { first: 1, last: 1 },
      { first: 0, last: 0 },
      ...['', 'nonsense', 'x\0', '\ud800', 'x'.repeat(10_000)].map((before) => ({ last: 1, before })),
      { last: 1, filter: { types: ['NONE'] } },
      { last: 1, filter: { vehicleIds: [null] } },
      { last: 1, filter: { vehicleIds: Array.from({ length: 1_001 }, (_, n) => `${n}`) } },
    ]
    for (const args of bad) {
      const { errors } = await post(url, tokens.owner, PAGE, args)
      expect({ args, codes: errors?.map(({ extensions }) => extensions.code) }).toEqual({
        args,
        codes: ['BAD_USER_INPUT'],
      })
    }
    expect((await page('owner', { last: 500 })).nodes.length).toBeGreaterThan(0)
    expect((await page('owner', { last: 3, first: null, after: null, before: null, filter: null })).nodes).toHaveLength(
      3,
    )
  })

  it('begins where the retention has cut it, and a place that is gone has nothing before it', async () => {
    const all = await forwards('owner', null, 500)
    const cut = Math.floor(all.length / 2)
    const { prisma } = server.app
    const kept = all.slice(cut)
    const [{ position }] = await prisma.$queryRaw<[{ position: string }]>`
      SELECT position::text FROM event ORDER BY event.position LIMIT 1 OFFSET ${cut}`
    await prisma.$executeRaw`
      UPDATE event SET recorded_at = recorded_at - make_interval(secs => ${(KEPT + DAY) / 1000})
      WHERE position < ${position}::bigint`
    while (await prisma.event.prune(KEPT));
    expect(await forwards('owner', null, 500)).toEqual(kept)
    const whole = await page('owner', { last: 500 })
    expect(whole).toMatchObject({ nodes: kept, pageInfo: { hasPreviousPage: false, hasNextPage: false } })
    const found: Seen[] = []
    for (let before: string | null = null; ;) {
      const { nodes, pageInfo } = await page('owner', { last: 7, before })
      found.unshift(...nodes)
      if (!pageInfo.hasPreviousPage) break
      before = pageInfo.startCursor as string
    }
    expect(found).toEqual(kept)
    for (const gone of [all[0], all[cut - 1], all[cut]]) {
      expect(await page('owner', { last: 5, before: gone?.cursor })).toMatchObject({
        nodes: [],
        pageInfo: { hasPreviousPage: false },
      })
    }
    // What a filter leaves of it begins there, too.
    const types = ['SHARING_STARTED', 'SHARING_ENDED']
    const { nodes } = await page('owner', { last: 500, filter: { types } })
    expect(nodes).toEqual(kept.filter(({ type }) => types.includes(type)))
  })
})
