import { describe, expect, it } from 'vitest'
import { run } from '../support/api.ts'
import { makeControlWorld, storyOf } from '../support/control.ts'
import { endSharing, readCommand, report, reportAt, sendCommand } from '../support/gateway.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { at, HOUR, inHours, iso } from '../support/world.ts'

const MOVING = { speedKmh: 30, ignition: true, centralLock: 'UNLOCKED' }
const IDLE = { speedKmh: 0, ignition: false, centralLock: 'LOCKED' }

type Party = 'owner' | 'partner'

describe.each(DATABASE_KINDS)('ending a sharing when idle, on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const world = await makeControlWorld(server)

  let messages = 0
  const tell = async (vehicleId: string, readings: object, observedAt = Date.now()) => {
    const message = reportAt(vehicleId, `m${++messages}`, observedAt, { ...readings })
    expect(await report(server.url, world.gateway, [message])).toMatchObject({ recorded: 1 })
  }
  const end = (party: Party, vehicleId: string, when = 'WHEN_IDLE') =>
    endSharing(server.url, world.as[party], { vehicleId, when })
  const lent = async (readings: object | null, input = {}) => {
    const vehicleId = await world.newVehicle()
    if (readings) await tell(vehicleId, readings)
    const { id } = await world.lend(vehicleId, input)
    return { vehicleId, id: id as string }
  }
  const story = async (vehicleId: string, id: string) => storyOf(await world.log(vehicleId), id)

  it.each([
    ['nothing is known', null, false],
    ['it stands, is off and locked', IDLE, true],
    ['its speed is not known', { ignition: false, centralLock: 'LOCKED' }, true],
    ['it moves, however slowly', { ...IDLE, speedKmh: 0.1 }, false],
    ['its ignition is on', { ...IDLE, ignition: true }, false],
    ['its ignition is not known', { speedKmh: 0, centralLock: 'LOCKED' }, false],
    ['it is not locked', { ...IDLE, centralLock: 'UNLOCKED' }, false],
    ['its lock is not known', { speedKmh: 0, ignition: false }, false],
    ['only its speed is known', { speedKmh: 0 }, false],
  ])('looks at the latest readings: %s', async (_what, readings, isIdle) => {
    for (const party of ['owner', 'partner'] as const) {
      const { vehicleId, id } = await lent(readings)
      const { vehicle, sharing } = await end(party, vehicleId)
      expect(vehicle).toEqual(isIdle && party === 'partner' ? null : { id: vehicleId })
      expect(await story(vehicleId, id)).toEqual([
        'SHARING_STARTED',
        isIdle ? 'SHARING_ENDED' : 'SHARING_END_REQUESTED',
      ])
      const { occurredAt } = (await world.log(vehicleId)).at(-1) ?? {}
      expect(sharing).toMatchObject(
        isIdle
          ? { phase: 'ENDED', endReason: `ENDED_BY_${party.toUpperCase()}`, endedAt: occurredAt, endRequestedAt: null }
          : { phase: 'ACTIVE', endReason: null, endedAt: null, endRequestedAt: occurredAt, returned: null },
      )
    }
  })

  it('leaves the partner in control while it waits, and tells both of the wish', async () => {
    const { vehicleId, id } = await lent(MOVING)
    const before = await world.send(vehicleId, { token: world.as.partner })
    await end('owner', vehicleId)
    expect(await readCommand(server.url, world.as.partner, before.id)).toMatchObject({ status: 'PENDING' })
    await world.send(vehicleId, { token: world.as.partner })
    const refused = await sendCommand(server.url, world.as.owner, { vehicleId, type: 'DRAW_ATTENTION' })
    expect(refused.code).toBe('SHARED_WITH_PARTNER')
    for (const token of [world.as.owner, world.as.partner]) {
      const log = await world.log(vehicleId, token)
      expect(storyOf(log, id)).toEqual(['SHARING_STARTED', 'SHARING_END_REQUESTED'])
    }
  })

  it.each([
    ['owner', 'partner'],
    ['owner', 'owner'],
    ['partner', 'owner'],
  ] as const)('is asked for once: after the %s the %s changes nothing', async (first, second) => {
    const { vehicleId, id } = await lent(MOVING)
    const asked = await end(first, vehicleId)
    const again = await end(second, vehicleId)
    expect(again).toEqual({ ...asked, vehicle: { id: vehicleId } })
    expect(await story(vehicleId, id)).toEqual(['SHARING_STARTED', 'SHARING_END_REQUESTED'])
    await tell(vehicleId, IDLE)
    const ended = (await world.log(vehicleId)).findLast(({ of }) => of === id)
    expect(ended).toMatchObject({ what: 'SHARING_ENDED', endReason: `ENDED_BY_${first.toUpperCase()}` })
  })

  it('still ends at its due end, also if it is idle only after that', async () => {
    const endsAt = Date.now() + 1500
    const { vehicleId, id } = await lent(MOVING, { endsAt: iso(endsAt) })
    await end('partner', vehicleId)
    await at(endsAt)
    await tell(vehicleId, IDLE)
    const log = await world.log(vehicleId)
    expect(log.slice(-2)).toMatchObject([
      { what: 'SHARING_ENDED', of: id, occurredAt: iso(endsAt), endReason: 'EXPIRED' },
      { what: 'STATE_RECORDED' },
    ])
    const stored = await server.app.prisma.sharing.findUniqueOrThrow({ where: { id } })
    expect(stored).toMatchObject({ endReason: 'EXPIRED', returned: { speedKmh: { value: 30 } } })
  })

  it.each(['owner', 'partner'] as const)('can still be ended at once, by the %s', async (party) => {
    const { vehicleId, id } = await lent(MOVING)
    await end(party === 'owner' ? 'partner' : 'owner', vehicleId)
    const { sharing } = await end(party, vehicleId, 'NOW')
    expect(sharing).toMatchObject({ endReason: `ENDED_BY_${party.toUpperCase()}`, endRequestedAt: null })
    expect(await story(vehicleId, id)).toEqual(['SHARING_STARTED', 'SHARING_END_REQUESTED', 'SHARING_ENDED'])
    // What was asked for the sharing that is over means nothing to the next.
    const next = await world.lend(vehicleId)
    await tell(vehicleId, IDLE)
    expect(await story(vehicleId, next.id as string)).toEqual(['SHARING_STARTED'])
  })

  it('keeps waiting when the due end is moved', async () => {
    const { vehicleId, id } = await lent(MOVING)
    const { sharing } = await end('owner', vehicleId)
    await run(server.url, world.as.owner, 'updateSharingEnd', { vehicleId, endsAt: inHours(1) })
    expect((await end('partner', vehicleId)).sharing.endRequestedAt).toBe(sharing.endRequestedAt)
    await tell(vehicleId, IDLE)
    expect((await story(vehicleId, id)).at(-1)).toBe('SHARING_ENDED')
  })

  it.each(['owner', 'partner'] as const)('calls a scheduled one off at once, for the %s', async (party) => {
    const vehicleId = await world.newVehicle()
    await tell(vehicleId, MOVING)
    const { id: sharingId } = await world.lend(vehicleId, { startsAt: inHours(1) })
    const answer = await endSharing(server.url, world.as[party], { vehicleId, sharingId, when: 'WHEN_IDLE' })
    expect(answer.sharing).toMatchObject({
      phase: 'CANCELLED',
      endReason: `CANCELLED_BY_${party.toUpperCase()}`,
      endRequestedAt: null,
    })
    expect(await story(vehicleId, sharingId as string)).toEqual(['SHARING_SCHEDULED', 'SHARING_CANCELLED'])
  })

  it('happens once several reports together make it idle', async () => {
    const { vehicleId, id } = await lent(MOVING)
    await end('owner', vehicleId)
    const now = Date.now()
    await tell(vehicleId, { speedKmh: 0 }, now)
    await tell(vehicleId, { centralLock: 'LOCKED' }, now)
    // Older than what is known: logged, and nothing else.
    await tell(vehicleId, { ignition: false }, now - HOUR)
    expect((await story(vehicleId, id)).at(-1)).toBe('SHARING_END_REQUESTED')
    await tell(vehicleId, { ignition: false }, now)
    expect((await world.log(vehicleId)).slice(-2)).toMatchObject([
      { what: 'STATE_RECORDED' },
      { what: 'SHARING_ENDED', of: id, endReason: 'ENDED_BY_OWNER' },
    ])
  })

  it('is not done by a message that is known already', async () => {
    const vehicleId = await world.newVehicle()
    const idle = reportAt(vehicleId, 'known', Date.now(), IDLE)
    await report(server.url, world.gateway, [idle])
    await tell(vehicleId, MOVING)
    const { id } = await world.lend(vehicleId)
    await end('owner', vehicleId)
    const later = { ...idle, occurredAt: iso(Date.now()) }
    expect(await report(server.url, world.gateway, [later])).toMatchObject({ recorded: 0, skipped: 1 })
    expect((await story(vehicleId, id as string)).at(-1)).toBe('SHARING_END_REQUESTED')
  })

  it('is decided for a batch as a whole, behind all its reports', async () => {
    const [a, b] = [await lent(MOVING), await lent(MOVING)]
    const other = await world.newVehicle()
    await end('owner', a.vehicleId)
    await end('partner', b.vehicleId)
    const pending = await world.send(a.vehicleId, { token: world.as.partner })
    const now = Date.now()
    const batch = [
      reportAt(other, 'other', now, MOVING),
      reportAt(b.vehicleId, 'b1', now, IDLE),
      reportAt(a.vehicleId, 'a1', now, { mileageKm: 100 }),
      reportAt(a.vehicleId, 'a2', now + 1, { ...IDLE, mileageKm: 101 }),
      reportAt('NONE0', 'x', now, IDLE),
      reportAt(a.vehicleId, 'a2', now + 2, MOVING),
      reportAt(other, 'bad', now, { speedKmh: -1 }),
      // It moves again, so that it was not idle after the last of its reports.
      reportAt(b.vehicleId, 'b2', now + 1, MOVING),
      reportAt(other, 'last', now, MOVING),
    ]
    expect(await report(server.url, world.gateway, batch)).toMatchObject({
      recorded: 6,
      skipped: 1,
      rejected: [
        { index: 4, code: 'VEHICLE_NOT_FOUND' },
        { index: 6, code: 'INVALID_INPUT' },
      ],
    })
    const log = await world.log(a.vehicleId)
    expect(log.slice(-4)).toMatchObject([
      { what: 'STATE_RECORDED' },
      { what: 'STATE_RECORDED' },
      { what: 'SHARING_ENDED', of: a.id, endReason: 'ENDED_BY_OWNER' },
      { what: 'CANCELLED_BY_HANDOVER', of: pending.id },
    ])
    // All of it by the gateway's one request; the reports that made it idle came before the end.
    expect(new Set(log.slice(-4).map(({ requestId }) => requestId)).size).toBe(1)
    const [, idle, ended] = log.slice(-4).map(({ recordedAt }) => Date.parse(recordedAt))
    expect(idle).toBeLessThan(ended ?? 0)
    const { prisma } = server.app
    const requestId = log.at(-1)?.requestId ?? ''
    const all = await prisma.event.findMany({ where: { requestId }, orderBy: { position: 'asc' } })
    const types = all.map(({ type }) => type)
    expect(types.lastIndexOf('STATE_RECORDED')).toBeLessThan(types.indexOf('SHARING_ENDED'))
    const stored = await prisma.sharing.findUniqueOrThrow({ where: { id: a.id } })
    expect(stored.returned).toMatchObject({ speedKmh: { value: 0 }, mileageKm: { value: 101 } })
    expect((await story(b.vehicleId, b.id)).at(-1)).toBe('SHARING_END_REQUESTED')
    await tell(b.vehicleId, { ...IDLE }, now + 2)
    expect((await story(b.vehicleId, b.id)).at(-1)).toBe('SHARING_ENDED')
  })
})
