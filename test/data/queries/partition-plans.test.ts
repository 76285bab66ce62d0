import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { startupOptions } from '../../../src/data/connection/session.ts'
import { FLEET_LOG, LOG } from '../../../src/data/log/pages.ts'
import { vehicleId } from '../../bench/data.ts'
import { fill } from '../../bench/fill.ts'
import { newPostgresDatabase, sql } from '../../support/databases.ts'
import { newPlanner } from '../../support/plans.ts'
import type { Planner } from '../../support/plans.ts'

const WORLD = { vehicles: 500, events: 20_000 }
const PARTITIONS = 8

let planner: Planner
beforeAll(async () => {
  const url = await newPostgresDatabase(inject('postgresUrl'))
  for (let n = 1; n <= PARTITIONS; n++) await sql(url, `SELECT split_log(${(n * WORLD.events) / PARTITIONS}, 1000)`)
  await fill(url, WORLD)
  await sql(url, 'ANALYZE')
  planner = await newPlanner(url, startupOptions(null, null, 0))
})
afterAll(() => planner.close())

const end = WORLD.events - 100
const filters: readonly (readonly [kind: keyof typeof FLEET_LOG, filter: readonly (readonly string[] | null)[]])[] = [
  ['ofAll', []],
  ['ofSome', [['STATE_RECORDED'], [vehicleId(1)]]],
  ['ofRareTypes', [['VEHICLE_CHANGED'], null]],
  ['ofVehicles', [null, [vehicleId(1)]]],
]
it.each(filters)('a page near the end (%s) reads no others', async (kind, filter) => {
  const { fromPlace, fromBeginning, upToPlace } = FLEET_LOG[kind]
  for (const { text } of [fromPlace, fromBeginning, upToPlace]) {
    const values = ['F01', end, WORLD.events, 20, null, null, ...filter]
    const read = await planner.readBy(text, values)
    const partitions = read.filter((table) => table.startsWith('event'))
    expect(partitions.length, text).toBeGreaterThan(0)
    expect(new Set(partitions).size, text).toBeLessThanOrEqual(2)
  }
})

it('so does one of all fleets', async () => {
  const read = await planner.readBy(LOG.text, [end, WORLD.events, 20, null, null])
  expect(new Set(read).size).toBe(1)
})
