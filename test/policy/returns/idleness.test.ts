import { describe, expect, it } from 'vitest'
import { report, reportAt } from '../../support/gateway.ts'
import { DRIVES, makeReturns, SOON, STANDS, story } from '../../support/returns.ts'
import { DATABASE_KINDS, serverForAll } from '../../support/server.ts'
import { at, HOUR, iso } from '../../support/world.ts'

const MINUTE = 60_000
const { ignition: _ignition, ...NO_IGNITION } = STANDS
const { centralLock: _lock, ...NO_LOCK } = STANDS
/** Commands that leave the central lock alone. */
const OTHERS = ['REQUEST_VEHICLE_STATE', 'ENABLE_DRIVING', 'DISABLE_DRIVING', 'UNLOCK_TOP_CASE', 'LOCK_TOP_CASE']

/** Readings, the commands that the vehicle supports (null: all), whether it is in use, and what stands in the way. */
const TABLE: readonly (readonly [string, object | null, readonly string[] | null, boolean, readonly string[]])[] = [
  ['it stands, is off and locked', STANDS, null, false, []],
  ['nothing was ever reported', null, null, false, ['UNKNOWN', 'SILENT']],
  ['nothing was ever reported and it supports nothing', null, [], false, ['UNKNOWN', 'SILENT']],
  ['nothing was ever reported and it is in use', null, null, true, ['IN_USE', 'UNKNOWN', 'SILENT']],
  ['its speed is not known', { ignition: false, centralLock: 'LOCKED' }, null, false, []],
  ['it moves, however slowly', { ...STANDS, speedKmh: 0.01 }, null, false, ['MOVING']],
  ['its ignition is on', { ...STANDS, ignition: true }, null, false, ['IGNITION_ON']],
  ['off, though driving is enabled', { ...STANDS, drivingEnabled: true }, null, false, []],
  [
    'on, though driving is disabled',
    { ...STANDS, ignition: true, drivingEnabled: false },
    null,
    false,
    ['IGNITION_ON'],
  ],
  ['no ignition, driving enabled', { ...NO_IGNITION, drivingEnabled: true }, null, false, ['IGNITION_ON']],
  ['no ignition, driving disabled', { ...NO_IGNITION, drivingEnabled: false }, null, false, []],
  ['neither ignition nor driving', NO_IGNITION, null, false, ['UNKNOWN']],
  ['it is not locked', { ...STANDS, centralLock: 'UNLOCKED' }, null, false, ['UNLOCKED']],
  ['its lock is not known', NO_LOCK, null, false, ['UNKNOWN']],
  ['a moped without a central lock', NO_LOCK, OTHERS, false, []],
  ['a moped that supports nothing', NO_LOCK, [], false, []],
  ['a moped whose driving alone is known', { drivingEnabled: false }, OTHERS, false, []],
  ['a moped of which too little is known', { speedKmh: 0 }, OTHERS, false, ['UNKNOWN']],
  [
    'a moped that says it is unlocked all the same',
    { ...NO_LOCK, centralLock: 'UNLOCKED' },
    OTHERS,
    false,
    ['UNLOCKED'],
  ],
  ...['LOCK_CENTRAL_LOCK', 'UNLOCK_CENTRAL_LOCK', 'LOCK_AND_DISABLE_DRIVING', 'UNLOCK_AND_ENABLE_DRIVING'].map(
    (command) => [`an unknown lock that ${command} moves`, NO_LOCK, [...OTHERS, command], false, ['UNKNOWN']] as const,
  ),
  ['it is in use', STANDS, null, true, ['IN_USE']],
  ['it drives and is in use', DRIVES, null, true, ['MOVING', 'IGNITION_ON', 'UNLOCKED', 'IN_USE']],
  ['it moves with an unknown lock', { ...NO_LOCK, speedKmh: 9 }, null, true, ['MOVING', 'IN_USE', 'UNKNOWN']],
  ['lock and ignition are unknown', { speedKmh: 0 }, null, false, ['UNKNOWN']],
  ['only its place is known', { position: { latitude: 1, longitude: 2 } }, null, false, ['UNKNOWN']],
]

describe.each(DATABASE_KINDS)('idleness, on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const world = await makeReturns(server)
  const idleness = async (vehicleId: string) => (await world.seen(vehicleId)).idleness.blockedBy as string[]

  it.concurrent.each(TABLE)('%s', async (_what, readings, supportedCommands, inUse, blockedBy) => {
    const vehicleId = await world.vehicle(readings, supportedCommands === null ? {} : { supportedCommands })
    if (inUse) await world.use('owner', vehicleId, true)
    expect((await world.seen(vehicleId)).idleness).toEqual({ idle: blockedBy.length === 0, blockedBy })
  })

  it.concurrent('names all that holds, in order', async () => {
    const vehicleId = await world.vehicle(null)
    await world.tell(vehicleId, { speedKmh: 3, centralLock: 'UNLOCKED' }, Date.now() - 2 * HOUR)
    await world.use('owner', vehicleId, true)
    expect(await idleness(vehicleId)).toEqual(['MOVING', 'UNLOCKED', 'IN_USE', 'UNKNOWN', 'SILENT'])
    await world.tell(vehicleId, { ignition: true }, Date.now() - 2 * HOUR)
    expect(await idleness(vehicleId)).toEqual(['MOVING', 'IGNITION_ON', 'UNLOCKED', 'IN_USE', 'SILENT'])
  })

  it.concurrent('goes by the latest reading of each kind, whenever it came', async () => {
    const now = Date.now()
    const vehicleId = await world.vehicle(null)
    await world.tell(vehicleId, DRIVES, now)
    await world.tell(vehicleId, STANDS, now - 1)
    expect(await idleness(vehicleId)).toEqual(['MOVING', 'IGNITION_ON', 'UNLOCKED'])
    await world.tell(vehicleId, STANDS, now)
    expect(await idleness(vehicleId)).toEqual([])
  })

  it.concurrent('is the same for the partner, and for the command that a vehicle gains or loses', async () => {
    const vehicleId = await world.vehicle(NO_LOCK, { supportedCommands: OTHERS })
    await world.lend(vehicleId)
    expect((await world.seen(vehicleId, 'partner')).idleness).toEqual({ idle: true, blockedBy: [] })
    await world.act('owner', 'updateVehicle', { id: vehicleId, supportedCommands: null })
    expect((await world.seen(vehicleId, 'partner')).idleness).toEqual({ idle: false, blockedBy: ['UNKNOWN'] })
  })

  it.concurrent('lastContactAt is the latest occurredAt as recorded, of reports that were taken', async () => {
    const now = Date.now()
    const vehicleId = await world.newVehicle()
    const contact = async () => (await world.seen(vehicleId)).lastContactAt as string | null
    expect(await contact()).toBeNull()
    await world.tell(vehicleId, { mileageKm: 1 }, now - 5_000)
    expect(await contact()).toBe(iso(now - 5_000))
    await world.tell(vehicleId, { mileageKm: 1 }, now - 9_000)
    expect(await contact()).toBe(iso(now - 5_000))
    const known = reportAt(vehicleId, 'known', now - 4_000, { mileageKm: 2 })
    await report(server.url, world.gateway, [known])
    await report(server.url, world.gateway, [
      { ...known, occurredAt: iso(now - 1_000) },
      reportAt(vehicleId, 'wrong', now - 1_000, { speedKmh: -1 }),
    ])
    expect(await contact()).toBe(iso(now - 4_000))
    // A device's clock that runs ahead: recorded as the server's now.
    const before = Date.now()
    await world.tell(vehicleId, { mileageKm: 3 }, before + 4 * MINUTE)
    const recorded = Date.parse((await contact()) ?? '')
    expect(recorded).toBeGreaterThanOrEqual(before)
    expect(recorded).toBeLessThanOrEqual(Date.now())
  })

  it.concurrent('lastContactAt of a batch is the latest of its reports, in whatever order', async () => {
    const now = Date.now()
    const vehicleId = await world.newVehicle()
    await world.batch(
      [vehicleId, { mileageKm: 1 }, now - 2],
      [vehicleId, { mileageKm: 2 }, now - 1],
      [vehicleId, STANDS, now - 3],
    )
    expect(await world.seen(vehicleId)).toMatchObject({ lastContactAt: iso(now - 1), idleness: { idle: true } })
  })

  it.concurrent.each([
    [59, []],
    [61, ['SILENT']],
  ] as const)('after %d minutes without a word', async (minutes, blockedBy) => {
    const vehicleId = await world.vehicle(null)
    await world.tell(vehicleId, STANDS, Date.now() - minutes * MINUTE)
    expect(await idleness(vehicleId)).toEqual(blockedBy)
    // Whatever it says then, it was heard of.
    await world.tell(vehicleId, { mileageKm: 1 })
    expect(await idleness(vehicleId)).toEqual([])
  })

  // Exactly the silence that is allowed is no silence yet; a millisecond more is.
  it.concurrent.each([
    [0, true],
    [1, false],
  ] as const)('of a due end is judged at the due instant: %d ms too long', async (more, isIdle) => {
    const vehicleId = await world.vehicle(null)
    const endsAt = Date.now() + SOON
    await world.tell(vehicleId, STANDS, endsAt - HOUR - more)
    const { id } = await world.lend(vehicleId, {
      endsAt: iso(endsAt),
      endPolicy: 'WHEN_IDLE',
      latestEndsAt: iso(endsAt + HOUR),
    })
    // Long enough after it for the silence to have grown.
    await at(endsAt + 100)
    const expected = isIdle
      ? { phase: 'ENDED', endReason: 'EXPIRED', endedAt: iso(endsAt) }
      : { phase: 'ACTIVE', endReason: null, endedAt: null, endRequestedAt: iso(endsAt) }
    expect(await world.sharing(id)).toMatchObject(expected)
    await world.settle(vehicleId)
    expect(await world.sharing(id)).toMatchObject(expected)
    expect(story(await world.log(vehicleId))).toContain(isIdle ? 'SHARING_ENDED' : 'SHARING_END_REQUESTED')
  })

  it.concurrent.each([
    [0, true],
    [1, false],
  ] as const)('of a due start is judged at the due instant: %d ms too long', async (more, isIdle) => {
    const vehicleId = await world.vehicle(null)
    const startsAt = Date.now() + SOON
    await world.tell(vehicleId, STANDS, startsAt - HOUR - more)
    const { id } = await world.lend(vehicleId, { startsAt: iso(startsAt), startPolicy: 'WHEN_IDLE' })
    await at(startsAt + 100)
    const expected = isIdle
      ? { phase: 'ACTIVE', startedAt: iso(startsAt), startAwaitedSince: null }
      : { phase: 'SCHEDULED', startedAt: null, startAwaitedSince: iso(startsAt) }
    expect(await world.sharing(id)).toMatchObject(expected)
    await world.settle(vehicleId)
    expect(await world.sharing(id)).toMatchObject(expected)
  })

  it.concurrent('of an end that waits is judged by the clock as it is told', async () => {
    const vehicleId = await world.vehicle(DRIVES, {})
    const silent = await world.vehicle(null)
    await world.tell(silent, DRIVES, Date.now() - 2 * HOUR)
    for (const id of [vehicleId, silent]) {
      await world.lend(id)
      await world.act('owner', 'endSharing', { vehicleId: id, when: 'WHEN_IDLE' })
    }
    await world.tell(silent, STANDS, Date.now() - HOUR - 1)
    expect(await world.seen(silent)).toMatchObject({ idleness: { blockedBy: ['SILENT'] }, sharing: expect.anything() })
    await world.tell(silent, { mileageKm: 1 })
    expect(await world.seen(silent)).toMatchObject({ idleness: { idle: true }, sharing: null })
    // Late, but not silent: heard of since.
    await world.tell(vehicleId, { mileageKm: 1 })
    expect((await world.seen(vehicleId)).sharing).not.toBeNull()
  })
})
