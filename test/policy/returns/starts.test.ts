import { describe, expect, it } from 'vitest'
import type { Variables } from '../../support/api.ts'
import { readCommand } from '../../support/gateway.ts'
import { DRIVES, makeReturns, SOON, STANDS, story } from '../../support/returns.ts'
import { DATABASE_KINDS, serverForAll } from '../../support/server.ts'
import { at, HOUR, inHours, iso } from '../../support/world.ts'

const WAITS = { startPolicy: 'WHEN_IDLE' }
const { centralLock: _lock, ...NO_LOCK } = STANDS
const ON_ITS_WAY = ['SHARING_SCHEDULED', 'SHARING_START_AWAITED']

// Nothing but what a test asks for takes a vehicle's lock.
describe.each(DATABASE_KINDS)('a start that may wait, on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const world = await makeReturns(server)

  /** A vehicle with a sharing that is due to start soon. */
  async function planned(readings: object | null, more: Variables & { lasts?: number } = {}) {
    const { lasts = null, ...input } = more
    const vehicleId = await world.vehicle(readings)
    const startsAt = Date.now() + SOON
    const endsAt = lasts === null ? {} : { endsAt: iso(startsAt + lasts) }
    const { id } = await world.lend(vehicleId, { startsAt: iso(startsAt), ...endsAt, ...WAITS, ...input })
    return { vehicleId, id: id as string, startsAt }
  }
  /** One whose start waits, at once. */
  async function waiting(readings: object | null = DRIVES, input: object = {}) {
    const vehicleId = await world.vehicle(readings)
    const sharing = await world.lend(vehicleId, { ...WAITS, ...input })
    return { vehicleId, id: sharing.id as string, sharing }
  }
  const ofSharing = async (vehicleId: string, who: 'owner' | 'partner' = 'owner') =>
    (await world.log(vehicleId, who)).filter(({ of }) => of !== undefined)

  it.concurrent('comes at startsAt if the vehicle is idle then, before anything announces it', async () => {
    const { vehicleId, id, startsAt } = await planned(STANDS, { lasts: HOUR })
    expect(await world.sharing(id)).toMatchObject({ phase: 'SCHEDULED', startedAt: null, startAwaitedSince: null })
    await at(startsAt)
    const active = {
      phase: 'ACTIVE',
      startPolicy: 'WHEN_IDLE',
      startsAt: iso(startsAt),
      startedAt: iso(startsAt),
      startAwaitedSince: null,
      handover: { speedKmh: { value: 0 } },
    }
    expect(await world.sharing(id)).toMatchObject(active)
    expect(await world.seen(vehicleId, 'partner')).toMatchObject({ sharing: { id } })
    expect((await world.command('owner', vehicleId)).code).toBe('SHARED_WITH_PARTNER')
    // As of the due instant, whatever is known by now.
    await world.tell(vehicleId, DRIVES)
    expect(await world.sharing(id, 'partner')).toMatchObject({ ...active, vehicle: { id: vehicleId } })
    expect((await world.log(vehicleId)).slice(-2)).toMatchObject([
      { type: 'SHARING_STARTED', of: id, occurredAt: iso(startsAt), requestId: null },
      { type: 'STATE_RECORDED' },
    ])
  })

  it.concurrent('at once comes at once for an idle vehicle', async () => {
    const { vehicleId, sharing } = await waiting(STANDS)
    expect(sharing).toMatchObject({ phase: 'ACTIVE', startedAt: sharing.startsAt, startAwaitedSince: null })
    expect(story(await ofSharing(vehicleId))).toEqual(['SHARING_STARTED'])
  })

  it.concurrent.each([
    ['drives', DRIVES],
    ['is not known', null],
    ['has an unknown lock', NO_LOCK],
    ['is in use', STANDS],
  ] as const)('waits for a vehicle that %s, with its owner in control', async (what, readings) => {
    const { vehicleId, id, startsAt } = await planned(readings, { lasts: HOUR })
    if (what === 'is in use') await world.use('owner', vehicleId, true)
    await at(startsAt)
    const waits = {
      phase: 'SCHEDULED',
      startAwaitedSince: iso(startsAt),
      startedAt: null,
      endReason: null,
      handover: null,
    }
    const check = async () => {
      expect(await world.sharing(id)).toMatchObject({ ...waits, vehicle: { id: vehicleId } })
      expect(await world.sharing(id, 'partner')).toMatchObject({ ...waits, vehicle: null })
      expect(await world.seen(vehicleId, 'partner')).toBeNull()
      expect(await world.seen(vehicleId)).toMatchObject({ sharing: null })
    }
    await check()
    expect((await world.command('partner', vehicleId)).code).toBe('VEHICLE_NOT_FOUND')
    expect((await world.command('owner', vehicleId)).command).toMatchObject({ status: 'PENDING' })
    await world.settle(vehicleId)
    await check()
    for (const who of ['owner', 'partner'] as const) {
      expect(await ofSharing(vehicleId, who)).toMatchObject([
        { type: 'SHARING_SCHEDULED' },
        { type: 'SHARING_START_AWAITED', of: id, occurredAt: iso(startsAt), requestId: null, endReason: null },
      ])
    }
  })

  it.concurrent('at once that waits is SCHEDULED, and says so in the log', async () => {
    const { vehicleId, id, sharing } = await waiting()
    expect(sharing).toMatchObject({
      phase: 'SCHEDULED',
      startAwaitedSince: sharing.startsAt,
      startedAt: null,
      handover: null,
      vehicle: { id: vehicleId },
    })
    const log = await ofSharing(vehicleId)
    const occurredAt = sharing.startsAt as string
    expect(log).toMatchObject([
      { type: 'SHARING_SCHEDULED', of: id, occurredAt },
      { type: 'SHARING_START_AWAITED', of: id, occurredAt },
    ])
    expect(log[0]?.requestId).toEqual(expect.any(String))
    expect(log[1]?.requestId).toBe(log[0]?.requestId)
    expect(await ofSharing(vehicleId, 'partner')).toEqual(log)
    expect(await world.seen(vehicleId, 'partner')).toBeNull()
  })

  it.concurrent('starts with the report that makes it idle, at that moment', async () => {
    const { vehicleId, id, sharing } = await waiting()
    const { command } = await world.command('owner', vehicleId)
    await world.tell(vehicleId, { ...STANDS, centralLock: 'UNLOCKED' })
    expect(await readCommand(server.url, world.as.owner, command.id)).toMatchObject({ status: 'PENDING' })
    const before = Date.now()
    await world.tell(vehicleId, { centralLock: 'LOCKED', mileageKm: 12 })
    const started = await world.sharing(id)
    expect(started).toMatchObject({
      phase: 'ACTIVE',
      startsAt: sharing.startsAt,
      startAwaitedSince: null,
      handover: { centralLock: { value: 'LOCKED' }, mileageKm: { value: 12 } },
    })
    expect(Date.parse(started.startedAt)).toBeGreaterThanOrEqual(before)
    expect(Date.parse(started.startedAt)).toBeLessThanOrEqual(Date.now())
    const log = await world.log(vehicleId)
    expect(story(log).slice(-3)).toEqual(['STATE_RECORDED', 'SHARING_STARTED', 'CANCELLED_BY_HANDOVER'])
    const [report, start] = log.slice(-3)
    expect(start).toMatchObject({ of: id, occurredAt: started.startedAt, requestId: report?.requestId })
    // The reports from before it are the owner's.
    expect(story(await world.log(vehicleId, 'partner'))).toEqual([...ON_ITS_WAY, 'SHARING_STARTED'])
    expect(await world.seen(vehicleId, 'partner')).toMatchObject({ sharing: { id } })
  })

  it.concurrent('starts as the vehicle loses the commands that its unknown lock was waited for', async () => {
    const { vehicleId, id } = await waiting(NO_LOCK)
    const answer = await world.act('owner', 'updateVehicle', { id: vehicleId, supportedCommands: [] })
    expect(answer.vehicle).toMatchObject({ sharing: { id }, idleness: { idle: true } })
    const log = await world.log(vehicleId)
    expect(story(log).slice(-2)).toEqual(['VEHICLE_CHANGED', 'SHARING_STARTED'])
    expect(log.at(-1)?.requestId).toBe(log.at(-2)?.requestId)
    expect(story(await world.log(vehicleId, 'partner'))).toEqual([...ON_ITS_WAY, 'SHARING_STARTED'])
  })

  it.concurrent.each([
    ['without an end policy', {}],
    ['with one', { endPolicy: 'WHEN_IDLE', latestEndsAt: inHours(5) }],
  ])('that has not come by endsAt is NOT_HANDED_OVER, at endsAt, %s', async (_what, more) => {
    const { vehicleId, id, startsAt } = await planned(DRIVES, { lasts: 300, ...more })
    const endsAt = startsAt + 300
    await at(endsAt)
    const off = {
      phase: 'CANCELLED',
      endReason: 'NOT_HANDED_OVER',
      startedAt: null,
      startAwaitedSince: null,
      endedAt: null,
      endRequestedAt: null,
      handover: null,
      returned: null,
    }
    expect(await world.sharing(id)).toMatchObject({ ...off, vehicle: { id: vehicleId } })
    expect(await world.sharing(id, 'partner')).toMatchObject({ ...off, vehicle: null })
    await world.tell(vehicleId, STANDS)
    expect(await world.sharing(id)).toMatchObject(off)
    const expected = [
      { type: 'SHARING_SCHEDULED' },
      { type: 'SHARING_START_AWAITED', occurredAt: iso(startsAt), requestId: null },
      { type: 'SHARING_CANCELLED', occurredAt: iso(endsAt), requestId: null, endReason: 'NOT_HANDED_OVER' },
    ]
    for (const who of ['owner', 'partner'] as const) expect(await ofSharing(vehicleId, who)).toMatchObject(expected)
    // It is over, for its owner who names it, and in nobody's way.
    const named = await world.act('owner', 'endSharing', { vehicleId, sharingId: id })
    expect(named).toMatchObject({ code: 'NOT_SHARED' })
    expect((await world.lend(vehicleId)).phase).toBe('ACTIVE')
  })

  it.concurrent('at once may come to nothing, too, and gives no event to the partner', async () => {
    const endsAt = Date.now() + SOON
    const { vehicleId, id, sharing } = await waiting(DRIVES, { endsAt: iso(endsAt) })
    await world.tell(vehicleId, DRIVES)
    await at(endsAt)
    await world.tell(vehicleId, STANDS, endsAt - 1)
    await world.tell(vehicleId, STANDS, Date.parse(sharing.startsAt) + 1)
    expect(await world.sharing(id)).toMatchObject({ phase: 'CANCELLED', endReason: 'NOT_HANDED_OVER' })
    expect(story(await world.log(vehicleId, 'partner'))).toEqual([...ON_ITS_WAY, 'SHARING_CANCELLED'])
  })

  it.concurrent.each([
    ['owner', 'NOW'],
    ['partner', 'NOW'],
    ['owner', 'WHEN_IDLE'],
    ['partner', 'WHEN_IDLE'],
  ] as const)('is called off by the %s, %s, who names it', async (who, when) => {
    const { vehicleId, id } = await waiting()
    // Not without its name: it is not in force.
    const unnamed = await world.act(who, 'endSharing', { vehicleId, when })
    expect(unnamed.code).toBe(who === 'owner' ? 'NOT_SHARED' : 'VEHICLE_NOT_FOUND')
    const { vehicle, sharing } = await world.act(who, 'endSharing', { vehicleId, sharingId: id, when })
    expect(vehicle === null).toBe(who === 'partner')
    const endReason = `CANCELLED_BY_${who.toUpperCase()}`
    expect(sharing).toMatchObject({ phase: 'CANCELLED', endReason, startAwaitedSince: null, endedAt: null })
    await world.tell(vehicleId, STANDS)
    expect(story(await ofSharing(vehicleId))).toEqual([...ON_ITS_WAY, 'SHARING_CANCELLED'])
  })

  it.concurrent('stands in the way of what a scheduled sharing does', async () => {
    const { vehicleId, id } = await waiting()
    const conflict = { code: 'ALREADY_SHARED', conflict: { id } }
    const fleetId = world.rival.id
    expect(await world.act('owner', 'startSharing', { vehicleId, fleetId })).toMatchObject(conflict)
    expect(await world.act('owner', 'deleteVehicle', { id: vehicleId })).toMatchObject(conflict)
    const unnamed = await world.act('owner', 'updateSharingEnd', { vehicleId, endsAt: inHours(1) })
    expect(unnamed).toMatchObject({ code: 'NOT_SHARED' })
    const endsAt = inHours(2)
    const moved = await world.act('owner', 'updateSharingEnd', { vehicleId, sharingId: id, endsAt })
    expect(moved.sharing).toMatchObject({ phase: 'SCHEDULED', endsAt, startAwaitedSince: expect.any(String) })
    await world.tell(vehicleId, STANDS)
    expect(await world.sharing(id)).toMatchObject({ phase: 'ACTIVE', endsAt })
  })

  it.concurrent('that comes late still ends when it is due', async () => {
    const endsAt = Date.now() + SOON
    const { vehicleId, id } = await waiting(DRIVES, { endsAt: iso(endsAt) })
    await world.tell(vehicleId, STANDS)
    expect((await world.sharing(id)).phase).toBe('ACTIVE')
    await at(endsAt)
    expect(await world.sharing(id)).toMatchObject({ phase: 'ENDED', endReason: 'EXPIRED', endedAt: iso(endsAt) })
  })

  it.concurrent('takes the vehicle as it comes without the policy, and ends the use of it', async () => {
    const vehicleId = await world.vehicle(DRIVES)
    await world.use('owner', vehicleId, true)
    const { phase, startedAt, startsAt, startPolicy } = await world.lend(vehicleId, { startPolicy: null })
    expect({ phase, startPolicy, startedAt }).toEqual({ phase: 'ACTIVE', startPolicy: 'ON_TIME', startedAt: startsAt })
    expect((await world.seen(vehicleId)).idleness.blockedBy).toEqual(['MOVING', 'IGNITION_ON', 'UNLOCKED'])
  })

  it.concurrent('without the policy has started at startsAt, announced or not', async () => {
    const { id, startsAt } = await planned(DRIVES, { startPolicy: 'ON_TIME' })
    expect((await world.sharing(id)).startedAt).toBeNull()
    await at(startsAt)
    expect(await world.sharing(id)).toMatchObject({ phase: 'ACTIVE', startedAt: iso(startsAt) })
  })

  it.concurrent('repeated by its key is the same, as it is now', async () => {
    const vehicleId = await world.vehicle(DRIVES)
    const input = { vehicleId, fleetId: world.partner, ...WAITS, idempotencyKey: `key of ${vehicleId}` }
    const { sharing } = await world.act('owner', 'startSharing', input)
    const again = await world.act('owner', 'startSharing', { ...input, endPolicy: 'ON_TIME', latestEndsAt: null })
    expect(again.sharing).toEqual(sharing)
    for (const other of [{ startPolicy: 'ON_TIME' }, { endPolicy: 'WHEN_IDLE' }]) {
      const answer = await world.act('owner', 'startSharing', { ...input, ...other })
      expect(answer).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' })
    }
    await world.tell(vehicleId, STANDS)
    const now = await world.act('owner', 'startSharing', input)
    expect(now.sharing).toMatchObject({ id: sharing.id, phase: 'ACTIVE', startAwaitedSince: null })
    expect(story(await ofSharing(vehicleId))).toEqual([...ON_ITS_WAY, 'SHARING_STARTED'])
  })

  // As if the latest decision about the vehicle had been taken right before endsAt. Its transaction stays open until then,
  // and the log shows nothing behind an open one: so no other test runs meanwhile.
  it('whose moment would not be before endsAt is not handed over', async () => {
    const endsAt = Date.now() + SOON
    const { vehicleId, id } = await waiting(DRIVES, { endsAt: iso(endsAt) })
    await server.app.prisma.vehicle.update({ where: { id: vehicleId }, data: { lastInstant: new Date(endsAt - 1) } })
    await world.tell(vehicleId, STANDS)
    expect(await world.sharing(id)).toMatchObject({ phase: 'CANCELLED', endReason: 'NOT_HANDED_OVER' })
    expect((await ofSharing(vehicleId)).at(-1)).toMatchObject({ type: 'SHARING_CANCELLED', occurredAt: iso(endsAt) })
  })
})
