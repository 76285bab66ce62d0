import { describe, expect, it } from 'vitest'
import { ask, run } from '../support/api.ts'
import type { Answer, Variables } from '../support/api.ts'
import { serverForAll } from '../support/server.ts'
import { HISTORY } from '../support/sockets.ts'
import { stored } from '../support/stored.ts'
import { makeWorld } from '../support/world.ts'

const TEXTS = ['name', 'licensePlate', 'vin', 'brand', 'model'] as const

/** In the order in which lists show them. */
const ALL_COMMANDS = [
  'REQUEST_VEHICLE_STATE',
  'ENABLE_DRIVING',
  'DISABLE_DRIVING',
  'UNLOCK_CENTRAL_LOCK',
  'LOCK_CENTRAL_LOCK',
  'UNLOCK_AND_ENABLE_DRIVING',
  'LOCK_AND_DISABLE_DRIVING',
  'UNLOCK_TOP_CASE',
  'LOCK_TOP_CASE',
  'UNLOCK_BATTERY_COMPARTMENT',
  'DRAW_ATTENTION',
]

const server = await serverForAll()
const world = await makeWorld(server)

const create = (input: Variables): Promise<Answer['data']> => run(server.url, world.as.owner, 'createVehicle', input)
const update = (input: Variables): Promise<Answer['data']> => run(server.url, world.as.owner, 'updateVehicle', input)

async function read(id: string): Promise<Answer['data']> {
  const query = `query ($id: ID!) { vehicle(id: $id) {
    id name licensePlate vin brand model supportedCommands fleet { id } } }`
  return (await ask(server.url, world.as.owner, query, { id })).vehicle
}

const FIELDS = { name: 'Zoe 1', licensePlate: 'KA-FS 852', vin: 'VF1AGVYB1', brand: 'Renault', model: 'Zoe' }

/** Whether both ways to write a text keep it. */
async function keeps(field: (typeof TEXTS)[number], text: string): Promise<void> {
  const { vehicle } = await create({ [field]: text })
  expect(vehicle[field]).toBe(text)
  const { vehicle: other } = await create({})
  const updated = await update({ id: other.id, [field]: text })
  expect(updated.vehicle[field]).toBe(text)
  expect((await read(other.id))[field]).toBe(text)
}

describe('createVehicle', () => {
  it("with nothing makes a vehicle of one's own that can do everything", async () => {
    const { __typename, vehicle } = await create({})
    expect(__typename).toBe('CreateVehicleSuccess')
    const texts = Object.fromEntries(TEXTS.map((field) => [field, null]))
    const expected = { id: vehicle.id, fleet: { id: world.owner }, supportedCommands: ALL_COMMANDS, ...texts }
    expect(vehicle).toEqual(expected)
    expect(await read(vehicle.id)).toEqual(expected)
    expect(vehicle.id).toMatch(/^[0-9A-Z]{5,}$/)
  })

  it('keeps its values', async () => {
    const supportedCommands = ['UNLOCK_TOP_CASE', 'LOCK_TOP_CASE']
    const { vehicle } = await create({ ...FIELDS, supportedCommands })
    expect(vehicle).toMatchObject({ ...FIELDS, supportedCommands })
    expect(await read(vehicle.id)).toEqual(vehicle)
  })

  it('takes null for absent', async () => {
    const { vehicle } = await create({ name: null, vin: null, supportedCommands: null })
    expect(vehicle).toMatchObject({ name: null, vin: null, supportedCommands: ALL_COMMANDS })
  })

  it('takes an empty list of commands for none, and any list once each in one order', async () => {
    expect((await create({ supportedCommands: [] })).vehicle.supportedCommands).toEqual([])
    const supportedCommands = ['DRAW_ATTENTION', 'ENABLE_DRIVING', 'DRAW_ATTENTION']
    const { vehicle } = await create({ supportedCommands })
    expect(vehicle.supportedCommands).toEqual(['ENABLE_DRIVING', 'DRAW_ATTENTION'])
  })

  it('gives each vehicle an id of its own, even if all else is the same', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => create(FIELDS)))
    expect(new Set(made.map(({ vehicle }) => vehicle.id)).size).toBe(20)
  })

  it('writes one event, for the owner', async () => {
    const { vehicle } = await create({})
    const filter = { vehicleIds: [vehicle.id] }
    const { vehicleEvents } = await ask(server.url, world.as.owner, HISTORY, { filter })
    expect(vehicleEvents.nodes).toMatchObject([{ type: 'VEHICLE_CHANGED', vehicle: { id: vehicle.id } }])
  })
})

describe('updateVehicle', () => {
  it('leaves absent fields, and clears fields that are null', async () => {
    const { vehicle } = await create({ ...FIELDS, supportedCommands: ['ENABLE_DRIVING'] })
    const { id } = vehicle
    expect((await update({ id })).vehicle).toEqual(vehicle)
    for (const field of TEXTS) {
      const changed = { ...vehicle, [field]: 'changed' }
      expect((await update({ id, [field]: 'changed' })).vehicle).toEqual(changed)
      expect(await read(id)).toEqual(changed)
      expect((await update({ id, [field]: null })).vehicle).toEqual({ ...vehicle, [field]: null })
      expect((await update({ id, [field]: vehicle[field] })).vehicle).toEqual(vehicle)
    }
  })

  it('takes null for all commands again, and an empty list for none', async () => {
    const { vehicle } = await create({ ...FIELDS, supportedCommands: ['ENABLE_DRIVING'] })
    const { id } = vehicle
    const commands = async (supportedCommands: unknown) => {
      await update({ id, supportedCommands })
      const { supportedCommands: now, ...rest } = await read(id)
      expect(rest).toMatchObject(FIELDS)
      return now
    }
    expect(await commands([])).toEqual([])
    expect(await commands(null)).toEqual(ALL_COMMANDS)
    expect(await commands(['LOCK_TOP_CASE', 'UNLOCK_TOP_CASE', 'LOCK_TOP_CASE'])).toEqual([
      'UNLOCK_TOP_CASE',
      'LOCK_TOP_CASE',
    ])
  })

  it('is open to the owner while the vehicle is shared, and the partner hears of it', async () => {
    const { vehicle } = await create({})
    await run(server.url, world.as.owner, 'startSharing', { vehicleId: vehicle.id, fleetId: world.partner })
    expect(await update({ id: vehicle.id, name: 'lent' })).toMatchObject({ vehicle: { name: 'lent' } })
    const filter = { vehicleIds: [vehicle.id] }
    const { vehicleEvents } = await ask(server.url, world.as.partner, HISTORY, { filter })
    expect(vehicleEvents.nodes.map(({ type }: { type: string }) => type)).toEqual([
      'SHARING_STARTED',
      'VEHICLE_CHANGED',
    ])
  })

  it('loses none of several changes at the same time', async () => {
    const { vehicle } = await create({})
    await Promise.all(TEXTS.map((field) => update({ id: vehicle.id, [field]: field })))
    const expected = Object.fromEntries(TEXTS.map((field) => [field, field]))
    expect(await read(vehicle.id)).toMatchObject(expected)
  })
})

describe.each(TEXTS)('the text %s', (field) => {
  it('is kept as it is, up to 200 characters whatever their size', async () => {
    const decomposed = 'e\u0301'
    for (const text of ['', ' ', 'x'.repeat(200), '🛵'.repeat(200), decomposed, 'A\nB\t\u200b\u202e', '"\\\'%_;--']) {
      await keeps(field, text)
    }
  })

  it.each([
    ['longer than 200 characters', 'x'.repeat(201)],
    ['longer than 200 characters that take two units each', '🛵'.repeat(201)],
    ['with NUL', 'a\0b'],
    ['with the first half of a pair', 'a\ud83d'],
    ['with the second half of a pair', '\udef5a'],
  ])('is refused when it is %s', async (_what, text) => {
    const { vehicle } = await create(FIELDS)
    const before = await stored(server)
    const expected = { __typename: 'InputError', code: 'INVALID_INPUT', path: [field] }
    for (const answer of [
      await create({ ...FIELDS, [field]: text }),
      await update({ id: vehicle.id, supportedCommands: [], [field]: text }),
    ]) {
      expect(answer).toMatchObject(expected)
      expect(answer.message).toContain(field)
    }
    expect(await stored(server)).toEqual(before)
  })
})
