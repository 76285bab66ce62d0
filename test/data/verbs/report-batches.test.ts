import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toPrismaVehicle } from '../../../src/data/tables/vehicle.ts'
import { newVehicle } from '../../../src/domain/vehicle.ts'
import { post, run } from '../../support/api.ts'
import { report, REPORT, reportAt } from '../../support/gateway.ts'
import { stateEvents, stateOfVehicle, taken, traces } from '../../support/readings.ts'
import { startSecond, startServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'
import { iso, makeWorld } from '../../support/world.ts'
import type { World } from '../../support/world.ts'

let server: TestServer
let second: TestServer
let world: World
let gateway: string
const statements: string[] = []
beforeAll(async () => {
  server = await startServer({ announce: false, onStatement: (sql) => statements.push(sql) })
  second = await startSecond(server, { announce: false })
  world = await makeWorld(server)
  gateway = await server.token(null, 'gateway')
})
afterAll(async () => {
  await second.close()
  await server.close()
})

const send = async (reports: readonly Readonly<Record<string, unknown>>[], url = server.url) =>
  report(url, gateway, reports)

const speedsOf = async (id: string) =>
  (await stateEvents(server.url, world.as.owner, [id])).map(({ state }) => state.speedKmh?.['value'])

/** Vehicles made past the API, for there are many. */
async function manyVehicles(prefix: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(4, '0')}`)
  const times = { lastInstant: new Date(), createdAt: new Date() }
  await server.app.prisma.vehicle.createMany({
    data: ids.map((id) => ({ ...toPrismaVehicle(newVehicle(id, world.owner, {})), ...times })),
  })
  return ids
}

describe('a message that is known', () => {
  it('changes nothing when the whole batch is repeated, by whichever instance', async () => {
    const [a, b] = [await world.newVehicle(), await world.newVehicle()]
    const now = Date.now()
    const batch = [
      reportAt(a, '1', now - 2000, { speedKmh: 1, ignition: true }),
      reportAt(b, '1', now - 1000, { speedKmh: 2 }),
      reportAt(a, '2', now - 3000, { speedKmh: 3, centralLock: 'LOCKED' }),
    ]
    expect(await send(batch)).toEqual(taken(3))
    const before = await traces(server)
    expect(await send(batch)).toEqual(taken(0, 3))
    expect(await send(batch.toReversed(), second.url)).toEqual(taken(0, 3))
    expect(await traces(server)).toEqual(before)
  })

  it('is skipped also with other content, and does not hinder other reports', async () => {
    const [a, b] = [await world.newVehicle(), await world.newVehicle()]
    const now = Date.now()
    await send([reportAt(a, 'm', now - 2000, { speedKmh: 1 })])
    const again = [
      reportAt(a, 'm', now, { speedKmh: 2, ignition: true }),
      reportAt(a, 'm', now - 9000, { mileageKm: 7 }),
      reportAt(b, 'm', now, { speedKmh: 3 }),
      reportAt(a, 'M', now, { speedKmh: 4 }),
    ]
    expect(await send(again)).toEqual(taken(2, 2))
    expect(await speedsOf(a)).toEqual([1, 4])
    expect(await speedsOf(b)).toEqual([3])
    expect(await stateOfVehicle(server.url, world.as.owner, a)).toMatchObject({ mileageKm: null, ignition: null })
  })

  it('is skipped also where its new content would be rejected', async () => {
    const [id, other] = [await world.newVehicle(), await world.newVehicle()]
    const now = Date.now()
    expect(await send([reportAt(id, 'known', now, { speedKmh: 1 })])).toEqual(taken(1))
    const impossible = [
      reportAt(id, 'known', now, { speedKmh: -1 }),
      reportAt(id, 'known', now, {}),
      reportAt(other, 'known', now, { speedKmh: -1 }),
      reportAt(other, 'new', now, { speedKmh: 2 }),
    ]
    const answer = await send(impossible)
    expect(answer).toMatchObject({ recorded: 1, skipped: 2, rejected: [{ index: 2, code: 'INVALID_INPUT' }] })
    expect(await send(impossible.slice(0, 2))).toEqual(taken(0, 2))
    expect(await speedsOf(id)).toEqual([1])
  })

  it('is known from its first place in a batch on', async () => {
    const id = await world.newVehicle()
    const now = Date.now()
    const batch = [
      reportAt(id, 'm', now - 2000, { speedKmh: 1 }),
      reportAt(id, 'm', now - 1000, { speedKmh: 2 }),
      reportAt(id, 'm', now - 2000, { speedKmh: 1 }),
    ]
    expect(await send(batch)).toEqual(taken(1, 2))
    expect(await speedsOf(id)).toEqual([1])
    expect((await stateOfVehicle(server.url, world.as.owner, id)).speedKmh).toEqual({
      value: 1,
      observedAt: iso(now - 2000),
    })
  })

  it('is recorded once, however many send it at the same time', async () => {
    const id = await world.newVehicle()
    const now = Date.now()
    const messages = Array.from({ length: 20 }, (_, index) => reportAt(id, `${index}`, now, { speedKmh: index }))
    const answers = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => send(messages, index % 2 === 0 ? server.url : second.url)),
    )
    const sum = (field: string) => answers.reduce((total, answer) => total + (answer[field] as number), 0)
    expect({ recorded: sum('recorded'), skipped: sum('skipped') }).toEqual({ recorded: 20, skipped: 140 })
    expect(await speedsOf(id)).toEqual(messages.map((_, index) => index))
  })
})

describe('a batch', () => {
  it.each([1, 1000])('of %s is taken, in one statement', async (count) => {
    const vehicles = await manyVehicles(`one${count}-`, Math.min(count, 250))
    await run(server.url, world.as.owner, 'startSharing', { vehicleId: vehicles[0], fleetId: world.partner })
    const now = Date.now()
    const reports = Array.from({ length: count }, (_, index) =>
      reportAt(vehicles[index % vehicles.length] ?? '', `${index}`, now + index, {
        position: { latitude: 53.55, longitude: 10 },
        speedKmh: index,
      }),
    )
    statements.length = 0
    expect(await send(reports)).toEqual(taken(count))
    // Its clock is measured now and then, whatever else is done.
    const needed = statements.filter((sql) => !sql.startsWith('SELECT extract(epoch FROM clock_timestamp())'))
    expect(needed).toEqual([expect.stringContaining('record_vehicle_states')])
    const events = await stateEvents(server.url, world.as.owner, vehicles)
    expect(events.map(({ state }) => state.speedKmh?.['value'])).toEqual(reports.map((_, index) => index))
    expect(new Set(events.map(({ requestId }) => requestId)).size).toBe(1)
    const shared = await stateEvents(server.url, world.as.partner, vehicles)
    expect(shared.map(({ vehicleId }) => vehicleId)).toEqual(
      reports.map(({ vehicleId }) => vehicleId).filter((id) => id === vehicles[0]),
    )
  })

  it.each([0, 1001])('of %s is refused as a whole, naming reports', async (count) => {
    const id = await world.newVehicle()
    const before = await traces(server)
    const reports = Array.from({ length: count }, (_, index) => reportAt(id, `${index}`, Date.now(), { speedKmh: 1 }))
    expect(await send(reports)).toMatchObject({ __typename: 'InputError', code: 'INVALID_INPUT', path: ['reports'] })
    expect(await traces(server)).toEqual(before)
  })

  it('never waits crosswise for another that names the same vehicles the other way round', async () => {
    const vehicles = await manyVehicles('cross-', 40)
    const { prisma } = server.app
    for (let round = 0; round < 15; round++) {
      // With something due for a few, batches are taken in more than one statement, too.
      const due = vehicles.filter((_, index) => round % 3 === 0 && index % 7 === round % 7)
      const times = { startsAt: new Date(Date.now() - 3), endsAt: new Date(Date.now() - 1), createdAt: new Date() }
      const parties = { ownerId: world.owner, partnerId: world.partner }
      await prisma.sharing.createMany({
        data: due.map((vehicleId) => ({
          id: `${vehicleId}-${round}`,
          vehicleId,
          ...parties,
          ...times,
          startRecorded: true,
        })),
      })
      const batch = vehicles.map((id) => reportAt(id, `${round}`, Date.now(), { speedKmh: round }))
      const answers = await Promise.all(
        Array.from({ length: 6 }, async (_, index) =>
          send(index % 2 === 0 ? batch : batch.toReversed(), index % 3 === 0 ? second.url : server.url),
        ),
      )
      expect(answers.reduce((total, { recorded }) => total + (recorded as number), 0)).toBe(vehicles.length)
    }
    for (const id of vehicles) expect(await speedsOf(id)).toEqual(Array.from({ length: 15 }, (_, round) => round))
  })

  it.each<[string, string | readonly string[], number, string]>([
    ['a manager', 'manager', 200, 'FORBIDDEN'],
    ['an admin', 'admin', 200, 'FORBIDDEN'],
    ['a gateway that is an admin, too', ['gateway', 'admin'], 200, 'FORBIDDEN'],
    ['nobody known', '', 401, 'UNAUTHENTICATED'],
  ])('from %s is refused', async (who, roles, status, code) => {
    const id = await world.newVehicle()
    const before = await traces(server)
    const token = roles === '' ? null : await server.token(who === 'a manager' ? world.owner : null, roles)
    const reports = [reportAt(id, 'm', Date.now(), { speedKmh: 1 })]
    const answer = await post(server.url, token, REPORT, { input: { reports } })
    expect(answer).toMatchObject({ status, errors: [{ extensions: { code } }] })
    expect(answer.data ?? null).toBeNull()
    expect(await traces(server)).toEqual(before)
  })
})
