import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COMMAND_TYPES } from '../../src/domain/command.ts'
import { post, run } from '../support/api.ts'
import { makeControlWorld, maySend } from '../support/control.ts'
import type { ControlWorld } from '../support/control.ts'
import { SEND, sendCommand } from '../support/gateway.ts'
import { DATABASE_KINDS, startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { inHours, iso } from '../support/world.ts'

/** Who sends: the fleet, with the role of its token. */
const SENDERS = ['owner', 'owner viewer', 'partner', 'partner viewer', 'rival', 'stranger'] as const
type Sender = (typeof SENDERS)[number]

const VEHICLES = ['own', 'poor', 'mute', 'lent', 'lent for some', 'booked', 'back', 'deleted', 'none', 'odd'] as const
type Name = (typeof VEHICLES)[number]

const NUL = '\u0000'

describe.each(DATABASE_KINDS)('sending a command, on %s', (database) => {
  let server: TestServer
  let world: ControlWorld
  const tokens = {} as Record<Sender, string>
  const ids = {} as Record<Name, string>
  const sharings = {} as Record<Name, { id: string; startsAt: string; endsAt: string }>

  beforeAll(async () => {
    server = await startServer({ database })
    world = await makeControlWorld(server)
    const { owner, partner, as, rival, newVehicle, lend } = world
    Object.assign(tokens, {
      owner: await server.token(owner, 'operator'),
      'owner viewer': await server.token(owner, 'viewer'),
      partner: await server.token(partner, 'operator'),
      'partner viewer': await server.token(partner, 'viewer'),
      rival: rival.token,
      stranger: as.stranger,
    })
    for (const name of VEHICLES) ids[name] = await newVehicle({ supportedCommands: SUPPORTED[name] ?? null })
    ids.none = 'NONE0'
    ids.odd = `odd ${NUL}' id`
    sharings.lent = await lend(ids.lent, { endsAt: inHours(1) })
    sharings['lent for some'] = await lend(ids['lent for some'], { allowedCommands: ['LOCK_CENTRAL_LOCK'] })
    sharings.booked = await lend(ids.booked, { startsAt: inHours(1) })
    await lend(ids.back)
    await run(server.url, as.partner, 'endSharing', { vehicleId: ids.back })
    await run(server.url, as.owner, 'deleteVehicle', { id: ids.deleted })
  })
  afterAll(() => server.close())

  const SUPPORTED: { readonly [K in Name]?: readonly string[] } = {
    poor: ['LOCK_CENTRAL_LOCK', 'DRAW_ATTENTION'],
    mute: [],
    'lent for some': ['LOCK_CENTRAL_LOCK', 'UNLOCK_CENTRAL_LOCK'],
  }
  const [LOCK, UNLOCK, HORN] = ['LOCK_CENTRAL_LOCK', 'UNLOCK_CENTRAL_LOCK', 'DRAW_ATTENTION'] as const

  const rows: [Sender, Name, string, Record<string, unknown>, string][] = [
    ['owner', 'own', UNLOCK, {}, 'PENDING'],
    ['owner', 'booked', UNLOCK, {}, 'PENDING'],
    ['owner', 'back', UNLOCK, {}, 'PENDING'],
    ['owner', 'poor', LOCK, {}, 'PENDING'],
    ['partner', 'lent', UNLOCK, {}, 'PENDING'],
    ['partner', 'lent for some', LOCK, {}, 'PENDING'],
    // Not to be seen: whatever else is wrong, it does not exist.
    ['owner viewer', 'none', UNLOCK, { timeoutSeconds: 0, idempotencyKey: '' }, 'VEHICLE_NOT_FOUND'],
    ['owner', 'odd', UNLOCK, {}, 'VEHICLE_NOT_FOUND'],
    ['owner', 'deleted', UNLOCK, {}, 'VEHICLE_NOT_FOUND'],
    ['partner', 'own', UNLOCK, {}, 'VEHICLE_NOT_FOUND'],
    ['partner viewer', 'own', UNLOCK, { timeoutSeconds: 0 }, 'VEHICLE_NOT_FOUND'],
    ['partner', 'booked', UNLOCK, {}, 'VEHICLE_NOT_FOUND'],
    ['partner', 'back', UNLOCK, {}, 'VEHICLE_NOT_FOUND'],
    ['rival', 'lent', UNLOCK, {}, 'VEHICLE_NOT_FOUND'],
    ['stranger', 'lent', UNLOCK, { idempotencyKey: '' }, 'VEHICLE_NOT_FOUND'],
    ['stranger', 'own', UNLOCK, { timeoutSeconds: 301 }, 'VEHICLE_NOT_FOUND'],
    // Then the role.
    ['owner viewer', 'own', UNLOCK, {}, 'ROLE_NOT_SUFFICIENT'],
    ['owner viewer', 'lent', HORN, { timeoutSeconds: 0, idempotencyKey: '' }, 'ROLE_NOT_SUFFICIENT'],
    ['partner viewer', 'lent for some', HORN, { idempotencyKey: '' }, 'ROLE_NOT_SUFFICIENT'],
    // Then who is in control: a malformed key repeats nothing, and is one more input that is wrong.
    ['owner', 'lent', UNLOCK, { idempotencyKey: '' }, 'SHARED_WITH_PARTNER'],
    ['owner', 'mute', UNLOCK, { idempotencyKey: 'k'.repeat(201) }, 'INVALID_INPUT [idempotencyKey]'],
    ['owner', 'own', UNLOCK, { idempotencyKey: NUL, timeoutSeconds: 0 }, 'INVALID_INPUT [idempotencyKey]'],
    // Then who is in control, what the vehicle can do, what the sharing covers, and the input.
    ['owner', 'lent', UNLOCK, { timeoutSeconds: 0 }, 'SHARED_WITH_PARTNER'],
    ['owner', 'lent for some', HORN, { timeoutSeconds: 0 }, 'SHARED_WITH_PARTNER'],
    ['owner', 'poor', UNLOCK, { timeoutSeconds: 0 }, 'COMMAND_NOT_SUPPORTED'],
    ['owner', 'mute', UNLOCK, {}, 'COMMAND_NOT_SUPPORTED'],
    ['partner', 'lent for some', HORN, { timeoutSeconds: 0 }, 'COMMAND_NOT_SUPPORTED'],
    ['partner', 'lent for some', UNLOCK, { timeoutSeconds: 0 }, 'COMMAND_NOT_ALLOWED_BY_SHARING'],
    ['owner', 'own', UNLOCK, { timeoutSeconds: 0 }, 'INVALID_INPUT [timeoutSeconds]'],
    ['owner', 'own', UNLOCK, { timeoutSeconds: -1 }, 'INVALID_INPUT [timeoutSeconds]'],
    ['partner', 'lent', UNLOCK, { timeoutSeconds: 301 }, 'INVALID_INPUT [timeoutSeconds]'],
  ]
  it.each(rows)('of %s for %s: %s %o is answered with %s', async (who, name, type, input, expected) => {
    const { prisma } = server.app
    const before = { commands: await prisma.command.count(), events: await prisma.event.count() }
    const answer = await sendCommand(server.url, tokens[who], { vehicleId: ids[name], type, ...input })
    const path = answer.path ? ` [${answer.path.join()}]` : ''
    expect(answer.command?.status ?? `${answer.code}${path}`).toBe(expected)
    const written = expected === 'PENDING' ? 1 : 0
    expect(await prisma.command.count()).toBe(before.commands + written)
    expect(await prisma.event.count()).toBe(before.events + written)
    if (expected === 'SHARED_WITH_PARTNER') expect(answer.conflict).toEqual({ id: sharings[name].id })
  })

  it('takes every command that a vehicle supports', async () => {
    const vehicleId = await world.newVehicle()
    for (const type of COMMAND_TYPES) expect(await world.send(vehicleId, { type })).toMatchObject({ type })
  })

  it.each([
    ['1', { timeoutSeconds: 1 }, 1],
    ['300', { timeoutSeconds: 300 }, 300],
    ['absent', {}, 30],
    ['null', { timeoutSeconds: null }, 30],
  ] as const)('gives a command a deadline: timeoutSeconds %s', async (_said, input, seconds) => {
    const before = Date.now()
    const { command } = await sendCommand(server.url, tokens.owner, { vehicleId: ids.own, type: UNLOCK, ...input })
    const after = Date.now()
    const requestedAt = Date.parse(command.requestedAt)
    expect(requestedAt).toBeGreaterThanOrEqual(before)
    expect(requestedAt).toBeLessThanOrEqual(after)
    expect(command).toEqual({
      id: command.id,
      type: UNLOCK,
      status: 'PENDING',
      vehicleId: ids.own,
      fleet: { id: world.owner },
      requestedAt: command.requestedAt,
      deadline: iso(requestedAt + seconds * 1000),
      dispatchedAt: null,
      completedAt: null,
      message: null,
    })
  })

  it.each(['gateway', 'admin'])('refuses %s with FORBIDDEN', async (role) => {
    const token = await server.token(null, role)
    const { data, errors } = await post(server.url, token, SEND, { input: { vehicleId: ids.own, type: UNLOCK } })
    expect(data ?? null).toBeNull()
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN'])
  })

  it('refuses a command that the vehicle no longer supports, though the sharing covers it', async () => {
    const vehicleId = await world.newVehicle()
    await world.lend(vehicleId, { allowedCommands: [LOCK, UNLOCK] })
    await run(server.url, world.as.owner, 'updateVehicle', { id: vehicleId, supportedCommands: [UNLOCK, HORN] })
    const codeOf = async (type: string) => (await sendCommand(server.url, tokens.partner, { vehicleId, type })).code
    expect([await codeOf(LOCK), await codeOf(HORN), await codeOf(UNLOCK)]).toEqual([
      'COMMAND_NOT_SUPPORTED',
      'COMMAND_NOT_ALLOWED_BY_SHARING',
      undefined,
    ])
    await run(server.url, world.as.owner, 'updateVehicle', { id: vehicleId, supportedCommands: [HORN] })
    expect(await maySend(server.url, tokens.partner, vehicleId)).toMatchObject({
      code: 'COMMAND_NOT_ALLOWED_BY_SHARING',
    })
  })

  const allowed = { allowed: true, code: null, until: null }
  const refused = (code: string) => ({ allowed: false, code, until: null })
  const permissions: [Sender, Name, () => unknown][] = [
    ['owner', 'own', () => allowed],
    ['owner', 'poor', () => allowed],
    ['owner', 'mute', () => refused('COMMAND_NOT_SUPPORTED')],
    ['owner viewer', 'own', () => refused('ROLE_NOT_SUFFICIENT')],
    ['owner', 'lent', () => ({ ...refused('SHARED_WITH_PARTNER'), until: sharings.lent.endsAt })],
    ['owner viewer', 'lent', () => refused('ROLE_NOT_SUFFICIENT')],
    ['partner', 'lent', () => ({ ...allowed, until: sharings.lent.endsAt })],
    ['partner viewer', 'lent', () => ({ ...refused('ROLE_NOT_SUFFICIENT'), until: sharings.lent.endsAt })],
    ['owner', 'lent for some', () => refused('SHARED_WITH_PARTNER')],
    ['partner', 'lent for some', () => allowed],
    ['owner', 'booked', () => ({ ...allowed, until: sharings.booked.startsAt })],
    ['partner', 'booked', () => null],
    ['partner', 'own', () => null],
    ['rival', 'lent', () => null],
  ]
  it.each(permissions)('agrees with viewerCan for %s of %s', async (who, name, expected) => {
    expect(await maySend(server.url, tokens[who], ids[name])).toEqual(expected())
  })
})
