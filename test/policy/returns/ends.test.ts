import { describe, expect, it } from 'vitest'
import { readCommand } from '../../support/gateway.ts'
import type { Variables } from '../../support/api.ts'
import { DRIVES, makeReturns, SOON, STANDS, story } from '../../support/returns.ts'
import { DATABASE_KINDS, serverForAll } from '../../support/server.ts'
import { at, HOUR, iso } from '../../support/world.ts'

const WAITS = { endPolicy: 'WHEN_IDLE' }
const { centralLock: _lock, ...NO_LOCK } = STANDS

// Nothing but what a test asks for takes a vehicle's lock.
describe.each(DATABASE_KINDS)('an end that may wait, on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const world = await makeReturns(server)

  /** A vehicle with a sharing that is due to end soon; an hour later at the latest, unless told otherwise. */
  async function lent(readings: object | null, { grace = HOUR, ...more }: Variables & { grace?: number } = {}) {
    const vehicleId = await world.vehicle(readings)
    const endsAt = Date.now() + SOON
    const input = { endsAt: iso(endsAt), ...WAITS, latestEndsAt: iso(endsAt + grace), ...more }
    const { id } = await world.lend(vehicleId, input)
    return { vehicleId, id: id as string, endsAt, latest: endsAt + grace }
  }
  /** The same, when its end waits. */
  async function overrun(readings: object | null = DRIVES, more: Variables & { grace?: number } = {}) {
    const made = await lent(readings, more)
    await at(made.endsAt)
    return made
  }
  const storyOf = async (vehicleId: string) => story(await world.log(vehicleId))
  const ask = (who: 'owner' | 'partner', vehicleId: string, when = 'WHEN_IDLE') =>
    world.act(who, 'endSharing', { vehicleId, when })

  it.concurrent('comes at endsAt if the vehicle is idle then, before anything announces it', async () => {
    const { vehicleId, id, endsAt } = await overrun(STANDS)
    const over = {
      phase: 'ENDED',
      endReason: 'EXPIRED',
      endedAt: iso(endsAt),
      endRequestedAt: null,
      returned: { speedKmh: { value: 0 } },
    }
    expect(await world.sharing(id)).toMatchObject(over)
    expect(await world.sharing(id, 'partner')).toMatchObject({ ...over, vehicle: null })
    expect(await world.seen(vehicleId, 'partner')).toBeNull()
    expect(await world.seen(vehicleId)).toMatchObject({ sharing: null })
    expect((await world.command('partner', vehicleId)).code).toBe('VEHICLE_NOT_FOUND')
    // As of the due instant, whatever is known by now: it drives only after that, with its owner.
    await world.tell(vehicleId, DRIVES)
    expect(await world.sharing(id)).toMatchObject(over)
    expect((await world.log(vehicleId)).slice(-2)).toMatchObject([
      { type: 'SHARING_ENDED', of: id, occurredAt: iso(endsAt), requestId: null, endReason: 'EXPIRED' },
      { type: 'STATE_RECORDED' },
    ])
    expect(await storyOf(vehicleId)).not.toContain('SHARING_END_REQUESTED')
  })

  it.concurrent.each([
    ['drives', DRIVES],
    ['is not known', null],
    ['is in use', STANDS],
    ['has an unknown lock', NO_LOCK],
  ] as const)('waits, in force, for a vehicle that %s', async (what, readings) => {
    const { vehicleId, id, endsAt, latest } = await lent(readings)
    if (what === 'is in use') await world.use('partner', vehicleId, true)
    await at(endsAt)
    const waits = {
      phase: 'ACTIVE',
      endsAt: iso(endsAt),
      latestEndsAt: iso(latest),
      endRequestedAt: iso(endsAt),
      endedAt: null,
      endReason: null,
      returned: null,
      vehicle: { id: vehicleId },
    }
    const check = async () => {
      expect(await world.sharing(id)).toMatchObject(waits)
      expect(await world.sharing(id, 'partner')).toMatchObject(waits)
      expect(await world.seen(vehicleId, 'partner')).toMatchObject({ sharing: { id } })
    }
    await check()
    await world.settle(vehicleId)
    await check()
    const asked = {
      type: 'SHARING_END_REQUESTED',
      of: id,
      occurredAt: iso(endsAt),
      requestId: null,
      endsAt: iso(endsAt),
      latestEndsAt: iso(latest),
      endReason: null,
    }
    for (const who of ['owner', 'partner'] as const) {
      const log = (await world.log(vehicleId, who)).filter(({ type }) => type === 'SHARING_END_REQUESTED')
      expect(log).toMatchObject([asked])
    }
  })

  it.concurrent('leaves the partner in control while it waits, and what it sends', async () => {
    const { vehicleId, id, endsAt } = await lent(DRIVES)
    const { command } = await world.command('partner', vehicleId)
    await at(endsAt)
    expect(await world.command('owner', vehicleId)).toMatchObject({ code: 'SHARED_WITH_PARTNER', conflict: { id } })
    expect((await world.command('partner', vehicleId)).command).toMatchObject({ status: 'PENDING' })
    expect(await readCommand(server.url, world.as.partner, command.id)).toMatchObject({ status: 'PENDING' })
    const deleted = await world.act('owner', 'deleteVehicle', { id: vehicleId })
    expect(deleted).toMatchObject({ code: 'SHARED_WITH_PARTNER', conflict: { id } })
    await world.tell(vehicleId, STANDS)
    expect((await world.log(vehicleId)).slice(-4).map(({ type, status, of }) => status ?? of ?? type)).toEqual([
      'STATE_RECORDED',
      id,
      'CANCELLED_BY_HANDOVER',
      'CANCELLED_BY_HANDOVER',
    ])
  })

  it.concurrent('ends with the report that makes it idle, at that moment', async () => {
    const { vehicleId, id, endsAt } = await overrun()
    await world.tell(vehicleId, { ...STANDS, ignition: true })
    const before = Date.now()
    await world.tell(vehicleId, { ignition: false, mileageKm: 77 })
    const over = await world.sharing(id)
    expect(over).toMatchObject({ phase: 'ENDED', endReason: 'EXPIRED', endsAt: iso(endsAt), endRequestedAt: null })
    expect(Date.parse(over.endedAt)).toBeGreaterThanOrEqual(before)
    expect(Date.parse(over.endedAt)).toBeLessThanOrEqual(Date.now())
    expect(over.returned).toMatchObject({ ignition: { value: false }, mileageKm: { value: 77 } })
    expect(over.handover).toMatchObject({ speedKmh: { value: 30 }, mileageKm: null })
    const log = await world.log(vehicleId)
    expect(story(log)).toEqual([
      'STATE_RECORDED',
      'SHARING_STARTED',
      'SHARING_END_REQUESTED',
      'STATE_RECORDED',
      'STATE_RECORDED',
      'SHARING_ENDED',
    ])
    const [report, end] = log.slice(-2)
    expect(end).toMatchObject({ occurredAt: over.endedAt, endReason: 'EXPIRED', requestId: report?.requestId })
    expect(report?.requestId).toEqual(expect.any(String))
    expect(await world.seen(vehicleId, 'partner')).toBeNull()
    expect(story(await world.log(vehicleId, 'partner'))).toEqual(story(log).slice(1))
  })

  it.concurrent('is not idle as of endsAt by what was told after it', async () => {
    const { vehicleId, id, endsAt } = await overrun()
    const before = Date.now()
    await world.tell(vehicleId, STANDS, endsAt - 1)
    const { endedAt, endReason } = await world.sharing(id)
    expect(endReason).toBe('EXPIRED')
    expect(Date.parse(endedAt)).toBeGreaterThanOrEqual(before)
    expect(story(await world.log(vehicleId)).slice(-3)).toEqual([
      'SHARING_END_REQUESTED',
      'STATE_RECORDED',
      'SHARING_ENDED',
    ])
  })

  it.concurrent('ends at latestEndsAt whatever the vehicle is doing', async () => {
    const { vehicleId, id, endsAt, latest } = await lent(DRIVES, { grace: 500 })
    await at(latest)
    const over = {
      phase: 'ENDED',
      endReason: 'EXPIRED',
      endedAt: iso(latest),
      endRequestedAt: null,
      endsAt: iso(endsAt),
    }
    expect(await world.sharing(id)).toMatchObject(over)
    expect(await world.seen(vehicleId, 'partner')).toBeNull()
    await world.tell(vehicleId, STANDS)
    expect(await world.sharing(id)).toMatchObject({ ...over, returned: { speedKmh: { value: 30 } } })
    expect((await world.log(vehicleId)).slice(-3)).toMatchObject([
      { type: 'SHARING_END_REQUESTED', occurredAt: iso(endsAt), requestId: null },
      { type: 'SHARING_ENDED', occurredAt: iso(latest), requestId: null, endReason: 'EXPIRED' },
      { type: 'STATE_RECORDED' },
    ])
  })

  it.concurrent('does not wait where latestEndsAt is endsAt, and says nothing of it', async () => {
    const { vehicleId, id, endsAt } = await overrun(DRIVES, { grace: 0 })
    expect(await world.sharing(id)).toMatchObject({ phase: 'ENDED', endReason: 'EXPIRED', endedAt: iso(endsAt) })
    await world.settle(vehicleId)
    expect(await storyOf(vehicleId)).toEqual(['STATE_RECORDED', 'SHARING_STARTED', 'SHARING_ENDED', 'STATE_RECORDED'])
  })

  it.concurrent('cuts off at endsAt, as ever, without the policy', async () => {
    const { vehicleId, id, endsAt } = await overrun(DRIVES, { endPolicy: null, latestEndsAt: null })
    expect(await world.sharing(id)).toMatchObject({ endPolicy: 'ON_TIME', phase: 'ENDED', endedAt: iso(endsAt) })
    expect(await world.seen(vehicleId, 'partner')).toBeNull()
  })

  it.concurrent.each(['owner', 'partner'] as const)('that the %s asked for before it is due waits on', async (who) => {
    const { vehicleId, id, endsAt } = await lent(DRIVES)
    const { endRequestedAt } = (await ask(who, vehicleId)).sharing
    expect(Date.parse(endRequestedAt)).toBeLessThan(endsAt)
    await at(endsAt)
    expect(await world.sharing(id)).toMatchObject({ phase: 'ACTIVE', endRequestedAt })
    await world.settle(vehicleId)
    expect(await world.sharing(id)).toMatchObject({ phase: 'ACTIVE', endRequestedAt })
    expect((await storyOf(vehicleId)).filter((type) => type === 'SHARING_END_REQUESTED')).toHaveLength(1)
    await world.tell(vehicleId, STANDS)
    expect(await world.sharing(id)).toMatchObject({ phase: 'ENDED', endReason: `ENDED_BY_${who.toUpperCase()}` })
  })

  it.concurrent('that was asked for is EXPIRED at latestEndsAt, whoever asked', async () => {
    const { vehicleId, id, latest } = await lent(DRIVES, { grace: 300 })
    await ask('partner', vehicleId)
    await at(latest)
    expect(await world.sharing(id)).toMatchObject({ endReason: 'EXPIRED', endedAt: iso(latest) })
    await world.settle(vehicleId)
    expect((await world.log(vehicleId)).find(({ type }) => type === 'SHARING_ENDED')).toMatchObject({
      endReason: 'EXPIRED',
      occurredAt: iso(latest),
    })
  })

  it.concurrent('that was asked for before a due end without policy is EXPIRED at endsAt', async () => {
    const { vehicleId, id, endsAt } = await lent(DRIVES, { endPolicy: 'ON_TIME', latestEndsAt: null })
    await ask('partner', vehicleId)
    await at(endsAt)
    expect(await world.sharing(id)).toMatchObject({ phase: 'ENDED', endReason: 'EXPIRED', endedAt: iso(endsAt) })
  })

  it.concurrent('asked for while it waits changes nothing: it is EXPIRED', async () => {
    const { vehicleId, id, endsAt } = await overrun()
    const { sharing, vehicle } = await ask('partner', vehicleId)
    expect(sharing).toMatchObject({ phase: 'ACTIVE', endRequestedAt: iso(endsAt) })
    expect(vehicle.idleness.blockedBy).toEqual(['MOVING', 'IGNITION_ON', 'UNLOCKED'])
    await world.tell(vehicleId, STANDS)
    expect(await world.sharing(id)).toMatchObject({ phase: 'ENDED', endReason: 'EXPIRED' })
    expect((await storyOf(vehicleId)).filter((type) => type === 'SHARING_END_REQUESTED')).toHaveLength(1)
  })

  it.concurrent.each(['owner', 'partner'] as const)('can be had at once from the %s while it waits', async (who) => {
    const { vehicleId, id } = await overrun()
    const { sharing } = await ask(who, vehicleId, 'NOW')
    const endReason = `ENDED_BY_${who.toUpperCase()}`
    expect(sharing).toMatchObject({ id, phase: 'ENDED', endReason, endRequestedAt: null })
    expect((await world.log(vehicleId)).slice(-2)).toMatchObject([
      { type: 'SHARING_END_REQUESTED', requestId: null },
      { type: 'SHARING_ENDED', endReason, requestId: expect.any(String) },
    ])
  })

  it.concurrent('ends as the vehicle loses the commands that its unknown lock was waited for', async () => {
    const { vehicleId, id } = await overrun(NO_LOCK)
    const answer = await world.act('owner', 'updateVehicle', { id: vehicleId, supportedCommands: ['LOCK_TOP_CASE'] })
    expect(answer.vehicle).toMatchObject({ idleness: { idle: true }, sharing: null })
    expect(await world.sharing(id)).toMatchObject({ phase: 'ENDED', endReason: 'EXPIRED' })
    const log = await world.log(vehicleId)
    expect(story(log).slice(-3)).toEqual(['SHARING_END_REQUESTED', 'VEHICLE_CHANGED', 'SHARING_ENDED'])
    expect(log.at(-1)?.requestId).toBe(log.at(-2)?.requestId)
    expect(story(await world.log(vehicleId, 'partner')).slice(-2)).toEqual(['VEHICLE_CHANGED', 'SHARING_ENDED'])
  })

  it.concurrent('of a sharing without a due end waits for a wish alone', async () => {
    const vehicleId = await world.vehicle(STANDS)
    const sharing = await world.lend(vehicleId, WAITS)
    expect(sharing).toMatchObject({ endPolicy: 'WHEN_IDLE', endsAt: null, latestEndsAt: null, phase: 'ACTIVE' })
    await world.tell(vehicleId, STANDS)
    expect((await world.sharing(sharing.id)).phase).toBe('ACTIVE')
    expect((await ask('owner', vehicleId)).sharing).toMatchObject({ phase: 'ENDED', endReason: 'ENDED_BY_OWNER' })
  })

  // As if the latest decision about the vehicle had been taken right before latestEndsAt. Its transaction stays open until
  // then, and the log shows nothing behind an open one: so no other test runs meanwhile.
  it('whose moment would not be before latestEndsAt is the one that falls due there', async () => {
    const { vehicleId, id, latest } = await lent(DRIVES, { grace: 200 })
    await ask('partner', vehicleId)
    await server.app.prisma.vehicle.update({ where: { id: vehicleId }, data: { lastInstant: new Date(latest - 1) } })
    await world.tell(vehicleId, STANDS)
    expect(await world.sharing(id)).toMatchObject({ endReason: 'EXPIRED', endedAt: iso(latest) })
    const log = (await world.log(vehicleId)).filter(({ type }) => type === 'SHARING_ENDED')
    expect(log).toMatchObject([{ occurredAt: iso(latest), endReason: 'EXPIRED' }])
  })
})
