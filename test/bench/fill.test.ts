import pg from 'pg'
import { expect, inject, it } from 'vitest'
import { newPostgresDatabase } from '../support/databases.ts'
import { fill } from './fill.ts'

const WORLD = { vehicles: 90, events: 3_000 }
const PARTITIONS = { partitions: 700 }

/** Instants from the first reading on, as the worlds are not filled at the same time; tags are random. */
const EVENTS = `SELECT to_jsonb(e) - '{occurred_at,recorded_at,tag}'::text[] #- '{facts,endsAt}' AS event,
    recorded_at - min(recorded_at) OVER (PARTITION BY type) AS at, recorded_at = occurred_at AS same, tag > 0 AS tagged
  FROM event AS e ORDER BY position`
const PLACES = `SELECT tableoid::regclass::text AS place, count(*)::int, min(position), max(position) FROM event GROUP BY 1 ORDER BY 3`
const PARTS = `SELECT name, "from", "to", first, last, h.* FROM log_partitions(), log_horizon() AS h`
const INDEXES = `SELECT indexdef FROM pg_indexes WHERE tablename LIKE 'event%' ORDER BY 1`
const CONSTRAINTS = `SELECT conrelid::regclass::text AS "table", conname, pg_get_constraintdef(oid) AS is FROM pg_constraint
  WHERE conrelid::regclass::text LIKE 'event%' ORDER BY 1, 2`
const COLUMNS = `SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
  WHERE table_name LIKE 'event%' ORDER BY 1, ordinal_position`
const ALL = [EVENTS, PLACES, PARTS, INDEXES, CONSTRAINTS, COLUMNS]

const newWorld = () => newPostgresDatabase(inject('postgresUrl'))

async function contentsOf(url: string): Promise<unknown[][]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const contents: unknown[][] = []
    for (const statement of ALL) contents.push((await client.query<Record<string, unknown>>(statement)).rows)
    return contents
  } finally {
    await client.end()
  }
}

it('a log that is filled before it has indexes is as one that was written event by event', async () => {
  const [bulk, written] = [await newWorld(), await newWorld()]
  await fill(bulk, WORLD, { ...PARTITIONS, isBulk: true })
  await fill(written, WORLD, { ...PARTITIONS, isBulk: false })
  const contents = await contentsOf(written)
  expect(contents[0]).toHaveLength(WORLD.events + WORLD.vehicles / 3)
  expect(contents[1]?.length).toBeGreaterThan(3)
  expect(await contentsOf(bulk)).toEqual(contents)
})

it('goes on where it was interrupted, and fills nothing twice', async () => {
  const [resumed, whole] = [await newWorld(), await newWorld()]
  const filling = { ...PARTITIONS, isBulk: true }
  await fill(resumed, { ...WORLD, events: 1_000 }, filling)
  await fill(resumed, WORLD, filling)
  await fill(whole, WORLD, filling)
  const contents = await contentsOf(whole)
  expect(await contentsOf(resumed)).toEqual(contents)
  await fill(resumed, WORLD, filling)
  expect(await contentsOf(resumed)).toEqual(contents)
})
