import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, post, run } from '../support/api.ts'
import type { Answer, Variables } from '../support/api.ts'
import { DATABASE_KINDS, startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { at, inHours, iso, makeWorld } from '../support/world.ts'
import type { World } from '../support/world.ts'

/** What no id of a vehicle looks like, and one that looks like one. */
const NO_IDS = ['ZZZZZ', '', 'x\0', '\ud800', "' OR true --", 'x'.repeat(10_000)]

const VEHICLES = `query ($filter: VehicleFilter, $first: Int) { vehicles(filter: $filter, first: $first) {
  nodes { id } pageInfo { hasNextPage } } }`
const SHARINGS = `query ($filter: SharingFilter, $first: Int) { sharings(filter: $filter, first: $first) {
  nodes { id } pageInfo { hasNextPage } } }`

/** The vehicles of the owner, by what became of the one sharing that each had with the partner, and one borrowed. */
const KINDS = ['free', 'scheduled', 'active', 'ended', 'expired', 'cancelled', 'borrowed'] as const
type Kind = (typeof KINDS)[number]

describe.each(DATABASE_KINDS)('a filter on %s', (database) => {
  let server: TestServer
  let world: World
  const vehicle = {} as Record<Kind, string>
  const sharing = {} as Record<Kind, string>

  beforeAll(async () => {
    // Without an announcer an end that has come is in no row yet.
    server = await startServer({ database, announce: false })
    world = await makeWorld(server)
    const { url } = server
    for (const kind of KINDS) {
      const [lender, borrower] = kind === 'borrowed' ? (['partner', 'owner'] as const) : (['owner', 'partner'] as const)
      const vehicleId = (await run(url, world.as[lender], 'createVehicle', { name: kind })).vehicle.id
      vehicle[kind] = vehicleId
      if (kind === 'free') continue
      const startsAt = kind === 'scheduled' || kind === 'cancelled' ? inHours(1) : null
      const input = { vehicleId, fleetId: world[borrower], startsAt }
      const started = await run(url, world.as[lender], 'startSharing', input)
      sharing[kind] = started.sharing.id
      if (kind === 'ended' || kind === 'cancelled') {
        await run(url, world.as[lender], 'endSharing', { vehicleId, sharingId: sharing[kind] })
      }
      if (kind === 'expired') {
        const due = Date.now() + 1000
        await run(url, world.as.owner, 'updateSharingEnd', { vehicleId, endsAt: iso(due) })
        await at(due)
      }
    }
  })
  afterAll(() => server.close())

  const pick = (from: Record<Kind, string>, kinds: readonly Kind[]) => kinds.map((kind) => from[kind]).toSorted()

  type Who = 'owner' | 'partner' | 'stranger'
  async function found(list: 'vehicles' | 'sharings', who: Who, filter: unknown): Promise<string[]> {
    const data = await ask(server.url, world.as[who], list === 'vehicles' ? VEHICLES : SHARINGS, { filter })
    return data[list].nodes.map(({ id }: { id: string }) => id).toSorted()
  }

  const own: readonly Kind[] = ['free', 'scheduled', 'active', 'ended', 'expired', 'cancelled']

  it.each<[Who, string, readonly Kind[]]>([
    ['owner', 'OWNED', own],
    ['owner', 'SHARED_OUT', ['active']],
    ['owner', 'SHARED_IN', ['borrowed']],
    ['partner', 'OWNED', ['borrowed']],
    ['partner', 'SHARED_OUT', ['borrowed']],
    ['partner', 'SHARED_IN', ['active']],
    ['stranger', 'OWNED', []],
    ['stranger', 'SHARED_OUT', []],
    ['stranger', 'SHARED_IN', []],
  ])('gives the %s by relation %s the vehicles that stand so now', async (who, relation, kinds) => {
    expect(await found('vehicles', who, { relation })).toEqual(pick(vehicle, kinds))
  })

  it('that is null, empty or all null lets everything through', async () => {
    for (const filter of [null, {}, { relation: null, ids: null }]) {
      expect(await found('vehicles', 'owner', filter)).toEqual(pick(vehicle, KINDS))
      expect(await found('vehicles', 'partner', filter)).toEqual(pick(vehicle, ['active', 'borrowed']))
    }
    for (const filter of [null, {}, { phase: null, status: null, vehicleId: null }]) {
      const all = KINDS.filter((kind) => kind !== 'free')
      for (const who of ['owner', 'partner'] as const) {
        expect(await found('sharings', who, filter)).toEqual(pick(sharing, all))
      }
      expect(await found('sharings', 'stranger', filter)).toEqual([])
    }
  })

  it('by ids gives the vehicles among them that the viewer may see, each once', async () => {
    const ids = [...pick(vehicle, KINDS), ...pick(vehicle, KINDS), ...NO_IDS]
    expect(await found('vehicles', 'owner', { ids })).toEqual(pick(vehicle, KINDS))
    expect(await found('vehicles', 'partner', { ids })).toEqual(pick(vehicle, ['active', 'borrowed']))
    expect(await found('vehicles', 'stranger', { ids })).toEqual([])
    expect(await found('vehicles', 'owner', { ids: vehicle.free })).toEqual([vehicle.free])
  })

  it('by ids that are none, or by no ids at all, gives nothing', async () => {
    for (const ids of [[], NO_IDS]) expect(await found('vehicles', 'owner', { ids })).toEqual([])
  })

  it('by a thousand ids gives all that are found, in order and by pages', async () => {
    const expected = [...pick(vehicle, KINDS)]
    const unknown = Array.from({ length: 1_000 - 2 * expected.length }, (_, index) =>
      index.toString(36).padStart(4, 'Z'),
    )
    const ids = [...expected.slice(0, 3), ...unknown, ...expected.slice(3), ...expected]
    const query = `query ($ids: [ID!], $first: Int, $last: Int, $after: String) {
      vehicles(first: $first, last: $last, after: $after, filter: { ids: $ids }) {
        nodes { id } pageInfo { hasNextPage hasPreviousPage endCursor } } }`
    const page = async (args: Variables) => {
      const { vehicles } = await ask(server.url, world.as.owner, query, { ids, ...args })
      return { ...vehicles.pageInfo, ids: vehicles.nodes.map(({ id }: { id: string }) => id) }
    }
    expect(await page({})).toMatchObject({ ids: expected, hasNextPage: false })
    const first = await page({ first: 4 })
    expect(first).toMatchObject({ ids: expected.slice(0, 4), hasNextPage: true })
    expect(await page({ first: 4, after: first.endCursor })).toMatchObject({ ids: expected.slice(4) })
    expect(await page({ last: 3 })).toMatchObject({ ids: expected.slice(-3), hasPreviousPage: true })
  })

  it('by relation and ids gives the vehicles that meet both', async () => {
    const ids = pick(vehicle, ['free', 'active', 'borrowed'])
    expect(await found('vehicles', 'owner', { relation: 'OWNED', ids })).toEqual(pick(vehicle, ['free', 'active']))
    expect(await found('vehicles', 'owner', { relation: 'SHARED_IN', ids })).toEqual([vehicle.borrowed])
    expect(await found('vehicles', 'partner', { relation: 'SHARED_IN', ids: [vehicle.free] })).toEqual([])
  })

  it.each<[string, readonly Kind[]]>([
    ['SCHEDULED', ['scheduled']],
    ['ACTIVE', ['active', 'borrowed']],
    ['ENDED', ['ended', 'expired']],
    ['CANCELLED', ['cancelled']],
  ])('by phase %s gives both parties the sharings that are in it now', async (phase, kinds) => {
    for (const who of ['owner', 'partner'] as const) {
      expect(await found('sharings', who, { phase })).toEqual(pick(sharing, kinds))
    }
    expect(await found('sharings', 'stranger', { phase })).toEqual([])
  })

  it('by status gives the sharings lent, or those borrowed', async () => {
    const [ours, theirs] = ['SHARED_OWN_VEHICLE', 'SHARED_PARTNER_VEHICLE']
    const lent = own.filter((kind) => kind !== 'free')
    expect(await found('sharings', 'owner', { status: ours })).toEqual(pick(sharing, lent))
    expect(await found('sharings', 'owner', { status: theirs })).toEqual([sharing.borrowed])
    expect(await found('sharings', 'partner', { status: ours })).toEqual([sharing.borrowed])
    expect(await found('sharings', 'partner', { status: theirs })).toEqual(pick(sharing, lent))
    expect(await found('sharings', 'partner', { status: theirs, phase: 'ENDED' })).toEqual(
      pick(sharing, ['ended', 'expired']),
    )
  })

  it('by vehicle gives its sharings, and nothing for a vehicle without a sharing of the fleet', async () => {
    for (const who of ['owner', 'partner'] as const) {
      expect(await found('sharings', who, { vehicleId: vehicle.expired })).toEqual([sharing.expired])
      const filter = { vehicleId: vehicle.expired, phase: 'ACTIVE' }
      expect(await found('sharings', who, filter)).toEqual([])
    }
    expect(await found('sharings', 'stranger', { vehicleId: vehicle.active })).toEqual([])
    for (const vehicleId of NO_IDS) expect(await found('sharings', 'owner', { vehicleId })).toEqual([])
  })

  it('applies before the page is cut', async () => {
    const page = async (query: string, filter: Variables, first: number): Promise<Answer['data']> =>
      Object.values(await ask(server.url, world.as.owner, query, { filter, first }))[0]
    const ids = pick(vehicle, ['free', 'active'])
    const [id] = ids
    expect(await page(VEHICLES, { ids }, 1)).toEqual({ nodes: [{ id }], pageInfo: { hasNextPage: true } })
    expect((await page(VEHICLES, { ids }, 2)).pageInfo.hasNextPage).toBe(false)
    expect((await page(SHARINGS, { phase: 'ENDED' }, 1)).pageInfo.hasNextPage).toBe(true)
    expect((await page(SHARINGS, { phase: 'ENDED' }, 2)).pageInfo.hasNextPage).toBe(false)
  })

  it.each<[string, string, unknown]>([
    ['an unknown relation', VEHICLES, { relation: 'BORROWED' }],
    ['an unknown field', VEHICLES, { owner: 'x' }],
    ['a null among the ids', VEHICLES, { ids: [null] }],
    ['an unknown phase', SHARINGS, { phase: 'OVER' }],
    ['a list of phases', SHARINGS, { phase: ['ACTIVE', 'ENDED'] }],
  ])('with %s is refused', async (_what, query, filter) => {
    const { errors } = await post(server.url, world.as.owner, query, { filter })
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['BAD_USER_INPUT'])
    expect(errors?.[0]?.message).toContain(Object.keys(filter as object)[0])
  })
})
