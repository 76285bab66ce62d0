import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { expect, it } from 'vitest'
import { mutations, post, run } from '../support/api.ts'
import { commandDispatches, report, reportAt, sendCommand } from '../support/gateway.ts'
import { serverForAll } from '../support/server.ts'
import { iso, makeWorld } from '../support/world.ts'

const server = await serverForAll()
const world = await makeWorld(server)

/** Somebody who has the vehicle's row, changes nothing, and lets go of it again. */
async function hold(vehicleId: string, ms: number): Promise<{ readonly done: Promise<void> }> {
  const client = new pg.Client({ connectionString: server.settings.databaseUrl ?? '' })
  await client.connect()
  await client.query('BEGIN')
  await client.query('SELECT 1 FROM vehicle WHERE id = $1 FOR UPDATE', [vehicleId])
  const release = async () => {
    await sleep(ms)
    await client.query('ROLLBACK')
    await client.end()
  }
  return { done: release() }
}

const lend = (vehicleId: string, ms: number) =>
  run(server.url, world.as.owner, 'startSharing', { vehicleId, fleetId: world.partner, endsAt: iso(Date.now() + ms) })

it('a command that had to wait is not accepted once the sharing has ended', async () => {
  const vehicleId = await world.newVehicle()
  await lend(vehicleId, 700)
  const { done } = await hold(vehicleId, 1_500)
  const sent = await sendCommand(server.url, world.as.partner, { vehicleId, type: 'UNLOCK_CENTRAL_LOCK' })
  await done
  expect(sent.code).toBe('VEHICLE_NOT_FOUND')
})

it('a command whose dispatch had to wait is not handed over once control has passed', async () => {
  const vehicleId = await world.newVehicle()
  await lend(vehicleId, 1_200)
  await sendCommand(server.url, world.as.partner, { vehicleId, type: 'UNLOCK_CENTRAL_LOCK' })
  const { done } = await hold(vehicleId, 2_000)
  const dispatches = await commandDispatches(server.url, await server.token(null, 'gateway'), [vehicleId])
  await done
  // The next command, of whoever controls it now, is the first that comes.
  const next = await sendCommand(server.url, world.as.owner, { vehicleId, type: 'LOCK_CENTRAL_LOCK' })
  const [{ data }] = await dispatches.received(1)
  expect(data.commandDispatches.commandId).toBe(next.command.id)
  dispatches.stop()
})

it('a partnership that comes and goes while vehicles are shared is there or not, and nothing else', async () => {
  const { url, app } = server
  const gateway = await server.token(null, 'gateway')
  const ids = await Promise.all([world.newVehicle(), world.newVehicle()])
  const codes = new Set<string>()
  let running = 60
  const share = async (vehicleId: string) => {
    for (; running > 0; running--) {
      for (const name of ['startSharing', 'endSharing'] as const) {
        const input = name === 'startSharing' ? { vehicleId, fleetId: world.partner } : { vehicleId }
        const { errors, data } = await post(url, world.as.owner, mutations[name], { input })
        codes.add(errors?.[0]?.extensions.code ?? data[name].code ?? 'done')
      }
    }
  }
  const drive = async (vehicleId: string) => {
    while (running > 0) await report(url, gateway, [reportAt(vehicleId, randomUUID(), Date.now(), { speedKmh: 1 })])
  }
  const quarrel = async () => {
    while (running > 0) {
      await app.prisma.partnership.end([world.owner, world.partner])
      await app.prisma.partnership.register([world.owner, world.partner])
    }
  }
  await Promise.all([...ids.map(share), ...ids.map(share), ...ids.map(drive), quarrel()])
  expect(codes).toContain('done')
  expect(['ALREADY_SHARED', 'NOT_A_PARTNER', 'NOT_SHARED', 'done']).toEqual(expect.arrayContaining([...codes]))
})
