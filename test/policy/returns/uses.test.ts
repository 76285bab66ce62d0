import { describe, expect, it } from 'vitest'
import { post } from '../../support/api.ts'
import { makeReturns, SOON, STANDS, story } from '../../support/returns.ts'
import { DATABASE_KINDS, serverForAll } from '../../support/server.ts'
import { stored } from '../../support/stored.ts'
import { at, inHours, iso } from '../../support/world.ts'

const MAY = 'viewerCan { setUse { allowed code } sendCommand { allowed code } }'

describe.each(DATABASE_KINDS)('a use, on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const world = await makeReturns(server)

  it.concurrent('is set and cleared by the fleet in control, with an event each', async () => {
    const vehicleId = await world.vehicle()
    const { use } = await world.use('owner', vehicleId, true, { reference: 'B-1' })
    const [set] = await world.log(vehicleId).then((log) => log.slice(-1))
    expect(set).toMatchObject({ type: 'VEHICLE_USE_CHANGED', inUse: true, requestId: expect.any(String) })
    expect(use).toEqual({ since: set?.occurredAt, reference: 'B-1' })
    expect((await world.seen(vehicleId)).use).toEqual(use)
    expect(await world.use('owner', vehicleId, false)).toMatchObject({ use: null, idleness: { idle: true } })
    expect((await world.log(vehicleId)).at(-1)).toMatchObject({ type: 'VEHICLE_USE_CHANGED', inUse: false })
    expect(story(await world.log(vehicleId))).toEqual(['STATE_RECORDED', 'VEHICLE_USE_CHANGED', 'VEHICLE_USE_CHANGED'])
  })

  it.concurrent('said again changes nothing but a reference that is given, and writes no event', async () => {
    const vehicleId = await world.vehicle(null)
    const { since } = (await world.use('owner', vehicleId, true)).use
    const again = async (more: object) => (await world.use('owner', vehicleId, true, { ...more })).use as unknown
    expect(await again({})).toEqual({ since, reference: null })
    expect(await again({ reference: 'B-2' })).toEqual({ since, reference: 'B-2' })
    expect(await again({})).toEqual({ since, reference: 'B-2' })
    expect(await again({ reference: '' })).toEqual({ since, reference: '' })
    expect(await again({ reference: 'B-3' })).toEqual({ since, reference: 'B-3' })
    expect(await again({ reference: null })).toEqual({ since, reference: null })
    expect(story(await world.log(vehicleId))).toEqual(['VEHICLE_USE_CHANGED'])
    await world.use('owner', vehicleId, false)
    await world.use('owner', vehicleId, false, { reference: 'dropped' })
    expect(story(await world.log(vehicleId))).toEqual(['VEHICLE_USE_CHANGED', 'VEHICLE_USE_CHANGED'])
    // A reference that came with inUse false is not kept for the next.
    expect((await world.use('owner', vehicleId, true)).use).toMatchObject({ reference: null })
  })

  it.concurrent('that was never set is cleared without an event, too', async () => {
    const vehicleId = await world.vehicle(null)
    expect((await world.use('owner', vehicleId, false)).use).toBeNull()
    expect(await world.log(vehicleId)).toEqual([])
  })

  it.concurrent.each([true, false])('checks its reference, with inUse %s', async (inUse) => {
    const vehicleId = await world.vehicle(null)
    for (const reference of ['x'.repeat(201), '🚗'.repeat(201), 'a\0b', '\ud83d']) {
      const answer = await world.act('owner', 'setVehicleUse', { vehicleId, inUse, reference })
      expect(answer).toMatchObject({ __typename: 'InputError', code: 'INVALID_INPUT', path: ['reference'] })
    }
    expect(await world.seen(vehicleId)).toMatchObject({ use: null })
    const long = '🚗'.repeat(200)
    expect((await world.use('owner', vehicleId, inUse, { reference: long })).use?.reference).toBe(
      inUse ? long : undefined,
    )
  })

  it.concurrent('shows its reference to the fleet that wrote it alone', async () => {
    const vehicleId = await world.vehicle()
    await world.lend(vehicleId)
    const { use } = await world.use('partner', vehicleId, true, { reference: 'private to the partner' })
    expect(use.reference).toBe('private to the partner')
    expect((await world.seen(vehicleId)).use).toEqual({ since: use.since, reference: null })
    expect(await world.seen(vehicleId, 'rival')).toBeNull()
  })

  it.concurrent('leaves no note in the log', async () => {
    const vehicleId = await world.vehicle()
    await world.use('owner', vehicleId, true, { reference: 'secret-note-7' })
    await world.use('owner', vehicleId, false)
    const { events } = await stored(server)
    const written = (value: unknown) =>
      JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}` : part))
    expect(written(events.filter((event) => event.vehicleId === vehicleId))).not.toContain('secret-note-7')
  })

  it.concurrent('is for the OPERATOR in control, in the order of refusals', async () => {
    const vehicleId = await world.vehicle()
    const planned = await world.vehicle()
    const { id } = await world.lend(vehicleId)
    await world.lend(planned, { startsAt: inHours(1) })
    const long = { reference: 'x'.repeat(201) }
    const as = async (fleet: string, role: string, of = vehicleId, more: object = {}) => {
      const input = { vehicleId: of, inUse: true, ...more }
      return world.act({ token: await server.token(fleet, role) }, 'setVehicleUse', input)
    }
    expect(await as(world.stranger, 'viewer')).toMatchObject({ code: 'VEHICLE_NOT_FOUND' })
    expect(await as(world.stranger, 'manager', vehicleId, long)).toMatchObject({ code: 'VEHICLE_NOT_FOUND' })
    expect(await as(world.partner, 'manager', planned)).toMatchObject({ code: 'VEHICLE_NOT_FOUND' })
    expect(await as(world.owner, 'manager', 'NONE0')).toMatchObject({ code: 'VEHICLE_NOT_FOUND' })
    expect(await as(world.owner, 'viewer')).toMatchObject({ code: 'ROLE_NOT_SUFFICIENT' })
    expect(await as(world.partner, 'viewer', vehicleId, long)).toMatchObject({ code: 'ROLE_NOT_SUFFICIENT' })
    expect(await as(world.owner, 'manager', vehicleId, long)).toMatchObject({
      code: 'SHARED_WITH_PARTNER',
      conflict: { id },
    })
    expect(await as(world.partner, 'operator', vehicleId, long)).toMatchObject({ code: 'INVALID_INPUT' })
    expect(await as(world.partner, 'operator')).toMatchObject({ vehicle: { id: vehicleId } })
    expect(await as(world.owner, 'operator', planned)).toMatchObject({ vehicle: { id: planned } })
    await world.act('owner', 'endSharing', { vehicleId })
    expect(await as(world.partner, 'manager')).toMatchObject({ code: 'VEHICLE_NOT_FOUND' })
  })

  it.concurrent('viewerCan.setUse says what setVehicleUse does', async () => {
    const vehicleId = await world.vehicle()
    const yes = { allowed: true, code: null }
    const no = (code: string) => ({ allowed: false, code })
    const setUse = async (fleet: string, role: string) => {
      const { data } = await post(
        server.url,
        await server.token(fleet, role),
        `query ($id: ID!) { vehicle(id: $id) { ${MAY} } }`,
        { id: vehicleId },
      )
      return (data.vehicle?.viewerCan.setUse ?? null) as unknown
    }
    expect(await setUse(world.owner, 'operator')).toEqual(yes)
    expect(await setUse(world.owner, 'viewer')).toEqual(no('ROLE_NOT_SUFFICIENT'))
    await world.lend(vehicleId)
    expect(await setUse(world.owner, 'manager')).toEqual(no('SHARED_WITH_PARTNER'))
    expect(await setUse(world.partner, 'operator')).toEqual(yes)
    expect(await setUse(world.partner, 'viewer')).toEqual(no('ROLE_NOT_SUFFICIENT'))
    expect(await setUse(world.rival.id, 'manager')).toBeNull()
  })

  it.concurrent.each(['gateway', 'admin'])('is no matter of a token of %s', async (role) => {
    const query = `mutation ($input: SetVehicleUseInput!) { setVehicleUse(input: $input) { __typename } }`
    const input = { vehicleId: await world.vehicle(null), inUse: true }
    const { errors } = await post(server.url, await server.token(null, role), query, { input })
    expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
  })

  it.concurrent("is told to the owner and to the partner in force: nobody's use is a later partner's", async () => {
    const vehicleId = await world.vehicle()
    await world.use('owner', vehicleId, true)
    await world.lend(vehicleId)
    await world.use('partner', vehicleId, true)
    await world.act('owner', 'endSharing', { vehicleId })
    await world.use('owner', vehicleId, true)
    await world.lend(vehicleId, { fleetId: world.rival.id })
    const USE = 'VEHICLE_USE_CHANGED'
    expect(story(await world.log(vehicleId))).toEqual([
      'STATE_RECORDED',
      USE,
      'SHARING_STARTED',
      USE,
      'SHARING_ENDED',
      USE,
      'SHARING_STARTED',
    ])
    expect(story(await world.log(vehicleId, 'partner'))).toEqual(['SHARING_STARTED', USE, 'SHARING_ENDED'])
    expect(story(await world.log(vehicleId, 'rival'))).toEqual(['SHARING_STARTED'])
  })

  it.concurrent('is cleared by a passing of control, without an event', async () => {
    const vehicleId = await world.vehicle()
    await world.use('owner', vehicleId, true, { reference: "the owner's" })
    await world.lend(vehicleId)
    for (const who of ['owner', 'partner'] as const) {
      expect(await world.seen(vehicleId, who)).toMatchObject({ use: null, idleness: { idle: true } })
    }
    await world.use('partner', vehicleId, true)
    const { vehicle } = await world.act('owner', 'endSharing', { vehicleId })
    expect(vehicle).toMatchObject({ use: null, idleness: { idle: true } })
    const changed = (await world.log(vehicleId)).filter(({ type }) => type === 'VEHICLE_USE_CHANGED')
    expect(changed.map(({ inUse }) => inUse)).toEqual([true, true])
    // The next says so for itself.
    expect((await world.use('owner', vehicleId, true)).use).toMatchObject({ reference: null })
  })

  it.concurrent('is cleared by a due start and a due end as they come, announced or not', async () => {
    const vehicleId = await world.vehicle()
    await world.use('owner', vehicleId, true)
    const startsAt = Date.now() + SOON
    await world.lend(vehicleId, { startsAt: iso(startsAt), endsAt: iso(startsAt + SOON) })
    expect((await world.seen(vehicleId)).use).not.toBeNull()
    await at(startsAt)
    for (const who of ['owner', 'partner'] as const) {
      expect(await world.seen(vehicleId, who)).toMatchObject({ use: null, idleness: { blockedBy: [] } })
    }
    await world.use('partner', vehicleId, true)
    expect((await world.seen(vehicleId)).use).not.toBeNull()
    await at(startsAt + SOON)
    expect(await world.seen(vehicleId)).toMatchObject({ use: null, idleness: { blockedBy: [] }, sharing: null })
    await world.settle(vehicleId)
    expect((await world.seen(vehicleId)).use).toBeNull()
    expect(story(await world.log(vehicleId))).toEqual([
      'STATE_RECORDED',
      'VEHICLE_USE_CHANGED',
      'SHARING_SCHEDULED',
      'SHARING_STARTED',
      'VEHICLE_USE_CHANGED',
      'SHARING_ENDED',
      'STATE_RECORDED',
    ])
  })

  it.concurrent('of a partner blocks an end, and its end ends the sharing: the partner gets no vehicle', async () => {
    const vehicleId = await world.vehicle()
    const { id } = await world.lend(vehicleId)
    await world.use('partner', vehicleId, true)
    const { sharing, vehicle } = await world.act('owner', 'endSharing', { vehicleId, when: 'WHEN_IDLE' })
    expect(sharing).toMatchObject({ phase: 'ACTIVE', endRequestedAt: expect.any(String) })
    expect(vehicle.idleness).toEqual({ idle: false, blockedBy: ['IN_USE'] })
    await world.tell(vehicleId, STANDS)
    expect(await world.sharing(id)).toMatchObject({ phase: 'ACTIVE' })
    expect(await world.use('partner', vehicleId, false)).toBeNull()
    expect(await world.sharing(id, 'partner')).toMatchObject({ phase: 'ENDED', endReason: 'ENDED_BY_OWNER' })
    const log = (await world.log(vehicleId)).slice(-2)
    expect(log).toMatchObject([
      { type: 'VEHICLE_USE_CHANGED', inUse: false },
      { type: 'SHARING_ENDED', of: id },
    ])
    expect(log[0]?.requestId).toBe(log[1]?.requestId)
    expect(story(await world.log(vehicleId, 'partner')).slice(-2)).toEqual(['VEHICLE_USE_CHANGED', 'SHARING_ENDED'])
  })

  it.concurrent('of the owner blocks a start, and its end starts the sharing', async () => {
    const vehicleId = await world.vehicle()
    await world.use('owner', vehicleId, true)
    const { id, phase } = await world.lend(vehicleId, { startPolicy: 'WHEN_IDLE' })
    expect(phase).toBe('SCHEDULED')
    expect(await world.use('owner', vehicleId, false)).toMatchObject({ id: vehicleId, use: null, sharing: { id } })
    const log = (await world.log(vehicleId)).slice(-2)
    expect(log).toMatchObject([
      { type: 'VEHICLE_USE_CHANGED', inUse: false },
      { type: 'SHARING_STARTED', of: id },
    ])
    expect(log[0]?.requestId).toBe(log[1]?.requestId)
    expect(story(await world.log(vehicleId, 'partner'))).toEqual([
      'SHARING_SCHEDULED',
      'SHARING_START_AWAITED',
      'SHARING_STARTED',
    ])
  })
})
