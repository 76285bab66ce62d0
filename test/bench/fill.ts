import pg from 'pg'
import { FLEETS, VEHICLE_SQL } from './data.ts'
import type { Size } from './data.ts'
import { fillLog } from './fill-log.ts'
import type { Filling } from './fill-log.ts'

const FLEETS_SQL = `
  INSERT INTO fleet (id, name)
  SELECT 'F' || lpad(f::text, 2, '0'), 'Fleet number ' || f FROM generate_series(0, ${FLEETS - 1}) AS f;
  INSERT INTO partnership (fleet_id, partner_id) SELECT a.id, b.id FROM fleet AS a JOIN fleet AS b ON a.id <> b.id`

/** Each vehicle with its number, its owner and its partner, if it is shared now. */
const NUMBERED = `(SELECT n, ${VEHICLE_SQL} FROM generate_series(1, $1::bigint) AS n)`

const VEHICLES_SQL = `
  INSERT INTO vehicle (id, owner_id, name, license_plate, vin, brand, model, supported_commands, latitude, longitude,
    position_at, speed_kmh, speed_at, mileage_km, mileage_at, energy_percent, energy_at, central_lock, central_lock_at,
    driving_enabled, driving_enabled_at, ignition, ignition_at, last_instant, created_at)
  SELECT v.id, v.owner, 'Vehicle ' || n, 'HH FS ' || n, 'WFS' || lpad(n::text, 14, '0'), 'Volkswagen', 'ID.3',
    ARRAY['REQUEST_VEHICLE_STATE', 'ENABLE_DRIVING', 'DISABLE_DRIVING', 'UNLOCK_CENTRAL_LOCK', 'LOCK_CENTRAL_LOCK',
      'DRAW_ATTENTION'],
    53.4 + n % 1000 * 0.0003, 9.8 + n % 977 * 0.0004, at, n % 120, at, 1000 + n, at - interval '1 minute', n % 101,
    at - interval '1 minute', CASE WHEN n % 2 = 0 THEN 'LOCKED' ELSE 'UNLOCKED' END, at - interval '2 minutes',
    n % 2 = 1, at - interval '2 minutes', n % 4 = 1, at, at, now() - interval '90 days'
  FROM ${NUMBERED} AS v
  CROSS JOIN LATERAL (SELECT now() - interval '10 minutes' - n % 3600 * interval '1.003 seconds' AS at) AS t`

const SNAPSHOT = `(SELECT jsonb_build_object(
  'position', jsonb_build_object('value', jsonb_build_object('latitude', v.latitude, 'longitude', v.longitude), 'observedAt', ms),
  'speedKmh', jsonb_build_object('value', v.speed_kmh, 'observedAt', ms),
  'mileageKm', jsonb_build_object('value', v.mileage_km, 'observedAt', ms),
  'energyPercent', jsonb_build_object('value', v.energy_percent, 'observedAt', ms),
  'centralLock', jsonb_build_object('value', v.central_lock, 'observedAt', ms),
  'drivingEnabled', jsonb_build_object('value', v.driving_enabled, 'observedAt', ms),
  'ignition', jsonb_build_object('value', v.ignition, 'observedAt', ms))
  FROM (SELECT floor(extract(epoch FROM v.position_at) * 1000)::bigint AS ms) AS t)`

/** One that is over for every vehicle, and for every third the one in force, half of them with an open end. */
const SHARINGS_SQL = [
  `INSERT INTO sharing (id, vehicle_id, owner_id, partner_id, starts_at, ended_at, end_reason, start_recorded, handover,
    returned, created_at)
  SELECT 'a0000000-0000-4000-8000-' || lpad(n::text, 12, '0'), w.id, w.owner,
    'F' || lpad(((n + 7) % ${FLEETS})::text, 2, '0'), now() - interval '60 days', now() - interval '59 days',
    'ENDED_BY_OWNER', TRUE, ${SNAPSHOT}, ${SNAPSHOT}, now() - interval '60 days'
  FROM ${NUMBERED} AS w JOIN vehicle AS v ON v.id = w.id`,
  `INSERT INTO sharing (id, vehicle_id, owner_id, partner_id, starts_at, ends_at, start_recorded, handover, created_at)
  SELECT 'b0000000-0000-4000-8000-' || lpad(n::text, 12, '0'), w.id, w.owner, w.partner,
    now() - interval '1 day' - n % 86400 * interval '1 second', CASE WHEN n % 2 = 0 THEN now() + interval '30 days' END,
    TRUE, ${SNAPSHOT}, now() - interval '3 days'
  FROM ${NUMBERED} AS w JOIN vehicle AS v ON v.id = w.id WHERE w.partner IS NOT NULL`,
  `INSERT INTO event (type, vehicle_id, owner_id, partner_id, occurred_at, recorded_at, request_id, sharing_id, facts)
  SELECT 'SHARING_STARTED', vehicle_id, owner_id, partner_id, starts_at, starts_at, 'bench', id,
    jsonb_build_object('endsAt', floor(extract(epoch FROM ends_at) * 1000)::bigint, 'endReason', NULL)
  FROM sharing WHERE $1 > 0 AND ended_at IS NULL ORDER BY starts_at, id`,
]

/** Two for every vehicle, both of them over. */
const COMMANDS_SQL = `
  INSERT INTO command (id, type, status, vehicle_id, owner_id, fleet_id, requested_at, deadline, dispatched_at, completed_at)
  SELECT 'c' || k || '000000-0000-4000-8000-' || lpad(n::text, 12, '0'), 'DRAW_ATTENTION',
    CASE WHEN n % 7 = 0 THEN 'FAILED' ELSE 'SUCCEEDED' END, id, owner, owner, at, at + interval '30 seconds', at,
    at + interval '2 seconds'
  FROM ${NUMBERED} AS v CROSS JOIN generate_series(1, 2) AS k
  CROSS JOIN LATERAL (SELECT now() - interval '1 day' * k - n * interval '1.003 seconds' AS at) AS t`

/** In the partitions that are there. */
const EVENT_BY_EVENT: Filling = { partitions: 'given', isBulk: false }
/** At the rate of these events; some twice as fast. */
export const AS_BY_A_SERVER: Filling = { partitions: 'by rate', isBulk: true }

/**
 * Fills a migrated database, unless that was done before. The vehicles' readings are some minutes old. What was interrupted while it
 * filled the log goes on.
 * @throws if the database holds another world
 */
export async function fill(url: string, world: Size, filling: Filling = EVENT_BY_EVENT): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<{ vehicles: number }>('SELECT count(*)::int AS vehicles FROM vehicle')
    const { vehicles } = rows[0] ?? { vehicles: NaN }
    if (vehicles === 0) await fillTables(client, world)
    else if (vehicles !== world.vehicles)
      throw new Error(`the database has ${vehicles} vehicles, not ${world.vehicles}`)
    if (!(await fillLog(client, url, { ...world, ...filling })) && vehicles !== 0) return
    await vacuum(client)
    await client.query('CHECKPOINT')
  } finally {
    await client.end()
  }
}

/** All or nothing. */
async function fillTables(client: pg.Client, { vehicles }: Size): Promise<void> {
  await client.query('BEGIN')
  await client.query(FLEETS_SQL)
  for (const sql of [VEHICLES_SQL, ...SHARINGS_SQL, COMMANDS_SQL]) await client.query(sql, [vehicles])
  await client.query('COMMIT')
}

/** Partitions ahead of the writers are left alone, as by autovacuum: statements are planned otherwise for what is known to be empty. */
async function vacuum(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{
    tables: string
  }>(`SELECT string_agg(oid::regclass::text, ', ') AS tables FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
      AND relname NOT IN (SELECT name FROM log_partitions() WHERE last IS NULL)`)
  await client.query(`VACUUM (ANALYZE, FREEZE) ${rows[0]?.tables}`)
}
