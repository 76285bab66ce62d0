import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { ask, run } from '../support/api.ts'
import { readAll } from '../support/events.ts'
import { endSharing, report, reportAt, sendCommand } from '../support/gateway.ts'
import { DATABASE_KINDS, serverForAll } from '../support/server.ts'
import { iso, makeWorld } from '../support/world.ts'

/** Far enough ahead to agree on something before it. Milliseconds. */
const SOON = 1_500

/**
 * Whatever is decided before a due instant takes until then to be written: the instant is that of the server's own clock,
 * by which a trigger holds up the first write of a table.
 */
describe.each(DATABASE_KINDS)('a decision taken before a due instant and written after it, on %s', async (database) => {
  const server = await serverForAll({ database, announce: false })
  const world = await makeWorld(server)
  const { url } = server
  const { owner, partner } = world.as
  const gateway = await server.token(null, 'gateway')
  const execute = (statement: string) => server.app.prisma.$executeRawUnsafe(statement)

  beforeAll(async () => {
    await execute('CREATE SEQUENCE held_up')
    await execute('CREATE TABLE due (vehicle_id TEXT, held TEXT, at TIMESTAMPTZ)')
    await execute(`CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE due_at TIMESTAMPTZ := (SELECT at FROM due WHERE held = TG_TABLE_NAME
        AND vehicle_id = COALESCE(to_jsonb(NEW)->>'vehicle_id', to_jsonb(NEW)->>'id'));
      BEGIN
        IF clock_timestamp() < due_at THEN PERFORM nextval('held_up'); END IF;
        WHILE clock_timestamp() < due_at LOOP END LOOP;
        RETURN NEW;
      END $$`)
    for (const table of ['vehicle', 'sharing', 'command'])
      await execute(
        `CREATE TRIGGER hold_up BEFORE INSERT OR UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION hold_up()`,
      )
  })

  /** A vehicle that is shared, or will be, with the instant at which that changes by itself. */
  async function lent(change: 'startsAt' | 'endsAt') {
    const vehicleId = await world.newVehicle()
    const due = Date.now() + SOON
    const { sharing } = await run(url, owner, 'startSharing', { vehicleId, fleetId: world.partner, [change]: iso(due) })
    return { vehicleId, due, sharingId: sharing.id as string }
  }

  type Shared = { readonly vehicleId: string; readonly due: number }
  /** Does what is to be held up where it writes a table. @returns its answer, once it is certain that it was */
  async function heldUp<T>({ vehicleId, due }: Shared, table: string, act: () => Promise<T>): Promise<T> {
    const times = async () =>
      Number((await server.app.prisma.$queryRaw<[{ n: bigint }]>`SELECT nextval('held_up') AS n`)[0].n)
    const before = await times()
    await execute(`INSERT INTO due VALUES ('${vehicleId}', '${table}', '${iso(due)}')`)
    const answer = await act()
    // One write was, and one more number drawn; what was decided anew was not.
    expect((await times()) - before).toBe(2)
    return answer
  }

  const logOf = async (vehicleId: string, token = owner) =>
    (await readAll(url, token, { filter: { vehicleIds: [vehicleId] } })).filter((_, nth) => token !== owner || nth > 0)
  const started = { type: 'SHARING_STARTED' }
  const expired = (due: number) => ({ type: 'SHARING_ENDED', endReason: 'EXPIRED', occurredAt: iso(due) })
  const seenBy = async (token: string, id: string) =>
    (await ask(url, token, 'query ($id: ID!) { vehicle(id: $id) { id } }', { id })).vehicle

  it.each([
    ['an open end', null, 'vehicle'],
    ['an open end', null, 'sharing'],
    ['a later end', 3_600_000, 'sharing'],
  ])('%s is refused: the end stands (%s, %s)', async (_, later, table) => {
    const shared = await lent('endsAt')
    const { vehicleId, due } = shared
    const endsAt = later && iso(due + later)
    const { code } = await heldUp(shared, table, () => run(url, owner, 'updateSharingEnd', { vehicleId, endsAt }))
    expect(code).toBe('NOT_SHARED')
    expect(await seenBy(partner, vehicleId)).toBeNull()
    await run(url, owner, 'updateVehicle', { id: vehicleId, name: 'Mine' })
    expect(await logOf(vehicleId)).toMatchObject([started, expired(due), { type: 'VEHICLE_CHANGED' }])
  })

  it.each([null, 'a key'])('a command of the partner is refused, with the key %s', async (idempotencyKey) => {
    const shared = await lent('endsAt')
    const input = { vehicleId: shared.vehicleId, type: 'LOCK_CENTRAL_LOCK', idempotencyKey }
    expect((await heldUp(shared, 'command', () => sendCommand(url, partner, input))).code).toBe('VEHICLE_NOT_FOUND')
    // Nor was the key taken by it.
    expect(await server.app.prisma.idempotencyKey.count({ where: { mutation: 'sendCommand' } })).toBe(0)
    expect(await logOf(shared.vehicleId, partner)).toMatchObject([started])
  })

  it.each([null, 'a key'])('the next sharing is logged after the end of this one, with the key %s', async (key) => {
    const shared = await lent('endsAt')
    const { vehicleId, due } = shared
    const period = { startsAt: iso(due + 3_600_000), endsAt: iso(due + 7_200_000) }
    const input = { vehicleId, fleetId: world.partner, idempotencyKey: key, ...period }
    const { sharing } = await heldUp(shared, 'sharing', () => run(url, owner, 'startSharing', input))
    expect(await logOf(vehicleId)).toMatchObject([
      started,
      expired(due),
      { type: 'SHARING_SCHEDULED', sharing: { id: sharing.id } },
    ])
  })

  it('an edit is logged after the end, and the partner cannot read it', async () => {
    const shared = await lent('endsAt')
    const { vehicleId, due } = shared
    await heldUp(shared, 'vehicle', () => run(url, owner, 'updateVehicle', { id: vehicleId, name: 'Edited' }))
    expect(await logOf(vehicleId)).toMatchObject([started, expired(due), { type: 'VEHICLE_CHANGED' }])
    expect(await logOf(vehicleId, partner)).toMatchObject([started, expired(due)])
  })

  it('a cancellation that comes too late ends the sharing', async () => {
    const shared = await lent('startsAt')
    const { vehicleId, due, sharingId } = shared
    const { sharing } = await heldUp(shared, 'sharing', () => run(url, partner, 'endSharing', { vehicleId, sharingId }))
    expect(sharing).toMatchObject({ phase: 'ENDED', endReason: 'ENDED_BY_PARTNER' })
    expect(await logOf(vehicleId)).toMatchObject([
      { type: 'SHARING_SCHEDULED' },
      { ...started, occurredAt: iso(due), requestId: null },
      { type: 'SHARING_ENDED', endReason: 'ENDED_BY_PARTNER' },
    ])
  })

  it('a batch of reports that ends it when idle is taken once more, behind the due end', async () => {
    const shared = await lent('endsAt')
    const { vehicleId, due } = shared
    const other = await world.newVehicle()
    const moving = { speedKmh: 20, ignition: true, centralLock: 'UNLOCKED' }
    const idle = { speedKmh: 0, ignition: false, centralLock: 'LOCKED' }
    await report(url, gateway, [reportAt(vehicleId, randomUUID(), Date.now(), moving)])
    await endSharing(url, owner, { vehicleId, when: 'WHEN_IDLE' })
    const batch = [other, vehicleId].map((id) => reportAt(id, randomUUID(), due + 10, idle))
    const answer = await heldUp(shared, 'sharing', () => report(url, gateway, batch))
    expect(answer).toMatchObject({ recorded: 2, rejected: [] })
    expect(await logOf(vehicleId)).toMatchObject([
      started,
      { type: 'STATE_RECORDED' },
      { type: 'SHARING_END_REQUESTED' },
      expired(due),
      { type: 'STATE_RECORDED' },
    ])
    const types = (await logOf(vehicleId, partner)).map(({ type }) => type)
    expect(types).toEqual(['SHARING_STARTED', 'STATE_RECORDED', 'SHARING_END_REQUESTED', 'SHARING_ENDED'])
  })
})
