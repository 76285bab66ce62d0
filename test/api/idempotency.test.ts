import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, run } from '../support/api.ts'
import type { Answer, Variables } from '../support/api.ts'
import { DATABASE_KINDS, serverForAll, startSecond, startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { HISTORY } from '../support/sockets.ts'
import { stored } from '../support/stored.ts'
import { HOUR, inHours, iso, makeWorld } from '../support/world.ts'
import type { World } from '../support/world.ts'

const DAY = 24 * HOUR

const server = await serverForAll()
const world = await makeWorld(server)

const start = (input: Variables, token = world.as.owner): Promise<Answer['data']> =>
  run(server.url, token, 'startSharing', { fleetId: world.partner, ...input })

let keys = 0
const newKey = () => `key ${++keys}`

/** @returns the answer, after seeing that nothing was written */
async function writingNothing(answer: () => Promise<Answer['data']>): Promise<Answer['data']> {
  const before = await stored(server)
  const answered = await answer()
  expect(await stored(server)).toEqual(before)
  return answered
}

describe('the same key with the same input', () => {
  it('gives the same sharing again, and writes nothing', async () => {
    const input = { vehicleId: await world.newVehicle(), idempotencyKey: newKey() }
    const first = await start(input)
    expect(first).toMatchObject({ __typename: 'StartSharingSuccess', sharing: { phase: 'ACTIVE' } })
    expect(await writingNothing(() => start(input))).toEqual(first)
  })

  it.each<[string, Variables, Variables]>([
    ['null for what is absent', {}, { startsAt: null, endsAt: null, allowedCommands: null }],
    [
      'another order and repetitions of commands',
      { allowedCommands: ['ENABLE_DRIVING', 'DISABLE_DRIVING'] },
      { allowedCommands: ['DISABLE_DRIVING', 'ENABLE_DRIVING', 'DISABLE_DRIVING'] },
    ],
    [
      'the same instants with another offset and more digits',
      { startsAt: '2099-01-01T00:00:00.000Z', endsAt: '2099-01-02T00:00:00Z' },
      { startsAt: '2099-01-01T05:30:00+05:30', endsAt: '2099-01-01T23:00:00.0009-01:00' },
    ],
  ])('is the same after defaults: %s', async (_what, one, other) => {
    const input = { vehicleId: await world.newVehicle(), idempotencyKey: newKey() }
    const first = await start({ ...input, ...one })
    expect(first.__typename).toBe('StartSharingSuccess')
    expect(await writingNothing(() => start({ ...input, ...other }))).toEqual(first)
  })

  it('is the same from another manager and over another instance', async () => {
    const input = { vehicleId: await world.newVehicle(), fleetId: world.partner, idempotencyKey: newKey() }
    const first = await start(input)
    const second = await startSecond(server)
    try {
      const colleague = await server.token(world.owner, ['viewer', 'manager'], 60)
      expect(await run(second.url, colleague, 'startSharing', input)).toEqual(first)
    } finally {
      await second.close()
    }
  })

  it('shows the present, not the first answer', async () => {
    const input = { vehicleId: await world.newVehicle({ name: 'then' }), idempotencyKey: newKey() }
    const { sharing } = await start(input)
    await run(server.url, world.as.partner, 'endSharing', { vehicleId: input.vehicleId })
    const again = await writingNothing(() => start(input))
    expect(again).toMatchObject({ sharing: { id: sharing.id, phase: 'ENDED', endReason: 'ENDED_BY_PARTNER' } })
    // Another sharing that is in force by now changes nothing about whom the key names.
    await start({ vehicleId: input.vehicleId })
    expect(await start(input)).toMatchObject({ sharing: { id: sharing.id, phase: 'ENDED' } })
  })

  it('is answered although it could not be done now', async () => {
    const { url } = server
    const { fleet } = await run(url, world.as.admin, 'createFleet', { name: 'Partner for a while' })
    const fleetIds = [world.owner, fleet.id]
    await run(url, world.as.admin, 'registerPartnership', { fleetIds })
    const input = { vehicleId: await world.newVehicle(), fleetId: fleet.id, idempotencyKey: newKey() }
    const { sharing } = await start(input)
    await run(url, world.as.admin, 'endPartnership', { fleetIds })
    expect(await start(input)).toMatchObject({ sharing: { id: sharing.id } })
  })
})

it('the same key with another input is refused, whichever field differs', async () => {
  const [vehicleId, other] = [await world.newVehicle(), await world.newVehicle()]
  const [startsAt, endsAt] = [inHours(1), inHours(2)]
  const input = { vehicleId, startsAt, endsAt, allowedCommands: ['ENABLE_DRIVING'], idempotencyKey: newKey() }
  await start(input)
  for (const change of [
    { vehicleId: other },
    { fleetId: world.stranger },
    { startsAt: iso(Date.parse(startsAt) + 1) },
    { startsAt: null },
    { endsAt: null },
    { endsAt: iso(Date.parse(endsAt) - 1) },
    { allowedCommands: null },
    { allowedCommands: ['ENABLE_DRIVING', 'DISABLE_DRIVING'] },
  ]) {
    const answer = await writingNothing(() => start({ ...input, ...change }))
    expect({ change, code: answer.code }).toEqual({ change, code: 'IDEMPOTENCY_KEY_REUSED' })
  }
})

it('without a key each request is its own', async () => {
  const vehicleId = await world.newVehicle()
  await start({ vehicleId, idempotencyKey: null })
  expect(await start({ vehicleId, idempotencyKey: null })).toMatchObject({ code: 'ALREADY_SHARED' })
})

describe('the scope of a key', () => {
  it('is the fleet', async () => {
    const idempotencyKey = newKey()
    const { vehicle } = await run(server.url, world.as.partner, 'createVehicle', {})
    const ours = await start({ vehicleId: await world.newVehicle(), idempotencyKey })
    const input = { vehicleId: vehicle.id, fleetId: world.owner, idempotencyKey }
    const theirs = await start(input, world.as.partner)
    expect(theirs).toMatchObject({ sharing: { vehicleId: vehicle.id } })
    expect(theirs.sharing.id).not.toBe(ours.sharing.id)
  })

  it('is the mutation', async () => {
    const idempotencyKey = newKey()
    const use = { fleetId: world.owner, key: idempotencyKey, inputHash: 'x', resultId: 'x', createdAt: new Date() }
    await server.app.prisma.idempotencyKey.create({ data: { ...use, mutation: 'sendCommand' } })
    const answer = await start({ vehicleId: await world.newVehicle(), idempotencyKey })
    expect(answer.__typename).toBe('StartSharingSuccess')
  })

  it('is the key to the letter', async () => {
    for (const idempotencyKey of ['letter', 'Letter', 'letter ', ' letter']) {
      const answer = await start({ vehicleId: await world.newVehicle(), idempotencyKey })
      expect(answer.__typename).toBe('StartSharingSuccess')
    }
  })
})

describe('a key is not remembered', () => {
  it('when the attempt failed', async () => {
    const vehicleId = await world.newVehicle()
    const idempotencyKey = newKey()
    for (const [wrong, code] of [
      [{ endsAt: '2020-01-01T00:00:00Z' }, 'INVALID_PERIOD'],
      [{ fleetId: 'nobody' }, 'NOT_A_PARTNER'],
      [{ allowedCommands: [] }, 'INVALID_INPUT'],
    ] as const) {
      const answer = await writingNothing(() => start({ vehicleId, idempotencyKey, ...wrong }))
      expect(answer).toMatchObject({ code })
    }
    expect(await start({ vehicleId, idempotencyKey })).toMatchObject({ sharing: { phase: 'ACTIVE' } })
  })

  it('after 24 hours', async () => {
    const { idempotencyKey } = server.app.prisma
    const input = { vehicleId: await world.newVehicle(), idempotencyKey: newKey() }
    const age = (ms: number) =>
      idempotencyKey.updateMany({
        where: { fleetId: world.owner, key: input.idempotencyKey },
        data: { createdAt: new Date(Date.now() - ms) },
      })
    const { sharing } = await start(input)
    await run(server.url, world.as.owner, 'endSharing', { vehicleId: input.vehicleId })
    await age(DAY - 60_000)
    expect(await start(input)).toMatchObject({ sharing: { id: sharing.id, phase: 'ENDED' } })
    await age(DAY)
    const anew = await start({ ...input, endsAt: inHours(1) })
    expect(anew).toMatchObject({ sharing: { phase: 'ACTIVE' } })
    expect(anew.sharing.id).not.toBe(sharing.id)
    expect(await start(input)).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' })
  })
})

it('visibility and role are checked before the key', async () => {
  const input = { vehicleId: await world.newVehicle(), idempotencyKey: newKey() }
  await start(input)
  for (const role of ['viewer', 'operator']) {
    const answer = await start(input, await server.token(world.owner, role))
    expect(answer).toMatchObject({ code: 'ROLE_NOT_SUFFICIENT' })
  }
  expect(await start(input, world.as.stranger)).toMatchObject({ code: 'VEHICLE_NOT_FOUND' })
  await run(server.url, world.as.owner, 'endSharing', { vehicleId: input.vehicleId })
  await run(server.url, world.as.owner, 'deleteVehicle', { id: input.vehicleId })
  expect(await start(input)).toMatchObject({ code: 'VEHICLE_NOT_FOUND' })
})

it.each([
  ['of one character', 'remembered', 'k'],
  ['of 200 characters', 'remembered', 'k'.repeat(200)],
  ['of 200 characters outside of the basic plane', 'remembered', '🛵'.repeat(200)],
  ['that is empty', 'refused', ''],
  ['of 201 characters', 'refused', 'k'.repeat(201)],
  ['of 201 characters outside of the basic plane', 'refused', '🛵'.repeat(201)],
  ['with NUL', 'refused', 'k\0'],
  ['with a lone surrogate', 'refused', 'k\ud800'],
])('a key %s is %s', async (_what, outcome, idempotencyKey) => {
  const input = { vehicleId: await world.newVehicle(), idempotencyKey }
  if (outcome === 'remembered') {
    const { sharing } = await start(input)
    expect(await start(input)).toMatchObject({ sharing: { id: sharing.id } })
  } else {
    const answer = await writingNothing(() => start(input))
    expect(answer).toMatchObject({ __typename: 'InputError', code: 'INVALID_INPUT', path: ['idempotencyKey'] })
  }
})

describe.each(DATABASE_KINDS)('twenty requests with one key at once, on %s', (database) => {
  let servers: TestServer[]
  let world: World
  beforeAll(async () => {
    const first = await startServer({ database })
    servers = database === 'postgres' ? [first, await startSecond(first)] : [first]
    world = await makeWorld(first)
  })
  afterAll(() => Promise.all(servers.toReversed().map((server) => server.close())))

  const atOnce = (input: (index: number) => Variables): Promise<Answer['data'][]> =>
    Promise.all(
      Array.from({ length: 20 }, (_, index) => {
        const url = servers[index % servers.length]?.url ?? ''
        return run(url, world.as.owner, 'startSharing', { fleetId: world.partner, ...input(index) })
      }),
    )

  const startsOf = async (): Promise<{ vehicleId: string; sharing: { id: string } }[]> => {
    const filter = { types: ['SHARING_STARTED'] }
    const { vehicleEvents } = await ask(servers[0]?.url ?? '', world.as.owner, HISTORY, { filter })
    return vehicleEvents.nodes
  }

  it('and one input start one sharing', async () => {
    const vehicleId = await world.newVehicle()
    const answers = await atOnce(() => ({ vehicleId, idempotencyKey: 'one' }))
    expect(new Set(answers.map((answer) => answer.sharing?.id)).size).toBe(1)
    const started = (await startsOf()).filter((event) => event.vehicleId === vehicleId)
    expect(started.map(({ sharing }) => sharing.id)).toEqual([answers[0].sharing.id])
  })

  it('and as many vehicles start one sharing, and refuse the others', async () => {
    const vehicles = await Promise.all(Array.from({ length: 20 }, () => world.newVehicle()))
    const answers = await atOnce((index) => ({ vehicleId: vehicles[index], idempotencyKey: 'many' }))
    const codes = answers.map(({ code }): string => code ?? 'done').toSorted()
    expect(codes).toEqual([...Array.from({ length: 19 }, () => 'IDEMPOTENCY_KEY_REUSED'), 'done'])
    expect((await startsOf()).filter(({ vehicleId }) => vehicles.includes(vehicleId))).toHaveLength(1)
  })
})
