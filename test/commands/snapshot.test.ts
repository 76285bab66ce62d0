import { describe, expect, it } from 'vitest'
import { ask, run } from '../support/api.ts'
import { makeControlWorld } from '../support/control.ts'
import { connect } from '../support/events.ts'
import { endSharing, READINGS, report, reportAt } from '../support/gateway.ts'
import { DATABASE_KINDS, serverForAll, startServer } from '../support/server.ts'
import { at, inHours, iso } from '../support/world.ts'

const SNAPSHOTS = `query ($id: ID!) { sharing(id: $id) { phase handover { ${READINGS} } returned { ${READINGS} } } }`

const UNKNOWN = {
  position: null,
  speedKmh: null,
  mileageKm: null,
  energyPercent: null,
  centralLock: null,
  drivingEnabled: null,
  ignition: null,
}
const SOON_MS = 2_000

describe.each(DATABASE_KINDS)('the snapshots of a handover, on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const world = await makeControlWorld(server)

  let messages = 0
  /** Reports a mileage as of an instant; the present one unless told otherwise. */
  const drive = async (vehicleId: string, mileageKm: number, observedAt = Date.now()) => {
    const message = reportAt(vehicleId, `m${++messages}`, observedAt, { mileageKm })
    expect(await report(server.url, world.gateway, [message])).toMatchObject({ recorded: 1 })
    return { ...UNKNOWN, mileageKm: { value: mileageKm, observedAt: iso(observedAt) } }
  }
  const snapshots = async (id: string, token = world.as.owner) => {
    const { handover, returned } = (await ask(server.url, token, SNAPSHOTS, { id })).sharing
    return [handover, returned] as unknown[]
  }

  it('are null before control passes, and keep the readings known when it did', async () => {
    const vehicleId = await world.newVehicle()
    const known = await drive(vehicleId, 100)
    const { id } = await world.lend(vehicleId)
    expect(await snapshots(id)).toEqual([known, null])
    const later = await drive(vehicleId, 120)
    expect(await snapshots(id)).toEqual([known, null])
    const ended = await endSharing(server.url, world.as.partner, { vehicleId })
    expect(ended.sharing).toMatchObject({ handover: known, returned: later })
    await drive(vehicleId, 200)
    expect(await snapshots(id)).toEqual([known, later])
    expect(await snapshots(id, world.as.partner)).toEqual([known, later])
  })

  it('are empty where nothing was known', async () => {
    const vehicleId = await world.newVehicle()
    const { id } = await world.lend(vehicleId)
    await run(server.url, world.as.owner, 'endSharing', { vehicleId })
    expect(await snapshots(id)).toEqual([UNKNOWN, UNKNOWN])
  })

  it('stay null for a sharing that was called off', async () => {
    const vehicleId = await world.newVehicle()
    await drive(vehicleId, 100)
    const { id } = await world.lend(vehicleId, { startsAt: inHours(1) })
    expect(await snapshots(id)).toEqual([null, null])
    await endSharing(server.url, world.as.partner, { vehicleId, sharingId: id })
    expect(await snapshots(id)).toEqual([null, null])
  })

  it('hold at a start and an end that came by time, also before these are recorded', async () => {
    const vehicleId = await world.newVehicle()
    const startsAt = Date.now() + SOON_MS
    const endsAt = startsAt + SOON_MS
    const { id } = await world.lend(vehicleId, { startsAt: iso(startsAt), endsAt: iso(endsAt) })
    const known = await drive(vehicleId, 100)
    expect(await snapshots(id)).toEqual([null, null])
    await at(startsAt)
    expect(await snapshots(id)).toEqual([known, null])
    expect(await snapshots(id, world.as.partner)).toEqual([known, null])
    // A reading that was taken before the start and arrives after it was not known at the start.
    const late = await drive(vehicleId, 110, startsAt - 10)
    expect(await snapshots(id)).toEqual([known, null])
    const stored = () => server.app.prisma.sharing.findUniqueOrThrow({ where: { id } })
    expect(await stored()).toMatchObject({ startRecorded: true, endedAt: null })
    await at(endsAt)
    expect(await snapshots(id)).toEqual([known, late])
    expect(await snapshots(id, world.as.partner)).toEqual([known, late])
    expect(await stored()).toMatchObject({ endedAt: null, returned: null })
    await drive(vehicleId, 130, endsAt - 10)
    await drive(vehicleId, 140)
    expect(await snapshots(id)).toEqual([known, late])
    expect(await snapshots(id, world.as.partner)).toEqual([known, late])
  })

  it('of one sharing that follows another at once are the same', async () => {
    const vehicleId = await world.newVehicle()
    const known = await drive(vehicleId, 100)
    const turn = Date.now() + SOON_MS
    const first = await world.lend(vehicleId, { endsAt: iso(turn) })
    const second = await world.lend(vehicleId, { startsAt: iso(turn), fleetId: world.rival.id })
    const later = await drive(vehicleId, 110)
    await at(turn)
    expect(await snapshots(first.id)).toEqual([known, later])
    expect(await snapshots(second.id)).toEqual([later, null])
    const last = await drive(vehicleId, 120)
    expect(await snapshots(first.id)).toEqual([known, later])
    expect(await snapshots(second.id, world.rival.token)).toEqual([later, null])
    await run(server.url, world.rival.token, 'endSharing', { vehicleId })
    expect(await snapshots(second.id)).toEqual([later, last])
  })

  it('keep each reading with its own time', async () => {
    const vehicleId = await world.newVehicle()
    const now = Date.now()
    const position = { latitude: 53.55, longitude: 10 }
    await report(server.url, world.gateway, [
      reportAt(vehicleId, 'a', now - 3000, { position, energyPercent: 80, ignition: true }),
      reportAt(vehicleId, 'b', now - 1000, { energyPercent: 79.5, centralLock: 'LOCKED' }),
      reportAt(vehicleId, 'c', now - 2000, { energyPercent: 79.9, drivingEnabled: false, speedKmh: 0 }),
    ])
    const { id } = await world.lend(vehicleId)
    const [handover] = await snapshots(id)
    expect(handover).toEqual({
      position: { ...position, observedAt: iso(now - 3000) },
      speedKmh: { value: 0, observedAt: iso(now - 2000) },
      mileageKm: null,
      energyPercent: { value: 79.5, observedAt: iso(now - 1000) },
      centralLock: { value: 'LOCKED', observedAt: iso(now - 1000) },
      drivingEnabled: { value: false, observedAt: iso(now - 2000) },
      ignition: { value: true, observedAt: iso(now - 3000) },
    })
  })
})

describe('the snapshot of an end that is written down while it is read', () => {
  it('holds nothing that the vehicle reported after the end', async () => {
    const server = await startServer({ announce: false })
    const world = await makeControlWorld(server)
    const { url, app } = server
    const vehicleId = await world.newVehicle()
    const known = { ...UNKNOWN, mileageKm: { value: 100, observedAt: Date.now() } }
    await report(url, world.gateway, [reportAt(vehicleId, 'm1', known.mileageKm.observedAt, { mileageKm: 100 })])
    const endsAt = Date.now() + SOON_MS
    const { id } = await world.lend(vehicleId, { endsAt: iso(endsAt) })
    await at(endsAt)
    // Stops the reading between the sharing, which does not know its end yet, and the vehicle. Then comes what another
    // instance does: it writes the end down, and records what the owner's next customer does.
    const client = await connect(server)
    await client.query('BEGIN; LOCK TABLE vehicle IN ACCESS EXCLUSIVE MODE')
    const reading = ask(url, world.as.partner, SNAPSHOTS, { id })
    const waits = 'SELECT FROM pg_locks WHERE NOT granted AND relation = $1::regclass'
    while ((await app.prisma.$queryRawUnsafe<unknown[]>(waits, 'vehicle')).length === 0) continue
    await client.query('UPDATE sharing SET ended_at = ends_at, end_reason = $1, returned = $2', ['EXPIRED', known])
    await client.query('UPDATE vehicle SET mileage_km = 999, mileage_at = now()')
    await client.query('COMMIT')
    const { sharing } = await reading
    expect(sharing).toMatchObject({ phase: 'ENDED', returned: { mileageKm: { value: 100 } } })
    await client.end()
    await server.close()
  })
})
