import { rm } from 'node:fs/promises'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { readSettings } from '../../../src/settings.ts'
import { makeReturns, STANDS } from '../../support/returns.ts'
import { serverForAll, startSecond, startServer } from '../../support/server.ts'

const MINUTE = 60_000
const SETTING = 'IDLE_MAX_SILENCE_MINUTES'

/** What an instance logs at its start, as one text. */
function recorded() {
  const lines: string[] = []
  return { log: pino({ level: 'info' }, { write: (line) => lines.push(line) }), text: () => lines.join('') }
}

it('a start with another value sets it for all instances, and logs that', async () => {
  const first = await serverForAll({ announce: false })
  const world = await makeReturns(first)
  const vehicleId = await world.vehicle(null)
  await world.tell(vehicleId, STANDS, Date.now() - 30 * MINUTE)
  const blockedBy = async () => (await world.seen(vehicleId)).idleness.blockedBy as string[]
  expect(await blockedBy()).toEqual([])

  const same = recorded()
  await (await startSecond(first, { announce: false, log: same.log })).close()
  expect(same.text()).not.toMatch(/silence/i)

  const other = recorded()
  const second = await startSecond(first, { announce: false, log: other.log, env: { [SETTING]: '10' } })
  expect(other.text()).toMatch(/silence/i)
  expect(await blockedBy()).toEqual(['SILENT'])
  // Both decide alike: the first, too, goes by the new value under the lock.
  await world.lend(vehicleId)
  await world.act('owner', 'endSharing', { vehicleId, when: 'WHEN_IDLE' })
  expect((await world.seen(vehicleId)).sharing).not.toBeNull()
  await second.close()
  expect(await blockedBy()).toEqual(['SILENT'])
})

it('the embedded database goes by the value of the last start', async () => {
  const before = await startServer({ database: 'embedded', announce: false })
  const world = await makeReturns(before)
  const vehicleId = await world.vehicle(null)
  await world.tell(vehicleId, STANDS, Date.now() - 30 * MINUTE)
  expect((await world.seen(vehicleId)).idleness.idle).toBe(true)
  await before.app.close()
  const { dataDir } = before.settings
  const after = await startServer({ database: 'embedded', announce: false, dataDir, env: { [SETTING]: '29' } })
  const { idleness } = await world.seen(vehicleId, 'owner', 'idleness { idle blockedBy }', after.url)
  expect(idleness).toEqual({ idle: false, blockedBy: ['SILENT'] })
  await after.close()
  await rm(dataDir, { recursive: true, force: true })
})

it.each(['0', '10081', '-1', '1.5', 'x'])('the value %s is refused at the start, by name', (value) => {
  expect(() => readSettings({ [SETTING]: value })).toThrow(SETTING)
})

it.each(['1', '10080'])('the value %s is taken', (value) => {
  expect(() => readSettings({ [SETTING]: value })).not.toThrow()
})
