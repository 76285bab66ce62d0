import { describe, expect, it } from 'vitest'
import { endSharing, sendCommand } from '../support/gateway.ts'
import { makeControlWorld } from '../support/control.ts'
import {
  DRIVEN,
  inShort,
  move,
  PARKED,
  readSharing,
  readVehicle,
  reporting,
  setUse,
  start,
} from '../support/handover.ts'
import { run } from '../support/api.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { at, inHours, iso } from '../support/world.ts'

// Nobody announces, so that what is read follows from the rule alone, and what is written settles first.
describe.each(DATABASE_KINDS)('handover policies, on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const world = await makeControlWorld(server)
  const tell = reporting(server, world)
  const { url } = server
  const { owner, partner } = world.as

  const parked = async (fields = {}) => {
    const vehicleId = await world.newVehicle(fields)
    await tell(vehicleId, PARKED)
    return vehicleId
  }
  const lend = async (vehicleId: string, input: object) => {
    const { sharing, code } = await start(url, owner, { vehicleId, fleetId: world.partner, ...input })
    if (!sharing) throw new Error(`refused: ${code}`)
    return sharing
  }
  const returning = (endsAt: number, latestEndsAt = endsAt + 3_600_000) => ({
    endsAt: iso(endsAt),
    endPolicy: 'WHEN_IDLE',
    latestEndsAt: iso(latestEndsAt),
  })
  const story = async (vehicleId: string, token = owner) =>
    inShort((await world.log(vehicleId, token)).filter(({ what }) => what.startsWith('SHARING')))

  describe('a start that may wait', () => {
    it('is one at once, of an idle vehicle', async () => {
      const vehicleId = await parked()
      const sharing = await lend(vehicleId, { startPolicy: 'WHEN_IDLE' })
      expect(sharing).toMatchObject({ phase: 'ACTIVE', startPolicy: 'WHEN_IDLE', startAwaitedSince: null })
      expect(sharing.startedAt).toBe(sharing.startsAt)
      expect(await story(vehicleId)).toEqual(['SHARING_STARTED'])
    })

    it('waits for one in use; both parties are told, and the partner may call it off', async () => {
      const vehicleId = await parked()
      await setUse(url, owner, { vehicleId, inUse: true })
      const sharing = await lend(vehicleId, { startPolicy: 'WHEN_IDLE', endsAt: inHours(1) })
      expect(sharing).toMatchObject({ phase: 'SCHEDULED', startedAt: null, startAwaitedSince: sharing.startsAt })
      for (const token of [owner, partner]) {
        expect(await story(vehicleId, token)).toEqual(['SHARING_SCHEDULED', 'SHARING_START_AWAITED'])
      }
      const log = await world.log(vehicleId)
      expect(new Set(log.slice(-2).map(({ requestId }) => requestId)).size).toBe(1)
      // The owner keeps control; the partner is anybody else.
      expect(await readVehicle(url, partner, vehicleId)).toBeNull()
      expect((await sendCommand(url, owner, { vehicleId, type: 'DRAW_ATTENTION' })).command).toBeDefined()
      expect((await setUse(url, partner, { vehicleId, inUse: true })).code).toBe('VEHICLE_NOT_FOUND')
      expect((await readVehicle(url, owner, vehicleId)).viewerCan.delete).toEqual({
        code: 'ALREADY_SHARED',
        until: sharing.endsAt,
      })
      const called = await endSharing(url, partner, { vehicleId, sharingId: sharing.id })
      expect(called.sharing).toMatchObject({ phase: 'CANCELLED', endReason: 'CANCELLED_BY_PARTNER' })
      expect((await readSharing(url, owner, sharing.id as string)).startAwaitedSince).toBeNull()
    })

    it('starts with the report that makes it idle, behind that report', async () => {
      const vehicleId = await world.newVehicle()
      await tell(vehicleId, DRIVEN)
      const { id } = await lend(vehicleId, { startPolicy: 'WHEN_IDLE' })
      await tell(vehicleId, { speedKmh: 0 })
      expect((await readSharing(url, partner, id as string)).phase).toBe('SCHEDULED')
      const pending = await world.send(vehicleId)
      await tell(vehicleId, PARKED)
      const log = await world.log(vehicleId)
      expect(inShort(log).slice(-3)).toEqual(['STATE_RECORDED', 'SHARING_STARTED', 'CANCELLED_BY_HANDOVER'])
      const [reported, started, cancelled] = log.slice(-3)
      expect(cancelled?.of).toBe(pending.id)
      expect(reported?.requestId).toBe(started?.requestId)
      expect(Date.parse(started?.occurredAt ?? '')).toBeGreaterThan(Date.parse(reported?.recordedAt ?? ''))
      const sharing = await readSharing(url, partner, id as string)
      expect(sharing).toMatchObject({ phase: 'ACTIVE', startAwaitedSince: null, startedAt: started?.occurredAt })
      expect(sharing.vehicle).toEqual({ id: vehicleId })
      // What was reported before the start is not the partner's, however late its log is read.
      expect(inShort(await world.log(vehicleId, partner))).not.toContain('STATE_RECORDED')
    })

    it('starts as updateVehicle makes it idle: without a command for a lock it is idle without one', async () => {
      const vehicleId = await world.newVehicle()
      await tell(vehicleId, { speedKmh: 0, drivingEnabled: false })
      const { id } = await lend(vehicleId, { startPolicy: 'WHEN_IDLE' })
      expect((await readVehicle(url, owner, vehicleId)).idleness).toEqual({ idle: false, blockedBy: ['UNKNOWN'] })
      await run(url, owner, 'updateVehicle', { id: vehicleId, supportedCommands: ['DRAW_ATTENTION'] })
      expect((await readSharing(url, partner, id as string)).phase).toBe('ACTIVE')
      expect(inShort(await world.log(vehicleId)).slice(-2)).toEqual(['VEHICLE_CHANGED', 'SHARING_STARTED'])
    })

    it('starts as the owner clears the use, and the use is gone', async () => {
      const vehicleId = await parked()
      await setUse(url, owner, { vehicleId, inUse: true, reference: 'Trip 1' })
      const { id } = await lend(vehicleId, { startPolicy: 'WHEN_IDLE' })
      const { vehicle } = await setUse(url, owner, { vehicleId, inUse: false })
      expect(vehicle).toMatchObject({ use: null, sharing: { id } })
      expect(inShort(await world.log(vehicleId)).slice(-2)).toEqual(['VEHICLE_USE_CHANGED', 'SHARING_STARTED'])
      expect((await world.log(vehicleId, partner)).map(({ what }) => what)).not.toContain('VEHICLE_USE_CHANGED')
    })

    it('waits from its due instant on, which nobody has announced, and is given up at the due end', async () => {
      const vehicleId = await world.newVehicle()
      await tell(vehicleId, DRIVEN)
      const startsAt = Date.now() + 1_000
      const endsAt = startsAt + 1_500
      const { id } = await lend(vehicleId, { startsAt: iso(startsAt), endsAt: iso(endsAt), startPolicy: 'WHEN_IDLE' })
      await at(startsAt + 1)
      const waiting = { phase: 'SCHEDULED', startAwaitedSince: iso(startsAt), startedAt: null }
      expect(await readSharing(url, partner, id as string)).toMatchObject(waiting)
      expect(await readVehicle(url, partner, vehicleId)).toBeNull()
      await tell(vehicleId, DRIVEN)
      expect((await world.log(vehicleId)).slice(-2)).toMatchObject([
        { what: 'SHARING_START_AWAITED', occurredAt: iso(startsAt), requestId: null },
        { what: 'STATE_RECORDED' },
      ])
      await at(endsAt + 1)
      expect(await readSharing(url, owner, id as string)).toMatchObject({
        phase: 'CANCELLED',
        endReason: 'NOT_HANDED_OVER',
        startAwaitedSince: null,
        endedAt: null,
      })
      await tell(vehicleId, PARKED)
      expect((await world.log(vehicleId)).slice(-2)).toMatchObject([
        { what: 'SHARING_CANCELLED', occurredAt: iso(endsAt), endReason: 'NOT_HANDED_OVER', requestId: null },
        { what: 'STATE_RECORDED' },
      ])
    })
  })

  describe('an end that may wait', () => {
    it('is one at the due instant, of an idle vehicle, and gives back the time that it might have taken', async () => {
      const vehicleId = await parked()
      const endsAt = Date.now() + 1_000
      const { id } = await lend(vehicleId, returning(endsAt))
      const later = { vehicleId, fleetId: world.partner, startsAt: inHours(0.5), endsAt: inHours(0.75) }
      expect(await start(url, owner, later)).toMatchObject({ code: 'ALREADY_SHARED', conflict: { id } })
      await at(endsAt + 1)
      expect(await readSharing(url, partner, id as string)).toMatchObject({
        phase: 'ENDED',
        endedAt: iso(endsAt),
        endReason: 'EXPIRED',
        endRequestedAt: null,
      })
      expect(await readVehicle(url, partner, vehicleId)).toBeNull()
      // Recorded and taken by the next in one decision.
      expect((await start(url, owner, later)).sharing.phase).toBe('SCHEDULED')
      expect(await story(vehicleId)).toEqual(['SHARING_STARTED', 'SHARING_ENDED EXPIRED', 'SHARING_SCHEDULED'])
    })

    it('leaves a vehicle in use to the partner, until it is idle', async () => {
      const vehicleId = await parked()
      const endsAt = Date.now() + 1_000
      const { id } = await lend(vehicleId, returning(endsAt))
      await tell(vehicleId, DRIVEN)
      await at(endsAt + 1)
      const overrun = { phase: 'ACTIVE', endRequestedAt: iso(endsAt), endedAt: null, vehicle: { id: vehicleId } }
      expect(await readSharing(url, partner, id as string)).toMatchObject(overrun)
      expect((await sendCommand(url, owner, { vehicleId, type: 'DRAW_ATTENTION' })).code).toBe('SHARED_WITH_PARTNER')
      const pending = await world.send(vehicleId, { token: partner })
      // Parked, but with a customer who has only paused.
      await setUse(url, partner, { vehicleId, inUse: true })
      await tell(vehicleId, PARKED)
      expect((await readVehicle(url, partner, vehicleId)).idleness).toEqual({ idle: false, blockedBy: ['IN_USE'] })
      const again = await endSharing(url, owner, { vehicleId, when: 'WHEN_IDLE' })
      expect(again.sharing).toMatchObject({ phase: 'ACTIVE', endRequestedAt: iso(endsAt) })
      const { vehicle } = await setUse(url, partner, { vehicleId, inUse: false })
      expect(vehicle).toBeNull()
      const log = await world.log(vehicleId)
      expect(inShort(log).slice(-3)).toEqual(['VEHICLE_USE_CHANGED', 'SHARING_ENDED EXPIRED', 'CANCELLED_BY_HANDOVER'])
      expect(log.at(-1)?.of).toBe(pending.id)
      expect(log.find(({ what }) => what === 'SHARING_END_REQUESTED')).toMatchObject({
        occurredAt: iso(endsAt),
        requestId: null,
      })
      expect(await story(vehicleId, partner)).toEqual([
        'SHARING_STARTED',
        'SHARING_END_REQUESTED',
        'SHARING_ENDED EXPIRED',
      ])
      expect(await readVehicle(url, owner, vehicleId)).toMatchObject({ use: null, idleness: { idle: true } })
    })

    it('is one at the end at the latest, of a vehicle that is still driven', async () => {
      const vehicleId = await parked()
      const endsAt = Date.now() + 800
      const { id } = await lend(vehicleId, returning(endsAt, endsAt + 700))
      await tell(vehicleId, DRIVEN)
      await at(endsAt + 701)
      const over = { phase: 'ENDED', endedAt: iso(endsAt + 700), endReason: 'EXPIRED' }
      expect(await readSharing(url, owner, id as string)).toMatchObject(over)
      expect((await setUse(url, partner, { vehicleId, inUse: true })).code).toBe('VEHICLE_NOT_FOUND')
      await tell(vehicleId, DRIVEN)
      expect((await world.log(vehicleId)).slice(-3)).toMatchObject([
        { what: 'SHARING_END_REQUESTED', occurredAt: iso(endsAt) },
        { what: 'SHARING_ENDED', occurredAt: iso(endsAt + 700), endReason: 'EXPIRED', requestId: null },
        { what: 'STATE_RECORDED' },
      ])
    })

    it('that a party asked for before names that party, and is asked for once', async () => {
      const vehicleId = await parked()
      await tell(vehicleId, DRIVEN)
      const endsAt = Date.now() + 1_000
      const { id } = await lend(vehicleId, returning(endsAt))
      const asked = await endSharing(url, partner, { vehicleId, when: 'WHEN_IDLE' })
      await at(endsAt + 1)
      expect((await readSharing(url, owner, id as string)).endRequestedAt).toBe(asked.sharing.endRequestedAt)
      await tell(vehicleId, PARKED)
      expect(await story(vehicleId)).toEqual([
        'SHARING_STARTED',
        'SHARING_END_REQUESTED',
        'SHARING_ENDED ENDED_BY_PARTNER',
      ])
    })

    it('moves, also in an overrun', async () => {
      const vehicleId = await parked()
      await tell(vehicleId, DRIVEN)
      const endsAt = Date.now() + 800
      const { id, latestEndsAt } = await lend(vehicleId, returning(endsAt))
      await at(endsAt + 1)
      const past = { code: 'INVALID_PERIOD', path: ['latestEndsAt'] }
      expect(await move(url, owner, { vehicleId, endsAt: iso(endsAt), latestEndsAt: iso(endsAt) })).toMatchObject(past)
      expect((await move(url, owner, { vehicleId, endsAt: iso(endsAt) })).sharing).toMatchObject({ latestEndsAt })
      const longer = await move(url, owner, { vehicleId, endsAt: iso(endsAt), latestEndsAt: inHours(2) })
      expect(longer.sharing).toMatchObject({ endsAt: iso(endsAt), endRequestedAt: iso(endsAt) })
      const later = await move(url, owner, { vehicleId, endsAt: inHours(1) })
      expect(later.sharing).toMatchObject({ id, phase: 'ACTIVE', endRequestedAt: null })
      expect(await story(vehicleId)).toEqual([
        'SHARING_STARTED',
        'SHARING_END_REQUESTED',
        'SHARING_END_CHANGED',
        'SHARING_END_CHANGED',
      ])
      // The wait is over: a vehicle that is parked stays with the partner.
      await tell(vehicleId, PARKED)
      expect((await readSharing(url, owner, id as string)).phase).toBe('ACTIVE')
    })
  })

  it.each<[string, object]>([
    ['latestEndsAt with ON_TIME', { endsAt: inHours(1), latestEndsAt: inHours(2) }],
    ['WHEN_IDLE with endsAt and without latestEndsAt', { endsAt: inHours(1), endPolicy: 'WHEN_IDLE' }],
    ['latestEndsAt without endsAt', { endPolicy: 'WHEN_IDLE', latestEndsAt: inHours(2) }],
    ['latestEndsAt before endsAt', { endsAt: inHours(2), endPolicy: 'WHEN_IDLE', latestEndsAt: inHours(1) }],
  ])('startSharing refuses %s', async (_, input) => {
    const vehicleId = await parked()
    const answer = await start(url, owner, { vehicleId, fleetId: world.partner, ...input })
    expect(answer).toMatchObject({ code: 'INVALID_PERIOD', path: ['latestEndsAt'] })
  })
})
