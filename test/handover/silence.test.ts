import { pino } from 'pino'
import { expect, it } from 'vitest'
import { makeControlWorld } from '../support/control.ts'
import { PARKED, readVehicle, reporting } from '../support/handover.ts'
import { startSecond, startServer } from '../support/server.ts'

it('the last instance that starts with another limit of silence sets it for all, and logs that', async () => {
  const server = await startServer({ announce: false })
  const world = await makeControlWorld(server)
  const tell = reporting(server, world)
  const vehicleId = await world.newVehicle()
  await tell(vehicleId, PARKED, Date.now() - 10 * 60_000)
  const blockers = async ({ url } = server) =>
    (await readVehicle(url, world.as.owner, vehicleId)).idleness.blockedBy as string[]
  expect(await blockers()).toEqual([])
  const lines: { readonly before?: number; readonly minutes?: number }[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(JSON.parse(line)) })
  const second = await startSecond(server, { announce: false, log, env: { IDLE_MAX_SILENCE_MINUTES: '5' } })
  expect([await blockers(), await blockers(second)]).toEqual([['SILENT'], ['SILENT']])
  expect(lines).toMatchObject([{ before: 60, minutes: 5 }])
  await second.close()
  const third = await startSecond(server, { announce: false, log, env: { IDLE_MAX_SILENCE_MINUTES: '5' } })
  expect(lines).toHaveLength(1)
  await third.close()
  await server.close()
})
