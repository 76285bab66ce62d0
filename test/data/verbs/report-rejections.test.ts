import { describe, expect, it } from 'vitest'
import { run } from '../../support/api.ts'
import { report, reportAt } from '../../support/gateway.ts'
import { stateEvents, stateOfVehicle, taken, traces } from '../../support/readings.ts'
import { serverForAll } from '../../support/server.ts'
import { iso, makeWorld } from '../../support/world.ts'

const server = await serverForAll({ announce: false })
const world = await makeWorld(server)
const gateway = await server.token(null, 'gateway')

const send = async (reports: readonly Readonly<Record<string, unknown>>[]) => report(server.url, gateway, reports)

const speedsOf = async (id: string) =>
  (await stateEvents(server.url, world.as.owner, [id])).map(({ state }) => state.speedKmh?.['value'])

describe('a report is rejected', () => {
  const at = Date.now()
  const none = { speedKmh: null }
  const minutes = (count: number) => ({ occurredAt: iso(at + count * 60_000) })

  it.each<[string, string, Readonly<Record<string, unknown>>]>([
    ['messageId', 'an empty message id', { messageId: '' }],
    ['messageId', 'NUL in the message id', { messageId: 'a\0b' }],
    ['messageId', 'a message id of 201 characters', { messageId: 'x'.repeat(201) }],
    ['occurredAt', 'a time an hour ahead', minutes(60)],
    ['occurredAt', 'a time years ahead', minutes(5_000_000)],
    ['occurredAt', 'a time in 1969', { occurredAt: '1969-12-31T23:59:59.999Z' }],
    ['occurredAt', 'a time in the year 0', { occurredAt: '0000-01-01T00:00:00Z' }],
    ['occurredAt', 'a time in 10000', { occurredAt: '+010000-01-01T00:00:00Z' }],
    ['occurredAt', 'a leap second', { occurredAt: '2016-12-31T23:59:60Z' }],
    ['occurredAt', 'a time without an offset', { occurredAt: '2016-12-31T23:59:00' }],
    ['occurredAt', '30 February', { occurredAt: '2022-02-30T00:00:00Z' }],
    ['occurredAt', 'no time', { occurredAt: '' }],
    ['occurredAt', 'garbage', { occurredAt: `\0${'x'.repeat(5_000)}` }],
    ['reading', 'no reading', none],
    ['position.latitude', 'an impossible latitude', { position: { latitude: 90.1, longitude: 0 } }],
    ['position.longitude', 'an impossible longitude', { position: { latitude: 0, longitude: -180.1 } }],
    ['speedKmh', 'a negative speed', { speedKmh: -1 }],
    ['mileageKm', 'a negative mileage', { mileageKm: -0.001 }],
    ['energyPercent', 'more than 100 percent', { energyPercent: 100.5 }],
  ])('with INVALID_INPUT and its index, naming %s, for %s, and leaves no trace', async (field, _, wrong) => {
    const [id, other] = [await world.newVehicle(), await world.newVehicle()]
    const before = await traces(server)
    const bad = { ...reportAt(id, 'm', at, { speedKmh: 9 }), ...wrong }
    const answer = await send([bad])
    expect(answer).toMatchObject({ recorded: 0, skipped: 0, rejected: [{ index: 0, code: 'INVALID_INPUT' }] })
    expect(answer.rejected[0].message).toContain(field)
    expect(await traces(server)).toEqual(before)

    // Among others it costs only itself.
    const good = (vehicleId: string, messageId: string) => reportAt(vehicleId, messageId, at, { speedKmh: 1 })
    const mixed = await send([good(id, 'a'), bad, good(other, 'b'), bad, good(id, 'c')])
    expect(mixed).toMatchObject({ recorded: 3, skipped: 0 })
    expect(mixed.rejected.map(({ index }: { index: number }) => index)).toEqual([1, 3])
    expect(await speedsOf(id)).toEqual([1, 1])

    // Its message id may be used again.
    expect(await send([reportAt(id, 'm', at, { speedKmh: 9 })])).toEqual(taken(1))
    expect(await speedsOf(id)).toEqual([1, 1, 9])
  })

  it.each<[string, (id: string) => string]>([
    ['an unknown vehicle', () => 'UNKNOWN'],
    ['a deleted vehicle', (id) => id],
    ['no vehicle', () => ''],
    ['NUL', (id) => `${id}\0`],
    ['half a character', (id) => `${id}\ud83d`],
    ['a very long name', (id) => id.repeat(100)],
    ['an id in other letters', (id) => id.toLowerCase()],
    ['an id with a space', (id) => `${id} `],
  ])('with VEHICLE_NOT_FOUND and its index for %s, and leaves no trace', async (_, nameOf) => {
    const [id, good] = [await world.newVehicle(), await world.newVehicle()]
    await run(server.url, world.as.owner, 'deleteVehicle', { id })
    const before = await traces(server)
    const bad = reportAt(nameOf(id), 'm', at, { speedKmh: 9 })
    const rejected = { code: 'VEHICLE_NOT_FOUND', message: expect.any(String) as string }
    expect(await send([bad, bad])).toEqual({
      ...taken(0),
      rejected: [
        { index: 0, ...rejected },
        { index: 1, ...rejected },
      ],
    })
    expect(await traces(server)).toEqual(before)
    const mixed = await send([bad, reportAt(good, 'm', at, { speedKmh: 1 }), bad])
    expect(mixed).toEqual({
      ...taken(1),
      rejected: [
        { index: 0, ...rejected },
        { index: 2, ...rejected },
      ],
    })
    expect(await speedsOf(good)).toEqual([1])
  })

  it('unless an earlier one of its batch made its message id known: then it is skipped, as in a batch of its own', async () => {
    const [id, other] = [await world.newVehicle(), await world.newVehicle()]
    const right = (vehicleId: string) => reportAt(vehicleId, 'm', at, { speedKmh: 1 })
    const wrong = (vehicleId: string) => reportAt(vehicleId, 'm', at, { speedKmh: -1 })
    const batch = [wrong(id), wrong(other), right(id), wrong(id), right(id), wrong(other)]
    const answer = await send(batch)
    expect(answer).toMatchObject({ recorded: 1, skipped: 2 })
    expect(answer.rejected.map(({ index }: { index: number }) => index)).toEqual([0, 1, 5])
    expect(await speedsOf(id)).toEqual([1])
  })

  it('in the order of the input, for any reasons', async () => {
    const id = await world.newVehicle()
    const wrong = (messageId: string) => reportAt(id, messageId, at, { speedKmh: -1 })
    const lost = (messageId: string) => reportAt('UNKNOWN', messageId, at, { speedKmh: 1 })
    const { rejected } = await send([
      lost('a'),
      wrong('b'),
      lost('c'),
      reportAt(id, 'd', at, { speedKmh: 1 }),
      wrong('e'),
    ])
    expect(rejected.map(({ index, code }: { index: number; code: string }) => `${index} ${code}`)).toEqual([
      '0 VEHICLE_NOT_FOUND',
      '1 INVALID_INPUT',
      '2 VEHICLE_NOT_FOUND',
      '4 INVALID_INPUT',
    ])
  })
})

describe('a device whose clock runs ahead', () => {
  it.each([1, 4.9])('by %s minutes is taken to mean now', async (minutes) => {
    const id = await world.newVehicle()
    const before = Date.now()
    expect(await send([reportAt(id, 'm', before + minutes * 60_000, { speedKmh: 1 })])).toEqual(taken(1))
    const [event] = await stateEvents(server.url, world.as.owner, [id])
    expect(event?.occurredAt).toBe(event?.recordedAt)
    expect(Date.parse(event?.occurredAt ?? '')).toBeGreaterThanOrEqual(before)
    expect(Date.parse(event?.occurredAt ?? '')).toBeLessThanOrEqual(Date.now())
    expect((await stateOfVehicle(server.url, world.as.owner, id)).speedKmh?.observedAt).toBe(event?.occurredAt)
    // So it does not hide what the next report says.
    await send([reportAt(id, 'n', Date.now() + 1000, { speedKmh: 2 })])
    expect((await stateOfVehicle(server.url, world.as.owner, id)).speedKmh?.['value']).toBe(2)
  })
})
