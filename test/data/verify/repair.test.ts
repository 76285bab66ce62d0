import fc from 'fast-check'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { readKept } from '../../../src/data/verify/kept.ts'
import { openSql } from '../../../src/data/verify/verify.ts'
import type { OpenedSql } from '../../../src/data/verify/verify.ts'
import { repair } from '../../../src/domain/verify/repair.ts'
import { sharingEvent } from '../../../src/domain/log/event.ts'
import type { Kept, SharingEvent } from '../../../src/domain/verify/told.ts'
import { brokenWorlds } from '../../support/broken.ts'
import { plans, worldOf } from '../../support/broken-worlds.ts'
import { newPostgresDatabase } from '../../support/databases.ts'
import { runOn, storeFleets, storeKept } from '../../support/kept.ts'
import { HOUR } from '../../support/world.ts'

let db: OpenedSql
beforeAll(async () => {
  db = await openSql({ databaseUrl: await newPostgresDatabase(inject('postgresUrl')), dataDir: '' })
  await storeFleets(db.sql, 'owner', 'partner', 'other')
})
afterAll(() => db.close())

const WORLDS = 300
/** Half of it is over, and half to come. */
const PLACE = { base: Math.floor(Date.now() / 1000) * 1000 - 400 * 60_000, unit: 60_000 }

async function stored(): Promise<Map<string, Kept>> {
  return db.sql.transaction(async ({ query }) => {
    const all = new Map<string, Kept>()
    for await (const kept of readKept(query)) all.set(kept.vehicleId, kept)
    return all
  })
}

const byId = <T extends { readonly id: string }>(rows: readonly T[]): T[] =>
  rows.toSorted((a, b) => (a.id < b.id ? -1 : 1))

it('repairs the database as the domain decides, and the constraint holds again', async () => {
  const worlds = fc.sample(plans, { numRuns: WORLDS, seed: 14 })
  for (const [index, plan] of worlds.entries()) {
    await storeKept(db.sql, worldOf(plan, { ...PLACE, vehicleId: `car-${index}` }))
  }
  const before = await stored()
  const told = new Map<string, string[]>()
  for (const vehicleId of before.keys()) {
    const text = 'SELECT repair_vehicle AS line FROM repair_vehicle($1)'
    const lines = await db.sql.query<{ line: string }>({ name: '', text }, [vehicleId])
    told.set(
      vehicleId,
      lines.map(({ line }) => line),
    )
  }
  const after = await stored()
  let yielded = 0
  for (const [vehicleId, kept] of before) {
    const now = after.get(vehicleId)
    if (!now) throw new Error(`${vehicleId} is missing`)
    const { sharings, commands, yielding } = repair(kept, now.lastInstant ?? 0)
    yielded += yielding.length
    expect([vehicleId, byId(now.sharings), byId(now.commands)]).toEqual([vehicleId, byId(sharings), byId(commands)])
    expect(now.events.slice(0, kept.events.length)).toEqual(kept.events)
    const appended = now.events.slice(kept.events.length).map(({ position: _position, tag: _tag, ...event }) => event)
    expect(appended).toEqual(yielding.map(({ event }) => ({ ...event })))
    const rows = JSON.stringify([byId(kept.sharings), byId(kept.commands)])
    const isChanged = yielding.length > 0 || JSON.stringify([byId(sharings), byId(commands)]) !== rows
    expect([vehicleId, (told.get(vehicleId)?.length ?? 0) > 0]).toEqual([vehicleId, isChanged])
    // Whoever has read the vehicle before decides anew.
    expect(now.lastInstant !== kept.lastInstant).toBe(isChanged)
  }
  expect(yielded).toBeGreaterThan(WORLDS / 4)
  // Every row stands in the index again, and each look at it finds no two that overlap.
  await runOn(db.sql)('REINDEX INDEX sharing_one_at_a_time')
  for (const vehicleId of before.keys()) {
    expect(await db.sql.query({ name: '', text: 'SELECT repair_vehicle($1)' }, [vehicleId])).toEqual([])
  }
})

it('makes room before it makes use of it, where the constraint sees all rows', async () => {
  const { moved } = brokenWorlds(Date.now())
  const [first] = moved.sharings
  if (!first) throw new Error('there is no sharing')
  // The log says that the first ends within the second, which its row does not.
  const endsAt = (first.endsAt ?? 0) + HOUR / 2
  const next = {
    ...first,
    id: 'moved-2',
    startsAt: first.endsAt ?? 0,
    endsAt: null,
    startedAt: null,
    createdAt: first.createdAt + 1,
  }
  const scheduled = sharingEvent('SHARING_SCHEDULED', next, { at: next.createdAt, requestId: null })
  const events = moved.events.map((event) =>
    event.type === 'SHARING_END_CHANGED' ? { ...event, facts: { endsAt, endReason: null } } : event,
  )
  await storeKept(db.sql, {
    ...moved,
    sharings: [first, next],
    events: [...events, { ...scheduled, position: 0 } as SharingEvent],
  })
  await runOn(db.sql)('REINDEX INDEX sharing_one_at_a_time')
  await db.sql.query({ name: '', text: 'SELECT repair_vehicle($1)' }, ['moved'])
  const after = (await stored()).get('moved')
  expect(byId(after?.sharings ?? [])).toEqual([
    { ...first, endsAt },
    { ...next, cancelledAt: after?.lastInstant, endReason: 'CANCELLED_BY_OWNER' },
  ])
})
