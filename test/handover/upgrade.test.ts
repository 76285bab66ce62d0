import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { makeControlWorld } from '../support/control.ts'
import type { ControlWorld } from '../support/control.ts'
import { olderDatabase, VERSION_0_1_0 } from '../support/older.ts'
import { PARKED, readSharing, readVehicle, reporting, setUse, start } from '../support/handover.ts'
import { DATABASE_KINDS, startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { openSql } from '../../src/data/verify/verify.ts'
import { inHours, iso } from '../support/world.ts'

const NOW = Math.floor(Date.now() / 1_000) * 1_000
const MINUTE = 60_000

describe.each(DATABASE_KINDS)('a database of version 0.1.0 on %s', (kind) => {
  it('knows afterwards when what has started did, and when vehicles were last heard of', async () => {
    const older = await olderDatabase(kind, VERSION_0_1_0)
    const { sql, close } = await openSql(older)
    const run = async (text: string) => void (await sql.query({ name: '', text }, []))
    await run(`INSERT INTO fleet (id, name) VALUES ('own', 'Own'), ('other', 'Other')`)
    await run(`INSERT INTO vehicle (id, owner_id, supported_commands, last_instant, created_at, speed_kmh, speed_at, ignition, ignition_at)
      VALUES ('heard', 'own', '{}', now(), now(), 1, '${iso(NOW - MINUTE)}', FALSE, '${iso(NOW - 2 * MINUTE)}'),
        ('silent', 'own', '{}', now(), now(), NULL, NULL, NULL, NULL)`)
    const sharing = (id: string, vehicle: string, from: number, to: number | null, recorded: boolean) =>
      run(`INSERT INTO sharing (id, vehicle_id, owner_id, partner_id, starts_at, ends_at, start_recorded, created_at)
        VALUES ('${id}', '${vehicle}', 'own', 'other', '${iso(NOW + from)}', ${to === null ? 'NULL' : `'${iso(NOW + to)}'`}, ${recorded}, now())`)
    await sharing('running', 'heard', -10 * MINUTE, 60 * MINUTE, true)
    await sharing('scheduled', 'heard', 70 * MINUTE, 80 * MINUTE, false)
    await sharing('due', 'silent', -5 * MINUTE, null, false)
    await close()
    const { databaseUrl, dataDir } = older
    const server = await startServer({
      database: kind,
      dataDir,
      announce: false,
      ...(databaseUrl === null ? {} : { databaseUrl }),
    })
    const own = await server.token('own', 'manager')
    expect((await readVehicle(server.url, own, 'heard')).lastContactAt).toBe(iso(NOW - MINUTE))
    expect((await readVehicle(server.url, own, 'silent')).lastContactAt).toBeNull()
    const started = async (id: string) => (await readSharing(server.url, own, id)).startedAt as string | null
    expect(await started('running')).toBe(iso(NOW - 10 * MINUTE))
    expect(await started('scheduled')).toBeNull()
    expect(await started('due')).toBe(iso(NOW - 5 * MINUTE))
    const rows = await server.app.prisma.sharing.findMany({ orderBy: { id: 'asc' } })
    expect(rows.map(({ id, startedAt }) => [id, startedAt?.getTime() ?? null])).toEqual([
      ['due', null],
      ['running', NOW - 10 * MINUTE],
      ['scheduled', null],
    ])
    await server.close()
  })
})

/** What instances of version 0.1.0 write: the columns that they know, as they know them. */
describe('an instance of version 0.1.0 beside', () => {
  let server: TestServer
  let world: ControlWorld
  beforeAll(async () => {
    expect(inject('postgresUrl')).toBeTruthy()
    server = await startServer({ announce: false })
    world = await makeControlWorld(server)
  })
  afterAll(() => server.close())
  const write = (set: string, id: unknown) =>
    server.app.services.query({ name: '', text: `UPDATE sharing SET ${set} WHERE id = $1` }, [id])
  const lend = async (input: object) => {
    const vehicleId = await world.newVehicle()
    await reporting(server, world)(vehicleId, PARKED)
    await setUse(server.url, world.as.owner, { vehicleId, inUse: true })
    const { sharing } = await start(server.url, world.as.owner, { vehicleId, fleetId: world.partner, ...input })
    return sharing as Readonly<Record<string, unknown>>
  }

  it('records a start on time by its flag, and the instant is filled in', async () => {
    const { id } = await lend({ startsAt: inHours(1) })
    await write('start_recorded = TRUE', id)
    const { startedAt, startsAt } = await server.app.prisma.sharing.findUniqueOrThrow({ where: { id: String(id) } })
    expect(startedAt).toEqual(startsAt)
  })

  it('cannot start one that waits', async () => {
    const { id } = await lend({ startPolicy: 'WHEN_IDLE' })
    await expect(write('start_recorded = TRUE', id)).rejects.toThrow('sharing_start_recorded')
  })

  it('cannot end one at its due end that may wait', async () => {
    const { id } = await lend({ endsAt: inHours(1), endPolicy: 'WHEN_IDLE', latestEndsAt: inHours(2) })
    const over = "ended_at = ends_at, end_reason = 'EXPIRED'"
    await expect(write(over, id)).rejects.toThrow('sharing_due_end_decided')
    // A party's request before the due end is as good as ever.
    await write("ended_at = ends_at - interval '30 min', end_reason = 'ENDED_BY_OWNER'", id)
  })
})
