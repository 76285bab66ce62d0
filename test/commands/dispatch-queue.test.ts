import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type pg from 'pg'
import { run } from '../support/api.ts'
import { makeControlWorld, storyOf } from '../support/control.ts'
import type { ControlWorld } from '../support/control.ts'
import { commandDispatches, readCommand } from '../support/gateway.ts'
import { connect } from '../support/events.ts'
import { startServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { at } from '../support/world.ts'

const WAITING = `SELECT count(*)::int AS count FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock'`

describe('a gateway that reaches a command behind somebody else', () => {
  let server: TestServer
  let world: ControlWorld
  let holder: pg.Client
  let observer: pg.Client
  beforeAll(async () => {
    server = await startServer({ announce: false })
    world = await makeControlWorld(server)
    holder = await connect(server)
    observer = await connect(server)
  })
  afterAll(async () => {
    await holder.end()
    await observer.end()
    await server.close()
  })

  /** Resolves once so many sessions wait for a lock. */
  const queue = async (count: number) => {
    while ((await observer.query<{ count: number }>(WAITING)).rows[0]?.count !== count) continue
  }

  it.each([
    ['deleted the vehicle', 'deleteVehicle', 'EXPIRED', 'SELECT FROM vehicle_search WHERE vehicle_id = $1 FOR UPDATE'],
    [
      'took over control',
      'startSharing',
      'CANCELLED_BY_HANDOVER',
      'SELECT FROM fleet, vehicle AS v WHERE v.id = $1 AND fleet.id <> v.owner_id FOR UPDATE OF fleet',
    ],
  ] as const)('does not get it when they %s', async (_what, mutation, final, holding) => {
    const { url } = server
    const [vehicleId, other] = [await world.newVehicle(), await world.newVehicle()]
    const command = await world.send(vehicleId, { timeoutSeconds: 3 })
    // The other has the vehicle's row by the time at which it waits for this one.
    await holder.query('BEGIN')
    await holder.query(holding, [vehicleId])
    const input = mutation === 'deleteVehicle' ? { id: vehicleId } : { vehicleId, fleetId: world.partner }
    const interfering = run(url, world.as.owner, mutation, input)
    await queue(1)
    const gateway = await commandDispatches(url, world.gateway, [vehicleId, other])
    await queue(2)
    await holder.query('COMMIT')
    expect((await interfering).code).toBeUndefined()
    const next = await world.send(other)
    const given = (await gateway.received(1)).map(({ data }) => data.commandDispatches.commandId as string)
    expect(given).toEqual([next.id])
    gateway.stop()
    await at(Date.parse(command.deadline))
    expect(await readCommand(url, world.as.owner, command.id)).toMatchObject({ status: final, dispatchedAt: null })
    expect(storyOf(await world.log(vehicleId), command.id)).not.toContain('DISPATCHED')
  })

  it('serves as many vehicles as it names', async () => {
    const vehicleId = await world.newVehicle()
    const many = Array.from({ length: 9_999 }, (_, index) => `V${index}`)
    const waiting = await world.send(vehicleId)
    const gateway = await commandDispatches(server.url, world.gateway, [...many, vehicleId])
    const live = await gateway.received(1).then(() => world.send(vehicleId))
    const given = (await gateway.received(2)).map(({ data }) => data.commandDispatches.commandId as string)
    expect(given).toEqual([waiting.id, live.id])
    gateway.stop()
  })
})
