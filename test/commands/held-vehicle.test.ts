import { expect, it, onTestFinished } from 'vitest'
import { createWaitForWriters } from '../../src/data/queries/wait-for-writers.ts'
import type { Query } from '../../src/data/database/statement.ts'
import { ask, run } from '../support/api.ts'
import { commandDispatches, sendCommand } from '../support/gateway.ts'
import { holdVehicle, session } from '../support/locks.ts'
import { serverForAll } from '../support/server.ts'
import { at, iso, makeWorld } from '../support/world.ts'

const server = await serverForAll({ announce: false })
const { url } = server
const world = await makeWorld(server)
const { owner, partner } = world.as

/** Far enough ahead to do something before it. Milliseconds. */
const SOON = 2_000

const inStatus = async (status: string): Promise<readonly string[]> => {
  const list = '($status: CommandStatus) { commands(filter: { status: $status }) { nodes { vehicleId } } }'
  const { commands } = await ask(url, owner, `query ${list}`, { status })
  return commands.nodes.map(({ vehicleId }: { vehicleId: string }) => vehicleId)
}

it('a list has the commands of a vehicle that somebody holds as they are recorded, and all others as of now', async () => {
  const [held, free] = [await world.newVehicle(), await world.newVehicle()]
  const given = await commandDispatches(url, await server.token(null, 'gateway'), [held, free])
  onTestFinished(given.stop)
  const command = { type: 'LOCK_CENTRAL_LOCK', timeoutSeconds: 2 }
  await sendCommand(url, owner, { ...command, vehicleId: held })
  const last = await sendCommand(url, owner, { ...command, vehicleId: free })
  await given.received(2)
  const letGo = await holdVehicle(server, held)
  const deadline = Date.parse(last.command.deadline)
  await at(deadline + 20)
  const list = '{ commands { nodes { vehicleId status completedAt vehicle { id } } } }'
  expect((await ask(url, owner, list)).commands.nodes).toEqual([
    { vehicleId: free, status: 'OUTCOME_UNKNOWN', completedAt: iso(deadline), vehicle: { id: free } },
    { vehicleId: held, status: 'DISPATCHED', completedAt: null, vehicle: { id: held } },
  ])
  expect(await inStatus('OUTCOME_UNKNOWN')).toEqual([free])
  expect(await inStatus('DISPATCHED')).toEqual([held])
  await letGo()
  expect(await inStatus('OUTCOME_UNKNOWN')).toEqual([free, held])
})

it('a vehicle that somebody holds is read by the clock, in a list and by itself', async () => {
  const vehicleId = await world.newVehicle()
  const due = Date.now() + SOON
  const { sharing } = await run(url, owner, 'startSharing', { vehicleId, fleetId: world.partner, endsAt: iso(due) })
  onTestFinished(await holdVehicle(server, vehicleId))
  await at(due + 20)
  const all = `query ($id: ID!, $sharingId: ID!) { vehicle(id: $id) { id } vehicles(filter: { ids: [$id] }) { nodes { id } }
    sharing(id: $sharingId) { phase } }`
  const variables = { id: vehicleId, sharingId: sharing.id }
  expect(await ask(url, owner, all, variables)).toEqual({
    vehicle: { id: vehicleId },
    vehicles: { nodes: [{ id: vehicleId }] },
    sharing: { phase: 'ENDED' },
  })
  expect(await ask(url, partner, all, variables)).toEqual({
    vehicle: null,
    vehicles: { nodes: [] },
    sharing: { phase: 'ENDED' },
  })
})

it('a vehicle that was waited for in vain is only looked at, until it is found free', async () => {
  const [held, free] = [await world.newVehicle(), await world.newVehicle()]
  const client = await session(server)
  onTestFinished(() => client.end())
  let waits = 0
  const query: Query = async <Row>({ text, waits: mayWait }: Parameters<Query>[0], values: readonly unknown[]) => {
    if (mayWait) waits++
    return (await client.query(text, [...values])).rows as Row[]
  }
  const waitForWriters = createWaitForWriters(query)
  const stillHeld = async (...ids: string[]) => [...(await waitForWriters(ids, Date.now()))]
  const letGo = await holdVehicle(server, held)
  expect(await stillHeld(held, free)).toEqual([held])
  expect(waits).toBe(1)
  expect(await stillHeld(held, free)).toEqual([held])
  expect(waits).toBe(1)
  await letGo()
  expect(await stillHeld(held, free)).toEqual([])
  onTestFinished(await holdVehicle(server, held))
  expect(await stillHeld(held)).toEqual([held])
  expect(waits).toBe(2)
  expect(await stillHeld('none')).toEqual([])
})
