import { setTimeout as sleep } from 'node:timers/promises'
import type { Arena } from './arena.ts'
import { note, promise } from './figures.ts'
import { startReporting } from './reporting.ts'

type Options = {
  readonly vehicles: number
  readonly seconds: number
}

const BATCH = 100
/** More than any machine takes: what is under way at once is bounded. */
const UNLIMITED = 1_000_000
const DAYS = 30
const SECONDS_PER_DAY = 24 * 60 * 60
/** Between two reports of a vehicle. Seconds. */
const REPORTS_EVERY = 60

const WORLD = `INSERT INTO fleet (id, name) VALUES ('A', 'A'), ('B', 'B')`

const SIZES = `SELECT relname AS table,
    COALESCE((SELECT sum(pg_total_relation_size(p.relid)) FROM pg_partition_tree(oid) AS p), pg_total_relation_size(oid))::float8 AS bytes,
    COALESCE((SELECT sum(pg_indexes_size(p.relid)) FROM pg_partition_tree(oid) AS p), pg_indexes_size(oid))::float8 AS indexes
  FROM pg_class WHERE relname IN ('event', 'vehicle', 'vehicle_search', 'lent_search', 'node', 'sharing') ORDER BY relname`
const WAL = `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 AS bytes`

/** All vehicles of one fleet report all that they can, as fast as is taken: the pace, and the bytes that it takes. */
export async function measureStorage(arena: Arena, { vehicles, seconds }: Options): Promise<void> {
  const { db } = arena
  await db.query(`${WORLD};
    INSERT INTO vehicle (id, owner_id, name, license_plate, vin, brand, model, supported_commands, last_instant, created_at)
      SELECT 'V' || n, 'A', 'Vehicle ' || n, 'P-' || n, 'VIN' || lpad(n::text, 14, '0'), 'Brand', 'Model', '{}', now(), now()
      FROM generate_series(1, ${vehicles}) AS n;
    INSERT INTO sharing (id, vehicle_id, owner_id, partner_id, starts_at, ends_at, started_at, start_recorded, ended_at, end_reason, created_at)
      SELECT 'S' || n, 'V' || n, 'A', 'B', at, at + interval '1 hour', at, TRUE, at + interval '1 hour', 'EXPIRED', at
      FROM generate_series(1, ${vehicles}) AS n, LATERAL (SELECT now() - interval '1 day' AS at) AS t`)
  await db.query('VACUUM ANALYZE')
  const ids = Array.from({ length: vehicles }, (_, index) => `V${index + 1}`)
  const { url } = await arena.start()
  const token = await arena.token(null, 'gateway')
  const walBefore = await wal(arena)
  note(`${vehicles} vehicles report`)
  const began = performance.now()
  const reporting = startReporting({ urls: [url], token, vehicles: ids, rate: UNLIMITED, batch: BATCH })
  await sleep(seconds * 1_000)
  const recorded = await reporting.stop()
  const rate = (1_000 * recorded) / (performance.now() - began)
  const walBytes = (await wal(arena)) - walBefore
  await db.query('VACUUM ANALYZE')
  const { rows } = await db.query<{ table: string; bytes: number; indexes: number }>(SIZES)
  const bytesOf = (table: string) => rows.find((row) => row.table === table)?.bytes ?? NaN
  console.log(`  reports: ${rate.toFixed(0)}/s; ${(walBytes / recorded).toFixed(0)} bytes of WAL for each`)
  for (const { table, bytes, indexes } of rows) {
    const count = table === 'event' ? recorded : table === 'node' ? 2 * vehicles : vehicles
    console.log(
      `  ${table}: ${(bytes / count).toFixed(0)} bytes for each, ${(indexes / count).toFixed(0)} of them in indexes`,
    )
  }
  const perEvent = bytesOf('event') / recorded
  for (const fleet of [100_000, 1_000_000, 10_000_000]) {
    const perSecond = fleet / REPORTS_EVERY
    const perDay = (perSecond * SECONDS_PER_DAY * perEvent) / 1e9
    console.log(
      `  ${fleet} vehicles that report every ${REPORTS_EVERY} s: ${perSecond.toFixed(0)} reports/s, ` +
        `${perDay.toFixed(0)} GB a day, ${(perDay * DAYS).toFixed(0)} GB in ${DAYS} days`,
    )
  }
  promise('reports are recorded', recorded > 0)
}

async function wal({ db }: Arena): Promise<number> {
  const { rows } = await db.query<{ bytes: number }>(WAL)
  return rows[0]?.bytes ?? NaN
}
