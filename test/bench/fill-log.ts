import type pg from 'pg'
import { openDatabase } from '../../src/data/connection/open.ts'
import { createServices } from '../../src/data/create-services.ts'
import { growLog } from '../../src/data/log/partitions.ts'
import type { Services } from '../../src/data/services.ts'
import { VEHICLE_SQL } from './data.ts'
import type { Size } from './data.ts'

/** For how long a server keeps events unless told otherwise. */
const KEPT_MS = 30 * 24 * 60 * 60 * 1000
const EVENTS_AT_ONCE = 500_000

export type Filling = {
  /** The partitions that are there, or those that a server would make: of so many positions, or by the rate of these events. */
  readonly partitions: 'given' | 'by rate' | number
  /** Whether partitions are filled before they have indexes. */
  readonly isBulk: boolean
}

/** So many different ones come in turn: making them anew takes longer than all else. */
const FACTS = `SELECT array_agg(jsonb_build_object(
    'position', jsonb_build_object('latitude', 53.4 + e * 83 % 1000 * 0.0003, 'longitude', 9.8 + e * 83 % 977 * 0.0004),
    'speedKmh', e % 120, 'ignition', TRUE) ORDER BY e)::text AS facts
  FROM generate_series(0, 119) AS e`

/**
 * Readings of all vehicles in turn, the e-th at the position $4 + e, from the $2nd to the $3rd: up to half a day old, and all of them
 * older than what the vehicles know.
 */
const readings = (table: string) => `
  INSERT INTO ${table} (position, type, vehicle_id, owner_id, partner_id, occurred_at, recorded_at, request_id, facts, tag)
  SELECT $4::bigint + e, 'STATE_RECORDED', id, owner, partner, at, at, 'bench', ($7::jsonb[])[1 + e % 120],
    1 + floor(random() * 2147483647)::int
  FROM (
    SELECT e, $5::timestamptz + (e - 1) * $6::float8 * interval '1 millisecond' AS at, ${VEHICLE_SQL}
    FROM (SELECT e, 1 + e % $1::bigint AS n FROM generate_series($2::bigint, $3::bigint) AS e) AS numbers
  ) AS readings`

/** The events before the readings, the last of all, and when the readings began: in a log that is filled already, the first tells. */
const BEGINNING = `SELECT COALESCE(f.position - 1, l.position, 0)::int AS before, COALESCE(l.position, 0)::int AS last,
    COALESCE(f.recorded_at, date_trunc('milliseconds', now()) - interval '12 hours') AS since
  FROM (SELECT max(position) AS position FROM event) AS l
  LEFT JOIN (SELECT position, recorded_at FROM event WHERE type = 'STATE_RECORDED' ORDER BY position LIMIT 1) AS f ON TRUE`
const LONGEST_MS = 11 * 60 * 60 * 1000

const PARTITION = `SELECT name, "to"::int, last IS NULL AS "isEmpty", pg_get_expr(relpartbound, oid) AS bounds
  FROM log_partitions() JOIN pg_class ON oid = name::regclass WHERE COALESCE("from", 0) <= $1 AND ("to" > $1 OR "to" IS NULL)`

type Partition = {
  readonly name: string
  readonly to: number | null
  readonly isEmpty: boolean
  readonly bounds: string
}

/**
 * Fills the log with readings, behind what is there, in the partitions that a server would have made as they came in.
 * @returns false if it was full already
 */
export async function fillLog(
  client: pg.Client,
  url: string,
  { vehicles, events, partitions, isBulk }: Size & Filling,
): Promise<boolean> {
  const { rows } = await client.query<{ before: number; last: number; since: Date }>(BEGINNING)
  const { before, last, since } = rows[0] ?? { before: 0, last: 0, since: new Date() }
  if (last >= before + events) return false
  const step = Math.min(1, LONGEST_MS / events)
  const facts = (await client.query<{ facts: string }>(FACTS)).rows[0]?.facts
  const insert = (table: string, from: number, to: number) =>
    client.query(readings(table), [vehicles, from - before, to - before, before, since, step, facts])
  await client.query(`SET maintenance_work_mem = '1GB'`)
  const connection = await openDatabase({ databaseUrl: url, dataDir: '' })
  const services = await createServices(connection)
  try {
    for (let next = last + 1; next <= before + events;) {
      await grow(services, partitions)
      const partition = (await client.query<Partition>(PARTITION, [next])).rows[0]
      if (!partition) throw new Error(`the log has no partition for position ${next}`)
      const end = Math.min(before + events, (partition.to ?? Infinity) - 1)
      const began = performance.now()
      if (isBulk && partition.isEmpty) await refill(client, partition, next, end, insert)
      else await append(client, next, end, insert)
      if (end - next > EVENTS_AT_ONCE)
        console.error(`${partition.name}: ${end - next + 1} events, ${perSecond(end - next + 1, began)}/s`)
      next = end + 1
    }
    await grow(services, partitions)
  } finally {
    services.stop()
    await connection.close()
  }
  return true
}

const perSecond = (count: number, began: number) => ((1000 * count) / (performance.now() - began)).toFixed(0)

type Insert = (table: string, from: number, to: number) => Promise<unknown>

/** As often as a server would, which looks every second. */
async function grow(services: Services, partitions: Filling['partitions']): Promise<void> {
  if (partitions === 'given') return
  const size = partitions === 'by rate' ? null : partitions
  for (let ahead = NaN; ;) {
    const room = await growLog(services, KEPT_MS, size)
    if (!room.isBusy && room.ahead === ahead) return
    ahead = room.ahead
  }
}

async function append(client: pg.Client, first: number, end: number, insert: Insert): Promise<void> {
  for (let from = first; from <= end; from += EVENTS_AT_ONCE) {
    const to = Math.min(end, from + EVENTS_AT_ONCE - 1)
    await insert('event', from, to)
    await client.query(DRAWN, [to])
  }
}

const DRAWN = `SELECT setval('event_position_seq', $1)`

/**
 * Makes an empty partition anew, as split_log() makes it, with its rows before its indexes. In one transaction: where wal_level is
 * minimal, none of it is written twice.
 */
async function refill(client: pg.Client, { name, bounds }: Partition, first: number, end: number, insert: Insert) {
  await client.query(
    `BEGIN; ALTER TABLE event DETACH PARTITION ${name}; DROP TABLE ${name}; CREATE TABLE ${name} (LIKE event)`,
  )
  for (let from = first; from <= end; from += EVENTS_AT_ONCE) {
    await insert(name, from, Math.min(end, from + EVENTS_AT_ONCE - 1))
  }
  await client.query(
    `CREATE UNIQUE INDEX ${name}_message_key ON ${name} (vehicle_id, message_id) WHERE message_id IS NOT NULL`,
  )
  await client.query(`ALTER TABLE event ATTACH PARTITION ${name} ${bounds}`)
  await client.query(DRAWN, [end])
  await client.query('COMMIT')
  // As long as its pages are at hand.
  await client.query(`VACUUM (ANALYZE, FREEZE) ${name}`)
}
