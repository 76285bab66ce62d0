import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { toPrismaVehicle } from '../../src/data/tables/vehicle.ts'
import { newVehicle } from '../../src/domain/vehicle.ts'
import { mutations, post, run } from '../support/api.ts'
import { follow, readAll } from '../support/events.ts'
import { report, reportAt } from '../support/gateway.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { iso, makeWorld } from '../support/world.ts'
import { aSharing, fromSharing } from '../support/sharings.ts'

type Line = { readonly vehicles?: readonly string[]; readonly msg: string }

const BROKEN = 150
const MASKED = 'Something went wrong inside the server. The log has the details under the request id.'

/** Vehicles whose records contradict each other, as no verb of the domain leaves them, beside those that are well. */
describe.each(DATABASE_KINDS)('vehicles whose records contradict each other, on %s', async (database) => {
  const lines: Line[] = []
  const log = pino({ level: 'error' }, { write: (line) => lines.push(JSON.parse(line) as Line) })
  const server = await serverForAll({ database, log })
  const world = await makeWorld(server)
  const { url, app } = server
  const { prisma } = app
  const { owner, partner } = world.as
  const gateway = await server.token(null, 'gateway')
  await prisma.$executeRawUnsafe('ALTER TABLE sharing DROP CONSTRAINT sharing_one_at_a_time')

  /** Vehicles made past the API, for there are many. */
  async function vehicles(prefix: string, count: number): Promise<string[]> {
    const ids = Array.from({ length: count }, (_, nth) => `${prefix}${nth}`)
    const times = { lastInstant: new Date(), createdAt: new Date() }
    await prisma.vehicle.createMany({
      data: ids.map((id) => ({ ...toPrismaVehicle(newVehicle(id, world.owner, {})), ...times })),
    })
    return ids
  }

  /** Two sharings at a time; `due` is when the first ends. */
  async function contradict(ids: readonly string[], due: number): Promise<void> {
    const parties = { ownerId: world.owner, partnerId: world.partner, startRecorded: true }
    const two = ids.flatMap((vehicleId) =>
      [0, 1].map((nth) => {
        const period = { startsAt: due - 60_000 + nth, endsAt: due + nth * 3_600_000 }
        return aSharing({ id: `${vehicleId}-${nth}`, vehicleId, ...parties, ...period })
      }),
    )
    await prisma.sharing.createMany({ data: two.map(fromSharing) })
  }

  const repair = (id: string) => prisma.sharing.delete({ where: { id: `${id}-1` } })
  const logOf = (id: string) => readAll(url, owner, { filter: { vehicleIds: [id] } })
  const ENDED = { filter: { types: ['SHARING_ENDED'] } }

  it('hold up no announcement of others, are named in the log, and heal once they are repaired', async () => {
    const broken = await vehicles('due', BROKEN)
    await contradict(broken, Date.now() - 10_000)
    const healthy = await world.newVehicle()
    const follower = await follow(url, owner, ENDED)
    const endsAt = iso(Date.now() + 3_000)
    const started = await run(url, owner, 'startSharing', { vehicleId: healthy, fleetId: world.partner, endsAt })
    expect(started.sharing.endsAt).toBe(endsAt)
    expect(await follower.events(1)).toMatchObject([{ vehicleId: healthy, occurredAt: endsAt, endReason: 'EXPIRED' }])
    expect(app.services.contradictions.met).toBeGreaterThan(0)
    await expect
      .poll(() => lines.flatMap(({ vehicles }) => vehicles ?? []), { timeout: 20_000 })
      .toEqual(expect.arrayContaining(['due0', 'due149']))
    await repair('due7')
    expect(await follower.events(2)).toMatchObject([{}, { vehicleId: 'due7', endReason: 'EXPIRED' }])
    follower.stop()
    for (const id of ['due0', 'due149']) expect(await logOf(id)).toEqual([])
  })

  it('fail alone, for every operation, with a masked error', async () => {
    const [id = ''] = await vehicles('asked', 1)
    await contradict([id], Date.now() + 60_000)
    const sharing = { vehicleId: id, fleetId: world.partner, startsAt: iso(Date.now() + 3_600_000) }
    for (const [token, query, input] of [
      [owner, mutations.startSharing, sharing],
      [owner, mutations.startSharing, { ...sharing, idempotencyKey: 'key' }],
      [owner, mutations.updateVehicle, { id, name: 'x' }],
      [partner, mutations.endSharing, { vehicleId: id }],
    ] as const) {
      const { errors } = await post(url, token, query, { input })
      expect(errors).toMatchObject([{ message: MASKED, extensions: { code: 'INTERNAL_SERVER_ERROR' } }])
    }
    expect(await logOf(id)).toEqual([])
  })

  it.each([
    ['something fell due', -10_000],
    ['nothing fell due', 60_000],
  ])('have their reports rejected one by one, and no others, where %s', async (_, due) => {
    const prefix = `batch${due}x`
    const ids = await vehicles(prefix, 100)
    const [broken = '', waiting = ''] = ids
    await contradict([broken], Date.now() + due)
    await run(url, owner, 'startSharing', { vehicleId: waiting, fleetId: world.partner })
    const moving = { speedKmh: 20, ignition: true, centralLock: 'UNLOCKED' }
    await report(url, gateway, [reportAt(waiting, 'first', Date.now(), moving)])
    await post(
      url,
      owner,
      'mutation ($id: ID!) { endSharing(input: { vehicleId: $id, when: WHEN_IDLE }) { __typename } }',
      {
        id: waiting,
      },
    )
    const idle = { speedKmh: 0, ignition: false, centralLock: 'LOCKED' }
    const batch = Array.from({ length: 1_000 }, (_, nth) =>
      reportAt(ids[nth % ids.length] ?? '', `${nth}`, Date.now(), idle),
    )
    const { recorded, skipped, rejected } = await report(url, gateway, batch)
    expect({ recorded, skipped }).toEqual({ recorded: 990, skipped: 0 })
    const message = "The vehicle's records contradict each other. Nothing was recorded."
    expect(rejected).toEqual(Array.from({ length: 10 }, (_, nth) => ({ index: nth * 100, code: 'CONFLICT', message })))
    expect(await logOf(broken)).toEqual([])
    expect((await logOf(waiting)).filter(({ type }) => type === 'SHARING_ENDED')).toHaveLength(1)
    // They left no trace: once the records are repaired they are taken as they are, and others are known.
    await repair(broken)
    expect(await report(url, gateway, batch)).toMatchObject({ recorded: 10, skipped: 990, rejected: [] })
  })

  it('have a known message skipped all the same', async () => {
    const [id = ''] = await vehicles('known', 1)
    const known = reportAt(id, 'known', Date.now(), { speedKmh: 1 })
    expect(await report(url, gateway, [known])).toMatchObject({ recorded: 1 })
    await contradict([id], Date.now() + 60_000)
    const answer = await report(url, gateway, [known, reportAt(id, 'new', Date.now(), { speedKmh: 2 }), known])
    expect(answer).toMatchObject({ recorded: 0, skipped: 2, rejected: [{ index: 1, code: 'CONFLICT' }] })
  })

  it.each(['23P01', '23514'])('are found out by the database, too, with %s', async (sqlState) => {
    const ids = await vehicles(`found${sqlState}`, 4)
    const [broken = '', ...others] = ids
    await prisma.$executeRawUnsafe(`CREATE FUNCTION refuse_${sqlState}() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '${sqlState}'; END $$`)
    await prisma.$executeRawUnsafe(`CREATE TRIGGER refuse_${sqlState} BEFORE UPDATE ON sharing FOR EACH ROW
      WHEN (OLD.vehicle_id = '${broken}') EXECUTE FUNCTION refuse_${sqlState}()`)
    const parties = { ownerId: world.owner, partnerId: world.partner, startRecorded: true }
    const period = { startsAt: Date.now() - 60_000, endsAt: Date.now() - 1_000 }
    const sharings = ids.map((vehicleId) => aSharing({ id: randomUUID(), vehicleId, ...parties, ...period }))
    await prisma.sharing.createMany({ data: sharings.map(fromSharing) })
    const batch = ids.map((id) => reportAt(id, 'm', Date.now(), { speedKmh: 1 }))
    const answer = await report(url, gateway, batch)
    expect(answer).toMatchObject({ recorded: 3, rejected: [{ index: 0, code: 'CONFLICT' }] })
    for (const id of others)
      expect((await logOf(id)).map(({ type }) => type)).toEqual(['SHARING_ENDED', 'STATE_RECORDED'])
    expect(await logOf(broken)).toEqual([])
  })
})
