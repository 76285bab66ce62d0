import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { run } from '../support/api.ts'
import { makeControlWorld } from '../support/control.ts'
import { report, reportAt } from '../support/gateway.ts'
import { DRIVEN, PARKED, reporting, setUse, start } from '../support/handover.ts'
import { session, waiting } from '../support/locks.ts'
import { serverForAll } from '../support/server.ts'
import { at, iso } from '../support/world.ts'

/** Far enough ahead for all that comes before it. Milliseconds. */
const SOON = 1_500

const server = await serverForAll({ announce: false })
const world = await makeControlWorld(server)
const tell = reporting(server, world)
const { url } = server
const { owner, partner } = world.as

beforeAll(async () => {
  const client = await session(server)
  await client.query(`CREATE FUNCTION hold_event() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock_shared(8); RETURN NULL; END $$`)
  await client.query('CREATE TRIGGER hold_event AFTER INSERT ON event FOR EACH ROW EXECUTE FUNCTION hold_event()')
  await client.end()
})

/** Makes the vehicle idle before `due`, and holds up the transaction until after it, ahead of the handover. */
async function heldAcross<T>(due: number, act: () => Promise<T>): Promise<T> {
  const client = await session(server)
  onTestFinished(() => client.end())
  await client.query('SELECT pg_advisory_lock(8)')
  const acting = act()
  await waiting(client, 1)
  expect(Date.now()).toBeLessThan(due)
  await at(due + 20)
  await client.query('SELECT pg_advisory_unlock(8)')
  return acting
}

/** A sharing that the partner has asked to end once the vehicle is idle, and that is over at `due`. */
async function waitingEnd(make: (vehicleId: string) => Promise<unknown>) {
  const vehicleId = await world.newVehicle()
  const due = Date.now() + SOON
  await start(url, owner, { vehicleId, fleetId: world.partner, endsAt: iso(due) })
  await make(vehicleId)
  const { sharing } = await run(url, partner, 'endSharing', { vehicleId, when: 'WHEN_IDLE' })
  expect(sharing.phase).toBe('ACTIVE')
  return { vehicleId, due }
}

const storyOf = async (vehicleId: string, due: number) =>
  (await world.log(vehicleId)).slice(2).map(({ what, endReason, occurredAt }) => {
    const isDue = occurredAt === iso(due)
    return [what, ...(endReason === null ? [] : [endReason]), ...(isDue ? ['due'] : [])].join(' ')
  })

it('an end that falls due before the handover comes before the use that would have led to it', async () => {
  const { vehicleId, due } = await waitingEnd(async (id) => {
    await tell(id, PARKED)
    await setUse(url, partner, { vehicleId: id, inUse: true })
  })
  const answer = await heldAcross(due, () => setUse(url, partner, { vehicleId, inUse: false }))
  expect(answer.code).toBe('VEHICLE_NOT_FOUND')
  await run(url, owner, 'updateVehicle', { id: vehicleId, name: 'Mine' })
  expect(await storyOf(vehicleId, due)).toEqual([
    'STATE_RECORDED',
    'VEHICLE_USE_CHANGED',
    'SHARING_END_REQUESTED',
    'SHARING_ENDED EXPIRED due',
    'VEHICLE_CHANGED',
  ])
})

it('an end that falls due before the handover comes before the report that would have led to it', async () => {
  const { vehicleId, due } = await waitingEnd((id) => tell(id, DRIVEN))
  const parked = reportAt(vehicleId, 'parked', Date.now(), PARKED)
  expect(await heldAcross(due, () => report(url, world.gateway, [parked]))).toMatchObject({ recorded: 1 })
  expect(await storyOf(vehicleId, due)).toEqual([
    'STATE_RECORDED',
    'SHARING_END_REQUESTED',
    'SHARING_ENDED EXPIRED due',
    'STATE_RECORDED',
  ])
})
