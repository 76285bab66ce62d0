import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ask, run } from '../support/api.ts'
import { readAll } from '../support/events.ts'
import {
  commandDispatches,
  endSharing,
  outcome,
  readCommand,
  report,
  reportAt,
  sendCommand,
} from '../support/gateway.ts'
import { session, waiting } from '../support/locks.ts'
import { secondForAll, serverForAll } from '../support/server.ts'
import { at, HOUR, iso, makeWorld } from '../support/world.ts'

/** Far enough ahead to agree on something before it. Milliseconds. */
const SOON = 1_500
const COMMAND = 'LOCK_CENTRAL_LOCK'

const first = await serverForAll({ announce: false })
const second = await secondForAll(first, { announce: false })
const world = await makeWorld(first)
const { owner, partner } = world.as
const gateway = await first.token(null, 'gateway')

beforeAll(async () => {
  const client = await session(first)
  await client.query(`CREATE FUNCTION hold_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NULL; END $$`)
  await client.query(`CREATE CONSTRAINT TRIGGER hold_commit AFTER INSERT ON event DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION hold_commit()`)
  await client.end()
})

/** Does something before `due`, and holds up its commit; asks others after `due`, and lets go once all of them wait. */
async function heldAcross<T>(due: number, act: () => Promise<T>, others: readonly (() => Promise<unknown>)[]) {
  const client = await session(first)
  onTestFinished(() => client.end())
  await client.query('SELECT pg_advisory_lock(7)')
  const acting = act()
  await waiting(client, 1)
  const { rows } = await client.query<{ now: number }>('SELECT extract(epoch FROM clock_timestamp()) * 1000 AS now')
  expect(Number(rows[0]?.now)).toBeLessThan(due)
  await at(due + 20)
  const answered: unknown[] = []
  const asking = others.map((ask) => ask().then((answer) => (answered.push(answer), answer)))
  await Promise.race([waiting(client, 1 + others.length), ...asking])
  expect(answered).toEqual([])
  await client.query('SELECT pg_advisory_unlock(7)')
  return { answer: await acting, others: await Promise.all(asking) }
}

/** Each fleet asks an instance of its own: those who ask one at once wait together. */
const vehicleFor = async (token: string, id: string) =>
  (
    await ask(
      token === owner ? first.url : second.url,
      token,
      'query ($id: ID!) { vehicle(id: $id) { id viewerCan { sendCommand { code } } } }',
      { id },
    )
  ).vehicle
const phaseOf = async (id: string) =>
  (await ask(second.url, owner, 'query ($id: ID!) { sharing(id: $id) { phase } }', { id })).sharing.phase as string
const codeOf = async (sent: ReturnType<typeof sendCommand>) => ((await sent).code ?? 'accepted') as string

describe('once an instant has come, decisions that rely on it wait for earlier ones', () => {
  it('an end that was moved in time never came', async () => {
    const vehicleId = await world.newVehicle()
    const due = Date.now() + SOON
    const input = { vehicleId, fleetId: world.partner, endsAt: iso(due) }
    const { sharing } = await run(first.url, owner, 'startSharing', input)
    const command = { vehicleId, type: COMMAND }
    const { answer, others } = await heldAcross(
      due,
      () => run(first.url, owner, 'updateSharingEnd', { vehicleId, endsAt: null }),
      [
        () => vehicleFor(partner, vehicleId),
        () => vehicleFor(owner, vehicleId),
        () => phaseOf(sharing.id),
        () => codeOf(sendCommand(second.url, partner, command)),
        () => codeOf(sendCommand(second.url, partner, { ...command, idempotencyKey: 'k' })),
        () => codeOf(sendCommand(first.url, owner, command)),
      ],
    )
    expect(answer.sharing).toMatchObject({ phase: 'ACTIVE', endsAt: null })
    expect(others).toEqual([
      { id: vehicleId, viewerCan: { sendCommand: { code: null } } },
      { id: vehicleId, viewerCan: { sendCommand: { code: 'SHARED_WITH_PARTNER' } } },
      'ACTIVE',
      'accepted',
      'accepted',
      'SHARED_WITH_PARTNER',
    ])
  })

  it('a start that was called off in time never came', async () => {
    const vehicleId = await world.newVehicle()
    const due = Date.now() + SOON
    const input = { vehicleId, fleetId: world.partner, startsAt: iso(due) }
    const { sharing } = await run(first.url, owner, 'startSharing', input)
    const command = { vehicleId, type: COMMAND }
    const { answer, others } = await heldAcross(
      due,
      () => run(first.url, partner, 'endSharing', { vehicleId, sharingId: sharing.id }),
      [
        () => vehicleFor(partner, vehicleId),
        () => vehicleFor(owner, vehicleId),
        () => phaseOf(sharing.id),
        () => codeOf(sendCommand(second.url, owner, command)),
        () => codeOf(sendCommand(first.url, partner, command)),
      ],
    )
    expect(answer.sharing).toMatchObject({ phase: 'CANCELLED' })
    expect(others).toEqual([
      null,
      { id: vehicleId, viewerCan: { sendCommand: { code: null } } },
      'CANCELLED',
      'accepted',
      'VEHICLE_NOT_FOUND',
    ])
  })
})

const UNKNOWN = '{ commands(filter: { status: OUTCOME_UNKNOWN }) { nodes { id } } }'

describe('a command is read as it is', () => {
  it('where its outcome was reported in time, and committed after its deadline', async () => {
    const vehicleId = await world.newVehicle()
    const { command } = await sendCommand(first.url, owner, { vehicleId, type: COMMAND, timeoutSeconds: 3 })
    const given = await commandDispatches(first.url, gateway, [vehicleId])
    onTestFinished(given.stop)
    await given.received(1)
    await at(Date.parse(command.deadline) - 1_000)
    const reported = { commandId: command.id, outcome: 'FAILED', message: 'Jammed' }
    const { answer, others } = await heldAcross(
      Date.parse(command.deadline),
      () => outcome(first.url, gateway, reported),
      [() => readCommand(second.url, owner, command.id), () => ask(first.url, owner, UNKNOWN)],
    )
    expect(answer.command).toMatchObject({ status: 'FAILED', message: 'Jammed' })
    expect(others).toEqual([{ ...answer.command }, { commands: { nodes: [] } }])
  })

  it('while the handover that cancels it is being recorded', async () => {
    const vehicleId = await world.newVehicle()
    const due = Date.now() + SOON
    await run(first.url, owner, 'startSharing', { vehicleId, fleetId: world.partner, startsAt: iso(due) })
    const { command } = await sendCommand(first.url, owner, { vehicleId, type: COMMAND, timeoutSeconds: 300 })
    const client = await session(first)
    onTestFinished(() => client.end())
    await client.query('SELECT pg_advisory_lock(7)')
    await at(due + 20)
    const recording = run(first.url, owner, 'updateVehicle', { id: vehicleId, name: 'Settled' })
    await waiting(client, 1)
    const reading = readCommand(second.url, owner, command.id)
    await waiting(client, 2)
    await client.query('SELECT pg_advisory_unlock(7)')
    await recording
    expect(await reading).toMatchObject({ status: 'CANCELLED_BY_HANDOVER', completedAt: iso(due) })
  })
})

it('the answer to a move that is committed after the new end agrees with itself', async () => {
  const vehicleId = await world.newVehicle()
  await report(first.url, gateway, [
    reportAt(vehicleId, 'idle', Date.now(), { speedKmh: 0, ignition: false, centralLock: 'LOCKED' }),
  ])
  const endsAt = Date.now() + HOUR
  const policy = { endsAt: iso(endsAt), endPolicy: 'WHEN_IDLE', latestEndsAt: iso(endsAt + HOUR) }
  await run(first.url, owner, 'startSharing', { vehicleId, fleetId: world.partner, ...policy })
  const due = Date.now() + SOON
  const { answer } = await heldAcross(
    due,
    () => run(first.url, owner, 'updateSharingEnd', { vehicleId, endsAt: iso(due) }),
    [],
  )
  expect(answer.sharing).toMatchObject({ phase: 'ENDED', endReason: 'EXPIRED', endedAt: iso(due), endsAt: iso(due) })
})

it('the answer to a partner whose sharing has ended by then has no vehicle', async () => {
  const vehicleId = await world.newVehicle()
  const due = Date.now() + SOON
  await run(first.url, owner, 'startSharing', { vehicleId, fleetId: world.partner, endsAt: iso(due) })
  // Of a vehicle of which nothing is known the end waits.
  const { answer } = await heldAcross(due, () => endSharing(first.url, partner, { vehicleId, when: 'WHEN_IDLE' }), [])
  expect(answer).toMatchObject({ vehicle: null, sharing: { phase: 'ENDED', endReason: 'EXPIRED', endedAt: iso(due) } })
})

it('an end moved under the lock, and written after it has come, is valid', async () => {
  const vehicleId = await world.newVehicle()
  const due = Date.now() + SOON
  const client = await session(first)
  onTestFinished(() => client.end())
  await run(first.url, owner, 'startSharing', { vehicleId, fleetId: world.partner, endsAt: iso(due) })
  await client.query(`CREATE FUNCTION hold_write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    WHILE clock_timestamp() < '${iso(due + 5)}' LOOP END LOOP; RETURN NEW; END $$`)
  await client.query('CREATE TRIGGER hold_write BEFORE UPDATE ON sharing FOR EACH ROW EXECUTE FUNCTION hold_write()')
  // What was read without the lock is out of date: it is decided anew, under the lock, and well before the end.
  await client.query('BEGIN')
  await client.query('UPDATE vehicle SET last_instant = last_instant WHERE id = $1', [vehicleId])
  const moving = run(first.url, owner, 'updateSharingEnd', { vehicleId, endsAt: null })
  await waiting(client, 1)
  await client.query('COMMIT')
  expect(Date.now()).toBeLessThan(due)
  expect((await moving).code).toBe('NOT_SHARED')
  expect(await vehicleFor(partner, vehicleId)).toBeNull()
  await run(second.url, owner, 'updateVehicle', { id: vehicleId, name: 'Mine' })
  const log = await readAll(first.url, owner, { filter: { vehicleIds: [vehicleId] } })
  expect(log.slice(1)).toMatchObject([
    { type: 'SHARING_STARTED' },
    { type: 'SHARING_ENDED', endReason: 'EXPIRED', occurredAt: iso(due) },
    { type: 'VEHICLE_CHANGED' },
  ])
})
