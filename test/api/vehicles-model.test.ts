import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { run } from '../support/api.ts'
import { byCharacters, findVehicles, folded, ORDERS, storeSharings, storeVehicles, TEXTS } from '../support/finding.ts'
import type { Order, Text } from '../support/finding.ts'
import { report, reportAt } from '../support/gateway.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { makeWorld } from '../support/world.ts'
import type { World } from '../support/world.ts'

const FLEETS = ['owner', 'partner', 'stranger'] as const
type Who = (typeof FLEETS)[number]

/** A vehicle as the specification has it. `contact` is in milliseconds since 1970. */
type Car = {
  readonly id: string
  readonly owner: Who
  lent: Who | null
  contact: number | null
  readonly texts: Record<Text, string | null>
}

/** Letters that fold, letters that do not, what patterns and SQL read otherwise, and spaces and dashes of all kinds. */
const CHARACTERS = [
  ['a', 'A', 'b', 'B', 'k', 'K', '0', '1'],
  ['ä', 'Ä', 'a\u0308', 'ß', 'ẞ', 'ss', 'é', 'σ', 'ς', 'Σ', 'ж', 'Ж', 'İ', 'ﬀ', 'Ａ', 'ａ', '\u212a'],
  ['名', '🛵', '👩‍🔧', '\u0301', '\u200d', '\ufffd', '\u{10ffff}', '\ue000'],
  ['%', '_', '\\', "'", '"', '*', '.', '(', '|', '&', ':', '\u0001'],
  [' ', '\t', '\n', '\u00a0', '\u2003', '\u3000', '-', '‐', '–', '—', '－'],
].flat()

const text = fc.array(fc.constantFrom(...CHARACTERS), { maxLength: 8 }).map((parts) => parts.join(''))
const value = fc.option(fc.oneof(text, fc.constantFrom('', 'B-AB 12', 'b ab12', 'Zoe', 'zoe')), { nil: null })

const FILLER = 1_100

describe.each(DATABASE_KINDS)('pages of vehicles on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const { url } = server
  const cars: Car[] = []
  let world: World
  let gateway: string
  const lively = () => cars.slice(FILLER)

  beforeAll(async () => {
    world = await makeWorld(server)
    gateway = await server.token(null, 'gateway')
    // So many that what fits the first thousand and what does not are both there.
    for (let n = 0; n < FILLER; n++) {
      const texts = {
        name: n % 5 === 0 ? null : `Filler ${n % 37}`,
        licensePlate: n % 7 === 0 ? null : `F-IL ${n % 101}`,
        vin: `VF1${n}`,
        brand: n % 2 === 0 ? 'Straßen-Kreuzer' : null,
        model: null,
      }
      const id = `${String.fromCodePoint(65 + ((n * 7) % 26))}${(n * 7919).toString(36).toUpperCase().padStart(6, '0')}`
      // So many that a partner has more than what is looked at first, too.
      cars.push({ id, owner: 'owner', lent: n % 3 === 0 ? 'partner' : null, contact: null, texts })
    }
    await storeVehicles(
      server,
      world.owner,
      cars.map(({ id, texts }) => ({ id, ...texts })),
    )
    await storeSharings(
      server,
      world.partner,
      cars.filter(({ lent }) => lent !== null).map(({ id }) => id),
    )
    const samples = fc.sample(fc.tuple(value, value, value, value, value), { numRuns: 36, seed: 19 })
    for (const [index, sample] of samples.entries()) {
      const owner = FLEETS[index % 3 === 0 ? 0 : 1] ?? 'owner'
      const texts = Object.fromEntries(TEXTS.map((field, n) => [field, sample[n] ?? null])) as Car['texts']
      const { vehicle } = await run(url, world.as[owner], 'createVehicle', texts)
      cars.push({ id: vehicle.id, owner, lent: null, contact: null, texts })
    }
    for (const car of lively().filter((_, index) => index % 4 === 0)) await lendOrEnd(car)
    for (const car of lively().filter((_, index) => index % 2 === 0)) await contact(car, 3)
  })

  async function lendOrEnd(car: Car): Promise<void> {
    const to = car.owner === 'owner' ? 'partner' : 'owner'
    const input = { vehicleId: car.id }
    if (car.lent) await run(url, world.as[car.owner], 'endSharing', input)
    else await run(url, world.as[car.owner], 'startSharing', { ...input, fleetId: world[to] })
    car.lent = car.lent ? null : to
  }

  let messages = 0
  const since = Date.now() - 3_600_000
  /** Reports come late, too, and at the same instants as those of others. */
  async function contact(car: Car, second: number): Promise<void> {
    const at = since + second * 1000
    await report(url, gateway, [reportAt(car.id, `message ${++messages}`, at, { speedKmh: second })])
    car.contact = Math.max(at, car.contact ?? at)
  }

  async function rename(car: Car, field: Text, to: string | null): Promise<void> {
    await run(url, world.as[car.owner], 'updateVehicle', { id: car.id, [field]: to })
    car.texts[field] = to
  }

  /** Something that may have happened before the look at the list. */
  const events = fc.option(
    fc.oneof(
      fc.record({ what: fc.constant('rename' as const), field: fc.constantFrom(...TEXTS), to: value }),
      fc.record({ what: fc.constant('report' as const), second: fc.nat(5) }),
      fc.record({ what: fc.constant('lend' as const) }),
    ),
  )

  /** What somebody may look for: a part of a text that there is, written otherwise; or anything. */
  const searched = fc.oneof(
    fc.record({
      car: fc.nat(),
      field: fc.constantFrom('id' as const, ...TEXTS),
      from: fc.nat(6),
      length: fc.integer({ min: 1, max: 7 }),
      written: fc.constantFrom('same', 'upper', 'lower', 'dashed', 'spaced'),
    }),
    text,
    fc.constantFrom('Filler 3', 'fil', 'STRASSEN kreuzer', 'vf1-10', '0', 'a', 'F', 'F-IL 99', 'il9'),
  )

  function searchOf(
    chosen: string | Exclude<typeof searched extends fc.Arbitrary<infer T> ? T : never, string>,
  ): string {
    if (typeof chosen === 'string') return chosen
    const { car, field, from, length, written } = chosen
    // Half of the time one of the few.
    const of = car % 2 === 0 ? cars[car % cars.length] : lively()[car % lively().length]
    const characters = Array.from((field === 'id' ? of?.id : of?.texts[field]) ?? '')
    const part = characters.slice(from % (characters.length || 1)).slice(0, length)
    if (written === 'dashed') return part.join('-')
    if (written === 'spaced') return ` ${part.join('\u00a0 ')}`
    const whole = part.join('')
    return written === 'upper' ? whole.toUpperCase() : written === 'lower' ? whole.toLowerCase() : whole
  }

  const keyOf = ({ id, contact: at, texts }: Car, order: Order): string | number | null =>
    order === 'ID' ? id : order === 'NAME' ? texts.name : order === 'LICENSE_PLATE' ? texts.licensePlate : at

  function compare(a: Car, b: Car, order: Order): number {
    const [one, two] = [keyOf(a, order), keyOf(b, order)]
    if (one !== two && (one === null || two === null)) return one === null ? 1 : -1
    const difference =
      typeof one === 'number' && typeof two === 'number'
        ? two - one
        : byCharacters(String(one ?? ''), String(two ?? ''))
    return difference || byCharacters(a.id, b.id)
  }

  const isFound = ({ id, texts }: Car, search: string | null): boolean =>
    search === null ||
    [id, ...TEXTS.map((field) => texts[field])].some((one) => folded(one ?? '').includes(folded(search)))

  const stands = ({ owner, lent }: Car, who: Who, relation: string | null): boolean =>
    relation === null
      ? owner === who || lent === who
      : relation === 'SHARED_IN'
        ? lent === who
        : owner === who && (relation === 'OWNED' || lent !== null)

  /** Of a vehicle that is shared, whether this fleet is the other party. */
  const isWith = ({ owner, lent }: Car, who: Who, partner: Who | null): boolean =>
    partner === null || (lent !== null && (owner === who ? lent === partner : owner === partner))

  const asked = fc.record({
    partner: fc.option(fc.constantFrom(...FLEETS), { freq: 2 }),
    who: fc.constantFrom(
      'owner' as const,
      'owner' as const,
      'partner' as const,
      'partner' as const,
      'stranger' as const,
    ),
    orderBy: fc.constantFrom(...ORDERS),
    relation: fc.constantFrom(null, null, null, 'OWNED', 'SHARED_OUT', 'SHARED_IN'),
    ids: fc.option(fc.array(fc.nat(), { maxLength: 30 }), { freq: 6 }),
    search: fc.option(searched, { freq: 4 }),
    end: fc.constantFrom('first' as const, 'last' as const),
    amount: fc.oneof(fc.nat(5), fc.nat(100)),
    after: fc.option(fc.nat(), { freq: 2 }),
    before: fc.option(fc.nat(), { freq: 2 }),
    event: events,
    moved: fc.nat(),
  })

  it('are those of a plain model, whatever is asked for and has happened', async () => {
    await fc.assert(
      fc.asyncProperty(
        asked,
        async ({ who, orderBy, relation, partner, search: wanted, end, amount, event, moved, ...rest }) => {
          const mover = lively()[moved % lively().length]
          if (event && mover) {
            if (event.what === 'rename') await rename(mover, event.field, event.to)
            if (event.what === 'report') await contact(mover, event.second)
            if (event.what === 'lend') await lendOrEnd(mover)
          }
          const token = world.as[who]
          const text = wanted === null ? null : searchOf(wanted)
          // Of an empty text other tests speak, and of one with nothing but spaces and dashes.
          const search = text !== null && folded(text) === '' ? null : text
          const ids = rest.ids?.map(
            (n) => (n % 3 === 0 ? lively()[n % lively().length] : cars[n % cars.length])?.id ?? '',
          )
          const seen = cars.filter((car) => stands(car, who, null)).toSorted((a, b) => compare(a, b, orderBy))
          const expected = seen
            .filter((car) => stands(car, who, relation) && isWith(car, who, partner))
            .filter(({ id }) => ids === undefined || ids.includes(id))
            .filter((car) => isFound(car, search))
          /** A place in this order, at any vehicle that the viewer sees, whether the filter has it or not. */
          const place = async (n: number | null) => {
            const car = n === null ? undefined : seen[n % (seen.length || 1)]
            if (!car) return { car: null, cursor: null }
            const { pageInfo } = await findVehicles(url, token, { filter: { ids: [car.id] }, orderBy })
            return { car, cursor: pageInfo.endCursor as string }
          }
          const [after, before] = [await place(rest.after), await place(rest.before)]
          const between = expected.filter(
            (car) =>
              (after.car === null || compare(car, after.car, orderBy) > 0) &&
              (before.car === null || compare(car, before.car, orderBy) < 0),
          )
          const cut = end === 'first' ? between.slice(0, amount) : between.slice(Math.max(0, between.length - amount))
          const filter = { search, relation, ids, partnerId: partner && world[partner] }
          const args = { [end]: amount, after: after.cursor, before: before.cursor, filter, orderBy }
          const page = await findVehicles(url, token, args)
          expect({ args, ids: page.ids, totalCount: page.totalCount }).toEqual({
            args,
            ids: cut.map(({ id }) => id),
            totalCount: expected.length,
          })
          const isCut = cut.length < between.length
          if (end === 'first' && before.car === null) expect(page.pageInfo.hasNextPage).toBe(isCut)
          if (end === 'last' && after.car === null) expect(page.pageInfo.hasPreviousPage).toBe(isCut)
        },
      ),
      { numRuns: 150 },
    )
  })

  it('make up the whole list, each vehicle once, in either direction', async () => {
    const owned = cars.filter((car) => stands(car, 'owner', null))
    for (const orderBy of ORDERS) {
      const expected = owned.toSorted((a, b) => compare(a, b, orderBy)).map(({ id }) => id)
      const forwards: string[] = []
      for (let after: string | null = null; ;) {
        const { ids, pageInfo, totalCount } = await findVehicles(url, world.as.owner, { first: 97, after, orderBy })
        expect(totalCount).toBe(expected.length)
        forwards.push(...ids)
        if (!pageInfo.hasNextPage) break
        after = pageInfo.endCursor
      }
      expect({ orderBy, ids: forwards }).toEqual({ orderBy, ids: expected })
      const backwards: string[] = []
      for (let before: string | null = null; ;) {
        const { ids, pageInfo } = await findVehicles(url, world.as.owner, { last: 100, before, orderBy })
        backwards.unshift(...ids)
        if (!pageInfo.hasPreviousPage) break
        before = pageInfo.startCursor
      }
      expect({ orderBy, ids: backwards }).toEqual({ orderBy, ids: expected })
    }
  })
})
