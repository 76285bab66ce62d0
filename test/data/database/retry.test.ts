import { describe, expect, it } from 'vitest'
import { mutations, post } from '../../support/api.ts'
import { connect, readAll } from '../../support/events.ts'
import { report, reportAt, sendCommand } from '../../support/gateway.ts'
import { serverForAll } from '../../support/server.ts'
import { makeWorld } from '../../support/world.ts'

const server = await serverForAll({ announce: false })
const world = await makeWorld(server)

/** Resolves once somebody else's session waits for a lock. */
const somebodyWaits = async (client: Awaited<ReturnType<typeof connect>>) =>
  expect
    .poll(async () => {
      const waiting = `SELECT count(*)::int AS count FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`
      return (await client.query<{ count: number }>(waiting)).rows[0]?.count
    })
    .toBe(1)

it('a transaction that loses a deadlock is done again, and done once', async () => {
  const { url } = server
  const vehicleId = await world.newVehicle({ supportedCommands: ['LOCK_CENTRAL_LOCK'] })
  const [other, watcher] = [await connect(server), await connect(server)]
  // The other never looks for deadlocks: the one to be undone is the server's.
  await other.query("SET deadlock_timeout = '10min'")
  await other.query('BEGIN')
  await other.query(
    `INSERT INTO idempotency_key VALUES ($1, 'sendCommand', 'crosswise', 'another', 'nothing', clock_timestamp())`,
    [world.owner],
  )
  const input = { vehicleId, type: 'LOCK_CENTRAL_LOCK', idempotencyKey: 'crosswise' }
  const sent = sendCommand(url, world.as.owner, input)
  await somebodyWaits(watcher)
  // It holds the vehicle and waits for the key; now the key's holder waits for the vehicle.
  await other.query('SELECT 1 FROM vehicle WHERE id = $1 FOR UPDATE', [vehicleId])
  await other.query('ROLLBACK')
  const { command } = await sent
  expect(command).toMatchObject({ status: 'PENDING', vehicleId })
  expect((await sendCommand(url, world.as.owner, input)).command.id).toBe(command.id)
  const events = await readAll(url, world.as.owner, { filter: { vehicleIds: [vehicleId], types: ['COMMAND_UPDATED'] } })
  expect(events).toHaveLength(1)
  const deadlocks = 'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()'
  await expect.poll(async () => (await watcher.query(deadlocks)).rows).toEqual([{ deadlocks: 1 }])
  await Promise.all([other.end(), watcher.end()])
})

describe('a transaction that the database undoes', () => {
  /** Makes the next so many writes to a table fail with a code; a sequence counts them, which nothing undoes. */
  async function failing(table: string, code: string, times: number) {
    const client = await connect(server)
    await client.query(`
      DROP SEQUENCE IF EXISTS attempts CASCADE;
      CREATE SEQUENCE attempts;
      CREATE OR REPLACE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('attempts') <= ${times} THEN RAISE EXCEPTION 'undone' USING ERRCODE = '${code}'; END IF;
        RETURN NULL; END $$;
      CREATE OR REPLACE TRIGGER undo AFTER INSERT ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION undo()`)
    return async () => {
      const { rows } = await client.query<{ count: number }>('SELECT last_value::int AS count FROM attempts')
      await client.query(`DROP TRIGGER undo ON ${table}`)
      await client.end()
      return rows[0]?.count
    }
  }

  it.each(['40P01', '40001'])('for %s is done again up to three times', async (code) => {
    const attempts = await failing('event', code, 3)
    const { data, errors } = await post(server.url, world.as.owner, mutations.createVehicle, { input: {} })
    expect(errors).toBeUndefined()
    expect(data.createVehicle.vehicle.id).toEqual(expect.any(String))
    expect(await attempts()).toBe(4)
  })

  it('again and again is given up, and says nothing of it', async () => {
    const attempts = await failing('event', '40001', 100)
    const { errors } = await post(server.url, world.as.owner, mutations.createVehicle, { input: {} })
    expect(errors?.[0]?.extensions.code).toBe('INTERNAL_SERVER_ERROR')
    expect(await attempts()).toBe(4)
  })

  it('for any other reason is not done again', async () => {
    const attempts = await failing('event', '57014', 1)
    const { errors } = await post(server.url, world.as.owner, mutations.createVehicle, { input: {} })
    expect(errors?.[0]?.extensions.code).toBe('INTERNAL_SERVER_ERROR')
    expect(await attempts()).toBe(1)
  })

  it('of a batch of reports is recorded once', async () => {
    const vehicleId = await world.newVehicle()
    const attempts = await failing('event', '40P01', 2)
    const now = Date.now()
    const gateway = await server.token(null, 'gateway')
    const answer = await report(server.url, gateway, [reportAt(vehicleId, 'one', now, { speedKmh: 7 })])
    expect(answer).toMatchObject({ recorded: 1, skipped: 0, rejected: [] })
    expect(await attempts()).toBe(3)
  })
})
