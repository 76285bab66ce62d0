import type { Arena } from './arena.ts'
import { endOf } from './world.ts'

export type Filling = {
  readonly events: number
  readonly fleets: number
  /** Over so many hours the events are spread. */
  readonly hours: number
  /** Age of the newest event when the filling begins, in milliseconds; 0 unless it is given. */
  readonly newestAgeMs?: number
  /** Whether fleet 1 has half of all events and the others ever fewer; else all have the same. */
  readonly skewed: boolean
}

export const VEHICLES_PER_FLEET = 20
/** The last fleets of a skewed log have this many events each, spread over all of it. */
export const RARE_FLEETS = 5
const RARE_EVENTS = 100
/** Each of these many events has a partner, too: the next fleet. */
const SHARED_EVERY = 5

export const fleetId = (number: number): string => `F${number}`
export const vehicleId = (fleet: number, number: number): string => `F${fleet}V${number}`

/**
 * Fills fleets, vehicles and the log by SQL: readings for the most part, here and there an edit. The skew is one of the
 * number of an event, so that each run has the same log. Positions are drawn as always, so that they have the usual gaps.
 * @returns the position behind which the filling starts
 */
export async function fillLog(
  arena: Arena,
  { events, fleets, hours, newestAgeMs = 0, skewed }: Filling,
): Promise<number> {
  const { db } = arena
  await db.query(`INSERT INTO fleet (id, name) SELECT 'F' || n, 'Fleet ' || n FROM generate_series(1, $1::int) AS n`, [
    fleets,
  ])
  await db.query(
    `INSERT INTO vehicle (id, owner_id, supported_commands, last_instant, created_at)
      SELECT 'F' || f || 'V' || v, 'F' || f, '{}', now(), now()
      FROM generate_series(1, $1::int) AS f, generate_series(1, $2::int) AS v`,
    [fleets, VEHICLES_PER_FLEET],
  )
  const start = await endOf(arena)
  const common = fleets - RARE_FLEETS
  const rareStep = Math.max(Math.floor(events / (RARE_EVENTS * RARE_FLEETS)), 1)
  // A share of the square of a number that looks random: the later fleets have ever fewer.
  const skew = `CASE
    WHEN n % ${rareStep} = 0 THEN ${common} + 1 + (n / ${rareStep}) % ${RARE_FLEETS}
    WHEN n % 2 = 0 THEN 1
    ELSE 2 + floor(${common - 1} * power(((n::bigint * 7919) % 10007) / 10007.0, 2)) END`
  await db.query(`
    INSERT INTO event (type, vehicle_id, owner_id, partner_id, occurred_at, recorded_at, facts)
    SELECT
      CASE WHEN n % 50 IN (7, 8) THEN 'VEHICLE_CHANGED' ELSE 'STATE_RECORDED' END,
      'F' || f || 'V' || 1 + n % ${VEHICLES_PER_FLEET - 1},
      'F' || f,
      CASE WHEN n % ${SHARED_EVERY} = 0 THEN 'F' || f % ${fleets} + 1 END,
      at, at,
      CASE WHEN n % 50 NOT IN (7, 8) THEN jsonb_build_object('speedKmh', n % 50, 'mileageKm', n, 'ignition', true,
        'position', jsonb_build_object('latitude', 45.5, 'longitude', -122.5)) END
    FROM generate_series(1, ${events}) AS n
    CROSS JOIN LATERAL (SELECT (${skewed ? skew : `1 + n % ${fleets}`})::int AS f) AS fleet
    CROSS JOIN LATERAL (SELECT now() - ${newestAgeMs} * interval '1 millisecond'
      - (${events} - n) * interval '1 hour' * ${hours} / ${events} AS at) AS instant
    ORDER BY n`)
  return start
}

/** What autovacuum would do by and by. */
export const settleTables = async ({ db }: Arena): Promise<void> => void (await db.query('VACUUM ANALYZE'))
