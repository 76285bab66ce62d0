import pg from 'pg'

export const OWNER = '78LMK'
const PARTNER = 'DE3P4'
const AT_ONCE = 1_000_000
/** Of the events so many belong to a report or to an edit; of the rest each fifth has a partner, too. */
const SHARED_EVERY = 5
const EDITED_EVERY = 25

const INDEXES = `SELECT indexname AS name, indexdef AS text FROM pg_indexes
  WHERE schemaname = 'public' AND tablename = 'event' AND indexname <> 'event_pkey'`
const VEHICLES = `
  INSERT INTO vehicle (id, owner_id, name, license_plate, vin, brand, model, supported_commands, last_instant, created_at,
      speed_kmh, speed_at)
    SELECT 'V' || n, '${OWNER}', 'Vehicle ' || n, 'B-UP ' || n, 'WVWZZZ1JZ' || lpad(n::text, 8, '0'), 'VW', 'Golf', '{}', now(), now(),
      n % 50, now()
    FROM generate_series(1, $1::int) AS n`
const SHARINGS = `
  INSERT INTO sharing (id, vehicle_id, owner_id, partner_id, starts_at, ended_at, end_reason, start_recorded, created_at)
    SELECT gen_random_uuid()::text, 'V' || n, '${OWNER}', '${PARTNER}', now() - interval '2 days',
      CASE WHEN n % 2 = 0 THEN now() - interval '1 day' END, CASE WHEN n % 2 = 0 THEN 'ENDED_BY_OWNER' END, TRUE,
      now() - interval '2 days'
    FROM generate_series(1, $1::int) AS n`
const EVENTS = `
  INSERT INTO event (type, vehicle_id, owner_id, partner_id, occurred_at, recorded_at, request_id, message_id, facts)
    SELECT CASE WHEN is_edit THEN 'VEHICLE_CHANGED' ELSE 'STATE_RECORDED' END, 'V' || 1 + n % $3::int, '${OWNER}',
      CASE WHEN n % ${SHARED_EVERY} = 0 THEN '${PARTNER}' END, at, at, 'request ' || n / 100,
      CASE WHEN NOT is_edit THEN 'filled ' || n END,
      CASE WHEN NOT is_edit THEN jsonb_build_object('speedKmh', n % 50, 'mileageKm', n, 'ignition', true,
        'position', jsonb_build_object('latitude', 45.5, 'longitude', -122.5)) END
    FROM generate_series($1::int, $2::int) AS n
      CROSS JOIN LATERAL (SELECT n % ${EDITED_EVERY} = 7 AS is_edit, now() - (10000000 - n) * interval '10 ms' AS at) AS x`

/** A fleet of version 0.1.0 with a log, indexes last. */
export async function fillOldDatabase(
  url: string,
  { events, vehicles }: { readonly events: number; readonly vehicles: number },
): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('DELETE FROM event')
    await client.query(VEHICLES, [vehicles])
    await client.query(SHARINGS, [vehicles])
    const { rows: indexes } = await client.query<{ name: string; text: string }>(INDEXES)
    for (const { name } of indexes) await client.query(`DROP INDEX ${name}`)
    for (let from = 1; from <= events; from += AT_ONCE)
      await client.query(EVENTS, [from, Math.min(from + AT_ONCE - 1, events), vehicles])
    await client.query(`SET maintenance_work_mem = '256MB'`)
    for (const { text } of indexes) await client.query(text)
    await client.query('VACUUM ANALYZE')
  } finally {
    await client.end()
  }
}
