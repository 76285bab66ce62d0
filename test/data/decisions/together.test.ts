import { beforeEach, describe, expect, it } from 'vitest'
import { Prisma } from '../../../src/generated/prisma/client.ts'
import { mutations, post, run } from '../../support/api.ts'
import { readAll } from '../../support/events.ts'
import { session, waiting } from '../../support/locks.ts'
import { saves } from '../../support/saves.ts'
import { DATABASE_KINDS, serverForAll } from '../../support/server.ts'
import { makeWorld } from '../../support/world.ts'

type Result = { readonly __typename: string; readonly code?: string }

/** Requests at the same time: so many that most of them are written together. */
const MANY = 24
const COMMAND = { supportedCommands: ['DRAW_ATTENTION'] }
const SEND = `mutation ($vehicleId: ID!) { sendCommand(input: { vehicleId: $vehicleId, type: DRAW_ATTENTION }) {
  __typename ... on UserError { code } ... on SendCommandSuccess { command { id } } } }`

describe.each(DATABASE_KINDS)('decisions that are written together, on %s', async (database) => {
  const texts: string[] = []
  const server = await serverForAll({ database, announce: false, onStatement: (text) => void texts.push(text) })
  const { url } = server
  const { as, owner, partner, newVehicle } = await makeWorld(server)
  let vehicles: readonly string[] = []
  beforeEach(async () => {
    vehicles = await Promise.all(Array.from({ length: MANY }, () => newVehicle(COMMAND)))
    texts.length = 0
  })

  const send = async (vehicleId: string, token = as.owner) =>
    (await post(url, token, SEND, { vehicleId })).data as { sendCommand: Result | null }
  const start = (vehicleId: string) =>
    run(url, as.owner, 'startSharing', { vehicleId, fleetId: partner }) as Promise<Result>
  /** @returns the member of the union, or the code of the error */
  const tryStart = async (vehicleId: string) => {
    const { data, errors } = await post(url, as.owner, mutations.startSharing, {
      input: { vehicleId, fleetId: partner },
    })
    return errors?.[0]?.extensions.code ?? (data as { startSharing: Result }).startSharing.__typename
  }
  const end = (vehicleId: string) => run(url, as.owner, 'endSharing', { vehicleId }) as Promise<Result>
  const use = (vehicleId: string) => run(url, as.owner, 'setVehicleUse', { vehicleId, inUse: true }) as Promise<Result>
  /** Statements that wrote several decisions, or could have. */
  const together = () => texts.filter((text) => text.includes('SKIP LOCKED') && text.includes('demand_rows'))
  const typesOf = async (vehicleId: string, token = as.owner) =>
    (await readAll(url, token, { filter: { vehicleIds: [vehicleId] } })).map(({ type }) => type)

  it('have each its own answer, events and audit entries', async () => {
    const started = await Promise.all(vehicles.map((id) => start(id)))
    const sent = await Promise.all(vehicles.map((id, index) => (index % 2 === 0 ? send(id, as.partner) : end(id))))
    expect(together().length).toBeGreaterThan(0)
    expect(together().length).toBeLessThan(2 * MANY)
    for (const [index, id] of vehicles.entries()) {
      expect(started[index]).toMatchObject({
        __typename: 'StartSharingSuccess',
        vehicle: { id },
        sharing: { vehicleId: id },
      })
      const last = index % 2 === 0 ? 'COMMAND_UPDATED' : 'SHARING_ENDED'
      expect(await typesOf(id)).toEqual(['VEHICLE_CHANGED', 'SHARING_STARTED', last])
      expect(await typesOf(id, as.partner)).toEqual(['SHARING_STARTED', last])
      const entries = await server.app.prisma.audit.findMany({ where: { vehicleId: id }, orderBy: { id: 'asc' } })
      const action = index % 2 === 0 ? 'SEND_COMMAND' : 'END_SHARING'
      expect(entries.map((entry) => `${entry.action} ${entry.readerId}`).toSorted()).toEqual(
        ['START_SHARING', action].flatMap((one) => [owner, partner].map((reader) => `${one} ${reader}`)).toSorted(),
      )
    }
    expect(sent.filter((one) => JSON.stringify(one).includes('Success'))).toHaveLength(MANY)
  })

  it('are taken one after the other where they are on one vehicle', async () => {
    const [id = ''] = vehicles
    const answers = await Promise.all([...Array.from({ length: 6 }, () => send(id)), start(id), start(id)])
    const results = answers.map((one) => JSON.stringify(one))
    expect(results.filter((one) => one.includes('StartSharingSuccess')).length).toBeGreaterThan(0)
    const types = await typesOf(id)
    expect(types.filter((type) => type === 'SHARING_STARTED')).toHaveLength(1)
    const accepted = results.filter((one) => one.includes('SendCommandSuccess')).length
    // Each that was accepted has an event of its own, and one more where the handover cancelled it.
    const cancelled = await server.app.prisma.command.count({
      where: { vehicleId: id, status: 'CANCELLED_BY_HANDOVER' },
    })
    expect(types.filter((type) => type === 'COMMAND_UPDATED')).toHaveLength(accepted + cancelled)
  })

  it('set the use of some vehicles and leave that of others', async () => {
    const used = (index: number) => index % 3 === 0
    await Promise.all(vehicles.map((id, index) => (used(index) ? use(id) : send(id))))
    const rows = await server.app.prisma.vehicle.findMany({ where: { id: { in: [...vehicles] } } })
    const useOf = new Map(rows.map((row) => [row.id, row.use]))
    expect(vehicles.map((id) => useOf.get(id) !== null)).toEqual(vehicles.map((_, index) => used(index)))
    await Promise.all(vehicles.map((id) => start(id)))
    expect(
      await server.app.prisma.vehicle.count({ where: { id: { in: [...vehicles] }, use: { not: Prisma.DbNull } } }),
    ).toBe(0)
  })

  if (database === 'embedded') return

  it('are not refused for the sake of one that the database refuses', async () => {
    const [refused = '', ...others] = vehicles
    await server.app.prisma.$executeRawUnsafe(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF NEW.vehicle_id = '${refused}' THEN RAISE 'not this one' USING ERRCODE = 'data_exception'; END IF; RETURN NEW; END $$`)
    await server.app.prisma.$executeRawUnsafe(
      'CREATE TRIGGER refuse BEFORE INSERT ON command FOR EACH ROW EXECUTE FUNCTION refuse()',
    )
    try {
      const [bad, ...good] = await Promise.all([send(refused), ...others.map((id) => send(id))])
      expect(bad?.sendCommand).toBeNull()
      expect(good.map((one) => one.sendCommand?.__typename)).toEqual(others.map(() => 'SendCommandSuccess'))
      expect(await typesOf(refused)).toEqual(['VEHICLE_CHANGED'])
    } finally {
      await server.app.prisma.$executeRawUnsafe('DROP FUNCTION refuse CASCADE')
    }
  })

  it('do not wait for one whose vehicle, or partnership, somebody holds', async () => {
    const [held = '', ...others] = vehicles
    const holder = await session(server)
    await holder.query('BEGIN')
    await holder.query('SELECT FROM vehicle WHERE id = $1 FOR UPDATE', [held])
    let isHeld = true
    const waits = send(held).then((answer) => ({ answer, isHeld }))
    const sent = await Promise.all(others.map((id) => send(id)))
    expect(sent.map((one) => one.sendCommand?.__typename)).toEqual(others.map(() => 'SendCommandSuccess'))
    isHeld = false
    await holder.query('COMMIT')
    expect(await waits).toMatchObject({ isHeld: false, answer: { sendCommand: { __typename: 'SendCommandSuccess' } } })
    await holder.query('BEGIN')
    await holder.query('SELECT FROM partnership WHERE fleet_id = $1 AND partner_id = $2 FOR UPDATE', [owner, partner])
    const [first = '', second = '', ...commanded] = others
    const starts = Promise.all([start(first), start(second)])
    expect((await Promise.all(commanded.map((id) => send(id)))).every((one) => one.sendCommand !== null)).toBe(true)
    await holder.query('ROLLBACK')
    expect((await starts).map((one) => one.__typename)).toEqual(['StartSharingSuccess', 'StartSharingSuccess'])
    await holder.end()
  })

  it('wait for no vehicle that somebody holds, nor does a single one among the others', async () => {
    const held = vehicles.slice(0, 4)
    const holder = await session(server)
    const watcher = await session(server)
    await holder.query('BEGIN')
    await holder.query('SELECT FROM vehicle WHERE id = ANY($1) FOR UPDATE', [held])
    const sent: Promise<unknown>[] = []
    for (const [index, id] of held.entries()) {
      sent.push(send(id))
      await waiting(watcher, index + 1)
    }
    const { rows } = await watcher.query<{ query: string }>(
      `SELECT query FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    )
    expect(rows.map(({ query }) => /FOR UPDATE/.exec(query)?.[0])).toEqual(held.map(() => 'FOR UPDATE'))
    await holder.query('COMMIT')
    expect(JSON.stringify(await Promise.all(sent)).match(/SendCommandSuccess/g)).toHaveLength(held.length)
    await Promise.all([holder.end(), watcher.end()])
  })

  it('wait for what a constraint looks at as long as for a row, and not for the sake of another', async () => {
    const holder = await session(server)
    await holder.query('BEGIN')
    await holder.query('SELECT FROM fleet WHERE id = $1 FOR UPDATE', [partner])
    const begun = performance.now()
    const starts = (index: number) => index % 6 === 0
    const answers = await Promise.all(
      vehicles.map(async (id, index) => (starts(index) ? tryStart(id) : (await send(id)).sendCommand?.__typename)),
    )
    expect(answers).toEqual(vehicles.map((_, index) => (starts(index) ? 'SERVICE_UNAVAILABLE' : 'SendCommandSuccess')))
    expect(performance.now() - begun).toBeLessThan(12_000)
    await holder.query('ROLLBACK')
    expect(await tryStart(vehicles[0] ?? '')).toBe('StartSharingSuccess')
    await holder.end()
  })

  it('start no sharing with a fleet that ceases to be a partner meanwhile', async () => {
    const [first = '', second = '', ...commanded] = vehicles
    const removal = await session(server)
    await removal.query('BEGIN')
    await removal.query('DELETE FROM partnership WHERE fleet_id IN ($1, $2)', [owner, partner])
    const starts = Promise.all([start(first), start(second)])
    expect((await Promise.all(commanded.map((id) => send(id)))).every((one) => one.sendCommand !== null)).toBe(true)
    await removal.query('COMMIT')
    expect((await starts).map(({ code }) => code)).toEqual(['NOT_A_PARTNER', 'NOT_A_PARTNER'])
    expect(await typesOf(first)).toEqual(['VEHICLE_CHANGED'])
    await run(url, as.admin, 'registerPartnership', { fleetIds: [owner, partner] })
    await removal.end()
  })
})

it('statements of decisions have names that PostgreSQL does not cut off', async () => {
  const names = [...(await saves()).keys()]
  expect(names.length).toBeGreaterThan(90)
  // Of longer names it drops the rest, so that two statements may be taken for one.
  expect(names.filter((name) => name.length > 63)).toEqual([])
})
