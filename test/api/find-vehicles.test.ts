import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, post, run } from '../support/api.ts'
import type { Answer, Variables } from '../support/api.ts'
import { report, reportAt } from '../support/gateway.ts'
import { DATABASE_KINDS, startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { HOUR, inHours, makeWorld } from '../support/world.ts'
import type { World } from '../support/world.ts'

const LIST = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: VehicleFilter, $orderBy: VehicleOrder) {
  vehicles(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {
    totalCount edges { cursor } nodes { id name licensePlate }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`

const ORDERS = ['ID', 'LICENSE_PLATE', 'NAME', 'LAST_CONTACT'] as const
type Order = (typeof ORDERS)[number]

type Fields = {
  name?: string
  licensePlate?: string
  vin?: string
  brand?: string
  model?: string
}
type Car = Fields & { readonly id: string; readonly contact: number | null; readonly shared: boolean }

/** Those with the same plate or name, and without any, are many; every third is shared with the partner now. */
const FIELDS: readonly Fields[] = [
  { name: 'Straße 7', licensePlate: 'HH-FS 12', vin: 'WVWZZZ1JZ3W386752', brand: 'Volkswagen', model: 'ID.3' },
  { name: 'STRASSE 8', licensePlate: 'HH-FS 12', brand: 'Škoda', model: 'Enyaq' },
  { name: 'Ärger', licensePlate: 'B AB 1', brand: 'BMW', model: 'i3' },
  { name: 'ärger', licensePlate: 'b-ab-1' },
  { name: 'ΟΔΟΣ', licensePlate: '京A·12345', model: '%_\\' },
  { name: 'οδός', brand: 'ＢＭＷ' },
  { name: 'A\u030angström', licensePlate: 'М 123 АВ' },
  { name: 'Ångström', licensePlate: 'м 123 ав' },
  { name: 'ab', model: 'cd' },
  {},
  {},
  { name: '' },
  { name: 'a\u2013b c', brand: '🛵 Moped', model: '\u00a0' },
  { name: 'a\tb' },
  { model: 'next\u0085line\u{10ead}yezidi' },
  ...Array.from({ length: 40 }, (_, n): Fields => ({ name: `Car ${n % 7}`, licensePlate: `P-${String(n % 11)}` })),
]

/** As semantics say it: case, spaces and dashes do not matter, in any one of the texts. */
const folded = (text: string) =>
  text
    .normalize('NFC')
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
    .replaceAll('ς', 'σ')
    .replaceAll(/[\p{White_Space}\ufeff\p{Pd}\u2212]/gu, '')

const has = ({ id, name, licensePlate, vin, brand, model }: Car, search: string) =>
  [id, name, licensePlate, vin, brand, model].some(
    (text) => text !== undefined && folded(text).includes(folded(search)),
  )

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
const nullsLast = <T>(a: T | null, b: T | null, compare: (a: T, b: T) => number) =>
  a === null || b === null ? Number(a === null) - Number(b === null) : compare(a, b)

const COMPARE: Record<Order, (a: Car, b: Car) => number> = {
  ID: () => 0,
  LICENSE_PLATE: (a, b) => nullsLast(a.licensePlate ?? null, b.licensePlate ?? null, byBytes),
  NAME: (a, b) => nullsLast(a.name ?? null, b.name ?? null, byBytes),
  LAST_CONTACT: (a, b) => nullsLast(a.contact, b.contact, (one, other) => other - one),
}

describe.each(DATABASE_KINDS)('vehicles are found and ordered on %s', (database) => {
  let server: TestServer
  let world: World
  const cars: Car[] = []
  beforeAll(async () => {
    server = await startServer({ database, announce: false })
    world = await makeWorld(server)
    const gateway = await server.token(null, 'gateway')
    const now = Date.now()
    for (const [index, fields] of FIELDS.entries()) {
      const id = await world.newVehicle(fields)
      const shared = index % 3 === 0
      if (shared) await run(server.url, world.as.owner, 'startSharing', { vehicleId: id, fleetId: world.partner })
      const contact = index % 4 === 0 ? null : now - (index % 5) * HOUR
      if (contact !== null) {
        const reports = [
          reportAt(id, 'late', contact - HOUR, { speedKmh: 3 }),
          reportAt(id, 'm', contact, { ignition: true }),
        ]
        expect((await report(server.url, gateway, reports)).recorded).toBe(2)
      }
      cars.push({ ...fields, id, contact, shared })
    }
  })
  afterAll(() => server.close())

  const list = async (token: string, args: Variables): Promise<Answer['data']> =>
    (await ask(server.url, token, LIST, args)).vehicles

  /** All pages. */
  async function listed(token: string, orderBy: Order, filter: Variables, size: number, backwards: boolean) {
    const ids: string[] = []
    for (let place: string | null = null; ;) {
      const args = backwards ? { last: size, before: place } : { first: size, after: place }
      const { nodes, pageInfo, totalCount } = await list(token, { ...args, orderBy, filter })
      const some = nodes.map(({ id }: Car) => id)
      if (backwards) ids.unshift(...some)
      else ids.push(...some)
      if (!(backwards ? pageInfo.hasPreviousPage : pageInfo.hasNextPage)) {
        expect(totalCount).toBe(ids.length)
        return ids
      }
      place = backwards ? pageInfo.startCursor : pageInfo.endCursor
    }
  }

  const expected = (orderBy: Order, holds: (car: Car) => boolean) =>
    cars
      .filter(holds)
      .toSorted((a, b) => COMPARE[orderBy](a, b) || byBytes(a.id, b.id))
      .map(({ id }) => id)

  const RELATIONS = {
    ALL: () => true,
    OWNED: () => true,
    SHARED_OUT: ({ shared }: Car) => shared,
    SHARED_IN: () => false,
  } as const

  describe.each(ORDERS)('by %s', (orderBy) => {
    it.each(Object.keys(RELATIONS) as (keyof typeof RELATIONS)[])('%s, in pages from either end', async (relation) => {
      const filter = relation === 'ALL' ? {} : { relation }
      const all = expected(orderBy, RELATIONS[relation])
      expect(await listed(world.as.owner, orderBy, filter, 7, false)).toEqual(all)
      expect(await listed(world.as.owner, orderBy, filter, 10, true)).toEqual(all)
      const [some, search] = [cars.slice(3, 20).map(({ id }) => id), 'ar']
      const among = { ...filter, ids: [...some, 'nothing', 'x\0'] }
      const isAmong = (car: Car) => RELATIONS[relation](car) && some.includes(car.id)
      expect(await listed(world.as.owner, orderBy, among, 4, false)).toEqual(expected(orderBy, isAmong))
      const both = expected(orderBy, (car) => isAmong(car) && has(car, search))
      expect(await listed(world.as.owner, orderBy, { ...among, search }, 2, true)).toEqual(both)
      const found = expected(orderBy, (car) => RELATIONS[relation](car) && has(car, search))
      expect(await listed(world.as.owner, orderBy, { ...filter, search }, 3, false)).toEqual(found)
    })

    it('for the partner what is shared with it', async () => {
      const all = expected(orderBy, ({ shared }) => shared)
      expect(await listed(world.as.partner, orderBy, {}, 4, false)).toEqual(all)
      expect(await listed(world.as.partner, orderBy, { relation: 'SHARED_IN' }, 5, true)).toEqual(all)
      const found = expected(orderBy, (car) => car.shared && has(car, 'r'))
      expect(await listed(world.as.partner, orderBy, { search: 'r' }, 3, false)).toEqual(found)
      expect(await listed(world.as.stranger, orderBy, { search: 'a' }, 3, false)).toEqual([])
    })

    it('refuses cursors of another order', async () => {
      const { edges } = await list(world.as.owner, { first: 1, orderBy })
      for (const other of ORDERS.filter((order) => order !== orderBy)) {
        for (const argument of ['after', 'before']) {
          const { errors } = await post(server.url, world.as.owner, LIST, {
            [argument]: edges[0].cursor,
            orderBy: other,
          })
          expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['BAD_USER_INPUT'])
          expect(errors?.[0]?.message).toMatch(new RegExp(`^${argument}\\b`))
        }
      }
    })
  })

  it.each([
    'STRASSE',
    'straße7',
    's-t r',
    'hhfs12',
    'HH-FS',
    '-',
    ' ',
    '–',
    'zzz1j',
    'škoda',
    'SKODA',
    'enyaq',
    'ÄRGER',
    'bab1',
    'οδοσ',
    'ΟΔΟΣ',
    'ΟΔΌΣ',
    'ang',
    'ång',
    'A\u030aNG',
    'м123ав',
    '京a',
    '·',
    'bmw',
    'ｂｍｗ',
    'nextlineyezidi',
    'LINE\u{10d6e}Y',
    '🛵',
    '%',
    '_',
    '\\',
    '%_\\',
    "'",
    'bc',
    'abcd',
    'ab c',
    'id.3',
    'car 6',
    'Car6',
    'p10',
    'a',
    'é',
    'x'.repeat(100),
    '🛵'.repeat(100),
  ])('search for %j', async (search) => {
    const found = expected('ID', (car) => has(car, search))
    expect(await listed(world.as.owner, 'ID', { search }, 50, false)).toEqual(found)
    expect(await listed(world.as.owner, 'NAME', { search }, 50, true)).toEqual(
      expected('NAME', (car) => has(car, search)),
    )
  })

  it('by any part of the id, in either case', async () => {
    for (const { id } of cars.slice(0, 5)) {
      for (const search of [id, id.toLowerCase(), id.slice(1, 4), `${id.slice(0, 2)}-${id.slice(2)}`]) {
        expect(await listed(world.as.owner, 'ID', { search }, 50, false)).toContain(id)
      }
    }
  })

  it.each<[string, Variables]>([
    ['empty', { search: '' }],
    ['longer than 100 characters', { search: 'x'.repeat(101) }],
    ['with NUL', { search: 'x\0' }],
    ['a lone surrogate', { search: '\ud800' }],
  ])('refuses a search that is %s', async (_what, filter) => {
    const { errors } = await post(server.url, world.as.owner, LIST, { filter })
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['BAD_USER_INPUT'])
    expect(errors?.[0]?.message).toMatch(/^filter\.search\b/)
  })

  it('takes null as no filter and the order as by id', async () => {
    const all = expected('ID', () => true)
    const { nodes, totalCount } = await list(world.as.owner, { first: 100, filter: { search: null }, orderBy: null })
    expect([nodes.map(({ id }: Car) => id), totalCount]).toEqual([all, all.length])
  })

  it('takes the other party of the sharing in force', async () => {
    const shared = expected('NAME', (car) => car.shared)
    const listedWith = (token: string, partnerId: string, relation?: string) =>
      listed(token, 'NAME', { partnerId, relation }, 5, false)
    expect(await listedWith(world.as.owner, world.partner)).toEqual(shared)
    expect(await listedWith(world.as.owner, world.partner, 'OWNED')).toEqual(shared)
    expect(await listedWith(world.as.owner, world.partner, 'SHARED_OUT')).toEqual(shared)
    expect(await listedWith(world.as.owner, world.partner, 'SHARED_IN')).toEqual([])
    expect(await listedWith(world.as.partner, world.owner)).toEqual(shared)
    for (const partnerId of [world.owner, world.stranger, 'nobody', 'x\0', '']) {
      expect(await listedWith(world.as.owner, partnerId)).toEqual([])
    }
  })

  it('follows every change at once: names, deletion, and the window of a sharing', async () => {
    const search = 'quite unlikely'
    const count = async (who: 'owner' | 'partner') =>
      (await list(world.as[who], { first: 0, filter: { search } })).totalCount as number
    const id = await world.newVehicle({ name: 'A quite UNLIKELY name' })
    expect([await count('owner'), await count('partner')]).toEqual([1, 0])
    await run(server.url, world.as.owner, 'startSharing', {
      vehicleId: id,
      fleetId: world.partner,
      startsAt: inHours(1),
    })
    expect(await count('partner')).toBe(0)
    const other = await world.newVehicle({ brand: 'Quite-Unlikely' })
    await run(server.url, world.as.owner, 'startSharing', { vehicleId: other, fleetId: world.partner })
    expect([await count('owner'), await count('partner')]).toEqual([2, 1])
    await run(server.url, world.as.owner, 'updateVehicle', { id, name: 'Other' })
    expect([await count('owner'), await count('partner')]).toEqual([1, 1])
    await run(server.url, world.as.owner, 'endSharing', { vehicleId: other })
    expect([await count('owner'), await count('partner')]).toEqual([1, 0])
    await run(server.url, world.as.owner, 'deleteVehicle', { id: other })
    expect(await count('owner')).toBe(0)
  })
})
