import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, post, run } from '../support/api.ts'
import { endOfLog, follow, readAll, TRANSPORTS } from '../support/events.ts'
import type { EventFilter, SeenEvent } from '../support/events.ts'
import { startSecond, startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { FOLLOW, HISTORY } from '../support/sockets.ts'
import { iso, makeWorld } from '../support/world.ts'
import type { World } from '../support/world.ts'

let server: TestServer
let second: TestServer
let foreign: TestServer
let world: World
/** A short life of two vehicles, as the log keeps it for the owner. */
let log: SeenEvent[]
let vehicles: string[]

beforeAll(async () => {
  server = await startServer()
  second = await startSecond(server)
  foreign = await startServer({ database: 'embedded', dataDir: server.settings.dataDir })
  world = await makeWorld(server)
  vehicles = [await world.newVehicle(), await world.newVehicle()]
  const endsAt = iso(Date.now() + 3_600_000)
  for (const vehicleId of vehicles) {
    const owner = (name: Parameters<typeof run>[2], input: object) =>
      run(server.url, world.as.owner, name, { ...input })
    await owner('startSharing', { vehicleId, fleetId: world.partner })
    await owner('updateSharingEnd', { vehicleId, endsAt })
    await owner('updateVehicle', { id: vehicleId, name: 'Shared' })
    await owner('endSharing', { vehicleId })
  }
  log = await readAll(server.url, world.as.owner)
})
afterAll(async () => {
  await second.close()
  await foreign.close()
  await server.close()
})

const cursors = (events: readonly SeenEvent[] | undefined) => events?.map(({ cursor }) => cursor)
const change = (name: string) => run(server.url, world.as.owner, 'updateVehicle', { id: vehicles[0], name })

describe('resuming on another instance', () => {
  it.each(TRANSPORTS)('goes on behind any event over %s, then live, without gap or repetition', async (_, open) => {
    const known = await readAll(server.url, world.as.owner)
    const followers = await Promise.all(
      known.map(({ cursor }) => follow(second.url, world.as.owner, { after: cursor, open })),
    )
    await change('Later')
    await change('Later still')
    const all = cursors(await readAll(server.url, world.as.owner)) ?? []
    expect(all).toHaveLength(known.length + 2)
    for (const [index, follower] of followers.entries()) {
      const rest = all.slice(index + 1)
      expect(cursors(await follower.events(rest.length))).toEqual(rest)
      follower.stop()
    }
  })

  it('pages through the history in any size, to the same events', async () => {
    const all = cursors(await readAll(server.url, world.as.owner)) ?? []
    for (const first of [1, 3, 500]) expect(cursors(await readAll(second.url, world.as.owner, { first }))).toEqual(all)
    for (const [index, after] of all.entries()) {
      expect(cursors(await readAll(second.url, world.as.owner, { after }))).toEqual(all.slice(index + 1))
    }
  })

  it('takes a cursor that came live for the history, and one of either for any filter', async () => {
    const follower = await follow(server.url, world.as.owner)
    for (const name of ['a', 'b', 'c']) await change(name)
    const [a, b, c] = cursors(await follower.events(3)) ?? []
    follower.stop()
    expect(cursors(await readAll(second.url, world.as.owner, { after: a ?? null }))).toEqual([b, c])
    const filter = { types: ['SHARING_ENDED'] }
    const [start] = log
    const ended = log.filter(({ type }) => type === 'SHARING_ENDED')
    expect(cursors(await readAll(second.url, world.as.owner, { after: start?.cursor ?? null, filter }))).toEqual(
      cursors(ended),
    )
    const filtered = await follow(second.url, world.as.owner, { after: start?.cursor ?? null, filter })
    expect(cursors(await filtered.events(2))).toEqual(cursors(ended))
    filtered.stop()
  })

  it("takes another fleet's cursor for the place that it is, and shows only the viewer's own behind it", async () => {
    const own = cursors(await readAll(server.url, world.as.partner)) ?? []
    const place = log.findIndex(({ cursor }) => cursor === own[0])
    const before = log[place - 1]?.cursor ?? null
    expect(cursors(await readAll(second.url, world.as.partner, { after: before }))).toEqual(own)
    expect(await readAll(second.url, world.as.stranger, { after: before })).toEqual([])
  })

  it('without a cursor the history starts at the beginning, and a subscription at the present', async () => {
    const known = await endOfLog(server.url, world.as.owner)
    const follower = await follow(second.url, world.as.owner, { after: null })
    // When it is open nobody tells; but from its first event on it has to have all.
    while (follower.seen().length === 0) await change('Is anybody there?')
    await change('Last')
    const fresh = cursors(await readAll(server.url, world.as.owner, { after: known })) ?? []
    const [first = ''] = cursors(await follower.events(1)) ?? []
    expect(fresh).toContain(first)
    const rest = fresh.slice(fresh.indexOf(first))
    expect(cursors(await follower.events(rest.length))).toEqual(rest)
    follower.stop()
  })
})

describe('a filter', () => {
  const types =
    (...names: string[]) =>
    (event: SeenEvent) =>
      names.includes(event.type)
  const rows: [string, () => EventFilter | null, (event: SeenEvent) => boolean][] = [
    ['null', () => null, () => true],
    ['of nothing', () => ({}), () => true],
    ['of one type', () => ({ types: ['SHARING_STARTED'] }), types('SHARING_STARTED')],
    [
      'of two types',
      () => ({ types: ['SHARING_ENDED', 'VEHICLE_CHANGED'] }),
      types('SHARING_ENDED', 'VEHICLE_CHANGED'),
    ],
    ['of types that did not occur', () => ({ types: ['STATE_RECORDED', 'COMMAND_UPDATED'] }), () => false],
    ['of one vehicle', () => ({ vehicleIds: vehicles.slice(1) }), ({ vehicleId }) => vehicleId === vehicles[1]],
    ['of an unknown vehicle', () => ({ vehicleIds: ['NOSUCH', ''] }), () => false],
    [
      'of a vehicle and a type',
      () => ({ vehicleIds: vehicles.slice(1), types: ['SHARING_ENDED'] }),
      ({ vehicleId, type }) => vehicleId === vehicles[1] && type === 'SHARING_ENDED',
    ],
    ['of no types', () => ({ types: [] }), () => false],
    ['of no vehicles', () => ({ vehicleIds: [] }), () => false],
    ['of no vehicles and a type', () => ({ vehicleIds: [], types: ['VEHICLE_CHANGED'] }), () => false],
  ]

  it.each(rows)(
    '%s: history and subscription have the same, behind a cursor and live',
    async (_, filterOf, matches) => {
      const filter = filterOf()
      const start = log[0]?.cursor ?? null
      const follower = await follow(server.url, world.as.owner, { after: start, filter })
      const watcher = await follow(server.url, world.as.owner)
      const end = await endOfLog(server.url, world.as.owner)
      const other = { id: vehicles[1], name: 'Filtered' }
      await change('Filtered')
      await run(server.url, world.as.owner, 'updateVehicle', other)
      await run(server.url, world.as.owner, 'startSharing', { vehicleId: other.id, fleetId: world.partner })
      await run(server.url, world.as.owner, 'endSharing', { vehicleId: other.id })
      await watcher.events(4)
      watcher.stop()
      const all = await readAll(server.url, world.as.owner, { after: start })
      expect(all.findIndex(({ cursor }) => cursor === end)).toBe(all.length - 5)
      const expected = cursors(all.filter(matches)) ?? []
      expect(cursors(await readAll(server.url, world.as.owner, { after: start, filter, first: 2 }))).toEqual(expected)
      expect(cursors(await follower.events(expected.length))).toEqual(expected)
      expect(follower.seen()).toHaveLength(expected.length)
      follower.stop()
    },
  )
})

describe('an empty page', () => {
  it.each([{ first: 0 }, { filter: { types: [] } }, { filter: { vehicleIds: [] } }])(
    '%j repeats `after`',
    async (args) => {
      const { cursor: after } = log[3] ?? {}
      const page = (variables: object) => ask(server.url, world.as.owner, HISTORY, { ...args, ...variables })
      const { edges, pageInfo } = (await page({ after })).vehicleEvents
      expect(edges).toEqual([])
      expect(pageInfo).toMatchObject({ startCursor: null, endCursor: after })
      expect((await page({})).vehicleEvents.pageInfo).toMatchObject({ startCursor: null, endCursor: null })
    },
  )

  it('at the end of the log, too; the next event is behind it', async () => {
    const end = await endOfLog(server.url, world.as.owner)
    const { vehicleEvents } = await ask(server.url, world.as.owner, HISTORY, { after: end })
    expect(vehicleEvents.pageInfo).toMatchObject({ hasNextPage: false, endCursor: end })
    await change('Next')
    expect(await readAll(server.url, world.as.owner, { after: vehicleEvents.pageInfo.endCursor })).toHaveLength(1)
  })
})

describe('a text that is no cursor of this log', () => {
  const good = () => log[2]?.cursor ?? ''
  const flip = (cursor: string) => (cursor.startsWith('A') ? 'B' : 'A') + cursor.slice(1)
  const rows: [string, () => string | Promise<string>][] = [
    ['empty', () => ''],
    ['a word', () => 'cursor'],
    ['a number', () => '3'],
    ['of the right form', () => 'A'.repeat(22)],
    ['changed by a character', () => flip(good())],
    ['cut short', () => good().slice(0, -1)],
    ['too long', () => `${good()}A`],
    ['padded', () => `${good()}==`],
    ['of another list', () => Buffer.from(JSON.stringify(vehicles[0])).toString('base64url')],
    [
      'of another database',
      async () => {
        const elsewhere = await makeWorld(foreign)
        await elsewhere.newVehicle()
        return (await endOfLog(foreign.url, elsewhere.as.owner)) ?? ''
      },
    ],
  ]

  it.each(rows)('%s: BAD_USER_INPUT for the history and over either transport', async (_, cursor) => {
    const after = await cursor()
    const refusal = [{ extensions: { code: 'BAD_USER_INPUT' } }]
    expect((await post(server.url, world.as.owner, HISTORY, { after })).errors).toMatchObject(refusal)
    for (const [name, open] of TRANSPORTS) {
      const { ended, results } = await open(server.url, world.as.owner, FOLLOW, { after })
      if (name === 'WebSocket') expect(await ended).toMatchObject(refusal)
      else {
        expect(await ended).toBeNull()
        expect(results).toMatchObject([{ errors: refusal }])
      }
    }
  })
})
